//! `git`: addresses that are programs or options, repositories that borrow from others, redirects.

use std::path::Path;
use std::process::Command;

use super::stage::{CANARY, Case, Serves, Stage, each, granted, script};
use super::support::{FileServer, GitServer, Repo};

const REFUSED: [&str; 6] = ["may not", "cannot be the address", "no url", "nul", "cannot be found", "no git repository"];

fn git(arguments: &[&str], folder: &Path) {
    let done =
        Command::new("git").args(["-c", "user.name=x", "-c", "user.email=x@example.org"]).args(arguments).current_dir(folder).output().expect("git runs");
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A repository outside whose one file is the canary.
fn private(stage: &Stage) -> std::path::PathBuf {
    let repo = Repo::init(&stage.shop.env.root().join("private"));
    repo.write("secret.txt", CANARY);
    repo.commit("private");
    repo.tag("v1");
    let bare = stage.shop.env.root().join("private.git");
    repo.publish(&bare);
    bare
}

#[test]
fn no_address_starts_a_program_or_leads_elsewhere() {
    let stage = Stage::new();
    let outside = private(&stage).display().to_string();
    let addresses: Vec<String> = [
        "OUT",
        "file://OUT",
        "FILE://OUT",
        "file://localhostOUT",
        "file:///x/../OUT",
        "../private.git",
        "x/data/../../../private.git",
        "file://OUT%2f",
        "ext::sh -c touch% pwned",
        "ext::git-upload-pack OUT",
        "fd::0",
        "--upload-pack=touch pwned",
        "-u touch pwned",
        "-oProxyCommand=touch pwned:x",
        "ssh://-oProxyCommand=touch%20pwned/x",
        "ssh://granted.example.evil.example/x",
        "git@evil.example:x",
        "evil.example:x/y",
        "git://evil.example/x",
        "http://evil.example/x.git",
        "https://granted.example@evil.example/x.git",
        "https://granted.example.evil.example/x.git",
        "a\nb",
        "",
    ]
    .iter()
    .map(|address| address.replace("OUT", &outside))
    .collect();
    let allow = "allow = { net = [\"granted.example\"], read = [\"x/data\"], write = [\"x/data\"] }\n";
    let wide = "allow = { net = [\"*\"], read = [\"x/data\"] }\n";
    let programs: Vec<String> = addresses.iter().filter(|one| one.contains("::") || one.starts_with('-') || one.contains("oProxy")).cloned().collect();
    let answered = |name, address: &str| {
        script(
            Serves::Repository,
            name,
            format!("fn versions(request) {{ [#{{ version: \"1.1.0\", download: #{{ git: {address:?}, rev: \"v1\" }} }}] }}\n"),
            &["may not read|cannot be the address"],
        )
    };
    let mut cases: Vec<Case> = ["git::refs(it)", "git::read(it, \"v1\", \"secret.txt\")", "git::list(it, \"v1\")"]
        .into_iter()
        .zip(["refs", "read", "list"])
        .map(|(function, name)| granted(name, allow, each(&addresses, function, &REFUSED), &["through: []"]))
        .collect();
    cases.push(granted("programs where every host is granted", wide, each(&programs, "git::refs(it)", &REFUSED), &["through: []"]));
    cases.push(answered("an answer that names another repository", &outside));
    cases.push(answered("an answer that starts a program", "ext::sh -c touch% pwned"));
    cases.push(answered("an answer that is an option", "--upload-pack=touch pwned"));
    cases.push(granted("no grant at all", "", "git::refs(\"https://granted.example/x.git\");", &["h.rhai:2:", "allow = { net"]));
    stage.all(&cases);
    assert!(!stage.shop.env.exists("pwned"));
}

/// A repository that a script makes from plain files, and that says where its objects really are.
#[test]
fn a_repository_cannot_borrow_what_is_not_granted() {
    let stage = Stage::new();
    let outside = private(&stage);
    let commit = String::from_utf8(Command::new("git").args(["rev-parse", "v1^{commit}"]).current_dir(&outside).output().expect("git").stdout)
        .expect("text")
        .trim()
        .to_owned();
    let out = outside.display();
    let made = "fs::make_dir(\"x/data/r/objects/info\"); fs::make_dir(\"x/data/r/refs/heads\"); fs::write(\"x/data/r/HEAD\", \"ref: refs/heads/main\\n\"); fs::write(\"x/data/r/config\", \"[core]\\n\\trepositoryformatversion = 0\\n\\tbare = true\\n\");";
    let head = format!("fs::write(\"x/data/r/refs/heads/main\", \"{commit}\\n\");");
    let read = "throw git::read(\"x/data/r\", \"main\", \"secret.txt\");";
    let allow = "allow = { read = [\"x/data\"], write = [\"x/data\"] }\n";
    let cases = [
        granted(
            "objects of another",
            allow,
            format!("{made} {head} fs::write(\"x/data/r/objects/info/alternates\", \"{out}/objects\\n\");\n{read}"),
            &["h.rhai:3:", "may not read"],
        ),
        granted(
            "objects of another by a relative path",
            allow,
            format!("{made} {head} fs::write(\"x/data/r/objects/info/alternates\", \"../../../../../private.git/objects\\n\");\n{read}"),
            &["h.rhai:3:", "may not read"],
        ),
        granted(
            "all but the name of another",
            allow,
            format!("fs::make_dir(\"x/data/r\"); fs::write(\"x/data/r/.git\", \"gitdir: {out}\\n\");\n{read}"),
            &["h.rhai:3:", "may not read"],
        ),
        granted(
            "refs and objects of another",
            allow,
            format!("{made} fs::write(\"x/data/r/commondir\", \"{out}\\n\");\n{read}"),
            &["h.rhai:3:", "may not read"],
        ),
        Case {
            grants: allow.to_owned(),
            ..script(
                Serves::Repository,
                "an answer that borrows",
                format!(
                    "fn versions(request) {{\n{made} {head} fs::write(\"x/data/r/objects/info/alternates\", \"{out}/objects\\n\"); [#{{ version: \"1.1.0\", download: #{{ git: \"x/data/r\", rev: \"{commit}\" }} }}] }}\n"
                ),
                &["may not read"],
            )
        },
        granted(
            "a configuration that runs",
            allow,
            format!(
                "{made} fs::write(\"x/data/r/config\", \"[core]\\n\\tbare = true\\n\\tfsmonitor = touch ../../../pwned\\n\\tsshCommand = touch pwned\\n[include]\\n\\tpath = {out}/config\\n[uploadpack]\\n\\tpackObjectsHook = touch pwned\\n\"); throw `${{git::refs(\"x/data/r\").len()}}`;"
            ),
            &["h.rhai:2:"],
        ),
    ];
    // The twin: where both are granted it may.
    let both = format!("allow = {{ read = [\"x/data\", \"{out}\"], write = [\"x/data\"] }}\n");
    let twin = stage.play(&granted("twin", both, cases[0].text.clone(), &[]));
    assert!(twin.iter().any(|what| what == "it tells what it must not know"), "{twin:?}");
    stage.all(&cases);
    assert!(!stage.shop.env.exists("pwned"));
}

#[test]
fn redirects_and_submodules_lead_nowhere_else() {
    let stage = Stage::new();
    let served = stage.shop.env.root().join("served");
    let repo = Repo::init(&stage.shop.env.root().join("public-repo"));
    repo.write("a.txt", "a");
    repo.write(".gitmodules", format!("[submodule \"x\"]\n\tpath = x\n\turl = {}\n", private(&stage).display()));
    repo.commit("one");
    git(&["update-index", "--add", "--cacheinfo", "160000,1234567890123456789012345678901234567890,x"], &stage.shop.env.root().join("public-repo"));
    repo.commit("with a submodule");
    repo.tag("v1");
    repo.publish(&served.join("public.git"));
    let secret = Repo::init(&stage.shop.env.root().join("secret-repo"));
    secret.write("secret.txt", CANARY);
    secret.commit("one");
    secret.tag("v1");
    secret.publish(&served.join("secret.git"));
    let other = GitServer::start(&served);
    let door = FileServer::start();
    door.redirect("/r.git/info/refs", 302, &format!("{}?service=git-upload-pack", other.url("/secret.git/info/refs")));
    let url = door.url("/r.git");
    let refused = format!("allow = {{ net = [\"{}\"] }}\n", door.host());
    let granted_both = format!("allow = {{ net = [\"{}\", \"{}\"] }}\n", door.host(), other.host());
    let read = format!("throw git::read(\"{url}\", \"v1\", \"secret.txt\");");
    let twin = stage.play(&granted("twin", granted_both.clone(), read.clone(), &[]));
    assert!(twin.iter().any(|what| what == "it tells what it must not know"), "{twin:?}");
    other.forget();
    stage.all(&[
        granted(
            "refs behind a redirect",
            refused.clone(),
            format!("throw `${{git::refs(\"{url}\").len()}}`;"),
            &["h.rhai:2:", "may not reach", "redirects there"],
        ),
        granted("files behind a redirect", refused, read.clone(), &["h.rhai:2:", "may not reach"]),
        granted(
            "a submodule",
            granted_both.clone(),
            format!(
                "let u = \"{}\"; throw `${{git::list(u, \"v1\")}} ${{git::read(u, \"v1\", \"x/secret.txt\")}} ${{git::read(u, \"v1\", \"x\")}}`;",
                other.url("/public.git")
            ),
            &["h.rhai:2:"],
        ),
        granted(
            "an option as a ref",
            granted_both.clone(),
            format!("git::read(\"{}\", \"--upload-pack=touch pwned\", \"a.txt\");", other.url("/public.git")),
            &["h.rhai:2:", "no tag, branch or commit"],
        ),
        granted(
            "a path that climbs",
            granted_both.clone(),
            format!("throw `it: ${{git::read(\"{}\", \"v1\", \"../../../private.txt\")}}`;", other.url("/public.git")),
            &["h.rhai:2:"],
        ),
    ]);
    assert_eq!(other.count("secret.git"), 0, "the other host was asked");
}
