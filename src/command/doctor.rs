//! `doctor`: is everything here that greffon needs, and in order?

use serde::Serialize;

use super::{Globals, Machine, Workspace};
use crate::error::{Error, ErrorKind};
use crate::model::{Source, WantedSite};
use crate::roles::{ContextBuilder, Repository, SearchRequest, VersionsRequest};
use crate::site::Presence;
use crate::sys::first_line;
use crate::sys::fs::ground::on_one_file_system;

/// What was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/doctor/1`.
    pub schema: &'static str,
    /// In the order of the check.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// `ok`, `warning` or `failed`.
    pub state: &'static str,
    /// What was found.
    pub found: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Report {
    /// Whether something must be mended.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.checks.iter().any(|check| check.state == "failed")
    }
}

/// Looks at programs, configuration, stock, manifest and sites, and asks the repositories; repairs nothing.
#[must_use]
pub fn run(globals: &Globals, surroundings: ContextBuilder) -> Report {
    let mut checks = vec![good("greffon", env!("CARGO_PKG_VERSION").to_owned()), git()];
    match Workspace::open(globals, surroundings) {
        Ok(workspace) => {
            checks.push(good("manifest", format!("{}, {}", workspace.manifest.path.display(), counted(workspace.manifest.sites.len(), "site"))));
            checks.push(stock(&workspace.machine));
            checks.push(lock(&workspace));
            checks.extend(workspace.roles.repositories.iter().map(|one| repository(&workspace, &**one)));
            checks.extend(workspace.manifest.sites.iter().map(|wanted| site(&workspace, wanted)));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            checks.push(warning("manifest", error.message().to_owned(), "`greffon init` writes one"));
            match Machine::open(globals, ContextBuilder::default(), None, std::path::Path::new("")) {
                Ok(machine) => checks.push(stock(&machine)),
                Err(error) => checks.push(bad("stock", &error)),
            }
        }
        Err(error) => checks.push(bad("manifest", &error)),
    }
    Report { schema: "greffon/doctor/1", checks }
}

fn git() -> Check {
    match first_line(&["git".to_owned(), "--version".to_owned()]) {
        Ok(version) => good("git program", version),
        Err(_) => warning("git program", "not found".to_owned(), "needed for ssh and for servers that libgit2 cannot ask: install git"),
    }
}

fn stock(machine: &Machine) -> Check {
    let path = machine.stockroom.root().display().to_string();
    if machine.stockroom.is_ours_to_write() {
        return good("stock", path);
    }
    let hint = "it can be read, and no site be synced from it: name one of your own with `--stock` or `GREFFON_STOCK`, or let its owner share it with a group";
    warning("stock", format!("{path}, which this user may not write"), hint)
}

fn lock(workspace: &Workspace) -> Check {
    if workspace.lock_conflicted {
        return warning("lockfile", "it holds conflict markers".to_owned(), "`greffon lock` resolves them");
    }
    if workspace.lock_text.is_none() {
        return warning("lockfile", "there is none yet".to_owned(), "`greffon lock` writes it");
    }
    for wanted in &workspace.manifest.sites {
        if let Err(error) = workspace.resolution(wanted) {
            return warning("lockfile", error.message().to_owned(), "`greffon lock` mends it");
        }
    }
    good("lockfile", format!("{}, fits the manifest", counted(workspace.lock.elements.len(), "element")))
}

/// Whether it answers: asked for an element that the manifest wants from it, or else for what it has.
fn repository(workspace: &Workspace, repository: &dyn Repository) -> Check {
    let cx = &workspace.machine.cx;
    if cx.offline() {
        return good("repository", format!("{}: not asked, offline", repository.name()));
    }
    let wanted = workspace.manifest.sites.iter().flat_map(|site| &site.elements).find_map(|(id, wanted)| match &wanted.source {
        Source::Repositories { only } if only.as_deref().is_none_or(|only| only == repository.name()) => Some(id.clone()),
        _ => None,
    });
    let answered = match wanted {
        Some(id) => repository.versions(cx, &VersionsRequest { id }).map(drop),
        None => repository.search(cx, &SearchRequest { text: String::new(), limit: 1 }).map(drop),
    };
    match answered {
        Ok(()) => good("repository", format!("{} answers", repository.name())),
        Err(error) => {
            let check = bad("repository", &error);
            Check { found: format!("{} does not answer: {}", repository.name(), check.found), ..check }
        }
    }
}

/// How files can come from the stock to a site.
fn ground(workspace: &Workspace, wanted: &WantedSite) -> &'static str {
    match on_one_file_system(&wanted.path, workspace.machine.stockroom.root()) {
        Some(false) => "; on another file system than the stock: files are copied, hard links cannot be had",
        Some(true) | None => "",
    }
}

fn site(workspace: &Workspace, wanted: &WantedSite) -> Check {
    let name = format!("site {}", wanted.name);
    let presence = workspace.site(wanted).and_then(|site| Ok((site.presence()?, site.current()?.map(|generation| generation.number), site.state())));
    match presence {
        Err(error) => bad(&name, &error),
        Ok((Presence::Elsewhere, ..)) => good(&name, "lives on another host".to_owned()),
        Ok((Presence::Absent, ..)) => good(&name, format!("{}: nothing there yet{}", wanted.path.display(), ground(workspace, wanted))),
        Ok((Presence::Foreign, ..)) => {
            warning(&name, format!("{}: files that greffon did not install", wanted.path.display()), "move them away, or choose another path")
        }
        Ok((Presence::Known, generation, state)) => {
            let generation = generation.map_or_else(|| "no generation".to_owned(), |number| format!("generation {number}"));
            good(&name, format!("{generation}, state in {}{}", state.display(), ground(workspace, wanted)))
        }
    }
}

fn good(name: &str, found: String) -> Check {
    Check { name: name.to_owned(), state: "ok", found, hint: None }
}

fn warning(name: &str, found: String, hint: &str) -> Check {
    Check { name: name.to_owned(), state: "warning", found, hint: Some(hint.to_owned()) }
}

fn bad(name: &str, error: &Error) -> Check {
    let mut found = error.message().to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        found.push_str(&format!(": {one}"));
        cause = one.source();
    }
    Check { name: name.to_owned(), state: "failed", found: crate::diagnostic::without_number(found), hint: error.hints().first().cloned() }
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
