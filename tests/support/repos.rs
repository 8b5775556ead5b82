//! Real git repositories, made by the git program with fixed author and dates, so that commit ids are the same every time.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs git in a folder and gives its trimmed output; a failure is a panic with git's words.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    git_with_input(folder, arguments, b"", 0)
}

/// The same with standard input, and `minutes` after the first of January 2024 as the date of what it commits.
pub fn git_with_input(folder: &Path, arguments: &[&str], input: &[u8], minutes: u64) -> String {
    let date = format!("{} +0000", 1_704_067_200 + minutes * 60);
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", "-c", "gc.auto=0"]).args(arguments);
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(variable);
    }
    let mut child = command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Test Author")
        .env("GIT_AUTHOR_EMAIL", "author@example.org")
        .env("GIT_AUTHOR_DATE", &date)
        .env("GIT_COMMITTER_NAME", "Test Author")
        .env("GIT_COMMITTER_EMAIL", "author@example.org")
        .env("GIT_COMMITTER_DATE", &date)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git runs");
    let mut stdin = child.stdin.take().expect("its input");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("git ends");
    writer.join().expect("the writer ends");
    assert!(output.status.success(), "git {arguments:?} in {}: {}", folder.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A repository with a work tree. Branch `main`; each commit is a minute later than the one before.
pub struct Repo {
    folder: PathBuf,
    minute: AtomicU64,
}

impl Repo {
    /// A fresh repository in a folder that is made where needed.
    pub fn init(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder for the repository");
        git(folder, &["init", "-q"]);
        Self { folder: folder.to_owned(), minute: AtomicU64::new(0) }
    }
    /// The work tree.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    /// The work tree as text, for use as a url.
    pub fn url(&self) -> String {
        self.folder.to_str().expect("a path in UTF-8").to_owned()
    }
    /// Runs git here.
    pub fn git(&self, arguments: &[&str]) -> String {
        git_with_input(&self.folder, arguments, b"", self.minute.load(Ordering::SeqCst))
    }
    /// Writes a file, with the folders above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let file = self.folder.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder for the file");
        std::fs::write(file, content).expect("a file");
        self
    }
    /// Writes a file that may be executed.
    pub fn write_executable(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        self.write(path, content);
        std::fs::set_permissions(self.folder.join(path), std::fs::Permissions::from_mode(0o755)).expect("a mode");
        self
    }
    /// Makes a symbolic link.
    pub fn link(&self, path: &str, target: &str) -> &Self {
        let link = self.folder.join(path);
        std::fs::create_dir_all(link.parent().expect("a folder")).expect("a folder for the link");
        std::os::unix::fs::symlink(target, link).expect("a link");
        self
    }
    /// Removes a file or folder.
    pub fn remove(&self, path: &str) -> &Self {
        self.git(&["rm", "-rq", "--ignore-unmatch", "--", path]);
        self
    }
    /// Commits everything as it stands and gives the commit's id.
    pub fn commit(&self, message: &str) -> String {
        let minute = self.minute.fetch_add(1, Ordering::SeqCst);
        git(&self.folder, &["add", "-A"]);
        git_with_input(&self.folder, &["commit", "-q", "--allow-empty", "-m", message], b"", minute);
        self.rev("HEAD")
    }
    /// Commits these files at once, without a work tree: quick for tens of thousands. Gives the commit's id.
    pub fn commit_many<'a>(&self, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> String {
        let date = 1_704_067_200 + self.minute.fetch_add(1, Ordering::SeqCst) * 60;
        let mut input = format!("commit refs/heads/main\ncommitter Test Author <author@example.org> {date} +0000\ndata 5\nmany\n\n").into_bytes();
        if !git(&self.folder, &["for-each-ref", "refs/heads/main"]).is_empty() {
            input.extend_from_slice(b"from refs/heads/main^0\n");
        }
        for (path, content) in files {
            input.extend_from_slice(format!("M 100644 inline {path}\ndata {}\n", content.len()).as_bytes());
            input.extend_from_slice(content);
            input.push(b'\n');
        }
        git_with_input(&self.folder, &["fast-import", "--quiet"], &input, 0);
        git(&self.folder, &["reset", "-q", "--mixed"]);
        self.rev("refs/heads/main")
    }
    /// A lightweight tag at HEAD.
    pub fn tag(&self, name: &str) -> &Self {
        self.git(&["tag", "-f", "--", name]);
        self
    }
    /// An annotated tag at HEAD.
    pub fn annotated_tag(&self, name: &str) -> &Self {
        self.git(&["tag", "-f", "-a", "-m", name, "--", name]);
        self
    }
    /// A branch at HEAD, made where needed and checked out.
    pub fn branch(&self, name: &str) -> &Self {
        self.git(&["checkout", "-q", "-B", name]);
        self
    }
    /// Checks out a branch, tag or commit.
    pub fn checkout(&self, what: &str) -> &Self {
        self.git(&["checkout", "-q", what]);
        self
    }
    /// The id that a name stands for.
    pub fn rev(&self, name: &str) -> String {
        self.git(&["rev-parse", "--verify", name])
    }
    /// The id of a commit's tree.
    pub fn tree(&self, name: &str) -> String {
        self.rev(&format!("{name}^{{tree}}"))
    }
    /// Copies branches, tags and HEAD into a bare repository, made where needed; what is gone here goes there. Call it again after a change.
    pub fn publish(&self, bare: &Path) {
        if !bare.exists() {
            std::fs::create_dir_all(bare).expect("a folder for the bare repository");
            git(bare, &["init", "-q", "--bare"]);
        }
        let url = bare.to_str().expect("a path in UTF-8");
        git(&self.folder, &["push", "-q", "--force", "--prune", url, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"]);
        let head = git(&self.folder, &["symbolic-ref", "-q", "HEAD"]);
        git(bare, &["symbolic-ref", "HEAD", &head]);
    }
}
