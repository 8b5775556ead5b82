//! Recorded http: what a server once said, in a file beside the test, played back in its place.
//!
//! ```json
//! { "schema": "greffon/recording/1", "exchanges": [
//!   { "method": "GET", "url": "https://shop.example/list", "status": 200, "headers": { "content-type": "application/json" }, "json": {} } ] }
//! ```
//!
//! The body is one of `json`, `text`, `base64`. Secrets are never written: `{{secret:NAME}}` stands for each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::sys::fs;
use crate::sys::http::{Asked, Played, Tape};
use crate::sys::redact;

/// The word for the form of the file.
const SCHEMA: &str = "greffon/recording/1";
/// Longer recordings are refused.
const LARGEST: u64 = 64 << 20;
/// What is kept of an answer's headers: what scripts look at, and nothing that belongs to one moment or one person.
const HEADERS: [&str; 9] =
    ["content-type", "content-disposition", "location", "retry-after", "link", "etag", "last-modified", "www-authenticate", "accept-ranges"];

/// A request and its answer, as they stand in the file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    #[serde(default = "get")]
    pub(super) method: String,
    pub(super) url: String,
    /// What was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    #[serde(default = "fine")]
    pub(super) status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) json: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn fine() -> u16 {
    200
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    exchanges: Vec<Exchange>,
}

/// The recordings of one test.
pub(super) struct Cassette {
    file: PathBuf,
    test: String,
    record: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    secrets: Vec<(String, String)>,
    /// What the test itself says, and what was recorded; each with how often it served.
    said: Vec<(Exchange, usize)>,
    recorded: Vec<(Exchange, usize)>,
    kept: Vec<Exchange>,
    /// What was asked, as method, url and body.
    asked: Vec<(String, String, Option<String>)>,
    missed: Vec<String>,
}

impl Cassette {
    /// The recordings of a test in this file, which need not be there; `record`: the server is asked, whatever it says.
    pub(super) fn open(file: &Path, test: &str, record: bool) -> Result<Self> {
        let mut state = State::default();
        if !record && let Some(text) = fs::read_text(file, LARGEST)? {
            let read: File = serde_json::from_str(&text).map_err(|error| {
                Error::new(ErrorKind::Invalid, format!("the recording `{}` cannot be read: {error}", file.display()))
                    .hint("mend it, or make it anew: `--record`")
            })?;
            if read.schema != SCHEMA {
                return Err(Error::new(
                    ErrorKind::Newer,
                    format!("the recording `{}` is of the form `{}`, and this greffon knows `{SCHEMA}`", file.display(), read.schema.escape_debug()),
                ));
            }
            state.recorded = read.exchanges.into_iter().map(|one| (one, 0)).collect();
        }
        Ok(Self { file: file.to_owned(), test: test.to_owned(), record, state: Mutex::new(state) })
    }

    fn state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on this value is `{{secret:NAME}}` in what is written.
    pub(super) fn hide(&self, name: &str, value: &str) {
        self.state(|state| state.secrets.push((name.to_owned(), value.to_owned())));
    }

    /// An answer that the test itself says.
    pub(super) fn say(&self, exchange: Exchange) {
        self.state(|state| state.said.push((exchange, 0)));
    }

    /// What was asked so far: method, url, body.
    pub(super) fn asked(&self) -> Vec<(String, String, Option<String>)> {
        self.state(|state| state.asked.clone())
    }

    /// The requests that nothing answered.
    pub(super) fn missed(&self) -> Vec<String> {
        self.state(|state| state.missed.clone())
    }

    /// The error for a request that nothing answers.
    pub(super) fn nothing_for(&self, request: &str) -> Error {
        Error::new(ErrorKind::Offline, format!("the test `{}` has no recording of `{request}`", self.test))
            .note(format!("looked for in `{}`", self.file.display()))
            .hint("`greffon extension test --record` asks the server and writes what it says there")
            .hint("or say it in the test: `t.replies(\"GET\", \"https://…\", #{ status: 200, json: #{} })`")
    }

    /// Writes what was kept; gives the file and how many exchanges it holds.
    pub(super) fn finish(&self) -> Result<Option<(PathBuf, usize)>> {
        let kept = self.state(|state| std::mem::take(&mut state.kept));
        if kept.is_empty() {
            return Ok(None);
        }
        let count = kept.len();
        if let Some(folder) = self.file.parent() {
            fs::create_folder(folder)?;
        }
        let text = serde_json::to_string_pretty(&File { schema: SCHEMA.to_owned(), exchanges: kept })
            .map_err(|error| Error::new(ErrorKind::Internal, "a recording cannot be written").caused_by(error))?;
        fs::write_atomic(&self.file, (text + "\n").as_bytes())?;
        Ok(Some((self.file.clone(), count)))
    }
}

impl State {
    /// A text with names in place of secrets, each also as it looks in urls and in base64.
    fn masked(&self, text: &str) -> String {
        self.forms().fold(text.to_owned(), |text, (mark, value)| text.replace(&value, &mark))
    }

    /// As [`Self::masked`], one name for each form: requests are compared by it, whatever a secret's value is.
    fn named(&self, text: &str) -> String {
        self.secrets.iter().fold(self.masked(text), |text, (name, _)| {
            let mark = format!("{{{{secret:{name}}}}}");
            text.replace(&format!("{{{{secret-in-url:{name}}}}}"), &mark).replace(&format!("{{{{secret-in-base64:{name}}}}}"), &mark)
        })
    }

    fn unmasked(&self, text: &str) -> String {
        self.forms().fold(text.to_owned(), |text, (mark, value)| text.replace(&mark, &value))
    }

    fn forms(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.secrets.iter().filter(|(_, value)| !value.is_empty()).flat_map(|(name, value)| {
            let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            [
                (format!("{{{{secret:{name}}}}}"), value.clone()),
                (format!("{{{{secret-in-url:{name}}}}}"), encoded),
                (format!("{{{{secret-in-base64:{name}}}}}"), STANDARD.encode(value)),
            ]
        })
    }
}

/// The first answer to a request that did not serve yet, else the last that did.
fn find(list: &mut [(Exchange, usize)], method: &str, url: &str, body: Option<&str>) -> Option<Exchange> {
    let fits = |one: &Exchange| one.method == method && one.url == url && (one.body.is_none() || one.body.as_deref() == body);
    let at = list.iter().position(|(one, served)| *served == 0 && fits(one)).or_else(|| list.iter().rposition(|(one, _)| fits(one)))?;
    list[at].1 += 1;
    Some(list[at].0.clone())
}

impl Tape for Cassette {
    fn play(&self, asked: &Asked<'_>) -> Result<Option<Played>> {
        let found = self.state(|state| {
            let url = state.named(asked.url);
            let body = asked.body.map(|body| state.named(&String::from_utf8_lossy(body)));
            state.asked.push((asked.method.to_owned(), url.clone(), body.clone()));
            let (method, body) = (asked.method, body.as_deref());
            let found = find(&mut state.said, method, &url, body).or_else(|| find(&mut state.recorded, method, &url, body));
            if found.is_none() && !self.record {
                let query = if url.contains('?') { "?…" } else { "" };
                state.missed.push(format!("{method} {}{query}", redact(&url)));
            }
            found.map(|exchange| played(state, &exchange))
        });
        match found {
            Some(played) => played.map(Some),
            None if self.record => Ok(None),
            None => Err(self.nothing_for(&self.missed().pop().unwrap_or_default())),
        }
    }

    fn keep(&self, asked: &Asked<'_>, played: &Played) {
        self.state(|state| {
            let mut exchange = Exchange {
                method: asked.method.to_owned(),
                url: state.named(asked.url),
                body: asked.body.map(|body| state.named(&String::from_utf8_lossy(body))),
                status: played.status,
                ..Exchange::default()
            };
            for (name, value) in played.headers.iter().filter(|(name, _)| HEADERS.contains(&name.as_str())) {
                exchange.headers.insert(name.clone(), state.masked(value));
            }
            match std::str::from_utf8(&played.body) {
                Ok(text) => {
                    let text = state.masked(text);
                    let is_json = exchange.headers.get("content-type").is_some_and(|kind| kind.contains("json"));
                    match serde_json::from_str::<Value>(&text).ok().filter(|_| is_json) {
                        Some(value) => exchange.json = Some(value),
                        None => exchange.text = Some(text),
                    }
                }
                Err(_) => exchange.base64 = Some(STANDARD.encode(&played.body)),
            }
            state.kept.push(exchange);
        });
    }
}

fn played(state: &State, exchange: &Exchange) -> Result<Played> {
    let mut headers: Vec<(String, String)> = exchange.headers.iter().map(|(name, value)| (name.to_lowercase(), state.unmasked(value))).collect();
    if exchange.json.is_some() && !exchange.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let body = match (&exchange.json, &exchange.text, &exchange.base64) {
        (Some(value), _, _) => state.unmasked(&value.to_string()).into_bytes(),
        (_, Some(text), _) => state.unmasked(text).into_bytes(),
        (_, _, Some(text)) => STANDARD.decode(text).map_err(|error| Error::new(ErrorKind::Invalid, "a recorded body is no base64").caused_by(error))?,
        _ => Vec::new(),
    };
    Ok(Played { status: exchange.status, headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<'a>(method: &'a str, url: &'a str, body: Option<&'a [u8]>) -> Asked<'a> {
        Asked { method, url, body }
    }

    #[test]
    fn what_is_kept_is_played_and_holds_no_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("recordings/x.json");
        let recorder = Cassette::open(&file, "x", true).expect("opened");
        recorder.hide("shop", "s3cr3t key");
        let request = asked("POST", "https://a.example/?k=s3cr3t+key", Some(b"key=s3cr3t+key"));
        assert_eq!(recorder.play(&request).expect("asked"), None);
        let said = Played {
            status: 402,
            headers: vec![("content-type".into(), "text/plain".into()), ("set-cookie".into(), "id=1".into())],
            body: b"no, s3cr3t key".to_vec(),
        };
        recorder.keep(&request, &said);
        assert_eq!(recorder.finish().expect("written").map(|(_, count)| count), Some(1));
        let text = fs::read_text(&file, 1 << 20).expect("read").expect("there");
        assert!(!text.contains("s3cr3t") && !text.contains("cookie"), "{text}");
        let player = Cassette::open(&file, "x", false).expect("opened");
        player.hide("shop", "other");
        let request = asked("POST", "https://a.example/?k=other", Some(b"key=other"));
        let played = player.play(&request).expect("played").expect("an answer");
        assert_eq!((played.status, played.body.as_slice()), (402, b"no, other".as_slice()));
        let error = player.play(&asked("GET", "https://a.example/else?token=1", None)).expect_err("not recorded");
        assert!(error.message().contains("GET https://a.example/else?…") && error.hints()[0].contains("--record"), "{error:?}");
        assert_eq!(player.missed().len(), 1);
    }

    #[test]
    fn answers_come_in_turn_and_the_last_stays() {
        let tape = Cassette::open(Path::new("/nowhere/x.json"), "x", false).expect("none is fine");
        for text in ["one", "two"] {
            tape.say(Exchange { method: "GET".into(), url: "https://a.example/".into(), status: 200, text: Some(text.into()), ..Exchange::default() });
        }
        let said: Vec<Vec<u8>> = (0..3).map(|_| tape.play(&asked("GET", "https://a.example/", None)).expect("played").expect("an answer").body).collect();
        assert_eq!(said, [b"one".to_vec(), b"two".to_vec(), b"two".to_vec()]);
    }
}
