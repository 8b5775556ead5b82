#![allow(clippy::disallowed_methods)]

mod cases;
mod data;
mod shared;
mod shelf;
