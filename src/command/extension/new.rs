//! `extension new`: a folder to begin with, that passes `check` and `test` as it stands.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::role as role_of;
use crate::command::Globals;
use crate::command::workspace::start_folder;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::wire::Role;
use crate::sys::fs;

/// What `extension new` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The extension's name, or the path of its folder.
    pub name: String,
    /// A role's word, or `native`.
    pub role: String,
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Report {
    /// `greffon/extension-new/1`.
    pub schema: &'static str,
    /// Its name.
    pub name: String,
    /// Its role, or `native`.
    pub role: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its files, relative to that.
    pub files: Vec<String>,
}

/// A skeleton: the script, its test, what else `extension.toml` says, and where it is used.
struct Skeleton {
    script: &'static str,
    test: &'static str,
    about: &'static str,
    used: &'static str,
}

macro_rules! skeleton {
    ($role:literal, $about:literal, $used:literal) => {
        Skeleton {
            script: include_str!(concat!("skeleton/", $role, ".rhai")),
            test: include_str!(concat!("skeleton/", $role, ".test.rhai")),
            about: $about,
            used: $used,
        }
    };
}

fn skeleton(role: Role) -> Skeleton {
    match role {
        Role::Repository => skeleton!(
            "repository",
            "# needs = { net = [\"plugins.example.org\"] }    # where it always asks the same server",
            "[[config.repositories]]\nname = \"ours\"\nuse  = \"extension:{{name}}\"\nurl  = \"https://plugins.example.org/\"\n\n[extensions.{{name}}]\nallow = { net = [\"plugins.example.org\"] }"
        ),
        Role::Installer => skeleton!("installer", "", "[config]\ninstaller = \"extension:{{name}}\""),
        Role::Hook => skeleton!(
            "hook",
            "needs = { write = [\"{site}/installed.txt\"] }",
            "[hooks]\nbefore-sync = \"extension:{{name}}\"\nafter-sync  = \"extension:{{name}}\"\n\n[extensions.{{name}}]\nallow = { write = [\"{site}/installed.txt\"] }"
        ),
        Role::Dialogue => skeleton!(
            "dialogue",
            "",
            "[types.plugins]\nforms = { dialogue = { use = \"extension:{{name}}\", shop = \"https://shop.example\", licence = \"fancy\" } }\n\n[config.secrets]\nfancy = { env = \"FANCY_LICENCE\" }\n\n[extensions.{{name}}]\nallow = { net = [\"shop.example\"], secret = [\"fancy\"] }"
        ),
        Role::Scheme => skeleton!("scheme", "", "[config.schemes]\nplugins = \"extension:{{name}}\""),
        Role::Downloader => skeleton!(
            "downloader",
            "over = \"builtin:standard\"",
            "[config]\ndownloader = \"extension:{{name}}\"\n\n[extensions.{{name}}]\nallow = { net = [\"files.example.org\"] }"
        ),
        Role::Stock => skeleton!("stock", "over = \"builtin:store\"", "[config]\nstock = \"extension:{{name}}\""),
        Role::Client => skeleton!("client", "over = \"builtin:standard\"", "[config]\nclient = \"extension:{{name}}\""),
    }
}

/// What makes a native extension, by the path of each file. The author's crate comes along whole, so that it builds anywhere.
const NATIVE: [(&str, &str); 11] = [
    ("Cargo.toml", include_str!("skeleton/native/Cargo.toml.in")),
    ("src/lib.rs", include_str!("skeleton/native/lib.rs.in")),
    ("c/{{name}}.c", include_str!("skeleton/native/skeleton.c")),
    ("README.md", include_str!("skeleton/native/README.md.in")),
    (".gitignore", "/target\n"),
    ("greffon-extension/Cargo.toml", include_str!("../../../extensions/native/greffon-extension/Cargo.toml")),
    ("greffon-extension/src/lib.rs", include_str!("../../../extensions/native/greffon-extension/src/lib.rs")),
    ("greffon-extension/src/forms.rs", include_str!("../../../extensions/native/greffon-extension/src/forms.rs")),
    ("greffon-extension/src/host.rs", include_str!("../../../extensions/native/greffon-extension/src/host.rs")),
    ("greffon-extension/src/table.rs", include_str!("../../../extensions/native/greffon-extension/src/table.rs")),
    ("c/greffon.h", include_str!("../../../extensions/native/greffon.h")),
];

/// Writes the folder; one that is there and not empty is left alone.
///
/// # Errors
/// `Usage` for a name or a role that is none; `Invalid` where something is there; `Io`.
pub fn run(globals: &Globals, options: &Options) -> Result<Report> {
    let folder = start_folder(globals)?.join(&options.name);
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() <= 60;
    if !plain || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        return Err(Error::new(ErrorKind::Usage, format!("`{}` is no name for an extension", name.escape_debug()))
            .hint("letters, digits, `-` and `_`, a letter or digit first"));
    }
    if fs::names(&folder)?.is_some_and(|names| !names.is_empty()) || matches!(fs::kind(&folder)?, Some(fs::PathKind::File { .. })) {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` is there already, and is left as it is", folder.display())).hint("name another folder"));
    }
    let (role, files) = if options.role == "native" {
        let name_of = |path: &str| path.replace("{{name}}", &name);
        ("native".to_owned(), NATIVE.iter().map(|(path, text)| (name_of(path), filled(text, &name, path))).collect::<Vec<_>>())
    } else {
        let role = role_of(&options.role).map_err(|error| error.hint("or `native`: a library in Rust or C"))?;
        (role.word().to_owned(), scripted(&name, role))
    };
    if !globals.dry_run {
        for (path, text) in &files {
            let file = folder.join(path);
            fs::create_folder(file.parent().unwrap_or(Path::new(".")))?;
            fs::write_atomic(&file, text.as_bytes())?;
        }
    }
    Ok(Report { schema: "greffon/extension-new/1", name, role, folder, files: files.into_iter().map(|(path, _)| path).collect() })
}

/// Only what is written for the purpose has names to fill in.
fn filled(text: &str, name: &str, path: &str) -> String {
    if path.starts_with("greffon-extension/") || path.ends_with("greffon.h") {
        return text.to_owned();
    }
    text.replace("{{name}}", name).replace("{{crate}}", &name.replace('-', "_").to_lowercase())
}

fn scripted(name: &str, role: Role) -> Vec<(String, String)> {
    let parts = skeleton(role);
    let about = if parts.about.is_empty() { String::new() } else { format!("{}\n", parts.about) };
    let manifest = format!(
        "name    = \"{name}\"\nversion = \"0.1.0\"\nrole    = \"{role}\"\nmain    = \"{name}.rhai\"\nsummary = \"What {name} is for, in a line\"\n{about}"
    );
    let readme = format!(
        "# {name}\n\nA {role} for greffon. What it is for, and what its options are.\n\n```toml\n{}\n```\n\n```sh\ngreffon extension check {name}    # what is wrong with it, without running it\ngreffon extension test {name}     # its tests\n```\n",
        parts.used.replace("{{name}}", name)
    );
    vec![
        ("extension.toml".to_owned(), manifest),
        (format!("{name}.rhai"), parts.script.replace("{{name}}", name)),
        (format!("tests/{name}.rhai"), parts.test.replace("{{name}}", name)),
        ("README.md".to_owned(), readme),
    ]
}
