//! Composer's constraints as requirements of the scheme `natural`, which orders versions as PHP does.
//!
//! Composer fills versions up to four numbers before it compares them; `natural` compares what is written. So a lower bound
//! becomes its shortest form (`>=1.2` lets `1.2` and `1.2.0` in), an upper one its longest (`<=1.2.0.0`), and one version
//! becomes all its spellings. A pre-release is let in where the constraint names one or has a flag (`@beta`), as Composer does
//! it with `minimum-stability: stable`. Branches (`dev-main`, `1.x-dev`) are no versions: a git source's `branch` serves.

use crate::error::{Error, ErrorKind, Result};
use crate::model::Requirement;

/// How many numbers a version of Composer has.
const PLACES: usize = 4;
/// How many alternatives a requirement may come to: spellings of single versions multiply.
const MOST: usize = 64;

type Reason = &'static str;

/// A version of Composer: one to four numbers, and a pre-release or a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    numbers: Vec<u64>,
    /// `beta2`; empty: none.
    suffix: String,
}

/// A condition before it is written down.
#[derive(Debug, Clone)]
enum Bound {
    Any,
    AtLeast(Version),
    Above(Version),
    AtMost(Version),
    Below(Version),
    Is(Version),
    IsNot(Version),
}

/// A constraint of Composer (`^1.2 || ~2.0.3`, `1.* !=1.4.2`, `1.0 - 2.0`) as a requirement of the scheme `natural`.
///
/// # Errors
/// `Version` for what Composer could not read either, and for what has no like here: branches, aliases, commits.
pub fn composer(text: &str) -> Result<Requirement> {
    let refused = |why: Reason| {
        let error = Error::new(ErrorKind::Version, format!("`{}` cannot be said as a requirement: {why}", text.escape_debug()));
        if why == BRANCH { error.hint("take the element from its git repository: `{ git = \"…\", branch = \"…\" }`") } else { error }
    };
    let mut early = false;
    let mut alternatives = Vec::new();
    for alternative in text.replace("||", "|").split('|') {
        let (bounds, named) = read(alternative).map_err(refused)?;
        early |= named;
        alternatives.push(bounds);
    }
    let mut written: Vec<String> = Vec::new();
    for bounds in &alternatives {
        written.extend(write(bounds, early).map_err(refused)?);
    }
    written.dedup();
    Ok(Requirement::new(written.join(" || ")))
}

const BRANCH: Reason = "a branch is no version";
const UNREADABLE: Reason = "Composer does not read it either";

/// The bounds of one alternative, and whether it names a pre-release.
fn read(text: &str) -> std::result::Result<(Vec<Bound>, bool), Reason> {
    let text = text.trim();
    if text.is_empty() || text.contains(",,") || text.starts_with(',') || text.ends_with(',') {
        return Err(UNREADABLE);
    }
    if text.contains(" as ") || text.contains('#') || text == "self.version" {
        return Err("an alias or a commit has no like here");
    }
    let mut early = false;
    let mut bounds = Vec::new();
    if let Some((from, to)) = text.split_once(" - ") {
        let (from, _, flagged) = version(from.trim(), &mut early)?;
        let (to, to_places, also) = version(to.trim(), &mut early)?;
        bounds.push(Bound::AtLeast(from));
        bounds.push(if to_places >= 3 || !to.suffix.is_empty() { Bound::AtMost(to) } else { Bound::Below(next(&to, to_places - 1)) });
        return Ok((bounds, early || flagged || also));
    }
    // an operator may stand apart from its version
    let mut words: Vec<String> = Vec::new();
    for word in text.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        match words.last_mut() {
            Some(last) if last.ends_with(['<', '>', '=', '!', '^', '~']) => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
    }
    for word in &words {
        let flagged = term(word, &mut bounds, &mut early)?;
        early |= flagged;
    }
    Ok((bounds, early))
}

/// One word; gives whether it has a flag that lets pre-releases in.
fn term(word: &str, bounds: &mut Vec<Bound>, early: &mut bool) -> std::result::Result<bool, Reason> {
    let length = word.len() - word.trim_start_matches(['<', '>', '=', '!', '^', '~']).len();
    let (operator, operand) = word.split_at(length);
    let flagged = match operand.split_once('@') {
        Some((_, flag)) => lets_early_in(flag)?,
        None => false,
    };
    let operand = operand.split('@').next().unwrap_or_default();
    if operand.is_empty() && flagged && operator.is_empty() {
        bounds.push(Bound::Any);
        return Ok(true);
    }
    if operand.is_empty() || operand.contains(['<', '>', '=', '!', '^', '~']) {
        return Err(UNREADABLE);
    }
    if let Some(numbers) = wildcard(operand)? {
        if !operator.is_empty() && !matches!(operator, "=" | "==") {
            return Err(UNREADABLE);
        }
        match numbers.as_slice() {
            [] => bounds.push(Bound::Any),
            _ => {
                let least = plain(numbers);
                let places = least.numbers.len();
                let end = next(&least, places - 1);
                bounds.extend([Bound::AtLeast(least), Bound::Below(end)]);
            }
        }
        return Ok(flagged);
    }
    let (found, places, _) = version(operand, early)?;
    match operator {
        "" | "=" | "==" => bounds.push(Bound::Is(found)),
        "!=" | "<>" => bounds.push(Bound::IsNot(found)),
        ">=" => bounds.push(Bound::AtLeast(found)),
        ">" => bounds.push(Bound::Above(found)),
        "<=" => bounds.push(Bound::AtMost(found)),
        "<" => bounds.push(Bound::Below(found)),
        "~" => {
            // `~1` is `~1.0`; `~1.2.3` moves its last number but one
            let end = next(&found, places.max(2) - 2);
            bounds.extend([Bound::AtLeast(found), Bound::Below(end)]);
        }
        "^" => {
            let first = found.numbers.iter().take(places).position(|number| *number > 0).unwrap_or(places - 1);
            let end = next(&found, first.min(2));
            bounds.extend([Bound::AtLeast(found), Bound::Below(end)]);
        }
        _ => return Err(UNREADABLE),
    }
    Ok(flagged)
}

/// `1.2.*`, `2.x.x`, `v*`: the numbers before the first star; `None`: it has no star.
fn wildcard(text: &str) -> std::result::Result<Option<Vec<u64>>, Reason> {
    let parts: Vec<&str> = text.strip_prefix(['v', 'V']).unwrap_or(text).split('.').collect();
    let is_star = |part: &&str| matches!(*part, "*" | "x" | "X");
    let Some(first) = parts.iter().position(is_star) else {
        return if text.ends_with("-dev") && text.contains(['x', 'X', '*']) { Err(BRANCH) } else { Ok(None) };
    };
    if !parts[first..].iter().all(is_star) || parts.len() > PLACES {
        return Err(UNREADABLE);
    }
    parts[..first].iter().map(|part| number(part)).collect::<std::result::Result<Vec<u64>, Reason>>().map(Some)
}

fn number(part: &str) -> std::result::Result<u64, Reason> {
    if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UNREADABLE);
    }
    part.parse().map_err(|_| "a number in it is too large")
}

fn plain(numbers: Vec<u64>) -> Version {
    Version { numbers, suffix: String::new() }
}

/// Whether a flag (`@beta`) lets pre-releases in.
fn lets_early_in(flag: &str) -> std::result::Result<bool, Reason> {
    match flag.to_lowercase().as_str() {
        "stable" => Ok(false),
        "rc" | "beta" | "alpha" | "dev" => Ok(true),
        _ => Err(UNREADABLE),
    }
}

/// `v1.2-beta2@dev`: the version, how many numbers were written, and whether a flag lets pre-releases in. `early`: set where the
/// version is one.
fn version(text: &str, early: &mut bool) -> std::result::Result<(Version, usize, bool), Reason> {
    let (text, flag) = text.split_once('@').unwrap_or((text, "stable"));
    let flagged = lets_early_in(flag)?;
    // what follows `+` says nothing
    let text = text.split('+').next().unwrap_or_default();
    if text.starts_with("dev-") {
        return Err(BRANCH);
    }
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (numbers, suffix) = text.split_at(end);
    if suffix.is_empty() && numbers.ends_with('.') {
        return Err(UNREADABLE);
    }
    let numbers = numbers.trim_end_matches('.').split('.').map(number).collect::<std::result::Result<Vec<u64>, Reason>>()?;
    if numbers.len() > PLACES {
        return Err(UNREADABLE);
    }
    let (suffix, is_early) = suffix_of(suffix)?;
    *early |= is_early;
    let places = numbers.len();
    Ok((Version { numbers, suffix }, places, flagged))
}

/// A pre-release or patch as `natural` orders it, and whether it is a pre-release.
fn suffix_of(text: &str) -> std::result::Result<(String, bool), Reason> {
    let text = text.trim_start_matches(['-', '_', '.']).to_lowercase();
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    let digits = text[word.len()..].trim_start_matches(['-', '.']);
    let (name, early) = match word.as_str() {
        "" if text.is_empty() => return Ok((String::new(), false)),
        "stable" if digits.is_empty() => return Ok((String::new(), false)),
        "dev" if digits.is_empty() => ("dev", true),
        "alpha" | "a" => ("alpha", true),
        "beta" | "b" => ("beta", true),
        "rc" => ("RC", true),
        "patch" | "pl" | "p" => ("pl", false),
        _ => return Err(UNREADABLE),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UNREADABLE);
    }
    Ok((format!("{name}{digits}"), early))
}

/// The version after all that agree with this one up to and with a place.
fn next(version: &Version, place: usize) -> Version {
    let mut numbers: Vec<u64> = version.numbers.iter().copied().chain(std::iter::repeat(0)).take(place + 1).collect();
    numbers[place] = numbers[place].saturating_add(1);
    plain(numbers)
}

impl Version {
    fn text(&self, places: usize) -> String {
        let numbers = self.numbers.iter().copied().chain(std::iter::repeat(0)).take(places);
        let text = numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(".");
        if self.suffix.is_empty() { text } else { format!("{text}-{}", self.suffix) }
    }

    /// How many numbers it has without the zeros at its end.
    fn shortest(&self) -> usize {
        self.numbers.iter().rposition(|number| *number > 0).map_or(1, |last| last + 1)
    }

    /// Below every spelling of it, and above what comes before. Versions with a suffix are met in three numbers, as nearly all
    /// are written.
    fn floor(&self, early: bool) -> String {
        match (self.suffix.is_empty(), early) {
            (true, true) => format!("{}-dev", self.text(self.shortest())),
            (true, false) => self.text(self.shortest()),
            (false, _) => self.text(self.numbers.len().max(3)),
        }
    }

    /// Above every spelling of it, and below what comes next.
    fn ceiling(&self) -> String {
        if self.suffix.is_empty() { self.text(PLACES) } else { self.text(self.numbers.len().max(3)) }
    }

    /// A lower bound, with the versions of fewer numbers that `natural` puts below one that has a suffix.
    fn and_up(&self, bound: String) -> Vec<String> {
        let whole = plain(self.numbers.clone());
        let shorter = (self.shortest()..self.numbers.len().max(3)).filter(|_| !self.suffix.is_empty() && !self.suffix.starts_with("pl"));
        [bound].into_iter().chain(shorter.map(|places| format!("={}", whole.text(places)))).collect()
    }

    /// Every way to write it.
    fn spellings(&self) -> Vec<String> {
        (self.shortest()..=PLACES).map(|places| self.text(places)).collect()
    }
}

/// The alternatives that the bounds of one come to. `early`: pre-releases are let in.
fn write(bounds: &[Bound], early: bool) -> std::result::Result<Vec<String>, Reason> {
    let mut alternatives: Vec<Vec<String>> = vec![Vec::new()];
    for bound in bounds {
        let forms: Vec<String> = match bound {
            Bound::Any if early => vec![">=0-dev".to_owned()],
            Bound::Any => continue,
            Bound::AtLeast(version) => version.and_up(format!(">={}", version.floor(early))),
            Bound::Below(version) => vec![format!("<{}", version.floor(early))],
            Bound::Above(version) => version.and_up(format!(">{}", version.ceiling())),
            Bound::AtMost(version) => vec![format!("<={}", version.ceiling())],
            Bound::Is(version) => version.spellings().into_iter().map(|text| format!("={text}")).collect(),
            Bound::IsNot(version) if version.suffix.is_empty() && !early => vec![format!("<{}", version.floor(false)), format!(">{}", version.ceiling())],
            Bound::IsNot(_) => return Err("to leave out one version among pre-releases has no like here"),
        };
        alternatives = alternatives.iter().flat_map(|before| forms.iter().map(move |form| before.iter().chain([form]).cloned().collect())).collect();
        if alternatives.len() > MOST {
            return Err("it would be too long");
        }
    }
    let all = |terms: Vec<String>| if terms.is_empty() { "*".to_owned() } else { terms.join(", ") };
    Ok(alternatives.into_iter().map(all).collect())
}
