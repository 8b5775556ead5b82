//! Checks of [`Downloader`].

use std::time::{Duration, Instant};

use super::{Finding, Suite, Tried, Verdict, fails, same, told, works};
use crate::error::ErrorKind;
use crate::model::{Digest, Download, Payload};
use crate::roles::{Context, DownloadRequest, Downloader};

/// The sentences that are checked.
pub const CONTRACT: &[&str] = &[PLACED, DIFFERS, OFFLINE, RETRIED, INTERRUPTED, TWICE];

const PLACED: &str = "What is downloaded as files is placed below `target_dir`, what lies on this machine may be given where it lies; git sources arrive in the stock's object database and come back as a tree.";
const DIFFERS: &str = "Bytes whose digest or commit differs from the request's are an error of kind `Digest`; nothing of them is given back.";
const OFFLINE: &str = "Offline, what would need the network is an error of kind `Offline` naming the host.";
const RETRIED: &str = "Failures that may pass are retried by the downloader itself, with back-off; `Retry-After` is obeyed.";
const INTERRUPTED: &str = "Interrupted by the context, it ends soon with `Interrupted`.";
const TWICE: &str = "Called for the same item twice, it gives the same digest.";
const MISSING: &str = "What does not exist is an error of kind `NotFound`.";

/// How long an interrupted download may still take.
const SOON: Duration = Duration::from_secs(5);

/// What the caller knows.
#[derive(Debug, Default)]
pub struct Fixture {
    /// Items that can be had.
    pub items: Vec<DownloadRequest>,
    /// Items whose bytes are not those that were promised.
    pub wrong_bytes: Vec<DownloadRequest>,
    /// Items that do not exist.
    pub missing: Vec<DownloadRequest>,
    /// An item of another machine that was never fetched, and that machine's name.
    pub remote: Option<(DownloadRequest, String)>,
    /// An item whose server first answers 503 with `Retry-After`, and for how long that says to wait.
    pub busy: Option<(DownloadRequest, Duration)>,
    /// An item whose bytes never end to come, and a context of its own that is interrupted while it waits.
    pub endless: Option<(DownloadRequest, Context)>,
}

/// Runs a downloader through its contract.
///
/// # Errors
/// Every sentence that does not hold.
pub fn check(downloader: &dyn Downloader, cx: &Context, fixture: &Fixture) -> Verdict {
    let mut suite = Suite::new("downloader");
    suite.sentence(OFFLINE, || {
        let Some((request, host)) = &fixture.remote else { return Ok(Tried::No) };
        let error = fails("downloading without the network", ErrorKind::Offline, downloader.download(&cx.without_network(), request))?;
        if told(&error).contains(host.as_str()) { Ok(Tried::Yes) } else { Err(format!("`{host}` is not named: {}", told(&error))) }
    });
    suite.sentence(PLACED, || {
        for request in &fixture.items {
            placed(downloader, cx, request)?;
        }
        Ok(if fixture.items.is_empty() { Tried::No } else { Tried::Yes })
    });
    suite.sentence(TWICE, || {
        for request in &fixture.items {
            let first = identity(downloader, cx, request)?;
            same(&format!("the second download of {}", request.id), &identity(downloader, cx, request)?, &first)?;
        }
        Ok(if fixture.items.is_empty() { Tried::No } else { Tried::Yes })
    });
    suite.sentence(DIFFERS, || all_fail(downloader, cx, &fixture.wrong_bytes, ErrorKind::Digest));
    suite.sentence(MISSING, || all_fail(downloader, cx, &fixture.missing, ErrorKind::NotFound));
    suite.sentence(RETRIED, || {
        let Some((request, wait)) = &fixture.busy else { return Ok(Tried::No) };
        let begun = Instant::now();
        works("downloading from a busy server", downloader.download(cx, request))?;
        if begun.elapsed() < *wait {
            return Err(format!("it came back after {:?}, and `Retry-After` said {wait:?}", begun.elapsed()));
        }
        Ok(Tried::Yes)
    });
    suite.sentence(INTERRUPTED, || {
        let Some((request, own)) = &fixture.endless else { return Ok(Tried::No) };
        let cancel = own.cancel().clone();
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            cancel.set();
            Instant::now()
        });
        let result = downloader.download(own, request);
        let ended = Instant::now();
        let asked = stopper.join().map_err(|_| "the thread that interrupts panicked")?;
        fails("an interrupted download", ErrorKind::Interrupted, result)?;
        let took = ended.saturating_duration_since(asked);
        if took > SOON { Err(format!("it went on for {took:?}")) } else { Ok(Tried::Yes) }
    });
    suite.finish()
}

fn placed(downloader: &dyn Downloader, cx: &Context, request: &DownloadRequest) -> Result<(), String> {
    let info = works(&format!("downloading {} {}", request.id, request.version), downloader.download(cx, request))?;
    same("what came back", &(&info.id, &info.version), &(&request.id, &request.version))?;
    match (&request.download, &info.payload) {
        (Download::Git { .. }, Payload::Tree { tree, .. }) => {
            works("reading the tree that came back", cx.trees().list(*tree, ""))?.ok_or_else(|| format!("tree {tree} is not in the stock")).map(drop)
        }
        (Download::Git { .. }, other) => Err(format!("a git source came back as {other:?}")),
        (Download::Url { .. }, Payload::Archive { path, .. } | Payload::Directory { path }) if !path.starts_with(&request.target_dir) => {
            Err(format!("`{}` is not below `{}`", path.display(), request.target_dir.display()))
        }
        (Download::Url { .. }, Payload::Archive { .. }) if info.digest.is_none() => Err("an archive came back without its digest".to_owned()),
        _ => Ok(()),
    }
}

/// What must be the same each time.
fn identity(downloader: &dyn Downloader, cx: &Context, request: &DownloadRequest) -> Result<(Option<Digest>, Option<String>), String> {
    let info = works(&format!("downloading {} {}", request.id, request.version), downloader.download(cx, request))?;
    let tree = match info.payload {
        Payload::Tree { tree, .. } => Some(tree.to_string()),
        _ => None,
    };
    Ok((info.digest, tree))
}

fn all_fail(downloader: &dyn Downloader, cx: &Context, requests: &[DownloadRequest], kind: ErrorKind) -> Finding {
    for request in requests {
        fails(&format!("downloading {} {}", request.id, request.version), kind, downloader.download(cx, request))?;
    }
    Ok(if requests.is_empty() { Tried::No } else { Tried::Yes })
}
