//! The test servers themselves: a test that trusts a broken server proves nothing.

#![allow(clippy::disallowed_methods)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use support::{Fault, FileServer, GitServer, Repo, git};

fn raw(host: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer)
        && count > 0
    {
        text.extend_from_slice(&buffer[..count]);
        if text.ends_with(b"!end") {
            break;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn files_have_ranges_validators_and_faults() {
    let files = FileServer::start();
    files.put("/a.txt", "0123456789!end");
    let whole = raw(&files.host(), "GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(whole.starts_with("HTTP/1.1 200") && whole.ends_with("\r\n\r\n0123456789!end"), "{whole}");
    let part = raw(&files.host(), "GET /a.txt HTTP/1.1\r\nRange: bytes=8-\r\n\r\n");
    assert!(part.starts_with("HTTP/1.1 206") && part.contains("Content-Range: bytes 8-13/14") && part.ends_with("\r\n\r\n89!end"), "{part}");
    files.fault("/a.txt", 1, Fault::Cut(3));
    let cut = raw(&files.host(), "GET /a.txt HTTP/1.1\r\n\r\n");
    assert!(cut.contains("Content-Length: 14") && cut.ends_with("\r\n\r\n012"), "{cut}");
    files.require("/a", "Bearer x");
    files.fault("/a.txt", 1, Fault::status(503).header("Retry-After", "2"));
    assert!(raw(&files.host(), "GET /a.txt HTTP/1.1\r\nConnection: close\r\nX: y\r\n\r\n").contains("Retry-After: 2"));
    assert_eq!(files.count("/a.txt"), 4);
    assert_eq!(files.requests()[1].header("range"), Some("bytes=8-"));
}

#[test]
fn the_git_program_can_clone_from_the_git_server() {
    let scratch = tempfile::tempdir().unwrap();
    let repo = Repo::init(&scratch.path().join("work"));
    repo.write("a/b.txt", "one").write_executable("run.sh", "#!/bin/sh\n");
    let first = repo.commit("first");
    repo.tag("light").annotated_tag("v1.0");
    repo.write("a/b.txt", "two");
    let second = repo.commit("second");
    repo.publish(&scratch.path().join("served/x.git"));
    assert_eq!((first.len(), second.len()), (40, 40));

    let server = GitServer::start(&scratch.path().join("served"));
    git(scratch.path(), &["clone", "-q", &server.url("/x.git"), "clone"]);
    assert_eq!(git(&scratch.path().join("clone"), &["rev-parse", "HEAD"]), second);
    assert_eq!(git(&scratch.path().join("clone"), &["rev-parse", "v1.0^{}"]), first);
    assert_eq!(server.count("git-upload-pack"), server.count("info/refs") + server.requests().iter().filter(|one| one.method == "POST").count());

    let again = Repo::init(&scratch.path().join("again"));
    again.write("a/b.txt", "one").write_executable("run.sh", "#!/bin/sh\n");
    assert_eq!(again.commit("first"), first, "the same content gives the same id");
}
