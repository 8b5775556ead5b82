//! `builtin:tree`: types have paths, elements go to `path/of/the/type/{name}`, and `[package]` says what the code is.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use crate::builtin::options;
use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Package, UseSpec, parse_package};
use crate::model::{ElementId, ElementInfo, Placement};
use crate::roles::{Context, InfoRequest, Installer, IsInstalledRequest, PlaceRequest, PrepareRequest, Survey, Surveyed};
use crate::sys::fs;

/// What `use = "builtin:tree"` names.
pub const NAME: &str = "tree";

/// The file in which a package describes itself.
const PACKAGE_FILE: &str = "greffon.toml";

/// What a type's path looks like.
const PATH_HINT: &str = "paths of a type are relative to the site and stay in it, as in `plugins/{name}`";

/// The options.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TreeOptions {
    /// Type → path, or a table of what is known of the type.
    pub types: IndexMap<String, Value>,
}

/// What is known of a type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TypeRule {
    /// Where its elements go: relative to the site, `{name}` and `{type}` filled in; `.` is the site's root.
    pub path: String,
    /// The scheme of its versions.
    pub scheme: Option<String>,
    /// The folder inside the payload that is the element.
    pub subdir: Option<String>,
    /// Paths inside that belong to the site's owner; `*` and `**` as in gitignore.
    pub protect: Vec<String>,
    /// Folders inside that must exist although git holds none that are empty.
    pub empty_dirs: Vec<String>,
    /// What the application does for its elements; `uninstall` says that it keeps data for them, so that none goes unasked.
    pub phases: Vec<String>,
}

/// The installer for applications that are nothing but a tree. Without types it takes any: the core at the root, everything
/// else at `{type}/{name}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    types: IndexMap<String, TypeRule>,
}

/// Makes one from its options.
///
/// # Errors
/// `Manifest` for options that cannot be understood or lead out of the site.
pub fn build(spec: &UseSpec) -> Result<Arc<dyn Installer>> {
    let read: TreeOptions = options::read(spec)?;
    let mut types = IndexMap::new();
    for (kind, value) in &read.types {
        let path = format!("types.{kind}");
        // The rule for names of elements is the rule for types.
        ElementId::new(kind.as_str(), "x").map_err(|error| options::wrong(spec, kind, error.message()))?;
        let rule = match value {
            Value::String(path) => TypeRule { path: path.clone(), ..TypeRule::default() },
            table => options::nested(spec, &path, table)?,
        };
        check(&rule).map_err(|why| options::wrong(spec, &path, &format!("`{path}`: {why}")).hint(PATH_HINT))?;
        types.insert(kind.clone(), rule);
    }
    Ok(Arc::new(Tree { types }))
}

/// The rule, tried with a plain name.
fn check(rule: &TypeRule) -> std::result::Result<(), String> {
    if rule.path.is_empty() {
        return Err("it needs a `path`, for instance `plugins/{name}`".to_owned());
    }
    if let Some(open) = rule.path.replace("{name}", "").replace("{type}", "").find(['{', '}']) {
        return Err(format!("`{}` has a brace at {open} that is neither `{{name}}` nor `{{type}}`", rule.path));
    }
    relative(&rule.path)?;
    for inside in rule.subdir.iter().chain(&rule.empty_dirs).chain(&rule.protect) {
        relative(inside.trim_start_matches('!').trim_start_matches('/').trim_end_matches('/'))?;
    }
    Ok(())
}

/// A path that stays where it is put: `.`, or relative without `.`, `..`, `.git` and empty parts.
fn relative(path: &str) -> std::result::Result<String, String> {
    let path = path.trim_end_matches('/');
    if path == "." {
        return Ok(path.to_owned());
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    if path.starts_with('/') || path.contains('\\') || Path::new(path).is_absolute() {
        return Err(format!("`{}` is not a relative path with `/`", path.escape_debug()));
    }
    for part in path.split('/') {
        if matches!(part, "" | "." | "..") {
            return Err(format!("`{}` could lead out of its place", path.escape_debug()));
        }
        if part.eq_ignore_ascii_case(".git") {
            return Err(format!("`{}` belongs to git", path.escape_debug()));
        }
    }
    Ok(path.to_owned())
}

impl Tree {
    /// With these types.
    ///
    /// # Errors
    /// `Invalid` for a path that leads out of the site.
    pub fn new(types: IndexMap<String, TypeRule>) -> Result<Self> {
        for (kind, rule) in &types {
            check(rule).map_err(|why| Error::new(ErrorKind::Invalid, format!("type `{kind}`: {why}")))?;
        }
        Ok(Self { types })
    }

    fn rule(&self, kind: &str) -> Result<TypeRule> {
        if let Some(rule) = self.types.get(kind) {
            return Ok(rule.clone());
        }
        if self.types.is_empty() {
            let path = if kind == "core" { "." } else { "{type}/{name}" };
            return Ok(TypeRule { path: path.to_owned(), ..TypeRule::default() });
        }
        let known: Vec<&str> = self.types.keys().map(String::as_str).collect();
        let error = Error::new(ErrorKind::NotFound, format!("this application has no type `{}`; it knows {}", kind.escape_debug(), options::listed(&known)));
        Err(match nearest(kind, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("add it: `[config] installer = {{ use = \"builtin:tree\", types = {{ {kind} = \"{kind}/{{name}}\" }} }}`")),
        })
    }

    fn path(&self, id: &ElementId) -> Result<String> {
        let rule = self.rule(id.kind())?;
        let filled = rule.path.replace("{name}", id.name()).replace("{type}", id.kind());
        relative(&filled).map_err(|why| Error::new(ErrorKind::Invalid, format!("{id} cannot be placed: {why}")))
    }
}

impl Installer for Tree {
    fn place(&self, _: &Context, request: &PlaceRequest) -> Result<Placement> {
        let id = &request.id;
        let rule = self.rule(id.kind())?;
        let path = self.path(id)?;
        let taken = request.view.core.iter().chain(&request.view.placed).find(|graft| graft.placement.path == path && graft.id != *id);
        if let Some(other) = taken {
            return Err(Error::new(ErrorKind::Invalid, format!("{id} and {} would both be placed at `{path}`", other.id))
                .hint(format!("give the type `{}` a path with `{{name}}`, or leave one of them out", id.kind())));
        }
        Ok(Placement {
            path,
            subdir: rule.subdir,
            protect: rule.protect,
            empty_dirs: rule.empty_dirs,
            scheme: rule.scheme,
            phases: rule.phases,
            ..Placement::default()
        })
    }

    fn info(&self, cx: &Context, request: &InfoRequest) -> Result<Option<ElementInfo>> {
        let Some(bytes) = cx.trees().read(request.tree, PACKAGE_FILE)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::Manifest, format!("`{PACKAGE_FILE}` of {} is not UTF-8", request.id)))?;
        let Some(package) = parse_package(Path::new(PACKAGE_FILE), &text)? else { return Ok(None) };
        if package.info.id != request.id {
            return Err(Error::new(ErrorKind::Invalid, format!("`{PACKAGE_FILE}` of {} says that it is {}", request.id, package.info.id))
                .hint(format!("ask for it as `{}`", package.info.id)));
        }
        Ok(Some(package.info))
    }

    fn prepare(&self, _: &Context, _: &PrepareRequest) -> Result<()> {
        // No placement asks for it: a tree is installed as it is.
        Ok(())
    }

    fn is_installed(&self, _: &Context, request: &IsInstalledRequest) -> Result<bool> {
        let folder = request.site.join(self.path(&request.id)?);
        if fs::names(&folder)?.is_none_or(|names| names.is_empty()) {
            return Ok(false);
        }
        // A file that is no package file says nothing against it.
        let package = fs::read_text(&folder.join(PACKAGE_FILE), 1 << 20)?.and_then(|text| parse_package(Path::new(PACKAGE_FILE), &text).ok().flatten());
        Ok(package.is_none_or(|package| package.info.id != request.id || package.info.version == request.version))
    }

    fn scheme(&self, kind: &str) -> Option<String> {
        self.types.get(kind).and_then(|rule| rule.scheme.clone())
    }

    fn types(&self) -> Vec<String> {
        self.types.keys().cloned().collect()
    }

    fn survey(&self, _: &Context, site: &Path) -> Result<Survey> {
        let mut survey = Survey::default();
        let any = IndexMap::from([("core".to_owned(), TypeRule { path: ".".to_owned(), ..TypeRule::default() })]);
        for (kind, rule) in if self.types.is_empty() { &any } else { &self.types } {
            let path = rule.path.replace("{type}", kind);
            let (folder, name) = path.trim_end_matches('/').rsplit_once('/').unwrap_or(("", path.as_str()));
            match name.split_once("{name}") {
                // A name is not told by the place: what the package file says, else a word for it.
                None if !path.contains("{name}") => {
                    let package = package(&site.join(&path))?.filter(|package| package.info.id.kind() == kind);
                    let id = package.as_ref().map_or_else(|| ElementId::new(kind.as_str(), "app"), |package| Ok(package.info.id.clone()))?;
                    survey.elements.push(seen(id, path.clone(), package));
                    survey.protect.extend(rule.protect.iter().filter(|_| path == ".").cloned());
                }
                Some((before, after)) if !(folder.contains("{name}") || folder.is_empty() && before.is_empty() && after.is_empty()) => {
                    for found in fs::names(&site.join(folder))?.unwrap_or_default() {
                        let Some(name) = found.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) else { continue };
                        let at = if folder.is_empty() { found.clone() } else { format!("{folder}/{found}") };
                        if fs::kind(&site.join(&at))? == Some(fs::PathKind::Folder)
                            && let Ok(id) = ElementId::new(kind.as_str(), name)
                        {
                            let package = package(&site.join(&at))?.filter(|package| package.info.id == id);
                            survey.elements.push(seen(id, at, package));
                        }
                    }
                }
                _ => {}
            }
        }
        survey.elements.sort_by(|a, b| (a.path != ".", a.path.matches('/').count(), &a.path).cmp(&(b.path != ".", b.path.matches('/').count(), &b.path)));
        Ok(survey)
    }
}

/// The package file of a folder, where there is one that can be understood.
fn package(folder: &Path) -> Result<Option<Package>> {
    Ok(fs::read_text(&folder.join(PACKAGE_FILE), 1 << 20)?.and_then(|text| parse_package(Path::new(PACKAGE_FILE), &text).ok().flatten()))
}

fn seen(id: ElementId, path: String, package: Option<Package>) -> Surveyed {
    let marker = package.is_some().then(|| PACKAGE_FILE.to_owned());
    Surveyed { id, path, version: package.map(|package| package.info.version), marker }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::builtin::options::tests::spec;
    use crate::model::{Graft, ObjectId, Payload};
    use crate::roles::OwnerView;

    fn installer(types: &Value) -> Result<Arc<dyn Installer>> {
        build(&spec("tree", &json!({ "types": types }), Path::new("/")))
    }

    fn request(id: &str) -> PlaceRequest {
        let payload = Payload::Tree { tree: ObjectId::EMPTY_TREE, commit: None };
        PlaceRequest { id: id.parse().expect("an id"), version: "1".into(), payload, view: OwnerView::default() }
    }

    fn path(installer: &dyn Installer, id: &str) -> Result<String> {
        installer.place(&Context::silent(), &request(id)).map(|placement| placement.path)
    }

    #[test]
    fn elements_go_where_their_type_says() {
        let installer = installer(&json!({
            "core": ".",
            "plugins": { "path": "plugins/{name}", "scheme": "semver", "protect": ["config/local.php"], "empty-dirs": ["cache"] },
            "lang": "data/{type}/x-{name}/",
        }))
        .expect("fine options");
        assert_eq!(path(&*installer, "core/app").expect("placed"), ".");
        assert_eq!(path(&*installer, "plugins/komin/base").expect("placed"), "plugins/komin/base");
        assert_eq!(path(&*installer, "lang/fr").expect("placed"), "data/lang/x-fr");
        let placement = installer.place(&Context::silent(), &request("plugins/a")).expect("placed");
        assert_eq!((placement.protect, placement.empty_dirs), (vec!["config/local.php".to_owned()], vec!["cache".to_owned()]));
        assert_eq!((installer.scheme("plugins").as_deref(), installer.scheme("lang")), (Some("semver"), None));
        assert_eq!(installer.types(), ["core", "plugins", "lang"]);
    }

    #[test]
    fn without_types_any_type_has_a_place() {
        let tree = Tree::default();
        assert_eq!(path(&tree, "core/app").expect("placed"), ".");
        assert_eq!(path(&tree, "themes/dark").expect("placed"), "themes/dark");
    }

    #[test]
    fn an_unknown_type_names_the_known_ones() {
        let installer = installer(&json!({ "core": ".", "plugins": "plugins/{name}" })).expect("fine options");
        let error = path(&*installer, "plugin/a").expect_err("there is no such type");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.message(), "this application has no type `plugin`; it knows `core`, `plugins`");
        assert_eq!(error.hints(), ["did you mean `plugins`?"]);
    }

    #[test]
    fn paths_that_leave_the_site_are_refused_before_anything_is_placed() {
        for bad in ["../x/{name}", "/srv/{name}", "a/../../{name}", "a\\{name}", ".git/{name}", "a//{name}", "", "a/{nme}"] {
            let error = installer(&json!({ "plugins": bad })).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Manifest, "{bad}: {error}");
        }
        let error = installer(&json!({ "plugins": { "path": "p/{name}", "protct": [] } })).expect_err("a wrong key");
        assert_eq!((error.message(), error.hints()), ("`builtin:tree` has no option `types.plugins.protct`", &["did you mean `protect`?".to_owned()][..]));
    }

    #[test]
    fn two_elements_never_get_one_path() {
        let installer = installer(&json!({ "core": "." })).expect("fine options");
        let mut second = request("core/b");
        let first = request("core/a");
        let placement = installer.place(&Context::silent(), &first).expect("placed");
        second.view.core = Some(Graft { id: first.id, version: first.version, tree: ObjectId::EMPTY_TREE, placement });
        let error = installer.place(&Context::silent(), &second).expect_err("the root is taken");
        assert_eq!(error.message(), "core/b and core/a would both be placed at `.`");
    }
}
