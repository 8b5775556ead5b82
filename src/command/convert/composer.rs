//! A site as a composer.json: every element a package of its own at its locked commit or archive, so that Composer fetches the
//! same bytes. What the manifest asked stands in `extra.greffon`, for `greffon import`.

use serde_json::{Map, Value as Json, json};

use super::Subject;
use super::purl::hosted;
use crate::builtin::client::Resolved;
use crate::model::{GitPin, Source, WantedElement};
use crate::sys::redact;
use crate::version::scheme;

/// The document of a site.
pub(super) fn document(subject: &mut Subject<'_>) -> Json {
    let elements = subject.elements.clone();
    let (mut required, mut development, mut packages, mut patches) = (Map::new(), Map::new(), Vec::new(), Map::new());
    for one in &elements {
        let wanted = subject.site.elements.get(&one.id).cloned();
        let Some(package) = package(subject, one, wanted.as_ref()) else { continue };
        let (name, version) = (package["name"].as_str().unwrap_or_default().to_owned(), package["version"].clone());
        let group = wanted.as_ref().and_then(|wanted| wanted.group.as_deref());
        // What only another element needs is required by that one's package.
        if wanted.is_some() {
            if group == Some("dev") { &mut development } else { &mut required }.insert(name.clone(), version);
        }
        if let Some(wanted) = &wanted
            && !wanted.patches.is_empty()
        {
            let base = subject.workspace.base();
            let list = wanted.patches.iter().map(|patch| patch.strip_prefix(&base).unwrap_or(patch).display().to_string());
            patches.insert(name, list.map(|path| (path.clone(), Json::String(path))).collect::<Map<String, Json>>().into());
        }
        packages.push(json!({ "type": "package", "package": package }));
    }
    let native = elements
        .iter()
        .find(|one| subject.is_moodle() && one.id.kind() == "core")
        .is_some_and(|one| scheme("moodle").is_ok_and(|scheme| scheme.compare(&one.pin.version, &crate::model::Version::new("5.2")).is_ge()));
    let installer = if native { "moodle/composer-installer" } else { "composer/installers" };
    let mut plugins = Map::from_iter([(installer.to_owned(), Json::Bool(true))]);
    required.insert(installer.to_owned(), Json::String(if native { "*" } else { "^2.0" }.to_owned()));
    let mut extra = Map::new();
    if !patches.is_empty() {
        required.insert("cweagans/composer-patches".to_owned(), Json::String("^1.7".to_owned()));
        plugins.insert("cweagans/composer-patches".to_owned(), Json::Bool(true));
        extra.insert("patches".to_owned(), Json::Object(patches));
    }
    extra.insert("greffon".to_owned(), json!({ "site": subject.site.name }));
    let mut document = json!({ "name": format!("greffon/{}", plain(&subject.site.name)), "type": "project", "require": required });
    if !development.is_empty() {
        document["require-dev"] = Json::Object(development);
    }
    document["repositories"] = Json::Array(packages);
    document["config"] = json!({ "allow-plugins": plugins });
    document["extra"] = Json::Object(extra);
    document
}

/// The package that an element is; `None`, and told, where Composer could not fetch it.
fn package(subject: &mut Subject<'_>, one: &Resolved, wanted: Option<&WantedElement>) -> Option<Json> {
    let locked = &one.locked;
    let mut package = Map::new();
    package.insert("name".to_owned(), Json::String(name(subject, one)));
    package.insert("version".to_owned(), Json::String(version(one)));
    let (kind, short) = one.id.name().split_once('_').unwrap_or(("", one.id.name()));
    let of_moodle = subject.is_moodle() && matches!(one.id.kind(), "core" | "plugins");
    let kind = match one.id.kind() {
        "core" => "project".to_owned(),
        "plugins" if of_moodle && !kind.is_empty() => format!("moodle-{kind}"),
        _ => "library".to_owned(),
    };
    package.insert("type".to_owned(), Json::String(kind));
    let mut own = wanted.map(asked).unwrap_or_default();
    match (&locked.git, &locked.url, &locked.path) {
        (Some(git), ..) => {
            let commit = locked.commit?;
            package.insert("source".to_owned(), json!({ "type": "git", "url": redact(git), "reference": commit.to_string() }));
            if locked.subdir.is_some() {
                subject.leave(one, "Composer takes whole repositories: the folder `subdir` of this one is lost on it");
            }
            if locked.submodules {
                subject.leave(one, "Composer fetches no submodules");
            }
        }
        (None, Some(url), _) if locked.dialogue.is_none() => {
            let kind = if url.split(['?', '#']).next().is_some_and(|path| path.ends_with(".zip")) { "zip" } else { "tar" };
            package.insert("dist".to_owned(), json!({ "type": kind, "url": redact(url) }));
            if let Some(digest) = &locked.sha256 {
                own.insert("sha256".to_owned(), Json::String(digest.to_string()));
            }
            own.insert("version".to_owned(), Json::String(one.pin.version.to_string()));
        }
        (None, None, Some(path)) => {
            own.insert("path".to_owned(), Json::String(path.clone()));
            package.insert("dist".to_owned(), json!({ "type": "path", "url": path }));
            subject.leave(one, format!("it is the folder `{path}` of this machine"));
        }
        _ => {
            subject.leave(one, "a shop hands it out after its own dialogue, which Composer cannot hold");
            return None;
        }
    }
    let mut needs = Map::new();
    for (target, requirement) in &locked.dependencies {
        match subject.elements.iter().find(|other| other.id == *target) {
            Some(other) if target.kind() != "core" => {
                needs.insert(name(subject, other), Json::String(version(other)));
            }
            Some(_) => {}
            None => subject.leave(one, format!("that it needs {target} {requirement}, which comes with the core, is not said")),
        }
    }
    if !needs.is_empty() {
        package.insert("require".to_owned(), Json::Object(needs));
    }
    if let Some(wanted) = wanted {
        for (what, is) in [("scheme", wanted.scheme.is_some()), ("optional", !wanted.optional.is_empty())] {
            if is {
                subject.leave(one, format!("`{what}` has no like in Composer"));
            }
        }
    }
    let mut extra = Map::new();
    if of_moodle && one.id.kind() != "core" {
        extra.insert("installer-name".to_owned(), Json::String(short.to_owned()));
    }
    if !own.is_empty() {
        extra.insert("greffon".to_owned(), Json::Object(own));
    }
    if !extra.is_empty() {
        package.insert("extra".to_owned(), Json::Object(extra));
    }
    Some(Json::Object(package))
}

/// What the manifest asked of an element.
fn asked(wanted: &WantedElement) -> Map<String, Json> {
    let mut own = Map::new();
    let mut say = |key: &str, value: &str| drop(own.insert(key.to_owned(), Json::String(value.to_owned())));
    if let Source::Git { pin, subdir, submodules, .. } = &wanted.source {
        match pin {
            GitPin::Version => {}
            GitPin::Tag(tag) => say("tag", tag),
            GitPin::Branch(branch) => say("branch", branch),
            GitPin::Rev(rev) => say("rev", rev),
        }
        if let Some(subdir) = subdir {
            say("subdir", subdir);
        }
        if *submodules {
            say("submodules", "true");
        }
        if *pin == GitPin::Version || wanted.requirement != crate::model::Requirement::any() {
            say("requirement", wanted.requirement.as_str());
        }
    } else {
        say("requirement", wanted.requirement.as_str());
    }
    if let Some(group) = wanted.group.as_deref().filter(|group| *group != "dev") {
        say("group", group);
    }
    own
}

/// A package's name: the owner of its repository, and the plugin's.
fn name(subject: &Subject<'_>, one: &Resolved) -> String {
    if subject.is_moodle() && one.id.kind() == "core" && one.id.name() == "moodle" {
        return "moodle/moodle".to_owned();
    }
    let owner = one.locked.git.as_deref().and_then(hosted).map_or_else(|| "greffon".to_owned(), |(_, owner, _)| plain(&owner));
    let name = plain(one.id.name());
    if subject.is_moodle() && one.id.kind() == "plugins" { format!("{owner}/moodle-{name}") } else { format!("{owner}/{}-{name}", plain(one.id.kind())) }
}

/// As Composer wants the parts of names: small letters and digits, single marks between them.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' => out.push(c),
            _ if out.ends_with(['-', '_', '.']) || out.is_empty() => {}
            '_' | '.' => out.push(c),
            _ => out.push('-'),
        }
    }
    let out = out.trim_end_matches(['-', '_', '.']);
    if out.is_empty() { "x".to_owned() } else { out.to_owned() }
}

/// A version that Composer reads: a build or numbers as they are, else the commit.
fn version(one: &Resolved) -> String {
    let text = one.pin.version.as_str();
    let numbers = text.trim_start_matches(['v', 'V']);
    let parts: Vec<&str> = numbers.split('.').collect();
    let readable = parts.len() <= 4 && parts.iter().all(|part| !part.is_empty() && part.len() <= 10 && part.bytes().all(|byte| byte.is_ascii_digit()));
    if readable {
        return numbers.to_owned();
    }
    match (one.locked.commit, &one.locked.sha256) {
        (Some(commit), _) => format!("dev-{}", commit.short()),
        (None, Some(digest)) => format!("dev-{}", &digest.hex()[..10]),
        (None, None) => "dev-main".to_owned(),
    }
}
