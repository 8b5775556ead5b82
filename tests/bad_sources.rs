//! Sources that do not give what they should: each refusal names the host or the path and the manifest's line.
#![allow(clippy::disallowed_methods, clippy::pedantic, clippy::print_stderr, unreachable_pub, dead_code)]

mod bad_fixture;
mod support;

use bad_fixture::{Refusal, World};
use support::{Fault, Repo};

/// A plugin from this url is refused, with its line and host.
#[track_caller]
fn refused_from(world: &World, url: &str) -> Refusal {
    world.manifest(&format!("chat = {{ git = \"{url}\" }}"));
    world.refuses().shows_line("chat = ").says("plugins/chat").says(url)
}

#[test]
fn a_repository_that_is_not_there() {
    let world = World::new();
    refused_from(&world, &world.git.url("/nowhere.git")).says("404");
    let folder = world.env.root().join("sources/nowhere");
    refused_from(&world, folder.to_str().unwrap());
}

#[test]
fn a_host_that_is_not_there() {
    let world = World::new();
    refused_from(&world, "http://greffon-test.invalid/chat.git").is("network");
    // A port that nothing listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    refused_from(&world, &format!("http://127.0.0.1:{port}/chat.git")).is("network");
}

#[test]
fn a_repository_that_is_empty() {
    let world = World::new();
    let bare = world.env.root().join("served/empty.git");
    std::fs::create_dir_all(&bare).unwrap();
    support::git(&bare, &["init", "-q", "--bare"]);
    refused_from(&world, &world.git.url("/empty.git"));
    refused_from(&world, bare.to_str().unwrap());
}

#[test]
fn a_server_that_answers_404_500_or_a_page() {
    let world = World::new();
    world.publish("chat", |repo| {
        repo.write("chat.txt", "1").commit("1");
        repo.tag("v1");
    });
    let url = world.git.url("/chat.git");
    world.git.fault("/chat.git", 100, Fault::status(404));
    refused_from(&world, &url).says("404");
    world.git.heal();
    world.git.fault("/chat.git", 100, Fault::status(500));
    refused_from(&world, &url).is("network").says("500");
    world.git.heal();
    world.git.fault("/chat.git", 100, Fault::html());
    refused_from(&world, &url);
    world.git.heal();
    world.env.greffon(["sync"]).run().succeeds();
}

#[test]
fn a_server_that_asks_who_is_there() {
    let world = World::new();
    world.git.fault("/private.git", 100, Fault::status(401).header("WWW-Authenticate", "Basic realm=\"x\""));
    refused_from(&world, &world.git.url("/private.git")).is("denied").hints("GREFFON_TOKEN_");
}

#[test]
fn an_archive_that_is_not_there_or_no_archive() {
    let world = World::new();
    let url = world.files.url("/chat.zip");
    let archive = format!("chat = {{ url = \"{url}\", version = \"1.0\" }}");
    world.manifest(&archive);
    world.refuses().says(&url).says("404").says("plugins/chat").shows_line("chat = ");
    world.files.fault("/chat.zip", 100, Fault::status(500));
    world.refuses().is("network").says(&url).says("500").shows_line("chat = ");
    world.files.heal();
    world.files.fault("/chat.zip", 100, Fault::html());
    world.refuses().says(&url).says("plugins/chat").shows_line("chat = ");
    world.files.heal();
    world.files.put("/chat.zip", b"PK\x03\x04 but no more".to_vec());
    world.refuses().is("archive").says("plugins/chat").shows_line("chat = ");
}

#[test]
fn an_index_that_is_not_there_or_no_index() {
    let world = World::new();
    let url = world.files.url("/index/");
    let text = world.text("chat = \"*\"");
    world.env.write("greffon.toml", text + format!("[[config.repositories]]\nname = \"ours\"\nuse = \"builtin:index\"\nurl = \"{url}\"\n").as_str());
    let url = url.trim_end_matches('/');
    world.refuses().says(url).hints("address");
    world.files.fault("/index/", 1000, Fault::status(500));
    world.refuses().is("network").says(url).says("500");
    world.files.heal();
    world.files.fault("/index/", 1000, Fault::html());
    world.refuses().says(url);
}

#[test]
fn a_name_that_no_repository_knows() {
    let world = World::new();
    world.manifest("chat = \"*\"");
    world.refuses().says("plugins/chat").shows_line("chat = ");
}

#[test]
fn a_tag_that_does_not_exist() {
    let world = World::new();
    let url = world.git.url("/forum.git");
    for (pin, near) in [("tag = \"v1.0\"", "v1.0.0"), ("tag = \"1.1.0\"", "v1.1.0"), ("branch = \"mian\"", "main")] {
        world.manifest(&format!("chat = {{ git = \"{url}\", {pin} }}"));
        world.refuses().is("not-found").shows_line("chat = ").says(&url).hints(near);
    }
    world.manifest(&format!("chat = {{ git = \"{url}\", rev = \"0123456789012345678901234567890123456789\" }}"));
    world.refuses().is("not-found").shows_line("chat = ").says(&url).says("0123456");
    world.manifest(&format!("chat = {{ git = \"{url}\", version = \"7.*\" }}"));
    world.refuses().shows_line("chat = ").says("7.*").says("2.0.0");
}

#[test]
fn a_folder_that_the_repository_does_not_have() {
    let world = World::new();
    let url = world.git.url("/forum.git");
    world.manifest(&format!("chat = {{ git = \"{url}\", tag = \"v1.0.0\", subdir = \"plugins/chat\" }}"));
    world.refuses().is("not-found").shows_line("chat = ").says(&url).says("plugins/chat").hints("subdir");
}

#[test]
fn bytes_that_are_not_the_promised_ones() {
    let world = World::new();
    let url = world.files.url("/chat.tar");
    let folder = world.env.root().join("tar");
    std::fs::create_dir_all(folder.join("chat")).unwrap();
    std::fs::write(folder.join("chat/a.txt"), "a").unwrap();
    let tar = std::process::Command::new("tar").args(["-c", "chat"]).current_dir(&folder).output().unwrap().stdout;
    world.files.put("/chat.tar", tar);
    let other = "0".repeat(64);
    world.manifest(&format!("chat = {{ url = \"{url}\", version = \"1.0\", sha256 = \"{other}\" }}"));
    world.refuses().is("digest").says(&url).says(&other).says("plugins/chat").shows_line("chat = ");
    world.manifest(&format!("chat = {{ url = \"{url}\", version = \"1.0\", sha256 = \"123\" }}"));
    world.refuses().is("manifest").shows_line("chat = ").says("sha256");
}

#[test]
fn a_file_that_is_only_a_pointer_to_lfs() {
    let world = World::new();
    let url = world.publish("chat", |repo| {
        let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n", "a".repeat(64));
        repo.write("readme.txt", "1").write("media/film.mp4", pointer).commit("1");
        repo.tag("v1");
    });
    refused_from(&world, &url).says("media/film.mp4").says("LFS");
}

#[test]
fn a_submodule_that_was_not_asked_for() {
    let world = World::new();
    let url = world.publish("chat", |repo: &Repo| {
        repo.write("readme.txt", "1").write(".gitmodules", "[submodule \"x\"]\n\tpath = lib/x\n\turl = https://example.org/x.git\n");
        repo.commit("0");
        repo.git(&["update-index", "--add", "--cacheinfo", "160000,0123456789012345678901234567890123456789,lib/x"]);
        repo.git(&["commit", "-q", "-m", "1"]);
        repo.tag("v1");
    });
    refused_from(&world, &url).says("lib/x").hints("submodules");
}
