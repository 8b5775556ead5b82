//! The directory: bare names, what fits the core, the token, one list for all.

use serde_json::json;

use super::moodle_site::{Campus, plugin};
use super::support::{Reply, Request, Server};
use super::world::{Directory, TOKEN, archive, branches, manifest, md5_of};

#[test]
fn a_bare_name_is_enough() {
    let campus = Campus::new();
    campus.core();
    let mut directory = Directory::new();
    directory.offer("mod_attendance", "2024010100", &["4.5"], "").offer("block_xp", "2024010100", &["4.5"], "");
    manifest(&campus, "4.5", &[directory.entry("")], "");
    let installed = campus.env.greffon(["install", "mod_attendance", "--site", "one", "-y", "--json"]).run().succeeds().json();
    assert_eq!(installed["schema"], "greffon/install/1");
    assert_eq!(installed["wanted"]["added"][0]["name"], "mod_attendance");
    assert!(campus.env.exists("one/mod/attendance/version.php"));
    let lock = campus.env.read("greffon.lock");
    assert!(lock.contains("md5 = ") && lock.contains("sha256 = "), "what the directory states, and what came: {lock}");
    // Another command of another process: the list is young enough, and the archive is there.
    let asked = directory.server.count("pluglist.php");
    campus.env.greffon(["add", "block_xp"]).run().succeeds();
    assert_eq!((asked, directory.server.count("pluglist.php")), (1, 1), "one list, asked for once");
    campus.env.greffon(["search", "xp"]).run().succeeds().prints("plugins/block_xp");
    campus.env.greffon(["show", "block_xp", "--offline"]).run().succeeds().prints("2024010100");
    campus.env.greffon(["lock", "--refresh"]).run().succeeds();
    // A slip of the finger, a name without its type.
    campus.env.greffon(["install", "mod_atendance", "--site", "one", "-y"]).run().fails(1).says("did you mean `plugins/mod_attendance`?");
    campus.env.greffon(["add", "attendance"]).run().fails(1).says("did you mean `plugins/mod_attendance`?");
    campus.env.greffon(["show", "mod_atendance"]).run().fails(1).says("did you mean `plugins/mod_attendance`?");
}

#[test]
fn every_core_gets_what_was_made_for_it() {
    let campus = Campus::new();
    campus.core();
    let mut directory = Directory::new();
    // A backport is newer by date and lower by number; the list has them in no order; one version serves two branches.
    directory.offer("mod_x", "2024100701", &["4.4", "4.5"], "").offer("mod_x", "2025100600", &["5.1"], "$plugin->requires = 2025100600;");
    directory.offer("mod_x", "2025041400", &["5.0"], "").offer("mod_x", "2024042200", &["4.4"], "");
    for (core, version) in [("4.5", "2024100701"), ("5.0", "2025041400"), ("5.1", "2025100600")] {
        let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
        manifest(&campus, core, &[directory.entry("")], "mod_x = \"*\"");
        assert_eq!(campus.locked("plugins/mod_x"), version, "{core}");
    }
    // What nobody made for this core is said.
    let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
    directory.offer("mod_new", "2025100600", &["5.1"], "");
    manifest(&campus, "4.5", &[directory.entry("max-age = \"0\"")], "mod_new = \"*\"");
    campus.env.greffon(["lock"]).run().fails(1).says("needs core/moodle >=2025100600");
}

#[test]
fn the_marketplace_gets_its_token_and_nobody_else_does() {
    let campus = Campus::new();
    campus.core();
    let mut directory = Directory::new();
    directory.offer("mod_paid", "2024010100", &["4.5"], "");
    directory.server.require("/market/", &format!("Bearer {TOKEN}"));
    manifest(&campus, "4.5", &[directory.entry("")], "mod_paid = \"*\"");
    let refused = campus.env.greffon(["sync", "--site", "one", "-y"]).run().fails(1);
    assert!(refused.stderr.contains("Account → Security") && refused.stderr.contains("auth = \"NAME\""), "{}", refused.stderr);
    assert!(!campus.env.exists("one"), "nothing was begun");
    let secrets = "[config.secrets]\nmarket = { env = \"MARKET\" }\n";
    manifest(&campus, "4.5", &[directory.entry("auth = \"market\""), secrets.to_owned()], "mod_paid = \"*\"");
    let wrong = campus.env.greffon(["sync", "--site", "one", "-y"]).env("MARKET", "tok-wrong-9").run().fails(1);
    assert!(wrong.stderr.contains("does not take this token") && !wrong.stderr.contains("tok-wrong-9"), "{}", wrong.stderr);
    let synced = campus.env.greffon(["sync", "--site", "one", "-y", "-vv"]).env("MARKET", TOKEN).run().succeeds();
    assert!(!synced.stderr.contains(TOKEN) && !synced.stdout.contains(TOKEN));
    let asked = directory.server.requests();
    assert!(asked.iter().filter(|request| !request.path.starts_with("/market/")).all(|request| request.header("authorization").is_none()), "{asked:?}");
    for (path, content) in all_files(campus.env.root()) {
        assert!(!content.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes()), "the token stands in {path}");
    }
    // A redirect keeps it on the same origin, and leaves it behind on the way to another.
    let elsewhere = super::support::FileServer::start();
    elsewhere.put_as("/x.zip", "application/zip", archive("mod_paid", "2024010100", ""));
    directory.server.redirect("/market/plugins/mod_paid/versions/2024010100/download", 302, &elsewhere.url("/x.zip"));
    for gone in ["one", ".greffon-one"] {
        std::fs::remove_dir_all(campus.env.path(gone)).expect("a site");
    }
    campus.env.greffon(["fetch"]).env("MARKET", TOKEN).env("GREFFON_STOCK", campus.env.path("other-stock")).run().succeeds();
    assert_eq!(elsewhere.count("/x.zip"), 1);
    assert!(elsewhere.requests().iter().all(|request| request.header("authorization").is_none()), "another origin gets no token");
}

fn all_files(root: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let kind = entry.file_type().expect("a kind");
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push((entry.path().display().to_string(), std::fs::read(entry.path()).unwrap_or_default()));
            }
        }
    }
    found
}

#[test]
fn the_order_of_repositories_decides_who_owns_a_name() {
    let campus = Campus::new();
    campus.core();
    let mut directory = Directory::new();
    directory.offer("mod_x", "2024050500", &["4.5"], "").offer("mod_y", "2024050500", &["4.5"], "");
    let ours = campus.plugin("mod_x", "2024010100", "");
    let git =
        format!("[[config.repositories]]\nname = \"ours\"\nuse = \"builtin:git\"\nelements = {{ \"plugins/mod_x\" = \"{}\" }}\n", ours.folder().display());
    let both = "mod_x = \"*\"\nmod_y = \"*\"";
    manifest(&campus, "4.5", &[git.clone(), directory.entry("")], both);
    assert_eq!((campus.locked("plugins/mod_x"), campus.locked("plugins/mod_y")), ("2024010100".into(), "2024050500".into()), "ours owns its name");
    let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
    manifest(&campus, "4.5", &[directory.entry(""), git.clone()], both);
    assert_eq!(campus.locked("plugins/mod_x"), "2024050500");
    let _ = std::fs::remove_file(campus.env.path("greffon.lock"));
    manifest(&campus, "4.5", &[git, directory.entry("")], "mod_x = { version = \"*\", repository = \"moodle\" }\nmod_y = \"*\"");
    assert_eq!(campus.locked("plugins/mod_x"), "2024050500", "one may name whom it means");
}

#[test]
fn what_the_list_lacks_is_asked_for_by_name() {
    let campus = Campus::new();
    campus.core();
    let bytes = archive("mod_new", "2024050500", "");
    let digest = md5_of(&bytes);
    let server = Server::start(
        false,
        std::sync::Arc::new(move |request: &Request| match request.path.as_str() {
            "/pluglist.php" => Reply::new(200, json!({ "plugins": [{ "component": "mod_old", "versions": [] }] }).to_string()),
            "/x.zip" => Reply::new(200, bytes.clone()),
            "/pluginfo.php" if request.query.contains("plugin=mod_new&") => {
                let host = request.header("host").unwrap_or_default();
                let version = json!({ "id": 7, "version": "2024050500", "release": "1", "maturity": 200, "downloadurl": format!("http://{host}/x.zip"),
                    "downloadmd5": digest, "supportedmoodles": branches(&["4.5"]) });
                let version = if request.query.contains("branch=4.5") { version } else { json!(false) };
                Reply::new(
                    200,
                    json!({ "status": "OK", "apiver": "1.3", "pluginfo": { "id": 1, "name": "New", "component": "mod_new", "version": version } }).to_string(),
                )
            }
            "/pluginfo.php" if request.query.contains("plugin=mod_odd&") => {
                Reply::new(200, json!({ "status": "OK", "pluginfo": { "component": "mod_other" } }).to_string())
            }
            _ => Reply::new(404, "no such plugin"),
        }),
    );
    let entry = format!(
        "[[config.repositories]]\nname = \"moodle\"\nuse = \"builtin:moodle-directory\"\nurl = \"{}\"\nmarketplace = \"{}\"\n",
        server.url("/"),
        server.url("/m/")
    );
    manifest(&campus, "4.5", &[entry], "");
    campus.env.greffon(["install", "mod_new", "--site", "one", "-y"]).run().succeeds();
    assert!(campus.env.exists("one/mod/new/version.php"));
    campus.env.greffon(["add", "mod_nowhere"]).run().fails(1).says("asks for plugins/mod_nowhere, which no repository knows");
    campus.env.greffon(["add", "mod_odd"]).run().fails(1).says("answered about `mod_other`");
    assert_eq!(server.count("plugin=mod_nowhere"), 1, "a name that is not known is asked for once");
}

#[test]
fn what_a_downloaded_plugin_needs_is_told_before_a_file_is_written() {
    let campus = Campus::new();
    campus.core();
    let mut directory = Directory::new();
    directory.offer("availability_xp", "2024010100", &["4.5"], "$plugin->dependencies = ['block_xp' => 2023010100];");
    directory.offer("block_xp", "2024010100", &["4.5"], "");
    manifest(&campus, "4.5", &[directory.entry("")], "availability_xp = \"*\"");
    // The directory does not tell of dependencies; the code does, once it is here.
    campus.env.greffon(["sync", "--site", "one", "-y"]).run().fails(1).says("needs block_xp").says("greffon add plugins/block_xp");
    assert!(!campus.env.exists("one"));
    campus.env.greffon(["add", "block_xp"]).run().succeeds();
    campus.sync();
    assert!(
        campus.env.exists("one/blocks/xp/version.php")
            && campus.env.read("one/availability/condition/xp/version.php")
                == plugin("availability_xp", "2024010100", "$plugin->dependencies = ['block_xp' => 2023010100];")
    );
}
