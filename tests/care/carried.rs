//! `stock export` and `stock import`: what a lock needs, carried to a machine without a network.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

use greffon::sys::parcel::ParcelWriter;

use super::shop::{INSTALLER, Shop};
use super::support::{GitServer, Repo, TestEnvironment};

/// The members of an export, in their order.
type Members = Vec<(String, Vec<u8>)>;

fn members(file: &Path) -> Members {
    let mut tar = Vec::new();
    zstd::Decoder::new(std::fs::File::open(file).expect("opened")).expect("zstd").read_to_end(&mut tar).expect("unpacked");
    let mut archive = tar::Archive::new(tar.as_slice());
    let mut members = Vec::new();
    for entry in archive.entries().expect("a tar") {
        let mut entry = entry.expect("a member");
        let name = entry.path().expect("a name").display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("read");
        members.push((name, bytes));
    }
    members
}

fn write(file: &Path, members: &Members) {
    let mut parcel = ParcelWriter::create(file).expect("begun");
    for (name, bytes) in members {
        parcel.member(name, bytes).expect("written");
    }
    parcel.finish().expect("finished");
}

/// As people who mean harm write one: any header.
fn write_raw(file: &Path, members: &Members, change: impl Fn(usize, &mut tar::Header)) {
    let mut tar = Vec::new();
    for (number, (name, bytes)) in members.iter().enumerate() {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes.len() as u64);
        change(number, &mut header);
        header.set_cksum();
        tar.extend_from_slice(header.as_bytes());
        tar.extend_from_slice(bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    std::fs::write(file, zstd::encode_all(tar.as_slice(), 3).expect("packed")).expect("written");
}

/// A manifest over every sort of source, and the server of one of them.
fn shop() -> (Shop, GitServer) {
    let shop = Shop::new();
    let root = shop.env.root().to_owned();
    shop.publish("ours", "base", "1.0.0", &[]);
    shop.publish("ours", "user", "1.0.0", &[("plugins/base", "*")]);
    let tool = shop.package("tool", "1.2.0", &[]);
    let packed = std::process::Command::new("tar")
        .arg("-C")
        .arg(tool.parent().expect("a folder"))
        .args(["-czf"])
        .arg(shop.public("tool.tgz"))
        .arg("tool-1.2.0")
        .status();
    assert!(packed.expect("tar runs").success());
    let core = Repo::init(&root.join("campus"));
    core.write("index.txt", "the core\n").write_executable("bin/run", "#!/bin/sh\n").link("bin/also", "run").write("lib/picture", [0_u8, 1, 255]);
    core.commit("core");
    core.tag("v3.0.0");
    let inner = Repo::init(&root.join("inner"));
    inner.write("inner.txt", "inner\n").commit("inner");
    let outer = Repo::init(&root.join("outer"));
    outer.write("plugin/code.txt", "outer\n").write("elsewhere/not.txt", "not taken\n");
    outer.git(&["submodule", "add", "-q", &inner.url(), "plugin/lib/inner"]);
    outer.commit("outer");
    outer.tag("v1.1.0");
    shop.git_plugin("pointed", &["2.0.0"]);
    let server = GitServer::start(&root.join("served"));
    shop.publish_git("ours", "pointed", &server.url("/pointed.git"), &[("2.0.0", "v2.0.0")]);
    shop.env.write("manifest/own/greffon.toml", "[package]\ntype = \"plugins\"\nname = \"own\"\nversion = \"0.1.0\"\n");
    shop.env.write("manifest/own/deep/own.txt", "our own\n");
    shop.env.write("manifest/patches/outer/0001-x.patch", "--- a/code.txt\n+++ b/code.txt\n@@ -1 +1 @@\n-outer\n+outer, patched\n");
    shop.env.greffon(["stock", "add", "plugins/bought@5.0"]).within(shop.env.work()).run().fails(2);
    let bought = shop.package("bought", "5.0", &[]);
    shop.env.greffon(["stock".as_ref(), "add".as_ref(), "plugins/bought@5.0".as_ref(), bought.as_os_str()]).run().succeeds();
    let manifest = format!(
        "{INSTALLER}{}[types.core]\ncampus = {{ git = \"../../campus\", version = \"*\" }}\n[types.plugins]\nuser = \"*\"\npointed = \"*\"\nbought = \"*\"\n\
         outer = {{ git = \"../../outer\", version = \"*\", subdir = \"plugin\", submodules = true, patches = [\"patches/outer/0001-x.patch\"] }}\n\
         tool = {{ url = {:?}, version = \"1.2.0\" }}\nown = {{ path = \"own\" }}\n\
         [sites.one]\npath = \"../one\"\n[sites.two]\npath = \"../two\"\nwithout = [\"plugins/tool\", \"plugins/own\"]\n",
        shop.repository("ours", ""),
        shop.files.url("/tool.tgz"),
    );
    shop.env.write("manifest/greffon.toml", manifest);
    (shop, server)
}

/// The manifest's folder as it goes to another machine on its own: without what lies beside it.
fn elsewhere(shop: &Shop) -> TestEnvironment {
    let env = TestEnvironment::new();
    for file in ["greffon.toml", "greffon.lock", "patches/outer/0001-x.patch"] {
        env.write(format!("manifest/{file}"), shop.env.read(format!("manifest/{file}")));
    }
    env
}

fn run<const N: usize>(env: &TestEnvironment, arguments: [&str; N]) -> super::support::Outcome {
    env.greffon(arguments).within(env.path("manifest")).env("GIT_ALLOW_PROTOCOL", "file:http:https").run()
}

/// Everything of a stock but its scratch folder and lock.
fn stock(env: &TestEnvironment) -> BTreeMap<String, String> {
    let mut tree = greffon_tree(&env.stock());
    tree.retain(|path, _| !path.starts_with("tmp/") && path != "lock");
    tree
}

fn greffon_tree(folder: &Path) -> BTreeMap<String, String> {
    fn below(folder: &Path, above: &str, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = format!("{above}{}", entry.file_name().display());
            if entry.path().is_dir() {
                below(&entry.path(), &format!("{path}/"), found);
            } else {
                found.insert(path, format!("{:x?}", std::fs::read(entry.path()).unwrap_or_default()));
            }
        }
    }
    let mut found = BTreeMap::new();
    below(folder, "", &mut found);
    found
}

#[test]
fn a_machine_without_a_network_makes_the_same_sites() {
    let (shop, server) = shop();
    run(&shop.env, ["sync", "--all", "--create"]).succeeds();
    let file = shop.env.root().join("all.greffon");
    let name = file.display().to_string();
    let written = run(&shop.env, ["stock", "export", &name, "--json"]).succeeds().json();
    assert_eq!(written["elements"].as_array().map(Vec::len), Some(8), "{written}");
    let bytes = std::fs::read(&file).expect("read");
    run(&shop.env, ["stock", "export", &name]).succeeds().says("8 elements");
    assert!(bytes == std::fs::read(&file).expect("read"), "the same lock gives the same bytes");
    // Some of it only: no path, and nothing that the other site alone has.
    let part = shop.env.root().join("part.greffon").display().to_string();
    let some = run(&shop.env, ["stock", "export", &part, "--site", "two", "--offline", "--json"]).succeeds().json();
    assert_eq!(some["elements"].as_array().map(Vec::len), Some(6), "{some}");
    let site = shop.env.tree("one");
    assert_eq!(shop.env.read("one/plugins/outer/lib/inner/inner.txt"), "inner\n");

    // Nothing of what it came from is there any more.
    drop(server);
    let there = elsewhere(&shop);
    std::fs::rename(shop.env.root().join("campus"), shop.env.root().join("gone-1")).expect("moved");
    std::fs::rename(shop.env.root().join("outer"), shop.env.root().join("gone-2")).expect("moved");
    std::fs::rename(shop.env.root().join("public"), shop.env.root().join("gone-3")).expect("moved");
    run(&there, ["sync", "--offline", "--locked", "--site", "two"]).fails(1);
    let would = run(&there, ["stock", "import", &name, "--dry-run"]).succeeds();
    would.says("Would import 8 elements");
    assert_eq!(run(&there, ["stock", "list", "--json"]).succeeds().json()["entries"], serde_json::json!([]));
    assert!(!there.exists("manifest/own"));
    let told = run(&there, ["stock", "import", &name, "--json"]).succeeds().json();
    assert_eq!(told["elements"].as_array().expect("a list").iter().filter(|one| one["known"] == false).count(), 8, "{told}");
    assert_eq!(told["placed"].as_array().map(Vec::len), Some(1), "{told}");
    assert!(told["notes"][0].as_str().is_some_and(|note| note.contains("plugins/bought 5.0 was put in by hand")), "{told}");
    run(&there, ["stock", "verify"]).succeeds();
    run(&there, ["sync", "--offline", "--locked", "--all", "--create"]).succeeds();
    assert_eq!(there.tree("one"), site);
    run(&there, ["verify", "--all"]).succeeds();
    // Once more it changes nothing; from there it goes on to a third machine.
    let before = stock(&there);
    run(&there, ["stock", "import", &name]).succeeds().says("Imported 0 elements");
    assert!(stock(&there) == before, "a second import writes nothing");

    // The part is enough for its site.
    let third = elsewhere(&shop);
    run(&third, ["stock", "import", &part]).succeeds();
    run(&third, ["sync", "--offline", "--locked", "--site", "two"]).succeeds();
    assert_eq!(third.tree("two"), there.tree("two"));
    run(&third, ["sync", "--offline", "--locked", "--site", "one"]).fails(1);
}

#[test]
fn what_lies_at_a_path_is_put_only_where_the_lock_here_looks_for_it() {
    let (shop, _server) = shop();
    let file = shop.env.root().join("x.greffon").display().to_string();
    run(&shop.env, ["stock", "export", &file]).succeeds();
    let there = elsewhere(&shop);
    there.write("manifest/own/deep/own.txt", "another\n");
    run(&there, ["stock", "import", &file]).succeeds().says("it stays as it is");
    assert_eq!(there.read("manifest/own/deep/own.txt"), "another\n");
    let alone = TestEnvironment::new();
    alone.greffon(["stock", "import", &file]).run().succeeds().says("put nowhere");
    assert!(!alone.exists("own") && !alone.exists("manifest"));
}

#[test]
fn a_file_that_was_tampered_with_is_refused_and_nothing_changes() {
    let (shop, _server) = shop();
    let good = shop.env.root().join("good.greffon");
    run(&shop.env, ["stock", "export", &good.display().to_string()]).succeeds();
    let there = elsewhere(&shop);
    run(&there, ["stock", "list"]).succeeds();
    let before = stock(&there);
    let bad = shop.env.root().join("bad.greffon");
    let refused = |what: &str, says: &str| {
        let outcome = run(&there, ["stock", "import", &bad.display().to_string()]);
        assert_eq!(outcome.status, 1, "{what} was not refused: {}", outcome.stderr);
        outcome.says("cannot be imported").says(says);
        assert!(stock(&there) == before, "{what} left something in the stock");
        assert!(!there.exists("manifest/own"), "{what}");
    };
    let all = members(&good);
    let at = |sort: &str| all.iter().position(|(name, _)| name.starts_with(sort)).expect("there is one");
    let changed = |change: &dyn Fn(&mut Members)| {
        let mut members = all.clone();
        change(&mut members);
        write(&bad, &members);
    };

    // Cut off, flipped, or no export at all.
    let bytes = std::fs::read(&good).expect("read");
    for part in [0, 1, 3, 10, 40, 60, 80, 95, 99] {
        std::fs::write(&bad, &bytes[..bytes.len() * part / 100]).expect("written");
        refused(&format!("the first {part} %"), "");
    }
    std::fs::write(&bad, &bytes[..bytes.len() - 1]).expect("written");
    refused("all but the last byte", "cut off");
    for step in 0..12 {
        let mut flipped = bytes.clone();
        let at = (step * 7919 + 6) % flipped.len();
        flipped[at] ^= 0x20;
        std::fs::write(&bad, flipped).expect("written");
        refused(&format!("a flipped bit at {at}"), "");
    }
    std::fs::write(&bad, [bytes.as_slice(), b"more"].concat()).expect("written");
    refused("something behind the end", "");
    std::fs::write(&bad, b"PK\x03\x04 and so on").expect("written");
    refused("a zip", "");

    // What it says of itself.
    changed(&|members| members[0].1 = String::from_utf8_lossy(&members[0].1).replace("exported-stock/1", "exported-stock/2").into_bytes());
    refused("another version", "newer greffon");
    changed(&|members| members[0].1 = b"{\"schema\":\"greffon/stock/1\"}".to_vec());
    refused("another schema", "not a stock");
    changed(&|members| members.truncate(1));
    refused("a head alone", "cut off");
    changed(&|members| drop(members.pop()));
    refused("an archive taken out", "");
    changed(&|members| drop(members.remove(at("blobs/"))));
    refused("a file taken out", "");
    changed(&|members| members.swap(at("blobs/"), at("blobs/") + 1));
    refused("another order", "stands where it may not");
    changed(&|members| members.insert(at("blobs/"), all[at("blobs/")].clone()));
    refused("a file twice", "stands where it may not");

    // Names and kinds.
    for name in
        ["blobs/../../escaped", "../escaped", "/etc/escaped", "archives/..", "archives/x", "blobs/", "trees/0123", "other", "greffon.lock/x", "blobs/\u{0}"]
    {
        let mut members = all.clone();
        members[at("blobs/")].0 = name.to_owned();
        write_raw(&bad, &members, |_, _| {});
        refused(name, "");
    }
    let link = |_: usize, header: &mut tar::Header| {
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        let _ = header.set_link_name("/etc/passwd");
    };
    write_raw(&bad, &all, |number, header| {
        if number == at("blobs/") {
            link(number, header)
        }
    });
    refused("a link", "no part of one");
    for kind in
        [tar::EntryType::Link, tar::EntryType::Directory, tar::EntryType::Char, tar::EntryType::XHeader, tar::EntryType::GNULongName, tar::EntryType::GNUSparse]
    {
        write_raw(&bad, &all, |number, header| {
            if number == at("blobs/") {
                header.set_entry_type(kind)
            }
        });
        refused(&format!("{kind:?}"), "no part of one");
    }
    for size in [1 << 40, 600 << 20, 100_000] {
        write_raw(&bad, &all, |number, header| {
            if number == at("blobs/") {
                header.set_size(size)
            }
        });
        refused(&format!("a claim of {size} bytes"), "");
        write_raw(&bad, &all, |number, header| {
            if number == at("trees/") {
                header.set_size(size)
            }
        });
        refused(&format!("a tree of {size} bytes"), "");
    }
    // The writer of these is no reason for a refusal.
    write_raw(&bad, &all, |_, _| {});
    run(&there, ["stock", "import", &bad.display().to_string(), "--dry-run"]).succeeds();

    // Contents.
    for sort in ["commits/", "proofs/", "trees/", "blobs/", "archives/"] {
        changed(&|members| {
            let byte = members[at(sort)].1.last_mut().expect("not empty");
            *byte ^= 1;
        });
        refused(&format!("other bytes of {sort}"), "is not what its name says");
    }
    changed(&|members| members[at("blobs/")].1.clear());
    refused("an empty file", "is not what its name says");
    let stray = greffon::sys::git::Hasher;
    let id = greffon::sys::git::Sink::blob(&mut { stray }, b"a stray").expect("hashed").to_string();
    changed(&|members| {
        let place = members.iter().position(|(name, _)| *name > format!("blobs/{id}") && name.starts_with("blobs/")).unwrap_or(at("archives/"));
        members.insert(place, (format!("blobs/{id}"), b"a stray".to_vec()));
        let count = all.iter().filter(|(name, _)| name.starts_with("blobs/")).count();
        members[0].1 = String::from_utf8_lossy(&members[0].1).replace(&format!("\"blobs\": {count}"), &format!("\"blobs\": {}", count + 1)).into_bytes();
    });
    refused("a stray file", "belongs to nothing");

    // The lock in it against what came along: trees of other commits, other digests.
    let lock = String::from_utf8(all[1].1.clone()).expect("text");
    let line = |name: &str| lock.lines().find(|line| line.starts_with(&format!("\"{name}@"))).expect("locked").to_owned();
    let value = |line: &str, key: &str| line.split(&format!("{key} = \"")).nth(1).and_then(|rest| rest.split('"').next()).expect("a value").to_owned();
    let (core, outer, pointed, tool) = (line("core/campus"), line("plugins/outer"), line("plugins/pointed"), line("plugins/tool"));
    for (what, from, to) in [
        ("a commit with the tree of another", value(&pointed, "tree"), value(&core, "tree")),
        ("another commit", value(&core, "commit"), value(&pointed, "commit")),
        ("a commit that is not there", value(&core, "commit"), "0".repeat(40)),
        ("another folder", "subdir = \"plugin\"".to_owned(), "subdir = \"elsewhere\"".to_owned()),
        ("submodules that are none", value(&outer, "tree"), value(&core, "tree")),
        ("an archive's other digest", value(&tool, "sha256"), value(&tool, "sha256").chars().rev().collect()),
        ("an archive's other tree", value(&tool, "tree"), value(&core, "tree")),
    ] {
        assert!(lock.contains(&from), "{what}: {from}\n{lock}");
        changed(&|members| members[1].1 = lock.replace(&from, &to).into_bytes());
        refused(what, "");
    }
    // An archive of the same length of words, with other files: only its digest tells.
    let packed = std::process::Command::new("tar").arg("-C").arg(shop.package("other", "1.0", &[])).args(["-cz", "."]).output().expect("tar runs").stdout;
    let tool = value(&tool, "sha256").replace("sha256:", "archives/");
    changed(&|members| members[at(&tool)].1.clone_from(&packed));
    refused("an archive with other files", "is not what its name says");
    // The twin: without that look it would be taken.
    let twin = there.greffon(["stock", "import", &bad.display().to_string()]).within(there.path("manifest")).env("GREFFON_BREAK", "promise").run();
    twin.succeeds();
}

#[test]
fn a_stock_that_was_imported_says_why_it_cannot_be_passed_on() {
    let (shop, server) = shop();
    let file = shop.env.root().join("one.greffon").display().to_string();
    run(&shop.env, ["stock", "export", &file]).succeeds();
    let there = elsewhere(&shop);
    run(&there, ["stock", "import", &file]).succeeds();
    drop(server);
    let failed = run(&there, ["stock", "export", &there.root().join("two.greffon").display().to_string(), "--offline"]).fails(1);
    failed.says("without it nobody could prove").says("pass that file on");
    assert!(!there.root().join("two.greffon").exists());
}

#[test]
fn a_bomb_is_stopped_and_what_was_put_in_by_hand_otherwise_stays() {
    let (shop, _server) = shop();
    let good = shop.env.root().join("good.greffon");
    run(&shop.env, ["stock", "export", &good.display().to_string()]).succeeds();
    let there = elsewhere(&shop);
    let bomb = shop.env.root().join("bomb.greffon");
    let mut packed = zstd::Encoder::new(std::fs::File::create(&bomb).expect("made"), 19).expect("zstd");
    let mut header = tar::Header::new_ustar();
    header.set_path("greffon-stock.json").expect("a name");
    header.set_size(60 << 20);
    header.set_cksum();
    packed.write_all(header.as_bytes()).expect("written");
    for _ in 0..80 {
        packed.write_all(&vec![b' '; 1 << 20]).expect("written");
    }
    packed.finish().expect("finished");
    run(&there, ["stock", "import", &bomb.display().to_string()]).fails(1).says("cannot be imported");

    let other = shop.package("bought", "5.0", &[]);
    std::fs::write(other.join("code.txt"), "other bytes\n").expect("written");
    there.greffon(["stock".as_ref(), "add".as_ref(), "plugins/bought@5.0".as_ref(), other.as_os_str()]).run().succeeds();
    let before = stock(&there);
    run(&there, ["stock", "import", &good.display().to_string()]).fails(1).says("put in by hand");
    assert!(stock(&there) == before);
}

#[test]
fn a_disk_without_room_is_told_before_anything_is_unpacked() {
    let (shop, _server) = shop();
    let file = shop.env.root().join("one.greffon").display().to_string();
    run(&shop.env, ["stock", "export", &file]).succeeds();
    let there = elsewhere(&shop);
    run(&there, ["stock", "list"]).succeeds();
    let entries = || std::fs::read_dir(there.stock().join("objects.git/objects/pack")).expect("listed").count();
    let import = |room: &str| there.greffon(["stock", "import", &file]).within(there.path("manifest")).env("GREFFON_FREE_SPACE", room).run();
    let failed = import("1000").fails(1).says("there is room for 1000 in the stock").says("bytes of room").says("the stock is as it was");
    assert_eq!(entries(), 0);
    let needed: u64 = failed.stderr.split("it holds ").nth(1).and_then(|text| text.split(' ').next()).and_then(|text| text.parse().ok()).expect("a number");
    assert!(needed > 1000, "{needed}");
    import(&(needed - 1).to_string()).fails(1);
    import(&needed.to_string()).succeeds();
    assert!(entries() > 0);
}
