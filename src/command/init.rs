//! `init`: a first manifest.

use serde::Serialize;

use super::workspace::{start_folder, write_gitattributes};
use super::{Globals, shipped};
use crate::error::{Error, ErrorKind, Result};
use crate::sys::fs;

/// What `init` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The application: `moodle`, `wordpress`, `jenkins`, or `tree` for a home-made one.
    pub app: Option<String>,
}

/// What `init` did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/init/1`.
    pub schema: &'static str,
    /// The manifest.
    pub path: String,
    /// The application.
    pub app: String,
    /// Extensions that were put beside it, below `extensions/`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<&'static str>,
}

const TREE: &str = r#"# What every site is made of. `greffon help` shows the commands, `greffon plan` what would change.

[config]
installer = { use = "builtin:tree", types = { core = ".", plugins = "plugins/{name}" } }

# Where elements come from; the order is the priority.
# [[config.repositories]]
# name = "ours"
# use  = "builtin:index"
# url  = "https://plugins.example.org/"

[types.core]
# app = { git = "https://git.example.org/app.git", version = "1+" }

[types.plugins]
# some_plugin = "*"

# Without any [sites.*] there is one site: this folder.
# [sites.prod]
# path = "/srv/prod/html"
"#;

const MOODLE: &str = r#"# What every site is made of. `greffon help` shows the commands, `greffon plan` what would change.

[config]
installer = "builtin:moodle"         # plugins go where the core's own components.json says

# Where plugins come from by their bare names; the order is the priority: the first that knows a name owns it.
# [[config.repositories]]
# name = "ours"
# use  = "builtin:git"
# url  = "https://git.example.org/moodle-{name}.git"

[[config.repositories]]
name = "camp"                        # the open index: each plugin's own git repository, and advisories
use  = "builtin:camp"

[[config.repositories]]
name = "moodle"                      # Moodle's directory; for what its Marketplace gives to logged-in people alone:
use  = "builtin:moodle-directory"    # auth = "marketplace", and below [config.secrets]: marketplace = { env = "MARKETPLACE_TOKEN" }

[types.core]
# 4.5: the newest release of that branch; 4.5+: the branch's head; 4.5.6: that release; or branch =, tag =, rev =
moodle = { git = "https://github.com/moodle/moodle.git", version = "4.5" }

[types.plugins]
# "*": the newest version whose version.php fits the core
# mod_attendance = "*"
# from a repository of its own, any tag or branch of it:
# mod_attendance = { git = "https://github.com/danmarsden/moodle-mod_attendance.git", version = "*" }

# Without any [sites.*] there is one site: this folder.
# [sites.prod]
# path = "/srv/prod/html"
"#;

const WORDPRESS: &str = r#"# What every site is made of. `greffon help` shows the commands, `greffon plan` what would change.

[config]
installer = "extension:wordpress-installer"     # wp-config.php, uploads and caches are nobody's but the site's

# Where plugins and themes come from; the order is the priority.
[[config.repositories]]
name = "wordpress.org"
use  = "extension:wordpress"

[extensions.wordpress]
allow = { net = ["api.wordpress.org"] }

[types.core]
wordpress = { git = "https://github.com/WordPress/WordPress.git", version = "6.*" }

[types.plugins]
# classic-editor = "*"

[types.themes]
# twentytwentyfour = "*"

# Without any [sites.*] there is one site: this folder.
# [sites.prod]
# path = "/srv/prod/html"
"#;

const JENKINS: &str = r#"# What every Jenkins home has of plugins. `greffon help` shows the commands, `greffon plan` what would change.

[config]
installer = "extension:jenkins-installer"       # plugins become folders below plugins/; nothing else of a home is touched

# Where plugins come from; the order is the priority.
[[config.repositories]]
name = "jenkins"
use  = "extension:jenkins"

[extensions.jenkins]
allow = { net = ["updates.jenkins.io", "*.jenkins.io"] }

[types.plugins]
# git = "*"

# [sites.ci]
# path = "/var/lib/jenkins"
"#;

/// Writes `greffon.toml` into the folder, and greffon's line into `.gitattributes`.
///
/// # Errors
/// `Invalid` when there is a manifest already; `Unsupported` for an application that greffon has no installer for.
pub fn run(globals: &Globals, options: &Options) -> Result<Report> {
    let app = options.app.clone().unwrap_or_else(|| "tree".to_owned());
    let (template, extensions): (&str, &[&str]) = match app.as_str() {
        "tree" => (TREE, &[]),
        "moodle" => (MOODLE, &[]),
        "wordpress" => (WORDPRESS, &["wordpress", "wordpress-installer"]),
        "jenkins" => (JENKINS, &["jenkins", "jenkins-installer"]),
        _ => {
            return Err(Error::new(ErrorKind::Unsupported, format!("there is no template for `{}`", app.escape_debug()))
                .hint("`--app tree` writes one for any application: say where each type of element goes in `installer`"));
        }
    };
    let folder = start_folder(globals)?;
    let path = folder.join("greffon.toml");
    if fs::kind(&path)?.is_some() {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` exists already", path.display())).hint("edit it, or `greffon add` elements to it"));
    }
    if !globals.dry_run {
        fs::create_folder(&folder)?;
        for extension in extensions {
            shipped::write(&folder, extension)?;
        }
        fs::write_atomic(&path, template.as_bytes())?;
        write_gitattributes(&folder)?;
    }
    Ok(Report { schema: "greffon/init/1", path: path.display().to_string(), app, extensions: extensions.to_vec() })
}

/// A manifest with nothing but the application's installer.
///
/// # Errors
/// `Unsupported` for an application that greffon has no installer for.
pub(super) fn template(app: &str) -> Result<String> {
    match app {
        "moodle" => Ok("[config]\ninstaller = \"builtin:moodle\"\n\n[types.core]\n\n[types.plugins]\n".to_owned()),
        "tree" => {
            Ok("[config]\ninstaller = { use = \"builtin:tree\", types = { core = \".\", plugins = \"plugins/{name}\" } }\n\n[types.core]\n\n[types.plugins]\n"
                .to_owned())
        }
        _ => Err(Error::new(ErrorKind::Unsupported, format!("a site of `{}` cannot be taken over", app.escape_debug()))
            .hint("`greffon init` writes a manifest for it; what a tree holds of it cannot be told yet")),
    }
}
