//! A data set as a `builtin:index` repository on disk, and questions as manifests. Also used by `scripts/bench-lock.rs`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use greffon::manifest::parse_lock;
use greffon::model::ElementId;
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::data::{Packages, in_our_words};

/// The type that everything has.
const KIND: &str = "packages";

/// The name as an element may have it: as it is, or spelled in hex where no element may be called so.
pub fn spelled(name: &str) -> String {
    if ElementId::new(KIND, name).is_ok() { name.to_owned() } else { format!("spelled/{}", hex::encode(name)) }
}

fn unspelled(name: &str) -> String {
    let bytes = name.strip_prefix("spelled/").and_then(|digits| hex::decode(digits).ok());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| name.to_owned())
}

/// Writes the index into `folder`: a file an element, with downloads that nobody ever follows.
pub fn write(packages: &Packages, folder: &Path) {
    let put = |path: &Path, value: &Value| {
        std::fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
        std::fs::write(path, value.to_string()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    };
    let kinds = json!({ KIND: { "path": "packages/{name}", "scheme": "semver" } });
    put(&folder.join("config.json"), &json!({ "schema": "greffon/index/1", "name": "data", "types": kinds }));
    let mut names = Vec::new();
    for (name, releases) in packages {
        let name = spelled(name);
        let asks = |list: &IndexMap<String, String>| {
            let ask = |(target, text): (&String, &String)| (format!("{KIND}/{}", spelled(target)), Value::from(in_our_words(text)));
            list.iter().map(ask).collect::<Map<String, Value>>()
        };
        let versions = releases.iter().map(|(version, release)| {
            let digest = "0123456789abcdef".repeat(4);
            let download = json!({ "url": format!("files/{name}-{version}.tar.gz"), "sha256": digest });
            json!({ "version": version, "dependencies": asks(&release.deps), "conflicts": asks(&release.conflicts), "download": download })
        });
        let versions: Vec<Value> = versions.collect();
        put(&folder.join(format!("elements/{KIND}/{name}.json")), &json!({ "type": KIND, "name": name, "versions": versions }));
        names.push(json!({ "type": KIND, "name": name, "version": releases.keys().last() }));
    }
    put(&folder.join("names.json"), &json!({ "schema": "greffon/index/1", "elements": names }));
}

/// A manifest that asks the index at `url` for these.
pub fn manifest<'a>(url: &str, roots: impl IntoIterator<Item = (&'a String, String)>) -> String {
    let mut text = format!("[[config.repositories]]\nname = \"data\"\nuse = \"builtin:index\"\nurl = {}\n\n[types.{KIND}]\n", Value::from(url));
    for (name, requirement) in roots {
        // what JSON quotes, TOML reads
        let _ = writeln!(text, "{} = {}", Value::from(spelled(name)), Value::from(requirement));
    }
    text
}

/// What a lockfile has: name → version.
pub fn locked(text: &str) -> BTreeMap<String, String> {
    let (lock, conflicted) = parse_lock(Path::new("greffon.lock"), text).unwrap_or_else(|error| panic!("{error:?}"));
    assert!(!conflicted, "a lock in conflict:\n{text}");
    let entries = lock.elements.keys().map(|key| (unspelled(key.id.name()), key.pin.version.to_string()));
    let found: BTreeMap<String, String> = entries.collect();
    assert_eq!(found.len(), lock.elements.len(), "two versions of one element:\n{text}");
    found
}
