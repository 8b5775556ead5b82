//! What an entry of an archive may be called, may be, and may cost.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::sys::fs::{check_name, shown};
use crate::sys::git::Sink;

use super::Limits;

/// Below this much output no ratio is asked: small files of zeros are no bomb.
const FLOOR: u64 = 16 << 20;
/// Files up to this size go through memory, larger ones through a temporary file.
const IN_MEMORY: u64 = 8 << 20;

/// A refusal.
pub(super) fn refused(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Archive, text)
}

/// The path of an entry, as parts that may all be file names. No parts: the archive's root itself.
///
/// Refused: absolute paths, drives, backslashes, `..`, `.` in the middle, empty parts, control characters, names of `.git`,
/// and whatever is too long or too deep.
pub(super) fn path_parts<'a>(raw: &'a [u8], limits: &Limits) -> Result<Vec<&'a str>> {
    let name = || shown(raw);
    if raw.is_empty() {
        return Err(refused("an entry has no name"));
    }
    if raw.len() > limits.path {
        return Err(refused(format!("the path `{}` is longer than {} bytes", name(), limits.path)));
    }
    if raw[0] == b'/' {
        return Err(refused(format!("`{}` is an absolute path", name())));
    }
    if raw.contains(&b'\\') {
        return Err(refused(format!("`{}` holds a backslash, which some programs read as a separator", name()))
            .hint("ask its author for an archive that separates folders with `/`"));
    }
    let mut rest = raw;
    while let Some(shorter) = rest.strip_prefix(b"./") {
        rest = shorter;
    }
    rest = rest.strip_suffix(b"/").unwrap_or(rest);
    if rest.is_empty() || rest == b"." {
        return Ok(Vec::new());
    }
    if rest.len() >= 2 && rest[0].is_ascii_alphabetic() && rest[1] == b':' {
        return Err(refused(format!("`{}` names a drive", name())));
    }
    let parts: Vec<&str> = rest
        .split(|byte| *byte == b'/')
        .map(|part| check_name(part).map_err(|fault| refused(format!("`{}` may not be imported: a name in it {}", name(), fault.reason()))))
        .collect::<Result<_>>()?;
    if parts.len() > limits.depth {
        return Err(refused(format!("`{}` lies more than {} folders deep", name(), limits.depth)));
    }
    Ok(parts)
}

/// Whether a symbolic link that lies `depth` folders below the element's root stays inside of it: relative, and `..` only at
/// its beginning. A `..` after a name could lead out through another link, whatever it looks like.
pub(super) fn link_stays_inside(target: &[u8], depth: usize) -> bool {
    if target.is_empty() || target.len() > 1024 || target[0] == b'/' || target.contains(&b'\\') || target.iter().any(u8::is_ascii_control) {
        return false;
    }
    if std::str::from_utf8(target).is_err() || (target.len() >= 2 && target[0].is_ascii_alphabetic() && target[1] == b':') {
        return false;
    }
    let mut up = 0;
    let mut named = false;
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if named => return false,
            b".." => up += 1,
            part if check_name(part).is_err() => return false,
            _ => named = true,
        }
    }
    up <= depth
}

/// Counts what came out of an archive, as it comes.
pub(super) struct Meter {
    limits: Limits,
    packed: u64,
    entries: usize,
    total: u64,
    empty: Option<ObjectId>,
}

impl Meter {
    /// A meter for an archive of `packed` bytes.
    pub(super) fn new(limits: &Limits, packed: u64) -> Self {
        Self { limits: *limits, packed, entries: 0, total: 0, empty: None }
    }

    /// Counts an entry.
    pub(super) fn entry(&mut self) -> Result<()> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(refused(format!("it holds more than {} entries", self.limits.entries)));
        }
        Ok(())
    }

    /// How many entries there were.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    fn bytes(&mut self, count: usize, name: &[u8], so_far: u64) -> Result<()> {
        self.total += count as u64;
        let over = |what: String| Err(refused(what));
        if so_far > self.limits.file {
            return over(format!("`{}` unpacks to more than {}", shown(name), size(self.limits.file)));
        }
        if self.total > self.limits.total {
            return over(format!("it unpacks to more than {}", size(self.limits.total)));
        }
        if self.total > FLOOR && self.total > self.packed.saturating_mul(self.limits.ratio) {
            return over(format!("it unpacks to more than {} times its size, as bombs do", self.limits.ratio));
        }
        Ok(())
    }

    /// Takes a file's content, however long its header says it is.
    pub(super) fn file(&mut self, sink: &mut dyn Sink, scratch: &Path, name: &[u8], reader: &mut dyn Read) -> Result<ObjectId> {
        let mut memory: Vec<u8> = Vec::new();
        let mut spool: Option<std::fs::File> = None;
        let mut length = 0_u64;
        let mut buffer = [0_u8; 16 * 1024];
        let spooled = |error| Error::io("write a temporary file into", scratch, error);
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(refused(format!("`{}` is damaged", shown(name))).caused_by(error)),
            };
            length += count as u64;
            self.bytes(count, name, length)?;
            if spool.is_none() && length > IN_MEMORY {
                let mut file = tempfile::tempfile_in(scratch).map_err(spooled)?;
                file.write_all(&memory).map_err(spooled)?;
                memory = Vec::new();
                spool = Some(file);
            }
            match &mut spool {
                Some(file) => file.write_all(&buffer[..count]).map_err(spooled)?,
                None => memory.extend_from_slice(&buffer[..count]),
            }
        }
        match spool {
            Some(mut file) => {
                file.seek(SeekFrom::Start(0)).map_err(spooled)?;
                sink.blob_from(&mut file, length)
            }
            None if length == 0 => match self.empty {
                Some(id) => Ok(id),
                None => Ok(*self.empty.insert(sink.blob(&[])?)),
            },
            None => sink.blob(&memory),
        }
    }

    /// Reads a short content, such as a link's target.
    pub(super) fn short(&mut self, name: &[u8], reader: &mut dyn Read) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        reader.take(4097).read_to_end(&mut bytes).map_err(|error| refused(format!("`{}` is damaged", shown(name))).caused_by(error))?;
        if bytes.len() > 4096 {
            return Err(refused(format!("the link `{}` has a target of more than 4096 bytes", shown(name))));
        }
        self.bytes(bytes.len(), name, bytes.len() as u64)?;
        Ok(bytes)
    }
}

/// A size for people.
fn size(bytes: u64) -> String {
    if bytes >= 1 << 30 && bytes.is_multiple_of(1 << 30) {
        return format!("{} GiB", bytes >> 30);
    }
    if bytes >= 1 << 20 {
        return format!("{} MiB", bytes >> 20);
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(raw: &str) -> Result<Vec<&str>> {
        path_parts(raw.as_bytes(), &Limits::default())
    }

    #[test]
    fn plain_paths_are_split() {
        assert_eq!(parts("a/b.php").expect("fine"), ["a", "b.php"]);
        assert_eq!(parts("././a/").expect("fine"), ["a"]);
        assert!(parts("./").expect("the root").is_empty());
        assert_eq!(parts("a..b/...").expect("only dots in names"), ["a..b", "..."]);
    }

    #[test]
    fn paths_that_could_leave_or_deceive_are_refused() {
        for raw in ["", "/etc/passwd", "../x", "a/../x", "a/..", "a\\b", "C:x", "c:/x", "a//b", "a/./b", "a/\u{1b}[2J", "a/.git/config", ".GIT/x", "a/git~1"] {
            assert!(parts(raw).is_err(), "{raw:?} was accepted");
        }
        assert!(parts(&"a/".repeat(65)).is_err());
        assert!(parts(&"a".repeat(1025)).is_err());
    }

    #[test]
    fn links_may_point_inside_only() {
        for (target, depth, inside) in [
            ("b", 0, true),
            ("../b", 1, true),
            ("../../b", 1, false),
            ("..", 0, false),
            ("..", 1, true),
            ("sub/b", 0, true),
            ("sub/../b", 0, false),
            ("/etc", 3, false),
            ("", 0, false),
            ("C:x", 0, false),
            ("a\nb", 0, false),
            ("../.git/config", 2, false),
        ] {
            assert_eq!(link_stays_inside(target.as_bytes(), depth), inside, "{target:?} at {depth}");
        }
    }
}
