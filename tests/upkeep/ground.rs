//! Ground that does not give way: mounts inside a site, files that the system lets nobody change, names and paths as long as can be,
//! pipes in the places of files. Each is refused whole or done whole.

use std::collections::BTreeMap;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::support::{Outcome, Repo, TestEnvironment};

/// A site of a core and a plugin, at the first of two versions.
struct Plot {
    env: TestEnvironment,
    core: Repo,
}

impl Plot {
    fn new() -> Self {
        let env = TestEnvironment::new();
        let core = Repo::init(&env.root().join("core"));
        let plugin = Repo::init(&env.root().join("plugin"));
        for version in ["1.0.0", "2.0.0"] {
            core.write("index.php", version).write("lib/a.php", version).write("lib/same.php", "same").commit(version);
            core.tag(&format!("v{version}"));
            plugin.write("p.php", version).write("s/s.php", "same").commit(version);
            plugin.tag(&format!("v{version}"));
        }
        let plot = Self { env, core };
        plot.want("1.0.0");
        plot.run("sync").succeeds();
        plot.want("2.0.0");
        plot
    }

    fn want(&self, version: &str) {
        let (core, plugin) = (self.env.root().join("core"), self.env.root().join("plugin"));
        self.env.write(
            "greffon.toml",
            format!(
                "[config]\ninstaller = {{ use = \"builtin:tree\", types = {{ core = \".\", plugins = \"plugins/{{name}}\" }} }}\n[types.core]\napp = {{ git = {core:?}, version = \"={version}\" }}\n\
                 [types.plugins]\np = {{ git = {plugin:?}, version = \"={}\" }}\n[sites.one]\npath = \"one\"\n",
                if version == "1.0.0" { version } else { "2.0.0" }
            ),
        );
    }

    fn run(&self, words: &str) -> Outcome {
        self.env.greffon(words.split_whitespace()).run()
    }

    fn tree(&self) -> BTreeMap<String, String> {
        self.env.tree("one")
    }
}

fn works(program: &str, words: &[&str]) -> bool {
    Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Something mounted, for as long as this lives.
struct Mounted(PathBuf);

impl Mounted {
    fn bind(from: PathBuf, at: PathBuf) -> Option<Self> {
        works("mount", &["--bind", from.to_str()?, at.to_str()?]).then_some(Self(at))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn what_is_mounted_in_a_site_stops_a_run_before_it_writes() {
    // The last holds nothing that changes: what is around it goes file by file.
    for (place, stops) in [("one/lib", true), ("one/plugins/p", true), ("one/lib/a.php", true), ("one/plugins/p/s", false)] {
        let plot = Plot::new();
        let aside = plot.env.path("aside");
        assert!(works("cp", &["-a", plot.env.path(place).to_str().expect("UTF-8"), aside.to_str().expect("UTF-8")]));
        let Some(mounted) = Mounted::bind(aside, plot.env.path(place)) else {
            eprintln!("nothing may be mounted here: passed over");
            return;
        };
        let before = plot.tree();
        let outcome = plot.run("sync -y");
        if stops {
            outcome.fails(1).says("is mounted at").says("nothing was written").says("hint: ");
            assert_eq!(plot.tree(), before, "{place}");
            plot.run("status").succeeds().prints("clean");
        } else {
            outcome.succeeds();
        }
        drop(mounted);
        plot.run("sync -y").succeeds();
        assert_eq!((plot.env.read("one/index.php"), plot.env.read("one/plugins/p/p.php")), ("2.0.0".to_owned(), "2.0.0".to_owned()), "{place}");
        plot.run("verify").succeeds();
    }
}

#[test]
fn what_nobody_may_change_stays_with_everything_else() {
    for place in ["one/lib/a.php", "one/index.php", "one/lib", "one/plugins/p/p.php"] {
        let plot = Plot::new();
        let path = plot.env.path(place).display().to_string();
        if !works("chattr", &["+i", &path]) {
            eprintln!("nothing can be made immutable here: passed over");
            return;
        }
        let before = plot.tree();
        let outcome = plot.run("sync -y");
        let after = plot.tree();
        assert!(works("chattr", &["-i", &path]));
        outcome.fails(1).says("hint: ");
        assert_eq!(after, before, "{place}");
        plot.run("sync -y").succeeds();
        assert_eq!((plot.env.read("one/index.php"), plot.env.read("one/plugins/p/p.php")), ("2.0.0".to_owned(), "2.0.0".to_owned()), "{place}");
    }
}

#[test]
fn a_pipe_in_a_files_place_is_told_put_aside_and_never_read() {
    let plot = Plot::new();
    std::fs::remove_file(plot.env.path("one/lib/a.php")).expect("removed");
    assert!(works("mkfifo", &[plot.env.path("one/lib/a.php").to_str().expect("UTF-8")]));
    plot.run("status").succeeds().prints("type changed");
    let verified = plot.run("verify");
    assert!(format!("{}{}", verified.stdout, verified.stderr).contains("lib/a.php"), "{}", verified.stderr);
    plot.run("sync -y").fails(1).says("type changed: lib/a.php");
    plot.run("sync -y --if-local-changes save").succeeds().says("saved lib/a.php");
    assert_eq!(plot.env.read("one/lib/a.php"), "2.0.0");
    let saved = plot.env.path(".greffon-one/saved/2/lib/a.php").symlink_metadata().expect("there");
    assert!(saved.file_type().is_fifo());
}

#[test]
fn names_and_paths_as_long_as_can_be() {
    let plot = Plot::new();
    let name = format!("{}.php", "n".repeat(251));
    let deep = format!("{}/x.php", vec!["d".repeat(99); 39].join("/"));
    plot.core.write(&name, "long").write(&deep, "deep").commit("long");
    plot.core.tag("v3.0.0");
    plot.want("3.0.0");
    plot.run("sync -y").succeeds();
    assert_eq!((plot.env.read(format!("one/{name}")), plot.env.read(format!("one/{deep}"))), ("long".to_owned(), "deep".to_owned()));
    for edit in ["mine", "mine again"] {
        plot.env.write(format!("one/{name}"), edit);
        plot.env.write(format!("one/{deep}"), edit);
        plot.run("sync -y --if-local-changes save").succeeds();
        assert_eq!(plot.env.read(format!("one/{name}")), "long");
    }
    assert_eq!(plot.run("saved --json").succeeds().json()["sites"][0]["files"].as_array().map_or(0, Vec::len), 4);
    plot.run("rollback 1").succeeds();
    assert!(!plot.env.exists(format!("one/{name}")) && !plot.env.exists(format!("one/{}", "d".repeat(99))));
    // One that no system call takes, as nobody's work tree could hold it: refused before anything is written.
    let mut tree = plot.core.git(&["rev-parse", "v1.0.0^{tree}"]).trim().to_owned();
    for _ in 0..60 {
        let line = format!("040000 tree {tree}\t{}\n", "e".repeat(99));
        tree = super::support::git_with_input(plot.core.folder(), &["mktree"], line.as_bytes(), 1).trim().to_owned();
    }
    let commit = plot.core.git(&["-c", "user.name=t", "-c", "user.email=t@example.org", "commit-tree", &tree, "-m", "too deep"]);
    plot.core.git(&["tag", "v4.0.0", commit.trim()]);
    let before = plot.tree();
    plot.want("4.0.0");
    plot.run("sync -y --release").fails(1).says("a path of more than").says("hint: ");
    assert_eq!(plot.tree(), before);
}
