//! composer.json of a Moodle: packages that are plugins, with the lockfile beside it for where they come from.

use std::ops::Range;
use std::path::PathBuf;

use super::flow::json;
use super::node::{Key, Node};
use super::places;
use super::sheet::{Page, Sheet};
use super::source::{MOODLE, at, core, git, is_commit, plugin, revision};
use crate::error::Result;
use crate::model::{ElementId, GitPin, Requirement, Source, Version};
use crate::version::{foreign, scheme};

/// Reads the manifest; `lock` is the `composer.lock` beside it, where there is one.
pub(super) fn read<'a>(page: &'a Page, lock: Option<&'a Page>) -> Result<Sheet<'a>> {
    let tree = json(page)?;
    let locked = lock.map(json).transpose()?;
    let mut sheet = Sheet::new(page);
    let known = Known { repositories: tree.get("repositories").map(parts).unwrap_or_default(), locked: locked.as_ref() };
    for (key, node) in tree.entries() {
        match key.name.as_str() {
            "require" => node.entries().iter().for_each(|(key, node)| one(&mut sheet, &known, key, node, None)),
            "require-dev" => node.entries().iter().for_each(|(key, node)| one(&mut sheet, &known, key, node, Some("dev"))),
            "repositories" => {}
            "extra" => extra(&mut sheet, node),
            "name" | "description" | "type" | "license" | "authors" | "keywords" | "homepage" | "readme" | "time" | "version" | "support" | "funding"
            | "_readme" => {
                sheet.leave(&key.span, "what the project is called; a site is made of its elements alone");
            }
            "scripts" | "scripts-descriptions" => sheet.leave(&key.span, "commands of Composer: what must run after a change is a hook, `[hooks]`"),
            "config" | "minimum-stability" | "prefer-stable" => sheet.leave(&key.span, "a setting of Composer's own"),
            "autoload" | "autoload-dev" => sheet.leave(&key.span, "classes are found by Moodle itself"),
            "conflict" | "replace" | "provide" | "suggest" => {
                sheet.leave(&key.span, "the manifest says what is wanted; what excludes each other is said by the elements");
            }
            _ => sheet.leave(&key.span, "greffon knows no such part of a composer.json"),
        }
    }
    for repository in &known.repositories {
        untaken(&mut sheet, repository);
    }
    Ok(sheet)
}

/// What the file says of where packages come from.
struct Known<'a> {
    repositories: Vec<&'a Node>,
    locked: Option<&'a Node>,
}

/// The parts of a list, or of a map whose names mean nothing.
fn parts(node: &Node) -> Vec<&Node> {
    node.items().iter().chain(node.entries().iter().map(|(_, node)| node)).collect()
}

impl<'a> Known<'a> {
    /// The inline description of a package.
    fn package(&self, name: &str) -> Option<&'a Node> {
        let inline = self.repositories.iter().filter(|node| node.text_of("type") == Some("package")).filter_map(|node| node.get("package"));
        inline.flat_map(|node| if node.entries().is_empty() { parts(node) } else { vec![node] }).find(|node| node.text_of("name") == Some(name))
    }

    /// The repository whose name is the package's, or the plugin's.
    fn repository(&self, name: &str, component: &str) -> Option<&'a Node> {
        let last = name.rsplit('/').next().unwrap_or(name);
        let fits = |url: &str| {
            let own = url.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default().trim_end_matches(".git");
            own.eq_ignore_ascii_case(last) || places::of_url(url).as_deref() == Some(component)
        };
        let vcs =
            self.repositories.iter().filter(|node| matches!(node.text_of("type"), Some("vcs" | "git" | "github" | "gitlab" | "bitbucket" | "git-bitbucket")));
        vcs.filter_map(|node| node.get("url")).find(|url| url.text().is_some_and(fits))
    }

    fn path(&self, component: &str) -> Option<&'a Node> {
        let paths = self.repositories.iter().filter(|node| node.text_of("type") == Some("path")).filter_map(|node| node.get("url"));
        paths.into_iter().find(|url| url.text().is_some_and(|url| places::at(url).or_else(|| places::of_url(url)).as_deref() == Some(component)))
    }

    fn locked(&self, name: &str) -> Option<&'a Node> {
        let lists = self.locked.into_iter().flat_map(|lock| [lock.get("packages"), lock.get("packages-dev")]).flatten();
        lists.flat_map(Node::items).find(|node| node.text_of("name") == Some(name))
    }
}

/// The plugin that a package is.
fn component(name: &str, package: Option<&Node>) -> Option<String> {
    let (vendor, last) = name.split_once('/')?;
    let kind = package.and_then(|package| package.text_of("type")).and_then(|kind| kind.strip_prefix("moodle-"));
    let installer = package.and_then(|package| package.get("extra")).and_then(|extra| extra.text_of("installer-name"));
    if let (Some(kind), Some(installer)) = (kind, installer) {
        return Some(format!("{kind}_{installer}"));
    }
    let stated = last.starts_with("moodle-") || last.starts_with("moodle_") || vendor.starts_with("moodle") || kind.is_some();
    let named = stated.then(|| places::of_name(last)).flatten();
    // `vendor/attendance` of the type `moodle-mod`
    named.or_else(|| kind.map(|kind| format!("{kind}_{}", last.trim_start_matches("moodle-"))))
}

fn one(sheet: &mut Sheet<'_>, known: &Known<'_>, key: &Key, node: &Node, group: Option<&str>) {
    let name = key.name.as_str();
    let constraint = node.text().unwrap_or("*");
    if name == "moodle/moodle" {
        return moodle(sheet, known, key, constraint);
    }
    if name == "php" || name.starts_with("ext-") || name.starts_with("lib-") || name.starts_with("composer-") {
        return sheet.leave(&key.span, "what the machine must have: `greffon doctor` and the core's own `environment.xml` tell it");
    }
    if matches!(name, "composer/installers" | "moodle/composer-installer") || name.ends_with("/composer-installer") {
        return sheet.leave(&key.span, "it puts plugins into their places, which greffon does itself");
    }
    let package = known.package(name).or_else(|| known.locked(name));
    let Some(component) = component(name, package) else {
        return sheet.leave(&key.span, "a library of PHP, no plugin of Moodle: Composer installs it (`composer install` in an after-hook)");
    };
    let Some(id) = plugin(sheet, &key.span, &component) else { return };
    // What greffon wrote itself says what the manifest asked.
    let own = package.and_then(|package| package.get("extra")).and_then(|extra| extra.get("greffon"));
    let Some((requirement, source)) = source(sheet, known, key, node, &component, own) else { return };
    let wish = sheet.want(&key.span, id, requirement, source);
    wish.group = group.or_else(|| own.and_then(|own| own.text_of("group"))).map(str::to_owned);
    if let Some(patches) = own.and_then(|own| own.get("patches")) {
        wish.patches = patches.items().iter().filter_map(Node::text).map(str::to_owned).collect();
    }
}

fn source(sheet: &mut Sheet<'_>, known: &Known<'_>, key: &Key, node: &Node, component: &str, own: Option<&Node>) -> Option<(Option<Requirement>, Source)> {
    let name = key.name.as_str();
    let constraint = node.text().unwrap_or("*").trim();
    let branch = constraint.strip_prefix("dev-").map(|rest| rest.split('#').next().unwrap_or_default()).filter(|branch| !branch.is_empty());
    if let Some(path) = own.and_then(|own| own.text_of("path")) {
        return Some((None, Source::Path { path: PathBuf::from(path), version: own.and_then(|own| own.text_of("version")).map(Version::new) }));
    }
    if let Some(package) = known.package(name) {
        if let Some(source) = package.get("source") {
            let url = git(sheet, &source.span, source.text_of("url")?)?;
            let reference = source.text_of("reference").filter(|reference| !reference.is_empty());
            let (requirement, pin) = match own {
                Some(own) => asked(own),
                None => (None, reference.map_or(GitPin::Version, revision)),
            };
            let requirement = requirement.or_else(|| (pin == GitPin::Version).then(Requirement::any));
            let subdir = own.and_then(|own| own.text_of("subdir")).map(str::to_owned);
            let submodules = own.and_then(|own| own.text_of("submodules")) == Some("true");
            return Some((requirement, Source::Git { git: url, pin, subdir, submodules }));
        }
        if let Some(dist) = package.get("dist") {
            let url = dist.text_of("url")?.to_owned();
            if !url.starts_with("https://") && !url.starts_with("http://") {
                sheet.leave(&dist.span, "its archive has no http(s) address");
                return None;
            }
            let version = own.and_then(|own| own.text_of("version")).or_else(|| package.text_of("version")).map(Version::new);
            if dist.text_of("shasum").is_some_and(|sum| !sum.is_empty()) {
                sheet.leave(&dist.span, "its SHA-1 proves nothing any more: greffon locks SHA-256 when it fetches the archive first");
            }
            let sha256 = own.and_then(|own| own.text_of("sha256")).and_then(|digest| digest.parse().ok());
            return Some((None, Source::Url { url, version, sha256 }));
        }
    }
    if let Some(path) = known.path(component) {
        return Some((None, Source::Path { path: PathBuf::from(path.text()?), version: None }));
    }
    let locked = known.locked(name);
    let url = known.repository(name, component).or_else(|| locked.and_then(|package| package.get("source")?.get("url")));
    let Some(url) = url else {
        if !matches!(constraint, "*" | "") {
            sheet.leave(
                &node.span,
                "nothing here says where it comes from: it is asked of the configured repositories, and any version that fits the core will do",
            );
        }
        return Some((Some(Requirement::any()), Source::Repositories { only: None }));
    };
    let url = if locked.is_some_and(|package| package.get("source").and_then(|source| source.get("url")) == Some(url)) {
        // It stands in the other file, and is told by this line.
        git(sheet, &key.span, url.text()?)?
    } else {
        git(sheet, &url.span, url.text()?)?
    };
    if let Some(branch) = branch {
        return Some((None, at(url, GitPin::Branch(branch.to_owned()))));
    }
    if !matches!(constraint, "*" | "" | ">=0") {
        sheet.leave(
            &node.span,
            format!("`{constraint}` counts versions of Composer's, made of tags; greffon reads the builds that the code states, and takes the newest that fits the core"),
        );
    }
    Some((Some(Requirement::any()), at(url, GitPin::Version)))
}

/// What `greffon convert` noted of an element's own wish.
fn asked(own: &Node) -> (Option<Requirement>, GitPin) {
    let pin = match (own.text_of("tag"), own.text_of("branch"), own.text_of("rev")) {
        (Some(tag), ..) => GitPin::Tag(tag.to_owned()),
        (_, Some(branch), _) => GitPin::Branch(branch.to_owned()),
        (.., Some(rev)) => GitPin::Rev(rev.to_owned()),
        _ => GitPin::Version,
    };
    (own.text_of("requirement").map(Requirement::new), pin)
}

fn moodle(sheet: &mut Sheet<'_>, known: &Known<'_>, key: &Key, constraint: &str) {
    let package = known.package(&key.name);
    let source = package.and_then(|package| package.get("source"));
    let url = source.or_else(|| known.locked(&key.name).and_then(|package| package.get("source"))).and_then(|source| source.get("url"));
    let url = match url.or_else(|| known.repository(&key.name, "")).and_then(Node::text) {
        Some(url) => match git(sheet, &key.span, url) {
            Some(url) => url,
            None => return,
        },
        None => MOODLE.to_owned(),
    };
    let own = package.and_then(|package| package.get("extra")).and_then(|extra| extra.get("greffon"));
    let (requirement, pin) = match (own, source.and_then(|source| source.text_of("reference"))) {
        (Some(own), _) => asked(own),
        (None, Some(reference)) if is_commit(reference) => (None, GitPin::Rev(reference.to_owned())),
        _ => match constraint.strip_prefix("dev-") {
            Some(branch) => (None, GitPin::Branch(branch.to_owned())),
            None => match release(constraint) {
                Ok(requirement) => (Some(requirement), GitPin::Version),
                Err(why) => return sheet.leave(&key.span, why),
            },
        },
    };
    let Some(id) = core(sheet, &key.span) else { return };
    if let Some(Source::Path { .. }) = path_of(own) {
        return sheet.leave(&key.span, "a core that is a folder of this machine is not carried over");
    }
    sheet.want(&key.span, id, requirement, at(url, pin));
}

fn path_of(own: Option<&Node>) -> Option<Source> {
    own?.text_of("path").map(|path| Source::Path { path: PathBuf::from(path), version: None })
}

/// A constraint on Moodle's releases in the words of the scheme `moodle`.
fn release(constraint: &str) -> std::result::Result<Requirement, String> {
    let readable = |text: &str| scheme("moodle").and_then(|scheme| scheme.requirement(&Requirement::new(text))).is_ok();
    // One release is the same in both; `4.5.*` is what `4.5` means here.
    let plain = constraint.trim().trim_start_matches(['v', 'V', '=']);
    let numbers = |text: &str| text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some(branch) = plain.strip_suffix(".*").filter(|branch| numbers(branch) && branch.contains('.')) {
        return Ok(Requirement::new(branch));
    }
    if numbers(plain) && plain.matches('.').count() == 2 {
        return Ok(Requirement::new(plain));
    }
    let read = foreign::composer(constraint).map_err(|fault| fault.message().to_owned())?;
    // Of the spellings that Composer knows of one version, those with four numbers are none of Moodle's.
    let alternatives: Vec<&str> = read.as_str().split(" || ").filter(|text| readable(text)).collect();
    if alternatives.is_empty() { Err(format!("`{constraint}` cannot be said of Moodle's releases")) } else { Ok(Requirement::new(alternatives.join(" || "))) }
}

/// Repositories that no package took anything from.
fn untaken(sheet: &mut Sheet<'_>, repository: &Node) {
    let place = |repository: &Node| -> Range<usize> { repository.get("url").map_or(repository.span.clone(), |url| url.span.clone()) };
    let used = |sheet: &Sheet<'_>, url: &str| {
        sheet.wishes.iter().any(|wish| match &wish.source {
            Source::Git { git, .. } => git == url || url.ends_with(git.split("://").last().unwrap_or(git)),
            Source::Path { path, .. } => path.to_string_lossy() == url,
            _ => false,
        })
    };
    match (repository.text_of("type"), repository.text_of("url")) {
        (Some("package"), _) => {}
        (Some("composer"), _) => {
            sheet.leave(&place(repository), "an index of Composer packages; plugins are asked of the repositories in `[[config.repositories]]`");
        }
        (Some(_), Some(url)) if used(sheet, url) => {}
        (Some(_), Some(_)) => sheet.leave(&place(repository), "no plugin that is required comes from it"),
        _ if repository.text() == Some("false") => {}
        _ => sheet.leave(&repository.span, "a kind of repository that is not read"),
    }
}

fn extra(sheet: &mut Sheet<'_>, node: &Node) {
    for (key, node) in node.entries() {
        match key.name.as_str() {
            "installer-paths" => {
                for (key, _) in node.entries() {
                    sheet.leave(&key.span, "where plugins go is said by the core's own files");
                }
            }
            "patches" => {
                for (package, list) in node.entries() {
                    let id = package
                        .name
                        .split_once('/')
                        .and_then(|(_, last)| places::of_name(last))
                        .and_then(|component| ElementId::new("plugins", component).ok());
                    let wish = sheet.wishes.iter().position(|wish| Some(&wish.id) == id.as_ref());
                    for patch in list.entries().iter().map(|(_, node)| node).chain(list.items()) {
                        match (patch.text().or_else(|| patch.text_of("url").or_else(|| patch.text_of("path"))), wish) {
                            (Some(path), Some(wish)) if !path.contains("://") => {
                                let patches = &mut sheet.wishes[wish].patches;
                                if !patches.iter().any(|known| known == path) {
                                    patches.push(path.to_owned());
                                }
                            }
                            (Some(_), Some(_)) => {
                                sheet.leave(&patch.span, "a patch from the network: fetch it once, put it beside the manifest, and name it in `patches`");
                            }
                            _ => sheet.leave(&patch.span, "a patch of a package that is not carried over"),
                        }
                    }
                }
            }
            "greffon" => {}
            _ => sheet.leave(&key.span, "options of Composer's plugins"),
        }
    }
}
