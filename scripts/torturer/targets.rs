//! The parsers of what others wrote, each as a function of bytes that says whether it took them. A panic is a finding.

use std::cmp::Ordering;
use std::path::Path;

use greffon::manifest::{Manifest, parse_lock, parse_package, read_lock, write_lock};
use greffon::model::{ElementId, Requirement, Version};
use greffon::roles::Context;
use greffon::sys::archive::{self, Limits};
use greffon::sys::stockroom::Stockroom;
use greffon::version::{SCHEMES, scheme};

/// A parser.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) try_it: fn(&Place, &[u8]) -> bool,
}

/// Where the archives' contents go.
pub(crate) struct Place {
    pub(crate) folder: std::path::PathBuf,
    pub(crate) room: Stockroom,
}

/// Every target.
pub(crate) const TARGETS: [Target; 12] = [
    Target { name: "archive", try_it: archive },
    Target { name: "manifest", try_it: |_, bytes| Manifest::parse(Path::new("/srv/greffon.toml"), text(bytes)).is_ok() },
    Target { name: "lock", try_it: lock },
    Target { name: "package", try_it: |_, bytes| parse_package(Path::new("/srv/greffon.toml"), &text(bytes)).is_ok() },
    Target { name: "index", try_it: |_, bytes| greffon::builtin::repository::index::element_file_is_understood(bytes) },
    Target { name: "journal", try_it: |_, bytes| greffon::site::journal_is_understood(bytes) },
    Target { name: "cache", try_it: |_, bytes| greffon::site::stat_cache_is_understood(bytes) },
    Target { name: "tree", try_it: |_, bytes| greffon::sys::git::tree_is_understood(bytes) },
    Target { name: "refs", try_it: |_, bytes| greffon::sys::git::advert_is_understood(bytes) },
    Target { name: "url", try_it: |_, bytes| greffon::sys::git::url_is_understood(&text(bytes)) },
    Target { name: "version", try_it: version },
    Target { name: "requirement", try_it: requirement },
];

/// What must be found: a reader that cuts a text in the middle of a letter.
pub(crate) const TWIN: Target = Target {
    name: "twin",
    try_it: |_, bytes| {
        let text = text(bytes);
        text.split_at(text.len() / 2).0.len() > 3
    },
};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn archive(place: &Place, bytes: &[u8]) -> bool {
    let path = place.folder.join("archive");
    std::fs::write(&path, bytes).expect("written");
    let limits = Limits { total: 8 << 20, file: 4 << 20, entries: 3000, ..Limits::default() };
    let Ok(imported) = archive::import(&Context::silent(), &path, None, place.room.objects(), &limits) else { return false };
    let files = place.room.objects().files(imported.tree).expect("what was imported can be listed");
    for file in &files {
        assert!(file.path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git")), "{:?}", file.path);
        assert!(!file.path.contains(['\\', '\0']) && !file.path.chars().any(char::is_control), "{:?}", file.path);
    }
    true
}

fn lock(_: &Place, bytes: &[u8]) -> bool {
    let (path, text) = (Path::new("/srv/greffon.lock"), text(bytes));
    let _ = parse_lock(path, &text);
    let Ok(reading) = read_lock(path, &text) else { return false };
    if !reading.markers && reading.conflicts.is_empty() {
        let written = write_lock(&reading.lock);
        let again = read_lock(path, &written).unwrap_or_else(|error| panic!("what was written is refused: {error}\n{written}"));
        assert_eq!(again.lock, reading.lock, "it does not come back as it went:\n{written}");
    }
    true
}

/// Each line a version: every scheme orders any three of them.
fn version(_: &Place, bytes: &[u8]) -> bool {
    let text = text(bytes);
    // Whoever brings versions bounds their length.
    let versions: Vec<Version> = text.lines().filter(|line| line.len() <= 1000).take(6).map(Version::new).collect();
    let mut understood = false;
    for name in SCHEMES {
        let scheme = scheme(name).expect("a scheme");
        for a in &versions {
            understood |= scheme.check(a).is_ok();
            let _ = (scheme.is_prerelease(a), scheme.default_requirement(a));
            assert_eq!(scheme.compare(a, a), Ordering::Equal, "{name} {a:?}");
            for b in &versions {
                assert_eq!(scheme.compare(a, b), scheme.compare(b, a).reverse(), "{name} {a:?} {b:?}");
                for c in &versions {
                    if scheme.compare(a, b).is_le() && scheme.compare(b, c).is_le() {
                        assert!(scheme.compare(a, c).is_le(), "{name} {a:?} {b:?} {c:?}");
                    }
                }
            }
        }
    }
    understood
}

/// The first line a requirement, the others versions.
fn requirement(_: &Place, bytes: &[u8]) -> bool {
    let text = text(bytes);
    let mut lines = text.lines();
    let wanted = Requirement::new(lines.next().unwrap_or_default());
    let versions: Vec<Version> = lines.filter(|line| line.len() <= 1000).take(6).map(Version::new).collect();
    let _ = wanted.as_str().parse::<ElementId>();
    let mut understood = false;
    for name in SCHEMES {
        let scheme = scheme(name).expect("a scheme");
        let Ok(matcher) = scheme.requirement(&wanted) else { continue };
        understood = true;
        for version in &versions {
            let _ = (matcher.matches(version), matcher.class(version), matcher.descending());
            if scheme.check(version).is_ok() && !scheme.is_prerelease(version) {
                // What `add` writes for a version fits that version.
                let own = scheme.default_requirement(version);
                assert!(scheme.requirement(&own).is_ok_and(|own| own.matches(version)), "{name}: {own:?} does not match {version:?}");
            }
        }
    }
    understood
}
