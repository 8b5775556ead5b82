//! `import`, `convert`.

use super::Session;
use crate::cli::args::{ConvertArgs, Foreign, Form, ImportArgs};
use crate::cli::exit;
use crate::cli::render::other as page;
use crate::cli::text::Text;
use crate::command::{convert as converting, import as importing};
use crate::error::Result;

pub(super) fn import(session: Session<'_>, args: ImportArgs) -> Result<u8> {
    let globals = session.globals;
    let (_, desk) = session.desk();
    let format = args.from.map(|from| match from {
        Foreign::Mcm => importing::Format::Mcm,
        Foreign::Gitplugins => importing::Format::Gitplugins,
        Foreign::Gitmodules => importing::Format::Gitmodules,
        Foreign::Composer => importing::Format::Composer,
    });
    let report = importing::run(globals, &importing::Options { files: args.files, format })?;
    desk.tell(&report, page::imported)
}

pub(super) fn convert(session: Session<'_>, args: ConvertArgs) -> Result<u8> {
    let (workspace, desk) = session.open()?;
    let form = match args.form {
        Form::Composer => converting::Form::Composer,
        Form::Cyclonedx => converting::Form::Cyclonedx,
    };
    let report = converting::run(&workspace, &converting::Options { form, spec: args.spec, output: args.output })?;
    if report.output.is_none() && !desk.printer.is_json() {
        // The document is the data; what it cannot say is none.
        desk.printer.raw(&crate::cli::text::plain_json(&converting::text(&report.document)?))?;
        let mut said = Text::new();
        page::unsaid(&report, &mut said);
        desk.printer.message(&said);
        return Ok(exit::FINE);
    }
    desk.tell(&report, |report, page| page::converted(report, desk.dry_run, page))
}
