//! `builtin:moodle-downloads`: Moodle itself as the archives of its download server, for sites that want no git.
//!
//! A branch has a folder (`stable405/`) with `moodle-4.5.tgz`, `moodle-4.5.1.tgz`, … and `moodle-latest-405.tgz`, the weekly build,
//! which is offered as `4.5+`; beside each stands its checksum. Where the server lists a folder the list is read, else the releases
//! are found by asking for checksums, which are small. What was found is kept for half a day.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::builtin::environment::Env;
use crate::builtin::memo::Memo;
use crate::builtin::options;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::UseSpec;
use crate::model::{Digest, Download, ElementId, ElementInfo, Version};
use crate::roles::{Context, ElementInfoRequest, Level, Repository, SearchHit, SearchRequest, VersionEntry, Versions, VersionsRequest};
use crate::sys::fs;
use crate::sys::http::Http;
use crate::version::moodle_branches;

/// What `use = "builtin:moodle-downloads"` names.
pub const NAME: &str = "moodle-downloads";
/// Where the archives are unless the manifest says otherwise.
const PUBLIC: &str = "https://download.moodle.org/download.php/direct/";
/// Branches before this one are not offered unless they are named.
const FIRST: (u64, u64) = (4, 1);
/// A list or checksum is no longer than this.
const LIMIT: u64 = 4 << 20;
/// What was found is not asked for again before.
const KEPT: Duration = Duration::from_secs(12 * 60 * 60);
/// No branch ever had so many releases.
const MOST: u64 = 99;

/// The options.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DownloadsOptions {
    /// The folder above `stable405/`.
    pub url: Option<String>,
    /// `["4.5", "5.1"]`: the branches that are looked at.
    pub branches: Vec<String>,
    /// The name of the core's element, `moodle` when it is left out.
    pub core: Option<String>,
    /// See [`Repository::merge`].
    pub merge: bool,
}

/// The download server.
#[derive(Debug)]
pub struct MoodleDownloads {
    name: String,
    url: String,
    branches: Vec<(u64, u64)>,
    core: ElementId,
    merge: bool,
    http: Http,
    kept: PathBuf,
    found: Memo<(), Arc<BTreeMap<String, Vec<u64>>>>,
}

/// Makes one from its options.
///
/// # Errors
/// `Manifest` for options that cannot be understood.
pub fn build(spec: &UseSpec, env: &Env) -> Result<Arc<dyn Repository>> {
    let read: DownloadsOptions = options::read(spec)?;
    let url = read.url.unwrap_or_else(|| PUBLIC.to_owned());
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(options::wrong(spec, "url", &format!("`{}` is no http(s) address", crate::sys::redact(&url).escape_debug())));
    }
    let core = ElementId::new("core", read.core.as_deref().unwrap_or("moodle")).map_err(|error| options::wrong(spec, "core", error.message()))?;
    let mut branches = Vec::new();
    for text in &read.branches {
        let branch = text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let branch = branch
            .ok_or_else(|| options::wrong(spec, "branches", &format!("`{}` is no branch of Moodle", text.escape_debug())).hint("a branch is written `4.5`"))?;
        branches.push(branch);
    }
    if branches.is_empty() {
        branches = moodle_branches().filter(|branch| *branch >= FIRST).collect();
        // What this greffon does not know yet comes after what it knows.
        branches.extend(branches.last().map(|(major, minor)| if *minor < 3 { (*major, minor + 1) } else { (major + 1, 0) }));
    }
    Ok(Arc::new(MoodleDownloads {
        name: spec.name.clone().unwrap_or_else(|| NAME.to_owned()),
        url: url.trim_end_matches('/').to_owned(),
        branches,
        core,
        merge: read.merge,
        http: env.http.clone(),
        kept: env.stockroom.info().join(NAME),
        found: Memo::default(),
    }))
}

/// What the server says that an archive's bytes must be.
#[derive(Debug, Default)]
struct Sum {
    sha256: Option<Digest>,
    md5: Option<String>,
}

/// What was found, and when.
#[derive(Serialize, Deserialize)]
struct Kept {
    schema: u32,
    url: String,
    at: u64,
    branches: BTreeMap<String, Vec<u64>>,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// `stable405`, `stable39`.
fn folder((major, minor): (u64, u64)) -> String {
    format!("stable{}", code((major, minor)))
}

fn code((major, minor): (u64, u64)) -> String {
    if major < 4 { format!("{major}{minor}") } else { format!("{major}{minor:02}") }
}

fn archive((major, minor): (u64, u64), patch: u64) -> String {
    if patch == 0 { format!("moodle-{major}.{minor}.tgz") } else { format!("moodle-{major}.{minor}.{patch}.tgz") }
}

impl MoodleDownloads {
    fn file(&self) -> PathBuf {
        let names: Vec<String> = self.branches.iter().map(|branch| code(*branch)).collect();
        self.kept.join(format!("{}.json", &Digest::of(format!("{}\n{}", self.url, names.join(" ")).as_bytes()).hex()[..32]))
    }

    /// The releases of every branch that the server has; `u64::MAX`: its weekly build.
    fn found(&self, cx: &Context) -> Result<Arc<BTreeMap<String, Vec<u64>>>> {
        self.found.get(&(), || {
            let file = self.file();
            let kept =
                fs::read(&file, LIMIT)?.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok()).filter(|kept| kept.schema == 1 && kept.url == self.url);
            let fresh = kept.as_ref().is_some_and(|kept| now().saturating_sub(kept.at) < KEPT.as_secs());
            if let Some(kept) = kept
                && (cx.offline() || (fresh && !cx.refresh()))
            {
                return Ok(Arc::new(kept.branches));
            }
            let mut branches = BTreeMap::new();
            for branch in &self.branches {
                cx.check()?;
                let releases = self.releases(cx, *branch)?;
                if !releases.is_empty() {
                    branches.insert(format!("{}.{}", branch.0, branch.1), releases);
                }
            }
            if branches.is_empty() {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!("`{}` has no archive of Moodle in any of the branches that were looked for", crate::sys::redact(&self.url)),
                )
                .hint("`url` is the folder above `stable405/`; `branches = [\"4.5\"]` names branches"));
            }
            fs::create_folder(&self.kept)?;
            let text = serde_json::to_vec(&Kept { schema: 1, url: self.url.clone(), at: now(), branches: branches.clone() })
                .map_err(|error| Error::new(ErrorKind::Internal, "could not write what the download server has").caused_by(error))?;
            fs::write_atomic(&file, &text)?;
            Ok(Arc::new(branches))
        })
    }

    fn releases(&self, cx: &Context, branch: (u64, u64)) -> Result<Vec<u64>> {
        let list = self.http.get(cx, &format!("{}/{}/", self.url, folder(branch)), None, None, LIMIT);
        let mut found: Vec<u64> = match list {
            Ok(answer) if answer.status == 200 => listed(&String::from_utf8_lossy(&answer.body), branch),
            Ok(_) => Vec::new(),
            // A server that lists nothing may say so in its own way.
            Err(error) if error.kind() == ErrorKind::Denied => Vec::new(),
            Err(error) => return Err(error),
        };
        if found.is_empty() && self.checksum(cx, branch, &archive(branch, 0))?.is_some() {
            // Releases follow each other without gaps: double the number until it is too high, then halve the rest.
            let (mut low, mut high) = (0, 1);
            while high < MOST && self.checksum(cx, branch, &archive(branch, high))?.is_some() {
                (low, high) = (high, high * 2);
            }
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                let there = self.checksum(cx, branch, &archive(branch, middle))?.is_some();
                (low, high) = if there { (middle, high) } else { (low, middle) };
            }
            found = (0..=low).collect();
            if self.checksum(cx, branch, &latest(branch))?.is_some() {
                found.push(u64::MAX);
            }
        }
        found.sort_unstable();
        found.dedup();
        if !found.is_empty() {
            cx.log(Level::Detail, format!("{}: {} archives of Moodle {}.{}", self.name, found.len(), branch.0, branch.1));
        }
        Ok(found)
    }

    /// The checksum beside an archive, the better one where there are two. `None`: there is no such archive.
    fn checksum(&self, cx: &Context, branch: (u64, u64), archive: &str) -> Result<Option<Sum>> {
        for kind in ["sha256", "md5"] {
            let answer = self.http.get(cx, &format!("{}/{}/{archive}.{kind}", self.url, folder(branch)), None, None, LIMIT)?;
            if answer.status != 200 {
                continue;
            }
            // `HEX  NAME`, `HEX`, or `NAME = HEX`; what has none of them is a page that some servers give for everything.
            let text = String::from_utf8_lossy(&answer.body);
            let length = if kind == "sha256" { 64 } else { 32 };
            let hex = text.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| word.len() == length && word.bytes().all(|byte| byte.is_ascii_hexdigit()));
            if let Some(hex) = hex {
                let hex = hex.to_ascii_lowercase();
                return Ok(Some(match kind {
                    "sha256" => Sum { sha256: hex.parse().ok(), md5: None },
                    _ => Sum { sha256: None, md5: Some(hex) },
                }));
            }
        }
        Ok(None)
    }

    /// The branch and archive of a version that this server has.
    fn place(&self, cx: &Context, version: &Version) -> Result<Option<((u64, u64), String)>> {
        for (name, releases) in self.found(cx)?.iter() {
            let Some(branch) = self.branches.iter().find(|branch| format!("{}.{}", branch.0, branch.1) == *name) else { continue };
            for patch in releases {
                if version_of(*branch, *patch) == *version {
                    return Ok(Some((*branch, if *patch == u64::MAX { latest(*branch) } else { archive(*branch, *patch) })));
                }
            }
        }
        Ok(None)
    }
}

fn latest(branch: (u64, u64)) -> String {
    format!("moodle-latest-{}.tgz", code(branch))
}

fn version_of((major, minor): (u64, u64), patch: u64) -> Version {
    if patch == u64::MAX { Version::new(format!("{major}.{minor}+")) } else { Version::new(format!("{major}.{minor}.{patch}")) }
}

/// The archives that a folder's page links to.
fn listed(page: &str, branch: (u64, u64)) -> Vec<u64> {
    let mut found: Vec<u64> = (0..=MOST)
        .filter(|patch| page.contains(&format!("\"{}\"", archive(branch, *patch))) || page.contains(&format!("/{}\"", archive(branch, *patch))))
        .collect();
    if !found.is_empty() && page.contains(&latest(branch)) {
        found.push(u64::MAX);
    }
    found
}

impl Repository for MoodleDownloads {
    fn name(&self) -> &str {
        &self.name
    }

    fn versions(&self, cx: &Context, request: &VersionsRequest) -> Result<Versions> {
        if request.id != self.core {
            return Ok(Versions::Unknown);
        }
        let found = self.found(cx).map_err(|error| error.wrap(format!("repository `{}` could not be asked for the versions of {}", self.name, request.id)))?;
        let all = self.branches.iter().flat_map(|branch| {
            let releases = found.get(&format!("{}.{}", branch.0, branch.1)).cloned().unwrap_or_default();
            releases.into_iter().map(|patch| VersionEntry { version: version_of(*branch, patch), info: None })
        });
        Ok(Versions::Known(all.collect()))
    }

    fn element_info(&self, cx: &Context, request: &ElementInfoRequest) -> Result<Option<ElementInfo>> {
        if request.id != self.core {
            return Ok(None);
        }
        let Some((branch, archive)) = self.place(cx, &request.version)? else { return Ok(None) };
        let Sum { sha256, md5 } = if cx.offline() { Sum::default() } else { self.checksum(cx, branch, &archive)?.unwrap_or_default() };
        let mut info = ElementInfo::bare(request.id.clone(), request.version.clone());
        info.download = Some(Download::Url { url: format!("{}/{}/{archive}", self.url, folder(branch)), sha256, md5, size: None, dialogue: None, price: None });
        Ok(Some(info))
    }

    fn search(&self, _: &Context, request: &SearchRequest) -> Result<Vec<SearchHit>> {
        let hit = SearchHit { id: self.core.clone(), summary: Some("Moodle itself, as an archive".to_owned()), version: None };
        Ok(super::search::best(std::iter::once(hit), &request.text, request.limit))
    }

    fn merge(&self) -> bool {
        self.merge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_named_as_the_server_names_them() {
        assert_eq!(
            (folder((4, 5)), folder((3, 11)), folder((3, 9)), folder((5, 1))),
            ("stable405".into(), "stable311".into(), "stable39".into(), "stable501".into())
        );
        assert_eq!(
            (archive((4, 5), 0), archive((4, 5), 6), latest((4, 5))),
            ("moodle-4.5.tgz".into(), "moodle-4.5.6.tgz".into(), "moodle-latest-405.tgz".into())
        );
        let page = r#"<a href="moodle-4.5.tgz">x</a> <a href="/s/moodle-4.5.2.tgz">y</a> <a href="moodle-4.5.2.tgz.md5"> <a href="moodle-latest-405.tgz">"#;
        assert_eq!(listed(page, (4, 5)), [0, 2, u64::MAX]);
        assert!(listed("<html>moved</html>", (4, 5)).is_empty());
    }
}
