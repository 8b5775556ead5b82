//! `moodle`: what Moodle's core and plugins call a version.
//!
//! A *build* is `YYYYMMDDRR` with an optional two-digit fraction, compared as a decimal (`.1` = `.10` > `.01`). The core also
//! has *releases* (`4.5.3`; `4.5.3+` is a weekly build after it, `4.5+` the head of the branch) and *branch codes* (`405`). A branch's builds carry the date
//! of its first one, and each minor release adds 1: so `4.5.6` is the build `2024100706`, and both compare with one another.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::error::Result;
use crate::model::{Requirement, Version};

use super::operators::{self, Grammar, Operator, Term, by_key, not_a_version, number, without_v};
use super::{Matcher, Scheme};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moodle;

/// Major and minor number of a branch.
type Branch = (u64, u64);

/// The first build of every branch, from Moodle's release notes; ascending.
const BRANCHES: [(Branch, u64); 33] = [
    ((2, 0), 2_010_112_400),
    ((2, 1), 2_011_070_100),
    ((2, 2), 2_011_120_500),
    ((2, 3), 2_012_062_500),
    ((2, 4), 2_012_120_300),
    ((2, 5), 2_013_051_400),
    ((2, 6), 2_013_111_800),
    ((2, 7), 2_014_051_200),
    ((2, 8), 2_014_111_000),
    ((2, 9), 2_015_051_100),
    ((3, 0), 2_015_111_600),
    ((3, 1), 2_016_052_300),
    ((3, 2), 2_016_120_500),
    ((3, 3), 2_017_051_500),
    ((3, 4), 2_017_111_300),
    ((3, 5), 2_018_051_700),
    ((3, 6), 2_018_120_300),
    ((3, 7), 2_019_052_000),
    ((3, 8), 2_019_111_800),
    ((3, 9), 2_020_061_500),
    ((3, 10), 2_020_110_900),
    ((3, 11), 2_021_051_700),
    ((4, 0), 2_022_041_900),
    ((4, 1), 2_022_112_800),
    ((4, 2), 2_023_042_400),
    ((4, 3), 2_023_100_900),
    ((4, 4), 2_024_042_200),
    ((4, 5), 2_024_100_700),
    ((4, 6), 2_024_102_100),
    ((5, 0), 2_025_041_400),
    ((5, 1), 2_025_100_600),
    ((5, 2), 2_026_042_000),
    ((5, 3), 2_026_100_500),
];

/// Major and minor number of every branch that is known, ascending, without those that never came to be (4.6).
pub(super) fn branches() -> impl Iterator<Item = (u64, u64)> {
    BRANCHES.iter().map(|(branch, _)| *branch).filter(|branch| *branch != (4, 6))
}

/// Build, hundredths (100: a weekly build of unknown date), stage, number within the stage.
type Key = (u64, u8, u8, u64);

const STAGES: [&str; 4] = ["dev", "alpha", "beta", "rc"];
const RELEASED: u8 = 4;
const WEEKLY: u8 = 100;

/// The first build of a branch. One that the table does not know yet counts as newer than every build of today, one between
/// two known ones follows the earlier directly.
fn first_build((major, minor): Branch) -> u64 {
    let (last, _) = BRANCHES[BRANCHES.len() - 1];
    let known = BRANCHES.partition_point(|(branch, _)| *branch <= (major, minor));
    let steps = |from: Branch| (major - from.0).saturating_mul(10).saturating_add(minor).saturating_sub(from.1);
    match known.checked_sub(1).map(|at| BRANCHES[at]) {
        Some((branch, build)) if branch == (major, minor) => build,
        Some((branch, _)) if branch == last => steps(last).saturating_add(2027).saturating_mul(1_000_000),
        Some((branch, build)) => build + steps(branch).min(90) * 100,
        None => major.saturating_mul(100_000_000).saturating_add(minor.min(9_999) * 100),
    }
}

/// The branch that a build belongs to, known by its date.
fn branch_of(build: u64) -> Option<Branch> {
    BRANCHES.iter().find(|(_, first)| first / 100 == build / 100).map(|(branch, _)| *branch)
}

/// A version or an operand, read.
#[derive(Debug, Clone, Copy)]
struct Reading {
    key: Key,
    branch: Option<Branch>,
    /// Only a branch was named (`4.5`, `405`), no release of it.
    whole_branch: bool,
}

fn parse(text: &str) -> std::result::Result<Reading, String> {
    let text = without_v(text);
    let text = text.split_once(" (").map_or(text, |(release, _)| release);
    let (numbers, suffix) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let parts: Vec<&str> = numbers.split('.').collect();
    if parts[0].len() >= 8 { build(&parts, suffix) } else { release(&parts, suffix) }
}

fn build(parts: &[&str], suffix: &str) -> std::result::Result<Reading, String> {
    if !suffix.is_empty() {
        return Err(format!("`{}` follows the build number", suffix.escape_debug()));
    }
    let build = number(parts[0])?;
    let hundredths = match parts {
        [_] => 0,
        [_, fraction] if matches!(fraction.len(), 1 | 2) => number(fraction)? * if fraction.len() == 1 { 10 } else { 1 },
        _ => return Err("a build number has a fraction of at most two digits".to_owned()),
    };
    Ok(Reading { key: (build, hundredths as u8, RELEASED, 0), branch: branch_of(build), whole_branch: false })
}

fn release(parts: &[&str], suffix: &str) -> std::result::Result<Reading, String> {
    if parts.len() > 3 {
        return Err("it is neither a build like `2024100706` nor a release like `4.5.6`".to_owned());
    }
    let numbers = parts.iter().map(|part| number(part)).collect::<std::result::Result<Vec<u64>, String>>()?;
    let branch = match numbers[..] {
        // branch codes: 39 is 3.9; from 310 on the last two digits are the minor number
        [code @ 10..=309] => (code / 10, code % 10),
        [code] if code >= 310 => (code / 100, code % 100),
        [major] => (major, 0),
        [major, minor, ..] => (major, minor),
        [] => return Err("it is empty".to_owned()),
    };
    let patch = numbers.get(2).copied().unwrap_or(0);
    let (hundredths, stage, count) = match suffix {
        "" => (0, RELEASED, 0),
        "+" => (WEEKLY, RELEASED, 0),
        _ => {
            let word = suffix.trim_start_matches('-').to_ascii_lowercase();
            let found = STAGES.iter().enumerate().find_map(|(stage, name)| word.strip_prefix(name).map(|rest| (stage as u8, rest)));
            let (stage, rest) = found.ok_or_else(|| format!("`{}` is none of `+`, `dev`, `alpha`, `beta`, `rc`", suffix.escape_debug()))?;
            (0, stage, if rest.is_empty() { 0 } else { number(rest)? })
        }
    };
    // `4.5+` is the head of the branch, whatever was released of it; `4.5.3+` a weekly build after that release.
    let newest = if suffix == "+" && numbers.len() < 3 { 99 } else { patch.min(99) };
    let count = if patch > 99 { patch } else { count };
    let key = (first_build(branch).saturating_add(newest), hundredths, stage, count);
    Ok(Reading { key, branch: Some(branch), whole_branch: numbers.len() < 3 && suffix.is_empty() })
}

fn key(text: &str) -> Option<Key> {
    parse(text).ok().map(|reading| reading.key)
}

impl Grammar for Moodle {
    const NAME: &'static str = "moodle";

    /// A branch stands for all of its builds: `<=4.5` and `<=405` let `4.5.6` in, `>4.5` begins with 5.0.
    fn compared(&self, operator: Operator, operand: &str) -> std::result::Result<Term, String> {
        let bound = parse(operand)?;
        if !bound.whole_branch {
            return Ok(Term::plain(operand, move |version| key(version).is_some_and(|key| operator.accepts(key.cmp(&bound.key)))));
        }
        let end = (bound.key.0.saturating_add(99), u8::MAX, u8::MAX, u64::MAX);
        let place = move |key: Key| match key {
            _ if key < bound.key => Ordering::Less,
            _ if key <= end => Ordering::Equal,
            _ => Ordering::Greater,
        };
        Ok(Term::plain(operand, move |version| key(version).is_some_and(|key| operator.accepts(place(key)))))
    }

    fn bare(&self, text: &str) -> std::result::Result<Term, String> {
        if matches!(text, "any" | "ANY_VERSION") {
            return Ok(Term::plain(text, |_| true));
        }
        if let Some(prefix) = text.strip_suffix('*') {
            return prefixed(text, prefix);
        }
        let base = text.strip_suffix('+').unwrap_or(text);
        let wanted = parse(base)?;
        let head = base.len() < text.len();
        if head && wanted.branch.is_none() {
            return Err("`+` stands after a release like `4.5` or `4.5.3`".to_owned());
        }
        Ok(Term::plain(text, move |version| {
            let Ok(found) = parse(version) else { return false };
            let (_, hundredths, stage, _) = found.key;
            match (wanted.whole_branch, head) {
                (true, true) => found.branch == wanted.branch,
                (true, false) => found.branch == wanted.branch && hundredths == 0 && stage == RELEASED,
                (false, true) => found.branch == wanted.branch && found.key >= wanted.key,
                (false, false) => found.key == wanted.key,
            }
        }))
    }

    /// Releases before weekly builds of the core.
    fn any(&self) -> Term {
        let weekly = |version: &str| parse(version).is_ok_and(|found| found.branch.is_some() && found.key.1 > 0);
        Term::classed("*", move |version| Some(u32::from(weekly(version))))
    }

    fn prerelease(&self, version: &str) -> bool {
        key(version).is_some_and(|(_, _, stage, _)| stage < RELEASED)
    }
}

/// `2025*`: the first digits of a build; `4.*`, `4.5.*`: the first parts of a release.
fn prefixed(text: &str, prefix: &str) -> std::result::Result<Term, String> {
    let first = prefix.split('.').next().unwrap_or_default();
    if prefix.ends_with('.') && first.len() < 8 {
        let parts = prefix.trim_end_matches('.').split('.').map(number).collect::<std::result::Result<Vec<u64>, String>>()?;
        if parts.len() > 2 {
            return Err("a release has no more than three parts".to_owned());
        }
        return Ok(Term::plain(text, move |version| {
            parse(version).is_ok_and(|found| found.branch.is_some_and(|(major, minor)| major == parts[0] && parts.get(1).is_none_or(|part| *part == minor)))
        }));
    }
    number(&prefix.replacen('.', "", 1)).map_err(|why| format!("before `*` stand the first digits of a build: {why}"))?;
    let prefix = prefix.to_owned();
    Ok(Term::plain(text, move |version| key(version).is_some_and(|(build, hundredths, ..)| format!("{build}.{hundredths:02}").starts_with(&prefix))))
}

impl Scheme for Moodle {
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

    /// A release of the core stays on its branch; a site's plugins follow the core: `*`.
    fn default_requirement(&self, version: &Version) -> Requirement {
        let parts: Vec<&str> = without_v(version.as_str()).split('.').collect();
        match parts[..] {
            [major, minor, patch] if [major, minor, patch].iter().all(|part| number(part).is_ok()) => Requirement::new(format!("{major}.{minor}")),
            _ => Requirement::any(),
        }
    }

    fn is_prerelease(&self, version: &Version) -> bool {
        self.prerelease(version.as_str())
    }
}
