//! Names of elements, and the version and requirement texts that belong to them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// What can be installed: a type and a name, written `type/name`.
///
/// The type is what stands before the first `/`; the name may hold further slashes (`plugins/komin/base`).
/// Both are relative path parts and nothing more: no `.` or `..` part, no leading `-`, no backslash, no control character.
/// A part of the name may begin with `@`, as registries with scopes have it (`packages/@scope/part`); any other `@` ends the name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementId {
    kind: String,
    name: String,
}

impl ElementId {
    /// Makes an id of a type and a name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when either could leave its place as a path or could not be printed.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Result<Self> {
        let (kind, name) = (kind.into(), name.into());
        if kind.contains('/') {
            return Err(Error::new(ErrorKind::Invalid, format!("`{}` is not an element type: it holds a `/`", kind.escape_debug()))
                .hint("the type is what stands before the first `/`; the rest belongs to the name"));
        }
        if kind.starts_with('@') {
            return Err(Error::new(ErrorKind::Invalid, format!("`{}` is not an element type: it begins with `@`", kind.escape_debug())).hint(format!(
                "a scope belongs to the name: `TYPE/{}/{}`",
                kind.escape_debug(),
                name.escape_debug()
            )));
        }
        check("element type", &kind)?;
        check("element name", &name)?;
        Ok(Self { kind, name })
    }

    /// `type/name@version` taken apart: the name's own `@` stand at the beginning of a part.
    #[must_use]
    pub fn split_version(text: &str) -> (&str, Option<&str>) {
        let ends = |(at, _): &(usize, &str)| *at > 0 && !text[..*at].ends_with('/');
        match text.match_indices('@').find(ends) {
            Some((at, _)) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        }
    }

    /// The type: what stands before the first `/`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name within its type.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn check(what: &str, text: &str) -> Result<()> {
    let fault = if text.is_empty() {
        Some("it is empty")
    } else if text.len() > 200 {
        Some("it is longer than 200 bytes")
    } else if text.chars().any(|c| c.is_control() || is_bidi(c)) {
        Some("it holds a control character")
    } else if text.starts_with('-') {
        Some("it begins with `-`")
    } else if text.contains('\\') {
        Some("it holds a backslash")
    } else if ElementId::split_version(text).1.is_some() {
        Some("`@` separates a name from its version")
    } else if text.chars().any(char::is_whitespace) {
        Some("it holds a space")
    } else {
        text.split('/').find_map(|part| match part {
            "" => Some("it has an empty part"),
            "." | ".." => Some("`.` and `..` are not names"),
            "@" => Some("`@` alone is no name"),
            _ if part.eq_ignore_ascii_case(".git") => Some("`.git` belongs to git"),
            _ => None,
        })
    };
    match fault {
        Some(why) => Err(Error::new(ErrorKind::Invalid, format!("`{}` is not an {what}: {why}", text.escape_debug()))
            .hint("a name is words of letters, digits, `_`, `.` and `-`; where an element goes is said by the installer's `types`")),
        None => Ok(()),
    }
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for ElementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl FromStr for ElementId {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('/') {
            Some((kind, name)) => Self::new(kind, name),
            None => Err(Error::new(ErrorKind::Invalid, format!("`{}` is not `type/name`", text.escape_debug()))),
        }
    }
}

impl Serialize for ElementId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ElementId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as written.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }
            /// The text as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

text_type! {
    /// A version as its author wrote it. How it compares is its scheme's business ([`crate::version`]); the derived order is that of texts.
    Version
}
text_type! {
    /// A requirement as it was written; read by the scheme of the element it is asked of.
    Requirement
}

impl Requirement {
    /// `*`: any version, the newest preferred.
    #[must_use]
    pub fn any() -> Self {
        Self::new("*")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_ends_at_the_first_slash() {
        let id: ElementId = "plugins/komin/base".parse().expect("a plain id");
        assert_eq!((id.kind(), id.name()), ("plugins", "komin/base"));
        assert_eq!(id.to_string(), "plugins/komin/base");
    }

    #[test]
    fn scopes_belong_to_the_name() {
        let id: ElementId = "packages/@scope/part".parse().expect("a scoped id");
        assert_eq!((id.kind(), id.name()), ("packages", "@scope/part"));
        for (text, name, version) in [
            ("packages/@scope/part@^1.2", "packages/@scope/part", Some("^1.2")),
            ("@scope/part@1", "@scope/part", Some("1")),
            ("@scope/part", "@scope/part", None),
            ("part@1.0@beta", "part", Some("1.0@beta")),
            ("part@", "part", Some("")),
            ("part", "part", None),
        ] {
            assert_eq!(ElementId::split_version(text), (name, version), "{text}");
        }
        let error = "@scope/part".parse::<ElementId>().expect_err("no type");
        assert_eq!(error.hints(), ["a scope belongs to the name: `TYPE/@scope/part`"]);
    }

    #[test]
    fn names_that_could_leave_their_place_are_refused() {
        for text in [
            "../x",
            "plugins/../x",
            "plugins//x",
            "/x",
            "plugins/",
            "plugins/-u",
            "plugins/a\\b",
            "plugins/a\u{1b}[0m",
            "plugins/.git",
            "plugins/a@1",
            "plugins/a/@",
            "plugins/a@/b",
            "x",
        ] {
            assert!(text.parse::<ElementId>().is_err(), "{text:?} was accepted");
        }
    }
}
