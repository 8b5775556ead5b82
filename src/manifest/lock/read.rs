//! Reading: line by line, tolerant of order, duplicates and what a merge leaves behind.

use std::collections::BTreeSet;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::facts::{Fact, Subject, put_together};
use super::markers::{Side, marker, merge};
use crate::error::{Error, ErrorKind, Excerpt, Result};
use crate::manifest::read::json_of;
use crate::model::{ElementId, Lock, LockKey, LockedElement, Pin, Version};

/// The format that is written, and the newest that is read.
pub(super) const SCHEMA: u64 = 1;
/// No line that greffon writes comes near it.
const LONGEST_LINE: usize = 1 << 20;

/// A lockfile, read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LockReading {
    /// What is certain.
    pub lock: Lock,
    /// What the lines contradict each other about (`type/name`, or `extensions/NAME`): none of it is in `lock`.
    pub conflicts: Vec<String>,
    /// Whether conflict markers stood in the text.
    pub markers: bool,
}

/// Reads a lockfile's text: order and duplicate lines are tolerated, and conflict markers too (`true`: there were some, or two
/// lines contradict each other; the lock holds what both sides agree on). [`read_lock`] says what is in conflict.
///
/// # Errors
/// `Lock` with the place; `Newer`.
pub fn parse_lock(path: &Path, text: &str) -> Result<(Lock, bool)> {
    let reading = read_lock(path, text)?;
    Ok((reading.lock, reading.markers || !reading.conflicts.is_empty()))
}

/// As [`parse_lock`], and names what is in conflict.
///
/// # Errors
/// `Lock` with the place; `Newer`.
pub fn read_lock(path: &Path, text: &str) -> Result<LockReading> {
    let mut side = Side::Both;
    let (mut markers, mut has_base, mut schema) = (false, false, false);
    let mut facts = Vec::new();
    let mut errors = Vec::new();
    let mut at = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_start_matches('\u{feff}').trim_end();
        let place = at + whole.find(line).unwrap_or(0)..at + whole.find(line).unwrap_or(0) + line.len();
        at += whole.len();
        if let Some(next) = marker(line) {
            (side, markers, has_base) = (next, true, has_base || next == Side::Base);
            continue;
        }
        match read_line(line) {
            Ok(Line::Nothing) => {}
            Ok(Line::Schema(number)) if number > SCHEMA => {
                return Err(Error::new(
                    ErrorKind::Newer,
                    format!("`{}` was written by a newer greffon (format {number}, this one reads {SCHEMA})", path.display()),
                )
                .at(excerpt(path, text, place))
                .hint("install a newer greffon"));
            }
            Ok(Line::Schema(_)) => schema = true,
            Ok(Line::Fact(fact)) => facts.push((side, fact)),
            Err(message) => errors.push(Error::new(ErrorKind::Lock, message).at(excerpt(path, text, place))),
        }
        if errors.len() >= 10 {
            break;
        }
    }
    if let Some(error) = Error::all(errors) {
        return Err(error.hint("a lockfile is written by greffon alone: take the line out, or the file, and run `greffon lock`"));
    }
    if !schema {
        return Err(Error::new(ErrorKind::Lock, format!("`{}` is not a lockfile: it has no line `schema = {SCHEMA}`", path.display()))
            .hint("take the file away and run `greffon lock`"));
    }
    let mut conflicts: BTreeSet<Subject> = BTreeSet::new();
    let facts = merge(facts, has_base, &mut conflicts);
    let lock = put_together(facts, &mut conflicts);
    Ok(LockReading { lock, conflicts: conflicts.iter().map(ToString::to_string).collect(), markers })
}

fn excerpt(path: &Path, text: &str, span: std::ops::Range<usize>) -> Excerpt {
    // One line is enough, and an excerpt of a large lockfile for each of its errors is not.
    let start = span.start.min(text.len());
    let line = text.get(..start).map_or(0, |before| before.matches('\n').count());
    if text.len() < 64 << 10 {
        return Excerpt { path: path.to_path_buf(), text: text.to_owned(), span, label: String::new() };
    }
    let shown: String = text.get(span).unwrap_or_default().chars().take(200).collect();
    Excerpt { path: path.to_path_buf(), span: line..line + shown.len(), text: "\n".repeat(line) + shown.as_str(), label: String::new() }
}

enum Line {
    Nothing,
    Schema(u64),
    Fact(Fact),
}

fn read_line(line: &str) -> Result<Line, String> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(Line::Nothing);
    }
    if line.len() > LONGEST_LINE {
        return Err(format!("a line of {} bytes", line.len()));
    }
    if let Some(header) = line.strip_prefix('[') {
        return match header.strip_suffix(']').map(str::trim) {
            Some("elements" | "shared" | "sites" | "extensions") => Ok(Line::Nothing),
            _ => Err("a lockfile has no such table".to_owned()),
        };
    }
    let table = DeTable::parse(line).map_err(|fault| format!("this line is damaged: {}", fault.message()))?.into_inner();
    let Some((key, value)) = table.iter().next() else { return Ok(Line::Nothing) };
    let (key, value) = (key.get_ref().as_ref(), value.get_ref());
    match value {
        DeValue::Integer(number) if key == "schema" => number.as_str().parse().map(Line::Schema).map_err(|_| "`schema` must be a whole number".to_owned()),
        DeValue::Table(inner) => table_line(key, value, inner),
        DeValue::String(text) => Ok(Line::Fact(Fact::Shared(element_id(key)?, pin_of(text)))),
        _ => Err("this is not a line of a lockfile".to_owned()),
    }
}

/// Of the lines with a table: one key with a `/` is a site's pin, the key `hash` alone an extension; the rest are elements.
fn table_line(key: &str, value: &DeValue<'_>, inner: &DeTable<'_>) -> Result<Line, String> {
    let mut entries = inner.iter().map(|(name, value)| (name.get_ref().as_ref(), value.get_ref().as_str()));
    let fact = match (entries.next(), entries.next()) {
        (Some((id, Some(pin))), None) if id.contains('/') => Fact::Site(key.to_owned(), element_id(id)?, pin_of(pin)),
        (Some(("hash", Some(hash))), None) => Fact::Extension(key.to_owned(), hash.to_owned()),
        _ => {
            let element: LockedElement = serde_json::from_value(json_of(value)).map_err(|fault| format!("this is not a locked element: {fault}"))?;
            Fact::Element(lock_key(key)?, Box::new(element))
        }
    };
    Ok(Line::Fact(fact))
}

fn element_id(text: &str) -> Result<ElementId, String> {
    text.parse().map_err(|fault: Error| fault.message().to_owned())
}

/// Reads `type/name@version[!discriminator]`.
fn lock_key(text: &str) -> Result<LockKey, String> {
    let (id, pin) = ElementId::split_version(text);
    Ok(LockKey { id: element_id(id)?, pin: pin_of(pin.unwrap_or_default()) })
}

/// Reads `version[!discriminator]`: what follows the last `!` is a discriminator where it is one or is empty.
fn pin_of(text: &str) -> Pin {
    match text.rsplit_once('!') {
        Some((version, discriminator)) if discriminator.is_empty() || is_discriminator(discriminator) => {
            Pin { version: Version::new(version), discriminator: discriminator.to_owned() }
        }
        _ => Pin { version: Version::new(text), discriminator: String::new() },
    }
}

/// Seven hex digits.
pub(super) fn is_discriminator(text: &str) -> bool {
    text.len() == 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
