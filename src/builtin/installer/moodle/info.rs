//! What the code says of itself, in greffon's words: versions, needs, and what its author holds back.

use indexmap::IndexMap;

use super::component::Component;
use super::version_php::{CoreVersion, PluginVersion, STABLE};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, ElementInfo, Requirement, Version};

/// The type of plugins.
pub(super) const PLUGINS: &str = "plugins";
/// The type of the core.
pub(super) const CORE: &str = "core";

/// A plugin's element info.
///
/// # Errors
/// `Invalid` for what would stop Moodle itself.
pub(super) fn plugin(id: &ElementId, read: &PluginVersion, core: &ElementId) -> Result<Option<ElementInfo>> {
    let Some(version) = &read.version else { return Ok(None) };
    if let Some(fault) = read.faults.first() {
        return Err(Error::new(ErrorKind::Invalid, fault.clone()).hint("tell its author; another version may be well"));
    }
    let mut info = ElementInfo::bare(id.clone(), Version::new(version.as_str()));
    info.summary.clone_from(&read.release);
    info.release.clone_from(&read.release);
    if let Some(requirement) = on_core(read) {
        info.dependencies.insert(core.clone(), requirement);
    }
    for (component, minimum) in &read.dependencies {
        // Moodle passes over what is no component, and a plugin has itself.
        if Component::read(component).is_err() || component == id.name() {
            continue;
        }
        let requirement = minimum.as_ref().map_or_else(Requirement::any, |minimum| Requirement::new(format!(">={minimum}")));
        info.dependencies.insert(ElementId::new(PLUGINS, component.as_str())?, requirement);
    }
    if let Some((from, to)) = read.supported {
        info.recommends = IndexMap::from([(core.clone(), Requirement::new(format!(">={from}, <={to}")))]);
    }
    info.reserve = match read.maturity {
        Some(maturity) if maturity < STABLE => Some(format!("its author calls it {}", maturity_word(maturity))),
        _ if read.legacy => Some("it is written as before Moodle 2.x ended".to_owned()),
        _ => None,
    };
    Ok(Some(info))
}

/// `requires` and `incompatible` as one requirement on the core.
fn on_core(read: &PluginVersion) -> Option<Requirement> {
    // Zero and the like: "any".
    let requires = read.requires.as_ref().filter(|requires| requires.len() >= 8).map(|requires| format!(">={requires}"));
    let incompatible = read.incompatible.map(|branch| format!("<{branch}"));
    let parts: Vec<String> = requires.into_iter().chain(incompatible).collect();
    (!parts.is_empty()).then(|| Requirement::new(parts.join(", ")))
}

/// Moodle's word for a maturity.
pub(super) fn maturity_word(maturity: u32) -> &'static str {
    match maturity {
        0..100 => "alpha",
        100..150 => "beta",
        150..STABLE => "a release candidate",
        _ => "stable",
    }
}

/// The core's version: its release (`4.5.6`), or its build where it stands between releases.
pub(super) fn core_version(read: &CoreVersion) -> Option<Version> {
    let build = read.version.as_ref()?;
    let release = read.release.as_deref().unwrap_or_default().split_whitespace().next().unwrap_or_default();
    let parts: Vec<&str> = release.split('.').collect();
    let numbers = parts.iter().all(|part| !part.is_empty() && part.len() < 4 && part.bytes().all(|byte| byte.is_ascii_digit()));
    Some(match parts[..] {
        [major, minor] if numbers && !between(build) => Version::new(format!("{major}.{minor}.0")),
        [_, _, _] if numbers && !between(build) => Version::new(release),
        _ => Version::new(build.as_str()),
    })
}

/// A weekly build has a fraction.
fn between(build: &str) -> bool {
    build.contains('.')
}

/// The core's element info.
pub(super) fn core(id: &ElementId, read: &CoreVersion) -> Option<ElementInfo> {
    let mut info = ElementInfo::bare(id.clone(), core_version(read)?);
    info.summary.clone_from(&read.release);
    info.release.clone_from(&read.release);
    info.reserve = read.maturity.filter(|maturity| *maturity < STABLE).map(|maturity| format!("it is {}", maturity_word(maturity)));
    Some(info)
}

/// The version that a ref of the core's own repository states: `v4.5.6` is 4.5.6, `MOODLE_405_STABLE` the head of 4.5.
pub(super) fn version_of_core_ref(reference: &str) -> Option<Version> {
    if let Some(tag) = reference.strip_prefix("refs/tags/") {
        let release = tag.strip_prefix(['v', 'V'])?;
        let (numbers, stage) = release.split_at(release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len()));
        let parts: Vec<&str> = numbers.split('.').collect();
        let whole = (2..=3).contains(&parts.len()) && parts.iter().all(|part| !part.is_empty());
        let named = stage.is_empty() || ["-alpha", "-beta", "-rc", "-dev"].iter().any(|word| stage.starts_with(word));
        let zero = if parts.len() == 2 { ".0" } else { "" };
        return (whole && named).then(|| Version::new(format!("{numbers}{zero}{stage}")));
    }
    let code: u32 = reference.strip_prefix("refs/heads/MOODLE_")?.strip_suffix("_STABLE")?.parse().ok()?;
    let (major, minor) = if code < 310 { (code / 10, code % 10) } else { (code / 100, code % 100) };
    (code >= 10).then(|| Version::new(format!("{major}.{minor}+")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::installer::moodle::version_php;
    use crate::version::scheme;

    #[test]
    fn needs_of_a_plugin() {
        let read = version_php::plugin(
            b"<?php $plugin->component='mod_x'; $plugin->version=2024010100; $plugin->requires=2023100900.00; $plugin->incompatible=502; $plugin->supported=[39,501];
            $plugin->maturity=MATURITY_BETA; $plugin->dependencies=['mod_x'=>1,'block_y'=>2020010100,'local_z'=>ANY_VERSION,'moodle'=>3];",
        );
        let info = plugin(&"plugins/mod_x".parse().expect("an id"), &read, &"core/moodle".parse().expect("an id")).expect("sound").expect("a version");
        let needs: Vec<String> = info.dependencies.iter().map(|(id, requirement)| format!("{id} {requirement}")).collect();
        assert_eq!(needs, ["core/moodle >=2023100900, <502", "plugins/block_y >=2020010100", "plugins/local_z *"]);
        assert_eq!(info.recommends.values().next().map(Requirement::as_str), Some(">=39, <=501"));
        assert_eq!(info.reserve.as_deref(), Some("its author calls it beta"));
        let scheme = scheme("moodle").expect("built in");
        for (core, needed, recommended) in
            [("4.2.9", false, true), ("4.3.0", true, true), ("5.1.9", true, true), ("2026042000", false, false), ("5.2+", false, false)]
        {
            let fits = |text: &Requirement| scheme.requirement(text).expect("readable").matches(&core.into());
            assert_eq!((fits(&info.dependencies[0]), fits(&info.recommends[0])), (needed, recommended), "{core}");
        }
    }

    #[test]
    fn versions_of_the_core() {
        let version = |build: &str, release: &str| {
            let read = version_php::core(format!("<?php $version = {build}; $release = '{release}';").as_bytes());
            core_version(&read).expect("a version").to_string()
        };
        assert_eq!(version("2024100706.00", "4.5.6 (Build: 20250811)"), "4.5.6");
        assert_eq!(version("2024100700.00", "4.5 (Build: 20241007)"), "4.5.0");
        assert_eq!(version("2024100706.05", "4.5.6+ (Build: 20250911)"), "2024100706.05");
        assert_eq!(version("2024092000.00", "5.0dev (Build: 20241007)"), "2024092000");
        assert_eq!(version("2020110901", "3.10.1"), "3.10.1");
    }

    #[test]
    fn versions_of_the_cores_refs() {
        for (reference, expected) in [
            ("refs/tags/v4.5.6", Some("4.5.6")),
            ("refs/tags/v5.1.0", Some("5.1.0")),
            ("refs/tags/v3.9", Some("3.9.0")),
            ("refs/tags/v5.2.0-rc1", Some("5.2.0-rc1")),
            ("refs/heads/MOODLE_405_STABLE", Some("4.5+")),
            ("refs/heads/MOODLE_39_STABLE", Some("3.9+")),
            ("refs/heads/MOODLE_310_STABLE", Some("3.10+")),
            ("refs/heads/main", None),
            ("refs/tags/MOODLE_15_MERGED", None),
            ("refs/tags/vanilla", None),
            ("refs/heads/MOODLE_24-26_STABLE", None),
        ] {
            assert_eq!(version_of_core_ref(reference).as_ref().map(Version::as_str), expected, "{reference}");
        }
    }
}
