//! The real program in surroundings of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program beside this one.
pub(crate) fn greffon() -> PathBuf {
    let own = std::env::current_exe().expect("this program");
    own.parent().and_then(Path::parent).expect("the target folder").join("greffon")
}

/// Whether a program is on the path.
pub(crate) fn have(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|paths| std::env::split_paths(&paths).any(|folder| folder.join(program).is_file()))
}

/// A folder for scratch work, in memory where there is such a place.
pub(crate) fn scratch() -> tempfile::TempDir {
    let mut builder = tempfile::Builder::new();
    builder.prefix("greffon-torture-");
    let made = match std::env::var_os("TMPDIR") {
        Some(_) => builder.tempdir(),
        None => builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir()),
    };
    made.expect("a scratch folder")
}

/// A command with nothing of the caller's environment but its path, and a home of its own.
pub(crate) fn clean(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("TMPDIR", home)
        .env("LC_ALL", "C.UTF-8")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null());
    command
}

/// Runs it to the end.
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("`{}` does not start: {error}", command.get_program().display()))
}

/// Runs it and ends this program with what it said when it fails.
pub(crate) fn must(command: &mut Command) {
    let output = output(command);
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
