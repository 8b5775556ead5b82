//! Where something is, as a reference that a bill of materials may hold (RFC 3987): an address, or a path.

/// An address or path as git or the manifest says it, without what a reference must not hold.
pub(super) fn iri(text: &str) -> String {
    if text.contains("://") {
        return encoded(text, |c| c == '%');
    }
    // `git@host:path` is an address of ssh.
    match text.split_once(':') {
        Some((host, path)) if !host.contains('/') && !path.is_empty() => {
            format!("ssh://{}/{}", encoded(host, |_| false), encoded(path.trim_start_matches('/'), |_| false))
        }
        _ => encoded(text, |_| false),
    }
}

/// `also`: what stands for itself in an address, and not in a path.
fn encoded(text: &str, also: impl Fn(char) -> bool) -> String {
    let address = also('%');
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let special = matches!(c, '%' | '?' | '#' | '[' | ']' | ':') && !(address || c == ':' && out.contains('/'));
        if c.is_control() || matches!(c, ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}') || special {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes).bytes().for_each(|byte| out.push_str(&format!("%{byte:02X}")));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths_are_references() {
        for (text, reference) in [
            ("https://git.example.org/a%20b.git", "https://git.example.org/a%20b.git"),
            ("https://[::1]:8080/x?y=1#z", "https://[::1]:8080/x?y=1#z"),
            ("https://git.example.org/a b|c", "https://git.example.org/a%20b%7Cc"),
            ("git@git.example.org:ours/x.git", "ssh://git@git.example.org/ours/x.git"),
            ("host:/srv/x", "ssh://host/srv/x"),
            ("/srv/git/my plugins/100%#1?", "/srv/git/my%20plugins/100%25%231%3F"),
            ("patches/mod_x/0001-größe.patch", "patches/mod_x/0001-größe.patch"),
            ("patches/a:b.patch", "patches/a:b.patch"),
            ("0001\n.patch", "0001%0A.patch"),
        ] {
            assert_eq!(iri(text), reference);
        }
    }
}
