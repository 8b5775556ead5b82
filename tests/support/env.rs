//! The real binary in surroundings of its own: private home, stock and temporary folder, a cleared environment, a fixed width.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A scratch folder and a private machine around it.
///
/// ```no_run
/// let env = support::TestEnvironment::new();
/// env.write("greffon.toml", "[types.plugins]\n");
/// env.greffon(["lock", "--check"]).run().fails(3);
/// let status = env.greffon(["status", "--json"]).run().succeeds().json();
/// ```
pub struct TestEnvironment {
    scratch: tempfile::TempDir,
    root: PathBuf,
}

/// A run of the binary that is about to begin.
pub struct Run {
    command: Command,
    input: Vec<u8>,
    root: PathBuf,
}

/// What a run left behind.
pub struct Outcome {
    /// The exit status; 128 + the signal where one ended it.
    pub status: i32,
    /// Data.
    pub stdout: String,
    /// Everything else.
    pub stderr: String,
    line: String,
    root: PathBuf,
}

impl Default for TestEnvironment {
    fn default() -> Self {
        Self::new()
    }
}

impl TestEnvironment {
    /// Folders: `work` (where the binary runs), `home`, `stock`, `tmp`.
    pub fn new() -> Self {
        let scratch = tempfile::Builder::new().prefix("greffon-test-").tempdir().expect("a scratch folder");
        let root = scratch.path().canonicalize().expect("the scratch folder");
        for folder in ["work", "home/.config", "home/.local/share", "home/.cache", "tmp"] {
            std::fs::create_dir_all(root.join(folder)).expect("a private folder");
        }
        Self { scratch, root }
    }

    /// The scratch folder above everything.
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// Where the binary runs.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }
    /// `HOME`.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }
    /// `GREFFON_STOCK`; not there before the first use.
    pub fn stock(&self) -> PathBuf {
        self.root.join("stock")
    }
    /// A path below `work`.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.work().join(relative)
    }

    /// Writes a file below `work`, folders included.
    pub fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
        std::fs::write(&path, content).unwrap_or_else(|error| panic!("could not write {}: {error}", path.display()));
    }

    /// Reads a file below `work`.
    pub fn read(&self, relative: impl AsRef<Path>) -> String {
        let path = self.path(relative);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("could not read {}: {error}", path.display()))
    }

    /// Whether something is there below `work`.
    pub fn exists(&self, relative: impl AsRef<Path>) -> bool {
        self.path(relative).symlink_metadata().is_ok()
    }

    /// Every file and link below a folder of `work` as `path → mode, content`, sorted; `.greffon-*` states left out.
    pub fn tree(&self, relative: impl AsRef<Path>) -> std::collections::BTreeMap<String, String> {
        let mut found = std::collections::BTreeMap::new();
        walk(&self.path(relative.as_ref()), &self.path(relative.as_ref()), &mut found);
        found
    }

    /// The binary with these arguments, not yet run.
    pub fn greffon<I, S>(&self, arguments: I) -> Run
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let Some(binary) = option_env!("CARGO_BIN_EXE_greffon") else { panic!("only integration tests know the binary") };
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", self.home().join(".config"))
            .env("XDG_DATA_HOME", self.home().join(".local/share"))
            .env("XDG_CACHE_HOME", self.home().join(".cache"))
            .env("TMPDIR", self.root.join("tmp"))
            .env("GREFFON_STOCK", self.stock())
            .env("COLUMNS", "100")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("RUST_BACKTRACE", "0");
        Run { command, input: Vec::new(), root: self.root.clone() }
    }

    /// Keeps the scratch folder after the test, for looking into it; gives its path.
    pub fn keep(self) -> PathBuf {
        self.scratch.keep()
    }
}

impl Run {
    /// In another folder; relative ones are below `work`.
    pub fn within(mut self, folder: impl AsRef<Path>) -> Self {
        let folder = self.root.join("work").join(folder);
        self.command.current_dir(folder);
        self
    }
    /// With a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }
    /// Without a variable of the environment.
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }
    /// With something to read; nothing otherwise.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }
    /// The command as it stands, to be run by other means (killed, traced, piped).
    pub fn command(self) -> Command {
        self.command
    }

    /// Runs to the end.
    pub fn run(mut self) -> Outcome {
        let words: Vec<String> = self.command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let stdin = if self.input.is_empty() { Stdio::null() } else { Stdio::piped() };
        let mut child = self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        if let Some(mut stdin) = child.stdin.take() {
            let input = std::mem::take(&mut self.input);
            // The binary may end without reading it all.
            std::thread::spawn(move || drop(stdin.write_all(&input)));
        }
        let output = child.wait_with_output().expect("the binary ends");
        let signal = {
            use std::os::unix::process::ExitStatusExt;
            output.status.signal()
        };
        Outcome {
            status: output.status.code().unwrap_or_else(|| 128 + signal.unwrap_or_default()),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
            line: format!("greffon {}", words.join(" ")),
            root: self.root,
        }
    }
}

impl Outcome {
    /// Exit status 0, or the test ends here with everything that was said.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.fails(0)
    }

    /// This exit status, or the test ends here with everything that was said.
    #[track_caller]
    pub fn fails(self, status: i32) -> Self {
        assert_eq!(self.status, status, "`{}` ended with {}\n--- stdout\n{}\n--- stderr\n{}", self.line, self.status, self.stdout, self.stderr);
        self
    }

    /// Its stderr holds this text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{}` does not say {text:?}\n--- stdout\n{}\n--- stderr\n{}", self.line, self.stdout, self.stderr);
        self
    }

    /// Its stdout holds this text.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "`{}` does not print {text:?}\n--- stdout\n{}\n--- stderr\n{}", self.line, self.stdout, self.stderr);
        self
    }

    /// Its stdout as one JSON document, which names its schema.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let value: serde_json::Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("`{}` prints no JSON: {error}\n{}\n--- stderr\n{}", self.line, self.stdout, self.stderr));
        assert!(value["schema"].as_str().is_some_and(|schema| schema.starts_with("greffon/")), "`{}` prints no schema: {value}", self.line);
        value
    }

    /// stdout with what differs from run to run replaced; see [`redact`].
    pub fn stdout_redacted(&self) -> String {
        redact(&self.stdout, &self.root)
    }
    /// stderr with what differs from run to run replaced; see [`redact`].
    pub fn stderr_redacted(&self) -> String {
        redact(&self.stderr, &self.root)
    }
}

/// The scratch folder becomes `[ROOT]`, loopback servers `[HOST]`, hashes `[ID]`, durations `[TIME]`, this crate's version `[VERSION]`.
pub fn redact(text: &str, root: &Path) -> String {
    let text = text.replace(&root.display().to_string(), "[ROOT]").replace(env!("CARGO_PKG_VERSION"), "[VERSION]");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let fresh = !out.ends_with(|before: char| before.is_ascii_alphanumeric() || before == '.' || before == '_');
        if let Some(after) = rest.strip_prefix("127.0.0.1:") {
            out.push_str("[HOST]");
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        } else if let Some((mark, after)) = fresh.then(|| hash(rest).or_else(|| duration(rest))).flatten() {
            out.push_str(mark);
            rest = after;
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// 40 or 64 hex digits.
fn hash(text: &str) -> Option<(&'static str, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_hexdigit).count();
    (length == 40 || length == 64).then(|| ("[ID]", &text[length..]))
}

/// `34ms`, `2.31s`.
fn duration(text: &str) -> Option<(&'static str, &str)> {
    let digits = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let after = text[digits..].strip_prefix("ms").or_else(|| text[digits..].strip_prefix('s'))?;
    let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    (digits > 0 && ends).then_some(("[TIME]", after))
}

fn walk(folder: &Path, root: &Path, found: &mut std::collections::BTreeMap<String, String>) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let entry = entry.expect("an entry");
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(".greffon-") {
            continue;
        }
        let kind = entry.file_type().expect("a type");
        let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
        if kind.is_dir() {
            walk(&path, root, found);
        } else if kind.is_symlink() {
            found.insert(name, format!("link {}", std::fs::read_link(&path).expect("a link").display()));
        } else {
            let executable = entry.metadata().expect("metadata").permissions().mode() & 0o100 != 0;
            let content = std::fs::read(&path).expect("a file");
            found.insert(name, format!("{} {}", if executable { "x" } else { "-" }, String::from_utf8_lossy(&content)));
        }
    }
}
