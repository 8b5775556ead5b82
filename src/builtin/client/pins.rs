//! Pins: what keeps the trees of a site's generations in the stock. Every writer of generations shares these, `rollback` too.

use crate::error::Result;
use crate::manifest::parse_lock;
use crate::model::{Graft, LockedElement, ObjectId};
use crate::roles::{Context, Level, PinRequest, Stock};
use crate::site::{Generation, Site};
use crate::sys::git::Objects;

/// The pin of one generation: what was grafted, and what that was made from, so that a patched element's own tree is not tidied
/// away either. `locked`: the entries of its lock.
#[must_use]
pub fn pin_of<'a>(site: &str, generation: u64, (tree, grafts): (ObjectId, &[Graft]), locked: impl Iterator<Item = &'a LockedElement>) -> PinRequest {
    let mut elements: Vec<ObjectId> = grafts.iter().map(|graft| graft.tree).chain(locked.filter_map(|locked| locked.tree)).collect();
    elements.sort_unstable();
    elements.dedup();
    PinRequest { site: site.to_owned(), generation, tree, elements }
}

/// Sets the pin of a generation that was made some time ago: a source that went from the stock since can be fetched again, and
/// what is there must stay.
///
/// # Errors
/// `Git`, `Io`.
pub fn pin_what_is_there(cx: &Context, stock: &dyn Stock, objects: &Objects, mut pin: PinRequest) -> Result<()> {
    let Err(error) = stock.pin(cx, &pin) else { return Ok(()) };
    let all = pin.elements.len();
    pin.elements.retain(|tree| objects.has(*tree));
    if pin.elements.len() == all { Err(error) } else { stock.pin(cx, &pin) }
}

/// Pins a generation as its record has it; nothing where the stock no longer holds its tree.
///
/// # Errors
/// `Lock` for a record that cannot be read; `Git`, `Io`.
pub fn pin_generation(cx: &Context, stock: &dyn Stock, objects: &Objects, site: &str, generation: &Generation) -> Result<()> {
    if !objects.has(generation.tree) {
        cx.log(Level::Detail, format!("generation {} is no longer in the stock", generation.number));
        return Ok(());
    }
    let (lock, _) = parse_lock(std::path::Path::new("greffon.lock"), &generation.lock)?;
    let pin = pin_of(site, generation.number, (generation.tree, &generation.grafts), lock.elements.values());
    pin_what_is_there(cx, stock, objects, pin)
}

/// Pins every generation that a site records, as far as the stock holds it: a run that was cut off, a copy that got an id of its
/// own and an older record leave none behind. One that is pinned already is left as it is.
///
/// # Errors
/// `Site`, `Git`, `Io`.
pub fn pin_recorded(cx: &Context, stock: &dyn Stock, objects: &Objects, site: &Site) -> Result<()> {
    let Some(id) = site.id()? else { return Ok(()) };
    for generation in site.generations()? {
        pin_generation(cx, stock, objects, &id, &generation)?;
    }
    Ok(())
}
