//! Recorded texts: what an error looks like.

use std::path::PathBuf;

use snapbox::{assert_data_eq, str};

use super::{render, to_json};
use crate::error::{Error, ErrorKind, Excerpt};

fn excerpt(text: &str, part: &str, label: &str) -> Excerpt {
    let start = text.find(part).expect("the part is in the text");
    Excerpt { path: PathBuf::from("greffon.toml"), text: text.to_owned(), span: start..start + part.len(), label: label.to_owned() }
}

const TEXT: &str = "# plugins\n[types.plugins]\nmod_a = { verison = \"1\" }\r\nmod_b = \"*\"\n";

#[test]
fn everything_an_error_carries_is_shown_in_order() {
    let error = Error::new(ErrorKind::Manifest, "unknown key `verison`")
        .at(excerpt(TEXT, "verison", "not a key of an element"))
        .note("elements have `version`, `git` and more")
        .hint("did you mean `version`?")
        .caused_by(std::io::Error::other("the disk is tired"));
    assert_data_eq!(
        render(&error, false, 100),
        str![[r#"
error: unknown key `verison`
 --> greffon.toml:3:11
  |
3 | mod_a = { verison = "1" }
  |           ^^^^^^^ not a key of an element
  = elements have `version`, `git` and more
caused by: the disk is tired

hint: did you mean `version`?

"#]]
    );
}

#[test]
fn two_places_and_two_errors() {
    let first = Error::new(ErrorKind::Manifest, "two at one place").at(excerpt(TEXT, "mod_a", "here")).at(excerpt(TEXT, "mod_b", "and here"));
    let second = Error::new(ErrorKind::Manifest, "another").hint("mend it");
    let error = Error::all(vec![first, second]).expect("two errors");
    assert_data_eq!(
        render(&error, false, 100),
        str![[r#"
error: two at one place
 --> greffon.toml:3:1
  |
3 | mod_a = { verison = "1" }
  | ^^^^^ here
  |
 ::: greffon.toml:4:1
  |
4 | mod_b = "*"
  | ^^^^^ and here

error: another

hint: mend it

"#]]
    );
}

#[test]
fn a_cause_that_repeats_is_told_once() {
    let inner = Error::new(ErrorKind::Io, "could not read `x`").caused_by(std::io::Error::other("no such file"));
    let error = Error::new(ErrorKind::Io, "could not read `x`").caused_by(inner);
    assert_eq!(render(&error, false, 80), "error: could not read `x`\ncaused by: no such file\n");
}

#[test]
fn no_control_character_gets_through() {
    let hostile = "a\u{1b}[31mb\rc\u{7}d\u{202e}e\u{9b}f\0";
    let text = format!("key = \"{hostile}\"\n");
    let error = Error::new(ErrorKind::Invalid, hostile)
        .at(Excerpt { path: PathBuf::from(hostile), text: text.clone(), span: 0..text.len(), label: hostile.to_owned() })
        .note(hostile)
        .hint(hostile)
        .caused_by(std::io::Error::other(format!("cause {hostile}")));
    let shown = render(&error, false, 100);
    let bad = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
    assert!(!shown.contains(bad), "{shown:?}");
    assert!(shown.contains(r"a\u{1b}[31mb\rc\u{7}d\u{202e}e\u{9b}f\0"), "{shown}");

    let colored = render(&error, true, 100);
    let own = colored.replace("\u{1b}[", "");
    assert!(!own.contains(bad), "only colour codes may remain: {own:?}");
    assert!(colored.contains("\u{1b}[1;91merror"));
}

#[test]
fn a_line_of_a_million_characters_is_shown_around_its_mark() {
    let text = format!("{}HERE{}", "x".repeat(1_000_000), "y".repeat(1_000_000));
    let error = Error::new(ErrorKind::Manifest, "long").at(excerpt(&text, "HERE", ""));
    let shown = render(&error, false, 100);
    assert!(shown.len() < 2_000, "{} bytes", shown.len());
    assert!(shown.contains("HERE"));
}

#[test]
fn marks_outside_the_text_or_inside_a_letter_do_no_harm() {
    for (start, end) in [(0, 0), (5, 900), (900, 901), (1, 2), (3, 1)] {
        let span = std::ops::Range { start, end };
        let error = Error::new(ErrorKind::Manifest, "odd").at(Excerpt { path: PathBuf::from("f"), text: "äöü\n".to_owned(), span, label: String::new() });
        assert!(render(&error, true, 10).starts_with("\u{1b}[1;91merror"));
    }
}

#[test]
fn as_json() {
    let error = Error::all(vec![
        Error::new(ErrorKind::LocalChanges, "files were changed").at(excerpt(TEXT, "mod_b", "this")).hint("save them"),
        Error::new(ErrorKind::Io, "second").caused_by(std::io::Error::other("why")),
    ])
    .expect("two errors");
    assert_eq!(
        to_json(&error),
        serde_json::json!({
            "schema": "greffon/error/1",
            "kind": "local-changes",
            "message": "files were changed",
            "places": [{ "file": "greffon.toml", "line": 4, "column": 1, "label": "this" }],
            "notes": [],
            "causes": [],
            "hints": ["save them"],
            "fixes": [],
            "others": [{ "kind": "io", "message": "second", "places": [], "notes": [], "causes": ["why"], "hints": [], "fixes": [], "others": [] }],
        })
    );
}
