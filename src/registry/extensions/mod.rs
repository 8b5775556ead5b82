//! Scripts and extensions of a manifest: found, granted what the manifest and the user allow, loaded once each.
//!
//! What an extension may do is: `allow` of `[extensions.NAME]` and of its own `use`, and what this user allowed on this machine
//! (`trust`). The lockfile holds its hash and grants nothing. A script inside the manifest's folder keeps its grants when it is
//! edited; one that came from elsewhere and is no longer the locked one is asked about again.

mod asking;
mod dialogues;
mod elements;
mod libraries;
mod roles;
mod trust;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};

use asking::Answer;
pub use elements::{Fetched, Seen};
pub use libraries::Library;
pub use trust::Trust;

use crate::error::{Error, ErrorKind, Excerpt, Result};
use crate::manifest::{Manifest, UseKind, UseSpec};
use crate::model::Source as From;
use crate::roles::Context;
use crate::roles::wire::Role;
use crate::script::{Allowed, Grants, Limits, Script, Source};
use crate::sys::fs::ground::real_path;
use crate::sys::places;

/// The extensions of one manifest.
#[derive(Debug)]
pub struct Extensions {
    manifest: PathBuf,
    base: PathBuf,
    /// `[extensions]`, as written.
    table: Map<String, Value>,
    /// Name → hash, as locked.
    locked: BTreeMap<String, String>,
    cx: Context,
    used: Mutex<BTreeMap<(String, Role), Used>>,
    /// Name → hash of everything the manifest names, loaded or not.
    hashes: BTreeMap<String, String>,
    /// Extensions that are elements, by name.
    elements: BTreeMap<String, Fetched>,
    /// Name → what was written into the manifest since it was read.
    written: Mutex<BTreeMap<String, Grants>>,
}

/// An extension in use, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Used {
    /// Its name.
    pub name: String,
    /// What it serves as.
    pub role: Role,
    /// Where it lies.
    pub path: PathBuf,
    /// The digest of its files.
    pub hash: String,
    /// What it may do.
    pub allow: Grants,
    /// What it asks for and may not.
    pub missing: Grants,
    /// Its version, where it says one.
    pub version: Option<String>,
    /// One line of its author's.
    #[serde(skip)]
    pub summary: Option<String>,
    /// The element that it is, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// How it stands with this user's trust.
    pub trust: Standing,
    /// What it is now, to be kept where it is trusted.
    #[serde(skip)]
    pub seen: Seen,
    /// Whether it is a script without an `extension.toml`.
    #[serde(skip)]
    pub bare: bool,
    /// Whether it lies beside the manifest, and keeps its grants when it is edited.
    #[serde(skip)]
    pub local: bool,
}

/// How an extension stands with the trust of this user on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It lies beside the manifest and is trusted as the manifest is.
    Local,
    /// This user trusts these bytes.
    Trusted,
    /// This user was never asked.
    New,
    /// This user, or the lockfile, knows it with other bytes: it is asked about again.
    Changed,
}

/// A script or an extension as a manifest names it.
#[derive(Debug, Clone)]
pub struct Named {
    /// `script` or `extension`.
    pub kind: UseKind,
    /// A path, or a name.
    pub target: String,
    /// `allow` where it is named.
    pub allow: Option<Value>,
    /// Where it is named.
    pub place: Option<Excerpt>,
}

impl Named {
    fn of(spec: &UseSpec) -> Self {
        Self { kind: spec.kind, target: spec.target.clone(), allow: spec.options.get("allow").cloned(), place: spec.place.clone() }
    }

    /// A scheme as `[config.schemes]` names it; `None` for one that ships.
    fn scheme(text: &str) -> Option<Self> {
        let (kind, target) = text.split_once(':')?;
        let kind = match kind {
            "script" => UseKind::Script,
            "extension" => UseKind::Extension,
            _ => return None,
        };
        Some(Self { kind, target: target.to_owned(), allow: None, place: None })
    }

    fn at(&self, error: Error) -> Error {
        match &self.place {
            Some(place) => error.at(place.clone()),
            None => error,
        }
    }
}

impl Extensions {
    /// Of this manifest; `locked` are the hashes that its lockfile holds. Reads nothing yet.
    #[must_use]
    pub fn new(manifest: &Manifest, locked: BTreeMap<String, String>, cx: Context) -> Self {
        let path = real_path(&manifest.path).unwrap_or_else(|_| manifest.path.clone());
        let base = path.parent().map(Path::to_owned).unwrap_or_default();
        let table = manifest.extensions.as_object().cloned().unwrap_or_default();
        Self { manifest: path, base, table, locked, cx, used: Mutex::default(), hashes: BTreeMap::new(), elements: BTreeMap::new(), written: Mutex::default() }
    }

    /// The same, with extensions that are elements.
    #[must_use]
    pub fn with_elements(mut self, elements: Vec<Fetched>) -> Self {
        let real = |one: Fetched| Fetched { folder: real_path(&one.folder).unwrap_or(one.folder), ..one };
        self.elements = elements.into_iter().map(real).map(|one| (one.name.clone(), one)).collect();
        self
    }

    /// Every extension that was loaded so far, by name.
    #[must_use]
    pub fn used(&self) -> Vec<Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Name → hash of what the manifest names, for the lockfile.
    #[must_use]
    pub fn hashes(&self) -> BTreeMap<String, String> {
        self.hashes.clone()
    }

    /// Looks at what a manifest names as extensions, in roles and (`hooks`) elsewhere; runs and asks nothing. What cannot be read
    /// is left out: loading it tells why.
    ///
    /// # Errors
    /// When what the user allowed cannot be read.
    pub fn survey(&mut self, manifest: &Manifest, hooks: &[Named]) -> Result<Vec<Used>> {
        let config = &manifest.config;
        let one = |spec: &Option<UseSpec>, role: Role| spec.iter().map(|spec| (Named::of(spec), role)).collect::<Vec<_>>();
        let mut all = one(&config.client, Role::Client);
        all.extend(one(&config.stock, Role::Stock));
        all.extend(one(&config.downloader, Role::Downloader));
        all.extend(one(&config.installer, Role::Installer));
        all.extend(config.repositories.iter().map(|spec| (Named::of(spec), Role::Repository)));
        all.extend(config.schemes.values().filter_map(|text| Named::scheme(text)).map(|named| (named, Role::Scheme)));
        for wanted in manifest.sites.iter().flat_map(|site| site.elements.values()) {
            if let From::Dialogue { options } = &wanted.source {
                all.extend(Named::dialogue(options).map(|named| (named, Role::Dialogue)));
            }
        }
        all.extend(hooks.iter().map(|named| (named.clone(), Role::Hook)));
        // An index names dialogues too; they are used where the manifest says what they may do.
        for name in self.table.keys().filter(|name| !all.iter().any(|(named, _)| named.target == **name)).cloned().collect::<Vec<_>>() {
            let named = Named { kind: UseKind::Extension, target: name, allow: None, place: None };
            if self.find(&named).is_ok_and(|source| source.role == Some(Role::Dialogue)) {
                all.push((named, Role::Dialogue));
            }
        }
        all.retain(|(named, _)| matches!(named.kind, UseKind::Script | UseKind::Extension));
        self.hashes.extend(Self::pins(manifest));
        for fetched in self.elements.values() {
            if let Ok(source) = Source::read(&fetched.folder) {
                self.hashes.insert(fetched.name.clone(), source.hash.to_string());
            }
        }
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let trust = Trust::read()?;
        let mut found = BTreeMap::new();
        for (named, role) in all {
            let Ok(source) = self.find(&named) else { continue };
            let Ok(said) = self.said(&named, &source) else { continue };
            let allow = said.and(&self.kept(&trust, &source).unwrap_or_default());
            let hash = source.hash.to_string();
            self.hashes.insert(source.name.clone(), hash.clone());
            let missing = source.needs.beyond(&allow);
            let used = self.used_as(&trust, &source, role, allow, missing);
            found.insert((source.name.clone(), role, used.path.clone()), used);
        }
        Ok(found.into_values().collect())
    }

    /// Finds, grants and loads. `partial`: something else serves what the script leaves out.
    ///
    /// # Errors
    /// `NotFound`; `Refused` where the user must be asked and is not there; whatever is wrong with the script.
    pub fn load(&self, named: &Named, role: Role, partial: bool) -> Result<Arc<Script>> {
        let source = self.find(named).map_err(|error| named.at(error))?;
        self.load_source(named, source, role, partial)
    }

    fn load_source(&self, named: &Named, source: Source, role: Role, partial: bool) -> Result<Arc<Script>> {
        if let Some(own) = source.role.filter(|own| *own != role) {
            return Err(named.at(Error::new(ErrorKind::Extension, format!("the extension `{}` serves as {own}, and is named as {role}", source.name))));
        }
        let own = self.table.get(&source.name);
        let limits = Limits::default().with(&source.limits, false)?;
        let limits = match own.and_then(|own| own.get("limits")).and_then(Value::as_object) {
            Some(table) => limits.with(table, true).map_err(|error| error.wrap(format!("`limits` of `[extensions.{}]`", source.name)))?,
            None => limits,
        };
        let grants = self.grants(named, &source)?;
        let used = self.used_as(&Trust::default(), &source, role, grants.clone(), source.needs.beyond(&grants));
        let allowed = Allowed {
            name: source.name.clone(),
            grants,
            base: self.base.clone(),
            extension: source.folder.clone(),
            site: None,
            own_read: Vec::new(),
            own_write: Vec::new(),
        };
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert((used.name.clone(), role), used);
        Script::load(source, role, partial, allowed, limits).map_err(|error| named.at(error))
    }

    fn used_as(&self, trust: &Trust, source: &Source, role: Role, allow: Grants, missing: Grants) -> Used {
        let local = self.is_local(source);
        Used {
            name: source.name.clone(),
            role,
            path: source.folder.join(&source.main),
            hash: source.hash.to_string(),
            allow,
            missing,
            version: source.version.clone(),
            summary: source.summary.clone(),
            element: self.element(source).map(|fetched| format!("extensions/{} {}", fetched.name, fetched.version)),
            seen: Seen::of(source),
            trust: self.standing(trust, source, local),
            bare: source.bare,
            local,
        }
    }

    fn standing(&self, trust: &Trust, source: &Source, local: bool) -> Standing {
        let hash = source.hash.to_string();
        if local {
            return Standing::Local;
        }
        if trust.grants(&self.manifest, &source.name, Some(&hash)).is_some() {
            return Standing::Trusted;
        }
        let known = trust.grants(&self.manifest, &source.name, None).is_some();
        if known || self.locked.get(&source.name).is_some_and(|locked| *locked != hash) { Standing::Changed } else { Standing::New }
    }

    /// Whether this user trusts the manifest on this machine.
    ///
    /// # Errors
    /// When what the user allowed cannot be read.
    pub fn is_trusted(&self) -> Result<bool> {
        Ok(Trust::read()?.has_manifest(&self.manifest))
    }

    fn find(&self, named: &Named) -> Result<Source> {
        match named.kind {
            UseKind::Script => Source::read(&self.base.join(&named.target)),
            _ => {
                if let Some(found) = self.find_element(&named.target) {
                    return found;
                }
                let mut places = vec![self.base.join("extensions").join(&named.target)];
                places.extend(places::extension_folders().into_iter().map(|folder| folder.join(&named.target)));
                match places.iter().find(|place| Source::is_extension(place)) {
                    Some(place) => Source::read(place),
                    None => Err(Error::new(ErrorKind::NotFound, format!("there is no extension `{}`", named.target.escape_debug()))
                        .note(format!("looked for in {}", places.iter().map(|place| format!("`{}`", place.display())).collect::<Vec<_>>().join(", ")))
                        .hint(format!(
                            "add it as an element: `greffon add extensions/{} --git URL` (or `--path`, `--url`, or from a repository)",
                            named.target.escape_debug()
                        ))
                        .hint("or put its folder there, or name a path: `use = \"script:PATH\"`")),
                }
            }
        }
    }

    /// What the manifest and the user allow it; on a terminal the user is asked for the rest.
    fn grants(&self, named: &Named, source: &Source) -> Result<Grants> {
        let (name, hash) = (&source.name, source.hash.to_string());
        let said = self.said(named, source)?;
        let local = self.is_local(source);
        let element = self.element(source).is_some();
        if said.is_empty() && source.needs.is_empty() && !element {
            return Ok(said);
        }
        let mut trust = Trust::read()?;
        self.require_yes(named, source, &said, &mut trust)?;
        let kept = self.kept(&trust, source);
        let changed = !local && !element && kept.is_none() && self.locked.get(name).is_some_and(|locked| *locked != hash);
        if changed {
            self.ask(&format!("the extension `{name}` is no longer the one that was locked; it may {}. Let it?", said.words()), || {
                named.at(Error::new(ErrorKind::Refused, format!("the extension `{name}` is no longer the one that was locked"))
                    .note(format!("it would be allowed to {}", said.words()))
                    .hint("look at what changed in it; `greffon trust` allows it as it is now"))
            })?;
            trust.allow(&self.manifest, name, &hash, &Grants::default());
            trust.write()?;
        }
        let mut granted = said.and(&kept.unwrap_or_default());
        let missing = source.needs.beyond(&granted);
        if !missing.is_empty() && self.cx.prompter().is_present() {
            let answer = self.choose(&format!("the extension `{name}` wants to {}. Let it?", missing.words()))?;
            match answer {
                Answer::No => {}
                Answer::Here => {
                    trust.allow(&self.manifest, name, &hash, &missing);
                    trust.write()?;
                }
                Answer::Everybody => self.write_allow(name, &missing)?,
            }
            if answer != Answer::No {
                granted = granted.and(&missing);
            }
        }
        if !granted.run.is_empty() {
            self.require_trust(&format!(
                "the extension `{name}` may run {}",
                granted.run.iter().map(|program| format!("`{program}`")).collect::<Vec<_>>().join(", ")
            ))
            .map_err(|error| named.at(error))?;
        }
        Ok(granted)
    }

    /// What the manifest allows it.
    fn said(&self, named: &Named, source: &Source) -> Result<Grants> {
        let name = &source.name;
        let mut said = self.written.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default();
        if let Some(allow) = self.table.get(name).and_then(|own| own.get("allow")) {
            said = said.and(&Grants::read(&format!("`allow` of `[extensions.{name}]`"), allow)?);
        }
        if let Some(allow) = &named.allow {
            said = said.and(&Grants::read(&format!("`allow` of the extension `{name}`"), allow).map_err(|error| named.at(error))?);
        }
        Ok(said)
    }

    /// What this user allowed it: whatever its bytes where it lies beside the manifest, else for these alone.
    fn kept(&self, trust: &Trust, source: &Source) -> Option<Grants> {
        let hash = source.hash.to_string();
        let local = self.is_local(source);
        trust.grants(&self.manifest, &source.name, (!local).then_some(hash.as_str()))
    }

    /// Fails where this user never said that this manifest may run programs; asks on a terminal. `why` is what it would do.
    ///
    /// # Errors
    /// `Refused` with the hint `greffon trust`.
    pub fn require_trust(&self, why: &str) -> Result<()> {
        let mut trust = Trust::read()?;
        if trust.has_manifest(&self.manifest) {
            return Ok(());
        }
        self.ask(&format!("`{}` was never run by you on this machine, and {why}. Trust it?", self.manifest.display()), || {
            Error::new(ErrorKind::Refused, format!("`{}` is not trusted on this machine", self.manifest.display()))
                .note(why.to_owned())
                .hint("if you know what it runs, say so once with `greffon trust`")
        })?;
        trust.set_manifest(&self.manifest, true);
        trust.write()
    }

    /// Trusts the manifest, and these extensions as they are now; `all`: with what they ask for beyond the manifest's `allow`.
    ///
    /// # Errors
    /// `Io`.
    pub fn trust(&self, extensions: &[Used], all: bool) -> Result<()> {
        let mut trust = Trust::read()?;
        trust.set_manifest(&self.manifest, true);
        for used in extensions.iter().filter(|used| !used.local || (all && !used.missing.is_empty())) {
            trust.allow(&self.manifest, &used.name, &used.hash, &if all { used.missing.clone() } else { Grants::default() });
            trust.see(&self.manifest, &used.name, used.seen.clone());
        }
        trust.write()
    }

    /// Forgets everything that was trusted of the manifest.
    ///
    /// # Errors
    /// `Io`.
    pub fn forget(&self) -> Result<()> {
        let mut trust = Trust::read()?;
        trust.forget(&self.manifest);
        trust.write()
    }

    /// The manifest's real path.
    #[must_use]
    pub fn manifest(&self) -> &Path {
        &self.manifest
    }
}
