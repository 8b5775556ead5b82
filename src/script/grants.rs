//! What a script needs, what it is allowed, and whether this one use is: checked at every call, on the path after links and the
//! host that is really asked.
//!
//! ```toml
//! [extensions.edd]
//! allow = { net = ["shop.example", "*.cdn.example"], read = ["data"], write = ["{site}/cache"], run = ["php"],
//!           env = ["LANG"], secret = ["licence"], prompt = true }
//! ```
//!
//! Paths are seen from the manifest's folder; `{site}` is the site of the call, `{extension}` the extension's own folder. A host without
//! a port is that host on any port. `write` lets read too. `run` names a program as the script must name it.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::sys::fs::{self, ground::real_path};

/// One sort of grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Hosts.
    Net,
    /// Files and folders to read.
    Read,
    /// Files and folders to write.
    Write,
    /// Programs.
    Run,
    /// Environment variables.
    Env,
    /// Secrets by name.
    Secret,
    /// Questions to the user.
    Prompt,
}

impl Kind {
    /// All, in the order they are told.
    pub const ALL: [Self; 7] = [Self::Net, Self::Read, Self::Write, Self::Run, Self::Env, Self::Secret, Self::Prompt];

    /// Its key in `needs` and `allow`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Net => "net",
            Self::Read => "read",
            Self::Write => "write",
            Self::Run => "run",
            Self::Env => "env",
            Self::Secret => "secret",
            Self::Prompt => "prompt",
        }
    }

    /// What it lets do, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Net => "reach",
            Self::Read => "read",
            Self::Write => "write",
            Self::Run => "run",
            Self::Env => "see the environment variable",
            Self::Secret => "use the secret",
            Self::Prompt => "ask questions",
        }
    }
}

/// A set of grants: `needs` of an extension, `allow` of a manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Grants {
    /// Hosts: `name`, `name:port`, `*.name`, `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub net: Vec<String>,
    /// Files and folders that may be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Files and folders that may be written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<String>,
    /// Programs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub run: Vec<String>,
    /// Environment variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<String>,
    /// Whether questions may be asked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prompt: bool,
}

impl Grants {
    /// Reads `needs` or `allow`; `whose` is for messages (``the `needs` of extension.toml``).
    ///
    /// # Errors
    /// `Manifest` for a key that is none or a value of a wrong type.
    pub fn read(whose: &str, value: &Value) -> Result<Self> {
        let wrong = |what: String| Error::new(ErrorKind::Manifest, format!("{whose} cannot be read: {what}"));
        let Some(table) = value.as_object() else {
            return Err(wrong("it is not a table".to_owned()).hint("for instance `{ net = [\"shop.example\"], prompt = true }`"));
        };
        let keys = Kind::ALL.map(Kind::key);
        if let Some(key) = table.keys().find(|key| !keys.contains(&key.as_str())) {
            let error = wrong(format!("there is no grant `{}`", key.escape_debug()));
            return Err(match nearest(key, keys) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("there are {}", keys.map(|key| format!("`{key}`")).join(", "))),
            });
        }
        Self::deserialize(value).map_err(|error| wrong(error.to_string()).hint("each is a list of texts, and `prompt` is true or false"))
    }

    /// What is granted of a sort that has names.
    #[must_use]
    pub fn list(&self, kind: Kind) -> &[String] {
        match kind {
            Kind::Net => &self.net,
            Kind::Read => &self.read,
            Kind::Write => &self.write,
            Kind::Run => &self.run,
            Kind::Env => &self.env,
            Kind::Secret => &self.secret,
            Kind::Prompt => &[],
        }
    }

    fn list_mut(&mut self, kind: Kind) -> Option<&mut Vec<String>> {
        Some(match kind {
            Kind::Net => &mut self.net,
            Kind::Read => &mut self.read,
            Kind::Write => &mut self.write,
            Kind::Run => &mut self.run,
            Kind::Env => &mut self.env,
            Kind::Secret => &mut self.secret,
            Kind::Prompt => return None,
        })
    }

    /// Whether anything of a sort is granted.
    #[must_use]
    pub fn has(&self, kind: Kind) -> bool {
        if kind == Kind::Prompt { self.prompt } else { !self.list(kind).is_empty() }
    }

    /// Whether nothing is granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !Kind::ALL.into_iter().any(|kind| self.has(kind))
    }

    /// What a grant of this sort looks like, for hints.
    pub(super) fn example(kind: Kind) -> Self {
        let mut example = Self { prompt: kind == Kind::Prompt, ..Self::default() };
        if let Some(list) = example.list_mut(kind) {
            list.push("…".to_owned());
        }
        example
    }

    /// These and those.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.prompt |= other.prompt;
        for kind in Kind::ALL {
            if let Some(list) = all.list_mut(kind) {
                for one in other.list(kind) {
                    if !list.contains(one) {
                        list.push(one.clone());
                    }
                }
            }
        }
        all
    }

    /// What of these is not among those that are allowed.
    #[must_use]
    pub fn beyond(&self, allowed: &Self) -> Self {
        let mut missing = Self { prompt: self.prompt && !allowed.prompt, ..Self::default() };
        for kind in Kind::ALL {
            let covers = |one: &&String| match kind {
                Kind::Net => allowed.net.iter().any(|grant| covers_host(grant, one)),
                Kind::Read => allowed.read.contains(one) || allowed.write.contains(one),
                _ => allowed.list(kind).contains(one),
            };
            if let Some(list) = missing.list_mut(kind) {
                list.extend(self.list(kind).iter().filter(|one| !covers(one)).cloned());
            }
        }
        missing
    }

    /// As TOML on one line: `{ net = ["shop.example"], prompt = true }`.
    #[must_use]
    pub fn line(&self) -> String {
        let mut parts = Vec::new();
        for kind in Kind::ALL {
            if kind == Kind::Prompt && self.prompt {
                parts.push("prompt = true".to_owned());
            } else if self.has(kind) {
                let quoted: Vec<String> = self.list(kind).iter().map(|one| Value::from(one.as_str()).to_string()).collect();
                parts.push(format!("{} = [{}]", kind.key(), quoted.join(", ")));
            }
        }
        if parts.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", parts.join(", ")) }
    }

    /// In words: `reach shop.example; use the secret fancy; ask questions`.
    #[must_use]
    pub fn words(&self) -> String {
        let mut text = String::new();
        for kind in Kind::ALL.into_iter().filter(|kind| self.has(*kind)) {
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(kind.words());
            for (index, one) in self.list(kind).iter().enumerate() {
                let _ = write!(text, "{} `{}`", if index == 0 { "" } else { "," }, one.escape_debug());
            }
        }
        if text.is_empty() { "nothing".to_owned() } else { text }
    }
}

/// What one call of an extension may do.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// The extension's name, for messages and for the line to add.
    pub name: String,
    /// What the manifest or the user granted.
    pub grants: Grants,
    /// The manifest's folder.
    pub base: PathBuf,
    /// The extension's folder.
    pub extension: PathBuf,
    /// The site of the call.
    pub site: Option<PathBuf>,
    /// Folders that belong to this call: read.
    pub own_read: Vec<PathBuf>,
    /// Folders that belong to this call: read and written.
    pub own_write: Vec<PathBuf>,
}

impl Allowed {
    /// The error for a use that is not granted: it names the line to add.
    #[must_use]
    pub fn refusal(&self, kind: Kind, what: &str) -> Error {
        let mut asked = Grants { prompt: kind == Kind::Prompt, ..Grants::default() };
        if let Some(list) = asked.list_mut(kind) {
            list.push(what.to_owned());
        }
        let object = if kind == Kind::Prompt { String::new() } else { format!(" `{}`", what.escape_debug()) };
        Error::new(ErrorKind::Refused, format!("the extension `{}` may not {}{object}", self.name, kind.words())).hint(self.line_to_add(&asked))
    }

    /// What to write into the manifest so that these are granted beside what is.
    #[must_use]
    pub fn line_to_add(&self, asked: &Grants) -> String {
        format!("if it should, write under `[extensions.{}]` in greffon.toml: `allow = {}`", toml_name(&self.name), self.grants.and(asked).line())
    }

    /// Whether a url's host may be reached.
    ///
    /// # Errors
    /// `Refused` with the line to add; `Invalid` for what is no http(s) url.
    pub fn net(&self, url: &str) -> Result<()> {
        let parsed = url::Url::parse(url).ok().filter(|parsed| matches!(parsed.scheme(), "http" | "https"));
        let Some(parsed) = parsed else {
            return Err(Error::new(ErrorKind::Invalid, format!("`{}` is not a http or https url", crate::sys::redact(url).escape_debug())));
        };
        self.host(parsed.host_str().unwrap_or_default(), parsed.port_or_known_default())
    }

    /// Whether a host may be reached on a port.
    ///
    /// # Errors
    /// `Refused` with the line to add.
    pub fn host(&self, host: &str, port: Option<u16>) -> Result<()> {
        let full = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if self.grants.net.iter().any(|grant| covers_host(grant, &full)) { Ok(()) } else { Err(self.refusal(Kind::Net, host)) }
    }

    /// The real path of what may be read.
    ///
    /// # Errors
    /// `Refused` with the line to add; `Io`.
    pub fn may_read(&self, path: &str) -> Result<PathBuf> {
        let roots = self.roots(Kind::Read).chain(self.roots(Kind::Write));
        self.beneath(path, roots, Kind::Read)
    }

    /// The real path of what may be written.
    ///
    /// # Errors
    /// As [`Self::may_read`].
    pub fn may_write(&self, path: &str) -> Result<PathBuf> {
        self.beneath(path, self.roots(Kind::Write), Kind::Write)
    }

    /// Whether a program may be run.
    ///
    /// # Errors
    /// `Refused` with the line to add.
    pub fn may_run(&self, program: &str) -> Result<()> {
        if self.grants.run.iter().any(|grant| grant == program) { Ok(()) } else { Err(self.refusal(Kind::Run, program)) }
    }

    /// Whether an environment variable may be seen.
    ///
    /// # Errors
    /// `Refused` with the line to add.
    pub fn may_see(&self, variable: &str) -> Result<()> {
        if self.grants.env.iter().any(|grant| grant == variable) { Ok(()) } else { Err(self.refusal(Kind::Env, variable)) }
    }

    /// Whether a secret may be used.
    ///
    /// # Errors
    /// `Refused` with the line to add.
    pub fn may_use(&self, secret: &str) -> Result<()> {
        if self.grants.secret.iter().any(|grant| grant == secret) { Ok(()) } else { Err(self.refusal(Kind::Secret, secret)) }
    }

    /// Whether questions may be asked.
    ///
    /// # Errors
    /// `Refused` with the line to add.
    pub fn may_ask(&self) -> Result<()> {
        if self.grants.prompt { Ok(()) } else { Err(self.refusal(Kind::Prompt, "")) }
    }

    /// Where a path that a script names stands: absolute, seen from the manifest's folder, places filled in.
    #[must_use]
    pub fn whole(&self, path: &str) -> Option<PathBuf> {
        let mut text = path.replace("{extension}", &self.extension.to_string_lossy());
        if text.contains("{site}") {
            text = text.replace("{site}", &self.site.as_ref()?.to_string_lossy());
        }
        Some(self.base.join(text))
    }

    fn roots(&self, kind: Kind) -> impl Iterator<Item = PathBuf> + '_ {
        let read: &[PathBuf] = if kind == Kind::Write { &[] } else { &self.own_read };
        self.grants.list(kind).iter().filter_map(|grant| self.whole(grant)).chain(read.iter().chain(&self.own_write).cloned())
    }

    fn beneath(&self, path: &str, roots: impl Iterator<Item = PathBuf>, kind: Kind) -> Result<PathBuf> {
        let Some(whole) = self.whole(path).filter(|_| !path.contains('\0')) else { return Err(self.refusal(kind, path)) };
        let Ok(real) = real_path(&whole) else { return Err(self.refusal(kind, path)) };
        // Parts that do not exist yet are kept as written: one that climbs would leave the root after all.
        if real.components().any(|part| matches!(part, std::path::Component::ParentDir | std::path::Component::CurDir)) {
            return Err(self.refusal(kind, path));
        }
        // What is missing may hang at a link that leads nowhere yet.
        let dangling = real.ancestors().any(fs::ground::is_link);
        if dangling {
            return Err(self.refusal(kind, path));
        }
        for root in roots {
            if real_path(&root).is_ok_and(|root| real.starts_with(&root)) {
                return Ok(real);
            }
        }
        Err(self.refusal(kind, path))
    }
}

/// A name as a TOML key.
fn toml_name(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if plain { name.to_owned() } else { Value::from(name).to_string() }
}

/// Whether a granted host covers one that is asked (with or without a port).
fn covers_host(grant: &str, asked: &str) -> bool {
    let (grant_host, grant_port) = split_port(grant);
    let (host, port) = split_port(asked);
    if grant_port.is_some() && grant_port != port {
        return false;
    }
    let (grant_host, host) = (grant_host.to_ascii_lowercase(), host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase());
    match grant_host.strip_prefix('*') {
        Some("") => true,
        Some(rest) if rest.starts_with('.') => host.ends_with(rest) && host.len() > rest.len(),
        _ => grant_host == host,
    }
}

/// A host and its port; an address in brackets keeps them.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && (!host.contains(':') || host.ends_with(']')) => {
            (host, Some(port))
        }
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn allowed(grants: Grants, base: &Path) -> Allowed {
        Allowed { name: "x".into(), grants, base: base.to_owned(), extension: base.join("ext"), site: None, own_read: vec![], own_write: vec![] }
    }

    fn net(hosts: &[&str]) -> Allowed {
        allowed(Grants { net: hosts.iter().map(|host| (*host).to_owned()).collect(), ..Grants::default() }, Path::new("/nowhere"))
    }

    #[test]
    fn a_host_is_granted_whole_or_by_its_domain() {
        let some = net(&["shop.example", "*.cdn.example", "127.0.0.1:8080"]);
        for fine in ["https://shop.example/x", "http://shop.example:99/", "https://a.cdn.example/", "http://127.0.0.1:8080/", "https://SHOP.example./"] {
            assert!(some.net(fine).is_ok(), "{fine}");
        }
        for bad in [
            "https://shop.example.evil/",
            "https://cdn.example/",
            "https://xcdn.example/",
            "http://127.0.0.1:8081/",
            "file:///etc/passwd",
            "https://shop.example@evil/",
            "ftp://shop.example/",
        ] {
            assert!(some.net(bad).is_err(), "{bad}");
        }
        let error = some.net("https://evil.example/").expect_err("not granted");
        assert!(error.hints()[0].contains("[extensions.x]") && error.hints()[0].contains("\"evil.example\""), "{error:?}");
    }

    #[test]
    #[allow(clippy::disallowed_methods)]
    fn a_path_stays_beneath_its_root_after_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let base = folder.path();
        std::fs::create_dir_all(base.join("data/in")).expect("made");
        std::fs::write(base.join("data/in/f"), "x").expect("written");
        std::fs::write(base.join("secret"), "x").expect("written");
        std::os::unix::fs::symlink("../secret", base.join("data/link")).expect("linked");
        std::os::unix::fs::symlink("in", base.join("data/inside")).expect("linked");
        let some = allowed(Grants { read: vec!["data".into()], write: vec!["data/out".into()], ..Grants::default() }, base);
        for fine in ["data/in/f", "data/inside/f", "data", "data/in/../in/f"] {
            assert!(some.may_read(fine).is_ok(), "{fine}");
        }
        for bad in ["secret", "data/../secret", "data/link", "/etc/passwd", "data/none/../../secret", "data-other", "{site}/x"] {
            assert!(some.may_read(bad).is_err(), "{bad}");
        }
        assert!(some.may_write("data/out/new").is_ok());
        assert!(some.may_write("data/out/../new").is_err());
        assert!(some.may_write("data/in/f").is_err());
        std::fs::create_dir(base.join("data/out")).expect("made");
        std::os::unix::fs::symlink("../../elsewhere", base.join("data/out/dangling")).expect("linked");
        assert!(some.may_write("data/out/dangling").is_err(), "it would be written through the link");
        assert!(some.may_write("data/out/dangling/x").is_err());
    }

    #[test]
    fn what_is_missing_is_told_as_a_line() {
        let needs = Grants { net: vec!["a.example".into(), "b.example".into()], prompt: true, ..Grants::default() };
        let missing = needs.beyond(&Grants { net: vec!["*.example".into()], ..Grants::default() });
        assert_eq!(missing.line(), "{ prompt = true }");
        assert_eq!(needs.line(), "{ net = [\"a.example\", \"b.example\"], prompt = true }");
        assert_eq!(needs.words(), "reach `a.example`, `b.example`; ask questions");
        assert!(Grants::read("it", &serde_json::json!({ "nett": [] })).expect_err("no such grant").hints()[0].contains("`net`"));
    }
}
