//! `builtin:moodle`: Moodle's layout, versions and compatibility, all of it read from the code at hand.
//!
//! Elements are `core/moodle` and `plugins/TYPE_NAME`. Where a plugin goes is said by the `components.json` of the site's own
//! core, and for subplugins by their owner's `subplugins.json`; which folder of its repository or archive it is, by
//! `version.php`; whether it fits, by the same file. No PHP is run, and no path of Moodle's is known here beforehand.

mod component;
mod demands;
mod disk;
mod environment;
mod find;
mod info;
mod layout;
mod php;
mod review;
mod survey;
mod version_php;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use component::Component;
use disk::Disk;
use find::Search;
use info::{CORE, PLUGINS};
use layout::Layout;

use crate::builtin::memo::Memo;
use crate::builtin::options;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::UseSpec;
use crate::model::{Demands, ElementId, ElementInfo, Graft, ObjectId, Placement, Version};
use crate::roles::{Context, InfoRequest, Installer, IsInstalledRequest, OwnerView, PlaceRequest, PrepareRequest, RefVersions};

/// What `use = "builtin:moodle"` names.
pub const NAME: &str = "moodle";
/// Where Moodle's own repository is, for a core that says no other.
pub const PUBLIC: &str = "https://github.com/moodle/moodle.git";

/// Files and folders of a Moodle's root that belong to the site's owner.
const OWNERS_FILES: [&str; 5] = ["/config.php", "/moodledata/", "/.htaccess", "/.user.ini", "/local/.htaccess"];

/// Checks that a name is one that Moodle gives a plugin (`mod_attendance`).
///
/// # Errors
/// `Invalid`, saying what is wrong with it.
pub fn check_component(name: &str) -> Result<()> {
    Component::read(name).map(drop)
}

/// The options.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MoodleOptions {
    /// The name of the core's element, `moodle` when it is left out.
    pub core: Option<String>,
    /// Further paths below the site that are never touched; `*` and `**` as in gitignore.
    pub protect: Vec<String>,
}

/// The installer for Moodle.
#[derive(Debug)]
pub struct Moodle {
    core: ElementId,
    protect: Vec<String>,
    layouts: Memo<ObjectId, Option<Arc<Layout>>>,
    subtypes: Memo<ObjectId, Arc<BTreeMap<String, String>>>,
}

/// Makes one from its options.
///
/// # Errors
/// `Manifest` for options that cannot be understood.
pub fn build(spec: &UseSpec) -> Result<Arc<dyn Installer>> {
    let read: MoodleOptions = options::read(spec)?;
    let name = read.core.as_deref().unwrap_or("moodle");
    let core = ElementId::new(CORE, name).map_err(|error| options::wrong(spec, "core", error.message()))?;
    Ok(Arc::new(Moodle { core, protect: read.protect, layouts: Memo::default(), subtypes: Memo::default() }))
}

impl Moodle {
    /// The layout of a core; `None`: this tree is no Moodle.
    fn layout(&self, cx: &Context, core: ObjectId) -> Result<Option<Arc<Layout>>> {
        self.layouts.get(&core, || Ok(Layout::read(cx.trees(), core)?.map(Arc::new)))
    }

    /// The folder that holds plugins of a type; `None` where neither the core nor an owner placed so far knows the type.
    fn folder_of(&self, cx: &Context, core: ObjectId, layout: &Layout, kind: &str, view: &OwnerView) -> Result<Option<String>> {
        if let Some(folder) = layout.types.get(kind) {
            return Ok(Some(folder.clone()));
        }
        for owner in view.placed.iter().filter(|graft| graft.id.kind() == PLUGINS) {
            if let Some(folder) = layout.subtypes_of(cx.trees(), owner.tree, "", &owner.placement.path)?.remove(kind) {
                return Ok(Some(folder));
            }
        }
        let shipped = self.subtypes.get(&core, || Ok(Arc::new(layout.subtypes_in(cx.trees(), core)?)))?;
        Ok(shipped.get(kind).cloned())
    }

    /// The version of a plugin that stands in the core's own tree.
    fn shipped_by(&self, cx: &Context, core: ObjectId, layout: &Layout, component: &str) -> Result<Option<Version>> {
        let Ok(Component { kind, name }) = Component::read(component) else { return Ok(None) };
        let Some(folder) = self.folder_of(cx, core, layout, &kind, &OwnerView::default())? else { return Ok(None) };
        let Some(bytes) = cx.trees().read(core, &format!("{folder}/{name}/version.php"))? else { return Ok(None) };
        Ok(version_php::plugin(&bytes).version.map(Version::new))
    }

    fn place_core(&self, cx: &Context, id: &ElementId, tree: ObjectId) -> Result<Placement> {
        let no_moodle = || {
            Error::new(ErrorKind::Invalid, format!("what is fetched as {id} is no Moodle: it has no `version.php` with a release"))
                .hint("check the address of the core")
        };
        let (folder, root) = find::core(cx.trees(), tree)?.ok_or_else(no_moodle)?;
        let layout = self.layout(cx, root)?.ok_or_else(no_moodle)?;
        let mut protect: Vec<String> = OWNERS_FILES.map(str::to_owned).to_vec();
        protect.extend(self.protect.iter().cloned());
        Ok(Placement {
            path: ".".to_owned(),
            subdir: (!folder.is_empty()).then_some(folder),
            protect,
            homes: layout.types.clone(),
            serves: Some(layout.serves()),
            ..placement()
        })
    }

    fn place_plugin(&self, cx: &Context, request: &PlaceRequest, tree: ObjectId) -> Result<Placement> {
        let id = &request.id;
        let component = Component::read(id.name())?;
        let core = request.view.core.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("where {id} goes is said by the core, and this site has none"))
                .hint("want one: `[types.core] moodle = { git = \"https://github.com/moodle/moodle.git\", version = \"4.5\" }`")
        })?;
        let layout = self
            .layout(cx, core.tree)?
            .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("{} is no Moodle: it has no `version.php` with a release", core.id)))?;
        let folder = self.folder_of(cx, core.tree, &layout, &component.kind, &request.view)?.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("neither {} {} nor a plugin of this site has plugins of the type `{}`", core.id, core.version, component.kind),
            )
            .hint("where another plugin owns that type, it must be wanted for this site too; where Moodle dropped the type, leave this one out")
        })?;
        let found = match find::plugin(cx.trees(), tree, id.name())? {
            Search::Here(found) => found,
            Search::Others(others) => return Err(not_there(id, &others)),
        };
        let path = format!("{folder}/{}", component.name);
        let taken = request.view.placed.iter().find(|graft| graft.placement.path == path && graft.id != *id);
        if let Some(other) = taken {
            return Err(Error::new(ErrorKind::Invalid, format!("{id} and {} would both be placed at `{path}`", other.id)));
        }
        Ok(Placement { path, subdir: (!found.folder.is_empty()).then_some(found.folder), ..placement() })
    }
}

fn placement() -> Placement {
    Placement { scheme: Some(NAME.to_owned()), ..Placement::default() }
}

fn not_there(id: &ElementId, others: &[(String, String)]) -> Error {
    let error = Error::new(ErrorKind::Invalid, format!("no `version.php` in it says that it is `{}`", id.name()));
    match others {
        [] => error.hint("is it a Moodle plugin at all? Every one has a `version.php` with `$plugin->component`"),
        [(other, _)] => error.hint(format!("it is `{}`: want it under that name", other.escape_debug())),
        many => {
            let names: Vec<String> = many.iter().take(5).map(|(name, _)| format!("`{}`", name.escape_debug())).collect();
            error.hint(format!("it holds {}", names.join(", ")))
        }
    }
}

fn unknown_type(id: &ElementId) -> Error {
    Error::new(ErrorKind::NotFound, format!("Moodle has no elements of the type `{}`; there are `{CORE}` and `{PLUGINS}`", id.kind().escape_debug()))
        .hint(format!("a plugin is written `{PLUGINS}/mod_attendance`"))
}

impl Installer for Moodle {
    fn place(&self, cx: &Context, request: &PlaceRequest) -> Result<Placement> {
        let crate::model::Payload::Tree { tree, .. } = &request.payload else {
            return Err(Error::new(ErrorKind::Internal, format!("{} came without a tree", request.id)));
        };
        match request.id.kind() {
            CORE => self.place_core(cx, &request.id, *tree),
            PLUGINS => self.place_plugin(cx, request, *tree),
            _ => Err(unknown_type(&request.id)),
        }
    }

    fn info(&self, cx: &Context, request: &InfoRequest) -> Result<Option<ElementInfo>> {
        let trees = cx.trees();
        match request.id.kind() {
            CORE => {
                let Some((_, root)) = find::core(trees, request.tree)? else { return Ok(None) };
                for place in ["public/version.php", "version.php"] {
                    if let Some(bytes) = trees.read(root, place)? {
                        return Ok(info::core(&request.id, &version_php::core(&bytes)));
                    }
                }
                Ok(None)
            }
            PLUGINS => match find::plugin(trees, request.tree, request.id.name())? {
                Search::Here(found) => info::plugin(&request.id, &found.version, &self.core),
                Search::Others(others) if others.is_empty() => Ok(None),
                Search::Others(others) => Err(not_there(&request.id, &others)),
            },
            _ => Ok(None),
        }
    }

    fn prepare(&self, _: &Context, _: &PrepareRequest) -> Result<()> {
        // No placement asks for it: Moodle's code is installed as it is.
        Ok(())
    }

    fn is_installed(&self, _: &Context, request: &IsInstalledRequest) -> Result<bool> {
        use crate::roles::Trees as _;
        let disk = Disk(request.site.clone());
        let any = ObjectId::EMPTY_TREE;
        let Some(layout) = Layout::read(&disk, any)? else { return Ok(false) };
        if request.id.kind() == CORE {
            return Ok(info::core_version(&layout.version).as_ref() == Some(&request.version));
        }
        let Component { kind, name } = Component::read(request.id.name())?;
        let folder = match layout.types.get(&kind) {
            Some(folder) => Some(folder.clone()),
            None => layout.subtypes_in(&disk, any)?.remove(&kind),
        };
        let Some(folder) = folder else { return Ok(false) };
        let Some(bytes) = disk.read(any, &format!("{folder}/{name}/version.php"))? else { return Ok(false) };
        Ok(version_php::plugin(&bytes).version.as_deref() == Some(request.version.as_str()))
    }

    fn scheme(&self, kind: &str) -> Option<String> {
        matches!(kind, CORE | PLUGINS).then(|| NAME.to_owned())
    }

    fn types(&self) -> Vec<String> {
        vec![CORE.to_owned(), PLUGINS.to_owned()]
    }

    fn type_of(&self, name: &str) -> Option<String> {
        let kind = if name == self.core.name() { CORE } else { PLUGINS };
        (kind == CORE || Component::read(name).is_ok()).then(|| kind.to_owned())
    }

    fn survey(&self, _: &Context, site: &std::path::Path) -> Result<crate::roles::Survey> {
        survey::survey(self, site)
    }

    fn review(&self, cx: &Context, view: &OwnerView) -> Result<Vec<String>> {
        review::review(self, cx, view)
    }

    fn shipped(&self, cx: &Context, id: &ElementId, core: Option<ObjectId>) -> Result<Option<Version>> {
        if id.kind() != PLUGINS || Component::read(id.name()).is_err() {
            return Ok(None);
        }
        // Later than any build: whether this core has it, and which, is known once the core is.
        let Some(core) = core else { return Ok(Some(Version::new("9999999999"))) };
        match self.layout(cx, core)? {
            Some(layout) => self.shipped_by(cx, core, &layout, id.name()),
            None => Ok(None),
        }
    }

    fn demands(&self, cx: &Context, core: ObjectId) -> Result<Option<Demands>> {
        match self.layout(cx, core)? {
            Some(layout) => demands::demands(cx.trees(), core, &layout).map(Some),
            None => Ok(None),
        }
    }

    fn data_version(&self, cx: &Context, graft: &Graft) -> Result<Option<Version>> {
        let trees = cx.trees();
        if graft.id.kind() == CORE {
            return Ok(self.layout(cx, graft.tree)?.and_then(|layout| layout.version.version.clone()).map(Version::new));
        }
        let bytes = trees.read(graft.tree, "version.php")?;
        Ok(bytes.and_then(|bytes| version_php::plugin(&bytes).version).map(Version::new))
    }

    fn ref_versions(&self, kind: &str) -> RefVersions {
        match kind {
            CORE => RefVersions::Names,
            PLUGINS => RefVersions::Code,
            _ => RefVersions::Probe,
        }
    }

    fn version_of_ref(&self, kind: &str, reference: &str) -> Option<Version> {
        (kind == CORE).then(|| info::version_of_core_ref(reference)).flatten()
    }
}
