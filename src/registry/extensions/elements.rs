//! Extensions that are elements: fetched, so trusted by their bytes and by nothing that a manifest or a lockfile says alone.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Extensions, Named, Trust};
use crate::error::{Error, ErrorKind, Result};
use crate::script::{Grants, Source, review};
use crate::sys::stockroom::ExtensionHold;

/// An extension that was fetched, unpacked.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The element's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its folder in the stock.
    pub folder: PathBuf,
    /// Where it came from.
    pub from: String,
    /// Keeps the folder from being tidied away; `None`: nobody can.
    pub hold: Option<Arc<ExtensionHold>>,
}

/// What an extension was when it was trusted: by it people are told what changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it asked for.
    #[serde(skip_serializing_if = "Grants::is_empty")]
    pub needs: Grants,
    /// Its functions, as `name/2`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
}

impl Seen {
    /// An extension as it is now.
    #[must_use]
    pub fn of(source: &Source) -> Self {
        Self { version: source.version.clone(), needs: source.needs.clone(), functions: review::outline(source) }
    }

    /// What is different now, a line each.
    #[must_use]
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let mut told = Vec::new();
        let version = |seen: &Self| seen.version.clone().unwrap_or_else(|| "no version".to_owned());
        if self.version != now.version {
            told.push(format!("its version: {} → {}", version(self), version(now)));
        }
        let (more, less) = (now.needs.beyond(&self.needs), self.needs.beyond(&now.needs));
        if !more.is_empty() {
            told.push(format!("it asks for more: {}", more.words()));
        }
        if !less.is_empty() {
            told.push(format!("it no longer asks for: {}", less.words()));
        }
        let (before, after): (BTreeSet<&String>, BTreeSet<&String>) = (self.functions.iter().collect(), now.functions.iter().collect());
        let list = |set: Vec<&&String>| set.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
        let (new, gone): (Vec<_>, Vec<_>) = (after.difference(&before).collect(), before.difference(&after).collect());
        if !new.is_empty() {
            told.push(format!("new functions: {}", list(new)));
        }
        if !gone.is_empty() {
            told.push(format!("functions that went: {}", list(gone)));
        }
        if told.is_empty() {
            told.push("its bytes; what it asks for and its functions are the same".to_owned());
        }
        told
    }
}

impl Extensions {
    /// The element that an extension's source is, where it is one.
    pub(super) fn element(&self, source: &Source) -> Option<&Fetched> {
        self.elements.values().find(|fetched| source.folder == fetched.folder)
    }

    /// Whether it lies beside the manifest and is not an element: then it keeps its grants when it is edited.
    pub(super) fn is_local(&self, source: &Source) -> bool {
        source.folder.starts_with(&self.base) && self.element(source).is_none()
    }

    /// The extension that is an element of this name.
    pub(super) fn find_element(&self, name: &str) -> Option<Result<Source>> {
        let fetched = self.elements.get(name)?;
        Some(Source::read(&fetched.folder).and_then(|source| {
            if source.name == fetched.name {
                return Ok(source);
            }
            // Else it would get what another is allowed.
            Err(Error::new(ErrorKind::Extension, format!("the element extensions/{} holds the extension `{}`", fetched.name, source.name.escape_debug()))
                .hint(format!("name the element as the extension is named: `extensions/{}`", source.name.escape_debug())))
        }))
    }

    /// What was fetched does nothing before this user said yes to these bytes, whatever the manifest allows and the lockfile holds.
    pub(super) fn require_yes(&self, named: &Named, source: &Source, said: &Grants, trust: &mut Trust) -> Result<()> {
        let Some(fetched) = self.element(source) else { return Ok(()) };
        let (name, hash) = (&source.name, source.hash.to_string());
        if trust.grants(&self.manifest, name, Some(&hash)).is_some() {
            return Ok(());
        }
        let earlier = trust.seen(&self.manifest, name);
        if said.is_empty() && earlier.is_none() {
            // It may do nothing, so that there is nothing to say yes to.
            return Ok(());
        }
        let now = Seen::of(source);
        let changes = earlier.as_ref().map(|earlier| earlier.changes(&now)).unwrap_or_default();
        let what = match &earlier {
            Some(_) => format!("the extension `{name}` is not the one that you trusted"),
            None => format!("the extension `{name}` {} was fetched from {}, and you were never asked about it", fetched.version, fetched.from),
        };
        let question = changes.iter().fold(format!("{what}; it may {}", said.words()), |text, change| format!("{text}; {change}"));
        self.ask(&format!("{question}. Let it?"), || {
            let error = Error::new(ErrorKind::Refused, what.clone()).note(format!("this manifest lets it {}", said.words()));
            let error = changes.iter().fold(error, |error, change| error.note(format!("changed: {change}")));
            named.at(error.hint("if that is what you want, `greffon trust` allows it as it is now; the lockfile never does"))
        })?;
        trust.allow(&self.manifest, name, &hash, &Grants::default());
        trust.see(&self.manifest, name, now);
        trust.write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told() {
        let net = |hosts: &[&str]| Grants { net: hosts.iter().map(|host| (*host).to_owned()).collect(), ..Grants::default() };
        let seen = |version: &str, needs: Grants, functions: &[&str]| Seen {
            version: Some(version.to_owned()),
            needs,
            functions: functions.iter().map(|one| (*one).to_owned()).collect(),
        };
        let before = seen("1.0", net(&["a.example"]), &["quote/2", "ask/1"]);
        assert_eq!(
            before.changes(&seen("1.1", net(&["b.example"]), &["quote/2", "ask/2"])),
            [
                "its version: 1.0 → 1.1",
                "it asks for more: reach `b.example`",
                "it no longer asks for: reach `a.example`",
                "new functions: `ask/2`",
                "functions that went: `ask/1`"
            ]
        );
        assert_eq!(before.changes(&before.clone()).len(), 1);
    }
}
