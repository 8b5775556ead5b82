//! `extension new|check|run|test|list`.

use super::Session;
use crate::cli::args::{ExtensionAction, ExtensionArgs};
use crate::cli::output::width;
use crate::cli::render::extension as page;
use crate::cli::{exit, failure};
use crate::command::extension::{check, list, new, run, test};
use crate::diagnostic::{render, render_warning};
use crate::error::Result;
use crate::script::review::Severity;

pub(super) fn extension(session: Session<'_>, args: ExtensionArgs) -> Result<u8> {
    let globals = session.globals;
    let (surroundings, desk) = session.desk();
    let printer = desk.printer;
    let status = |failed: bool| if failed { exit::FAILED } else { exit::FINE };
    match args.action {
        ExtensionAction::New(args) => {
            let report = new::run(globals, &new::Options { name: args.name, role: args.role })?;
            desk.tell(&report, |report, text| page::made(report, desk.dry_run, text))
        }
        ExtensionAction::Check(args) => {
            let report = check::run(globals, &check::Options { extensions: args.extensions, role: args.role, strict: args.strict })?;
            if !printer.is_json() {
                for problem in report.extensions.iter().flat_map(|checked| &checked.problems) {
                    let shown = if problem.severity == Severity::Error { render } else { render_warning };
                    printer.failure(&(shown(&problem.error, printer.colors_errors(), width()) + "\n"));
                }
            }
            desk.show(&report, page::checked)?;
            Ok(status(report.failed))
        }
        ExtensionAction::Run(args) => {
            let options = run::Options {
                extension: args.extension,
                function: args.function,
                request: args.request,
                role: args.role,
                options: args.options,
                allow: args.allow,
                at: args.at,
            };
            let report = run::run(globals, surroundings, &options)?;
            if printer.is_json() {
                printer.json(&report)?;
            } else {
                let mut calls = crate::cli::text::Text::new();
                page::calls(&report, &mut calls);
                printer.message(&calls);
                if let Some(answer) = &report.answer {
                    printer.json(answer)?;
                }
                report.failure.iter().for_each(|error| failure::tell(printer, error));
            }
            Ok(status(report.failure.is_some()))
        }
        ExtensionAction::Test(args) => {
            let options = test::Options { extensions: args.extensions, only: args.only, record: args.record, role: args.role };
            let report = test::run(globals, surroundings, &options)?;
            desk.show(&report, page::tested)?;
            if !printer.is_json() {
                for test in report.tests.iter().filter(|test| !test.passed) {
                    let mut head = crate::cli::text::Text::new();
                    page::failing(test, &mut head);
                    printer.message(&head);
                    test.failure.iter().for_each(|error| failure::tell(printer, error));
                }
            }
            Ok(status(report.failed > 0))
        }
        ExtensionAction::List(_) => desk.show(&list::run(globals, surroundings)?, page::list),
    }
}
