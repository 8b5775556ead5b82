//! What the tests of shipped extensions share: their folders put beside a manifest, archives, a server that counts.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::support::{Reply, Request, Server, TestEnvironment};

/// Puts a shipped extension where the manifest's `extension:NAME` finds it.
pub(crate) fn ship(env: &TestEnvironment, name: &str) {
    let from = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("extensions").join(name);
    copy(&from, &env.path(format!("extensions/{name}")));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the extension").flatten() {
        let there = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &there);
        } else {
            std::fs::copy(entry.path(), there).expect("copied");
        }
    }
}

/// An archive of these files.
pub(crate) fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, text) in files {
        writer.start_file(*path, zip::write::SimpleFileOptions::default()).expect("a file");
        writer.write_all(text.as_bytes()).expect("written");
    }
    writer.finish().expect("an archive").into_inner()
}

/// A server whose answers look at a state that tests change.
pub(crate) fn serve<S: Send + 'static>(state: S, answer: impl Fn(&mut S, &Request) -> Reply + Send + Sync + 'static) -> (Server, Arc<Mutex<S>>) {
    let state = Arc::new(Mutex::new(state));
    let own = Arc::clone(&state);
    (Server::start(false, Arc::new(move |request: &Request| answer(&mut own.lock().expect("the state"), request))), state)
}

/// A form's or a query's field.
pub(crate) fn field(text: &str, name: &str) -> String {
    url::form_urlencoded::parse(text.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

pub(crate) fn json(value: serde_json::Value) -> Reply {
    Reply::new(200, value.to_string()).header("Content-Type", "application/json; charset=UTF-8")
}

/// Fails where a secret stands in any file below the test's folders, its own sources left out.
pub(crate) fn found_nowhere(env: &TestEnvironment, secret: &str, but: &[&str]) {
    fn walk(folder: &Path, secret: &[u8], but: &[&str], found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let kind = entry.file_type().expect("a kind");
            if kind.is_dir() {
                walk(&path, secret, but, found);
            } else if kind.is_file()
                && !but.iter().any(|name| path.ends_with(name))
                && std::fs::read(&path).unwrap_or_default().windows(secret.len()).any(|part| part == secret)
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(env.root(), secret.as_bytes(), but, &mut found);
    assert!(found.is_empty(), "`{secret}` stands in {found:?}");
}
