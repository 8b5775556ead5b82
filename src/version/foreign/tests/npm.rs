//! npm's own tables, and what they leave out.

use serde_json::Value;

use super::{cases, fits, tables};
use crate::version::foreign::npm;

fn said(range: &str) -> Result<String, String> {
    npm(range).map(|requirement| requirement.to_string()).map_err(|error| error.to_string())
}

#[test]
fn how_it_is_said() {
    for (range, ours) in [
        ("^1.2.3", ">=1.2.3, <2.0.0"),
        ("^0.2", ">=0.2.0, <0.3.0"),
        ("^0.0", "<0.1.0"),
        ("^0.0.3", ">=0.0.3, <0.0.4"),
        ("~1.2", ">=1.2.0, <1.3.0"),
        ("~> 1", ">=1.0.0, <2.0.0"),
        ("1.2.3", "=1.2.3"),
        ("=v1.2.3+build.5", "=1.2.3"),
        ("1.x || >=2.5.0 || 5.0.0 - 7.2.3", ">=1.0.0, <2.0.0 || >=2.5.0 || >=5.0.0, <=7.2.3"),
        ("1.2 - 2.3", ">=1.2.0, <2.4.0"),
        (">1 <=3.1", ">=2.0.0, <3.2.0"),
        (">= 1.2.3-beta.2 < 2", ">=1.2.3-beta.2, <2.0.0"),
        ("", "*"),
        ("1.2.3 || *", "*"),
        (">x", "<0.0.0"),
    ] {
        assert_eq!(said(range).as_deref(), Ok(ours), "{range}");
    }
    for (range, why) in [
        ("latest", "a tag of a registry is no version"),
        ("next || 1.x", "a tag of a registry is no version"),
        ("git+https://git.example.org/a.git#semver:^1", "it names a place, and no versions"),
        ("file:../a", "it names a place, and no versions"),
        ("workspace:*", "it names a place, and no versions"),
        ("npm:other@^1", "it names a place, and no versions"),
        ("user/repository", "it names a place, and no versions"),
        ("1.x.5", "an `x` stands before a number"),
        ("01.2.3", "npm does not read it either"),
        (">=1.0.0<2.0.0", "npm does not read it either"),
        ("1.2.3, 2", "npm does not read it either"),
        ("1.2.3.4", "npm does not read it either"),
        ("1.2.3-01", "npm does not read it either"),
        ("99999999999999999999", "a number in it is larger than npm counts"),
    ] {
        let error = said(range).expect_err(range);
        assert!(error.ends_with(why), "{range}: {error}");
    }
}

/// Rows as npm has them unless it is told to be lenient: `loose` and `includePrerelease` are options of its calls, and no range
/// says them. One row has no version at all.
fn strict(rows: &Value) -> impl Iterator<Item = &Value> {
    rows.as_array().expect("rows").iter().filter(|row| row["loose"] != true && row["includePrerelease"] != true && row["version"] != false)
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().expect("text")
}

#[test]
fn ranges_and_versions() {
    let Some(tables) = tables() else { return };
    let cases = cases(&tables, "npm");
    let (mut count, mut wrong) = (0, Vec::new());
    let mut look = |range: &str, version: &str, expected: bool| {
        // a range that npm does not read fits nothing, and so does a version
        let found = npm(range).is_ok_and(|requirement| fits("semver", &requirement, version));
        count += 1;
        if found != expected {
            wrong.push(format!("{range} {version}: {:?} should be {expected}", said(range)));
        }
    };
    for row in strict(&cases["satisfies"]) {
        look(text(row, "range"), text(row, "version"), row["expected"] == true);
    }
    for row in ["gtr", "ltr"].into_iter().flat_map(|which| strict(&cases[which])) {
        look(text(row, "range"), text(row, "version"), false);
    }
    for row in tables["grid"]["rows"].as_array().expect("rows") {
        look(text(row, "range"), text(row, "version"), row["npm"] == true);
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 0, "the tables are empty");
    eprintln!("{count} rows as npm has them");
}

#[test]
fn ranges_that_can_be_read() {
    let Some(tables) = tables() else { return };
    let (mut count, mut wrong) = (0, Vec::new());
    for row in strict(&cases(&tables, "npm")["range_parse"]) {
        let range = text(row, "range");
        // npm's own plainer words for it come out the same
        let expected = row["normalized"].as_str().map(|normalized| said(normalized).expect("readable"));
        count += 1;
        if said(range).ok() != expected {
            wrong.push(format!("{range}: {:?} should be {expected:?}", said(range)));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    eprintln!("{count} ranges read and refused as npm does");
}
