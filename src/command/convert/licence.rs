//! Under which licence an element's code stands, as far as the code says it in a form that machines agree on.

use crate::error::Result;
use crate::model::ObjectId;
use crate::roles::Trees;

/// The identifiers that are passed on as such; others are told as names.
const KNOWN: [&str; 24] = [
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "EUPL-1.2",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0",
    "GPL-3.0+",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "ISC",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MPL-2.0",
    "Unlicense",
    "WTFPL",
];

/// A licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Licence {
    /// An identifier of SPDX's list.
    Id(String),
    /// In words.
    Name(String),
}

fn known(text: &str) -> Licence {
    match KNOWN.iter().find(|known| known.eq_ignore_ascii_case(text.trim())) {
        Some(id) => Licence::Id((*id).to_owned()),
        None => Licence::Name(text.trim().to_owned()),
    }
}

/// What a tree says of its licences: its `composer.json`, the head of its `version.php`, the first lines of its licence file.
///
/// # Errors
/// When the tree cannot be read.
pub(super) fn of(trees: &dyn Trees, tree: ObjectId) -> Result<Vec<Licence>> {
    if let Some(bytes) = trees.read(tree, "composer.json")?
        && let Ok(json) = serde_json::from_slice::<serde_json::Value>(&bytes)
    {
        let said: Vec<Licence> = match json.get("license") {
            Some(serde_json::Value::String(text)) => vec![known(text)],
            Some(serde_json::Value::Array(list)) => list.iter().filter_map(serde_json::Value::as_str).map(known).collect(),
            _ => Vec::new(),
        };
        if !said.is_empty() {
            return Ok(said);
        }
    }
    for place in ["version.php", "public/version.php"] {
        if let Some(bytes) = trees.read(tree, place)? {
            let head: String = String::from_utf8_lossy(&bytes).lines().take(60).collect::<Vec<_>>().join("\n");
            if let Some(found) = in_comment(&head) {
                return Ok(vec![found]);
            }
        }
    }
    for place in ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING", "COPYING.txt", "license.txt"] {
        if let Some(bytes) = trees.read(tree, place)? {
            let head = String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)]).to_lowercase();
            let found = [
                ("gnu affero general public license", "version 3", "GNU Affero General Public License, version 3"),
                ("gnu lesser general public license", "version 3", "GNU Lesser General Public License, version 3"),
                ("gnu general public license", "version 3", "GNU General Public License, version 3"),
                ("gnu general public license", "version 2", "GNU General Public License, version 2"),
                ("apache license", "version 2.0", "Apache License, version 2.0"),
                ("mit license", "permission is hereby granted", "MIT License"),
            ];
            let found = found.iter().find(|(name, version, _)| head.contains(name) && head.contains(version));
            return Ok(found.map(|(.., name)| Licence::Name((*name).to_owned())).into_iter().collect());
        }
    }
    Ok(Vec::new())
}

/// `@license http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later`, as the head of nearly every file of Moodle's world has it.
fn in_comment(head: &str) -> Option<Licence> {
    let line = head.lines().find_map(|line| line.split_once("@license")).map(|(_, rest)| rest.trim())?;
    let words = line.split_whitespace().filter(|word| !word.contains("://")).collect::<Vec<_>>().join(" ");
    let lower = words.to_lowercase();
    let gnu = lower.contains("gpl") || lower.contains("gnu general public");
    let id = match (lower.contains("affero") || lower.contains("agpl"), lower.contains("lesser") || lower.contains("lgpl"), lower.contains("or late")) {
        (false, false, true) if gnu && lower.contains('3') => "GPL-3.0-or-later",
        (false, false, true) if gnu && lower.contains('2') => "GPL-2.0-or-later",
        (true, false, true) if lower.contains('3') => "AGPL-3.0-or-later",
        _ if words.is_empty() => return None,
        _ => return Some(known(&words)),
    };
    Some(Licence::Id(id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_file_says_its_licence() {
        let read = |text: &str| in_comment(&format!("<?php\n/**\n * @package x\n * @license   {text}\n */"));
        assert_eq!(read("http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later"), Some(Licence::Id("GPL-3.0-or-later".into())));
        assert_eq!(read("https://www.gnu.org/licenses/agpl-3.0.html GNU AGPL v3 or later"), Some(Licence::Id("AGPL-3.0-or-later".into())));
        assert_eq!(read("MIT"), Some(Licence::Id("MIT".into())));
        assert_eq!(read("ours alone"), Some(Licence::Name("ours alone".into())));
        assert_eq!(read("http://only.a/url"), None);
        assert_eq!(in_comment("<?php"), None);
    }
}
