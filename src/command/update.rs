//! `update`: newer versions into the lockfile.

use super::add::{placed_as_on_disk, single_site};
use super::lock::{self, Report, RequirementChange};
use super::versions::Offer;
use super::{Workspace, parse_element};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Manifest, set_requirement};
use crate::model::{ElementId, GitPin, Requirement, Source};
use crate::roles::{PlanDepth, UpdateChoice};

/// What `update` may be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which elements; none: all.
    pub names: Vec<String>,
    /// The version or requirement to go to.
    pub to: Option<String>,
    /// Only what is known to be unsafe, and no further than needed.
    pub security: bool,
    /// Elements whose locked tags may stand at other commits by now.
    pub accept_moved: Vec<String>,
}

/// Resolves with some or all locked versions free to move, and writes the lockfile; with `--to` also the requirement in the
/// manifest where it does not allow that version. Sites that are not chosen stay as they are.
///
/// # Errors
/// `Usage` for `--to` without one name; `NotFound` for a name that no site has; `Conflict`.
pub fn run(workspace: &Workspace, options: &Options) -> Result<Report> {
    if workspace.globals.locked || workspace.globals.frozen {
        return Err(Error::new(ErrorKind::Usage, "`update` changes the lock, which --locked and --frozen forbid"));
    }
    if options.to.is_some() && options.names.len() != 1 {
        return Err(Error::new(ErrorKind::Usage, "`--to` needs the name of one element").hint("greffon update NAME --to VERSION"));
    }
    let chosen: Vec<String> =
        if workspace.globals.sites.is_empty() { Vec::new() } else { workspace.chosen(true)?.iter().map(|site| site.name.clone()).collect() };
    if options.security {
        return secure(workspace, options);
    }
    let mut edit = Edit { workspace, text: workspace.manifest.text.clone(), changes: Vec::new() };
    let mut these = Vec::with_capacity(options.names.len());
    for name in &options.names {
        let argument = parse_element(name)?;
        let id = workspace.known_element(&argument.name)?;
        let to = options.to.as_deref().or(argument.requirement.as_ref().map(Requirement::as_str));
        let to = to.map(|text| edit.allow(&id, text)).transpose()?;
        these.push((id, to));
    }
    let choice = if these.is_empty() { UpdateChoice::All } else { UpdateChoice::These(these) };
    let mut request = workspace.request(&[], PlanDepth::Resolve, choice);
    request.only = chosen;
    request.accept_moved = workspace.known_elements(&options.accept_moved)?;
    let Edit { text, changes, .. } = edit;
    let manifest = Manifest::parse(&workspace.manifest.path, text)?;
    if !changes.is_empty() {
        request.wanted = placed_as_on_disk(&workspace.manifest, &manifest);
    }
    let plan = workspace.or_offer(super::hooks::resolving(workspace, &manifest, &request), &manifest)?;
    super::patch::check(workspace, &manifest.sites, &plan.lock)?;
    if !changes.is_empty() && !workspace.globals.dry_run {
        workspace.write_manifest(&manifest.text)?;
    }
    let report = lock::finish(workspace, plan, false)?;
    Ok(Report { requirements: changes, ..report })
}

/// Moves what is unsafe to the smallest safe version, and nothing else unless it must.
fn secure(workspace: &Workspace, options: &Options) -> Result<Report> {
    let only = workspace.known_elements(&options.names)?;
    let secured = super::security::secure(workspace, &only)?;
    let mut warnings = secured.warnings;
    for bump in secured.bumps.iter().filter(|bump| bump.to.is_none()) {
        let advisories: Vec<&str> = bump.advisories.iter().map(|finding| finding.advisory.as_str()).collect();
        let why = bump.why.iter().map(|why| format!("; {why}")).collect::<String>();
        warnings.push(format!("{}/{} {} stays unsafe ({}){why}", bump.r#type, bump.name, bump.from, advisories.join(", ")));
    }
    let plan = crate::model::Plan { lock_changed: secured.lock != workspace.lock, lock: secured.lock, sites: Vec::new(), warnings };
    let report = lock::finish(workspace, plan, false)?;
    Ok(Report { security: secured.bumps, ..report })
}

/// The manifest's text, its requirements widened where `--to` needs it.
struct Edit<'a> {
    workspace: &'a Workspace,
    text: String,
    changes: Vec<RequirementChange>,
}

impl Edit<'_> {
    /// The requirement that a version or requirement stands for; sees to it that the manifest allows it.
    fn allow(&mut self, id: &ElementId, text: &str) -> Result<Requirement> {
        let mut to = Requirement::new(text);
        for site in self.workspace.chosen_and_extensions()? {
            let offer = self.workspace.offer(site, id)?;
            let version = offer.find(text).map(|(version, _)| version.clone());
            to = match &version {
                Some(version) => Requirement::new(format!("={version}")),
                None => Requirement::new(text),
            };
            if !offer.any(&to)? {
                return Err(Error::new(ErrorKind::NotFound, format!("there is no {id} {text}"))
                    .note(offer.told(id))
                    .hint(format!("`greffon show {id}` lists them")));
            }
            let Some(root) = site.elements.get(id) else { continue };
            if let Source::Git { git, pin: GitPin::Tag(_) | GitPin::Branch(_) | GitPin::Rev(_), .. } = &root.source {
                return Err(Error::new(ErrorKind::Usage, format!("{} pins {id} to a tag, branch or commit", super::list::said_at(&root.origin)))
                    .hint(format!("name another: `greffon add {id} --git {} --tag TAG`", crate::sys::redact(git))));
            }
            if offer.agree(&root.requirement, &to)? {
                continue;
            }
            let written = match &version {
                Some(version) => usual(&offer, version),
                None => to.clone(),
            };
            let only = single_site(self.workspace)?;
            self.text = set_requirement(&self.workspace.manifest.path, &self.text, id, &written, only.as_deref())?;
            let change =
                RequirementChange { r#type: id.kind().to_owned(), name: id.name().to_owned(), from: root.requirement.to_string(), to: written.to_string() };
            if !self.changes.contains(&change) {
                self.changes.push(change);
            }
        }
        Ok(to)
    }
}

/// What `add` would write for a version, where that says something; else the version itself.
fn usual(offer: &Offer, version: &crate::model::Version) -> Requirement {
    let fits = |text: &Requirement| offer.scheme.requirement(text).is_ok_and(|matcher| matcher.matches(version));
    let usual = offer.scheme.default_requirement(version);
    let forms = [usual, Requirement::new(version.as_str())];
    forms.into_iter().find(|form| form.as_str() != "*" && fits(form)).unwrap_or_else(|| Requirement::new(format!("={version}")))
}
