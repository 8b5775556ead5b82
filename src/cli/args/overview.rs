//! What `greffon help` shows: the commands in the groups that people look for them in.

use std::fmt::Write as _;

/// Heading and commands, in the order shown.
pub(super) const GROUPS: &[(&str, &[&str])] = &[
    ("Start", &["init", "adopt", "trust", "doctor", "completions"]),
    ("Change what is wanted", &["add", "remove", "install", "uninstall", "update", "lock", "fix", "patch"]),
    ("Make it so", &["fetch", "plan", "sync", "recover", "build", "forget"]),
    ("See", &["status", "verify", "list", "tree", "why", "show", "search", "outdated", "upgrade-check"]),
    ("Go back", &["history", "diff", "rollback", "saved"]),
    ("Stock, repositories, extensions", &["stock", "repo", "extension"]),
    ("Other tools' files", &["import", "convert"]),
];

const EXIT: &str = "\x1b[1mExit status:\x1b[0m
  0 fine · 1 failed · 2 wrong usage · 3 something to do (`lock --check`, a held site, `--exit-code`) · 130 interrupted
";

const EXAMPLES: &str = super::examples!(
    "greffon init                                  write a greffon.toml to begin with",
    "greffon install plugins/mod_attendance        want it, lock it, put it into the site",
    "greffon plan                                  what a sync would do",
    "greffon sync --all                            make every site as its manifest says",
    "greffon rollback                              the generation before this one",
    "greffon help sync                             everything about one command",
);

/// Gives the command the grouped overview as its help text.
pub(super) fn install(command: clap::Command) -> clap::Command {
    let groups = groups(&command);
    command
        .help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}\x1b[1mOptions:\x1b[0m\n{{options}}\n\n{EXAMPLES}\n{EXIT}\nEvery command has examples: `greffon help COMMAND`.\n"
        ))
        .override_usage("greffon [OPTIONS] COMMAND")
}

fn groups(command: &clap::Command) -> String {
    let width = GROUPS.iter().flat_map(|(_, names)| names.iter()).map(|name| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (heading, names) in GROUPS {
        let _ = writeln!(text, "\x1b[1m{heading}:\x1b[0m");
        for name in *names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about).map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  \x1b[1;36m{name:width$}\x1b[0m  {about}");
        }
        text.push('\n');
    }
    text
}
