//! Data is not destroyed by a deleted line: what an application keeps for an element outlives a merge that lost the element.

use serde_json::{Value, json};

use super::support::{Outcome, Repo, TestEnvironment};

/// Three sites of an application that keeps a table for each plugin, and uninstalls what it is told to.
struct Trade {
    env: TestEnvironment,
}

/// The application's uninstall, as a hook; it tells what it was told.
const UNINSTALL: &str = r#"
const NEEDS = #{ write: ["{site}/data"], read: ["{site}"] };
fn before_remove(event, host) {
    let element = event.element;
    if element.destructive { fs::remove("{site}/data/" + element.name + ".table"); }
}
"#;
const SITES: [&str; 3] = ["one", "two", "three"];

impl Trade {
    /// `phases`: whether the installer says that there is data; `hook`: whether a hook has a part in removals.
    fn new(phases: bool, hook: bool) -> Self {
        let trade = Self { env: TestEnvironment::new() };
        for name in ["forum", "wiki", "quiz"] {
            trade.env.write(format!("source/{name}/code.php"), format!("{name}\n"));
        }
        trade.env.write("hooks/app.rhai", UNINSTALL);
        let phases = if phases { ", phases = [\"uninstall\"]" } else { "" };
        let hook =
            if hook { "[hooks]\nbefore-remove = { use = \"hooks/app.rhai\", allow = { write = [\"{site}/data\"], read = [\"{site}\"] } }\n" } else { "" };
        let sites: String = SITES.map(|site| format!("[sites.{site}]\npath = \"sites/{site}\"\n")).concat();
        trade.env.write(
            "greffon.toml",
            format!(
                "[config]\ninstaller = {{ use = \"builtin:tree\", types = {{ plugins = {{ path = \"plugins/{{name}}\"{phases} }} }} }}\n{hook}\
                 [types.plugins]\nforum = {{ path = \"source/forum\" }}\n\nquiz = {{ path = \"source/quiz\" }}\n\nwiki = {{ path = \"source/wiki\" }}\n\n{sites}"
            ),
        );
        trade.run("sync --all --create").succeeds();
        for site in SITES {
            for name in ["forum", "wiki", "quiz"] {
                trade.env.write(format!("sites/{site}/data/{name}.table"), format!("years of {name} at {site}\n"));
            }
        }
        trade
    }

    fn run(&self, words: &str) -> Outcome {
        self.env.greffon(words.split_whitespace()).run()
    }

    /// Two branches that a careless hand merges: one edits the forum's line, the other takes it away.
    fn lose_the_forum(&self) {
        let work = self.env.work();
        std::fs::write(work.join(".gitignore"), "/sites/\n.greffon-*\n").expect("written");
        let repo = Repo::init(&work);
        repo.commit("as it was");
        repo.branch("other");
        let text = self.env.read("greffon.toml");
        self.env.write("greffon.toml", text.replace("forum = { path = \"source/forum\" }\n", ""));
        self.env.write(
            "greffon.lock",
            self.env.read("greffon.lock").lines().filter(|line| !line.contains("plugins/forum")).map(|line| format!("{line}\n")).collect::<String>(),
        );
        repo.commit("an experiment without the forum");
        repo.checkout("main");
        self.env.write("source/wiki/more.php", "more\n");
        repo.commit("the wiki grows");
        repo.git(&["merge", "-q", "--no-edit", "other"]);
        assert!(!self.env.read("greffon.toml").contains("forum"), "the merge went through, and nobody was asked");
    }

    /// What each site still has of an element: its files, its data.
    fn has(&self, name: &str) -> Vec<(bool, bool)> {
        SITES
            .iter()
            .map(|site| (self.env.exists(format!("sites/{site}/plugins/{name}/code.php")), self.env.exists(format!("sites/{site}/data/{name}.table"))))
            .collect()
    }
}

const ALL: [(bool, bool); 3] = [(true, true); 3];
const FILES_GONE: [(bool, bool); 3] = [(false, true); 3];
const ALL_GONE: [(bool, bool); 3] = [(false, false); 3];

fn removal(plan: &Value, site: usize) -> Value {
    plan["sites"][site]["changes"].as_array().expect("changes").iter().find(|change| change["action"] == "remove").expect("a removal").clone()
}

#[test]
fn a_merge_that_loses_a_line_destroys_nothing_on_three_sites() {
    // the installer's word, a hook's part, and both
    for (phases, hook) in [(true, true), (true, false), (false, true)] {
        let trade = Trade::new(phases, hook);
        trade.lose_the_forum();
        let plan = trade.run("plan --json").succeeds().json();
        for site in 0..3 {
            assert_eq!((&removal(&plan, site)["name"], &removal(&plan, site)["destructive"]), (&json!("forum"), &json!(true)));
        }
        trade.run("plan").succeeds().prints("! - plugins/forum");
        for words in ["sync --all", "sync --all -y", "sync --all -y --if-removed abort", "sync --all -y --max-removals 9 --max-fail 3"] {
            let outcome =
                trade.run(words).fails(1).says("nothing was done").says("--purge plugins/forum").says("--if-removed keep-data").says("lost in a merge?");
            for site in SITES {
                assert!(outcome.stderr.contains(&format!("site `{site}`: plugins/forum")), "{words}: `{site}` is told\n{}", outcome.stderr);
            }
            assert_eq!((trade.has("forum"), trade.has("wiki")), (ALL.to_vec(), ALL.to_vec()), "{words}");
            assert!(!trade.env.exists("sites/one/plugins/wiki/more.php"), "not even the harmless half");
        }
        // the line is put back, and all goes on
        let text = trade.env.read("greffon.toml").replace("[types.plugins]\n", "[types.plugins]\nforum = { path = \"source/forum\" }\n");
        trade.env.write("greffon.toml", text);
        trade.run("sync --all -y").succeeds();
        assert_eq!((trade.has("forum"), trade.env.exists("sites/three/plugins/wiki/more.php")), (ALL.to_vec(), true));
    }
}

#[test]
fn an_answer_does_what_it_says() {
    for (words, forum) in [
        ("sync --all -y --if-removed keep-data", FILES_GONE),
        ("sync --all -y --purge plugins/forum", ALL_GONE),
        ("sync --all -y --if-removed purge", ALL_GONE),
        // a flag for another element is no answer for this one
        ("sync --all -y --purge plugins/wiki", ALL),
    ] {
        let trade = Trade::new(true, true);
        trade.lose_the_forum();
        let outcome = trade.run(words);
        assert_eq!(outcome.status, i32::from(forum == ALL), "{words}: {}", outcome.stderr);
        assert_eq!(trade.has("forum"), forum, "{words}");
        assert_eq!(trade.has("wiki"), ALL, "{words}");
    }
    // from the manifest, for one site alone
    let trade = Trade::new(true, true);
    trade.lose_the_forum();
    let text = trade.env.read("greffon.toml").replace("path = \"sites/two\"\n", "path = \"sites/two\"\nclient-options = { if-removed = \"purge\" }\n");
    trade.env.write("greffon.toml", format!("{text}[client-options]\nif-removed = \"keep-data\"\n"));
    let plan = trade.run("plan --json").succeeds().json();
    assert_eq!([0, 1, 2].map(|site| removal(&plan, site)["destructive"].clone()), [json!(false), json!(true), json!(false)].map(|one| one));
    trade.run("sync --all -y").succeeds();
    let mut has: Vec<(bool, bool)> = trade.has("forum");
    has.sort_unstable();
    assert_eq!(has, [(false, false), (false, true), (false, true)]);
}

#[test]
fn what_keeps_no_data_goes_unasked() {
    let trade = Trade::new(false, false);
    trade.lose_the_forum();
    trade.run("sync --all -y").succeeds();
    assert_eq!(trade.has("forum"), FILES_GONE);
}

#[test]
fn data_outlives_a_sync_that_is_refused_for_another_reason() {
    // too many removals, and a local change: both are told before any hook runs
    for what in ["removals", "local change"] {
        let trade = Trade::new(true, true);
        if what == "removals" {
            let text = trade.env.read("greffon.toml");
            let kept: String = text.lines().filter(|line| !line.contains("= { path = \"source/")).map(|line| format!("{line}\n")).collect();
            trade.env.write("greffon.toml", kept);
        } else {
            trade.lose_the_forum();
            trade.env.write("sites/two/plugins/forum/code.php", "edited\n");
        }
        trade.run("sync --all -y --if-removed purge").fails(1);
        for name in ["forum", "wiki", "quiz"] {
            assert_eq!(trade.has(name), ALL, "{what}: {name}");
        }
    }
}

#[test]
fn the_twin_without_the_question_loses_data() {
    let trade = Trade::new(true, true);
    trade.lose_the_forum();
    trade.env.greffon(["sync", "--all", "-y"]).env("GREFFON_BREAK", "if-removed").run().succeeds();
    assert_eq!(trade.has("forum"), ALL_GONE, "the tests above see what happens to data");
}
