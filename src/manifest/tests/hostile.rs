//! Texts made to hurt: no panic, no overflow, an answer at once (threat T29); on a busy machine that may be seconds.

use std::time::{Duration, Instant};

use super::parse;
use crate::diagnostic::render;

/// Fails to read, quickly; the test thread's stack is the usual small one.
fn refused(what: &str, text: &str) {
    let start = Instant::now();
    let error = parse(text).expect_err(what);
    let shown = render(&error, true, 100);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "{what} took {took:?}");
    assert!(shown.len() < 64 << 10, "{what}: {} bytes of message", shown.len());
    assert!(!shown.replace("\u{1b}[", "").contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{what}");
}

#[test]
fn long_things() {
    let long = "k".repeat(10 << 20);
    refused("a key of 10 MB", &format!("[types.plugins]\n{long} = \"1\"\n"));
    refused("a key of 3 MB", &format!("[types.plugins]\n{} = \"1\"\n", &long[..3 << 20]));
    refused("an unknown key of 3 MB", &format!("{} = \"1\"\n", &long[..3 << 20]));
    refused("a value of 3 MB", &format!("requires-greffon = \"{}\"\n", &long[..3 << 20]));
}

#[test]
fn many_things() {
    refused("many unknown keys", &(0..100_000).map(|n| format!("k{n} = 1")).collect::<Vec<_>>().join("\n"));
    refused("many syntax errors", &"= 1\n".repeat(60_000));
    refused("many duplicates", &"a = 1\n".repeat(40_000));
    refused("many unclosed quotes", &"a = \"\n".repeat(100_000));
}

#[test]
fn deep_things() {
    for depth in [40, 100_000] {
        refused("lists", &format!("hooks = {}", "[".repeat(depth)));
        refused("closed lists", &format!("hooks = {}{}", "[".repeat(depth), "]".repeat(depth)));
        refused("tables", &format!("hooks = {}", "{a=".repeat(depth)));
        refused("dotted keys", &format!("{}a = 1", "a.".repeat(depth)));
        refused("headers", &format!("[{}a]", "a.".repeat(depth)));
        refused("headers after a quote", &format!("x = \"\n[{}a]", "a.".repeat(depth)));
        refused("both", &format!("hooks = {}", format!("{{{}a=", "a.".repeat(30)).repeat(depth.min(2000))));
    }
}

#[test]
fn odd_bytes() {
    refused("NUL", "types\0 = 1\n");
    refused("NUL in a value", "requires-greffon = \"a\0b\"\n");
    refused("a lone carriage return", "a = 1\rb = 2\n");
    refused("an escape", "[types.plugins]\n\"\u{1b}[31m\" = \"1\"\n");
    refused("an escaped escape", "[types.plugins]\n\"\\u001b[31m\" = \"1\"\n");
    refused("bidi", "[types.plugins]\n\"a\u{202e}b\" = \"1\"\n");
    refused("two byte order marks", "\u{feff}\u{feff}a = 1\n");
}
