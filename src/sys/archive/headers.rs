//! The extension headers of a tar (PAX `x` and `g`, GNU long names), read a second time and more strictly than the `tar` crate
//! does: where the two readings differ, the archive is refused.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use tar::{EntryType, Header};

use crate::error::{Error, ErrorKind, Result};
use crate::sys::fs::shown;

use super::policy::refused;

/// Headers, long names and PAX records of one entry; the crate keeps them in memory.
const LIMIT: usize = 1 << 20;
const BLOCK: usize = 512;

/// What the crate reads on its way to the next entry, kept for a second reading; and a limit on it, so that no declared size
/// decides what memory it takes.
#[derive(Clone, Default)]
pub(super) struct Watch(Rc<RefCell<Watched>>);

#[derive(Default)]
struct Watched {
    /// Bytes of the tar so far.
    position: u64,
    /// What was read since [`Watch::begin`], until [`Watch::end`].
    headers: Option<Vec<u8>>,
    begun: u64,
}

impl Watch {
    /// From here on everything read is headers.
    pub(super) fn begin(&self) {
        let mut watched = self.0.borrow_mut();
        watched.begun = watched.position;
        watched.headers = Some(Vec::new());
    }

    /// The extension headers that stood before the entry: their kind and content. What follows is content and without limit here.
    pub(super) fn end(&self) -> io::Result<Vec<(EntryType, Vec<u8>)>> {
        let mut watched = self.0.borrow_mut();
        let bytes = watched.headers.take().unwrap_or_default();
        let mut rest = bytes.get(padding(watched.begun)..).unwrap_or_default();
        let mut found = Vec::new();
        while let Some((block, after)) = rest.split_at_checked(BLOCK) {
            let header = Header::from_byte_slice(block);
            let kind = header.entry_type();
            if !(kind.is_pax_local_extensions() || kind.is_gnu_longname() || kind.is_gnu_longlink()) {
                break;
            }
            let size = usize::try_from(header.entry_size()?).map_err(io::Error::other)?;
            let content = after.get(..size).ok_or_else(|| io::Error::other("an extension header is cut off"))?;
            found.push((kind, content.to_vec()));
            rest = after.get(size + padding(size as u64)..).unwrap_or_default();
        }
        Ok(found)
    }
}

fn padding(position: u64) -> usize {
    (BLOCK - (position % BLOCK as u64) as usize) % BLOCK
}

/// The reader that the crate is given.
pub(super) struct Watching<R> {
    pub(super) inner: R,
    pub(super) watch: Watch,
}

impl<R: Read> Read for Watching<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let mut watched = self.watch.0.borrow_mut();
        watched.position += count as u64;
        if let Some(headers) = &mut watched.headers {
            headers.extend_from_slice(&buffer[..count]);
            if headers.len() > LIMIT {
                return Err(io::Error::other("its headers are larger than 1 MiB"));
            }
        }
        Ok(count)
    }
}

/// What a reader of the entry must agree with.
pub(super) struct Reading<'a> {
    pub(super) name: &'a [u8],
    pub(super) link: Option<&'a [u8]>,
    pub(super) size: u64,
    /// The size in the plain header.
    pub(super) plain_size: Option<u64>,
}

/// PAX records must be well formed, say a thing once, and agree with what the crate made of them.
pub(super) fn check_local(extensions: &[(EntryType, Vec<u8>)], entry: &Reading<'_>) -> Result<()> {
    let unsound = |why: &str| Err(refused(format!("the headers of `{}` {why}", shown(entry.name))));
    for (_, body) in extensions.iter().filter(|(kind, _)| kind.is_pax_local_extensions()) {
        let Some(records) = records(body) else { return unsound("are damaged") };
        let mut seen: Vec<&[u8]> = Vec::new();
        for (key, value) in records {
            if key.starts_with(b"GNU.sparse.") {
                return Err(Error::new(ErrorKind::Unsupported, format!("`{}` is a sparse file in a PAX archive", shown(entry.name)))
                    .hint("ask its author for an archive made without `--sparse`"));
            }
            let agrees = match key {
                b"path" => value == entry.name,
                b"linkpath" => entry.link.is_none_or(|link| link == value),
                b"size" => {
                    let value = std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok());
                    // The plain field may be 0 where the size does not fit into it, and must say the same otherwise.
                    value == Some(entry.size) && matches!(entry.plain_size, Some(plain) if plain == 0 || plain == entry.size)
                }
                _ => continue,
            };
            if !agrees {
                return unsound("contradict each other");
            }
            if seen.contains(&key) {
                return unsound("say one thing twice");
            }
            seen.push(key);
        }
    }
    // The crate looks for records line by line: one that only it sees hides inside a value.
    let named = |kind: fn(&EntryType) -> bool, key: &[u8]| {
        extensions.iter().any(|(extension, body)| {
            kind(extension) || (extension.is_pax_local_extensions() && records(body).is_some_and(|mut records| records.any(|record| record.0 == key)))
        })
    };
    let hidden = extensions.iter().filter(|(kind, _)| kind.is_pax_local_extensions()).any(|(_, body)| {
        tar::PaxExtensions::new(body).flatten().any(|record| match record.key_bytes() {
            b"path" => !named(EntryType::is_gnu_longname, b"path"),
            b"linkpath" => !named(EntryType::is_gnu_longlink, b"linkpath"),
            b"size" => !named(|_| false, b"size"),
            _ => false,
        })
    });
    if hidden { unsound("hide one record in another") } else { Ok(()) }
}

/// A global header may say anything but what an entry is called and how long it is: programs disagree on what it then holds for.
pub(super) fn check_global(before: &[(EntryType, Vec<u8>)], body: &[u8]) -> Result<()> {
    if !before.is_empty() {
        return Err(refused("a global header stands between an entry and the headers that belong to it"));
    }
    let Some(mut records) = records(body) else { return Err(refused("a global header is damaged")) };
    if records.any(|(key, _)| matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(b"GNU.sparse.")) {
        return Err(refused("a global header sets a name or a size for every entry after it"));
    }
    Ok(())
}

/// The records of a PAX header, `LENGTH KEY=VALUE` and a line feed each, by their lengths; `None` when they are not well formed.
fn records(body: &[u8]) -> Option<std::vec::IntoIter<(&[u8], &[u8])>> {
    let mut found = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let space = rest.iter().take(8).position(|byte| *byte == b' ')?;
        let digits = std::str::from_utf8(&rest[..space]).ok().filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
        let length: usize = digits.parse().ok()?;
        let record = rest.get(space + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=').filter(|at| *at > 0)?;
        found.push((&record[..equals], &record[equals + 1..]));
        rest = &rest[length..];
    }
    Some(found.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8]) -> Reading<'_> {
        Reading { name, link: None, size: 5, plain_size: Some(5) }
    }

    fn local(body: &[u8]) -> Vec<(EntryType, Vec<u8>)> {
        vec![(EntryType::XHeader, body.to_vec())]
    }

    #[test]
    fn records_are_read_by_their_lengths() {
        assert!(check_local(&local(b"13 path=name\n"), &entry(b"name")).is_ok());
        assert!(check_local(&local(b"13 path=name\n10 size=5\n"), &entry(b"name")).is_ok());
        assert!(check_local(&local(b"12 x.y=\n\n\0\x01\n"), &entry(b"name")).is_ok(), "a binary value");
    }

    #[test]
    fn records_that_readers_could_take_differently_are_refused() {
        for (body, why) in [
            (&b"13 path=name"[..], "not ended"),
            (b"13 path=name\n13 path=name\n", "twice"),
            (b"14 path=other\n", "another name than the crate read"),
            (b"10 size=6\n", "another size"),
            (b"99 path=name\n", "too long"),
            (b"13 path=name\n\0\0", "rubbish behind"),
            (b"26 comment=x\n13 path=name\n\n", "hidden in a value"),
            (b"+13 path=name\n", "a signed length"),
        ] {
            assert!(check_local(&local(body), &entry(b"name")).is_err(), "{why}");
        }
        let contradicting = Reading { plain_size: Some(4), ..entry(b"name") };
        assert!(check_local(&local(b"10 size=5\n"), &contradicting).is_err());
    }

    #[test]
    fn a_global_header_may_not_rename() {
        assert!(check_global(&[], b"19 comment=deadbeef\n").is_err(), "a wrong length");
        assert!(check_global(&[], b"20 comment=deadbeef\n").is_ok());
        assert!(check_global(&[], b"13 path=name\n").is_err());
        assert!(check_global(&local(b"13 path=name\n"), b"").is_err());
    }
}
