//! What belongs to a machine or a person. Nothing here changes a resolution.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::config::{SecretSource, mirrors, secrets, transport};
use super::paths::{self, base_of};
use super::read::{At, FromToml, MAX_BYTES, Reader};
use super::shapes::UserShape;
use crate::error::{Error, ErrorKind, Result};
use crate::model::LinkMode;
use crate::sys::fs;

/// More threads than this are a slip of the keyboard.
const MOST_JOBS: u32 = 1024;

/// What belongs to a machine or a person: `/etc/greffon/config.toml`, then `$XDG_CONFIG_HOME/greffon/config.toml`, then `GREFFON_*`.
#[derive(Debug, Clone, Default)]
pub struct UserConfig {
    /// The stock's folder.
    pub stock: Option<PathBuf>,
    /// How many bytes the stock may keep when it is tidied, beyond what is needed.
    pub stock_max_size: Option<u64>,
    /// Downloads and sites at a time.
    pub jobs: Option<usize>,
    /// A proxy for everything.
    pub proxy: Option<String>,
    /// Further certificates.
    pub ca_bundle: Option<PathBuf>,
    /// Url prefix → url prefix.
    pub mirrors: IndexMap<String, String>,
    /// Name → where the secret comes from.
    pub secrets: IndexMap<String, SecretSource>,
    /// `git.transport`.
    pub git_transport: Option<String>,
    /// The link mode where neither manifest nor flag says one.
    pub link_mode: Option<LinkMode>,
}

impl UserConfig {
    /// Reads all of them; later ones win key by key.
    ///
    /// # Errors
    /// `Manifest` with the place.
    pub fn load() -> Result<Self> {
        Self::load_from(&Self::files(), |name| std::env::var_os(name))
    }

    /// The files that [`Self::load`] reads, in order; they need not exist.
    #[must_use]
    pub fn files() -> Vec<PathBuf> {
        let own = dirs::config_dir().map(|folder| folder.join("greffon").join("config.toml"));
        std::iter::once(PathBuf::from("/etc/greffon/config.toml")).chain(own).collect()
    }

    /// As [`Self::load`], from these files and this environment: `GREFFON_STOCK`, `GREFFON_STOCK_MAX_SIZE`, `GREFFON_JOBS`,
    /// `GREFFON_PROXY`, `GREFFON_CA_BUNDLE`, `GREFFON_LINK_MODE`, `GREFFON_GIT_TRANSPORT`; one that is empty counts as not set.
    ///
    /// # Errors
    /// `Manifest` with the place, `Io`.
    pub fn load_from(files: &[PathBuf], environment: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let mut config = Self::default();
        for path in files {
            if let Some(text) = fs::read_text(path, MAX_BYTES)? {
                config.take_file(path, &text)?;
            }
        }
        config.take_environment(environment)?;
        Ok(config)
    }

    fn take_file(&mut self, path: &Path, text: &str) -> Result<()> {
        let mut reader = Reader::new(path, text, ErrorKind::Manifest);
        let base = base_of(path);
        if let Some(tree) = reader.tree() {
            let root = toml::Spanned::new(0..text.len(), toml::de::DeValue::Table(tree));
            let shape = UserShape::from_toml(&root, &mut reader).unwrap_or_default();
            let mut folder = |at: Option<&At<String>>| at.and_then(|at| paths::resolve(&mut reader, &base, &at.value, &at.span));
            let (stock, ca_bundle) = (folder(shape.stock.as_ref()), folder(shape.ca_bundle.as_ref()));
            self.stock = stock.or(self.stock.take());
            self.ca_bundle = ca_bundle.or(self.ca_bundle.take());
            if let Some(at) = &shape.stock_max_size {
                match bytes(&at.value) {
                    Ok(size) => self.stock_max_size = Some(size),
                    Err(why) => {
                        let error = reader.error(at.span.clone(), "", format!("`stock-max-size` cannot be read: {why}"));
                        reader.fault(error.hint("for instance `stock-max-size = \"5G\"`"));
                    }
                }
            }
            if let Some(at) = &shape.jobs {
                if at.value == 0 || at.value > MOST_JOBS {
                    let error = reader.error(at.span.clone(), "", format!("`jobs` must be from 1 to {MOST_JOBS}"));
                    reader.fault(error);
                }
                self.jobs = Some(at.value as usize);
            }
            if let Some(at) = &shape.proxy {
                if let Some(why) = bad_proxy(&at.value) {
                    let error = reader.bare_error(format!("`proxy` in line {} of `{}` cannot be used: {why}", reader.line(at.span.start), path.display()));
                    reader.fault(error.hint("for instance `proxy = \"http://proxy.example.org:3128\"`"));
                }
                self.proxy = Some(at.value.clone());
            }
            self.mirrors.extend(mirrors(&mut reader, shape.mirrors.as_ref()));
            self.secrets.extend(secrets(&mut reader, &base, shape.secrets.as_ref()));
            self.git_transport = transport(&mut reader, shape.git.as_ref()).or(self.git_transport.take());
            self.link_mode = shape.link_mode.or(self.link_mode);
        }
        reader.finish()
    }

    fn take_environment(&mut self, environment: impl Fn(&str) -> Option<OsString>) -> Result<()> {
        let raw = |name: &str| environment(name).filter(|value| !value.is_empty());
        let text = |name: &'static str| match raw(name).map(OsString::into_string) {
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(_)) => Err(wrong(name, "is not UTF-8")),
            None => Ok(None),
        };
        let absolute = |name: &'static str| match raw(name) {
            Some(value) => std::path::absolute(PathBuf::from(value)).map(Some).map_err(|fault| wrong(name, "is not a path").caused_by(fault)),
            None => Ok(None),
        };
        self.stock = absolute("GREFFON_STOCK")?.or(self.stock.take());
        self.ca_bundle = absolute("GREFFON_CA_BUNDLE")?.or(self.ca_bundle.take());
        if let Some(value) = text("GREFFON_STOCK_MAX_SIZE")? {
            self.stock_max_size = Some(bytes(value.trim()).map_err(|why| wrong("GREFFON_STOCK_MAX_SIZE", &format!("cannot be read: {why}")))?);
        }
        if let Some(value) = text("GREFFON_JOBS")? {
            let jobs = value.trim().parse::<u32>().ok().filter(|jobs| (1..=MOST_JOBS).contains(jobs));
            self.jobs = Some(jobs.ok_or_else(|| wrong("GREFFON_JOBS", &format!("must be a number from 1 to {MOST_JOBS}")))? as usize);
        }
        if let Some(value) = text("GREFFON_PROXY")? {
            if let Some(why) = bad_proxy(&value) {
                return Err(wrong("GREFFON_PROXY", &format!("cannot be used: {why}")));
            }
            self.proxy = Some(value);
        }
        if let Some(value) = text("GREFFON_LINK_MODE")? {
            let mode = serde_json::from_value(serde_json::Value::from(value));
            self.link_mode = Some(mode.map_err(|_| wrong("GREFFON_LINK_MODE", "must be `auto`, `reflink`, `copy` or `hardlink`"))?);
        }
        if let Some(value) = text("GREFFON_GIT_TRANSPORT")? {
            if !matches!(value.as_str(), "builtin" | "cli") {
                return Err(wrong("GREFFON_GIT_TRANSPORT", "must be `builtin` or `cli`"));
            }
            self.git_transport = Some(value);
        }
        Ok(())
    }
}

/// Bytes: a number with `K`, `M`, `G` or `T` after it, powers of 1024; `iB` or `B` may follow.
///
/// # Errors
/// What is wrong with the text, in words.
pub fn bytes(text: &str) -> std::result::Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match text[digits.len()..].to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        unit => return Err(format!("`{unit}` is not a unit of size: use K, M, G or T")),
    };
    let number: u64 = digits.trim().parse().map_err(|_| format!("`{}` is not a whole number", digits.escape_debug()))?;
    number.checked_mul(1024_u64.pow(power)).ok_or_else(|| "that is more than 16 EiB".to_owned())
}

/// An environment variable that cannot be used; its value is not told, since it may hold a password.
fn wrong(name: &str, why: &str) -> Error {
    Error::new(ErrorKind::Manifest, format!("the environment variable `{name}` {why}"))
}

fn bad_proxy(text: &str) -> Option<&'static str> {
    match url::Url::parse(text) {
        Ok(url) if !url.has_host() => Some("it names no host"),
        Ok(url) if !matches!(url.scheme(), "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h") => {
            Some("only http, https and socks proxies are known")
        }
        Ok(_) => None,
        Err(_) => Some("it is not a url"),
    }
}
