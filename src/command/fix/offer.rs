//! Fixes on their way to the user: made in the manifest's text and resolved once more before they are shown, and kept so that
//! `greffon fix N` means what was shown.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::command::Workspace;
use crate::error::{Error, Result};
use crate::manifest::{Manifest, remove_elements, set_requirement};
use crate::model::{Digest, Fix, FixChange, Plan, WantedSite};
use crate::roles::{Level, PlanDepth, UpdateChoice};
use crate::sys::{fs, places};

/// What is kept is no longer than this.
const LONGEST: u64 = 32 << 20;
/// How long the fixes of one conflict are looked at in the manifest.
const PATIENCE: Duration = Duration::from_secs(5);
const SCHEMA: &str = "greffon/fixes/1";

/// The fixes that were shown last for a manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Offered {
    schema: String,
    /// The manifest as it stood.
    manifest: Digest,
    /// The lockfile as it stood.
    lock: Option<Digest>,
    /// The manifest that had the conflict, where it was not the one that stood there (`add`).
    pub(super) edited: Option<String>,
    /// The conflict in one line.
    pub(super) conflict: String,
    /// In the order shown.
    pub(super) fixes: Vec<Fix>,
}

impl Offered {
    /// What an error offers for a manifest of this text.
    pub(super) fn of(workspace: &Workspace, text: &str, error: &Error) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            manifest: Digest::of(workspace.manifest.text.as_bytes()),
            lock: workspace.lock_text.as_deref().map(|text| Digest::of(text.as_bytes())),
            edited: (text != workspace.manifest.text).then(|| text.to_owned()),
            conflict: error.message().to_owned(),
            fixes: error.fixes().to_vec(),
        }
    }

    /// The file that has changed since the fixes were shown.
    pub(super) fn stale(&self, workspace: &Workspace) -> Option<&'static str> {
        if self.manifest != Digest::of(workspace.manifest.text.as_bytes()) {
            return Some("greffon.toml");
        }
        (self.lock != workspace.lock_text.as_deref().map(|text| Digest::of(text.as_bytes()))).then_some("greffon.lock")
    }
}

/// A manifest's text with a fix made.
pub(super) fn edit(path: &Path, text: &str, several_sites: bool, fix: &Fix) -> Result<String> {
    let site = several_sites.then_some(fix.site.as_str());
    fix.changes.iter().try_fold(text.to_owned(), |text, change| match change {
        FixChange::Require { id, to, .. } => set_requirement(path, &text, id, to, site).or_else(|_| set_requirement(path, &text, id, to, None)),
        FixChange::Remove { id, .. } => {
            remove_elements(path, &text, std::slice::from_ref(id), site).or_else(|_| remove_elements(path, &text, std::slice::from_ref(id), None))
        }
    })
}

impl Workspace {
    /// The outcome of resolving a manifest. A conflict offers the fixes that hold in that manifest, for every site that they
    /// touch; they are kept for `greffon fix`.
    pub(in crate::command) fn or_offer(&self, outcome: Result<Plan>, manifest: &Manifest) -> Result<Plan> {
        let error = match outcome {
            Err(error) if !error.fixes().is_empty() => error,
            outcome => return outcome,
        };
        let until = Instant::now() + PATIENCE;
        let mut fixes = error.fixes().to_vec();
        fixes.retain_mut(|fix| self.holds(manifest, fix, until));
        let error = error.offering(fixes);
        if error.fixes().is_empty() {
            return Err(error);
        }
        let kept = self.keep(&Offered::of(self, &manifest.text, &error));
        if let Err(why) = kept {
            self.machine.cx.log(Level::Detail, format!("the fixes could not be kept for `greffon fix`: {why}"));
            return Err(error);
        }
        let hint = if error.fixes().len() == 1 { "`greffon fix 1` makes this change" } else { "`greffon fix N` makes one of these changes" };
        Err(error.fixed_by(format!("{hint}; with `--dry-run` it only shows it")))
    }

    /// Whether a fix helps as it would be written, and harms no other site; says which sites share it.
    fn holds(&self, manifest: &Manifest, fix: &mut Fix, until: Instant) -> bool {
        let several = manifest.sites.len() > 1;
        let edited = edit(&manifest.path, &manifest.text, several, fix).and_then(|text| Manifest::parse(&manifest.path, text));
        let Ok(edited) = edited else { return false };
        // to take back what the command asked for is no way out
        let unknown = |id| !self.manifest.sites.iter().any(|site| site.elements.contains_key(id));
        if edited.text == self.manifest.text || fix.changes.iter().any(|change| matches!(change, FixChange::Remove { id, .. } if unknown(id))) {
            return false;
        }
        let mut shared = Vec::new();
        for site in &edited.sites {
            let before = manifest.sites.iter().find(|before| before.name == site.name);
            let touched = |change: &FixChange| {
                let asks = |site: &WantedSite| site.elements.get(change.id()).map(|element| element.requirement.clone());
                before.is_none_or(|before| asks(before) != asks(site))
            };
            if !fix.changes.iter().any(touched) {
                continue;
            }
            if Instant::now() >= until {
                // the solver has checked it for its own site
                return !several;
            }
            if self.resolves(vec![site.clone()]).is_err() && (site.name == fix.site || before.is_none_or(|before| self.resolves(vec![before.clone()]).is_ok()))
            {
                return false;
            }
            if site.name != fix.site {
                shared.push(site.name.clone());
            }
        }
        let made = |site: &WantedSite| {
            fix.changes.iter().all(|change| match change {
                FixChange::Require { id, to, .. } => site.elements.get(id).is_some_and(|element| element.requirement == *to),
                FixChange::Remove { id, .. } => !site.elements.contains_key(id),
            })
        };
        if !edited.sites.iter().any(|site| site.name == fix.site && made(site)) {
            return false;
        }
        if several {
            fix.text += &match shared.len() {
                0 => format!("; for site {} alone", fix.site),
                1..=4 => format!("; for {} too", shared.join(", ")),
                count => format!("; for {count} other sites too"),
            };
        }
        true
    }

    /// Whether these sites have an answer.
    pub(super) fn resolves(&self, sites: Vec<WantedSite>) -> Result<()> {
        let mut request = self.request(&[], PlanDepth::Resolve, UpdateChoice::Keep);
        request.wanted = sites;
        self.roles.client.plan(&self.machine.cx, &request).map(|_| ())
    }

    /// What was shown last for this manifest.
    pub(super) fn offered(&self) -> Result<Option<Offered>> {
        let text = fs::read_text(&self.kept_at()?, LONGEST)?;
        Ok(text.and_then(|text| serde_json::from_str::<Offered>(&text).ok()).filter(|offered| offered.schema == SCHEMA))
    }

    fn keep(&self, offered: &Offered) -> Result<()> {
        let path = self.kept_at()?;
        if let Some(folder) = path.parent() {
            fs::create_folder(folder)?;
        }
        fs::write_private(&path, serde_json::to_string(offered).unwrap_or_default().as_bytes())
    }

    /// In the user's own folder: a manifest may be nobody else's to read, and a stock is shared.
    fn kept_at(&self) -> Result<PathBuf> {
        let name = Digest::of(self.manifest.path.as_os_str().as_encoded_bytes()).hex();
        Ok(places::data_folder()?.join("fixes").join(format!("{}.json", &name[..32])))
    }
}
