//! tar, plain or packed. Headers that programs are known to read differently (PAX against GNU, PAX before a global header, sparse
//! files in PAX) are refused rather than read one way or the other (CVE-2025-62518, CVE-2026-33055 and their kin).

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use tar::{Archive, EntryType};

use crate::error::Result;
use crate::model::{Entry, FileMode};
use crate::sys::fs::shown;

use super::Import;
use super::headers::{self, Reading, Watch, Watching};
use super::policy::{path_parts, refused};
use super::sniff::Packing;

/// Zeros after the end; tar fills up its last record, ten blocks as a rule.
const PADDING: usize = 16 << 20;
/// A global header's records.
const GLOBAL: u64 = 1 << 20;
/// What a decoder may use.
const MEMORY: u64 = 128 << 20;

pub(super) fn read(import: &mut Import<'_>, file: File, packing: Packing) -> Result<()> {
    let mut packed = BufReader::with_capacity(64 * 1024, file);
    match packing {
        Packing::Plain => unpacked(import, &mut packed),
        Packing::Gzip => {
            let mut decoder = flate2::bufread::GzDecoder::new(&mut packed);
            unpacked(import, &mut decoder)?;
            only_zeros_follow(import, &mut packed)
        }
        Packing::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(MEMORY, 0)
                .map_err(|error| refused("it is packed in a way that greffon does not read").caused_by(error))?;
            let mut decoder = liblzma::bufread::XzDecoder::new_stream(&mut packed, stream);
            unpacked(import, &mut decoder)?;
            only_zeros_follow(import, &mut packed)
        }
        Packing::Zstd => {
            let fault = |error: io::Error| refused("it is packed in a way that greffon does not read").caused_by(error);
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&mut packed).map_err(fault)?;
            decoder.window_log_max(MEMORY.ilog2()).map_err(fault)?;
            unpacked(import, &mut decoder)
        }
    }
}

/// A second archive behind the first is read by some programs and passed over by others.
fn only_zeros_follow(import: &Import<'_>, reader: &mut dyn BufRead) -> Result<()> {
    let mut padding = 0;
    loop {
        import.cx.check()?;
        let bytes = reader.fill_buf().map_err(|error| refused("it is damaged").caused_by(error))?;
        if bytes.is_empty() {
            return Ok(());
        }
        let count = bytes.len();
        padding += count;
        if padding > PADDING || bytes.iter().any(|byte| *byte != 0) {
            return Err(refused("something follows its end"));
        }
        reader.consume(count);
    }
}

fn unpacked(import: &mut Import<'_>, reader: &mut dyn Read) -> Result<()> {
    let watch = Watch::default();
    let mut archive = Archive::new(Watching { inner: reader, watch: watch.clone() });
    let mut entries = archive.entries().map_err(|error| refused("it is damaged").caused_by(error))?;
    let damaged = |error: io::Error| refused("it is damaged or cut off").caused_by(error);
    loop {
        import.cx.check()?;
        watch.begin();
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(damaged)?;
        let extensions = watch.end().map_err(damaged)?;
        import.meter.entry()?;
        // Whatever is left unread of the entry counts as headers of the next, which are limited.
        take(import, &mut entry, &extensions)?;
    }
    if import.meter.entries() == 0 {
        return Err(refused("it holds nothing"));
    }
    watch.end().map_err(damaged)?;
    let mut rest = BufReader::with_capacity(64 * 1024, archive.into_inner());
    only_zeros_follow(import, &mut rest)
}

fn take<R: Read>(import: &mut Import<'_>, entry: &mut tar::Entry<'_, R>, extensions: &[(EntryType, Vec<u8>)]) -> Result<()> {
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        let mut body = Vec::new();
        entry.take(GLOBAL + 1).read_to_end(&mut body).map_err(|error| refused("a global header is damaged").caused_by(error))?;
        if body.len() as u64 > GLOBAL {
            return Err(refused("a global header is larger than 1 MiB"));
        }
        return headers::check_global(extensions, &body);
    }
    let raw = entry.path_bytes().into_owned();
    let plain_size = entry.header().entry_size().ok();
    headers::check_local(extensions, &Reading { name: &raw, link: entry.link_name_bytes().as_deref(), size: entry.size(), plain_size })?;
    let parts = path_parts(&raw, import.limits)?;
    let executable = entry.header().mode().map_err(|error| refused(format!("the header of `{}` is damaged", shown(&raw))).caused_by(error))? & 0o100 != 0;
    let mode = if executable { FileMode::Executable } else { FileMode::Regular };
    match kind {
        // Before POSIX a folder was a file whose name ends in a slash.
        EntryType::Directory => empty(entry, &raw).and_then(|()| import.gathered.folder(&parts)),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse if raw.ends_with(b"/") => {
            empty(entry, &raw).and_then(|()| import.gathered.folder(&parts))
        }
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            let size = entry.size();
            let mut counted = Counting { inner: entry, count: 0 };
            let id = import.meter.file(import.sink, import.scratch, &raw, &mut counted)?;
            if counted.count != size {
                return Err(refused(format!("`{}` is cut off", shown(&raw))));
            }
            import.gathered.file(&parts, Entry { id, mode })
        }
        EntryType::Symlink => {
            empty(entry, &raw)?;
            let target = target(entry, &raw)?;
            let id = import.sink.blob(&target)?;
            import.gathered.link(&parts, Entry { id, mode: FileMode::Symlink }, target)
        }
        // A hard link is a second name of a file that came before; in a git tree that is the same blob, and nothing is linked.
        EntryType::Link => {
            empty(entry, &raw)?;
            let target = target(entry, &raw)?;
            let existing = path_parts(&target, import.limits).ok().and_then(|parts| import.gathered.existing(&parts));
            let Some(existing) = existing else {
                return Err(refused(format!("`{}` is a hard link to `{}`, which is no file that came before it", shown(&raw), shown(&target))));
            };
            import.gathered.file(&parts, existing)
        }
        _ => Err(refused(format!("`{}` is neither a file nor a folder nor a link", shown(&raw)))),
    }
}

struct Counting<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

fn empty<R: Read>(entry: &tar::Entry<'_, R>, name: &[u8]) -> Result<()> {
    if entry.size() == 0 {
        return Ok(());
    }
    Err(refused(format!("`{}` is a folder or a link and has a content: programs disagree where the next entry begins", shown(name))))
}

fn target<R: Read>(entry: &tar::Entry<'_, R>, name: &[u8]) -> Result<Vec<u8>> {
    match entry.link_name_bytes() {
        Some(target) if !target.is_empty() && target.len() <= 4096 => Ok(target.into_owned()),
        _ => Err(refused(format!("the link `{}` points nowhere", shown(name)))),
    }
}
