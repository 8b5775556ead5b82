//! Names of Moodle's components: `mod_attendance` is the plugin `attendance` of the type `mod`.

use crate::error::{Error, ErrorKind, Result};

/// A plugin's type and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Component {
    pub(super) kind: String,
    pub(super) name: String,
}

impl Component {
    /// Splits at the first `_`. Names that Moodle would pass over in silence are errors.
    ///
    /// # Errors
    /// `Invalid`, saying what is wrong with the name.
    pub(super) fn read(text: &str) -> Result<Self> {
        let refuse = |why: &str, hint: &str| {
            Err(Error::new(ErrorKind::Invalid, format!("`{}` is no name of a Moodle plugin: {why}", text.escape_debug())).hint(hint.to_owned()))
        };
        let Some((kind, name)) = text.split_once('_') else {
            return refuse("it has no type", "a plugin is named type and name, as in `mod_attendance` or `block_xp`");
        };
        let small = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let letter = |text: &str| text.starts_with(|c: char| c.is_ascii_lowercase());
        if !letter(kind) || !small(kind) {
            return refuse("its type is no word of small letters", "a plugin is named type and name, as in `mod_attendance`");
        }
        if !letter(name) || !small(&name.replace('_', "")) || name.contains("__") || name.ends_with('_') {
            return refuse("Moodle passes over such names in silence", "small letters, digits and single `_`, beginning with a letter");
        }
        if kind == "mod" && name.contains('_') {
            return refuse("names of activities (`mod`) hold no `_`", "Moodle passes over such names in silence");
        }
        Ok(Self { kind: kind.to_owned(), name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_underscore_divides() {
        let component = Component::read("qbehaviour_adaptive_adapted_for_coderunner").expect("a long name");
        assert_eq!((component.kind.as_str(), component.name.as_str()), ("qbehaviour", "adaptive_adapted_for_coderunner"));
        assert!(Component::read("local_o365").is_ok());
        for bad in ["attendance", "mod_", "_x", "mod_a_b", "Mod_x", "mod_X", "local_a__b", "local_a_", "local_1x", "mod_é", "mod_../x", "a-b_c"] {
            assert!(Component::read(bad).is_err(), "{bad}");
        }
    }
}
