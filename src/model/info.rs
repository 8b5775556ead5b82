//! Element info: what a repository knows of one version of an element.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Digest, ElementId, ObjectId, Requirement, Version};

/// The metadata of one candidate: its version, what it needs, what it excludes, and where its bytes are.
///
/// The order of `dependencies` is the author's; the solver looks at them in that order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ElementInfo {
    /// `type/name`.
    pub id: ElementId,
    /// The version as its author wrote it.
    pub version: Version,
    /// The version scheme that the package or its index names, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What its author calls this version for people, where that is another name (`5.0.3` for the build `2026010100`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// What must be installed with it.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub dependencies: IndexMap<ElementId, Requirement>,
    /// What must not be installed beside it.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub conflicts: IndexMap<ElementId, Requirement>,
    /// What it is known to go together with, where that matters: candidates whose recommendations hold are preferred, and one
    /// that is chosen all the same is told.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub recommends: IndexMap<ElementId, Requirement>,
    /// Why every other version is preferred to this one (an author's "alpha"); it is chosen where nothing else fits or it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<String>,
    /// Named groups of further dependencies, off unless an element's `optional = ["group"]` asks for them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub optional: IndexMap<String, IndexMap<ElementId, Requirement>>,
    /// Why this version must not be newly chosen; one that is locked stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
    /// Why this machine does not choose it newly, whatever its repository says; never written down.
    #[serde(skip)]
    pub withheld: Option<String>,
    /// When it was published (RFC 3339 or a date).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// Where its bytes are; `None` for what is only described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<Download>,
}

impl ElementInfo {
    /// An element that needs nothing and whose bytes are elsewhere.
    #[must_use]
    pub fn bare(id: ElementId, version: Version) -> Self {
        Self {
            id,
            version,
            scheme: None,
            summary: None,
            release: None,
            dependencies: IndexMap::new(),
            conflicts: IndexMap::new(),
            recommends: IndexMap::new(),
            reserve: None,
            optional: IndexMap::new(),
            yanked: None,
            withheld: None,
            published: None,
            download: None,
        }
    }
}

/// Download information: everything a downloader needs to get the bytes of one version. No secret is part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Download {
    /// A commit of a git repository.
    Git {
        /// The repository: `https://`, `http://`, `ssh://`, `user@host:path`, `file://` or a local path.
        git: String,
        /// A tag, a branch or a commit; what to ask the server for.
        rev: String,
        /// The commit, where it is already known; bytes of any other are refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<ObjectId>,
        /// The folder inside the repository that is the element.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdir: Option<String>,
        /// Whether gitlinks are fetched and grafted too (DESIGN section 6); otherwise one is an error.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        submodules: bool,
    },
    /// An archive behind a url.
    Url {
        /// Absolute `http(s)://` url.
        url: String,
        /// The digest of the archive's bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<Digest>,
        /// The MD5 of the archive's bytes, 32 hex digits, where nothing better is told (Moodle's directory).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        md5: Option<String>,
        /// The length of the archive in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        /// The dialogue to hold before the download, by the name of its implementation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dialogue: Option<String>,
        /// What it costs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price: Option<Price>,
    },
    /// An archive or a folder on this machine.
    Path {
        /// An absolute path.
        path: String,
        /// The digest of an archive's bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<Digest>,
        /// The folder inside that is the element.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdir: Option<String>,
    },
}

/// An amount of money, as a shop states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// A decimal number as text, so that no cent is lost.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}

impl Price {
    /// The amount in millionths; `None`: it is no amount.
    #[must_use]
    pub fn micros(&self) -> Option<u128> {
        micros(&self.amount)
    }
}

impl std::fmt::Display for Price {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

/// What may be spent unasked: `--max-price 50`, `--max-price 50.00EUR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxPrice {
    /// As written.
    pub amount: String,
    /// Upper case; `None`: whichever is asked for.
    pub currency: Option<String>,
}

impl std::str::FromStr for MaxPrice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (amount, currency) = (text[..end].trim(), text[end..].trim());
        let known = currency.is_empty() || (currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_alphabetic()));
        match micros(amount) {
            Some(_) if known => Ok(Self { amount: amount.to_owned(), currency: Some(currency.to_ascii_uppercase()).filter(|currency| !currency.is_empty()) }),
            _ => Err("an amount, as in `49.00` or `49.00EUR`".to_owned()),
        }
    }
}

impl MaxPrice {
    /// Whether so many millionths of a currency may be spent.
    #[must_use]
    pub fn covers(&self, amount: u128, currency: &str) -> bool {
        micros(&self.amount).is_some_and(|most| amount <= most) && self.currency.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(currency))
    }
}

impl std::fmt::Display for MaxPrice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.amount)?;
        self.currency.iter().try_for_each(|currency| write!(f, " {currency}"))
    }
}

/// A decimal number in millionths.
fn micros(text: &str) -> Option<u128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 15 || part.len() > 6 || !digits(whole) || !digits(part) {
        return None;
    }
    format!("{whole}{part:0<6}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_decimals_and_nothing_else() {
        for (text, amount) in
            [("49", Some(49_000_000)), ("49.5", Some(49_500_000)), ("0.00", Some(0)), ("", None), ("-1", None), ("1,5", None), ("1e9", None), (".5", None)]
        {
            assert_eq!(micros(text), amount, "{text}");
        }
    }

    #[test]
    fn what_may_be_spent_is_read_with_its_currency() {
        let most: MaxPrice = "50.00 eur".parse().expect("an amount");
        assert!(most.covers(50_000_000, "EUR") && !most.covers(50_000_001, "EUR") && !most.covers(1, "USD"));
        assert!("50".parse::<MaxPrice>().expect("an amount").covers(49_990_000, "USD"));
        for bad in ["", "EUR", "50 EURO", "-5", "5x"] {
            assert!(bad.parse::<MaxPrice>().is_err(), "{bad}");
        }
    }
}
