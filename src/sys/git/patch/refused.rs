//! Why a patch does not apply, so that people see what to do: the part of it, and what stands in the file instead.

use std::path::Path;

use super::super::Objects;
use super::lines;
use super::parse::FilePatch;
use super::{Refusal, Why};
use crate::error::{Error, ErrorKind, Excerpt};
use crate::model::ObjectId;

/// So many lines that differ are shown.
const SHOWN: usize = 4;

impl Objects {
    pub(super) fn refused(&self, tree: ObjectId, refusal: &Refusal, files: &[FilePatch], (bytes, shown): (&[u8], &Path)) -> Error {
        let file = &files[refusal.file];
        let path = file.path();
        let old = file.old.as_deref().unwrap_or(path);
        let what = match refusal.why {
            Why::Missing => format!("there is no file `{old}`"),
            Why::Occupied => format!("a file `{path}` is there already"),
            Why::InTheWay => format!("a file stands where `{path}` needs a folder"),
            Why::Folder => format!("`{path}` is a folder, and what is in it would have to go"),
            Why::OtherBytes => format!("`{old}` has other bytes"),
            Why::Hunk(number) => format!("hunk {} of {} has no place in `{old}`", number + 1, file.hunks.len()),
        };
        let mut error = Error::new(ErrorKind::Invalid, format!("the patch `{}` does not apply to this version: {what}", shown.display()));
        let Why::Hunk(number) = refusal.why else { return error };
        let hunk = &file.hunks[number];
        error = match std::str::from_utf8(bytes) {
            Ok(text) => error.at(Excerpt {
                path: shown.to_owned(),
                text: text.to_owned(),
                span: hunk.span.start..hunk.span.end.saturating_sub(1),
                label: "this finds no place".to_owned(),
            }),
            Err(_) => String::from_utf8_lossy(&bytes[hunk.span.clone()]).lines().take(20).fold(error, |error, line| error.note(line.to_owned())),
        };
        let Some(text) = self.entry(tree, old).ok().flatten().and_then(|entry| self.blob(entry.id).ok()) else { return error };
        if lines::fits_without_returns(&text, &file.hunks) {
            let note = if text.windows(2).any(|pair| pair == b"\r\n") {
                format!("the lines of `{old}` end in CRLF, those of the patch do not")
            } else {
                format!("the lines of the patch end in CRLF, those of `{old}` do not")
            };
            return error.note(note).hint("give the patch the line ends of the file, and see to it that no editor or git setting changes them");
        }
        let differences = lines::differences(&text, hunk);
        if differences.is_empty() {
            return error.note(format!("none of its lines stands in `{old}`"));
        }
        let more = differences.len().saturating_sub(SHOWN);
        for (number, expected, there) in differences.into_iter().take(SHOWN) {
            let there = there.map_or_else(|| "the end of the file".to_owned(), |line| format!("`{}`", plain(&line)));
            error = error.note(format!("`{old}`, line {number}: {there} instead of `{}`", plain(&expected)));
        }
        if more > 0 { error.note(format!("and {more} more lines")) } else { error }
    }
}

fn plain(line: &[u8]) -> String {
    String::from_utf8_lossy(line.trim_ascii_end()).into_owned()
}
