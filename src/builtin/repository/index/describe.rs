//! What an index proposes, before anything of it is written into a manifest (`repo use`).

use std::path::Path;

use indexmap::IndexMap;

use super::format::TypeProposal;
use super::{files_at, location::Location};
use crate::builtin::environment::Env;
use crate::error::Result;
use crate::roles::Context;

/// What an index says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDescription {
    /// What its owner calls it.
    pub name: Option<String>,
    /// Its address as the manifest would write it: a url ending in `/`, or an absolute path.
    pub url: String,
    /// What it proposes for its types.
    pub types: IndexMap<String, TypeProposal>,
    /// How many elements it lists; `None` where it has no list.
    pub elements: Option<usize>,
}

/// Reads `config.json` and `names.json` of the index at a url, or in a folder as seen from `base`.
///
/// # Errors
/// `NotFound` when there is no index; whatever reading it fails with.
pub fn describe(cx: &Context, text: &str, base: &Path, env: &Env) -> Result<IndexDescription> {
    let files = files_at(text, base, env)?;
    let config = files.config(cx)?;
    let url = match &files.location {
        Location::Folder(folder) => folder.display().to_string(),
        Location::Web(url) => url.to_string(),
    };
    Ok(IndexDescription { name: config.name.clone(), url, types: config.types.clone(), elements: files.names(cx)?.map(|names| names.elements.len()) })
}
