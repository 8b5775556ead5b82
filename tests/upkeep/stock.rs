//! The stock over the years: tidied down to a size, and mended when it rots.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::support::{Outcome, Repo, TestEnvironment};

/// Plugins from git repositories and one from an archive's folder, each about `SIZE` bytes that do not shrink.
struct Shelf {
    env: TestEnvironment,
}

const SIZE: usize = 200_000;

/// Bytes that do not shrink.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    })
    .take(length)
    .collect()
}

impl Shelf {
    fn new(names: &[&str]) -> Self {
        let shelf = Self { env: TestEnvironment::new() };
        for (at, name) in names.iter().enumerate() {
            let repo = Repo::init(&shelf.env.root().join(name));
            for version in ["1.0", "2.0"] {
                repo.write("data.bin", noise(at as u64 * 7 + version.len() as u64 + u64::from(version == "2.0"), SIZE));
                repo.write("code.php", format!("{name} {version}\n"));
                repo.commit(version);
                repo.tag(&format!("v{version}"));
            }
        }
        shelf
    }

    /// One site a plugin, named like it.
    fn want(&self, plugins: &[(&str, &str)]) {
        let sites: String = plugins
            .iter()
            .map(|(name, version)| {
                let git = self.env.root().join(name).display().to_string();
                format!("[sites.{name}]\npath = \"sites/{name}\"\ntypes.plugins.{name} = {{ git = \"{git}\", version = \"{version}\" }}\n")
            })
            .collect();
        self.env.write("greffon.toml", format!("[config]\ninstaller = {{ use = \"builtin:tree\", types = {{ plugins = \"plugins/{{name}}\" }} }}\n{sites}"));
    }

    fn run(&self, words: &str) -> Outcome {
        self.env.greffon(words.split_whitespace()).run()
    }

    fn gc(&self, words: &str) -> Value {
        let mut said = self.run(&format!("stock gc --json {words}")).succeeds().json();
        said.as_object_mut().expect("an object").remove("dry_run");
        said
    }

    /// The bytes of all files in the stock.
    fn bytes(&self) -> u64 {
        files(&self.env.stock()).iter().map(|path| path.symlink_metadata().expect("looked at").len()).sum()
    }

    fn entries(&self) -> Vec<String> {
        let said = self.run("stock list --json").succeeds().json();
        said["entries"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|entry| format!("{} {}", entry["id"].as_str().unwrap_or_default(), entry["version"].as_str().unwrap_or_default()))
            .collect()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        for entry in std::fs::read_dir(path).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.is_symlink() { waiting.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[test]
fn a_size_keeps_what_was_used_last_and_whatever_is_needed() {
    let names = ["a", "b", "c", "d"];
    let shelf = Shelf::new(&names);
    let all: Vec<(&str, &str)> = names.iter().map(|name| (*name, "=1.0")).collect();
    shelf.want(&all);
    // used in this order; `d` stays in use
    for name in ["c", "a", "b", "d"] {
        shelf.run(&format!("sync --site {name}")).succeeds();
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
    for name in ["a", "b", "c"] {
        shelf.run(&format!("forget {name}")).succeeds();
    }
    let before = shelf.bytes();
    let one = before / 4;
    for (size, kept) in [(before * 2, vec!["a", "b", "c", "d"]), (one * 3 + one / 2, vec!["a", "b", "d"]), (one * 2 + one / 2, vec!["b", "d"]), (0, vec!["d"])]
    {
        let would = shelf.gc(&format!("--max-size {size} --dry-run"));
        let standing = shelf.bytes();
        let did = shelf.gc(&format!("--max-size {size}"));
        assert_eq!(would, did, "the rehearsal tells the same bytes");
        let freed = standing.saturating_sub(shelf.bytes());
        let told = did["bytes"].as_u64().expect("bytes");
        assert!(freed.abs_diff(told) <= told / 20 + 20_000, "{told} were told, {freed} went");
        let mut left: Vec<String> = shelf.entries().iter().map(|entry| entry["plugins/".len()..][..1].to_owned()).collect();
        left.dedup();
        assert_eq!(left, kept, "--max-size {size}");
        assert!(size == 0 || shelf.bytes() <= size + 60_000, "{} of {size}", shelf.bytes());
    }
    // what is needed is there, without its repository
    std::fs::rename(shelf.env.root().join("d"), shelf.env.root().join("gone")).expect("moved");
    shelf.env.write("sites/d/plugins/d/code.php", "broken");
    shelf.run("sync --site d --offline --if-local-changes overwrite").succeeds();
    assert_eq!(shelf.env.read("sites/d/plugins/d/code.php"), "d 1.0\n");
}

#[test]
fn the_size_may_stand_in_the_configuration() {
    let shelf = Shelf::new(&["a", "b"]);
    shelf.want(&[("a", "=1.0"), ("b", "=1.0")]);
    shelf.run("sync --all --create").succeeds();
    shelf.run("forget a").succeeds();
    let configure = |text: &str| {
        let file = shelf.env.home().join(".config/greffon/config.toml");
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, text).expect("written");
    };
    configure("stock-max-size = \"1G\"\n");
    shelf.gc("");
    assert_eq!(shelf.entries().len(), 2, "it fits");
    configure("stock-max-size = \"much\"\n");
    shelf.run("stock gc").fails(1).says("stock-max-size").says("`much` is not a unit of size");
    configure("");
    shelf.gc("");
    assert_eq!(shelf.entries(), ["plugins/b 1.0"]);
}

#[test]
fn a_rehearsal_of_forgetting_tells_what_forgetting_does() {
    let shelf = Shelf::new(&["a", "b"]);
    shelf.want(&[("a", "=1.0"), ("b", "=1.0")]);
    shelf.run("sync --all --create").succeeds();
    let id = shelf.env.read("sites/.greffon-a/id");
    let id = id.split_whitespace().next().expect("an id").to_owned();
    let id = serde_json::from_str::<Value>(&shelf.env.read("sites/.greffon-a/id")).ok().and_then(|value| value["id"].as_str().map(str::to_owned)).unwrap_or(id);
    let would = shelf.gc(&format!("--dry-run --forget {id}"));
    assert!(would["bytes"].as_u64().expect("bytes") > SIZE as u64, "{would}");
    assert_eq!(shelf.entries().len(), 2);
    assert_eq!(shelf.gc(&format!("--forget {id}")), would);
    assert_eq!(shelf.entries(), ["plugins/b 1.0"]);
}

/// Whether a file of the stock holds objects or files, and is no list of them.
fn is_data(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name).map_or(0, |name| name.len());
    folder == 2 || path.extension().is_some_and(|end| end == "pack")
}

/// Turns one bit in the middle of a file over.
fn rot(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).expect("opened up");
    let mut bytes = std::fs::read(path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    std::fs::write(path, bytes).expect("written");
}

#[test]
fn what_rots_is_found_put_aside_and_fetched_again() {
    let shelf = Shelf::new(&["a", "b"]);
    shelf.want(&[("a", "=1.0"), ("b", "=1.0")]);
    shelf.run("sync --all --create").succeeds();
    shelf.want(&[("a", "=2.0"), ("b", "=1.0")]);
    shelf.run("lock").succeeds();
    shelf.run("sync --all").succeeds();
    let large = |part: &str| {
        let stock = shelf.env.stock();
        let all = files(&stock);
        all.into_iter()
            .filter(|path| path.strip_prefix(&stock).is_ok_and(|path| path.to_string_lossy().contains(part)) && is_data(path))
            .max_by_key(|path| path.metadata().map_or(0, |found| found.len()))
            .expect("there")
    };
    for part in ["files/", "sources/", "objects.git/objects/"] {
        let victim = large(part);
        rot(&victim);
        let said = shelf.run("stock verify --json");
        assert_eq!(said.status, 1, "{part}: {}", said.stderr);
        let said = said.json();
        assert!(!said["damaged"].as_array().expect("a list").is_empty(), "{part}: {said}");
        assert_eq!(said["missing"], json!([]), "{part}: {said}");
        if part == "sources/" {
            assert!(!said["fetched"].as_array().expect("a list").is_empty(), "{part}: {said}");
        }
        assert!(std::fs::read_dir(shelf.env.stock().join("quarantine")).expect("listed").count() > 0, "{part}");
        shelf.run("stock verify").succeeds();
        // everything can be made anew from the stock alone, the earlier generation included
        shelf.run("rollback --site a --offline").succeeds();
        assert_eq!(shelf.env.read("sites/a/plugins/a/code.php"), "a 1.0\n", "{part}");
        shelf.run("sync --site a --release --offline").succeeds();
        std::fs::remove_dir_all(shelf.env.path("sites/b")).expect("removed");
        shelf.run("sync --site b --offline --create").succeeds();
        shelf.run("verify").succeeds();
        shelf.run("stock gc").succeeds();
    }
}

#[test]
fn what_cannot_be_fetched_again_is_told_with_who_needs_it() {
    let shelf = Shelf::new(&["a", "b"]);
    shelf.want(&[("a", "=1.0"), ("b", "=1.0")]);
    shelf.run("sync --all --create").succeeds();
    for folder in std::fs::read_dir(shelf.env.stock().join("sources")).expect("listed") {
        let pack = files(&folder.expect("an entry").path()).into_iter().find(|path| path.extension().is_some_and(|end| end == "pack")).expect("a pack");
        rot(&pack);
    }
    std::fs::rename(shelf.env.root().join("b"), shelf.env.root().join("gone")).expect("moved");
    let said = shelf.run("stock verify");
    assert_eq!(said.status, 1);
    assert!(said.stdout.contains("fetched again  plugins/a 1.0"), "{}", said.stdout);
    assert!(said.stdout.contains("lost  plugins/b 1.0, needed by site b (generation 1): "), "{}", said.stdout);
    // elsewhere, where no manifest names the sites, at least their ids are told
    let outside = TestEnvironment::new();
    let pack = files(&shelf.env.stock().join("sources")).into_iter().find(|path| path.extension().is_some_and(|end| end == "pack")).expect("a pack");
    rot(&pack);
    let said = outside.greffon(["stock", "verify", "--json"]).env("GREFFON_STOCK", shelf.env.stock()).run();
    assert_eq!(said.status, 1, "{}", said.stderr);
    assert!(said.json()["missing"].as_array().is_some_and(|missing| !missing.is_empty()), "{}", said.stdout);
}
