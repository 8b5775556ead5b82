//! Every file of a tree, and what makes a tree impossible to install.

use git2::{ObjectType, Odb};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{FileMode, ObjectId, TreeFile};
use crate::sys::fs::shown;
use crate::sys::pool;

use super::objects::{Objects, missing, oid, read};
use super::tree::{self, Item};

/// How many folders may lie inside each other; git itself has no limit, a stack has.
const DEPTH: usize = 128;
/// So many files are looked at by several threads.
const WORTH_A_THREAD: usize = 4_096;
/// No path that a system call takes is longer, and the folder around it needs some room.
const LONGEST: usize = 3968;
/// A git-LFS pointer is three short lines; the specification keeps it below 1,024 bytes, real ones are about 130.
const POINTER: u64 = 400;

pub(super) fn files(objects: &Objects, tree: ObjectId) -> Result<Vec<TreeFile>> {
    let mut found = Vec::new();
    if tree != ObjectId::EMPTY_TREE {
        let lease = objects.lease_with(tree)?;
        let odb = lease.odb().map_err(|error| missing(tree, ObjectType::Tree, error))?;
        walk(&odb, tree, &mut String::new(), 0, &mut found)?;
    }
    Ok(found)
}

/// In git's order of names the paths come out sorted by their bytes.
fn walk(odb: &Odb<'_>, tree: ObjectId, path: &mut String, depth: usize, found: &mut Vec<TreeFile>) -> Result<()> {
    if depth > DEPTH {
        return Err(Error::new(ErrorKind::Invalid, format!("the git tree has more than {DEPTH} folders inside each other below `{}`", shown(path.as_bytes()))));
    }
    let object = read(odb, tree, ObjectType::Tree)?;
    for named in tree::parse(object.data(), tree, path)? {
        let length = path.len();
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(named.name);
        if path.len() > LONGEST {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the git tree holds a path of more than {LONGEST} bytes, which cannot be installed: `{}…`", shown(&path.as_bytes()[..200])),
            )
            .hint("tell the author of the repository; greffon installs nothing of it"));
        }
        match named.item {
            Item::File(entry) => found.push(TreeFile { path: path.clone(), entry }),
            Item::Folder(id) => walk(odb, id, path, depth + 1, found)?,
            Item::Gitlink(_) => return Err(gitlink(path)),
        }
        path.truncate(length);
    }
    Ok(())
}

pub(super) fn gitlink(path: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("`{path}` is a submodule: a link to a commit of another repository, without its files"))
        .hint("write `submodules = true` at the element, beside its `git`, or use an archive that its author publishes")
}

/// The start of every pointer (git-LFS specification, version 1).
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1";

/// Whether a blob stands for a file that lies on a git-LFS server.
pub(crate) fn is_lfs_pointer(bytes: &[u8]) -> bool {
    (bytes.len() as u64) < POINTER && bytes.starts_with(LFS)
}

pub(crate) fn lfs(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("`{what}` is a git-LFS pointer: the repository does not hold the file itself"))
        .hint("use an archive that its author publishes; greffon does not speak git-LFS")
}

pub(super) fn check_installable(objects: &Objects, tree: ObjectId) -> Result<Vec<TreeFile>> {
    let files = files(objects, tree)?;
    let threads = if files.len() < WORTH_A_THREAD { 1 } else { std::thread::available_parallelism().map_or(1, usize::from).min(4) };
    let parts: Vec<&[TreeFile]> = files.chunks(files.len().div_ceil(threads).max(1)).collect();
    for checked in pool::each(threads, &parts, |part| check_files(objects, tree, part)) {
        checked?;
    }
    Ok(files)
}

fn check_files(objects: &Objects, tree: ObjectId, files: &[TreeFile]) -> Result<()> {
    let lease = objects.lease_with(tree)?;
    let odb = lease.odb().map_err(|error| missing(tree, ObjectType::Tree, error))?;
    for file in files.iter().filter(|file| file.entry.mode != FileMode::Symlink) {
        let (size, kind) = odb.read_header(oid(file.entry.id)?).map_err(|error| missing(file.entry.id, ObjectType::Blob, error))?;
        if kind != ObjectType::Blob {
            return Err(Error::new(ErrorKind::Git, format!("`{}` is listed as a file but is none", file.path)));
        }
        if size as u64 >= LFS.len() as u64 && (size as u64) < POINTER && is_lfs_pointer(read(&odb, file.entry.id, ObjectType::Blob)?.data()) {
            return Err(lfs(&file.path));
        }
    }
    Ok(())
}
