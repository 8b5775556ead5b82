//! A small reader of PHP that consists of nothing but assignments of literals: `version.php`, `subplugins.php`. Nothing is ever run.

mod eval;
mod token;

pub(super) use eval::{Assignment, Key, Value, assignments};
