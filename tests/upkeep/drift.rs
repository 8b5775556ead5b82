//! What other hands put in an element's place is told as what it is, in one line, and a look at it writes nothing.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::{Value, json};

use super::support::{Repo, TestEnvironment};

/// A site of a core and two plugins from git repositories of many files; only tags say their versions.
struct Field {
    env: TestEnvironment,
    core: Repo,
    forum: Repo,
}

const FILES: usize = 60;

fn release(repo: &Repo, name: &str, version: &str) {
    for at in 0..FILES {
        let part = if at % 2 == 0 { "lib" } else { "lang" };
        // every third file is the same in all versions
        let text = if at % 3 == 0 { format!("{name} {at}\n") } else { format!("{name} {version} {at}\n") };
        repo.write(&format!("{part}/{at}.php"), text);
    }
    repo.write(&format!("only-in-{version}/readme.txt"), format!("{name} {version}\n"));
    repo.commit(version);
    repo.tag(&format!("v{version}"));
    repo.remove(&format!("only-in-{version}/readme.txt"));
}

impl Field {
    fn new() -> Self {
        let env = TestEnvironment::new();
        let (core, forum, wiki) = (Repo::init(&env.root().join("core")), Repo::init(&env.root().join("forum")), Repo::init(&env.root().join("wiki")));
        for version in ["1.0", "2.0", "3.0"] {
            release(&core, "core", version);
            release(&forum, "forum", version);
        }
        wiki.write("view.php", "wiki\n").write("config/local.php", "shipped\n").commit("1.0");
        wiki.tag("v1.0");
        let field = Self { env, core, forum };
        field.want("=1.0", "=1.0");
        field.run("sync -y").succeeds();
        field
    }

    fn want(&self, core: &str, forum: &str) {
        let url = |name: &str| self.env.root().join(name).display().to_string();
        self.env.write(
            "greffon.toml",
            format!(
                "[config]\ninstaller = {{ use = \"builtin:tree\", types = {{ core = \".\", plugins = {{ path = \"plugins/{{name}}\", protect = [\"config/local.php\"] }} }} }}\n\
                 [types.core]\napp = {{ git = \"{}\", version = \"{core}\" }}\n[types.plugins]\nforum = {{ git = \"{}\", version = \"{forum}\" }}\n\
                 wiki = {{ git = \"{}\", version = \"*\" }}\n[sites.main]\npath = \"site\"\n",
                url("core"),
                url("forum"),
                url("wiki")
            ),
        );
    }

    fn run(&self, words: &str) -> super::support::Outcome {
        self.env.greffon(words.split_whitespace()).run()
    }

    /// Unpacks a release over a folder of the site, as people do; `clean`: into its place, nothing else left there.
    fn unpack(&self, repo: &Repo, tag: &str, folder: &str, clean: bool) {
        let target = self.env.path(folder);
        if clean {
            std::fs::remove_dir_all(&target).expect("removed");
        }
        std::fs::create_dir_all(&target).expect("a folder");
        let archive = self.env.root().join("unpacked.tar");
        repo.git(&["archive", "--output", archive.to_str().expect("UTF-8"), tag]);
        let done = std::process::Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&target).status().expect("tar runs");
        assert!(done.success());
    }

    fn status(&self) -> Value {
        self.run("status --json").succeeds().json()["sites"][0].clone()
    }

    fn element(&self, id: &str) -> Value {
        let (kind, name) = id.split_once('/').expect("an id");
        let status = self.status();
        status["elements"].as_array().expect("a list").iter().find(|one| one["type"] == kind && one["name"] == name).expect("there").clone()
    }
}

#[test]
fn an_update_by_other_means_is_one_line() {
    let field = Field::new();
    // exactly the other release, then unpacked over the old one, whose own files stay
    for (clean, what) in [(true, "in place of it"), (false, "over it")] {
        field.unpack(&field.forum, "v1.0", "site/plugins/forum", true);
        field.unpack(&field.forum, "v2.0", "site/plugins/forum", clean);
        let forum = field.element("plugins/forum");
        assert_eq!((&forum["state"], &forum["found"], &forum["files"]), (&json!("other-version"), &json!("2.0"), &json!([])), "{what}: {forum}");
        assert_eq!(field.status()["state"], "drift");
        let text = field.run("status").succeeds().stdout;
        assert!(text.contains("  other version  plugins/forum 1.0, found 2.0\n") && text.lines().count() == 2, "{what}\n{text}");
    }
    // a file more, which is neither's, is told; the rest is still one line
    field.env.write("site/plugins/forum/cache.bin", "the application's\n");
    let forum = field.element("plugins/forum");
    assert_eq!((&forum["found"], &forum["files"]), (&json!("2.0"), &json!([{ "path": "plugins/forum/cache.bin", "state": "extra" }])));
    // the twin: a release that nobody knows is changed files, each named
    field.unpack(&field.forum, "v1.0", "site/plugins/forum", true);
    field.forum.checkout("main");
    release(&field.forum, "forum", "4.0");
    field.unpack(&field.forum, "v4.0", "site/plugins/forum", true);
    let forum = field.element("plugins/forum");
    assert_eq!(forum["state"], "modified");
    assert!(forum["files"].as_array().is_some_and(|files| files.len() > FILES / 2), "{forum}");
}

#[test]
fn edits_are_no_other_version() {
    let field = Field::new();
    field.env.write("site/plugins/forum/lib/2.php", "edited\n");
    assert_eq!(field.element("plugins/forum")["state"], "modified");
    // half of an update is none
    field.env.write("site/plugins/forum/lib/2.php", "forum 2.0 2\n");
    field.env.write("site/plugins/forum/lib/4.php", "forum 2.0 4\n");
    let forum = field.element("plugins/forum");
    assert_eq!((&forum["state"], forum["files"].as_array().map(Vec::len)), (&json!("modified"), Some(2)));
    // a whole one with an edit in it is not the release either
    field.unpack(&field.forum, "v2.0", "site/plugins/forum", true);
    field.env.write("site/plugins/forum/lib/8.php", "edited\n");
    assert_eq!(field.element("plugins/forum")["state"], "modified");
}

#[test]
fn the_core_is_told_too_and_what_its_owner_keeps_beside_it_is_not() {
    let field = Field::new();
    field.env.write("site/config.php", "secret\n");
    field.env.write("site/uploads/picture.bin", "theirs\n");
    field.unpack(&field.core, "v3.0", "site", false);
    let core = field.element("core/app");
    assert_eq!((&core["state"], &core["found"], &core["files"]), (&json!("other-version"), &json!("3.0"), &json!([])));
    assert_eq!(field.element("plugins/forum")["state"], "clean");
    let before = field.env.tree("site");
    field.run("sync -y").fails(1).says("core/app 3.0 stands there, greffon put 1.0 there, and greffon.lock says 1.0");
    assert_eq!(field.env.tree("site"), before);
    field.run("sync -y --if-version-mismatch latest").succeeds().says("core/app stays at 3.0");
    assert_eq!(field.env.tree("site"), before);
    field.run("sync -y --if-version-mismatch replace").succeeds();
    assert_eq!(field.env.read("site/lib/2.php"), "core 1.0 2\n");
    assert_eq!(field.env.read("site/config.php"), "secret\n");
    assert!(field.env.exists("site/uploads/picture.bin"));
    let status = field.status();
    assert_eq!(status["elements"][0]["state"], "clean", "{status}");
    assert!(field.env.exists(".greffon-site/saved/2/lib/2.php") || field.env.exists(".greffon-site/saved/1/lib/2.php"), "what was replaced is put aside");
}

#[test]
fn each_answer_leaves_a_whole_version() {
    for (flags, version, clean) in [
        ("--if-version-mismatch replace", "1.0", true),
        ("--if-version-mismatch earliest", "1.0", true),
        ("--if-version-mismatch keep", "2.0", false),
        ("--if-version-mismatch latest", "2.0", false),
        ("--if-local-changes save", "1.0", true),
        ("--if-local-changes overwrite", "1.0", true),
        ("--if-local-changes keep", "2.0", false),
    ] {
        let field = Field::new();
        field.unpack(&field.forum, "v2.0", "site/plugins/forum", true);
        field.run(&format!("sync -y {flags}")).succeeds();
        assert_eq!(field.env.read("site/plugins/forum/lib/2.php"), format!("forum {version} 2\n"), "{flags}");
        assert_eq!(field.env.exists("site/plugins/forum/only-in-2.0/readme.txt"), !clean, "{flags}: no mixture of two versions");
        let forum = field.element("plugins/forum");
        assert_eq!(forum["state"], if clean { "clean" } else { "other-version" }, "{flags}: {forum}");
    }
    // without an answer nothing is written
    let field = Field::new();
    field.unpack(&field.forum, "v2.0", "site/plugins/forum", false);
    let before = field.env.tree("site");
    for flags in ["", " --if-version-mismatch abort", " --if-local-changes abort"] {
        field.run(&format!("sync -y{flags}")).fails(1).says("plugins/forum 2.0 stands there");
    }
    assert_eq!(field.env.tree("site"), before);
    // what the manifest asks for by now is taken as it stands
    field.want("=1.0", "=2.0");
    field.run("lock").succeeds();
    field.run("sync -y").succeeds();
    assert_eq!(field.element("plugins/forum")["state"], "clean");
    assert!(!field.env.exists("site/plugins/forum/only-in-1.0/readme.txt"), "what only the old version had goes");
}

#[test]
fn an_element_that_was_moved_is_told_where_it_is() {
    let field = Field::new();
    let site = field.env.path("site");
    let moved = |from: &str, to: &str| {
        std::fs::create_dir_all(site.join(to).parent().expect("a folder above")).expect("a folder");
        std::fs::rename(site.join(from), site.join(to)).expect("moved");
    };
    for to in ["plugins/forum-old", "plugins/wiki/forum", "lib/deep/down/forum", "elsewhere/forum"] {
        moved("plugins/forum", to);
        let status = field.status();
        let forum = field.element("plugins/forum");
        assert_eq!((&forum["state"], &forum["found"], &forum["files"]), (&json!("misplaced"), &json!(to), &json!([])), "{to}");
        assert!(!status["unmanaged"].to_string().contains("forum-old"), "it is told once: {status}");
        moved(to, "plugins/forum");
    }
    std::fs::remove_dir(site.join("lib/deep/down")).and_then(|()| std::fs::remove_dir(site.join("lib/deep"))).expect("removed");
    assert_eq!(field.status()["state"], "clean");
    // with its owner's file in it, which greffon does not answer for
    field.env.write("site/plugins/wiki/config/local.php", "the owner's\n");
    moved("plugins/wiki", "plugins/wiki2");
    assert_eq!(field.element("plugins/wiki")["found"], "plugins/wiki2");
    moved("plugins/wiki2", "plugins/wiki");
    // in each other's places
    moved("plugins/forum", "third");
    moved("plugins/wiki", "plugins/forum");
    moved("third", "plugins/wiki");
    for (id, place) in [("plugins/forum", "plugins/wiki"), ("plugins/wiki", "plugins/forum")] {
        let element = field.element(id);
        assert_eq!((&element["state"], &element["found"]), (&json!("misplaced"), &json!(place)), "{id}");
    }
    moved("plugins/forum", "third");
    moved("plugins/wiki", "plugins/forum");
    moved("third", "plugins/wiki");
    // the twins: a copy that was edited, and a copy of what still stands in its place
    moved("plugins/forum", "plugins/forum2");
    field.env.write("site/plugins/forum2/lib/2.php", "edited\n");
    assert_eq!(field.element("plugins/forum")["state"], "missing");
    field.env.write("site/plugins/forum2/lib/2.php", "forum 1.0 2\n");
    assert_eq!(field.element("plugins/forum")["state"], "misplaced");
    field.run("sync -y").succeeds();
    assert_eq!(field.element("plugins/forum")["state"], "clean", "it is put back, and the copy stays");
    assert!(field.env.exists("site/plugins/forum2/lib/2.php"));
}

/// Every name below a folder with all that the system says of it but the time of the last reading.
fn snapshot(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let about = path.symlink_metadata().expect("looked at");
        found.push(format!(
            "{} {} {:o} {} {} {} {}.{} {}.{}",
            path.display(),
            about.ino(),
            about.mode(),
            about.nlink(),
            about.uid(),
            about.size(),
            about.mtime(),
            about.mtime_nsec(),
            about.ctime(),
            about.ctime_nsec()
        ));
        if about.is_dir() {
            waiting.extend(std::fs::read_dir(&path).expect("listed").map(|entry| entry.expect("an entry").path()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_look_writes_neither_site_nor_stock() {
    let field = Field::new();
    let all = || (snapshot(&field.env.path("site")), snapshot(&field.env.path(".greffon-site")), snapshot(&field.env.stock()));
    field.unpack(&field.forum, "v2.0", "site/plugins/forum", true);
    // bytes that no known version has: somebody could want to keep them in order to look at them
    field.env.write("site/lib/2.php", "edited by hand, and in no stock\n");
    field.env.write("site/lib/new/file.php", "new\n");
    std::fs::rename(field.env.path("site/plugins/wiki"), field.env.path("site/plugins/moved")).expect("moved");
    field.env.write("site/plugins/moved/greffon.toml", "[package]\ntype = \"plugins\"\nname = \"wiki\"\nversion = \"7.0\"\n");
    let before = all();
    for command in
        ["status", "status --json", "verify", "status --offline", "diff 1 1", "list", "plan --offline", "sync -y --dry-run --offline", "history", "saved list"]
    {
        field.run(command);
        let after = all();
        assert!(before.0 == after.0 && before.1 == after.1, "`{command}` wrote in the site or its state");
        let new: Vec<&String> = after.2.iter().filter(|line| !before.2.contains(line)).collect();
        assert!(new.is_empty(), "`{command}` wrote in the stock: {new:?}");
    }
    // the twin: what a look must not do shows in the snapshot
    field.env.write("site/lib/twin", "");
    assert_ne!(before.0, all().0);
}

#[test]
fn code_that_says_its_version_is_believed_where_no_tree_is_known() {
    let field = Field::new();
    let env = &field.env;
    let package = |version: &str| format!("[package]\ntype = \"plugins\"\nname = \"own\"\nversion = \"{version}\"\n");
    env.write("own/greffon.toml", package("1.0"));
    env.write("own/code.php", "1.0\n");
    let text = env.read("greffon.toml").replace("[sites.main]", "own = { path = \"own\" }\n[sites.main]");
    env.write("greffon.toml", text);
    field.run("sync -y").succeeds();
    env.write("site/plugins/own/greffon.toml", package("1.5"));
    env.write("site/plugins/own/code.php", "1.5\n");
    env.write("site/plugins/own/new.php", "1.5\n");
    let own = field.element("plugins/own");
    assert_eq!((&own["state"], &own["found"], &own["files"]), (&json!("other-version"), &json!("1.5"), &json!([])), "{own}");
    field.run("sync -y --if-version-mismatch replace").succeeds();
    assert_eq!(env.read("site/plugins/own/code.php"), "1.0\n");
    assert!(!env.exists("site/plugins/own/new.php"), "what came with it is put aside with it");
    assert_eq!(field.element("plugins/own")["state"], "clean");
}
