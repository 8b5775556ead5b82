//! `fs`, `hash`, `archive`: paths that lead elsewhere, and things that are no files.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::stage::{CANARY, Case, Serves, Stage, each, granted};

const ALLOW: &str = "allow = { read = [\"x/data\"], write = [\"x/data\"] }\n";
const REFUSED: [&str; 4] = ["may not", "cannot", "nul", "is no "];

fn disk(name: &'static str, body: &str, says: &'static [&'static str]) -> Case {
    granted(name, ALLOW, body, says)
}

/// Plays one whose folder is `../data`, made by `make`.
fn with(stage: &Stage, case: &Case, make: impl Fn(&std::path::Path)) -> Vec<String> {
    stage.shop.remove("x");
    let data = stage.shop.env.root().join("data");
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir(&data).expect("made");
    stage.shop.env.write("x/h.rhai", format!("fn before_sync(event, host) {{\n{}\n}}\n", case.text));
    make(&data);
    stage.shop.env.write("greffon.toml", stage.manifest(Serves::Hook, &case.grants.replace("x/data", "../data")));
    stage.judge(case.name, case.says)
}

#[test]
fn no_path_leads_out_of_the_granted_folder() {
    let stage = Stage::new();
    let root = stage.shop.env.root().display().to_string();
    let paths: Vec<String> = [
        "private.txt",
        "x/data/../../private.txt",
        "x/data/../h.rhai",
        "x/data/./../../private.txt",
        "x/data//../..//private.txt",
        "x/data/none/../../../private.txt",
        "x/data/plain.txt/../../../private.txt",
        "ROOT/outside/secret.txt",
        "ROOT/work/private.txt",
        "x/database/x",
        "x/data\0/../private.txt",
        "/etc/passwd",
        "//etc/passwd",
        "/proc/self/environ",
        "/proc/self/cwd/private.txt",
        "/proc/self/root/etc/passwd",
        "/proc/1/environ",
        "/proc/thread-self/fd/0",
        "/dev/zero",
        "/dev/stdin",
        "/dev/tty",
        "~/.ssh/id_rsa",
        "{site}/plugins/a/code.txt",
        "{extension}/h.rhai",
        "{extension}/../private.txt",
        "file:///etc/passwd",
        "..",
        ".",
        "/",
        "",
    ]
    .iter()
    .map(|path| path.replace("ROOT", &root))
    .collect();
    let functions = [
        "fs::read(it)",
        "fs::list(it)",
        "fs::exists(it)",
        "fs::size(it)",
        "fs::write(it, \"evil\")",
        "fs::make_dir(it)",
        "fs::remove(it)",
        "fs::rename(\"x/data/plain.txt\", it)",
        "fs::rename(it, \"x/data/new\")",
        "hash::sha256_file(it)",
        "archive::list(it)",
        "archive::read(it, \"x\")",
    ];
    let names = ["read", "list", "exists", "size", "write", "make_dir", "remove", "rename to", "rename from", "sha256_file", "archive list", "archive read"];
    let cases: Vec<Case> = names.into_iter().zip(functions).map(|(name, function)| disk(name, &each(&paths, function, &REFUSED), &["through: []"])).collect();
    stage.all(&cases);
}

#[test]
fn links_lead_nowhere_and_what_is_no_file_is_not_waited_for() {
    let stage = Stage::new();
    let outside = stage.shop.env.root().join("outside");
    let links: Vec<String> =
        ["file", "folder/secret.txt", "root/etc/passwd", "proc/environ", "fd/0", "dangling", "round", "zero", "up/work/private.txt", "in/away/secret.txt"]
            .map(|name| format!("../data/{name}"))
            .to_vec();
    let make = |data: &std::path::Path| {
        let link = |to: &std::path::Path, name: &str| symlink(to, data.join(name)).expect("linked");
        link(&outside.join("secret.txt"), "file");
        link(&outside, "folder");
        link("/".as_ref(), "root");
        link("/proc/self".as_ref(), "proc");
        link("/proc/self/fd".as_ref(), "fd");
        link(&outside.join("not-there-yet"), "dangling");
        link("round".as_ref(), "round");
        link("/dev/zero".as_ref(), "zero");
        link("..".as_ref(), "up");
        std::fs::create_dir(data.join("in")).expect("made");
        link(&outside, "in/away");
        std::fs::hard_link(outside.join("secret.txt"), data.join("hard")).expect("linked");
        std::process::Command::new("mkfifo").arg(data.join("pipe")).status().expect("mkfifo runs");
        std::fs::File::create(data.join("huge")).and_then(|file| file.set_len(1 << 40)).expect("a large file without content");
        std::mem::forget(std::os::unix::net::UnixListener::bind(data.join("s")));
    };
    let mut wrong = Vec::new();
    for (name, function) in [
        ("reading by links", "fs::read(it)"),
        ("writing by links", "fs::write(it, \"evil\")"),
        ("hashing by links", "hash::sha256_file(it)"),
        ("archives by links", "archive::list(it)"),
        ("moving over links", "fs::write(\"../data/new\", \"evil\"); fs::rename(\"../data/new\", it)"),
        ("folders by links", "fs::make_dir(it)"),
    ] {
        wrong.extend(with(
            &stage,
            &disk(name, &each(&links, function, &[&REFUSED[..], &["could not find", "loop", "links"]].concat()), &["through: []"]),
            make,
        ));
    }
    let odd = ["../data/pipe", "../data/s", "../data"].map(String::from);
    for (name, function) in [
        ("reading what is no file", "fs::read(it)"),
        ("writing over it", "fs::write(it, \"evil\")"),
        ("hashing it", "hash::sha256_file(it)"),
        ("archives that are none", "archive::list(it)"),
    ] {
        wrong.extend(with(&stage, &disk(name, &each(&odd, function, &[&REFUSED[..], &["could not", "no file", "archive"]].concat()), &["through: []"]), make));
    }
    for case in [
        disk("a huge file", "fs::read(\"../data/huge\");", &["h.rhai:2:", "larger than"]),
        disk("a huge file to hash", "hash::sha256_file(\"../data/huge\");", &["h.rhai:2:", "`waiting`"]),
        disk("a huge file as an archive", "archive::list(\"../data/huge\");", &["h.rhai:2:", "archive|`waiting`"]),
        // The other name of a file keeps its content: what is written is a file of its own.
        disk("writing by a hard link", "fs::write(\"../data/hard\", \"evil\"); throw fs::read(\"../data/hard\");", &["h.rhai:2:", "evil"]),
        disk("removing by a hard link", "fs::remove(\"../data/hard\"); throw \"ended\";", &["h.rhai:2:", "ended"]),
        disk("removing what links lead to", "fs::remove(\"../data/in\"); throw \"ended\";", &["h.rhai:2:", "ended"]),
        disk("the granted folder itself", "fs::remove(\"../data\");", &["h.rhai:2:", "granted folder itself"]),
        disk(
            "files without end",
            "let s = \"x\"; for i in 0..12 { s += s; }\nlet i = 0; loop { fs::write(`../data/f${i}`, s); i += 1; }",
            &["h.rhai:", "`waiting`|`seconds`|`operations`"],
        ),
        disk(
            "folders without end",
            "let p = \"../data\"; loop { p += \"/d\"; fs::make_dir(p); }",
            &["h.rhai:", "`waiting`|`seconds`|`operations`|could not|long|may not"],
        ),
    ] {
        wrong.extend(with(&stage, &case, make));
    }
    let many = |data: &std::path::Path| (0..20_100).for_each(|number| drop(std::fs::File::create(data.join(number.to_string())).expect("made")));
    wrong.extend(with(&stage, &disk("thousands of files", "fs::list(\"../data\");", &["h.rhai:2:", "more than 20000 names"]), many));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A folder that is a link every other moment: what is checked is what is opened.
#[test]
fn a_link_that_comes_and_goes_leads_nowhere() {
    let stage = Stage::new();
    let outside = stage.shop.env.root().join("outside");
    let body = "let seen = \"nothing\"; let i = 0;\n\
        loop { i += 1; if i > 20000 { break; }\n\
          try { let text = fs::read(\"../data/swap/secret.txt\"); if text != () && text != \"inside\" { seen = text; } } catch (e) { if e.message.contains(\"stopped\") { throw seen; } }\n\
          try { fs::write(\"../data/swap/w.txt\", \"evil\"); } catch { }\n\
          try { fs::rename(\"../data/swap/w.txt\", \"../data/swap/v.txt\"); } catch { }\n\
          try { if fs::list(\"../data/swap\").len() > 40 { seen = \"a list\"; } } catch { }\n\
          try { fs::remove(\"../data/swap/secret.rhai\"); } catch { }\n\
        }\nthrow seen;";
    let ended = AtomicBool::new(false);
    let data = stage.shop.env.root().join("data");
    let wrong = std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            while !data.join("swap").exists() && !ended.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            let (real, link, at) = (data.join("real"), data.join("link"), data.join("swap"));
            let mut turns = 0;
            while !ended.load(Ordering::SeqCst) {
                let _ = std::fs::rename(&at, &real);
                let _ = symlink(&outside, &link);
                let _ = std::fs::rename(&link, &at);
                let _ = std::fs::remove_file(&at);
                let _ = std::fs::rename(&real, &at);
                turns += 1;
            }
            turns
        });
        let make = |data: &std::path::Path| {
            std::fs::create_dir(data.join("swap")).expect("made");
            std::fs::write(data.join("swap/secret.txt"), "inside").expect("written");
        };
        let wrong = with(&stage, &disk("a link that comes and goes", body, &["h.rhai:", "nothing|`seconds`|`waiting`|`operations`"]), make);
        ended.store(true, Ordering::SeqCst);
        assert!(swapper.join().expect("it ends") > 100, "it was not swapped");
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(std::fs::read_to_string(stage.shop.env.root().join("outside/secret.txt")).expect("there"), CANARY);
}
