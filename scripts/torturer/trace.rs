//! strace: which system calls of a run change something, and a run in which one of them is the last or fails.

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::program::{have, output};

/// Calls that change names, contents, modes or what is on disk. `openat` is among them for the files it makes.
const CHANGING: &str = "?open,openat,?openat2,?creat,?rename,?renameat,renameat2,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,?link,linkat,?symlink,\
    symlinkat,?chmod,fchmod,fchmodat,?fchmodat2,?chown,fchown,?lchown,fchownat,truncate,ftruncate,?fallocate,write,pwrite64,writev,pwritev,\
    ?copy_file_range,?sendfile,ioctl,fsync,fdatasync,syncfs,msync,utimensat,setxattr,fsetxattr";

/// One changing call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// Its number among those of its name in its thread.
    pub(crate) nth: usize,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.nth)
    }
}

/// What a run did.
pub(crate) struct Seen {
    /// The changing calls of the thread that made most of them, in order.
    pub(crate) calls: Vec<Call>,
    /// How many other threads made.
    pub(crate) elsewhere: usize,
}

/// Why strace cannot be used, if so.
pub(crate) fn missing() -> Option<&'static str> {
    if !have("strace") {
        return Some("there is no `strace`");
    }
    let works = Command::new("strace").args(["-qq", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fsync", "true"]).output();
    (!works.is_ok_and(|output| output.status.success())).then_some("`strace` may not trace here")
}

/// A command under strace, on one processor: so the site's crew is one thread, and the calls come in the same order each time.
fn traced(strace: &[&str], command: &Command) -> Command {
    let mut traced = if have("taskset") {
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", &processor()]).arg("strace");
        pinned
    } else {
        Command::new("strace")
    };
    traced.args(["-f", "-qq"]).args(strace).arg("--").arg(command.get_program()).args(command.get_args());
    traced.env_clear().stdin(std::process::Stdio::null());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            traced.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        traced.current_dir(folder);
    }
    traced
}

/// The last processor that this process may use.
fn processor() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or("0").trim().to_owned();
    list.rsplit([',', '-']).next().unwrap_or("0").to_owned()
}

/// Runs the command, which must succeed, and lists the calls that change something below a folder.
pub(crate) fn watch(command: &Command, below: &Path, log: &Path) -> Seen {
    let (seen, done) = listed(command, below, log);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    seen
}

/// The same, however the command ends.
pub(crate) fn look(command: &Command, below: &Path, log: &Path) -> Seen {
    listed(command, below, log).0
}

fn listed(command: &Command, below: &Path, log: &Path) -> (Seen, Output) {
    let log_text = log.to_str().expect("UTF-8");
    let trace = format!("trace={CHANGING}");
    let done = output(&mut traced(&["--seccomp-bpf", "-y", "-s", "256", "-o", log_text, "-e", &trace], command));
    let below = below.to_str().expect("UTF-8");
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    let mut found: HashMap<String, Vec<Call>> = HashMap::new();
    for line in String::from_utf8_lossy(&std::fs::read(log).expect("the log")).lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if rest.starts_with(['<', '+', '-']) {
            continue;
        }
        let Some((name, arguments)) = rest.split_once('(') else { continue };
        let nth = counts.entry((thread.to_owned(), name.to_owned())).or_default();
        *nth += 1;
        // What is written may hold a path; where it is written to stands first.
        let arguments = if name.contains("write") { arguments.split(',').next().unwrap_or_default() } else { arguments };
        let changes = match name {
            "open" | "openat" | "openat2" => arguments.contains("O_CREAT") || arguments.contains("O_TRUNC"),
            "ioctl" => arguments.contains("FICLONE"),
            _ => true,
        };
        if changes && arguments.contains(below) {
            found.entry(thread.to_owned()).or_default().push(Call { name: name.to_owned(), nth: *nth });
        }
    }
    let all: usize = found.values().map(Vec::len).sum();
    let calls = found.into_values().max_by_key(Vec::len).unwrap_or_default();
    (Seen { elsewhere: all - calls.len(), calls }, done)
}

/// Runs the command until a call, which never happens. Gives whether it got there.
pub(crate) fn kill(command: &Command, call: &Call) -> bool {
    // strace counts each name for itself. Without --seccomp-bpf, which lets no signal be injected (strace 6.1).
    let (trace, inject) = (format!("trace={}", call.name), format!("inject={}:signal=SIGKILL:when={}", call.name, call.nth));
    let status = output(&mut traced(&["-o", "/dev/null", "-e", &trace, "-e", &inject], command)).status;
    status.signal() == Some(9) || status.code() == Some(137)
}

/// Runs the command with one call failing (`onwards`: and all later ones of its name).
pub(crate) fn fail(command: &Command, call: &Call, code: &str, onwards: bool) -> Output {
    let (trace, plus) = (format!("trace={}", call.name), if onwards { "+" } else { "" });
    let inject = format!("inject={}:error={code}:when={}{plus}", call.name, call.nth);
    output(&mut traced(&["--seccomp-bpf", "-o", "/dev/null", "-e", &trace, "-e", &inject], command))
}
