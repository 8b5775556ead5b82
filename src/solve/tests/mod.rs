#![allow(clippy::disallowed_methods)]

mod cases;
mod data;
mod explained;
mod props;
mod shared;
mod shelf;
