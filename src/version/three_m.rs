//! `3m`: major.medium.minor, the founding documents' own scheme.
//!
//! Missing parts are 0. `+` and `-` prefer the version that is named and fall back to others; a `*` on the right stands for
//! every version that fits what is left of it.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::error::Result;
use crate::model::{Requirement, Version};

use super::operators::{self, Grammar, Operator, Term, by_key, not_a_version, number, without_v};
use super::{Matcher, Scheme};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub(super) struct ThreeM;

type Key = [u64; 3];

fn parts(text: &str) -> std::result::Result<(Key, usize), String> {
    let mut key = [0; 3];
    let mut count = 0;
    for part in without_v(text).split('.') {
        let Some(slot) = key.get_mut(count) else {
            return Err("it has more than the three parts major.medium.minor".to_owned());
        };
        *slot = number(part)?;
        count += 1;
    }
    Ok((key, count))
}

fn key(text: &str) -> Option<Key> {
    parts(text).ok().map(|(key, _)| key)
}

/// What stands before a `+` or `-`, or alone: the fixed parts, how many they are, and whether wildcards fill the rest.
struct Pattern {
    key: Key,
    fixed: usize,
    wild: bool,
}

fn pattern(text: &str) -> std::result::Result<Pattern, String> {
    let all: Vec<&str> = without_v(text).split('.').collect();
    if all.len() > 3 {
        return Err("it has more than the three parts major.medium.minor".to_owned());
    }
    let fixed = all.iter().position(|part| *part == "*").unwrap_or(all.len());
    if let Some(number) = all.iter().skip(fixed).find(|part| **part != "*") {
        return Err(format!("wildcards stand only on the right, and here `{}` follows a `*`", number.escape_debug()));
    }
    let (key, _) = if fixed == 0 { ([0; 3], 0) } else { parts(&all[..fixed].join("."))? };
    Ok(Pattern { key, fixed, wild: fixed < all.len() })
}

impl Pattern {
    /// Whether a version has the fixed parts.
    fn covers(&self, version: Key) -> bool {
        version[..self.fixed] == self.key[..self.fixed]
    }
}

impl Grammar for ThreeM {
    const NAME: &'static str = "3m";

    fn compared(&self, operator: Operator, operand: &str) -> std::result::Result<Term, String> {
        let (bound, _) = parts(operand).map_err(|why| if operand.contains('*') { "after an operator stands a version without `*`".to_owned() } else { why })?;
        Ok(Term::plain(operand, move |version| key(version).is_some_and(|key| operator.accepts(key.cmp(&bound)))))
    }

    fn bare(&self, text: &str) -> std::result::Result<Term, String> {
        if let Some(base) = text.strip_suffix('+') {
            return plus(text, pattern(base)?);
        }
        if let Some(base) = text.strip_suffix('-') {
            return minus(text, pattern(base)?);
        }
        let pattern = pattern(text)?;
        let wild = pattern.wild;
        Ok(Term::plain(text, move |version| key(version).is_some_and(|key| if wild { pattern.covers(key) } else { key == pattern.key })))
    }
}

/// `2.4+`: 2.4.0, else the newest 2.4.x; `2.4.1+`: 2.4.1, else the newest later one; `2.*.*+`: the newest 2.x.x, else the newest later one.
fn plus(text: &str, pattern: Pattern) -> std::result::Result<Term, String> {
    if pattern.fixed == 0 {
        return Err("`*` stands for every version already, `+` adds nothing to it".to_owned());
    }
    Ok(Term::classed(text, move |version| {
        let version = key(version)?;
        let preferred = if pattern.wild { pattern.covers(version) } else { version == pattern.key };
        let open = pattern.wild || pattern.fixed == 3;
        let fallback = version > pattern.key && (open || pattern.covers(version));
        if preferred { Some(0) } else { fallback.then_some(1) }
    }))
}

/// As [`plus`], downwards: what is named, else the newest earlier one. (A missing part is 0, the lowest: there is nothing
/// earlier within `2.4.x` than `2.4.0`, so `2.4-` falls back to whatever is earlier than that.)
fn minus(text: &str, pattern: Pattern) -> std::result::Result<Term, String> {
    if pattern.fixed == 0 {
        return Err("`*` stands for every version already, `-` adds nothing to it".to_owned());
    }
    Ok(Term::classed(text, move |version| {
        let version = key(version)?;
        let preferred = if pattern.wild { pattern.covers(version) } else { version == pattern.key };
        if preferred { Some(0) } else { (version < pattern.key).then_some(1) }
    }))
}

impl Scheme for ThreeM {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn check(&self, version: &Version) -> Result<()> {
        parts(version.as_str()).map(|_| ()).map_err(|why| not_a_version(Self::NAME, version.as_str(), &why))
    }

    fn compare(&self, a: &Version, b: &Version) -> Ordering {
        by_key(a, b, key)
    }

    fn requirement(&self, text: &Requirement) -> Result<Arc<dyn Matcher>> {
        operators::read(*self, text.as_str())
    }

    /// `1.4+` for `1.4.2`.
    fn default_requirement(&self, version: &Version) -> Requirement {
        match key(version.as_str()) {
            Some([major, medium, _]) => Requirement::new(format!("{major}.{medium}+")),
            None => Requirement::any(),
        }
    }
}
