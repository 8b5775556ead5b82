//! Where an element comes from: one source, no contradiction, and nothing that a program could take for an option.

use std::ops::Range;
use std::path::Path;

use super::config;
use super::paths;
use super::read::{At, Reader, shown_list};
use super::shapes::ElementShape;
use crate::model::{GitPin, Source, Version};

/// The source that an entry's keys name; `None` after a complaint.
pub(super) fn source(reader: &mut Reader<'_>, base: &Path, shape: &ElementShape, known: &[&str]) -> Option<Source> {
    let named: Vec<(&str, Range<usize>)> = [
        ("repository", shape.repository.as_ref().map(|at| at.span.clone())),
        ("git", shape.git.as_ref().map(|at| at.span.clone())),
        ("path", shape.path.as_ref().map(|at| at.span.clone())),
        ("url", shape.url.as_ref().map(|at| at.span.clone())),
        ("dialogue", shape.dialogue.as_ref().map(|at| at.span.clone())),
    ]
    .into_iter()
    .filter_map(|(key, span)| Some((key, span?)))
    .collect();
    if let [(first, first_span), (second, second_span), ..] = named.as_slice() {
        let error = reader
            .error(first_span.clone(), &format!("`{first}` here"), format!("`{first}` and `{second}` exclude each other"))
            .at(reader.excerpt(second_span.clone(), &format!("`{second}` here")))
            .hint("an element comes from one place: keep one of them");
        reader.fault(error);
        return None;
    }
    let source = named.first().map(|(key, _)| *key);
    let fits = strangers(reader, shape, source);
    let read = read(reader, base, shape, known);
    if fits { read } else { None }
}

/// Complains about keys that belong to another source than the entry has.
fn strangers(reader: &mut Reader<'_>, shape: &ElementShape, source: Option<&str>) -> bool {
    let keys: [(&str, &str, Option<Range<usize>>); 6] = [
        ("tag", "git", shape.tag.as_ref().map(|at| at.span.clone())),
        ("branch", "git", shape.branch.as_ref().map(|at| at.span.clone())),
        ("rev", "git", shape.rev.as_ref().map(|at| at.span.clone())),
        ("subdir", "git", shape.subdir.as_ref().map(|at| at.span.clone())),
        ("submodules", "git", shape.submodules.as_ref().map(|at| at.span.clone())),
        ("sha256", "url", shape.sha256.as_ref().map(|at| at.span.clone())),
    ];
    let mut fits = true;
    for (key, needs, span) in keys {
        if let Some(span) = span
            && source != Some(needs)
        {
            let error = reader
                .error(span, &format!("only with `{needs}`"), format!("`{key}` says nothing without `{needs}`"))
                .hint(format!("add `{needs} = \"…\"` or take `{key}` out"));
            reader.fault(error);
            fits = false;
        }
    }
    fits
}

fn read(reader: &mut Reader<'_>, base: &Path, shape: &ElementShape, known: &[&str]) -> Option<Source> {
    let version = || shape.version.as_ref().map(|at| Version::new(at.value.clone()));
    if let Some(git) = &shape.git {
        let url = git_url(reader, base, git);
        let pin = pin(reader, shape);
        let subdir = match &shape.subdir {
            Some(at) => Some(paths::inside(reader, &at.value, &at.span)?).filter(|path| path != "."),
            None => None,
        };
        return Some(Source::Git { git: url?, pin: pin?, subdir, submodules: shape.submodules.as_ref().is_some_and(|at| at.value) });
    }
    if let Some(path) = &shape.path {
        return Some(Source::Path { path: paths::resolve(reader, base, &path.value, &path.span)?, version: version() });
    }
    if let Some(url) = &shape.url {
        let url = archive_url(reader, url);
        let sha256 = match &shape.sha256 {
            Some(at) => Some(digest(reader, at)?),
            None => None,
        };
        return Some(Source::Url { url: url?, version: version(), sha256 });
    }
    if let Some(dialogue) = &shape.dialogue {
        config::grammar(reader, &dialogue.shape.target)?;
        return Some(Source::Dialogue { options: dialogue.json.clone() });
    }
    if let Some(name) = &shape.repository
        && !known.contains(&name.value.as_str())
    {
        let mut error = reader.error(name.span.clone(), "", format!("there is no repository `{}`", name.value.escape_debug()));
        error = match crate::diagnostic::nearest(&name.value, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => error.hint("name it under `[[config.repositories]]`"),
            None => error.note(format!("`[[config.repositories]]` has {}", shown_list(known))),
        };
        reader.fault(error);
        return None;
    }
    Some(Source::Repositories { only: shape.repository.as_ref().map(|at| at.value.clone()) })
}

fn pin(reader: &mut Reader<'_>, shape: &ElementShape) -> Option<GitPin> {
    let pins: Vec<(&str, &At<String>)> =
        [("tag", &shape.tag), ("branch", &shape.branch), ("rev", &shape.rev)].into_iter().filter_map(|(key, at)| Some((key, at.as_ref()?))).collect();
    if let [(first, a), (second, b), ..] = pins.as_slice() {
        let error = reader
            .error(a.span.clone(), &format!("`{first}` here"), format!("`{first}` and `{second}` exclude each other"))
            .at(reader.excerpt(b.span.clone(), &format!("`{second}` here")))
            .hint("one of them pins the commit: keep one");
        reader.fault(error);
        return None;
    }
    let Some((key, at)) = pins.first() else { return Some(GitPin::Version) };
    if let Some(why) = bad_ref(&at.value) {
        let error = reader.error(at.span.clone(), why, format!("`{}` is not a {key} of a git repository", at.value.escape_debug()));
        reader.fault(error);
        return None;
    }
    Some(match *key {
        "tag" => GitPin::Tag(at.value.clone()),
        "branch" => GitPin::Branch(at.value.clone()),
        _ => GitPin::Rev(at.value.clone()),
    })
}

/// Why a text may not stand for a ref or a commit: what git itself refuses in ref names (git-check-ref-format), and what a
/// program could take for an option or a refspec.
fn bad_ref(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("it is empty")
    } else if text.starts_with('-') {
        Some("it begins with `-`")
    } else if text.contains(char::is_control) {
        Some("it holds a control character")
    } else if text.contains(char::is_whitespace) {
        Some("it holds a space")
    } else if text.contains("..") {
        Some("it holds `..`")
    } else if text.contains([':', '~', '^', '?', '*', '[', '\\']) || text.contains("@{") {
        Some("it holds a character that git gives another meaning")
    } else {
        None
    }
}

/// A git url as it is, a local path made absolute.
fn git_url(reader: &mut Reader<'_>, base: &Path, at: &At<String>) -> Option<String> {
    let text = at.value.as_str();
    let host_of = |rest: &str| rest.split(['/', ':']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default().to_owned();
    let (form, host) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), host_of(rest)),
        None => match text.split_once(':') {
            Some((host, _)) if !host.contains('/') => (Some("ssh"), host_of(host)),
            _ => (None, String::new()),
        },
    };
    let fault = if text.is_empty() {
        Some("it is empty")
    } else if text.starts_with('-') || host.starts_with('-') {
        Some("a part of it begins with `-`")
    } else if text.contains(char::is_control) || text.contains(char::is_whitespace) {
        Some("it holds a space or a control character")
    } else if text.split(['/', '@']).next().is_some_and(|head| head.contains("::")) {
        Some("`::` calls a helper program")
    } else if form.is_some_and(|scheme| !matches!(scheme, "https" | "http" | "ssh" | "file" | "git+ssh" | "ssh+git")) {
        Some("only https, http, ssh and file are used")
    } else {
        None
    };
    if let Some(why) = fault {
        let error = reader.error(at.span.clone(), why, format!("`{}` is not the url of a git repository", text.escape_debug()));
        reader.fault(error);
        return None;
    }
    if form.is_some() {
        return without_password(reader, at).then(|| text.to_owned());
    }
    paths::resolve(reader, base, text, &at.span).map(|path| path.display().to_string())
}

fn archive_url(reader: &mut Reader<'_>, at: &At<String>) -> Option<String> {
    let good = url::Url::parse(&at.value).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    if !good || at.value.contains(char::is_control) || at.value.contains(char::is_whitespace) {
        let error = reader
            .error(at.span.clone(), "", format!("`{}` is not the url of an archive", at.value.escape_debug()))
            .note("it must begin with `https://` or `http://`")
            .hint("for an archive on this machine write `path = \"…\"`");
        reader.fault(error);
        return None;
    }
    without_password(reader, at).then(|| at.value.clone())
}

/// Complains about a password in a url. The line is named and not shown, since it holds the secret.
fn without_password(reader: &mut Reader<'_>, at: &At<String>) -> bool {
    let secret = url::Url::parse(&at.value).is_ok_and(|url| url.password().is_some());
    if secret {
        let line = reader.line(at.span.start);
        let error = reader
            .bare_error(format!("the url in line {line} holds a password"))
            .note(format!("`{}` would carry it into the lockfile and to everybody who reads the manifest", crate::sys::redact(&at.value)))
            .hint("give it as `GREFFON_TOKEN_<HOST>`, in netrc, or as a secret under `[config.secrets]`");
        reader.fault(error);
    }
    !secret
}

fn digest(reader: &mut Reader<'_>, at: &At<String>) -> Option<crate::model::Digest> {
    match at.value.parse() {
        Ok(digest) => Some(digest),
        Err(fault) => {
            let error = reader.error(at.span.clone(), "", fault.message());
            reader.fault(fault.hints().iter().cloned().fold(error, crate::error::Error::hint));
            None
        }
    }
}
