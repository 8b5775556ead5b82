use std::collections::BTreeSet;

use super::*;

#[test]
fn the_tree_is_sound() {
    command().debug_assert();
}

#[test]
fn every_command_stands_in_exactly_one_group() {
    let grouped: Vec<&str> = overview::GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    let set: BTreeSet<&str> = grouped.iter().copied().collect();
    assert_eq!(set.len(), grouped.len(), "a command is grouped twice");
    let tree = command();
    let known: BTreeSet<&str> = tree.get_subcommands().map(clap::Command::get_name).collect();
    assert_eq!(known, set);
}

/// The words of an example as a shell would split them; two spaces end the command and begin its remark.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                if line[at..].starts_with("  ") {
                    return words;
                }
            }
            '>' if !quoted && word.is_empty() => return words,
            _ => word.push(c),
        }
    }
    words.push(word);
    words
}

fn check_examples(command: &clap::Command, seen: &mut usize) {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let name = command.get_name();
    assert!(after.contains("Examples:"), "`{name}` has no examples");
    for line in after.lines().filter_map(|line| line.trim_start().strip_prefix("greffon ").map(|_| line.trim())) {
        let words = words(line);
        if let Err(error) = super::command().try_get_matches_from(&words) {
            panic!("the example `{line}` of `{name}` is refused: {error}");
        }
        *seen += 1;
    }
    for sub in command.get_subcommands() {
        check_examples(sub, seen);
    }
}

#[test]
fn every_example_of_every_command_parses() {
    let mut seen = 0;
    for sub in command().get_subcommands() {
        check_examples(sub, &mut seen);
    }
    assert!(seen > 55, "only {seen} examples were found");
}

#[test]
fn an_example_that_is_wrong_would_be_seen() {
    assert!(command().try_get_matches_from(words("greffon sync --no-such-flag")).is_err());
    assert_eq!(words("greffon add 'a b'   remark"), ["greffon", "add", "a b"]);
}

#[test]
fn global_flags_stand_before_and_behind_the_command() {
    for line in ["greffon --json -C /x --site a status", "greffon status --site a --json -C /x"] {
        let cli = Cli::try_parse_from(words(line)).expect(line);
        let globals = crate::command::Globals::from(cli.globals);
        assert!(globals.json, "{line}");
        assert_eq!(globals.sites, ["a"], "{line}");
        assert_eq!(globals.directory.as_deref(), Some(std::path::Path::new("/x")), "{line}");
    }
}

#[test]
fn flags_that_exclude_each_other_are_refused() {
    for line in [
        "greffon sync --all --site a",
        "greffon lock --refresh --offline",
        "greffon add plugins/x --git u --path p",
        "greffon add plugins/x --tag v1",
        "greffon update --to 2",
        "greffon sync --max-fail 0",
        "greffon sync --link-mode symlink",
        "greffon lock --like prod",
        "greffon add plugins/x --git u --version 1",
        "greffon repo yank d packages/x@1",
        "greffon status -q -v",
    ] {
        assert!(Cli::try_parse_from(words(line)).is_err(), "`{line}` was accepted");
    }
}

#[test]
fn no_command_hides_a_global_flag_behind_an_argument_of_its_own() {
    fn check(command: &clap::Command, globals: &BTreeSet<String>) {
        for argument in command.get_arguments() {
            assert!(!globals.contains(argument.get_id().as_str()), "`{}` of `{}` is also a global flag", argument.get_id(), command.get_name());
        }
        command.get_subcommands().for_each(|sub| check(sub, globals));
    }
    let tree = command();
    let globals = tree.get_arguments().filter(|argument| argument.is_global_set()).map(|argument| argument.get_id().to_string()).collect();
    tree.get_subcommands().for_each(|sub| check(sub, &globals));
}
