//! The part of `scripts/bench` that measures extensions: what they cost where there are none, loading one, a call across, and a whole
//! registry behind a script.
//!
//! `bench-extensions DATA WORK QUESTIONS C-LIBRARY RUST-LIBRARY`: the data sets in DATA, everything written below WORK; the libraries are
//! the examples of `extensions/native`. The program `greffon` is that of PATH.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr, clippy::pedantic, dead_code, unreachable_pub)]

#[path = "../tests/lock_data/data.rs"]
mod data;
#[path = "../tests/lock_data/registry.rs"]
mod registry;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Instant;

use greffon::manifest::{UseKind, UseSpec};
use greffon::model::Digest;
use greffon::native::{Native, Roles};
use greffon::roles::Context;
use greffon::roles::wire::{Answerer, Role};
use greffon::script::{Allowed, Facts, Grants, Instance, Limits, Script, Source};
use serde_json::{Value, json};

use data::{Data, Question, in_our_words};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, work, questions, c, rust] = arguments.as_slice() else { return usage() };
    let Ok(questions) = questions.parse::<usize>() else { return usage() };
    let work = PathBuf::from(work);
    start_up(&work.join("start"));
    load(&work.join("load"));
    call_script(&work.join("call"));
    call_native(&work.join("native"), Path::new(c), Path::new(rust));
    registry(Path::new(data), &work.join("wally"), questions);
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: bench-extensions DATA WORK QUESTIONS C-LIBRARY RUST-LIBRARY");
    ExitCode::from(2)
}

/// The middle and the least, in milliseconds.
fn told(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times.get(times.len() / 2).copied().unwrap_or_default(), times.first().copied().unwrap_or_default())
}

fn millis(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64() * 1e3
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
    std::fs::write(path, text).expect("written");
}

fn greffon(folder: &Path, arguments: &[&str]) -> f64 {
    let mut command = Command::new("greffon");
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    millis(|| assert!(command.status().expect("greffon runs").success(), "greffon {arguments:?} in {}", folder.display()))
}

/// A process that does nothing, one that looks at a site, and the same where the manifest names a hook.
fn start_up(folder: &Path) {
    let site = "[config]\ninstaller = { use = \"builtin:tree\", types = { plugins = \"plugins/{name}\" } }\n[sites.one]\npath = \"one\"\n";
    write(&folder.join("without/greffon.toml"), site);
    write(&folder.join("with/greffon.toml"), &format!("{site}[hooks]\nafter-sync = \"h.rhai\"\n"));
    write(&folder.join("with/h.rhai"), &script(200));
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..60 {
        times[0].push(greffon(&folder.join("without"), &["--version"]));
        times[1].push(greffon(&folder.join("without"), &["status"]));
        times[2].push(greffon(&folder.join("with"), &["status"]));
    }
    let [version, without, with] = times.map(told);
    println!("  greffon --version                  median {:.2} ms, least {:.2}", version.0, version.1);
    println!("  greffon status, no extension       median {:.2} ms, least {:.2}", without.0, without.1);
    println!("  the same, a hook is named          median {:.2} ms, least {:.2}", with.0, with.1);
}

/// A hook of about so many lines.
fn script(lines: usize) -> String {
    let mut text = String::from("fn after_sync(event, host) { f0(event.id) }\n");
    for number in 0..(lines - 1) / 7 {
        text.push_str(&format!(
            "// What comes {number}th.\nfn f{number}(name) {{\n    let parts = name.split(\"/\");\n    let all = #{{ kind: parts[0], text: `${{name}} is the ${{parts.len}}th`, list: [1, 2, {number}] }};\n    if all.kind == \"plugins\" && all.list.len > 2 {{ all.text += \"!\"; }}\n    all.text\n}}\n"
        ));
    }
    text
}

fn instance(folder: &Path, role: Role, text: &str, grants: Value) -> Instance {
    write(&folder.join("h.rhai"), text);
    let source = Source::read(&folder.join("h.rhai")).expect("a script");
    let allowed = Allowed {
        name: source.name.clone(),
        grants: Grants::read("it", &grants).expect("grants"),
        base: folder.to_owned(),
        extension: source.folder.clone(),
        site: None,
        own_read: Vec::new(),
        own_write: Vec::new(),
    };
    let script = Script::load(source, role, false, allowed, Limits::default()).expect("it loads");
    Instance::new(script, role, Facts { name: "h".into(), role: role.word().into(), ..Facts::default() }, None)
}

fn load(folder: &Path) {
    let text = script(200);
    for (what, grants) in [
        ("no grant", json!({})),
        ("every grant", json!({ "net": ["*"], "read": ["."], "write": ["."], "run": ["sh"], "env": ["A"], "secret": ["a"], "prompt": true })),
    ] {
        let times = (0..100).map(|_| millis(|| drop(instance(folder, Role::Hook, &text, grants.clone())))).collect();
        let (median, least) = told(times);
        println!("  loading {} lines, {what:12}   median {median:.2} ms, least {least:.2} (aim 5)", text.lines().count());
    }
}

/// Microseconds a call, of 500 calls in turn.
fn each(call: impl Fn()) -> (f64, f64) {
    (0..1000).for_each(|_| call());
    let (median, least) = told((0..40).map(|_| millis(|| (0..500).for_each(|_| call()))).collect());
    (median * 2.0, least * 2.0)
}

fn call_script(folder: &Path) {
    let cx = Context::silent();
    let hook = instance(folder, Role::Hook, "fn after_sync(event, host) { event.id }\n", json!({}));
    let event = json!({ "id": "plugins/a", "list": [1, 2, 3], "map": { "a": "b" } });
    let (median, least) = each(|| drop(hook.ask(&cx, "after_sync", event.clone()).expect("an answer")));
    println!("  a call of a hook                   median {median:.1} µs, least {least:.1} (aim 20)");
    let text = "fn versions(request) { [\"1.0\", #{ version: \"1.1\", dependencies: #{ \"packages/beta\": \"1+\" } }, #{ version: \"1.2\", yanked: \"it loses data\" }] }\n";
    let repository = instance(folder, Role::Repository, text, json!({}));
    let (median, least) = each(|| drop(repository.ask(&cx, "versions", json!({ "id": "packages/alpha" })).expect("an answer")));
    println!("  a call of a repository's versions  median {median:.1} µs, least {least:.1} (aim 20)");
}

fn call_native(folder: &Path, c: &Path, rust: &Path) {
    write(&folder.join("packages.list"), "packages/alpha 1.0 files/alpha-1.0.tar.gz\n");
    for (what, library, role, options, method, request) in [
        ("the repository in C", c, Role::Repository, json!({ "list": "packages.list" }), "versions", json!({ "id": "packages/alpha" })),
        ("the installer in Rust", rust, Role::Installer, json!({ "types": { "plugins": "plugins/{name}" } }), "scheme", json!({ "type": "plugins" })),
    ] {
        let mut all = json!({ "sha256": Digest::of(&std::fs::read(library).expect("a library")).hex(), "trust": "native" });
        all.as_object_mut().expect("a table").extend(options.as_object().expect("a table").clone());
        let spec = UseSpec {
            kind: UseKind::Native,
            target: library.display().to_string(),
            name: Some("far".to_owned()),
            options: all.as_object().cloned().expect("a table"),
            place: None,
            base: folder.to_owned(),
        };
        let first = millis(|| drop(Native::open(&spec, role, false, Roles::new()).expect("a library")));
        let native = Arc::new(Native::open(&spec, role, false, Roles::new()).expect("a library"));
        let cx = Context::silent();
        let (median, least) = each(|| drop(native.call(&cx, method, request.clone()).expect("an answer")));
        println!("  {what:22} opened in {first:.2} ms; a call median {median:.1} µs, least {least:.1} (aim 5)");
    }
}

/// A repository that is a script over the same files as the built-in index.
const INDEX: &str = r#"
fn versions(request, host) {
    let text = fs::read(`${host.options.folder}/elements/${request.type}/${request.name}.json`);
    if text == () { return (); }
    json::parse(text).versions
}
"#;

fn registry(data: &Path, folder: &Path, questions: usize) {
    let Some(data) = Data::open(data, "wally") else {
        println!("  (the registry `wally` is not there)");
        return;
    };
    registry::write(&data.packages, &folder.join("index"));
    let url = folder.join("index").to_string_lossy().into_owned();
    let asked: Vec<Question> = data.lines("roots");
    let (mut own, mut scripted, mut differ) = (Vec::new(), Vec::new(), 0);
    for (number, question) in asked.iter().take(questions).enumerate() {
        let plain = registry::manifest(&url, question.roots.iter().map(|(name, text)| (name, in_our_words(text))));
        let of_index = format!("use = \"builtin:index\"\nurl = \"{url}\"");
        assert!(plain.contains(&of_index), "the manifest names the index otherwise:\n{plain}");
        let grants = format!("[extensions.index]\nallow = {{ read = [\"{url}\"] }}\nlimits = {{ items = 1000000, text = 64000000 }}\n");
        let of_script = format!("use = \"script:index.rhai\"\nfolder = \"{url}\"");
        let swapped = format!("{}\n[config.schemes]\npackages = \"semver\"\n{grants}", plain.replace(&of_index, &of_script));
        let mut locks = Vec::new();
        for (name, manifest, times) in [("own", &plain, &mut own), ("scripted", &swapped, &mut scripted)] {
            let project = folder.join(format!("{name}-{number}"));
            write(&project.join("greffon.toml"), manifest);
            write(&project.join("index.rhai"), INDEX);
            let mut command = Command::new("greffon");
            command.arg("lock").current_dir(&project).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if number == 0 {
                // the stock is made, once
                let _ = command.status();
                let _ = std::fs::remove_file(project.join("greffon.lock"));
            }
            let begun = Instant::now();
            let found = command.status().expect("greffon runs").success();
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            let lock = std::fs::read_to_string(project.join("greffon.lock")).unwrap_or_default();
            // Which versions were chosen; where they come from is told otherwise.
            let chosen: Vec<String> = lock.lines().filter_map(|line| Some(line.strip_prefix("\"packages/")?.split('"').next()?.to_owned())).collect();
            locks.push((found, chosen));
            let _ = std::fs::remove_dir_all(&project);
        }
        differ += usize::from(locks[0] != locks[1]);
    }
    let ((own, _), (scripted, _)) = (told(own), told(scripted));
    println!("  greffon lock, wally, built-in      median {own:.1} ms");
    println!("  greffon lock, wally, a script      median {scripted:.1} ms, {:.2} x (aim 3); {differ} answers differ", scripted / own);
}
