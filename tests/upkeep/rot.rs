//! Rot in the stock: whatever of it a sync, a rollback or a build meets is put aside and fetched again, once and by itself; where it
//! cannot be fetched, nothing of a site changes. One bit at a time, in every file of a stock.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{FileServer, GitServer, Outcome, Repo, TestEnvironment};

/// A machine with a site of each kind of element: a core from git, a plugin from an archive over http, one from a folder.
struct Machine {
    env: TestEnvironment,
    git: Option<GitServer>,
    files: Option<FileServer>,
    kept: PathBuf,
}

impl Machine {
    /// With two generations of the site `one` in stock; kept as it stands.
    fn new() -> Self {
        let env = TestEnvironment::new();
        let served = env.root().join("served");
        std::fs::create_dir_all(&served).expect("a folder");
        let repo = Repo::init(&env.root().join("work-core"));
        repo.link("latest", "index.php");
        for version in ["1.0", "2.0"] {
            repo.write("index.php", format!("the core {version}, and what it says at length: {}\n", version.repeat(40)));
            repo.write("lib/deep/code.php", format!("deep {version}\n").repeat(30));
            repo.write("lib/same.php", "the same in both, at some length\n".repeat(9));
            repo.commit(version);
            repo.annotated_tag(&format!("v{version}"));
        }
        repo.publish(&served.join("core.git"));
        let git = GitServer::start(&served);
        let packed = env.root().join("packed");
        std::fs::create_dir_all(packed.join("poll/inner")).expect("a folder");
        std::fs::write(packed.join("poll/code.php"), "the poll, packed\n".repeat(20)).expect("written");
        std::fs::write(packed.join("poll/inner/more.php"), "more of the poll\n".repeat(20)).expect("written");
        let tar = Command::new("tar").args(["-czf", "poll.tar.gz", "poll"]).current_dir(&packed).status().expect("tar runs");
        assert!(tar.success());
        let files = FileServer::start();
        files.put("/poll.tar.gz", std::fs::read(packed.join("poll.tar.gz")).expect("read"));
        std::fs::create_dir_all(env.root().join("ours")).expect("a folder");
        std::fs::write(env.root().join("ours/ours.php"), "ours\n".repeat(20)).expect("written");
        let kept = env.root().join("kept");
        let machine = Self { env, git: Some(git), files: Some(files), kept };
        machine.want("1.0");
        machine.run("sync --site one").succeeds();
        machine.want("2.0");
        machine.run("sync --site one -y").succeeds();
        // What generations share is packed from time to time.
        machine.run("stock gc").succeeds();
        machine.run("lock --check").succeeds();
        std::fs::create_dir_all(&machine.kept).expect("a folder");
        copy(&machine.env.work(), &machine.kept.join("work"));
        copy(&machine.env.stock(), &machine.kept.join("stock"));
        machine
    }

    fn want(&self, version: &str) {
        let core = self.git.as_ref().expect("served").url("/core.git");
        let poll = self.files.as_ref().expect("served").url("/poll.tar.gz");
        let ours = self.env.root().join("ours");
        self.env.write(
            "greffon.toml",
            format!(
                "[config]\ninstaller = {{ use = \"builtin:tree\", types = {{ core = \".\", plugins = \"plugins/{{name}}\" }} }}\nlink-mode = \"copy\"\n\
                 [types.core]\ncampus = {{ git = \"{core}\", version = \"={version}\" }}\n\
                 [types.plugins]\npoll = {{ url = \"{poll}\", version = \"1.0\" }}\nours = {{ path = \"{}\", version = \"1.0\" }}\n\
                 [sites.one]\npath = \"one\"\n[sites.two]\npath = \"two\"\n",
                ours.display()
            ),
        );
    }

    fn run(&self, words: &str) -> Outcome {
        self.env.greffon(words.split_whitespace()).run()
    }

    fn as_kept(&self) {
        copy(&self.kept.join("work"), &self.env.work());
        copy(&self.kept.join("stock"), &self.env.stock());
    }

    /// Nobody answers any more.
    fn unplug(&mut self) {
        (self.git, self.files) = (None, None);
        std::fs::rename(self.env.root().join("ours"), self.env.root().join("away")).expect("moved");
    }

    fn quarantined(&self) -> usize {
        std::fs::read_dir(self.env.stock().join("quarantine")).expect("listed").count()
    }

    /// Every file of the stock but its locks, by its path in it.
    fn stock_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![PathBuf::new()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(self.env.stock().join(&folder)).expect("listed") {
                let entry = entry.expect("an entry");
                let path = folder.join(entry.file_name());
                let kind = entry.file_type().expect("a kind");
                if kind.is_dir() {
                    open.push(path);
                } else if kind.is_file() && entry.metadata().expect("looked at").len() > 0 {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }

    fn change(&self, path: &Path, change: impl Fn(&mut [u8])) {
        let path = self.env.stock().join(path);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("opened up");
        let mut bytes = std::fs::read(&path).expect("read");
        change(&mut bytes);
        std::fs::write(&path, bytes).expect("written");
    }

    /// One bit in the middle.
    fn flip(&self, path: &Path) {
        self.change(path, |bytes| bytes[bytes.len() / 2] ^= 0x10);
    }

    /// Everything from a byte on but what stands at the end.
    fn overwrite(&self, path: &Path, from: usize) {
        self.change(path, |bytes| {
            let end = bytes.len() - 20;
            bytes[from..end].fill(0x55);
        });
    }
}

fn copy(from: &Path, to: &Path) {
    let _ = Command::new("rm").arg("-rf").arg(to).status();
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs").success());
}

/// What one flipped bit led to: the exit status, the files of the site, and what was said.
fn each_flip(machine: &Machine, words: &str, settings: &[(&str, &str)]) -> BTreeMap<PathBuf, (i32, BTreeMap<String, String>, String)> {
    machine.as_kept();
    let files = machine.stock_files();
    assert!(files.len() > 25, "{files:?}");
    eprintln!("{} files of the stock", files.len());
    let mut outcomes = BTreeMap::new();
    for path in files {
        machine.as_kept();
        machine.flip(&path);
        let mut run = machine.env.greffon(words.split_whitespace());
        for (name, value) in settings {
            run = run.env(name, value);
        }
        let outcome = run.run();
        let tree = if machine.env.exists("two") { machine.env.tree("two") } else { BTreeMap::new() };
        outcomes.insert(path, (outcome.status, tree, outcome.stderr));
    }
    outcomes
}

const SYNC: &str = "sync --site two --create";

/// The settings of the stock itself, which nobody can fetch: refused in clear words.
fn is_label(path: &Path) -> bool {
    path == Path::new("stock.json")
}

#[test]
fn one_bit_anywhere_in_the_stock_is_mended_on_the_way() {
    let machine = Machine::new();
    machine.run(SYNC).succeeds();
    let wanted = machine.env.tree("two");
    assert!(wanted.len() >= 7, "{wanted:?}");
    let mut wrong = Vec::new();
    let (mut mended, mut all) = (0, 0);
    for (path, (status, tree, said)) in each_flip(&machine, SYNC, &[]) {
        all += 1;
        mended += usize::from(said.contains("damaged, and put aside"));
        let fine = status == 0 && tree == wanted;
        let refused = is_label(&path) && status == 1 && tree.is_empty() && said.contains("hint");
        if !fine && !refused {
            wrong.push(format!("{}: {status}, {} files\n{said}", path.display(), tree.len()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "{} of {all}", wrong.len());
    assert!(mended >= 5, "only {mended} of {all} flips had to be mended");
}

#[test]
fn where_nobody_mends_it_is_refused_and_never_installed() {
    let machine = Machine::new();
    machine.run(SYNC).succeeds();
    let wanted = machine.env.tree("two");
    let mut refused = 0;
    for (path, (status, tree, said)) in each_flip(&machine, SYNC, &[("GREFFON_BREAK", "mend")]) {
        assert!(tree == wanted || tree.is_empty(), "{}: a part, or something else", path.display());
        assert_eq!(status == 0, tree == wanted, "{}: {said}", path.display());
        refused += usize::from(status == 1 && said.contains("`greffon stock verify`"));
    }
    assert!(refused >= 5, "the sweep met damage only {refused} times");
}

#[test]
fn where_nobody_can_be_asked_it_is_right_or_refused_whole() {
    let mut machine = Machine::new();
    machine.run(SYNC).succeeds();
    let wanted = machine.env.tree("two");
    machine.unplug();
    std::fs::rename(machine.env.root().join("away"), machine.env.root().join("ours")).expect("moved");
    let mut refused = 0;
    for (path, (status, tree, said)) in each_flip(&machine, &format!("{SYNC} --offline"), &[]) {
        assert!(tree == wanted || tree.is_empty(), "{}: a part, or something else", path.display());
        assert_eq!(status == 0, tree == wanted, "{}: {said}", path.display());
        assert!(status == 0 || said.contains("hint: "), "{}: {said}", path.display());
        refused += usize::from(status == 1);
        // What is whole of it serves on: the source is not lost for one bit.
        assert!(machine.env.stock().join("sources").read_dir().expect("listed").count() > 0, "{}", path.display());
    }
    assert!(refused >= 3, "only {refused} refused");
}

/// The largest file of the stock whose path holds these words.
fn largest(machine: &Machine, words: &[&str]) -> PathBuf {
    let holds = |path: &PathBuf| words.iter().all(|word| path.to_string_lossy().contains(word));
    let size = |path: &PathBuf| machine.env.stock().join(path).metadata().map_or(0, |found| found.len());
    machine.stock_files().into_iter().filter(holds).max_by_key(size).unwrap_or_else(|| panic!("no file of {words:?}"))
}

/// Loose objects, or those of a pack, spoiled all together.
fn spoil(machine: &Machine, kind: &str) {
    match kind {
        "loose" => {
            for path in machine.stock_files().iter().filter(|path| path.starts_with("objects.git/objects") && !path.to_string_lossy().contains("pack")) {
                machine.flip(path);
            }
        }
        "own pack" => machine.overwrite(&largest(machine, &["objects.git/", ".pack"]), 12),
        "source pack" => machine.overwrite(&largest(machine, &["sources/", ".pack"]), 12),
        "source index" => machine.overwrite(&largest(machine, &["sources/", ".idx"]), 0),
        "gone" => {
            let pack = machine.env.stock().join(largest(machine, &["objects.git/", ".pack"]));
            std::fs::remove_file(pack.with_extension("idx")).expect("removed");
            std::fs::remove_file(pack).expect("removed");
        }
        "archive and own pack" => {
            machine.flip(&largest(machine, &["archives/"]));
            machine.overwrite(&largest(machine, &["objects.git/", ".pack"]), 12);
        }
        other => panic!("what is {other}?"),
    }
    // Nothing serves in its place.
    for path in machine.stock_files().iter().filter(|path| path.starts_with("files")) {
        std::fs::remove_file(machine.env.stock().join(path)).expect("removed");
    }
}

const KINDS: [&str; 6] = ["loose", "own pack", "source pack", "source index", "gone", "archive and own pack"];

#[test]
fn sync_rollback_and_build_mend_every_kind_of_object() {
    let machine = Machine::new();
    machine.run("build reference --site two").succeeds();
    let wanted = machine.env.tree("reference");
    for kind in KINDS {
        for command in ["sync --site two --create", "build built --site two", "rollback --site one"] {
            machine.as_kept();
            spoil(&machine, kind);
            let said = machine.run(command).succeeds().stderr;
            match command.split(' ').next() {
                Some("sync") => assert_eq!(machine.env.tree("two"), wanted, "{kind}"),
                Some("build") => assert_eq!(machine.env.tree("built"), wanted, "{kind}"),
                _ => assert!(machine.env.read("one/index.php").starts_with("the core 1.0"), "{kind}"),
            }
            let told = said.contains("in the stock is damaged") && said.contains("put aside");
            // What is not there at all comes again without a word, as it did the first time; what is written again is whole.
            assert!(told || ["loose", "source index", "gone"].contains(&kind), "{kind}, {command}: {said}");
            assert!(!told || machine.quarantined() > 0, "{kind}, {command}");
            if told {
                // It stays mended: both generations are there without asking anybody.
                machine.run("stock verify").succeeds();
                machine.run("rollback 1 --site one --offline").succeeds();
                machine.run("sync --site one --release -y --offline").succeeds();
            }
        }
    }
}

#[test]
fn what_cannot_be_fetched_again_leaves_the_site_and_says_how() {
    let mut machine = Machine::new();
    machine.unplug();
    let before = machine.env.tree("one");
    for kind in ["source pack", "archive and own pack"] {
        for command in ["sync --site two --create", "rollback --site one", "build built --site two", "sync --site two --create --offline"] {
            machine.as_kept();
            spoil(&machine, kind);
            machine.run(command).fails(1).says("hint: ");
            assert_eq!(machine.env.tree("one"), before, "{kind}, {command}");
            assert!(!machine.env.exists("two") && !machine.env.exists("built"), "{kind}, {command}");
        }
    }
}

#[test]
fn no_hook_runs_before_what_is_to_come_could_be_read() {
    let machine = Machine::new();
    let hooked = |settings: &[(&str, &str)]| {
        machine.as_kept();
        spoil(&machine, "source pack");
        machine.env.write("note.rhai", "fn before_sync(event, host) { fs::write(\"said\", \"x\"); }\n");
        let text = machine.env.read("greffon.toml");
        machine.env.write("greffon.toml", format!("{text}[hooks]\nbefore-sync = {{ use = \"note.rhai\", allow = {{ write = [\".\"] }} }}\n"));
        let mut run = machine.env.greffon(SYNC.split(' '));
        for (name, value) in settings {
            run = run.env(name, value);
        }
        run.run()
    };
    let _ = hooked(&[("GREFFON_BREAK", "mend")]).fails(1);
    assert!(!machine.env.exists("said"), "the hook ran for nothing");
    hooked(&[]).succeeds();
}
