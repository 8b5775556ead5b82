//! Reports as text for people: one file a kind of report.

pub(super) mod adopt;
pub(super) mod change;
pub(super) mod doctor;
pub(super) mod extension;
pub(super) mod fix;
pub(super) mod history;
pub(super) mod list;
pub(super) mod lock;
pub(super) mod other;
pub(super) mod patch;
pub(super) mod plan;
pub(super) mod repo;
pub(super) mod saved;
pub(super) mod security;
pub(super) mod show;
pub(super) mod small;
pub(super) mod status;
pub(super) mod stock;
pub(super) mod sync;
pub(super) mod tree;
pub(super) mod upgrade_check;
pub(super) mod why;

use super::text::Text;

/// What stands before the lines of a site: its name, where there are several.
fn heading(name: &str, several: bool, page: &mut Text) -> usize {
    if several {
        page.paint(super::text::STRONG, name).end();
        return 2;
    }
    0
}
