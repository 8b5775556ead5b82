//! Twins with one fault each: every one ends in an error that says what is wrong and with which library.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use greffon::error::{Error, ErrorKind, Result};
use greffon::registry::Registry;
use greffon::roles::{Context, ContextBuilder, Event, Events, Level, Prompter, Question, Repository, Versions, VersionsRequest};
use serde_json::{Value, json};

use super::build::{self, twin};
use super::world::World;

fn open(world: &World, library: &Path, options: Value) -> Result<Arc<dyn Repository>> {
    let spec = build::spec(library, options, &world.path(""));
    Registry::builtin().repositories.find(&spec)?(&spec, &world.env)
}

fn ask(repository: &dyn Repository, cx: &Context, name: &str) -> Result<Versions> {
    repository.versions(cx, &VersionsRequest { id: name.parse().expect("an id") })
}

/// Everything an error says.
fn all(error: &Error) -> String {
    format!("{} | {} | {}", error.message(), error.notes().join(" | "), error.hints().join(" | "))
}

#[test]
fn the_good_twin_answers() {
    let world = World::new();
    let repository = open(&world, &twin("GOOD"), json!({})).expect("a repository");
    assert!(matches!(ask(&*repository, &world.cx, "plugins/a").expect("an answer"), Versions::Known(list) if list.len() == 1));
    assert_eq!(ask(&*repository, &world.cx, "plugins/b").expect("an answer"), Versions::Unknown);
}

#[test]
fn a_library_that_is_none_is_refused_when_it_is_opened() {
    let world = World::new();
    for (fault, words) in [
        ("WRONG_MAGIC", "does not begin with the magic number"),
        ("WRONG_ABI", "version 99 of the table, and this greffon speaks version 1"),
        ("SHORT", "its table says that it has 24 bytes"),
        ("NULL_FREE", "lacks one of `open`, `call`, `free` and `close`"),
        ("ELSEWHERE", "exports no `greffon_extension`"),
        ("STRANGE_METHOD", "`serch`"),
        ("OTHER_ROLE", "it serves as installer, and the manifest uses it as repository"),
        ("LATER", "version 9 of the roles"),
        ("LACKS", "lacks the method `versions`"),
        ("REFUSES", "the option `tea` is missing"),
    ] {
        let library = twin(fault);
        let error = open(&world, &library, json!({})).expect_err(fault);
        assert!(error.message().contains(words), "{fault}: {error}");
        assert!(all(&error).contains(&library.display().to_string()), "{fault}: the library is not named: {}", all(&error));
    }
    let text = world.path("text.so");
    std::fs::write(&text, "not a library").expect("written");
    let error = open(&world, &text, json!({})).expect_err("a text");
    assert!(error.kind() == ErrorKind::Extension && error.message().contains("text.so"), "{error}");
}

#[test]
fn an_answer_that_breaks_the_rules_is_an_error() {
    let world = World::new();
    for (fault, words) in [
        ("NOT_JSON", "what is not JSON"),
        ("NOT_UTF8", "what is not JSON in UTF-8"),
        ("GIB", "it answered 1073741824 bytes, and at most"),
        ("NULL_WITH_LENGTH", "5 bytes at no address"),
        ("STATUS", "the status 7"),
        ("BAD_FAILURE", "how it says so is not JSON"),
        ("TWICE", "listed twice"),
    ] {
        let library = twin(fault);
        let repository = open(&world, &library, json!({})).expect(fault);
        let error = ask(&*repository, &world.cx, "plugins/a").expect_err(fault);
        assert_eq!(error.kind(), ErrorKind::Extension, "{fault}: {error}");
        assert!(error.message().contains(words), "{fault}: {error}");
        assert!(all(&error).contains(&library.display().to_string()), "{fault}: {}", all(&error));
    }
    let small = open(&world, &twin("GIB"), json!({ "limits": { "answer-mib": 1 } })).expect("a repository");
    assert!(ask(&*small, &world.cx, "plugins/a").expect_err("too much").message().contains("at most 1048576 are taken"));
}

#[test]
fn a_panic_is_an_error_and_the_library_goes_on() {
    let world = World::new();
    let repository = open(&world, build::panics(), json!({})).expect("a repository");
    for _ in 0..3 {
        let error = ask(&*repository, &world.cx, "plugins/a").expect_err("it panics");
        assert!(error.kind() == ErrorKind::Extension && error.message().contains("panicked: there is no `plugins/a` in me"), "{error}");
        assert!(error.message().contains("panics-"), "{error}");
        assert_eq!(ask(&*repository, &world.cx, "plugins/b").expect("it goes on"), Versions::Unknown);
    }
    drop(repository); // its destructor panics, too
    let error = open(&world, build::panics(), json!({ "at-open": true })).expect_err("it panics");
    assert!(error.message().contains("panicked: while it is opened"), "{error}");
}

#[test]
fn a_call_that_does_not_come_back_is_left_behind() {
    let world = World::new();
    let library = twin("SLEEPS");
    let repository = open(&world, &library, json!({ "limits": { "seconds": 1 } })).expect("a repository");
    let begun = Instant::now();
    let error = ask(&*repository, &world.cx, "plugins/a").expect_err("it sleeps");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(error.message().contains("did not come back within 1 s") && error.message().contains(&library.display().to_string()), "{error}");
    assert!(ask(&*repository, &world.cx, "plugins/b").expect_err("not asked again").message().contains("is not asked again"));
    // ^C, and a deadline of the caller's.
    let repository = open(&world, &library, json!({})).expect("a repository");
    let cx = ContextBuilder::default().build();
    let cancel = cx.cancel().clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        cancel.set();
    });
    let begun = Instant::now();
    assert_eq!(ask(&*repository, &cx, "plugins/a").expect_err("interrupted").kind(), ErrorKind::Interrupted);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let repository = open(&world, &library, json!({})).expect("a repository");
    let soon = Context::silent().with_deadline(Instant::now() + Duration::from_millis(200));
    assert_eq!(ask(&*repository, &soon, "plugins/a").expect_err("past the deadline").kind(), ErrorKind::Undecided);
}

#[test]
fn calls_come_one_after_the_other_unless_the_library_says_otherwise() {
    let world = World::new();
    let slow = open(&world, &twin("SLOW"), json!({})).expect("a repository");
    let names: Vec<String> = (0..4).map(|number| format!("plugins/x{number}")).collect();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for name in &names {
            let (slow, cx) = (&slow, &world.cx);
            scope.spawn(move || ask(&**slow, cx, name).expect("an answer"));
        }
    });
    assert!(begun.elapsed() < Duration::from_secs(6), "four calls of 2 s took {:?}", begun.elapsed());
    let good = open(&world, &twin("GOOD"), json!({})).expect("a repository");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (good, cx) = (&good, &world.cx);
            scope.spawn(move || (0..50).for_each(|number| drop(ask(&**good, cx, &format!("plugins/x{thread}-{number}")).expect("an answer"))));
        }
    });
}

/// Writes down what it is told, and answers `tea`.
#[derive(Debug, Default)]
struct Ear(Mutex<Vec<String>>);
impl Events for Ear {
    fn emit(&self, event: Event) {
        let told = match event {
            Event::Log { level: Level::Info, text } => format!("info {text}"),
            other => format!("{other:?}"),
        };
        self.0.lock().expect("an ear").push(told);
    }
}
impl Prompter for Ear {
    fn is_present(&self) -> bool {
        true
    }
    fn ask(&self, question: &Question) -> Result<String> {
        self.0.lock().expect("an ear").push(format!("asked {} {}", question.text, question.flag));
        Ok("1.0-tea".to_owned())
    }
}

#[test]
fn the_host_logs_shows_progress_asks_and_answers() {
    let world = World::new();
    let chatty = open(&world, &twin("CHATTY"), json!({})).expect("a repository");
    let ear = Arc::new(Ear::default());
    let cx = ContextBuilder::default().events(Arc::clone(&ear) as _).prompter(Arc::clone(&ear) as _).build();
    let Versions::Known(list) = ask(&*chatty, &cx, "plugins/a").expect("an answer") else { panic!("known") };
    assert_eq!(list[0].version.as_str(), "1.0-tea");
    let told = ear.0.lock().expect("an ear").clone();
    assert_eq!(told[0], "info a line\\u{1b}[31m", "control characters do not pass");
    assert!(told.iter().any(|line| line.starts_with("Started { task: \"task\"")) && told.iter().any(|line| line.starts_with("Finished")), "{told:?}");
    assert!(told.contains(&"asked Which? --which".to_owned()), "{told:?}");
    // Nobody is there to be asked.
    let chatty = open(&world, &twin("CHATTY"), json!({})).expect("a repository");
    assert_eq!(ask(&*chatty, &world.cx, "plugins/a").expect_err("nobody").message(), "nobody answered");
}

#[test]
fn what_the_manifest_does_not_state_is_asked_for() {
    let world = World::new();
    let library = twin("GOOD");
    let with = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut spec = build::spec(&library, json!({}), &world.path(""));
        change(&mut spec.options);
        let make = Registry::builtin().repositories.find(&spec).expect("libraries can be loaded");
        make(&spec, &world.env).expect_err("something is missing")
    };
    let error = with(&|options| drop(options.remove("trust")));
    assert!(error.kind() == ErrorKind::Refused && all(&error).contains("`trust = \"native\"`"), "{}", all(&error));
    let error = with(&|options| drop(options.insert("trust".into(), json!(true))));
    assert!(all(&error).contains("`trust = \"native\"`"), "{}", all(&error));
    let error = with(&|options| drop(options.remove("sha256")));
    assert!(error.kind() == ErrorKind::Refused && all(&error).contains(&format!("`sha256 = \"{}\"`", build::pin(&library))), "{}", all(&error));
    let error = with(&|options| drop(options.insert("sha256".into(), json!("12"))));
    assert!(all(&error).contains("`sha256` cannot be read") && all(&error).contains("`sha256sum FILE` tells it"), "{}", all(&error));
    let error = with(&|options| drop(options.insert("limits".into(), json!({ "second": 1 }))));
    assert!(all(&error).contains("did you mean `seconds`?"), "{}", all(&error));
    let error = with(&|options| drop(options.insert("over".into(), json!("script:x.rhai"))));
    assert!(all(&error).contains("`over = \"builtin:NAME\"`"), "{}", all(&error));
    let mut spec = build::spec(&library, json!({}), &world.path(""));
    spec.target = "nowhere.so".to_owned();
    let error = Registry::builtin().repositories.find(&spec).expect("libraries can be loaded")(&spec, &world.env).expect_err("not there");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_library_that_changed_after_the_pin_is_not_opened() {
    let world = World::new();
    let library = world.path("changed.so");
    std::fs::copy(twin("GOOD"), &library).expect("copied");
    let spec = build::spec(&library, json!({}), &world.path(""));
    let make = Registry::builtin().repositories.find(&spec).expect("libraries can be loaded");
    make(&spec, &world.env).expect("as pinned");
    // One that would end the process at once.
    std::fs::copy(twin("SEGFAULTS_AT_OPEN"), &library).expect("copied");
    let error = make(&spec, &world.env).expect_err("changed");
    assert_eq!(error.kind(), ErrorKind::Digest);
    assert!(all(&error).contains("changed.so") && all(&error).contains("it was not opened"), "{}", all(&error));
}

#[test]
fn what_a_library_leaves_out_is_served_by_what_it_is_laid_over() {
    let world = World::new();
    super::world::write(&world.path("packages/plugins/b-2.0.zip"), "");
    let over = json!({ "over": { "use": "builtin:folder", "path": "packages" } });
    let repository = open(&world, &twin("LACKS"), over).expect("nothing is lacking now");
    let hits = repository.search(&world.cx, &greffon::roles::SearchRequest { text: "b".into(), limit: 5 }).expect("hits");
    assert_eq!(hits.len(), 1, "{hits:?}");
}
