#![allow(clippy::disallowed_methods)]

use super::*;

fn fits(name: &str, requirement: &str, version: &str) -> bool {
    let scheme = scheme(name).expect("a built-in scheme");
    scheme.requirement(&requirement.into()).unwrap_or_else(|error| panic!("{requirement}: {error}")).matches(&version.into())
}

/// The versions that fit, in the order in which they are tried.
fn tried(name: &str, requirement: &str, versions: &[&str]) -> Vec<String> {
    let scheme = scheme(name).expect("a built-in scheme");
    let matcher = scheme.requirement(&requirement.into()).unwrap_or_else(|error| panic!("{requirement}: {error}"));
    let mut fitting: Vec<Version> = versions.iter().map(|text| Version::from(*text)).filter(|version| matcher.matches(version)).collect();
    assert!(matcher.descending());
    fitting.sort_by(|a, b| matcher.class(a).cmp(&matcher.class(b)).then(scheme.compare(b, a)));
    fitting.iter().map(ToString::to_string).collect()
}

fn refused(name: &str, requirement: &str) -> String {
    let scheme = scheme(name).expect("a built-in scheme");
    match scheme.requirement(&requirement.into()) {
        Ok(_) => panic!("`{requirement}` was read by {name}"),
        Err(error) => error.to_string(),
    }
}

fn ascending(name: &str, versions: &[&str]) {
    let scheme = scheme(name).expect("a built-in scheme");
    for (at, a) in versions.iter().enumerate() {
        for (other, b) in versions.iter().enumerate() {
            assert_eq!(scheme.compare(&(*a).into(), &(*b).into()), at.cmp(&other), "{name}: {a} and {b}");
        }
    }
}

#[test]
fn every_form_of_3m() {
    let all = ["1.9.9", "2.0.0", "2.0.5", "2.3.9", "2.4", "2.4.1", "2.4.2", "2.5.0", "3.0.0", "3.1"];
    let table: &[(&str, &[&str])] = &[
        ("*", &["3.1", "3.0.0", "2.5.0", "2.4.2", "2.4.1", "2.4", "2.3.9", "2.0.5", "2.0.0", "1.9.9"]),
        ("*.*", &["3.1", "3.0.0", "2.5.0", "2.4.2", "2.4.1", "2.4", "2.3.9", "2.0.5", "2.0.0", "1.9.9"]),
        ("2.*", &["2.5.0", "2.4.2", "2.4.1", "2.4", "2.3.9", "2.0.5", "2.0.0"]),
        ("2.*.*", &["2.5.0", "2.4.2", "2.4.1", "2.4", "2.3.9", "2.0.5", "2.0.0"]),
        ("2.4.*", &["2.4.2", "2.4.1", "2.4"]),
        ("2.4", &["2.4"]),
        ("2.4.0", &["2.4"]),
        ("v2.4.1", &["2.4.1"]),
        ("2", &["2.0.0"]),
        ("2.4+", &["2.4", "2.4.2", "2.4.1"]),
        ("2+", &["2.0.0", "2.5.0", "2.4.2", "2.4.1", "2.4", "2.3.9", "2.0.5"]),
        ("2.4.1+", &["2.4.1", "3.1", "3.0.0", "2.5.0", "2.4.2"]),
        ("2.*.*+", &["2.5.0", "2.4.2", "2.4.1", "2.4", "2.3.9", "2.0.5", "2.0.0", "3.1", "3.0.0"]),
        ("2.*+", &["2.5.0", "2.4.2", "2.4.1", "2.4", "2.3.9", "2.0.5", "2.0.0", "3.1", "3.0.0"]),
        ("2.4.*+", &["2.4.2", "2.4.1", "2.4", "3.1", "3.0.0", "2.5.0"]),
        ("2.4-", &["2.4", "2.3.9", "2.0.5", "2.0.0", "1.9.9"]),
        ("2-", &["2.0.0", "1.9.9"]),
        ("2.4.1-", &["2.4.1", "2.4", "2.3.9", "2.0.5", "2.0.0", "1.9.9"]),
        ("2.4.*-", &["2.4.2", "2.4.1", "2.4", "2.3.9", "2.0.5", "2.0.0", "1.9.9"]),
        ("2.*.*-", &["2.5.0", "2.4.2", "2.4.1", "2.4", "2.3.9", "2.0.5", "2.0.0", "1.9.9"]),
        ("=2.4", &["2.4"]),
        (">=2.4.2", &["3.1", "3.0.0", "2.5.0", "2.4.2"]),
        (">2.4.2", &["3.1", "3.0.0", "2.5.0"]),
        ("<=2.0", &["2.0.0", "1.9.9"]),
        ("< 2", &["1.9.9"]),
        (">=2.4, <3", &["2.5.0", "2.4.2", "2.4.1", "2.4"]),
        ("<2 || >=3", &["3.1", "3.0.0", "1.9.9"]),
        ("2.4+, >2.4.0", &["2.4.2", "2.4.1"]),
        ("2.4+ || 3.0+", &["3.0.0", "2.4", "2.4.2", "2.4.1"]),
    ];
    for (requirement, expected) in table {
        assert_eq!(tried("3m", requirement, &all), *expected, "{requirement}");
    }
}

#[test]
fn what_3m_refuses_it_explains() {
    let table = [
        ("*.2.4", "wildcards stand only on the right, and here `2` follows a `*`"),
        ("2.*.4", "wildcards stand only on the right, and here `4` follows a `*`"),
        ("1.2.3.4", "more than the three parts"),
        ("2.x", "`x` is not a number"),
        ("2..4", "a part of it is empty"),
        ("", "a part of it is empty"),
        ("*+", "`*` stands for every version already"),
        ("*-", "`*` stands for every version already"),
        (">=2.*", "without `*`"),
        (">=", "no version follows"),
        (">=1 <2", "separated by a comma"),
        ("99999999999999999999", "too large"),
        ("2.4 ||", "a part of it is empty"),
    ];
    for (requirement, why) in table {
        let message = refused("3m", requirement);
        assert!(message.contains(why), "{requirement:?}: {message}");
    }
    let scheme = scheme("3m").expect("a built-in scheme");
    assert!(scheme.check(&"18446744073709551615.0".into()).is_ok());
    assert!(scheme.check(&"1.2-beta".into()).is_err());
    ascending("3m", &["x", "0", "1.2", "1.2.1", "1.10", "18446744073709551615"]);
}

#[test]
fn semver_is_cargos() {
    for (requirement, version, expected) in [
        ("1.2", "1.9.0", true),
        ("1.2", "v1.9.0", true),
        ("^v1.2, <1.5", "1.4.9", true),
        ("1.2", "2.0.0", false),
        ("~1.2.3", "1.2.9", true),
        ("~1.2.3", "1.3.0", false),
        ("1.*", "1.7.0", true),
        ("*", "2.0.0-beta", false),
        (">=2.0.0-alpha", "2.0.0-beta", true),
        (">=1.0.0", "2.0.0-beta", false),
        ("=1.0.0 || ^3", "3.1.0", true),
        ("=1.0.0 || ^3", "2.0.0", false),
    ] {
        assert_eq!(fits("semver", requirement, version), expected, "{requirement} {version}");
    }
    ascending("semver", &["nonsense", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "v1.0.0", "1.10.0"]);
    refused("semver", "1.2 || nonsense");
}

#[test]
fn moodle_builds_releases_and_branches() {
    ascending(
        "moodle",
        &[
            "3.9",
            "3.10",
            "4.4.9",
            "4.5.0-beta",
            "4.5.0-rc1",
            "4.5",
            "4.5.3",
            "2024100703.01",
            "2024100703.1",
            "4.5.3+",
            "2024100704",
            "4.5+",
            "5.0",
            "5.1",
            "5.3",
            "6.0",
            "6.1",
        ],
    );
    let scheme = scheme("moodle").expect("a built-in scheme");
    for (a, b) in [("2024100703.1", "2024100703.10"), ("4.5.6", "2024100706.00"), ("v4.5.6", "4.5.6 (Build: 20250811)"), ("405", "4.5"), ("39", "3.9")] {
        assert_eq!(scheme.compare(&a.into(), &b.into()), Ordering::Equal, "{a} {b}");
    }
    let core = ["4.4.9", "4.5.0", "4.5.5", "4.5.6", "2024100706.05", "5.0.0", "5.1.0-beta", "5.1.0"];
    let table: &[(&str, &[&str])] = &[
        ("*", &["5.1.0", "5.0.0", "4.5.6", "4.5.5", "4.5.0", "4.4.9", "2024100706.05"]),
        ("4.5", &["4.5.6", "4.5.5", "4.5.0"]),
        ("4.5+", &["2024100706.05", "4.5.6", "4.5.5", "4.5.0"]),
        ("4.5.5", &["4.5.5"]),
        ("4.5.6+", &["2024100706.05", "4.5.6"]),
        ("4.*", &["2024100706.05", "4.5.6", "4.5.5", "4.5.0", "4.4.9"]),
        (">=404, <=405", &["2024100706.05", "4.5.6", "4.5.5", "4.5.0", "4.4.9"]),
        ("<405", &["4.4.9"]),
        (">4.5", &["5.1.0", "5.0.0"]),
        (">=2024100706", &["5.1.0", "5.0.0", "2024100706.05", "4.5.6"]),
        (">=2024100706.05", &["5.1.0", "5.0.0", "2024100706.05"]),
        ("2024*", &["2024100706.05", "4.5.6", "4.5.5", "4.5.0", "4.4.9"]),
        ("2024100706.0*", &["2024100706.05", "4.5.6"]),
        ("5.1.0-beta", &["5.1.0-beta"]),
        ("any", &["5.1.0", "5.0.0", "2024100706.05", "4.5.6", "4.5.5", "4.5.0", "4.4.9"]),
    ];
    for (requirement, expected) in table {
        assert_eq!(tried("moodle", requirement, &core), *expected, "{requirement}");
    }
    for text in ["", "abc", "4.5.6.7", "2024100706.123", "4.5-gamma", "2024100706x"] {
        assert!(scheme.check(&text.into()).is_err(), "{text}");
    }
    for text in ["20x*", "2024052100+", ">=x"] {
        refused("moodle", text);
    }
}

#[test]
fn dates() {
    ascending("date", &["never", "2023-12-31", "20240101", "2024010112", "2024-01-01T12:30", "2024-02-01"]);
    assert!(fits("date", "2024*", "2024-05-01") && fits("date", "2024-05*", "2024050112") && !fits("date", "2024-05*", "20240601"));
    assert!(fits("date", ">=2024-01-01, <2025-01-01", "20240229") && fits("date", "20240501", "2024-05-01"));
    let scheme = scheme("date").expect("a built-in scheme");
    for text in ["2024-13-01", "20240132", "2024", "24-01-01", "2024-05-01T25:00"] {
        assert!(scheme.check(&text.into()).is_err(), "{text}");
    }
}

#[test]
fn natural_is_phps_version_compare() {
    ascending("natural", &["1.0foo", "1.0dev", "1.0alpha1", "1.0-beta", "1.0RC1", "1.0rc2", "1.0", "1.0.0", "1.0pl1", "1.2", "1.10"]);
    assert!(fits("natural", "1.2.*", "1.2.9") && !fits("natural", "1.2.*", "1.20"));
    assert!(fits("natural", ">=1.0", "1.1") && !fits("natural", ">=1.0", "1.1beta") && fits("natural", ">=1.0beta", "1.1beta"));
    refused("natural", "1.*.2");
    refused("natural", ">=1.*");
}

#[test]
fn what_add_writes() {
    for (name, version, expected) in [
        ("semver", "1.4.2", "^1.4.2"),
        ("semver", "v1.4.2+build.7", "^1.4.2"),
        ("semver", "odd", "*"),
        ("3m", "1.4.2", "1.4+"),
        ("3m", "2", "2.0+"),
        ("moodle", "2024100706", "*"),
        ("moodle", "2024100706.05", "*"),
        ("moodle", "4.5.6", "4.5"),
        ("date", "2024-05-01", "*"),
        ("natural", "1.4", ">=1.4"),
    ] {
        let scheme = scheme(name).expect("a built-in scheme");
        let version = Version::from(version);
        let requirement = scheme.default_requirement(&version);
        assert_eq!(requirement.as_str(), expected, "{name} {version}");
        assert!(version.as_str() == "odd" || scheme.requirement(&requirement).expect("readable").matches(&version), "{name} {version}");
    }
}

#[test]
fn unknown_schemes_get_the_known_ones() {
    let error = scheme("semvr").expect_err("unknown");
    assert!(error.to_string().contains("`3m`, `semver`, `moodle`, `date`, `natural`"), "{error}");
    assert_eq!(error.hints(), ["did you mean `semver`?"]);
}
