//! Manifests that cannot be: each is refused with the line, before a site changes.
#![allow(clippy::disallowed_methods, clippy::pedantic, clippy::print_stderr, unreachable_pub, dead_code)]

mod bad_fixture;
mod support;

use bad_fixture::{SITE, World};

#[test]
fn unknown_keys() {
    let world = World::new();
    world.manifest("chat = { git = \"https://example.org/chat.git\", versoin = \"1\" }");
    world.refuses().is("manifest").shows_line("versoin").says("`versoin`").hints("`version`");
    world.env.write("greffon.toml", world.text("") + "[client-option]\nif-removed = \"ask\"\n");
    world.refuses().shows_line("[client-option]").says("`client-option`").hints("`client-options`");
}

#[test]
fn wrong_types() {
    let world = World::new();
    world.manifest("chat = { git = [\"https://example.org/chat.git\"] }");
    world.refuses().is("manifest").shows_line("chat = ").says("`types.plugins.chat.git`");
    world.manifest("chat = 3");
    world.refuses().is("manifest").shows_line("chat = 3");
    world.env.write("greffon.toml", world.text("").replace(&format!("\"{SITE}\""), "[\"www\"]"));
    world.refuses().is("manifest").shows_line("path = [");
}

#[test]
fn all_faults_of_a_manifest_are_told_at_once() {
    let world = World::new();
    world.manifest("chat = 3\nwiki = { versoin = \"1\" }");
    world.refuses().shows_line("chat = 3").shows_line("wiki = ");
}

#[test]
fn no_toml_at_all() {
    let world = World::new();
    world.manifest("chat = \"unfinished");
    world.refuses().is("manifest").shows_line("unfinished");
}

#[test]
fn duplicate_elements() {
    let world = World::new();
    world.manifest("chat = \"1\"\nchat = \"2\"");
    world.refuses().is("manifest").shows_line("chat = \"2\"").says("chat");
    world.env.write("greffon.toml", world.text("") + "[types]\nplugins.forum = \"*\"\n");
    world.refuses().is("manifest").shows_line("plugins.forum");
}

#[test]
fn a_path_outside_the_site() {
    let world = World::new();
    let outside = "[config]\ninstaller = { use = \"builtin:tree\", types = { core = \".\", plugins = \"../plugins/{name}\" } }\n";
    world.env.write("greffon.toml", world.text("") + outside);
    world.refuses().is("manifest").shows_line("../plugins/{name}").says("`../plugins/{name}`");
    world.env.write("greffon.toml", world.text("") + outside.replace("..", "/srv").as_str());
    world.refuses().is("manifest").shows_line("/srv/plugins").says("relative");
    world.manifest("\"../../evil\" = \"1\"");
    world.refuses().is("manifest").shows_line("evil");
}

#[test]
fn two_elements_at_one_path() {
    let world = World::new();
    let chat = world.publish("chat", |repo| {
        repo.write("chat.txt", "1").commit("1");
        repo.tag("v1");
    });
    let text = world.text(&format!("chat = {{ git = \"{chat}\" }}"));
    world.env.write("greffon.toml", text + "[config]\ninstaller = { use = \"builtin:tree\", types = { core = \".\", plugins = \"plugins/one\" } }\n");
    world.refuses().says("plugins/forum").says("plugins/chat").says("`plugins/one`").hints("{name}").shows_line("chat = ");
}

#[test]
fn a_plugin_inside_the_core_s_file() {
    let world = World::new();
    let chat = world.publish("chat", |repo| {
        repo.write("chat.txt", "1").commit("1");
        repo.tag("v1");
    });
    let text = world.text(&format!("chat = {{ git = \"{chat}\" }}"));
    world.env.write("greffon.toml", text + "[config]\ninstaller = { use = \"builtin:tree\", types = { core = \".\", plugins = \"index.php/{name}\" } }\n");
    world.refuses().says("index.php");
}

#[test]
fn an_implementation_that_is_not_there() {
    let world = World::new();
    for (role, known) in [("client", "builtin:standard"), ("stock", "builtin:store"), ("downloader", "builtin:standard"), ("installer", "builtin:tree")] {
        world.env.write("greffon.toml", world.text("") + format!("[config]\n{role} = \"builtin:nothing\"\n").as_str());
        world.refuses().shows_line("builtin:nothing").says(&format!("there is no {role} `builtin:nothing`")).hints(known);
    }
    world.env.write("greffon.toml", world.text("") + "[[config.repositories]]\nname = \"x\"\nuse = \"builtin:indx\"\nurl = \"https://example.org/\"\n");
    world.refuses().shows_line("builtin:indx").hints("did you mean `builtin:index`?").hints("builtin:folder");
}

#[test]
fn a_script_that_cannot_be_loaded() {
    let world = World::new();
    world.env.write("x.rhai", "fn place(a, b, c) { }\n");
    world.env.write("greffon.toml", world.text("") + "[config]\ninstaller = \"script:x.rhai\"\n");
    world.refuses().shows_line("script:x.rhai").says("wrong number of parameters").hints("fn place(request, host)");
    world.env.write("greffon.toml", world.text("") + "[config]\ninstaller = \"script:y.rhai\"\n");
    world.refuses().is("not-found").shows_line("script:y.rhai").says("y.rhai");
}

#[test]
fn hooks_that_cannot_be_loaded_stop_before_anything_is_written() {
    let world = World::new();
    world.env.write("greffon.toml", world.text("") + "[hooks]\nafter-sync = \"hooks/upgrade.rhai\"\n");
    world.refuses().is("not-found").shows_line("[hooks]").says("hooks/upgrade.rhai");
    world.env.write("hooks/upgrade.rhai", "fn after_fetch(event, host) { }\n");
    world.refuses().shows_line("[hooks]").says("no function `after_sync`");
    // A single site's as well.
    world.env.write("greffon.toml", world.text("").replace("\n\n[types.core]", "\nhooks = { after-sync = \"hooks/upgrade.rhai\" }\n\n[types.core]"));
    world.refuses().shows_line("hooks = ");
}

#[test]
fn requirements_that_fit_nothing_are_explained_step_by_step() {
    let world = World::new();
    let chat = world.publish("chat", |repo| {
        repo.write("greffon.toml", "[package]\ntype = \"plugins\"\nname = \"chat\"\nversion = \"1.0.0\"\ndependencies = { \"plugins/forum\" = \"2.*\" }\n")
            .commit("1");
        repo.tag("v1.0.0");
    });
    world.manifest(&format!("chat = {{ git = \"{chat}\" }}"));
    let refusal = world.refuses().is("conflict").says("plugins/chat").says("plugins/forum").says("2.*").shows_line("chat = ");
    let lines = refusal.text.lines().filter(|line| line.contains("plugins/forum") || line.contains("plugins/chat")).count();
    assert!(lines > 1, "an explanation of one line\n{}", refusal.text);
    assert!(refusal.text.contains("greffon.toml:8:"), "the line that asks for the other version\n{}", refusal.text);
}

#[test]
fn a_version_that_its_scheme_cannot_read() {
    let world = World::new();
    let forum = world.git.url("/forum.git");
    world.env.write("greffon.toml", world.text("").replace("version = \"1.0.0\"", "version = \"*.2.4\""));
    assert!(world.env.read("greffon.toml").contains(&forum));
    world.refuses().shows_line("*.2.4").says("*.2.4");
}
