//! What a remote offers: read from what servers and `git ls-remote` say, and kept for the times without a network.

use std::collections::HashMap;
use std::path::Path;

use super::RemoteRef;
use super::url::is_ref;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;

/// The file of a source that holds what its remote said last.
const FILE: &str = "greffon-refs";
/// How its next text is called while it is written: without the source's lock, so no tidying of that lock's holder may take it.
pub(super) const COMING: &str = ".refs-";
/// Its first line.
const HEADER: &str = "greffon-refs 1";

/// A remote's first words over http: its refs and what it can do.
#[derive(Debug)]
pub(super) struct Advert {
    /// As they came, for libgit2.
    pub bytes: Vec<u8>,
    pub refs: Vec<RemoteRef>,
    /// Whether a commit may be asked for by its id.
    pub by_id: bool,
    /// Where packs are to be asked for, because the question for the refs was redirected.
    pub moved: Option<url::Url>,
}

impl Advert {
    /// Reads the answer to `info/refs?service=git-upload-pack` (git's gitprotocol-http and gitprotocol-pack, version 0).
    pub(super) fn read(bytes: Vec<u8>, shown: &str) -> Result<Self> {
        let broken = |reason: &str| Error::new(ErrorKind::Git, format!("`{shown}` does not speak git's protocol: {reason}"));
        let mut raw = Raw::default();
        let (mut capabilities, mut first, mut flushes) = (String::new(), true, 0);
        let mut rest = bytes.as_slice();
        while flushes < 2 {
            let length = rest.get(..4).and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| usize::from_str_radix(digits, 16).ok());
            let Some(length) = length else { return Err(broken("its list of refs is cut off or damaged").temporary()) };
            if length == 0 {
                flushes += 1;
                rest = &rest[4..];
                continue;
            }
            let Some(line) = rest.get(4..length.max(4)) else { return Err(broken("its list of refs is cut off").temporary()) };
            rest = &rest[length.max(4)..];
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end_matches('\n');
            if flushes == 0 || line.starts_with('#') {
                continue;
            }
            if let Some(message) = line.strip_prefix("ERR ") {
                return Err(Error::new(ErrorKind::Git, format!("`{shown}` answers: {}", plain(message))));
            }
            let (line, words) = line.split_once('\0').unwrap_or((line, ""));
            if std::mem::take(&mut first) {
                words.clone_into(&mut capabilities);
            }
            // What a shallow repository leaves out is its own business.
            if line.starts_with("shallow ") || line.starts_with("version ") {
                continue;
            }
            let Some((id, name)) = line.split_once(' ') else { return Err(broken("a line of its list of refs makes no sense")) };
            raw.add(id, name);
        }
        if capabilities.split(' ').any(|word| word.strip_prefix("object-format=").is_some_and(|format| format != "sha1")) {
            return Err(Error::new(ErrorKind::Unsupported, format!("`{shown}` names its objects by SHA-256, which is not supported yet")));
        }
        let by_id = capabilities.split(' ').any(|word| matches!(word, "allow-reachable-sha1-in-want" | "allow-any-sha1-in-want"));
        Ok(Self { bytes, refs: raw.refs(), by_id, moved: None })
    }
}

/// Reads lines of an id and a name, as `git ls-remote` prints them and [`remember`] keeps them.
pub(super) fn read_lines(text: &str) -> Vec<RemoteRef> {
    let mut raw = Raw::default();
    for line in text.lines() {
        if let Some((id, name)) = line.split_once('\t') {
            raw.add(id, name);
        }
    }
    raw.refs()
}

#[derive(Default)]
struct Raw {
    refs: Vec<RemoteRef>,
    peeled: HashMap<String, ObjectId>,
}

impl Raw {
    /// Takes branches, tags and HEAD; passes over everything else, and over names that git itself would not accept.
    fn add(&mut self, id: &str, name: &str) {
        let Ok(commit) = id.parse::<ObjectId>() else { return };
        if let Some(tag) = name.strip_suffix("^{}") {
            self.peeled.insert(tag.to_owned(), commit);
        } else if (name == "HEAD" || name.starts_with("refs/heads/") || name.starts_with("refs/tags/")) && is_ref(name) {
            self.refs.push(RemoteRef { name: name.to_owned(), commit });
        }
    }

    fn refs(mut self) -> Vec<RemoteRef> {
        for one in &mut self.refs {
            if let Some(commit) = self.peeled.get(&one.name) {
                one.commit = *commit;
            }
        }
        self.refs
    }
}

/// A server's words, fit for a message.
pub(super) fn plain(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect::<String>().trim().to_owned()
}

/// Keeps what a remote said, in the source's folder.
pub(super) fn remember(directory: &Path, refs: &[RemoteRef]) -> Result<()> {
    let lines: Vec<String> = refs.iter().map(|one| format!("{}\t{}\n", one.commit, one.name)).collect();
    let (path, text) = (directory.join(FILE), format!("{HEADER}\n{}", lines.concat()));
    if fs_err::read(&path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    write_named(directory, COMING, &path, text.as_bytes())
}

/// What a remote said last; `None`: it was never asked.
pub(super) fn recall(directory: &Path) -> Result<Option<Vec<RemoteRef>>> {
    let path = directory.join(FILE);
    let text = match fs_err::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", &path, error)),
    };
    match text.split_once('\n') {
        Some((HEADER, lines)) => Ok(Some(read_lines(lines))),
        Some((header, _)) if header.starts_with("greffon-refs ") => {
            Err(Error::new(ErrorKind::Newer, format!("`{}` was written by a newer greffon", path.display())).hint("update greffon on this machine"))
        }
        _ => Ok(None),
    }
}

/// When that was, in seconds since 1970.
pub(super) fn heard(directory: &Path) -> Option<i64> {
    let modified = fs_err::metadata(directory.join(FILE)).ok()?.modified().ok()?;
    i64::try_from(modified.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// Writes a file of a folder whole or not at all. Only under the source's lock: its next holder removes what is left over.
pub(super) fn write_beside(folder: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    write_named(folder, ".tmp-", path, bytes)
}

fn write_named(folder: &Path, prefix: &str, path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |error| Error::io("write", path, error);
    let mut beside = tempfile::Builder::new().prefix(prefix).permissions(std::fs::Permissions::from_mode(0o644)).tempfile_in(folder).map_err(failed)?;
    beside.write_all(bytes).map_err(failed)?;
    beside.as_file().sync_data().map_err(failed)?;
    beside.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "1111111111111111111111111111111111111111";
    const B: &str = "2222222222222222222222222222222222222222";

    fn line(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    fn advert(lines: &[String]) -> Vec<u8> {
        format!("{}0000{}0000", line("# service=git-upload-pack\n"), lines.concat()).into_bytes()
    }

    #[test]
    fn an_advert_is_read_with_tags_peeled() {
        let bytes = advert(&[
            line(&format!("{A} HEAD\0multi_ack allow-reachable-sha1-in-want symref=HEAD:refs/heads/main\n")),
            line(&format!("{A} refs/heads/main\n")),
            line(&format!("{A} refs/pull/1/head\n")),
            line(&format!("{A} refs/heads/bad..name\n")),
            line(&format!("{A} refs/tags/v1\n")),
            line(&format!("{B} refs/tags/v1^{{}}\n")),
            line(&format!("shallow {B}\n")),
        ]);
        let advert = Advert::read(bytes, "x").unwrap();
        let names: Vec<_> = advert.refs.iter().map(|one| (one.name.as_str(), one.commit.to_string())).collect();
        assert_eq!(names, [("HEAD", A.to_owned()), ("refs/heads/main", A.to_owned()), ("refs/tags/v1", B.to_owned())]);
        assert!(advert.by_id);
    }

    #[test]
    fn an_empty_repository_has_no_refs_and_damage_is_told() {
        let zero = "0".repeat(40);
        let empty = advert(&[line(&format!("{zero} capabilities^{{}}\0shallow\n"))]);
        assert!(Advert::read(empty, "x").unwrap().refs.is_empty());
        let whole = advert(&[line(&format!("{A} HEAD\0\n"))]);
        for cut in 0..whole.len() {
            assert!(Advert::read(whole[..cut].to_vec(), "x").is_err(), "cut at {cut}");
        }
        let error = Advert::read(advert(&[line("ERR no \u{1b}[31maccess\n")]), "x").unwrap_err();
        assert!(error.message().contains("no  [31maccess"), "{error}");
        let sha256 = advert(&[line(&format!("{} HEAD\0object-format=sha256\n", "1".repeat(64)))]);
        assert_eq!(Advert::read(sha256, "x").unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn what_was_said_is_remembered() {
        let scratch = tempfile::tempdir().unwrap();
        assert_eq!(recall(scratch.path()).unwrap(), None);
        let refs = read_lines(&format!("{A}\tHEAD\n{A}\trefs/tags/v1\n{B}\trefs/tags/v1^{{}}\nnonsense\n"));
        remember(scratch.path(), &refs).unwrap();
        assert_eq!(recall(scratch.path()).unwrap(), Some(refs));
        fs_err::write(scratch.path().join(FILE), "greffon-refs 2\n").unwrap();
        assert_eq!(recall(scratch.path()).unwrap_err().kind(), ErrorKind::Newer);
    }

    /// How many of many remembered texts failed to be written while another held the source's lock and tidied.
    fn failures_while_tidied(write: impl Fn(&Path, usize) -> Result<()>) -> usize {
        use std::sync::atomic::{AtomicBool, Ordering};
        let scratch = tempfile::tempdir().unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    super::super::fetch::sweep(scratch.path());
                }
            });
            let failures = (0..400).filter(|at| write(scratch.path(), *at).is_err()).count();
            done.store(true, Ordering::Relaxed);
            failures
        })
    }

    #[test]
    fn tidying_up_takes_nothing_that_is_being_remembered() {
        let remembered = failures_while_tidied(|folder, at| remember(folder, &read_lines(&format!("{A}\trefs/tags/v{at}\n"))));
        assert_eq!(remembered, 0);
        let unlocked = failures_while_tidied(|folder, at| write_beside(folder, &folder.join(FILE), at.to_string().as_bytes()));
        assert!(unlocked > 0, "the sweeper never met the writer");
    }

    #[test]
    fn what_a_killed_process_left_is_tidied_an_hour_later() {
        let scratch = tempfile::tempdir().unwrap();
        let (old, young) = (scratch.path().join(".refs-old"), scratch.path().join(".refs-young"));
        let file = fs_err::File::create(&old).unwrap();
        file.into_parts().0.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(4000)).unwrap();
        fs_err::write(&young, "").unwrap();
        super::super::fetch::sweep(scratch.path());
        assert_eq!((old.exists(), young.exists()), (false, true));
    }
}
