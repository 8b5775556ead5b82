//! Hunks put into a text: found by their lines, the nearest place to where they say first.

use super::parse::Hunk;

/// How much must agree for a hunk to have a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// As git: a hunk from the first line or to the last one belongs there.
    Strict,
    /// Anywhere, where that is the only place there is.
    Loose,
}

/// The lines of a text, each with its end.
pub(super) fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// The text with all hunks put in.
///
/// # Errors
/// The number of the first hunk that has no place.
pub(super) fn apply(text: &[u8], hunks: &[Hunk], hold: Hold) -> Result<Vec<u8>, usize> {
    put(text, hunks, hold, None).map(|(bytes, _)| bytes)
}

/// Whether every hunk is in the text already.
pub(super) fn contains(text: &[u8], hunks: &[Hunk]) -> bool {
    // What only takes lines away leaves nothing by which to know it but its context.
    let telling = hunks.iter().all(|hunk| hunk.after.len() >= 2 || hunk.after.len() > hunk.leading + hunk.trailing);
    let there = |hold| {
        let mut at = 0;
        let lines = lines(text);
        hunks.iter().all(|hunk| {
            let says = hunk.start.saturating_sub(1).max(at);
            let found = place(&lines, &hunk.after, (at, says), hunk, hold);
            at = found.map_or(at, |found| found + hunk.after.len());
            found.is_some()
        })
    };
    telling && (there(Hold::Strict) || there(Hold::Loose))
}

/// The text with the hunks that have a place; where one has none, what it would put there stands between conflict markers. Gives
/// how many those were.
pub(super) fn mark(text: &[u8], hunks: &[Hunk], labels: (&str, &str)) -> (Vec<u8>, usize) {
    put(text, hunks, Hold::Loose, Some(labels)).unwrap_or_else(|_| (text.to_vec(), hunks.len()))
}

fn put(text: &[u8], hunks: &[Hunk], hold: Hold, labels: Option<(&str, &str)>) -> Result<(Vec<u8>, usize), usize> {
    let lines = lines(text);
    let mut out: Vec<u8> = Vec::with_capacity(text.len() + 256);
    let (mut at, mut shift, mut marked) = (0, 0_isize, 0);
    for (number, hunk) in hunks.iter().enumerate() {
        let (before, after) = (&hunk.before, &hunk.after);
        let says = (if before.is_empty() { hunk.start } else { hunk.start.saturating_sub(1) }).saturating_add_signed(shift);
        let Some(place) = place(&lines, before, (at, says), hunk, hold) else {
            let Some((ours, theirs)) = labels else { return Err(number) };
            let place = says.clamp(at, lines.len());
            out.extend(lines[at..place].concat());
            end_line(&mut out);
            out.extend(format!("<<<<<<< {ours}\n=======\n").into_bytes());
            out.extend(after.concat());
            end_line(&mut out);
            out.extend(format!(">>>>>>> {theirs}\n").into_bytes());
            (at, marked) = (place, marked + 1);
            continue;
        };
        out.extend(lines[at..place].concat());
        out.extend(after.concat());
        at = place + before.len();
        shift += place as isize - says as isize;
    }
    out.extend(lines[at..].concat());
    Ok((out, marked))
}

fn end_line(out: &mut Vec<u8>) {
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.push(b'\n');
    }
}

/// What stands where a hunk would fit best, line by line: the number (from 1), what the hunk expects and what is there instead.
/// Empty where not one of its lines is near.
pub(super) fn differences(text: &[u8], hunk: &Hunk) -> Vec<(usize, Vec<u8>, Option<Vec<u8>>)> {
    let lines = lines(text);
    let equal = |at: usize| hunk.before.iter().zip(&lines[at..]).filter(|(a, b)| a.as_slice() == **b && !a.trim_ascii().is_empty()).count();
    let says = hunk.start.saturating_sub(1);
    let best = (0..lines.len()).map(|at| (equal(at), at)).max_by_key(|(count, at)| (*count, std::cmp::Reverse(at.abs_diff(says))));
    let Some((1.., at)) = best else { return Vec::new() };
    let there = |number: usize| lines.get(at + number).map(|line| line.to_vec());
    let all = hunk.before.iter().enumerate().map(|(number, line)| (at + number + 1, line.clone(), there(number)));
    all.filter(|(_, line, there)| there.as_ref() != Some(line)).collect()
}

/// Whether a hunk would have a place if no line ended in a carriage return, on either side.
pub(super) fn fits_without_returns(text: &[u8], hunks: &[Hunk]) -> bool {
    let bare = |line: &[u8]| match line.strip_suffix(b"\r\n") {
        Some(line) => [line, b"\n"].concat(),
        None => line.to_vec(),
    };
    let hunks: Vec<Hunk> = hunks
        .iter()
        .map(|hunk| Hunk {
            before: hunk.before.iter().map(|line| bare(line)).collect(),
            after: hunk.after.iter().map(|line| bare(line)).collect(),
            ..hunk.clone()
        })
        .collect();
    let text: Vec<u8> = lines(text).into_iter().flat_map(bare).collect();
    apply(&text, &hunks, Hold::Loose).is_ok()
}

/// Where a hunk goes: at line `from` or later, the nearest to `says`.
fn place(lines: &[&[u8]], before: &[Vec<u8>], (from, says): (usize, usize), hunk: &Hunk, hold: Hold) -> Option<usize> {
    if before.is_empty() {
        // It is put into an empty file, or (`-U0`) between lines that it does not show.
        return (lines.is_empty() || (hunk.start > 0 && says >= from && says <= lines.len())).then_some(says.min(lines.len()));
    }
    let fits = |at: usize| lines.len() >= at + before.len() && before.iter().zip(&lines[at..]).all(|(a, b)| a.as_slice() == *b);
    let last = lines.len().checked_sub(before.len())?;
    let strict = |at: usize| (hunk.start > 1 || at == 0) && (hunk.trailing > 0 || hunk.leading == 0 || at == last);
    let mut found = (from..=last).filter(|at| fits(*at));
    match hold {
        Hold::Strict => found.filter(|at| strict(*at)).min_by_key(|at| at.abs_diff(says)),
        Hold::Loose => {
            let first = found.next()?;
            let second = found.next();
            match second {
                None => Some(first),
                // Where it says, it is as good as alone.
                Some(_) => fits(says).then_some(says).filter(|says| *says >= from && strict(*says)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn hunks(text: &str) -> Vec<Hunk> {
        parse(format!("--- a/x\n+++ b/x\n{text}").as_bytes()).expect("a patch").remove(0).hunks
    }

    fn applied(text: &str, hunks: &[Hunk]) -> Result<String, usize> {
        apply(text.as_bytes(), hunks, Hold::Strict).map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn a_hunk_follows_its_lines_and_the_nearest_place_is_taken() {
        let hunks = hunks("@@ -2,3 +2,3 @@\n b\n-c\n+C\n d\n");
        assert_eq!(applied("a\nb\nc\nd\n", &hunks).as_deref(), Ok("a\nb\nC\nd\n"));
        assert_eq!(applied("x\ny\na\nb\nc\nd\n", &hunks).as_deref(), Ok("x\ny\na\nb\nC\nd\n"));
        assert_eq!(applied("0\nb\nc\nd\n1\n2\n3\nb\nc\nd\n", &hunks).as_deref(), Ok("0\nb\nC\nd\n1\n2\n3\nb\nc\nd\n"));
        assert_eq!(applied("a\nb\nX\nd\n", &hunks), Err(0));
    }

    #[test]
    fn what_was_added_at_the_end_is_not_added_twice() {
        let hunks = hunks("@@ -2,2 +2,3 @@\n b\n c\n+new\n");
        assert_eq!(applied("a\nb\nc\n", &hunks).as_deref(), Ok("a\nb\nc\nnew\n"));
        assert_eq!(applied("a\nb\nc\nnew\n", &hunks), Err(0));
        assert!(contains(b"a\nb\nc\nnew\n", &hunks));
        assert!(contains(b"a\nb\nc\nnew\nmore\n", &hunks));
        assert!(!contains(b"a\nb\nc\n", &hunks));
    }

    #[test]
    fn a_repeated_block_that_is_changed_elsewhere_is_not_taken_for_this_one() {
        let hunks = hunks("@@ -6,3 +6,3 @@\n if\n-old\n+new\n end\n");
        let text = "if\nnew\nend\n1\n2\nif\nold\nend\n";
        assert_eq!(applied(text, &hunks).as_deref(), Ok("if\nnew\nend\n1\n2\nif\nnew\nend\n"));
    }

    #[test]
    fn ends_without_a_newline() {
        let hunks = hunks("@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
        assert_eq!(applied("a\nb", &hunks).as_deref(), Ok("a\nb\n"));
        assert_eq!(applied("a\nb\n", &hunks), Err(0));
    }

    #[test]
    fn a_hunk_without_a_place_stands_between_markers() {
        let hunks = hunks("@@ -1,2 +1,2 @@\n a\n-b\n+B\n@@ -9,2 +9,2 @@\n y\n-z\n+Z\n");
        let (text, marked) = mark(b"a\nb\nc\nq", &hunks, ("now", "patch"));
        assert_eq!((String::from_utf8(text).expect("text").as_str(), marked), ("a\nB\nc\nq\n<<<<<<< now\n=======\ny\nZ\n>>>>>>> patch\n", 1));
    }
}
