//! The generations of a site.

use crate::cli::text::{ADD, CHANGE, FAINT, STRONG, Text};
use crate::site::Generation;

/// Newest first, two lines and more each: number, time and mark, then what changed.
pub(crate) fn generations(list: &[Generation], current: Option<u64>, page: &mut Text) {
    for one in list {
        page.paint(STRONG, format_args!("generation {}", one.number)).paint(FAINT, format_args!("  {}  {}", when(&one.time), one.commit.short()));
        if current == Some(one.number) {
            page.put("  ").paint(ADD, "in place");
        }
        if let Some(mark) = &one.mark {
            page.put("  ").paint(CHANGE, mark);
        }
        page.end();
        for line in one.message.lines().filter(|line| !line.trim().is_empty()) {
            page.line(format_args!("  {line}"));
        }
    }
}

/// A recorded time, in the zone of this machine and to the minute.
pub(crate) fn when(time: &str) -> String {
    time.parse::<jiff::Timestamp>()
        .map_or_else(|_| time.to_owned(), |stamp| stamp.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string())
}
