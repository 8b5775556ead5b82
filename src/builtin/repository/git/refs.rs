//! Which refs of a remote are meant, and what their names say of versions.

use crate::error::{Error, ErrorKind, Result};
use crate::model::{GitPin, ObjectId, Version};
use crate::sys::git::RemoteRef;
use crate::version::Scheme;

/// What sort of ref a candidate stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RefKind {
    /// A tag: does not move, or should not.
    Tag,
    /// A branch's head.
    Branch,
    /// A commit that no ref leads to, or a ref that is neither.
    Commit,
}

/// A commit that may be a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// What sort of ref leads there.
    pub(crate) kind: RefKind,
    /// The full name of the ref, or the commit as hex where there is none.
    pub(crate) reference: String,
    /// The bare name, for people and for reading a version from.
    pub(crate) name: String,
    /// The commit.
    pub(crate) commit: ObjectId,
    /// Whether this is the remote's default branch.
    pub(crate) default: bool,
}

/// The candidates that a pin leaves: all tags and branches, or the one that it names.
///
/// # Errors
/// `NotFound` for a tag, branch or revision that the remote does not offer, with the nearest names.
pub(crate) fn candidates(refs: &[RemoteRef], pin: &GitPin, url: &str) -> Result<Vec<Candidate>> {
    let all = all(refs);
    match pin {
        GitPin::Version => Ok(all),
        GitPin::Tag(name) => named(&all, RefKind::Tag, name, url).map(|found| vec![found]),
        GitPin::Branch(name) => named(&all, RefKind::Branch, name, url).map(|found| vec![found]),
        GitPin::Rev(rev) => revision(&all, refs, rev, url).map(|found| vec![found]),
    }
}

fn all(refs: &[RemoteRef]) -> Vec<Candidate> {
    let head = refs.iter().find(|found| found.name == "HEAD").map(|found| found.commit);
    let mut branches_at_head: Vec<&str> =
        refs.iter().filter(|found| Some(found.commit) == head).filter_map(|found| found.name.strip_prefix("refs/heads/")).collect();
    // Several branches may stand where HEAD does: the usual names first.
    branches_at_head.sort_by_key(|name| (!matches!(*name, "main" | "master"), *name));
    let default = branches_at_head.first().copied();
    refs.iter()
        .filter_map(|found| {
            let (kind, name) = match (found.name.strip_prefix("refs/tags/"), found.name.strip_prefix("refs/heads/")) {
                (Some(name), _) => (RefKind::Tag, name),
                (_, Some(name)) => (RefKind::Branch, name),
                _ => return None,
            };
            let default = kind == RefKind::Branch && default == Some(name);
            Some(Candidate { kind, reference: found.name.clone(), name: name.to_owned(), commit: found.commit, default })
        })
        .collect()
}

fn named(all: &[Candidate], kind: RefKind, name: &str, url: &str) -> Result<Candidate> {
    let bare = name.strip_prefix(if kind == RefKind::Tag { "refs/tags/" } else { "refs/heads/" }).unwrap_or(name);
    if let Some(found) = all.iter().find(|candidate| candidate.kind == kind && candidate.name == bare) {
        return Ok(found.clone());
    }
    let (word, other_kind, other_word) = match kind {
        RefKind::Tag => ("tag", RefKind::Branch, "branch"),
        _ => ("branch", RefKind::Tag, "tag"),
    };
    let error = Error::new(ErrorKind::NotFound, format!("`{url}` has no {word} `{}`", name.escape_debug()));
    if all.iter().any(|candidate| candidate.kind == other_kind && candidate.name == bare) {
        return Err(error.hint(format!("there is a {other_word} of that name: write `{other_word} = \"{bare}\"`")));
    }
    Err(offer(error, bare, all.iter().filter(|candidate| candidate.kind == kind).map(|candidate| candidate.name.as_str())))
}

/// A revision: the name of a tag, a branch or another ref, else a commit by its hex digits.
pub(crate) fn revision(all: &[Candidate], refs: &[RemoteRef], rev: &str, url: &str) -> Result<Candidate> {
    let by_name = all.iter().filter(|candidate| candidate.name == rev || candidate.reference == rev).min_by_key(|candidate| candidate.kind);
    if let Some(found) = by_name {
        return Ok(found.clone());
    }
    if let Some(other) = refs.iter().find(|found| found.name == rev) {
        return Ok(Candidate { kind: RefKind::Commit, reference: other.name.clone(), name: rev.to_owned(), commit: other.commit, default: false });
    }
    let is_hex = (7..=40).contains(&rev.len()) && rev.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        let error = Error::new(ErrorKind::NotFound, format!("`{url}` has no revision `{}`", rev.escape_debug()));
        return Err(offer(error, rev, all.iter().map(|candidate| candidate.name.as_str())));
    }
    let digits = rev.to_ascii_lowercase();
    let mut found: Vec<&Candidate> = all.iter().filter(|candidate| candidate.commit.to_string().starts_with(&digits)).collect();
    found.sort_by(|a, b| (a.kind, !a.default, &a.name).cmp(&(b.kind, !b.default, &b.name)));
    if found.iter().any(|candidate| candidate.commit != found[0].commit) {
        return Err(Error::new(ErrorKind::NotFound, format!("`{rev}` is the beginning of several commits of `{url}`")).hint("give more of its digits"));
    }
    match (found.first(), digits.parse::<ObjectId>()) {
        (Some(found), _) => Ok(Candidate { kind: RefKind::Commit, name: found.commit.short(), ..(*found).clone() }),
        (None, Ok(commit)) => Ok(Candidate { kind: RefKind::Commit, reference: digits, name: commit.short(), commit, default: false }),
        (None, Err(_)) => Err(Error::new(ErrorKind::NotFound, format!("no tag or branch of `{url}` stands at a commit that begins with `{rev}`"))
            .hint("give all 40 digits of a commit that no tag or branch points at")),
    }
}

/// Adds the names most like `name`.
fn offer<'a>(error: Error, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let mut near: Vec<(f64, &str)> = known.map(|other| (strsim::jaro_winkler(name, other), other)).filter(|(score, _)| *score > 0.6).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.dedup_by(|a, b| a.1 == b.1);
    near.truncate(3);
    match near.as_slice() {
        [] => error,
        near => error.hint(format!("the nearest are {}", near.iter().map(|(_, name)| format!("`{}`", name.escape_debug())).collect::<Vec<_>>().join(", "))),
    }
}

/// The version that a tag's name says, when it reads in the scheme: `v1.2`, `release-1.2`, and in repositories of several
/// packages `name-v1.2`, `name/1.2`, `name@1.2`.
pub(crate) fn version_of_tag(tag: &str, element: &str, scheme: &dyn Scheme) -> Option<Version> {
    let last = element.rsplit('/').next().unwrap_or(element);
    let own = [element, last].into_iter().find_map(|prefix| tag.strip_prefix(prefix)?.strip_prefix(['-', '/', '@', '_']));
    own.into_iter().chain([tag]).find_map(|text| {
        let rest = text.strip_prefix("release-").or_else(|| text.strip_prefix("Release-")).unwrap_or(text);
        let rest = rest.strip_prefix(['v', 'V']).unwrap_or(rest);
        let reads = |text: &str| {
            let version = Version::new(text);
            scheme.check(&version).is_ok().then_some(version)
        };
        rest.starts_with(|first: char| first.is_ascii_digit()).then(|| reads(rest)).flatten().or_else(|| reads(text))
    })
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;
    use std::sync::Arc;

    use super::*;
    use crate::model::Requirement;
    use crate::version::Matcher;

    #[derive(Debug)]
    struct Digits;
    impl Scheme for Digits {
        fn name(&self) -> &'static str {
            "digits"
        }
        fn check(&self, version: &Version) -> Result<()> {
            let fine = version.as_str().split('.').all(|part| part.parse::<u32>().is_ok());
            if fine { Ok(()) } else { Err(Error::new(ErrorKind::Version, "not digits")) }
        }
        fn compare(&self, a: &Version, b: &Version) -> Ordering {
            a.cmp(b)
        }
        fn requirement(&self, _: &Requirement) -> Result<Arc<dyn Matcher>> {
            Err(Error::new(ErrorKind::Version, "not asked here"))
        }
        fn default_requirement(&self, version: &Version) -> Requirement {
            Requirement::new(version.as_str())
        }
    }

    fn refs() -> Vec<RemoteRef> {
        let at = |name: &str, byte: u8| RemoteRef { name: name.to_owned(), commit: ObjectId::from_bytes([byte; 20]) };
        vec![
            at("HEAD", 9),
            at("refs/heads/main", 9),
            at("refs/heads/dev", 8),
            at("refs/tags/v1.0", 1),
            at("refs/tags/v1.1", 2),
            at("refs/tags/odd", 2),
            at("refs/pull/4/head", 7),
        ]
    }

    fn pinned(pin: &GitPin) -> Result<Candidate> {
        candidates(&refs(), pin, "https://h/x.git").map(|mut found| found.remove(0))
    }

    #[test]
    fn a_tags_name_is_a_version_where_it_reads_as_one() {
        let read = |tag| version_of_tag(tag, "vendor/mod_x", &Digits).map(|version| version.as_str().to_owned());
        let tags =
            [("v1.2", "1.2"), ("V1.2", "1.2"), ("release-1.2", "1.2"), ("release-v3", "3"), ("1.2", "1.2"), ("mod_x-v1.2", "1.2"), ("vendor/mod_x@2", "2")];
        for (tag, version) in tags {
            assert_eq!(read(tag).as_deref(), Some(version), "{tag}");
        }
        for tag in ["vienna", "v", "mod_y-1.2", "nightly", "1.2-rc1"] {
            assert_eq!(read(tag), None, "{tag}");
        }
    }

    #[test]
    fn a_missing_tag_offers_the_nearest_ones() {
        let error = pinned(&GitPin::Tag("v1.2".into())).expect_err("there is no such tag");
        assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "`https://h/x.git` has no tag `v1.2`"));
        assert_eq!(error.hints(), ["the nearest are `v1.0`, `v1.1`"]);
        let error = pinned(&GitPin::Tag("main".into())).expect_err("main is a branch");
        assert_eq!(error.hints(), ["there is a branch of that name: write `branch = \"main\"`"]);
    }

    #[test]
    fn a_revision_is_a_name_before_it_is_digits() {
        assert_eq!(pinned(&GitPin::Rev("v1.0".into())).expect("a tag").reference, "refs/tags/v1.0");
        assert_eq!(pinned(&GitPin::Rev("refs/pull/4/head".into())).expect("a ref").commit, ObjectId::from_bytes([7; 20]));
        let by_digits = pinned(&GitPin::Rev("0202020".into())).expect("two tags at one commit");
        assert_eq!((by_digits.commit, by_digits.reference.as_str()), (ObjectId::from_bytes([2; 20]), "refs/tags/odd"));
        let full = "ab".repeat(20);
        assert_eq!(pinned(&GitPin::Rev(full.clone())).expect("any whole id").reference, full);
        assert!(pinned(&GitPin::Rev("abababa".into())).is_err(), "a short id that no ref stands at");
        assert!(pinned(&GitPin::Rev("nope".into())).is_err());
    }

    #[test]
    fn the_default_branch_is_known() {
        let all = candidates(&refs(), &GitPin::Version, "u").expect("all");
        assert_eq!(all.len(), 5, "HEAD and refs that are neither tag nor branch are no versions");
        assert_eq!(all.iter().filter(|candidate| candidate.default).map(|candidate| candidate.name.as_str()).collect::<Vec<_>>(), ["main"]);
    }
}
