//! Objects and refs as plain files of a bare repository, so written that neither a kill nor a power cut leaves one that stands in
//! the way of the next run. libgit2 believes in every object file that is there, also in one that a power cut left empty; and it
//! gives up before the lock file of a ref that a killed process left.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use git2::{ErrorCode, ObjectType, Odb, Repository};

use super::alternates::{is_group_shared, share};
use super::objects::oid;
use super::pack::hash_object;
use super::pool::PlainError;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::sys::fs::failpoint;

/// Writes an object into a repository's own folder, unless it is there (or in a pack, or an alternate) and whole. Durable with the
/// next sync of the file system; until then a power cut may leave it empty, and whoever writes it again mends it.
///
/// # Errors
/// `Io`, `Git`.
pub(super) fn write_object(directory: &Path, odb: &Odb<'_>, kind: ObjectType, bytes: &[u8]) -> Result<ObjectId> {
    let id = hash_object(kind.str(), bytes);
    let name = id.to_string();
    let folder = directory.join("objects").join(&name[..2]);
    let path = folder.join(&name[2..]);
    let header = format!("{} {}\0", kind.str(), bytes.len());
    let there = match fs_err::read(&path) {
        Ok(packed) => holds(&packed, header.as_bytes(), bytes),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound && odb.exists(oid(id)?),
    };
    if there {
        return Ok(id);
    }
    let failed = |error| Error::io("write an object into", directory, error).hint("is the disk full, or the stock read-only?");
    make_folders(&folder)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o444);
    // git's own name for it: `git gc` and `git prune` tidy up what a killed process leaves.
    let file = tempfile::Builder::new().prefix("tmp_obj_").permissions(mode).tempfile_in(&folder).map_err(failed)?;
    let mut packer = ZlibEncoder::new(file, Compression::fast());
    packer.write_all(header.as_bytes()).and_then(|()| packer.write_all(bytes)).map_err(failed)?;
    let file = packer.finish().map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(id)
}

fn holds(packed: &[u8], header: &[u8], bytes: &[u8]) -> bool {
    let (length, mut found) = (header.len() + bytes.len(), Vec::new());
    ZlibDecoder::new(packed).take(length as u64 + 1).read_to_end(&mut found).is_ok()
        && found.len() == length
        && found.starts_with(header)
        && found.ends_with(bytes)
}

/// Whether an object lies in a file of its own below a folder of objects and that file is cut off or damaged. To be asked before libgit2
/// reads an object of a folder that others write: it never comes back from a file that ends too early.
pub(super) fn is_torn(objects: &Path, id: git2::Oid) -> bool {
    let name = id.to_string();
    let Ok(file) = fs_err::File::open(objects.join(&name[..2]).join(&name[2..])) else { return false };
    let mut decoder = ZlibDecoder::new(file);
    let mut buffer = vec![0; 32 * 1024];
    let mut head: Vec<u8> = Vec::new();
    let mut length = 0u64;
    loop {
        match decoder.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                if head.len() < 32 {
                    head.extend(buffer[..count].iter().take(32));
                }
                length += count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return true,
        }
    }
    // `blob 12` and a zero byte before the content.
    let Some(end) = head.iter().position(|byte| *byte == 0) else { return true };
    let said = std::str::from_utf8(&head[..end]).ok().and_then(|head| head.rsplit_once(' ')).and_then(|(_, size)| size.parse::<u64>().ok());
    said.is_none_or(|said| said + end as u64 + 1 != length)
}

/// Makes a ref stand for an object, whatever its file holds now. The object must be there. `durable`: so that a power cut leaves the
/// earlier one or this one; otherwise it is safe with the next sync of the file system.
///
/// # Errors
/// `Io`.
pub(super) fn write_ref(directory: &Path, name: &str, id: ObjectId, durable: bool) -> Result<()> {
    let path = directory.join(name);
    let folder = path.parent().unwrap_or(directory);
    make_folders(folder)?;
    let failed = |error| Error::io("write", &path, error);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    let mut file = tempfile::Builder::new().prefix(".tmp-").permissions(mode).tempfile_in(directory).map_err(failed)?;
    file.write_all(format!("{id}\n").as_bytes()).map_err(failed)?;
    let durable = durable && !failpoint::broken("sync");
    if durable {
        file.as_file().sync_all().map_err(failed)?;
    }
    file.persist(&path).map_err(|error| failed(error.error))?;
    let _ = fs_err::remove_file(lock_of(&path));
    if durable { crate::sys::fs::sync_directory(folder) } else { Ok(()) }
}

/// Takes a ref away, a damaged one too; one that is not there is no error.
///
/// # Errors
/// `Io`, `Git`.
pub(super) fn remove_ref(repository: &Repository, directory: &Path, name: &str) -> Result<()> {
    let path = directory.join(name);
    match fs_err::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", &path, error)),
        _ => {}
    }
    let _ = fs_err::remove_file(lock_of(&path));
    // Other tools may have packed it.
    match repository.find_reference(name).and_then(|mut reference| reference.delete()) {
        Err(error) if error.code() != ErrorCode::NotFound => {
            Err(Error::new(ErrorKind::Git, format!("could not remove `{name}` from `{}`", directory.display())).caused_by(PlainError::from(error)))
        }
        _ => Ok(()),
    }
}

/// The names of a folder of refs, damaged ones too.
pub(super) fn names_below(repository: &Repository, directory: &Path, folder: &str) -> Vec<String> {
    let mut names: Vec<String> = match repository.references_glob(&format!("{folder}/*")) {
        Ok(mut references) => references.names().flatten().map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    };
    if let Ok(listing) = fs_err::read_dir(directory.join(folder)) {
        names.extend(listing.flatten().filter_map(|entry| Some(format!("{folder}/{}", entry.file_name().to_str()?))));
    }
    names.sort();
    names.dedup();
    names
}

/// Writes to disk what a fresh repository needs to be one: before it is moved to its place.
///
/// # Errors
/// `Io`.
pub(super) fn sync_fresh(place: &Path) -> Result<()> {
    if failpoint::broken("sync") {
        return Ok(());
    }
    for name in ["HEAD", "config"] {
        let path = place.join(name);
        fs_err::File::open(&path).and_then(|file| file.sync_all()).map_err(|error| Error::io("write to disk", &path, error))?;
    }
    for name in ["refs", "objects", ""] {
        crate::sys::fs::sync_directory(&place.join(name))?;
    }
    Ok(())
}

fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// As `create_dir_all`; what is made in a folder that its group shares is shared, too.
fn make_folders(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let Some(above) = folder.parent() else { return Ok(()) };
    make_folders(above)?;
    match fs_err::create_dir(folder) {
        Ok(()) if is_group_shared(above) => share(folder),
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::io("make", folder, error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;

    fn repository() -> (tempfile::TempDir, Repository) {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let repository = Repository::init_bare(folder.path()).expect("a repository");
        (folder, repository)
    }

    #[test]
    fn an_object_that_a_power_cut_emptied_is_written_again() {
        let (folder, repository) = repository();
        let odb = repository.odb().expect("its objects");
        let id = write_object(folder.path(), &odb, ObjectType::Blob, b"content").expect("written");
        let name = id.to_string();
        let path = folder.path().join("objects").join(&name[..2]).join(&name[2..]);
        let written = std::fs::metadata(&path).expect("there").modified().expect("a time");
        write_object(folder.path(), &odb, ObjectType::Blob, b"content").expect("written");
        assert_eq!(std::fs::metadata(&path).expect("there").modified().expect("a time"), written, "a whole one is left alone");
        for damage in [&b""[..], b"\0\0\0\0\0\0", b"x\x9c"] {
            std::fs::remove_file(&path).expect("removed");
            std::fs::write(&path, damage).expect("damaged");
            write_object(folder.path(), &odb, ObjectType::Blob, b"content").expect("written again");
            let blob = repository.find_blob(oid(id).expect("an id")).expect("whole");
            assert_eq!(blob.content(), b"content");
        }
    }

    #[test]
    fn a_ref_that_a_power_cut_emptied_or_a_kill_locked_is_written_and_removed() {
        let (folder, repository) = repository();
        let odb = repository.odb().expect("its objects");
        let id = write_object(folder.path(), &odb, ObjectType::Tree, b"").expect("written");
        let name = "refs/pins/site/1";
        let path = folder.path().join(name);
        write_ref(folder.path(), name, id, true).expect("written");
        for (file, bytes) in [("1", ""), ("1.lock", ""), ("1.lock", "half")] {
            std::fs::write(path.with_file_name(file), bytes).expect("damaged");
            write_ref(folder.path(), name, id, false).expect("written again");
            assert_eq!(repository.refname_to_id(name).expect("readable"), oid(id).expect("an id"));
            assert!(!lock_of(&path).exists());
        }
        std::fs::write(&path, "").expect("damaged");
        std::fs::write(lock_of(&path), "").expect("locked");
        assert_eq!(names_below(&repository, folder.path(), "refs/pins/site"), [name.to_owned(), format!("{name}.lock")]);
        remove_ref(&repository, folder.path(), name).expect("removed");
        remove_ref(&repository, folder.path(), name).expect("nothing to remove");
        assert!(names_below(&repository, folder.path(), "refs/pins/site").is_empty());
        write_ref(folder.path(), name, id, false).expect("written");
        let packed = std::process::Command::new("git").arg("-C").arg(folder.path()).args(["pack-refs", "--all"]).status().expect("git runs");
        assert!(packed.success() && !path.exists());
        remove_ref(&repository, folder.path(), name).expect("removed");
        assert!(repository.find_reference(name).is_err());
    }
}
