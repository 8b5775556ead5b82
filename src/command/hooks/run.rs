//! Hooks loaded for a site, and run.

use std::cell::RefCell;

use serde_json::Value;

use super::event::{Happening, event};
use super::said::{Said, about, concerned, of_site};
use super::{Moment, data, said};
use crate::command::Workspace;
use crate::command::diff::elements;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::model::{Action, Change, WantedSite};
use crate::roles::wire::Role;
use crate::roles::{Context, Level};
use crate::script::{Facts, Follows, Instance};
use crate::site::{Pending, Site};

/// The hooks of one site, loaded: whatever is wrong with one is told before anything is written.
#[derive(Debug)]
pub struct Hooks<'a> {
    site: &'a WantedSite,
    list: Vec<(Said, Instance)>,
    /// What `data::follows()` does for this site.
    data: Follows,
    /// Those whose before-hooks ended well in this run.
    begun: RefCell<Vec<String>>,
}

impl<'a> Hooks<'a> {
    /// Loads what the manifest says for a site.
    ///
    /// # Errors
    /// Whatever is wrong with a script; `Refused` where it may run programs and nobody trusts the manifest.
    pub fn load(workspace: &Workspace, manifest: &Manifest, site: &'a WantedSite) -> Result<Self> {
        let mut list = Vec::new();
        for said in of_site(manifest, &site.name) {
            if let Some(user) = said.run_as.as_deref().filter(|user| !is_user(user)) {
                let error = Error::new(ErrorKind::Manifest, format!("`run-as` names no user: `{}`", user.escape_debug()));
                return Err(said.named.place.iter().cloned().fold(error, Error::at));
            }
            let instance = workspace.extensions.script(&said.named, Role::Hook, said.with.clone())?;
            let has = instance.script().has(&said.moment.function());
            if said.maybe && !has {
                continue;
            }
            if !has {
                let error = Error::new(ErrorKind::Extension, format!("the hook `{}` has no function `{}`", said.named.target, said.moment.function()))
                    .hint(format!("write `fn {}(event, host)`", said.moment.function()));
                return Err(said.named.place.iter().cloned().fold(error, Error::at));
            }
            list.push((said, instance));
        }
        let data = data::follows(workspace, site)?;
        Ok(Self { site, list, data, begun: RefCell::default() })
    }

    /// The hooks that these changes would start, in order.
    #[must_use]
    pub fn titles(manifest: &Manifest, site: &str, changes: &[Change]) -> Vec<String> {
        if changes.is_empty() {
            return Vec::new();
        }
        let all = of_site(manifest, site);
        let fitting = all.iter().filter(|said| match said.moment {
            Moment::BeforeRollback | Moment::AfterRollback | Moment::OnFailure | Moment::Purge => false,
            _ => concerned(said, changes),
        });
        let mut titles = Vec::new();
        for said in fitting {
            let title = if said.maybe { format!("around {}", said.named.target) } else { said.title() };
            if !titles.contains(&title) {
                titles.push(title);
            }
        }
        titles
    }

    /// Whether a hook of the site runs when this element is removed: it may be the application's uninstall.
    #[must_use]
    pub fn have_part_in_removal(manifest: &Manifest, site: &str, change: &Change) -> bool {
        let part = |said: &Said| said.moment == Moment::Purge || (!said.maybe && matches!(said.moment, Moment::BeforeRemove | Moment::AfterRemove));
        of_site(manifest, site).iter().any(|said| part(said) && about(said, change))
    }

    /// The site's name.
    #[must_use]
    pub fn site_name(&self) -> &str {
        &self.site.name
    }

    /// Whether there are any of a moment.
    #[must_use]
    pub fn has(&self, moment: Moment) -> bool {
        self.list.iter().any(|(said, _)| said.moment == moment)
    }

    /// The titles of the hooks of a moment.
    #[must_use]
    pub fn titles_of(&self, moment: Moment) -> Vec<String> {
        self.list.iter().filter(|(said, _)| said.moment == moment).map(|(said, _)| said.title()).collect()
    }

    /// Has the data of removed elements destroyed.
    ///
    /// # Errors
    /// The first hook that failed.
    pub fn purge(&self, cx: &Context, happening: &Happening) -> Result<()> {
        let changes = happening.changes.iter().filter(|change| goes_with_its_data(change)).cloned().collect();
        let purged = Happening { changes, ..happening.clone() };
        for (said, instance) in self.list.iter().filter(|(said, _)| said.moment == Moment::Purge) {
            self.run_one(cx, said, instance, &purged, 0).map_err(|error| {
                error
                    .wrap(format!("the hook `{}` could not destroy data of site `{}`", said.title(), self.site.name))
                    .note("no file was changed")
                    .hint(format!("mend the cause and run it again, or leave the data with `--if-removed keep-data`: `greffon sync --site {}`", self.site.name))
            })?;
        }
        Ok(())
    }

    /// Of what waits from a sync, what is not done otherwise by hooks of a rollback.
    #[must_use]
    pub fn left_after_rollback(&self, hooks: Vec<String>) -> Vec<String> {
        let of = |title: &String| self.list.iter().find(|(said, _)| said.title() == *title).map(|(said, _)| said.named.target.clone());
        let goes_back = |target: &String| self.list.iter().any(|(said, _)| said.moment == Moment::AfterRollback && said.named.target == *target);
        hooks.into_iter().filter(|title| title.starts_with(Moment::AfterRollback.key()) || !of(title).is_some_and(|target| goes_back(&target))).collect()
    }

    /// Runs the before-hooks of these moments; the first that throws is a veto.
    ///
    /// # Errors
    /// `Refused` with the hook's reason.
    pub fn before(&self, cx: &Context, moments: &[Moment], happening: &Happening) -> Result<()> {
        for moment in moments {
            for (said, instance) in self.list.iter().filter(|(said, _)| said.moment == *moment) {
                self.run_one(cx, said, instance, happening, 0)
                    .map_err(|error| refused(error, &format!("the hook `{}` did not let site `{}` change", said.named.target, self.site.name)))?;
                self.begun.borrow_mut().push(said.named.target.clone());
            }
        }
        Ok(())
    }

    /// The titles of the after-hooks of these moments that the changes concern: what becomes pending.
    #[must_use]
    pub fn waiting(&self, moments: &[Moment], changes: &[Change]) -> Vec<String> {
        let mut titles = Vec::new();
        for moment in moments {
            titles.extend(self.list.iter().filter(|(said, _)| said.moment == *moment && concerned(said, changes)).map(|(said, _)| said.title()));
        }
        titles
    }

    /// Records the hooks as pending, runs them one after the other, and takes each off as it ends well. `later` stay pending and are
    /// not run.
    ///
    /// # Errors
    /// The first that failed; it and those after it stay pending.
    pub fn after(&self, cx: &Context, site: &Site, mut pending: Pending, later: &[String], happening: &Happening) -> Result<()> {
        pending.attempt += 1;
        let all = |pending: &Pending| Pending { hooks: pending.hooks.iter().chain(later).cloned().collect(), ..pending.clone() };
        while let Some(title) = pending.hooks.first().cloned() {
            site.set_pending(cx, Some(&all(&pending)))?;
            match self.list.iter().find(|(said, _)| said.title() == title) {
                Some((said, instance)) => {
                    let changes = pending.changes.get(&title).unwrap_or(&happening.changes).clone();
                    let told = Happening { changes, ..happening.clone() };
                    self.run_one(cx, said, instance, &told, pending.attempt).map_err(|error| self.failed(error, said, pending.generation))?;
                }
                None => cx.log(
                    Level::Warning,
                    format!("the hook `{title}` of site `{}` was pending and is no longer in greffon.toml: it is left out", self.site.name),
                ),
            }
            pending.hooks.remove(0);
            pending.changes.remove(&title);
        }
        let left = all(&pending);
        site.set_pending(cx, Some(&left).filter(|left| !left.hooks.is_empty()))
    }

    /// Runs the hooks `on-failure`; what they fail with is told and nothing more.
    pub fn on_failure(&self, cx: &Context, happening: &Happening, error: &Error) {
        for (said, instance) in self.list.iter().filter(|(said, _)| said.moment == Moment::OnFailure) {
            let mut event = event(Moment::OnFailure, self.site, happening, None);
            event["error"] = Value::from(error.message());
            event["begun"] = Value::from(self.begun.borrow().contains(&said.named.target));
            if let Err(error) = self.at(said, instance, 0).ask(cx, &Moment::OnFailure.function(), event) {
                cx.log(Level::Warning, format!("the hook `{}` failed: {error}", said.title()));
            }
        }
    }

    fn run_one(&self, cx: &Context, said: &Said, instance: &Instance, happening: &Happening, attempt: u32) -> Result<()> {
        let configured = self.at(said, instance, attempt);
        let function = said.moment.function();
        if said.moment.is_each() {
            for change in happening.changes.iter().filter(|change| about(said, change)) {
                configured.ask(cx, &function, event(said.moment, self.site, happening, Some(change)))?;
            }
        } else if concerned(said, &happening.changes) {
            configured.ask(cx, &function, event(said.moment, self.site, happening, None))?;
        }
        Ok(())
    }

    fn at(&self, said: &Said, instance: &Instance, attempt: u32) -> Instance {
        let facts = Facts {
            name: said.named.target.clone(),
            role: Role::Hook.word().to_owned(),
            options: said.with.clone(),
            attempt,
            run_as: said.run_as.clone(),
            as_self: said.as_self.clone(),
            data: Some(self.data.clone()),
        };
        instance.at_site(&self.site.path, facts)
    }

    fn failed(&self, error: Error, said: &Said, generation: u64) -> Error {
        error
            .wrap(format!("the hook `{}` of site `{}` failed", said.title(), self.site.name))
            .note(format!("the files are in place as generation {generation}; the hook and those after it are pending"))
    }
}

/// Whether a text can be a user's name.
fn is_user(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '$'))
}

/// Whether it was agreed that an element's data go with it.
pub(super) fn goes_with_its_data(change: &Change) -> bool {
    change.action == Action::Remove && change.destructive
}

/// A veto keeps what the script said as its first line.
fn refused(error: Error, what: &str) -> Error {
    if error.kind() == ErrorKind::Interrupted {
        return error;
    }
    let said = error.message().to_owned();
    let mut out = Error::new(ErrorKind::Refused, what.to_owned()).note("nothing was changed");
    for excerpt in error.excerpts() {
        out = out.at(excerpt.clone());
    }
    for hint in error.hints() {
        out = out.hint(hint.clone());
    }
    out = out.note(format!("it said: {said}"));
    out.caused_by(error)
}

/// What the generation in place changed against the one before it: what its pending hooks are told.
///
/// # Errors
/// `Site`, `Io`.
pub(super) fn happened(site: &Site, reason: &str) -> Result<Happening> {
    let Some(current) = site.current()? else { return Ok(Happening::default()) };
    let before = site.generations()?.into_iter().filter(|generation| generation.number < current.number).max_by_key(|generation| generation.number);
    let changes = match &before {
        Some(before) => elements(before, &current),
        None => current
            .grafts
            .iter()
            .map(|graft| Change {
                action: Action::Add,
                id: graft.id.clone(),
                from: None,
                to: Some(graft.version.to_string()),
                destructive: false,
                repository: None,
            })
            .collect(),
    };
    Ok(Happening {
        changes,
        generation: Some(current.number),
        from: before.as_ref().map(|before| before.number),
        after: current.grafts,
        before: before.map(|before| before.grafts).unwrap_or_default(),
        reason: reason.to_owned(),
        ..Happening::default()
    })
}

/// Whether the manifest says any hook for a site.
pub(super) fn any(manifest: &Manifest, site: &str) -> bool {
    !said::of_site(manifest, site).is_empty()
}
