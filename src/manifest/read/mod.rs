//! Reading TOML so that one pass finds every error, each with its place.
//!
//! The text becomes a tree with spans ([`syntax`]); [`shape!`](crate::manifest::read::shape) structs take it apart. A shape is at
//! once the list of keys that are read and the JSON Schema that is published, so the two cannot differ.

mod quote;
mod reader;
pub(super) mod shape;
mod syntax;
mod values;

pub(super) use quote::{toml_inline, toml_key, toml_string};
pub(super) use reader::{Reader, shown_key, shown_list};
pub(super) use shape::FromToml;
pub(super) use syntax::MAX_BYTES;
pub(super) use values::{Anything, At, Entries, Json, json_of};

/// A value of the tree, with the bytes it was read from.
pub(super) type Value<'i> = toml::Spanned<toml::de::DeValue<'i>>;
