//! Text for people, built so that data cannot speak to the terminal: everything put in is escaped, only styles and line ends
//! of our own are not. Names, versions and messages come from servers, archives and files that others wrote.

use std::fmt::{Display, Write as _};

use clap::builder::styling::{AnsiColor, Effects, Style};

/// Something new.
pub(crate) const ADD: Style = AnsiColor::Green.on_default();
/// Something that goes, or is wrong.
pub(crate) const REMOVE: Style = AnsiColor::Red.on_default();
/// Something that changes, or deserves a look.
pub(crate) const CHANGE: Style = AnsiColor::Yellow.on_default();
/// Something that moves.
pub(crate) const MOVE: Style = AnsiColor::Cyan.on_default();
/// What can destroy data.
pub(crate) const DANGER: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
/// A heading, a name that matters.
pub(crate) const STRONG: Style = Style::new().effects(Effects::BOLD);
/// A remark beside the matter.
pub(crate) const FAINT: Style = Style::new().effects(Effects::DIMMED);

/// A page of text under construction.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

impl Text {
    /// An empty page.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Puts data or words of our own; control characters come out as `\u{1b}`, line ends too.
    pub(crate) fn put(&mut self, what: impl Display) -> &mut Self {
        let _ = write!(Escaping(&mut self.0), "{what}");
        self
    }

    /// As [`Self::put`], in a style.
    pub(crate) fn paint(&mut self, style: Style, what: impl Display) -> &mut Self {
        let _ = write!(self.0, "{style}");
        self.put(what);
        let _ = write!(self.0, "{style:#}");
        self
    }

    /// Puts something, and spaces up to a width in characters.
    pub(crate) fn pad(&mut self, width: usize, what: impl Display) -> &mut Self {
        let start = self.0.len();
        self.put(what);
        let used = self.0[start..].chars().count();
        self.0.extend(std::iter::repeat_n(' ', width.saturating_sub(used)));
        self
    }

    /// Ends the line.
    pub(crate) fn end(&mut self) -> &mut Self {
        self.0.push('\n');
        self
    }

    /// A whole line.
    pub(crate) fn line(&mut self, what: impl Display) -> &mut Self {
        self.put(what).end()
    }

    /// A column of rows of cells, each as wide as its widest, two spaces between, indented.
    pub(crate) fn table(&mut self, indent: usize, rows: &[Vec<String>]) -> &mut Self {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> =
            (0..columns).map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| plain(cell).chars().count()).max().unwrap_or(0)).collect();
        for row in rows {
            self.pad(indent, "");
            let last = row.iter().rposition(|cell| !cell.is_empty()).unwrap_or(0);
            for (at, cell) in row.iter().enumerate().take(last + 1) {
                if at == last {
                    self.put(cell);
                } else {
                    self.pad(widths[at] + 2, cell);
                }
            }
            self.end();
        }
        self
    }

    /// Whether nothing was put yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The finished text, with styles.
    pub(crate) fn finish(&self) -> &str {
        &self.0
    }
}

/// Writes on, control characters escaped.
struct Escaping<'a>(&'a mut String);

impl std::fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for c in text.chars() {
            if speaks(c) {
                write!(self.0, "{}", c.escape_default())?;
            } else {
                self.0.push(c);
            }
        }
        Ok(())
    }
}

/// Whether a character could change what a terminal shows or does: C0 and C1 controls, and marks of writing direction.
pub(crate) fn speaks(c: char) -> bool {
    c.is_control() || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text with control characters escaped.
pub(crate) fn plain(text: impl Display) -> String {
    let mut page = Text::new();
    page.put(text);
    page.0
}

/// A JSON text in which no character speaks to the terminal. Such characters can only stand inside of strings, where an escape
/// means the same; line ends between values stay.
pub(crate) fn plain_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && speaks(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ if what.ends_with('y') => format!("{number} {}ies", &what[..what.len() - 1]),
        _ => format!("{number} {what}s"),
    }
}

/// A duration for people: `34ms`, `2.31s`, `1m 12s`.
pub(crate) fn duration(time: std::time::Duration) -> String {
    let seconds = time.as_secs();
    match time.as_millis() {
        0..1_000 => format!("{}ms", time.as_millis()),
        1_000..60_000 => format!("{:.2}s", time.as_secs_f64()),
        _ => format!("{}m {}s", seconds / 60, seconds % 60),
    }
}

/// A size for people: `17 B`, `2.3 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[2Jb\rc\u{7f}d\u{9b}31me\u{202e}f\ng\u{7}h\u{2028}";

    #[test]
    fn data_cannot_speak_to_the_terminal() {
        let mut page = Text::new();
        page.put(HOSTILE).end();
        let text = page.finish();
        assert!(text.ends_with('\n'));
        assert!(!text.trim_end_matches('\n').chars().any(speaks), "{text:?}");
        assert!(text.contains("\\u{1b}[2J"), "{text:?}");
    }

    #[test]
    fn hostile_json_reads_back_the_same() {
        let json = serde_json::to_string_pretty(&serde_json::json!({ "name": HOSTILE })).expect("a value");
        let safe = plain_json(&json);
        assert!(!safe.chars().any(|c| c != '\n' && speaks(c)), "{safe:?}");
        let back: serde_json::Value = serde_json::from_str(&safe).expect("still JSON");
        assert_eq!(back["name"], HOSTILE);
    }

    #[test]
    fn tables_align_and_have_no_trailing_spaces() {
        let mut page = Text::new();
        page.table(2, &[vec!["a".into(), "1".into(), String::new()], vec!["long\u{1b}".into(), "22".into(), "x".into()]]);
        assert_eq!(page.finish(), "  a           1\n  long\\u{1b}  22  x\n");
    }

    #[test]
    fn times_and_counts_read_well() {
        use std::time::Duration;
        assert_eq!(duration(Duration::from_millis(34)), "34ms");
        assert_eq!(duration(Duration::from_millis(2310)), "2.31s");
        assert_eq!(duration(Duration::from_secs(72)), "1m 12s");
        assert_eq!((count(1, "element"), count(2, "entry")), ("1 element".to_owned(), "2 entries".to_owned()));
    }
}
