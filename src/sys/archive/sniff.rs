//! What a file is, told by its first bytes. A name or a server's content type says nothing.

use std::io::{Read, Seek, SeekFrom};

use crate::error::{Error, ErrorKind, Result};

use super::policy::refused;

/// A kind of archive that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Zip,
    Tar(Packing),
}

/// How a tar is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Xz,
    Zstd,
}

pub(super) fn sniff(file: &mut (impl Read + Seek), shown: &str) -> Result<Kind> {
    let mut head = Vec::with_capacity(512);
    file.by_ref()
        .take(512)
        .read_to_end(&mut head)
        .and_then(|_| file.seek(SeekFrom::Start(0)))
        .map_err(|error| Error::new(ErrorKind::Io, format!("could not read `{shown}`")).caused_by(error))?;
    told(&head, shown)
}

fn told(head: &[u8], shown: &str) -> Result<Kind> {
    const UNREADABLE: [(&[u8], &str); 4] =
        [(b"BZh", "a bzip2 file"), (b"7z\xbc\xaf\x27\x1c", "a 7z archive"), (b"Rar!", "a RAR archive"), (b"PK\x07\x08", "a part of a split zip")];
    if head.is_empty() {
        return Err(refused(format!("`{shown}` is empty, not an archive"))
            .hint("the download was cut off, or the server sent nothing: try again, or look at its url in a browser"));
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(Kind::Zip);
    }
    if head.starts_with(b"\x1f\x8b") {
        return Ok(Kind::Tar(Packing::Gzip));
    }
    if head.starts_with(b"\xfd7zXZ\0") {
        return Ok(Kind::Tar(Packing::Xz));
    }
    if head.starts_with(b"\x28\xb5\x2f\xfd") {
        return Ok(Kind::Tar(Packing::Zstd));
    }
    if let Some((_, what)) = UNREADABLE.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(Error::new(ErrorKind::Archive, format!("`{shown}` is {what}")).hint("greffon reads zip, tar, tar.gz, tar.xz and tar.zst"));
    }
    if is_tar(head) {
        return Ok(Kind::Tar(Packing::Plain));
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let lower: Vec<u8> = text.iter().take(64).map(u8::to_ascii_lowercase).collect();
    if lower.starts_with(b"<!doctype html")
        || lower.starts_with(b"<html")
        || (lower.starts_with(b"<") && lower.windows(5).any(|part| part == b"<html" || part == b"<head"))
    {
        return Err(refused(format!("`{shown}` is an HTML page, not an archive"))
            .hint("the server sent a page instead of the file, most often a login page: authentication failed, or the url is that of a web page"));
    }
    if text.starts_with(b"{") || text.starts_with(b"<?xml") {
        return Err(refused(format!("`{shown}` is a text, not an archive")).hint("the server sent a message instead of the file: look at its url in a browser"));
    }
    Err(refused(format!("`{shown}` is no archive that greffon knows")).hint("greffon reads zip, tar, tar.gz, tar.xz and tar.zst"))
}

/// A header whose checksum is right, or an archive of nothing but zeros.
fn is_tar(head: &[u8]) -> bool {
    let Ok(block) = <&[u8; 512]>::try_from(head) else { return false };
    if block.iter().all(|byte| *byte == 0) {
        return true;
    }
    let sum: u32 = block[..148].iter().chain(&block[156..]).map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
    let digits: String = block[148..156].iter().map(|byte| char::from(*byte)).skip_while(|c| *c == ' ').take_while(char::is_ascii_digit).collect();
    u32::from_str_radix(&digits, 8).is_ok_and(|stated| stated == sum) || &block[257..262] == b"ustar"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_told_by_their_bytes() {
        assert_eq!(told(b"PK\x03\x04rest", "x").expect("a zip"), Kind::Zip);
        assert_eq!(told(b"\x1f\x8b\x08", "x.zip").expect("gzip"), Kind::Tar(Packing::Gzip));
        assert_eq!(told(&[0; 512], "x").expect("an empty tar"), Kind::Tar(Packing::Plain));
    }

    #[test]
    fn what_is_no_archive_is_named() {
        for (bytes, word) in [
            (&b""[..], "empty"),
            (b"<!DOCTYPE html><html>", "HTML"),
            (b"\n <html lang=en>", "HTML"),
            (b"{\"error\":1}", "text"),
            (b"BZh91AY", "bzip2"),
            (b"MZ", "no archive"),
        ] {
            let error = told(bytes, "x.zip").expect_err(word);
            assert!(error.message().contains(word), "{error}");
            assert!(!error.hints().is_empty());
        }
    }
}
