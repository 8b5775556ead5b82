//! `version`: versions read, compared and matched by a scheme.

use std::cmp::Ordering;

use rhai::{Array, Dynamic, ImmutableString};

use super::{Function, HostModule, Registrar};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Requirement, Version};
use crate::script::call::Call;
use crate::version::scheme;

pub(super) const MODULE: HostModule = HostModule {
    name: "version",
    about: "Versions by scheme: `3m`, `semver`, `moodle`, `date`, `natural`.",
    needs: &[],
    functions: &[
        Function { signature: "is_version(scheme, text) -> bool", about: "whether a text is a version of the scheme" },
        Function { signature: "compare(scheme, a, b) -> number", about: "-1, 0 or 1" },
        Function { signature: "matches(scheme, requirement, version) -> bool", about: "whether a version fits a requirement" },
        Function { signature: "sort(scheme, list) -> list", about: "the versions, oldest first" },
        Function { signature: "newest(scheme, list) -> text", about: "the newest, or `()` of an empty list" },
    ],
    example: "if version::matches(\"semver\", \"^1.2\", \"1.4.0\") { log::info(\"it fits\"); }",
    register,
};

fn register(module: &mut Registrar) {
    type Text = ImmutableString;
    module.two("is_version", |_, name: Text, text: Text| Ok(scheme(&name)?.check(&Version::new(text.as_str())).is_ok()));
    module.three("compare", |_, name: Text, a: Text, b: Text| Ok(scheme(&name)?.compare(&Version::new(a.as_str()), &Version::new(b.as_str())) as i64));
    module.three("matches", |_, name: Text, requirement: Text, version: Text| {
        let matcher = scheme(&name)?.requirement(&Requirement::new(requirement.as_str()))?;
        Ok(matcher.matches(&Version::new(version.as_str())))
    });
    module.two("sort", |call, name: Text, list: Array| Ok(sorted(call, &name, list)?.into_iter().map(|version| version.as_str().into()).collect::<Array>()));
    module.two("newest", |call, name: Text, list: Array| Ok(sorted(call, &name, list)?.last().map(|version| version.as_str().to_owned())));
}

fn sorted(call: &Call, name: &str, list: Array) -> Result<Vec<Version>> {
    let scheme = scheme(name)?;
    let read = |one: Dynamic| one.into_string().map(Version::new).map_err(|kind| Error::new(ErrorKind::Invalid, format!("a version is a text, not a {kind}")));
    let versions = list.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    merge_sorted(versions, &mut |a, b| call.check().map(|()| scheme.compare(a, b)))
}

/// Sorts by comparisons that may be long, and of which each may be the last.
fn merge_sorted(mut all: Vec<Version>, compare: &mut dyn FnMut(&Version, &Version) -> Result<Ordering>) -> Result<Vec<Version>> {
    if all.len() < 2 {
        return Ok(all);
    }
    let right = all.split_off(all.len() / 2);
    let mut left = merge_sorted(all, compare)?.into_iter().peekable();
    let mut right = merge_sorted(right, compare)?.into_iter().peekable();
    let mut merged = Vec::with_capacity(left.len() + right.len());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        // Of equals the earlier stays the earlier.
        let next = if compare(a, b)?.is_gt() { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left.chain(right));
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sorted_stays_in_order_and_can_be_stopped() {
        let list = |texts: &[&str]| texts.iter().map(|text| Version::new(*text)).collect::<Vec<_>>();
        let mut by_length = |a: &Version, b: &Version| Ok(a.as_str().len().cmp(&b.as_str().len()));
        assert_eq!(merge_sorted(list(&["ccc", "b", "aa", "d", "a", "bb"]), &mut by_length).expect("sorted"), list(&["b", "d", "a", "aa", "bb", "ccc"]));
        assert_eq!(merge_sorted(Vec::new(), &mut by_length).expect("sorted"), []);
        let mut left = 3;
        let mut short = |a: &Version, b: &Version| {
            left -= 1;
            if left == 0 { Err(Error::new(ErrorKind::Interrupted, "no more")) } else { Ok(a.as_str().cmp(b.as_str())) }
        };
        assert!(merge_sorted(list(&["a", "b", "c", "d"]), &mut short).is_err());
    }
}
