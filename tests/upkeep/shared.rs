//! Sites that share files with the stock and one another by hard links: a further site, or one that goes on, has the others read
//! nothing; what is written through one of the names is seen at every other.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::support::{Outcome, TestEnvironment};

const SITES: [&str; 4] = ["a", "b", "c", "d"];

struct Row {
    env: TestEnvironment,
    breaking: &'static str,
}

impl Row {
    fn new(breaking: &'static str) -> Self {
        let row = Self { env: TestEnvironment::new(), breaking };
        for version in ["1", "2"] {
            for file in ["index.php", "lib/a.php", "lib/deep/b.php", "lib/deep/c.php"] {
                row.env.write(format!("v{version}/{file}"), format!("{file} {version}\n"));
            }
            row.env.write(format!("v{version}/lib/same.php"), "the same in both\n");
        }
        row.want(&SITES.map(|site| (site, "1")));
        row
    }

    fn want(&self, sites: &[(&str, &str)]) {
        let sites: String =
            sites.iter().map(|(site, version)| format!("[sites.{site}]\npath = \"{site}\"\ntypes.core.app = {{ path = \"v{version}\" }}\n")).collect();
        let config = "[config]\nlink-mode = \"hardlink\"\ninstaller = { use = \"builtin:tree\", types = { core = \".\" } }\n";
        self.env.write("greffon.toml", format!("{config}{sites}"));
    }

    fn sync(&self, site: &str) -> Outcome {
        self.env.greffon(["sync", "-y", "--site", site]).env("GREFFON_BREAK", self.breaking).run().succeeds()
    }

    /// What a look says that may read no file of the site.
    fn look(&self, site: &str) -> Outcome {
        self.env.greffon(["status", "--site", site]).env("GREFFON_BREAK", format!("reads,{}", self.breaking)).run()
    }
}

/// Which looks would have had to read files: of every site, after each of the others came, went on and went away.
fn looks_that_read(breaking: &'static str) -> Vec<String> {
    let row = Row::new(breaking);
    let mut read = Vec::new();
    let mut look = |site: &str, when: &str| {
        if row.look(site).status != 0 {
            read.push(format!("{site} {when}"));
        }
    };
    for (at, site) in SITES.iter().enumerate() {
        row.sync(site);
        let inode = |site: &str| row.env.path(site).join("lib/same.php").metadata().expect("there").ino();
        assert_eq!(inode(site), inode("a"));
        SITES[..=at].iter().for_each(|other| look(other, &format!("when {site} came")));
    }
    row.want(&[("a", "1"), ("b", "2"), ("c", "1"), ("d", "2")]);
    for site in ["b", "d"] {
        row.sync(site);
        SITES.iter().for_each(|other| look(other, &format!("when {site} went on")));
    }
    // By other hands nothing is noted: who looks with a right to write reads once, and the others need not.
    std::fs::remove_dir_all(row.env.path("c")).expect("removed");
    row.sync("a");
    for other in ["a", "b", "d"] {
        look(other, "when c was gone");
    }
    read
}

#[test]
fn a_further_site_has_the_others_read_nothing() {
    assert_eq!(looks_that_read(""), Vec::<String>::new());
}

#[test]
fn without_notes_they_read_everything() {
    let read = looks_that_read("links");
    assert!(read.len() > 5 && read.contains(&"a when b came".to_owned()), "{read:?}");
}

/// Writes through a site's name of a shared file, and sets its times back as far as that goes.
fn tamper(row: &Row, path: &str) {
    let path = row.env.path(path);
    let before = path.metadata().expect("there");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("opened up");
    let mut text = std::fs::read(&path).expect("read");
    text[0] ^= 1;
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, before.permissions()).expect("as it was");
    std::fs::File::open(&path).expect("opened").set_modified(before.modified().expect("a time")).expect("set back");
    let after = path.metadata().expect("there");
    assert_eq!((before.ino(), before.len(), before.mtime_nsec()), (after.ino(), after.len(), after.mtime_nsec()));
}

/// Whether a site that is made of a stock's files has what it should after somebody wrote through another site's name of one.
fn made_right_after_tampering(breaking: &'static str) -> bool {
    let row = Row::new(breaking);
    row.sync("a");
    row.sync("b");
    tamper(&row, "a/lib/a.php");
    // Seen at both, as they are one file.
    for site in ["a", "b"] {
        row.env.greffon(["status", "--site", site]).run().succeeds().prints("lib/a.php");
    }
    row.sync("c");
    let right = row.env.read("c/lib/a.php") == "lib/a.php 1\n";
    // And what c did hides nothing at the others.
    for site in ["a", "b"] {
        row.env.greffon(["status", "--site", site]).run().succeeds().prints("lib/a.php");
        row.env.greffon(["sync", "--site", site]).run().fails(1);
    }
    if right {
        assert!(std::fs::read_dir(row.env.stock().join("quarantine")).expect("listed").count() > 0);
        row.env.greffon(["sync", "--site", "a", "--if-local-changes", "save"]).run().succeeds();
        assert_eq!(row.env.read("a/lib/a.php"), "lib/a.php 1\n");
        row.env.greffon(["stock", "verify"]).run().succeeds();
    }
    right
}

#[test]
fn what_is_written_through_a_link_is_seen_everywhere_and_never_linked_again() {
    assert!(made_right_after_tampering(""));
    assert!(!made_right_after_tampering("links"), "without notes the damaged file is linked on");
}

#[test]
fn notes_that_are_lost_damaged_or_of_another_file_cost_a_reading_and_no_more() {
    let row = Row::new("");
    row.sync("a");
    row.sync("b");
    let notes = row.env.stock().join("info/links");
    for damage in [None, Some(&b""[..]), Some(b"GRFLINK1 and nothing of sense")] {
        match damage {
            None => std::fs::remove_file(&notes).expect("removed"),
            Some(bytes) => std::fs::write(&notes, bytes).expect("written"),
        }
        row.env.greffon(["status", "--site", "a"]).run().succeeds().prints("clean");
        row.sync("c");
        row.sync("a");
        assert!(row.look("c").status == 0 && row.look("a").status == 0);
        row.env.greffon(["forget", "c"]).run().succeeds();
        std::fs::remove_dir_all(row.env.path("c")).expect("removed");
    }
}
