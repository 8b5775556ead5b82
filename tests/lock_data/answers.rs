//! Every question of the data sets as a manifest.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::data::{Data, Packages, Question, Reference, faults, shared};
use super::registry::{self, manifest};
use super::support::TestEnvironment;

/// What the program said: an answer, or that there is none. `None`: undecided.
pub type Answer = Option<Option<BTreeMap<String, String>>>;

/// Asks the index at `url` by `greffon lock`.
pub fn ask(env: &TestEnvironment, url: &str, question: &Question) -> Answer {
    let _ = std::fs::remove_file(env.path("greffon.lock"));
    if !question.locked.is_empty() {
        // the lock comes about as users get it: by locking these versions
        env.write("greffon.toml", manifest(url, question.locked.iter().map(|(name, version)| (name, format!("={version}")))));
        env.greffon(["lock"]).run().succeeds();
        assert_eq!(registry::locked(&env.read("greffon.lock")), question.locked, "the lock of question {}", question.id);
    }
    env.write("greffon.toml", manifest(url, question.roots.iter().map(|(name, text)| (name, super::data::in_our_words(text)))));
    let outcome = env.greffon(["lock", "--json"]).run();
    if outcome.status == 0 {
        return Some(Some(registry::locked(&env.read("greffon.lock"))));
    }
    let error: Value = serde_json::from_str(outcome.stderr.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("{}", outcome.stderr));
    match error["kind"].as_str() {
        Some("conflict" | "not-found") => {
            assert!(error["notes"].as_array().is_some_and(|notes| !notes.is_empty()) || error["kind"] == "not-found", "question {}: {error}", question.id);
            Some(None)
        }
        Some("undecided") => None,
        _ => panic!("question {}: {error}", question.id),
    }
}

/// What is wrong with an answer to a question.
pub fn judge(packages: &Packages, question: &Question, reference: &Reference, answer: &Answer) -> Vec<String> {
    let mut wrong = Vec::new();
    match (answer, reference.sat) {
        (None, _) => wrong.push("undecided".to_owned()),
        (Some(found), Some(sat)) if found.is_some() != sat => wrong.push(format!("answered: {}, the reference: {sat}", found.is_some())),
        _ => {}
    }
    let Some(Some(solution)) = answer else { return wrong };
    wrong.extend(faults(packages, &question.roots, solution));
    let changed = question.locked.iter().filter(|(name, version)| solution.get(*name).is_some_and(|now| now != *version)).count();
    if reference.changed_best_known.is_some_and(|known| changed > known) {
        wrong.push(format!("{changed} locked versions changed, {:?} best known", reference.changed_best_known));
    }
    wrong
}

/// Asks these of the index at `url`, on as many threads as there are processors, each with a machine of its own.
fn ask_all(url: &str, questions: Vec<Question>) -> Vec<(Question, Answer)> {
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<(usize, Answer)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let env = TestEnvironment::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(question) = questions.get(at) else { break };
                    let answer = ask(&env, url, question);
                    answers.lock().expect("no panic while held").push((at, answer));
                }
            });
        }
    });
    let mut answers = answers.into_inner().expect("no panic while held");
    answers.sort_by_key(|(at, _)| *at);
    questions.into_iter().zip(answers.into_iter().map(|(_, answer)| answer)).collect()
}

/// Every so manieth question of a data set, without locks and with them.
fn is_answered(name: &str, every: usize) {
    let Some(data) = Data::open(&shared(), name) else { return };
    let home = TestEnvironment::new();
    registry::write(&data.packages, &home.path("index"));
    let url = home.path("index").to_string_lossy().into_owned();
    let every = if std::env::var_os("GREFFON_TEST_ALL").is_some() { 1 } else { every };
    for (what, reference) in [("roots", "reference"), ("locked", "locked.reference")] {
        let references: Vec<Reference> = data.lines(reference);
        let references: BTreeMap<String, Reference> = references.into_iter().map(|one| (one.id.to_string(), one)).collect();
        let questions: Vec<Question> = data.lines(what);
        let count = questions.len();
        let answers = ask_all(&url, questions.into_iter().step_by(every).collect());
        let mut wrong = Vec::new();
        for (question, answer) in &answers {
            let reference = references.get(&question.id.to_string()).unwrap_or_else(|| panic!("no reference for {}", question.id));
            wrong.extend(judge(&data.packages, question, reference, answer).into_iter().map(|fault| format!("{name} {what} {}: {fault}", question.id)));
        }
        assert!(!answers.is_empty(), "nothing was asked");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        eprintln!("{name} {what}: {} of {count} questions asked", answers.len());
        checker(&data, what, &answers);
    }
}

/// The data's own checker, where there is a Python to run it. It knows packages by their names in the data.
fn checker(data: &Data, what: &str, answers: &[(Question, Answer)]) {
    let checker = shared().join("check.py");
    let scratch = tempfile::tempdir().expect("a folder");
    let write = |name: &str, lines: Vec<Value>| {
        let path = scratch.path().join(name);
        std::fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).expect("written");
        path
    };
    let asked = write("asked.jsonl", answers.iter().map(|(question, _)| json!({ "id": question.id, "roots": question.roots })).collect());
    let said = |(question, answer): &(Question, Answer)| {
        let solution = answer.clone().flatten();
        json!({ "id": question.id, "sat": answer.as_ref().map(Option::is_some), "solution": solution })
    };
    let said = write("answers.jsonl", answers.iter().map(said).collect());
    let run = std::process::Command::new("python3").arg(&checker).args([&data.path("json"), &asked, &said]).output();
    match run {
        Err(error) => eprintln!("the data's own checker was not run: {error}"),
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stdout).into_owned() + String::from_utf8_lossy(&output.stderr).as_ref();
            assert!(output.status.success() && told.contains("bad: 0"), "{what}: {told}");
            eprintln!("check.py says {}", told.trim());
        }
    }
}

#[test]
fn wally() {
    is_answered("wally", 11);
}

#[test]
fn purescript() {
    is_answered("purescript", 19);
}

#[test]
fn a_broken_answer_is_caught() {
    let packages: Packages = serde_json::from_value(json!({
        "a": { "1.0.0": { "deps": { "b": ">=1.0.0 <2.0.0" } }, "2.0.0": { "deps": {}, "conflicts": { "b": "*" } } },
        "b": { "1.0.0": {}, "2.0.0": {} },
        "c": { "1.0.0": {} },
    }))
    .expect("packages");
    let question: Question = serde_json::from_value(json!({ "id": 0, "roots": { "a": "*" }, "locked": { "b": "2.0.0" } })).expect("a question");
    let reference: Reference = serde_json::from_value(json!({ "id": 0, "sat": true, "changed_best_known": 0 })).expect("a reference");
    let answer = |chosen: Value| Some(Some(serde_json::from_value(chosen).expect("an answer")));
    for (wrong, why) in [
        (answer(json!({ "a": "3.0.0" })), "there is no a 3.0.0"),
        (answer(json!({ "b": "1.0.0" })), "the question needs a *, got None"),
        (answer(json!({ "a": "1.0.0" })), "a 1.0.0 needs b"),
        (answer(json!({ "a": "1.0.0", "b": "2.0.0" })), "a 1.0.0 needs b"),
        (answer(json!({ "a": "2.0.0", "b": "2.0.0" })), "a 2.0.0 excludes b"),
        (answer(json!({ "a": "2.0.0", "c": "1.0.0" })), "nothing needs c"),
        (answer(json!({ "a": "1.0.0", "b": "1.0.0" })), "1 locked versions changed"),
        (Some(None), "answered: false"),
        (None, "undecided"),
    ] {
        let told = judge(&packages, &question, &reference, &wrong).join("; ");
        assert!(told.contains(why), "{wrong:?}: {told:?} instead of {why:?}");
    }
    assert_eq!(judge(&packages, &question, &reference, &answer(json!({ "a": "2.0.0" }))), Vec::<String>::new());
}
