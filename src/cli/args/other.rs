//! Other tools' files: `import`, `convert`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::examples;

/// Take over what other tools' files want
///
/// Reads mcm's project files, gitplugins.conf, .gitmodules and composer.json (with the composer.lock beside it), and writes what
/// they want into greffon.toml: the one that is there, or a new one. Every line that could not be carried over is told with the
/// reason. Nothing is fetched or resolved: `greffon lock` does that afterwards.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon import projects/demo/demo.yml        a project of mcm",
    "greffon import /srv/moodle/.gitmodules       the submodules of a superproject",
    "greffon import composer.json --dry-run       what would be carried over, and what not",
    "greffon import site.conf --from gitplugins   where the name does not tell what it is",
    "greffon import extra.yml --site test         as elements of one site's own",
))]
pub(crate) struct ImportArgs {
    /// The files, in order: of two that want one element the first is heard
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// What the files are [default: as name and content tell]
    #[arg(long, value_enum, value_name = "TOOL")]
    pub(crate) from: Option<Foreign>,
}

/// A tool whose files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Foreign {
    /// `projects/NAME/NAME.yml` of mcm
    Mcm,
    /// `gitplugins.conf`
    Gitplugins,
    /// `.gitmodules` of git
    Gitmodules,
    /// `composer.json` of Composer
    Composer,
}

/// Write what a site is made of for other tools
///
/// A composer.json that names every element at its locked commit or archive, or a bill of materials (CycloneDX) with package urls,
/// hashes and, where the stock holds the code, licences. Reads manifest, lockfile and stock; asks nobody. What the form cannot say
/// is told element by element.
#[derive(Debug, Args)]
#[command(
    alias = "export",
    after_help = examples!(
        "greffon convert composer > composer.json",
        "greffon convert cyclonedx --site prod --output bom.json",
        "greffon convert cyclonedx --spec 1.5",
    )
)]
pub(crate) struct ConvertArgs {
    /// What to write
    #[arg(value_enum, value_name = "FORM")]
    pub(crate) form: Form,
    /// The file to write instead of stdout
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// The version of CycloneDX
    #[arg(long, value_name = "VERSION", default_value = "1.6", value_parser = ["1.5", "1.6"])]
    pub(crate) spec: String,
}

/// A form that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// composer.json
    Composer,
    /// CycloneDX, as JSON
    Cyclonedx,
}
