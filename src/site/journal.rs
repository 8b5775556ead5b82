//! The journal: what an apply is about to do, written before it does any of it, removed when all of it is done and durable.
//!
//! Each step is told done from not done by looking at the stage alone, which nobody but us can write: what was put in place is no
//! longer there. So any step may be tried again, forwards or backwards, however often a run was cut off.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, Graft, ObjectId};
use crate::sys::fs::beneath::{Dir, check_relative};
use crate::sys::fs::{durable, failpoint};

const FILE: &str = "journal";
const SCHEMA: u32 = 1;

/// One apply, under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    pub(super) schema: u32,
    /// The folder in `stage/`.
    pub(super) stage: String,
    /// Whether the file system can exchange two names.
    pub(super) exchange: bool,
    /// Whether the run decided to undo it all.
    pub(super) back: bool,
    /// The generation to record.
    pub(super) record: Record,
    /// In this order.
    pub(super) steps: Vec<Step>,
    /// Folders to remove at the end where they are empty, deepest first.
    pub(super) tidy: Vec<String>,
}

/// A generation, as it will be recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) number: u64,
    pub(super) tree: ObjectId,
    pub(super) grafts: Vec<Graft>,
    pub(super) manifest: String,
    pub(super) lock: String,
    pub(super) infos: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) patches: Vec<super::KeptPatch>,
    pub(super) message: String,
    /// Seconds since 1970.
    pub(super) time: i64,
    /// The hold after it: the generation and why.
    pub(super) hold: Option<(u64, String)>,
    /// Whether a hold is taken away.
    pub(super) release: bool,
}

/// One change of one name in the site. Paths are relative to the site (`""`: the site itself), `stage` to the run's stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "do")]
pub(super) enum Step {
    /// A staged folder goes where nothing is, or (`over`) in the place of an empty folder.
    Folder { path: String, stage: String, over: bool },
    /// A staged folder and the one in place exchange places. `tell` lies in the staged one alone: the path below it, and what it is
    /// there (`None`: only the other folder has it).
    Swap { path: String, stage: String, tell: (String, Option<Entry>) },
    /// What a swapped-out folder held and nobody recorded goes back to its path.
    Carry { path: String, stage: String },
    /// What greffon never installed goes along with the folder that was around it.
    Along { path: String, from: String },
    /// A staged file goes where nothing is.
    Add { path: String, stage: String, new: Entry },
    /// A staged file and the one in place exchange places. What comes out may be dropped if it is `old`.
    Change { path: String, stage: String, new: Entry, old: Option<Entry> },
    /// A file goes to the stage. It may be dropped there if it is `old`.
    Remove { path: String, stage: String, old: Option<Entry> },
    /// An empty folder is made.
    MakeFolder { path: String },
    /// An empty folder of ours goes, because a file takes its place.
    RemoveFolder { path: String },
}

impl Step {
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Folder { path, .. }
            | Self::Swap { path, .. }
            | Self::Carry { path, .. }
            | Self::Along { path, .. }
            | Self::Add { path, .. }
            | Self::Change { path, .. }
            | Self::Remove { path, .. }
            | Self::MakeFolder { path }
            | Self::RemoveFolder { path } => path,
        }
    }

    /// Where it lies in the stage.
    pub(super) fn stage(&self) -> Option<&str> {
        match self {
            Self::Folder { stage, .. }
            | Self::Swap { stage, .. }
            | Self::Carry { stage, .. }
            | Self::Add { stage, .. }
            | Self::Change { stage, .. }
            | Self::Remove { stage, .. } => Some(stage),
            Self::Along { .. } | Self::MakeFolder { .. } | Self::RemoveFolder { .. } => None,
        }
    }
}

impl Journal {
    pub(super) fn new(stage: String, exchange: bool, record: Record) -> Self {
        Self { schema: SCHEMA, stage, exchange, back: false, record, steps: Vec::new(), tidy: Vec::new() }
    }

    /// Writes it, durably.
    pub(super) fn write(&self, state: &Dir) -> Result<()> {
        if failpoint::broken("journal") {
            return Ok(());
        }
        let bytes = serde_json::to_vec(self).map_err(|error| Error::new(ErrorKind::Internal, "the journal cannot be written").caused_by(error))?;
        durable::replace(state, FILE, &bytes)
    }

    /// Whether there is one.
    pub(super) fn is_there(state: &Dir) -> Result<bool> {
        Ok(state.witness(FILE)?.is_some())
    }

    /// Reads it, and refuses one that would lead out of the site or the stage.
    pub(super) fn read(state: &Dir, inside: Option<&str>) -> Result<Option<Self>> {
        let Some(bytes) = state.read(FILE)? else { return Ok(None) };
        Self::parse(&bytes, inside).map(Some).map_err(|error| {
            error
                .wrap(format!("the journal `{}` is refused", state.path().join(FILE).display()))
                .hint("nothing was touched; look at the site with `greffon status` after moving that file away")
        })
    }

    /// From bytes, checked.
    pub(super) fn parse(bytes: &[u8], inside: Option<&str>) -> Result<Self> {
        let schema = serde_json::from_slice::<Schema>(bytes).map_err(|error| Error::new(ErrorKind::Site, "it is damaged").caused_by(error))?.schema;
        if schema > SCHEMA {
            return Err(Error::new(ErrorKind::Newer, format!("it was written by a newer greffon (schema {schema})")));
        }
        let journal: Self = serde_json::from_slice(bytes).map_err(|error| Error::new(ErrorKind::Site, "it is damaged").caused_by(error))?;
        check_relative(&journal.stage)?;
        if journal.stage.contains('/') {
            return Err(Error::new(ErrorKind::Site, "its stage is not a bare name"));
        }
        for step in &journal.steps {
            let whole = matches!(step, Step::Folder { .. } | Step::Swap { .. }) && step.path().is_empty();
            if !whole {
                check_relative(step.path())?;
            }
            step.stage().map_or(Ok(()), check_relative)?;
            if let Step::Swap { tell: (path, _), .. } = step {
                check_relative(path)?;
            }
            let from = if let Step::Along { from, .. } = step { Some(from.as_str()) } else { None };
            from.map_or(Ok(()), check_relative)?;
            if inside.is_some_and(|inside| super::owners::within(step.path(), inside) || from.is_some_and(|from| super::owners::within(from, inside))) {
                return Err(Error::new(ErrorKind::Site, "it would change the site's own state"));
            }
        }
        journal.tidy.iter().try_for_each(|path| check_relative(path))?;
        Ok(journal)
    }

    /// Removes it, durably: only now is the apply done.
    pub(super) fn remove(state: &Dir) -> Result<()> {
        state.remove_file(FILE)?;
        durable::sync_dir(state)
    }
}

/// Whether a path may stand in a journal.
pub(super) fn is_plain(path: &str) -> Result<()> {
    check_relative(path)
}

#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(steps: Vec<Step>) -> Journal {
        let record = Record {
            number: 1,
            tree: ObjectId::EMPTY_TREE,
            grafts: Vec::new(),
            manifest: String::new(),
            lock: String::new(),
            patches: Vec::new(),
            infos: String::new(),
            message: String::new(),
            time: 0,
            hold: None,
            release: false,
        };
        Journal { steps, ..Journal::new("g1".into(), true, record) }
    }

    #[test]
    fn a_hostile_journal_is_refused() {
        let remove = |path: &str, stage: &str| Step::Remove { path: path.into(), stage: stage.into(), old: None };
        let bytes = |journal: &Journal| serde_json::to_vec(journal).expect("written");
        assert!(Journal::parse(&bytes(&journal(vec![remove("a/b", "f0/1")])), None).is_ok());
        for (path, stage) in [("../etc/passwd", "f"), ("/etc/passwd", "f"), ("a/../../b", "f"), ("", "f"), ("a", "../f"), ("a", "/f"), (".greffon/lock", "f")] {
            let hostile = bytes(&journal(vec![remove(path, stage)]));
            assert!(Journal::parse(&hostile, Some(".greffon")).is_err(), "{path} {stage} was accepted");
            for step in [Step::Along { path: path.into(), from: "a".into() }, Step::Along { path: "a".into(), from: path.into() }] {
                let hostile = bytes(&journal(vec![step]));
                assert!(stage != "f" || path == "a" || Journal::parse(&hostile, Some(".greffon")).is_err(), "{path} was accepted");
            }
        }
        let mut other = journal(Vec::new());
        other.stage = "../../elsewhere".into();
        assert!(Journal::parse(&bytes(&other), None).is_err());
        other = journal(Vec::new());
        other.tidy = vec!["../x".into()];
        assert!(Journal::parse(&bytes(&other), None).is_err());
        assert!(Journal::parse(b"{\"schema\": 99}", None).is_err_and(|error| error.kind() == ErrorKind::Newer));
        assert!(Journal::parse(b"not json", None).is_err());
    }
}
