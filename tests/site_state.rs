//! Where a site's state is, whom it trusts, what becomes of it when a site moves or is copied, and two runs at once.
#![allow(clippy::disallowed_methods)]

mod site_fixture;

use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use greffon::error::ErrorKind;
use greffon::model::SiteState;
use greffon::roles::{Context, ContextBuilder, Event, Events};
use greffon::site::{Presence, Site};
use site_fixture::{Element, Fixture, expected};

const X: Element<'_> = ("plugins/x", "1", "plugins/x", &[("x.php", "x1")]);
const X2: Element<'_> = ("plugins/x", "2", "plugins/x", &[("x.php", "x2")]);

fn open(fixture: &Fixture) -> greffon::error::Result<Site> {
    Site::open(&fixture.wanted, &fixture.stockroom)
}

#[test]
fn state_that_others_could_have_written_is_refused() {
    let fixture = Fixture::new();
    fixture.apply(&[X]);
    let set = |path: &std::path::Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
    set(&fixture.state(), 0o722);
    assert_eq!(open(&fixture).expect_err("others may write").kind(), ErrorKind::Site);
    set(&fixture.state(), 0o700);
    set(fixture.folder.path(), 0o777);
    assert_eq!(open(&fixture).expect_err("others may write above").kind(), ErrorKind::Site);
    set(fixture.folder.path(), 0o1777);
    open(&fixture).expect("a sticky folder will do");
    set(fixture.folder.path(), 0o700);
    let kept = fixture.folder.path().join("kept");
    std::fs::rename(fixture.state(), &kept).expect("moved");
    std::os::unix::fs::symlink(&kept, fixture.state()).expect("linked");
    assert_eq!(open(&fixture).expect_err("a link").kind(), ErrorKind::Site);
}

#[test]
fn state_of_a_newer_greffon_is_refused() {
    let fixture = Fixture::new();
    fixture.apply(&[X]);
    std::fs::write(fixture.state().join("schema"), "99\n").expect("written");
    assert_eq!(open(&fixture).expect_err("newer").kind(), ErrorKind::Newer);
}

#[test]
fn a_hostile_journal_touches_nothing() {
    let fixture = Fixture::new();
    fixture.apply(&[X]);
    let victim = fixture.folder.path().join("victim");
    std::fs::write(&victim, "whole").expect("written");
    let journal = serde_json::json!({
        "schema": 1, "stage": "g2", "exchange": true, "back": false, "tidy": [],
        "record": { "number": 2, "tree": "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "grafts": [], "manifest": "", "lock": "", "infos": "", "message": "", "time": 0, "hold": null, "release": false },
        "steps": [{ "do": "remove", "path": "../victim", "stage": "r0/0", "old": null }],
    });
    std::fs::write(fixture.state().join("journal"), journal.to_string()).expect("written");
    assert!(fixture.site().recover(&Context::silent()).is_err());
    assert!(fixture.site().apply(&Context::silent(), &fixture.request(&[X])).is_err());
    assert_eq!(std::fs::read_to_string(&victim).expect("there"), "whole");
    assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Pending);
}

#[test]
fn a_moved_site_keeps_its_id_and_a_copy_gets_its_own() {
    let mut fixture = Fixture::new();
    fixture.apply(&[X]);
    let id = fixture.site().id().expect("readable");
    let folder = fixture.folder.path().to_owned();
    let rename = |from: &str, to: &str| std::fs::rename(folder.join(from), folder.join(to)).expect("renamed");
    rename("html", "moved");
    rename(".greffon-html", ".greffon-moved");
    fixture.wanted.path = folder.join("moved");
    assert_eq!(fixture.site().id().expect("readable"), id);
    assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Clean);
    fixture.apply(&[X2]);
    assert_eq!(fixture.site().id().expect("readable"), id);

    for (from, to) in [("moved", "copy"), (".greffon-moved", ".greffon-copy")] {
        assert!(std::process::Command::new("cp").arg("-a").arg(folder.join(from)).arg(folder.join(to)).status().expect("cp runs").success());
    }
    fixture.wanted.path = folder.join("copy");
    assert_eq!(fixture.site().id().expect("readable"), None, "it has none of its own yet");
    fixture.apply(&[X]);
    let own = fixture.site().id().expect("readable");
    assert!(own.is_some() && own != id);
    fixture.wanted.path = folder.join("moved");
    assert_eq!(fixture.site().id().expect("readable"), id);
}

#[test]
fn a_state_inside_the_site_is_no_part_of_it() {
    let mut fixture = Fixture::new();
    fixture.wanted.state = Some(fixture.path().join(".greffon"));
    assert_eq!(fixture.site().presence().expect("seen"), Presence::Absent);
    fixture.apply(&[X]);
    assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Clean);
    fixture.apply(&[X2]);
    let mut disk = fixture.disk();
    disk.retain(|path, _| !path.starts_with(".greffon"));
    assert_eq!(disk, expected(&[X2]));
    assert!(fixture.path().join(".greffon/.htaccess").exists());
}

#[test]
fn a_site_on_another_host_is_never_touched() {
    let mut fixture = Fixture::new();
    fixture.wanted.host = Some("somewhere-else.example".into());
    assert_eq!(fixture.site().presence().expect("seen"), Presence::Elsewhere);
    assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Elsewhere);
    assert!(fixture.site().apply(&Context::silent(), &fixture.request(&[X])).is_err());
    assert!(!fixture.path().exists() && !fixture.state().exists());
}

#[test]
fn status_writes_nothing() {
    let fixture = Fixture::new();
    fixture.apply(&[X]);
    let times = || -> Vec<(std::path::PathBuf, std::time::SystemTime)> {
        let mut found = Vec::new();
        let mut folders = vec![fixture.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("readable") {
                let path = entry.expect("a name").path();
                let metadata = path.symlink_metadata().expect("there");
                found.push((path.clone(), metadata.modified().expect("a time")));
                if metadata.is_dir() {
                    folders.push(path);
                }
            }
        }
        found.sort();
        found
    };
    std::fs::write(fixture.path().join("plugins/x/x.php"), "edited").expect("written");
    let tree = fixture.grafts(&[X])[0].tree;
    let site = fixture.site();
    let before = times();
    site.status(&Context::silent(), false).expect("status");
    site.status(&Context::silent(), true).expect("status");
    let _ = site.changes(&Context::silent(), tree).expect("changes");
    let after = times();
    assert_eq!(after.iter().filter(|found| !before.contains(found)).collect::<Vec<_>>(), Vec::<&(std::path::PathBuf, std::time::SystemTime)>::new());
    assert_eq!(after.len(), before.len());
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Events for Heard {
    fn emit(&self, event: Event) {
        if let Event::Log { text, .. } = event {
            self.0.lock().expect("not poisoned").push(text);
        }
    }
}

#[test]
fn the_second_run_waits_and_says_for_whom() {
    let fixture = Fixture::new();
    fixture.apply(&[X]);
    let held = std::fs::File::options().read(true).write(true).open(fixture.state().join("lock")).expect("there");
    held.lock().expect("locked");
    let heard = Arc::new(Heard::default());
    let cx = ContextBuilder::default().events(heard.clone()).build();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| fixture.site().apply(&cx, &fixture.request(&[X2])));
        // It says so after a second; how long until then is the machine's affair.
        let end = std::time::Instant::now() + std::time::Duration::from_secs(120);
        while heard.0.lock().expect("not poisoned").is_empty() && !run.is_finished() && std::time::Instant::now() < end {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(!run.is_finished());
        drop(held);
        run.join().expect("no panic").expect("applied");
    });
    let heard = heard.0.lock().expect("not poisoned");
    assert!(heard.iter().any(|line| line.starts_with("waiting for greffon (process ") && line.contains("`test`")), "{heard:?}");
}

#[test]
fn runs_at_the_same_time_take_turns() {
    let fixture = Fixture::new();
    fixture.apply(&[X]);
    std::thread::scope(|scope| {
        for round in 0..4 {
            let fixture = &fixture;
            scope.spawn(move || {
                for turn in 0..5 {
                    fixture.apply(if (round + turn) % 2 == 0 { &[X] } else { &[X2] });
                }
            });
        }
    });
    let disk = fixture.disk();
    assert!(disk == expected(&[X]) || disk == expected(&[X2]));
    assert_eq!(fixture.site().status(&Context::silent(), true).expect("status").state, SiteState::Clean);
}
