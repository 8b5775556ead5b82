//! Native extensions as their authors have them: a crate, whose sources are looked at and whose library is never opened here.

use std::path::Path;

use super::check::{Checked, Problem};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Digest;
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
    let role = ["installer", "repository"].into_iter().find(|role| source.contains(&format!("export!({role} ")));
    if !source.contains("export!(") {
        problems
            .push(Problem::new(Severity::Error, broken("`src/lib.rs` exports no table".to_owned()).hint("`greffon_extension::export!(installer MyType);`")));
    }
    let stem = library.and_then(|lib| lib.get("name")).and_then(toml::Value::as_str).map_or_else(|| name.replace('-', "_"), str::to_owned);
    let file = format!("{}{stem}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let mut hash = None;
    let mut path = folder.to_owned();
    for built in ["target/release", "target/debug"].map(|place| folder.join(place).join(&file)) {
        if let Some(bytes) = fs::read(&built, 512 << 20)? {
            hash = Some(Digest::of(&bytes).to_string());
            path = built;
            break;
        }
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
