//! Secrets by name: from the environment, a file that only its owner can read, or a program.

use std::fmt;

use indexmap::IndexMap;

use crate::error::{Error, ErrorKind, Result};
use crate::manifest::SecretSource;
use crate::roles::Secrets;

/// The configured sources. Values are read when they are asked for and kept nowhere.
#[derive(Clone, Default)]
pub struct SecretStore(IndexMap<String, SecretSource>);

impl SecretStore {
    /// From these sources.
    #[must_use]
    pub fn new(sources: IndexMap<String, SecretSource>) -> Self {
        Self(sources)
    }
}

impl fmt::Debug for SecretStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl Secrets for SecretStore {
    fn get(&self, name: &str) -> Result<Option<String>> {
        let Some(source) = self.0.get(name) else { return Ok(None) };
        let failed = |what: String| Error::new(ErrorKind::Denied, format!("the secret `{name}` {what}"));
        let value = match source {
            SecretSource::Env(variable) => {
                std::env::var(variable).map_err(|_| failed(format!("is to be in the environment variable `{variable}`, which is not set")))?
            }
            SecretSource::File(path) => {
                crate::sys::fs::check_private(path)?;
                crate::sys::fs::read_text(path, 64 << 10)?.ok_or_else(|| failed(format!("is to be in `{}`, which does not exist", path.display())))?
            }
            SecretSource::Command(argv) => crate::sys::first_line_at_home(argv)
                .map_err(|error| failed(format!("could not be had from `{}`", argv.first().map_or("", String::as_str))).caused_by(error))?,
        };
        let value = value.trim_end_matches(['\r', '\n']).to_owned();
        if value.is_empty() { Err(failed("is empty".to_owned())) } else { Ok(Some(value)) }
    }
}
