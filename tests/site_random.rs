//! Random changes by hand: all of them seen, every byte kept, no false alarm.
#![allow(clippy::disallowed_methods)]

mod site_fixture;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use greffon::error::ErrorKind;
use greffon::model::{IfLocalChanges, SiteState};
use greffon::roles::{Cancel, Context, ContextBuilder};
use greffon::site::Pending;
use site_fixture::{Element, Fixture, disk, expected, with_answer};

const CORE: Element<'_> = ("core/app", "1", ".", &[("index.php", "one"), ("lib/a.php", "a"), ("lib/b.php", "b"), ("bin/run", "#!x"), ("link", "->index.php")]);
const X1: Element<'_> = ("plugins/x", "1", "plugins/x", &[("x.php", "x1"), ("same.php", "same"), ("old/gone.php", "gone"), ("more.php", "m")]);
const X2: Element<'_> = ("plugins/x", "2", "plugins/x", &[("x.php", "x2"), ("same.php", "same"), ("new/here.php", "here"), ("more.php", "M")]);
const FILES: [&str; 6] = ["index.php", "lib/a.php", "lib/b.php", "plugins/x/x.php", "plugins/x/old/gone.php", "plugins/x/more.php"];

/// A small generator: the same changes on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// Makes one change; gives whether it is one, and the bytes that only it knows.
fn change(root: &Path, dice: &mut Dice, round: usize) -> (bool, Option<String>) {
    let path = root.join(FILES[dice.roll(FILES.len())]);
    let unique = format!("unique {round}");
    match dice.roll(10) {
        0 => std::fs::write(&path, &unique).expect("written"),
        1 => {
            // The same length: seen by its times alone.
            let length = std::fs::metadata(&path).expect("there").len() as usize;
            let text = "#".repeat(length);
            std::fs::write(&path, &text).expect("written");
            return (true, Some(text));
        }
        2 => {
            // As 0, and the time set back.
            let time = std::fs::metadata(&path).expect("there").modified().expect("a time");
            std::fs::write(&path, &unique).expect("written");
            std::fs::File::options().write(true).open(&path).expect("opened").set_modified(time).expect("set");
        }
        3 => {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("set");
            return (true, None);
        }
        4 => {
            std::fs::remove_file(&path).expect("removed");
            return (true, None);
        }
        5 => std::fs::write(path.with_extension("added"), &unique).expect("written"),
        6 => {
            std::fs::remove_file(&path).expect("removed");
            std::os::unix::fs::symlink("elsewhere", &path).expect("linked");
            return (true, None);
        }
        7 => {
            std::fs::write(&path, &unique).expect("written");
            std::fs::rename(&path, path.with_extension("renamed")).expect("renamed");
        }
        8 => {
            // As editors save: another file is renamed over it; with the time of the old one.
            let time = std::fs::metadata(&path).expect("there").modified().expect("a time");
            let beside = path.with_extension("beside");
            std::fs::write(&beside, &unique).expect("written");
            std::fs::File::options().write(true).open(&beside).expect("opened").set_modified(time).expect("set");
            std::fs::rename(&beside, &path).expect("renamed");
        }
        _ => {
            // Touched: the same content, other times. No change.
            let bytes = std::fs::read(&path).expect("read");
            std::fs::write(&path, bytes).expect("written");
            return (false, None);
        }
    }
    (true, Some(unique))
}

/// `GREFFON_ROUNDS=1000` makes it a thousand changes, and as many untouched trees.
#[test]
fn every_random_change_is_seen_and_none_is_lost() {
    let rounds = std::env::var("GREFFON_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(120);
    let fixture = Fixture::quick();
    let mut dice = Dice(7);
    for round in 0..rounds {
        if fixture.state().exists() {
            fixture.site().forget(&Context::silent()).expect("forgotten");
            std::fs::remove_dir_all(fixture.path()).expect("removed");
        }
        fixture.apply(&[CORE, X1]);
        assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Clean, "round {round}: a false alarm");
        let (changed, bytes) = change(&fixture.path(), &mut dice, round);
        let status = fixture.site().status(&Context::silent(), false).expect("status");
        // A new name directly in the site's folder is its owner's: told as unmanaged, and no drift.
        let seen = status.state == SiteState::Drift || !status.unmanaged.is_empty();
        assert_eq!(seen, changed, "round {round}");
        let before = fixture.disk();
        match fixture.site().apply(&Context::silent(), &fixture.request(&[CORE, X2])) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::LocalChanges, "round {round}: {error}");
                assert_eq!(fixture.disk(), before, "round {round}: something was written");
                fixture.site().apply(&Context::silent(), &with_answer(fixture.request(&[CORE, X2]), IfLocalChanges::Save)).expect("applied");
            }
        }
        let found = fixture.disk();
        for (path, text) in expected(&[CORE, X2]) {
            assert_eq!(found.get(&path), Some(&text), "round {round}: {path}");
        }
        if let Some(bytes) = bytes {
            let saved = disk(&fixture.state().join("saved"));
            assert!(found.values().chain(saved.values()).any(|text| *text == bytes), "round {round}: `{bytes}` is lost");
        }
    }
}

/// The broken twin: who trusts the time of the last change alone does not see what sets it back.
#[test]
fn a_look_that_trusts_mtime_alone_is_caught() {
    let child = |settings: &[(&str, &str)]| {
        let mut command = std::process::Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "every_random_change_is_seen_and_none_is_lost"]).env("GREFFON_ROUNDS", "40").envs(settings.iter().copied());
        command.output().expect("it runs")
    };
    let output = child(&[("GREFFON_BREAK", "witness")]);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success() && text.contains("assertion `left == right` failed: round "), "{text}");
    assert!(child(&[]).status.success());
}

#[test]
fn an_interrupted_run_leaves_the_site_as_it_was() {
    let fixture = Fixture::quick();
    fixture.apply(&[CORE, X1]);
    let cancel = Cancel::default();
    cancel.set();
    let cx = ContextBuilder::default().cancel(cancel).build();
    assert_eq!(fixture.site().apply(&cx, &fixture.request(&[CORE, X2])).expect_err("interrupted").kind(), ErrorKind::Interrupted);
    assert_eq!(fixture.disk(), expected(&[CORE, X1]));
}

#[test]
fn pending_hooks_show_until_they_are_done() {
    let fixture = Fixture::quick();
    fixture.apply(&[CORE]);
    let pending = Pending { generation: 1, hooks: vec!["after-sync".into()], attempt: 1, ..Pending::default() };
    fixture.site().set_pending(&Context::silent(), Some(&pending)).expect("recorded");
    assert_eq!(fixture.site().pending().expect("readable"), Some(pending));
    assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Pending);
    fixture.site().set_pending(&Context::silent(), None).expect("recorded");
    assert_eq!(fixture.site().status(&Context::silent(), false).expect("status").state, SiteState::Clean);
}

/// Root works for whoever owns the site; an archive's or the stock's owner never matters.
#[test]
fn files_belong_to_who_owns_the_site() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let fixture = Fixture::quick();
    std::fs::create_dir(fixture.path()).expect("made");
    if chown(fixture.path(), Some(1234), Some(1235)).is_err() {
        // Only root may give files away; somebody else's run has nothing to prove here.
        return;
    }
    fixture.apply(&[CORE, X1]);
    fixture.apply(&[CORE, X2]);
    let mut folders = vec![fixture.path()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable") {
            let path = entry.expect("a name").path();
            let found = path.symlink_metadata().expect("there");
            assert_eq!((found.uid(), found.gid()), (1234, 1235), "{}", path.display());
            assert!(found.is_symlink() || found.mode() & 0o7022 == 0, "{}", path.display());
            count += 1;
            if found.is_dir() {
                folders.push(path);
            }
        }
    }
    assert_eq!(count, expected(&[CORE, X2]).len());
    assert_eq!(std::fs::metadata(fixture.state()).expect("there").uid(), std::fs::metadata(fixture.folder.path()).expect("there").uid());
}
