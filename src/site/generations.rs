//! Generations: what a site was, one commit each in `history.git`, read by plain git as well as by us.

use super::journal::Record;
use super::{Generation, Hold, Site};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Graft, ObjectId};
use crate::roles::Context;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::durable;
use crate::sys::git::history::{Commit, History};
use serde::{Deserialize, Serialize};

const FOLDER: &str = "history.git";
/// Stands before a generation's number at the end of its commit's message.
const TRAILER: &str = "Greffon-Generation: ";
const HOLD: &str = "hold";

/// The newest commit and its generation's number.
pub(super) fn head(state: &Dir) -> Result<Option<(u64, Commit)>> {
    let Some(history) = History::open(&state.path().join(FOLDER))? else { return Ok(None) };
    history.head()?.map(|commit| Ok((number(&commit)?, commit))).transpose()
}

/// The grafts that a commit records.
pub(super) fn grafts(state: &Dir, commit: ObjectId) -> Result<Vec<Graft>> {
    let Some(history) = History::open(&state.path().join(FOLDER))? else { return Ok(Vec::new()) };
    read_grafts(&history, commit)
}

/// The files below a folder of a commit's documents, by path in it.
pub(super) fn documents(state: &Dir, commit: ObjectId, folder: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let Some(history) = History::open(&state.path().join(FOLDER))? else { return Ok(Vec::new()) };
    history.documents_in(commit, folder)
}

/// Records a generation; one that is recorded already is left as it is.
pub(super) fn record(site: &Site, state: &Dir, record: &Record) -> Result<()> {
    let objects = site.stockroom.objects().directory().join("objects");
    let history = History::create(&state.path().join(FOLDER), &objects)?;
    if let Some(head) = history.head()?
        && number(&head)? >= record.number
    {
        return Ok(());
    }
    let grafts =
        serde_json::to_vec_pretty(&record.grafts).map_err(|error| Error::new(ErrorKind::Internal, "the grafts cannot be written as JSON").caused_by(error))?;
    let about = serde_json::json!({ "schema": 1, "generation": record.number, "tree": record.tree, "site": site.name }).to_string();
    let mut documents: Vec<(&str, &[u8])> = vec![
        ("greffon.toml", record.manifest.as_bytes()),
        ("greffon.lock", record.lock.as_bytes()),
        ("infos.json", record.infos.as_bytes()),
        ("grafts.json", &grafts),
        ("generation.json", about.as_bytes()),
    ];
    let patches = super::patches::documents(&record.patches);
    documents.extend(patches.iter().map(|(path, bytes)| (path.as_str(), *bytes)));
    let text = record.message.trim();
    let text = if text.is_empty() { "Change the site" } else { text };
    let commit = history.write(record.tree, &documents, &format!("{text}\n\n{TRAILER}{}\n", record.number), record.time)?;
    history.set_head(commit)
}

/// The hold that a state keeps.
pub(super) fn hold(state: &Dir) -> Result<Option<Hold>> {
    let Some(bytes) = state.read(HOLD)? else { return Ok(None) };
    let file: HoldFile = serde_json::from_slice(&bytes)
        .map_err(|error| Error::new(ErrorKind::Site, format!("the file `{}` is damaged", state.path().join(HOLD).display())).caused_by(error))?;
    Ok(Some(Hold { generation: file.generation, reason: file.reason }))
}

/// Sets or takes away the hold, as a run asks; nothing is written where that is so already.
pub(super) fn set_hold(state: &Dir, wanted: Option<(u64, &str)>, release: bool) -> Result<()> {
    match wanted {
        Some((generation, reason)) => {
            if hold(state)?.is_some_and(|hold| hold.generation == generation && hold.reason == reason) {
                return Ok(());
            }
            let file = HoldFile { schema: 1, generation, reason: reason.to_owned() };
            let bytes = serde_json::to_vec(&file).map_err(|error| Error::new(ErrorKind::Internal, "the hold cannot be written").caused_by(error))?;
            durable::replace(state, HOLD, &bytes)
        }
        None if release && state.witness(HOLD)?.is_some() => {
            state.remove_file(HOLD)?;
            durable::sync_dir(state)
        }
        None => Ok(()),
    }
}

/// Names that people gave, and to which commits.
type Marks = Vec<(String, ObjectId)>;

#[derive(Serialize, Deserialize)]
struct HoldFile {
    schema: u32,
    generation: u64,
    reason: String,
}

fn number(commit: &Commit) -> Result<u64> {
    commit
        .message
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(TRAILER))
        .and_then(|number| number.trim().parse().ok())
        .ok_or_else(|| Error::new(ErrorKind::Site, format!("commit {} of the site's history says no generation", commit.id.short())))
}

fn read_grafts(history: &History, commit: ObjectId) -> Result<Vec<Graft>> {
    let bytes = history
        .document(commit, "grafts.json")?
        .ok_or_else(|| Error::new(ErrorKind::Site, format!("commit {} of the site's history names no grafts", commit.short())))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::new(ErrorKind::Site, format!("commit {} of the site's history is damaged", commit.short())).caused_by(error))
}

impl Site {
    /// The generation in place.
    ///
    /// # Errors
    /// `Site`, `Git`.
    pub fn current(&self) -> Result<Option<Generation>> {
        let Some((history, marks)) = self.history()? else { return Ok(None) };
        history.head()?.map(|commit| describe(&history, &commit, &marks)).transpose()
    }

    /// Every generation, newest first.
    ///
    /// # Errors
    /// `Site`, `Git`.
    pub fn generations(&self) -> Result<Vec<Generation>> {
        let Some((history, marks)) = self.history()? else { return Ok(Vec::new()) };
        history.commits()?.into_iter().map(|commit| describe(&history, &commit, &marks)).collect()
    }

    /// Gives a generation a name that `history prune` respects.
    ///
    /// # Errors
    /// `NotFound`, `Site`.
    pub fn mark(&self, generation: u64, name: &str) -> Result<()> {
        let (_state, _lock) = self.locked(&Context::silent())?;
        let Some((history, _)) = self.history()? else { return Err(unknown(generation)) };
        for commit in history.commits()? {
            if number(&commit)? == generation {
                return history.mark(commit.id, name);
            }
        }
        Err(unknown(generation))
    }

    /// Drops all but the last `keep` generations, marked ones, the one that a hold names and the one in place; gives the numbers
    /// dropped, whose pins the caller takes away.
    ///
    /// # Errors
    /// `Site`, `Git`.
    pub fn prune(&self, cx: &Context, keep: u32) -> Result<Vec<u64>> {
        let (state, _lock) = self.locked(cx)?;
        let Some((history, marks)) = self.history()? else { return Ok(Vec::new()) };
        let (mut kept, dropped) = sort_out(&state, &history, &marks, keep)?;
        if !dropped.is_empty() {
            kept.reverse();
            history.keep(&kept)?;
            durable::sync_file_system(&state)?;
        }
        Ok(dropped)
    }

    /// What [`Site::prune`] would drop. Writes nothing.
    ///
    /// # Errors
    /// `Site`, `Git`.
    pub fn would_prune(&self, keep: u32) -> Result<Vec<u64>> {
        let Some(state) = self.places.open_state()? else { return Ok(Vec::new()) };
        let Some((history, marks)) = self.history()? else { return Ok(Vec::new()) };
        Ok(sort_out(&state, &history, &marks, keep)?.1)
    }

    /// Copies every object of the history into `history.git`, so that it no longer needs the stock.
    ///
    /// # Errors
    /// `Site`, `Git`, `Io`.
    pub fn pack(&self, cx: &Context) -> Result<()> {
        let (state, _lock) = self.locked(cx)?;
        let _stock = self.stockroom.lock_shared(cx)?;
        let history = History::create(&state.path().join(FOLDER), &self.stockroom.objects().directory().join("objects"))?;
        history.pack()?;
        durable::sync_file_system(&state)
    }

    /// Gives a generation's tree to a stock that lost it, where `history.git` was packed and holds it itself.
    ///
    /// # Errors
    /// `Site`, `Git`, `Io`.
    pub fn give_back(&self, tree: ObjectId) -> Result<bool> {
        let Some(state) = self.places.open_state()? else { return Ok(false) };
        let Some(history) = History::open(&state.path().join(FOLDER))? else { return Ok(false) };
        history.give(tree, self.stockroom.objects())
    }

    fn history(&self) -> Result<Option<(History, Marks)>> {
        let Some(state) = self.places.open_state()? else { return Ok(None) };
        let Some(history) = History::open(&state.path().join(FOLDER))? else { return Ok(None) };
        let marks = history.marks()?;
        Ok(Some((history, marks)))
    }
}

/// The commits that stay, and the numbers of the generations that go, newest first.
fn sort_out(state: &Dir, history: &History, marks: &Marks, keep: u32) -> Result<(Vec<ObjectId>, Vec<u64>)> {
    let held = hold(state)?.map(|hold| hold.generation);
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    for (age, commit) in history.commits()?.into_iter().enumerate() {
        let number = number(&commit)?;
        let stays = age < (keep.max(1) as usize) || Some(number) == held || marks.iter().any(|(_, target)| *target == commit.id);
        if stays { kept.push(commit.id) } else { dropped.push(number) }
    }
    Ok((kept, dropped))
}

fn describe(history: &History, commit: &Commit, marks: &[(String, ObjectId)]) -> Result<Generation> {
    let text =
        |name: &str| -> Result<String> { Ok(history.document(commit.id, name)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()) };
    Ok(Generation {
        number: number(commit)?,
        commit: commit.id,
        tree: commit.site,
        grafts: read_grafts(history, commit.id)?,
        time: jiff::Timestamp::from_second(commit.time).map_or_else(|_| String::new(), |time| time.to_string()),
        message: commit.message.lines().filter(|line| !line.starts_with(TRAILER)).collect::<Vec<_>>().join("\n").trim().to_owned(),
        mark: marks.iter().find(|(_, target)| *target == commit.id).map(|(name, _)| name.clone()),
        manifest: text("greffon.toml")?,
        lock: text("greffon.lock")?,
        infos: text("infos.json")?,
    })
}

fn unknown(generation: u64) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no generation {generation}")).hint("`greffon history` lists them")
}
