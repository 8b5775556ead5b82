//! What is unsafe is told, mended by the smallest step, and not newly installed; what is too young waits; tags do not move.

use serde_json::Value;

use super::moodle_site::{Campus, plugin};
use super::support::{Repo, git_with_input};
use super::world::{Camp, manifest};

const HOLE: &str = "component: mod_x\ntitle: A hole\nseverity: high\naffected-versions: \"<1.2\"\nfixed-in: \"1.2\"\npublished: 2024-01-01\n";

/// `mod_x` with the releases 1.0 to 1.4, each a tag, and a plugin beside it that has a newer version too.
fn scene() -> (Campus, Camp, Repo) {
    let campus = Campus::new();
    campus.core();
    let camp = Camp::new(&campus);
    let repo = campus.repo("mod_x");
    release(&repo, "1.0");
    let other = campus.plugin("block_y", "2024010100", "");
    other.tag("v1");
    camp.plugin(&repo, "mod_x", "").plugin(&other, "block_y", "");
    manifest(&campus, "4.5", &[camp.entry()], "mod_x = \"*\"\nblock_y = \"*\"");
    campus.sync();
    for name in ["1.1", "1.2", "1.3", "1.4"] {
        release(&repo, name);
    }
    other.write("version.php", plugin("block_y", "2024020200", "")).commit("newer");
    other.tag("v2");
    camp.push(&repo, "mod_x");
    camp.push(&other, "block_y");
    (campus, camp, repo)
}

fn release(repo: &Repo, name: &str) {
    let build = format!("2024{:02}0100", name[2..].parse::<u32>().expect("a number") + 1);
    repo.write("version.php", plugin("mod_x", &build, &format!("$plugin->release = '{name} (Build: {build})';"))).commit(name);
    repo.tag(&format!("v{name}"));
}

fn json(campus: &Campus, arguments: &[&str]) -> Value {
    campus.env.greffon([arguments, &["--json"]].concat()).run().succeeds().json()
}

#[test]
fn an_advisory_is_told_and_the_smallest_safe_step_is_taken() {
    let (campus, camp, _) = scene();
    assert_eq!(json(&campus, &["outdated", "--security"])["elements"], Value::Array(Vec::new()));
    camp.advise("CAMP-2026-0001", HOLE);
    // Nothing is fetched by status: it knows what was heard last.
    let status = json(&campus, &["status"]);
    assert_eq!((status["advisories"].as_array().map(Vec::len), status["advisories_heard"][0]["repository"].as_str()), (Some(0), Some("camp")));
    let outdated = json(&campus, &["outdated", "--security"]);
    let one = &outdated["elements"][0];
    assert_eq!((one["locked"].as_str(), one["safe"].as_str(), one["newest"].as_str()), (Some("2024010100"), Some("2024030100"), Some("2024050100")), "{one}");
    assert_eq!((one["advisories"][0]["advisory"].as_str(), one["advisories"][0]["severity"].as_str()), (Some("CAMP-2026-0001"), Some("high")));
    assert_eq!(outdated["schema"], "greffon/outdated/1");
    campus
        .env
        .greffon(["outdated", "--security", "--exit-code"])
        .run()
        .fails(3)
        .prints("safe: 2024030100")
        .prints("CAMP-2026-0001 (high): A hole; safe from 1.2");
    // From here on it is known, offline too, and told where people look.
    let status = json(&campus, &["status"]);
    assert_eq!(status["advisories"][0]["version"], "2024010100");
    campus
        .env
        .greffon(["status", "--offline"])
        .run()
        .succeeds()
        .prints("unsafe  plugins/mod_x 2024010100: CAMP-2026-0001")
        .prints("the advisories of camp were heard");
    campus.env.greffon(["plan", "--offline"]).run().succeeds().prints("unsafe  plugins/mod_x");
    assert_eq!(json(&campus, &["plan"])["advisories"][0]["fixed"], "1.2");
    campus.env.greffon(["sync", "--site", "one", "-y"]).run().succeeds().says("is unsafe: CAMP-2026-0001");
    // The step, and nothing else.
    campus.env.greffon(["update", "--security", "--dry-run"]).run().succeeds().says("no longer, with 2024030100");
    assert_eq!(campus.locked("plugins/mod_x"), "2024010100");
    let updated = json(&campus, &["update", "--security"]);
    assert_eq!((updated["security"][0]["to"].as_str(), updated["changes"].as_array().map(Vec::len)), (Some("2024030100"), Some(1)), "{updated}");
    assert_eq!((campus.locked("plugins/mod_x"), campus.locked("plugins/block_y")), ("2024030100".into(), "2024010100".into()));
    campus.sync();
    assert_eq!(json(&campus, &["status"])["advisories"], Value::Array(Vec::new()));
    campus.env.greffon(["outdated", "--security"]).run().succeeds().prints("nothing that is locked is known to be unsafe");
}

#[test]
fn what_cannot_be_mended_is_told_with_its_reason() {
    let (campus, camp, _) = scene();
    camp.advise("CAMP-2026-0001", HOLE);
    // The manifest asks for something else.
    manifest(&campus, "4.5", &[camp.entry()], "mod_x = \"<=2024020100\"\nblock_y = \"*\"");
    campus
        .env
        .greffon(["update", "--security"])
        .run()
        .succeeds()
        .says("stays unsafe (CAMP-2026-0001)")
        .says("2024030100 is safe, and greffon.toml:")
        .says("asks for <=2024020100");
    // Nobody mended it.
    manifest(&campus, "4.5", &[camp.entry()], "mod_x = \"*\"\nblock_y = \"*\"");
    camp.advise("CAMP-2026-0002", "component: mod_x\ntitle: Worse\naffected-versions: \"*\"\n");
    campus.env.greffon(["update", "--security"]).run().succeeds().says("there is no safe release of it");
    assert_eq!(campus.locked("plugins/mod_x"), "2024010100", "a step that mends half is none");
    // One that is known and let through.
    let text = campus.env.read("greffon.toml");
    campus.env.write("greffon.toml", format!("{text}\n[config.security]\naccept = [\"camp-2026-0002\"]\n"));
    campus.env.greffon(["update", "--security"]).run().succeeds();
    assert_eq!(campus.locked("plugins/mod_x"), "2024030100");
    // What the next versions need is not there.
    let (campus, camp, repo) = scene();
    repo.write("version.php", plugin("mod_x", "2024090100", "$plugin->release = '1.9';\n$plugin->requires = 2025041400;")).commit("1.9");
    repo.tag("v1.9");
    camp.push(&repo, "mod_x");
    camp.advise("CAMP-2026-0003", "component: mod_x\naffected-versions: \"<1.9\"\n");
    campus
        .env
        .greffon(["outdated", "--security"])
        .run()
        .succeeds()
        .prints("no safe version can be had")
        .prints("2024090100 is safe, and cannot be had")
        .prints("core/moodle");
}

#[test]
fn what_is_revoked_is_not_newly_installed() {
    let (campus, camp, _) = scene();
    camp.advise("CAMP-2026-0001", "component: mod_x\ntitle: It mines coins\naffected-versions: \">=1.1\"\nrevoke: true\n");
    campus.env.greffon(["update", "mod_x"]).run().succeeds();
    assert_eq!(campus.locked("plugins/mod_x"), "2024010100", "the newest that nobody revoked");
    campus.env.greffon(["why", "--not", "mod_x@2024050100"]).run().succeeds().prints("was withdrawn: CAMP-2026-0001 revokes it: It mines coins");
    campus.env.greffon(["add", "mod_x@=2024050100"]).run().fails(1).says("CAMP-2026-0001 revokes it: It mines coins");
    // One that stands there already, and one that a lock would bring to a new site.
    camp.advise("CAMP-2026-0001", "component: mod_x\ntitle: It mines coins\naffected-versions: \"*\"\nrevoke: true\n");
    campus.env.greffon(["outdated", "--security"]).run().succeeds().prints("revoked");
    campus.env.greffon(["sync", "--site", "one", "-y"]).run().succeeds().says("is unsafe: CAMP-2026-0001");
    let text = campus.env.read("greffon.toml");
    campus.env.write("greffon.toml", format!("{text}\n[sites.two]\npath = \"two\"\n"));
    campus
        .env
        .greffon(["sync", "--site", "two", "-y"])
        .run()
        .fails(1)
        .says("plugins/mod_x 2024010100 must not be installed")
        .says("`greffon update --security`");
    assert!(!campus.env.exists("two"));
    let text = campus.env.read("greffon.toml");
    campus.env.write("greffon.toml", format!("{text}\n[config.security]\naccept = [\"plugins/mod_x@2024010100\"]\n"));
    campus.env.greffon(["sync", "--site", "two", "-y"]).run().succeeds();
}

#[test]
fn what_is_revoked_does_not_come_back_and_is_in_no_bare_tree() {
    let (campus, camp, _) = scene();
    let env = &campus.env;
    env.greffon(["update", "mod_x"]).run().succeeds();
    campus.sync();
    // Nothing is revoked yet: both go through. `block_y` goes along with what is put back.
    env.greffon(["build", "before"]).run().succeeds();
    camp.advise("CAMP-2026-0001", "component: mod_x\ntitle: It mines coins\naffected-versions: \"<1.2\"\nrevoke: true\n");
    env.greffon(["outdated", "--security"]).run().succeeds();
    let before = env.tree("one");
    let words = "plugins/mod_x 2024010100 must not be installed: CAMP-2026-0001";
    env.greffon(["rollback", "1", "--dry-run"]).run().succeeds().says(words);
    env.greffon(["rollback", "1"]).run().fails(1).says(words).says("generation 1 has it").says("`accept`");
    assert_eq!(env.tree("one"), before, "nothing was changed");
    assert_eq!(json(&campus, &["status"])["sites"][0]["state"], "clean");
    // What stands there is no news, and can be gone away from; a bare tree with it is made for nobody.
    env.greffon(["build", "safe"]).run().succeeds();
    camp.advise("CAMP-2026-0001", "component: mod_x\ntitle: It mines coins\naffected-versions: \"*\"\nrevoke: true\n");
    env.greffon(["outdated", "--security"]).run().succeeds();
    env.greffon(["sync", "--site", "one", "-y"]).run().succeeds().says("is unsafe: CAMP-2026-0001");
    env.greffon(["build", "unsafe"]).run().fails(1).says("plugins/mod_x 2024050100 must not be installed");
    assert!(!env.exists("unsafe"));
    // A plan says so before anybody is refused.
    let text = env.read("greffon.toml");
    env.write("greffon.toml", format!("{text}\n[sites.two]\npath = \"two\"\n"));
    env.greffon(["plan", "--site", "two"]).run().succeeds().prints("`sync` refuses plugins/mod_x 2024050100: CAMP-2026-0001 revokes it");
    let plan = json(&campus, &["plan", "--site", "one"]);
    assert_eq!(plan["sites"][0]["notes"], Value::Null, "what is there already is not refused");
    // Who accepts it has it.
    env.write("greffon.toml", format!("{text}\n[config.security]\naccept = [\"CAMP-2026-0001\"]\n"));
    env.greffon(["build", "unsafe"]).run().succeeds();
    env.greffon(["rollback", "1"]).run().succeeds();
    assert!(env.read("one/mod/x/version.php").contains("2024010100"));
}

#[test]
fn an_advisory_is_about_an_element_wherever_it_comes_from() {
    let (campus, camp, repo) = scene();
    camp.advise("CAMP-2026-0001", "component: mod_x\naffected-versions: \"<2024030100\"\nrevoke: true\n");
    let own = format!("mod_x = {{ git = \"{}\", version = \"*\" }}", repo.folder().display());
    let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
    manifest(&campus, "4.5", &[camp.entry()], &format!("{own}\nblock_y = \"*\""));
    campus.env.greffon(["add", "mod_x@=2024020100", "--git", &repo.folder().display().to_string()]).run().fails(1).says("CAMP-2026-0001 revokes it");
    assert_eq!(campus.locked("plugins/mod_x"), "2024050100");
}

#[test]
fn what_is_too_young_waits_unless_it_mends_something() {
    let (campus, camp, repo) = scene();
    // Made just now, where everything else is of 2024.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
    repo.write("version.php", plugin("mod_x", "2024060100", "$plugin->release = '1.5';"));
    repo.git(&["add", "-A"]);
    git_with_input(repo.folder(), &["commit", "-q", "-m", "1.5"], b"", (now - 1_704_067_200) / 60);
    repo.tag("v1.5");
    camp.push(&repo, "mod_x");
    let careful = |rest: &str| {
        manifest(&campus, "4.5", &[camp.entry()], "mod_x = \"*\"\nblock_y = \"*\"");
        let text = campus.env.read("greffon.toml");
        campus.env.write("greffon.toml", format!("{text}\n[config.security]\n{rest}\n"));
    };
    careful("min-release-age = \"7d\"");
    campus.env.greffon(["update"]).run().succeeds();
    assert_eq!(campus.locked("plugins/mod_x"), "2024050100");
    campus.env.greffon(["why", "--not", "mod_x@2024060100"]).run().succeeds().prints("`min-release-age` asks for 7 days");
    camp.advise("CAMP-2026-0001", "component: mod_x\naffected-versions: \"<1.5\"\nfixed-in: \"1.5\"\n");
    campus.env.greffon(["update", "--security"]).run().succeeds();
    assert_eq!(campus.locked("plugins/mod_x"), "2024060100", "it mends what is unsafe");
    careful("min-release-age = \"7 moons\"");
    campus.env.greffon(["lock"]).run().fails(1).says("`7 moons` is no length of time");
}

#[test]
fn a_locked_tag_that_moved_is_an_alarm() {
    let (campus, camp, repo) = scene();
    let before = repo.rev("v1.0");
    repo.checkout("v1.0").write("evil.php", "<?php evil();\n").commit("evil");
    repo.tag("v1.0");
    let after = repo.rev("v1.0");
    for name in ["v1.1", "v1.2", "v1.3", "v1.4"] {
        repo.git(&["tag", "-d", name]);
    }
    repo.branch("main");
    camp.push(&repo, "mod_x");
    let refused = campus.env.greffon(["update", "mod_x"]).run().fails(1);
    assert!(refused.stderr.contains("the tag `v1.0` of") && refused.stderr.contains("was moved since it was locked"), "{}", refused.stderr);
    assert!(refused.stderr.contains(&before) && refused.stderr.contains(&after), "both commits are told: {}", refused.stderr);
    assert!(campus.env.read("greffon.lock").contains(&before), "the lock stays");
    // What is locked goes on to serve.
    campus.env.greffon(["sync", "--site", "one", "-y", "--offline"]).run().succeeds();
    // The twin: without the check the other code comes in unnoticed.
    campus.env.greffon(["update", "mod_x", "--dry-run"]).env("GREFFON_BREAK", "moved").run().succeeds();
    campus.env.greffon(["update", "mod_x", "--accept-moved", "mod_x"]).run().succeeds();
    assert!(campus.env.read("greffon.lock").contains(&after));
}

#[test]
fn a_locked_commit_that_is_gone_is_told_with_where_its_tag_stands() {
    let (campus, camp, repo) = scene();
    let before = repo.rev("v1.0");
    repo.git(&["checkout", "-q", "--orphan", "anew"]);
    repo.write("more.php", "<?php\n").commit("anew");
    for name in ["v1.1", "v1.2", "v1.3", "v1.4"] {
        repo.git(&["tag", "-d", name]);
    }
    repo.tag("v1.0").branch("main");
    let after = repo.rev("v1.0");
    repo.git(&["branch", "-D", "anew"]);
    camp.push_afresh(&repo, "mod_x");
    for gone in ["one", ".greffon-one"] {
        std::fs::remove_dir_all(campus.env.path(gone)).expect("a site");
    }
    let failed = campus.env.greffon(["sync", "--site", "one", "-y"]).env("GREFFON_STOCK", campus.env.path("other")).run().fails(1);
    let words = format!("the tag `v1.0` was moved: it led to {before}, and stands at {after} now");
    assert!(failed.stderr.contains(&words), "{}", failed.stderr);
    assert!(!campus.env.exists("one"));
}

#[test]
fn an_index_carries_advisories_too() {
    let campus = Campus::new();
    campus.core();
    let folder = campus.env.path("index");
    let zip = |build: &str| super::world::archive("mod_x", build, "");
    for build in ["2024010100", "2024020200"] {
        campus.env.write(format!("index/files/x-{build}.zip"), zip(build));
    }
    campus.env.write("index/config.json", r#"{"schema":"greffon/index/1","types":{}}"#);
    campus.env.write(
        "index/elements/plugins/mod_x.json",
        r#"{"type":"plugins","name":"mod_x","versions":[{"version":"2024010100","download":{"path":"files/x-2024010100.zip"}},{"version":"2024020200","download":{"path":"files/x-2024020200.zip"}}]}"#,
    );
    let entry = format!("[[config.repositories]]\nname = \"ours\"\nuse = \"builtin:index\"\nurl = \"{}\"\n", folder.display());
    manifest(&campus, "4.5", &[entry], "mod_x = \"*\"");
    campus.env.greffon(["add", "mod_x@=2024010100"]).run().succeeds();
    manifest(
        &campus,
        "4.5",
        &[format!("[[config.repositories]]\nname = \"ours\"\nuse = \"builtin:index\"\nurl = \"{}\"\n", folder.display())],
        "mod_x = \"*\"",
    );
    assert_eq!(campus.locked("plugins/mod_x"), "2024010100");
    campus.env.write(
        "index/advisories.json",
        r#"{"schema":"greffon/index/1","advisories":[{"id":"OURS-7","type":"plugins","name":"mod_x","title":"Leaks","affected":"<2024020200","fixed":"2024020200"}]}"#,
    );
    campus.env.greffon(["outdated", "--security"]).run().succeeds().prints("OURS-7: Leaks; safe from 2024020200").prints("safe: 2024020200");
    campus.env.greffon(["update", "--security"]).run().succeeds();
    assert_eq!(campus.locked("plugins/mod_x"), "2024020200");
    campus.env.write("index/advisories.json", "{");
    campus.env.greffon(["outdated", "--security"]).run().fails(1).says("advisories.json");
    campus.env.greffon(["plan"]).run().succeeds().says("the advisories of repository `ours` could not be asked for");
}
