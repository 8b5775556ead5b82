//! Whether bytes of a server are understood: for tests that try very many of them (`scripts/torture fuzz`).

use super::refs::Advert;
use super::{tree, url};
use crate::model::ObjectId;

/// Whether these bytes are a tree object that could be installed.
///
/// # Panics
/// When a name in it is none for a file, which is what such a test looks for.
#[must_use]
pub fn tree_is_understood(bytes: &[u8]) -> bool {
    let Ok(items) = tree::parse(bytes, ObjectId::EMPTY_TREE, "") else { return false };
    assert!(items.iter().all(|item| !matches!(item.name, "" | "." | "..") && !item.name.contains(['/', '\0']) && !item.name.eq_ignore_ascii_case(".git")));
    true
}

/// Whether this is the address of a git source.
///
/// # Panics
/// When git could take it for an option or a command.
#[must_use]
pub fn url_is_understood(text: &str) -> bool {
    let Ok((address, _)) = url::read(text) else { return false };
    let text = address.text();
    let before_path = &text[..text.find('/').unwrap_or(text.len())];
    assert!(!text.starts_with('-') && !before_path.contains("::") && !text.chars().any(char::is_control), "{text:?}");
    true
}

/// Whether these bytes are the list of refs that a server answers with.
///
/// # Panics
/// When it names a ref that is none.
#[must_use]
pub fn advert_is_understood(bytes: &[u8]) -> bool {
    let Ok(advert) = Advert::read(bytes.to_vec(), "test") else { return false };
    assert!(advert.refs.iter().all(|one| url::is_ref(&one.name)), "{:?}", advert.refs);
    true
}
