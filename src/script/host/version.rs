//! `version`: versions read, compared and matched by a scheme.

use rhai::{Array, Dynamic, ImmutableString};

use super::{Function, HostModule, Registrar};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Requirement, Version};
use crate::version::scheme;

pub(super) const MODULE: HostModule = HostModule {
    name: "version",
    about: "Versions by scheme: `3m`, `semver`, `moodle`, `date`, `natural`.",
    needs: &[],
    functions: &[
        Function { signature: "is(scheme, text) -> bool", about: "whether a text is a version of the scheme" },
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
    module.two("is", |_, name: Text, text: Text| Ok(scheme(&name)?.check(&Version::new(text.as_str())).is_ok()));
    module.three("compare", |_, name: Text, a: Text, b: Text| Ok(scheme(&name)?.compare(&Version::new(a.as_str()), &Version::new(b.as_str())) as i64));
    module.three("matches", |_, name: Text, requirement: Text, version: Text| {
        let matcher = scheme(&name)?.requirement(&Requirement::new(requirement.as_str()))?;
        Ok(matcher.matches(&Version::new(version.as_str())))
    });
    module.two("sort", |_, name: Text, list: Array| Ok(sorted(&name, list)?.into_iter().map(|version| version.as_str().into()).collect::<Array>()));
    module.two("newest", |_, name: Text, list: Array| Ok(sorted(&name, list)?.last().map(|version| version.as_str().to_owned())));
}

fn sorted(name: &str, list: Array) -> Result<Vec<Version>> {
    let scheme = scheme(name)?;
    let read = |one: Dynamic| one.into_string().map(Version::new).map_err(|kind| Error::new(ErrorKind::Invalid, format!("a version is a text, not a {kind}")));
    let mut versions = list.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    versions.sort_by(|a, b| scheme.compare(a, b));
    Ok(versions)
}
