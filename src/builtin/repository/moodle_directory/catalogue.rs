//! The directory's whole list, kept in the stock for every site: what greffon needs of it in one file, found by name.
//!
//! The file's first line is a table of names with the place of each below; its time is that of the last word from the server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::answers::{Addresses, Offered, PlugList, component, offered};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Age, Digest};
use crate::roles::{Context, Level};
use crate::sys::http::Http;
use crate::sys::{fs, redact};

/// Grows when what is kept, or how, changes.
const SCHEMA: u32 = 1;
/// The list may have so many bytes.
const LIMIT: u64 = 512 << 20;
/// After a failure without a word on when to come back.
const PAUSE: Duration = Duration::from_secs(60);

/// Where the list comes from and where it is kept.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) url: String,
    pub(super) folder: PathBuf,
    pub(super) max_age: Age,
    pub(super) addresses: Addresses,
}

/// The list, read.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    head: Head,
    bytes: Vec<u8>,
    start: usize,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Head {
    schema: u32,
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    length: usize,
    plugins: BTreeMap<String, Line>,
}

/// One name of the table.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    /// What the plugin is called for people.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// Its highest version.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub(super) newest: Option<String>,
    /// Where its versions stand.
    #[serde(rename = "a")]
    at: (usize, usize),
}

impl Catalogue {
    fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.list", &Digest::of(self.url.as_bytes()).hex()[..32]))
    }

    /// The file whose text says until when the server wants to be left alone.
    fn pause(&self) -> PathBuf {
        self.file().with_extension("wait")
    }

    /// The list as it is known, asked for again where it is older than it may be. A server that fails, or answers something else,
    /// is no reason to do without what it said last: that serves then, with a warning that tells its age.
    ///
    /// # Errors
    /// `Offline` when it was never asked for and must not be; whatever asking failed with where nothing is kept.
    pub(super) fn open(&self, cx: &Context, http: &Http) -> Result<Shelf> {
        let shown = redact(&self.url);
        let kept = Shelf::read(&self.file(), &self.url);
        if cx.offline() {
            let (shelf, age) =
                kept.ok_or_else(|| crate::sys::http::offline(&shown).note("the list of plugins was never asked for, so that nothing of it is kept"))?;
            if age > self.max_age {
                cx.log(Level::Detail, format!("the list of plugins of `{shown}` is {age} old"));
            }
            return Ok(shelf);
        }
        if let Some((_, age)) = &kept
            && *age < self.max_age
            && !cx.refresh()
        {
            return Ok(kept.map(|(shelf, _)| shelf).unwrap_or_default());
        }
        let asked = match self.paused() {
            Some((left, told)) => {
                let why = if told { "asked to be left alone for another" } else { "could not be had just now, and is left alone for another" };
                Err(Error::new(ErrorKind::Network, format!("`{shown}` {why} {left}")).hint("run it again then; `--offline` works with what is kept"))
            }
            None => self.ask(cx, http, kept.as_ref().and_then(|(shelf, _)| shelf.head.etag.as_deref())),
        };
        match (asked, kept) {
            (Ok(Some(shelf)), _) => Ok(shelf),
            (Ok(None), Some((shelf, _))) => {
                fs::freshen(&self.file());
                Ok(shelf)
            }
            (Ok(None), None) => Err(Error::new(ErrorKind::Network, format!("`{shown}` says that nothing changed, and nothing of it is kept here"))),
            (Err(error), None) => Err(error),
            (Err(error), Some(_)) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Undecided) => Err(error),
            (Err(error), Some((shelf, age))) => {
                cx.log(Level::Warning, format!("the list of plugins is {age} old: {error}"));
                Ok(shelf)
            }
        }
    }

    /// How long the server is still left alone, and whether it asked for that itself.
    fn paused(&self) -> Option<(String, bool)> {
        let text = fs::read_text(&self.pause(), 64).ok().flatten()?;
        let mut words = text.split_whitespace();
        let until = UNIX_EPOCH + Duration::from_secs(words.next()?.parse().ok()?);
        // A clock that was set back must not keep it away for good.
        let left = until.duration_since(SystemTime::now()).ok().filter(|left| *left <= Age::hours(7 * 24).duration())?;
        let left = left.as_secs();
        Some((if left < 120 { format!("{} s", left.max(1)) } else { Age::seconds(left).to_string() }, words.next() == Some("told")))
    }

    /// The list as the server has it now; `None`: as it was.
    fn ask(&self, cx: &Context, http: &Http, etag: Option<&str>) -> Result<Option<Shelf>> {
        let answer = match http.get(cx, &self.url, None, etag, LIMIT) {
            Ok(answer) => answer,
            Err(error) => {
                if error.is_temporary() {
                    self.leave_alone(error.wait());
                }
                return Err(error);
            }
        };
        let shown = redact(&self.url);
        match answer.status {
            304 => return Ok(None),
            200 => {}
            other => {
                return Err(Error::new(ErrorKind::NotFound, format!("there is no list of plugins at `{shown}` (status {other})"))
                    .hint("check the repository's `url`; Moodle's own is `https://download.moodle.org/api/1.3/`"));
            }
        }
        let list: PlugList = serde_json::from_slice(&answer.body).map_err(|fault| no_list(&shown, &answer.body, answer.content_type.as_deref(), &fault))?;
        drop(answer.body);
        let shelf = self.shelve(cx, list, answer.etag)?;
        fs::create_folder(&self.folder)?;
        fs::write_atomic(&self.file(), &shelf.bytes)?;
        Ok(Some(shelf))
    }

    /// `told`: for how long the server asked to be.
    fn leave_alone(&self, told: Option<Duration>) {
        let until = (SystemTime::now() + told.unwrap_or(PAUSE)).duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // Without this note the server is merely asked again.
        let _ = fs::create_folder(&self.folder)
            .and_then(|()| fs::write_atomic(&self.pause(), format!("{until}{}", if told.is_some() { " told" } else { "" }).as_bytes()));
    }

    fn shelve(&self, cx: &Context, list: PlugList, etag: Option<String>) -> Result<Shelf> {
        let mut body = Vec::new();
        let mut head = Head { schema: SCHEMA, url: redact(&self.url), etag, ..Head::default() };
        let mut unusable = 0;
        for plugin in &list.plugins.0 {
            cx.check()?;
            let Some(name) = component(&plugin.component) else { continue };
            let (versions, without) = offered(&plugin.versions.0, &self.addresses, name);
            unusable += without;
            if head.plugins.contains_key(name) {
                cx.log(Level::Detail, format!("{name} is listed twice by `{}`; the first counts", redact(&self.url)));
                continue;
            }
            let start = body.len();
            serde_json::to_writer(&mut body, &versions).map_err(unwritable)?;
            let newest = versions.iter().map(|one| one.version.as_str()).max_by(|a, b| a.len().cmp(&b.len()).then(a.cmp(b))).map(str::to_owned);
            head.plugins.insert(name.to_owned(), Line { name: plugin.name.get().map(str::to_owned), newest, at: (start, body.len()) });
        }
        // One that names nobody would hand every name to whoever comes next.
        if head.plugins.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, format!("`{}` lists no plugin at all", redact(&self.url)))
                .hint("the server has a problem, or it is another address"));
        }
        if unusable > 0 {
            cx.log(Level::Detail, format!("{unusable} versions listed by `{}` have nothing that could be downloaded", redact(&self.url)));
        }
        head.length = body.len();
        let mut bytes = serde_json::to_vec(&head).map_err(unwritable)?;
        bytes.push(b'\n');
        let start = bytes.len();
        bytes.append(&mut body);
        Ok(Shelf { head, bytes, start })
    }
}

fn unwritable(fault: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "the list of plugins cannot be kept").caused_by(fault)
}

/// What came instead of a list.
pub(super) fn no_list(shown: &str, body: &[u8], content_type: Option<&str>, fault: &serde_json::Error) -> Error {
    let start = String::from_utf8_lossy(&body[..body.len().min(256)]).trim_start().to_lowercase();
    if start.starts_with('<') || content_type == Some("text/html") {
        return Error::new(ErrorKind::Invalid, format!("`{shown}` answered with a web page, not with a list of plugins"))
            .hint("a login page or a proxy may stand between; open the address in a browser");
    }
    Error::new(ErrorKind::Invalid, format!("`{shown}` did not answer with a list of plugins: {fault}"))
        .hint("the answer is damaged or cut off, or it is another address: try again later")
}

impl Shelf {
    /// What is kept, and how old it is. A file that is not whole is as good as none.
    fn read(file: &Path, url: &str) -> Option<(Self, Age)> {
        let Ok(Some(fs::PathKind::File { modified, .. })) = fs::kind(file) else { return None };
        let bytes = fs::read(file, LIMIT).ok().flatten()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
        let start = end + 1;
        if head.schema != SCHEMA || head.url != redact(url) || bytes.len() - start != head.length {
            return None;
        }
        let heard = i64::try_from(modified / 1_000_000_000).unwrap_or_default();
        Some((Self { head, bytes, start }, Age::since(heard)))
    }

    /// A plugin's versions; `None`: it is not listed.
    ///
    /// # Errors
    /// `Invalid` where the kept file is damaged.
    pub(super) fn find(&self, component: &str) -> Result<Option<(&Line, Vec<Offered>)>> {
        let Some(line) = self.head.plugins.get(component) else { return Ok(None) };
        let bytes = self.bytes.get(self.start + line.at.0..self.start + line.at.1);
        let versions = bytes.and_then(|bytes| serde_json::from_slice(bytes).ok());
        let versions = versions.ok_or_else(|| Error::new(ErrorKind::Invalid, "the kept list of plugins is damaged").hint("`--refresh` asks for it anew"))?;
        Ok(Some((line, versions)))
    }

    /// Every name.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&str, &Line)> {
        self.head.plugins.iter().map(|(name, line)| (name.as_str(), line))
    }
}
