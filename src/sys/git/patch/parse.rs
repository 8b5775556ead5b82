//! A patch, read: `git diff` form, with renames, modes and binary files, and plain unified diffs.

use std::ops::Range;

use super::binary::{self, Payload};
use crate::error::{Error, ErrorKind, Result};
use crate::model::FileMode;
use crate::sys::fs::{check_name, shown};

/// What a patch does to one file.
#[derive(Debug, Clone, Default)]
pub(super) struct FilePatch {
    /// Its path before; `None`: it is new.
    pub(super) old: Option<String>,
    /// Its path after; `None`: it goes.
    pub(super) new: Option<String>,
    /// Whether the old path stays (`copy from`).
    pub(super) copy: bool,
    /// Its mode after, where the patch says one.
    pub(super) mode: Option<FileMode>,
    /// The ids before and after, in hex, as far as the patch says them.
    pub(super) ids: Option<(String, String)>,
    pub(super) hunks: Vec<Hunk>,
    pub(super) binary: Option<Payload>,
}

/// A run of changed lines with what stands around them.
#[derive(Debug, Clone)]
pub(super) struct Hunk {
    /// 1-based line of the file before; 0 where it had none.
    pub(super) start: usize,
    /// The lines before: context and what goes. Each with its line end, if it has one.
    pub(super) before: Vec<Vec<u8>>,
    /// The lines after: context and what comes.
    pub(super) after: Vec<Vec<u8>>,
    /// How many lines of context it begins and ends with.
    pub(super) leading: usize,
    pub(super) trailing: usize,
    /// Where it stands in the patch.
    pub(super) span: Range<usize>,
}

impl FilePatch {
    /// The path that it is about.
    pub(super) fn path(&self) -> &str {
        self.new.as_deref().or(self.old.as_deref()).unwrap_or_default()
    }
}

/// Reads a patch.
///
/// # Errors
/// `Invalid` for what is none, with the line; for a hostile path.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<FilePatch>> {
    let mut reader = Reader { bytes, at: 0, number: 0 };
    let mut files = Vec::new();
    while let Some(line) = reader.peek() {
        if line.starts_with(b"diff --git ") {
            files.push(reader.git_file()?);
        } else if line.starts_with(b"--- ") && reader.is_plain_header() {
            files.push(reader.plain_file()?);
        } else if line.starts_with(b"@@ -") {
            return Err(reader.fault("a hunk without the file it is for"));
        } else {
            reader.next();
        }
    }
    if files.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "it changes no file: it is no patch"));
    }
    Ok(files)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Lines read.
    number: usize,
}

impl<'a> Reader<'a> {
    /// The next line, with its end.
    fn peek(&self) -> Option<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() {
            return None;
        }
        Some(&rest[..rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1)])
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.peek()?;
        self.at += line.len();
        self.number += 1;
        Some(line)
    }

    fn fault(&self, what: &str) -> Error {
        Error::new(ErrorKind::Invalid, format!("line {}: {what}", self.number + 1))
    }

    /// Whether this is `--- `, and the two lines after it are `+++ ` and `@@ `.
    fn is_plain_header(&self) -> bool {
        let mut lines = self.bytes[self.at..].split(|byte| *byte == b'\n').skip(1);
        lines.next().is_some_and(|line| line.starts_with(b"+++ ")) && lines.next().is_some_and(|line| line.starts_with(b"@@ -"))
    }

    fn plain_file(&mut self) -> Result<FilePatch> {
        let mut file = FilePatch::default();
        let mut times = [None, None];
        for (start, side, time) in [(&b"--- "[..], &mut file.old, 0), (b"+++ ", &mut file.new, 1)] {
            let line = self.peek().and_then(|line| line.strip_prefix(start)).unwrap_or_default();
            let mut parts = line.split(|byte| *byte == b'\t');
            *side = self.side(parts.next().unwrap_or_default())?;
            times[time] = parts.next();
            self.next();
        }
        if file.old.is_none() && file.new.is_none() {
            return Err(self.fault("a file that is neither before nor after"));
        }
        if file.old.is_none() {
            file.mode = Some(FileMode::Regular);
        } else if file.new.is_some() {
            // `diff -u a/x.orig b/x`: it is one file, called as it is after.
            file.old.clone_from(&file.new);
        }
        self.hunks(&mut file)?;
        // `diff -N` names a file that is not there as if it were, and gives it the first second of all times.
        let first = |time: &[u8]| time.starts_with(b"1970-01-01 ") || time.starts_with(b"1969-12-31 ");
        if let [hunk] = file.hunks.as_slice()
            && file.new.is_some()
            && file.old.is_some()
        {
            if hunk.start == 0 && hunk.before.is_empty() && times[0].is_none_or(first) {
                file.old = None;
                file.mode = Some(FileMode::Regular);
            } else if hunk.after.is_empty() && times[1].is_some_and(first) {
                file.new = None;
            }
        }
        Ok(file)
    }

    fn git_file(&mut self) -> Result<FilePatch> {
        let names = self.next().and_then(|line| line.strip_prefix(b"diff --git ")).unwrap_or_default();
        let mut file = FilePatch::default();
        let (mut added, mut deleted, mut moved) = (false, false, false);
        let (mut old, mut new) = (None, None);
        while let Some(line) = self.peek() {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let after = |start: &str| text.strip_prefix(start.as_bytes());
            if let Some(mode) = after("new file mode ") {
                added = true;
                file.mode = Some(self.mode(mode)?);
            } else if after("deleted file mode ").is_some() {
                deleted = true;
            } else if let Some(mode) = after("new mode ") {
                file.mode = Some(self.mode(mode)?);
            } else if let Some(path) = after("rename from ").or_else(|| after("copy from ")) {
                moved = true;
                file.copy = text.starts_with(b"copy");
                old = Some(self.path(unquote(path).as_deref().unwrap_or(path))?);
            } else if let Some(path) = after("rename to ").or_else(|| after("copy to ")) {
                new = Some(self.path(unquote(path).as_deref().unwrap_or(path))?);
            } else if let Some(index) = after("index ") {
                file.ids = ids(index);
            } else if let Some(path) = after("--- ") {
                old = self.side(path)?.or(old);
            } else if let Some(path) = after("+++ ") {
                new = self.side(path)?.or(new);
            } else if text.starts_with(b"@@ -") {
                self.hunks(&mut file)?;
                break;
            } else if text == b"GIT binary patch" {
                self.next();
                file.binary = Some(self.payload()?);
                break;
            } else if text.starts_with(b"Binary files ") {
                return Err(self.fault("a binary file without its bytes").hint("make the patch with `git diff --binary`"));
            } else if !["old mode ", "similarity index ", "dissimilarity index "].iter().any(|start| text.starts_with(start.as_bytes())) {
                break;
            }
            self.next();
        }
        if old.is_none() && new.is_none() {
            let both = self.same_name(names)?;
            (old, new) = (Some(both.clone()), Some(both));
        }
        file.old = if added { None } else { old.clone().or_else(|| new.clone()) };
        file.new = if deleted { None } else { new.or(old) };
        if !moved && let (Some(_), Some(path)) = (&file.old, &file.new) {
            file.old = Some(path.clone());
        }
        Ok(file)
    }

    /// `a/NAME b/NAME`, of which nothing else tells where the first ends.
    fn same_name(&self, names: &[u8]) -> Result<String> {
        let names = names.strip_suffix(b"\n").unwrap_or(names);
        if names.starts_with(b"\"") {
            let end = names[1..].windows(2).position(|pair| pair == b"\" ").map(|at| at + 2);
            let first = end.and_then(|end| unquote(&names[..end]));
            return self.side(&first.unwrap_or_default())?.ok_or_else(|| self.fault("a file without a name"));
        }
        let half = names.len() / 2;
        if names.get(half) != Some(&b' ') || names.get(2..half) != names.get(half + 3..) {
            return Err(self.fault("it cannot be told which file this is about"));
        }
        self.side(&names[..half])?.ok_or_else(|| self.fault("a file without a name"))
    }

    /// A path with one part before it that is left off; `None` for `/dev/null`.
    fn side(&self, text: &[u8]) -> Result<Option<String>> {
        let unquoted = unquote(text);
        let text = unquoted.as_deref().unwrap_or(text);
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let text = if unquoted.is_none() { text.strip_suffix(b"\t").unwrap_or(text) } else { text };
        if text == b"/dev/null" {
            return Ok(None);
        }
        let Some(slash) = text.iter().position(|byte| *byte == b'/') else {
            return Err(self.fault("a path without the folder (`a/`, `b/`) that patches put before it"));
        };
        self.path(&text[slash + 1..]).map(Some)
    }

    fn path(&self, text: &[u8]) -> Result<String> {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        for part in text.split(|byte| *byte == b'/') {
            check_name(part).map_err(|fault| self.fault(&format!("`{}` may not be changed: its name {}", shown(text), fault.reason())))?;
        }
        String::from_utf8(text.to_vec()).map_err(|_| self.fault("a name that is not UTF-8"))
    }

    fn mode(&self, text: &[u8]) -> Result<FileMode> {
        match text {
            b"100644" | b"100664" => Ok(FileMode::Regular),
            b"100755" => Ok(FileMode::Executable),
            b"120000" => Ok(FileMode::Symlink),
            _ => Err(self.fault("a mode that no file may have")),
        }
    }

    fn hunks(&mut self, file: &mut FilePatch) -> Result<()> {
        while let Some(line) = self.peek().filter(|line| line.starts_with(b"@@ -")) {
            let (start, before, after) = counts(line).ok_or_else(|| self.fault("a hunk whose line numbers cannot be read"))?;
            let begin = self.at;
            self.next();
            let hunk = self.hunk(begin, start, (before, after))?;
            file.hunks.push(hunk);
        }
        Ok(())
    }

    fn hunk(&mut self, begin: usize, start: usize, (before, after): (usize, usize)) -> Result<Hunk> {
        let mut hunk = Hunk { start, before: Vec::new(), after: Vec::new(), leading: 0, trailing: 0, span: begin..begin };
        let mut plain = true;
        let (mut in_before, mut in_after) = (false, false);
        loop {
            let done = hunk.before.len() == before && hunk.after.len() == after;
            let line = match self.peek() {
                Some(line) if !done || line.starts_with(b"\\") => line,
                _ if done => break,
                _ => return Err(self.fault("the hunk ends before all of its lines came")),
            };
            let (first, rest) = line.split_first().unwrap_or((&b'\n', &[]));
            match first {
                b' ' | b'\n' => {
                    // Mail programs take the blank off an empty line.
                    let rest = if *first == b'\n' { b"\n" } else { rest };
                    hunk.before.push(rest.to_vec());
                    hunk.after.push(rest.to_vec());
                    (in_before, in_after) = (true, true);
                    if plain {
                        hunk.leading += 1;
                    }
                    hunk.trailing += 1;
                }
                b'-' => {
                    hunk.before.push(rest.to_vec());
                    (in_before, in_after, plain, hunk.trailing) = (true, false, false, 0);
                }
                b'+' => {
                    hunk.after.push(rest.to_vec());
                    (in_before, in_after, plain, hunk.trailing) = (false, true, false, 0);
                }
                b'\\' => {
                    for (side, cut) in [(&mut hunk.before, in_before), (&mut hunk.after, in_after)] {
                        if let Some(last) = side.last_mut().filter(|_| cut)
                            && last.last() == Some(&b'\n')
                        {
                            last.pop();
                        }
                    }
                }
                _ => return Err(self.fault("a line of a hunk must begin with a blank, `+` or `-`")),
            }
            if hunk.before.len() > before || hunk.after.len() > after {
                return Err(self.fault("the hunk has more lines than it says"));
            }
            self.next();
        }
        hunk.span = begin..self.at;
        Ok(hunk)
    }

    /// What comes after `GIT binary patch`: the bytes after, then those before, which are not needed.
    fn payload(&mut self) -> Result<Payload> {
        let line = self.next().unwrap_or_default();
        let text = std::str::from_utf8(line).unwrap_or_default().trim_end();
        let (literal, size) = match (text.strip_prefix("literal "), text.strip_prefix("delta ")) {
            (Some(size), _) => (true, size),
            (None, Some(size)) => (false, size),
            (None, None) => return Err(self.fault("a binary patch of unknown kind")),
        };
        let size: u64 = size.parse().map_err(|_| self.fault("a binary patch without its size"))?;
        let mut packed = Vec::new();
        while let Some(line) = self.peek().filter(|line| line.first().is_some_and(u8::is_ascii_alphabetic) && !line.starts_with(b"diff ")) {
            binary::unpack_line(line.trim_ascii_end(), &mut packed).ok_or_else(|| self.fault("a damaged line of a binary patch"))?;
            self.next();
        }
        let payload = binary::inflate(&packed, size).ok_or_else(|| self.fault("a binary patch that is damaged"))?;
        // A blank line, then perhaps the way back.
        while let Some(line) = self.peek() {
            let digits = line.first().is_some_and(u8::is_ascii_alphabetic) && !line.starts_with(b"diff ");
            let back = line.trim_ascii_end().is_empty() || line.starts_with(b"literal ") || line.starts_with(b"delta ");
            if !back && (!digits || binary::unpack_line(line.trim_ascii_end(), &mut Vec::new()).is_none()) {
                break;
            }
            self.next();
        }
        Ok(if literal { Payload::Whole(payload) } else { Payload::Delta(payload) })
    }
}

/// `@@ -a,b +c,d @@` as a, b, d.
fn counts(line: &[u8]) -> Option<(usize, usize, usize)> {
    let text = std::str::from_utf8(line.get(..line.len().min(100))?).ok().or_else(|| line.utf8_chunks().next().map(|chunk| chunk.valid()))?;
    let mut words = text.strip_prefix("@@ -")?.split(' ');
    let range = |text: &str| -> Option<(usize, usize)> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let (start, before) = range(words.next()?)?;
    let (_, after) = range(words.next()?.strip_prefix('+')?)?;
    Some((start, before, after))
}

fn ids(text: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(text).ok()?;
    let (old, new) = text.split(' ').next()?.split_once("..")?;
    let hex = |id: &str| id.bytes().all(|byte| byte.is_ascii_hexdigit()) && id.len() <= 40;
    (hex(old) && hex(new)).then(|| (old.to_owned(), new.to_owned()))
}

/// A name in git's quotes; `None` for one without.
fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    let inner = text.trim_ascii_end().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        plain.push(match bytes.next()? {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'v' => 11,
            digit @ b'0'..=b'3' => {
                let (second, third) = (bytes.next()?, bytes.next()?);
                let value = |digit: u8| matches!(digit, b'0'..=b'7').then(|| digit - b'0');
                value(digit)? * 64 + value(second)? * 8 + value(third)?
            }
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_patches() {
        let files = parse(b"From 1 Mon\nSubject: x\n---\n a | 2 +-\n\ndiff --git a/a b c b/a b c\nold mode 100644\nnew mode 100755\ndiff --git a/x b/y\nsimilarity index 90%\nrename from x\nrename to y\nindex 11..22 100644\n--- a/x\n+++ b/y\n@@ -1,2 +1,2 @@ fn\n a\n-b\n+c\n\\ No newline at end of file\n-- \n2.43\n").expect("read");
        assert_eq!((files[0].path(), files[0].mode), ("a b c", Some(FileMode::Executable)));
        assert_eq!((files[1].old.as_deref(), files[1].new.as_deref()), (Some("x"), Some("y")));
        let hunk = &files[1].hunks[0];
        assert_eq!((hunk.before.concat(), hunk.after.concat()), (b"a\nb\n".to_vec(), b"a\nc".to_vec()));
        assert_eq!((hunk.leading, hunk.trailing), (1, 0));
        let plain = parse(b"--- old/lib.php\t2024\n+++ new/lib.php\t2025\n@@ -0,0 +1 @@\n+x\n").expect("read");
        assert_eq!(plain[0].path(), "lib.php");
        let quoted = parse(b"diff --git \"a/\\303\\244\" \"b/\\303\\244\"\ndeleted file mode 100644\nindex 00..00\n").expect("read");
        assert_eq!((quoted[0].old.as_deref(), quoted[0].new.as_deref()), (Some("ä"), None));
    }

    #[test]
    fn what_is_no_patch_or_hostile_is_refused() {
        for text in [
            "",
            "hello\n",
            "@@ -1 +1 @@\n-a\n+b\n",
            "--- a/../../etc/passwd\n+++ b/../../etc/passwd\n@@ -1 +1 @@\n-a\n+b\n",
            "diff --git a/.git/config b/.git/config\nnew file mode 100644\n",
            "diff --git a/x b/x\nnew file mode 160000\n",
            "diff --git a/x b/x\nBinary files a/x and b/x differ\n",
            "--- a/x\n+++ b/x\n@@ -1,9 +1 @@\n-a\n+b\n",
            "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\nb\n",
            "diff --git a/x b/x\nindex 1..2\nGIT binary patch\nliteral 99999999999\nzzzz\n",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text:?} was read");
        }
    }
}
