//! Versions: the lock where it fits, else the solver; one site after the other, so that later sites prefer what earlier ones use.

use std::collections::{BTreeMap, BTreeSet};

use super::Standard;
use super::brought::Brought;
use super::fit::{Misfit, fit, other_source};
use super::kept::Kept;
use super::locking::{assemble, lock_entry};
use super::provider::{Asked, SiteProvider};
use super::resolved::Resolved;
use crate::diagnostic::at_origin;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Download, ElementId, ElementInfo, Lock, ObjectId, Origin, Pin, Requirement, Version, WantedSite};
use crate::roles::{Context, Level, PlanRequest, UpdateChoice};
use crate::solve::{Problem, Root, Solution};
use crate::sys::git::Want;

/// Every site's resolution, and the lock they make.
#[derive(Debug)]
pub(super) struct Resolution {
    /// In the manifest's order.
    pub sites: Vec<(String, Vec<Resolved>)>,
    /// The lock of these.
    pub lock: Lock,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Standard {
    /// Resolves every site.
    pub(super) fn resolve(&self, cx: &Context, request: &PlanRequest) -> Result<Resolution> {
        let asked = Asked::new(request.lock.clone(), request.accept_moved.clone());
        let mut sites: Vec<(String, Vec<Resolved>)> = Vec::new();
        for site in &request.wanted {
            cx.check()?;
            let resolution = self.resolve_site(cx, request, site, &sites, &asked)?;
            sites.push((site.name.clone(), resolution));
        }
        let lock = assemble(&mut sites, &request.lock);
        let warnings = warnings(&sites).into_iter().chain(asked.held()).collect();
        Ok(Resolution { sites, lock, warnings })
    }

    fn resolve_site(
        &self,
        cx: &Context,
        request: &PlanRequest,
        site: &WantedSite,
        earlier: &[(String, Vec<Resolved>)],
        asked: &Asked,
    ) -> Result<Vec<Resolved>> {
        let brought = Brought::default();
        let mut first = None;
        loop {
            let known = brought.len();
            match self.resolve_knowing(cx, request, site, earlier, (asked, &brought)) {
                // What the chosen core brings along is known by now: another version of who needs more may do with it.
                Err(error) if brought.len() > known => first = first.or(Some(error)),
                Err(error) if error.kind() == ErrorKind::Conflict => return Err(first.unwrap_or(error)),
                other => return other,
            }
        }
    }

    fn resolve_knowing(
        &self,
        cx: &Context,
        request: &PlanRequest,
        site: &WantedSite,
        earlier: &[(String, Vec<Resolved>)],
        (asked, brought): (&Asked, &Brought),
    ) -> Result<Vec<Resolved>> {
        if *choice(request, site) == UpdateChoice::Keep || request.frozen || request.locked {
            let fitting = fit(site, &request.lock, &self.schemes)?.and_then(|resolution| match self.a_strangers(site, &resolution) {
                Some(misfit) if !request.frozen => Err(misfit),
                _ => Ok(resolution),
            });
            match fitting {
                Ok(resolution) => return Ok(resolution),
                Err(misfit) if request.frozen || request.locked => return Err(refuse(&misfit, site, request.frozen)),
                Err(misfit) => cx.log(Level::Detail, format!("resolving {}: {}", site.name, misfit.why)),
            }
        }
        let problem = Problem { time_limit: self.time_limit, ..problem(request, site, earlier) };
        let provider = SiteProvider::new(self, site, (asked, brought), &problem, Kept::of(site, &request.lock, choice(request, site)));
        let unsolved = match crate::solve::solve_or_explain(cx, &problem, &provider)? {
            Ok(solution) if provider.held() => {
                let solution = self.moved_on(cx, site, &problem, solution, &provider)?;
                if provider.held() {
                    return self.resolved(cx, site, &solution, &provider);
                }
                None
            }
            Ok(_) => None,
            Err(unsolved) => Some(unsolved),
        };
        // What the stock said of exact versions was taken as all there is; what else there is matters now.
        match (provider.unabridged(), unsolved) {
            (None, Some(unsolved)) => Err(unsolved.into_error()),
            (None, None) => Err(Error::new(ErrorKind::Internal, format!("the stock's answers for site `{}` contradict each other", site.name))),
            (Some(wide), unsolved) => match crate::solve::solve_or_explain(cx, &problem, &wide) {
                Ok(Ok(solution)) => self.resolved(cx, site, &self.moved_on(cx, site, &problem, solution, &wide)?, &wide),
                Ok(Err(unsolved)) => Err(unsolved.into_error()),
                Err(error) => Err(unsolved.map_or(error, crate::solve::Unsolved::into_error)),
            },
        }
    }

    /// The first locked element of a repository that the manifest does not have: the lock does not say who is asked.
    fn a_strangers(&self, site: &WantedSite, resolution: &[Resolved]) -> Option<Misfit> {
        let known = |name: &str| name == self.parts.stock.name() || self.parts.repositories.iter().any(|one| one.name() == name);
        resolution.iter().find_map(|one| {
            let name = one.locked.repository.as_deref().filter(|name| !known(name))?;
            let origin = site.elements.get(&one.id).map(|wanted| wanted.origin.clone()).filter(|origin| origin.line > 0);
            let why = format!("{} is locked from the repository {}, which greffon.toml does not have", one.id, name.escape_debug());
            Some(Misfit { id: one.id.clone(), why, origin })
        })
    }

    /// The solution with what it has outgrown looked for again.
    fn moved_on(&self, cx: &Context, site: &WantedSite, problem: &Problem, solution: Solution, provider: &SiteProvider<'_>) -> Result<Solution> {
        let mut outgrown = outgrown(problem, &solution, &self.schemes, site)?;
        while !outgrown.is_empty() {
            let names: Vec<String> = outgrown.iter().map(ToString::to_string).collect();
            cx.log(Level::Detail, format!("{}: made for what has moved on, looked for again: {}", site.name, names.join(", ")));
            let mut freed = problem.clone();
            freed.locked.retain(|id, _| !outgrown.contains(id));
            freed.elsewhere.retain(|id, _| !outgrown.contains(id));
            let found = crate::solve::solve(cx, &freed, provider)?;
            // Nothing goes back for it: data of a newer version may be there.
            let before = outgrown.len();
            let mut forward = Vec::with_capacity(before);
            for id in outgrown {
                let (Some(now), Some(locked)) = (found.chosen.get(&id), problem.locked.get(&id)) else { continue };
                if self.schemes.of(&id, site.elements.get(&id), now.info.scheme.as_deref())?.compare(&now.version, locked).is_ge() {
                    forward.push(id);
                }
            }
            if forward.len() == before {
                return Ok(found);
            }
            outgrown = forward;
        }
        Ok(solution)
    }

    fn resolved(&self, cx: &Context, site: &WantedSite, solution: &Solution, provider: &SiteProvider<'_>) -> Result<Vec<Resolved>> {
        let mut resolution = Vec::with_capacity(solution.chosen.len());
        let (shipped, chosen): (Vec<_>, Vec<_>) = solution.chosen.iter().partition(|(id, chosen)| provider.is_shipped(id, &chosen.version));
        for (id, chosen) in chosen {
            let from = provider.origin(id, &chosen.version);
            let scheme = self.scheme_to_record(site, id, &chosen.info)?;
            let mut info = (*chosen.info).clone();
            // What the core brings along is nobody's to install.
            info.dependencies.retain(|target, _| !shipped.iter().any(|(id, _)| *id == target));
            // With submodules it is another tree than the commit's, known when they are fetched.
            let whole = !matches!(&info.download, Some(crate::model::Download::Git { submodules: true, .. }));
            let kept = provider.kept().entry(id, &chosen.version);
            let tree = match &kept {
                Some(before) if before.tree.is_some() => before.tree,
                _ if from.is_none() && whole => self.tree_known_at_once(cx, &info)?,
                _ => None,
            };
            self.pin_commit(cx, &mut info)?;
            let mut locked = lock_entry(&info, from.as_deref(), scheme, &self.parts.base);
            locked.tree = tree;
            if let Some(before) = kept {
                locked.reference = before.reference;
            }
            super::moved::check(provider.asked(), &site.name, id, &locked)?;
            if let Some(moved) = provider.kept().moved(id, &chosen.version) {
                super::moved::refuse(provider.asked(), &site.name, &moved)?;
            }
            resolution.push(Resolved { id: id.clone(), pin: Pin { version: chosen.version.clone(), discriminator: String::new() }, locked });
        }
        self.check_shipped(cx, solution, &shipped.iter().map(|(id, _)| *id).collect::<Vec<_>>(), &resolution, provider.brought)?;
        Ok(resolution)
    }

    /// Whether the chosen core really has what nobody else knows. Where its code is not here yet, the whole site is looked over
    /// once it is.
    fn check_shipped(&self, cx: &Context, solution: &Solution, shipped: &[&ElementId], resolution: &[Resolved], brought: &Brought) -> Result<()> {
        let Some((core, tree)) = resolution.iter().find_map(|one| Some((one, one.locked.tree.filter(|_| one.id.kind() == "core")?))) else { return Ok(()) };
        let core_name = format!("{} {}", core.id, core.pin.version);
        for id in shipped {
            let there = self.parts.installer.shipped(cx, id, Some(tree))?;
            let scheme = self.schemes.of(id, None, None)?;
            for (by, chosen) in &solution.chosen {
                let Some(requirement) = chosen.info.dependencies.get(*id) else { continue };
                let by = format!("{by} {}", chosen.version);
                match &there {
                    None => {
                        return Err(Error::new(
                            ErrorKind::NotFound,
                            format!("{by} needs {id}, which no repository knows and {core_name} does not bring along"),
                        )
                        .hint(format!("say where it comes from: `greffon add {id} --git URL`")));
                    }
                    Some(version) if !scheme.requirement(requirement)?.matches(version) => {
                        brought.note(id, version);
                        return Err(Error::new(ErrorKind::Conflict, format!("{by} needs {id} {requirement}, and {core_name} brings {version} along"))
                            .hint("choose an older version of the one or a newer version of the other"));
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }

    /// The tree of an element's own git source, whose objects are fetched for its metadata anyway. What a repository delivers has
    /// its tree from the first fetch on: whether the objects are here by now, or the commit is told by the repository or remembered
    /// from the stock, must not show in the lock.
    fn tree_known_at_once(&self, cx: &Context, info: &ElementInfo) -> Result<Option<ObjectId>> {
        let Some(Download::Git { git, rev, commit: Some(commit), subdir, submodules }) = &info.download else { return Ok(None) };
        // Submodules are grafted into it when it is fetched.
        if *submodules {
            return Ok(None);
        }
        let source = self.parts.sources.open(git, None)?;
        if !source.has(*commit) {
            source.fetch(cx, &[Want { reference: Some(rev.clone()), commit: *commit }])?;
        }
        source.tree(*commit, subdir.as_deref()).map(Some)
    }

    /// The scheme's name, where the lock would otherwise be read by another.
    fn scheme_to_record(&self, site: &WantedSite, id: &ElementId, info: &ElementInfo) -> Result<Option<String>> {
        let used = self.schemes.of(id, site.elements.get(id), info.scheme.as_deref())?;
        let default = self.schemes.of(id, None, None)?;
        Ok((used.name() != default.name()).then(|| used.name().to_owned()))
    }
}

/// What is still at its locked version, although that was made for a version of another element (the core) that has just given
/// way to one it was not made for: such a lock holds back nothing but the element itself.
fn outgrown(problem: &Problem, solution: &Solution, schemes: &super::Schemes, site: &WantedSite) -> Result<Vec<ElementId>> {
    let mut outgrown = Vec::new();
    for (id, chosen) in &solution.chosen {
        if problem.locked.get(id) != Some(&chosen.version) {
            continue;
        }
        for (target, requirement) in &chosen.info.recommends {
            let (Some(now), Some(before)) = (solution.chosen.get(target), problem.locked.get(target)) else { continue };
            if now.version == *before {
                continue;
            }
            let scheme = schemes.of(target, site.elements.get(target), now.info.scheme.as_deref())?;
            if !scheme.requirement(requirement)?.matches(&now.version) {
                outgrown.push(id.clone());
                break;
            }
        }
    }
    Ok(outgrown)
}

fn refuse(misfit: &Misfit, site: &WantedSite, frozen: bool) -> Error {
    let flag = if frozen { "--frozen" } else { "--locked" };
    let mut error = Error::new(ErrorKind::Lock, format!("greffon.lock does not fit greffon.toml for site `{}`, and {flag} forbids to change it", site.name))
        .note(misfit.why.clone());
    if let Some(origin) = &misfit.origin {
        error = at_origin(error, origin, "", &misfit.why);
    }
    error.hint(format!("run `greffon lock` and look at what it changes, or leave {flag} off"))
}

/// Which locked versions of a site may move: an update of chosen sites leaves the others alone.
fn choice<'a>(request: &'a PlanRequest, site: &WantedSite) -> &'a UpdateChoice {
    if request.only.is_empty() || request.only.contains(&site.name) { &request.update } else { &UpdateChoice::Keep }
}

/// The question to the solver.
fn problem(request: &PlanRequest, site: &WantedSite, earlier: &[(String, Vec<Resolved>)]) -> Problem {
    let mut roots: Vec<Root> = site
        .elements
        .values()
        .map(|element| Root {
            id: element.id.clone(),
            requirement: element.requirement.clone(),
            optional: element.optional.clone(),
            origin: element.origin.clone(),
        })
        .collect();
    // What the others are to suit.
    roots.sort_by_key(|root| root.id.kind() != "core");
    let mut locked: BTreeMap<ElementId, Version> = BTreeMap::new();
    let mut free = BTreeSet::new();
    let mut elsewhere: BTreeMap<ElementId, Vec<Version>> = BTreeMap::new();
    let mut prefer = |id: &ElementId, version: &Version| {
        let versions = elsewhere.entry(id.clone()).or_default();
        if !versions.contains(version) {
            versions.push(version.clone());
        }
    };
    let update = choice(request, site);
    let moved = |name: &str| *update == UpdateChoice::Keep || request.only.is_empty() || request.only.iter().any(|only| only == name);
    for one in earlier.iter().filter(|(name, _)| moved(name)).flat_map(|(_, resolution)| resolution) {
        prefer(&one.id, &one.pin.version);
    }
    if *update != UpdateChoice::All {
        for key in request.lock.elements.keys() {
            if let Some((pin, entry)) = request.lock.entry(&site.name, &key.id)
                && site.elements.get(&key.id).is_none_or(|wanted| other_source(wanted, entry).is_none())
            {
                locked.insert(key.id.clone(), pin.version.clone());
            }
            prefer(&key.id, &key.pin.version);
        }
    }
    if let UpdateChoice::These(these) = update {
        for (id, to) in these {
            free.insert(id.clone());
            elsewhere.remove(id);
            if let Some(to) = to {
                narrow(&mut roots, id, to);
            }
        }
    }
    Problem { site: site.name.clone(), roots, locked, free, elsewhere, time_limit: super::TIME_LIMIT }
}

/// One version goes before what the manifest says (which was seen to allow it); a range holds beside it.
fn narrow(roots: &mut Vec<Root>, id: &ElementId, to: &Requirement) {
    let origin = Origin { file: "`--to`".into(), ..Origin::default() };
    match roots.iter_mut().find(|root| root.id == *id) {
        Some(root) => {
            let alone = root.requirement.as_str() == "*" || to.as_str().starts_with('=');
            root.requirement = if alone { to.clone() } else { Requirement::new(format!("{}, {to}", root.requirement)) };
            root.origin = origin;
        }
        None => roots.push(Root { id: id.clone(), requirement: to.clone(), optional: Vec::new(), origin }),
    }
}

fn warnings(sites: &[(String, Vec<Resolved>)]) -> Vec<String> {
    let mut warnings: Vec<String> = Vec::new();
    for (site, resolution) in sites {
        for one in resolution {
            if let Some(why) = &one.locked.yanked {
                warnings.push(format!("{site}: {} {} was withdrawn: {why}", one.id, one.pin.version));
            }
        }
    }
    warnings
}
