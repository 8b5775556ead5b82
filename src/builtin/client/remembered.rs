//! What repositories said of versions that are in stock: so that an exact version is taken from there without asking anybody
//! (founding contract), and only for the repository that said it (the stock saves network, it does not change answers).

use std::path::PathBuf;

use super::Parts;
use super::locking::lock_entry;
use super::resolved::stock_key;
use crate::error::Result;
use crate::model::{Digest, ElementId, ElementInfo, Version};
use crate::roles::Context;

fn place(parts: &Parts, repository: usize, id: &ElementId, version: &Version) -> Option<PathBuf> {
    let key = parts.repository_keys.get(repository)?;
    let name = Digest::of(format!("{key}\n{id}\n{version}").as_bytes()).hex();
    Some(parts.stockroom.info().join("repositories").join(&name[..2]).join(format!("{name}.json")))
}

/// Remembers a version that has been fetched.
pub(super) fn remember(parts: &Parts, repository: &str, info: &ElementInfo) -> Result<()> {
    let Some(index) = parts.repositories.iter().position(|known| known.name() == repository) else { return Ok(()) };
    let Some(path) = place(parts, index, &info.id, &info.version) else { return Ok(()) };
    if let Some(folder) = path.parent() {
        crate::sys::fs::create_folder(folder)?;
    }
    let text = serde_json::to_string(info).unwrap_or_default();
    crate::sys::fs::write_atomic(&path, text.as_bytes())
}

/// What a repository said of a version whose bytes are in stock; `None` where the bytes or the words are not there.
pub(super) fn recall(parts: &Parts, cx: &Context, repository: usize, id: &ElementId, version: &Version) -> Result<Option<ElementInfo>> {
    let Some(path) = place(parts, repository, id, version) else { return Ok(None) };
    let Some(text) = crate::sys::fs::read_text(&path, 1 << 20)? else { return Ok(None) };
    let Ok(info) = serde_json::from_str::<ElementInfo>(&text) else { return Ok(None) };
    if info.id != *id || info.version != *version || info.yanked.is_some() {
        return Ok(None);
    }
    let locked = lock_entry(&info, None, None, &parts.base);
    let Some(key) = stock_key(id, version, &locked, &parts.base) else { return Ok(None) };
    Ok(parts.stock.open(cx, &key)?.map(|_| info))
}
