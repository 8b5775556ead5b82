//! For authors and users of extensions: `greffon extension …`, and extensions that are elements.
#![allow(clippy::disallowed_methods, clippy::pedantic)]

#[path = "../shop/mod.rs"]
mod shop;
#[path = "../support/mod.rs"]
mod support;

mod authors;
mod elements;
mod recorded;
mod shipped;
