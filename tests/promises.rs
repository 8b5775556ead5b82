//! Smaller promises on the real binary: a canary stops the others, nothing to do writes nothing, two at once lose nothing, what
//! was let go is taken up again, and what is refused says what would do.
#![allow(clippy::disallowed_methods, clippy::pedantic)]

mod shop;
mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;

use shop::{INSTALLER, Shop};
use support::{Repo, TestEnvironment};

const THREE: &str = "[sites.one]\npath = \"one\"\n[sites.two]\npath = \"two\"\n[sites.three]\npath = \"three\"\n";

fn three_sites() -> Shop {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[]);
    shop.manifest(&["ours"], "a = \"*\"", THREE);
    shop
}

/// A git repository below the scratch folder, a tag a version.
fn versions(env: &TestEnvironment, name: &str, versions: &[&str]) -> Repo {
    let repo = Repo::init(&env.root().join(name));
    for version in versions {
        repo.write("code.txt", format!("{name} {version}\n"));
        repo.commit(version);
        repo.tag(&format!("v{version}"));
    }
    repo
}

#[test]
fn a_canary_that_fails_or_is_held_stops_the_others() {
    let shop = three_sites();
    shop.env.write("one/own.txt", "not greffon's");
    let sync = ["sync", "--all", "--create", "--first", "one", "--max-fail", "3"];
    shop.env.greffon(sync).run().fails(1).says("because `one`, which was to go first, failed").says("1 failed");
    assert!(!shop.env.exists("two") && !shop.env.exists("three"));
    // Without a canary the others go on, as far as that is said to be fine.
    shop.env.greffon(["sync", "--all", "--create", "--jobs", "1"]).run().fails(1).says("because another site failed");
    assert!(!shop.env.exists("two") && !shop.env.exists("three"));
    shop.env.greffon(["sync", "--all", "--create", "--max-fail", "2"]).run().fails(1).says("2 synced, 1 failed");
    assert_eq!(shop.code("three", "a"), "a 1.0.0\n");

    shop.remove("one/own.txt");
    shop.env.greffon(["sync", "--site", "one"]).run().succeeds();
    shop.publish("ours", "a", "2.0.0", &[]);
    shop.env.greffon(["update"]).run().succeeds();
    shop.env.greffon(["sync", "--site", "one"]).run().succeeds();
    shop.env.greffon(["rollback", "--site", "one"]).run().succeeds();
    shop.env.greffon(sync).run().says("which was to go first, was left alone");
    assert_eq!(shop.code("two", "a"), "a 1.0.0\n");
    shop.env.greffon(["sync", "--all", "--first", "two"]).run();
    assert_eq!((shop.code("one", "a"), shop.code("two", "a"), shop.code("three", "a")), ("a 1.0.0\n".into(), "a 2.0.0\n".into(), "a 2.0.0\n".into()));
    shop.env.greffon(["sync", "--all", "--first", "four"]).run().fails(2).says("--first four");
}

#[test]
fn all_sites_make_none_unasked_and_say_so_before_anything_is_fetched() {
    let shop = three_sites();
    shop.files.forget();
    shop.env.greffon(["sync", "--all"]).run().fails(1).says("3 sites are not there yet").says("--create");
    assert_eq!(shop.files.count("/files/"), 0);
    assert!(!shop.env.exists("greffon.lock"));
    // The only site of a manifest needs no naming.
    shop.manifest(&["ours"], "a = \"*\"", "[sites.one]\npath = \"one\"\n");
    shop.env.greffon(["sync", "--all"]).run().succeeds();
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
}

type Marks = BTreeMap<String, (u64, i64, i64, i64, i64, u64)>;

/// The paths that one has and the other has not so.
fn differing(a: &Marks, b: &Marks) -> Vec<String> {
    let other = |x: &Marks, y: &Marks| x.iter().filter(|(path, mark)| y.get(*path) != Some(mark)).map(|(path, _)| path.clone()).collect::<Vec<_>>();
    [other(a, b), other(b, a)].concat()
}

/// Every file and folder below `root` with what shows that somebody wrote.
fn marks(root: &Path) -> Marks {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let data = path.symlink_metadata().expect("there");
            if data.is_dir() {
                open.push(path.clone());
            }
            let mark = (data.ino(), data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec(), data.len());
            found.insert(path.display().to_string(), mark);
        }
    }
    found
}

#[test]
fn a_second_sync_opens_no_source_and_writes_nothing() {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[]);
    let git = versions(&shop.env, "plug", &["1.0.0"]);
    shop.manifest(&["ours"], &format!("a = \"*\"\nplug = {{ git = \"{}\" }}", git.folder().display()), "[sites.one]\npath = \"one\"\n");
    shop.env.greffon(["sync"]).run().succeeds();
    // The first look after a sync may note what it learned of the files.
    shop.env.greffon(["sync"]).run().succeeds().says("Nothing to do");
    shop.files.forget();
    // Neither where they come from, nor what the stock keeps of git sources and archives.
    let away = |name: &str| shop.env.root().join(format!("away-{name}"));
    let mut places = vec![("plug".to_owned(), git.folder().to_owned()), ("archives".to_owned(), shop.env.stock().join("archives"))];
    for (at, source) in std::fs::read_dir(shop.env.stock().join("sources")).expect("sources").enumerate() {
        places.push((format!("source-{at}"), source.expect("an entry").path().join("objects/pack")));
    }
    assert_eq!(places.len(), 3);
    for (name, place) in &places {
        std::fs::rename(place, away(name)).expect("moved");
    }
    let before = (marks(&shop.env.work()), marks(&shop.env.stock()));
    shop.env.greffon(["sync"]).run().succeeds().says("Nothing to do");
    let after = (marks(&shop.env.work()), marks(&shop.env.stock()));
    let written = [differing(&before.0, &after.0), differing(&before.1, &after.1)].concat();
    assert_eq!(written, Vec::<String>::new());
    assert_eq!(shop.files.count("/"), 0);
    for (name, place) in &places {
        std::fs::rename(away(name), place).expect("moved back");
    }
    // The marks see what a sync does write.
    shop.env.write("one/plugins/a/code.txt", "edited");
    shop.env.greffon(["sync", "--if-local-changes", "overwrite"]).run().succeeds();
    assert_ne!(marks(&shop.env.work()), after.0);
}

#[test]
fn several_adds_at_once_lose_nothing() {
    let env = TestEnvironment::new();
    env.write("greffon.toml", format!("{INSTALLER}[sites.one]\npath = \"one\"\n"));
    let mut added = 0;
    for round in 0..4 {
        let names: Vec<String> = (0..4).map(|at| format!("p{round}-{at}")).collect();
        let children: Vec<_> = names
            .iter()
            .map(|name| {
                std::fs::create_dir_all(env.root().join(name)).expect("a folder");
                std::fs::write(env.root().join(name).join("code.txt"), name).expect("written");
                let mut command = env.greffon(["add", &format!("plugins/{name}"), "--path", &format!("../{name}")]).command();
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
            })
            .collect();
        for (name, child) in names.iter().zip(children) {
            let output = child.wait_with_output().expect("ended");
            let (manifest, lock) = (env.read("greffon.toml"), env.read("greffon.lock"));
            let there = (manifest.contains(&format!("{name} =")), lock.contains(&format!("plugins/{name}@")));
            if output.status.success() {
                assert_eq!(there, (true, true), "{name}: {manifest}\n{lock}");
                added += 1;
            } else {
                let text = String::from_utf8_lossy(&output.stderr);
                assert!(text.contains("was changed while this command worked") && text.contains("run the command again"), "{text}");
                assert_eq!(there, (false, false), "{name} was refused, and half of it is there");
            }
        }
        env.greffon(["lock", "--check"]).run().succeeds();
    }
    // Who is outrun begins anew, and gives up after some tries only: of each four at least one is through.
    assert!(added >= 4, "only {added} were added");
}

#[test]
fn what_was_let_go_is_taken_up_again_where_it_is_as_wanted() {
    let shop = three_sites();
    shop.env.greffon(["sync", "--site", "one"]).run().succeeds();
    shop.env.write("one/own.txt", "the owner's");
    let before = marks(&shop.env.path("one"));
    shop.env.greffon(["forget", "one"]).run().succeeds();
    shop.env.greffon(["sync", "--site", "one", "--offline"]).run().succeeds().says("they were taken over");
    assert_eq!(marks(&shop.env.path("one")), before, "not a byte was written");
    shop.env.greffon(["status", "--site", "one", "--exit-code"]).run().succeeds();

    shop.env.greffon(["forget", "one"]).run().succeeds();
    shop.env.write("one/plugins/a/code.txt", "edited\n");
    let outcome = shop.env.greffon(["sync", "--site", "one"]).run().fails(1);
    outcome
        .says("holds files that greffon never installed")
        .says("1 of 2 files are not as they are wanted here, the first is `plugins/a/code.txt`")
        .says("mv ");
    assert_eq!(shop.code("one", "a"), "edited\n");
    assert!(!shop.env.exists(".greffon-one"));
}

#[test]
fn add_locks_what_update_keeps_and_tells_what_is_newer() {
    let env = TestEnvironment::new();
    let git = versions(&env, "plug", &["1.0.0", "1.4.0", "5.2.0", "5.2.4"]);
    env.write("greffon.toml", format!("{INSTALLER}[sites.one]\npath = \"one\"\n"));
    let outcome = env.greffon(["add", "plugins/plug", "--git", "../plug"]).run().succeeds();
    outcome.says("Added plugins/plug = \"5.2+\"  locked at 5.2.0").says("the newest is 5.2.4").says("`greffon add plugins/plug@5.2.* --git ../plug`");
    let lock = env.read("greffon.lock");
    env.greffon(["update"]).run().succeeds().says("fits already");
    assert_eq!(env.read("greffon.lock"), lock);
    // The command that is named does what it says, and that is stable too.
    env.greffon(["add", "plugins/plug@5.2.*", "--git", "../plug"]).run().succeeds().says("locked at 5.2.4");
    env.greffon(["update"]).run().succeeds().says("fits already");
    let report = env.greffon(["add", "plugins/plug", "--git", "../plug", "--json"]).run().succeeds().json();
    assert_eq!(report["added"][0]["newest"], "5.2.4");
    // What follows a branch or a tag says so.
    git.branch("next");
    for (flag, name) in [("--branch", "next"), ("--tag", "v1.4.0")] {
        env.greffon(["add", "plugins/plug", "--git", "../plug", flag, name]).run().succeeds();
        env.greffon(["list"]).run().succeeds().prints(&format!("{} {name}", &flag[2..]));
        env.greffon(["why", "plugins/plug"]).run().succeeds().prints(&format!("asks for plugins/plug {} {name}", &flag[2..]));
    }
}

#[test]
fn a_lock_with_local_git_repositories_goes_with_its_folder() {
    let env = TestEnvironment::new();
    versions(&env, "work/here/plug", &["1.0.0"]);
    env.write("here/shop/greffon.toml", format!("{INSTALLER}[sites.one]\npath = \"one\"\n[types.plugins]\nplug = {{ git = \"../plug\" }}\n"));
    env.greffon(["sync"]).within("here/shop").run().succeeds();
    let lock = env.read("here/shop/greffon.lock");
    assert!(lock.contains("git = \"../plug\""), "{lock}");
    std::fs::rename(env.path("here"), env.path("there")).expect("moved");
    env.greffon(["lock", "--check"]).within("there/shop").run().succeeds();
    std::fs::remove_dir_all(env.path("there/shop/one")).expect("removed");
    std::fs::remove_dir_all(env.path("there/shop/.greffon-one")).expect("removed");
    env.greffon(["sync", "--locked"]).within("there/shop").run().succeeds();
    assert_eq!(env.read("there/shop/one/plugins/plug/code.txt"), "work/here/plug 1.0.0\n");
    assert_eq!(env.read("there/shop/greffon.lock"), lock);
    // What stands in the history is that lock too.
    env.greffon(["rollback", "1"]).within("there/shop").run();
}

#[test]
fn a_held_site_shows_what_drifted_as_well() {
    let shop = three_sites();
    shop.env.greffon(["sync", "--site", "one"]).run().succeeds();
    shop.publish("ours", "a", "2.0.0", &[]);
    shop.env.greffon(["update"]).run().succeeds();
    shop.env.greffon(["sync", "--site", "one"]).run().succeeds();
    shop.env.greffon(["rollback", "--site", "one", "--reason", "too slow"]).run().succeeds();
    shop.env.greffon(["status", "--site", "one", "--exit-code"]).run().succeeds().prints("one  held").prints("held: too slow");
    shop.env.write("one/plugins/a/code.txt", "edited\n");
    shop.env.greffon(["status", "--site", "one", "--exit-code"]).run().fails(3).prints("one  held").prints("plugins/a/code.txt");
    let site = shop.env.greffon(["verify", "--site", "one", "--json"]).run().fails(1).json()["sites"][0].clone();
    assert_eq!((site["state"].as_str(), site["held"].as_str()), (Some("held"), Some("too slow")));
    assert_eq!(site["elements"][0]["state"], "modified");
    shop.remove("one/plugins/a");
    shop.env.greffon(["status", "--site", "one", "--exit-code"]).run().fails(3).prints("one  held").prints("missing");
}

#[test]
fn what_cannot_be_says_what_would() {
    let shop = three_sites();
    let env = &shop.env;
    let git = versions(env, "plain", &["1.0.0"]);
    git.publish(&env.root().join("plain.git"));
    env.greffon(["add", "plugins/x", "--path", "../plain.git"]).run().fails(1).says("is a bare git repository").says("--git");
    env.greffon(["add", "plugins/x", "--path", "../plain", "--subdir", "lib"]).run().fails(2).says("`--path ../plain/lib`");
    let bare = Repo::init(&env.root().join("untagged"));
    bare.write("code.txt", "x");
    bare.commit("first");
    env.greffon(["add", "plugins/x", "--git", "../untagged"]).run().fails(1).says("no tag or branch of").says("--branch main");
    env.greffon(["add", "plugins/x", "--git", "../untagged", "--branch", "main"]).run().succeeds();
    env.greffon(["remove", "plugins/x"]).run().succeeds();

    env.greffon(["build", "--site", "one", "missing/x.tar"]).run().fails(1).says("there is no folder `").says("hint");
    env.write("a-file", "");
    for path in ["a-file", "a-file/below"] {
        let outcome = env.greffon(["build", "--site", "one", path]).run().fails(1).says("hint");
        assert!(!outcome.stderr.contains("os error"), "{}", outcome.stderr);
    }
    std::fs::create_dir(env.path("folder.tar")).expect("made");
    env.greffon(["build", "--site", "one", "folder.tar"]).run().fails(1).says("is a folder, and a `.tar` is a file");
    let outcome = env.greffon(["repo", "index", "idx", "nowhere"]).run().fails(1).says("there is no folder `").says("hint");
    assert!(!outcome.stderr.contains("os error") && !env.exists("idx"), "{}", outcome.stderr);

    env.greffon(["sync", "--site", "one"]).run().succeeds();
    let id: serde_json::Value = serde_json::from_str(&env.read(".greffon-one/id")).expect("JSON");
    let id = id["id"].as_str().expect("an id").to_owned();
    let typo = format!("{}0", &id[..id.len() - 1]);
    if typo != id {
        env.greffon(["stock", "gc", "--forget", &typo]).run().fails(1).says(&format!("did you mean `{id}`?"));
    }
    env.greffon(["stock", "gc", "--forget", "prod"]).run().fails(1).says("keeps nothing for a site `prod`").says(&id);
    env.greffon(["stock", "gc", "--forget", &id]).run().succeeds();

    // Under --json wrong usage is a document like any other failure.
    for words in [&["sync", "--nosuch", "--json"][..], &["--json"], &["add", "--json"], &["nosuch", "--json"]] {
        let outcome = env.greffon(words).run().fails(2);
        let error: serde_json::Value = serde_json::from_str(&outcome.stderr).unwrap_or_else(|fault| panic!("{words:?}: {fault}: {}", outcome.stderr));
        assert_eq!((error["schema"].as_str(), error["kind"].as_str()), (Some("greffon/error/1"), Some("usage")), "{words:?}");
    }
}

#[test]
fn failures_show_the_manifests_line_that_they_are_about() {
    let shop = three_sites();
    let line = |needle: &str| {
        shop.env.read("greffon.toml").lines().position(|line| line.contains(needle)).map(|at| format!("greffon.toml:{}:", at + 1)).expect("there")
    };
    // A site's path.
    shop.env.write("two/own.txt", "x");
    shop.env.greffon(["sync", "--site", "two"]).run().fails(1).says(&line("path = \"two\""));
    // A repository.
    std::fs::remove_dir_all(shop.public("ours")).expect("removed");
    shop.env.greffon(["update"]).run().fails(1).says(&line("use = \"builtin:index\""));
    // An option of the installer, wherever it stands.
    let text = shop.env.read("greffon.toml");
    shop.env.write(
        "greffon.toml",
        format!(
            "[config.installer]\nuse = \"builtin:tree\"\n\n[config.installer.types]\ncore = \".\"\nplugins = \"../{{name}}\"\n{}",
            text.replace(INSTALLER, "")
        ),
    );
    shop.env.greffon(["lock"]).run().fails(1).says("greffon.toml:6:");
}

#[test]
fn everything_is_had_again_offline_and_so_is_what_people_were_told_of_it() {
    let shop = Shop::new();
    let env = &shop.env;
    shop.publish("ours", "a", "1.0.0", &[]);
    let git = versions(env, "plug", &["1.0.0"]);
    // A folder repository with an archive, and a folder of its own at a path.
    let archive = shop.package("packed", "1.0.0", &[]);
    std::fs::create_dir_all(env.path("packages/plugins")).expect("made");
    let tar = ["-czf", "packages/plugins/packed-1.0.0.tar.gz", "-C"];
    let parent = archive.parent().expect("a folder above");
    assert!(std::process::Command::new("tar").current_dir(env.work()).args(tar).arg(parent).arg("packed-1.0.0").status().expect("tar runs").success());
    env.write("live/code.txt", "live\n");
    let repositories = format!("{}[[config.repositories]]\nname = \"disk\"\nuse = \"builtin:folder\"\npath = \"packages\"\n", shop.repository("ours", ""));
    let plugins = format!("[types.plugins]\na = \"*\"\npacked = \"*\"\nplug = {{ git = \"{}\" }}\nlive = {{ path = \"live\" }}\n", git.folder().display());
    let manifest = |site: &str| env.write("greffon.toml", format!("{INSTALLER}{repositories}{plugins}[sites.{site}]\npath = \"{site}\"\n"));
    manifest("one");
    env.greffon(["sync"]).run().succeeds();
    let first = env.tree("one");
    assert_eq!(first.len(), 6, "{:?}", first.keys());

    // Only what lies at a path is still there.
    std::fs::rename(env.path("packages"), env.path("packages-away")).expect("moved");
    std::fs::rename(git.folder(), env.root().join("git-away")).expect("moved");
    std::fs::remove_dir_all(shop.public("ours")).expect("removed");
    env.greffon(["stock", "gc"]).run().succeeds();
    manifest("two");
    shop.files.forget();
    env.greffon(["sync", "--offline"]).run().succeeds();
    assert_eq!(env.tree("two"), first);
    assert_eq!(shop.files.count("/"), 0);

    // The element infos that stand with a generation say what the repository said.
    let infos: serde_json::Value =
        serde_json::from_str(&support::git(&env.path(".greffon-one"), &["--git-dir=history.git", "show", "main:greffon/infos.json"])).expect("JSON");
    let of = |name: &str| infos["elements"].as_array().expect("a list").iter().find(|info| info["id"] == format!("plugins/{name}")).cloned().expect("its info");
    assert_eq!(of("a")["summary"], "what a does");
    assert!(of("a")["published"].as_str().is_some_and(|date| date.starts_with("20")), "{infos:#}");
    assert_eq!(of("packed")["summary"], "what packed does");
}

#[test]
fn what_lies_at_the_root_concerns_greffon_only_where_elements_do() {
    let shop = three_sites();
    shop.env.greffon(["sync", "--site", "one"]).run().succeeds();
    shop.env.write("one/loose.txt", "the owner's");
    shop.env.write("one/uploads/a.png", "the owner's");
    shop.env.write("one/plugins/own/code.txt", "nobody declared it");
    let unmanaged = |site: &str| shop.env.greffon(["status", "--site", site, "--json"]).run().succeeds().json()["sites"][0]["unmanaged"].clone();
    assert_eq!(unmanaged("one"), serde_json::json!(["plugins/own"]));
    let core = versions(&shop.env, "core", &["1.0.0"]);
    let text = format!("{}\n[types.core]\ncore = {{ git = \"{}\" }}\n", shop.env.read("greffon.toml"), core.folder().display());
    shop.env.write("greffon.toml", text);
    shop.env.greffon(["sync", "--site", "two"]).run().succeeds();
    shop.env.write("two/loose.txt", "beside the core");
    assert_eq!(unmanaged("two"), serde_json::json!(["loose.txt"]));
}

#[test]
fn a_manifest_that_names_repositories_absolutely_serves_from_any_folder() {
    let env = TestEnvironment::new();
    versions(&env, "work/here/plug", &["1.0.0"]);
    let plug = env.path("here/plug").display().to_string();
    env.write("here/shop/greffon.toml", format!("{INSTALLER}[sites.one]\npath = \"one\"\n[types.plugins]\nplug = {{ git = \"{plug}\" }}\n"));
    env.greffon(["sync"]).within("here/shop").run().succeeds();
    let lock = env.read("here/shop/greffon.lock");
    assert!(lock.contains(&format!("git = \"{plug}\"")), "{lock}");
    // Another depth: what is relative to the manifest would lead elsewhere.
    env.write("a/checkout/of/it/greffon.toml", env.read("here/shop/greffon.toml"));
    env.write("a/checkout/of/it/greffon.lock", &lock);
    env.greffon(["lock", "--check"]).within("a/checkout/of/it").run().succeeds();
    env.greffon(["-C", "a/checkout/of/it", "sync", "--locked"]).run().succeeds();
    assert_eq!(env.read("a/checkout/of/it/one/plugins/plug/code.txt"), "work/here/plug 1.0.0\n");
    assert_eq!(env.read("a/checkout/of/it/greffon.lock"), lock);
}
