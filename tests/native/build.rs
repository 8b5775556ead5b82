//! Libraries made by the test run, each once: in C with `cc`, in Rust with this toolchain, offline.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use greffon::manifest::{UseKind, UseSpec};
use greffon::model::Digest;
use serde_json::{Value, json};

const LONGEST: Duration = Duration::from_secs(400);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where built libraries lie: below the target folder of the test run.
fn output() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("native");
    std::fs::create_dir_all(&folder).expect("a folder for libraries");
    folder
}

/// Runs a compiler, for a bounded time.
fn make(command: &mut Command) {
    let log = output().join(format!("{}-{:?}.log", std::process::id(), std::thread::current().id()));
    let file = std::fs::File::create(&log).expect("a log");
    let mut child = command.stdin(Stdio::null()).stdout(file.try_clone().expect("a log")).stderr(file).spawn().expect("the compiler starts");
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().expect("the compiler's status") {
            Some(status) => break status,
            None if begun.elapsed() > LONGEST => {
                child.kill().expect("killed");
                panic!("{command:?} took longer than {LONGEST:?}");
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    let _ = std::fs::remove_file(&log);
    assert!(status.success(), "{command:?} failed:\n{said}");
}

/// A C file as a library; every warning is an error.
fn cc(source: &str, name: &str, defines: &[String]) -> PathBuf {
    let library = output().join(format!("{name}-{}.so", std::process::id()));
    let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    command.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread"]);
    command.arg("-I").arg(root().join("extensions/native")).args(defines).arg(root().join(source)).arg("-o").arg(&library);
    make(&mut command);
    library
}

/// The repository in C.
pub fn shelf() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| cc("extensions/native/repository-c/shelf.c", "shelf", &[]))
}

/// A twin with one fault; `ELSEWHERE` exports its table under another name.
pub fn twin(fault: &str) -> PathBuf {
    let define = if fault == "ELSEWHERE" { vec!["-DTWIN=GOOD".to_owned(), "-DELSEWHERE".to_owned()] } else { vec![format!("-DTWIN={fault}")] };
    let mut define = define;
    if fault == "OVERFLOWS" {
        define.push("-O0".to_owned());
        define.push("-Wno-infinite-recursion".to_owned());
    }
    cc("tests/native/twins.c", fault, &define)
}

/// Where cargo puts what it builds of `extensions/native/`.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("native-rust")
}

/// The installer in Rust.
pub fn layout() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--offline", "--locked", "-p", "greffon-installer-layout", "-p", "greffon-extension"]).current_dir(root());
        make(command.env("CARGO_TARGET_DIR", target()).env_remove("CARGO_BUILD_TARGET"));
        target().join("debug").join(format!("{}greffon_installer_layout{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX))
    })
}

/// The repository in Rust that panics.
pub fn panics() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| rust(&root().join("tests/native/panics.rs"), "panics"))
}

/// The client, stock or downloader in Rust that hands on.
pub fn hands_on() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| rust(&root().join("tests/native/hands_on.rs"), "hands-on"))
}

/// One file of Rust over the author's crate as a library.
pub fn rust(source: &Path, name: &str) -> PathBuf {
    layout();
    let library = output().join(format!("{name}-{}.so", std::process::id()));
    let rlib = target().join("debug/libgreffon_extension.rlib");
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.args(["--edition", "2024", "--crate-type", "cdylib", "-o"]).arg(&library);
    command.arg("--extern").arg(format!("greffon_extension={}", rlib.display()));
    command.arg("-L").arg(format!("dependency={}", target().join("debug/deps").display()));
    make(command.arg(source));
    library
}

/// The digest of a library, as a pin.
pub fn pin(library: &Path) -> String {
    Digest::of(&std::fs::read(library).expect("a library")).hex()
}

/// `use = { use = "native:…", sha256, trust, … }`.
pub fn spec(library: &Path, options: Value, base: &Path) -> UseSpec {
    let mut all = json!({ "sha256": pin(library), "trust": "native" });
    for (key, value) in options.as_object().expect("a table of options") {
        all[key] = value.clone();
    }
    UseSpec {
        kind: UseKind::Native,
        target: library.display().to_string(),
        name: Some("far".to_owned()),
        options: all.as_object().cloned().expect("a table"),
        place: None,
        base: base.to_owned(),
    }
}
