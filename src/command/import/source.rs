//! Addresses and revisions of other tools, as a manifest says them.

use std::ops::Range;

use super::sheet::Sheet;
use crate::error::Result;
use crate::model::{ElementId, GitPin, Requirement, Source};
use crate::sys::git::url_is_understood;
use crate::version::scheme;

/// Where Moodle itself comes from where a file does not say.
pub(super) const MOODLE: &str = crate::builtin::installer::moodle::PUBLIC;

/// The element of a plugin; `None`, and told, where it has no name that could be one.
pub(super) fn plugin(sheet: &mut Sheet<'_>, span: &Range<usize>, component: &str) -> Option<ElementId> {
    let named = crate::builtin::installer::moodle::check_component(component).and_then(|()| ElementId::new("plugins", component));
    told(sheet, span, named)
}

/// The core's element.
pub(super) fn core(sheet: &mut Sheet<'_>, span: &Range<usize>) -> Option<ElementId> {
    told(sheet, span, ElementId::new("core", "moodle"))
}

fn told(sheet: &mut Sheet<'_>, span: &Range<usize>, named: Result<ElementId>) -> Option<ElementId> {
    named.map_err(|fault| sheet.leave(span, fault.message().to_owned())).ok()
}

/// A git repository, without a login; `None`, and told, where greffon does not fetch from there.
pub(super) fn git(sheet: &mut Sheet<'_>, span: &Range<usize>, url: &str) -> Option<String> {
    // What git's own hosts no longer serve; https answers at the same place.
    let moved = url.strip_prefix("git://").map(|rest| format!("https://{rest}"));
    if moved.is_some() {
        sheet.leave(span, "nothing is proved over `git://`: it became `https://`");
    }
    let url = moved.as_deref().unwrap_or(url);
    if !url_is_understood(url) {
        sheet.leave(span, "greffon does not fetch from such an address (https, http, ssh, file, a path)");
        return None;
    }
    match without_login(url) {
        None => Some(url.to_owned()),
        Some(clean) => {
            sheet.leave(span, "a login is not written into a manifest: `GREFFON_TOKEN_<HOST>` or netrc holds it");
            Some(clean)
        }
    }
}

/// An http(s) url without its login; `None` where it has none.
fn without_login(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
    let end = rest.find('/').unwrap_or(rest.len());
    let at = rest[..end].rfind('@')?;
    Some(format!("{scheme}://{}", &rest[at + 1..]))
}

/// Whether a text is a commit by its digits.
pub(super) fn is_commit(text: &str) -> bool {
    (7..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) && !is_build(text)
}

fn is_build(text: &str) -> bool {
    text.len() == 10 && text.starts_with("20") && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a revision of unknown kind is, as far as its text tells: `rev` holds for a branch, a tag and a commit alike.
pub(super) fn revision(text: &str) -> GitPin {
    let stable = text.strip_prefix("MOODLE_").is_some_and(|rest| rest.ends_with("_STABLE"));
    if stable || matches!(text, "main" | "master") { GitPin::Branch(text.to_owned()) } else { GitPin::Rev(text.to_owned()) }
}

/// A repository at a pin.
pub(super) fn at(git: String, pin: GitPin) -> Source {
    Source::Git { git, pin, subdir: None, submodules: false }
}

/// What a version of Moodle means (`4.5`, `4.5+`, `4.5.1`, a branch, a tag, a commit).
pub(super) fn moodle_version(text: &str) -> (Option<Requirement>, GitPin) {
    let release = text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('.');
    if release && scheme("moodle").and_then(|scheme| scheme.requirement(&Requirement::new(text))).is_ok() {
        return (Some(Requirement::new(text)), GitPin::Version);
    }
    if text.starts_with("MOODLE_") || matches!(text, "main" | "master") {
        return (None, GitPin::Branch(text.to_owned()));
    }
    if is_commit(text) { (None, GitPin::Rev(text.to_owned())) } else { (None, GitPin::Tag(text.to_owned())) }
}
