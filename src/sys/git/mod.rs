//! git: remote sources, one bare repository each, and the object database that composed trees live in.

mod objects;
mod source;

pub use objects::{NewEntry, NewEntryKind, Objects};
pub use source::{RemoteRef, Source, Sources, TransportChoice, Want};
