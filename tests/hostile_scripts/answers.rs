//! Answers that would lead outside the site, or that tell of something else than was asked.

use super::stage::{CANARY, Case, Serves, Stage, script};

fn place(name: &'static str, answer: &str, says: &'static [&'static str]) -> Case {
    script(Serves::Installer, name, format!("fn place(request) {{ {answer} }}\nfn types() {{ [\"plugins\"] }}\n"), says)
}

fn versions(name: &'static str, answer: &str, says: &'static [&'static str]) -> Case {
    script(Serves::Repository, name, format!("fn versions(request) {{ {answer} }}\n"), says)
}

const OUTSIDE: &str = "outside its site|cannot be placed|not inside the site|.git|no place|not be";

#[test]
fn no_installer_leads_out_of_its_site() {
    let stage = Stage::new();
    let mut cases = vec![
        place("nothing", "()", &["`place`"]),
        place("a number", "7", &["`place`"]),
        place("another key", "#{ path: \"plugins/a\", exec: \"rm\" }", &["no key `exec`"]),
        place("empty folders outside", "#{ path: \"plugins/a\", empty_dirs: [\"../../outside/made\"] }", &["`place`", "outside its site"]),
        place("a part outside", "#{ path: \"plugins/a\", subdir: \"../..\" }", &["`place`", "outside its site"]),
        place("a path as long as it gets", "let s = \"a/\"; for i in 0..14 { s += s; } s + \"x\"", &["long|place"]),
    ];
    for (name, path) in [
        ("a climb", "../outside/a"),
        ("a climb within", "plugins/../../outside/a"),
        ("the top of the disk", "/etc/greffon"),
        ("nothing at all", ""),
        ("git's own folder", ".git/hooks"),
        ("git's own folder, otherwise written", "plugins/.GIT/hooks"),
        ("a point", "plugins/./a"),
        ("a nul", "plugins/\\x00a"),
        ("a backslash", "..\\\\..\\\\outside"),
    ] {
        cases.push(place(name, &format!("\"{path}\""), &[OUTSIDE]));
    }
    stage.all(&cases);
}

#[test]
fn no_repository_tells_of_something_else_or_hands_out_this_machines_files() {
    let stage = Stage::new();
    let root = stage.shop.env.root().display().to_string();
    let outside = format!("{root}/outside");
    std::process::Command::new("git").args(["init", "-q", &format!("{root}/private.git")]).status().expect("git");
    stage.all(&[
        versions("a map", "#{ a: 1 }", &["`versions`"]),
        versions("another id", "[#{ version: \"1.1.0\", id: \"plugins/b\" }]", &["`versions`", "plugins/b"]),
        versions("one version twice", "[\"1.1.0\", \"1.1.0\"]", &["listed twice"]),
        versions("a version of control characters", "[\"1.1.0\\x1b[2J\"]", &["version|nothing|no "]),
        versions("more than fits", "let l = []; for i in 0..1000 { l.push(`1.0.${i}`); } [l, l, l]", &["`versions`"]),
        versions("dependencies on itself", "[#{ version: \"1.1.0\", dependencies: #{ \"plugins/a\": \"=9.9.9\" } }]", &["plugins/a"]),
        versions("a requirement as long as it gets", "let s = \"1 || \"; for i in 0..16 { s += s; } [#{ version: \"1.1.0\", dependencies: #{ \"plugins/b\": s } }]", &["long|requirement"]),
        versions("a name that climbs", "[#{ version: \"1.1.0\", dependencies: #{ \"plugins/../../x\": \"*\" } }]", &["`versions`|name"]),
        versions("a folder of this machine", &format!("[#{{ version: \"1.1.0\", download: #{{ path: \"{outside}\" }} }}]"), &["may not read", "allow = { read"]),
        versions("a folder by a climb", "[#{ version: \"1.1.0\", download: #{ path: \"../outside\" } }]", &["may not read"]),
        versions("a repository of this machine", &format!("[#{{ version: \"1.1.0\", download: #{{ git: \"{root}/private.git\", rev: \"HEAD\" }} }}]"), &["may not read"]),
        versions("a repository of this machine by a url", &format!("[#{{ version: \"1.1.0\", info: #{{ download: #{{ git: \"file://{root}/private.git\", rev: \"HEAD\" }} }} }}]"), &["may not read"]),
        versions("a program as a repository", "[#{ version: \"1.1.0\", download: #{ git: \"ext::sh -c id\", rev: \"x\" } }]", &["may not read|url|address|git"]),
        versions("an option as a repository", "[#{ version: \"1.1.0\", download: #{ git: \"--upload-pack=id\", rev: \"x\" } }]", &["may not read|url|address|git"]),
        versions("a url that is a file", &format!("[#{{ version: \"1.1.0\", download: #{{ url: \"file://{outside}/secret.txt\" }} }}]"), &["http|url"]),
        script(Serves::Downloader, "a folder of this machine as what was downloaded", format!("fn download(request, host) {{ #{{ kind: \"directory\", path: \"{outside}\" }} }}"), &["may not read"]),
        script(Serves::Downloader, "a file of this machine as what was downloaded", format!("fn download(request, host) {{ #{{ payload: #{{ kind: \"archive\", path: \"{outside}/secret.txt\" }} }} }}"), &["may not read"]),
        script(Serves::Downloader, "a tree that is not there", "fn download(request, host) { #{ kind: \"tree\", tree: \"0123456789012345678901234567890123456789\" } }", &["is no archive"]),
        script(Serves::Downloader, "something else than was asked", "fn download(request, host) { let i = host.inner.download(request); i.id = \"plugins/b\"; i }", &["plugins/b"]),
        script(Serves::Stock, "a folder of this machine from the stock", format!("fn open(request, host) {{ #{{ key: request, info: #{{ id: request.id, version: request.version }}, payload: #{{ kind: \"directory\", path: \"{outside}\" }} }} }}"), &["may not read"]),
        script(Serves::Scheme, "keys of odd sorts", "fn key(text) { #{ x: [text, ()] } }", &["its key is a map"]),
        script(Serves::Scheme, "keys that fail", "fn key(text) { throw \"never\" }", &["never|version"]),
        script(Serves::Client, "a plan of another shape", "fn plan(request, host) { #{ sites: \"all\" } }", &["`plan`"]),
    ]);
}

/// The broken twin: with the grant, the same folder is handed out.
#[test]
fn with_the_grant_a_repository_may_hand_out_a_folder() {
    let stage = Stage::new();
    let outside = stage.shop.env.root().join("outside").display().to_string();
    stage.shop.env.write("x/h.rhai", format!("fn versions(request) {{ [#{{ version: \"1.1.0\", download: #{{ path: \"{outside}\" }} }}] }}\n"));
    stage.shop.env.write("greffon.toml", stage.manifest(Serves::Repository, "allow = { read = [\"../outside\"] }\n"));
    stage.shop.env.greffon(["sync", "-y"]).run().succeeds();
    assert_eq!(stage.shop.env.read("one/plugins/a/secret.txt"), CANARY);
}
