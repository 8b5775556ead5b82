//! A repository whose failures show the line of the manifest that names it.

use std::sync::Arc;

use crate::error::{Error, Excerpt, Result};
use crate::model::{Advisories, ElementId, ElementInfo};
use crate::roles::{AdvisoriesRequest, Context, ElementInfoRequest, Home, Repository, SearchHit, SearchRequest, Versions, VersionsRequest};

/// See the module's documentation.
#[derive(Debug)]
struct Placed {
    inner: Arc<dyn Repository>,
    place: Excerpt,
}

/// The repository, its failures with a place where there is one.
pub fn placed(inner: Arc<dyn Repository>, place: Option<Excerpt>) -> Arc<dyn Repository> {
    match place {
        Some(place) => Arc::new(Placed { inner, place }),
        None => inner,
    }
}

impl Placed {
    fn at(&self, error: Error) -> Error {
        if error.excerpts().is_empty() { error.at(self.place.clone()) } else { error }
    }
}

impl Repository for Placed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn versions(&self, cx: &Context, request: &VersionsRequest) -> Result<Versions> {
        self.inner.versions(cx, request).map_err(|error| self.at(error))
    }

    fn element_info(&self, cx: &Context, request: &ElementInfoRequest) -> Result<Option<ElementInfo>> {
        self.inner.element_info(cx, request).map_err(|error| self.at(error))
    }

    fn has_element_info(&self, cx: &Context, request: &ElementInfoRequest) -> Result<bool> {
        self.inner.has_element_info(cx, request).map_err(|error| self.at(error))
    }

    fn search(&self, cx: &Context, request: &SearchRequest) -> Result<Vec<SearchHit>> {
        self.inner.search(cx, request).map_err(|error| self.at(error))
    }

    fn advisories(&self, cx: &Context, request: &AdvisoriesRequest) -> Result<Advisories> {
        self.inner.advisories(cx, request).map_err(|error| self.at(error))
    }

    fn home(&self, cx: &Context, id: &ElementId) -> Result<Option<Home>> {
        self.inner.home(cx, id).map_err(|error| self.at(error))
    }

    fn warns(&self) -> bool {
        self.inner.warns()
    }

    fn merge(&self) -> bool {
        self.inner.merge()
    }

    fn at_hand(&self) -> bool {
        self.inner.at_hand()
    }
}
