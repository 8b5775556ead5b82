//! What damage begins with: sound examples of everything, most of them written by the program itself.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use crate::program::output;
use crate::world::{Sizes, World};

const MANIFEST: &str = r#"requires-greffon = ">=0.1"
[config]
client = "builtin:standard"
stock = { use = "builtin:store", path = "stock" }
installer = { use = "builtin:tree", types = { core = ".", plugins = { path = "plugins/{name}", scheme = "3m", protect = ["config/local.php"] } } }
link-mode = "auto"
[config.schemes]
plugins = "moodle"
[config.mirrors]
"https://github.com/" = "https://mirror.example.org/github/"
[config.secrets]
shop = { env = "SHOP" }
file = { file = "/etc/secret" }
[[config.repositories]]
name = "ours"
use = "builtin:index"
url = "https://plugins.example.org/"
auth = "shop"
[types.core]
moodle = { git = "https://git.example.org/moodle.git", version = "4.5" }
[types.plugins]
mod_attendance = "*"
block_xp = { version = "2025*", repository = "ours" }
mod_customcert = { git = "https://git.example.org/customcert.git", tag = "v4.4.1", patches = ["patches/0001.patch"] }
local_ours = { path = "../local_ours", group = "dev" }
tool_zip = { url = "https://files.example.org/tool-1.2.zip", version = "1.2", sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }
[client-options]
if-version-mismatch = "ask"
if-local-changes = "abort"
[sites.prod]
path = "/srv/prod/html"
host = "srv1"
[sites.test]
path = "/srv/test/html"
groups = ["dev"]
without = ["plugins/mod_attendance"]
types.core.moodle = { git = "https://git.example.org/moodle.git", version = "5.1" }
"#;

const PACKAGE: &str = "[package]\ntype = \"plugins\"\nname = \"forum\"\nversion = \"1.2.3\"\nscheme = \"semver\"\nsummary = \"A forum\"\ninclude = [\"src/**\"]\n\
    [package.dependencies]\n\"plugins/calendar\" = \"1+\"\n[package.conflicts]\n\"plugins/old\" = \"*\"\n[package.optional]\nextra = { \"plugins/x\" = \"^1\" }\n";

const INDEX: &str = r#"{"type":"packages","name":"forum","summary":"s","versions":[{"version":"1.2.3","dependencies":{"packages/x":"^1"},"conflicts":{"packages/y":"*"},
"optional":{"e":{"packages/z":"1"}},"yanked":"why","published":"2026-01-01","download":{"url":"files/forum-1.2.3.tar.gz",
"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":10,"dialogue":"edd","price":{"amount":"10.00","currency":"EUR"}}},
{"version":"1.3.0","download":{"git":"https://example.org/x.git","rev":"v1.3.0","subdir":"a/b"}},{"version":"1.4.0","download":{"path":"files/x.zip"}}]}"#;

/// Seeds for each target, by its name. Makes a small site below `folder` and takes what it wrote.
pub(crate) fn seeds(folder: &Path) -> HashMap<&'static str, Vec<Vec<u8>>> {
    let world = World::make(&folder.join("world"), &folder.join("world/run"), Sizes { new: 2, updated: 3, removed: 1, same: 2 }, true);
    let read = |path: &str| std::fs::read(world.run().join(path)).expect("written by the program");
    let cache = read(".greffon-html/index");
    let mut journal = None;
    for at in 1..400 {
        world.put_back("kept");
        let done = output(world.sync().env("GREFFON_KILL_AT", at.to_string()));
        if world.has_journal() {
            journal = Some(read(".greffon-html/journal"));
            break;
        }
        assert!(!done.status.success(), "the run never wrote a journal");
    }
    let lines = |text: &str| text.split("\n\n").map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    let id = "1111111111111111111111111111111111111111";
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let refs = [
        line("# service=git-upload-pack\n"),
        "0000".into(),
        line(&format!("{id} HEAD\0multi_ack symref=HEAD:refs/heads/main\n")),
        line(&format!("{id} refs/heads/main\n")),
        line(&format!("{id} refs/tags/v1\n")),
        line(&format!("{id} refs/tags/v1^{{}}\n")),
        "0000".into(),
    ];
    let mut tree = Vec::new();
    for (mode, name) in [("100644", "a.php"), ("100755", "run"), ("40000", "sub"), ("120000", "to")] {
        tree.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        tree.extend_from_slice(&[7; 20]);
    }
    HashMap::from([
        ("archive", archives()),
        ("manifest", vec![MANIFEST.into(), read("project/greffon.toml"), PACKAGE.into()]),
        (
            "lock",
            vec![
                read("project/greffon.lock"),
                format!("schema = 1\n<<<<<<< HEAD\n\"plugins/a@1\" = {{ git = \"https://a/b\", commit = \"{id}\", tree = \"{id}\" }}\n=======\n>>>>>>> x\n")
                    .into_bytes(),
            ],
        ),
        ("package", vec![PACKAGE.into()]),
        ("index", vec![INDEX.into(), br#"{"schema":"greffon/index/1","name":"o","types":{"packages":{"path":"packages/{name}","scheme":"semver"}}}"#.to_vec()]),
        ("journal", vec![journal.expect("a journal")]),
        ("cache", vec![cache]),
        ("tree", vec![tree]),
        ("refs", vec![refs.concat().into_bytes()]),
        (
            "url",
            lines(
                "https://user:pw@git.example.org:8443/a/b.git?x=1#y\n\nssh://git@host.example:22/~a/b.git\n\ngit@host:a/b.git\n\nfile:///srv/a b.git\n\n../relative\n\nhttp://[::1]:80/x.git",
            ),
        ),
        (
            "version",
            lines(
                "1.2.3\n1.2.3-rc.1\n1.2.3+b\n2\n\n2025042100\n2025042100.01\n4.5\n4.5.3+\n5.1\n\n2025-01-02\n20250102\n2025010203\n\n1.0rc1\n1.0-dev\n1.0pl2\n1.0.0.0",
            ),
        ),
        (
            "requirement",
            lines(
                "2.4+\n2.4.0\n2.4.9\n3\n\n^1.2, <1.9 || =2.0.0\n1.3.0\n2.0.0\n\n2025*\n2025042100\n2024010100.05\n\n~1.2\n1.2.9\n\n2.*.*+\n2.1\n3.0\n\n>=1, <=2-\n1\n2\n\n4.5+\n4.5.3\n\n*\n1",
            ),
        ),
    ])
}

fn archives() -> Vec<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let long = format!("top/{}/file.php", "folder/".repeat(20));
    for (path, mode) in [("top/a.php", 0o644), ("top/bin/run", 0o755), (long.as_str(), 0o644)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(11);
        header.set_mode(mode);
        tar.append_data(&mut header, path, &b"<?php echo;"[..]).expect("appended");
    }
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "top/link", "a.php").expect("appended");
    tar.append_pax_extensions([("path", b"top/pax.php".as_slice()), ("mtime", b"1.5")]).expect("appended");
    let mut header = tar::Header::new_ustar();
    header.set_size(3);
    tar.append_data(&mut header, "top/short", &b"pax"[..]).expect("appended");
    let tar = tar.into_inner().expect("finished");
    let zip = |options: zip::write::SimpleFileOptions| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (path, mode) in [("top/a.php", 0o644), ("top/bin/run", 0o755), ("top/b/c.php", 0o644)] {
            zip.start_file(path, options.unix_permissions(mode)).expect("begun");
            zip.write_all(b"<?php echo 1; echo 1; echo 1;").expect("packed");
        }
        zip.add_symlink("top/link", "a.php", options).expect("packed");
        zip.finish().expect("finished").into_inner()
    };
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    vec![
        gzip(&tar),
        zstd::encode_all(tar.as_slice(), 3).expect("packed"),
        tar,
        zip(stored),
        zip(zip::write::SimpleFileOptions::default()),
        zip(stored.large_file(true)),
    ]
}

/// As `gzip -1`.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("packed");
    packer.finish().expect("packed")
}
