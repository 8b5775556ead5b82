//! What is known to be unsafe of the sites: told by `status`, `plan` and `sync`, mended by `update --security`.

mod bumps;

use serde::Serialize;

pub use bumps::{Bump, Secured, secure};

use super::Workspace;
use crate::builtin::safety::{Freshness, Heard, Safety, refused};
use crate::error::{Error, Result};
use crate::model::{Action, Change, ElementId, LockedElement, Plan, SitePlan, SiteStatus, Version};
use crate::roles::{Context, InfoRequest};
use crate::site::Generation;
use crate::version::{Scheme, Verdict};

/// Advisories older than this are told with their age.
const STALE: crate::model::Age = crate::model::Age::hours(3 * 24);

/// One advisory that is about a version of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The site.
    pub site: String,
    /// The element's type.
    pub r#type: String,
    /// The element's name.
    pub name: String,
    /// Its version there.
    pub version: String,
    /// The advisory's number.
    pub advisory: String,
    /// One line for people.
    pub title: Option<String>,
    /// How bad its publisher calls it.
    pub severity: Option<String>,
    /// The versions that it is about, as its publisher writes them.
    pub affected: String,
    /// The first safe one, as its publisher writes it.
    pub fixed: Option<String>,
    /// Whether such a version must not be installed at all.
    pub revoked: bool,
    /// Whether it surely is about this version; else the name of the release is not known, or the range cannot be read.
    pub certain: bool,
    /// The repository that tells it.
    pub repository: String,
    /// Where to read more.
    pub url: Option<String>,
}

/// What was found, and how old the advisories are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// One a site, element and advisory.
    pub advisories: Vec<Finding>,
    /// Who carries advisories, and when they were heard.
    pub advisories_heard: Vec<Heard>,
}

/// A version at a site.
pub(super) struct Subject<'a> {
    pub(super) site: &'a str,
    pub(super) id: &'a ElementId,
    pub(super) version: &'a Version,
    pub(super) locked: Option<&'a LockedElement>,
}

impl Finding {
    /// `CAMP-2026-0001 (high): a hole; safe from 5.0.3`.
    #[must_use]
    pub fn line(&self) -> String {
        let severity = self.severity.as_ref().map(|severity| format!(" ({severity})")).unwrap_or_default();
        let title = self.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
        let fixed = self.fixed.as_ref().map_or("; no safe version is named".to_owned(), |fixed| format!("; safe from {fixed}"));
        let revoked = if self.revoked { "; revoked" } else { "" };
        let unsure = if self.certain { "" } else { "; whether this version is meant cannot be told" };
        format!("{}{severity}{title}{fixed}{revoked}{unsure}", self.advisory)
    }
}

impl Findings {
    /// Lines on advisories that are old, or of which an element is about.
    #[must_use]
    pub fn ages(&self) -> Vec<String> {
        let told = |heard: &&Heard| heard.age > STALE || self.advisories.iter().any(|finding| finding.repository == heard.repository);
        let line =
            |heard: &Heard| format!("the advisories of {} were heard {} ago; `greffon outdated --security` asks for new ones", heard.repository, heard.age);
        self.advisories_heard.iter().filter(told).map(line).collect()
    }
}

impl Workspace {
    /// What is told of elements.
    pub(super) fn safety(&self, ids: &[ElementId], how: Freshness) -> (Safety, Vec<String>) {
        let how = if self.globals.frozen { Freshness::Kept } else { how };
        let (safety, failures) = Safety::ask(&self.machine.cx, &self.roles.repositories, ids, &self.manifest.config.security, how);
        (safety, failures.iter().map(whole).collect())
    }

    /// The scheme of an element as a site has it.
    pub(super) fn scheme_at(&self, site: &str, id: &ElementId, locked: Option<&LockedElement>) -> Result<std::sync::Arc<dyn Scheme>> {
        let wanted = self.manifest.sites.iter().find(|one| one.name == site).and_then(|site| site.elements.get(id));
        self.schemes.of(id, wanted, locked.and_then(|locked| locked.scheme.as_deref()))
    }

    /// What a locked version is called for people: what its code says where that is here, then its tag.
    pub(super) fn names_at(&self, cx: &Context, id: &ElementId, locked: Option<&LockedElement>) -> Vec<String> {
        let Some(locked) = locked else { return Vec::new() };
        let code = locked
            .tree
            .and_then(|tree| self.roles.installer.info(cx, &InfoRequest { id: id.clone(), tree, reference: locked.reference.clone() }).ok().flatten());
        let tag = locked.reference.as_deref().and_then(|name| name.strip_prefix("refs/tags/")).map(str::to_owned);
        code.and_then(|info| info.release).into_iter().chain(tag).collect()
    }

    /// The advisories that are about these versions.
    pub(super) fn findings(&self, safety: &Safety, subjects: &[Subject<'_>]) -> Result<Vec<Finding>> {
        let mut found = Vec::new();
        for subject in subjects.iter().filter(|subject| safety.about(subject.id).next().is_some()) {
            if self.manifest.config.security.accepts_version(subject.id, subject.version) {
                continue;
            }
            let scheme = self.scheme_at(subject.site, subject.id, subject.locked)?;
            let names = self.names_at(&self.machine.cx, subject.id, subject.locked);
            for (told, verdict) in safety.against(subject.id, &*scheme, subject.version, &names) {
                let advisory = &told.advisory;
                found.push(Finding {
                    site: subject.site.to_owned(),
                    r#type: subject.id.kind().to_owned(),
                    name: subject.id.name().to_owned(),
                    version: subject.version.to_string(),
                    advisory: advisory.id.clone(),
                    title: advisory.title.clone(),
                    severity: advisory.severity.clone(),
                    affected: advisory.affected.to_string(),
                    fixed: advisory.fixed.as_ref().map(ToString::to_string),
                    revoked: advisory.revoke,
                    certain: verdict == Verdict::Affected,
                    repository: told.repository.clone(),
                    url: advisory.url.clone(),
                });
            }
        }
        Ok(found)
    }
}

/// An error in one line, with its cause.
fn whole(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// What is unsafe of what stands at the sites, as it was heard last: nobody is asked.
pub(super) fn of_status(workspace: &Workspace, sites: &[SiteStatus]) -> Result<Findings> {
    let mut subjects = Vec::new();
    for status in sites {
        for element in &status.elements {
            let locked = workspace.lock.entries(&element.id).find(|(pin, _)| pin.version == element.version).map(|(_, locked)| locked);
            subjects.push(Subject { site: &status.name, id: &element.id, version: &element.version, locked });
        }
    }
    let (safety, _) = workspace.safety(&ids(&subjects), Freshness::Kept);
    Ok(Findings { advisories: workspace.findings(&safety, &subjects)?, advisories_heard: safety.heard })
}

/// What is unsafe of what a plan makes the sites of; and what of the advisories could not be had.
pub(super) fn of_plan(workspace: &Workspace, plan: &Plan, how: Freshness) -> Result<(Findings, Vec<String>)> {
    let subjects = subjects(plan);
    let (safety, failures) = workspace.safety(&ids(&subjects), how);
    Ok((Findings { advisories: workspace.findings(&safety, &subjects)?, advisories_heard: safety.heard }, failures))
}

fn subjects(plan: &Plan) -> Vec<Subject<'_>> {
    let mut subjects = Vec::new();
    for site in &plan.sites {
        for entry in &site.download_map {
            let locked = plan.lock.entry(&site.name, &entry.id).map(|(_, locked)| locked);
            subjects.push(Subject { site: &site.name, id: &entry.id, version: &entry.version, locked });
        }
    }
    subjects
}

fn ids(subjects: &[Subject<'_>]) -> Vec<ElementId> {
    let mut ids: Vec<ElementId> = subjects.iter().map(|subject| subject.id.clone()).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Before a plan is carried out: what is revoked does not newly come to a site, and what else is unsafe is told.
///
/// # Errors
/// `Refused`, naming the advisory.
pub(super) fn admit(workspace: &Workspace, plan: &mut Plan) -> Result<()> {
    let (findings, failures) = of_plan(workspace, plan, Freshness::KeptOrFirst)?;
    for site in plan.sites.iter().filter(|site| site.held.is_none()) {
        if let Some((id, version, finding)) = revoked(&findings, &site.name, arriving(&site.changes)).next() {
            return Err(refused(&id, &version, &site.name, &format!("{} revokes it", finding.line())));
        }
    }
    plan.warnings.extend(warnings(&findings, failures));
    Ok(())
}

/// Before a bare tree is written, which nothing stands beside: it holds nothing that is revoked, and what else is unsafe is told.
///
/// # Errors
/// `Refused`, naming the advisory.
pub(super) fn admit_whole(workspace: &Workspace, plan: &Plan) -> Result<Vec<String>> {
    let (findings, failures) = of_plan(workspace, plan, Freshness::KeptOrFirst)?;
    for site in &plan.sites {
        let all = site.download_map.iter().map(|entry| (&entry.id, entry.version.as_str()));
        if let Some((id, version, finding)) = revoked(&findings, &site.name, all).next() {
            return Err(refused(&id, &version, &site.name, &format!("{} revokes it", finding.line())));
        }
    }
    Ok(warnings(&findings, failures))
}

/// Before an earlier generation is put back: what is revoked does not come back, and what else is unsafe is told. Nobody is asked
/// who was heard before.
///
/// # Errors
/// `Refused`, naming the advisory.
pub(super) fn admit_generation(workspace: &Workspace, site: &str, target: &Generation, changes: &[Change]) -> Result<Vec<String>> {
    let lock = workspace.lock_of(target)?;
    let of = |graft: &crate::model::Graft| lock.entries(&graft.id).find(|(pin, _)| pin.version == graft.version).map(|(_, locked)| locked.clone());
    let known: Vec<_> = target.grafts.iter().map(|graft| (graft, of(graft))).collect();
    let subjects: Vec<Subject<'_>> =
        known.iter().map(|(graft, locked)| Subject { site, id: &graft.id, version: &graft.version, locked: locked.as_ref() }).collect();
    let (safety, failures) = workspace.safety(&ids(&subjects), Freshness::KeptOrFirst);
    let findings = Findings { advisories: workspace.findings(&safety, &subjects)?, advisories_heard: safety.heard };
    if let Some((id, version, finding)) = revoked(&findings, site, arriving(changes)).next() {
        let error = refused(&id, &version, site, &format!("{} revokes it", finding.line()));
        return Err(error.note(format!("generation {} has it", target.number)).hint("`greffon history` shows the other generations"));
    }
    Ok(warnings(&findings, failures))
}

/// What of a plan `sync` will refuse, in words.
pub(super) fn refusals(findings: &Findings, plan: &SitePlan) -> Vec<String> {
    if plan.held.is_some() {
        return Vec::new();
    }
    let told = |(id, version, finding): (ElementId, Version, &Finding)| format!("`sync` refuses {id} {version}: {} revokes it", finding.advisory);
    revoked(findings, &plan.name, arriving(&plan.changes)).map(told).collect()
}

/// What comes to a site that was not there in that version.
fn arriving(changes: &[Change]) -> impl Iterator<Item = (&ElementId, &str)> {
    let comes = changes.iter().filter(|change| matches!(change.action, Action::Add | Action::Update) && change.from != change.to);
    comes.filter_map(|change| Some((&change.id, change.to.as_deref()?)))
}

/// Those of some versions that an advisory surely revokes.
fn revoked<'a>(
    findings: &'a Findings,
    site: &'a str,
    versions: impl Iterator<Item = (&'a ElementId, &'a str)>,
) -> impl Iterator<Item = (ElementId, Version, &'a Finding)> {
    versions.filter_map(move |(id, version)| {
        let own = |finding: &&Finding| finding.site == site && finding.name == id.name() && finding.r#type == id.kind() && finding.version == version;
        let revokes = findings.advisories.iter().filter(own).find(|finding| finding.revoked && finding.certain)?;
        Some((id.clone(), Version::new(version), revokes))
    })
}

fn warnings(findings: &Findings, failures: Vec<String>) -> Vec<String> {
    let line = |finding: &Finding| format!("{}: {}/{} {} is unsafe: {}", finding.site, finding.r#type, finding.name, finding.version, finding.line());
    findings.advisories.iter().map(line).chain(findings.ages()).chain(failures).collect()
}
