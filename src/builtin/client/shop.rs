//! What is sold: offers as candidates, the consent before anything is spent, seats given back.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::{Value, json};

use super::Standard;
use super::fetch::Available;
use super::fit::other_source;
use super::provider::Asked;
use super::resolved::{Resolved, info_of};
use crate::diagnostic::at_origin;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::model::{
    Action, Digest, Download, ElementId, ElementInfo, LockedElement, MaxPrice, Origin, Price, SitePlan, Source, Version, WantedElement, WantedSite,
};
use crate::roles::{ApplyRequest, Context, Deal, Question, Quote, QuoteRequest, ReleaseRequest};
use crate::site::Generation;

/// The dialogue's name, as the manifest has it.
pub(super) fn name(options: &Value) -> Option<String> {
    options.get("use").and_then(Value::as_str).map(str::to_owned)
}

/// What stands in the lock for where it comes from: the product in its shop. The link itself is a secret.
pub(super) fn address(options: &Value) -> String {
    let text = |key: &str| options.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    match (text("shop"), text("item")) {
        (Some(shop), Some(item)) => format!("{}#{item}", super::locking::source_of(&shop)),
        (Some(shop), None) => super::locking::source_of(&shop),
        _ => {
            let mut own = options.clone();
            if let Some(table) = own.as_object_mut() {
                table.shift_remove("allow");
            }
            format!("{}#{}", name(options).unwrap_or_default(), &Digest::of(own.to_string().as_bytes()).hex()[..12])
        }
    }
}

/// What the shop knows a site by: `identity`, in which `{site}` is the site's name; else that name.
fn identity(options: &Value, site: &str) -> String {
    options.get("identity").and_then(Value::as_str).unwrap_or("{site}").replace("{site}", site)
}

/// The options of an element's dialogue; one that an index names has those of `[extensions.NAME]` alone.
fn options_of(site: &WantedSite, id: &ElementId, locked: &LockedElement) -> Option<Value> {
    match site.elements.get(id).map(|wanted| &wanted.source) {
        Some(Source::Dialogue { options }) => Some(options.clone()),
        _ => locked.dialogue.as_ref().map(|name| json!({ "use": if name.contains(':') { name.clone() } else { format!("extension:{name}") } })),
    }
}

/// What is to be fetched from one shop.
struct Order {
    id: ElementId,
    version: Version,
    options: Value,
    identities: Vec<String>,
}

/// What was agreed on, by element and address.
pub(super) type Deals = HashMap<(ElementId, Option<String>), Deal>;

/// What the shops said of what is to be fetched.
#[derive(Default)]
pub(super) struct Agreed {
    pub(super) deals: Deals,
    /// Element by element, for the plan.
    pub(super) notes: Vec<(ElementId, String)>,
}

impl Standard {
    /// What a dialogue offers. Where it fails, a locked element stays as it is locked: it can be had from the stock.
    pub(super) fn offered(&self, cx: &Context, site: &WantedSite, wanted: &WantedElement, options: &Value, asked: &Asked) -> Result<Vec<ElementInfo>> {
        let id = &wanted.id;
        let locked = asked.lock.entry(&site.name, id).filter(|(_, entry)| other_source(wanted, entry).is_none());
        let known = locked.map(|(pin, locked)| info_of(&Resolved { id: id.clone(), pin: pin.clone(), locked: locked.clone() }, &self.parts.base));
        let quoted =
            self.quote(cx, &Order { id: id.clone(), version: Version::new(""), options: options.clone(), identities: vec![identity(options, &site.name)] });
        let quote = match (quoted, known.clone()) {
            (Ok(quote), _) => quote,
            (Err(error), Some(info)) if error.kind() != ErrorKind::Interrupted => {
                if !cx.offline() {
                    asked.hold(format!("{id} stays at {}: {}", info.version, told(&error)));
                }
                return Ok(vec![info]);
            }
            (Err(error), _) => return Err(error),
        };
        let mut infos = quote.versions;
        for info in &mut infos {
            info.download =
                Some(Download::Url { url: address(options), sha256: None, md5: None, size: None, dialogue: name(options), price: quote.price.clone() });
        }
        infos.extend(known.filter(|info| !infos.iter().any(|offered| offered.version == info.version)));
        if infos.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, format!("the shop of {id} offers no version of it")));
        }
        Ok(infos)
    }

    fn quote(&self, cx: &Context, order: &Order) -> Result<Quote> {
        if cx.offline() {
            return Err(Error::new(ErrorKind::Offline, format!("the shop of {} cannot be asked offline", order.id)));
        }
        let version = Some(order.version.clone()).filter(|version| !version.as_str().is_empty());
        self.parts.dialogues.open(&order.options)?.quote(cx, &QuoteRequest { id: order.id.clone(), version, identities: order.identities.clone() })
    }

    /// Asks the shops of what is missing for their terms, all before the first byte; where that costs something, only `--max-price`
    /// and an answer agree. `buy`: it is going to be fetched; else the terms are merely told.
    pub(super) fn agree(&self, cx: &Context, missing: &[(&WantedSite, &[Available])], origins: &HashMap<ElementId, Origin>, buy: bool) -> Result<Agreed> {
        let mut orders: BTreeMap<(ElementId, Option<String>), Order> = BTreeMap::new();
        for (site, available) in missing {
            for one in available.iter().filter(|one| one.tree.is_none()) {
                let Resolved { id, pin, locked } = &one.resolved;
                let Some(options) = locked.dialogue.as_ref().and_then(|_| options_of(site, id, locked)) else { continue };
                let identity = identity(&options, &site.name);
                let order = orders.entry((id.clone(), locked.url.clone())).or_insert_with(|| Order {
                    id: id.clone(),
                    version: pin.version.clone(),
                    options,
                    identities: Vec::new(),
                });
                if !order.identities.contains(&identity) {
                    order.identities.push(identity);
                }
            }
        }
        let mut agreed = Agreed::default();
        if orders.is_empty() || (cx.offline() && !buy) {
            return Ok(agreed);
        }
        let (mut offers, mut failures) = (Vec::new(), Vec::new());
        for (key, order) in orders {
            match self.quote(cx, &order) {
                Ok(quote) => offers.push((key, order, quote)),
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) if !buy => agreed.notes.push((order.id.clone(), told(&error))),
                Err(error) => {
                    let error = error.wrap(format!("could not fetch {} {}", order.id, order.version));
                    failures.push(match origins.get(&order.id) {
                        Some(origin) => at_origin(error, origin, order.id.name(), ""),
                        None => error,
                    });
                }
            }
        }
        Error::all(failures).map_or(Ok(()), Err)?;
        if buy {
            consent(cx, &offers.iter().map(|(_, order, quote)| (order, quote)).collect::<Vec<_>>(), self.parts.max_price.as_ref())?;
        }
        for (key, order, quote) in offers {
            let line = terms(&quote, order.identities.len());
            if !line.is_empty() {
                agreed.notes.push((order.id.clone(), line));
            }
            agreed.deals.insert(key, Deal { dialogue: order.options, identities: order.identities, agreed: quote.price.filter(costs) });
        }
        Ok(agreed)
    }

    /// Gives back the seats of what an apply took away. What fails is told: the element is gone all the same.
    pub(super) fn release(&self, cx: &Context, request: &ApplyRequest, wanted: &WantedSite, plan: &SitePlan, before: &Generation) -> Vec<String> {
        let removed: Vec<&ElementId> = plan.changes.iter().filter(|change| change.action == Action::Remove).map(|change| &change.id).collect();
        if removed.is_empty() || !before.lock.contains("dialogue") {
            return Vec::new();
        }
        let path = self.parts.base.join("greffon.toml");
        let Ok((lock, _)) = super::read_lock(Path::new("greffon.lock"), &before.lock, &self.parts.base) else { return Vec::new() };
        let site = Manifest::parse(&path, before.manifest.clone()).ok().and_then(|manifest| manifest.sites.into_iter().find(|site| site.name == wanted.name));
        let mut notes = Vec::new();
        for id in removed {
            let Some((pin, locked)) = lock.entry(&wanted.name, id).filter(|(_, locked)| locked.dialogue.is_some()) else { continue };
            // What an index named stands in no manifest: it may have come because another element needs it.
            let Some(options) = options_of(site.as_ref().unwrap_or(wanted), id, locked) else { continue };
            let identity = identity(&options, &wanted.name);
            let still = |other: &&WantedSite| {
                matches!(other.elements.get(id).map(|wanted| &wanted.source), Some(Source::Dialogue { options: theirs })
                    if address(theirs) == address(&options) && self::identity(theirs, &other.name) == identity)
            };
            if request.wanted.iter().any(|other| still(&other)) {
                continue;
            }
            let asked = ReleaseRequest { id: id.clone(), version: pin.version.clone(), identity: identity.clone(), receipt: locked.receipt.clone() };
            let done = if cx.offline() {
                Err(Error::new(ErrorKind::Offline, "the shop cannot be asked offline"))
            } else {
                self.parts.dialogues.open(&options).and_then(|dialogue| dialogue.release(cx, &asked))
            };
            match done {
                Ok(true) => notes.push(format!("the seat of {id} for `{identity}` was given back")),
                Ok(false) => {}
                Err(error) => notes.push(format!("the seat of {id} for `{identity}` was not given back: {}", told(&error))),
            }
        }
        notes
    }
}

/// A failure on one line.
fn told(error: &Error) -> String {
    let mut text = error.message().to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

fn costs(price: &Price) -> bool {
    price.micros() != Some(0)
}

/// The terms of an offer on one line.
fn terms(quote: &Quote, sites: usize) -> String {
    let mut parts = Vec::new();
    parts.extend(quote.price.as_ref().filter(|price| costs(price)).map(|price| format!("costs {price}")));
    parts.extend(quote.terms.clone());
    parts.extend(quote.expires.as_ref().map(|until| format!("licence until {until}")));
    if let Some(seats) = quote.seats {
        let of = seats.limit.map_or_else(|| "seats used, there is no limit".to_owned(), |limit| format!("of {limit} seats used"));
        let sites = if sites == 1 { "one site".to_owned() } else { format!("{sites} sites") };
        parts.push(format!("{} {of}; this is for {sites}", seats.used));
    }
    parts.join("; ")
}

/// Whether all of it may be bought.
fn consent(cx: &Context, offers: &[(&Order, &Quote)], most: Option<&MaxPrice>) -> Result<()> {
    let mut totals: BTreeMap<&str, u128> = BTreeMap::new();
    let mut lines = Vec::new();
    for (order, quote) in offers {
        let Some(price) = quote.price.as_ref().filter(|price| costs(price)) else { continue };
        let amount = price.micros().ok_or_else(|| Error::new(ErrorKind::Extension, format!("`{price}` is no price")))?;
        *totals.entry(price.currency.as_str()).or_default() += amount;
        lines.push(format!("{} {}: {}", order.id, order.version, terms(quote, order.identities.len())));
    }
    if totals.is_empty() {
        return Ok(());
    }
    let sum = totals.iter().map(|(currency, amount)| format!("{} {currency}", decimal(*amount))).collect::<Vec<_>>().join(" and ");
    let refuse = |what: String| lines.iter().fold(Error::new(ErrorKind::Refused, what), |error, line| error.note(line.clone()));
    let flag = match totals.iter().collect::<Vec<_>>().as_slice() {
        [(currency, amount)] => format!("--max-price {}{currency}", decimal(**amount)),
        _ => "--max-price AMOUNT".to_owned(),
    };
    if let Some(most) = most {
        return match totals.iter().collect::<Vec<_>>().as_slice() {
            [(currency, amount)] if most.covers(**amount, currency) => Ok(()),
            [_] => Err(refuse(format!("this would cost {sum}, and `--max-price` allows {most}")).hint("nothing was bought")),
            _ => Err(refuse(format!("this would cost {sum}, and `--max-price` is for one currency")).hint("fetch them one after the other: `--site NAME`")),
        };
    }
    let question = Question {
        text: format!("{}. Spend {sum}?", lines.join(". ")),
        choices: vec!["yes".to_owned(), "no".to_owned()],
        default: Some("no".to_owned()),
        secret: false,
        flag: flag.clone(),
    };
    if !cx.prompter().is_present() {
        return Err(refuse(format!("this would cost {sum}, and nobody agreed to that")).hint(format!("say so with `{flag}`; `-y` spends nothing")));
    }
    if cx.prompter().ask(&question)? == "yes" { Ok(()) } else { Err(refuse("nothing was bought".to_owned())) }
}

fn decimal(micros: u128) -> String {
    let (whole, part) = (micros / 1_000_000, micros % 1_000_000);
    let part = format!("{part:06}");
    let kept = part.trim_end_matches('0').len().max(2);
    format!("{whole}.{}", &part[..kept])
}
