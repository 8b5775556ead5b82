//! Which credential goes to which origin.
//!
//! In this order: the one the caller gives (for the origin of the url it gives it with, never another), one written into that url,
//! the environment's `GREFFON_TOKEN_<HOST>`, netrc.

use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;
use url::Url;

use super::Auth;
use super::netrc::Netrc;
use crate::error::{Error, Result};
use crate::sys::fs::failpoint::broken;

/// How a bare token is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenStyle {
    /// `Bearer TOKEN`: web services and plain files.
    Bearer,
    /// `Basic x-access-token:TOKEN`: git hosts take tokens as passwords.
    Git,
}

/// What this machine and this user know.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    netrc: Netrc,
}

/// Scheme, host and port: what a credential belongs to.
pub(crate) type Origin = (String, String, u16);

pub(crate) fn origin(url: &Url) -> Origin {
    (url.scheme().to_owned(), url.host_str().unwrap_or_default().to_ascii_lowercase(), url.port_or_known_default().unwrap_or_default())
}

/// Whether a redirect that led `from` one origin `to` another left it for another door of the same host: whoever listens there
/// need not be the one whom the host's token or netrc login is meant for. From http to https by their own ports is no such thing.
pub(crate) fn strays(from: &Origin, to: &Origin) -> bool {
    let upgrade = (from.0.as_str(), from.2, to.0.as_str(), to.2) == ("http", 80, "https", 443);
    from.1 == to.1 && from != to && !upgrade
}

impl Credentials {
    /// Reads the configured netrc file, which must be there, or else the user's own, which need not.
    pub(crate) fn read(configured: Option<&Path>) -> Result<Self> {
        let text = match configured {
            Some(path) => fs_err::read_to_string(path).map_err(|error| Error::io("read the netrc file", path, error))?,
            None => own_netrc().and_then(|path| fs_err::read_to_string(path).ok()).unwrap_or_default(),
        };
        Ok(Self { netrc: Netrc::parse(&text) })
    }

    /// The value of `Authorization` for a request to `url`; `given` belongs to the origin `home` alone.
    pub(crate) fn header(&self, url: &Url, given: Option<&Auth>, home: &Origin, style: TokenStyle) -> Option<HeaderValue> {
        let own = origin(url);
        let auth = match given {
            Some(auth) if own == *home || broken("origin") => auth.clone(),
            _ => self.of_host(&own.1, style)?,
        };
        let text = match auth {
            Auth::Bearer(token) => format!("Bearer {token}"),
            Auth::Basic { user, secret } => format!("Basic {}", base64(format!("{user}:{secret}").as_bytes())),
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn of_host(&self, host: &str, style: TokenStyle) -> Option<Auth> {
        if let Ok(token) = std::env::var(variable(host))
            && !token.is_empty()
        {
            return Some(match style {
                TokenStyle::Bearer => Auth::Bearer(token),
                TokenStyle::Git => Auth::Basic { user: "x-access-token".to_owned(), secret: token },
            });
        }
        self.netrc.find(host).map(|(user, secret)| Auth::Basic { user: user.to_owned(), secret: secret.to_owned() })
    }
}

/// `GREFFON_TOKEN_GIT_EXAMPLE_ORG` for `git.example.org`.
pub(crate) fn variable(host: &str) -> String {
    let host: String = host.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("GREFFON_TOKEN_{host}")
}

/// Takes user and password out of a url.
pub(crate) fn split_userinfo(url: &mut Url) -> Option<Auth> {
    let decode = |text: &str| percent_decode(text);
    let user = decode(url.username());
    let secret = url.password().map(decode);
    if user.is_empty() && secret.is_none() {
        return None;
    }
    // Both fail only for urls that cannot have a user, and this one has.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(Auth::Basic { user, secret: secret.unwrap_or_default() })
}

/// `%41` as `A`; what is not UTF-8 afterwards is replaced.
pub(crate) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok()).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (bytes[at], pair) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn own_netrc() -> Option<PathBuf> {
    std::env::var_os("NETRC").filter(|path| !path.is_empty()).map(PathBuf::from).or_else(|| dirs::home_dir().map(|home| home.join(".netrc")))
}

/// RFC 4648, with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            if at <= group.len() {
                text.push(char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_the_rfc() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }

    #[test]
    fn a_given_credential_stays_at_its_origin() {
        let credentials = Credentials { netrc: Netrc::parse("machine other.example login u password p") };
        let at = |url: &str| Url::parse(url).unwrap();
        let home = origin(&at("https://a.example/x"));
        let given = Auth::Bearer("t".into());
        let header = |url: &str| credentials.header(&at(url), Some(&given), &home, TokenStyle::Bearer).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("https://A.example:443/y").as_deref(), Some("Bearer t"));
        assert_eq!(header("http://a.example/y"), None);
        assert_eq!(header("https://a.example:8443/y"), None);
        assert_eq!(header("https://b.example/y"), None);
        assert_eq!(header("https://other.example/y").as_deref(), Some("Basic dTpw"));
    }

    #[test]
    fn another_port_of_the_same_host_is_another_door() {
        let at = |url: &str| origin(&Url::parse(url).unwrap());
        assert!(strays(&at("https://a.example/"), &at("https://a.example:8443/")));
        assert!(strays(&at("http://a.example:8080/"), &at("https://a.example/")));
        assert!(!strays(&at("http://a.example/x"), &at("https://A.example/y")));
        assert!(!strays(&at("https://a.example/"), &at("https://b.example:1/")));
    }

    #[test]
    fn variables_and_userinfo() {
        assert_eq!(variable("git.example-1.org"), "GREFFON_TOKEN_GIT_EXAMPLE_1_ORG");
        let mut url = Url::parse("https://an%40n:p%2Fw@example.org/x").unwrap();
        let Some(Auth::Basic { user, secret }) = split_userinfo(&mut url) else { panic!("no credential") };
        assert_eq!((user.as_str(), secret.as_str(), url.as_str()), ("an@n", "p/w", "https://example.org/x"));
        assert_eq!(percent_decode("%zz%4"), "%zz%4");
    }
}
