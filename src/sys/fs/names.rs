//! What a file name that somebody else chose may be: a rule for one path part, used on git trees and on archives alike.

use unicode_normalization::UnicodeNormalization;

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameFault {
    /// No name at all.
    Empty,
    /// `.` or `..`.
    Dots,
    /// It holds a `/`.
    Slash,
    /// It holds a byte below 0x20, or 0x7f.
    Control,
    /// It is not UTF-8.
    NotUtf8,
    /// It is more than 255 bytes long.
    TooLong,
    /// git, or a file system that folds names, would take it for `.git` (CVE-2014-9390 and its kin).
    DotGit,
}

impl NameFault {
    /// Why, to be read after "its name".
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Empty => "is empty",
            Self::Dots => "is `.` or `..`",
            Self::Slash => "holds a `/`",
            Self::Control => "holds a control character",
            Self::NotUtf8 => "is not UTF-8",
            Self::TooLong => "is longer than 255 bytes",
            Self::DotGit => "stands for `.git`",
        }
    }
}

/// The name as text, when a file may be called so.
///
/// # Errors
/// The first fault found.
pub fn check_name(name: &[u8]) -> Result<&str, NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    if name.len() > 255 {
        return Err(NameFault::TooLong);
    }
    if name == b"." || name == b".." {
        return Err(NameFault::Dots);
    }
    let mut plain = true;
    for byte in name {
        match byte {
            b'/' => return Err(NameFault::Slash),
            0..=0x1f | 0x7f => return Err(NameFault::Control),
            0x80.. => plain = false,
            _ => {}
        }
    }
    let text = std::str::from_utf8(name).map_err(|_| NameFault::NotUtf8)?;
    // Only a name that begins like `.git` or `git~1` once the ignorable characters are gone can stand for it.
    let suspicious = !plain || matches!(name[0], b'.' | b'g' | b'G');
    if suspicious && stands_for_dot_git(text) {
        return Err(NameFault::DotGit);
    }
    Ok(text)
}

/// Whether some file system or git itself opens `.git` under this name: case (all), trailing dots and spaces, short names and
/// streams (NTFS), code points that HFS+ ignores.
fn stands_for_dot_git(name: &str) -> bool {
    let without_ignored: String = name.chars().filter(|c| !ignored_by_hfs(*c)).collect();
    let before_stream = without_ignored.split(':').next().unwrap_or_default();
    let trimmed = before_stream.trim_end_matches(['.', ' ']);
    trimmed.eq_ignore_ascii_case(".git") || trimmed.eq_ignore_ascii_case("git~1")
}

const fn ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// A key under which names collide that differ only by case or by Unicode form: on such file systems they are one file.
#[must_use]
pub fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// A name for messages: control characters and bytes that are not UTF-8 escaped, never longer than a line.
#[must_use]
pub fn shown(name: &[u8]) -> String {
    let text: String = name
        .utf8_chunks()
        .flat_map(|chunk| {
            let valid = chunk.valid().chars().flat_map(|c| if c.is_control() || ignored_by_hfs(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] });
            let invalid = chunk.invalid().iter().flat_map(|byte| format!("\\x{byte:02x}").chars().collect::<Vec<_>>());
            valid.chain(invalid).collect::<Vec<_>>()
        })
        .collect();
    if text.chars().count() <= 160 {
        return text;
    }
    let start: String = text.chars().take(120).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_dot_git_is_refused() {
        for name in [
            ".git",
            ".GIT",
            ".Git",
            "git~1",
            "GIT~1",
            ".git.",
            ".git ",
            ".git. . ",
            ".git::$INDEX_ALLOCATION",
            ".git:x",
            ".g\u{200c}it",
            "\u{feff}.git",
            ".gi\u{206a}t",
        ] {
            assert_eq!(check_name(name.as_bytes()), Err(NameFault::DotGit), "{name:?}");
        }
    }

    #[test]
    fn names_that_only_resemble_it_are_kept() {
        for name in [".gitignore", ".github", ".gitattributes", "git", "git~", "gitt~1", ".gitx", "Glossary", "größe.php", "a b", "…"] {
            assert_eq!(check_name(name.as_bytes()), Ok(name));
        }
    }

    #[test]
    fn names_that_are_no_file_names_are_refused() {
        assert_eq!(check_name(b""), Err(NameFault::Empty));
        assert_eq!(check_name(b".."), Err(NameFault::Dots));
        assert_eq!(check_name(b"a/b"), Err(NameFault::Slash));
        assert_eq!(check_name(b"a\nb"), Err(NameFault::Control));
        assert_eq!(check_name(b"a\xffb"), Err(NameFault::NotUtf8));
        assert_eq!(check_name(&[b'a'; 256]), Err(NameFault::TooLong));
    }

    #[test]
    fn names_collide_by_case_and_by_unicode_form() {
        assert_eq!(fold("README"), fold("readme"));
        assert_eq!(fold("caf\u{e9}"), fold("CAFE\u{301}"));
        assert_ne!(fold("a"), fold("b"));
    }

    #[test]
    fn a_shown_name_moves_no_cursor() {
        assert_eq!(shown(b"a\x1b[2Jb\xff"), "a\\u{1b}[2Jb\\xff");
    }
}
