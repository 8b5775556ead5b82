//! One file with named members, for what is carried to another machine: a tar packed by zstd, whose bytes depend on what it holds
//! and on nothing else. Reading is strict: plain files with short names, no extension, nothing behind the end.

use std::io::{self, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};

use tar::{Archive, Builder, EntryType, Header};
use zstd::stream::{read::Decoder, write::Encoder};

use super::fs::{shown, sync_directory};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;

const LEVEL: i32 = 3;
/// The time that every member has: 1 January 1980.
const FIXED_TIME: u64 = 315_532_800;
/// Unpacked bytes per packed byte, once [`FLOOR`] came out.
const RATIO: u64 = 1000;
const FLOOR: u64 = 64 << 20;
/// What the decoder may use, as a power of two.
const WINDOW: u32 = 27;
/// Zeros after the end.
const PADDING: u64 = 1 << 20;

/// A parcel being written; nothing stands at its path before it is finished.
pub struct ParcelWriter {
    tar: Builder<Encoder<'static, BufWriter<tempfile::NamedTempFile>>>,
    path: PathBuf,
}

impl ParcelWriter {
    /// Begins one.
    ///
    /// # Errors
    /// `Io`.
    pub fn create(path: &Path) -> Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let fault = |error| Error::io("write", path, error);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".new-").permissions(std::fs::Permissions::from_mode(0o666));
        let file = builder.tempfile_in(folder_of(path)).map_err(fault)?;
        let mut encoder = Encoder::new(BufWriter::with_capacity(256 * 1024, file), LEVEL).map_err(fault)?;
        encoder.include_checksum(true).map_err(fault)?;
        Ok(Self { tar: Builder::new(encoder), path: path.to_owned() })
    }

    /// Adds a member.
    ///
    /// # Errors
    /// `Io`.
    pub fn member(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.append(name, bytes.len() as u64, bytes)
    }

    /// Adds a file as a member.
    ///
    /// # Errors
    /// `Io`.
    pub fn file(&mut self, name: &str, from: &Path) -> Result<()> {
        let fault = |error| Error::io("read", from, error);
        let file = fs_err::File::open(from).map_err(fault)?;
        let size = file.metadata().map_err(fault)?.len();
        self.append(name, size, file)
    }

    fn append(&mut self, name: &str, size: u64, reader: impl Read) -> Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_mtime(FIXED_TIME);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(size);
        let written = header.set_path(name).and_then(|()| {
            header.set_cksum();
            // A file that grows or shrinks meanwhile must not make the members after it unreadable.
            let mut exact = Exact { inner: reader, left: size };
            self.tar.append(&header, &mut exact)
        });
        written.map_err(|error| Error::io("write", &self.path, error))
    }

    /// Puts it in place, durably; gives its length.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(self) -> Result<u64> {
        let Self { tar, path } = self;
        let fault = |error| Error::io("write", &path, error);
        let file = tar.into_inner().and_then(Encoder::finish).map_err(fault)?.into_inner().map_err(|error| fault(error.into_error()))?;
        file.as_file().sync_all().map_err(fault)?;
        let size = file.as_file().metadata().map_err(fault)?.len();
        file.persist(&path).map_err(|error| fault(error.error))?;
        sync_directory(folder_of(&path))?;
        Ok(size)
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives exactly so many bytes, or fails.
struct Exact<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&mut self.inner).take(self.left).read(buffer)?;
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::other("it became shorter while it was read"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Reads a parcel: `take` is given each member's name, its length and its bytes, in the order they stand.
///
/// # Errors
/// `Archive` for what is no parcel, is damaged or cut off; whatever `take` fails with.
pub fn read_parcel(cx: &Context, path: &Path, mut take: impl FnMut(&str, u64, &mut dyn Read) -> Result<()>) -> Result<()> {
    let file = fs_err::File::open(path).map_err(|error| Error::io("read", path, error))?;
    let packed = file.metadata().map_err(|error| Error::io("read", path, error))?.len();
    let mut decoder = Decoder::with_buffer(BufReader::with_capacity(128 * 1024, file)).map_err(damaged)?;
    decoder.window_log_max(WINDOW).map_err(damaged)?;
    let mut archive = Archive::new(Metered { inner: decoder, packed, out: 0 });
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        cx.check()?;
        let mut entry = entry.map_err(damaged)?;
        let name = entry.header().path_bytes().into_owned();
        let plain = entry.header().entry_type() == EntryType::Regular && name.is_ascii() && name.len() <= 100;
        let Some(text) = std::str::from_utf8(&name).ok().filter(|_| plain) else {
            return Err(refused(format!("it holds `{}`, which is no part of one", shown(&name))));
        };
        let size = entry.header().entry_size().map_err(damaged)?;
        let mut counted = Counted { inner: &mut entry, count: 0 };
        take(text, size, &mut counted)?;
        if counted.count != size {
            return Err(refused(format!("`{text}` is cut off")));
        }
    }
    only_zeros(cx, archive.into_inner())
}

fn only_zeros(cx: &Context, mut rest: impl Read) -> Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut zeros = 0;
    loop {
        cx.check()?;
        let count = rest.read(&mut buffer).map_err(damaged)?;
        zeros += count as u64;
        if count == 0 {
            return Ok(());
        }
        if zeros > PADDING || buffer[..count].iter().any(|byte| *byte != 0) {
            return Err(refused("something follows its end"));
        }
    }
}

/// A member's bytes, which must be exactly so many and no more than `limit`.
///
/// # Errors
/// `Archive`.
pub fn whole_member(name: &str, size: u64, limit: u64, reader: &mut dyn Read) -> Result<Vec<u8>> {
    if size > limit {
        return Err(refused(format!("`{name}` says that it has {size} bytes, and may have {limit}")));
    }
    let mut bytes = Vec::new();
    reader.take(size).read_to_end(&mut bytes).map_err(damaged)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(refused(format!("`{name}` is cut off"))) }
}

/// Writes a member's bytes into a new file.
///
/// # Errors
/// `Io`; `Archive` when they end too soon.
pub fn member_to_file(name: &str, size: u64, reader: &mut dyn Read, to: &Path) -> Result<()> {
    let mut file = fs_err::File::create_new(to).map_err(|error| Error::io("write", to, error))?;
    let count = io::copy(&mut reader.take(size), &mut file).map_err(|error| {
        // A full disk is no damage of what is read.
        if error.raw_os_error().is_some() { Error::io("write", to, error) } else { damaged(error) }
    })?;
    if count == size { Ok(()) } else { Err(refused(format!("`{name}` is cut off"))) }
}

fn damaged(error: io::Error) -> Error {
    refused("it is damaged or cut off").caused_by(error)
}

fn refused(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Archive, text)
}

struct Counted<'a> {
    inner: &'a mut dyn Read,
    count: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

/// Stops what unpacks to more than any stock does.
struct Metered<R> {
    inner: R,
    packed: u64,
    out: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.out += count as u64;
        if self.out > FLOOR && self.out > self.packed.saturating_mul(RATIO) {
            return Err(io::Error::other(format!("it unpacks to more than {RATIO} times its size, as bombs do")));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &Path) -> Result<Vec<(String, Vec<u8>)>> {
        let mut found = Vec::new();
        read_parcel(&Context::silent(), path, |name, size, reader| {
            found.push((name.to_owned(), whole_member(name, size, 1 << 20, reader)?));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn members_come_back_in_their_order_and_bytes_depend_on_them_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let members = [("b", &b"two"[..]), ("a/one", b""), ("c", &[7; 1000])];
        let paths = ["x", "y"].map(|name| folder.path().join(name));
        for path in &paths {
            let mut writer = ParcelWriter::create(path).expect("begun");
            assert!(!path.exists(), "nothing stands there before it is finished");
            for (name, bytes) in members {
                writer.member(name, bytes).expect("written");
            }
            writer.finish().expect("finished");
        }
        let owned: Vec<(String, Vec<u8>)> = members.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        assert_eq!(names(&paths[0]).expect("read"), owned);
        let [one, two] = paths.map(|path| fs_err::read(path).expect("read"));
        assert_eq!(one, two);
    }

    #[test]
    fn what_unpacks_without_end_is_stopped() {
        let mut bomb = Metered { inner: io::repeat(0).take(FLOOR * 2), packed: 1000, out: 0 };
        assert!(io::copy(&mut bomb, &mut io::sink()).expect_err("stopped").to_string().contains("bombs"));
        let mut fine = Metered { inner: io::repeat(0).take(FLOOR * 2), packed: FLOOR, out: 0 };
        assert_eq!(io::copy(&mut fine, &mut io::sink()).expect("read"), FLOOR * 2);
    }
}
