//! `sys::http` against real servers on loopback, with their faults.

#![allow(clippy::disallowed_methods, clippy::similar_names)]

mod support;

use std::time::{Duration, Instant};

use greffon::error::{Error, ErrorKind};
use greffon::roles::Context;
use greffon::sys::http::{Auth, Http, HttpOptions, Timing};
use support::{Fault, FileServer};

const MOST: u64 = 64 << 20;

fn quick() -> HttpOptions {
    // A stall that no busy machine makes by itself; what is to last lasts longer than anybody waits.
    let timing = Timing { stall: Duration::from_millis(1500), back_off: Duration::from_millis(5), longest_wait: Duration::from_secs(90), ..Timing::default() };
    HttpOptions { timing, netrc: Some("/dev/null".into()), ..HttpOptions::default() }
}

fn http() -> Http {
    Http::new(quick()).unwrap()
}

fn get(http: &Http, url: &str) -> Result<Vec<u8>, Error> {
    http.get(&Context::silent(), url, None, None, MOST).map(|answer| answer.body)
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

fn hops(error: &Error) -> String {
    format!("{error} | {:?} | {:?} | {error:?}", error.notes(), error.hints())
}

#[test]
fn answers_carry_status_etag_and_type_and_ask_as_they_should() {
    let server = FileServer::start();
    server.put_as("/a.json", "Application/JSON; charset=utf-8", "{}");
    let (http, cx) = (http(), Context::silent());
    let first = http.get(&cx, &server.url("/a.json"), None, None, MOST).unwrap();
    assert_eq!((first.status, first.content_type.as_deref(), first.body.as_slice()), (200, Some("application/json"), &b"{}"[..]));
    let again = http.get(&cx, &server.url("/a.json"), None, first.etag.as_deref(), MOST).unwrap();
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(http.get(&cx, &server.url("/none"), None, None, MOST).unwrap().status, 404);
    let asked = &server.requests()[0];
    assert_eq!(asked.header("user-agent"), Some(concat!("greffon/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
    assert_eq!(asked.header("authorization"), None);
}

#[test]
fn temporary_failures_are_tried_again_and_retry_after_is_obeyed() {
    let server = FileServer::start();
    server.put("/a", "body");
    for (fault, waits) in [
        (Fault::status(503).header("Retry-After", "1"), true),
        (Fault::status(429).header("Retry-After", "1"), true),
        (Fault::status(500).into(), false),
        (Fault::status(502).into(), false),
        (Fault::Cut(2), false),
        (Fault::Reset(0), false),
        (Fault::Stall(1), false),
    ] {
        server.forget();
        server.fault("/a", 1, fault.clone());
        assert_eq!(get(&http(), &server.url("/a")).unwrap_or_else(|error| panic!("{fault:?}: {}", hops(&error))), b"body", "{fault:?}");
        let asked = server.requests();
        assert_eq!(asked.len(), 2, "{fault:?}");
        assert!(!waits || asked[1].at - asked[0].at >= Duration::from_millis(950), "{fault:?}");
    }
    server.forget();
    let (base, now) = (Instant::now(), jiff::Timestamp::now());
    let soon = jiff::Timestamp::from_second(now.as_second() + 2).unwrap();
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&soon).unwrap();
    server.fault("/a", 1, Fault::status(503).header("Retry-After", &date));
    get(&http(), &server.url("/a")).unwrap();
    let left = Duration::try_from(soon.duration_since(now)).unwrap();
    assert!(server.requests()[1].at - base >= left.saturating_sub(Duration::from_millis(100)), "it asked before the time it was told");
}

#[test]
fn lasting_failures_end_after_four_tries_or_at_once() {
    let server = FileServer::start();
    server.fault("/busy", 99, Fault::status(503));
    let error = get(&http(), &server.url("/busy?token=s3cret")).unwrap_err();
    assert_eq!((error.kind(), server.count("/busy")), (ErrorKind::Network, 4));
    assert!(error.message().contains(&format!("GET {}", server.url("/busy"))) && error.is_temporary(), "{}", hops(&error));
    assert!(!hops(&error).contains("s3cret"));

    server.fault("/later", 99, Fault::status(503).header("Retry-After", "3600"));
    let begun = Instant::now();
    let error = get(&http(), &server.url("/later")).unwrap_err();
    assert!(error.hints().iter().any(|hint| hint.contains("3600 s")) && begun.elapsed() < Duration::from_secs(60), "{}", hops(&error));

    server.fault("/odd", 99, Fault::status(418));
    assert_eq!(get(&http(), &server.url("/odd")).unwrap_err().kind(), ErrorKind::Network);
    assert_eq!((server.count("/later"), server.count("/odd")), (1, 1));
}

#[test]
fn silence_and_trickling_end_within_the_stated_time() {
    let server = FileServer::start();
    server.put("/slow", bytes(100_000));
    let mut options = quick();
    options.timing.retries = 0;
    let http = Http::new(options).unwrap();
    for fault in [Fault::Stall(10), Fault::Drip(Duration::from_millis(150)), Fault::Delay(Duration::from_secs(300))] {
        server.heal();
        server.fault("/slow", 1, fault.clone());
        let begun = Instant::now();
        let error = get(&http, &server.url("/slow")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{fault:?}: {}", hops(&error));
        assert!(begun.elapsed() < Duration::from_secs(60), "{fault:?} took {:?}", begun.elapsed());
    }
}

#[test]
fn an_interrupt_ends_a_wait_at_once_wherever_it_is() {
    let server = FileServer::start();
    server.put("/a", bytes(100_000));
    let mut options = quick();
    options.timing.stall = Duration::from_secs(300);
    let http = Http::new(options).unwrap();
    for fault in [Fault::Stall(10), Fault::Delay(Duration::from_secs(300)), Fault::status(503).header("Retry-After", "80")] {
        server.heal();
        server.fault("/a", 9, fault.clone());
        let cx = Context::silent();
        let flag = cx.cancel().clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            flag.set();
        });
        let begun = Instant::now();
        let error = http.get(&cx, &server.url("/a"), None, None, MOST).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert!(begun.elapsed() < Duration::from_secs(60), "{fault:?} took {:?}", begun.elapsed());
    }
}

#[test]
fn a_body_has_a_limit_counted_in_bytes_received() {
    let server = FileServer::start();
    server.put("/a", bytes(1000));
    let error = http().get(&Context::silent(), &server.url("/a"), None, None, 999).unwrap_err();
    assert!(error.message().contains("999 bytes"), "{}", hops(&error));
    assert_eq!(server.count("/a"), 1, "a limit is not tried again");
    assert_eq!(http().get(&Context::silent(), &server.url("/a"), None, None, 1000).unwrap().body.len(), 1000);
}

#[test]
fn an_encoding_that_nobody_asked_for_is_refused() {
    let server = FileServer::start();
    server.fault("/a.json", 1, Fault::status(200).header("Content-Encoding", "br"));
    let error = get(&http(), &server.url("/a.json")).unwrap_err();
    assert!(error.message().contains("`br`"), "{}", hops(&error));
    server.fault("/a.tar.gz", 1, Fault::status(200).header("Content-Encoding", "x-gzip"));
    get(&http(), &server.url("/a.tar.gz")).unwrap();
}

#[test]
fn redirects_are_followed_without_taking_credentials_along() {
    let (here, there) = (FileServer::start(), FileServer::start());
    there.put("/b", "there");
    here.put("/b", "here");
    here.redirect("/across", 302, &there.url("/b"));
    here.redirect("/along", 307, "/b");
    here.redirect("/userinfo", 302, &there.url("/b").replace("//", "//user:pw@"));
    let auth = Auth::Bearer("s3cret".into());
    let http = http();
    for path in ["/across", "/along", "/userinfo"] {
        http.get(&Context::silent(), &here.url(path), Some(&auth), None, MOST).unwrap();
    }
    assert!(here.requests().iter().all(|one| one.header("authorization") == Some("Bearer s3cret")), "the same origin keeps it");
    assert_eq!(there.count("/b"), 2);
    assert!(there.requests().iter().all(|one| one.header("authorization").is_none()), "another port is another origin");
}

#[test]
fn loops_and_odd_redirects_are_named() {
    let server = FileServer::start();
    server.redirect("/1", 302, "/2");
    server.redirect("/2", 302, "/1");
    server.redirect("/file", 302, "file:///etc/passwd");
    server.redirect("/none", 302, "http://");
    for at in 0..20 {
        server.redirect(&format!("/chain{at}/"), 302, &format!("/chain{}/", at + 1));
    }
    let http = http();
    let error = |path: &str| get(&http, &server.url(path)).unwrap_err();
    assert!(error("/1").message().contains("circles") && error("/1").message().contains("/2"), "{}", error("/1"));
    assert!(error("/file").message().contains("protocol `file`"));
    assert!(error("/none").message().contains("no url"));
    assert!(error("/chain0/").message().contains("more than 10 redirects"));
}

#[test]
fn tls_is_checked_and_never_left_by_a_redirect() {
    let (secure, plain) = (FileServer::start_tls(), FileServer::start());
    secure.put("/a", "secret");
    plain.put("/a", "plain");
    secure.redirect("/down", 301, &plain.url("/a"));
    plain.redirect("/up", 301, &secure.url("/a"));
    let error = get(&http(), &secure.url("/a")).unwrap_err();
    assert!(error.message().contains("no secure connection") && !error.is_temporary(), "{}", hops(&error));

    let scratch = tempfile::tempdir().unwrap();
    let bundle = scratch.path().join("ca.pem");
    std::fs::write(&bundle, &secure.certificate().pem).unwrap();
    let trusting = Http::new(HttpOptions { ca_bundle: Some(bundle.clone()), ..quick() }).unwrap();
    assert_eq!(get(&trusting, &secure.url("/a")).unwrap(), b"secret");
    assert_eq!(get(&trusting, &plain.url("/up")).unwrap(), b"secret");
    let error = get(&trusting, &secure.url("/down")).unwrap_err();
    assert!(error.message().contains("not secure"), "{}", hops(&error));
    assert_eq!(plain.count("/a"), 0);

    std::fs::write(&bundle, "no certificate").unwrap();
    assert_eq!(Http::new(HttpOptions { ca_bundle: Some(bundle), ..quick() }).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(Http::new(HttpOptions { ca_bundle: Some("/no/such".into()), ..quick() }).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn credentials_come_from_the_argument_the_url_or_netrc() {
    let server = FileServer::start();
    server.put("/a", "body");
    server.require("/", "Basic dTpw");
    let scratch = tempfile::tempdir().unwrap();
    let netrc = scratch.path().join("netrc");
    std::fs::write(&netrc, "machine 127.0.0.1 login u password p").unwrap();
    let knowing = Http::new(HttpOptions { netrc: Some(netrc), ..quick() }).unwrap();
    assert_eq!(get(&knowing, &server.url("/a")).unwrap(), b"body");
    assert_eq!(get(&http(), &server.url("/a").replace("//", "//u:p@")).unwrap(), b"body");
    let auth = Auth::Basic { user: "u".into(), secret: "p".into() };
    assert!(http().get(&Context::silent(), &server.url("/a"), Some(&auth), None, MOST).is_ok());

    let wrong = Auth::Bearer("s3cret".into());
    let error = knowing.get(&Context::silent(), &server.url("/a"), Some(&wrong), None, MOST).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "the argument goes before netrc");
    let hint = &error.hints()[0];
    assert!(hint.contains("`auth`") && hint.contains("`GREFFON_TOKEN_127_0_0_1`") && hint.contains("netrc"), "{hint}");
    assert!(!hops(&error).contains("s3cret"));
}

/// Runs one of the tests below in a process of its own, with these variables.
fn with_environment(test: &str, variables: &[(&str, &str)]) {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env_remove("NO_PROXY").env_remove("no_proxy");
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_token_and_a_proxy_come_from_the_environment() {
    let server = FileServer::start();
    server.put("/token", "body");
    server.require("/token", "Bearer t0ken");
    with_environment("child_asks", &[("ASK", &server.url("/token")), ("GREFFON_TOKEN_127_0_0_1", "t0ken")]);
    assert_eq!(server.count("/token"), 1);

    let proxy = FileServer::start();
    proxy.put("/far", "body");
    with_environment("child_asks", &[("ASK", "http://far.invalid/far"), ("http_proxy", &proxy.url(""))]);
    assert_eq!(proxy.requests()[0].proxied.as_deref(), Some("http://far.invalid"));
    with_environment(
        "child_asks",
        &[("ASK", &server.url("/token")), ("GREFFON_TOKEN_127_0_0_1", "t0ken"), ("http_proxy", &proxy.url("")), ("NO_PROXY", "127.0.0.1")],
    );
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
#[ignore = "run by a_token_and_a_proxy_come_from_the_environment"]
fn child_asks() {
    assert_eq!(get(&http(), &std::env::var("ASK").unwrap()).unwrap(), b"body");
}

#[test]
fn a_proxy_and_mirrors_come_from_the_options() {
    let proxy = FileServer::start();
    proxy.put("/far", "by proxy");
    let proxied = Http::new(HttpOptions { proxy: Some(proxy.url("").replace("//", "//u:p@")), ..quick() }).unwrap();
    assert_eq!(get(&proxied, "http://far.invalid/far").unwrap(), b"by proxy");
    assert_eq!(proxy.requests()[0].header("proxy-authorization"), Some("Basic dTpw"));
    assert_eq!(Http::new(HttpOptions { proxy: Some("http://u:s3cret@".into()), ..quick() }).map(|_| ()).unwrap_err().kind(), ErrorKind::Invalid);

    let mirror = FileServer::start();
    mirror.put("/m/a.zip", "mirrored");
    let mirrors = vec![("https://far.invalid/".to_owned(), mirror.url("/wrong/")), ("https://far.invalid/x/".to_owned(), mirror.url("/m/"))];
    let mirrored = Http::new(HttpOptions { mirrors, ..quick() }).unwrap();
    let auth = Auth::Bearer("s3cret".into());
    let answer = mirrored.get(&Context::silent(), "https://far.invalid/x/a.zip", Some(&auth), None, MOST).unwrap();
    assert_eq!(answer.body, b"mirrored");
    assert_eq!(mirror.requests()[0].header("authorization"), None, "a mirror is another origin");
    mirror.fault("/m/", 9, Fault::status(418));
    let error = get(&mirrored, "https://far.invalid/x/a.zip").unwrap_err();
    assert!(error.message().contains("https://far.invalid/x/a.zip") && error.message().contains(&mirror.url("/m/a.zip")), "{}", hops(&error));
}

#[test]
fn a_host_has_so_many_requests_at_a_time() {
    let server = FileServer::start();
    server.put("/a", "body");
    server.fault("/a", 99, Fault::Delay(Duration::from_millis(60)));
    let http = Http::new(HttpOptions { per_host: 3, ..quick() }).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| get(&http, &server.url("/a")).unwrap());
        }
    });
    assert_eq!((server.most_at_once(), server.count("/a")), (3, 12));
}

#[test]
fn unreachable_and_offline_say_so() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = get(&http(), &format!("http://{closed}/a")).unwrap_err();
    assert!(error.kind() == ErrorKind::Network && error.message().contains("could not be reached"), "{}", hops(&error));
    assert!(get(&http(), "http://no-such-host.invalid/a").unwrap_err().message().contains("no-such-host.invalid"));
    let error = http().get(&Context::silent().without_network(), "https://u:s3cret@example.org/a?k=s3cret", None, None, MOST).unwrap_err();
    assert!(error.kind() == ErrorKind::Offline && error.message().contains("https://example.org/a") && !hops(&error).contains("s3cret"));
    for url in ["ftp://example.org/", "file:///etc/passwd", "nonsense", "http://"] {
        assert_eq!(get(&http(), url).unwrap_err().kind(), ErrorKind::Invalid, "{url}");
    }
}
