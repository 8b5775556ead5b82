//! What ships in `extensions/` passes its own check and its own tests.

use std::path::{Path, PathBuf};

use super::support::TestEnvironment;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("extensions")
}

fn shipped() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder()).expect("extensions").flatten().map(|entry| entry.path()).collect();
    all.retain(|path| path.join("extension.toml").exists());
    all.sort();
    all
}

#[test]
fn every_shipped_extension_passes_its_check_without_a_warning() {
    let env = TestEnvironment::new();
    let all = shipped();
    assert!(all.len() >= 10, "{all:?}");
    for path in all {
        let report = env.greffon(["extension", "check", "--strict", "--json", &path.to_string_lossy()]).run().succeeds().json();
        let one = &report["extensions"][0];
        assert_eq!((report["schema"].as_str(), one["problems"].as_array().map(Vec::len)), (Some("greffon/extension-check/1"), Some(0)), "{path:?}");
        assert!(one["functions"].as_array().is_some_and(|functions| functions.iter().any(|function| function["called"] == true)), "{path:?}");
    }
    for (script, role) in [("repository.rhai", "repository"), ("installer.rhai", "installer"), ("hook.rhai", "hook")] {
        let path = folder().join("walkthrough").join(script);
        let report = env.greffon(["extension", "check", "--json", &path.to_string_lossy()]).run().succeeds().json();
        assert_eq!(report["extensions"][0]["role"], role);
    }
}

#[test]
fn every_shipped_test_passes() {
    let env = TestEnvironment::new();
    let mut tested = 0;
    for path in shipped().into_iter().filter(|path| path.join("tests").is_dir()) {
        let report = env.greffon(["extension", "test", "--json", &path.to_string_lossy()]).run().succeeds().json();
        assert_eq!(report["failed"], 0);
        assert!(report["passed"].as_u64() >= Some(2), "{path:?}");
        tested += 1;
    }
    assert!(tested >= 8, "{tested} extensions have tests");
}
