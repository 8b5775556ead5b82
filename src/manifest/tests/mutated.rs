//! The example with random damage: nothing panics, and an edit that is undone leaves the text as it was.

use std::path::Path;

use proptest::prelude::*;

use super::EXAMPLE;
use crate::diagnostic::{render, to_json};
use crate::manifest::{Manifest, NewElement, UserConfig, add_elements, parse_package, read_lock, remove_elements, set_requirement};
use crate::model::{ElementId, Requirement, Source};

/// The text with pieces taken out, doubled or put in at some places.
fn damaged() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n"),
        Just("\""),
        Just("'"),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just("="),
        Just("."),
        Just(","),
        Just("\r\n"),
        Just("é"),
        Just("\u{1b}"),
        Just("#"),
        Just("\"\"\""),
        Just("a.b = 1\n"),
        Just("[types.plugins]\n"),
        Just("[x]\n"),
        Just("-1")
    ];
    let damage = (any::<prop::sample::Index>(), 0..12_usize, piece);
    proptest::collection::vec(damage, 0..4).prop_map(|damages| {
        let mut text = EXAMPLE.to_owned();
        for (place, cut, piece) in damages {
            let floor = |byte: usize| (0..=byte.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let start = floor(place.index(text.len() + 1));
            let end = floor(start + cut).max(start);
            text.replace_range(start..end, piece);
        }
        text
    })
}

fn id(text: &str) -> ElementId {
    text.parse().expect("an id")
}

proptest! {
    #[test]
    fn damage_never_panics(text in damaged()) {
        let path = Path::new("/srv/greffon/greffon.toml");
        let read = Manifest::parse(path, text.clone());
        if let Err(error) = &read {
            let shown = render(error, false, 80);
            let clean = !shown.contains('\u{1b}') && shown.starts_with("error: ");
            prop_assert!(clean, "{:?}", shown);
            let _ = to_json(error);
        }
        let _ = (parse_package(path, &text), read_lock(path, &text));
        let element = NewElement { id: id("plugins/komin/new"), requirement: Some(Requirement::new("1.2")), source: Source::Repositories { only: None }, group: None };
        for site in [None, Some("test")] {
            let added = add_elements(path, &text, std::slice::from_ref(&element), site);
            let _ = remove_elements(path, &text, &[id("plugins/mod_attendance")], site);
            let _ = set_requirement(path, &text, &id("core/moodle"), &Requirement::new("5"), site);
            let Ok(added) = added else {
                prop_assert!(read.is_err() || site.is_some(), "a manifest that is right can be added to");
                continue;
            };
            if read.is_ok() {
                let manifest = Manifest::parse(path, added.clone()).map_err(|error| TestCaseError::fail(render(&error, false, 80) + added.as_str()))?;
                prop_assert!(manifest.sites.iter().any(|site| site.elements.contains_key(&element.id)));
                let undone = remove_elements(path, &added, &[id("plugins/komin/new")], site).map_err(|error| TestCaseError::fail(format!("{error:?}\n{added}")))?;
                // A line end that was missing, or a table that was begun, stays.
                let rest = undone.strip_prefix(text.trim_end()).unwrap_or("a change");
                prop_assert!(undone == text || matches!(rest.trim(), "" | "[types.plugins]"), "{}\n--- became\n{}", text, undone);
            }
        }
    }
}

#[test]
fn the_users_own_files_can_be_read_here() {
    let files = UserConfig::files();
    assert_eq!(files[0], Path::new("/etc/greffon/config.toml"));
    assert!(files.iter().all(|path| path.ends_with("greffon/config.toml")));
}
