//! Reports as text for people: one file a kind of report.

pub(super) mod applied;
pub(super) mod change;
pub(super) mod history;
pub(super) mod plan;
pub(super) mod search;
pub(super) mod status;
pub(super) mod stock;
