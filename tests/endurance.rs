//! Promises over many rounds, on the real binary: the lock pins bytes, the network's faults cost time and no state, a stock is shared
//! and tidied while it is used, every generation comes back, no address is ever an option or a program, and hooks outlive a kill.
//! Each has a broken twin. `GREFFON_ROUNDS` makes them longer.
#![cfg(debug_assertions)]
#![allow(clippy::disallowed_methods, clippy::pedantic, clippy::print_stderr)]

#[path = "endurance/addresses.rs"]
mod addresses;
#[path = "endurance/hooks.rs"]
mod hooks;
mod shop;
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shop::{INSTALLER, Shop};
use support::{Fault, GitServer, Repo};

const ONE: &str = "[sites.one]\npath = \"one\"\n";

/// Rounds of a test that usually makes do with `few`.
fn rounds(few: usize) -> usize {
    std::env::var("GREFFON_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(few)
}

/// The same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

fn forget(shop: &Shop) {
    shop.env.greffon(["forget", "one"]).run();
    shop.remove("one");
    shop.empty_stock();
}

/// The only archive of an index.
fn archive(shop: &Shop, name: &str) -> std::path::PathBuf {
    let told: serde_json::Value =
        serde_json::from_slice(&std::fs::read(shop.public(&format!("ours/elements/plugins/{name}.json"))).expect("read")).expect("JSON");
    let url = told["versions"][0]["download"]["url"].as_str().expect("a url");
    shop.public("ours/files").join(url.rsplit("files/").next().expect("a name"))
}

/// A lock over every sort of source; then each source changes under it in turn. Gives those that were taken all the same.
fn changed_sources(breaking: &str) -> Vec<String> {
    let shop = Shop::new();
    let git = shop.git_plugin("g", &["1.0.0"]);
    let deep = shop.git_plugin("s", &["1.0.0"]);
    let server = GitServer::start(&shop.env.root().join("served"));
    shop.publish("ours", "a", "1.0.0", &[]);
    shop.publish("ours", "b", "1.0.0", &[]);
    let (of_a, of_b) = (archive(&shop, "a"), archive(&shop, "b"));
    shop.files.put("/loose/u.tar.gz", std::fs::read(&of_b).expect("an archive"));
    shop.files.redirect("/moved/v.tar.gz", 302, &shop.files.url("/loose/u.tar.gz"));
    let plugins = format!(
        "a = \"*\"\ng = {{ git = \"{}\" }}\ns = {{ git = \"{}\", branch = \"main\" }}\nu = {{ url = \"{}\", version = \"1.0.0\" }}\nv = {{ url = \"{}\", version = \"1.0.0\" }}",
        server.url("/g.git"),
        server.url("/s.git"),
        shop.files.url("/loose/u.tar.gz"),
        shop.files.url("/moved/v.tar.gz")
    );
    shop.manifest(&["ours"], &plugins, ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    let (whole, lock) = (shop.env.tree("one"), shop.env.read("greffon.lock"));
    // The lock alone brings the same tree, from a stock that holds nothing.
    forget(&shop);
    shop.env.greffon(["sync", "--frozen"]).run().succeeds();
    assert_eq!(shop.env.tree("one"), whole);

    let mut taken = Vec::new();
    let mut check = |what: &str, pinned: bool| {
        forget(&shop);
        let outcome = shop.env.greffon(["sync", "--frozen"]).env("GREFFON_BREAK", breaking).run();
        let there = shop.env.tree("one");
        // A commit that is still to be had may be taken: it is the one that was locked.
        if !(outcome.status != 0 && there.is_empty() || pinned && outcome.status == 0 && there == whole) {
            taken.push(format!("{what}: {}, as before: {}", outcome.status, there == whole));
        }
        assert_eq!(shop.env.read("greffon.lock"), lock, "{what}");
    };
    // An archive of another content, well formed, where the old one was: in the index, at a url, behind a redirect.
    std::fs::write(shop.env.root().join("packages/b-1.0.0/code.txt"), "b, another\n").expect("written");
    let other = shop.env.root().join("other.tar.gz");
    assert!(Command::new("tar").arg("-czf").arg(&other).arg("-C").arg(shop.env.root().join("packages")).arg("b-1.0.0").status().expect("tar").success());
    let other = std::fs::read(other).expect("an archive");
    let kept = std::fs::read(&of_a).expect("an archive");
    std::fs::write(&of_a, &other).expect("written");
    check("another archive in the index", false);
    let mut flipped = kept.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(&of_a, &flipped).expect("written");
    check("one bit of an archive in the index", false);
    std::fs::write(&of_a, &kept).expect("written");
    let loose = std::fs::read(&of_b).expect("an archive");
    shop.files.put("/loose/u.tar.gz", other.clone());
    check("another archive at a url and behind a redirect", false);
    shop.files.put("/loose/u.tar.gz", loose);
    shop.files.put("/loose/w.tar.gz", other);
    shop.files.redirect("/moved/v.tar.gz", 302, &shop.files.url("/loose/w.tar.gz"));
    check("a redirect that leads elsewhere", false);
    shop.files.redirect("/moved/v.tar.gz", 302, &shop.files.url("/loose/u.tar.gz"));
    // A tag that moves, first with the old commit still there, then without.
    for (repo, name, tag) in [(&git, "g", true), (&deep, "s", false)] {
        let bare = shop.env.root().join(format!("served/{name}.git"));
        let backup = shop.env.root().join(format!("{name}-kept"));
        assert!(Command::new("cp").arg("-a").arg(&bare).arg(&backup).status().expect("cp runs").success());
        repo.write("code.txt", "another\n");
        repo.git(&["add", "-A"]);
        repo.git(&["commit", "-q", "--amend", "-m", "another"]);
        if tag {
            repo.git(&["tag", "-f", "-a", "-m", "another", "v1.0.0"]);
        }
        repo.git(&["push", "-q", "--force", "--all", bare.to_str().expect("UTF-8")]);
        repo.git(&["push", "-q", "--force", "--tags", bare.to_str().expect("UTF-8")]);
        check(&format!("{name}: a ref that moved"), true);
        if !tag {
            repo.git(&["tag", "-d", "v1.0.0"]);
        }
        support::git(&bare, &["tag", "-d", "v1.0.0"]);
        repo.git(&["push", "-q", "--force", "--tags", bare.to_str().expect("UTF-8")]);
        support::git(&bare, &["reflog", "expire", "--expire=now", "--all"]);
        support::git(&bare, &["gc", "-q", "--prune=now"]);
        check(&format!("{name}: a ref that moved, the old commit gone"), false);
        std::fs::remove_dir_all(&bare).expect("removed");
        std::fs::rename(&backup, &bare).expect("put back");
    }
    // And with everything as it was, it goes again.
    forget(&shop);
    shop.env.greffon(["sync", "--frozen"]).run().succeeds();
    assert_eq!(shop.env.tree("one"), whole);
    taken
}

#[test]
fn the_lock_pins_bytes() {
    assert_eq!(changed_sources(""), Vec::<String>::new());
}

#[test]
fn without_comparing_digests_other_bytes_are_taken() {
    let taken = changed_sources("promise");
    assert!(taken.iter().any(|taken| taken.contains(": 0, as before: false")), "{taken:?}");
}

/// Faults at every server of an update. Gives what was left in a state that is neither the earlier nor the wanted one.
fn faults_of_the_network(breaking: &str) -> Vec<String> {
    let shop = Shop::new();
    let repo = shop.git_plugin("g", &["1.0.0"]);
    let server = GitServer::start(&shop.env.root().join("served"));
    shop.publish("ours", "a", "1.0.0", &[]);
    shop.manifest(&["ours"], &format!("a = \"*\"\ng = {{ git = \"{}\" }}", server.url("/g.git")), ONE);
    shop.env.greffon(["sync"]).run().succeeds();
    let before = shop.env.tree("one");
    shop.publish("ours", "a", "2.0.0", &[]);
    repo.write("code.txt", "g 2.0.0\n");
    repo.commit("2.0.0");
    repo.annotated_tag("v2.0.0");
    let bare = shop.env.root().join("served/g.git");
    repo.git(&["push", "-q", "--all", bare.to_str().expect("UTF-8")]);
    repo.git(&["push", "-q", "--tags", bare.to_str().expect("UTF-8")]);
    let old_lock = shop.env.read("greffon.lock");
    let kept = shop.env.root().join("kept");
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let _ = Command::new("chmod").args(["-R", "u+w"]).arg(to).stderr(Stdio::null()).status();
        let _ = std::fs::remove_dir_all(to);
        assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs").success());
    };
    copy(&shop.env.stock(), &kept);
    let elsewhere = shop.files.url("/round");
    shop.files.redirect("/round", 302, &elsewhere);
    let faults: Vec<(&str, Fault)> = vec![
        ("503", Fault::status(503).into()),
        ("html", Fault::html()),
        ("a body that is another", Fault::status(200).body(b"nothing of the sort")),
        ("redirects in circles", Fault::redirect(302, &elsewhere)),
        ("too long a length", Fault::Length(7)),
        ("too short a length", Fault::Length(-7)),
        ("a part of something else", Fault::Range(3, 9, 4711)),
        ("cut at once", Fault::Cut(0)),
        ("cut", Fault::Cut(31)),
        ("cut late", Fault::Cut(211)),
        ("reset", Fault::Reset(17)),
    ];
    let mut wrong = Vec::new();
    let mut turn = 0;
    for (name, fault) in &faults {
        for place in ["/ours/names.json", "/ours/elements", "/ours/files", "/g.git/info/refs", "/g.git/git-upload-pack"] {
            for times in [1, 1000] {
                // The long tries, with their pauses, a few times only.
                if times > 1 && !matches!(*name, "html" | "redirects in circles" | "a body that is another") && rounds(1) == 1 {
                    continue;
                }
                turn += 1;
                if turn % 4 != 0 && rounds(1) == 1 {
                    continue;
                }
                copy(&kept, &shop.env.stock());
                shop.env.write("greffon.lock", &old_lock);
                for heal in [&*shop.files, &*server] {
                    heal.heal();
                    heal.forget();
                }
                let faulty = if place.starts_with("/g.git") { &*server } else { &*shop.files };
                faulty.fault(place, times, fault.clone());
                let begun = Instant::now();
                let updated = shop.env.greffon(["update", "--refresh"]).env("GREFFON_BREAK", breaking).run();
                let synced = shop.env.greffon(["sync"]).env("GREFFON_BREAK", breaking).run();
                let what = format!("{name} at {place}, {times} times");
                assert!(begun.elapsed() < Duration::from_secs(150), "{what}: it took {:?}", begun.elapsed());
                let asked: BTreeMap<String, usize> =
                    faulty.requests().iter().filter(|asked| asked.path.contains(place)).fold(BTreeMap::new(), |mut all, asked| {
                        *all.entry(format!("{} {}?{}", asked.method, asked.path, asked.query)).or_default() += 1;
                        all
                    });
                if let Some((one, count)) = asked.iter().find(|(_, count)| **count > 12) {
                    wrong.push(format!("{what}: {one} was asked for {count} times"));
                }
                let tree = shop.env.tree("one");
                let newest = (shop.code("one", "a"), shop.code("one", "g"));
                let whole = ["a 1.0.0\n", "a 2.0.0\n"].contains(&newest.0.as_str()) && ["g 1.0.0\n", "g 2.0.0\n"].contains(&newest.1.as_str());
                let lock = shop.env.read("greffon.lock");
                let wanted = |version: &str, name: &str| lock.contains(&format!("\"plugins/{name}@{version}\""));
                let as_locked = synced.status != 0 || wanted(newest.0[2..7].trim(), "a") && wanted(newest.1[2..7].trim(), "g");
                if !whole || tree.len() != before.len() || !as_locked {
                    wrong.push(format!("{what}: {newest:?} after {} and {}", updated.status, synced.status));
                }
                if times == 1 && matches!(*name, "503" | "cut" | "reset") && (updated.status, synced.status) != (0, 0) {
                    wrong.push(format!("{what}: once was too much: {} {}", updated.stderr, synced.stderr));
                }
                for heal in [&*shop.files, &*server] {
                    heal.heal();
                }
                shop.env.greffon(["rollback", "1"]).run();
                shop.env.greffon(["sync", "--release", "--frozen"]).run();
                shop.env.write("greffon.lock", &old_lock);
                shop.env.greffon(["sync"]).run().succeeds();
                assert_eq!(shop.env.tree("one"), before, "{what}: back again");
            }
        }
    }
    wrong
}

#[test]
fn faults_of_the_network_cost_time_and_no_state() {
    assert_eq!(faults_of_the_network(""), Vec::<String>::new());
}

#[test]
fn without_a_second_try_one_fault_is_too_much() {
    let wrong = faults_of_the_network("retry");
    assert!(!wrong.is_empty(), "the faults are not met");
    // It costs the run and no state.
    assert!(wrong.iter().all(|wrong| wrong.contains("once was too much")), "{wrong:?}");
}

/// Generations of a tree with additions, removals, modes and links, and jumps between them. Gives the jumps that did not arrive.
fn jumps(breaking: &str, generations: usize, jumps: usize) -> Vec<String> {
    let shop = Shop::new();
    let repo = Repo::init(&shop.env.root().join("work-g"));
    for at in 1..=generations {
        repo.write("code.txt", format!("g {at}\n")).write(&format!("only/{at}/x.txt"), format!("{at}")).write("same.txt", "same");
        if at > 1 {
            repo.remove(&format!("only/{}/x.txt", at - 1));
        }
        match at % 3 {
            0 => drop(repo.write_executable("turns", format!("#!{at}"))),
            1 => drop(repo.write("turns", format!("{at}"))),
            _ => drop(repo.remove("turns").link("turns", &format!("only/{at}"))),
        }
        if at % 3 == 2 {
            repo.commit(&at.to_string());
            repo.tag(&format!("v{at}.0.0"));
            repo.remove("turns");
            continue;
        }
        repo.commit(&at.to_string());
        repo.tag(&format!("v{at}.0.0"));
    }
    let mut trees = Vec::new();
    for at in 1..=generations {
        shop.env.write(
            "greffon.toml",
            format!(
                "{INSTALLER}[types.plugins]\ng = {{ git = \"{}\", version = \"={at}.0.0\" }}\n[sites.one]\npath = \"one\"\nkeep = 100000\n",
                repo.folder().display()
            ),
        );
        shop.env.greffon(["sync"]).run().succeeds();
        trees.push(shop.env.tree("one"));
    }
    let away = shop.env.root().join("away");
    std::fs::rename(repo.folder(), &away).expect("moved");
    let mut dice = Dice(11);
    let mut wrong = Vec::new();
    for jump in 0..jumps {
        let to = dice.roll(generations);
        if jump % 7 == 0 {
            shop.env.greffon(["stock", "gc"]).env("GREFFON_BREAK", breaking).run();
        }
        let before = shop.env.tree("one");
        let outcome = shop.env.greffon(["rollback", &(to + 1).to_string(), "--offline"]).run();
        let found = shop.env.tree("one");
        if outcome.status != 0 && found == before {
            wrong.push(format!("jump {jump} to {}: refused: {}", to + 1, outcome.stderr));
        } else if found != trees[to] {
            wrong.push(format!("jump {jump} to {}: another tree, status {}", to + 1, outcome.status));
        }
    }
    wrong
}

#[test]
fn every_generation_comes_back() {
    let rounds = rounds(24);
    assert_eq!(jumps("", if rounds > 100 { 20 } else { 7 }, rounds), Vec::<String>::new());
}

#[test]
fn a_stock_tidied_without_regard_to_pins_loses_them_and_nothing_is_half_done() {
    let wrong = jumps("pins", 4, 12);
    assert!(wrong.iter().any(|wrong| wrong.contains("refused")), "{wrong:?}");
    assert!(!wrong.iter().any(|wrong| wrong.contains("another tree")), "{wrong:?}");
}

/// A sync whose second download is held back, and a tidying up in between, which is given so long to end. Gives whether it did, or
/// took away what the sync had brought.
fn tidied_meanwhile(breaking: &str, patience: Duration) -> Option<String> {
    let shop = Shop::new();
    shop.publish("ours", "a", "1.0.0", &[]);
    shop.publish("ours", "b", "1.0.0", &[]);
    shop.manifest(&["ours"], "a = \"*\"\nb = \"*\"", ONE);
    shop.env.greffon(["lock"]).run().succeeds();
    shop.files.forget();
    let gate = Arc::new(AtomicBool::new(false));
    shop.files.fault("/files/plugins/b", 1, Fault::Gate(gate.clone()));
    let child = shop.env.greffon(["sync"]).command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
    let until = |what: &str, patience: Duration, so: &mut dyn FnMut() -> bool| {
        let end = Instant::now() + patience;
        while !so() {
            if Instant::now() > end {
                return Err(format!("waited in vain for {what}"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    };
    let long = Duration::from_secs(120);
    until("the download of `b`", long, &mut || shop.files.count("/files/plugins/b") > 0).expect("asked");
    until("`a` in stock", long, &mut || shop.env.greffon(["stock", "list", "--json"]).run().succeeds().stdout.contains("plugins/a")).expect("stored");
    let mut tidy = shop.env.greffon(["stock", "gc"]).env("GREFFON_BREAK", breaking).command();
    let mut tidy = tidy.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
    let waited = until("the tidying up", patience, &mut || tidy.try_wait().expect("asked").is_some()).is_err();
    gate.store(true, Ordering::SeqCst);
    let output = child.wait_with_output().expect("ended");
    // It waits ten seconds, and then says that the stock is in use.
    let tidied = tidy.wait_with_output().expect("ended");
    assert!(tidied.status.success() || String::from_utf8_lossy(&tidied.stderr).contains("in use"), "{}", String::from_utf8_lossy(&tidied.stderr));
    let asked = shop.files.count("/files/plugins/a");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Some(said);
    }
    assert_eq!(shop.code("one", "a"), "a 1.0.0\n");
    shop.env.greffon(["verify"]).run().succeeds();
    shop.env.greffon(["stock", "verify"]).run().succeeds();
    (asked != 1 || !waited).then(|| format!("`a` was fetched {asked} times, waited: {waited}"))
}

#[test]
fn tidying_up_waits_for_who_is_fetching() {
    assert_eq!(tidied_meanwhile("", Duration::from_secs(1)), None);
}

#[test]
fn without_its_lock_it_would_not() {
    assert!(tidied_meanwhile("stock-lock", Duration::from_secs(60)).is_some());
}

#[test]
fn processes_share_a_stock_while_it_is_tidied_and_some_are_killed() {
    let shop = Shop::new();
    let git = shop.git_plugin("g", &["1.0.0", "2.0.0"]);
    for version in ["1.0.0", "2.0.0"] {
        shop.publish("ours", "a", version, &[]);
    }
    let repository = shop.repository("ours", "");
    let manifest = |site: &str, version: &str| {
        let plugins = format!("[types.plugins]\na = \"={version}\"\ng = {{ git = \"{}\", version = \"={version}\" }}\n", git.folder().display());
        shop.env.write(format!("{site}/greffon.toml"), format!("{INSTALLER}{repository}{plugins}[sites.{site}]\npath = \"html\"\n"));
    };
    let mut dice = Dice(5);
    for round in 0..rounds(5) {
        let version = if round % 2 == 0 { "1.0.0" } else { "2.0.0" };
        let mut children = Vec::new();
        for site in ["x", "y"] {
            manifest(site, version);
            for _ in 0..3 {
                let mut command = shop.env.greffon(["sync"]).within(site).command();
                children.push((site, command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started")));
            }
        }
        let mut tidy = shop.env.greffon(["stock", "gc"]).command();
        let tidy = tidy.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        std::thread::sleep(Duration::from_millis(dice.roll(200) as u64));
        let victim = dice.roll(children.len());
        let _ = children[victim].1.kill();
        let begun = Instant::now();
        for (at, (site, child)) in children.into_iter().enumerate() {
            let output = child.wait_with_output().expect("ended");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            // Two that lock at once: the second is told to run again.
            let told = said.contains("run the command again");
            assert!(at == victim || output.status.success() || told, "round {round}, {site}: {said}");
        }
        tidy.wait_with_output().expect("ended");
        assert!(begun.elapsed() < Duration::from_secs(400), "round {round}: it took {:?}", begun.elapsed());
        for site in ["x", "y"] {
            shop.env.greffon(["sync"]).within(site).run().succeeds();
            let code = |name: &str| shop.env.read(format!("{site}/html/plugins/{name}/code.txt"));
            assert_eq!((code("a"), code("g")), (format!("a {version}\n"), format!("g {version}\n")), "round {round}");
            shop.env.greffon(["verify"]).within(site).run().succeeds();
        }
        shop.env.greffon(["stock", "verify"]).run().succeeds();
    }
}
