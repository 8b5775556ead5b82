//! Checks of [`Client`].

use std::collections::BTreeMap;
use std::fmt;

use super::{Finding, Suite, Tried, Verdict, same, told, works};
use crate::model::{ElementId, Plan, Version};
use crate::roles::{ApplyRequest, Client, Context, PlanDepth, PlanRequest};

/// The sentences that are checked.
pub const CONTRACT: &[&str] = &[COMPLETE, UNCHANGED, SAME, FIRST, WHOLLY];

const COMPLETE: &str = "The download map is complete, recursively, before the first byte of an element is downloaded.";
const UNCHANGED: &str = "Nothing of a site changes. With [`PlanDepth::Resolve`] nothing is downloaded either.";
const SAME: &str = "The same wishes, lock and repositories give the same plan, whatever the stock holds.";
const FIRST: &str = "Every download ends before the first file of a site changes.";
const WHOLLY: &str = "A site's files are wholly the wanted ones or wholly the earlier ones when it returns.";

/// What the caller knows. The stock is empty and the sites are not there at the beginning.
pub struct Fixture<'a> {
    /// What is wanted: at least one element that needs another.
    pub request: PlanRequest,
    /// Every element of every site, dependencies too, with its version.
    pub expected: BTreeMap<String, BTreeMap<ElementId, Version>>,
    /// How a plan is carried out.
    pub apply: &'a dyn Fn(&Plan) -> ApplyRequest,
    /// How many elements were downloaded so far.
    pub downloads: &'a dyn Fn() -> usize,
    /// A fingerprint of all files of a site.
    pub files: &'a dyn Fn(&str) -> String,
    /// The fingerprint that each site has when it is as wanted.
    pub wanted: BTreeMap<String, String>,
    /// The same client over another stock that holds everything already.
    pub full_stock: Option<&'a dyn Client>,
    /// The same client over repositories one of whose downloads fails, and over an empty stock.
    pub failing: Option<&'a dyn Client>,
}

impl fmt::Debug for Fixture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("request", &self.request).field("expected", &self.expected).finish_non_exhaustive()
    }
}

/// Runs a client through its contract.
///
/// # Errors
/// Every sentence that does not hold.
pub fn check(client: &dyn Client, cx: &Context, fixture: &Fixture<'_>) -> Verdict {
    let mut suite = Suite::new("client");
    suite.sentence(UNCHANGED, || unchanged(client, cx, fixture));
    suite.sentence(COMPLETE, || {
        let before = (fixture.downloads)();
        let drawn = plan(client, cx, fixture, PlanDepth::Peek)?;
        same("what the download map holds", &map(&drawn), &fixture.expected)?;
        same("the number of downloads", &(fixture.downloads)(), &before)?;
        match drawn.sites.iter().flat_map(|site| &site.download_map).find(|entry| !entry.from_stock && entry.download.is_none()) {
            Some(entry) => Err(format!("{} is in no stock, and the map does not say how to get it", entry.id)),
            None => Ok(Tried::Yes),
        }
    });
    suite.sentence(FIRST, || downloads_first(cx, fixture));
    suite.sentence(WHOLLY, || {
        let drawn = plan(client, cx, fixture, PlanDepth::Compose)?;
        let report = works("apply", client.apply(cx, &(fixture.apply)(&drawn)))?;
        if let Some((site, error)) = report.sites.iter().find_map(|site| site.error.as_ref().map(|error| (&site.name, error))) {
            return Err(format!("site `{site}` failed: {}", told(error)));
        }
        for (site, wanted) in &fixture.wanted {
            same(&format!("the files of `{site}`"), &(fixture.files)(site), wanted)?;
        }
        let again = plan(client, cx, fixture, PlanDepth::Compose)?;
        match again.sites.iter().find(|one| !one.is_empty()) {
            Some(one) => Err(format!("a second plan would change `{}` again: {:?}", one.name, one.changes)),
            None => Ok(Tried::Yes),
        }
    });
    suite.sentence(SAME, || {
        let first = plan(client, cx, fixture, PlanDepth::Peek)?;
        let mut plans = vec![("a second plan", plan(client, cx, fixture, PlanDepth::Peek)?)];
        if let Some(full) = fixture.full_stock {
            plans.push(("a plan over a full stock", plan(full, cx, fixture, PlanDepth::Peek)?));
        }
        for (what, other) in plans {
            same(&format!("the lock of {what}"), &other.lock, &first.lock)?;
            same(&format!("the elements of {what}"), &map(&other), &map(&first))?;
        }
        Ok(if fixture.full_stock.is_some() { Tried::Yes } else { Tried::No })
    });
    suite.finish()
}

fn plan(client: &dyn Client, cx: &Context, fixture: &Fixture<'_>, depth: PlanDepth) -> Result<Plan, String> {
    let request = PlanRequest { depth, ..fixture.request.clone() };
    works(&format!("planning ({depth:?})"), client.plan(cx, &request))
}

fn map(plan: &Plan) -> BTreeMap<String, BTreeMap<ElementId, Version>> {
    let elements = |site: &crate::model::SitePlan| site.download_map.iter().map(|entry| (entry.id.clone(), entry.version.clone())).collect();
    plan.sites.iter().map(|site| (site.name.clone(), elements(site))).collect()
}

fn fingerprints(fixture: &Fixture<'_>) -> BTreeMap<String, String> {
    fixture.wanted.keys().map(|site| (site.clone(), (fixture.files)(site))).collect()
}

fn unchanged(client: &dyn Client, cx: &Context, fixture: &Fixture<'_>) -> Finding {
    let (files, downloads) = (fingerprints(fixture), (fixture.downloads)());
    plan(client, cx, fixture, PlanDepth::Resolve)?;
    same("the number of downloads after resolving", &(fixture.downloads)(), &downloads)?;
    plan(client, cx, fixture, PlanDepth::Peek)?;
    same("the number of downloads after peeking", &(fixture.downloads)(), &downloads)?;
    same("the files of the sites", &fingerprints(fixture), &files)?;
    Ok(Tried::Yes)
}

/// Where one download fails, no site has changed.
fn downloads_first(cx: &Context, fixture: &Fixture<'_>) -> Finding {
    let Some(failing) = fixture.failing else { return Ok(Tried::No) };
    let files = fingerprints(fixture);
    let failed = match plan(failing, cx, fixture, PlanDepth::Compose) {
        Err(_) => true,
        Ok(drawn) => match failing.apply(cx, &(fixture.apply)(&drawn)) {
            Err(_) => true,
            Ok(report) => report.sites.iter().any(|site| site.error.is_some()),
        },
    };
    if !failed {
        return Err("a download failed, and nobody said so".to_owned());
    }
    same("the files of the sites after a failed download", &fingerprints(fixture), &files)?;
    Ok(Tried::Yes)
}
