//! The index as it stands at one commit, read from git's objects: nothing of it is checked out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record::{Plugin, advisory};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Advisory, Digest, ElementId, ObjectId};
use crate::roles::{Context, Level};
use crate::sys::git::{Source, Want};
use crate::sys::{fs, redact, yaml};

/// What people are told of every name, kept by commit.
const SUMMARIES: u64 = 64 << 20;

/// One commit of the index.
#[derive(Debug)]
pub(super) struct Index {
    source: Source,
    commit: ObjectId,
    tree: ObjectId,
    /// Component → path of its file.
    files: BTreeMap<String, String>,
    kept: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
struct Kept {
    summaries: BTreeMap<String, String>,
}

impl Index {
    /// The index at the head of a branch, the default one where none is named. A server that cannot be asked is no reason to do
    /// without what it told last.
    pub(super) fn open(cx: &Context, source: Source, branch: Option<&str>, kept: PathBuf) -> Result<Self> {
        let index = match Self::fetched(cx, &source, branch, kept.clone()) {
            Err(error) if error.is_temporary() && !cx.offline() => {
                let before = Self::fetched(&cx.without_network(), &source, branch, kept);
                if before.is_ok() {
                    let age = source.heard().map(|heard| format!(", as of {} ago", crate::model::Age::since(heard))).unwrap_or_default();
                    cx.log(Level::Warning, format!("the index is used as it was told last{age}: {error}"));
                }
                before.map_err(|_| error)
            }
            other => other,
        }?;
        cx.log(Level::Debug, format!("the index `{}` stands at {}, {} names", redact(index.source.url()), index.commit.short(), index.files.len()));
        Ok(index)
    }

    fn fetched(cx: &Context, source: &Source, branch: Option<&str>, kept: PathBuf) -> Result<Self> {
        let shown = redact(source.url());
        let refs = source.refs(cx)?;
        let wanted = branch.map_or_else(|| "HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
        let head =
            refs.iter().find(|offered| offered.name == wanted).or_else(|| refs.iter().find(|offered| branch.is_none() && offered.name == "refs/heads/main"));
        let head = head.ok_or_else(|| {
            let error = Error::new(
                ErrorKind::NotFound,
                format!("`{shown}` has no {}", branch.map_or("branch at all".to_owned(), |branch| format!("branch `{branch}`"))),
            );
            error.hint("check the repository's `url` and `branch`")
        })?;
        let named = refs.iter().find(|offered| offered.commit == head.commit && offered.name.starts_with("refs/heads/")).map(|offered| offered.name.clone());
        source.fetch(cx, &[Want { reference: named, commit: head.commit }])?;
        let tree = source.tree(head.commit, None)?;
        let files = files(source, head.commit, &shown)?;
        Ok(Self { source: source.clone(), commit: head.commit, tree, files, kept })
    }

    /// When it was heard, in seconds since 1970; `None` for one on this machine.
    pub(super) fn heard(&self) -> Option<i64> {
        self.source.heard()
    }

    /// Every component.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// What the index says of a component; `None`: it does not know it.
    pub(super) fn plugin(&self, component: &str) -> Result<Option<Plugin>> {
        let Some(path) = self.files.get(component) else { return Ok(None) };
        let document = self.document(path)?;
        Plugin::read(component, &document).map(Some).map_err(|error| self.faulty(path, &error))
    }

    /// Every advisory that can be read; the others are told.
    pub(super) fn advisories(&self, cx: &Context) -> Result<Vec<(String, Advisory)>> {
        let folder = match self.source.tree(self.commit, Some("advisories")) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            found => found?,
        };
        let mut all = Vec::new();
        for name in self.source.names(folder)?.into_iter().filter(|name| is_yaml(name)) {
            let path = format!("advisories/{name}");
            match self.document(&path).and_then(|document| advisory(&document)) {
                Ok(one) => all.push((path, one)),
                // One that cannot be read must not hide the others, nor be hidden itself.
                Err(error) => cx.log(Level::Warning, self.faulty(&path, &error).to_string()),
            }
        }
        Ok(all)
    }

    /// Component → one line for people.
    pub(super) fn summaries(&self, cx: &Context) -> Result<BTreeMap<String, String>> {
        let name = Digest::of(self.source.url().as_bytes()).hex();
        let file = self.kept.join(format!("{}-{}.json", &name[..16], self.commit));
        if let Some(kept) = fs::read(&file, SUMMARIES)?.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok()) {
            return Ok(kept.summaries);
        }
        let mut kept = Kept::default();
        for (component, path) in &self.files {
            cx.check()?;
            let summary = self.document(path).ok().and_then(|document| Some(document.get("summary")?.as_str()?.to_owned()));
            kept.summaries.extend(summary.map(|summary| (component.clone(), summary)));
        }
        if let Ok(text) = serde_json::to_vec(&kept) {
            fs::create_folder(&self.kept)?;
            fs::write_atomic(&file, &text)?;
        }
        Ok(kept.summaries)
    }

    fn document(&self, path: &str) -> Result<Value> {
        let bytes = self.source.read(self.tree, path)?.unwrap_or_default();
        if bytes.len() > 4 << 20 {
            return Err(Error::new(ErrorKind::Invalid, "it is larger than 4 MB"));
        }
        let text = String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::Invalid, "it is not UTF-8"))?;
        yaml::read(&text, path)
    }

    fn faulty(&self, path: &str, error: &Error) -> Error {
        Error::new(ErrorKind::Invalid, format!("`{path}` of the index `{}` at {} cannot be used: {error}", redact(self.source.url()), self.commit.short()))
            .hint("tell its keepers; a `git =` of the element's own in the manifest does without the index")
    }
}

fn is_yaml(name: &str) -> bool {
    name.ends_with(".yml") || name.ends_with(".yaml")
}

/// Every component's file: `plugins/<type>/<component>.yml`.
fn files(source: &Source, commit: ObjectId, shown: &str) -> Result<BTreeMap<String, String>> {
    let plugins = source.tree(commit, Some("plugins")).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Error::new(ErrorKind::Invalid, format!("`{shown}` is no CAMP index: it has no folder `plugins`")).hint("check the repository's `url`")
        }
        _ => error,
    })?;
    let mut files = BTreeMap::new();
    for kind in source.names(plugins)? {
        let path = format!("plugins/{kind}");
        let folder = match source.tree(commit, Some(&path)) {
            // A file beside the folders.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            found => found?,
        };
        for name in source.names(folder)?.into_iter().filter(|name| is_yaml(name)) {
            let component = name.trim_end_matches(".yml").trim_end_matches(".yaml");
            if ElementId::new(super::PLUGINS, component).is_ok() {
                files.entry(component.to_owned()).or_insert_with(|| format!("{path}/{name}"));
            }
        }
    }
    Ok(files)
}
