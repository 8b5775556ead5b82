//! What Moodle's directory answers, and what it means.

use serde::Deserialize;
use url::Url;

use super::loose::{List, Maybe, Text};
use crate::builtin::repository::is_component;

/// The MD5 of nothing: a plugin whose archive was lost.
const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// `pluglist.php`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PlugList {
    pub(super) plugins: List<Plugin>,
}

/// `pluginfo.php`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PlugInfo {
    pub(super) status: Text,
    pub(super) pluginfo: Maybe<Single>,
}

/// The `pluginfo` of it: a plugin with the one version that was asked for, or `false`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Single {
    pub(super) component: Text,
    pub(super) name: Text,
    pub(super) version: Maybe<Release>,
}

/// One plugin.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Plugin {
    pub(super) component: Text,
    pub(super) name: Text,
    pub(super) versions: List<Release>,
}

/// One version of a plugin.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Release {
    id: Text,
    version: Text,
    #[serde(rename = "release")]
    named: Text,
    maturity: Text,
    downloadurl: Text,
    downloadmd5: Text,
    timecreated: Text,
    supportedmoodles: List<Supported>,
}

/// A branch of Moodle that a version says to support.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Supported {
    version: Text,
    release: Text,
}

/// A version with everything that greffon uses of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Deserialize)]
pub(super) struct Offered {
    /// The build.
    #[serde(rename = "v")]
    pub(super) version: String,
    /// Its name for people.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(super) release: Option<String>,
    /// What its author calls it, where that is less than stable.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub(super) maturity: Option<String>,
    /// Where its archive is.
    #[serde(rename = "u")]
    pub(super) url: String,
    /// The MD5 of it, lower case.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub(super) md5: Option<String>,
    /// When it was published, in seconds since 1970.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<u64>,
    /// The branches that it supports (`4.5`), oldest first.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) supports: Vec<String>,
    /// The first build of the oldest of them.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub(super) requires: Option<String>,
    /// Its number in the directory: of two entries of one version the later one is meant.
    #[serde(rename = "i", default)]
    id: u64,
}

/// The component's name, where it is one that Moodle would install.
pub(super) fn component(text: &Text) -> Option<&str> {
    text.get().filter(|name| is_component(name))
}

/// The versions that can be used, one a version text, and how many cannot.
pub(super) fn offered(releases: &[Release], place: &Addresses, component: &str) -> (Vec<Offered>, usize) {
    let mut list: Vec<Offered> = Vec::new();
    let mut unusable = 0;
    for release in releases {
        let Some(one) = release.offered(place, component) else {
            unusable += 1;
            continue;
        };
        match list.iter_mut().find(|other| other.version == one.version) {
            None => list.push(one),
            // The same build entered once for each branch of Moodle, or uploaded again.
            Some(other) => {
                let newer = (one.created, one.id) > (other.created, other.id);
                let same = one.md5 == other.md5 && one.url == other.url;
                let (mut kept, dropped) = if newer { (one, other.clone()) } else { (other.clone(), one) };
                if same {
                    kept.supports.extend(dropped.supports);
                    kept.requires =
                        [kept.requires, dropped.requires].into_iter().flatten().min_by_key(|build| build.parse::<f64>().map_or(u64::MAX, |build| build as u64));
                    in_order(&mut kept.supports);
                }
                *other = kept;
            }
        }
    }
    (list, unusable)
}

/// Branches by their numbers, each once.
fn in_order(branches: &mut Vec<String>) {
    let key = |branch: &String| {
        let (major, minor) = branch.split_once('.').unwrap_or((branch, "0"));
        (major.parse::<u32>().unwrap_or_default(), minor.parse::<u32>().unwrap_or_default())
    };
    branches.sort_by_key(key);
    branches.dedup();
}

/// Where archives may be.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    /// The Marketplace's API, with a `/` at its end.
    pub(super) marketplace: Url,
}

impl Addresses {
    /// The address of a download as it can be had today: the plugins directory is gone, and its downloads with it.
    fn today(&self, url: &str, component: &str, version: &str) -> Option<String> {
        let parsed = Url::parse(url).ok()?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.username().is_empty() || parsed.password().is_some() {
            return None;
        }
        let gone = matches!(parsed.host_str(), Some("moodle.org" | "www.moodle.org")) && parsed.path().starts_with("/plugins/");
        if !gone {
            return Some(url.to_owned());
        }
        Some(self.marketplace.join(&format!("plugins/{component}/versions/{version}/download")).ok()?.into())
    }
}

impl Release {
    /// `None`: it has no version or nothing to download.
    fn offered(&self, place: &Addresses, component: &str) -> Option<Offered> {
        let version = self.version.get()?;
        let digits = version.split_once('.').map_or(version, |(digits, _)| digits);
        if digits.len() < 8 || version.len() > 20 || !version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return None;
        }
        let md5 = match self.downloadmd5.get() {
            None => None,
            Some(md5) if md5.len() == 32 && md5.bytes().all(|byte| byte.is_ascii_hexdigit()) => Some(md5.to_ascii_lowercase()),
            Some(_) => return None,
        };
        if md5.as_deref() == Some(EMPTY) {
            return None;
        }
        let mut supports: Vec<String> =
            self.supportedmoodles.0.iter().filter_map(|branch| branch.release.get()).filter(|text| is_branch(text)).map(str::to_owned).collect();
        in_order(&mut supports);
        let builds = self.supportedmoodles.0.iter().filter_map(|branch| branch.version.get()).filter(|build| build.len() >= 8 && build.parse::<f64>().is_ok());
        let requires = builds.min_by(|a, b| a.parse::<f64>().unwrap_or_default().total_cmp(&b.parse::<f64>().unwrap_or_default()));
        Some(Offered {
            version: version.to_owned(),
            release: self.named.get().map(str::to_owned),
            maturity: unfinished(&self.maturity),
            url: place.today(self.downloadurl.get()?, component, version)?,
            md5,
            created: self.timecreated.number(),
            supports,
            requires: requires.map(str::to_owned),
            id: self.id.number().unwrap_or_default(),
        })
    }
}

fn is_branch(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor))
}

/// The word for a maturity that is less than stable: a number in the old API, a word in the Marketplace's.
fn unfinished(text: &Text) -> Option<String> {
    let word = match text.get()?.to_ascii_uppercase().as_str() {
        "50" | "ALPHA" | "MATURITY_ALPHA" => "alpha",
        "100" | "BETA" | "MATURITY_BETA" => "beta",
        "150" | "RC" | "MATURITY_RC" => "a release candidate",
        _ => return None,
    };
    Some(word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Addresses {
        Addresses { marketplace: Url::parse("https://marketplace.moodle.com/api/").expect("a url") }
    }

    fn read(versions: &str) -> (Vec<Offered>, usize) {
        let plugin: Plugin = serde_json::from_str(&format!("{{\"component\": \"mod_x\", \"versions\": {versions}}}")).expect("anything is read");
        offered(&plugin.versions.0, &place(), "mod_x")
    }

    #[test]
    fn a_version_is_read_with_numbers_as_texts_and_texts_as_numbers() {
        let (list, unusable) = read(
            r#"[{"id": "7", "version": 2024100700, "release": 4.5, "maturity": "200", "downloadurl": "https://h/x.zip",
                "downloadmd5": "8D8AE64822F38D278420776F8B42EAA5", "timecreated": "1700000000",
                "supportedmoodles": [{"version": "2024100700", "release": "4.5"}, {"version": 2021051700, "release": "3.11"}, {"version": 2020061500, "release": "3.9"}]}]"#,
        );
        assert_eq!((list.len(), unusable), (1, 0));
        assert_eq!((list[0].version.as_str(), list[0].release.as_deref(), list[0].maturity.as_deref()), ("2024100700", Some("4.5"), None));
        assert_eq!(list[0].supports, ["3.9", "3.11", "4.5"], "by their numbers, not as texts");
        assert_eq!((list[0].requires.as_deref(), list[0].created), (Some("2020061500"), Some(1_700_000_000)));
        assert_eq!(list[0].md5.as_deref(), Some("8d8ae64822f38d278420776f8b42eaa5"));
    }

    #[test]
    fn what_cannot_be_installed_is_no_version() {
        let (list, unusable) = read(
            r#"[{"version": "2024010100"}, {"version": null, "downloadurl": "https://h/x"}, {"version": "2024010101", "downloadurl": "file:///etc/passwd"},
                {"version": "2024010102", "downloadurl": "https://h/x", "downloadmd5": "d41d8cd98f00b204e9800998ecf8427e"},
                {"version": "2024010103", "downloadurl": "https://h/x", "downloadmd5": "zz"}, {"version": "../../x", "downloadurl": "https://h/x"},
                {"version": "2024010104", "downloadurl": "https://u:p@h/x"}, 7, {"version": "2024010105", "downloadurl": "https://h/y"}]"#,
        );
        assert_eq!(list.iter().map(|one| one.version.as_str()).collect::<Vec<_>>(), ["2024010105"]);
        assert_eq!(unusable, 7);
    }

    #[test]
    fn one_build_entered_twice_is_one_version() {
        let entry = |id: u32, md5: &str, created: u32, branch: &str, build: u32| {
            format!(
                r#"{{"id": {id}, "version": "2024010100", "downloadurl": "https://h/{md5}.zip", "downloadmd5": "{}", "timecreated": {created},
                "supportedmoodles": [{{"version": {build}, "release": "{branch}"}}]}}"#,
                md5.repeat(32)
            )
        };
        let (list, _) = read(&format!("[{}, {}]", entry(1, "a", 5, "4.5", 2_024_100_700), entry(2, "a", 5, "4.1", 2_022_112_800)));
        assert_eq!((list.len(), list[0].supports.as_slice(), list[0].requires.as_deref()), (1, &["4.1".to_owned(), "4.5".to_owned()][..], Some("2022112800")));
        let (list, _) = read(&format!("[{}, {}]", entry(1, "b", 9, "4.5", 2_024_100_700), entry(2, "a", 5, "4.1", 2_022_112_800)));
        assert_eq!((list.len(), list[0].url.as_str(), list[0].supports.len()), (1, "https://h/b.zip", 1), "the later upload alone");
    }

    #[test]
    fn downloads_of_the_directory_that_is_gone_are_the_marketplaces() {
        let (list, _) = read(r#"[{"version": "2015030300", "downloadurl": "https://moodle.org/plugins/download.php/8100/x.zip"}]"#);
        assert_eq!(list[0].url, "https://marketplace.moodle.com/api/plugins/mod_x/versions/2015030300/download");
    }

    #[test]
    fn names_that_lead_elsewhere_are_no_components() {
        let of = |text: &str| component(&Text(Some(text.to_owned()))).map(str::to_owned);
        assert_eq!(of(" mod_x ").as_deref(), Some("mod_x"));
        for bad in ["", "moosh", "mod_", "_x", "mod_../x", "Mod_x", "mod x", "mod_x/y"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
