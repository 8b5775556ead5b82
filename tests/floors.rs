//! The house keeps its floors: no import climbs, no file grows past reading, only `cli/` prints, only `sys/` touches the world.

#[path = "floors/code.rs"]
mod code;
#[path = "floors/rules.rs"]
mod rules;

use code::Source;

/// Every file of `src/`, read.
#[allow(clippy::disallowed_methods)]
fn house() -> Vec<Source> {
    fn walk(folder: &std::path::Path, root: &std::path::Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("a folder of src/") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
                found.push((name, std::fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    walk(&root.join("src"), root, &mut files);
    files.sort();
    Source::read_all(files)
}

#[test]
fn the_house_keeps_its_floors() {
    let sources = house();
    assert!(sources.len() > 30, "only {} files were read", sources.len());
    let faults: Vec<String> = sources.iter().flat_map(rules::faults).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn no_test_file_grows_past_reading_either() {
    #[allow(clippy::disallowed_methods)]
    fn walk(folder: &std::path::Path, long: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder of tests/") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, long);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let lines = std::fs::read_to_string(&path).expect("a test file").lines().count();
                if lines > rules::LONGEST {
                    long.push(format!("{}: {lines} lines", path.display()));
                }
            }
        }
    }
    let mut long = Vec::new();
    walk(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut long);
    assert!(long.is_empty(), "\n{}\n", long.join("\n"));
}

/// One bad file in memory, and the one fault that must be found in it.
fn only_fault(path: &str, text: &str) -> String {
    let sources = Source::read_all(vec![(path.to_owned(), text.to_owned())]);
    let faults: Vec<String> = sources.iter().flat_map(rules::faults).collect();
    assert_eq!(faults.len(), 1, "{path}: {faults:?}");
    faults.into_iter().next().unwrap_or_default()
}

#[test]
fn imports_that_climb_are_found() {
    for (path, text, word) in [
        ("src/site/apply.rs", "use crate::builtin::client::Standard;", "builtin"),
        ("src/model/plan.rs", "\nuse crate::{\n    error::Error,\n    sys::git,\n};\n", "sys"),
        ("src/solve/mod.rs", "use crate::site::Site;", "site"),
        ("src/script/mod.rs", "use crate::builtin::options;", "builtin"),
        ("src/command/sync.rs", "fn f() { crate::cli::print() }", "cli"),
        ("src/roles/client.rs", "use super::super::registry::names;", "registry"),
        ("src/version/mod.rs", "pub(crate) use crate::manifest::Manifest;", "manifest"),
    ] {
        let fault = only_fault(path, text);
        assert!(fault.contains(&format!("`{word}`")), "{fault}");
    }
    assert!(only_fault("src/model/plan.rs", "\n\nuse crate::sys::git;").starts_with("src/model/plan.rs:3:"));
}

#[test]
fn what_belongs_elsewhere_is_found() {
    for (path, text, word) in [
        ("src/site/apply.rs", "fn f() { println!(\"x\") }", "println!"),
        ("src/sys/git/fetch.rs", "fn f() { eprint!(\"x\") }", "eprint!"),
        ("src/site/apply.rs", "use std::fs;", "std::fs"),
        ("src/site/apply.rs", "use std::{io, fs::File};", "std::fs"),
        ("src/site/apply.rs", "fn f() { fs_err::read(\"x\"); }", "fs_err"),
        ("src/command/sync.rs", "fn f() { std::process::Command::new(\"x\"); }", "std::process"),
        ("src/builtin/stock/mod.rs", "use std::net::TcpStream;", "std::net"),
        ("src/builtin/client/mod.rs", "use resolvo::Solver;", "resolvo"),
        ("src/site/apply.rs", "fn f() { unsafe { g() } }", "unsafe"),
        ("src/nowhere/mod.rs", "", "no floor"),
    ] {
        let fault = only_fault(path, text);
        assert!(fault.contains(word), "{fault}");
    }
    let long = "//\n".repeat(rules::LONGEST + 1);
    assert!(only_fault("src/model/plan.rs", &long).contains("lines"));
}

#[test]
fn what_is_allowed_is_let_be() {
    let sources = Source::read_all(
        [
            ("src/site/apply.rs", "use crate::sys::fs;\nuse super::journal;\n// use crate::cli::x; std::fs::read, unsafe\nconst A: &str = \"crate::cli::x println!\";\nconst B: &str = r#\"use std::fs; \"unsafe\" \"#;\nfn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' }\n"),
            ("src/sys/fs/mod.rs", "use std::fs::File;\n/* std::net /* nested */ crate::cli */\npub fn f() { std::fs::read(\"\"); }"),
            ("src/cli/output.rs", "use crate::command::Globals;\nfn f() { println!(\"x\"); std::process::exit(1) }"),
            ("src/solve/mod.rs", "use resolvo::Solver;\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod oracle { use std::fs; fn f() { println!(\"{}\", '{'); } }\n"),
            ("src/solve/tests.rs", "use std::fs;\nuse crate::solve::x;"),
            ("src/main.rs", "fn main() -> std::process::ExitCode { greffon::cli::main() }"),
        ]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .to_vec(),
    );
    let faults: Vec<String> = sources.iter().flat_map(rules::faults).collect();
    assert!(faults.is_empty(), "{faults:?}");
}
