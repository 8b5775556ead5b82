//! Runs that are killed, or whose calls fail, at every call that changes something: what is left is the earlier tree or the wanted
//! one, and no local byte is lost. The test binary runs itself as the child that dies. Each safeguard has a broken twin that
//! must make the sweep fail.
#![cfg(debug_assertions)]
#![allow(clippy::disallowed_methods, clippy::exit, clippy::print_stderr)]

mod site_fixture;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use greffon::model::{Deploy, IfLocalChanges, SiteState};
use greffon::roles::Context;
use greffon::site::ApplyTree;
use site_fixture::{Element, Fixture, disk, expected, with_answer};

const CORE1: Element<'_> = ("core/app", "1", ".", &[("index.php", "one"), ("lib/a.php", "a"), ("lib/b.php", "b"), ("was/file", "1"), ("turn", "f")]);
const CORE2: Element<'_> = ("core/app", "2", ".", &[("index.php", "two"), ("lib/a.php", "a2"), ("lib/b.php", "b"), ("bin/run", "#!x"), ("turn/to", "d")]);
const X1: Element<'_> = ("plugins/x", "1", "plugins/x", &[("x.php", "x1"), ("same.php", "same"), ("old/gone.php", "gone")]);
const X2: Element<'_> = ("plugins/x", "2", "plugins/x", &[("x.php", "x2"), ("same.php", "same"), ("new/here.php", "here")]);
const HOST1: Element<'_> = ("plugins/h", "1", "plugins/h", &[("h.php", "h1"), ("i.php", "i1")]);
const HOST2: Element<'_> = ("plugins/h", "2", "plugins/h", &[("h.php", "h2"), ("i.php", "i2")]);
const NESTED: Element<'_> = ("plugins/n", "1", "plugins/h/sub/n", &[("n.php", "n")]);
const GOES: Element<'_> = ("plugins/goes", "1", "plugins/goes", &[("g.php", "g"), ("deep/er.php", "e")]);
const COMES: Element<'_> = ("plugins/comes", "1", "plugins/comes", &[("c.php", "c"), ("deep/er.php", "e")]);
const BEFORE: &[Element<'_>] = &[CORE1, X1, HOST1, NESTED, GOES];
const AFTER: &[Element<'_>] = &[CORE2, X2, HOST2, NESTED, COMES];

/// What greffon never installed, and one recorded file that was edited (its bytes must end up in the tree or put aside).
const FOREIGN: &[(&str, &str)] = &[("config.php", "secret"), ("plugins/goes/mine.txt", "mine"), ("plugins/wild/w.php", "wild")];
const EDITED: (&str, &str) = ("lib/a.php", "edited by hand");

fn request(fixture: &Fixture) -> ApplyTree {
    let request = with_answer(fixture.request(AFTER), IfLocalChanges::Save);
    if moves(fixture) { with_home(request, "moved") } else { request }
}

/// Whether the sweep is one in which the folder of the plugins moves; the child knows it by a file.
fn moves(fixture: &Fixture) -> bool {
    fixture.folder.path().join("moves").exists()
}

fn with_home(mut request: ApplyTree, folder: &str) -> ApplyTree {
    request.grafts[0].placement.homes = [("plugins".to_owned(), folder.to_owned())].into();
    request
}

/// Where a foreign file is after the update.
fn gone_along(fixture: &Fixture, path: &str) -> String {
    if moves(fixture) { path.replacen("plugins/", "moved/", 1) } else { path.to_owned() }
}

/// Not a test of its own: what the child process does.
#[test]
fn child() {
    let Ok(folder) = std::env::var("GREFFON_TEST_FOLDER") else { return };
    let mut fixture = Fixture::again(Path::new(&folder));
    if std::env::var("GREFFON_TEST_DEPLOY").is_ok() {
        fixture.wanted.deploy = Deploy::Swap;
    }
    let outcome = match std::env::var("GREFFON_TEST_DOES").as_deref() {
        Ok("recover") => fixture.site().recover(&Context::silent()).map(drop),
        _ => fixture.site().apply(&Context::silent(), &request(&fixture)).map(drop),
    };
    if let Err(error) = outcome {
        eprintln!("child: {error} {:?}", error.notes());
        std::process::exit(7);
    }
    std::process::exit(0);
}

struct Sweep {
    fixture: Fixture,
    old: BTreeMap<String, String>,
    new: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Well,
    Failed,
    Killed,
}

impl Sweep {
    fn new() -> Self {
        Self::of(Fixture::quick())
    }

    fn of(fixture: Fixture) -> Self {
        if moves(&fixture) {
            fixture.site().apply(&Context::silent(), &with_home(fixture.request(BEFORE), "plugins")).expect("applied");
        } else {
            fixture.apply(BEFORE);
        }
        for (path, text) in FOREIGN.iter().chain([&EDITED]) {
            let path = fixture.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        // The trees of the update are in the stock before anything is counted.
        let _ = request(&fixture);
        let old = fixture.disk();
        let mut new = expected(AFTER);
        for (path, text) in FOREIGN {
            let path = gone_along(&fixture, path);
            for (slash, _) in path.match_indices('/') {
                new.insert(path[..slash].to_owned(), "/".into());
            }
            new.insert(path.clone(), (*text).to_owned());
        }
        let sweep = Self { fixture, old, new };
        for name in ["html", ".greffon-html"] {
            sweep.copy(name, &format!("kept{name}"));
        }
        sweep
    }

    fn copy(&self, from: &str, to: &str) {
        let folder = self.fixture.folder.path();
        let _ = std::fs::remove_dir_all(folder.join(to));
        assert!(Command::new("cp").arg("-a").arg(folder.join(from)).arg(folder.join(to)).status().expect("cp runs").success());
    }

    fn reset(&self) {
        for name in ["html", ".greffon-html"] {
            self.copy(&format!("kept{name}"), name);
        }
    }

    fn run(&self, does: &str, settings: &[(&str, &str)]) -> Ended {
        let mut command = Command::new(std::env::current_exe().expect("this test"));
        command.args(["--exact", "child", "--nocapture", "--test-threads=1"]);
        command.env("GREFFON_TEST_FOLDER", self.fixture.folder.path()).env("GREFFON_TEST_DOES", does).envs(settings.iter().copied());
        let output = command.output().expect("the child starts");
        match output.status.code() {
            Some(0) => Ended::Well,
            Some(7) => Ended::Failed,
            None => Ended::Killed,
            Some(code) => panic!("the child ended with {code}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Whether the site is wholly the one or wholly the other tree, with every foreign and edited byte somewhere.
    fn fault(&self) -> Option<String> {
        let found = self.fixture.disk();
        if found != self.old && found != self.new {
            let nearest = if found.get("index.php") == self.old.get("index.php") { &self.old } else { &self.new };
            let differences: Vec<_> = found.iter().filter(|pair| nearest.get(pair.0) != Some(pair.1)).collect();
            let missing: Vec<_> = nearest.keys().filter(|path| !found.contains_key(*path)).collect();
            return Some(format!("neither tree: {differences:?}, missing {missing:?}"));
        }
        let saved = disk(&self.fixture.state().join("saved"));
        if found.get(EDITED.0).is_none_or(|text| text != EDITED.1) && !saved.values().any(|text| text == EDITED.1) {
            return Some("the edited file is lost".into());
        }
        None
    }

    /// The recorded generation is the one whose tree is in place, and greffon sees no drift beside what the test made.
    fn disagreement(&self) -> Option<String> {
        let site = self.fixture.site();
        let status = site.status(&Context::silent(), true).expect("status");
        let is_new = self.fixture.disk() == self.new;
        if status.generation != Some(if is_new { 2 } else { 1 }) || status.state == SiteState::Pending {
            return Some(format!("generation {:?}, {:?}, new tree: {is_new}", status.generation, status.state));
        }
        None
    }

    fn recover_and_check(&self, what: &str) -> Option<String> {
        if let Err(error) = self.fixture.site().recover(&Context::silent()) {
            return Some(format!("{what}: recovery failed: {error} {:?}", error.notes()));
        }
        if let Some(fault) = self.fault().or_else(|| self.disagreement()) {
            return Some(format!("{what}: {fault}"));
        }
        // And the next run gets there.
        if let Err(error) = self.fixture.site().apply(&Context::silent(), &request(&self.fixture)) {
            return Some(format!("{what}: the next run failed: {error} {:?}", error.notes()));
        }
        let found = self.fixture.disk();
        let differences: Vec<_> = found.iter().filter(|pair| self.new.get(pair.0) != Some(pair.1)).collect();
        let missing: Vec<_> = self.new.keys().filter(|path| !found.contains_key(*path)).collect();
        (found != self.new).then(|| format!("{what}: the next run left another tree: {differences:?}, missing {missing:?}"))
    }

    /// Kills the run at every call in turn; gives how many there were, and what went wrong.
    fn kill_everywhere(&self, settings: &[(&str, &str)]) -> (u32, Vec<String>) {
        let mut faults = Vec::new();
        for at in 1..5000 {
            self.reset();
            let position = at.to_string();
            let mut all = settings.to_vec();
            all.push(("GREFFON_KILL_AT", &position));
            if self.run("apply", &all) == Ended::Well {
                return (at - 1, faults);
            }
            faults.extend(self.recover_and_check(&format!("killed at {at}")));
        }
        panic!("the run never came to its end");
    }
}

#[test]
fn a_run_killed_anywhere_leaves_one_tree_or_the_other() {
    let sweep = Sweep::new();
    let (calls, faults) = sweep.kill_everywhere(&[]);
    assert!(calls > 60, "only {calls} calls were seen");
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn so_does_one_on_a_file_system_without_exchange() {
    let sweep = Sweep::new();
    let (calls, faults) = sweep.kill_everywhere(&[("GREFFON_BREAK", "exchange")]);
    assert!(calls > 60, "only {calls} calls were seen");
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn so_does_one_that_swaps_the_whole_tree() {
    let mut fixture = Fixture::quick();
    fixture.wanted.deploy = Deploy::Swap;
    let (calls, faults) = Sweep::of(fixture).kill_everywhere(&[("GREFFON_TEST_DEPLOY", "swap")]);
    assert!(calls > 40, "only {calls} calls were seen");
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn so_does_one_that_moves_what_was_put_there_by_hand() {
    for deploy in [None, Some(("GREFFON_TEST_DEPLOY", "swap"))] {
        let mut fixture = Fixture::quick();
        std::fs::write(fixture.folder.path().join("moves"), "").expect("written");
        if deploy.is_some() {
            fixture.wanted.deploy = Deploy::Swap;
        }
        let sweep = Sweep::of(fixture);
        assert!(sweep.new.contains_key("moved/wild/w.php") && sweep.new.contains_key("moved/goes/mine.txt"));
        let (calls, faults) = sweep.kill_everywhere(deploy.as_slice());
        assert!(calls > 40, "only {calls} calls were seen");
        assert_eq!(faults, Vec::<String>::new(), "{deploy:?}");
    }
}

#[test]
fn a_recovery_killed_anywhere_does_too() {
    let sweep = Sweep::new();
    let mut recoveries = 0;
    for at in (1..5000).step_by(9) {
        for second in (1..5000).step_by(4) {
            sweep.reset();
            if sweep.run("apply", &[("GREFFON_KILL_AT", &at.to_string())]) == Ended::Well {
                assert!(recoveries > 20, "only {recoveries} recoveries were cut off");
                return;
            }
            if sweep.run("recover", &[("GREFFON_KILL_AT", &second.to_string())]) == Ended::Well {
                break;
            }
            recoveries += 1;
            assert_eq!(sweep.recover_and_check(&format!("killed at {at}, its recovery at {second}")), None);
        }
    }
}

#[test]
fn a_call_that_fails_leaves_one_tree_or_the_other() {
    let sweep = Sweep::new();
    // ENOSPC, EIO, EACCES, EROFS, EMFILE; once, and from then on.
    for (code, onwards) in [(28, "+"), (5, ""), (13, "+"), (30, "+"), (24, "")] {
        let mut at = 0;
        loop {
            at += if onwards.is_empty() { 2 } else { 3 };
            sweep.reset();
            let ended = sweep.run("apply", &[("GREFFON_FAIL_AT", &format!("{at}{onwards}:{code}"))]);
            let what = format!("error {code} at {at}{onwards}");
            if ended == Ended::Well {
                let found = sweep.fixture.disk();
                assert_eq!(found, sweep.new, "{what}: ended well with another tree");
            }
            if onwards.is_empty() {
                assert_eq!(sweep.fault(), None, "{what}: before any recovery");
            }
            assert_eq!(sweep.recover_and_check(&what), None);
            if ended == Ended::Well && at > 60 {
                break;
            }
        }
    }
}

/// The first run of all, into an empty folder with a mode of its own: killed, and failing, at every call.
#[test]
fn the_first_run_leaves_an_empty_folder_or_the_whole_site() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = Fixture::quick();
    let _ = request(&fixture);
    let sweep = Sweep { old: BTreeMap::new(), new: expected(AFTER), fixture };
    let path = sweep.fixture.path();
    for setting in ["GREFFON_KILL_AT", "GREFFON_FAIL_AT"] {
        for at in 1..5000 {
            for folder in [&path, &sweep.fixture.state()] {
                let _ = std::fs::remove_dir_all(folder);
            }
            std::fs::create_dir(&path).expect("made");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).expect("set");
            let value = if setting == "GREFFON_KILL_AT" { at.to_string() } else { format!("{at}:28") };
            let ended = sweep.run("apply", &[(setting, &value)]);
            sweep.fixture.site().recover(&Context::silent()).expect("recovered");
            let found = sweep.fixture.disk();
            assert!(found.is_empty() || found == sweep.new, "{setting} {at}: {:?}", found.keys());
            assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o7777, 0o750, "{setting} {at}");
            if ended == Ended::Well && found == sweep.new && at > 30 {
                break;
            }
        }
    }
}

#[test]
fn without_a_journal_the_sweep_finds_torn_trees() {
    let (_, faults) = Sweep::new().kill_everywhere(&[("GREFFON_BREAK", "journal")]);
    assert!(faults.len() > 5, "the sweep is blind: {faults:?}");
}

#[test]
fn without_sifting_the_sweep_finds_lost_bytes() {
    let (_, faults) = Sweep::new().kill_everywhere(&[("GREFFON_BREAK", "sift")]);
    assert!(faults.iter().any(|fault| fault.contains("lost")), "the sweep is blind: {faults:?}");
}
