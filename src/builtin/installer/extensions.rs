//! What every installer knows beside its application: the reserved type `extensions`, whose elements say in their `extension.toml`
//! what they are. They are never grafted.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Demands, EXTENSIONS, ElementId, ElementInfo, Graft, ObjectId, Placement, Version};
use crate::roles::{Context, InfoRequest, Installer, IsInstalledRequest, OwnerView, PlaceRequest, PrepareRequest, RefVersions, Survey};

/// An application's installer, and extensions.
#[derive(Debug)]
pub struct WithExtensions(pub Arc<dyn Installer>);

fn own(id: &ElementId) -> bool {
    id.kind() == EXTENSIONS
}

impl Installer for WithExtensions {
    fn place(&self, cx: &Context, request: &PlaceRequest) -> Result<Placement> {
        if own(&request.id) {
            return Err(Error::new(ErrorKind::Invalid, format!("{} is an extension: it is part of no site", request.id))
                .hint("name it in `[types.extensions]` of the manifest, and where it is used: `extension:NAME`"));
        }
        self.0.place(cx, request)
    }

    fn info(&self, cx: &Context, request: &InfoRequest) -> Result<Option<ElementInfo>> {
        if !own(&request.id) {
            return self.0.info(cx, request);
        }
        let Some(bytes) = cx.trees().read(request.tree, "extension.toml")? else { return Ok(None) };
        let table: toml::Table = toml::from_str(&String::from_utf8_lossy(&bytes))
            .map_err(|error| Error::new(ErrorKind::Extension, format!("`extension.toml` of {} cannot be read: {}", request.id, error.message())))?;
        let text = |key: &str| table.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        let Some(version) = text("version") else { return Ok(None) };
        let mut info = ElementInfo::bare(request.id.clone(), Version::new(version));
        info.summary = text("summary");
        Ok(Some(info))
    }

    fn prepare(&self, cx: &Context, request: &PrepareRequest) -> Result<()> {
        if own(&request.id) { Ok(()) } else { self.0.prepare(cx, request) }
    }

    fn is_installed(&self, cx: &Context, request: &IsInstalledRequest) -> Result<bool> {
        if own(&request.id) { Ok(false) } else { self.0.is_installed(cx, request) }
    }

    fn scheme(&self, kind: &str) -> Option<String> {
        if kind == EXTENSIONS { None } else { self.0.scheme(kind) }
    }

    fn review(&self, cx: &Context, view: &OwnerView) -> Result<Vec<String>> {
        self.0.review(cx, view)
    }

    fn shipped(&self, cx: &Context, id: &ElementId, core: Option<ObjectId>) -> Result<Option<Version>> {
        if own(id) { Ok(None) } else { self.0.shipped(cx, id, core) }
    }

    fn demands(&self, cx: &Context, core: ObjectId) -> Result<Option<Demands>> {
        self.0.demands(cx, core)
    }

    fn data_version(&self, cx: &Context, graft: &Graft) -> Result<Option<Version>> {
        if own(&graft.id) { Ok(None) } else { self.0.data_version(cx, graft) }
    }

    fn type_of(&self, name: &str) -> Option<String> {
        self.0.type_of(name)
    }

    fn ref_versions(&self, kind: &str) -> RefVersions {
        if kind == EXTENSIONS { RefVersions::Code } else { self.0.ref_versions(kind) }
    }

    fn version_of_ref(&self, kind: &str, reference: &str) -> Option<Version> {
        if kind == EXTENSIONS { None } else { self.0.version_of_ref(kind, reference) }
    }

    fn types(&self) -> Vec<String> {
        let mut types = self.0.types();
        if !types.is_empty() && !types.iter().any(|kind| kind == EXTENSIONS) {
            types.push(EXTENSIONS.to_owned());
        }
        types
    }

    fn survey(&self, cx: &Context, site: &Path) -> Result<Survey> {
        self.0.survey(cx, site)
    }
}
