//! Files changed by hand: found every time, never written over unasked, and what each answer does with them.
#![allow(clippy::disallowed_methods)]

mod site_fixture;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use greffon::error::ErrorKind;
use greffon::model::{ElementState, FileState, IfLocalChanges, SiteState};
use greffon::roles::{Context, ContextBuilder, Prompter, Question};
use greffon::site::SavedFile;
use site_fixture::{Element, Fixture, expected, with_answer};

const LONG: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
const X1: Element<'_> = ("plugins/x", "1", "plugins/x", &[("x.php", "x1"), ("same.php", "same"), ("long.txt", LONG), ("gone.php", "gone"), ("run", "#!x")]);
const X2: Element<'_> =
    ("plugins/x", "2", "plugins/x", &[("x.php", "x2"), ("same.php", "same"), ("long.txt", "one\n2\n3\n4\n5\n6\n7\n8\n9\n"), ("run", "#!x")]);

fn started() -> Fixture {
    let fixture = Fixture::quick();
    fixture.apply(&[X1]);
    fixture
}

fn write(fixture: &Fixture, path: &str, text: &str) {
    std::fs::write(fixture.path().join(path), text).expect("written");
}

fn states(fixture: &Fixture) -> Vec<(String, FileState)> {
    let status = fixture.site().status(&Context::silent(), false).expect("status");
    status.elements.into_iter().flat_map(|element| element.files).map(|file| (file.path, file.state)).collect()
}

#[test]
fn every_kind_of_change_is_told() {
    let fixture = started();
    let root = fixture.path().join("plugins/x");
    write(&fixture, "plugins/x/x.php", "y1");
    std::fs::remove_file(root.join("gone.php")).expect("removed");
    std::fs::set_permissions(root.join("run"), std::fs::Permissions::from_mode(0o644)).expect("set");
    std::fs::remove_file(root.join("same.php")).expect("removed");
    std::fs::create_dir(root.join("same.php")).expect("made");
    write(&fixture, "plugins/x/added.php", "new");
    std::fs::create_dir_all(fixture.path().join("plugins/wild/deep")).expect("made");
    let status = fixture.site().status(&Context::silent(), false).expect("status");
    assert_eq!(status.state, SiteState::Drift);
    assert_eq!(status.unmanaged, ["plugins/wild"]);
    let found: Vec<(&str, FileState)> = status.elements[0].files.iter().map(|file| (file.path.as_str(), file.state)).collect();
    assert_eq!(
        found,
        [
            ("plugins/x/added.php", FileState::Extra),
            ("plugins/x/gone.php", FileState::Missing),
            ("plugins/x/run", FileState::Modified),
            ("plugins/x/same.php", FileState::TypeChanged),
            ("plugins/x/x.php", FileState::Modified),
        ]
    );
    std::fs::remove_dir_all(&root).expect("removed");
    let status = fixture.site().status(&Context::silent(), false).expect("status");
    assert_eq!((status.elements[0].state, status.elements[0].files.len()), (ElementState::Missing, 0));
    std::os::unix::fs::symlink("wild", &root).expect("linked");
    let found = states(&fixture);
    assert!(found.contains(&("plugins/x".to_owned(), FileState::TypeChanged)), "{found:?}");
}

#[test]
fn by_default_nothing_is_written_and_the_files_are_named() {
    let fixture = started();
    write(&fixture, "plugins/x/x.php", "mine");
    let before = fixture.disk();
    for elements in [&[X1], &[X2]] {
        let error = fixture.site().apply(&Context::silent(), &fixture.request(elements)).expect_err("a local change");
        assert_eq!(error.kind(), ErrorKind::LocalChanges);
        assert!(error.notes().iter().any(|note| note.contains("plugins/x/x.php")));
        assert!(error.hints().iter().any(|hint| hint.contains("save")));
    }
    assert_eq!(fixture.disk(), before);
    assert_eq!(fixture.site().current().expect("readable").expect("one").number, 1);
}

#[test]
fn saved_files_can_be_listed_restored_and_dropped() {
    let fixture = started();
    write(&fixture, "plugins/x/x.php", "mine");
    write(&fixture, "plugins/x/gone.php", "mine too");
    let request = with_answer(fixture.request(&[X2]), IfLocalChanges::Save);
    let applied = fixture.site().apply(&Context::silent(), &request).expect("applied");
    assert_eq!(applied.saved, ["plugins/x/x.php", "plugins/x/gone.php"]);
    assert_eq!(fixture.disk(), expected(&[X2]));
    let site = fixture.site();
    let saved = site.saved().expect("listed");
    assert_eq!(saved.iter().map(|file| (file.run.as_str(), file.path.as_str())).collect::<Vec<_>>(), [("2", "plugins/x/gone.php"), ("2", "plugins/x/x.php")]);
    site.restore_saved(&Context::silent(), &saved[0], false).expect("restored");
    assert_eq!(std::fs::read_to_string(fixture.path().join("plugins/x/gone.php")).expect("there"), "mine too");
    std::fs::write(fixture.path().join("plugins/x/x.php"), "newer").expect("written");
    assert!(site.restore_saved(&Context::silent(), &saved[1], false).is_err(), "something newer stands there");
    site.restore_saved(&Context::silent(), &saved[1], true).expect("restored");
    assert_eq!(std::fs::read_to_string(fixture.path().join("plugins/x/x.php")).expect("there"), "mine");
    let left = site.saved().expect("listed");
    assert_eq!(left.len(), 1, "what was replaced was put aside: {left:?}");
    site.drop_saved(&Context::silent(), &left[0]).expect("dropped");
    assert!(site.drop_saved(&Context::silent(), &left[0]).is_err_and(|error| error.kind() == ErrorKind::NotFound));
    assert!(site.drop_saved(&Context::silent(), &SavedFile { run: "2".into(), path: "../../id".into(), size: 0 }).is_err());
}

#[test]
fn keep_leaves_them_and_overwrite_does_not() {
    let fixture = started();
    write(&fixture, "plugins/x/x.php", "mine");
    std::fs::remove_file(fixture.path().join("plugins/x/same.php")).expect("removed");
    fixture.site().apply(&Context::silent(), &with_answer(fixture.request(&[X2]), IfLocalChanges::Keep)).expect("applied");
    let disk = fixture.disk();
    assert_eq!(disk.get("plugins/x/x.php").map(String::as_str), Some("mine"));
    assert!(!disk.contains_key("plugins/x/same.php"), "a deleted file stays deleted");
    assert_eq!(states(&fixture), [("plugins/x/same.php".to_owned(), FileState::Missing), ("plugins/x/x.php".to_owned(), FileState::Modified)]);
    fixture.site().apply(&Context::silent(), &with_answer(fixture.request(&[X2]), IfLocalChanges::Overwrite)).expect("applied");
    assert_eq!(fixture.disk(), expected(&[X2]));
    assert!(fixture.site().saved().expect("listed").is_empty());
}

#[test]
fn merge_is_three_way_and_a_conflict_stops_before_any_write() {
    let fixture = started();
    write(&fixture, "plugins/x/long.txt", "1\n2\n3\n4\n5\n6\n7\n8\nnine\n");
    let request = with_answer(fixture.request(&[X2]), IfLocalChanges::Merge);
    fixture.site().apply(&Context::silent(), &request).expect("merged");
    assert_eq!(fixture.disk().get("plugins/x/long.txt").map(String::as_str), Some("one\n2\n3\n4\n5\n6\n7\n8\nnine\n"));
    assert_eq!(states(&fixture), [("plugins/x/long.txt".to_owned(), FileState::Modified)]);
    fixture.site().apply(&Context::silent(), &request).expect("nothing to do");
    assert_eq!(fixture.site().current().expect("readable").expect("one").number, 2);

    write(&fixture, "plugins/x/x.php", "mine");
    let before = fixture.disk();
    let error = fixture.site().apply(&Context::silent(), &with_answer(fixture.request(&[X1]), IfLocalChanges::Merge)).expect_err("a conflict");
    assert_eq!(error.kind(), ErrorKind::LocalChanges);
    assert!(error.notes().iter().any(|note| note.contains("plugins/x/x.php")), "{error:?}");
    assert_eq!(fixture.disk(), before);
}

struct Says(&'static str);

impl Prompter for Says {
    fn is_present(&self) -> bool {
        true
    }
    fn ask(&self, question: &Question) -> greffon::error::Result<String> {
        assert!(question.text.contains("plugins/x/x.php"), "{}", question.text);
        Ok(self.0.to_owned())
    }
}

#[test]
fn ask_asks_and_without_anybody_it_stops() {
    let fixture = started();
    write(&fixture, "plugins/x/x.php", "mine");
    let request = with_answer(fixture.request(&[X2]), IfLocalChanges::Ask);
    assert_eq!(fixture.site().apply(&Context::silent(), &request).expect_err("nobody there").kind(), ErrorKind::LocalChanges);
    let cx = |answer| ContextBuilder::default().prompter(std::sync::Arc::new(Says(answer))).build();
    assert_eq!(fixture.site().apply(&cx("abort"), &request).expect_err("the answer is no").kind(), ErrorKind::LocalChanges);
    fixture.site().apply(&cx("save"), &request).expect("applied");
    assert_eq!(fixture.disk(), expected(&[X2]));
    assert_eq!(fixture.site().saved().expect("listed").len(), 1);
}

#[test]
fn deleted_files_come_back() {
    let fixture = started();
    std::fs::remove_dir_all(fixture.path().join("plugins")).expect("removed");
    let applied = fixture.apply(&[X1]);
    assert_eq!((applied.generation, applied.files.add), (2, 5));
    assert_eq!(fixture.disk(), expected(&[X1]));
    std::fs::remove_dir_all(fixture.path()).expect("removed");
    fixture.apply(&[X1]);
    assert_eq!(fixture.disk(), expected(&[X1]));
}

#[test]
fn an_edit_of_the_same_length_in_the_same_tick_is_seen() {
    let fixture = started();
    for round in 0..200 {
        // At once after the run that recorded the witness.
        write(&fixture, "plugins/x/x.php", if round % 2 == 0 { "A1" } else { "B1" });
        assert_eq!(states(&fixture), [("plugins/x/x.php".to_owned(), FileState::Modified)], "round {round}");
        fixture.site().apply(&Context::silent(), &with_answer(fixture.request(&[X1]), IfLocalChanges::Overwrite)).expect("repaired");
        if round % 10 == 0 {
            assert_eq!(states(&fixture), []);
        }
    }
}

#[test]
fn a_run_that_finds_a_change_made_under_its_hands_puts_it_aside() {
    // The scan saw the recorded file; between scan and exchange somebody edits it. The window is forced open by a writer that
    // never stops.
    let fixture = started();
    let path = fixture.path().join("plugins/x/x.php");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let mut rounds = 0;
    let edits = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        let (stop, path, edits) = (&stop, &path, &edits);
        let writer = scope.spawn(move || {
            let mut count = 0_u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                count += 1;
                if replace(path, &format!("edit {count}")) {
                    edits.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                }
                std::thread::sleep(std::time::Duration::from_micros(300));
            }
        });
        for round in 0..40 {
            // On a busy machine the writer may not have had its turn since the last round.
            let before = edits.load(std::sync::atomic::Ordering::SeqCst);
            while edits.load(std::sync::atomic::Ordering::SeqCst) == before && !writer.is_finished() {
                std::thread::yield_now();
            }
            let elements = if round % 2 == 0 { [X2] } else { [X1] };
            let applied = fixture.site().apply(&Context::silent(), &with_answer(fixture.request(&elements), IfLocalChanges::Save));
            if applied.is_err() {
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            applied.expect("applied");
            rounds += 1;
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(rounds, 40);
    let saved = fixture.site().saved().expect("listed");
    assert!(saved.iter().filter(|file| file.path.starts_with("plugins/x/x.php")).count() >= 30, "edits were lost: {}", saved.len());
}

fn replace(path: &Path, text: &str) -> bool {
    let aside = path.with_extension("writer");
    std::fs::write(&aside, text).expect("written");
    // A run may put the folder with the file aside between the two.
    let renamed = std::fs::rename(&aside, path);
    if let Err(error) = &renamed {
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
    }
    renamed.is_ok()
}

/// A folder is listed only where its own times moved: setting them back must not hide what was added.
#[test]
fn a_name_added_to_a_folder_whose_time_was_set_back_is_seen() {
    let fixture = Fixture::new();
    fixture.apply(&[X1]);
    let folder = fixture.path().join("plugins/x");
    std::thread::sleep(std::time::Duration::from_millis(40));
    let state = || fixture.site().status(&Context::silent(), false).expect("status").state;
    assert_eq!(state(), SiteState::Clean);
    let before = std::fs::metadata(&folder).expect("there").modified().expect("a time");
    std::fs::write(folder.join("added"), "by hand").expect("written");
    std::fs::File::open(&folder).expect("opened").set_modified(before).expect("set back");
    assert_eq!(state(), SiteState::Drift, "the folder was taken for unchanged");
    std::fs::remove_file(folder.join("added")).expect("removed");
    assert_eq!(state(), SiteState::Clean);
    // Another folder of the same names in its place.
    let aside = fixture.folder.path().join("aside");
    std::fs::rename(&folder, &aside).expect("moved");
    std::fs::create_dir(&folder).expect("made");
    assert_eq!(state(), SiteState::Drift, "an empty folder was taken for the full one");
    std::fs::remove_dir(&folder).expect("removed");
    std::fs::rename(&aside, &folder).expect("moved back");
    std::fs::write(folder.join("late"), "added in the folder that came back").expect("written");
    assert_eq!(state(), SiteState::Drift);
}
