//! `process`: granted programs, by an argument list.

use std::ffi::OsString;
use std::time::Duration;

use rhai::{Array, Dynamic, ImmutableString, Map};

use super::options::Options;
use super::secret::{Secret, revealed};
use super::{Function, HostModule, Registrar};
use crate::error::{Error, ErrorKind, Result};
use crate::script::Kind;
use crate::script::call::Call;
use crate::sys::fs::ground::acting_as;
use crate::sys::process::{Outcome, Program};
use crate::sys::{hide_secrets, redact};

pub(super) const MODULE: HostModule = HostModule {
    name: "process",
    about: "Granted programs, by a list of arguments: no shell is involved. A program gets `PATH`, `HOME`, `USER`, `LANG`, `LC_ALL` and `TZ` of \
            greffon's environment and what `env` adds; a variable that decides what is loaded or run (`PATH`, `LD_…`, `PYTHONPATH`, \
            `GIT_SSH_COMMAND`, …) cannot be set. It ends at the latest with the call's budget `waiting`, or when the user stops greffon, \
            together with what it started; what it leaves in the background when it ends by itself goes on. Where it repeats a secret, `***` is read. Arguments can be read by every user of the machine, so a secret cannot be one: give it by `input` or \
            `env`. With `run-as` of a hook it is run as that user (`runuser`, else `sudo -n`), but for the programs of the hook's `as-self`.\n\n\
            Options: `cwd` (a path that may be read), `env` (a map), `input` (a text or a secret), `timeout` (seconds), `check: true` (another \
            status than 0 is an error that shows the last lines of what it said), `max_output` (bytes of each output kept, 1 MiB unless told \
            otherwise).",
    needs: &[Kind::Run],
    functions: &[
        Function { signature: "run(argv) -> #{ code, ok, stdout, stderr, truncated }", about: "runs it to its end; `code` is `()` where a signal ended it" },
        Function { signature: "run(argv, options) -> #{ code, ok, stdout, stderr, truncated }", about: "the same with options" },
    ],
    example: "let said = process::run([\"echo\", \"hello\"], #{ check: true, timeout: 30 });\nlog::info(said.stdout.trimmed());",
    register,
};

const KEYS: [&str; 6] = ["cwd", "env", "input", "timeout", "check", "max_output"];
const USUAL: u64 = 1 << 20;
const LARGEST: u64 = 16 << 20;
/// A program has so long to end when its time is up.
const GRACE: Duration = Duration::from_millis(800);
/// Handed on from greffon's own environment.
const INHERITED: [&str; 6] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ"];

fn register(module: &mut Registrar) {
    module.one("run", |call, argv: Array| run(call, &argv, &Options::none("run")));
    module.two("run", |call, argv: Array, options: Map| run(call, &argv, &Options::read("run", options, &KEYS)?));
}

fn run(call: &Call, argv: &Array, options: &Options) -> Result<Map> {
    let argv = arguments(argv)?;
    let (name, arguments) = argv.split_first().ok_or_else(|| Error::new(ErrorKind::Invalid, "the list of arguments begins with the program's name"))?;
    call.allowed().may_run(name)?;
    // A path is seen from the manifest's folder, whatever folder it runs in.
    let found = if name.contains('/') { call.allowed().whole(name).map(std::path::PathBuf::into_os_string) } else { Some(name.into()) };
    let found = found.ok_or_else(|| call.allowed().refusal(Kind::Run, name))?;
    let variables = variables(options)?;
    let mut program = match other_user(call, name)? {
        None => Program::new(found).args(arguments),
        Some(user) if acting_as().0 == 0 => Program::new("runuser").args(["-u", user, "--"]).arg(found).args(arguments),
        Some(user) => {
            let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
            let keep = format!("--preserve-env={}", names.join(","));
            Program::new("sudo").args(["-n", &keep, "-u", user, "--"]).arg(found).args(arguments)
        }
    };
    program = program.inherit(&INHERITED).env("PATH", search_path()).grace(GRACE).marked();
    for (name, value) in &variables {
        program = program.env(name, value);
    }
    let folder = match options.text("cwd")? {
        Some(folder) => call.allowed().may_read(&folder)?,
        None => call.base().to_owned(),
    };
    program = program.directory(&folder);
    if let Some(input) = options.revealed("input")? {
        program = program.input(input.into_bytes());
    }
    if let Some(seconds) = options.count("timeout")? {
        program = program.timeout(Duration::from_secs(seconds.min(1 << 30)));
    }
    program = program.most_output(options.count("max_output")?.unwrap_or(USUAL).min(LARGEST) as usize);
    let outcome = match call.watch().and_then(|watch| watch.program(&argv)) {
        Some(staged) => staged?,
        None => call.wait(|cx| program.run(cx))?,
    };
    if options.truth("check")?.unwrap_or(false) && !outcome.is_success() {
        return Err(failed(name, &outcome));
    }
    Ok(told(&outcome))
}

fn arguments(argv: &Array) -> Result<Vec<String>> {
    argv.iter()
        .map(|one| match revealed(one) {
            _ if one.is::<Secret>() => {
                Err(Error::new(ErrorKind::Refused, "a secret cannot be an argument: every user of the machine can read them")
                    .hint("give it by `input` or `env`"))
            }
            Some(text) if !text.contains('\0') => Ok(text),
            _ => Err(Error::new(ErrorKind::Invalid, "arguments are texts and numbers")),
        })
        .collect()
}

fn variables(options: &Options) -> Result<Vec<(String, String)>> {
    let variables = options.pairs("env")?;
    for (name, value) in &variables {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !value.contains('\0');
        if !plain || decides(name) {
            return Err(Error::new(ErrorKind::Refused, format!("the variable `{}` cannot be set", name.escape_debug())));
        }
    }
    Ok(variables)
}

/// Variables that decide which program is run, or what is loaded into it: another than the granted one.
const DECIDING: [&str; 39] = [
    "PATH",
    "IFS",
    "ENV",
    "BASH_ENV",
    "SHELLOPTS",
    "BASHOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PERLLIB",
    "PERL5LIB",
    "PERL5OPT",
    "PERL5DB",
    "RUBYOPT",
    "RUBYLIB",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "CLASSPATH",
    "PAGER",
    "EDITOR",
    "VISUAL",
    "BROWSER",
    "LESSOPEN",
    "LESSCLOSE",
    "SSH_ASKPASS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_ASKPASS",
];

fn decides(name: &str) -> bool {
    let families = ["LD_", "DYLD_", "GIT_CONFIG", "GIT_PAGER", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_PROXY_COMMAND", "GIT_TEMPLATE_DIR"];
    DECIDING.contains(&name) || families.iter().any(|family| name.starts_with(family))
}

/// Where programs are looked for: an entry that is seen from the folder it runs in would find another there than was granted.
fn search_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::env::split_paths(&path).filter(|entry| entry.is_absolute())).unwrap_or_default()
}

/// Whom a hook's programs run as, where that is somebody else.
fn other_user<'a>(call: &'a Call, program: &str) -> Result<Option<&'a str>> {
    let facts = call.facts();
    let Some(user) = facts.run_as.as_deref().filter(|_| !facts.as_self.iter().any(|own| own == program)) else { return Ok(None) };
    let asked = call.wait(|cx| Program::new("id").args(["-u", "--", user]).inherit(&INHERITED).run(cx))?;
    let Some(number) = String::from_utf8_lossy(&asked.stdout).trim().parse::<u32>().ok().filter(|_| asked.is_success()) else {
        return Err(
            Error::new(ErrorKind::NotFound, format!("there is no user `{}` on this machine", user.escape_debug())).hint("it is named by `run-as` of the hook")
        );
    };
    Ok((number != acting_as().0).then_some(user))
}

/// What a program said; a secret that it was given and repeats stays one.
fn text(bytes: &[u8]) -> ImmutableString {
    hide_secrets(&String::from_utf8_lossy(bytes)).into()
}

fn told(outcome: &Outcome) -> Map {
    let mut map = Map::new();
    map.insert("code".into(), outcome.code.map_or(Dynamic::UNIT, |code| i64::from(code).into()));
    map.insert("ok".into(), outcome.is_success().into());
    map.insert("stdout".into(), text(&outcome.stdout).into());
    map.insert("stderr".into(), text(&outcome.stderr).into());
    map.insert("truncated".into(), outcome.truncated.into());
    map
}

fn failed(name: &str, outcome: &Outcome) -> Error {
    let mut error = Error::new(ErrorKind::Extension, format!("`{}` ended with {}", redact(name), outcome.ending()));
    let said = if outcome.stderr.trim_ascii().is_empty() { &outcome.stdout } else { &outcome.stderr };
    let said = hide_secrets(&String::from_utf8_lossy(said));
    let lines: Vec<&str> = said.trim().lines().collect();
    for line in &lines[lines.len().saturating_sub(5)..] {
        error = error.note(line.chars().filter(|c| !c.is_control()).take(300).collect::<String>());
    }
    error
}
