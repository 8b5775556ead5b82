//! "Did you mean": the known word nearest to what was written.

/// Longer words are nobody's typing mistake, and comparing them costs their product.
const LONGEST: usize = 80;

/// The known word nearest to `word`, when it is near enough to be meant: a third of its letters may differ. Case and the
/// difference between `-` and `_` count for nothing. Of equally near words the first known one.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let asked = plain(word);
    let allowed = (asked.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known.into_iter().filter(|candidate| candidate.len() <= LONGEST) {
        let distance = strsim::damerau_levenshtein(&asked, &plain(candidate));
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> String {
    word.to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_finds_its_word() {
        let known = ["version", "repository", "link-mode", "git"];
        assert_eq!(nearest("verison", known), Some("version"));
        assert_eq!(nearest("Repositry", known), Some("repository"));
        assert_eq!(nearest("link_mode", known), Some("link-mode"));
        assert_eq!(nearest("gti", known), Some("git"));
    }

    #[test]
    fn what_is_far_from_everything_finds_nothing() {
        assert_eq!(nearest("colour", ["version", "git"]), None);
        assert_eq!(nearest("ab", ["xy"]), None);
        assert_eq!(nearest(&"v".repeat(10_000_000), ["version"]), None);
    }
}
