//! npm's ranges as requirements of the scheme `semver`, which has cargo's operators and npm's rule for pre-releases: one is let
//! in only beside a bound that names a pre-release of the same three numbers.
//!
//! Every range becomes plain bounds: npm's `1.2.3` is one version where cargo's is `^1.2.3`, and its `^0.0` and `>1` are others too.

use crate::error::{Error, ErrorKind, Result};
use crate::model::Requirement;

/// The largest number that npm counts to.
const LARGEST: u64 = 9_007_199_254_740_991;
/// How long a range may be.
const LONGEST: usize = 4096;

type Reason = &'static str;
type Read<T> = std::result::Result<T, Reason>;

const UNREADABLE: Reason = "npm does not read it either";
const TAG: Reason = "a tag of a registry is no version";
const PLACE: Reason = "it names a place, and no versions";

/// A version of npm, without what follows its `+`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    numbers: [u64; 3],
    early: String,
}

/// What was written of a version: up to three numbers, the rest left out or `x`.
#[derive(Debug)]
struct Partial {
    numbers: Vec<u64>,
    early: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Bound {
    AtLeast(Version),
    Above(Version),
    AtMost(Version),
    Below(Version),
    Is(Version),
    Nothing,
}

/// A range of npm (`^1.2 || ~2.0.3`, `1.x`, `>=1 <3`, `1.0 - 2.0`) as a requirement of the scheme `semver`.
///
/// # Errors
/// `Version` for what npm could not read either, and for what is no range: a tag (`latest`), an address, a path, an alias.
pub fn npm(text: &str) -> Result<Requirement> {
    let refused = |why: Reason| {
        let shown: String = text.chars().take(80).collect();
        let error = Error::new(ErrorKind::Version, format!("`{}` cannot be said as a requirement: {why}", shown.escape_debug()));
        match why {
            PLACE => error.hint("take the element from there: `{ git = \"…\" }`, `{ url = \"…\" }` or `{ path = \"…\" }`"),
            TAG => error.hint("ask for the versions that it stood for, or for `*`"),
            _ => error,
        }
    };
    if text.len() > LONGEST {
        return Err(refused("it is too long"));
    }
    if text.contains([':', '/']) {
        return Err(refused(PLACE));
    }
    let mut alternatives = text.split("||").map(alternative).collect::<Read<Vec<_>>>().map_err(refused)?;
    if alternatives.iter().any(Vec::is_empty) {
        return Ok(Requirement::any());
    }
    alternatives.dedup();
    if alternatives.iter().any(|bounds| *bounds != [Bound::Nothing]) {
        alternatives.retain(|bounds| *bounds != [Bound::Nothing]);
    }
    let written = alternatives.iter().map(|bounds| bounds.iter().map(Bound::text).collect::<Vec<_>>().join(", "));
    Ok(Requirement::new(written.collect::<Vec<_>>().join(" || ")))
}

/// The bounds of one alternative; none: every version.
fn alternative(text: &str) -> Read<Vec<Bound>> {
    let text = text.trim();
    let mut bounds = Vec::new();
    if let Some((from, to)) = text.split_once(" - ") {
        let (from, to) = (partial(from.trim())?, partial(to.trim())?);
        bounds.push(Bound::AtLeast(from.least()));
        bounds.extend(match to.numbers.len() {
            0 => None,
            3 => Some(Bound::AtMost(to.least())),
            places => Some(Bound::Below(to.after(places - 1)?)),
        });
    } else {
        // an operator may stand apart from its version
        let mut words: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match words.last_mut() {
                Some(last) if last.ends_with(is_operator) => last.push_str(word),
                _ => words.push(word.to_owned()),
            }
        }
        for word in &words {
            term(word, &mut bounds)?;
        }
    }
    if bounds.contains(&Bound::Nothing) {
        return Ok(vec![Bound::Nothing]);
    }
    let mut kept: Vec<Bound> = Vec::new();
    for bound in bounds {
        let says_nothing = matches!(&bound, Bound::AtLeast(version) if version.numbers == [0; 3] && version.early.is_empty());
        if !says_nothing && !kept.contains(&bound) {
            kept.push(bound);
        }
    }
    Ok(kept)
}

fn is_operator(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '~' | '^')
}

fn term(word: &str, bounds: &mut Vec<Bound>) -> Read<()> {
    let (operator, operand) = word.split_at(word.len() - word.trim_start_matches(is_operator).len());
    let found = partial(operand)?;
    let places = found.numbers.len();
    match (operator, places) {
        ("<" | ">", 0) => bounds.push(Bound::Nothing),
        ("" | "=" | ">=" | "<=" | "^" | "~" | "~>", 0) => {}
        ("" | "=", 3) => bounds.push(Bound::Is(found.least())),
        ("" | "=", _) => bounds.extend([Bound::AtLeast(found.least()), Bound::Below(found.after(places - 1)?)]),
        (">=", _) => bounds.push(Bound::AtLeast(found.least())),
        (">", 3) => bounds.push(Bound::Above(found.least())),
        (">", _) => bounds.push(Bound::AtLeast(found.after(places - 1)?)),
        ("<=", 3) => bounds.push(Bound::AtMost(found.least())),
        ("<=", _) => bounds.push(Bound::Below(found.after(places - 1)?)),
        ("<", _) => bounds.push(Bound::Below(found.least())),
        // `~1.2.3` and `~1.2` move their last number, `~1` its first
        ("~" | "~>", _) => bounds.extend([Bound::AtLeast(found.least()), Bound::Below(found.after(places.min(2) - 1)?)]),
        // the first number that is not 0 stays; where all are, the last one that is written
        ("^", _) => {
            let first = found.numbers.iter().position(|number| *number > 0).unwrap_or(places - 1);
            bounds.extend([Bound::AtLeast(found.least()), Bound::Below(found.after(first)?)]);
        }
        _ => return Err(UNREADABLE),
    }
    Ok(())
}

/// `1`, `1.2.x`, `v1.2.3-beta.1+build`, `*`.
fn partial(text: &str) -> Read<Partial> {
    let text = text.strip_prefix('=').unwrap_or(text);
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let text = match text.split_once('+') {
        Some((text, build)) if !build.is_empty() && build.bytes().all(is_of_identifier) => text,
        Some(_) => return Err(UNREADABLE),
        None => text,
    };
    let (core, early) = text.split_once('-').map_or((text, None), |(core, early)| (core, Some(early)));
    let parts: Vec<&str> = core.split('.').collect();
    if !core.starts_with(|c: char| c.is_ascii_digit() || "xX*".contains(c)) || core.starts_with("x-") {
        return Err(if core.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !core.is_empty() { TAG } else { UNREADABLE });
    }
    if parts.len() > 3 || (early.is_some() && parts.len() < 3) || early.is_some_and(|early| !is_early(early)) {
        return Err(UNREADABLE);
    }
    let is_any = |part: &&str| matches!(*part, "x" | "X" | "*");
    let written = parts.iter().position(is_any).unwrap_or(parts.len());
    if !parts[written..].iter().all(is_any) {
        return Err("an `x` stands before a number");
    }
    let numbers = parts[..written].iter().map(|part| number(part)).collect::<Read<Vec<u64>>>()?;
    let early = early.filter(|_| written == 3).unwrap_or_default().to_owned();
    Ok(Partial { numbers, early })
}

fn is_of_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
}

fn is_early(text: &str) -> bool {
    text.split('.').all(|part| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !(digits && part.len() > 1 && part.starts_with('0'))
    })
}

fn number(part: &str) -> Read<u64> {
    if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) || (part.len() > 1 && part.starts_with('0')) {
        return Err(UNREADABLE);
    }
    part.parse().ok().filter(|number| *number <= LARGEST).ok_or("a number in it is larger than npm counts")
}

impl Partial {
    /// With 0 for what is left out.
    fn least(&self) -> Version {
        let at = |place: usize| self.numbers.get(place).copied().unwrap_or(0);
        Version { numbers: [at(0), at(1), at(2)], early: self.early.clone() }
    }

    /// The version after all that agree with this one up to and with a place.
    fn after(&self, place: usize) -> Read<Version> {
        let mut numbers = [0; 3];
        for (at, number) in self.least().numbers.iter().enumerate().take(place + 1) {
            numbers[at] = if at == place { number + 1 } else { *number };
        }
        if numbers[place] > LARGEST { Err("a number in it is larger than npm counts") } else { Ok(Version { numbers, early: String::new() }) }
    }
}

impl Bound {
    fn text(&self) -> String {
        match self {
            Self::AtLeast(version) => format!(">={}", version.text()),
            Self::Above(version) => format!(">{}", version.text()),
            Self::AtMost(version) => format!("<={}", version.text()),
            // below all pre-releases of a version is below it, since those are let in only where they are named
            Self::Below(version) if version.early == "0" => format!("<{}", Version { early: String::new(), ..version.clone() }.text()),
            Self::Below(version) => format!("<{}", version.text()),
            Self::Is(version) => format!("={}", version.text()),
            Self::Nothing => "<0.0.0".to_owned(),
        }
    }
}

impl Version {
    fn text(&self) -> String {
        let [major, minor, patch] = self.numbers;
        if self.early.is_empty() { format!("{major}.{minor}.{patch}") } else { format!("{major}.{minor}.{patch}-{}", self.early) }
    }
}
