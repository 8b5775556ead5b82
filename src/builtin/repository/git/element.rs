//! One element in one git repository: its tags and branches as versions, with the metadata that its code states.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use super::facts::{Fact, Facts};
use super::refs::{Candidate, RefKind, candidates, version_of_tag};
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::manifest::parse_package;
use crate::model::{Download, ElementId, ElementInfo, GitPin, ObjectId, Version};
use crate::roles::{Context, InfoRequest, Installer, Level, RefVersions};
use crate::sys::git::{Source, Want};
use crate::sys::redact;
use crate::sys::stockroom::Stockroom;
use crate::version::Scheme;

/// Beyond this many tags and branches, what the newest tag says decides whether all of them are fetched: where its code states
/// no version, the tags' names are the versions, and a large repository (a core of 700 tags) is not fetched whole to learn it.
const MANY: usize = 64;

/// An element, and the git repository that it comes from. Serves both the repository `git` and elements whose manifest entry
/// says `git = URL`.
#[derive(Debug, Clone)]
pub struct GitElement {
    /// Which element.
    pub id: ElementId,
    /// Its repository.
    pub source: Source,
    /// The folder inside that is the element.
    pub subdir: Option<String>,
    /// Whether gitlinks are fetched with it.
    pub submodules: bool,
    /// Which commits are meant.
    pub pin: GitPin,
    /// How versions are read from the names of tags.
    pub scheme: Arc<dyn Scheme>,
    /// Reads versions from code that has no `[package]`.
    pub installer: Arc<dyn Installer>,
    /// Where objects and what was read from them are kept.
    pub stockroom: Stockroom,
}

/// A candidate, the version that its name says, and the metadata that its code says.
struct Found {
    candidate: Candidate,
    named: Option<Version>,
    info: ElementInfo,
}

impl GitElement {
    /// Every version, newest first, with its metadata and its commit. Of several refs that hold one version a tag wins over a
    /// branch, then the tag that is called like the version, then the newest name.
    ///
    /// Without a pin, a ref whose code states no version is a version only when it is a tag whose name reads as one; a pinned
    /// one always is: its version is then called like the ref. Of a repository of very many refs only the newest tag is read
    /// when its code states no version: the others are then taken by their names.
    ///
    /// # Errors
    /// `NotFound` for a pinned ref or a folder that does not exist, and for a repository without any branch or tag; `Invalid`
    /// where a pinned commit's own `[package]` cannot be used; whatever git fails with.
    pub fn infos(&self, cx: &Context) -> Result<Vec<ElementInfo>> {
        let url = redact(self.source.url());
        let refs = self.source.refs(cx)?;
        if !refs.iter().any(|found| found.name.starts_with("refs/")) {
            return Err(Error::new(ErrorKind::NotFound, format!("`{url}` is empty: it has no branch and no tag"))
                .hint("push a branch or a tag to it, or check the address"));
        }
        let wanted = candidates(&refs, &self.pin, &url)?;
        let offered: BTreeSet<ObjectId> = refs.iter().map(|found| found.commit).chain(wanted.iter().map(|candidate| candidate.commit)).collect();
        let mut facts =
            Facts::load(&self.stockroom, self.source.url(), self.subdir.as_deref(), &self.id, &*self.installer, self.pin == GitPin::Version && !cx.refresh());
        let many = self.pin == GitPin::Version && wanted.len() > MANY;
        let names = many && self.installer.ref_versions(self.id.kind()) == RefVersions::Names;
        let probe = if many && self.installer.ref_versions(self.id.kind()) == RefVersions::Probe { self.newest_by_name(&wanted) } else { None };
        let silent = match probe {
            Some(probe) => {
                self.learn(cx, &mut facts, std::slice::from_ref(&probe))?;
                facts.get(probe.commit, &probe.reference) == Some(&Fact::Silent)
            }
            None => false,
        };
        let by_name = names || silent;
        if names {
            let text = format!("{}: the names of {} tags and branches of `{url}` are versions; each would be a large download", self.id, wanted.len());
            cx.log(Level::Detail, text);
        } else if silent {
            let text = format!("{}: the newest of {} tags and branches of `{url}` states no version, so the tags' names are versions", self.id, wanted.len());
            cx.log(Level::Detail, text);
        } else {
            self.learn(cx, &mut facts, &wanted)?;
        }
        // Also where a fact happens to be known: what this machine read earlier must not change the answer.
        let fact = |candidate: &Candidate| if by_name { Some(Fact::Silent) } else { facts.get(candidate.commit, &candidate.reference).cloned() };
        let known: Vec<(Candidate, Fact)> = wanted.into_iter().filter_map(|candidate| fact(&candidate).map(|fact| (candidate, fact))).collect();
        facts.save(&offered)?;
        let found = self.usable(cx, known, &url, names)?;
        Ok(self.one_a_version(found))
    }

    /// What the code at one commit says of itself, fetched where it is not here yet; `None`: nothing that can be used.
    ///
    /// # Errors
    /// Whatever git fails with.
    pub fn at(&self, cx: &Context, want: &Want) -> Result<Option<ElementInfo>> {
        self.source.fetch(cx, std::slice::from_ref(want))?;
        self.stockroom.objects().refresh()?;
        let (reference, short) = (want.reference.clone().unwrap_or_else(|| want.commit.to_string()), want.commit.short());
        let name = reference.strip_prefix("refs/heads/").or_else(|| reference.strip_prefix("refs/tags/")).unwrap_or(&short).to_owned();
        let candidate = Candidate { kind: RefKind::Commit, reference, name, commit: want.commit, default: false };
        match self.read(cx, &candidate)? {
            Fact::Info(info) => Ok(Some(*info)),
            Fact::Silent | Fact::Absent | Fact::Faulty(_) | Fact::Torn { .. } => Ok(None),
        }
    }

    /// The tag whose name reads as the newest version.
    fn newest_by_name(&self, all: &[Candidate]) -> Option<Candidate> {
        let named = all.iter().filter(|candidate| candidate.kind == RefKind::Tag);
        let named = named.filter_map(|candidate| version_of_tag(&candidate.name, self.id.name(), &*self.scheme).map(|version| (version, candidate)));
        named.max_by(|a, b| self.scheme.compare(&a.0, &b.0).then_with(|| b.1.name.cmp(&a.1.name))).map(|(_, candidate)| candidate.clone())
    }

    /// Fetches and reads what is not known yet.
    fn learn(&self, cx: &Context, facts: &mut Facts, candidates: &[Candidate]) -> Result<()> {
        let mut remembered: Vec<&str> = Vec::new();
        let mut missing: Vec<Candidate> = Vec::new();
        for candidate in candidates {
            match facts.get(candidate.commit, &candidate.reference) {
                None => missing.push(candidate.clone()),
                Some(Fact::Torn { .. }) => remembered.push(&candidate.name),
                Some(_) => {}
            }
        }
        if let Some(first) = remembered.first() {
            let url = redact(self.source.url());
            let which =
                if remembered.len() == 1 { format!("`{first}`") } else { format!("{} of the tags and branches, the first is `{first}`,", remembered.len()) };
            cx.log(Level::Warning, format!("{}: {which} could not be had of `{url}` within the last hour, and is left out (`--refresh` asks again)", self.id));
        }
        let (count, mut read) = (candidates.len(), 0);
        let mut torn = None;
        let others = missing.len() < candidates.len();
        for candidate in self.bring(cx, facts, missing, others)? {
            cx.check()?;
            match self.read(cx, &candidate) {
                Ok(fact) => {
                    read += 1;
                    facts.insert(candidate.commit, &candidate.reference, fact);
                }
                // What the stock holds damaged comes anew; what comes damaged from a repository here will not.
                Err(error) if error.is_by_damage() && !self.source.is_local() => return Err(error),
                // What is damaged in one of many is no reason to know of none.
                Err(error) if error.kind() == ErrorKind::Git && self.pin == GitPin::Version && count > 1 => {
                    self.left_out(cx, &candidate.name, &error);
                    torn = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        match torn {
            Some(error) if read == 0 && candidates.iter().all(|candidate| facts.get(candidate.commit, &candidate.reference).is_none()) => Err(error),
            _ => Ok(()),
        }
    }

    /// Fetches what is not here yet; offline, gives what of it is here all the same. `others`: some are known already.
    fn bring(&self, cx: &Context, facts: &mut Facts, missing: Vec<Candidate>, others: bool) -> Result<Vec<Candidate>> {
        if missing.is_empty() {
            return Ok(missing);
        }
        let readable = if cx.offline() && self.pin == GitPin::Version {
            let count = missing.len();
            let here: Vec<Candidate> = missing.into_iter().filter(|candidate| self.source.has(candidate.commit)).collect();
            cx.log(Level::Detail, format!("{}: offline, {} of {count} tags and branches are here", self.id, here.len()));
            here
        } else {
            let wants: Vec<Want> = missing.iter().map(Candidate::want).collect();
            if self.pin == GitPin::Version {
                let failed = match self.source.fetch_most(cx, &wants) {
                    // It was left out when the others were read, and is still torn.
                    Err(error) if others && matches!(error.kind(), ErrorKind::Git | ErrorKind::NotFound) => {
                        wants.iter().map(|want| (want.clone(), Error::new(error.kind(), error.message()))).collect()
                    }
                    failed => failed?,
                };
                for (want, error) in &failed {
                    let named = missing.iter().find(|candidate| candidate.commit == want.commit);
                    let why = self.left_out(cx, named.map_or("?", |candidate| candidate.name.as_str()), error);
                    for candidate in missing.iter().filter(|candidate| error.kind() != ErrorKind::Network && candidate.commit == want.commit) {
                        facts.torn(candidate.commit, &candidate.reference, why.clone());
                    }
                }
                missing.into_iter().filter(|candidate| !failed.iter().any(|(want, _)| want.commit == candidate.commit)).collect()
            } else {
                self.source.fetch(cx, &wants)?;
                missing
            }
        };
        self.stockroom.objects().refresh()?;
        Ok(readable)
    }

    /// A tag or branch of many that cannot be had is told, and the others serve. Gives the reason.
    fn left_out(&self, cx: &Context, name: &str, error: &Error) -> String {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let why = format!("{error}{cause}");
        cx.log(Level::Warning, format!("{}: `{name}` of `{}` is left out: {why}", self.id, redact(self.source.url())));
        why
    }

    /// What the code at a commit says. A fault of what it says is a fact, a fault of git is an error.
    fn read(&self, cx: &Context, candidate: &Candidate) -> Result<Fact> {
        let tree = match self.source.tree(candidate.commit, self.subdir.as_deref()) {
            Ok(tree) => tree,
            Err(error) if error.kind() == ErrorKind::NotFound && self.subdir.is_some() => return Ok(Fact::Absent),
            Err(error) => return Err(error),
        };
        if let Some(bytes) = self.source.read(tree, "greffon.toml")? {
            let package = String::from_utf8(bytes)
                .map_err(|_| Error::new(ErrorKind::Manifest, "its `greffon.toml` is not UTF-8"))
                .and_then(|text| parse_package(Path::new("greffon.toml"), &text));
            match package {
                Ok(Some(package)) if package.info.id == self.id => {
                    let published = self.source.time(candidate.commit);
                    return Ok(Fact::Info(Box::new(ElementInfo { published: package.info.published.clone().or(published), ..package.info })));
                }
                Ok(Some(package)) => return Ok(Fact::Faulty(format!("its `greffon.toml` says that it is `{}`", package.info.id))),
                Ok(None) => {}
                Err(error) => return Ok(Fact::Faulty(error.to_string())),
            }
        }
        let request = InfoRequest { id: self.id.clone(), tree, reference: Some(candidate.name.clone()) };
        match self.installer.info(cx, &request) {
            Ok(Some(mut info)) => {
                info.published = info.published.or_else(|| self.source.time(candidate.commit));
                Ok(Fact::Info(Box::new(info)))
            }
            Ok(None) => Ok(Fact::Silent),
            Err(error) if matches!(error.kind(), ErrorKind::Manifest | ErrorKind::Invalid | ErrorKind::Version) => Ok(Fact::Faulty(error.to_string())),
            Err(error) => Err(error).while_doing(|| format!("could not read what {} says of itself at `{}`", self.id, candidate.name)),
        }
    }

    /// The candidates that are versions, with what is known of them.
    /// `names`: the installer says what their names mean.
    fn usable(&self, cx: &Context, known: Vec<(Candidate, Fact)>, url: &str, names: bool) -> Result<Vec<Found>> {
        let pinned = self.pin != GitPin::Version;
        let code = self.installer.ref_versions(self.id.kind()) == RefVersions::Code;
        let mut found = Vec::new();
        let mut faults = Vec::new();
        for (candidate, fact) in known {
            let named = match candidate.kind {
                _ if names => self.installer.version_of_ref(self.id.kind(), &candidate.reference),
                RefKind::Tag => version_of_tag(&candidate.name, self.id.name(), &*self.scheme),
                _ => None,
            };
            let info = match fact {
                Fact::Info(info) => *info,
                Fact::Silent if code && !pinned => continue,
                Fact::Silent => match named.clone().or_else(|| pinned.then(|| Version::new(candidate.name.as_str()))) {
                    Some(version) => ElementInfo::bare(self.id.clone(), version),
                    None => continue,
                },
                Fact::Absent if pinned => {
                    let folder = self.subdir.as_deref().unwrap_or_default();
                    return Err(Error::new(ErrorKind::NotFound, format!("`{url}` has no folder `{folder}` at `{}`", candidate.name)).hint("check `subdir`"));
                }
                Fact::Faulty(why) if pinned => {
                    return Err(Error::new(ErrorKind::Invalid, format!("{} cannot be used at `{}` of `{url}`: {why}", self.id, candidate.name)));
                }
                Fact::Absent | Fact::Torn { .. } => continue,
                Fact::Faulty(why) => {
                    faults.push((candidate.name, why));
                    continue;
                }
            };
            found.push(Found { candidate, named, info });
        }
        if let Some((name, why)) = faults.first() {
            let text = format!("{}: {} of the tags and branches of `{url}` cannot be used, the first is `{name}`: {why}", self.id, faults.len());
            cx.log(if found.is_empty() { Level::Warning } else { Level::Detail }, text);
        }
        Ok(found)
    }

    fn one_a_version(&self, mut found: Vec<Found>) -> Vec<ElementInfo> {
        found.sort_by(|a, b| self.better_first(a, b));
        let mut by_version: IndexMap<Version, ElementInfo> = IndexMap::new();
        for Found { candidate, mut info, .. } in found {
            info.id = self.id.clone();
            info.download = Some(Download::Git {
                git: self.source.url().to_owned(),
                rev: candidate.reference,
                commit: Some(candidate.commit),
                subdir: self.subdir.clone(),
                submodules: self.submodules,
            });
            by_version.entry(info.version.clone()).or_insert(info);
        }
        let mut infos: Vec<ElementInfo> = by_version.into_values().collect();
        infos.sort_by(|a, b| self.scheme.compare(&b.version, &a.version).then_with(|| b.version.cmp(&a.version)));
        infos
    }

    /// Which of two refs that hold one version is the better one.
    fn better_first(&self, a: &Found, b: &Found) -> Ordering {
        let rank = |found: &Found| (found.candidate.kind, found.named.as_ref() != Some(&found.info.version), !found.candidate.default, found.named.is_none());
        let newest = match (&a.named, &b.named) {
            (Some(a), Some(b)) => self.scheme.compare(b, a),
            _ => Ordering::Equal,
        };
        rank(a).cmp(&rank(b)).then(newest).then_with(|| a.candidate.reference.cmp(&b.candidate.reference))
    }
}

impl Candidate {
    /// What to ask the remote for.
    pub(crate) fn want(&self) -> Want {
        let is_ref = self.reference.starts_with("refs/") || self.reference == "HEAD";
        Want { reference: is_ref.then(|| self.reference.clone()), commit: self.commit }
    }
}
