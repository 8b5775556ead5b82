//! Hostile addresses and names: none is ever an option or a program.

use super::*;

/// Addresses and names that would be options or programs to somebody who is not careful.
const HOSTILE: &[&str] = &[
    "-u",
    "--upload-pack=touch pwned",
    "-oProxyCommand=touch pwned",
    "--config=core.sshCommand=touch pwned",
    "ext::sh -c touch% pwned",
    "ext::touch pwned",
    "fd::17",
    "transport::touch",
    "ssh://-oProxyCommand=touch%20pwned/x",
    "ssh://user@-oProxyCommand=touch/x",
    "ssh://%2DoProxyCommand=touch/x",
    "ssh://$(touch pwned)/x",
    "ssh://`touch pwned`/x",
    "host:--upload-pack=touch pwned",
    "-x@host:path",
    "user@-oProxyCommand=touch:path",
    "$(touch pwned):x",
    "a;touch pwned:x",
    "git://127.0.0.1:9/x",
    "foo://bar/baz",
    "file://other/x",
    "https://-host/x",
    "\\u0000",
    "a\\nb:c",
];

/// Every program that was started with a hostile word, where strace can tell.
fn started_with(breaking: &str) -> Option<Vec<String>> {
    let usable = Command::new("strace").args(["-qq", "-f", "-o", "/dev/null", "-e", "trace=execve", "true"]).output();
    if !usable.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let shop = Shop::new();
    shop.git_plugin("g", &["1.0.0"]);
    let served = shop.env.root().join("served/g.git");
    let log = shop.env.root().join("execve");
    let mut found = Vec::new();
    let mut run = |text: &str, word: &str, what: &str| {
        shop.env.write("greffon.toml", format!("{INSTALLER}[config.git]\ntransport = \"cli\"\n[types.plugins]\n{text}\n{ONE}"));
        let plain = shop.env.greffon(["update"]).env("GREFFON_BREAK", breaking).command();
        let mut traced = Command::new("strace");
        traced.args(["-qq", "-f", "--seccomp-bpf", "-s", "4096", "-e", "trace=execve", "-o"]).arg(&log).arg("--");
        traced.arg(plain.get_program()).args(plain.get_args()).current_dir(shop.env.work()).env_clear().stdin(Stdio::null());
        for (name, value) in plain.get_envs() {
            if let Some(value) = value {
                traced.env(name, value);
            }
        }
        let output = traced.output().expect("strace runs");
        assert!(output.status.code().is_some(), "{what}");
        for line in String::from_utf8_lossy(&std::fs::read(&log).expect("a log")).lines().filter(|line| !line.contains("= -1 ")) {
            let Some(program) = line.split("execve(\"").nth(1).and_then(|rest| rest.split('"').next()) else { continue };
            let name = program.rsplit('/').next().unwrap_or(program);
            let own = name == "greffon" || name == "git" || name.starts_with("git-") || name == "ssh";
            // How git itself reaches a folder of this machine.
            let known = own || name == "sh" && line.contains("\"git-upload-pack '/");
            let arguments = line.split_once('[').map_or("", |(_, rest)| rest);
            // What stands behind `--end-of-options` is no option.
            let options = arguments.split("\"--end-of-options\"").next().unwrap_or_default();
            let words = [word.to_owned(), word.replace('\\', "\\\\")];
            if !known
                || name != "greffon" && words.iter().any(|word| options.contains(&format!("\"{word}\"")))
                || (word.len() > 2 && name != "greffon" && words.iter().any(|word| arguments.contains(&format!("\"{word}\""))))
            {
                found.push(format!("{what}: {line}"));
            }
        }
        for folder in [shop.env.work(), shop.env.root().to_owned(), served.clone()] {
            assert!(!folder.join("pwned").exists(), "{what}");
        }
    };
    for word in HOSTILE {
        run(&format!("x = {{ git = \"{word}\" }}"), word, &format!("the address `{word}`"));
    }
    for word in ["-u", "--upload-pack=touch pwned", "x\\ny", "refs/heads/../x", "a b", "main:refs/heads/y", "^main", "+main"] {
        for key in ["branch", "tag", "commit"] {
            run(&format!("x = {{ git = \"{}\", {key} = \"{word}\" }}", served.display()), word, &format!("the {key} `{word}`"));
        }
    }
    Some(found)
}

#[test]
fn no_address_is_an_option_or_a_program() {
    match started_with("") {
        Some(found) => assert_eq!(found, Vec::<String>::new()),
        None => eprintln!("skipped: strace is not here, or may not trace"),
    }
}

#[test]
fn an_address_that_is_handed_on_unread_is_seen() {
    if let Some(found) = started_with("address") {
        assert!(!found.is_empty());
    }
}
