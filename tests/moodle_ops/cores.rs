//! Where a core comes from: git, by every name that it can be asked for, or the archives of the download server.

use crate::moodle_site::{self, Campus, Layout};
use crate::support;

/// The archives of a core as the download server has them: a folder a branch, checksums beside, the weekly build under a name of its own.
fn download_server(campus: &Campus, listing: bool) -> support::FileServer {
    let server = support::FileServer::start();
    let core = campus.env.path("repos/core");
    let pack = |rev: &str, folder: &str, name: &str| {
        let out =
            std::process::Command::new("git").arg("-C").arg(&core).args(["archive", "--prefix=moodle/", "--format=tar.gz", rev]).output().expect("git runs");
        assert!(out.status.success(), "{rev}");
        let path = format!("/download.php/direct/{folder}/{name}");
        // Older branches have but an MD5.
        if folder == "stable501" {
            let file = campus.env.path("sum.tgz");
            std::fs::write(&file, &out.stdout).expect("written");
            let sum = std::process::Command::new("md5sum").arg(&file).output().expect("md5sum runs");
            server.put(&format!("{path}.md5"), sum.stdout);
        } else {
            server.put(&format!("{path}.sha256"), format!("{}  {name}\n", greffon::model::Digest::of(&out.stdout).hex()));
        }
        server.put(&path, out.stdout);
    };
    pack("v4.5.0", "stable405", "moodle-4.5.tgz");
    pack("v4.5.1", "stable405", "moodle-4.5.1.tgz");
    pack("MOODLE_405_STABLE", "stable405", "moodle-latest-405.tgz");
    pack("v5.1.0", "stable501", "moodle-5.1.tgz");
    if listing {
        server.put_as(
            "/download.php/direct/stable405/",
            "text/html",
            "<a href=\"moodle-4.5.tgz\"> <a href=\"moodle-4.5.1.tgz\"> <a href=\"moodle-latest-405.tgz\">",
        );
    }
    server
}

#[test]
fn the_core_comes_from_the_archives_of_a_download_server() {
    for listing in [false, true] {
        let campus = Campus::new();
        campus.core();
        campus.plugin("mod_attendance", "2024100801", "$plugin->requires = 2024100700;");
        let server = download_server(&campus, listing);
        let wish = |core: &str, plugins: &str| {
            let url = server.url("/download.php/direct/");
            let attendance = campus.env.path("repos/mod_attendance");
            campus.env.write(
                "greffon.toml",
                format!(
                    "[config]\ninstaller = \"builtin:moodle\"\n[[config.repositories]]\nname = \"archives\"\nuse = \"builtin:moodle-downloads\"\nurl = \"{url}\"\n\
                     [types.core]\nmoodle = \"{core}\"\n[types.plugins]\nmod_attendance = {{ git = \"{}\", version = \"*\" }}\n{plugins}[sites.one]\npath = \"one\"\n",
                    attendance.display()
                ),
            );
        };
        wish("4.5", "");
        assert_eq!(campus.locked("core/moodle"), "4.5.1");
        assert!(campus.env.read("greffon.lock").contains("moodle-4.5.1.tgz\", sha256 = \""), "{}", campus.env.read("greffon.lock"));
        campus.sync();
        assert!(campus.env.read("one/version.php").contains("4.5.1 (Build") && campus.env.exists("one/mod/attendance/version.php"));
        campus.env.greffon(["verify"]).run().succeeds();
        // Exactly one, older: what it has and the newer one has not comes back.
        wish("4.5.0", "");
        campus.sync();
        assert!(campus.env.exists("one/old.php") && campus.env.exists("one/mod/attendance/version.php"));
        // The weekly build, by name of the branch's head.
        wish("4.5+", "");
        campus.env.greffon(["update", "core/moodle"]).run().succeeds();
        assert_eq!(campus.locked("core/moodle"), "4.5+");
        campus.sync();
        assert!(campus.env.read("one/version.php").contains("4.5.1+ (Build") && !campus.env.exists("one/old.php"));
        // Across the new layout: the plugin goes along.
        wish("5.1", "");
        campus.sync();
        assert!(campus.env.exists("one/public/mod/attendance/version.php") && !campus.env.exists("one/mod/attendance"));
        // A plugin that blocks is named, and nothing changes.
        campus.plugin("block_until", "2024100700", "$plugin->incompatible = 501;");
        let until = format!("block_until = {{ git = \"{}\", version = \"*\" }}\n", campus.env.path("repos/block_until").display());
        wish("5.1", &until);
        campus.env.greffon(["sync", "-y"]).run().fails(1).says("plugins/block_until");
        // Nothing of it is asked again within half a day.
        wish("5.1", "");
        server.forget();
        campus.env.greffon(["lock"]).run().succeeds();
        assert_eq!(server.requests().len(), 0);
        wish("6.0", "");
        campus.env.greffon(["lock"]).run().fails(1).says("core/moodle");
    }
    // Bytes that are not those of the checksum are refused.
    let campus = Campus::new();
    campus.core();
    let server = download_server(&campus, false);
    server.put("/download.php/direct/stable405/moodle-4.5.1.tgz", b"other".to_vec());
    let url = server.url("/download.php/direct/");
    let text = "[config]\ninstaller = \"builtin:moodle\"\n[[config.repositories]]\nname = \"archives\"\nuse = \"builtin:moodle-downloads\"\n";
    campus.env.write("greffon.toml", format!("{text}url = \"{url}\"\nbranches = [\"4.5\"]\n[types.core]\nmoodle = \"4.5\"\n[sites.one]\npath = \"one\"\n"));
    campus.env.greffon(["sync", "-y"]).run().fails(1);
    assert!(!campus.env.exists("one"));
    campus.env.write("greffon.toml", format!("{text}url = \"{url}\"\nbranches = [\"4-5\"]\n[types.core]\nmoodle = \"4.5\"\n"));
    campus.env.greffon(["lock"]).run().fails(1).says("a branch is written `4.5`");
    campus.env.write("greffon.toml", format!("{text}url = \"{}\"\n[types.core]\nmoodle = \"4.5\"\n", server.url("/elsewhere/")));
    campus.env.greffon(["lock"]).run().fails(1).says("has no archive of Moodle");
}

#[test]
fn a_core_without_a_source_is_moodle_itself_and_every_way_to_name_it_works() {
    let campus = Campus::new();
    let core = campus.core();
    core.publish(&campus.env.path("served/moodle.git"));
    let server = support::GitServer::start(&campus.env.path("served"));
    let wish = |core: &str| {
        campus.env.write(
            "greffon.toml",
            format!(
                "[config]\ninstaller = \"builtin:moodle\"\n[config.mirrors]\n\"https://github.com/moodle/\" = \"{}\"\n[types.core]\nmoodle = {core}\n[sites.one]\npath = \"one\"\n",
                server.url("/")
            ),
        );
    };
    for (asked, version) in [("\"4.5\"", "4.5.1"), ("\"4.5.0\"", "4.5.0"), ("\"5.0\"", "5.0.0"), ("\"4.5+\"", "2024100701.03"), ("\"*\"", "5.1.0")] {
        wish(asked);
        let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
        assert_eq!(campus.locked("core/moodle"), version, "{asked}");
        let lock = campus.env.read("greffon.lock");
        assert!(lock.contains("git = \"https://github.com/moodle/moodle.git\"") && lock.contains("repository = \"moodle.git\""), "{lock}");
    }
    let commit = core.rev("v4.5.0");
    for pin in [
        "branch = \"MOODLE_405_STABLE\"",
        "tag = \"v4.5.0\"",
        &format!("rev = \"{commit}\""),
        &format!("rev = \"{}\"", &commit[..10]),
        "rev = \"MOODLE_500_STABLE\"",
    ] {
        wish(&format!("{{ git = \"https://github.com/moodle/moodle.git\", {pin} }}"));
        campus.env.greffon(["lock"]).run().succeeds();
        campus.sync();
        assert!(campus.env.exists("one/version.php"), "{pin}");
    }
    // Another repository that is named comes first.
    let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
    let fork = campus.repo("fork");
    moodle_site::core(&fork, "2024100702.00", "4.5.2 (Build: 20250101)", "405", Layout::Root);
    fork.commit("ours");
    fork.tag("v4.5.2");
    wish(&format!(
        "\"4.5\"\n[[config.repositories]]\nname = \"ours\"\nuse = \"builtin:git\"\n[config.repositories.elements]\n\"core/moodle\" = \"{}\"",
        fork.folder().display()
    ));
    assert_eq!(campus.locked("core/moodle"), "4.5.2");
}

#[test]
fn a_plugin_of_submodules_comes_whole_and_its_updates_too() {
    let campus = Campus::new();
    campus.core();
    // As h5p/moodle-mod_hvp is made: three libraries of its own, by whole urls, at commits that no branch shows any more.
    let served = campus.env.path("served");
    let mut commits = Vec::new();
    for name in ["h5p-php-library", "h5p-editor-php-library", "h5p-php-report"] {
        let library = campus.repo(name);
        library.write("library.php", format!("<?php // {name} 1\n")).commit("one");
        let first = library.rev("HEAD");
        library.write("library.php", format!("<?php // {name} 2\n")).commit("two");
        library.write("LICENSE", "later").commit("three");
        commits.push((name, first, library.rev("HEAD^")));
        library.publish(&served.join(format!("h5p/{name}.git")));
    }
    let hvp = campus.repo("hvp");
    hvp.write("version.php", moodle_site::plugin("mod_hvp", "2024050100", "$plugin->requires = 2022041900;"));
    let folders = ["library", "editor", "reporting"];
    let modules: String = folders
        .iter()
        .zip(&commits)
        .map(|(folder, (name, ..))| format!("[submodule \"{folder}\"]\n\tpath = {folder}\n\turl = https://github.com/h5p/{name}.git\n\tbranch = stable\n"))
        .collect();
    let link = |which: usize, commit: &str| hvp.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},{}", folders[which])]);
    hvp.write(".gitmodules", modules).git(&["add", "-A"]);
    commits.iter().enumerate().for_each(|(which, (_, first, _))| drop(link(which, first)));
    hvp.git(&["commit", "-qm", "one"]);
    hvp.tag("1.26.0");
    hvp.publish(&served.join("h5p/moodle-mod_hvp.git"));
    let server = support::GitServer::start(&served);
    let wish = |more: &str| {
        let core = campus.env.path("repos/core");
        campus.env.write(
            "greffon.toml",
            format!(
                "[config]\ninstaller = \"builtin:moodle\"\n[config.mirrors]\n\"https://github.com/\" = \"{}\"\n[types.core]\nmoodle = {{ git = \"{}\", version = \"4.5\" }}\n\
                 [types.plugins]\nmod_hvp = {{ git = \"https://github.com/h5p/moodle-mod_hvp.git\", version = \"*\"{more} }}\n[sites.one]\npath = \"one\"\n",
                server.url("/"),
                core.display()
            ),
        );
    };
    wish("");
    campus.env.greffon(["sync", "-y"]).run().fails(1).says("submodules = true");
    assert!(!campus.env.exists("one"), "half of a plugin is none");
    wish(", submodules = true");
    campus.sync();
    for (folder, (name, ..)) in folders.iter().zip(&commits) {
        assert_eq!(campus.env.read(format!("one/mod/hvp/{folder}/library.php")), format!("<?php // {name} 1\n"));
    }
    campus.env.greffon(["verify"]).run().succeeds();
    // A version that moves one of them.
    hvp.write("version.php", moodle_site::plugin("mod_hvp", "2024060100", "$plugin->requires = 2022041900;")).git(&["add", "version.php"]);
    link(1, &commits[1].2);
    hvp.git(&["commit", "-qm", "two"]);
    hvp.tag("1.27.0");
    hvp.publish(&served.join("h5p/moodle-mod_hvp.git"));
    campus.env.greffon(["update"]).run().succeeds();
    campus.sync();
    assert!(campus.env.read("one/mod/hvp/editor/library.php").contains(" 2") && campus.env.read("one/mod/hvp/library/library.php").contains(" 1"));
    // Back again without a network, and built elsewhere: the same files.
    drop(server);
    campus.env.greffon(["rollback", "--site", "one", "-y", "--offline"]).run().succeeds();
    assert!(campus.env.read("one/mod/hvp/editor/library.php").contains(" 1"));
}
