//! Checks of [`Stock`]. A stock is a [`crate::roles::Repository`] too: run it through [`super::repository`] as well.

use std::fmt;

use super::{Finding, Suite, Tried, Verdict, fails, same, works};
use crate::error::{ErrorKind, Result};
use crate::model::{ObjectId, Payload};
use crate::roles::{Context, GcRequest, PinRequest, Stock, StockKey, StoreRequest, StoredElement};

/// The sentences that are checked.
pub const CONTRACT: &[&str] = &[AGAIN, WHOLE, OTHER, REFUSED, ALONE, VERIFIED, DURABLE, PROTECTED];

const AGAIN: &str = "Storing what is there already succeeds and changes nothing.";
const WHOLE: &str = "An entry appears whole or not at all, also after a crash.";
const OTHER: &str = "Other bytes under an identity that exists are an error of kind `Digest`.";
const REFUSED: &str = "An archive that the extraction policy refuses is an error of kind `Archive`, and nothing is kept of it.";
const ALONE: &str = "Asks nobody else; works offline.";
const VERIFIED: &str = "What it gives was verified when it was stored; an entry found damaged is put aside and `None` is given.";
const DURABLE: &str = "Durable before it returns. The same pin set twice holds the later trees.";
const PROTECTED: &str = "Nothing that a pin protects goes. With `dry_run` nothing goes at all, and the report says what would.";
const SORTED: &str = "`list` gives everything stored, sorted by id, then version text.";

/// What the caller knows of the stock, which must be empty at the beginning.
pub struct Fixture<'a> {
    /// Something to store.
    pub first: StoreRequest,
    /// Something else to store.
    pub second: StoreRequest,
    /// The identity of `first` with other bytes.
    pub other_bytes: Option<StoreRequest>,
    /// An archive that no policy lets in.
    pub refused: Option<StoreRequest>,
    /// Opens the same stock anew, as another process would.
    pub reopen: Option<&'a dyn Fn() -> Result<Box<dyn Stock>>>,
    /// Damages what is kept of an entry; tried last, on `second`.
    pub damage: Option<&'a dyn Fn(&StoredElement)>,
}

impl fmt::Debug for Fixture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("first", &self.first).field("second", &self.second).finish_non_exhaustive()
    }
}

/// Runs a stock through its contract.
///
/// # Errors
/// Every sentence that does not hold.
pub fn check(stock: &dyn Stock, cx: &Context, fixture: &Fixture<'_>) -> Verdict {
    let mut suite = Suite::new("stock");
    suite.sentence(AGAIN, || {
        let first = store(stock, cx, &fixture.first)?;
        let list = list(stock, cx)?;
        same("the element that was stored again", &store(stock, cx, &fixture.first)?, &first)?;
        same("the list after storing again", &self::list(stock, cx)?, &list)?;
        Ok(Tried::Yes)
    });
    suite.sentence(OTHER, || {
        let Some(other) = &fixture.other_bytes else { return Ok(Tried::No) };
        let before = works("open", stock.open(cx, &key(&fixture.first)))?;
        fails("storing other bytes", ErrorKind::Digest, stock.store_element(cx, other))?;
        same("the entry afterwards", &works("open", stock.open(cx, &key(&fixture.first)))?, &before)?;
        Ok(Tried::Yes)
    });
    suite.sentence(REFUSED, || {
        let Some(refused) = &fixture.refused else { return Ok(Tried::No) };
        let before = list(stock, cx)?;
        fails("storing a hostile archive", ErrorKind::Archive, stock.store_element(cx, refused))?;
        same("the list afterwards", &list(stock, cx)?, &before)?;
        same("what is kept of it", &works("open", stock.open(cx, &key(refused)))?, &None)?;
        Ok(Tried::Yes)
    });
    suite.sentence(SORTED, || {
        store(stock, cx, &fixture.second)?;
        let list = list(stock, cx)?;
        let mut sorted = list.clone();
        sorted.sort_by(|a, b| a.id.cmp(&b.id).then_with(|| a.version.cmp(&b.version)));
        same("the list", &list, &sorted)?;
        let missing =
            [&fixture.first, &fixture.second].into_iter().find(|one| !list.iter().any(|key| key.id == one.info.id && key.version == one.info.version));
        match missing {
            Some(one) => Err(format!("{} {} is not listed", one.info.id, one.info.version)),
            None => Ok(Tried::Yes),
        }
    });
    suite.sentence(WHOLE, || reopened(cx, fixture));
    suite.sentence(ALONE, || {
        let offline = cx.without_network();
        let found = opened(stock, &offline, &fixture.first)?.ok_or("what was stored is not there offline")?;
        same("what is opened", &(&found.key.id, &found.key.version), &(&fixture.first.info.id, &fixture.first.info.version))?;
        let mut nobody = key(&fixture.first);
        nobody.origin.push_str("#of-somebody-else");
        same("what another origin's key opens", &works("open", stock.open(&offline, &nobody))?, &None)?;
        Ok(Tried::Yes)
    });
    suite.sentence(DURABLE, || durable(stock, cx, fixture));
    suite.sentence(PROTECTED, || protected(stock, cx, fixture));
    suite.sentence(VERIFIED, || {
        let Some(damage) = fixture.damage else { return Ok(Tried::No) };
        let stored = store(stock, cx, &fixture.second)?;
        damage(&stored);
        let found = works(
            "open",
            match fixture.reopen {
                Some(reopen) => reopen().and_then(|stock| stock.open(cx, &key(&fixture.second))),
                None => stock.open(cx, &key(&fixture.second)),
            },
        )?;
        match found {
            None => Ok(Tried::Yes),
            Some(_) => Err("a damaged entry was given".to_owned()),
        }
    });
    suite.finish()
}

/// The identity under which a request is stored, whatever its digest.
fn key(request: &StoreRequest) -> StockKey {
    StockKey { origin: request.origin.clone(), id: request.info.id.clone(), version: request.info.version.clone(), digest: String::new() }
}

fn store(stock: &dyn Stock, cx: &Context, request: &StoreRequest) -> Result<StoredElement, String> {
    works(&format!("storing {} {}", request.info.id, request.info.version), stock.store_element(cx, request))
}

fn opened(stock: &dyn Stock, cx: &Context, request: &StoreRequest) -> Result<Option<StoredElement>, String> {
    works(&format!("opening {} {}", request.info.id, request.info.version), stock.open(cx, &key(request)))
}

fn list(stock: &dyn Stock, cx: &Context) -> Result<Vec<StockKey>, String> {
    works("list", stock.list(cx))
}

fn tree(stored: &StoredElement) -> Option<ObjectId> {
    match stored.payload {
        Payload::Tree { tree, .. } => Some(tree),
        _ => None,
    }
}

/// Another process sees all of what was stored and nothing of what was refused.
fn reopened(cx: &Context, fixture: &Fixture<'_>) -> Finding {
    let Some(reopen) = fixture.reopen else { return Ok(Tried::No) };
    let stock = works("opening the stock anew", reopen())?;
    for request in [&fixture.first, &fixture.second] {
        let found = opened(&*stock, cx, request)?.ok_or_else(|| format!("{} {} is gone", request.info.id, request.info.version))?;
        same("its metadata", &found.info, &request.info)?;
    }
    if let Some(refused) = &fixture.refused {
        same("what is kept of a refused archive", &opened(&*stock, cx, refused)?, &None)?;
    }
    Ok(Tried::Yes)
}

const SITE: &str = "conformance-0001";

fn pin(tree: ObjectId) -> PinRequest {
    PinRequest { site: SITE.to_owned(), generation: 1, tree, elements: vec![tree] }
}

fn collect(stock: &dyn Stock, cx: &Context, dry_run: bool) -> Result<crate::roles::GcReport, String> {
    works("gc", stock.gc(cx, &GcRequest { dry_run, max_bytes: None, forget: None }))
}

fn durable(stock: &dyn Stock, cx: &Context, fixture: &Fixture<'_>) -> Finding {
    let (first, second) = (store(stock, cx, &fixture.first)?, store(stock, cx, &fixture.second)?);
    let (Some(old), Some(new)) = (tree(&first), tree(&second)) else { return Ok(Tried::No) };
    let Some(reopen) = fixture.reopen else { return Ok(Tried::No) };
    works("pin", stock.pin(cx, &pin(old)))?;
    works("pin", stock.pin(cx, &pin(new)))?;
    let anew = works("opening the stock anew", reopen())?;
    collect(&*anew, cx, false)?;
    if opened(&*anew, cx, &fixture.second)?.is_none() {
        return Err("what the later pin holds went".to_owned());
    }
    if opened(&*anew, cx, &fixture.first)?.is_some() {
        return Err("what only the earlier pin held is still there after gc".to_owned());
    }
    works("unpin", anew.unpin(cx, SITE, None))?;
    works("unpin of what is not pinned", anew.unpin(cx, SITE, Some(7)))?;
    Ok(Tried::Yes)
}

fn protected(stock: &dyn Stock, cx: &Context, fixture: &Fixture<'_>) -> Finding {
    let (first, _) = (store(stock, cx, &fixture.first)?, store(stock, cx, &fixture.second)?);
    let Some(kept) = tree(&first) else { return Ok(Tried::No) };
    works("pin", stock.pin(cx, &pin(kept)))?;
    let before = list(stock, cx)?;
    let would = collect(stock, cx, true)?;
    same("the list after a dry run", &list(stock, cx)?, &before)?;
    if would.removed.is_empty() {
        return Err("the report of a dry run does not say what would go".to_owned());
    }
    collect(stock, cx, false)?;
    if opened(stock, cx, &fixture.first)?.is_none() {
        return Err("what a pin protects went".to_owned());
    }
    same("what no pin protects", &opened(stock, cx, &fixture.second)?, &None)?;
    works("unpin", stock.unpin(cx, SITE, Some(1)))?;
    store(stock, cx, &fixture.second)?;
    Ok(Tried::Yes)
}
