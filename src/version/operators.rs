//! The operators that all schemes know: `*`, `=v`, `>=v`, `<=v`, `>v`, `<v`, `a, b` (and), `a || b` (or).

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::model::Version;

use super::Matcher;

/// How long a requirement may be.
const LONGEST: usize = 4096;

/// One of the comparisons that stand before a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `=v`
    Equal,
    /// `>=v`
    AtLeast,
    /// `<=v`
    AtMost,
    /// `>v`
    Above,
    /// `<v`
    Below,
}

impl Operator {
    /// Whether a version that compares like this with the operand fits.
    pub(super) fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::AtLeast => ordering.is_ge(),
            Self::AtMost => ordering.is_le(),
            Self::Above => ordering.is_gt(),
            Self::Below => ordering.is_lt(),
        }
    }
}

/// The operator at the start of a text, and what follows it.
pub(super) fn split_operator(text: &str) -> Option<(Operator, &str)> {
    let forms =
        [(">=", Operator::AtLeast), ("<=", Operator::AtMost), ("==", Operator::Equal), ("=", Operator::Equal), (">", Operator::Above), ("<", Operator::Below)];
    forms.into_iter().find_map(|(form, operator)| text.strip_prefix(form).map(|rest| (operator, rest.trim_start())))
}

/// One term of a requirement: for a version text, `None` where it does not fit, else its class (see [`Matcher::class`]).
pub(super) struct Term {
    text: String,
    classify: Box<Classify>,
}

type Classify = dyn Fn(&str) -> Option<u32> + Send + Sync;

impl Term {
    /// A term that says itself which class a fitting version has.
    pub(super) fn classed(text: &str, classify: impl Fn(&str) -> Option<u32> + Send + Sync + 'static) -> Self {
        Self { text: text.to_owned(), classify: Box::new(classify) }
    }

    /// A term without preferences.
    pub(super) fn plain(text: &str, fits: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::classed(text, move |version| fits(version).then_some(0))
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Alternatives, each a list of terms that must all fit.
#[derive(Debug)]
pub(super) struct Terms(Vec<Vec<Term>>);

impl Terms {
    fn classify(&self, version: &str) -> Option<u32> {
        let all = |terms: &Vec<Term>| terms.iter().try_fold(0_u32, |class, term| Some(class.saturating_add((term.classify)(version)?)));
        self.0.iter().filter_map(all).min()
    }
}

impl Matcher for Terms {
    fn matches(&self, version: &Version) -> bool {
        self.classify(version.as_str()).is_some()
    }
    fn class(&self, version: &Version) -> u32 {
        self.classify(version.as_str()).unwrap_or(0)
    }
}

/// How one scheme reads the parts of a requirement. Failures are given as the reason alone.
pub(super) trait Grammar {
    /// The scheme's name, for errors.
    const NAME: &'static str;
    /// A version after an operator.
    fn compared(&self, operator: Operator, operand: &str) -> std::result::Result<Term, String>;
    /// A term without an operator that is not a lone `*`.
    fn bare(&self, text: &str) -> std::result::Result<Term, String>;
    /// `*`.
    fn any(&self) -> Term {
        Term::plain("*", |_| true)
    }
    /// Whether a version text is a pre-release, to be kept out of alternatives that name none.
    fn prerelease(&self, version: &str) -> bool {
        let _ = version;
        false
    }
}

/// Reads a requirement with the shared operators and a scheme's own terms.
pub(super) fn read<G: Grammar + Copy + Send + Sync + 'static>(grammar: G, text: &str) -> Result<Arc<dyn Matcher>> {
    if text.len() > LONGEST {
        // Nobody means it, and reading it would take its time.
        return Err(refusal(G::NAME, &text.chars().take(40).chain(['…']).collect::<String>(), &format!("it is longer than {LONGEST} bytes")));
    }
    let mut alternatives = Vec::new();
    for alternative in text.split("||") {
        let mut terms = Vec::new();
        let mut named = false;
        for part in alternative.split(',') {
            let part = part.trim();
            let operand = split_operator(part).map_or(part, |(_, operand)| operand);
            named |= grammar.prerelease(operand);
            terms.push(term(&grammar, part).map_err(|why| refusal(G::NAME, text, &why))?);
        }
        if !named {
            terms.push(Term::plain("no pre-release", move |version| !grammar.prerelease(version)));
        }
        alternatives.push(terms);
    }
    Ok(Arc::new(Terms(alternatives)))
}

fn term(grammar: &impl Grammar, part: &str) -> std::result::Result<Term, String> {
    if part.is_empty() {
        return Err("a part of it is empty".to_owned());
    }
    if part == "*" {
        return Ok(grammar.any());
    }
    let Some((operator, operand)) = split_operator(part) else { return grammar.bare(part) };
    if operand.is_empty() {
        return Err(format!("no version follows `{part}`"));
    }
    if operand.contains(char::is_whitespace) || operand.contains(['<', '>', '=']) {
        return Err("several conditions are separated by a comma, as in `>=1, <2`".to_owned());
    }
    grammar.compared(operator, operand)
}

/// The error for a requirement that a scheme cannot read.
pub(super) fn refusal(scheme: &str, text: &str, why: &str) -> Error {
    Error::new(ErrorKind::Version, format!("`{}` is not a requirement of the scheme `{scheme}`: {why}", text.escape_debug()))
        .hint(format!("what it knows: {}", examples(scheme)))
}

/// Requirements that a scheme can read, for a hint.
fn examples(scheme: &str) -> &'static str {
    match scheme {
        "semver" => "`^1.2`, `~1.2.3`, `1.*`, `>=1.2, <3`, `*`",
        "moodle" => "`2025041400`, `2025*`, `4.5`, `4.5+`, `>=2024100700, <2025041400`, `*`",
        "date" => "`2025-04-14`, `>=2025-01-01, <2026-01-01`, `*`",
        "natural" => "`1.2rc1`, `>=1.2, <3`, `*`",
        _ => "`2.4`, `2.4+`, `2.*`, `>=2.4, <3`, `2.4 || 3.1`, `*`",
    }
}

/// The error for a version that a scheme cannot read.
pub(super) fn not_a_version(scheme: &str, text: &str, why: &str) -> Error {
    Error::new(ErrorKind::Version, format!("`{}` is not a version of the scheme `{scheme}`: {why}", text.escape_debug()))
}

/// The order of two versions by their keys; those without a key come first, by text.
pub(super) fn by_key<K: Ord>(a: &Version, b: &Version, key: impl Fn(&str) -> Option<K>) -> Ordering {
    match (key(a.as_str()), key(b.as_str())) {
        (Some(a), Some(b)) => a.cmp(&b),
        (None, None) => a.as_str().cmp(b.as_str()),
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
    }
}

/// A part of a version that must be a number of at most 64 bits.
pub(super) fn number(part: &str) -> std::result::Result<u64, String> {
    if part.is_empty() {
        return Err("a part of it is empty".to_owned());
    }
    if !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{}` is not a number", part.escape_debug()));
    }
    part.parse().map_err(|_| format!("`{part}` is too large"))
}

/// The text without a `v` (or `V`) that stands before a digit.
pub(super) fn without_v(text: &str) -> &str {
    match text.strip_prefix(['v', 'V']) {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_digit()) => rest,
        _ => text,
    }
}
