//! The text form of an error. annotate-snippets draws the excerpts; everything else is plain lines.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::Told;
use super::json::position;
use super::printable::{printable, push};
use crate::error::{Error, Excerpt};

/// An excerpt shows at most so many lines of a mark that spans more.
const LINES: usize = 12;
/// A line shows at most so many characters around its mark.
const COLUMNS: usize = 400;
/// A line of a message has at most so many characters; longer ones come from hostile input.
const LONGEST: usize = 1_000;
/// Below this width lines are not cut further.
const NARROWEST: usize = 40;

/// Renders an error with everything it carries, ending in a newline; several errors one after the other. `width` is the
/// terminal's, in columns. Control and bidi characters are escaped: the only ones in the output are newlines, tabs and, with
/// `color`, the colour codes written here.
#[must_use]
pub fn render(error: &Error, color: bool, width: usize) -> String {
    let mut out = String::new();
    one(error, &Paint(color).red("error"), color, width.max(NARROWEST), &mut out);
    crate::sys::hide_secrets(&out)
}

/// As [`render`], for what is no failure: it begins with `warning:`.
#[must_use]
pub fn render_warning(error: &Error, color: bool, width: usize) -> String {
    let mut out = String::new();
    one(error, &Paint(color).yellow("warning"), color, width.max(NARROWEST), &mut out);
    crate::sys::hide_secrets(&out)
}

fn one(error: &Error, head: &str, color: bool, width: usize, out: &mut String) {
    let paint = Paint(color);
    let told = Told::of(error);
    lines(out, head, ": ", &paint.bold(&printable(error.message())));
    if !told.excerpts.is_empty() {
        excerpts(&told.excerpts, color, width, out);
    }
    for note in &told.notes {
        lines(out, &paint.blue("  ="), " ", &printable(note));
    }
    for cause in &told.causes {
        lines(out, &paint.bold("caused by"), ": ", &printable(cause));
    }
    if !told.hints.is_empty() {
        out.push('\n');
    }
    for hint in &told.hints {
        lines(out, &paint.cyan("hint"), ": ", &printable(hint));
    }
    for other in told.others {
        out.push('\n');
        one(other, head, color, width, out);
    }
    if !told.fixes.is_empty() {
        out.push('\n');
    }
    for (at, fix) in told.fixes.iter().enumerate() {
        lines(out, &paint.cyan(&format!("fix {}", at + 1)), ": ", &printable(&fix.text));
    }
    if let Some(how) = told.fixed_by {
        lines(out, &paint.cyan("hint"), ": ", &printable(how));
    }
}

/// A head and a text whose further lines stand below its first.
fn lines(out: &mut String, head: &str, gap: &str, text: &str) {
    out.push_str(head);
    out.push_str(gap);
    for (index, line) in text.trim_end().split('\n').enumerate() {
        if index > 0 {
            out.push_str("\n    ");
        }
        match line.char_indices().nth(LONGEST) {
            Some((cut, _)) => {
                out.push_str(&line[..cut]);
                out.push('…');
            }
            None => out.push_str(line),
        }
    }
    out.push('\n');
}

fn excerpts(excerpts: &[&Excerpt], color: bool, width: usize, out: &mut String) {
    let cut: Vec<Cut> = excerpts.iter().map(|excerpt| Cut::of(excerpt)).collect();
    let mut group = Group::with_level(Level::ERROR);
    for (excerpt, cut) in excerpts.iter().zip(&cut) {
        let mut annotation = AnnotationKind::Primary.span(cut.span.clone());
        let label = printable(&excerpt.label);
        if !label.is_empty() {
            annotation = annotation.label(label.into_owned());
        }
        group = group.element(
            Snippet::source(cut.text.as_str())
                .line_start(cut.line)
                .path(printable(&excerpt.path.display().to_string()).into_owned())
                .fold(false)
                .annotation(annotation),
        );
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let drawn = renderer.term_width(width).render(&[group]);
    out.push_str(drawn.trim_end_matches('\n'));
    out.push('\n');
}

/// The lines of an excerpt that are shown, made printable, with the mark moved along.
struct Cut {
    text: String,
    line: usize,
    span: std::ops::Range<usize>,
}

impl Cut {
    fn of(excerpt: &Excerpt) -> Self {
        let text = excerpt.text.as_str();
        let start = floor(text, excerpt.span.start);
        let mut end = floor(text, excerpt.span.end).max(start);
        let first = text[..start].rfind('\n').map_or(0, |at| at + 1);
        // A mark over many lines is cut to the first of them.
        if text[start..end].matches('\n').count() >= LINES {
            end = start + text[start..].find('\n').unwrap_or(0);
        }
        let last = text[end..].find('\n').map_or(text.len(), |at| end + at);
        let mut cut = Self { text: String::new(), line: position(text, start).0, span: 0..0 };
        let (mut from, mut to) = (None, None);
        let mut at = first;
        for line in text[first..last].split_inclusive('\n') {
            let shown = window(line, start.clamp(at, at + line.len()) - at, end.clamp(at, at + line.len()) - at);
            if shown.start > 0 {
                cut.text.push('…');
            }
            for (offset, c) in line[shown.clone()].char_indices() {
                let byte = at + shown.start + offset;
                if from.is_none() && byte >= start {
                    from = Some(cut.text.len());
                }
                if to.is_none() && byte >= end {
                    to = Some(cut.text.len());
                }
                if c == '\r' && line[shown.start + offset..].trim_end_matches(['\r', '\n']).is_empty() {
                    continue;
                }
                push(&mut cut.text, c);
            }
            if shown.end < line.trim_end_matches(['\r', '\n']).len() {
                cut.text.push('…');
                if line.ends_with('\n') {
                    cut.text.push('\n');
                }
            }
            at += line.len();
        }
        let from = from.unwrap_or(cut.text.len());
        cut.span = from..to.unwrap_or(cut.text.len()).max(from);
        cut
    }
}

/// The bytes of a line that are shown when those between `start` and `end` are marked.
fn window(line: &str, start: usize, end: usize) -> std::ops::Range<usize> {
    if line.len() <= COLUMNS {
        return 0..line.len();
    }
    let begin = floor(line, start.saturating_sub(COLUMNS / 4));
    let stop = floor(line, end.min(start + COLUMNS).max(begin + COLUMNS).min(line.len()));
    begin..stop
}

/// The character boundary at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// Our own colour codes; the only escapes that leave this module.
struct Paint(bool);

impl Paint {
    fn code(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
    fn red(&self, text: &str) -> String {
        self.code("1;91", text)
    }
    fn yellow(&self, text: &str) -> String {
        self.code("1;93", text)
    }
    fn blue(&self, text: &str) -> String {
        self.code("1;94", text)
    }
    fn cyan(&self, text: &str) -> String {
        self.code("1;96", text)
    }
    fn bold(&self, text: &str) -> String {
        self.code("1", text)
    }
}
