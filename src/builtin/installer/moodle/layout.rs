//! Where a core keeps what: its version, its document root, and the folder of every plugin type, as its own files say.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::php::{Key, Value, assignments};
use super::version_php::{self, CoreVersion};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::roles::{TreeItemKind, Trees};

/// The owners of subplugin types that a core may ship; which types they own is said by their `db/subplugins.json`.
const OWNING: [&str; 4] = ["mod", "editor", "tool", "local"];

/// One core's layout. All paths are relative to the site's root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// What `version.php` says.
    pub(super) version: CoreVersion,
    /// What web servers serve: `public` from 5.1 on, before that (and where somebody flattened it) the root, written empty.
    pub(super) document_root: String,
    /// Plugin type → folder.
    pub(super) types: BTreeMap<String, String>,
}

impl Layout {
    /// Reads a core's tree. `None`: this is no Moodle.
    ///
    /// # Errors
    /// `Invalid` where its files cannot be understood; when the tree cannot be read.
    pub(super) fn read(trees: &dyn Trees, tree: ObjectId) -> Result<Option<Self>> {
        let public = trees.read(tree, "public/version.php")?;
        let document_root = if public.is_some() { "public" } else { "" };
        let version = match public {
            Some(bytes) => Some(bytes),
            None => trees.read(tree, "version.php")?,
        };
        let Some(version) = version.map(|bytes| version_php::core(&bytes)).filter(|version| version.version.is_some() && version.release.is_some()) else {
            return Ok(None);
        };
        let mut layout = Self { version, document_root: document_root.to_owned(), ..Self::default() };
        layout.types = layout.plugin_types(trees, tree)?;
        Ok(Some(layout))
    }

    /// The document root as a placement has it.
    pub(super) fn serves(&self) -> String {
        if self.document_root.is_empty() { ".".to_owned() } else { self.document_root.clone() }
    }

    fn plugin_types(&self, trees: &dyn Trees, tree: ObjectId) -> Result<BTreeMap<String, String>> {
        for place in ["lib/components.json", "public/lib/components.json"] {
            if let Some(bytes) = trees.read(tree, place)? {
                let types = names_and_paths(&json(&bytes, place)?, "plugintypes");
                if types.is_empty() {
                    return Err(Error::new(ErrorKind::Invalid, format!("`{place}` of the core names no plugin types")).hint("is the core's code whole?"));
                }
                return types.into_iter().map(|(kind, path)| Ok((kind, self.below_root(&path, place)?))).collect();
            }
        }
        // Before 3.8 the list stood in the code.
        let place = "lib/classes/component.php";
        let types = match trees.read(tree, place)? {
            Some(bytes) => listed_in_code(&String::from_utf8_lossy(&bytes)),
            None => BTreeMap::new(),
        };
        if types.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the core has no `lib/components.json`, so where plugins go is not known")
                .hint("greffon reads the folders of plugin types from the core itself; is its code whole?"));
        }
        types.into_iter().map(|(kind, path)| Ok((kind, self.below_root(&path, place)?))).collect()
    }

    /// A path of the core's own lists: one that begins with the document root is meant from the root, any other from the document root.
    pub(super) fn below_root(&self, path: &str, place: &str) -> Result<String> {
        let path = path.trim_matches('/');
        let inside =
            !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git") && !part.contains('\\'));
        if !inside {
            return Err(Error::new(ErrorKind::Invalid, format!("`{}` in `{place}` is no folder of the site", path.escape_debug())));
        }
        let root = self.document_root.as_str();
        let there = root.is_empty() || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
        Ok(if there { path.to_owned() } else { format!("{root}/{path}") })
    }

    /// The types of subplugins whose owners stand in this tree → folder.
    ///
    /// # Errors
    /// As [`Self::subtypes_of`].
    pub(super) fn subtypes_in(&self, trees: &dyn Trees, tree: ObjectId) -> Result<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        for folder in OWNING.iter().filter_map(|kind| self.types.get(*kind)) {
            for item in trees.list(tree, folder)?.unwrap_or_default() {
                if matches!(item.what, TreeItemKind::Folder(_)) {
                    let path = format!("{folder}/{}", item.name);
                    found.extend(self.subtypes_of(trees, tree, &path, &path)?);
                }
            }
        }
        Ok(found)
    }

    /// The subplugin types that a plugin owns: its code is the folder `inside` of the tree, its place in the site is `path`.
    ///
    /// # Errors
    /// `Invalid` where its list leads out of the site; when the tree cannot be read.
    pub(super) fn subtypes_of(&self, trees: &dyn Trees, tree: ObjectId, inside: &str, path: &str) -> Result<BTreeMap<String, String>> {
        let within = |file: &str| if inside.is_empty() { file.to_owned() } else { format!("{inside}/{file}") };
        let place = "db/subplugins.json";
        let mut found = BTreeMap::new();
        if let Some(bytes) = trees.read(tree, &within(place))? {
            let said = json(&bytes, &format!("{path}/{place}"))?;
            for (kind, folder) in names_and_paths(&said, "plugintypes") {
                found.insert(kind, self.below_root(&folder, place)?);
            }
            // Relative to the owner, and stronger where both are there.
            for (kind, folder) in names_and_paths(&said, "subplugintypes") {
                found.insert(kind, self.below_root(&format!("{path}/{}", folder.trim_matches('/')), place)?);
            }
            return Ok(found);
        }
        let place = "db/subplugins.php";
        if let Some(bytes) = trees.read(tree, &within(place))? {
            for assignment in assignments(&String::from_utf8_lossy(&bytes)) {
                match (assignment.variable.as_str(), assignment.key, assignment.value) {
                    ("subplugins", Key::Whole, Value::Array(items)) => {
                        for item in items {
                            if let (Some(Value::Text(kind)), Value::Text(folder)) = item {
                                found.insert(kind, self.below_root(&folder, place)?);
                            }
                        }
                    }
                    ("subplugins", Key::At(Value::Text(kind)), Value::Text(folder)) => {
                        found.insert(kind, self.below_root(&folder, place)?);
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }
}

fn json(bytes: &[u8], place: &str) -> Result<Json> {
    serde_json::from_slice(bytes).map_err(|fault| Error::new(ErrorKind::Invalid, format!("`{place}` cannot be read: {fault}")))
}

fn names_and_paths(json: &Json, key: &str) -> BTreeMap<String, String> {
    let entries = json.get(key).and_then(Json::as_object).into_iter().flatten();
    entries.filter_map(|(kind, path)| Some((kind.clone(), path.as_str()?.to_owned()))).collect()
}

/// `'mod' => $CFG->dirroot.'/mod',` in the core's own code, as it stood there before the list became a file.
fn listed_in_code(code: &str) -> BTreeMap<String, String> {
    let lines = code.lines().filter_map(|line| {
        let (kind, rest) = line.trim().strip_prefix('\'')?.split_once('\'')?;
        let path = rest.trim_start().strip_prefix("=>")?.trim_start().strip_prefix("$CFG->dirroot")?.trim_start().strip_prefix('.')?;
        let (path, _) = path.trim_start().strip_prefix("'/")?.split_once('\'')?;
        Some((kind.to_owned(), path.to_owned()))
    });
    // Subsystems are listed the same way, after the plugin types; the types come first and stay.
    let mut found = BTreeMap::new();
    for (kind, path) in lines {
        found.entry(kind).or_insert(path);
    }
    found
}
