//! Apply: one tree takes another's place, wholly or not at all (DESIGN section 7).

use super::along;
use super::crew;
use super::draft::{Draft, Drafting};
use super::index::Index;
use super::journal::{Journal, Record, Step};
use super::owners::Owners;
use super::recover::finish;
use super::relink::Relink;
use super::scan::{Scan, scan};
use super::sift::sift;
use super::stage::{self, Custom, Stage, wait_a_tick};
use super::steps::Hands;
use super::units::Unifier;
use super::wanted::Wanted;
use super::{Along, Applied, ApplyTree, Compared, Presence, Site, generations, identity, lock};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Deploy, ObjectId, TreeChange};
use crate::roles::{Context, Event, Unit};
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::lock::ExclusiveLock;
use crate::sys::fs::witness::{Witness, now};
use crate::sys::fs::{durable, exchange, failpoint, ground};
use std::collections::HashMap;

/// What a look at the site before an apply gave.
struct Seen {
    root: Option<Dir>,
    index: Index,
    scan: Scan,
}

impl Site {
    /// Makes the site's files those of the wanted tree, crash-safe (DESIGN section 7), and records a generation.
    ///
    /// # Errors
    /// `LocalChanges`, `Site`, `Io`, `Busy`, `Interrupted`: the site's files are as they were. `Pending`: the site is held.
    pub fn apply(&self, cx: &Context, request: &ApplyTree) -> Result<Applied> {
        self.apply_pinned(cx, request, &|_, _| Ok(()))
    }

    /// As [`Self::apply`]. `pin` is called with the site's id and the new generation's number before anything of the site changes,
    /// so that no generation is ever recorded that the stock might tidy away; what it fails with is what this fails with. It is
    /// not called where nothing has to change.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn apply_pinned(&self, cx: &Context, request: &ApplyTree, pin: &dyn Fn(&str, u64) -> Result<()>) -> Result<Applied> {
        cx.check()?;
        match self.presence()? {
            Presence::Elsewhere => return Err(self.elsewhere()),
            Presence::Foreign => self.must_recognise(cx, request)?,
            Presence::Absent if !request.create => {
                return Err(Error::new(
                    ErrorKind::Site,
                    format!("site `{}` is not there yet: `{}` does not exist or is empty", self.name, self.path().display()),
                )
                .hint(format!("name it (`--site {}`), or say `--create`", self.name)));
            }
            Presence::Absent | Presence::Known => {}
        }
        let (state, held) = self.make_locked(cx)?;
        self.recover_locked(cx, &state)?;
        let _stock = self.stockroom.lock_shared(cx)?;
        if let Some(hold) = generations::hold(&state)?
            && request.hold.is_none()
            && !request.release
        {
            return Err(Error::new(ErrorKind::Pending, format!("site `{}` is held at generation {}: {}", self.name, hold.generation, hold.reason))
                .hint("`greffon sync --release` lets it go on"));
        }
        let seen = self.look(cx, &state, request)?;
        let same = seen.index.generation > 0 && seen.index.tree == Some(request.tree) && seen.index.grafts == request.grafts;
        if same && seen.scan.is_clean() && !request.relink {
            return self.nothing_to_do(cx, &state, request, &seen);
        }
        self.change(cx, &state, &held, request, pin, seen)
    }

    /// The state, made where it is missing, and its lock.
    pub(super) fn make_locked(&self, cx: &Context) -> Result<(Dir, ExclusiveLock)> {
        loop {
            let state = self.places.make_state()?;
            let held = lock::take(cx, &state, &self.name)?;
            // Who had the lock before may have been `forget`: then this is the lock of a state that is gone.
            let inode = |dir: &Dir| dir.own_witness().map(|found| (found.inode, found.device));
            if let Some(now) = self.places.open_state()?
                && inode(&now)? == inode(&state)?
            {
                return Ok((state, held));
            }
        }
    }

    fn nothing_to_do(&self, cx: &Context, state: &Dir, request: &ApplyTree, seen: &Seen) -> Result<Applied> {
        generations::set_hold(state, request.hold.as_ref().map(|hold| (hold.generation, hold.reason.as_str())), request.release)?;
        if seen.scan.learned {
            refreshed(&seen.index, &seen.scan).store(state, "index")?;
            self.keep_links(cx)?;
        }
        Ok(Applied { generation: seen.index.generation, ..Applied::default() })
    }

    /// The record and the disk.
    fn look(&self, cx: &Context, state: &Dir, request: &ApplyTree) -> Result<Seen> {
        let root = Dir::open(&self.places.root)?;
        let mut index = self.load_index(state)?;
        if index.generation == 0 {
            index = self.taken_over(cx, root.as_ref(), request)?.unwrap_or(index);
        }
        let scan = match &root {
            Some(root) => scan(cx, self.stockroom.files(), root, &index, &Owners::new(&index.grafts), self.places.inside.as_deref(), false)?,
            None => nothing_there(&index),
        };
        Ok(Seen { root, index, scan })
    }

    fn change(
        &self,
        cx: &Context,
        state: &Dir,
        held: &ExclusiveLock,
        request: &ApplyTree,
        pin: &dyn Fn(&str, u64) -> Result<()>,
        seen: Seen,
    ) -> Result<Applied> {
        let Seen { mut root, index, scan } = seen;
        let objects = self.stockroom.objects();
        let wanted = Wanted::list(objects, &index, request.tree, &request.grafts, self.places.inside.as_deref())?;
        // An empty folder is as good as none: the whole tree takes its place at once.
        let empty = root.as_ref().map(Dir::is_empty).transpose()?.unwrap_or(true);
        let there = root.as_ref().filter(|_| !empty);
        let relink = request.relink.then(|| Relink { mode: self.link_mode, files: self.stockroom.files() });
        let drafting = Drafting { cx, site: &self.name, objects, root: there, index: &index, scan: &scan, wanted: &wanted, answers: &request.answers, relink };
        let draft = drafting.draft(request.policy.if_local_changes)?;
        let same = index.generation > 0 && index.tree == Some(request.tree) && index.grafts == request.grafts;
        if same && draft.is_empty() && scan.missing_folders.is_empty() {
            // What differs was kept on purpose.
            return self.nothing_to_do(cx, state, request, &Seen { root, index, scan });
        }
        lock::sign(held);
        let id = identity::settle(state, &self.places.root)?;
        stage::clear(state)?;
        let ground_dir = self.ground(root.as_ref())?;
        if empty && root.is_none() && !ground_dir.may_write() {
            return Err(ground_dir.error("make the site in", "", std::io::Error::from(std::io::ErrorKind::PermissionDenied)));
        }
        let name = format!("g{}", index.generation + 1);
        let staged = stage::open(state, &name)?;
        let exchange = !failpoint::broken("exchange") && exchange::can_exchange(&staged)?;
        let unifier = Unifier { index: &index, scan: &scan, wanted: &wanted, draft: &draft, exchange };
        let whole = if self.deploy == Deploy::Swap && !empty && !(index.generation == 0 && draft.is_empty()) {
            self.may_swap(exchange, &scan)?.then(|| super::swap::units(&unifier, &self.shared)).flatten()
        } else {
            None
        };
        let mut units = whole.unwrap_or_else(|| unifier.units());
        if empty && wanted.files.is_empty() && root.is_none() {
            units.steps.insert(0, Step::Folder { path: String::new(), stage: "d0".into(), over: false });
            units.folders.entry("d0".into()).or_default();
        }
        let along = along::Ways::between(&index.grafts, &request.grafts).moves(&scan.extras, &wanted);
        units.steps.extend(along::steps(&along));
        let known: std::collections::HashSet<String> = units.tidy.iter().cloned().collect();
        units.tidy.extend(along::emptied(&along, &wanted).into_iter().filter(|folder| !known.contains(folder)));
        units.tidy.sort_by(|a, b| b.cmp(a));
        let mut notes = draft.notes.clone();
        notes.extend(along.notes);
        notes.extend(along::served(&index.grafts, &request.grafts));
        notes.extend((index.generation == 0 && !index.files.is_empty()).then(|| super::recognise::NOTE.to_owned()));
        if !exchange && units.steps.iter().any(|step| matches!(step, Step::Change { .. })) {
            notes.push("this file system cannot exchange two names: files are replaced one by one, and folders never at once".into());
        }
        self.check_ground(root.as_ref(), &staged, &units.steps)?;

        let result = (|| {
            let custom = Custom::of(&ground_dir)?;
            stage::follow(&staged, &ground_dir, custom)?;
            let fill = Stage { cx, stockroom: &self.stockroom, dir: staged.clone(), root: root.clone(), custom, link_mode: self.link_mode };
            let witnesses = fill.fill(&units.folders)?;
            if let (Some(root), Some(Step::Folder { path, stage, over })) = (&root, units.steps.first_mut())
                && path.is_empty()
            {
                *over = true;
                take_over_folder(&staged, stage, root)?;
            }
            index.store(&staged, "old")?;
            let mut next = next_index(&index, &request.tree, &request.grafts, &draft, &witnesses);
            for (folder, witness) in index.folders.iter().zip(&scan.folders).filter(|(_, witness)| witness.is_some()) {
                if let Some(at) = next.folder(&folder.path) {
                    next.folders[at].witness = *witness;
                }
            }
            next.store(&staged, "new")?;
            durable::sync_file_system(state)?;
            cx.check()?;
            if !failpoint::broken("pin") {
                pin(&id, index.generation + 1)?;
            }
            let journal = Journal {
                steps: std::mem::take(&mut units.steps),
                tidy: std::mem::take(&mut units.tidy),
                ..Journal::new(name.clone(), exchange, record(index.generation + 1, request))
            };
            journal.write(state)?;
            Ok((journal, next, witnesses, custom))
        })();
        let (journal, next, witnesses, custom) = match result {
            Ok(ready) => ready,
            Err(error) => {
                // Nothing of the site was touched. A journal whose syncing failed may be there all the same.
                let _ = Journal::remove(state);
                let _ = stage::clear(state);
                return Err(error);
            }
        };
        wait_a_tick(witnesses.values());
        root.take();
        let hands = Hands::new(&self.places.root, staged, exchange, custom.owner);
        self.carry_out(cx, state, &hands, &journal, &index, next, &witnesses).map(|saved| Applied {
            generation: journal.record.number,
            files: draft.counts,
            saved,
            notes,
        })
    }

    /// From the journal on: every step, the record, the end; or everything back.
    #[allow(clippy::too_many_arguments)]
    fn carry_out(
        &self,
        cx: &Context,
        state: &Dir,
        hands: &Hands,
        journal: &Journal,
        old: &Index,
        next: Index,
        witnesses: &HashMap<String, Witness>,
    ) -> Result<Vec<String>> {
        let total = Some(journal.steps.len() as u64);
        let start = now();
        cx.emit(Event::Started { task: "apply".into(), total, unit: Unit::Items });
        let outcome = journal
            .steps
            .iter()
            .enumerate()
            .try_for_each(|(done, step)| {
                if done % 256 == 0 {
                    cx.emit(Event::Advanced { task: "apply".into(), done: done as u64, total });
                }
                hands.forward(step, true)
            })
            .and_then(|()| sift(hands, journal, old, &next, false))
            .and_then(|keepsakes| generations::record(self, state, &journal.record).map(|()| keepsakes));
        let result = match outcome {
            Ok(keepsakes) => {
                let next = folders_witnessed(cx, hands, witnessed(hands, next, journal, witnesses), journal, start);
                self.know_links(&next, witnesses);
                // Each part of it may be repeated, so what fails once is tried again before anybody is bothered.
                let mut saved = Vec::new();
                let ended =
                    finish(state, hands, journal, &keepsakes, &next, &mut saved).or_else(|_| finish(state, hands, journal, &keepsakes, &next, &mut saved));
                ended.map(|()| self.know_unlinked(cx, old, &next)).map(|()| saved).map_err(|error| {
                    error
                        .note(format!("the files of site `{}` are the wanted ones, but the run could not be brought to its end", self.name))
                        .hint("`greffon recover` ends it once the cause is gone")
                })
            }
            Err(error) => Err(super::recover::undo(state, hands, journal, old, &next, error)),
        };
        cx.emit(Event::Finished { task: "apply".into() });
        result
    }

    /// What greffon never installed and would go along, were these grafts of this tree applied; with what the user should know.
    ///
    /// # Errors
    /// `Site`, `Git`, `Io`.
    pub fn along(&self, cx: &Context, tree: ObjectId, grafts: &[crate::model::Graft]) -> Result<Along> {
        let Some(state) = self.places.open_state()? else { return Ok(Along::default()) };
        let index = self.load_index(&state)?;
        let ways = along::Ways::between(&index.grafts, grafts);
        let mut along = Along::default();
        if let Some(root) = Dir::open(&self.places.root)?.filter(|_| !ways.is_empty()) {
            let scan = scan(cx, self.stockroom.files(), &root, &index, &Owners::new(&index.grafts), self.places.inside.as_deref(), false)?;
            let wanted = Wanted::list(self.stockroom.objects(), &index, tree, grafts, self.places.inside.as_deref())?;
            along = ways.moves(&scan.extras, &wanted);
        }
        along.notes.extend(along::served(&index.grafts, grafts));
        Ok(along)
    }

    /// The file changes that `apply` of this tree would make, drift included.
    ///
    /// # Errors
    /// `Site`, `Git`, `Io`.
    pub fn changes(&self, cx: &Context, tree: ObjectId) -> Result<Vec<TreeChange>> {
        Ok(self.compare(cx, tree)?.changes)
    }

    /// As [`Self::changes`]; says also whether `apply` has nothing at all to do, not even to note what this look taught.
    ///
    /// # Errors
    /// `Site`, `Git`, `Io`.
    pub fn compare(&self, cx: &Context, tree: ObjectId) -> Result<Compared> {
        let state = self.places.open_state()?;
        let index = state.as_ref().map(|state| self.load_index(state)).transpose()?.unwrap_or_default();
        let scan = match Dir::open(&self.places.root)? {
            Some(root) if index.generation > 0 => {
                scan(cx, self.stockroom.files(), &root, &index, &Owners::new(&index.grafts), self.places.inside.as_deref(), false)?
            }
            _ => nothing_there(&index),
        };
        if index.generation > 0 && index.tree == Some(tree) && scan.is_clean() {
            // As `apply` judges it. Listing what is wanted would only say the same.
            let journal = state.as_ref().map(Journal::is_there).transpose()?.unwrap_or_default();
            let settled = (!scan.learned && !journal).then_some(index.generation);
            return Ok(Compared { settled, undisturbed: true, ..Compared::default() });
        }
        let wanted = Wanted::list(self.stockroom.objects(), &index, tree, &index.grafts, self.places.inside.as_deref())?;
        let by_hand = if index.generation > 0 { super::drift::by_hand(&index, &scan, &wanted) } else { Vec::new() };
        let undisturbed = index.generation > 0 && scan.is_untouched();
        Ok(Compared { changes: super::drift::changes(&index, &scan, &wanted), by_hand, settled: None, undisturbed })
    }
}

/// The look at a site that is not there.
fn nothing_there(index: &Index) -> Scan {
    Scan { files: vec![super::scan::State::Missing; index.files.len()], missing_folders: super::scan::declared_folders(&index.grafts), ..Scan::default() }
}

/// The index with what a look at the site taught.
pub(super) fn refreshed(index: &Index, scan: &Scan) -> Index {
    let mut index = index.clone();
    for (file, state) in index.files.iter_mut().zip(&scan.files) {
        file.witness = match state {
            super::scan::State::Clean(witness) => *witness,
            _ => None,
        };
    }
    for (folder, witness) in index.folders.iter_mut().zip(&scan.folders) {
        folder.witness = *witness;
    }
    index
}

fn next_index(index: &Index, tree: &ObjectId, grafts: &[crate::model::Graft], draft: &Draft, witnesses: &HashMap<String, Witness>) -> Index {
    let merged: std::collections::HashSet<&str> = draft.works.iter().filter(|work| work.bytes.is_some()).map(|work| work.path.as_str()).collect();
    Index::new(
        index.generation + 1,
        *tree,
        grafts.to_vec(),
        draft.files.iter().map(|(path, entry, witness)| {
            let staged = witnesses.get(path).filter(|_| !merged.contains(path.as_str()));
            (path.clone(), *entry, staged.or(witness.as_ref()).copied())
        }),
    )
}

/// Witnesses as they are now that everything is in place: links and renames changed `ctime`.
fn witnessed(hands: &Hands, mut next: Index, journal: &Journal, witnesses: &HashMap<String, Witness>) -> Index {
    let whole: Vec<&str> = journal.steps.iter().filter_map(|step| if let Step::Folder { path, .. } = step { Some(path.as_str()) } else { None }).collect();
    let reliable = wait_a_tick(witnesses.values());
    for (path, staged) in witnesses {
        let moved_whole = whole.iter().any(|folder| super::owners::within(path, folder));
        if reliable && moved_whole {
            continue;
        }
        let Some(at) = next.find(path) else { continue };
        if next.files[at].witness.is_none() {
            continue;
        }
        next.files[at].witness = if reliable {
            let now = hands.place(path).ok().flatten().and_then(|(dir, name)| dir.witness(name).ok().flatten());
            now.filter(|now| now.same_content(staged))
        } else {
            None
        };
    }
    next
}

/// The folders that were moved in whole hold what was staged in them, if nobody has changed them since `start`, when they were moved.
fn folders_witnessed(cx: &Context, hands: &Hands, mut next: Index, journal: &Journal, start: i64) -> Index {
    let whole: Vec<&str> = journal.steps.iter().filter_map(|step| if let Step::Folder { path, .. } = step { Some(path.as_str()) } else { None }).collect();
    let moved: Vec<usize> = (0..next.folders.len()).filter(|at| whole.iter().any(|top| super::owners::within(&next.folders[*at].path, top))).collect();
    let Ok(Some(root)) = hands.root() else { return next };
    let look = |at: &usize| {
        let path = next.folders[*at].path.as_str();
        Ok(root.witness(if path.is_empty() { "." } else { path })?.filter(|found| found.settled_before(start)))
    };
    if let Ok(found) = crew::each(cx, &moved, 256, look) {
        for (at, witness) in moved.into_iter().zip(found) {
            next.folders[at].witness = witness;
        }
    }
    next
}

/// The staged root takes over mode and owner of the empty folder that it replaces.
fn take_over_folder(staged: &Dir, name: &str, root: &Dir) -> Result<()> {
    let found = root.own_witness()?;
    let Some(dir) = staged.sub(name)? else { return Ok(()) };
    if (found.uid, found.gid) != ground::acting_as() {
        staged.set_owner(name, found.uid, found.gid)?;
    }
    dir.take_acl_of(root)?;
    dir.set_mode(found.mode & 0o7777)
}

pub(super) fn record(number: u64, request: &ApplyTree) -> Record {
    Record {
        number,
        tree: request.tree,
        grafts: request.grafts.clone(),
        manifest: request.manifest.clone(),
        lock: request.lock.clone(),
        infos: request.infos.clone(),
        patches: request.patches.clone(),
        message: request.message.clone(),
        time: jiff::Timestamp::now().as_second(),
        hold: request.hold.as_ref().map(|hold| (hold.generation, hold.reason.clone())),
        release: request.release,
    }
}
