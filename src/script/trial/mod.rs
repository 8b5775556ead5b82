//! An extension's own tests: scripts that set a stage up, ask the extension, and say what must come of it.
//!
//! A test is a function `fn test_…(t)` in a script in `tests/` of the extension's folder (of a bare `x.rhai`: in `x.test.rhai`). The
//! extension runs as in a site, with what its `needs` say and the test allows; the site, the programs, the environment, the secrets, the
//! answers of people and of servers are the test's own ([`tester`], [`cassette`]).

mod asserts;
mod cassette;
mod contract;
mod stand_ins;
mod tester;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rhai::{CallFnOptions, Dynamic, Scope};

use super::call::{Call, Parts};
use super::grants::{Allowed, Grants};
use super::instance::Facts;
use super::limits::{Clock, Guard, Limits};
use super::source::Source;
use super::watch::Watch;
use super::{crew, engine, failure, host, review};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;
use crate::roles::wire::Role;
use crate::sys::git::{Sources, TransportChoice};
use crate::sys::http::Http;
use crate::sys::{Network, fs};

/// What a test brought.
#[derive(Debug)]
pub struct Outcome {
    /// The script that it stands in.
    pub file: PathBuf,
    /// Its name, without `test_`.
    pub name: String,
    /// How long it took.
    pub took: Duration,
    /// What it failed with.
    pub error: Option<Error>,
    /// What the extension logged.
    pub log: Vec<String>,
    /// The recording that was written, and how many exchanges it holds.
    pub recorded: Option<(PathBuf, usize)>,
}

/// How tests are run.
#[derive(Debug)]
pub struct Orders<'a> {
    /// Only tests whose name holds this.
    pub only: Option<&'a str>,
    /// Ask the servers and write down what they say.
    pub record: bool,
    /// What it is to serve as, where it does not say so itself.
    pub role: Option<Role>,
    /// This machine's http.
    pub http: &'a Http,
}

/// The scripts that hold an extension's tests.
///
/// # Errors
/// `Io`.
pub fn files(source: &Source) -> Result<Vec<PathBuf>> {
    if !source.bare {
        let folder = source.folder.join("tests");
        let mut names = fs::names(&folder)?.unwrap_or_default();
        names.retain(|name| name.ends_with(".rhai"));
        names.sort();
        return Ok(names.into_iter().map(|name| folder.join(name)).collect());
    }
    let beside = source.folder.join(format!("{}.test.rhai", source.main.trim_end_matches(".rhai")));
    Ok(if matches!(fs::kind(&beside)?, Some(fs::PathKind::File { .. })) { vec![beside] } else { Vec::new() })
}

/// Runs the tests of one script, in the order they stand there.
///
/// # Errors
/// What is wrong with the test script as a whole; failures of tests are outcomes.
pub fn run(cx: &Context, source: &Source, file: &Path, orders: &Orders<'_>) -> Result<Vec<Outcome>> {
    let tests = Source::read(file)?;
    let role = role_of(source, orders.role)?;
    let names = review::functions(&tests).into_iter().filter_map(|(name, parameters)| Some((name.strip_prefix("test_")?.to_owned(), parameters)));
    let mut outcomes = Vec::new();
    for (name, parameters) in names.filter(|(name, _)| orders.only.is_none_or(|only| name.contains(only))) {
        cx.check()?;
        if parameters != 1 {
            let error =
                Error::new(ErrorKind::Extension, format!("the test `{name}` has {parameters} parameters")).hint(format!("a test is `fn test_{name}(t)`"));
            return Err(failure::header(&tests, &format!("test_{name}")).into_iter().fold(error, Error::at));
        }
        outcomes.push(one(cx, source, &tests, file, role, name, orders)?);
    }
    Ok(outcomes)
}

fn role_of(source: &Source, said: Option<Role>) -> Result<Role> {
    review::review(source, said)?.role.ok_or_else(|| {
        Error::new(ErrorKind::Extension, format!("nobody can tell what the extension `{}` serves as", source.name))
            .hint("say `role = \"…\"` in its extension.toml, or `--role`")
    })
}

fn one(cx: &Context, source: &Source, tests: &Source, file: &Path, role: Role, name: String, orders: &Orders<'_>) -> Result<Outcome> {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let place = file.parent().unwrap_or(file).join("recordings").join(format!("{stem}.{name}.json"));
    let tape = Arc::new(cassette::Cassette::open(&place, &name, orders.record)?);
    let folder = fs::scratch_folder()?;
    let http = orders.http.with_tape(Arc::clone(&tape) as _);
    let network =
        Network { sources: Sources::new(&folder.path().join("sources"), http.clone(), TransportChoice::Auto), kept: folder.path().join("kept"), http };
    let setup = tester::Setup::allowing(source.needs.clone());
    let stand = Arc::new(tester::Stand {
        source: source.clone(),
        role,
        network,
        cancel: cx.cancel().clone(),
        folder,
        tape: Arc::clone(&tape),
        watch: Arc::new(Watch::staged()),
        lines: Arc::default(),
        trees: Arc::default(),
        real: orders.record.then(|| cx.clone()),
        setup: Mutex::new(setup),
    });
    let begun = Instant::now();
    let (own, tests, function, surroundings) = (tester::Tester(Arc::clone(&stand)), tests.clone(), format!("test_{name}"), cx.clone());
    let ended = crew::run(move || play(&surroundings, &tests, &function, own));
    let mut error = ended.err();
    if let Some(failed) = error.take_if(|error| error.kind() == ErrorKind::Interrupted) {
        return Err(failed);
    }
    // A request that nothing answered fails the test, whatever the extension made of that.
    let unsaid = |error: &Error| !error.message().contains("has no recording of");
    if error.as_ref().is_none_or(unsaid)
        && let Some(request) = tape.missed().first()
    {
        error = Error::all(std::iter::once(tape.nothing_for(request)).chain(error).collect());
    }
    Ok(Outcome { file: file.to_owned(), name, took: begun.elapsed(), error, log: stand.lines.all(), recorded: tape.finish()? })
}

/// The budgets of a test: what it asks the extension is on the extension's own.
fn limits() -> Limits {
    Limits { seconds: 600, waiting: 600, ..Limits::default() }
}

fn play(cx: &Context, tests: &Source, function: &str, tester: tester::Tester) -> Result<()> {
    let limits = limits();
    let mut engine = engine::make(&limits, Arc::new(tests.scripts.clone()));
    host::register(&mut engine, &[]);
    asserts::register(&mut engine);
    tester::register(&mut engine);
    let allowed = Allowed {
        name: tests.name.clone(),
        grants: Grants::default(),
        base: tests.folder.clone(),
        extension: tests.folder.clone(),
        site: None,
        own_read: Vec::new(),
        own_write: Vec::new(),
    };
    let mut ast = engine.compile(tests.text()).map_err(|error| failure::unreadable(tests, &tests.main, &error))?;
    ast.set_source(tests.main.as_str());
    let clock = Arc::new(Clock::start(&limits));
    let guard = Guard::new(Arc::clone(&clock), cx.cancel().clone(), &limits);
    let parts = Parts {
        cx: cx.clone(),
        clock,
        allowed: allowed.clone(),
        facts: Arc::new(Facts::default()),
        inner: None,
        roles: Arc::new(BTreeMap::new()),
        said: AtomicUsize::new(0),
        questions: AtomicUsize::new(0),
        told: Mutex::default(),
        watch: None,
    };
    let call = Call::new(parts);
    let options = CallFnOptions::new().eval_ast(true).rewind_scope(true).with_tag(call.clone());
    let mut scope = Scope::new();
    let ended = guard.over(|| call.during(|| engine.call_fn_with_options::<Dynamic>(options, &mut scope, &ast, function, (tester,))));
    ended.map(drop).map_err(|error| failure::failed_test(tests, &allowed, function, &error, &tester::METHODS))
}
