//! What is wrong with a manifest, as it is told. Each `faults/NAME.toml` has its recorded text in `faults/NAME.txt`
//! (`SNAPSHOTS=overwrite` records them anew).

use std::path::Path;

use snapbox::{Data, assert_data_eq};

use super::{complaint, parse};
use crate::error::ErrorKind;

#[test]
fn recorded_complaints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manifest/tests/faults");
    let mut cases = 0;
    for entry in fs_err::read_dir(folder).expect("the cases") {
        let path = entry.expect("a case").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = fs_err::read_to_string(&path).expect("a text");
            assert_data_eq!(complaint(&text), Data::read_from(&path.with_extension("txt"), None).raw());
            cases += 1;
        }
    }
    assert!(cases > 15, "only {cases} cases were found");
}

#[test]
fn kinds() {
    assert_eq!(parse("requires-greffon = \">=99\"\n").expect_err("too old").kind(), ErrorKind::Newer);
    assert_eq!(parse("x = 1\n").expect_err("unknown key").kind(), ErrorKind::Manifest);
}

#[test]
fn a_password_is_not_shown() {
    for text in ["a = { git = \"https://me:hunter2@h/x\" }", "a = { url = \"https://me:hunter2@h/x.zip\" }"] {
        let shown = complaint(&format!("[types.plugins]\n{text}\n"));
        assert!(shown.contains("line 2") && !shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_key_twice_in_tables_of_one_name() {
    let text = "[types.plugins]\na = \"1\"\n[sites.x]\npath = \"/x\"\n[sites.x.types.plugins]\na = \"1\"\na = \"2\"\n[types.plugins]\n";
    let shown = complaint(text);
    assert!(shown.contains("--> greffon.toml:6:1") && shown.contains("::: greffon.toml:7:1"), "{shown}");
    assert!(shown.contains("--> greffon.toml:1:1") && shown.contains("::: greffon.toml:8:8"), "{shown}");
}
