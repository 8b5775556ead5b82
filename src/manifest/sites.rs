//! `[sites.*]`: from shared elements, groups, replacements and `without` to one list of elements a site.

use std::ops::Range;
use std::path::Path;

use indexmap::IndexMap;

use super::elements::elements;
use super::paths;
use super::read::{At, Reader};
use super::shapes::{ManifestShape, PolicyShape, SiteShape};
use crate::error::Error;
use crate::model::{Deploy, EXTENSIONS, ElementId, LinkMode, Policy, Source, WantedElement, WantedSite};

/// The sites, and which of them had no link mode said anywhere.
pub(super) fn sites(reader: &mut Reader<'_>, base: &Path, shape: &ManifestShape, link_mode: Option<LinkMode>, known: &[&str]) -> Vec<WantedSite> {
    let shared = elements(reader, base, shape.types.as_ref(), known);
    let policy = policy(Policy::default(), shape.client_options.as_ref());
    let Some(entries) = shape.sites.as_ref().filter(|sites| !sites.0.is_empty()) else {
        return vec![implicit(base, &shared, policy, link_mode)];
    };
    let mut sites: Vec<WantedSite> = Vec::new();
    let mut spans = Vec::new();
    let mut states = Vec::new();
    for entry in &entries.0 {
        let plan = Plan { base, shared: &shared, policy, link_mode, known };
        if let Some((site, span)) = plan.site(reader, &entry.key, &entry.value) {
            sites.push(site);
            states.push(entry.value.state.as_ref().map_or(span.clone(), |at| at.span.clone()));
            spans.push(span);
        }
    }
    apart(reader, &sites, &spans);
    states_apart(reader, &sites, &spans, &states);
    sites
}

/// Without `[sites]` the manifest's own folder is the site. It has no groups: an element with a `group` is for sites that name it.
fn implicit(base: &Path, shared: &[WantedElement], policy: Policy, link_mode: Option<LinkMode>) -> WantedSite {
    let folder = base.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = folder.chars().map(|c| if name_letter(c) { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    WantedSite {
        name: if name.is_empty() { "site".to_owned() } else { name.to_owned() },
        path: base.to_path_buf(),
        own_folder: true,
        state: None,
        host: None,
        elements: shared.iter().filter(|element| element.group.is_none()).map(|element| (element.id.clone(), element.clone())).collect(),
        link_mode: link_mode.unwrap_or_default(),
        deploy: Deploy::default(),
        shared: Vec::new(),
        policy,
        keep: None,
    }
}

/// What all sites start from.
struct Plan<'a> {
    base: &'a Path,
    shared: &'a [WantedElement],
    policy: Policy,
    link_mode: Option<LinkMode>,
    known: &'a [&'a str],
}

impl Plan<'_> {
    fn site(&self, reader: &mut Reader<'_>, name: &At<String>, shape: &SiteShape) -> Option<(WantedSite, Range<usize>)> {
        check_name(reader, name);
        let own = elements(reader, self.base, shape.types.as_ref(), self.known);
        for element in own.iter().filter(|element| element.id.kind() == EXTENSIONS) {
            let (start, end) = element.origin.span;
            let error = reader
                .error(start..end, "", format!("`{}` is said for the site `{}` alone", element.id, name.value.escape_debug()))
                .hint("extensions serve the whole manifest: say each in `[types.extensions]`");
            reader.fault(error);
        }
        let elements = self.choose(reader, shape, own);
        let state = shape.state.as_ref().and_then(|at| paths::resolve(reader, self.base, &at.value, &at.span));
        let shared: Vec<String> = shape.shared.iter().flatten().filter_map(|at| paths::inside(reader, &at.value, &at.span)).collect();
        let deploy = shape.deploy.unwrap_or_default();
        if let Some(first) = shape.shared.as_ref().and_then(|list| list.first())
            && deploy == Deploy::InPlace
        {
            let error = reader
                .error(first.span.clone(), "", format!("`shared` of the site `{}` says nothing without `deploy = \"swap\"`", name.value.escape_debug()))
                .hint("files that greffon never installed stay where they are anyway: take `shared` out");
            reader.fault(error);
        }
        let Some(at) = &shape.path else {
            let error = reader
                .error(name.span.clone(), "", format!("the site `{}` has no `path`", name.value.escape_debug()))
                .hint("say where its code tree is: `path = \"…\"`");
            reader.fault(error);
            return None;
        };
        let path = paths::resolve(reader, self.base, &at.value, &at.span)?;
        if self.base.starts_with(&path) {
            let error = reader
                .error(at.span.clone(), "", format!("the site `{}` would hold this manifest", name.value.escape_debug()))
                .hint("keep the manifest beside its sites, or take `[sites]` out: then its own folder is the one site");
            reader.fault(error);
        }
        let site = WantedSite {
            name: name.value.clone(),
            path,
            own_folder: false,
            state,
            host: shape.host.as_ref().map(|at| at.value.clone()),
            elements,
            link_mode: shape.link_mode.or(self.link_mode).unwrap_or_default(),
            deploy,
            shared,
            policy: policy(self.policy, shape.client_options.as_ref()),
            keep: shape.keep.as_ref().map(|at| at.value),
        };
        Some((site, at.span.clone()))
    }

    /// Shared elements, then the site's own (each in the place of the shared one that it replaces), without what it does not want.
    fn choose(&self, reader: &mut Reader<'_>, shape: &SiteShape, own: Vec<WantedElement>) -> IndexMap<ElementId, WantedElement> {
        let mut chosen: IndexMap<ElementId, WantedElement> = self.shared.iter().map(|element| (element.id.clone(), element.clone())).collect();
        let own_ids: Vec<(ElementId, (usize, usize))> = own.iter().map(|element| (element.id.clone(), element.origin.span)).collect();
        chosen.extend(own.into_iter().map(|element| (element.id.clone(), element)));
        for at in shape.without.iter().flatten() {
            self.leave_out(reader, at, &own_ids, &mut chosen);
        }
        let groups: Vec<&str> = shape.groups.iter().flatten().map(|at| at.value.as_str()).collect();
        chosen.retain(|_, element| element.group.as_ref().is_none_or(|group| groups.contains(&group.as_str())));
        chosen
    }

    fn leave_out(&self, reader: &mut Reader<'_>, at: &At<String>, own: &[(ElementId, (usize, usize))], chosen: &mut IndexMap<ElementId, WantedElement>) {
        let id: ElementId = match at.value.parse() {
            Ok(id) => id,
            Err(fault) => {
                let error = reader.error(at.span.clone(), "", Error::message(&fault)).hint("`without` lists elements as `\"type/name\"`");
                reader.fault(error);
                return;
            }
        };
        if let Some((_, (start, end))) = own.iter().find(|(named, _)| *named == id) {
            let error = reader
                .error(at.span.clone(), "left out here", format!("the site both has and leaves out `{id}`"))
                .at(reader.excerpt(*start..*end, "wanted here"));
            reader.fault(error);
        }
        // Left out twice is left out once; so is what no shared entry names, but that is a slip of the pen.
        if chosen.shift_remove(&id).is_none() && !self.shared.iter().any(|element| element.id == id) {
            let names: Vec<String> = self.shared.iter().map(|element| element.id.to_string()).collect();
            let mut error = reader.error(at.span.clone(), "", format!("`without` names `{id}`, which the manifest does not have"));
            if let Some(near) = crate::diagnostic::nearest(&at.value, names.iter().map(String::as_str)) {
                error = error.hint(format!("did you mean `{near}`?"));
            }
            reader.fault(error);
        }
    }
}

/// Options said here, over those said further up, key by key.
fn policy(mut policy: Policy, shape: Option<&PolicyShape>) -> Policy {
    if let Some(shape) = shape {
        policy.if_version_mismatch = shape.if_version_mismatch.unwrap_or(policy.if_version_mismatch);
        policy.version_mismatch_said |= shape.if_version_mismatch.is_some();
        policy.if_local_changes = shape.if_local_changes.unwrap_or(policy.if_local_changes);
        policy.if_removed = shape.if_removed.unwrap_or(policy.if_removed);
    }
    policy
}

/// Names stand on command lines, in the lockfile and in messages.
fn check_name(reader: &mut Reader<'_>, name: &At<String>) {
    if name.value.is_empty() || name.value.len() > 100 || name.value.starts_with('-') || !name.value.chars().all(name_letter) {
        let error = reader
            .error(name.span.clone(), "", format!("`{}` is not a site's name", name.value.escape_debug()))
            .note("a name is made of letters, digits, `-`, `_` and `.`, and does not begin with `-`");
        reader.fault(error);
    }
}

fn name_letter(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Complains about sites that would write into each other.
fn apart(reader: &mut Reader<'_>, sites: &[WantedSite], spans: &[Range<usize>]) {
    // Sorted by path, a folder stands right before what lies in it.
    let mut order: Vec<usize> = (0..sites.len()).collect();
    order.sort_by(|a, b| sites[*a].path.cmp(&sites[*b].path).then(a.cmp(b)));
    let mut open: Vec<usize> = Vec::new();
    for &index in &order {
        let site = &sites[index];
        while open.last().is_some_and(|outer| !site.path.starts_with(&sites[*outer].path)) {
            open.pop();
        }
        let clash = open.iter().find(|outer| match (&sites[**outer].host, &site.host) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        });
        if let Some(&outer) = clash {
            let (first, second) = (outer.min(index), outer.max(index));
            let message = if sites[outer].path == site.path {
                format!("the sites `{}` and `{}` have the same path", sites[first].name, sites[second].name)
            } else {
                format!("the site `{}` lies inside the site `{}`", site.name, sites[outer].name)
            };
            let error = reader
                .error(spans[first].clone(), &format!("`{}`", sites[first].name), message)
                .at(reader.excerpt(spans[second].clone(), &format!("`{}`", sites[second].name)))
                .hint("give each site a folder of its own");
            reader.fault(error);
        }
        open.push(index);
    }
}

/// Complains about states that would write into each other, or into another site.
fn states_apart(reader: &mut Reader<'_>, sites: &[WantedSite], spans: &[Range<usize>], states: &[Range<usize>]) {
    let state = |site: &WantedSite| {
        let beside = || Some(site.path.parent()?.join(format!(".greffon-{}", site.path.file_name()?.to_string_lossy())));
        site.state.clone().or_else(beside).unwrap_or_default()
    };
    let within = |inner: &Path, outer: &Path| inner.starts_with(outer);
    for (index, site) in sites.iter().enumerate().filter(|(_, site)| site.state.is_some()) {
        let own = state(site);
        for (other, rival) in sites.iter().enumerate().filter(|(other, _)| *other != index) {
            let elsewhere = matches!((&site.host, &rival.host), (Some(a), Some(b)) if a != b);
            let theirs = state(rival);
            let message = if elsewhere {
                continue;
            } else if within(&own, &theirs) || within(&theirs, &own) {
                if rival.state.is_some() && other < index {
                    continue;
                }
                (format!("the sites `{}` and `{}` would share a state", site.name, rival.name), states[other].clone())
            } else if within(&own, &rival.path) || within(&rival.path, &own) {
                (format!("the state of the site `{}` and the site `{}` would lie in one another", site.name, rival.name), spans[other].clone())
            } else {
                continue;
            };
            let error = reader
                .error(states[index].clone(), &format!("`{}`", site.name), message.0)
                .at(reader.excerpt(message.1, &format!("`{}`", rival.name)))
                .hint("give each site a state of its own, or take `state` out: then it lies beside the site");
            reader.fault(error);
        }
    }
}

/// What a manifest's extensions are called where sites have names: no site can have this one.
const NOWHERE: &str = "(extensions)";

/// Takes the extensions out of the sites: they are chosen once, for the manifest as a whole. `None`: there are none.
pub(super) fn extensions(reader: &mut Reader<'_>, base: &Path, sites: &mut [WantedSite], foreign: &[(String, String)]) -> Option<WantedSite> {
    let mut found: IndexMap<ElementId, WantedElement> = IndexMap::new();
    for site in sites.iter_mut() {
        let ids: Vec<ElementId> = site.elements.keys().filter(|id| id.kind() == EXTENSIONS).cloned().collect();
        for id in ids {
            let Some(element) = site.elements.shift_remove(&id) else { continue };
            let (start, end) = element.origin.span;
            if let Some(fault) = impossible(&element, foreign) {
                let error = reader.error(start..end, "", fault.message());
                if !found.contains_key(&id) {
                    reader.fault(fault.hints().iter().cloned().fold(error, Error::hint));
                }
            }
            found.entry(id).or_insert(element);
        }
    }
    let like = implicit(base, &[], Policy::default(), None);
    (!found.is_empty()).then(|| WantedSite { name: NOWHERE.to_owned(), path: base.join(NOWHERE), own_folder: false, elements: found, ..like })
}

/// Why an extension cannot come from where it is said to.
fn impossible(element: &WantedElement, foreign: &[(String, String)]) -> Option<Error> {
    let wrong = |message: String| Some(Error::new(crate::error::ErrorKind::Manifest, message));
    match &element.source {
        Source::Dialogue { .. } => {
            wrong(format!("`{}` cannot be bought by a dialogue: dialogues are extensions, and extensions are fetched first", element.id))
                .map(|error| error.hint("say `git`, `url`, `path` or a built-in repository"))
        }
        Source::Repositories { only: Some(name) } => {
            let (_, used) = foreign.iter().find(|(own, _)| own == name)?;
            wrong(format!("`{}` is to come from the repository `{name}`, which is an extension itself (`{used}`)", element.id)).map(|error| {
                error.hint("extensions are fetched first, through built-in repositories only: say `git`, `url`, `path`, or a repository that is `builtin:…`")
            })
        }
        _ if !element.patches.is_empty() => wrong(format!("`{}` cannot be patched: an extension is what was fetched", element.id))
            .map(|error| error.hint("name a repository of your own, or copy its folder beside the manifest")),
        _ => None,
    }
}
