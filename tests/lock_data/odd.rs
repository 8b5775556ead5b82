//! Shapes that no data set promises to leave out: names, versions and requirements at the edge of what is allowed. And registries
//! made by dice, against a search as plain as can be.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::json;

use super::answers::{ask, judge};
use super::data::{Packages, Question, Reference, fits};
use super::registry;
use super::support::TestEnvironment;

/// Puts an index of these on a machine's disk; says where.
fn publish(env: &TestEnvironment, folder: &str, packages: &Packages) -> String {
    registry::write(packages, &env.path(folder));
    env.path(folder).to_string_lossy().into_owned()
}

#[test]
fn odd_names_versions_and_requirements() {
    let long = format!("l{}", "o".repeat(190));
    let deep = "a/b-/-c/d.e/f+g/h_i";
    let packages: Packages = serde_json::from_value(json!({
        "owner/-dash": { "0.0.0": {}, "0.0.1": { "deps": { deep: "*" } } },
        deep: { "10.2.3": {}, "9.20.30": {}, "10.10.0": { "deps": { long.as_str(): "", "#name?": "<=2.0.0" } } },
        long.as_str(): { "4294967296.0.0": {}, "2147483647.9223372036854775807.1": {} },
        "#name?": { "1.0.0": {}, "2.0.0": {}, "2.0.1": {} },
        "Größe": { "1.0.0": {} },
        "größe": { "1.0.0": { "deps": { "Größe": "=1.0.0", "größe": ">=1.0.0" } } },
        "@scope/na me": { "1.0.0": {} },
        "elements": { "1.0.0": {} },
        "names.json": { "1.0.0": {} },
        "x.json": { "1.0.0": {} },
        "x": { "1.0.0": { "deps": { "x.json": "*", "nobody": "*" } }, "0.9.0": { "conflicts": { "x.json": "<1.0.0", "nobody": "*" } } },
        "empty": {},
    }))
    .expect("packages");
    let env = TestEnvironment::new();
    let url = publish(&env, "index", &packages);
    let cases = [
        (json!({ "owner/-dash": "*" }), Some(json!({ "owner/-dash": "0.0.1", deep: "10.10.0", long.as_str(): "4294967296.0.0", "#name?": "2.0.0" }))),
        (json!({ "owner/-dash": "<0.0.1" }), Some(json!({ "owner/-dash": "0.0.0" }))),
        (json!({ "owner/-dash": "<0.0.0" }), None),
        (json!({ deep: ">=9.0.0  >=9.20.30 <10.0.0 <10.0.0" }), Some(json!({ deep: "9.20.30" }))),
        (json!({ deep: "=9.20.30||=10.2.3" }), Some(json!({ deep: "10.2.3" }))),
        (json!({ deep: "=1.0.0 || * <10.10.0 || =8.0.0" }), Some(json!({ deep: "10.2.3" }))),
        (json!({ deep: ">10.10.0 || " }), Some(json!({ deep: "10.10.0", long.as_str(): "4294967296.0.0", "#name?": "2.0.0" }))),
        (json!({ long.as_str(): "<4294967296.0.0" }), Some(json!({ long.as_str(): "2147483647.9223372036854775807.1" }))),
        (json!({ "größe": "*" }), Some(json!({ "größe": "1.0.0", "Größe": "1.0.0" }))),
        (json!({ "@scope/na me": ">=0.0.0" }), Some(json!({ "@scope/na me": "1.0.0" }))),
        (json!({ "elements": "*", "names.json": "*" }), Some(json!({ "elements": "1.0.0", "names.json": "1.0.0" }))),
        (json!({ "x": "*", "x.json": "*" }), Some(json!({ "x": "0.9.0", "x.json": "1.0.0" }))),
        (json!({ "x": ">=1.0.0" }), None),
        (json!({ "nobody": "*" }), None),
        (json!({ "empty": "*" }), None),
        (json!({}), Some(json!({}))),
    ];
    for (at, (roots, expected)) in cases.into_iter().enumerate() {
        let question: Question = serde_json::from_value(json!({ "id": at, "roots": roots })).expect("a question");
        let reference = Reference { id: question.id.clone(), sat: Some(expected.is_some()), changed_best_known: None };
        let answer = ask(&env, &url, &question);
        assert_eq!(judge(&packages, &question, &reference, &answer), Vec::<String>::new(), "{question:?} got {answer:?}");
        let expected: Option<BTreeMap<String, String>> = expected.map(|chosen| serde_json::from_value(chosen).expect("an answer"));
        assert_eq!(answer, Some(expected), "{question:?}");
    }
}

/// The same numbers on every machine (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below.max(1)
    }
}

const VERSIONS: [&str; 6] = ["0.9.0", "1.0.0", "1.2.3", "1.10.0", "2.0.0", "10.0.0"];
const REQUIREMENTS: [&str; 9] = ["*", ">=1.0.0 <2.0.0", "=1.0.0", ">=1.2.3", "<2.0.0", "<=1.0.0 || >=10.0.0", ">1.10.0", ">=0.9.0 <1.0.0", "=2.0.0 || =1.10.0"];

fn asks(dice: &mut Dice, names: usize, most: usize) -> IndexMap<String, String> {
    let count = dice.roll(most + 1);
    (0..count).map(|_| (format!("p{}", dice.roll(names)), REQUIREMENTS[dice.roll(REQUIREMENTS.len())].to_owned())).collect()
}

/// The first answer of a search that takes the newest of each in order and looks back one step at a time.
fn plain(packages: &Packages, chosen: &mut Vec<(String, String)>, mut agenda: std::collections::VecDeque<String>, roots: &IndexMap<String, String>) -> bool {
    let Some(name) = std::iter::from_fn(|| agenda.pop_front()).find(|name| chosen.iter().all(|(known, _)| known != name)) else { return true };
    let number = |version: &String| VERSIONS.iter().position(|known| known == version);
    let mut versions: Vec<&String> = packages[&name].keys().collect();
    versions.sort_by_key(|version| std::cmp::Reverse(number(version)));
    for version in versions {
        chosen.push((name.clone(), version.clone()));
        let solution: BTreeMap<String, String> = chosen.iter().cloned().collect();
        let fine = solution.iter().all(|(one, version)| {
            let release = &packages[one][version];
            roots.get(one).is_none_or(|text| fits(text, version))
                && release.deps.iter().all(|(target, text)| solution.get(target).is_none_or(|found| fits(text, found)))
                && release.conflicts.iter().all(|(target, text)| solution.get(target).is_none_or(|found| !fits(text, found)))
        });
        if fine {
            let mut next = agenda.clone();
            next.extend(packages[&name][version].deps.keys().cloned());
            if plain(packages, chosen, next, roots) {
                return true;
            }
        }
        chosen.pop();
    }
    false
}

#[test]
fn registries_made_by_dice() {
    let env = TestEnvironment::new();
    let (mut found, mut refused) = (0, 0);
    for seed in 1..=24 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15));
        let names = 6;
        let mut packages = Packages::new();
        for name in 0..names {
            let releases = packages.entry(format!("p{name}")).or_default();
            for version in VERSIONS {
                if dice.roll(3) > 0 {
                    let (deps, conflicts) = (asks(&mut dice, names, 2), asks(&mut dice, names, 1));
                    releases.insert(version.to_owned(), super::data::Release { deps, conflicts });
                }
            }
        }
        let mut roots = asks(&mut dice, names, 3);
        roots.entry("p0".to_owned()).or_insert_with(|| "*".to_owned());
        let mut chosen = Vec::new();
        let first = plain(&packages, &mut chosen, roots.keys().cloned().collect(), &roots).then(|| chosen.into_iter().collect::<BTreeMap<_, _>>());
        let url = publish(&env, &format!("index{seed}"), &packages);
        let question = Question { id: seed.into(), roots, locked: BTreeMap::new() };
        let reference = Reference { id: seed.into(), sat: Some(first.is_some()), changed_best_known: None };
        let answer = ask(&env, &url, &question);
        assert_eq!(judge(&packages, &question, &reference, &answer), Vec::<String>::new(), "{question:?}");
        assert_eq!(answer, Some(first.clone()), "{question:?} of {packages:?}");
        if first.is_some() { found += 1 } else { refused += 1 }
    }
    assert!(found > 4 && refused > 4, "the dice show one side only: {found} answered, {refused} refused");
}
