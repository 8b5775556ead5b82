//! Commits of git repositories: fetched into the stock's object database, given back as trees.

use super::submodules;
use crate::builtin::environment::Env;
use crate::builtin::repository::git::refs::{Candidate, candidates};
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::model::{GitPin, InstallInfo, ObjectId, Payload};
use crate::roles::{Context, DownloadRequest};
use crate::sys::git::{Source, Want};
use crate::sys::redact;

/// [`crate::model::Download::Git`], borrowed.
pub(super) struct Wanted<'a> {
    pub(super) url: &'a str,
    pub(super) rev: &'a str,
    pub(super) commit: Option<ObjectId>,
    pub(super) subdir: Option<&'a str>,
    pub(super) submodules: bool,
}

pub(super) fn download(env: &Env, cx: &Context, request: &DownloadRequest, wanted: &Wanted<'_>) -> Result<InstallInfo> {
    let source = env.sources.open(wanted.url, env.credentials.find(cx, wanted.url)?)?;
    let commit = match wanted.commit {
        Some(commit) => {
            fetch_commit(cx, &source, wanted.rev, commit)?;
            commit
        }
        None => fetch_revision(cx, &source, wanted)?,
    };
    env.stockroom.objects().refresh()?;
    let tree = source.tree(commit, wanted.subdir)?;
    let tree = if wanted.submodules {
        let parent = submodules::Parent { url: wanted.url, root: source.tree(commit, None)?, inside: wanted.subdir.unwrap_or_default() };
        submodules::graft(env, cx, &parent, tree, 0)?
    } else {
        // A gitlink is told here, where the address is known; git-LFS pointers are the stock's to refuse.
        let listed = env.stockroom.objects().files(tree).while_doing(|| format!("{} {} cannot be installed as it is", request.id, request.version));
        listed.map_err(|error| match error.kind() {
            ErrorKind::Unsupported => error.hint(format!("its repository is `{}`", redact(wanted.url))),
            _ => error,
        })?;
        tree
    };
    let payload = Payload::Tree { tree, commit: Some(commit) };
    Ok(InstallInfo { id: request.id.clone(), version: request.version.clone(), digest: None, payload, receipt: None })
}

/// Fetches a commit that is known. Where the server no longer has it, says whether the ref was moved away from it.
fn fetch_commit(cx: &Context, source: &Source, rev: &str, commit: ObjectId) -> Result<()> {
    if source.has(commit) {
        return Ok(());
    }
    let is_ref = rev.starts_with("refs/") || rev == "HEAD";
    let want = Want { reference: is_ref.then(|| rev.to_owned()), commit };
    let Err(error) = source.fetch(cx, &[want]) else { return Ok(()) };
    if error.kind() != ErrorKind::NotFound {
        return Err(error);
    }
    let now = source.refs(cx).ok().and_then(|refs| refs.into_iter().find(|found| found.name == rev));
    match now {
        Some(now) if now.commit != commit => {
            let text = format!("`{rev}` of `{}` was moved: it is {} now, and {commit} is no longer there", redact(source.url()), now.commit);
            Err(Error::new(ErrorKind::Digest, text).hint("if that is meant, `greffon update` takes the new commit").caused_by(error))
        }
        _ => Err(error),
    }
}

/// Fetches what a name stands for now.
fn fetch_revision(cx: &Context, source: &Source, wanted: &Wanted<'_>) -> Result<ObjectId> {
    let refs = source.refs(cx)?;
    let found = candidates(&refs, &GitPin::Rev(wanted.rev.to_owned()), &redact(source.url()))?;
    let wants: Vec<Want> = found.iter().map(Candidate::want).collect();
    source.fetch(cx, &wants)?;
    wants.first().map(|want| want.commit).ok_or_else(|| Error::new(ErrorKind::Internal, "a revision stands for no commit"))
}
