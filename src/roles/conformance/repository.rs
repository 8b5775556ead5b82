//! Checks of [`Repository`].

use std::collections::BTreeSet;

use super::{Finding, Suite, Tried, Verdict, same, works};
use crate::model::{Advisories, ElementId, ElementInfo, Version};
use crate::roles::{AdvisoriesRequest, Context, ElementInfoRequest, Repository, SearchRequest, VersionEntry, Versions, VersionsRequest};

/// The sentences that are checked.
pub const CONTRACT: &[&str] = &[UNKNOWN, FAILURE, ENTRIES, ONCE, STABLE, NO_DOWNLOAD, ECHO, LISTS, ABOUT, HEARD];

const UNKNOWN: &str =
    "An element that this repository never heard of is [`Versions::Unknown`]; one that it knows without any version is `Known` with an empty list.";
const FAILURE: &str = "A failure (no network, a broken file, a refusal) is an error, *never* `Unknown`.";
const ENTRIES: &str = "Entries may carry whole element infos at once; where they do, [`Self::element_info`] gives the same.";
const ONCE: &str = "No version text is listed twice. Withdrawn versions are listed, with `yanked` in their info.";
const STABLE: &str = "The same question gives the same answer within one run.";
const NO_DOWNLOAD: &str = "Downloads no element; it may fetch metadata, git objects included.";
const ECHO: &str = "`id` and `version` of the answer are those of the request.";
const LISTS: &str = "An empty text lists what there is. A repository that cannot list gives what it was configured with.";
const ABOUT: &str = "Every advisory is about an element that was asked for, and none is told twice of one element.";
const HEARD: &str = "Without the network it is what was heard last, with the time of that.";
const ABSENT: &str = "`element_info` is `None` when there is no such element or version, and `has_element_info` says the same.";
const SEARCH: &str = "Search finds names whatever their case, and gives at most as many hits as asked.";

/// What the caller knows of the repository.
#[derive(Debug)]
pub struct Fixture<'a> {
    /// Elements that are there, with all their versions.
    pub known: Vec<KnownElement>,
    /// An element that is not there.
    pub unknown: ElementId,
    /// An element that is there without any version.
    pub without_versions: Option<ElementId>,
    /// The same implementation over something that fails (a server that is down, a broken file), asked for the first known element.
    pub failing: Option<&'a dyn Repository>,
    /// How many elements were downloaded so far.
    pub downloads: Option<Counter<'a>>,
    /// Whether a search for nothing lists the known elements.
    pub lists: bool,
    /// A known element that an advisory is about.
    pub unsafe_one: Option<ElementId>,
}

/// Counts something as often as it is asked.
pub struct Counter<'a>(pub &'a dyn Fn() -> usize);

impl std::fmt::Debug for Counter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counter(…)")
    }
}

/// An element that is there.
#[derive(Debug, Clone)]
pub struct KnownElement {
    /// Which.
    pub id: ElementId,
    /// All its versions, withdrawn ones too, in any order.
    pub versions: Vec<Version>,
    /// Those of them that are withdrawn.
    pub withdrawn: Vec<Version>,
}

impl Fixture<'_> {
    /// A fixture that knows only what is not there.
    #[must_use]
    pub fn new(unknown: ElementId) -> Self {
        Self { known: Vec::new(), unknown, without_versions: None, failing: None, downloads: None, lists: false, unsafe_one: None }
    }
}

/// Runs a repository through its contract.
///
/// # Errors
/// Every sentence that does not hold.
pub fn check(repository: &dyn Repository, cx: &Context, fixture: &Fixture<'_>) -> Verdict {
    let before = fixture.downloads.as_ref().map(|counter| (counter.0)());
    let mut suite = Suite::new("repository");
    suite.sentence(UNKNOWN, || {
        match versions(repository, cx, &fixture.unknown)? {
            Versions::Unknown => {}
            Versions::Known(list) => return Err(format!("{} is known, with {} versions", fixture.unknown, list.len())),
        }
        for known in &fixture.known {
            entries(repository, cx, &known.id)?;
        }
        match &fixture.without_versions {
            Some(id) => same(&format!("the list of versions of {id}"), &entries(repository, cx, id)?.len(), &0)?,
            None if fixture.known.is_empty() => return Ok(Tried::No),
            None => {}
        }
        Ok(Tried::Yes)
    });
    suite.sentence(FAILURE, || {
        let (Some(failing), Some(known)) = (fixture.failing, fixture.known.first()) else { return Ok(Tried::No) };
        match failing.versions(cx, &VersionsRequest { id: known.id.clone() }) {
            Err(_) => Ok(Tried::Yes),
            Ok(answer) => Err(format!("what fails answered {answer:?}")),
        }
    });
    suite.sentence(ENTRIES, || each(fixture, |known| entries_agree(repository, cx, known)));
    suite.sentence(ONCE, || each(fixture, |known| listed_once(repository, cx, known)));
    suite.sentence(STABLE, || {
        each(fixture, |known| {
            let first = versions(repository, cx, &known.id)?;
            for _ in 0..2 {
                same(&format!("a later answer for {}", known.id), &versions(repository, cx, &known.id)?, &first)?;
            }
            Ok(())
        })
    });
    suite.sentence(ECHO, || each(fixture, |known| answers_what_was_asked(repository, cx, known)));
    suite.sentence(ABSENT, || absent(repository, cx, fixture));
    suite.sentence(LISTS, || {
        if !fixture.lists || fixture.known.is_empty() {
            return Ok(Tried::No);
        }
        let hits = works("a search for nothing", repository.search(cx, &SearchRequest { text: String::new(), limit: usize::MAX }))?;
        match fixture.known.iter().find(|known| !hits.iter().any(|hit| hit.id == known.id)) {
            Some(known) => Err(format!("{} is not listed", known.id)),
            None => Ok(Tried::Yes),
        }
    });
    suite.sentence(ABOUT, || about_what_was_asked(repository, cx, fixture));
    suite.sentence(HEARD, || heard_before(repository, cx, fixture));
    suite.sentence(SEARCH, || search(repository, cx, fixture));
    suite.sentence(NO_DOWNLOAD, || match (&fixture.downloads, before) {
        (Some(counter), Some(before)) => same("the number of downloads", &(counter.0)(), &before).map(|()| Tried::Yes),
        _ => Ok(Tried::No),
    });
    suite.finish()
}

fn each(fixture: &Fixture<'_>, check: impl Fn(&KnownElement) -> Result<(), String>) -> Finding {
    fixture.known.iter().try_for_each(check)?;
    Ok(if fixture.known.is_empty() { Tried::No } else { Tried::Yes })
}

fn versions(repository: &dyn Repository, cx: &Context, id: &ElementId) -> Result<Versions, String> {
    works(&format!("asking for the versions of {id}"), repository.versions(cx, &VersionsRequest { id: id.clone() }))
}

fn entries(repository: &dyn Repository, cx: &Context, id: &ElementId) -> Result<Vec<VersionEntry>, String> {
    match versions(repository, cx, id)? {
        Versions::Known(list) => Ok(list),
        Versions::Unknown => Err(format!("{id} is unknown")),
    }
}

fn info(repository: &dyn Repository, cx: &Context, id: &ElementId, version: &Version) -> Result<Option<ElementInfo>, String> {
    let request = ElementInfoRequest { id: id.clone(), version: version.clone() };
    works(&format!("asking for {id} {version}"), repository.element_info(cx, &request))
}

fn entries_agree(repository: &dyn Repository, cx: &Context, known: &KnownElement) -> Result<(), String> {
    for entry in entries(repository, cx, &known.id)? {
        let alone = info(repository, cx, &known.id, &entry.version)?;
        if alone.is_none() {
            return Err(format!("{} {} is listed, and has no element info", known.id, entry.version));
        }
        if entry.info.is_some() {
            same(&format!("the element info of {} {}", known.id, entry.version), &alone, &entry.info)?;
        }
    }
    Ok(())
}

fn listed_once(repository: &dyn Repository, cx: &Context, known: &KnownElement) -> Result<(), String> {
    let list = entries(repository, cx, &known.id)?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = list.iter().find(|entry| !seen.insert(&entry.version)) {
        return Err(format!("{} {} is listed twice", known.id, twice.version));
    }
    let wanted: BTreeSet<&Version> = known.versions.iter().chain(&known.withdrawn).collect();
    same(&format!("the set of versions of {}", known.id), &seen, &wanted)?;
    for version in &wanted {
        let yanked = info(repository, cx, &known.id, version)?.and_then(|info| info.yanked);
        match (known.withdrawn.contains(version), yanked) {
            (true, None) => return Err(format!("{} {version} is withdrawn, and its info does not say so", known.id)),
            (false, Some(why)) => return Err(format!("{} {version} is said to be withdrawn: {why}", known.id)),
            _ => {}
        }
    }
    Ok(())
}

fn answers_what_was_asked(repository: &dyn Repository, cx: &Context, known: &KnownElement) -> Result<(), String> {
    for version in &known.versions {
        let info = info(repository, cx, &known.id, version)?.ok_or_else(|| format!("{} {version} has no element info", known.id))?;
        same("the answer", &(&info.id, &info.version), &(&known.id, version))?;
    }
    for entry in entries(repository, cx, &known.id)? {
        if let Some(info) = entry.info {
            same("the info of an entry", &(&info.id, &info.version), &(&known.id, &entry.version))?;
        }
    }
    Ok(())
}

fn absent(repository: &dyn Repository, cx: &Context, fixture: &Fixture<'_>) -> Finding {
    let nowhere = Version::new("0.0.0-never-published");
    let mut questions = vec![(fixture.unknown.clone(), nowhere.clone(), false)];
    for known in &fixture.known {
        questions.push((known.id.clone(), nowhere.clone(), false));
        questions.extend(known.versions.iter().map(|version| (known.id.clone(), version.clone(), true)));
    }
    for (id, version, there) in questions {
        let request = ElementInfoRequest { id: id.clone(), version: version.clone() };
        same(&format!("whether {id} {version} has an info"), &info(repository, cx, &id, &version)?.is_some(), &there)?;
        let says = works("has_element_info", repository.has_element_info(cx, &request))?;
        same(&format!("what `has_element_info` says of {id} {version}"), &says, &there)?;
    }
    Ok(Tried::Yes)
}

fn advisories(repository: &dyn Repository, cx: &Context, ids: &[ElementId]) -> Result<Advisories, String> {
    works("asking for advisories", repository.advisories(cx, &AdvisoriesRequest { ids: ids.to_vec() }))
}

fn about_what_was_asked(repository: &dyn Repository, cx: &Context, fixture: &Fixture<'_>) -> Finding {
    let all: Vec<ElementId> = fixture.known.iter().map(|known| known.id.clone()).collect();
    for ids in all.chunks(1).chain([all.as_slice()]) {
        let told = advisories(repository, cx, ids)?;
        let mut seen = BTreeSet::new();
        for advisory in &told.list {
            if !ids.contains(&advisory.element) {
                return Err(format!("{} is about {}, which was not asked for", advisory.id, advisory.element));
            }
            if !seen.insert((&advisory.id, &advisory.element)) {
                return Err(format!("{} is told twice of {}", advisory.id, advisory.element));
            }
        }
        if let Some(id) = fixture.unsafe_one.as_ref().filter(|id| ids.contains(id))
            && !told.list.iter().any(|advisory| advisory.element == *id)
        {
            return Err(format!("nothing is told of {id}"));
        }
    }
    Ok(if fixture.unsafe_one.is_some() { Tried::Yes } else { Tried::No })
}

fn heard_before(repository: &dyn Repository, cx: &Context, fixture: &Fixture<'_>) -> Finding {
    let Some(id) = &fixture.unsafe_one else { return Ok(Tried::No) };
    let before = advisories(repository, cx, std::slice::from_ref(id))?;
    let offline = advisories(repository, &cx.without_network(), std::slice::from_ref(id))?;
    same("what it tells offline", &offline, &before).map(|()| Tried::Yes)
}

fn search(repository: &dyn Repository, cx: &Context, fixture: &Fixture<'_>) -> Finding {
    let Some(known) = fixture.known.first().filter(|_| fixture.lists) else { return Ok(Tried::No) };
    for text in [known.id.name().to_owned(), known.id.name().to_uppercase()] {
        let hits = works("a search", repository.search(cx, &SearchRequest { text: text.clone(), limit: 50 }))?;
        if !hits.iter().any(|hit| hit.id == known.id) {
            return Err(format!("a search for `{text}` does not find {}", known.id));
        }
    }
    let hits = works("a search", repository.search(cx, &SearchRequest { text: String::new(), limit: 1 }))?;
    if hits.len() > 1 { Err(format!("a search for at most 1 gave {} hits", hits.len())) } else { Ok(Tried::Yes) }
}
