//! Extensions in folders whose `extension.toml`, or whose files, mean harm.

use super::stage::{Serves, Stage};

#[test]
fn no_folder_leads_out_of_itself() {
    let stage = Stage::new();
    let good = "name = \"h\"\nmain = \"h.rhai\"\n";
    let mut wrong = Vec::new();
    for (name, about, says) in [
        ("a main outside", "name = \"h\"\nmain = \"../../outside/secret.rhai\"\n".to_owned(), "has no script"),
        ("a main from the top of the disk", "name = \"h\"\nmain = \"/etc/passwd\"\n".to_owned(), "has no script"),
        ("a name that climbs", "name = \"h e\"\nmain = \"h.rhai\"\n".to_owned(), "no name for an extension"),
        ("a name that steers terminals", "name = \"h\\u001b[2J\"\nmain = \"h.rhai\"\n".to_owned(), "no name for an extension"),
        ("a role that is none", format!("{good}role = \"root\"\n"), "extension.toml"),
        ("another role", format!("{good}role = \"client\"\n"), "serves as client"),
        ("a key that grants", format!("{good}allow = {{ net = [\"*\"] }}\n"), "no key `allow`"),
        ("needs of no sort", format!("{good}needs = {{ kernel = true }}\n"), "no grant `kernel`"),
        ("needs that are a text", format!("{good}needs = \"everything\"\n"), "not a table"),
        ("limits that are none", format!("{good}limits = {{ second = 5 }}\n"), "no limit `second`"),
        ("limits below nothing", format!("{good}limits = {{ seconds = -5 }}\n"), "not a number above 0"),
        ("no TOML", "name = \"h\nmain".to_owned(), "cannot be read"),
        ("a value as deep as it goes", format!("{good}over = {}{}\n", "[".repeat(20_000), "]".repeat(20_000)), "cannot be read"),
        ("over nobody", format!("{good}over = \"native:/lib/x.so\"\n"), "before_sync"),
    ] {
        stage.shop.remove("x");
        stage.shop.env.write("x/h/extension.toml", about);
        stage.shop.env.write("x/h/h.rhai", "fn before_syncs(event, host) { }\n");
        stage.shop.env.write("greffon.toml", stage.manifest(Serves::Hook, "").replace("x/h.rhai", "x/h"));
        wrong.extend(stage.judge(name, &[says]));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn links_and_hosts_of_files_are_no_extension() {
    let stage = Stage::new();
    let mut wrong = Vec::new();
    let folder = stage.shop.env.path("x/h");
    let outside = stage.shop.env.root().join("outside");
    let fresh = || {
        stage.shop.remove("x");
        stage.shop.env.write("x/h/extension.toml", "name = \"h\"\nmain = \"h.rhai\"\n");
        stage.shop.env.write("greffon.toml", stage.manifest(Serves::Hook, "").replace("x/h.rhai", "x/h"));
    };
    fresh();
    std::os::unix::fs::symlink(outside.join("secret.rhai"), folder.join("h.rhai")).expect("a link");
    wrong.extend(stage.judge("a main that is a link", &["is a link"]));
    fresh();
    stage.shop.env.write("x/h/h.rhai", "fn before_sync(event, host) { }\n");
    std::os::unix::fs::symlink(&outside, folder.join("data")).expect("a link");
    wrong.extend(stage.judge("a folder that is a link", &["is a link"]));
    fresh();
    for number in 0..500 {
        stage.shop.env.write(format!("x/h/f{number}.txt"), "x");
    }
    wrong.extend(stage.judge("a host of files", &["400"]));
    fresh();
    stage.shop.env.write("x/h/h.rhai", [0xff, 0xfe, 0x00]);
    wrong.extend(stage.judge("no UTF-8", &["UTF-8"]));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An extension's own file cannot raise its budget without bound.
#[test]
fn an_extension_cannot_give_itself_all_the_time() {
    let stage = Stage::new();
    stage
        .shop
        .env
        .write("x/h/extension.toml", "name = \"h\"\nmain = \"h.rhai\"\nlimits = { seconds = 9000000000000000000, operations = 9000000000000000000 }\n");
    stage.shop.env.write("x/h/h.rhai", "fn before_sync(event, host) {\nloop { }\n}\n");
    // The manifest's own limit stands over the extension's.
    stage.shop.env.write("greffon.toml", stage.manifest(Serves::Hook, "").replace("x/h.rhai", "x/h"));
    let wrong = stage.judge("all the time", &["h.rhai:1:", "`seconds`|`operations`"]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
