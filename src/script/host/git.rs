//! `git`: what a remote repository holds, without a checkout.

use std::sync::Arc;

use rhai::{Array, Dynamic, ImmutableString, Map};
use url::Url;

use super::http::network;
use super::{Function, HostModule, Registrar};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::roles::Context;
use crate::script::Kind;
use crate::script::call::Call;
use crate::sys::git::{RemoteRef, Want};

pub(super) const MODULE: HostModule = HostModule {
    name: "git",
    about: "Remote git repositories on granted hosts, and local ones that may be read. What is fetched goes into the stock, at depth one, and is not \
            fetched again. As in a manifest, this machine's own credentials serve (netrc, `GREFFON_TOKEN_…`, ssh).",
    needs: &[Kind::Net, Kind::Read, Kind::Write],
    functions: &[
        Function {
            signature: "refs(url) -> list",
            about: "tags and branches as `#{ name, kind, commit }`, `kind` being `tag`, `branch`, `head` or `other`; offline, as they were told last",
        },
        Function { signature: "read(url, at, path) -> text", about: "a file's text at a tag, branch or commit, or `()` where there is none" },
        Function { signature: "list(url, at) -> list", about: "the names at the top of the tree, sorted" },
    ],
    example: "let url = \"https://plugins.example.org/quiz.git\";\n\
              let tags = git::refs(url).filter(|one| one.kind == \"tag\").map(|one| one.name);\n\
              if tags.len() > 0 { log::info(git::read(url, tags[0], \"version.txt\")); }",
    register,
};

fn register(module: &mut Registrar) {
    type Text = ImmutableString;
    module.one("refs", |call, url: Text| {
        let url = allowed(call, &url)?;
        let refs = held(call, |cx| network(cx)?.sources.open(&url, None)?.refs(cx))?;
        Ok(refs.iter().map(told).collect::<Array>())
    });
    module.three("read", |call, url: Text, at: Text, path: Text| {
        let url = allowed(call, &url)?;
        let bytes = held(call, |cx| {
            let source = network(cx)?.sources.open(&url, None)?;
            let commit = fetched(cx, &source, &at)?;
            source.read(source.tree(commit, None)?, &path)
        })?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    });
    module.two("list", |call, url: Text, at: Text| {
        let url = allowed(call, &url)?;
        let names = held(call, |cx| {
            let source = network(cx)?.sources.open(&url, None)?;
            let commit = fetched(cx, &source, &at)?;
            source.names(source.tree(commit, None)?)
        })?;
        Ok(names.into_iter().map(Dynamic::from).collect::<Array>())
    });
}

/// As [`Call::wait`], and redirects lead to granted hosts only.
fn held<T>(call: &Call, work: impl FnOnce(&Context) -> Result<T>) -> Result<T> {
    let allowed = call.allowed().clone();
    call.wait(|cx| work(&cx.with_reach(Arc::new(move |url| allowed.net(url)))))
}

fn fetched(cx: &Context, source: &crate::sys::git::Source, at: &str) -> Result<ObjectId> {
    if let Ok(commit) = at.parse::<ObjectId>() {
        source.fetch(cx, &[Want { reference: None, commit }])?;
        return Ok(commit);
    }
    let refs = source.refs(cx)?;
    let names = [at.to_owned(), format!("refs/tags/{at}"), format!("refs/heads/{at}")];
    let Some(found) = names.iter().find_map(|name| refs.iter().find(|one| one.name == *name)) else {
        return Err(Error::new(ErrorKind::NotFound, format!("`{}` has no tag, branch or commit `{}`", crate::sys::redact(source.url()), at.escape_debug())));
    };
    source.fetch(cx, &[Want { reference: Some(found.name.clone()), commit: found.commit }])?;
    Ok(found.commit)
}

/// The url to open, where the grants cover it.
fn allowed(call: &Call, url: &str) -> Result<String> {
    let allowed = call.allowed();
    match url.split_once("://") {
        Some(("http" | "https", _)) => allowed.net(url).map(|()| url.to_owned()),
        Some(("ssh", _)) => {
            let parsed = Url::parse(url).map_err(|error| Error::new(ErrorKind::Invalid, format!("this is no url: {error}")))?;
            allowed.host(parsed.host_str().unwrap_or_default(), Some(parsed.port().unwrap_or(22))).map(|()| url.to_owned())
        }
        Some(("file", path)) if path.starts_with('/') && !path.contains('%') => real(call, path),
        Some(_) => Err(Error::new(ErrorKind::Invalid, format!("`{}` is no url of a git repository", crate::sys::redact(url).escape_debug()))),
        None => match url.split_once(':') {
            Some((host, _)) if !host.contains('/') => allowed.host(host.rsplit('@').next().unwrap_or_default(), Some(22)).map(|()| url.to_owned()),
            _ => real(call, url),
        },
    }
}

fn real(call: &Call, path: &str) -> Result<String> {
    Ok(call.allowed().may_read_repository(path)?.to_string_lossy().into_owned())
}

fn told(one: &RemoteRef) -> Dynamic {
    let (kind, name) = match (one.name.strip_prefix("refs/tags/"), one.name.strip_prefix("refs/heads/")) {
        (Some(tag), _) => ("tag", tag),
        (_, Some(branch)) => ("branch", branch),
        _ if one.name == "HEAD" => ("head", "HEAD"),
        _ => ("other", one.name.as_str()),
    };
    Map::from([("name".into(), name.into()), ("kind".into(), kind.into()), ("commit".into(), one.commit.to_string().into())]).into()
}
