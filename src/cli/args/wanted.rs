//! Change what is wanted: `add`, `remove`, `install`, `uninstall`, `update`, `lock`, `fix`.

use clap::{Args, ValueHint};

use super::examples;
use super::make::SyncOptions;

/// Want an element: into the manifest and the lockfile
///
/// Writes the entry into `greffon.toml` (comments and order stay as they are) and resolves it into `greffon.lock`; nothing else
/// changes there unless it must. Without a requirement the version scheme says what is written: semver `^1.4.2`, 3m `1.4+`,
/// moodle and date `*`. With `--site` the entry goes to that site alone. No site's files are touched: `sync` does that.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon add plugins/mod_attendance",
    "greffon add 'plugins/block_xp@2025*' --repository ours",
    "greffon add core/moodle@4.5 --git https://git.example.org/moodle.git",
    "greffon add plugins/mod_customcert --git https://git.example.org/customcert.git --tag v4.4.1",
    "greffon add plugins/local_ours --path ../local_ours --group dev",
))]
pub(crate) struct AddArgs {
    /// What to add: a type and a name, and a requirement after `@`
    #[arg(value_name = "TYPE/NAME[@REQ]", required = true)]
    pub(crate) elements: Vec<String>,
    /// Where it comes from.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// Where an added element comes from; the configured repositories where nothing is said.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Source")]
pub(crate) struct SourceArgs {
    /// Only from this configured repository
    #[arg(long, value_name = "NAME", conflicts_with_all = ["git", "path", "url"])]
    pub(crate) repository: Option<String>,
    /// From a git repository of its own
    #[arg(long, value_name = "URL", conflicts_with_all = ["path", "url"])]
    pub(crate) git: Option<String>,
    /// Its tag
    #[arg(long, requires = "git", conflicts_with_all = ["branch", "rev"])]
    pub(crate) tag: Option<String>,
    /// Its branch's head
    #[arg(long, requires = "git", conflicts_with = "rev")]
    pub(crate) branch: Option<String>,
    /// Its commit
    #[arg(long, requires = "git", value_name = "COMMIT")]
    pub(crate) rev: Option<String>,
    /// The folder inside the repository that is the element
    #[arg(long, requires = "git", value_name = "FOLDER")]
    pub(crate) subdir: Option<String>,
    /// From a folder or an archive on this machine
    #[arg(long, value_name = "PATH", conflicts_with = "url", value_hint = ValueHint::AnyPath)]
    pub(crate) path: Option<String>,
    /// From an archive behind a url
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The version that this is, where the code does not say it
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["repository", "git"])]
    pub(crate) version: Option<String>,
    /// The SHA-256 of that archive
    #[arg(long, requires = "url", value_name = "HEX")]
    pub(crate) sha256: Option<String>,
    /// The group that the element belongs to
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
}

/// Want elements no longer: out of the manifest and the lockfile
///
/// Takes the entries out of `greffon.toml` and what nobody needs any more out of `greffon.lock`. No site's files are touched:
/// `sync` does that, and asks before an application's data could be lost.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon remove plugins/mod_attendance",
    "greffon remove mod_attendance             the type may be left out where only one has the name",
    "greffon remove block_xp --site test       this site alone goes without it",
))]
pub(crate) struct RemoveArgs {
    /// What to remove
    #[arg(value_name = "[TYPE/]NAME", required = true)]
    pub(crate) elements: Vec<String>,
}

/// `add`, then `sync`
///
/// Resolves and fetches first: until that is done nothing is written. Then `greffon.toml` and `greffon.lock` are written as `add`
/// does, and the sites are made so as `sync` does.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon install plugins/mod_attendance",
    "greffon install plugins/block_xp@1.4+ --site test",
    "greffon install plugins/tool_zip --url https://files.example.org/tool-1.2.zip --version 1.2",
    "greffon install plugins/theme_new --dry-run",
))]
pub(crate) struct InstallArgs {
    /// What to install: a type and a name, and a requirement after `@`
    #[arg(value_name = "TYPE/NAME[@REQ]", required = true)]
    pub(crate) elements: Vec<String>,
    /// Where it comes from.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// How the sync behaves.
    #[command(flatten)]
    pub(crate) sync: SyncOptions,
}

/// `remove`, then `sync`
///
/// Resolves first; then `greffon.toml` and `greffon.lock` are written as `remove` does, and the sites are made so as `sync` does.
/// An application's own data (tables, uploads) stays unless `--purge` names the element.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon uninstall plugins/mod_attendance",
    "greffon uninstall block_xp --site test -y",
    "greffon uninstall block_xp --purge plugins/block_xp    its data goes too",
))]
pub(crate) struct UninstallArgs {
    /// What to uninstall
    #[arg(value_name = "[TYPE/]NAME", required = true)]
    pub(crate) elements: Vec<String>,
    /// How the sync behaves.
    #[command(flatten)]
    pub(crate) sync: SyncOptions,
}

/// Move locked versions up to the newest that the manifest allows
///
/// Writes `greffon.lock`; with `--to` also the requirement in `greffon.toml` where it does not allow that version. Named elements
/// may move, and what they need may move with them; everything else stays. No site's files are touched: `sync` does that.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon update                            everything",
    "greffon update mod_attendance block_xp    these two, and what they need",
    "greffon update core/moodle --to 4.5.6",
    "greffon update --security                 the smallest safe steps, and what has none",
    "greffon update --dry-run                  only say what would move",
))]
pub(crate) struct UpdateArgs {
    /// What to update [default: everything]
    #[arg(value_name = "[TYPE/]NAME")]
    pub(crate) elements: Vec<String>,
    /// To this version or requirement
    #[arg(long, value_name = "VERSION", requires = "elements")]
    pub(crate) to: Option<String>,
    /// Only what advisories call unsafe, each to the smallest safe version; nothing else moves unless it must
    #[arg(long, conflicts_with = "to")]
    pub(crate) security: bool,
    /// Take this element's tag where it stands now, although it was moved since it was locked
    #[arg(long, value_name = "[TYPE/]NAME", conflicts_with = "security")]
    pub(crate) accept_moved: Vec<String>,
}

/// Resolve the manifest into the lockfile
///
/// Rewrites `greffon.lock` where the manifest no longer fits it, and as little of it as possible; resolves conflict markers that
/// a merge left there. The first lock also adds the line for `greffon.lock` to `.gitattributes`. Downloads no element.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon lock",
    "greffon lock --check                  write nothing; exit status 3 if there is something to lock",
    "greffon lock --site test --like prod  the versions that `prod` has, where `test` allows them",
))]
pub(crate) struct LockArgs {
    /// Only say whether the lockfile fits; exit status 3 if not
    #[arg(long)]
    pub(crate) check: bool,
    /// Take this element's tag where it stands now, although it was moved since it was locked
    #[arg(long, value_name = "[TYPE/]NAME")]
    pub(crate) accept_moved: Vec<String>,
    /// Lock the site named by --site at this site's versions, where its requirements allow
    #[arg(long, value_name = "SITE", requires = "sites", conflicts_with = "check")]
    pub(crate) like: Option<String>,
}

/// List the ways out of a conflict, or take one
///
/// When no versions fit, the error ends with numbered fixes, each of them solved before it is shown. Without a number they are
/// listed again. With one, that change is made in `greffon.toml` (comments and order stay as they are), and `greffon.lock` is made
/// to fit; refused when either has changed since the fixes were shown. What the command that failed would have written comes
/// along: after `greffon add`, the added element too. No site's files are touched: `sync` does that.
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "greffon fix                list them",
    "greffon fix 1 --dry-run    show what the first would change, as a diff",
    "greffon fix 1",
))]
pub(crate) struct FixArgs {
    /// The number of the fix to take [otherwise: they are listed]
    #[arg(value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) number: Option<u16>,
}
