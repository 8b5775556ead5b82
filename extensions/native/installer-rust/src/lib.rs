//! `layout`: an installer for applications whose types of elements have folders, whose elements describe themselves in a JSON
//! file, and whose packages carry files that do not belong on a server. README.md says what the options are.

mod described;
mod strip;

use std::collections::BTreeMap;

use greffon_extension::{ElementInfo, Failure, Host, InfoRequest, Installer, IsInstalledRequest, PlaceRequest, Placement, PrepareRequest, Setup};
use serde::Deserialize;

/// The options.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Options {
    /// Type → where its elements go.
    types: BTreeMap<String, Rule>,
    /// The file in which an element describes itself.
    #[serde(default = "element_json")]
    describes: String,
}

fn element_json() -> String {
    "element.json".to_owned()
}

/// Where the elements of a type go: a path with `{name}`, or a table.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Rule {
    Path(String),
    Table(Table),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Table {
    path: String,
    scheme: Option<String>,
    protect: Vec<String>,
    empty_dirs: Vec<String>,
    /// Whether files named in an element's `.distignore` are left out.
    strip: bool,
}

struct Layout {
    types: BTreeMap<String, Table>,
    describes: String,
}

impl Layout {
    fn table(&self, kind: &str) -> Result<&Table, Failure> {
        self.types.get(kind).ok_or_else(|| {
            let known: Vec<String> = self.types.keys().map(|known| format!("`{known}`")).collect();
            Failure::new("not-found", format!("this application has no type `{kind}`; it knows {}", known.join(", "))).hint("add it to the installer's `types`")
        })
    }

    fn path(&self, kind: &str, name: &str) -> Result<String, Failure> {
        Ok(self.table(kind)?.path.replace("{name}", name))
    }
}

/// Whether a path stays where it is put.
fn inside(path: &str) -> bool {
    path == "." || path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains('\\') && !part.eq_ignore_ascii_case(".git"))
}

impl Installer for Layout {
    const NAME: &'static str = "layout";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const METHODS: &'static [&'static str] = &["place", "info", "prepare", "is_installed", "scheme", "types"];

    fn open(setup: Setup) -> Result<Self, Failure> {
        let options: Options = setup.options()?;
        let mut types = BTreeMap::new();
        for (kind, rule) in options.types {
            let table = match rule {
                Rule::Path(path) => Table { path, ..Table::default() },
                Rule::Table(table) => table,
            };
            let bad = std::iter::once(&table.path).chain(&table.empty_dirs).find(|path| !inside(&path.replace("{name}", "name")));
            if let Some(bad) = bad {
                return Err(Failure::new("manifest", format!("the type `{kind}`: `{bad}` could lead out of the site")).hint("as in `plugins/{name}`"));
            }
            types.insert(kind, table);
        }
        Ok(Self { types, describes: options.describes })
    }

    fn place(&self, _: &Host, request: PlaceRequest) -> Result<Placement, Failure> {
        let table = self.table(request.kind())?;
        let path = self.path(request.kind(), request.name())?;
        let placed = request.view.get("placed").and_then(|placed| placed.as_array()).into_iter().flatten();
        let mut others = placed.filter(|graft| graft["id"] != request.id.as_str() && graft["placement"]["path"] == path.as_str());
        if let Some(other) = others.next() {
            let other = other["id"].as_str().unwrap_or_default();
            return Err(
                Failure::new("invalid", format!("{} and {other} would both be placed at `{path}`", request.id)).hint("give the type a path with `{name}`")
            );
        }
        Ok(Placement {
            path,
            protect: table.protect.clone(),
            empty_dirs: table.empty_dirs.clone(),
            scheme: table.scheme.clone(),
            prepare: table.strip,
            ..Placement::default()
        })
    }

    fn info(&self, host: &Host, request: InfoRequest) -> Result<Option<ElementInfo>, Failure> {
        match host.read_file(&request.tree, &self.describes)? {
            Some(text) => described::read(&self.describes, &text, &request.id).map(Some),
            None => Ok(None),
        }
    }

    fn prepare(&self, host: &Host, request: PrepareRequest) -> Result<(), Failure> {
        strip::strip(host, &request.directory)
    }

    fn is_installed(&self, _: &Host, request: IsInstalledRequest) -> Result<bool, Failure> {
        let folder = request.site.join(self.path(request.kind(), request.name())?);
        if !folder.is_dir() {
            return Ok(false);
        }
        match std::fs::read_to_string(folder.join(&self.describes)) {
            Ok(text) => Ok(described::read(&self.describes, &text, &request.id)?.version == request.version),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn scheme(&self, _: &Host, kind: &str) -> Result<Option<String>, Failure> {
        Ok(self.types.get(kind).and_then(|table| table.scheme.clone()))
    }

    fn types(&self, _: &Host) -> Result<Vec<String>, Failure> {
        Ok(self.types.keys().cloned().collect())
    }
}

greffon_extension::export!(installer Layout);
