//! A project, a stock and a site between two states of its manifest, put back as often as wanted.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::program::{clean, greffon, must, output};
use crate::shot::{self, Shot};
use crate::support::FileServer;

/// How many elements are new, updated, removed and left as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) new: usize,
    pub(crate) updated: usize,
    pub(crate) removed: usize,
    pub(crate) same: usize,
}

/// Files that greffon never installed, and what stands in them.
const FOREIGN: [(&str, &str); 4] = [
    ("config.php", "<?php // the administrator's secret\n"),
    ("plugins/u1/cache/local", "written by the application\n"),
    ("plugins/r0/mine.txt", "kept though its element goes\n"),
    ("plugins/wild/w.php", "nobody knows this plugin\n"),
];
/// Recorded files that were edited, one in an element that changes and one in an element that goes.
const EDITED: [(&str, &str); 2] = [("plugins/u0/main.php", "edited by hand: one\n"), ("plugins/r0/main.php", "edited by hand: two\n")];

/// What is put back: everything that a run may write.
const WRITTEN: [&str; 4] = ["project", "stock", "html", ".greffon-html"];

/// A project in `run`, its sources beside it, and how it was before.
pub(crate) struct World {
    root: PathBuf,
    run: PathBuf,
    sizes: Sizes,
    files: FileServer,
    /// The tree before.
    pub(crate) old: Shot,
    /// The tree that is wanted.
    pub(crate) new: Shot,
}

impl World {
    /// Makes it below `root`; what a run writes stands in `run`, which may be a file system of its own.
    /// `full`: the stock holds all that the second state needs.
    pub(crate) fn make(root: &Path, run: &Path, sizes: Sizes, full: bool) -> Self {
        let mut world = Self { root: root.to_owned(), run: run.to_owned(), sizes, files: FileServer::start(), old: Shot::new(), new: Shot::new() };
        for folder in [root.join("sources"), root.join("home"), run.join("project")] {
            std::fs::create_dir_all(folder).expect("made");
        }
        world.sources();
        world.manifest(1);
        must(world.greffon(&["sync"]).args(["-y", "--no-input"]));
        for (path, text) in FOREIGN.iter().chain(&EDITED) {
            let path = run.join("html").join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        world.manifest(2);
        must(&mut world.greffon(&["lock"]));
        world.old = world.shot();
        world.keep("kept");
        must(&mut world.greffon(&["fetch"]));
        if full {
            world.keep("kept");
        }
        must(&mut world.sync());
        world.new = world.shot();
        assert!(world.lost().is_empty(), "{:?}", world.lost());
        world.put_back("kept");
        assert!(world.shot() == world.old && world.old != world.new);
        world
    }

    /// The folder that holds all that a run writes.
    pub(crate) fn run(&self) -> &Path {
        &self.run
    }

    /// The program, in the project.
    pub(crate) fn greffon(&self, words: &[&str]) -> Command {
        let mut command = clean(greffon().to_str().expect("UTF-8"), &self.root.join("home"));
        command.arg("-C").arg(self.run.join("project")).args(words).env("GREFFON_STOCK", self.run.join("stock"));
        command
    }

    /// The run that is tortured: from the stock alone.
    pub(crate) fn sync(&self) -> Command {
        let mut command = self.sync_online();
        command.arg("--offline");
        command
    }

    /// The same, fetching what is missing.
    pub(crate) fn sync_online(&self) -> Command {
        self.greffon(&["sync", "--frozen", "-y", "--no-input", "--if-local-changes", "save", "--max-removals", "99"])
    }

    /// A recovery.
    pub(crate) fn recover(&self) -> Command {
        self.greffon(&["recover"])
    }

    /// The site as it stands.
    pub(crate) fn shot(&self) -> Shot {
        shot::take(&self.run.join("html"))
    }

    /// Whether a run was cut off with its journal written.
    pub(crate) fn has_journal(&self) -> bool {
        self.run.join(".greffon-html/journal").exists()
    }

    /// Keeps everything that a run may write under a name.
    pub(crate) fn keep(&self, name: &str) {
        copy(&self.run, &self.root.join(name));
    }

    /// Puts back what was kept.
    pub(crate) fn put_back(&self, name: &str) {
        copy(&self.root.join(name), &self.run);
    }

    /// Local bytes that are neither in the site nor put aside.
    pub(crate) fn lost(&self) -> Vec<String> {
        let saved = shot::take(&self.run.join(".greffon-html/saved"));
        let site = self.shot();
        let holds = |shot: &Shot, text: &str| shot.values().any(|what| what.ends_with(text));
        let foreign = FOREIGN.iter().filter(|(path, text)| !site.get(*path).is_some_and(|what| what.ends_with(text)) && !holds(&saved, text));
        let edited = EDITED.iter().filter(|(_, text)| !holds(&site, text) && !holds(&saved, text));
        foreign.chain(edited).map(|(path, _)| format!("the bytes of `{path}` are lost")).collect()
    }

    /// What is wrong with the site before any recovery: a file that both trees have must be one or the other at every moment, and
    /// no file may be something else.
    pub(crate) fn torn(&self) -> Option<String> {
        let found = self.shot();
        for path in self.old.keys().chain(self.new.keys()).chain(found.keys()) {
            let (old, new, now) = (self.old.get(path), self.new.get(path), found.get(path));
            let missing_is_fine = old.is_none() || new.is_none() || old.is_some_and(|what| what == "/") != new.is_some_and(|what| what == "/");
            if now.is_none() && !missing_is_fine {
                return Some(format!("`{path}` is missing before any recovery"));
            }
            if now.is_some() && now != old && now != new {
                return Some(format!("`{path}` is neither the earlier nor the wanted one before any recovery"));
            }
        }
        None
    }

    /// Recovers, and says what is wrong then.
    pub(crate) fn recovered(&self) -> Option<String> {
        let done = output(&mut self.recover());
        if !done.status.success() {
            return Some(format!("recovery ended with {}: {}", done.status, said(&done)));
        }
        let found = self.shot();
        if found != self.old && found != self.new {
            let nearest = if shot::differences(&found, &self.old).len() < shot::differences(&found, &self.new).len() { &self.old } else { &self.new };
            return Some(format!("neither tree after recovery: {}", shot::differences(&found, nearest)));
        }
        self.lost().into_iter().next()
    }

    /// Runs again, and says what is wrong then.
    pub(crate) fn arrived(&self, mut run: Command) -> Option<String> {
        let done = output(&mut run);
        if !done.status.success() {
            return Some(format!("the next run ended with {}: {}", done.status, said(&done)));
        }
        let found = self.shot();
        if found != self.new {
            return Some(format!("the next run left another tree: {}", shot::differences(&found, &self.new)));
        }
        self.lost().into_iter().next()
    }

    fn sources(&self) {
        for element in self.elements(1).into_iter().chain(self.elements(2)) {
            element.publish(&self.root, &self.files);
        }
    }

    fn elements(&self, state: usize) -> Vec<Element> {
        let Sizes { new, updated, removed, same } = self.sizes;
        let mut found = vec![Element { kind: "core", name: "app".into(), version: state, how: 0 }];
        found.extend((0..updated).map(|at| Element { kind: "plugins", name: format!("u{at}"), version: state, how: at }));
        // Two of those that stay lie in another's folder: of one that is updated, and of one that goes.
        let kind = |at: usize| ["inner", "left", "plugins"][at.min(2)];
        found.extend((0..same).map(|at| Element { kind: kind(at), name: format!("s{at}"), version: 1, how: at }));
        if state == 1 {
            found.extend((0..removed).map(|at| Element { kind: "plugins", name: format!("r{at}"), version: 1, how: at }));
        } else {
            found.extend((0..new).map(|at| Element { kind: if at == 1 { "inner" } else { "plugins" }, name: format!("n{at}"), version: 2, how: at }));
        }
        found
    }

    fn manifest(&self, state: usize) {
        let mut text = String::from(
            "[config]\ninstaller = { use = \"builtin:tree\", types = { core = \".\", plugins = \"plugins/{name}\", \
             inner = \"plugins/u0/inner/{name}\", left = \"plugins/r0/left/{name}\" } }\n\n",
        );
        let elements = self.elements(state);
        for kind in ["core", "plugins", "inner", "left"] {
            let _ = writeln!(text, "[types.{kind}]");
            for element in elements.iter().filter(|element| element.kind == kind) {
                let _ = writeln!(text, "{} = {}", element.name, element.source(&self.root, &self.files));
            }
        }
        text.push_str("\n[sites.main]\npath = \"../html\"\n");
        std::fs::write(self.run.join("project/greffon.toml"), text).expect("written");
    }
}

/// An element at a version.
struct Element {
    kind: &'static str,
    name: String,
    version: usize,
    how: usize,
}

impl Element {
    fn files(&self) -> Vec<(String, String)> {
        let (name, version) = (&self.name, self.version);
        if self.kind == "core" {
            let mut files: Vec<(String, String)> =
                (0..8).map(|at| (format!("lib/{at}.php"), format!("<?php // {at} {}\n", if at % 2 == 0 { 1 } else { version }))).collect();
            files.push(("index.php".into(), format!("<?php // {version}\n{}", "x".repeat(5000))));
            files.push((if version == 1 { "was/here.php".into() } else { "now/here.php".into() }, "<?php\n".into()));
            return files;
        }
        let mut files = vec![
            ("main.php".to_owned(), format!("<?php // {name} {version}\n{}", "y".repeat(3000))),
            ("same.php".to_owned(), format!("<?php // {name} the same\n")),
            ("lang/en.txt".to_owned(), format!("{name} {version}\n")),
            ("bin/run".to_owned(), "#!/bin/sh\n".to_owned()),
        ];
        files.push((if version == 1 { "old/gone.php".to_owned() } else { "new/here.php".to_owned() }, format!("{name}\n")));
        files
    }

    fn label(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    fn publish(&self, root: &Path, server: &FileServer) {
        let sources = root.join("sources");
        let folder = if self.how.is_multiple_of(3) { sources.join(&self.name) } else { sources.join(self.label()) };
        if folder.join(".git/refs/tags").join(format!("v{}", self.version)).exists() || (!self.how.is_multiple_of(3) && folder.exists()) {
            return;
        }
        if folder.exists() {
            for name in ["old", "was"] {
                let _ = std::fs::remove_dir_all(folder.join(name));
            }
        }
        for (path, text) in self.files() {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(&path, text).expect("written");
            if path.ends_with("bin/run") {
                use std::os::unix::fs::PermissionsExt as _;
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("set");
            }
        }
        match self.how % 3 {
            0 => {
                if !folder.join(".git").exists() {
                    crate::support::git(&folder, &["init", "-q"]);
                }
                crate::support::git(&folder, &["add", "-A"]);
                crate::support::git(&folder, &["commit", "-qm", &self.label()]);
                crate::support::git(&folder, &["tag", &format!("v{}", self.version)]);
            }
            1 => server.put(&self.zip_path(), self.zipped()),
            _ => {}
        }
    }

    fn zip_path(&self) -> String {
        format!("/{}.zip", self.label())
    }

    fn zipped(&self) -> Vec<u8> {
        use std::io::Write as _;
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (path, text) in self.files() {
            let mode = if path == "bin/run" { 0o755 } else { 0o644 };
            let options = zip::write::SimpleFileOptions::default().unix_permissions(mode).last_modified_time(zip::DateTime::default());
            zip.start_file(format!("{}/{path}", self.name), options).expect("begun");
            zip.write_all(text.as_bytes()).expect("packed");
        }
        zip.finish().expect("finished").into_inner()
    }

    fn source(&self, root: &Path, server: &FileServer) -> String {
        let sources = root.join("sources");
        match self.how % 3 {
            0 => format!("{{ git = \"{}\", tag = \"v{}\" }}", sources.join(&self.name).display(), self.version),
            1 => format!("{{ url = \"{}\", version = \"{}.0.0\" }}", server.url(&self.zip_path()), self.version),
            _ => format!("{{ path = \"{}\" }}", sources.join(self.label()).display()),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for name in WRITTEN {
        let _ = std::fs::remove_dir_all(to.join(name));
        if from.join(name).exists() {
            must(Command::new("cp").arg("-a").arg(from.join(name)).arg(to.join(name)));
        }
    }
}

/// The last words of a run, on one line.
pub(crate) fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().filter(|line| !line.trim().is_empty()).take(6).collect::<Vec<_>>().join(" | ")
}
