//! `http`: granted hosts, asked in any way; the grant is looked at again at every redirect.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rhai::{Dynamic, ImmutableString, Map};
use url::Url;

use super::doc::Doc;
use super::files;
use super::markup::{Element, Page};
use super::options::Options;
use super::secret::{Secret, revealed, values_without_secrets, without_secrets};
use super::{Answer, Function, HostModule, Registrar, bounded, kept};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Digest;
use crate::roles::{Context, Event, Unit};
use crate::script::Kind;
use crate::script::call::Call;
use crate::script::value::to_script;
use crate::sys::http::{Auth, Reply, Send};
use crate::sys::{Network, hide_secrets, redact};

pub(super) const MODULE: HostModule = HostModule {
    name: "http",
    about: "Granted hosts over http and https, through the proxy, certificates and mirrors of this machine. Every status comes back as an answer; \
            an error is a network that fails, a host that is not granted, a limit. Redirects are followed (10 at most) where the grant covers \
            them; to another origin no credential, cookie or header of yours goes along, and no body. Nothing is sent that you did not give: \
            no netrc, no cookies. With `--offline` it is refused.\n\n\
            Options, all of them optional: `headers`, `query`, `form`, `json`, `body` (a text), `auth` (a secret: sent as bearer token; or \
            `#{ user, secret }`), `timeout` (seconds), `follow: false`, `max_bytes` (of the answer: 16 MiB unless told otherwise, at most 256; \
            of a download 2 GiB), for downloads `sha256`, and for `get` `keep: true`: the answer is asked for once a run, \
            and on the next only whether it is still the same; offline it serves as it is. Wherever a text is taken, a secret is taken too.",
    needs: &[Kind::Net],
    functions: &[
        Function { signature: "get(url) -> answer", about: "asks; see `answer` below" },
        Function { signature: "get(url, options) -> answer", about: "the same with options" },
        Function { signature: "post(url, options) -> answer", about: "sends `form`, `json` or `body`" },
        Function { signature: "request(method, url, options) -> answer", about: "any other method" },
        Function {
            signature: "download(url, path) -> #{ size, sha256, type, url }",
            about: "streams a file to a granted path or into the folder of the call (`request.target_dir`); an answer other than 2xx is an error, \
                    and the file appears whole or not at all",
        },
        Function { signature: "download(url, path, options) -> #{ size, sha256, type, url }", about: "the same with options" },
        Function { signature: "answer.status, answer.ok", about: "the status, and whether it is 2xx" },
        Function { signature: "answer.text", about: "the body as a text" },
        Function { signature: "answer.headers, answer.header(name)", about: "all headers as a map with names in lower case; one, or `()`" },
        Function { signature: "answer.type, answer.url", about: "`Content-Type` without parameters; the url that answered" },
        Function { signature: "answer.json() -> value", about: "the body read as JSON, as maps and lists" },
        Function { signature: "answer.doc() -> document", about: "the same as a read-only document, for large ones: see `json::doc`" },
        Function { signature: "answer.html() -> page", about: "the body as a page: see `html::parse`" },
        Function { signature: "answer.xml() -> element", about: "the body as an element: see `xml::parse`" },
    ],
    example: "let answer = http::get(\"https://plugins.example.org/list.json\", #{ query: #{ page: 1 }, timeout: 20 });\n\
              if !answer.ok { throw #{ kind: \"network\", message: `the list cannot be had: status ${answer.status}` }; }\n\
              for plugin in answer.json().plugins { log::info(plugin.name); }",
    register,
};

const KEYS: [&str; 10] = ["headers", "query", "form", "json", "body", "auth", "timeout", "follow", "max_bytes", "keep"];
const DOWNLOAD_KEYS: [&str; 10] = ["headers", "query", "form", "json", "body", "auth", "timeout", "follow", "max_bytes", "sha256"];
const USUAL: u64 = 16 << 20;
const LARGEST: u64 = 256 << 20;
const LARGEST_FILE: u64 = 2 << 30;

/// An answer, for scripts.
#[derive(Debug, Clone)]
pub(super) struct Response {
    pub(super) status: u16,
    headers: Arc<Vec<(String, String)>>,
    url: String,
    what: String,
    body: Arc<Vec<u8>>,
    /// The body as a document, once it was read as one.
    doc: Arc<OnceLock<Doc>>,
}

impl Answer for Response {
    fn give(self) -> Dynamic {
        Dynamic::from(self)
    }
}

fn register(module: &mut Registrar) {
    type Text = ImmutableString;
    module.one("get", |call, url: Text| ask(call, "GET", &url, &Options::none("get")));
    module.two("get", |call, url: Text, options: Map| ask(call, "GET", &url, &Options::read("get", options, &KEYS)?));
    module.two("post", |call, url: Text, options: Map| ask(call, "POST", &url, &Options::read("post", options, &KEYS)?));
    module.three("request", |call, method: Text, url: Text, options: Map| ask(call, &method, &url, &Options::read("request", options, &KEYS)?));
    module.two("download", |call, url: Text, path: Text| download(call, &url, &path, &Options::none("download")));
    module.three("download", |call, url: Text, path: Text, options: Map| download(call, &url, &path, &Options::read("download", options, &DOWNLOAD_KEYS)?));
    module.module().set_custom_type::<Response>("answer");
    getter!(module, "status", |_, own: &mut Response| Ok(i64::from(own.status)));
    getter!(module, "ok", |_, own: &mut Response| Ok((200..300).contains(&own.status)));
    getter!(module, "url", |_, own: &mut Response| Ok(hide_secrets(&own.url)));
    getter!(module, "type", |_, own: &mut Response| Ok(own.content_type()));
    getter!(module, "text", |_, own: &mut Response| Ok(own.text()));
    getter!(module, "headers", |_, own: &mut Response| {
        let mut map = Map::new();
        for (name, value) in own.headers.iter() {
            map.entry(name.as_str().into())
                .and_modify(|earlier| *earlier = format!("{earlier}, {value}").into())
                .or_insert_with(|| Dynamic::from(without_secrets(value)));
        }
        Ok(map)
    });
    method!(module, "header", |_, own: &mut Response, name: Text| {
        let name = name.to_ascii_lowercase();
        Ok(own.header(&name).map(without_secrets))
    });
    method!(module, "json", |_, own: &mut Response| Ok(to_script(&own.read_json(bounded::AS_VALUES)?)));
    method!(module, "doc", |_, own: &mut Response| own.read_doc());
    method!(module, "html", |call, own: &mut Response| Page::parse(call, &own.text()));
    method!(module, "xml", |call, own: &mut Response| Element::parse(call, &own.text()).map_err(|error| error.wrap(own.what.clone())));
}

impl Response {
    pub(super) fn new(status: u16, headers: Vec<(String, String)>, url: String, what: String, body: Vec<u8>) -> Self {
        Self { status, headers: Arc::new(headers), url, what, body: Arc::new(body), doc: Arc::default() }
    }

    pub(super) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// A header by its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    fn read_doc(&self) -> Result<Doc> {
        if let Some(doc) = self.doc.get() {
            return Ok(doc.clone());
        }
        let doc = Doc::new(self.read_json(bounded::AS_DOCUMENT)?);
        Ok(self.doc.get_or_init(|| doc).clone())
    }

    fn text(&self) -> String {
        without_secrets(&String::from_utf8_lossy(&self.body))
    }

    fn content_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    fn read_json(&self, most: usize) -> Result<serde_json::Value> {
        bounded::json(&self.body, most)
            .map_err(|error| {
                let broken = error.wrap(self.what.clone());
                if self.content_type().as_deref() == Some("text/html") {
                    broken.hint("the server sent a web page; is the address right, is a login needed?")
                } else {
                    broken
                }
            })
            .map(values_without_secrets)
    }
}

/// One request as the options say, allowed at every hop; `take` reads the answer within the same time.
pub(super) fn sent<T>(
    call: &Call,
    method: &str,
    url: &str,
    options: &Options,
    more: &[(String, String)],
    take: impl FnOnce(&Context, Reply) -> Result<T>,
) -> Result<T> {
    call.allowed().net(url)?;
    let mut headers = options.pairs("headers")?;
    headers.extend(more.iter().cloned());
    let url = whole_url(url, &options.pairs("query")?)?;
    let body = body(options, &mut headers)?;
    let auth = auth(options)?;
    let time = options.count("timeout")?;
    let allow = |url: &Url| call.allowed().net(url.as_str());
    let follow = options.truth("follow")?.unwrap_or(true);
    let send = Send { method, url: &url, headers: &headers, auth: auth.as_ref(), body: body.as_deref(), follow, allow: &allow };
    call.wait(|cx| {
        let limited = time.and_then(|time| Instant::now().checked_add(Duration::from_secs(time))).map(|end| cx.with_deadline(end));
        let cx = limited.as_ref().unwrap_or(cx);
        let outcome = network(cx)?.http.send(cx, &send).and_then(|reply| take(cx, reply));
        outcome.map_err(|error| {
            if error.kind() != ErrorKind::Undecided {
                return error;
            }
            let shown = hide_secrets(&redact(&url));
            Error::new(ErrorKind::Network, format!("{method} {shown}: there was no answer in the time allowed")).temporary().caused_by(error)
        })
    })
}

pub(super) fn network(cx: &Context) -> Result<&Network> {
    cx.network().ok_or_else(|| Error::new(ErrorKind::Unsupported, "there is no network here"))
}

fn ask(call: &Call, method: &str, url: &str, options: &Options) -> Result<Response> {
    let most = options.count("max_bytes")?.unwrap_or(USUAL).min(LARGEST);
    if options.truth("keep")?.unwrap_or(false) {
        return match method {
            "GET" => kept::get(call, url, options, most),
            _ => Err(Error::new(ErrorKind::Invalid, "`keep` is an option of `get`")),
        };
    }
    sent(call, method, url, options, &[], |_, mut reply| {
        let body = reply.all(most)?;
        Ok(Response::new(reply.status, reply.headers, reply.url, reply.what, body))
    })
}

pub(super) fn whole_url(url: &str, query: &[(String, String)]) -> Result<String> {
    if query.is_empty() {
        return Ok(url.to_owned());
    }
    let mut whole = Url::parse(url).map_err(|error| Error::new(ErrorKind::Invalid, format!("`{}` is no url: {error}", redact(url).escape_debug())))?;
    whole.query_pairs_mut().extend_pairs(query);
    Ok(whole.into())
}

fn body(options: &Options, headers: &mut Vec<(String, String)>) -> Result<Option<Vec<u8>>> {
    let given: Vec<&str> = ["form", "json", "body"].into_iter().filter(|key| options.value(key).is_some()).collect();
    if let [first, second, ..] = given[..] {
        return Err(Error::new(ErrorKind::Invalid, format!("a request has one body: `{first}` and `{second}` cannot be sent together")));
    }
    let (body, kind) = match given.first() {
        Some(&"form") => {
            let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(options.pairs("form")?).finish();
            (form.into_bytes(), "application/x-www-form-urlencoded")
        }
        Some(&"json") => (options.json("json")?.unwrap_or_default().to_string().into_bytes(), "application/json"),
        Some(_) => (options.revealed("body")?.unwrap_or_default().into_bytes(), "text/plain; charset=utf-8"),
        None => return Ok(None),
    };
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    Ok(Some(body))
}

fn auth(options: &Options) -> Result<Option<Auth>> {
    let Some(value) = options.value("auth") else { return Ok(None) };
    if let Some(token) = revealed(value).filter(|_| value.is_string() || value.is::<Secret>()) {
        return Ok(Some(Auth::Bearer(token)));
    }
    let parts = value.as_map_ref().ok();
    let part = |key: &str| parts.as_ref().and_then(|map| map.get(key)).and_then(revealed);
    match (part("user"), part("secret")) {
        (Some(user), Some(secret)) => Ok(Some(Auth::Basic { user, secret })),
        _ => Err(Error::new(ErrorKind::Invalid, "the option `auth` must be a secret, or `#{ user, secret }`")),
    }
}

fn download(call: &Call, url: &str, path: &str, options: &Options) -> Result<Map> {
    let expected: Option<Digest> = options.text("sha256")?.map(|text| text.parse()).transpose()?;
    let most = options.count("max_bytes")?.unwrap_or(LARGEST_FILE);
    let real = call.allowed().may_write(path)?;
    let (size, digest, kind, from) = sent(call, "GET", url, options, &[], |cx, mut reply| {
        if !(200..300).contains(&reply.status) {
            let kind = match reply.status {
                401..=403 => ErrorKind::Denied,
                404 | 410 => ErrorKind::NotFound,
                _ => ErrorKind::Network,
            };
            return Err(Error::new(kind, format!("{}: unexpected status {}", reply.what, reply.status)));
        }
        let total = reply.header("content-length").and_then(|text| text.parse::<u64>().ok());
        let too_long = |what: &str| Error::new(ErrorKind::Network, format!("{what}: the file is longer than the {most} bytes allowed"));
        if total.is_some_and(|total| total > most) {
            return Err(too_long(&reply.what));
        }
        let task = format!("{}: {}", call.allowed().name, reply.what);
        cx.emit(Event::Started { task: task.clone(), total, unit: Unit::Bytes });
        let outcome = files::stream(&real, |file| {
            let mut done = 0;
            while let Some(chunk) = reply.chunk()? {
                done += chunk.len() as u64;
                if done > most {
                    return Err(too_long(&reply.what));
                }
                file.take(&chunk)?;
                cx.emit(Event::Advanced { task: task.clone(), done, total });
            }
            if total.is_some_and(|total| total != done) {
                return Err(
                    Error::new(ErrorKind::Network, format!("{}: the server promised {} bytes and sent {done}", reply.what, total.unwrap_or(0))).temporary()
                );
            }
            match (&expected, file.digest()) {
                (Some(expected), found) if found != *expected => {
                    Err(Error::new(ErrorKind::Digest, format!("{}: it is not the file that was expected: it is {found}, and should be {expected}", reply.what)))
                }
                _ => Ok(done),
            }
        });
        cx.emit(Event::Finished { task });
        let (size, digest) = outcome?;
        Ok((size, digest, reply.header("content-type").map(str::to_owned), reply.url))
    })?;
    let mut map = Map::new();
    map.insert("size".into(), (size as i64).into());
    map.insert("sha256".into(), digest.hex().into());
    map.insert("type".into(), kind.map_or(Dynamic::UNIT, |kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().into()));
    map.insert("url".into(), from.into());
    Ok(map)
}
