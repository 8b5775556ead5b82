//! zip. The central directory, the local headers and the bytes between them must tell one story: whatever two programs could
//! read differently is refused (CVE-2025-54368, RUSTSEC-2026-0548 and their kin).

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive, read::ZipReadOptions, result::ZipError};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, FileMode};
use crate::sys::fs::shown;

use super::Import;
use super::policy::{path_parts, refused};

/// The central directory is read into memory: 200,000 entries of 160 bytes fit.
const DIRECTORY: u64 = 32 << 20;
/// The record at the end, without its comment.
const END: usize = 22;

pub(super) fn read(import: &mut Import<'_>, mut file: File, length: u64) -> Result<()> {
    check_end(&mut file, length, import.limits.entries)?;
    let plain = file.try_clone().map_err(|error| Error::new(ErrorKind::Io, "could not read the archive").caused_by(error))?;
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut archive = ZipArchive::with_config(config, BufReader::with_capacity(64 * 1024, file)).map_err(|error| unreadable(&error))?;
    if archive.offset() != 0 {
        return Err(refused("something stands before its first entry"));
    }
    archive.validate_header_consistency().map_err(|error| unreadable(&error))?;
    if archive.is_empty() {
        return Err(refused("it holds nothing"));
    }
    for index in 0..archive.len() {
        import.cx.check()?;
        import.meter.entry()?;
        entry(import, &mut archive, &plain, index)?;
    }
    Ok(())
}

fn entry(import: &mut Import<'_>, archive: &mut ZipArchive<BufReader<File>>, plain: &File, index: usize) -> Result<()> {
    let (raw, method, encrypted, mode) = {
        let data = archive.by_index_data(index).map_err(|error| unreadable(&error))?;
        check_flags(plain, data.header_start(), data.central_header_start()).map_err(|why| refused(format!("`{}` {why}", shown(data.name_raw()))))?;
        (name(data.name_raw(), || data.name().map(std::borrow::Cow::into_owned))?, data.compression(), data.encrypted(), data.unix_mode())
    };
    if encrypted {
        return Err(Error::new(ErrorKind::Unsupported, format!("`{}` is encrypted", shown(&raw))).hint("ask its author for an archive without a password"));
    }
    if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated | CompressionMethod::Zstd) {
        return Err(Error::new(ErrorKind::Unsupported, format!("`{}` is packed by a method that greffon does not read ({method})", shown(&raw)))
            .hint("ask its author for an archive packed by deflate"));
    }
    let parts = path_parts(&raw, import.limits)?;
    let kind = mode.unwrap_or(0) & 0o170_000;
    let options = ZipReadOptions::new().enforce_header_consistency(true);
    let mut content = archive.by_index_with_options(index, options).map_err(|error| unreadable(&error))?;
    if raw.ends_with(b"/") {
        if !matches!(kind, 0 | 0o040_000) {
            return Err(refused(format!("`{}` is a folder by its name and none by its mode", shown(&raw))));
        }
        if content.read(&mut [0]).map_err(|error| damaged(&raw, error))? != 0 {
            return Err(refused(format!("the folder `{}` has a content", shown(&raw))));
        }
        return import.gathered.folder(&parts);
    }
    match kind {
        0 | 0o100_000 => {
            let stated = content.size();
            let mut counted = Counted { inner: &mut content, count: 0 };
            let id = import.meter.file(import.sink, import.scratch, &raw, &mut counted)?;
            if counted.count != stated {
                return Err(refused(format!("`{}` is not as long as its header says", shown(&raw))));
            }
            let mode = if mode.unwrap_or(0) & 0o100 == 0 { FileMode::Regular } else { FileMode::Executable };
            import.gathered.file(&parts, Entry { id, mode })
        }
        0o120_000 => {
            let target = import.meter.short(&raw, &mut content)?;
            let id = import.sink.blob(&target)?;
            import.gathered.link(&parts, Entry { id, mode: FileMode::Symlink }, target)
        }
        _ => Err(refused(format!("`{}` is neither a file nor a folder nor a link", shown(&raw)))),
    }
}

/// Counts what comes out: programs that believe the header instead would see another file.
struct Counted<'a, R> {
    inner: &'a mut R,
    count: u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

/// What the crate does not compare: both headers must be of a version that exists, and set no flag but those that it reads
/// (encryption, how hard it was packed, a descriptor behind the content, UTF-8).
fn check_flags(file: &File, local: u64, central: u64) -> Result<(), &'static str> {
    use std::os::unix::fs::FileExt;
    const KNOWN: u64 = 0b1000_0000_1111;
    // In the central header both fields stand two bytes later, behind the version that made it.
    for at in [local.checked_add(4), central.checked_add(6)] {
        let mut fields = [0; 4];
        at.and_then(|at| file.read_exact_at(&mut fields, at).ok()).ok_or("has no header")?;
        // The low byte is ten times the version; the high one was once used for the system.
        if fields[0] > 63 {
            return Err("needs a version of the format that does not exist");
        }
        if number(&fields, 2, 2) & !KNOWN != 0 {
            return Err("sets flags that programs read differently");
        }
    }
    Ok(())
}

/// The name in UTF-8. Many programs (macOS among them) write UTF-8 without saying so; what is not UTF-8 is code page 437, as the
/// format has it.
fn name(raw: &[u8], decoded: impl FnOnce() -> zip::result::ZipResult<String>) -> Result<Vec<u8>> {
    if std::str::from_utf8(raw).is_ok() {
        return Ok(raw.to_vec());
    }
    decoded().map(String::into_bytes).map_err(|error| unreadable(&error))
}

/// The record at the end must be the last thing in the file, and the only one that could be taken for it; what it says of the
/// number of entries is limited before anything is read by it.
fn check_end(file: &mut File, length: u64, entries: usize) -> Result<()> {
    let fault = |error| Error::new(ErrorKind::Io, "could not read the archive").caused_by(error);
    let tail_start = length.saturating_sub((END + usize::from(u16::MAX)) as u64 + 20);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(tail_start)).map_err(fault)?;
    file.read_to_end(&mut tail).map_err(fault)?;
    file.seek(SeekFrom::Start(0)).map_err(fault)?;
    let ends: Vec<usize> = (0..tail.len().saturating_sub(END - 1)).filter(|at| tail[*at..].starts_with(b"PK\x05\x06")).collect();
    let closes = |at: usize| at + END + usize::from(number(&tail, at + 20, 2) as u16) == tail.len();
    let end = match ends[..] {
        [] => return Err(refused("it has no end: the download was cut off, or it is no zip")),
        [at] if closes(at) => at,
        [_] => return Err(refused("its end is not the end of the file: something follows, or something is missing")),
        _ => return Err(refused("it has several ends: programs would disagree which of its parts is meant")),
    };
    let (disk, first_disk, here, all) = (number(&tail, end + 4, 2), number(&tail, end + 6, 2), number(&tail, end + 8, 2), number(&tail, end + 10, 2));
    let (size, start) = (number(&tail, end + 12, 4), number(&tail, end + 16, 4));
    let at = tail_start + end as u64;
    let (disk, here, all, size, start, close) = if end >= 20 && tail[end - 20..].starts_with(b"PK\x06\x07") {
        let record = number(&tail, end - 12, 8);
        let mut bytes = [0; 56];
        file.seek(SeekFrom::Start(record)).and_then(|_| file.read_exact(&mut bytes)).map_err(|error| refused("its end points to nowhere").caused_by(error))?;
        file.seek(SeekFrom::Start(0)).map_err(fault)?;
        if !bytes.starts_with(b"PK\x06\x06") {
            return Err(refused("its end points to something else than the zip64 record"));
        }
        // The record must reach exactly to its locator, and the old fields must agree wherever they are not marked as too small.
        if record.checked_add(12).and_then(|at| at.checked_add(number(&bytes, 4, 8))) != Some(at - 20) {
            return Err(refused("something stands between its zip64 record and its end"));
        }
        let large = (number(&bytes, 16, 4), number(&bytes, 24, 8), number(&bytes, 32, 8), number(&bytes, 40, 8), number(&bytes, 48, 8));
        let agree = |old: u64, mark: u64, new: u64| old == mark || old == new;
        if !(agree(here, 0xffff, large.1) && agree(all, 0xffff, large.2) && agree(size, 0xffff_ffff, large.3) && agree(start, 0xffff_ffff, large.4)) {
            return Err(refused("its two records at the end contradict each other"));
        }
        (large.0, large.1, large.2, large.3, large.4, record)
    } else {
        (disk.max(first_disk), here, all, size, start, at)
    };
    if disk != 0 || here != all {
        return Err(Error::new(ErrorKind::Unsupported, "it is a part of a split zip").hint("join its parts first"));
    }
    if all > entries as u64 {
        return Err(refused(format!("it holds more than {entries} entries")));
    }
    if start.checked_add(size) != Some(close) {
        return Err(refused("its directory does not reach to its end: something stands before, between or after"));
    }
    if size > DIRECTORY {
        return Err(refused(format!("its directory is larger than {} MiB", DIRECTORY >> 20)));
    }
    Ok(())
}

/// A little-endian number; missing bytes count as 0.
fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
    (0..width).rev().fold(0, |value, index| value << 8 | u64::from(bytes.get(at + index).copied().unwrap_or_default()))
}

fn damaged(name: &[u8], error: std::io::Error) -> Error {
    refused(format!("`{}` is damaged", shown(name))).caused_by(error)
}

fn unreadable(error: &ZipError) -> Error {
    let text = error.to_string();
    let text: String = text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect();
    match error {
        ZipError::UnsupportedArchive(_) => Error::new(ErrorKind::Unsupported, "it is packed in a way that greffon does not read").caused_by(text),
        _ => refused("it is damaged, or its parts contradict each other").caused_by(text),
    }
}
