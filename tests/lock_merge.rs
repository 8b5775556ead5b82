//! The merge promise of the lockfile, kept by real git: branches that each add an element merge without a conflict.

use std::path::Path;
use std::process::{Command, Output};

use greffon::manifest::{gitattributes, parse_lock, read_lock, write_lock};
use greffon::model::{ElementId, Lock, LockKey, LockedElement, Pin, Version};

fn id(text: &str) -> ElementId {
    text.parse().expect("an id")
}

fn pin(version: &str) -> Pin {
    Pin { version: Version::new(version), discriminator: String::new() }
}

/// A lock of these elements, written `type/name@version`.
fn lock(elements: &[&str]) -> Lock {
    let mut lock = Lock::default();
    for element in elements {
        let (name, version) = element.split_once('@').expect("name@version");
        let locked = LockedElement { url: Some(format!("https://h/{name}-{version}.zip")), ..LockedElement::default() };
        lock.elements.insert(LockKey { id: id(name), pin: pin(version) }, locked);
    }
    lock
}

/// A repository in which a file was changed on two branches.
struct Repository(tempfile::TempDir);

impl Repository {
    fn new(base: &Lock) -> Self {
        let repository = Self(tempfile::tempdir().expect("a folder"));
        repository.git(&["init", "-q", "-b", "main"]);
        let attributes = gitattributes(None).expect("the line is missing");
        fs_err::write(repository.path().join(".gitattributes"), attributes).expect("written");
        repository.commit(base);
        repository
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        #[allow(clippy::disallowed_methods)]
        let mut git = Command::new("git");
        git.current_dir(self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .output()
            .expect("git runs")
    }

    fn git(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit(&self, lock: &Lock) {
        fs_err::write(self.path().join("greffon.lock"), write_lock(lock)).expect("written");
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "lock"]);
    }

    /// One lock on `main`, another on a branch from where `main` was, merged into `main`.
    fn merge(&self, ours: &Lock, theirs: &Lock) -> (bool, String) {
        self.git(&["switch", "-q", "-c", "other"]);
        self.commit(theirs);
        self.git(&["switch", "-q", "main"]);
        self.commit(ours);
        let clean = self.run(&["merge", "-q", "-m", "merge", "other"]).status.success();
        (clean, fs_err::read_to_string(self.path().join("greffon.lock")).expect("text"))
    }
}

const BASE: [&str; 3] = ["core/app@4", "plugins/m@1", "plugins/z@1"];

fn with(added: &[&str]) -> Lock {
    lock(&[&BASE[..], added].concat())
}

#[test]
fn two_branches_that_each_add_an_element_merge() {
    for (ours, theirs) in [
        (vec!["plugins/n@1"], vec!["plugins/o@2"]),
        (vec!["plugins/o@2"], vec!["plugins/n@1"]),
        (vec!["plugins/a@1"], vec!["plugins/zz@2"]),
        (vec!["plugins/n@1", "themes/t@1"], vec!["plugins/n@1", "plugins/o@2"]),
    ] {
        let (clean, text) = Repository::new(&with(&[])).merge(&with(&ours), &with(&theirs));
        assert!(clean, "{ours:?} and {theirs:?} conflict:\n{text}");
        let (merged, doubt) = parse_lock(Path::new("greffon.lock"), &text).expect("a lockfile");
        assert!(!doubt, "{text}");
        assert_eq!(merged, with(&[&ours[..], &theirs[..]].concat()), "{text}");
    }
}

#[test]
fn sections_that_two_branches_begin_do_not_mix() {
    let mut shared = with(&["plugins/m@2"]);
    shared.shared.insert(id("plugins/m"), pin("1"));
    shared.sites.entry("prod".to_owned()).or_default().insert(id("plugins/m"), pin("2"));
    let mut sites = with(&["plugins/n@1", "plugins/z@2"]);
    sites.shared.insert(id("plugins/z"), pin("2"));
    sites.sites.entry("test".to_owned()).or_default().insert(id("plugins/z"), pin("1"));
    sites.extensions.insert("edd".to_owned(), "sha256:00".to_owned());
    for (ours, theirs) in [(&shared, &sites), (&sites, &shared)] {
        let (clean, text) = Repository::new(&with(&[])).merge(ours, theirs);
        assert!(clean, "{text}");
        let reading = read_lock(Path::new("greffon.lock"), &text).expect("a lockfile");
        assert_eq!(reading.conflicts, Vec::<String>::new(), "{text}");
        let lock = reading.lock;
        assert_eq!((lock.shared.len(), lock.sites.len(), lock.extensions.len(), lock.elements.len()), (2, 2, 1, 6), "{text}");
        let served = |site: &str, name: &str| lock.entry(site, &id(name)).map(|(pin, _)| pin.to_string());
        assert_eq!(served("prod", "plugins/m").as_deref(), Some("2"));
        assert_eq!(served("test", "plugins/m").as_deref(), Some("1"));
        assert_eq!(served("prod", "plugins/z").as_deref(), Some("2"));
        assert_eq!(served("test", "plugins/z").as_deref(), Some("1"));
    }
}

#[test]
fn branches_that_move_the_same_element_are_told_so() {
    let (ours, theirs) = (lock(&["core/app@5", "plugins/m@1", "plugins/z@1"]), lock(&["core/app@6", "plugins/m@1", "plugins/z@1"]));
    let (clean, text) = Repository::new(&with(&[])).merge(&ours, &theirs);
    assert!(clean, "union never stops");
    let reading = read_lock(Path::new("greffon.lock"), &text).expect("readable");
    assert_eq!((reading.conflicts.as_slice(), reading.markers), (&["core/app".to_owned()][..], false));
    assert_eq!(reading.lock, lock(&["plugins/m@1", "plugins/z@1"]));
}

#[test]
fn without_the_attribute_the_markers_are_read() {
    for style in ["merge", "diff3", "zdiff3"] {
        let repository = Repository::new(&with(&[]));
        repository.git(&["rm", "-q", ".gitattributes"]);
        repository.git(&["commit", "-q", "-m", "no attributes"]);
        repository.git(&["config", "merge.conflictStyle", style]);
        let (clean, text) = repository.merge(&with(&["plugins/n@1"]), &with(&["plugins/o@2"]));
        assert!(!clean, "git has two lines at one place");
        let reading = read_lock(Path::new("greffon.lock"), &text).expect("readable");
        assert!(reading.markers, "{text}");
        assert_eq!((reading.conflicts.len(), &reading.lock), (0, &with(&["plugins/n@1", "plugins/o@2"])), "{style}: {text}");
    }
}

#[test]
fn with_the_base_in_the_markers_each_side_keeps_its_move() {
    let repository = Repository::new(&with(&[]));
    repository.git(&["rm", "-q", ".gitattributes"]);
    repository.git(&["commit", "-q", "-m", "no attributes"]);
    repository.git(&["config", "merge.conflictStyle", "diff3"]);
    let (clean, text) = repository.merge(&lock(&["core/app@4", "plugins/m@2", "plugins/z@1"]), &lock(&["core/app@4", "plugins/m@1", "plugins/z@2"]));
    assert!(!clean);
    let reading = read_lock(Path::new("greffon.lock"), &text).expect("readable");
    assert_eq!((reading.conflicts.len(), &reading.lock), (0, &lock(&["core/app@4", "plugins/m@2", "plugins/z@2"])), "{text}");
}
