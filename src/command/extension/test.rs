//! `extension test`: an extension's own tests.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::command::Globals;
use crate::diagnostic::to_json;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::ContextBuilder;
use crate::roles::wire::Role;
use crate::script::Source;
use crate::script::trial;
use crate::sys::process::Program;

/// What `extension test` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Folders, scripts or names.
    pub extensions: Vec<String>,
    /// Only tests whose name holds this.
    pub only: Option<String>,
    /// Ask the servers and write down what they say.
    pub record: bool,
    /// What a script that does not say so is to serve as.
    pub role: Option<Role>,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// `greffon/extension-test/1`.
    pub schema: &'static str,
    /// One a test, in the order they ran.
    pub tests: Vec<Test>,
    /// How many went well.
    pub passed: usize,
    /// How many did not.
    pub failed: usize,
}

/// One test.
#[derive(Debug, Serialize)]
pub struct Test {
    /// The extension.
    pub extension: String,
    /// The script that it stands in.
    pub file: PathBuf,
    /// Its name.
    pub name: String,
    /// Whether it went well.
    pub passed: bool,
    /// How long it took.
    pub milliseconds: u64,
    /// What it failed with, in the form of `greffon/error/1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// What the extension logged.
    pub log: Vec<String>,
    /// The recording that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<PathBuf>,
    /// The error, for people.
    #[serde(skip)]
    pub failure: Option<Error>,
}

/// Runs the tests.
///
/// # Errors
/// `NotFound` where there are none; what is wrong with a test script as a whole.
pub fn run(globals: &Globals, surroundings: ContextBuilder, options: &Options) -> Result<Report> {
    let machine = super::machine(globals, surroundings)?;
    let mut tests = Vec::new();
    let mut places = Vec::new();
    for path in super::named(globals, &options.extensions)? {
        if super::is_crate(&path)? {
            tests.push(native(&machine.cx, &path)?);
            continue;
        }
        if super::plain::is_library(&path) {
            return Err(Error::new(ErrorKind::Usage, format!("the library `{}` has no tests that greffon could run", path.display()))
                .hint("name the folder of its crate, whose `cargo test` is run")
                .hint("or try one method of it: `greffon extension run LIBRARY METHOD REQUEST --role ROLE --allow native`"));
        }
        let source = Source::read(&path)?;
        let orders = trial::Orders { only: options.only.as_deref(), record: options.record, role: options.role, http: &machine.http };
        places.push(if source.bare { source.folder.join(source.main.replace(".rhai", ".test.rhai")) } else { source.folder.join("tests") });
        for file in trial::files(&source)? {
            for outcome in trial::run(&machine.cx, &source, &file, &orders)? {
                tests.push(told(&source.name, outcome));
            }
        }
    }
    if tests.is_empty() {
        let places: Vec<String> = places.iter().map(|place| format!("`{}`", place.display())).collect();
        let error = Error::new(ErrorKind::NotFound, "there is no test").note(format!("looked for in {}", places.join(", ")));
        return Err(
            error.hint("a test is a function `fn test_…(t)` in `tests/NAME.rhai` of the extension's folder, or in `NAME.test.rhai` beside a bare script")
        );
    }
    let failed = tests.iter().filter(|test| !test.passed).count();
    Ok(Report { schema: "greffon/extension-test/1", passed: tests.len() - failed, failed, tests })
}

fn told(extension: &str, outcome: trial::Outcome) -> Test {
    Test {
        extension: extension.to_owned(),
        file: outcome.file,
        name: outcome.name,
        passed: outcome.error.is_none(),
        milliseconds: outcome.took.as_millis() as u64,
        error: outcome.error.as_ref().map(to_json),
        log: outcome.log,
        recorded: outcome.recorded.map(|(path, _)| path),
        failure: outcome.error,
    }
}

/// A crate's own tests, by `cargo test`.
fn native(cx: &crate::roles::Context, folder: &Path) -> Result<Test> {
    let begun = std::time::Instant::now();
    let program = Program::new("cargo")
        .args(["test", "--quiet"])
        .inherit(&["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR", "CARGO_NET_OFFLINE", "RUSTUP_TOOLCHAIN"])
        .directory(folder)
        .timeout(Duration::from_secs(1800))
        .most_output(1 << 20);
    let outcome = program.run(cx)?;
    let failure = (!outcome.is_success()).then(|| {
        let error = Error::new(ErrorKind::Extension, format!("`cargo test` ended with {}", outcome.ending()));
        let said = format!("{}{}", String::from_utf8_lossy(&outcome.stdout), String::from_utf8_lossy(&outcome.stderr));
        let lines: Vec<&str> = said.trim().lines().collect();
        lines[lines.len().saturating_sub(20)..].iter().fold(error, |error, line| error.note((*line).to_owned()))
    });
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Test {
        extension: name,
        file: folder.join("Cargo.toml"),
        name: "cargo test".to_owned(),
        passed: failure.is_none(),
        milliseconds: begun.elapsed().as_millis() as u64,
        error: failure.as_ref().map(to_json),
        log: Vec::new(),
        recorded: None,
        failure,
    })
}
