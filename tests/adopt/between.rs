//! What adopt locked between two tags stays there, whatever else makes the lock anew, until it is updated itself.

use super::Hand;
use super::moodle_site::plugin;
use super::support::{self, GitServer, Outcome, Repo};

const ID: &str = "plugins/mod_choicegroup";

/// A site with `mod_choicegroup` as it stood between two tags; of its version there is a later commit, which has a tag.
struct Between {
    hand: Hand,
    repo: Repo,
    /// The commit that stands in the site.
    commit: String,
}

impl Between {
    fn new() -> Self {
        let hand = Hand::new();
        let repo = hand.campus.plugin("mod_choicegroup", "2022010100", "");
        repo.tag("v1").write("version.php", plugin("mod_choicegroup", "2023061400", "")).write("lib.php", "<?php // between\n");
        let commit = repo.commit("between");
        repo.write("lib.php", "<?php // released\n").commit("released");
        repo.tag("v2").write("version.php", plugin("mod_choicegroup", "2024090900", "")).commit("later");
        repo.tag("v3");
        hand.put("mod_choicegroup", &commit, "html/mod/choicegroup");
        Self { hand, repo, commit }
    }

    fn adopted() -> Self {
        let between = Self::new();
        between.hand.adopt("html", &[]).succeeds();
        assert!(between.line().contains(&between.commit), "{}", between.line());
        between
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        self.hand.campus.env.greffon(arguments).run()
    }

    /// The element's lines in the lock.
    fn line(&self) -> String {
        let lock = self.hand.campus.env.read("greffon.lock");
        lock.lines().filter(|line| line.starts_with(&format!("\"{ID}@"))).collect::<Vec<_>>().join("\n")
    }

    fn edit(&self, from: &str, to: &str) {
        let env = &self.hand.campus.env;
        let text = env.read("greffon.toml");
        assert!(text.contains(from), "{text}");
        env.write("greffon.toml", text.replace(from, to));
    }
}

#[test]
fn a_commit_between_two_tags_stays_whatever_else_is_resolved() {
    let between = Between::adopted();
    let env = &between.hand.campus.env;
    let line = between.line();
    for arguments in [["add", "local_old"].as_slice(), &["update", "block_xp"], &["update", "core/moodle", "--to", "4.5.1"], &["remove", "local_old"]] {
        let said = between.run(arguments).succeeds();
        assert_eq!(between.line(), line, "after {arguments:?}: {}", said.stderr);
        assert!(!said.stderr.contains("choicegroup"), "{}", said.stderr);
    }
    between.edit("block_xp = \"*\"", "block_xp = \"2024*\"");
    between.run(&["lock"]).succeeds();
    between.run(&["add", "mod_attendance"]).succeeds();
    // With an empty stock the lock is the same.
    std::fs::remove_dir_all(env.stock()).expect("removed");
    std::fs::rename(env.path("greffon.lock"), env.path("kept.lock")).expect("renamed");
    env.write("greffon.lock", env.read("kept.lock").lines().filter(|line| !line.contains("block_xp@")).collect::<Vec<_>>().join("\n"));
    between.run(&["lock"]).succeeds();
    assert_eq!(env.read("greffon.lock"), env.read("kept.lock"));
    let said = between.run(&["sync", "--all", "-y", "--json"]).succeeds().json();
    assert_eq!(said["sites"][0]["state"], "synced", "{said:#}");
    assert_eq!(env.read("html/mod/choicegroup/lib.php"), "<?php // between\n");
    let plan = between.run(&["plan", "--json"]).succeeds().json();
    assert_eq!(plan["sites"][0]["changes"], serde_json::json!([]), "{plan:#}");
    // The twin.
    env.greffon(["add", "local_old"]).env("GREFFON_BREAK", "kept").run().succeeds().says(&format!("~ {ID} 2023061400, other content"));
    assert_ne!(between.line(), line);
}

#[test]
fn an_update_moves_it_and_says_so() {
    let between = Between::adopted();
    between.run(&["update", ID, "--dry-run"]).succeeds().says(&format!("~ {ID} 2023061400 → 2024090900"));
    between.run(&["update", "--dry-run"]).succeeds().says(&format!("~ {ID} 2023061400 → 2024090900"));
    between.edit("mod_choicegroup = \"*\"", "mod_choicegroup = \"2023061400\"");
    let line = between.line();
    between.run(&["lock"]).succeeds();
    assert_eq!(between.line(), line, "another requirement that it meets is no reason to move");
    let released = between.repo.rev("v2");
    let said = between.run(&["update", ID, "--json"]).succeeds().json();
    let change = &said["changes"][0];
    assert_eq!((change["name"].as_str(), said["changes"].as_array().map(Vec::len)), (Some("mod_choicegroup"), Some(1)), "{said:#}");
    assert_eq!(change["content"], serde_json::json!([{ "version": "2023061400", "from": between.commit, "to": released }]), "{said:#}");
    assert!(between.line().contains(&released) && between.line().contains("refs/tags/v2"), "{}", between.line());
    between.run(&["plan"]).succeeds().prints("other content");
    between.run(&["sync", "--all", "-y"]).succeeds();
    assert_eq!(between.hand.campus.env.read("html/mod/choicegroup/lib.php"), "<?php // released\n");
}

#[test]
fn a_version_that_no_ref_holds_stays_too() {
    let between = Between::new();
    // The site is older than every tag.
    between.repo.git(&["tag", "-d", "v1"]);
    between.hand.put("mod_choicegroup", "main~3", "html/mod/choicegroup");
    let first = between.repo.rev("main~3");
    between.hand.adopt("html", &[]).succeeds();
    let line = between.line();
    assert!(line.contains(&first) && line.contains("@2022010100"), "{line}");
    between.run(&["add", "local_old"]).succeeds();
    assert_eq!(between.line(), line);
    // One that the manifest no longer allows moves.
    between.edit("mod_choicegroup = \"*\"", "mod_choicegroup = \">=2023010100\"");
    between.run(&["lock"]).succeeds().says(&format!("~ {ID} 2022010100 → 2024090900"));
}

#[test]
fn a_branch_that_was_locked_stays_where_it_was() {
    let between = Between::new();
    let env = &between.hand.campus.env;
    let url = between.repo.url();
    between.hand.adopt("html", &["--git", &format!("{ID}={url}")]).succeeds();
    let entry = "mod_choicegroup = { git = \"repos/mod_choicegroup\"";
    let manifest = env.read("greffon.toml");
    assert!(manifest.contains(entry), "{manifest}");
    let line = between.line();
    assert!(line.contains(&between.commit) && !line.contains("repository"), "{line}");
    between.run(&["add", "local_old"]).succeeds();
    assert_eq!(between.line(), line, "of a source of its own too");
    // A branch that goes on is followed by `update` alone.
    between.edit(&format!("{entry}, version = \"*\""), &format!("{entry}, branch = \"main\""));
    between.run(&["update", ID]).succeeds();
    let line = between.line();
    let head = between.repo.rev("main");
    assert!(line.contains(&head), "{line}");
    between.repo.write("lib.php", "<?php // goes on\n").commit("goes on");
    between.run(&["remove", "local_old"]).succeeds();
    between.run(&["add", "mod_attendance"]).succeeds();
    assert_eq!(between.line(), line);
    between.run(&["update", ID]).succeeds().says("other content");
    assert!(between.line().contains(&between.repo.rev("main")));
}

#[test]
fn a_tag_that_moved_is_told_also_where_another_holds_its_version() {
    let between = Between::new();
    between.repo.git(&["tag", "v1.9", &between.commit]);
    between.hand.adopt("html", &[]).succeeds();
    let line = between.line();
    assert!(line.contains("refs/tags/v1.9"), "{line}");
    // Beside the tag that is locked there is another of the same version, which goes before it.
    between.repo.git(&["tag", "-f", "v1.9", "v2"]);
    let refused = between.run(&["add", "local_old"]).fails(1).says("the tag `v1.9`").says("was moved since it was locked").says(&between.commit);
    assert!(refused.stderr.contains("--accept-moved"), "{}", refused.stderr);
    assert_eq!(between.line(), line);
    between.hand.campus.env.greffon(["add", "local_old"]).env("GREFFON_BREAK", "moved").run().succeeds();
    assert_ne!(between.line(), line, "the twin takes it");
}

#[test]
fn a_new_site_has_what_the_others_have() {
    let between = Between::adopted();
    let env = &between.hand.campus.env;
    let line = between.line();
    let text = env.read("greffon.toml");
    env.write("greffon.toml", format!("{text}\n[sites.second]\npath = \"second\"\n"));
    between.run(&["lock"]).succeeds();
    assert_eq!(between.line(), line);
    between.run(&["sync", "--site", "second", "-y"]).succeeds();
    assert_eq!(env.read("second/mod/choicegroup/lib.php"), "<?php // between\n");
}

#[test]
fn a_commit_between_two_tags_is_found_in_a_repository_elsewhere() {
    let between = Between::new();
    let env = &between.hand.campus.env;
    let bare = env.path("served/mod_choicegroup");
    between.repo.publish(&bare);
    support::git(&bare, &["config", "uploadpack.allowFilter", "true"]);
    let server = GitServer::start(&env.path("served"));
    let told = format!("{ID}={}", server.url("/mod_choicegroup"));
    let of = |said: &serde_json::Value| {
        let elements = said["elements"].as_array().expect("elements").clone();
        elements.into_iter().find(|one| one["name"] == "mod_choicegroup").expect("it is there")
    };
    // Where it cannot be looked through: the nearest tag and a patch, and why.
    let nowhere = env.path("nothing");
    std::fs::create_dir_all(&nowhere).expect("a folder");
    let core = format!("core/moodle={}", env.path("repos/core").display());
    let all = format!("all={}/{{name}}", env.path("repos").display());
    let arguments = ["adopt", "html", "--git", &core, "--repository", &all, "--git", &told, "--json"];
    let said = env.greffon(arguments.iter().copied().chain(["--dry-run"])).env("PATH", &nowhere).run().succeeds();
    assert_eq!(of(&said.json())["how"], "patched");
    let text = arguments.iter().copied().filter(|word| *word != "--json").chain(["--dry-run"]);
    env.greffon(text).env("PATH", &nowhere).run().succeeds().says("that needs the git program");
    // A hack on top of it: the commit and a patch, not the tag and a larger one.
    env.write("html/mod/choicegroup/ours.php", "<?php // ours\n");
    let said = of(&between.hand.adopt("html", &["--git", &told, "--json", "--dry-run"]).succeeds().json());
    assert_eq!((said["how"].as_str(), &said["changed"]), (Some("patched"), &serde_json::json!(["ours.php"])), "{said:#}");
    assert_eq!(said["commit"], between.commit.as_str());
    std::fs::remove_file(env.path("html/mod/choicegroup/ours.php")).expect("removed");
    between.hand.adopt("html", &["--git", &told, "--dry-run"]).succeeds().says("looking through its history");
    let said = of(&between.hand.adopt("html", &["--git", &told, "--json"]).succeeds().json());
    assert_eq!((said["how"].as_str(), said["commit"].as_str()), (Some("exact"), Some(between.commit.as_str())), "{said:#}");
    between.hand.stays("html");
    let line = between.line();
    assert!(line.contains("refs/heads/main"), "{line}");
    between.run(&["add", "local_old"]).succeeds();
    assert_eq!(between.line(), line);
}
