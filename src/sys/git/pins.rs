//! Pins: refs that keep trees from being tidied away. `refs/pins/<site>/<n>` of `objects.git` stands for one generation of one
//! site: a tree that holds the composed tree (`site`) and the element trees it was made of (by their ids). Sources that hold
//! any of these have a ref of the same name, so that git itself keeps them too.
//!
//! No ref of `objects.git` ever reaches a commit of a source: sources are shallow, each with its own boundary.

use std::path::{Path, PathBuf};

use git2::{ObjectType, Repository};

use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;

use super::alternates::source_folders;
use super::loose::{names_below, remove_ref, write_object, write_ref};
use super::objects::{NewEntry, NewEntryKind, Objects, from_oid, oid};
use super::pool::PlainError;
use super::tree::{self, Item};

/// One pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The site's id.
    pub site: String,
    /// The generation's number.
    pub generation: u64,
    /// The composed tree.
    pub tree: ObjectId,
    /// The element trees.
    pub elements: Vec<ObjectId>,
}

const SITE: &str = "site";

impl Objects {
    /// Sets a pin, replacing an earlier one of that name. Durable only after [`Objects::sync`]. `false`: it was set already, so
    /// nothing was written.
    ///
    /// # Errors
    /// `Invalid` for a site's id that no ref can be called; `Git` when a tree is not here.
    pub fn pin(&self, pin: &Pin) -> Result<bool> {
        let name = ref_name(&pin.site, Some(pin.generation))?;
        let (mut trees, entries) = held(pin);
        if self.is_pinned(&name, &tree::serialise(entries.clone())?)? {
            return Ok(false);
        }
        for entry in &entries {
            if !self.has(entry.id) {
                return Err(Error::new(ErrorKind::Git, format!("the stock does not hold tree `{}`, which is to be pinned", entry.id.short()))
                    .hint("fetch it again with `greffon fetch`"));
            }
        }
        trees.push(pin.tree);
        trees.sort_unstable();
        trees.dedup();
        for folder in source_folders(self.sources())? {
            let source = open(&folder)?;
            let odb = source.odb().map_err(|error| fault(&folder, error))?;
            let mut here = Vec::new();
            for tree in &trees {
                if odb.exists_ext(oid(*tree)?, git2::OdbLookupFlags::NO_REFRESH) {
                    here.push(NewEntry { name: tree.to_string(), kind: NewEntryKind::Folder, id: *tree });
                }
            }
            if here.is_empty() {
                remove_ref(&source, &folder, &name)?;
                continue;
            }
            let holder = write_object(&folder, &odb, ObjectType::Tree, &tree::serialise(here)?)?;
            set(&source, &folder, &name, holder)?;
        }
        // Last, for it says that the others are there.
        let holder = self.write_tree(entries)?;
        let lease = self.lease()?;
        set(&lease, self.directory(), &name, holder)?;
        Ok(true)
    }

    /// Whether exactly this is pinned already.
    ///
    /// # Errors
    /// `Invalid`, `Git`.
    pub fn has_pin(&self, pin: &Pin) -> Result<bool> {
        self.is_pinned(&ref_name(&pin.site, Some(pin.generation))?, &tree::serialise(held(pin).1)?)
    }

    /// Whether a ref of the object database stands for exactly this tree. No source is opened.
    fn is_pinned(&self, name: &str, holder: &[u8]) -> Result<bool> {
        let repository = open(self.directory())?;
        let wanted = git2::Oid::hash_object(ObjectType::Tree, holder).map_err(|error| fault(self.directory(), error))?;
        Ok(repository.refname_to_id(name).is_ok_and(|found| found == wanted))
    }

    /// Takes a pin away, or all of a site. What is not there is no error. Durable only after [`Objects::sync`].
    ///
    /// # Errors
    /// `Invalid`, `Git`.
    pub fn unpin(&self, site: &str, generation: Option<u64>) -> Result<()> {
        let name = ref_name(site, generation)?;
        let folders = std::iter::once(self.directory().to_owned()).chain(source_folders(self.sources())?);
        for folder in folders {
            let repository = open(&folder)?;
            if generation.is_some() {
                remove_ref(&repository, &folder, &name)?;
                continue;
            }
            for name in names_below(&repository, &folder, &name) {
                remove_ref(&repository, &folder, &name)?;
            }
        }
        Ok(())
    }

    /// Every pin, by site and generation.
    ///
    /// # Errors
    /// `Git`.
    pub fn pins(&self) -> Result<Vec<Pin>> {
        let lease = self.lease()?;
        let references = lease.references_glob("refs/pins/*").map_err(|error| fault(self.directory(), error))?;
        let mut pins = Vec::new();
        for reference in references {
            let reference = reference.map_err(|error| fault(self.directory(), error))?;
            let (Ok(name), Some(target)) = (reference.name(), reference.target()) else { continue };
            let Some((site, generation)) = name.strip_prefix("refs/pins/").and_then(|rest| rest.rsplit_once('/')) else { continue };
            let Ok(generation) = generation.parse() else { continue };
            let mut pin = Pin { site: site.to_owned(), generation, tree: ObjectId::EMPTY_TREE, elements: Vec::new() };
            let holder = from_oid(target);
            self.with_object(holder, ObjectType::Tree, |bytes| {
                for named in tree::parse(bytes, holder, "")? {
                    match named.item {
                        Item::Folder(id) if named.name == SITE => pin.tree = id,
                        Item::Folder(id) => pin.elements.push(id),
                        _ => {}
                    }
                }
                Ok(())
            })?;
            pins.push(pin);
        }
        pins.sort_by(|a, b| (&a.site, a.generation).cmp(&(&b.site, b.generation)));
        Ok(pins)
    }

    /// The objects that pins point at themselves.
    ///
    /// # Errors
    /// `Git`.
    pub(super) fn pin_holders(&self, but: Option<&str>) -> Result<Vec<ObjectId>> {
        let lease = self.lease()?;
        let but = but.map(|site| ref_name(site, None).map(|name| format!("{name}/"))).transpose()?;
        let of_others = |name: &str| but.as_ref().is_none_or(|but| !name.starts_with(but.as_str()));
        let references = lease.references().map_err(|error| fault(self.directory(), error))?;
        Ok(references.flatten().filter(|reference| reference.name().is_ok_and(of_others)).filter_map(|reference| reference.target()).map(from_oid).collect())
    }
}

/// The element trees of a pin, each once, and what its holder holds.
fn held(pin: &Pin) -> (Vec<ObjectId>, Vec<NewEntry>) {
    let mut trees: Vec<ObjectId> = pin.elements.clone();
    trees.sort_unstable();
    trees.dedup();
    let mut entries: Vec<NewEntry> = trees
        .iter()
        .filter(|tree| **tree != ObjectId::EMPTY_TREE)
        .map(|tree| NewEntry { name: tree.to_string(), kind: NewEntryKind::Folder, id: *tree })
        .collect();
    if pin.tree != ObjectId::EMPTY_TREE {
        entries.push(NewEntry { name: SITE.to_owned(), kind: NewEntryKind::Folder, id: pin.tree });
    }
    (trees, entries)
}

fn ref_name(site: &str, generation: Option<u64>) -> Result<String> {
    let plain = !site.is_empty() && site.len() <= 100 && site.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !plain {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` is not the id of a site", site.escape_debug()))
            .hint("`greffon status` shows the ids of this manifest's sites"));
    }
    Ok(match generation {
        Some(number) => format!("refs/pins/{site}/{number}"),
        None => format!("refs/pins/{site}"),
    })
}

fn open(folder: &Path) -> Result<Repository> {
    Repository::open_bare(folder).map_err(|error| fault(folder, error))
}

fn set(repository: &Repository, folder: &Path, name: &str, target: ObjectId) -> Result<()> {
    if repository.refname_to_id(name).is_ok_and(|there| from_oid(there) == target) {
        return Ok(());
    }
    write_ref(folder, name, target, false)
}

fn fault(folder: &Path, error: git2::Error) -> Error {
    Error::new(ErrorKind::Git, format!("could not keep the pins of `{}`", PathBuf::from(folder).display())).caused_by(PlainError::from(error))
}
