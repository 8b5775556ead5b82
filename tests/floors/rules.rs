//! The rules, as tables.

use super::code::Source;

/// No file is longer.
pub(crate) const LONGEST: usize = 500;

/// Which floor a module of `src/` stands on.
const FLOORS: &[(&str, u8)] = &[
    ("error", 0),
    ("model", 0),
    ("version", 0),
    ("diagnostic", 1),
    ("manifest", 1),
    ("roles", 1),
    ("sys", 1),
    ("site", 2),
    ("solve", 2),
    ("builtin", 3),
    ("native", 3),
    ("script", 3),
    ("registry", 4),
    ("command", 5),
    ("cli", 6),
    ("main", 7),
];

/// The modules of a floor up to this one may know each other; above it each module stands alone.
const SHARED: u8 = 1;

/// Who alone may use what: the folders, and what may be used elsewhere all the same.
const ALONE: &[(&[&str], &[&str])] = &[
    (&["std", "fs"], &["src/sys/"]),
    (&["fs_err"], &["src/sys/"]),
    (&["std", "net"], &["src/sys/"]),
    (&["std", "process"], &["src/sys/", "src/cli/", "src/main.rs"]),
    (&["git2"], &["src/sys/"]),
    (&["reqwest"], &["src/sys/"]),
    (&["rustix"], &["src/sys/"]),
    (&["zip"], &["src/sys/"]),
    (&["tar"], &["src/sys/"]),
    (&["resolvo"], &["src/solve/"]),
    (&["clap"], &["src/cli/"]),
    (&["indicatif"], &["src/cli/"]),
    (&["dialoguer"], &["src/cli/"]),
    (&["annotate_snippets"], &["src/diagnostic/"]),
    (&["toml_edit"], &["src/manifest/"]),
];

const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Where `unsafe` may stand, each with its reason in the file.
const UNSAFE: &[&str] = &["src/native/raw/", "src/sys/git/transport.rs"];

/// Everything that is wrong with a file, a line each.
pub(crate) fn faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    if source.lines > LONGEST {
        faults.push(format!("{}: {} lines are more than {LONGEST}: split it by idea", source.path, source.lines));
    }
    if source.path == "src/lib.rs" {
        return faults;
    }
    let own = source.modules.first().map(String::as_str).unwrap_or_default();
    let Some(floor) = floor_of(own) else {
        faults.push(format!("{}: `{own}` has no floor: name it in tests/floors/rules.rs", source.path));
        return faults;
    };
    for (line, target) in imports(source) {
        let fine = match floor_of(&target) {
            Some(other) => target == own || other < floor || (other == floor && floor <= SHARED),
            None => true,
        };
        if !fine {
            faults.push(format!("{}:{line}: `{own}` (floor {floor}) must not know `{target}` (floor {})", source.path, floor_of(&target).unwrap_or(u8::MAX)));
        }
    }
    faults.extend(strangers(source));
    faults
}

fn floor_of(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// The modules of the crate's root that a file names, with the line.
fn imports(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, (_, word)) in source.words.iter().enumerate() {
        match word.as_str() {
            "crate" if is(source, at + 1, "::") => heads(source, at + 2, &mut found),
            "super" if at == 0 || !is(source, at - 1, "::") => {
                let mut end = at;
                while is(source, end, "super") && is(source, end + 1, "::") {
                    end += 2;
                }
                if (end - at) / 2 == source.modules.len() {
                    heads(source, end, &mut found);
                }
            }
            _ => {}
        }
    }
    found
}

/// The first parts of the paths that begin here: one, or those of a group in braces.
fn heads(source: &Source, at: usize, found: &mut Vec<(usize, String)>) {
    if !is(source, at, "{") {
        found.extend(source.words.get(at).cloned());
        return;
    }
    let mut depth = 0;
    let mut begins = false;
    for (line, word) in &source.words[at..] {
        match word.as_str() {
            "{" => {
                depth += 1;
                begins = depth == 1;
            }
            "}" => depth -= 1,
            "," => begins = depth == 1,
            _ if begins => {
                found.push((*line, word.clone()));
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}

/// Printing, `unsafe`, and crates that belong to another folder.
fn strangers(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, (line, word)) in source.words.iter().enumerate() {
        if PRINTING.contains(&word.as_str()) && is(source, at + 1, "!") && !source.path.starts_with("src/cli/") {
            faults.push(format!("{}:{line}: `{word}!` outside of src/cli/", source.path));
        }
        if word == "unsafe" && !UNSAFE.iter().any(|home| source.path.starts_with(home)) {
            faults.push(format!("{}:{line}: `unsafe` outside of {}", source.path, UNSAFE.join(", ")));
        }
        for (what, homes) in ALONE {
            if word == what[0] && begins_path(source, at) && !homes.iter().any(|home| source.path.starts_with(home)) && names(source, at, what) {
                faults.push(format!("{}:{line}: `{}` outside of {}", source.path, what.join("::"), homes.join(", ")));
            }
        }
    }
    faults
}

/// Whether a path of another crate begins here: `git2::…`, `::git2`, not `self.zip` nor `x::zip`.
fn begins_path(source: &Source, at: usize) -> bool {
    let alone = at == 0 || !(is(source, at - 1, "::") || is(source, at - 1, "."));
    alone && is(source, at + 1, "::")
}

/// Whether the path that begins here names all of `what`, a group in braces included.
fn names(source: &Source, at: usize, what: &[&str]) -> bool {
    let Some(second) = what.get(1) else { return true };
    let mut heads_found = Vec::new();
    heads(source, at + 2, &mut heads_found);
    heads_found.iter().any(|(_, head)| head == second)
}

fn is(source: &Source, at: usize, word: &str) -> bool {
    source.words.get(at).is_some_and(|(_, found)| found == word)
}
