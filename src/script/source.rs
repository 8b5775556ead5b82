//! An extension's files, and what it says of itself. Nothing of it is run here, and everything it will ever load is read here:
//! what was hashed is what runs.
//!
//! A folder has an `extension.toml`:
//!
//! ```toml
//! name = "edd"
//! version = "1.0.0"
//! role = "dialogue"
//! main = "edd.rhai"
//! summary = "Easy Digital Downloads licences"
//! needs = { net = ["shop.example"], secret = ["licence"], prompt = true }
//! optional = ["run"]                        # sorts of grants that it can do without
//! limits = { seconds = 20 }
//! over = "builtin:index"                    # who serves what the script leaves out
//! ```
//!
//! A bare script is one file; it says `const NEEDS = #{ net: ["…"] };` and may import the scripts beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::engine;
use super::failure;
use super::grants::{Grants, Kind};
use super::value::from_script;
use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Excerpt, Result};
use crate::model::Digest;
use crate::roles::wire::Role;
use crate::sys::fs;

/// The file in an extension's folder.
const ABOUT: &str = "extension.toml";
/// Larger scripts are refused.
const LARGEST: u64 = 1 << 20;
/// A folder may hold so many files.
const MOST: usize = 400;

/// An extension's files and what it says of itself.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name: said in `extension.toml`, else the file's.
    pub name: String,
    /// Its version, where it says one.
    pub version: Option<String>,
    /// One line for people.
    pub summary: Option<String>,
    /// The role it serves, where it says so.
    pub role: Option<Role>,
    /// Its folder, real path.
    pub folder: PathBuf,
    /// The main script, relative to the folder.
    pub main: String,
    /// Every script, by its path relative to the folder.
    pub scripts: BTreeMap<String, String>,
    /// What it needs.
    pub needs: Grants,
    /// The sorts of grants that it can do without: a call that would need one fails, and the rest works.
    pub optional: Vec<Kind>,
    /// Its own limits.
    pub limits: Map<String, Value>,
    /// Who serves what it leaves out: `builtin:NAME`, or a table with `use`.
    pub over: Option<Value>,
    /// Whether it is a script without an `extension.toml`.
    pub bare: bool,
    /// The digest of every file.
    pub hash: Digest,
}

#[derive(Deserialize)]
struct About {
    name: Option<String>,
    version: Option<String>,
    summary: Option<String>,
    role: Option<Role>,
    main: Option<String>,
    needs: Option<Value>,
    #[serde(default)]
    optional: Vec<String>,
    #[serde(default)]
    limits: Map<String, Value>,
    over: Option<Value>,
}

const KEYS: [&str; 9] = ["name", "version", "summary", "role", "main", "needs", "optional", "limits", "over"];

impl Source {
    /// Reads the script or the folder at a path.
    ///
    /// # Errors
    /// `NotFound`; `Extension` for what cannot be read as an extension.
    pub fn read(path: &Path) -> Result<Self> {
        let missing =
            || Error::new(ErrorKind::NotFound, format!("there is no script `{}`", path.display())).hint("a script's path is seen from the manifest's folder");
        let real = fs::ground::real_path(path)?;
        match fs::kind(&real)? {
            Some(fs::PathKind::Folder) => Self::folder(&real),
            Some(fs::PathKind::File { .. }) if real.file_name().is_some_and(|name| name == ABOUT) => Self::folder(real.parent().unwrap_or(&real)),
            Some(fs::PathKind::File { .. }) => Self::file(&real),
            _ => Err(missing()),
        }
    }

    /// Whether a path holds something that [`Self::read`] could read.
    #[must_use]
    pub fn is_extension(path: &Path) -> bool {
        matches!(fs::kind(&path.join(ABOUT)), Ok(Some(fs::PathKind::File { .. })))
    }

    fn file(path: &Path) -> Result<Self> {
        let folder = path.parent().unwrap_or(path).to_owned();
        let (Some(main), Some(stem)) = (path.file_name().and_then(|name| name.to_str()), path.file_stem().and_then(|name| name.to_str())) else {
            return Err(Error::new(ErrorKind::Extension, format!("`{}` has no name that can be written", path.display())));
        };
        let mut scripts = BTreeMap::new();
        let mut wanted = vec![main.to_owned()];
        while let Some(name) = wanted.pop() {
            if scripts.contains_key(&name) || scripts.len() >= MOST {
                continue;
            }
            let inside = fs::ground::real_path(&folder.join(&name)).is_ok_and(|real| real.starts_with(&folder));
            let Some(text) = (if inside { read_script(&folder.join(&name))? } else { None }) else { continue };
            wanted.extend(engine::imports(&text));
            scripts.insert(name, text);
        }
        let hash = digest(scripts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())));
        let mut source = Self {
            name: stem.to_owned(),
            version: None,
            summary: None,
            role: None,
            folder,
            main: main.to_owned(),
            scripts,
            needs: Grants::default(),
            optional: Vec::new(),
            limits: Map::new(),
            over: None,
            bare: true,
            hash,
        };
        source.read_needs()?;
        Ok(source)
    }

    fn folder(folder: &Path) -> Result<Self> {
        let about_path = folder.join(ABOUT);
        let Some(text) = fs::read_text(&about_path, LARGEST)? else {
            return Err(Error::new(ErrorKind::NotFound, format!("the folder `{}` is no extension: it has no `{ABOUT}`", folder.display()))
                .hint("`greffon extension new` writes one"));
        };
        let about = read_about(&about_path, &text)?;
        let mut files = BTreeMap::new();
        gather(folder, "", &mut files)?;
        let hash = digest(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
        let mut scripts = BTreeMap::new();
        for (name, bytes) in files {
            if name.ends_with(".rhai") {
                let text =
                    String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::Extension, format!("`{}` is no UTF-8 text", folder.join(&name).display())))?;
                scripts.insert(name, text);
            }
        }
        let own = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = about.name.unwrap_or(own);
        let main = about.main.unwrap_or_else(|| "main.rhai".to_owned());
        if !scripts.contains_key(&main) {
            return Err(Error::new(ErrorKind::Extension, format!("the extension `{name}` has no script `{}`", main.escape_debug()))
                .hint(format!("`main = \"….rhai\"` in `{}` names the one that is loaded", about_path.display())));
        }
        let needs = about.needs.as_ref().map(|needs| Grants::read(&format!("`needs` of `{}`", about_path.display()), needs)).transpose()?;
        let mut source = Self {
            name,
            version: about.version,
            summary: about.summary,
            role: about.role,
            folder: folder.to_owned(),
            main,
            scripts,
            needs: needs.clone().unwrap_or_default(),
            optional: kinds(&about_path, &about.optional)?,
            limits: about.limits,
            over: about.over,
            bare: false,
            hash,
        };
        if needs.is_none() {
            source.read_needs()?;
        }
        Ok(source)
    }

    /// The main script's text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.scripts.get(&self.main).map_or("", String::as_str)
    }

    /// `const NEEDS = #{ … };`, read without running anything.
    fn read_needs(&mut self) -> Result<()> {
        if !self.text().contains("NEEDS") {
            return Ok(());
        }
        let ast = engine::parse(self.text())?.map_err(|error| failure::unreadable(self, &self.main, &error))?;
        let said = ast.iter_literal_variables(true, false).find(|(name, ..)| *name == "NEEDS").map(|(_, _, value)| value);
        if let Some(value) = said {
            let value = from_script(&value).map_err(|what| Error::new(ErrorKind::Extension, format!("`NEEDS` of `{}` holds {what}", self.name)))?;
            self.needs = Grants::read(&format!("`NEEDS` of `{}`", self.folder.join(&self.main).display()), &value)?;
        }
        Ok(())
    }

    /// The name by which messages call a script of this extension.
    #[must_use]
    pub fn shown(&self, script: &str) -> PathBuf {
        self.folder.join(script)
    }
}

/// The sorts of grants that `optional` names.
fn kinds(path: &Path, words: &[String]) -> Result<Vec<Kind>> {
    let keys = Kind::ALL.map(Kind::key);
    let kind = |word: &String| {
        Kind::ALL.into_iter().find(|kind| kind.key() == word).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::Extension, format!("`optional` of `{}` names `{}`, which is no sort of grant", path.display(), word.escape_debug()));
            match nearest(word, keys) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("there are {}", keys.map(|key| format!("`{key}`")).join(", "))),
            }
        })
    };
    words.iter().map(kind).collect()
}

fn read_about(path: &Path, text: &str) -> Result<About> {
    let wrong = |what: &str, span: std::ops::Range<usize>| {
        Error::new(ErrorKind::Extension, format!("`{}` cannot be read: {what}", path.display())).at(Excerpt {
            path: path.to_owned(),
            text: text.to_owned(),
            span,
            label: String::new(),
        })
    };
    let table: toml::Table = toml::from_str(text).map_err(|error| wrong(error.message(), error.span().unwrap_or(0..0)))?;
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let at = text.find(key.as_str()).map_or(0..0, |at| at..at + key.len());
        let error = wrong(&format!("there is no key `{}`", key.escape_debug()), at);
        return Err(match nearest(key, KEYS) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("it knows {}", KEYS.map(|key| format!("`{key}`")).join(", "))),
        });
    }
    let about: About = table.try_into().map_err(|error: toml::de::Error| wrong(error.message(), error.span().unwrap_or(0..0)))?;
    let fine = |name: &String| !name.is_empty() && name.len() <= 100 && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    if let Some(name) = about.name.as_ref().filter(|name| !fine(name)) {
        return Err(wrong(&format!("`{}` is no name for an extension", name.escape_debug()), 0..0).hint("letters, digits, `-`, `_`"));
    }
    Ok(about)
}

fn read_script(path: &Path) -> Result<Option<String>> {
    fs::read_text(path, LARGEST)
}

/// Every file of a folder, those whose names begin with a dot left out; links are an error.
fn gather(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    for name in fs::names(&folder.join(below))?.unwrap_or_default() {
        if name.starts_with('.') {
            continue;
        }
        let whole = if below.is_empty() { name } else { format!("{below}/{name}") };
        let path = folder.join(&whole);
        match fs::kind(&path)? {
            _ if fs::ground::is_link(&path) => {
                return Err(Error::new(ErrorKind::Extension, format!("`{}` is a link: an extension is plain files", path.display())));
            }
            Some(fs::PathKind::Folder) if whole.matches('/').count() < 8 => gather(folder, &whole, files)?,
            Some(fs::PathKind::File { .. }) if files.len() < MOST => {
                let bytes = fs::read(&path, 16 << 20)?.unwrap_or_default();
                files.insert(whole, bytes);
            }
            _ => {
                return Err(Error::new(ErrorKind::Extension, format!("`{}` cannot be part of an extension", path.display()))
                    .hint(format!("an extension is a folder of at most {MOST} plain files")));
            }
        }
    }
    Ok(())
}

/// A digest of names and contents that no two different sets of files share.
fn digest<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Digest {
    let mut all = Vec::new();
    for (name, bytes) in files {
        all.extend_from_slice(format!("{} {} {}\n", name.len(), name, Digest::of(bytes).hex()).as_bytes());
    }
    Digest::of(&all)
}

impl Source {
    /// A source that is none, for messages that know no extension.
    pub(super) fn nobody() -> Self {
        Self {
            name: String::new(),
            version: None,
            summary: None,
            role: None,
            folder: PathBuf::new(),
            main: String::new(),
            scripts: BTreeMap::new(),
            needs: Grants::default(),
            optional: Vec::new(),
            limits: Map::new(),
            over: None,
            bare: true,
            hash: Digest::of(b""),
        }
    }
}
