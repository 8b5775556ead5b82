//! Files that are in no object database, lent to one: for as long as the loan lives they are read like any other tree, and nothing
//! is written. So an installer can read what stands in a site as it reads what is in the stock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use super::objects::{NewEntry, NewEntryKind, Objects};
use super::pack::hash_object;
use super::tree;
use crate::error::Result;
use crate::model::{Entry, ObjectId};

/// Reads a file by its path; `None`: it is no longer there.
pub type Reader = Box<dyn Fn(&str) -> Result<Option<Vec<u8>>> + Send + Sync>;

/// What is lent at the time.
pub(super) type Shelf = RwLock<Option<Arc<Lent>>>;

pub(super) struct Lent {
    trees: HashMap<ObjectId, Vec<u8>>,
    files: HashMap<ObjectId, String>,
    read: Reader,
}

impl std::fmt::Debug for Lent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lent").field("trees", &self.trees.len()).field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl Lent {
    /// A tree's bytes, or a file's as long as they are what they were lent as.
    pub(super) fn bytes(&self, id: ObjectId) -> Result<Option<Vec<u8>>> {
        if let Some(tree) = self.trees.get(&id) {
            return Ok(Some(tree.clone()));
        }
        let Some(path) = self.files.get(&id) else { return Ok(None) };
        Ok((self.read)(path)?.filter(|bytes| hash_object("blob", bytes) == id))
    }
}

/// Files on loan, until this goes.
#[derive(Debug)]
pub struct Loan<'a> {
    objects: &'a Objects,
    root: ObjectId,
}

impl Loan<'_> {
    /// The tree that they make.
    #[must_use]
    pub fn tree(&self) -> ObjectId {
        self.root
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        *self.objects.shelf().write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Objects {
    /// Lends files, which `read` gives by their paths, to whoever reads from here. One loan at a time.
    ///
    /// # Errors
    /// `Invalid` for a name that git refuses.
    pub fn lend(&self, files: &BTreeMap<String, Entry>, read: Reader) -> Result<Loan<'_>> {
        let mut trees = HashMap::new();
        let root = folder(files, "", &mut trees)?;
        let files = files.iter().map(|(path, entry)| (entry.id, path.clone())).collect();
        *self.shelf().write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(Lent { trees, files, read }));
        Ok(Loan { objects: self, root })
    }
}

/// The tree of all files below a prefix, which is empty or ends in a slash.
fn folder(files: &BTreeMap<String, Entry>, prefix: &str, trees: &mut HashMap<ObjectId, Vec<u8>>) -> Result<ObjectId> {
    let mut entries = Vec::new();
    let mut next = files.range(prefix.to_owned()..).next();
    while let Some((path, entry)) = next.filter(|(path, _)| path.starts_with(prefix)) {
        let below = &path[prefix.len()..];
        match below.split_once('/') {
            None => {
                entries.push(NewEntry { name: below.to_owned(), kind: NewEntryKind::File(entry.mode), id: entry.id });
                next = files.range::<String, _>((std::ops::Bound::Excluded(path.clone()), std::ops::Bound::Unbounded)).next();
            }
            Some((name, _)) => {
                let inner = format!("{prefix}{name}/");
                let id = folder(files, &inner, trees)?;
                entries.push(NewEntry { name: name.to_owned(), kind: NewEntryKind::Folder, id });
                // `0` follows `/`: the first path that is not below the folder any more.
                next = files.range(format!("{prefix}{name}0")..).next();
            }
        }
    }
    let bytes = tree::serialise(entries)?;
    let id = hash_object("tree", &bytes);
    trees.insert(id, bytes);
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FileMode;
    use crate::roles::Trees as _;

    #[test]
    fn what_is_lent_is_read_and_never_written() {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let objects = Objects::open(&scratch.path().join("objects.git"), &scratch.path().join("sources")).expect("made");
        let blob = |text: &str| Entry { id: hash_object("blob", text.as_bytes()), mode: FileMode::Regular };
        // `a-b` and `a.c` sort between the file `a` … and the folder `a/`.
        let files: BTreeMap<String, Entry> =
            [("a/x", "1"), ("a/y/z", "2"), ("a-b", "3"), ("a.c", "4"), ("b", "5")].map(|(path, text)| (path.to_owned(), blob(text))).into();
        let mut written = Vec::new();
        let y = objects.write_tree(vec![entry("z", blob("2").id, false)]).expect("written");
        let a = objects.write_tree(vec![entry("x", blob("1").id, false), entry("y", y, true)]).expect("written");
        written.extend([entry("a", a, true), entry("a-b", blob("3").id, false), entry("a.c", blob("4").id, false), entry("b", blob("5").id, false)]);
        let nothing: Reader = Box::new(|_| Ok(None));
        assert_eq!(objects.lend(&files, nothing).expect("lent").tree(), objects.write_tree(written).expect("written"));

        let files: BTreeMap<String, Entry> = [("only/here", "secret"), ("changed", "before")].map(|(path, text)| (path.to_owned(), blob(text))).into();
        let read = |path: &str| Ok(Some(if path == "changed" { b"after".to_vec() } else { b"secret".to_vec() }));
        let loan = objects.lend(&files, Box::new(read)).expect("lent");
        let root = loan.tree();
        assert_eq!(objects.read(root, "only/here").expect("read"), Some(b"secret".to_vec()));
        assert!(objects.read(root, "changed").is_err(), "what is no longer what was lent is not given for it");
        assert!(!objects.has(root), "nothing was written");
        drop(loan);
        assert!(objects.list(root, "").is_err());
    }

    fn entry(name: &str, id: ObjectId, folder: bool) -> NewEntry {
        NewEntry { name: name.into(), kind: if folder { NewEntryKind::Folder } else { NewEntryKind::File(FileMode::Regular) }, id }
    }
}
