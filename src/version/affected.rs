//! Which versions an advisory is about. Its ranges are plain comparisons: a pre-release below the bound is as unsafe as any other.

use std::sync::Arc;

use super::operators::{Operator, split_operator};
use super::{Matcher, Scheme, scheme};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Advisory, Requirement, Terms, Version};

/// What an advisory says of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is about this version.
    Affected,
    /// It is not.
    Safe,
    /// It cannot be told: the release's name is not known, or the range cannot be read.
    Unknown,
}

/// What an advisory says of a version. `names`: what the version is called for people, the surest first.
#[must_use]
pub fn verdict<'a>(advisory: &Advisory, own: &dyn Scheme, version: &Version, names: impl IntoIterator<Item = &'a str>) -> Verdict {
    let told = match advisory.terms {
        Terms::Versions => covers(&advisory.affected, own, version),
        Terms::Releases => release_of(names).and_then(|name| covers(&advisory.affected, &*scheme("natural")?, &name)),
    };
    match told {
        Ok(true) => Verdict::Affected,
        Ok(false) => Verdict::Safe,
        Err(_) => Verdict::Unknown,
    }
}

/// The first name that begins like a version, without what stands around it: `v5.0.3 (Build: …)` is `5.0.3`.
fn release_of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Version> {
    let bare = |name: &str| {
        let name = name.trim().split([' ', '\t', '(']).next().unwrap_or_default().trim_start_matches("refs/tags/");
        let name = name.strip_prefix("release-").unwrap_or(name);
        let name = name.strip_prefix(['v', 'V']).unwrap_or(name);
        // A build is no name for people.
        let digits = name.bytes().take_while(u8::is_ascii_digit).count();
        ((1..8).contains(&digits)).then(|| Version::new(name))
    };
    names.into_iter().find_map(bare).ok_or_else(|| Error::new(ErrorKind::Version, "the release has no name that could be compared"))
}

/// Whether a text looks like it compares builds (`<2026010100`) and not releases.
#[must_use]
pub fn is_of_builds(affected: &str) -> bool {
    affected.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= 8)
}

enum Term {
    Compared(Operator, Version),
    Matched(Arc<dyn Matcher>),
}

/// Whether a range covers a version. Parts are joined by a comma or a space (and), `||` (or); one without an operator is that version.
fn covers(affected: &Requirement, scheme: &dyn Scheme, version: &Version) -> Result<bool> {
    let text = affected.as_str().trim();
    if text.is_empty() || matches!(text, "*" | "all") {
        return Ok(true);
    }
    if text.len() > 4096 {
        return Err(Error::new(ErrorKind::Version, "the range is too long"));
    }
    scheme.check(version)?;
    let mut covered = false;
    for alternative in text.split("||") {
        let mut fits = true;
        let mut any = false;
        for term in terms(alternative, scheme)? {
            any = true;
            fits &= match term {
                Term::Compared(operator, bound) => operator.accepts(scheme.compare(version, &bound)),
                Term::Matched(matcher) => matcher.matches(version),
            };
        }
        if !any {
            return Err(Error::new(ErrorKind::Version, "a part of the range is empty"));
        }
        covered |= fits;
    }
    Ok(covered)
}

fn terms(text: &str, scheme: &dyn Scheme) -> Result<Vec<Term>> {
    let mut found = Vec::new();
    let mut operator = None;
    for word in text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty()) {
        let (before, operand) = match split_operator(word) {
            Some((before, operand)) => (Some(before), operand),
            None => (None, word),
        };
        operator = before.or(operator);
        if operand.is_empty() {
            continue;
        }
        found.push(match operator.take() {
            None if operand.contains(['*', '^', '~']) => Term::Matched(scheme.requirement(&Requirement::new(operand))?),
            operator => Term::Compared(operator.unwrap_or(Operator::Equal), bound(operand, scheme)?),
        });
    }
    if operator.is_some() {
        return Err(Error::new(ErrorKind::Version, "a comparison has nothing to compare with"));
    }
    Ok(found)
}

/// A bound as the scheme reads it; missing parts are 0.
fn bound(text: &str, scheme: &dyn Scheme) -> Result<Version> {
    let bare = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let forms = [text.to_owned(), bare.to_owned(), format!("{bare}.0"), format!("{bare}.0.0")];
    let mut fault = None;
    for form in forms {
        let version = Version::new(form);
        match scheme.check(&version) {
            Ok(()) => return Ok(version),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    Err(fault.unwrap_or_else(|| Error::new(ErrorKind::Version, "no version")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(affected: &str, terms: Terms) -> Advisory {
        Advisory {
            id: "A-1".into(),
            element: "plugins/mod_x".parse().expect("an id"),
            title: None,
            severity: None,
            affected: Requirement::new(affected),
            fixed: None,
            terms,
            revoke: false,
            published: None,
            url: None,
            description: None,
        }
    }

    fn of(affected: &str, name: &str, version: &str) -> Verdict {
        verdict(&about(affected, Terms::Versions), &*scheme(name).expect("a scheme"), &Version::new(version), [])
    }

    #[test]
    fn ranges_are_read_however_they_are_joined() {
        for (affected, inside, outside) in [
            ("<5.0.3", vec!["5.0.2", "4.9", "5.0.3-beta"], vec!["5.0.3", "5.1"]),
            (">=4.0, <4.4.2 || >= 5.0 <5.0.3", vec!["4.0.0", "4.4.1", "5.0.2"], vec!["3.9", "4.4.2", "4.9", "5.0.3"]),
            ("= 5.0.1", vec!["5.0.1"], vec!["5.0.2"]),
            ("5.0.1 || 5.0.2", vec!["5.0.1", "5.0.2"], vec!["5.0.0", "5.0.3"]),
            ("*", vec!["1", "99"], vec![]),
        ] {
            for version in inside {
                assert_eq!(of(affected, "natural", version), Verdict::Affected, "{affected}: {version}");
            }
            for version in outside {
                assert_eq!(of(affected, "natural", version), Verdict::Safe, "{affected}: {version}");
            }
        }
        assert_eq!(of("<1.2", "semver", "1.1.9-rc.1"), Verdict::Affected, "a pre-release is as unsafe");
        assert_eq!(of("<1.2", "semver", "1.2.0"), Verdict::Safe);
        assert_eq!(of("1.2.*", "3m", "1.2.5"), Verdict::Affected);
        assert_eq!(of("<2026010100", "moodle", "2025123100"), Verdict::Affected);
    }

    #[test]
    fn what_cannot_be_read_is_neither_safe_nor_affected() {
        for affected in ["<", "<, >", "|| <1", "< one two", "<1 ||"] {
            assert_eq!(of(affected, "semver", "1.0.0"), Verdict::Unknown, "{affected}");
        }
        assert_eq!(of("<1.0.0", "semver", "nightly"), Verdict::Unknown);
    }

    #[test]
    fn releases_are_compared_by_the_first_name_that_is_one() {
        let moodle = scheme("moodle").expect("a scheme");
        let build = Version::new("2026010100");
        let of = |names: &[&str]| verdict(&about("<5.0.3", Terms::Releases), &*moodle, &build, names.iter().copied());
        assert_eq!(of(&["v5.0.2 (Build: 20260101)"]), Verdict::Affected);
        assert_eq!(of(&["refs/tags/v5.0.3"]), Verdict::Safe);
        assert_eq!(of(&["2026010100", "stable", "release-v4.1"]), Verdict::Affected, "a build is no release's name");
        assert_eq!(of(&["main"]), Verdict::Unknown);
        assert!(is_of_builds("<2026010100") && !is_of_builds("<5.0.3"));
    }
}
