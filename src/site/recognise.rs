//! A tree that stands at a site's path without a state beside it: after `forget`, or when the state was lost. Where every file
//! that is wanted stands there already, byte for byte, it is taken over; nothing is written, and what else lies there is nobody's.

use super::index::Index;
use super::owners::Owners;
use super::scan::{State, scan};
use super::wanted::Wanted;
use super::{ApplyTree, Site};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;
use crate::sys::fs::beneath::Dir;

/// What the user is told of it.
pub(super) const NOTE: &str = "its files stood there as they are wanted: they were taken over";

/// What stands at a path, held against a wanted tree.
enum Recognised {
    /// Every wanted file is there. The index has no generation yet.
    Whole(Index),
    /// This many of so many files are others or missing; the first of them.
    Other(usize, usize, String),
}

impl Site {
    /// Holds every wanted file against what stands there. Reads all of them.
    fn recognise(&self, cx: &Context, root: &Dir, request: &ApplyTree) -> Result<Recognised> {
        let wanted = Wanted::list(self.stockroom.objects(), &Index::default(), request.tree, &request.grafts, self.places.inside.as_deref())?;
        let index = Index::new(0, request.tree, request.grafts.clone(), wanted.files.iter().map(|(path, entry)| (path.clone(), *entry, None)));
        let scan = scan(cx, self.stockroom.files(), root, &index, &Owners::new(&request.grafts), self.places.inside.as_deref(), true)?;
        let paths = index.paths();
        let mut others = paths.iter().filter(|(_, at)| !matches!(scan.files[*at], State::Clean(_)));
        let Some((first, _)) = others.next() else {
            return Ok(if paths.is_empty() { Recognised::Other(0, 0, String::new()) } else { Recognised::Whole(index) });
        };
        Ok(Recognised::Other(1 + others.count(), paths.len(), first.clone()))
    }

    /// Without a state only a tree that is just as wanted can be gone on with; said before a state is made.
    pub(super) fn must_recognise(&self, cx: &Context, request: &ApplyTree) -> Result<()> {
        let Some(root) = Dir::open(&self.places.root)? else { return Ok(()) };
        match self.recognise(cx, &root, request)? {
            Recognised::Whole(_) => Ok(()),
            Recognised::Other(differing, of, first) => Err(self.foreign(differing, of, &first)),
        }
    }

    /// The index of what stands there, where that is just as wanted.
    pub(super) fn taken_over(&self, cx: &Context, root: Option<&Dir>, request: &ApplyTree) -> Result<Option<Index>> {
        let Some(root) = root else { return Ok(None) };
        if root.is_empty()? {
            return Ok(None);
        }
        Ok(match self.recognise(cx, root, request)? {
            Recognised::Whole(index) => Some(index),
            Recognised::Other(..) => None,
        })
    }

    /// What `sync` says of a folder that is neither empty nor known, and is not what is wanted either.
    fn foreign(&self, differing: usize, of: usize, first: &str) -> Error {
        let path = self.path().display();
        let mut error = Error::new(ErrorKind::Site, format!("`{path}` holds files that greffon never installed; nothing was written"));
        if differing > 0 && differing < of {
            error = error.note(format!("{differing} of {of} files are not as they are wanted here, the first is `{first}`"));
        }
        error
            .hint(format!("name an empty folder, or move this one away and make the site anew: `mv {path} {path}.before && greffon sync --site {}`", self.name))
            .hint(format!("a folder that holds exactly what is wanted is taken over as it is; `greffon adopt {path}` takes over what stands there"))
    }
}
