//! `date`: ISO dates (`2024-05-21`, with a time after `T` or not), `YYYYMMDD` and `YYYYMMDDHH`.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::error::Result;
use crate::model::{Requirement, Version};

use super::operators::{self, Grammar, Operator, Term, by_key, not_a_version, number};
use super::{Matcher, Scheme};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Date;

/// Year, month, day, hour, minute, second.
type Key = [u64; 6];

const HIGHEST: Key = [9999, 12, 31, 23, 59, 60];
const LOWEST: Key = [0, 1, 1, 0, 0, 0];

fn parse(text: &str) -> std::result::Result<Key, String> {
    let mut fields = Vec::new();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        if text.len() != 8 && text.len() != 10 {
            return Err("it is neither YYYY-MM-DD nor YYYYMMDD nor YYYYMMDDHH".to_owned());
        }
        for (from, to) in [(0, 4), (4, 6), (6, 8), (8, 10)] {
            fields.extend(text.get(from..to).map(number).transpose()?);
        }
    } else {
        let (date, time) = match text.split_once(['T', ' ']) {
            Some((date, time)) => (date, Some(time.trim_end_matches('Z'))),
            None => (text, None),
        };
        let day: Vec<&str> = date.split('-').collect();
        if day.iter().map(|part| part.len()).ne([4, 2, 2]) {
            return Err("it is neither YYYY-MM-DD nor YYYYMMDD nor YYYYMMDDHH".to_owned());
        }
        let time: Vec<&str> = time.map(|time| time.split(':').collect()).unwrap_or_default();
        if time.len() > 3 || time.iter().any(|part| part.len() != 2) {
            return Err("its time is not HH, HH:MM or HH:MM:SS".to_owned());
        }
        for part in day.into_iter().chain(time) {
            fields.push(number(part)?);
        }
    }
    let mut key = LOWEST;
    for (at, value) in fields.into_iter().enumerate() {
        if value < LOWEST[at] || value > HIGHEST[at] {
            let what = ["year", "month", "day", "hour", "minute", "second"][at];
            return Err(format!("{value} is not a {what}"));
        }
        key[at] = value;
    }
    Ok(key)
}

fn key(text: &str) -> Option<Key> {
    parse(text).ok()
}

fn digits(key: Key) -> String {
    let [year, month, day, hour, minute, second] = key;
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

impl Grammar for Date {
    const NAME: &'static str = "date";

    fn compared(&self, operator: Operator, operand: &str) -> std::result::Result<Term, String> {
        let bound = parse(operand)?;
        Ok(Term::plain(operand, move |version| key(version).is_some_and(|key| operator.accepts(key.cmp(&bound)))))
    }

    /// A date alone, or the beginning of one before a `*` (`2024*`, `2024-05*`).
    fn bare(&self, text: &str) -> std::result::Result<Term, String> {
        let Some(prefix) = text.strip_suffix('*') else { return self.compared(Operator::Equal, text) };
        let prefix: String = prefix.chars().filter(|c| !matches!(c, '-' | '.')).collect();
        number(&prefix).map_err(|why| format!("before `*` stands the beginning of a date: {why}"))?;
        Ok(Term::plain(text, move |version| key(version).is_some_and(|key| digits(key).starts_with(&prefix))))
    }
}

impl Scheme for Date {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn check(&self, version: &Version) -> Result<()> {
        parse(version.as_str()).map(|_| ()).map_err(|why| not_a_version(Self::NAME, version.as_str(), &why))
    }

    fn compare(&self, a: &Version, b: &Version) -> Ordering {
        by_key(a, b, key)
    }

    fn requirement(&self, text: &Requirement) -> Result<Arc<dyn Matcher>> {
        operators::read(*self, text.as_str())
    }

    fn default_requirement(&self, _: &Version) -> Requirement {
        Requirement::any()
    }
}
