//! How commits come into a source: which way is taken, and what is tried when a server does not give them.
//!
//! Over http libgit2 asks for refs, and for commits by id where the server says that it gives them. A commit that no ref shows
//! any more is asked of the git program, whose newer protocol knows no such limit; without that program the history of the refs
//! is fetched, deeper and deeper, until the commit turns up.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use git2::{AutotagOption, ErrorClass, FetchOptions, RemoteCallbacks, Repository};

use super::RemoteRef;
use super::Want;
use super::pool::PlainError;
use super::program::{self, Git};
use super::refs::{Advert, COMING};
use super::transport::{Remote, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::roles::{Context, Event, Level, Unit};
use crate::sys::redact;

/// How deep to look for a commit that no ref shows, one after the other; the last is libgit2's word for all of it.
const DEPTHS: [i32; 3] = [50, 1000, i32::MAX];
/// Progress is told no oftener.
const TOLD: Duration = Duration::from_millis(50);

/// Where a fetch goes.
pub(super) struct Into<'a> {
    pub directory: &'a Path,
    /// How messages name the remote.
    pub shown: &'a str,
    /// Whether the remote was heard to end an answer early of itself.
    pub falters: &'a AtomicBool,
}

/// Fetches over http by libgit2. Leaves it to the caller to look what came.
pub(super) fn by_libgit2(cx: &Context, into: &Into<'_>, remote: &Remote, told: Option<Arc<Advert>>, git: &Git<'_>, wants: &[Want]) -> Result<()> {
    let fresh = || remote.advert(cx).map(Arc::new);
    let mut heard_before = told.is_some();
    let mut advert = match told {
        Some(advert) => advert,
        None => fresh()?,
    };
    loop {
        let (asked, mut hidden) = split(&advert, wants);
        if heard_before && !hidden.is_empty() {
            // The refs may have moved since this process asked for them.
            (advert, heard_before) = (fresh()?, false);
            continue;
        }
        if !asked.is_empty() {
            cx.log(Level::Detail, format!("fetching {} of `{}` at depth one", asked.join(", "), into.shown));
            match download(cx, into, remote, &advert, &asked, 1) {
                // It was offered, and has gone since.
                Err(error) if error.kind() == ErrorKind::NotFound && heard_before => {
                    cx.log(Level::Detail, format!("{error}; asking for the refs again"));
                    (advert, heard_before) = (fresh()?, false);
                    continue;
                }
                // One that it does not have spoils the others.
                Err(error) if error.kind() == ErrorKind::NotFound => hidden = wants.iter().map(|want| want.commit).collect(),
                other => other?,
            }
        }
        return if hidden.is_empty() { Ok(()) } else { unshown(cx, into, remote, &advert, git, &hidden) };
    }
}

/// What to ask for: refs that lead to a wanted commit, or its id where the server takes ids. The rest no ref shows.
fn split(advert: &Advert, wants: &[Want]) -> (Vec<String>, Vec<ObjectId>) {
    let (mut asked, mut hidden) = (Vec::new(), Vec::new());
    for want in wants {
        match leading(&advert.refs, want) {
            Some(name) => asked.push(name.to_owned()),
            None if advert.by_id => asked.push(want.commit.to_string()),
            None => hidden.push(want.commit),
        }
    }
    asked.sort();
    asked.dedup();
    (asked, hidden)
}

/// The ref that shows a wanted commit: the one that is named with it, else any.
pub(super) fn leading<'a>(refs: &'a [RemoteRef], want: &Want) -> Option<&'a str> {
    let named = want.reference.as_deref();
    let mut fitting = refs.iter().filter(|one| one.commit == want.commit);
    let first = fitting.clone().next();
    fitting.find(|one| Some(one.name.as_str()) == named).or(first).map(|one| one.name.as_str())
}

fn unshown(cx: &Context, into: &Into<'_>, remote: &Remote, advert: &Arc<Advert>, git: &Git<'_>, hidden: &[ObjectId]) -> Result<()> {
    if program::is_installed() {
        cx.log(Level::Detail, format!("`{}` gives no commits by id to libgit2; asking by the git program", into.shown));
        // One by one: a commit that is nowhere must not keep the others away.
        let mut all = true;
        for commit in hidden {
            match git.fetch_commits(cx, into.directory, &[*commit]) {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Git) => {
                    cx.log(Level::Detail, error.message());
                    all = false;
                }
                Err(error) => return Err(error),
            }
        }
        if all {
            return Ok(());
        }
    }
    let names: Vec<String> = advert.refs.iter().filter(|one| one.name != "HEAD").map(|one| one.name.clone()).collect();
    if names.is_empty() {
        return Ok(());
    }
    for depth in DEPTHS {
        let how_deep = if depth == i32::MAX { "its whole history".to_owned() } else { format!("{depth} commits of each ref") };
        cx.log(Level::Detail, format!("looking for {} commits that no ref of `{}` shows: fetching {how_deep}", hidden.len(), into.shown));
        download(cx, into, remote, advert, &names, depth)?;
        let repository = open(into.directory)?;
        if hidden.iter().all(|commit| repository.find_commit(oid(*commit)).is_ok()) {
            break;
        }
    }
    Ok(())
}

/// One fetch by libgit2, tried again when the network failed it.
fn download(cx: &Context, into: &Into<'_>, remote: &Remote, advert: &Arc<Advert>, asked: &[String], depth: i32) -> Result<()> {
    let task = format!("fetch {}", into.shown);
    cx.emit(Event::Started { task: task.clone(), total: None, unit: Unit::Items });
    let (received, early) = (Cell::new(None), Cell::new(0));
    let result = remote.http.timing().run(cx, || {
        sweep(into.directory);
        let before = received.take();
        attempt(cx, into, remote, advert, asked, depth, &task, &received).map_err(|error| {
            // A server that ends its answer in good order, and twice at one place or again and again, is not cut off: it cannot read
            // on itself.
            let now = received.get();
            early.set(early.get() + u32::from(now.is_some()));
            let same = before.is_some() && before == now;
            let again = now.is_some() && (early.get() >= EARLY || into.falters.load(Ordering::Relaxed));
            let error = if same || again { cannot_give(into, error, same) } else { error };
            error.into()
        })
    });
    cx.emit(Event::Finished { task });
    result
}

/// How often a server may end its answer early before it is taken at its word.
const EARLY: u32 = 3;

fn cannot_give(into: &Into<'_>, error: Error, same: bool) -> Error {
    into.falters.store(true, Ordering::Relaxed);
    let how = if same { "it stops at the same place each time" } else { "it ends its answer too early each time" };
    Error::new(ErrorKind::Git, format!("`{}` cannot give all that was asked for: {how}", into.shown))
        .hint("an object of that repository may be missing or damaged: `git fsck` there tells")
        .caused_by(error)
}

/// `received`: how much had come when the server ended its answer too early, in good order.
#[expect(clippy::too_many_arguments, reason = "one call, of what a fetch is made of")]
fn attempt(
    cx: &Context,
    into: &Into<'_>,
    remote: &Remote,
    advert: &Arc<Advert>,
    asked: &[String],
    depth: i32,
    task: &str,
    received: &Cell<Option<(usize, usize)>>,
) -> Result<()> {
    let repository = open(into.directory)?;
    let session = Session::open(remote, cx, Arc::clone(advert))?;
    let begun = Instant::now();
    let last = Cell::new(begun);
    let seen = Cell::new((0, 0));
    let mut callbacks = RemoteCallbacks::new();
    callbacks.transfer_progress(|progress| {
        seen.set((progress.received_objects(), progress.received_bytes()));
        if last.get().elapsed() >= TOLD {
            last.set(Instant::now());
            cx.emit(Event::Advanced { task: task.to_owned(), done: progress.indexed_objects() as u64, total: Some(progress.total_objects() as u64) });
        }
        cx.check().is_ok()
    });
    let mut options = FetchOptions::new();
    options.remote_callbacks(callbacks).depth(depth).download_tags(AutotagOption::None).update_fetchhead(false);
    let result = repository.remote_anonymous(&session.url()).and_then(|mut origin| origin.download(asked, Some(&mut options)));
    drop(options);
    match result {
        Ok(()) => {
            let (objects, bytes) = seen.get();
            cx.log(Level::Detail, format!("`{}`: {objects} objects, {bytes} bytes in {:.2} s by libgit2", into.shown, begun.elapsed().as_secs_f32()));
            Ok(())
        }
        Err(error) => {
            cx.check()?;
            Err(session.take_failure().unwrap_or_else(|| {
                let error = told_by_libgit2(into, error);
                received.set(error.is_temporary().then(|| seen.get()));
                error
            }))
        }
    }
}

/// libgit2's own failures: a server that refuses in git's words, or a pack that is not whole.
fn told_by_libgit2(into: &Into<'_>, error: git2::Error) -> Error {
    let refused = error.message().contains("remote error") || error.message().contains("ERR ");
    let transfer = matches!(error.class(), ErrorClass::Net | ErrorClass::Indexer | ErrorClass::Zlib | ErrorClass::Odb | ErrorClass::Http);
    let failed = if transfer && !refused {
        Error::new(ErrorKind::Network, format!("what `{}` sent is damaged or cut off", into.shown)).temporary()
    } else {
        Error::new(ErrorKind::Git, format!("could not fetch from `{}`", into.shown))
    };
    failed.caused_by(PlainError::from(error))
}

/// Removes what a killed fetch left and what would stand in the way of the next. Only under the source's lock.
pub(super) fn sweep(directory: &Path) {
    for name in ["shallow.lock", "packed-refs.lock", "config.lock", "HEAD.lock"] {
        let _ = fs_err::remove_file(directory.join(name));
    }
    for folder in [directory.join("objects/pack"), directory.to_owned()] {
        let Ok(listing) = fs_err::read_dir(folder) else { continue };
        for entry in listing.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let left = ["pack_git2_", "tmp_", ".tmp-"].iter().any(|start| name.starts_with(start));
            if left || (name.starts_with(COMING) && is_old(&entry)) {
                let _ = fs_err::remove_file(entry.path());
            }
        }
    }
}

/// Whether nobody can be writing it any more.
fn is_old(entry: &fs_err::DirEntry) -> bool {
    let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|modified| modified.elapsed().ok());
    age.is_some_and(|age| age > Duration::from_secs(3600))
}

/// Opens a source as nothing but itself: no discovery, no environment.
pub(super) fn open(directory: &Path) -> Result<Repository> {
    Repository::open_bare(directory)
        .map_err(|error| Error::new(ErrorKind::Git, format!("could not open the git source `{}`", directory.display())).caused_by(PlainError::from(error)))
}

/// The same id for libgit2.
pub(super) fn oid(id: ObjectId) -> git2::Oid {
    // Twenty bytes are always an id.
    git2::Oid::from_bytes(id.as_bytes()).unwrap_or(git2::Oid::ZERO_SHA1)
}

/// The same id for us.
pub(super) fn id_of(oid: git2::Oid) -> ObjectId {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(&oid.as_bytes()[..20]);
    ObjectId::from_bytes(bytes)
}

/// Names of the wanted commits that a message can hold.
pub(super) fn listed(commits: &[ObjectId]) -> String {
    let mut names: Vec<String> = commits.iter().take(3).map(|commit| format!("`{}`", commit.short())).collect();
    if commits.len() > 3 {
        names.push(format!("{} more", commits.len() - 3));
    }
    names.join(", ")
}

/// The error of commits that are nowhere.
pub(super) fn gone(url: &str, wants: &[ObjectId]) -> Error {
    Error::new(ErrorKind::NotFound, format!("`{}` does not have commit {} (any more)", redact(url), listed(wants)))
        .hint("a tag or branch was moved, or its history rewritten: `greffon update` takes what is there now; a `rev` must be a commit of that repository")
}
