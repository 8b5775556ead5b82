//! `deploy = "swap"`: the whole new tree is made beside the site and takes its place in one exchange. What greffon never installed
//! comes along: files by a second name made before, so that both trees have them; folders right after the exchange.

use std::collections::{BTreeSet, HashMap};

use super::draft::Work;
use super::journal::Step;
use super::owners::{join, split, within};
use super::scan::{State, declared_folders};
use super::units::{From, Item, Unifier, Units, place_below};

/// The new tree's folder in the stage; after the exchange it holds the old one.
const STAGE: &str = "s0";

/// One step for everything. `shared` are paths that are carried over even where the record knows nothing of them.
pub(super) fn units(unifier: &Unifier<'_>, shared: &[String]) -> Option<Units> {
    let mut units = Units::default();
    let works: HashMap<&str, &Work> = unifier.draft.works.iter().map(|work| (work.path.as_str(), work)).collect();
    let tell = unifier.tell("")?;
    units.folders.entry(STAGE.to_owned()).or_default();
    for (path, entry) in &unifier.wanted.files {
        let recorded = unifier.index.find(path).map(|at| unifier.scan.files[at]);
        let (from, owner) = match (works.get(path.as_str()), recorded) {
            (Some(work), _) => (work.bytes.clone().map_or(From::Stock(*entry), |bytes| From::Bytes(*entry, bytes)), work.owner),
            // Deleted by hand, and kept so.
            (None, Some(State::Missing)) => continue,
            (None, Some(State::Clean(witness))) => (From::Live(*entry, witness), witness.map(|witness| (witness.uid, witness.gid))),
            // Changed by hand and kept, or there already.
            (None, _) => (From::Kept, None),
        };
        put(&mut units, path, from, owner);
    }
    let mut carried = BTreeSet::new();
    for extra in unifier.scan.extras.iter().filter(|extra| !extra.in_the_way) {
        if extra.folder {
            carried.insert(extra.path.clone());
        } else {
            put(&mut units, &extra.path, From::Foreign, None);
        }
    }
    for path in declared_folders(&unifier.index.grafts).iter().chain(shared) {
        carried.extend(unknown_top(unifier, path));
    }
    for (staged, folder) in &mut units.folders {
        let live = staged[STAGE.len()..].trim_start_matches('/');
        folder.like = unifier.index.folder(live).map(|_| live.to_owned());
    }
    units.steps.push(Step::Swap { path: String::new(), stage: STAGE.to_owned(), tell });
    units.steps.extend(carried.into_iter().map(|path| Step::Carry { stage: join(STAGE, &path), path }));
    units.steps.extend(declared_folders(&unifier.wanted.grafts).into_iter().map(|path| Step::MakeFolder { path }));
    Some(units)
}

fn put(units: &mut Units, path: &str, from: From, owner: Option<(u32, u32)>) {
    let (folder, name) = split(path);
    let folder = if folder.is_empty() { STAGE.to_owned() } else { join(STAGE, folder) };
    place_below(&mut units.folders, STAGE, &folder).items.push(Item { name: name.to_owned(), path: path.to_owned(), from, owner });
}

/// The topmost folder on the way to a path that neither the record nor the wish knows.
fn unknown_top(unifier: &Unifier<'_>, path: &str) -> Option<String> {
    let path = path.trim_matches('/');
    if super::journal::is_plain(path).is_err() || unifier.index.find(path).is_some() {
        return None;
    }
    let wanted = |folder: &str| {
        let at = unifier.wanted.files.partition_point(|(file, _)| file.as_bytes() < folder.as_bytes());
        unifier.wanted.files[at..].iter().take_while(|(file, _)| file.starts_with(folder)).any(|(file, _)| within(file, folder))
    };
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.map(|end| &path[..end]).find(|folder| unifier.index.folder(folder).is_none() && !wanted(folder)).map(str::to_owned)
}
