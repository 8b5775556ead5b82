//! Native extensions as their authors have them: a crate or a library, looked at and not opened; and one call of one method.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::check::{Checked, Problem};
use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{UseKind, UseSpec};
use crate::model::Digest;
use crate::native::{Native, Roles};
use crate::roles::Context;
use crate::roles::wire::{Answerer as _, Role};
use crate::script::Grants;
use crate::script::review::Severity;
use crate::sys::fs;

/// Looks at the crate in a folder.
pub(super) fn check(folder: &Path) -> Result<Checked> {
    let text = fs::read_text(&folder.join("Cargo.toml"), 1 << 20)?.unwrap_or_default();
    let broken = |message: String| Error::new(ErrorKind::Extension, message);
    let mut problems = Vec::new();
    let table: toml::Table = match toml::from_str(&text) {
        Ok(table) => table,
        Err(error) => {
            problems.push(Problem::new(Severity::Error, broken(format!("`{}` cannot be read: {}", folder.join("Cargo.toml").display(), error.message()))));
            toml::Table::new()
        }
    };
    let package = |key: &str| table.get("package").and_then(|package| package.get(key)).and_then(toml::Value::as_str).map(str::to_owned);
    let library = table.get("lib");
    let kinds = library.and_then(|lib| lib.get("crate-type")).and_then(toml::Value::as_array).cloned().unwrap_or_default();
    if !kinds.iter().any(|kind| kind.as_str() == Some("cdylib")) {
        problems.push(Problem::new(
            Severity::Error,
            broken("the crate makes no library that can be loaded".to_owned()).hint("under `[lib]` in Cargo.toml: `crate-type = [\"cdylib\"]`"),
        ));
    }
    let profiles = table.get("profile").and_then(toml::Value::as_table);
    if profiles.into_iter().flatten().any(|(_, profile)| profile.get("panic").and_then(toml::Value::as_str) == Some("abort")) {
        problems.push(Problem::new(
            Severity::Error,
            broken("it is built with `panic = \"abort\"`: a panic would end greffon".to_owned())
                .hint("take `panic` out of `[profile]`: the macro catches panics and makes errors of them"),
        ));
    }
    let name = package("name").unwrap_or_default();
    let source = fs::read_text(&folder.join("src/lib.rs"), 1 << 20)?.unwrap_or_default();
    let role = role_in(&source).map(Role::word);
    if !source.contains("export!(") {
        problems
            .push(Problem::new(Severity::Error, broken("`src/lib.rs` exports no table".to_owned()).hint("`greffon_extension::export!(installer MyType);`")));
    }
    let (mut hash, mut path) = (None, folder.to_owned());
    if let Some((built, bytes)) = built(folder)? {
        (hash, path) = (Some(Digest::of(&bytes).to_string()), built);
        problems.extend(faults(&bytes).map(|fault| Problem::new(Severity::Error, fault)));
    }
    Ok(Checked {
        name,
        path,
        role: role.map(str::to_owned),
        version: package("version"),
        hash,
        functions: Vec::new(),
        modules: Vec::new(),
        needs: Grants::default(),
        unasked: Grants::default(),
        problems,
    })
}

/// The role that a crate's `export!` names.
fn role_in(source: &str) -> Option<Role> {
    [Role::Installer, Role::Repository].into_iter().find(|role| source.contains(&format!("export!({role} ")))
}

/// The library that a crate's folder holds, built: its path and its bytes.
fn built(folder: &Path) -> Result<Option<(PathBuf, Vec<u8>)>> {
    let text = fs::read_text(&folder.join("Cargo.toml"), 1 << 20)?.unwrap_or_default();
    let table: toml::Table = toml::from_str(&text).unwrap_or_default();
    let name = |key: &str| table.get(key).and_then(|one| one.get("name")).and_then(toml::Value::as_str);
    let stem = name("lib").map_or_else(|| name("package").unwrap_or_default().replace('-', "_"), str::to_owned);
    let file = format!("{}{stem}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    for built in ["target/release", "target/debug"].map(|place| folder.join(place).join(&file)) {
        if let Some(bytes) = fs::read(&built, LARGEST)? {
            return Ok(Some((built, bytes)));
        }
    }
    Ok(None)
}

/// Whether a path is a library's, by its name.
pub(super) fn is_library(path: &Path) -> bool {
    path.extension().is_some_and(|ending| *ending == *std::env::consts::DLL_EXTENSION) && matches!(fs::kind(path), Ok(Some(fs::PathKind::File { .. })))
}

/// Looks at a library without opening it: code of it would run.
pub(super) fn check_library(path: &Path) -> Result<Checked> {
    let bytes = fs::read(path, LARGEST)?.unwrap_or_default();
    Ok(Checked {
        name: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        path: path.to_owned(),
        role: None,
        version: None,
        hash: Some(Digest::of(&bytes).to_string()),
        functions: Vec::new(),
        modules: Vec::new(),
        needs: Grants::default(),
        unasked: Grants::default(),
        problems: faults(&bytes).map(|fault| Problem::new(Severity::Error, fault)).collect(),
    })
}

/// What keeps these bytes from being opened, as far as they say it themselves.
fn faults(bytes: &[u8]) -> impl Iterator<Item = Error> {
    let machine = match std::env::consts::ARCH {
        "x86_64" => Some(62),
        "aarch64" => Some(183),
        "riscv64" => Some(243),
        _ => None,
    };
    let elf = bytes.starts_with(b"\x7fELF");
    let made_for = bytes.get(18..20).map(|two| u16::from_le_bytes([two[0], two[1]]));
    let no_library = (cfg!(target_os = "linux") && !elf).then(|| Error::new(ErrorKind::Extension, "it is no library of this system"));
    let elsewhere = (elf && machine.is_some() && made_for != machine)
        .then(|| Error::new(ErrorKind::Extension, format!("it was made for another machine than this ({})", std::env::consts::ARCH)).hint("build it here"));
    let symbol = b"\0greffon_extension\0";
    let no_table = (elf && !bytes.windows(symbol.len()).any(|part| part == symbol)).then(|| {
        Error::new(ErrorKind::Extension, "it exports no table `greffon_extension`")
            .hint("in Rust `greffon_extension::export!(installer MyType);`, in C `GREFFON_EXPORT const greffon_table greffon_extension = …`")
    });
    no_library.into_iter().chain(elsewhere).chain(no_table)
}

/// Larger files are no libraries.
const LARGEST: u64 = 512 << 20;

/// One call of one method of a library.
#[derive(Debug)]
pub(super) struct Tried {
    /// The file's name.
    pub(super) name: String,
    /// What it gave, or failed with.
    pub(super) outcome: Result<Value>,
}

/// Opens a library, or the one that a crate's folder holds, and asks one of its methods. Only where the user says so: nothing holds it.
///
/// # Errors
/// `Usage`, `Refused`; `NotFound` for a crate that is not built.
pub(super) fn run(cx: &Context, path: &Path, base: &Path, options: &super::run::Options, request: Value) -> Result<Tried> {
    let (path, bytes) = if is_library(path) {
        (path.to_owned(), fs::read(path, LARGEST)?.unwrap_or_default())
    } else {
        built(path)?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("`{}` is not built yet", path.display())).hint("run `cargo build --release` in that folder")
        })?
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(other) = options.allow.iter().find(|word| *word != "native") {
        return Err(Error::new(ErrorKind::Usage, format!("`--allow {}` means nothing for a library: no grant holds it", other.escape_debug()))
            .hint("`--allow native`, once you know where it comes from"));
    }
    if options.allow.is_empty() {
        return Err(Error::new(ErrorKind::Refused, format!("the native library `{name}` can do anything that you can do on this machine"))
            .hint("if you know where it comes from, let it: `--allow native`"));
    }
    let source = path.parent().and_then(|folder| folder.parent()?.parent()).map(|folder| folder.join("src/lib.rs"));
    let told = source.and_then(|source| fs::read_text(&source, 1 << 20).ok().flatten()).and_then(|source| role_in(&source));
    let role = options.role.or(told).ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("nobody can tell what the library `{name}` is to serve as")).hint("say `--role repository`, `--role installer`, …")
    })?;
    let mut all = super::run::told(&options.options)?;
    all.insert("sha256".to_owned(), Digest::of(&bytes).hex().into());
    all.insert("trust".to_owned(), "native".into());
    let spec = UseSpec {
        kind: UseKind::Native,
        target: path.to_string_lossy().into_owned(),
        name: Some(name.clone()),
        options: all,
        place: None,
        base: base.to_owned(),
    };
    let outcome = Native::open(&spec, role, true, Roles::new()).and_then(|native| {
        let about = native.about();
        if options.function == "describe" {
            return serde_json::to_value(about).map_err(|fault| Error::new(ErrorKind::Internal, "a greeting cannot be written").caused_by(fault));
        }
        let known = || role.required().iter().chain(role.optional()).copied();
        match known().find(|known| *known == options.function && native.has(known)) {
            Some(method) => native.call(cx, method, request),
            None => {
                let error = Error::new(ErrorKind::Usage, format!("the library `{name}` has no method `{}`", options.function.escape_debug()));
                Err(match nearest(&options.function, about.methods.iter().map(String::as_str)) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint(format!("it has {}", about.methods.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", "))),
                })
            }
        }
    });
    Ok(Tried { name, outcome })
}
