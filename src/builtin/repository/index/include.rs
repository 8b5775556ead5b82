//! `include` of a package: which of its files are published, as gitignore-like patterns.

/// Whether `path` (relative, with `/`) belongs to the package: the last pattern that fits decides, `!` takes away; without
/// patterns everything does.
pub(super) fn included(path: &str, patterns: &[String]) -> bool {
    if patterns.is_empty() {
        return true;
    }
    let mut inside = false;
    for pattern in patterns {
        let (wanted, pattern) = match pattern.strip_prefix('!') {
            Some(rest) => (false, rest),
            None => (true, pattern.as_str()),
        };
        if fits(path, pattern) {
            inside = wanted;
        }
    }
    inside
}

/// Whether the pattern names the file or a folder above it. One with a `/` inside or at its beginning starts at the root,
/// any other fits at every depth.
fn fits(path: &str, pattern: &str) -> bool {
    let only_folders = pattern.ends_with('/');
    let trimmed = pattern.trim_end_matches('/');
    let rooted = trimmed.contains('/');
    let pattern: Vec<&str> = trimmed.trim_start_matches('/').split('/').collect();
    if pattern == [""] {
        return false;
    }
    let parts: Vec<&str> = path.split('/').collect();
    let starts = if rooted { 0..1 } else { 0..parts.len() };
    // Every beginning of the path is a folder but the whole, which is the file.
    let last = if only_folders { parts.len() - 1 } else { parts.len() };
    starts.into_iter().any(|start| (start + 1..=last).any(|end| parts_fit(&parts[start..end], &pattern)))
}

fn parts_fit(parts: &[&str], pattern: &[&str]) -> bool {
    match (parts, pattern) {
        ([], []) => true,
        (_, ["**", rest @ ..]) => (0..=parts.len()).any(|skip| parts_fit(&parts[skip..], rest)),
        ([part, parts @ ..], [first, rest @ ..]) => glob(part.as_bytes(), first.as_bytes()) && parts_fit(parts, rest),
        _ => false,
    }
}

/// `*` any number of characters, `?` one. Goes back to the last `*` only, so that no pattern takes long.
fn glob(text: &[u8], pattern: &[u8]) -> bool {
    let (mut t, mut p) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            p = at + 1;
            t = from + 1;
            star = Some((at, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(path: &str, patterns: &[&str]) -> bool {
        included(path, &patterns.iter().map(|pattern| (*pattern).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn patterns_fit_as_gitignores_do() {
        assert!(inside("a/b.php", &[]));
        assert!(inside("a/b.php", &["*.php"]));
        assert!(!inside("a/b.txt", &["*.php"]));
        assert!(inside("src/a/b.txt", &["src/"]));
        assert!(inside("x/src/a.txt", &["src/"]), "a pattern without a slash inside fits at every depth");
        assert!(!inside("x/src/a.txt", &["/src"]));
        assert!(!inside("src", &["src/"]), "a file is no folder");
        assert!(inside("src/a/b.php", &["src/**/*.php"]));
        assert!(inside("src/b.php", &["src/**/*.php"]));
        assert!(!inside("tests/a.php", &["*.php", "!tests/"]));
        assert!(inside("tests/keep.php", &["*.php", "!tests/", "tests/keep.php"]));
        assert!(inside("a/bc/d", &["a/b?"]));
        assert!(!inside("aaaaaaaaaaaaaaaaaaaaaaaaaaab", &["*a*a*a*a*a*a*a*a*c"]));
    }
}
