//! A site that stands, a manifest that is about to become a bad one, and what every refusal must be like.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{FileServer, GitServer, Outcome, Repo, TestEnvironment};
use serde_json::Value;

/// Where the site of these tests lies, below the manifest.
pub const SITE: &str = "www/html";

/// A synced site of a core and one plugin, with a file of its owner's.
pub struct World {
    pub env: TestEnvironment,
    pub git: GitServer,
    pub files: FileServer,
    pub core: Repo,
    pub forum: Repo,
}

/// What was said of one bad thing, twice: for people and for machines.
pub struct Refusal {
    pub text: String,
    pub json: Value,
    manifest: String,
}

impl World {
    pub fn new() -> Self {
        let env = TestEnvironment::new();
        let core = Repo::init(&env.root().join("sources/core"));
        core.write("index.php", "<?php // core 1\n").write("lib/setup.php", "<?php\n").commit("one");
        core.tag("v1.0.0");
        let forum = Repo::init(&env.root().join("sources/forum"));
        for version in ["1.0.0", "1.1.0", "2.0.0"] {
            forum.write("version.txt", version).commit(version);
            forum.tag(&format!("v{version}"));
        }
        core.publish(&env.root().join("served/core.git"));
        forum.publish(&env.root().join("served/forum.git"));
        let git = GitServer::start(&env.root().join("served"));
        let world = Self { env, git, files: FileServer::start(), core, forum };
        world.manifest("");
        world.env.greffon(["sync"]).run().succeeds();
        world.env.write("www/html/config.php", "<?php // the owner's\n");
        world
    }

    /// A further repository, published under its name, with whatever `fill` puts into it.
    pub fn publish(&self, name: &str, fill: impl FnOnce(&Repo)) -> String {
        let repo = Repo::init(&self.env.root().join("sources").join(name));
        fill(&repo);
        repo.publish(&self.env.root().join("served").join(format!("{name}.git")));
        self.git.url(&format!("/{name}.git"))
    }

    /// The manifest of the standing site with further plugins.
    pub fn text(&self, plugins: &str) -> String {
        let (core, forum) = (self.git.url("/core.git"), self.git.url("/forum.git"));
        format!(
            "[sites.prod]\npath = \"{SITE}\"\n\n[types.core]\napp = {{ git = \"{core}\", tag = \"v1.0.0\" }}\n\n[types.plugins]\nforum = {{ git = \"{forum}\", version = \"1.0.0\" }}\n{plugins}\n"
        )
    }

    /// Writes it.
    pub fn manifest(&self, plugins: &str) {
        self.env.write("greffon.toml", self.text(plugins));
    }

    /// A sync that must be refused, as people see it and as `--json`.
    #[track_caller]
    pub fn refuses(&self) -> Refusal {
        self.refuses_to(&["sync"], 1)
    }

    /// The same for any command and exit status. Whatever it is, the site and the lockfile stay as they are.
    #[track_caller]
    pub fn refuses_to(&self, command: &[&str], status: i32) -> Refusal {
        let before = self.standing();
        let people = self.env.greffon(command).run().fails(status);
        if std::env::var_os("SHOW").is_some() {
            eprintln!("{}", people.stderr_redacted());
        }
        let machines = self.env.greffon(command.iter().chain(&["--json"])).run().fails(status);
        assert_eq!(self.standing(), before, "the site is no longer as it was");
        let refusal = Refusal { json: error_document(&machines), text: people.stderr, manifest: self.env.read("greffon.toml") };
        refusal.is_fit_for_people();
        refusal
    }

    /// Everything that must not change: the site's files, what greffon recorded of it, the lockfile.
    pub fn standing(&self) -> BTreeMap<String, String> {
        let mut standing = self.env.tree(SITE);
        for name in ["current", "index.json"] {
            if let Ok(bytes) = std::fs::read(self.env.path("www/.greffon-html").join(name)) {
                standing.insert(format!("state/{name}"), String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        let journal = self.env.path("www/.greffon-html/journal");
        standing.insert("state/journal".into(), journal.exists().to_string());
        standing.insert("greffon.lock".into(), std::fs::read_to_string(self.env.path("greffon.lock")).unwrap_or_default());
        standing
    }
}

/// The last JSON document on stderr; what comes before it are warnings, a line each.
#[track_caller]
pub fn error_document(outcome: &Outcome) -> Value {
    let (warnings, last) = outcome.stderr.trim().rsplit_once('\n').unwrap_or(("", outcome.stderr.trim()));
    for warning in warnings.lines() {
        assert!(warning.starts_with("{\"schema\":\"greffon/log/1\""), "{warning}");
    }
    let value: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("stderr is no JSON document: {error}\n{}", outcome.stderr));
    assert_eq!(value["schema"], "greffon/error/1", "{value}");
    value
}

impl Refusal {
    /// What every message promises, whatever it is about.
    #[track_caller]
    fn is_fit_for_people(&self) {
        let text = &self.text;
        assert!(text.starts_with("error: ") || text.contains("\nerror: "), "no `error:`\n{text}");
        assert!(text.contains("hint: ") || text.contains("\nfix 1: "), "no hint\n{text}");
        for debris in ["panicked", "Some(", "None)", "Err(", "Error {", "ErrorKind", "kind: ", "RUST_BACKTRACE", "\u{1b}["] {
            assert!(!text.contains(debris), "`{debris}` is nothing for people\n{text}");
        }
        assert!(!text.contains("os error"), "a number of the system's says nothing to people\n{text}");
        let message = self.json["message"].as_str().expect("a message");
        assert!(!message.is_empty() && !message.ends_with('.'), "{message}");
        assert!(self.everywhere("hints").chain(self.everywhere("fixes")).next().is_some(), "no hint in {}", self.json);
    }

    /// Values of a list in the document and in its further errors.
    fn everywhere<'a>(&'a self, list: &'a str) -> impl Iterator<Item = &'a Value> {
        let others = self.json["others"].as_array().into_iter().flatten();
        std::iter::once(&self.json).chain(others).flat_map(move |error| error[list].as_array().into_iter().flatten())
    }

    /// It says this.
    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        let flat = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(part), "does not say {part:?}\n{}", self.text);
        self
    }

    /// It does not say this.
    #[track_caller]
    pub fn keeps_quiet_about(self, part: &str) -> Self {
        assert!(!self.text.contains(part), "says {part:?}\n{}", self.text);
        self
    }

    /// One of its hints says this.
    #[track_caller]
    pub fn hints(self, part: &str) -> Self {
        assert!(self.everywhere("hints").any(|hint| hint.as_str().is_some_and(|hint| hint.contains(part))), "no hint says {part:?}\n{}", self.text);
        self
    }

    /// Of this kind.
    #[track_caller]
    pub fn is(self, kind: &str) -> Self {
        assert_eq!(self.json["kind"], kind, "{}", self.text);
        self
    }

    /// It shows the line of the manifest that holds this text, in words and in the document.
    #[track_caller]
    pub fn shows_line(self, part: &str) -> Self {
        let line = 1 + self.manifest.lines().position(|line| line.contains(part)).unwrap_or_else(|| panic!("the manifest has no {part:?}"));
        self.shows("greffon.toml", line)
    }

    /// It shows this line of a file.
    #[track_caller]
    pub fn shows(self, file: &str, line: usize) -> Self {
        assert!(self.text.contains(&format!("{file}:{line}:")), "does not show line {line} of {file}\n{}", self.text);
        let fits = |place: &Value| place["line"] == line && place["file"].as_str().is_some_and(|path| Path::new(path).ends_with(file));
        assert!(self.everywhere("places").any(fits), "no place in {}", self.json);
        self
    }
}
