//! What is sold: dialogues through the real binary, against shops that count their orders.
#![allow(clippy::disallowed_methods, clippy::pedantic)]

#[path = "../shop/mod.rs"]
mod shop;
#[path = "../support/mod.rs"]
mod support;

mod agreed;
mod installers;
mod licences;
mod purchase;
mod ready;
mod repositories;
mod tokens;
