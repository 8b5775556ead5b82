//! Where an index is: a folder of this machine, or below a url; and what addresses inside it stand for.

use std::path::{Path, PathBuf};

use url::Url;

use crate::builtin::environment::{AuthOption, absolute, is_remote_git};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;
use crate::sys::http::Http;
use crate::sys::{fs, redact};

/// An index's place.
#[derive(Debug, Clone)]
pub(super) enum Location {
    /// A folder.
    Folder(PathBuf),
    /// Below a url that ends in `/`.
    Web(Url),
}

/// Who reads over http: the client, the folder of kept answers, the credential.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) http: Http,
    pub(super) kept: PathBuf,
    pub(super) auth: Option<AuthOption>,
}

/// An archive's address, made absolute.
pub(super) enum Address {
    /// A url.
    Url(String),
    /// A file of this machine.
    Path(PathBuf),
}

impl Location {
    /// `https://…`, `http://…`, `file://…`, or a path as seen from `base`.
    pub(super) fn parse(text: &str, base: &Path) -> Result<Self> {
        if !text.contains("://") {
            return Ok(Self::Folder(absolute(base, text)));
        }
        let bad = |why: &str| Error::new(ErrorKind::Manifest, format!("`{}` is no address of an index: {why}", redact(text)));
        let mut url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
        match url.scheme() {
            "http" | "https" => {}
            "file" => return url.to_file_path().map(Self::Folder).map_err(|()| bad("it is no path of this machine")),
            other => return Err(bad(&format!("`{other}` is neither http nor https"))),
        }
        if !url.username().is_empty() || url.password().is_some() {
            // It would go on into the lockfile with every archive's address.
            return Err(bad("it holds a user or a password").hint("name a secret with `auth = \"NAME\"`, or use netrc or `GREFFON_TOKEN_<HOST>`"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it has a `?` or a `#`, and files stand below it"));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self::Web(url))
    }

    /// For people.
    pub(super) fn shown(&self, parts: &[&str]) -> String {
        match self {
            Self::Folder(folder) => parts.iter().fold(folder.clone(), |path, part| path.join(part)).display().to_string(),
            Self::Web(_) => redact(&self.url(parts)),
        }
    }

    /// The file `parts` below it; `None`: there is no such file.
    pub(super) fn read(&self, cx: &Context, reader: &Reader, parts: &[&str], limit: u64) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Folder(folder) => fs::read(&parts.iter().fold(folder.clone(), |path, part| path.join(part)), limit),
            Self::Web(_) => {
                let auth = reader.auth.as_ref().map(|auth| auth.resolve(cx)).transpose()?;
                reader.http.get_kept(cx, &self.url(parts), auth.as_ref(), &reader.kept, limit)
            }
        }
    }

    /// When the server last stood by the file `parts`, in seconds since 1970; `None` for a folder, and where it never was asked.
    pub(super) fn heard(&self, reader: &Reader, parts: &[&str]) -> Option<i64> {
        match self {
            Self::Folder(_) => None,
            Self::Web(_) => reader.http.heard(&self.url(parts), &reader.kept),
        }
    }

    /// What an archive's address in the index stands for. An index of the web must not point at files of this machine.
    pub(super) fn archive(&self, address: &str) -> Result<Address> {
        let elsewhere = |why: &str| Error::new(ErrorKind::Invalid, format!("the address `{}` cannot be used: {why}", redact(address).escape_debug()));
        match self {
            Self::Folder(folder) => match Url::parse(address) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Address::Url(address.to_owned())),
                Ok(url) if url.scheme() == "file" => url.to_file_path().map(Address::Path).map_err(|()| elsewhere("it is no path of this machine")),
                Ok(_) if address.contains("://") => Err(elsewhere("it is neither http nor https")),
                _ => Ok(Address::Path(absolute(folder, address))),
            },
            Self::Web(base) => {
                let url = base.join(address).map_err(|error| elsewhere(&error.to_string()))?;
                match url.scheme() {
                    "http" | "https" => Ok(Address::Url(url.into())),
                    _ => Err(elsewhere("an index on the web can point at http and https only")),
                }
            }
        }
    }

    /// What a git address in the index stands for.
    pub(super) fn git(&self, address: &str) -> Result<String> {
        match self {
            Self::Folder(_) if is_remote_git(address) => Ok(address.to_owned()),
            Self::Folder(folder) => Ok(absolute(folder, address).to_string_lossy().into_owned()),
            Self::Web(base) => {
                let local = address.starts_with('/') && !address.starts_with("//") || address.starts_with("file:");
                if local {
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        format!("the address `{}` cannot be used: an index on the web cannot point at this machine", address.escape_debug()),
                    ));
                }
                if is_remote_git(address) {
                    return Ok(address.to_owned());
                }
                base.join(address)
                    .map(Into::into)
                    .map_err(|error| Error::new(ErrorKind::Invalid, format!("the address `{}` cannot be used: {error}", address.escape_debug())))
            }
        }
    }

    fn url(&self, parts: &[&str]) -> String {
        let Self::Web(base) = self else { return String::new() };
        let mut url = base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // Quotes whatever a name may hold (`?`, `#`, `%`), so that it stays one part of the path.
            path.pop_if_empty().extend(parts);
        }
        url.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> Location {
        Location::parse("https://h.example/idx", Path::new("/")).expect("an address")
    }

    #[test]
    fn files_stand_below_the_url_whatever_their_names() {
        assert_eq!(web().shown(&["elements", "packages", "a?b#c%2f", "x.json"]), "https://h.example/idx/elements/packages/a%3Fb%23c%252f/x.json");
        for bad in ["ftp://h/x", "https://h/x?y", "https://user:hunter2@h/x"] {
            let error = Location::parse(bad, Path::new("/")).expect_err(bad);
            assert!(!error.message().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn an_index_of_the_web_cannot_point_at_this_machine() {
        for bad in ["file:///etc/passwd", "ftp://h/x"] {
            assert!(web().archive(bad).is_err(), "{bad}");
        }
        for bad in ["/srv/git/x.git", "file:///srv/x.git"] {
            assert!(web().git(bad).is_err(), "{bad}");
        }
        let Ok(Address::Url(url)) = web().archive("/etc/passwd") else { panic!("a path on the server") };
        assert_eq!(redact(&url), "https://h.example/etc/passwd");
        assert_eq!(web().git("git@h:x.git").expect("another machine"), "git@h:x.git");
    }

    #[test]
    fn addresses_in_a_folder_are_relative_to_it() {
        let folder = Location::parse("idx", Path::new("/m")).expect("a folder");
        let Ok(Address::Path(path)) = folder.archive("files/x.zip") else { panic!("a file") };
        assert_eq!(path, Path::new("/m/idx/files/x.zip"));
        assert_eq!(folder.git("../r/x.git").expect("a path"), "/m/r/x.git");
        assert!(matches!(folder.archive("https://h/x.zip"), Ok(Address::Url(_))));
    }
}
