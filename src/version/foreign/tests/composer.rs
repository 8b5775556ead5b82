//! Composer's own tables, and what they leave out.

use serde_json::Value;

use super::tables;
use crate::model::{Requirement, Version};
use crate::version::foreign::composer;
use crate::version::scheme;

fn cases(tables: &Value) -> &Value {
    super::cases(tables, "composer")
}

fn fits(requirement: &Requirement, version: &str) -> bool {
    super::fits("natural", requirement, version)
}

fn said(range: &str) -> Result<String, String> {
    composer(range).map(|requirement| requirement.to_string()).map_err(|error| error.to_string())
}

#[test]
fn how_it_is_said() {
    for (range, ours) in [
        ("^1.2.3", ">=1.2.3, <2"),
        ("^1.2.0", ">=1.2, <2"),
        ("1.2.*", ">=1.2, <1.3"),
        ("*", "*"),
        ("@dev", ">=0-dev"),
        ("*@beta", ">=0-dev"),
        ("^1.0@beta", ">=1-dev, <2-dev"),
        ("^1.2-beta2", ">=1.2.0-beta2, <2-dev || =1.2, <2-dev"),
        ("1.2.0", "=1.2 || =1.2.0 || =1.2.0.0"),
        (">1.0 !=1.2", ">1.0.0.0, <1.2 || >1.0.0.0, >1.2.0.0"),
        ("~1.2.3 | 2.0 - 2.4", ">=1.2.3, <1.3 || >=2, <2.5"),
    ] {
        assert_eq!(said(range).as_deref(), Ok(ours), "{range}");
    }
    for branch in ["dev-main", "1.x-dev", "dev-main as 1.0.0", "dev-main#abc", "self.version", "!=1.0-beta"] {
        assert!(said(branch).is_err(), "{branch} was taken");
    }
}

/// Rows of the table of constraints and versions that come out otherwise, by reason.
const OTHERWISE: [(&str, &[(&str, &str)]); 2] = [
    (
        "a pre-release is let in only where one is named, as Composer itself does by `minimum-stability`",
        &[("1.2.3+asdf - 2.4.3+asdf", "2.4.3-alpha"), (">1.2", "1.3.0-beta"), ("<=1.2.3", "1.2.3-beta"), ("^1.2.3", "1.2.3-beta")],
    ),
    ("`natural` reads a `v` as PHP does, as a word; an importer leaves it off the versions", &[(">=0.1.97", "v0.1.97")]),
];

#[test]
fn constraints_and_versions() {
    let Some(tables) = tables() else { return };
    let (mut count, mut wrong) = (0, Vec::new());
    for case in cases(&tables)["satisfies"].as_array().expect("cases") {
        let (range, version) = (case["range"].as_str().expect("text"), case["version"].as_str().expect("text"));
        let requirement = composer(range).unwrap_or_else(|error| panic!("{range}: {error:?}"));
        let known = OTHERWISE.iter().any(|(_, rows)| rows.contains(&(range, version)));
        count += 1;
        if (fits(&requirement, version) == (case["expected"] == true)) == known {
            wrong.push(format!("(\"{range}\", \"{version}\"), is {requirement}"));
        }
    }
    let known: usize = OTHERWISE.iter().map(|(_, rows)| rows.len()).sum();
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    eprintln!("{} of {count} rows of Composer's as it has them, {known} known to be otherwise", count - known);
}

#[test]
fn the_grid_of_constraints_and_versions() {
    let Some(tables) = tables() else { return };
    let (mut count, mut early, mut left_out, mut wrong) = (0, 0, 0, Vec::new());
    for row in tables["grid"]["rows"].as_array().expect("rows") {
        let (range, version) = (row["range"].as_str().expect("text"), row["version"].as_str().expect("text"));
        // Composer cannot read every version of the grid, and `natural` lets what follows a `+` count, as PHP does
        let (Some(expected), false) = (row["composer"].as_bool(), version.contains('+')) else {
            left_out += 1;
            continue;
        };
        let requirement = composer(range).unwrap_or_else(|error| panic!("{range}: {error:?}"));
        let natural = scheme("natural").expect("a built-in scheme");
        if expected && natural.is_prerelease(&version.into()) && !requirement.as_str().contains(['d', 'b', 'a', 'R']) {
            // let in only where one is named, as Composer itself does by `minimum-stability`
            early += 1;
            assert!(!fits(&requirement, version), "{range} {version}");
            continue;
        }
        count += 1;
        if fits(&requirement, version) != expected {
            wrong.push(format!("{range} {version}: {requirement} should be {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    eprintln!("{count} rows as Composer has them, {early} pre-releases that no constraint names, {left_out} versions left out");
}

/// Constraints of the table that Composer reads and that are refused here.
const REFUSED: [&str; 19] = [
    // branches
    ">=dev-master",
    "dev-master",
    "dev-feature-a",
    "dev-some-fix",
    "dev-CAPS",
    "~2.x-dev",
    "~2.0.x-dev",
    "~2.0.3.x-dev",
    "~0.x-dev",
    "^2.x-dev",
    "^2.0.*-dev",
    "^2.0.x-dev",
    "^2.0.3.x-dev",
    "^0.x-dev",
    "2.0.3.x-dev - 3.0.3.x-dev",
    "2.0.x-dev - 3.0.x-dev",
    "2.x-dev - 3.x-dev",
    "0.x-dev - 1.x-dev",
    // an alias
    "dev-master as 1.0.0",
];

#[test]
fn constraints_that_can_be_read() {
    let Some(tables) = tables() else { return };
    let natural = scheme("natural").expect("a built-in scheme");
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases(&tables)["range_parse"].as_array().expect("cases") {
        let range = case["range"].as_str().expect("text");
        let requirement = match composer(range) {
            Ok(requirement) if !REFUSED.contains(&range) => requirement,
            Err(_) if REFUSED.contains(&range) => continue,
            other => {
                wrong.push(format!("\"{range}\", // {other:?}"));
                continue;
            }
        };
        count += 1;
        let parsed = &case["parsed"];
        let bounds: Vec<&str> =
            parsed.as_array().map_or_else(|| vec![parsed.as_str().expect("text")], |list| list.iter().map(|one| one.as_str().expect("text")).collect());
        // an upper bound that is a pre-release is met by versions of three numbers and more; dates are compared unfilled by Composer
        let upper = bounds.iter().any(|bound| bound.starts_with("<=") && bound.contains('-'));
        let odd = |version: &String| (upper && version.split('.').count() < 3) || range.contains("2019");
        for version in samples(&bounds).into_iter().filter(|version| !odd(version)) {
            let normalized = Version::from(filled(&version));
            let holds = |bound: &&str| {
                let Some((operator, against)) = bound.split_once(' ') else { return true };
                let order = natural.compare(&normalized, &Version::from(against.replace("-patch", "-pl")));
                match operator {
                    "=" => order.is_eq(),
                    "<>" | "!=" => order.is_ne(),
                    ">=" => order.is_ge(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_lt(),
                }
            };
            if fits(&requirement, &version) != bounds.iter().all(holds) {
                wrong.push(format!("{range} ({requirement}) and {version}: should be {}", bounds.iter().all(holds)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    for range in cases(&tables)["range_invalid"].as_array().expect("cases") {
        let range = range.as_str().expect("text");
        assert!(composer(range).is_err(), "{range} was taken as {:?}", said(range));
    }
    eprintln!("{count} constraints read as Composer reads them, {} refused", REFUSED.len());
}

/// Stable versions on and around the bounds, in every spelling.
fn samples(bounds: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for bound in bounds {
        let text = bound.split(' ').next_back().unwrap_or_default().split('-').next().unwrap_or_default();
        let numbers: Vec<u64> = text.split('.').map_while(|part| part.parse().ok()).collect();
        if numbers.is_empty() || numbers.contains(&9_999_999) {
            continue;
        }
        for place in 0..numbers.len() {
            for change in [-1_i64, 0, 1] {
                let mut near = numbers.clone();
                near[place] = near[place].saturating_add_signed(change);
                let shortest = near.iter().rposition(|number| *number > 0).map_or(1, |last| last + 1);
                found.extend((shortest..=near.len()).map(|places| near[..places].iter().map(ToString::to_string).collect::<Vec<_>>().join(".")));
            }
        }
    }
    found
}

/// As Composer compares a stable version: with four numbers, those of dates as they are.
fn filled(version: &str) -> String {
    let count = version.split('.').count();
    if version.split('.').next().is_some_and(|first| first.len() > 4) {
        version.to_owned()
    } else {
        version.to_owned() + ".0".repeat(4_usize.saturating_sub(count)).as_str()
    }
}
