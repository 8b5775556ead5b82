//! A disk that is really full, at every size between too small and enough. Needs to mount (root); says so and passes elsewhere.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod site_fixture;

use std::path::{Path, PathBuf};
use std::process::Command;

use greffon::model::SiteState;
use greffon::roles::Context;
use site_fixture::{Element, Fixture, expected};

/// A tmpfs of a few kilobytes, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(at).expect("made");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "greffon-test"]).arg(at).output();
        done.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    fn resize(&self, options: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).output().expect("mount runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

fn used(path: &Path, column: &str) -> u64 {
    let output = Command::new("df").arg(format!("--output={column}")).arg("-k").arg(path).output().expect("df runs");
    String::from_utf8_lossy(&output.stdout).lines().last().and_then(|line| line.trim().parse().ok()).expect("a number")
}

#[test]
fn the_earlier_tree_or_the_wanted_one_is_left() {
    let big: String = "0123456789abcde\n".repeat(2000);
    let (core1, core2) = (big.clone() + "1", big.clone() + "2");
    let before: [Element<'_>; 2] = [
        ("core/app", "1", ".", &[("index.php", &core1), ("a/b.php", "b"), ("goes.php", "g")]),
        ("plugins/x", "1", "plugins/x", &[("x.php", "x1"), ("y.php", "y1"), ("same.php", &big)]),
    ];
    let after: [Element<'_>; 2] = [
        ("core/app", "2", ".", &[("index.php", &core2), ("a/b.php", "b"), ("comes.php", &big)]),
        ("plugins/x", "2", "plugins/x", &[("x.php", "x2"), ("y.php", "y2"), ("same.php", &big)]),
    ];
    let (mut failed, mut done) = (0, 0);
    for (limit, column, step) in [("size", "used", 4), ("nr_inodes", "iused", 1)] {
        let mut fixture = Fixture::new();
        let mount = fixture.folder.path().join("disk");
        let Some(disk) = Disk::mount(&mount, "size=4m") else {
            eprintln!("skipped: this user may not mount");
            return;
        };
        fixture.wanted.path = mount.join("html");
        fixture.apply(&before);
        let request = fixture.request(&after);
        let start = used(&mount, column);
        let mut free = 0;
        loop {
            free += step;
            let unit = if limit == "size" { "k" } else { "" };
            disk.resize(&format!("{limit}={}{unit}", start + free));
            let outcome = fixture.site().apply(&Context::silent(), &request);
            let found = fixture.disk();
            match outcome {
                Ok(_) => {
                    assert_eq!(found, expected(&after), "{limit} +{free}");
                    done += 1;
                    break;
                }
                Err(error) => {
                    failed += 1;
                    assert!(found == expected(&before), "{limit} +{free}: {error} {:?} left {:?}", error.notes(), found.keys());
                    assert_eq!(fixture.site().status(&Context::silent(), true).expect("status").state, SiteState::Clean, "{limit} +{free}: {error}");
                    assert!(error.message().contains("could not"), "{error}");
                    // A stage of four such files would be 128 kB; a record that was begun may leave a few small objects.
                    assert!(used(&mount, column) <= start + 60, "{limit} +{free}: what was begun takes up space: {} after {start}", used(&mount, column));
                }
            }
            assert!(free < 4000, "{limit}: it never succeeded");
        }
        drop(disk);
    }
    assert!(failed > 20 && done == 2, "{failed} runs failed, {done} ended well");
}
