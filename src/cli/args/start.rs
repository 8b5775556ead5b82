//! Start: `init`, `doctor`, `completions`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::examples;
use crate::model::ElementId;

/// Write a first greffon.toml
///
/// Writes `greffon.toml` with the installer of the named application and comments that say what else can stand there, and the
/// line in `.gitattributes` that makes lockfiles merge. A manifest that exists is never overwritten.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon init                                a folder for a framework of one's own",
    "greffon init shop                           in a new folder `shop`",
    "greffon init --app moodle campus            Moodle sites: a core and plugins",
    "greffon init --app wordpress blog           WordPress: with the extensions that know it",
    "greffon init --dry-run -C /srv/shop",
    "greffon init --schema > greffon.schema.json    for an editor that knows JSON Schema",
))]
pub(crate) struct InitArgs {
    /// Where to write it; made if it is not there [default: the working directory]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// The application whose sites these are
    #[arg(long, value_enum, default_value_t = App::Tree)]
    pub(crate) app: App,
    /// Print the JSON Schema of greffon.toml, for editors, and write nothing
    #[arg(long, conflicts_with_all = ["folder", "app"])]
    pub(crate) schema: bool,
}

/// Take over a site that other means made, as it stands
///
/// Recognises the core and every plugin in a tree, finds the commit of its repository that each one is (or the nearest, with a
/// patch that holds the local changes), and writes manifest, lockfile and first generation so that a following `sync` has nothing
/// to do. No file of the tree is written. What nothing knows is copied beside the manifest. Where a repository is, say `--git`,
/// the manifest, the plugin's own `.git`, and the manifest's repositories, in this order.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon adopt /srv/prod/html --dry-run       what would be recognised, and as what",
    "greffon adopt /srv/prod/html --git core/moodle=https://github.com/moodle/moodle.git",
    "greffon adopt . --repository ours=https://git.example.org/moodle-{name}.git",
    "greffon adopt /srv/test/html --name test     a second site, into the same manifest",
    "greffon adopt /srv/prod/html --release-git   and move every `.git` in it to saved/git/",
))]
pub(crate) struct AdoptArgs {
    /// The tree
    #[arg(value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub(crate) path: PathBuf,
    /// The application, where there is no manifest yet [default: as the tree looks]
    #[arg(long, value_enum)]
    pub(crate) app: Option<App>,
    /// What the manifest calls the site [default: the folder's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// A set of git repositories for the manifest; `{name}` in the url stands for the element's
    #[arg(long, value_name = "NAME=URL", value_parser = pair)]
    pub(crate) repository: Vec<(String, String)>,
    /// Where one element's git repository is
    #[arg(long, value_name = "TYPE/NAME=URL", value_parser = element_url)]
    pub(crate) git: Vec<(ElementId, String)>,
    /// Copy this element beside the manifest, whatever the repositories have
    #[arg(long, value_name = "TYPE/NAME")]
    pub(crate) vendor: Vec<ElementId>,
    /// Move every `.git` out of the site, to `saved/git/` of its state
    #[arg(long)]
    pub(crate) release_git: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !url.is_empty() => Ok((name.to_owned(), url.to_owned())),
        _ => Err("it is written NAME=URL".to_owned()),
    }
}

fn element_url(text: &str) -> Result<(ElementId, String), String> {
    let (name, url) = pair(text).map_err(|_| "it is written TYPE/NAME=URL".to_owned())?;
    Ok((name.parse::<ElementId>().map_err(|error| error.to_string())?, url))
}

/// An application that `init` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum App {
    /// Any tree; the manifest says where each type goes
    Tree,
    /// Moodle: its own files say where plugins go and what fits
    Moodle,
    /// WordPress: its directory as a repository, its places, both as extensions beside the manifest
    Wordpress,
    /// Jenkins: its update centre as a repository, the plugins of a home, both as extensions beside the manifest
    Jenkins,
}

/// Let a manifest's scripts run programs, on this machine
///
/// Before a script that may run programs or a native library of a manifest is loaded for the first time, somebody must have said that
/// the manifest is trusted. Shows what each of its extensions may do, and writes that down for this user alone
/// (`trust.toml` in the data folder); extensions that came from elsewhere are trusted as they are now.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon trust               what greffon.toml allows",
    "greffon trust --grant       and what its extensions ask for beyond that",
    "greffon trust --forget      take it back",
    "greffon trust --dry-run     only show it",
))]
pub(crate) struct TrustArgs {
    /// Grant what extensions ask for beyond `allow` too
    #[arg(long, conflicts_with = "forget")]
    pub(crate) grant: bool,
    /// Take back everything that was allowed for this manifest
    #[arg(long)]
    pub(crate) forget: bool,
}

/// Check the surroundings and say what is wrong
///
/// Looks at the manifest, the lockfile, the stock, every site's state, whether it shares a file system with the stock, and the git
/// program, and asks every repository. Exit status 1 where something must be mended. Writes nothing but what repositories answered,
/// into the stock.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon doctor",
    "greffon doctor --offline    without asking the repositories",
    "greffon doctor --json       for a monitor",
))]
pub(crate) struct DoctorArgs {}

/// Print completions for a shell
///
/// Writes a script to stdout; see the examples for where each shell looks for it. Touches no file.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon completions bash > ~/.local/share/bash-completion/completions/greffon",
    "greffon completions zsh > ~/.zfunc/_greffon",
    "greffon completions fish > ~/.config/fish/completions/greffon.fish",
))]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}
