//! `natural`: PHP's `version_compare` (php.net/version_compare): a version is cut where digits and letters meet and at
//! `.`, `-`, `_`, `+`; words are ordered any other word < `dev` < `alpha` < `beta` < `RC` < a number < `pl`.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::error::Result;
use crate::model::{Requirement, Version};

use super::operators::{self, Grammar, Operator, Term, by_key, not_a_version, number};
use super::{Matcher, Scheme};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Natural;

/// A part's rank, and its value where it is a number. The end of a version ranks as a number below every number.
type Part = (u8, Option<u64>);

const NUMBER: u8 = 5;

fn rank(word: &str) -> u8 {
    // a word counts as the first of these that it begins with
    let forms = [("dev", 1), ("alpha", 2), ("a", 2), ("beta", 3), ("b", 3), ("RC", 4), ("rc", 4), ("pl", 6), ("p", 6)];
    forms.into_iter().find(|(form, _)| word.starts_with(form)).map_or(0, |(_, rank)| rank)
}

fn parts(text: &str) -> std::result::Result<Vec<Part>, String> {
    let mut cut: Vec<String> = Vec::new();
    let mut open = false;
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            return Err("it holds a space".to_owned());
        }
        // Or no requirement could name it.
        if matches!(c, '*' | '<' | '>' | '=' | ',' | '|') {
            return Err(format!("it holds `{c}`, which belongs to requirements"));
        }
        if matches!(c, '.' | '-' | '_' | '+') {
            open = false;
            continue;
        }
        match cut.last_mut() {
            Some(last) if open && last.ends_with(|before: char| before.is_ascii_digit()) == c.is_ascii_digit() => last.push(c),
            _ => cut.push(c.to_string()),
        }
        open = true;
    }
    if cut.is_empty() {
        return Err("it is empty".to_owned());
    }
    cut.iter().map(|part| if part.starts_with(|c: char| c.is_ascii_digit()) { Ok((NUMBER, Some(number(part)?))) } else { Ok((rank(part), None)) }).collect()
}

fn key(text: &str) -> Option<Vec<Part>> {
    let mut parts = parts(text).ok()?;
    parts.push((NUMBER, None));
    Some(parts)
}

impl Grammar for Natural {
    const NAME: &'static str = "natural";

    fn compared(&self, operator: Operator, operand: &str) -> std::result::Result<Term, String> {
        if operand.contains('*') {
            return Err("after an operator stands a version without `*`".to_owned());
        }
        parts(operand)?;
        let bound = key(operand);
        Ok(Term::plain(operand, move |version| key(version).is_some_and(|key| operator.accepts(Some(key).cmp(&bound)))))
    }

    /// A version alone, or the beginning of one before `.*` (`1.2.*`).
    fn bare(&self, text: &str) -> std::result::Result<Term, String> {
        let Some(prefix) = text.strip_suffix('*') else { return self.compared(Operator::Equal, text) };
        if prefix.contains('*') {
            return Err("one `*` stands at the end".to_owned());
        }
        let prefix = parts(prefix.strip_suffix('.').ok_or("a `*` stands alone or after a dot, as in `1.2.*`")?)?;
        Ok(Term::plain(text, move |version| parts(version).is_ok_and(|parts| parts.starts_with(&prefix))))
    }

    fn prerelease(&self, version: &str) -> bool {
        parts(version).is_ok_and(|parts| parts.iter().any(|(rank, _)| (1..NUMBER).contains(rank)))
    }
}

impl Scheme for Natural {
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

    /// `>=1.4.2` for `1.4.2`: the scheme knows no compatible range.
    fn default_requirement(&self, version: &Version) -> Requirement {
        match key(version.as_str()) {
            Some(_) => Requirement::new(format!(">={version}")),
            None => Requirement::any(),
        }
    }

    fn is_prerelease(&self, version: &Version) -> bool {
        self.prerelease(version.as_str())
    }
}
