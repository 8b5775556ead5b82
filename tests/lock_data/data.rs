//! Data sets of whole registries: packages with their releases, questions, what a reference says of them, and the rules that an
//! answer must keep. Also read by `scripts/bench-lock.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What one release asks of others.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Release {
    pub deps: IndexMap<String, String>,
    pub conflicts: IndexMap<String, String>,
}

/// Name → version → release, in the data's order.
pub type Packages = IndexMap<String, IndexMap<String, Release>>;

/// What a question asks.
#[derive(Debug, Clone, Deserialize)]
pub struct Question {
    pub id: Value,
    pub roots: IndexMap<String, String>,
    #[serde(default)]
    pub locked: BTreeMap<String, String>,
}

/// What the reference says of a question; `sat` is `None` where it did not find out.
#[derive(Debug, Clone, Deserialize)]
pub struct Reference {
    pub id: Value,
    pub sat: Option<bool>,
    pub changed_best_known: Option<usize>,
}

/// A data set: `NAME.json.gz` and the files beside it.
pub struct Data {
    pub packages: Packages,
    folder: PathBuf,
    name: String,
}

#[derive(Deserialize)]
struct Whole {
    packages: Packages,
}

/// The folder of the shared data: `../shared` beside the checkout, or `GREFFON_SHARED`.
pub fn shared() -> PathBuf {
    let shared = std::env::var_os("GREFFON_SHARED").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    shared.join("data/solver")
}

impl Data {
    /// The data set of this name; `None`, with a message, where it is not there.
    pub fn open(folder: &Path, name: &str) -> Option<Self> {
        let Some(whole) = read(&folder.join(format!("{name}.json"))) else {
            eprintln!("skipped: {}/{name}.json.gz is not there", folder.display());
            return None;
        };
        let Whole { packages } = serde_json::from_str(&whole).expect("a data set");
        Some(Self { packages, folder: folder.to_owned(), name: name.to_owned() })
    }

    /// One value a line of `NAME.WHAT.jsonl`, gzipped or not.
    pub fn lines<T: DeserializeOwned>(&self, what: &str) -> Vec<T> {
        let text = read(&self.folder.join(format!("{}.{what}.jsonl", self.name))).unwrap_or_else(|| panic!("{}.{what}.jsonl is beside the data", self.name));
        text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
    }

    /// A file of the data set, for another program.
    pub fn path(&self, what: &str) -> PathBuf {
        let plain = self.folder.join(format!("{}.{what}", self.name));
        if plain.exists() { plain } else { self.folder.join(format!("{}.{what}.gz", self.name)) }
    }
}

/// A file, or the same with `.gz`.
fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    if let Ok(bytes) = std::fs::read(path) {
        return String::from_utf8(bytes).ok();
    }
    let bytes = std::fs::read(format!("{}.gz", path.display())).ok()?;
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Whether a version fits a requirement of the data: `>=1.0.0 <2.0.0 || =3.1.0`, `*`.
pub fn fits(requirement: &str, version: &str) -> bool {
    let numbers = |text: &str| text.split('.').map(|part| part.parse::<u128>().unwrap_or_else(|_| panic!("{text} is no version"))).collect::<Vec<_>>();
    let version = numbers(version);
    let one = |term: &str| {
        let operator = term.len() - term.trim_start_matches(['<', '>', '=']).len();
        let bound = || numbers(&term[operator..]);
        match &term[..operator] {
            "" if term == "*" => true,
            "=" => version == bound(),
            ">=" => version >= bound(),
            "<=" => version <= bound(),
            ">" => version > bound(),
            "<" => version < bound(),
            _ => panic!("{term} is no term of a requirement"),
        }
    };
    requirement.split("||").any(|alternative| alternative.split_whitespace().all(one))
}

/// A requirement of the data in greffon's words.
pub fn in_our_words(requirement: &str) -> String {
    let alternative = |text: &str| {
        let terms: Vec<&str> = text.split_whitespace().filter(|term| *term != "*").collect();
        if terms.is_empty() { "*".to_owned() } else { terms.join(", ") }
    };
    requirement.split("||").map(alternative).collect::<Vec<_>>().join(" || ")
}

/// What is wrong with an answer: roots, dependencies, conflicts, unknown choices, and what nothing needs.
pub fn faults(packages: &Packages, roots: &IndexMap<String, String>, solution: &BTreeMap<String, String>) -> Vec<String> {
    let unknown = |(name, version): &(&String, &String)| !packages.get(*name).is_some_and(|releases| releases.contains_key(*version));
    let mut faults: Vec<String> = solution.iter().filter(unknown).map(|(name, version)| format!("there is no {name} {version}")).collect();
    if !faults.is_empty() {
        return faults;
    }
    let mut need = |who: &str, name: &String, requirement: &String| match solution.get(name) {
        Some(version) if fits(requirement, version) => {}
        found => faults.push(format!("{who} needs {name} {requirement}, got {found:?}")),
    };
    for (name, requirement) in roots {
        need("the question", name, requirement);
    }
    let releases: Vec<(&String, &String, &Release)> = solution.iter().map(|(name, version)| (name, version, &packages[name][version])).collect();
    for (name, version, release) in &releases {
        for (target, requirement) in &release.deps {
            need(&format!("{name} {version}"), target, requirement);
        }
    }
    for (name, version, release) in &releases {
        for (target, requirement) in &release.conflicts {
            if solution.get(target).is_some_and(|chosen| fits(requirement, chosen)) {
                faults.push(format!("{name} {version} excludes {target} {requirement}"));
            }
        }
    }
    let mut needed: BTreeSet<&String> = roots.keys().collect();
    let mut agenda: Vec<&String> = roots.keys().collect();
    while let Some(name) = agenda.pop() {
        let Some(version) = solution.get(name) else { continue };
        agenda.extend(packages[name][version].deps.keys().filter(|target| needed.insert(target)));
    }
    faults.extend(solution.keys().filter(|name| !needed.contains(name)).map(|name| format!("nothing needs {name}")));
    faults
}
