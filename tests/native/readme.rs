//! What the READMEs of `extensions/native/` tell authors to write and to run.

use std::path::{Path, PathBuf};

use greffon::registry::Registry;
use greffon::roles::{Versions, VersionsRequest};
use serde_json::json;

use super::build;
use super::world::World;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The code blocks of a language, in order.
fn blocks(readme: &str, language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("extensions/native").join(readme)).expect("a README");
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == format!("```{language}") {
            found.push(lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect());
        }
    }
    found
}

/// A folder that looks like the repository's root to a compiler.
fn beside(world: &World) -> PathBuf {
    std::os::unix::fs::symlink(root().join("extensions"), world.path("extensions")).expect("a link");
    world.path("")
}

fn run(folder: &Path, script: &str) -> String {
    let output = std::process::Command::new("sh").args(["-ec", script]).current_dir(folder).output().expect("a shell");
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn the_repository_in_c_of_the_readme_is_built_as_it_says_and_answers() {
    let world = World::new();
    let folder = beside(&world);
    std::fs::write(folder.join("mine.c"), &blocks("README.md", "c")[0]).expect("written");
    let said = run(&folder, &blocks("README.md", "sh")[0]);
    assert!(said.starts_with(&build::pin(&folder.join("mine.so"))), "`sha256sum` tells the pin: {said}");
    let spec = build::spec(&folder.join("mine.so"), json!({}), &folder);
    let mine = Registry::builtin().repositories.find(&spec).expect("libraries")(&spec, &world.env).expect("a repository");
    let ask = |id: &str| mine.versions(&world.cx, &VersionsRequest { id: id.parse().expect("an id") }).expect("an answer");
    assert!(matches!(ask("plugins/hello"), Versions::Known(list) if list.len() == 1 && list[0].info.is_some()));
    assert_eq!(ask("plugins/other"), Versions::Unknown);
}

#[test]
fn the_shelf_is_built_as_its_readme_says_and_reads_the_list_that_it_shows() {
    let world = World::new();
    let folder = beside(&world);
    run(&folder, &blocks("repository-c/README.md", "sh")[0]);
    super::world::write(&folder.join("packages/packages.list"), blocks("repository-c/README.md", "text")[0].replace("sha256=…", ""));
    let spec = build::spec(&folder.join("shelf.so"), json!({ "list": "packages/packages.list" }), &folder);
    let shelf = Registry::builtin().repositories.find(&spec).expect("libraries")(&spec, &world.env).expect("a repository");
    let versions = shelf.versions(&world.cx, &VersionsRequest { id: "plugins/gallery".parse().expect("an id") }).expect("an answer");
    assert!(matches!(versions, Versions::Known(list) if list.len() == 3));
}

#[test]
fn the_installer_in_rust_of_the_readme_is_built_and_answers() {
    let world = World::new();
    let source = world.path("flat.rs");
    std::fs::write(&source, blocks("README.md", "rust")[0].replace("env!(\"CARGO_PKG_VERSION\")", "\"1.0\"")).expect("written");
    let library = build::rust(&source, "flat");
    let spec = build::spec(&library, json!({}), &world.path(""));
    let flat = Registry::builtin().installers.find(&spec).expect("libraries")(&spec).expect("an installer");
    assert_eq!(flat.types(), ["plugins"]);
}
