//! A `[[config.repositories]]` entry added to a manifest's text (`repo use`).

use std::path::Path;

use indexmap::IndexMap;
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use crate::error::{Error, ErrorKind, Result};

/// What is added.
#[derive(Debug, Clone)]
pub struct NewRepository {
    /// Its name.
    pub name: String,
    /// What serves it: `builtin:index`.
    pub r#use: String,
    /// The index's address, or what the repository's `url` is to be.
    pub url: String,
    /// Type → path and scheme, for types that the installer does not know yet.
    pub types: IndexMap<String, (String, Option<String>)>,
}

/// A manifest's text with the repository as the last in order, and the installer `tree` told of new types.
///
/// # Errors
/// `Manifest` when the text is no TOML, or its repositories or installer are not written as tables that can be added to.
pub fn add_repository(path: &Path, text: &str, new: &NewRepository) -> Result<String> {
    let fails = |what: &str| {
        Error::new(ErrorKind::Manifest, format!("`{}` cannot be added to: {what}", path.display()))
            .hint("add the repository by hand, as `greffon repo use --dry-run` shows it")
    };
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| fails("it is no TOML").caused_by(error))?;
    let config = document.entry("config").or_insert_with(|| Item::Table(implicit())).as_table_like_mut().ok_or_else(|| fails("`config` is no table"))?;
    let mut entry = Table::new();
    entry.insert("name", value(&new.name));
    entry.insert("use", value(&new.r#use));
    entry.insert("url", value(&new.url));
    match config.entry("repositories").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new())) {
        Item::ArrayOfTables(list) => list.push(entry),
        Item::Value(Value::Array(list)) => list.push(entry.into_inline_table()),
        _ => return Err(fails("`config.repositories` is no list")),
    }
    if !new.types.is_empty() {
        add_types(config, &new.types).ok_or_else(|| fails("`config.installer` is not written as a table with `types`"))?;
    }
    Ok(document.to_string())
}

fn add_types(config: &mut dyn toml_edit::TableLike, new: &IndexMap<String, (String, Option<String>)>) -> Option<()> {
    let installer = config.get_mut("installer")?.as_table_like_mut()?;
    let types = installer.get_mut("types")?;
    // In braces, the blank before the closing one goes behind what is new.
    let blank = types.as_inline_table_mut().and_then(|table| {
        let decor = table.iter_mut().last()?.1.decor_mut();
        let blank = decor.suffix()?.as_str()?.to_owned();
        decor.set_suffix("");
        Some(blank)
    });
    let types = types.as_table_like_mut()?;
    for (kind, (path, scheme)) in new {
        let rule = match scheme {
            None => Value::from(path.as_str()),
            Some(scheme) => {
                let mut rule = InlineTable::new();
                rule.insert("path", path.as_str().into());
                rule.insert("scheme", scheme.as_str().into());
                Value::InlineTable(rule)
            }
        };
        types.insert(kind, Item::Value(rule));
    }
    if let (Some(blank), Some((_, Item::Value(last)))) = (blank, types.iter_mut().last()) {
        last.decor_mut().set_prefix(" ");
        last.decor_mut().set_suffix(blank);
    }
    Some(())
}

fn implicit() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(text: &str, types: &[(&str, &str)]) -> String {
        let types = types.iter().map(|(kind, path)| ((*kind).to_owned(), ((*path).to_owned(), None))).collect();
        let new = NewRepository { name: "theirs".into(), r#use: "builtin:index".into(), url: "https://plugins.example.org/".into(), types };
        add_repository(Path::new("greffon.toml"), text, &new).expect("a plain manifest")
    }

    #[test]
    fn it_is_the_last_and_everything_else_stays() {
        let text = "# ours\n[config]\nlink-mode = \"copy\" # why\n\n[[config.repositories]]\nname = \"ours\"\nuse = \"builtin:folder\"\npath = \"x\"\n\n[types.plugins]\na = \"1\"\n";
        let after = added(text, &[]);
        assert!(
            after.starts_with(
                "# ours\n[config]\nlink-mode = \"copy\" # why\n\n[[config.repositories]]\nname = \"ours\"\nuse = \"builtin:folder\"\npath = \"x\"\n"
            )
        );
        assert!(after.contains("[[config.repositories]]\nname = \"theirs\"\nuse = \"builtin:index\"\nurl = \"https://plugins.example.org/\"\n"));
        assert!(after.ends_with("[types.plugins]\na = \"1\"\n"));
    }

    #[test]
    fn types_are_told_to_the_installer() {
        let after = added("[config]\ninstaller = { use = \"builtin:tree\", types = { core = \".\" } }\n", &[("packages", "vendor/{name}")]);
        assert!(after.contains("types = { core = \".\", packages = \"vendor/{name}\" } }\n"), "{after}");
        let several = added("[config]\ninstaller = { use = \"builtin:tree\", types = {core = \".\"} }\n", &[("a", "a/{name}"), ("b", "b/{name}")]);
        assert!(several.contains("types = {core = \".\", a = \"a/{name}\", b = \"b/{name}\"} }\n"), "{several}");
        let lines = added("[config.installer]\nuse = \"builtin:tree\"\n[config.installer.types]\ncore = \".\" # all\n", &[("packages", "vendor/{name}")]);
        assert!(lines.contains("core = \".\" # all\npackages = \"vendor/{name}\"\n"), "{lines}");
    }

    #[test]
    fn an_empty_manifest_gets_its_first() {
        assert_eq!(added("", &[]), "[[config.repositories]]\nname = \"theirs\"\nuse = \"builtin:index\"\nurl = \"https://plugins.example.org/\"\n");
    }
}
