// the figures that the issue asks for are printed where a test is run with `--nocapture`
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod cases;
mod data;
mod explained;
mod props;
mod raw;
mod shared;
mod shelf;
mod twins;
