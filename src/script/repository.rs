//! Git repositories of this machine that a script names. A repository may borrow the objects and refs of another, by a file that says
//! where they are or by a link: what it borrows from must be granted like the repository itself.

use std::path::{Path, PathBuf};

use super::grants::{Allowed, Kind};
use crate::error::Result;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::witness::Kind as What;

/// Repositories that borrow from each other: so many in a row.
const DEEPEST: usize = 8;

impl Allowed {
    /// The real path of a repository that may be read, with all that it borrows from.
    ///
    /// # Errors
    /// `Refused` with the line to add; `Io`.
    pub fn may_read_repository(&self, path: &str) -> Result<PathBuf> {
        let real = self.may_read(path)?;
        self.look_at(&real, 0)?;
        Ok(real)
    }

    fn look_at(&self, real: &Path, depth: usize) -> Result<()> {
        let Some(folder) = self.opened(real, depth)? else { return Ok(()) };
        match folder.witness(".git")?.map(|found| found.kind()) {
            Some(What::File) => {
                let said = text(&folder, ".git")?;
                let Some(target) = said.strip_prefix("gitdir:") else { return Ok(()) };
                self.look_at(&self.borrowed(real, target.trim())?, depth + 1)
            }
            Some(What::Directory) => self.git_folder(&real.join(".git"), depth + 1),
            Some(_) => self.borrowed(real, ".git").and_then(|real| self.git_folder(&real, depth + 1)),
            None => self.git_folder(real, depth + 1),
        }
    }

    fn git_folder(&self, real: &Path, depth: usize) -> Result<()> {
        let Some(folder) = self.opened(real, depth)? else { return Ok(()) };
        self.links(&folder, real)?;
        for below in ["objects", "objects/pack", "objects/info"] {
            if let Some(folder) = folder.sub(below)? {
                self.links(&folder, &real.join(below))?;
            }
        }
        if let Some(refs) = folder.sub("refs")? {
            self.links_below(&refs, &real.join("refs"), 0)?;
        }
        self.objects(&real.join("objects"), depth)?;
        match text(&folder, "commondir")?.trim() {
            "" => Ok(()),
            common => self.git_folder(&self.borrowed(real, common)?, depth + 1),
        }
    }

    fn objects(&self, real: &Path, depth: usize) -> Result<()> {
        let Some(info) = self.opened(&real.join("info"), depth)? else { return Ok(()) };
        for line in text(&info, "alternates")?.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            self.objects(&self.borrowed(real, line.trim_matches('"'))?, depth + 1)?;
        }
        Ok(())
    }

    /// A folder, opened so that no link leads elsewhere; `None` where there is none.
    fn opened(&self, real: &Path, depth: usize) -> Result<Option<Dir>> {
        if depth > DEEPEST {
            return Err(self.refusal(Kind::Read, &real.to_string_lossy()));
        }
        let Some(root) = Dir::open(Path::new("/"))? else { return Ok(None) };
        root.sub(real.to_string_lossy().trim_matches('/'))
    }

    /// What a repository refers to, seen from one of its folders.
    fn borrowed(&self, from: &Path, target: &str) -> Result<PathBuf> {
        self.may_read(&from.join(target).to_string_lossy())
    }

    fn links(&self, folder: &Dir, real: &Path) -> Result<()> {
        let mut links = folder.names()?.into_iter().filter(|(_, kind)| *kind == What::Symlink);
        links.try_for_each(|(name, _)| self.borrowed(real, &name).map(drop))
    }

    fn links_below(&self, folder: &Dir, real: &Path, depth: usize) -> Result<()> {
        self.links(folder, real)?;
        for (name, _) in folder.names()?.into_iter().filter(|(_, kind)| *kind == What::Directory && depth < 64) {
            if let Some(below) = folder.sub(&name)? {
                self.links_below(&below, &real.join(&name), depth + 1)?;
            }
        }
        Ok(())
    }
}

/// A small file's text; empty where there is none.
fn text(folder: &Dir, name: &str) -> Result<String> {
    match folder.witness(name)? {
        Some(found) if found.kind() == What::File && found.size < 1 << 20 => Ok(String::from_utf8_lossy(&folder.read(name)?.unwrap_or_default()).into_owned()),
        _ => Ok(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::script::Grants;

    #[test]
    #[allow(clippy::disallowed_methods)]
    fn what_is_borrowed_must_be_granted_too() {
        let scratch = tempfile::tempdir().expect("a folder");
        let base = scratch.path();
        for folder in ["out.git/objects/info", "out.git/refs/heads"] {
            std::fs::create_dir_all(base.join(folder)).expect("made");
        }
        let make = |name: &str| {
            for folder in ["objects/info", "objects/pack", "refs/heads/deep"] {
                std::fs::create_dir_all(base.join("in").join(name).join(folder)).expect("made");
            }
            base.join("in").join(name)
        };
        let write = |path: PathBuf, text: &str| std::fs::write(path, text).expect("written");
        make("plain.git");
        make("work/.git");
        write(make("near.git").join("objects/info/alternates"), "../../plain.git/objects\n");
        write(make("alternates.git").join("objects/info/alternates"), "../../../out.git/objects\n");
        write(make("far.git").join("objects/info/alternates"), "../../alternates.git/objects\n");
        write(make("common.git").join("commondir"), "../../out.git");
        std::fs::create_dir_all(base.join("in/file")).expect("made");
        write(base.join("in/file/.git"), "gitdir: ../../out.git\n");
        std::fs::create_dir_all(base.join("in/link")).expect("made");
        symlink("../../out.git", base.join("in/link/.git")).expect("linked");
        let linked = make("objects.git");
        std::fs::remove_dir_all(linked.join("objects")).expect("removed");
        symlink("../../out.git/objects", linked.join("objects")).expect("linked");
        symlink("../../../../../out.git/refs/heads", make("refs.git").join("refs/heads/deep/x")).expect("linked");
        write(make("round.git").join("objects/info/alternates"), "../../round.git/objects\n");
        let grants = Grants { read: vec!["in".into()], ..Grants::default() };
        let some = Allowed { name: "x".into(), grants, base: base.to_owned(), extension: base.join("e"), site: None, own_read: vec![], own_write: vec![] };
        for fine in ["plain.git", "work", "work/.git", "near.git", "none.git"] {
            assert!(some.may_read_repository(&format!("in/{fine}")).is_ok(), "{fine}");
        }
        for bad in ["alternates.git", "far.git", "common.git", "file", "link", "objects.git", "refs.git", "round.git"] {
            assert!(some.may_read_repository(&format!("in/{bad}")).is_err(), "{bad}");
        }
    }
}
