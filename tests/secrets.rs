//! Secrets: a canary in every kind of them, sought afterwards in every file, every git object, everything printed, and the arguments
//! and environment of every program that was started. On the real binary.
#![allow(clippy::disallowed_methods, clippy::pedantic)]

mod shop;
mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use shop::{INSTALLER, Shop};
use support::{Fault, FileServer, GitServer};

const TOKEN: &str = "c4nary-0f-a-secret";
const ONE: &str = "[sites.one]\npath = \"one\"\n";
/// What is run where everything answers: all that looks and all that writes.
const COMMANDS: &[&[&str]] = &[
    &["plan", "-v"],
    &["sync", "-v", "--refresh"],
    &["sync", "--json"],
    &["status", "--json"],
    &["verify", "-v"],
    &["list", "--json"],
    &["show", "plugins/a", "--json"],
    &["why", "plugins/a"],
    &["search", "a"],
    &["outdated", "--json"],
    &["update", "-v"],
    &["lock", "--json"],
    &["history", "--json"],
    &["history", "pack"],
    &["stock", "list", "--json"],
    &["stock", "verify"],
    &["stock", "gc", "--dry-run", "-v"],
    &["doctor", "--json"],
    &["doctor"],
    &["build", "--site", "one", "built.tar"],
    &["plan", "--json", "--refresh"],
];

/// How a secret is given.
struct Kind {
    name: &'static str,
    /// `[config.secrets]`.
    secrets: &'static str,
    /// What stands with the repository.
    auth: &'static str,
    env: (&'static str, &'static str),
    /// What the server wants to see.
    wants: Wants,
}

#[derive(Clone, Copy, PartialEq)]
enum Wants {
    Bearer,
    Basic(&'static str),
}

impl Wants {
    fn header(self) -> String {
        match self {
            Self::Bearer => format!("Bearer {TOKEN}"),
            Self::Basic(user) => format!("Basic {}", base64(&format!("{user}:{TOKEN}"))),
        }
    }
}

const KINDS: &[Kind] = &[
    Kind { name: "variable", secrets: "s = { env = \"SHOP_TOKEN\" }", auth: "auth = \"s\"", env: ("SHOP_TOKEN", TOKEN), wants: Wants::Bearer },
    Kind { name: "file", secrets: "s = { file = \"../home/token\" }", auth: "auth = \"s\"", env: ("X", ""), wants: Wants::Bearer },
    Kind { name: "program", secrets: "s = { command = [\"pass\", \"show\", \"shop\"] }", auth: "auth = \"s\"", env: ("X", ""), wants: Wants::Bearer },
    Kind {
        name: "login",
        secrets: "s = { env = \"SHOP_TOKEN\" }",
        auth: "auth = { user = \"ann\", secret = \"s\" }",
        env: ("SHOP_TOKEN", TOKEN),
        wants: Wants::Basic("ann"),
    },
    Kind { name: "netrc", secrets: "", auth: "", env: ("X", ""), wants: Wants::Basic("ann") },
    Kind { name: "token of the host", secrets: "", auth: "", env: ("GREFFON_TOKEN_127_0_0_1", TOKEN), wants: Wants::Bearer },
];

/// A machine on which somebody looks for the secret.
struct Hunt {
    shop: Shop,
    settings: Vec<(String, String)>,
    /// Files that hold the secret because the test put it there.
    own: Vec<PathBuf>,
    found: Vec<String>,
    /// What the last run said.
    said: String,
}

impl Hunt {
    fn new(kind: &str, settings: &[(&str, &str)]) -> Self {
        let shop = Shop::new();
        let root = shop.env.root().to_owned();
        std::fs::create_dir_all(root.join("bin")).expect("a folder");
        let log = root.join("children");
        let mut own = vec![log.clone()];
        let mut keep = |path: PathBuf, text: &str, mode: u32| {
            std::fs::write(&path, text).expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            own.push(path);
        };
        let record = format!("#!/bin/sh\n{{ for word in \"$@\"; do echo \"argument $word\"; done; env; }} >> '{}'\n", log.display());
        let git = Command::new("sh").args(["-c", "command -v git"]).output().expect("sh runs").stdout;
        keep(root.join("bin/git"), &format!("{record}exec {} \"$@\"\n", String::from_utf8_lossy(&git).trim()), 0o755);
        match kind {
            "program" => keep(root.join("bin/pass"), &format!("{record}echo {TOKEN}\n"), 0o755),
            "file" => keep(root.join("home/token"), &format!("{TOKEN}\n"), 0o600),
            "netrc" => keep(root.join("home/.netrc"), &format!("machine 127.0.0.1 login ann password {TOKEN}\n"), 0o600),
            _ => {}
        }
        let path = format!("{}:{}", root.join("bin").display(), std::env::var("PATH").unwrap_or_default());
        let mut all: Vec<(String, String)> = vec![("PATH".into(), path)];
        // Whoever looks for a mistake asks for everything.
        all.extend([("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full"), ("GIT_TRACE", "1"), ("GIT_TRACE_CURL", "1")].map(|(a, b)| (a.into(), b.into())));
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self { shop, settings: all, own, found: Vec::new(), said: String::new() }
    }

    /// Runs greffon and looks at what it says; gives its status.
    fn run(&mut self, words: &[&str]) -> i32 {
        let mut run = self.shop.env.greffon(words);
        for (name, value) in &self.settings {
            run = run.env(name, value);
        }
        let outcome = run.run();
        for (name, text) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
            if let Some(line) = text.lines().find(|line| holds(line.as_bytes())) {
                self.found.push(format!("{name} of `{}`: {line}", words.join(" ")));
            }
        }
        self.said = outcome.stderr;
        outcome.status
    }

    /// Looks through the machine; gives everything found so far.
    fn look(mut self) -> Vec<String> {
        let root = self.shop.env.root().to_owned();
        self.walk(&root);
        for line in std::fs::read_to_string(root.join("children")).unwrap_or_default().lines() {
            // git is told by its environment what to show to its server, and gets nothing else.
            if holds(line.as_bytes()) && !(line.starts_with("GIT_CONFIG_VALUE_") && line.contains("=Authorization: ")) {
                self.found.push(format!("a program's {line}"));
            }
        }
        self.found
    }

    fn walk(&mut self, folder: &Path) {
        if folder.join("objects").is_dir() && folder.join("HEAD").is_file() {
            // Objects are compressed.
            let objects = Command::new("git")
                .arg("--git-dir")
                .arg(folder)
                .args(["-c", "safe.directory=*", "cat-file", "--batch", "--batch-all-objects", "--unordered"])
                .output()
                .expect("git runs");
            assert!(objects.status.success(), "{}: {}", folder.display(), String::from_utf8_lossy(&objects.stderr));
            if holds(&objects.stdout) {
                self.found.push(format!("an object of {}", folder.display()));
            }
        }
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let kind = path.symlink_metadata().expect("there");
            if holds(path.as_os_str().as_encoded_bytes()) {
                self.found.push(format!("the name {}", path.display()));
            }
            if kind.is_dir() {
                self.walk(&path);
            } else if kind.is_file() && !self.own.contains(&path) && holds(&std::fs::read(&path).expect("a file")) {
                self.found.push(format!("the file {}", path.display()));
            }
        }
    }
}

/// Whether bytes hold the secret, plain or as it goes over the wire.
fn holds(bytes: &[u8]) -> bool {
    let words = [TOKEN.to_owned(), Wants::Basic("ann").header()[6..].to_owned(), Wants::Basic("x-access-token").header()[6..].to_owned(), hex::encode(TOKEN)];
    words.iter().any(|word| bytes.windows(word.len()).any(|window| window == word.as_bytes()))
}

fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        (0..4).for_each(|at| out.push(if at <= group.len() { char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]) } else { '=' }));
    }
    out
}

/// What may go wrong at a server; each must be told without the secret.
fn faults(elsewhere: &FileServer) -> Vec<(&'static str, Fault)> {
    vec![
        ("401", Fault::status(401).into()),
        ("403", Fault::status(403).into()),
        ("404", Fault::status(404).into()),
        ("html", Fault::html()),
        ("a redirect", Fault::redirect(302, &elsewhere.url("/taken"))),
        ("a redirect to a name", Fault::redirect(307, &elsewhere.url("/taken").replace("127.0.0.1", "localhost"))),
    ]
}

/// An index with a secret: everything that can be run, then every fault. Gives what was found.
fn index_with(kind: &Kind, breaking: &str) -> Vec<String> {
    let mut hunt = Hunt::new(kind.name, &[kind.env, ("GREFFON_BREAK", breaking)]);
    let elsewhere = FileServer::start();
    hunt.shop.publish("ours", "a", "1.0.0", &[]);
    hunt.shop.files.require("/ours/", &kind.wants.header());
    let repository = hunt.shop.repository("ours", kind.auth);
    hunt.shop.env.write("greffon.toml", format!("{INSTALLER}[config.secrets]\n{}\n{repository}[types.plugins]\na = \"*\"\n{ONE}", kind.secrets));
    for words in COMMANDS {
        let status = hunt.run(words);
        assert!(status == 0 || status == 3, "{}: `{}` ended with {status}: {}", kind.name, words.join(" "), hunt.said);
    }
    assert_eq!(hunt.shop.code("one", "a"), "a 1.0.0\n");
    // Every fault everywhere for the first kind; for the others, which differ in little, those that ask for credentials or lead away.
    let all = kind.name == KINDS[0].name && breaking.is_empty();
    for (name, fault) in faults(&elsewhere).into_iter().filter(|(name, _)| all || name.starts_with("a redirect") || *name == "401") {
        for file in ["/ours/config.json", "/ours/elements", "/ours/files"].into_iter().skip(usize::from(!all)) {
            hunt.shop.files.heal();
            hunt.shop.files.fault(file, 100, fault.clone());
            if file == "/ours/files" {
                hunt.shop.empty_stock();
                hunt.shop.env.greffon(["forget", "one"]).run();
                hunt.shop.remove("one");
            }
            hunt.run(&["sync", "-v", "--refresh"]);
            let status = hunt.run(&["update", "--json", "--refresh", "-v"]);
            assert!(file == "/ours/files" || status != 0, "{}: {name} at {file} went unseen", kind.name);
        }
    }
    let taken: Vec<String> =
        elsewhere.requests().iter().filter_map(|asked| asked.header("authorization").map(|shown| format!("{} {shown}", asked.path))).collect();
    let mut found: Vec<String> = taken.into_iter().map(|shown| format!("another server was shown {shown}")).collect();
    assert!(elsewhere.count("/taken") > 0, "nobody followed a redirect");
    found.extend(hunt.look());
    found
}

#[test]
fn an_index_credential_is_found_nowhere() {
    for kind in KINDS {
        assert_eq!(index_with(kind, ""), Vec::<String>::new(), "{}", kind.name);
    }
}

/// The broken twin: a credential that follows redirects is found at the other server.
#[test]
fn a_credential_that_follows_redirects_is_found() {
    let found = index_with(&KINDS[0], "origin");
    assert!(found.iter().any(|found| found.starts_with("another server was shown /taken Bearer")), "{found:#?}");
}

/// A git element behind a login: by netrc and the host's token, by libgit2 and by the git program.
fn git_with(kind: &str, transport: &str) -> Vec<String> {
    let mut hunt = Hunt::new(kind, &[("GREFFON_TOKEN_127_0_0_1", if kind == "netrc" { "" } else { TOKEN })]);
    hunt.shop.git_plugin("plug", &["1.0.0"]);
    hunt.shop.publish("ours", "a", "1.0.0", &[]);
    let server = GitServer::start(&hunt.shop.env.root().join("served"));
    let elsewhere = FileServer::start();
    server.require("/plug.git", &Wants::Basic(if kind == "netrc" { "ann" } else { "x-access-token" }).header());
    let repository = hunt.shop.repository("ours", "");
    let manifest = |url: &str| {
        format!("{INSTALLER}{repository}[config.git]\ntransport = \"{transport}\"\n[types.plugins]\na = \"*\"\nplug = {{ git = \"{url}\" }}\n{ONE}")
    };
    hunt.shop.env.write("greffon.toml", manifest(&server.url("/plug.git")));
    for words in COMMANDS {
        let status = hunt.run(words);
        assert!(status == 0 || status == 3, "{kind} by {transport}: `{}` ended with {status}: {}", words.join(" "), hunt.said);
    }
    assert_eq!(hunt.shop.code("one", "plug"), "plug 1.0.0\n");
    for (_, fault) in faults(&elsewhere) {
        server.heal();
        server.fault("/plug.git", 100, fault);
        hunt.shop.empty_stock();
        hunt.run(&["update", "-v", "--refresh"]);
        hunt.run(&["sync", "--json", "--refresh"]);
    }
    server.heal();
    hunt.shop.env.write("greffon.toml", manifest(&server.url("/none.git")));
    assert_ne!(hunt.run(&["update", "-v"]), 0);
    let shown = elsewhere
        .requests()
        .iter()
        .filter_map(|asked| asked.header("authorization").map(|shown| format!("another server was shown {shown}")))
        .collect::<Vec<_>>();
    [shown, hunt.look()].concat()
}

#[test]
fn a_git_login_is_found_nowhere() {
    for kind in ["netrc", "token of the host"] {
        for transport in ["builtin", "cli"] {
            assert_eq!(git_with(kind, transport), Vec::<String>::new(), "{kind} by {transport}");
        }
    }
}

/// Addresses with a login are refused wherever they are said, and told without it; a proxy may have one. Gives what was found.
fn addresses(breaking: &str) -> Vec<String> {
    let mut hunt = Hunt::new("", &[("GREFFON_BREAK", breaking)]);
    hunt.own.push(hunt.shop.env.path("greffon.toml"));
    hunt.shop.publish("ours", "a", "1.0.0", &[]);
    let url = format!("http://ann:{TOKEN}@127.0.0.1:9");
    let bad = [
        format!("[types.plugins]\na = {{ git = \"{url}/a.git\" }}\n"),
        format!("[types.plugins]\na = {{ git = \"{url}/a.git?x=1\" }}\n"),
        format!("[types.plugins]\na = {{ git = \"ssh://ann:{TOKEN}@127.0.0.1/a.git\" }}\n"),
        format!("[types.plugins]\na = {{ git = \"ftp://ann:{TOKEN}@127.0.0.1/a.git\" }}\n"),
        format!("[types.plugins]\na = {{ url = \"{url}/a.zip\", version = \"1.0.0\" }}\n"),
        format!("[[config.repositories]]\nname = \"x\"\nuse = \"builtin:index\"\nurl = \"{url}/\"\n[types.plugins]\na = \"*\"\n"),
        format!("[[config.repositories]]\nname = \"x\"\nuse = \"builtin:git\"\nurl = \"{url}/x.git\"\n[types.plugins]\na = \"*\"\n"),
    ];
    for text in bad {
        hunt.shop.env.write("greffon.toml", format!("{INSTALLER}{text}{ONE}"));
        for words in [&["plan", "-v"][..], &["update", "--json"], &["sync", "-v"], &["status", "--json"], &["doctor"]] {
            let status = hunt.run(words);
            assert!(status != 0 || matches!(words[0], "status" | "doctor"), "`{}` accepts {text}", words.join(" "));
        }
        assert!(!hunt.shop.env.exists("greffon.lock"), "{text}");
    }
    let repository = hunt.shop.repository("ours", "");
    hunt.own.pop();
    hunt.shop.env.write("greffon.toml", format!("{INSTALLER}{repository}[types.plugins]\na = \"*\"\n{ONE}"));
    for flag in ["--git", "--url"] {
        assert_ne!(hunt.run(&["add", "plugins/b@1.0.0", flag, &format!("{url}/b.git")]), 0, "{flag}");
    }
    // A proxy that is not there, and settings of the machine that cannot be used.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    for proxy in [format!("http://ann:{TOKEN}@{closed}"), format!("ftp://ann:{TOKEN}@{closed}"), format!("ann:{TOKEN}")] {
        hunt.settings.push(("GREFFON_PROXY".into(), proxy));
        hunt.run(&["doctor"]);
        hunt.run(&["fetch", "-v"]);
        hunt.settings.pop();
    }
    hunt.look()
}

#[test]
fn an_address_with_a_login_is_told_without_it() {
    assert_eq!(addresses(""), Vec::<String>::new());
}

/// The broken twin: urls that are told as they are.
#[test]
fn a_url_that_is_told_whole_is_found() {
    let found = addresses("redact");
    assert!(found.iter().any(|found| found.starts_with("stderr of `plan")), "{found:#?}");
}

/// The hunt itself: whatever holds a secret is found.
#[test]
fn what_is_written_down_on_purpose_is_found() {
    let mut hunt = Hunt::new("program", &[]);
    let repo = support::Repo::init(&hunt.shop.env.root().join("repo"));
    repo.write("code.txt", format!("a {TOKEN}"));
    repo.commit("leaks");
    std::fs::remove_file(repo.folder().join("code.txt")).expect("removed");
    hunt.shop.env.write(".greffon-one/log", base64(&format!("ann:{TOKEN}")));
    hunt.settings.push(("LEAK".into(), TOKEN.into()));
    let mut child = Command::new(hunt.shop.env.root().join("bin/git"));
    assert!(child.args(["-c", &format!("x.y={TOKEN}"), "--version"]).env("LEAK", TOKEN).output().expect("git runs").status.success());
    let found = hunt.look();
    for part in ["an object of ", "the file ", "a program's argument x.y=", "a program's LEAK="] {
        assert!(found.iter().any(|found| found.starts_with(part)), "{part}: {found:#?}");
    }
}
