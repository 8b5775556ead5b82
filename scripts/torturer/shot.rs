//! A picture of a tree, taken by other means than greffon's own.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Every name below a folder, with what it is.
pub(crate) type Shot = BTreeMap<String, String>;

/// A folder as `/`, a link as `-> target`, a file as its mode and content.
pub(crate) fn take(root: &Path) -> Shot {
    fn walk(root: &Path, folder: &Path, found: &mut Shot) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.expect("a name").path();
            let name = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
            let metadata = path.symlink_metadata().expect("there");
            let what = if metadata.is_dir() {
                walk(root, &path, found);
                "/".to_owned()
            } else if metadata.is_symlink() {
                format!("-> {}", std::fs::read_link(&path).expect("a link").display())
            } else {
                let content = std::fs::read(&path).unwrap_or_else(|error| format!("unreadable: {error}").into_bytes());
                format!("{:o} {}", metadata.permissions().mode() & 0o7777, String::from_utf8_lossy(&content))
            };
            found.insert(name, what);
        }
    }
    let mut found = Shot::new();
    walk(root, root, &mut found);
    found
}

/// The first few differences.
pub(crate) fn differences(found: &Shot, wanted: &Shot) -> String {
    let short = |text: Option<&String>| text.map_or("nothing".to_owned(), |text| format!("{:?}", text.chars().take(40).collect::<String>()));
    let paths: std::collections::BTreeSet<&String> = found.keys().chain(wanted.keys()).filter(|path| found.get(*path) != wanted.get(*path)).collect();
    let told: Vec<String> = paths.iter().take(4).map(|path| format!("{path}: {} for {}", short(found.get(*path)), short(wanted.get(*path)))).collect();
    format!("{} differences: {}", paths.len(), told.join("; "))
}
