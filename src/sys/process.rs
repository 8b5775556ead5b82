//! Other programs: started with an argument list and an environment that is spelled out, read to the end, and stopped with
//! everything they started when the time is up or the user says so.

mod offspring;

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;

/// Bytes of each output kept, unless told otherwise.
const KEPT: usize = 16 << 20;
/// The time between asking a program to end and ending it.
const GRACE: Duration = Duration::from_secs(2);

/// A program to be run. No shell is ever involved.
#[derive(Debug, Clone)]
pub struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    directory: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    input: Vec<u8>,
    most_output: usize,
    timeout: Option<Duration>,
    room: Option<(PathBuf, u64)>,
    grace: Duration,
    mark: Option<String>,
}

/// How a program ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The exit status; `None`: a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output, up to the limit.
    pub stdout: Vec<u8>,
    /// Standard error, up to the limit.
    pub stderr: Vec<u8>,
    /// Whether either was longer.
    pub truncated: bool,
}

impl Outcome {
    /// Whether it ended with status 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }

    /// `status 3` or `signal 9`, for messages.
    #[must_use]
    pub fn ending(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("status {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "an unknown status".to_owned(),
        }
    }
}

impl Program {
    /// A program by name or path, with an empty environment, no input, and no time limit but the context's.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            name: program.as_ref().to_owned(),
            arguments: Vec::new(),
            directory: None,
            environment: Vec::new(),
            input: Vec::new(),
            most_output: KEPT,
            timeout: None,
            room: None,
            grace: GRACE,
            mark: None,
        }
    }
    /// Adds an argument. Never a secret: every user of the machine can read them.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }
    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }
    /// Where it runs; else where greffon does.
    #[must_use]
    pub fn directory(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }
    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.retain(|(own, _)| own != name.as_ref());
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }
    /// Hands on those of our own variables that are set.
    #[must_use]
    pub fn inherit(mut self, names: &[&str]) -> Self {
        for name in names {
            if let Some(value) = std::env::var_os(name) {
                self = self.env(name, value);
            }
        }
        self
    }
    /// Hands on all of our own variables.
    #[must_use]
    pub fn inherit_all(mut self) -> Self {
        for (name, value) in std::env::vars_os() {
            self = self.env(name, value);
        }
        self
    }
    /// Leaves out variables by their names.
    #[must_use]
    pub fn without(mut self, unwanted: impl Fn(&str) -> bool) -> Self {
        self.environment.retain(|(name, _)| !name.to_str().is_some_and(&unwanted));
        self
    }
    /// What it reads.
    #[must_use]
    pub fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = bytes;
        self
    }
    /// Bytes of each output kept; the rest is read and dropped.
    #[must_use]
    pub fn most_output(mut self, bytes: usize) -> Self {
        self.most_output = bytes;
        self
    }
    /// It must end within this time.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// It must not fill a folder with more than these bytes. Looked at now and then while it runs.
    #[must_use]
    pub fn room(mut self, folder: &Path, bytes: u64) -> Self {
        self.room = Some((folder.to_owned(), bytes));
        self
    }

    /// The time it has to end by itself when it is told to.
    #[must_use]
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = time;
        self
    }

    /// Marks it, so that what it started is ended with it even where that left its parent and its group.
    #[must_use]
    pub fn marked(self) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mark = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self { mark: Some(mark.clone()), ..self.env(offspring::MARK, mark) }
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// `NotFound` when there is no such program, `Io` when it cannot be started, `Undecided` when its time was up, `Interrupted`.
    /// A program that ends with another status than 0 is no error here: see [`Outcome::code`].
    pub fn run(&self, cx: &Context) -> Result<Outcome> {
        cx.check()?;
        let mut child = self.start()?;
        // The reaper below is the only one who waits for it, so that the number cannot stand for another process meanwhile.
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let input = child.stdin.take().map(|mut pipe| {
            let bytes = self.input.clone();
            // A program that does not want its input may close it; that is its own business.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)))
        });
        let stdout = child.stdout.take().map(|pipe| Reader::start(pipe, self.most_output));
        let stderr = child.stderr.take().map(|pipe| Reader::start(pipe, self.most_output));
        let ended = self.wait(cx, &mut child);
        if ended.is_err() {
            stop(&mut child, group, self);
        }
        let status = ended?;
        drop(input);
        let (stdout, stderr) = (stdout.map(Reader::finish).unwrap_or_default(), stderr.map(Reader::finish).unwrap_or_default());
        Ok(Outcome { code: status.code(), signal: status.signal(), truncated: stdout.1 || stderr.1, stdout: stdout.0, stderr: stderr.0 })
    }

    fn start(&self) -> Result<Child> {
        #[allow(clippy::disallowed_methods, reason = "this is the file that runs programs")]
        let mut command = Command::new(&self.name);
        command.args(&self.arguments).env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command.spawn().map_err(|error| {
            let name = self.name.to_string_lossy();
            if error.kind() == std::io::ErrorKind::NotFound && self.directory.as_deref().is_none_or(Path::is_dir) {
                Error::new(ErrorKind::NotFound, format!("the program `{name}` is not installed, or not in `PATH`"))
            } else {
                Error::new(ErrorKind::Io, format!("could not run `{name}`")).caused_by(error)
            }
        })
    }

    fn wait(&self, cx: &Context, child: &mut Child) -> Result<std::process::ExitStatus> {
        let end = self.timeout.map(|time| Instant::now() + time);
        let mut pause = Duration::from_millis(1);
        let mut looks = 0_u32;
        loop {
            let name = || self.name.to_string_lossy();
            if let Some(status) = child.try_wait().map_err(|error| Error::new(ErrorKind::Io, format!("could not wait for `{}`", name())).caused_by(error))? {
                return Ok(status);
            }
            cx.check()?;
            if end.is_some_and(|end| Instant::now() >= end) {
                let seconds = self.timeout.unwrap_or_default().as_secs_f32();
                return Err(Error::new(ErrorKind::Undecided, format!("`{}` did not end within {seconds} s and was stopped", name())));
            }
            looks += 1;
            if let Some((folder, most)) = self.room.as_ref().filter(|_| looks.is_multiple_of(16))
                && size_of(folder) > *most
            {
                return Err(Error::new(ErrorKind::Undecided, format!("`{}` wrote more than {} MB and was stopped", name(), most >> 20)));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

/// The bytes of the files below a folder, as far as they can be seen.
fn size_of(folder: &Path) -> u64 {
    let (mut bytes, mut waiting) = (0, vec![folder.to_owned()]);
    while let Some(folder) = waiting.pop() {
        let Ok(listing) = fs_err::read_dir(&folder) else { continue };
        for entry in listing.flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => waiting.push(entry.path()),
                Ok(meta) => bytes += meta.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

/// Ends a program and what it started: first asked, then made to.
fn stop(child: &mut Child, group: Option<Pid>, program: &Program) {
    let marked = program.mark.as_deref().zip(i32::try_from(child.id()).ok());
    // Once it is gone nobody knows whom it started.
    let before = marked.map(|(mark, leader)| offspring::of(leader, mark)).unwrap_or_default();
    let signal = |signal| group.is_some_and(|group| kill_process_group(group, signal).is_ok());
    if signal(Signal::TERM) {
        let end = Instant::now() + program.grace;
        while Instant::now() < end && matches!(child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    // Also those of the group that outlived their leader.
    signal(Signal::KILL);
    if let Some((mark, leader)) = marked {
        offspring::end(leader, mark, &before);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads a pipe to its end, keeping only so much of it.
struct Reader {
    kept: Arc<Mutex<(Vec<u8>, bool)>>,
    thread: JoinHandle<()>,
}

impl Reader {
    fn start(mut pipe: impl Read + Send + 'static, most: usize) -> Self {
        let kept = Arc::new(Mutex::new((Vec::new(), false)));
        let own = Arc::clone(&kept);
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(count) = pipe.read(&mut buffer)
                && count > 0
            {
                let mut kept = own.lock().unwrap_or_else(PoisonError::into_inner);
                let room = most.saturating_sub(kept.0.len()).min(count);
                kept.0.extend_from_slice(&buffer[..room]);
                kept.1 |= room < count;
            }
        });
        Self { kept, thread }
    }

    /// What came. A process that was left running in the background may hold the pipe open; it is not waited for long.
    fn finish(self) -> (Vec<u8>, bool) {
        let end = Instant::now() + Duration::from_millis(500);
        while !self.thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether a process has this path among its words; nobody knows where there is no `/proc`.
#[cfg(test)]
pub(crate) fn lives(mark: &Path) -> bool {
    let mark = mark.display().to_string();
    let Ok(processes) = fs_err::read_dir("/proc") else { return false };
    processes.flatten().any(|process| fs_err::read(process.path().join("cmdline")).is_ok_and(|words| String::from_utf8_lossy(&words).contains(&mark)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program::new("/bin/sh").args(["-c", script]).inherit(&["PATH"])
    }

    #[test]
    fn input_output_status_and_environment() {
        let outcome = shell("cat; echo oops >&2; echo \"[$A][$HOME]\"; exit 3").input(b"in\n".to_vec()).env("A", "b").run(&Context::silent()).unwrap();
        assert_eq!((outcome.code, outcome.stdout.as_slice(), outcome.stderr.as_slice()), (Some(3), &b"in\n[b][]\n"[..], &b"oops\n"[..]));
        assert_eq!((outcome.ending().as_str(), outcome.is_success(), outcome.truncated), ("status 3", false, false));
        assert_eq!(shell("kill -9 $$").run(&Context::silent()).unwrap().ending(), "signal 9");
        assert_eq!(shell("pwd").directory(Path::new("/")).run(&Context::silent()).unwrap().stdout, b"/\n");
    }

    #[test]
    fn large_input_and_output_neither_block_nor_fill_memory() {
        let outcome = shell("cat").input(vec![b'x'; 3 << 20]).most_output(1000).run(&Context::silent()).unwrap();
        assert_eq!((outcome.stdout.len(), outcome.truncated), (1000, true));
        assert!(shell("exit 0").input(vec![b'x'; 3 << 20]).run(&Context::silent()).unwrap().is_success());
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Program::new("no-such-program").run(&Context::silent()).unwrap_err();
        assert!(error.kind() == ErrorKind::NotFound && error.message().contains("`no-such-program`"));
        let error = Program::new("/").run(&Context::silent()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
    }

    #[test]
    fn time_and_interrupts_end_it_with_everything_it_started() {
        let scratch = tempfile::tempdir().unwrap();
        let mark = scratch.path().join("mark");
        // The inner shell has the mark among its words as long as it lives.
        let script = format!("(sleep 300; echo > '{}') & sleep 300", mark.display());
        let gone = || {
            let end = Instant::now() + Duration::from_secs(60);
            while lives(&mark) {
                assert!(Instant::now() < end, "somebody lived on");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        let begun = Instant::now();
        let error = shell(&script).timeout(Duration::from_millis(100)).run(&Context::silent()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Undecided);
        let cx = Context::silent();
        let flag = cx.cancel().clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            flag.set();
        });
        assert_eq!(shell(&script).run(&cx).unwrap_err().kind(), ErrorKind::Interrupted);
        assert!(begun.elapsed() < Duration::from_secs(60));
        gone();
        // Those that leave the group, and those that leave their parent too:
        if PathBuf::from("/proc/self/environ").is_file() && PathBuf::from("/usr/bin/setsid").is_file() {
            for script in ["setsid sh -c \"sleep 300; echo > 'MARK'\" & sleep 300", "(setsid sh -c \"(sleep 300; echo > 'MARK') &\") & sleep 0.05; sleep 300"] {
                shell(&script.replace("MARK", &mark.display().to_string()))
                    .marked()
                    .grace(Duration::from_millis(50))
                    .timeout(Duration::from_millis(200))
                    .run(&Context::silent())
                    .unwrap_err();
            }
            gone();
        }
        // One that will not listen:
        let begun = Instant::now();
        shell("trap '' TERM; while :; do sleep 0.1; done").timeout(Duration::from_millis(100)).run(&Context::silent()).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}
