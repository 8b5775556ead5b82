//! Downloads and kept answers of `sys::http`, against real servers with their faults.

#![allow(clippy::disallowed_methods)]

mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use greffon::error::{Error, ErrorKind};
use greffon::model::Digest;
use greffon::roles::{Context, ContextBuilder, Event, Events};
use greffon::sys::http::{Http, HttpOptions, Timing};
use sha2::{Digest as _, Sha256};
use support::{Fault, FileServer};

const MOST: u64 = 64 << 20;

fn quick() -> HttpOptions {
    let timing = Timing { stall: Duration::from_millis(1500), back_off: Duration::from_millis(5), longest_wait: Duration::from_secs(3), ..Timing::default() };
    HttpOptions { timing, netrc: Some("/dev/null".into()), ..HttpOptions::default() }
}

fn http() -> Http {
    Http::new(quick()).unwrap()
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

fn hops(error: &Error) -> String {
    format!("{error} | {:?} | {:?} | {error:?}", error.notes(), error.hints())
}

#[derive(Default)]
struct Seen(Mutex<Vec<Event>>);

impl Events for Seen {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

fn fetch(http: &Http, url: &str, to: &Path, expected: Option<&Digest>) -> Result<u64, Error> {
    http.download(&Context::silent(), url, None, to, MOST, expected, "test").map(|done| {
        let bytes = std::fs::read(to).unwrap();
        assert_eq!((done.size, done.digest), (bytes.len() as u64, sha256(&bytes)));
        assert!(std::fs::read_dir(to.parent().unwrap()).unwrap().count() == 1, "nothing is left beside");
        done.size
    })
}

#[test]
fn a_download_tells_its_progress_and_its_digest() {
    let server = FileServer::start();
    let body = bytes(1_000_000);
    server.put("/a.zip", body.clone());
    let scratch = tempfile::tempdir().unwrap();
    let seen = Arc::new(Seen::default());
    let cx = ContextBuilder::default().events(seen.clone()).build();
    let done = http().download(&cx, &server.url("/a.zip"), None, &scratch.path().join("new/a.zip"), MOST, Some(&sha256(&body)), "get a").unwrap();
    assert_eq!((done.size, done.digest, done.content_type.as_deref()), (1_000_000, sha256(&body), Some("application/zip")));
    let events = seen.0.lock().unwrap();
    assert!(matches!(&events[0], Event::Started { task, .. } if task == "get a"));
    assert!(events.contains(&Event::Advanced { task: "get a".into(), done: 1_000_000, total: Some(1_000_000) }));
    assert_eq!(events.last(), Some(&Event::Finished { task: "get a".into() }));
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let server = FileServer::start();
    let body = bytes(400_000);
    server.put("/a", body.clone());
    let scratch = tempfile::tempdir().unwrap();
    let to = scratch.path().join("a");
    // Within one call:
    for fault in [Fault::Cut(250_000), Fault::Reset(250_000), Fault::Stall(250_000)] {
        server.forget();
        server.fault("/a", 1, fault.clone());
        fetch(&http(), &server.url("/a"), &to, Some(&sha256(&body))).unwrap();
        let range = server.requests()[1].header("range").unwrap_or_default().to_owned();
        assert!(range.starts_with("bytes=") && range != "bytes=0-", "{fault:?}: {range}");
        assert!(server.requests()[1].header("if-range").is_some());
    }
    // On the next call, by another process:
    let mut once = quick();
    once.timing.retries = 0;
    server.fault("/a", 1, Fault::Cut(100_000));
    let error = fetch(&Http::new(once).unwrap(), &server.url("/a"), &to, None).unwrap_err();
    assert!(error.kind() == ErrorKind::Network && error.is_temporary());
    server.forget();
    fetch(&http(), &server.url("/a"), &to, Some(&sha256(&body))).unwrap();
    assert_eq!(server.requests()[0].header("range"), Some("bytes=100000-"));
}

#[test]
fn a_file_that_changed_in_between_is_fetched_from_its_start() {
    let server = FileServer::start();
    let scratch = tempfile::tempdir().unwrap();
    let to = scratch.path().join("a");
    let mut once = quick();
    once.timing.retries = 0;
    let once = Http::new(once).unwrap();
    let (old, new) = (bytes(100_000), bytes(90_001));
    let cut = || {
        server.put("/a", old.clone());
        server.fault("/a", 1, Fault::Cut(50_000));
        fetch(&once, &server.url("/a"), &to, None).unwrap_err();
        server.put("/a", new.clone());
    };
    // The server sees by If-Range that it is another file:
    cut();
    assert_eq!(fetch(&http(), &server.url("/a"), &to, None).unwrap(), 90_001);
    // The server does not look, and its answers do not fit:
    for fault in [Fault::Range(0, 90_000, 90_001), Fault::Range(49_999, 90_000, 90_001), Fault::Range(50_000, 90_000, 90_001), Fault::status(416).into()] {
        cut();
        server.fault("/a", 1, fault.clone());
        assert_eq!(fetch(&http(), &server.url("/a"), &to, None).unwrap(), 90_001, "{fault:?}");
        assert_eq!(std::fs::read(&to).unwrap(), new, "{fault:?}");
    }
    // Without ranges, and without anything to know a file by:
    cut();
    server.without_ranges();
    assert_eq!(fetch(&http(), &server.url("/a"), &to, None).unwrap(), 90_001);
    server.without_validators();
    cut();
    server.forget();
    assert_eq!(fetch(&http(), &server.url("/a"), &to, None).unwrap(), 90_001);
    assert_eq!(server.requests()[0].header("range"), None);
}

#[test]
fn a_cut_at_any_byte_ends_in_the_right_file() {
    let server = FileServer::start();
    let body = bytes(200);
    server.put("/a", body.clone());
    let scratch = tempfile::tempdir().unwrap();
    let http = http();
    for at in 0..200 {
        server.fault("/a", 1, Fault::Cut(at));
        fetch(&http, &server.url("/a"), &scratch.path().join("a"), Some(&sha256(&body))).unwrap_or_else(|error| panic!("cut at {at}: {}", hops(&error)));
    }
}

#[test]
fn wrong_lengths_digests_sizes_and_missing_files_are_errors_that_leave_nothing() {
    let server = FileServer::start();
    server.put("/a", bytes(1000));
    let scratch = tempfile::tempdir().unwrap();
    let to = scratch.path().join("a");
    server.fault("/a", 1, Fault::Length(7));
    assert_eq!(fetch(&http(), &server.url("/a"), &to, None).unwrap(), 1000, "too long a promise is tried again");
    std::fs::remove_file(&to).unwrap();

    let wrong = sha256(b"other");
    let error = fetch(&http(), &server.url("/a"), &to, Some(&wrong)).unwrap_err();
    assert!(error.kind() == ErrorKind::Digest && error.message().contains(&wrong.to_string()), "{}", hops(&error));
    server.fault("/a", 1, Fault::html());
    let error = fetch(&http(), &server.url("/a"), &to, Some(&wrong)).unwrap_err();
    assert!(error.hints()[0].contains("web page"), "{}", hops(&error));
    let error = http().download(&Context::silent(), &server.url("/a"), None, &to, 999, None, "t").unwrap_err();
    assert!(error.message().contains("999 bytes"));
    assert_eq!(fetch(&http(), &server.url("/none"), &to, None).unwrap_err().kind(), ErrorKind::NotFound);
    server.fault("/a", 1, Fault::status(410));
    assert_eq!(fetch(&http(), &server.url("/a"), &to, None).unwrap_err().kind(), ErrorKind::NotFound);
    server.fault("/a", 1, Fault::status(403));
    assert_eq!(fetch(&http(), &server.url("/a"), &to, None).unwrap_err().kind(), ErrorKind::Denied);
    assert!(!to.exists());
}

#[test]
fn two_downloads_of_one_file_do_not_mix() {
    let server = FileServer::start();
    let body = bytes(3_000_000);
    server.put("/a", body.clone());
    let scratch = tempfile::tempdir().unwrap();
    let to = scratch.path().join("a");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| http().download(&Context::silent(), &server.url("/a"), None, &to, MOST, Some(&sha256(&body)), "t").unwrap());
        }
    });
    assert_eq!(std::fs::read(&to).unwrap(), body);
}

// Kept answers.

#[test]
fn a_kept_answer_is_asked_once_a_process_and_serves_offline() {
    let server = FileServer::start();
    server.put("/e.json", "one");
    let scratch = tempfile::tempdir().unwrap();
    let kept = scratch.path().join("kept");
    let (cx, url) = (Context::silent(), server.url("/e.json"));
    let ask = |http: &Http, cx: &Context| http.get_kept(cx, &url, None, &kept, MOST).map(|body| body.map(|body| String::from_utf8(body).unwrap()));
    let one = Some("one".to_owned());

    let error = ask(&http(), &cx.without_network()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Offline);
    let first = http();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(ask(&first, &cx).unwrap(), one));
        }
    });
    assert_eq!(server.count("/e.json"), 1, "eight callers share one request");
    assert_eq!(ask(&http(), &cx.without_network()).unwrap(), one);

    let second = http();
    assert_eq!(ask(&second, &cx).unwrap(), one);
    assert!(server.requests()[1].header("if-none-match").is_some(), "another process asks with the ETag");
    server.put("/e.json", "two");
    assert_eq!(ask(&second, &cx).unwrap(), one, "what this process was told stays");
    let refresh = ContextBuilder::default().refresh(true).build();
    assert_eq!(ask(&second, &refresh).unwrap().as_deref(), Some("two"));
    assert_eq!(ask(&http(), &cx.without_network()).unwrap().as_deref(), Some("two"));

    server.remove("/e.json");
    assert_eq!(ask(&http(), &cx).unwrap(), None);
    assert_eq!(ask(&http(), &cx.without_network()).unwrap(), None, "also that there is none is kept");

    server.put("/e.json", "three");
    assert_eq!(ask(&http(), &cx).unwrap().as_deref(), Some("three"));
    let file = std::fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(ask(&http(), &cx.without_network()).unwrap_err().kind(), ErrorKind::Offline, "a damaged answer is none");
    assert_eq!(ask(&http(), &cx).unwrap().as_deref(), Some("three"));
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 1);

    server.fault("/e.json", 99, Fault::status(500));
    assert_eq!(ask(&http(), &cx).unwrap_err().kind(), ErrorKind::Network, "a failure is a failure, not an old answer");
}
