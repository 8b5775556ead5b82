//! Dialogues across the wire.
//!
//! | method | gives |
//! |---|---|
//! | `quote({id, version, identities})` | `{versions: ["2.0"] or [{version, dependencies?, …}], price?: {amount, currency}, terms?, seats?: {used, limit?}, expires?}`; may be left out where an index says what there is |
//! | `authorize({id, version, identity, agreed, key})` | `{url, bearer? or auth? (a secret's name), size?, sha256?, order?, spent?, seats?, expires?}` |
//! | `fetch({id, version, permit, target_dir})` | the path of what it brought; may be left out: greffon fetches the url |
//! | `receipt({id, version, identities, permit, sha256})` | a line for the lockfile, or `()`; may be left out |
//! | `release({id, version, identity, receipt})` | anything; may be left out where there are no seats |

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::repository::check_info;
use super::{Answerer, Role, from_answer, nobody, only_keys, to_json, wrong_answer};
use crate::error::Result;
use crate::model::{ElementInfo, Price, Version};
use crate::roles::{AuthorizeRequest, Context, Dialogue, FetchRequest, Permit, Quote, QuoteRequest, ReceiptRequest, ReleaseRequest, Seats};

/// What a quote looks like as it crosses.
const QUOTE: &str =
    "`#{ versions: [\"2.0\"], price: #{ amount: \"49.00\", currency: \"EUR\" }, seats: #{ used: 1, limit: 5 } }`; all but `versions` may be missing";
const PERMIT: &str = "`#{ url: \"https://…\" }`, with `bearer`, `size`, `sha256`, `order`, `spent`, `seats`, `expires` where there are such";

/// A dialogue that a script or a library is.
#[derive(Debug)]
pub struct WiredDialogue(pub Arc<dyn Answerer>);

#[derive(Deserialize)]
struct Offer {
    #[serde(default)]
    versions: Vec<Value>,
    #[serde(default)]
    price: Option<Value>,
    #[serde(default)]
    terms: Option<String>,
    #[serde(default)]
    seats: Value,
    #[serde(default)]
    expires: Option<String>,
}

impl WiredDialogue {
    fn ask(&self, cx: &Context, method: &'static str, request: Value) -> Result<Value> {
        if !self.0.has(method) {
            return Err(nobody(&*self.0, Role::Dialogue, method));
        }
        self.0.call(cx, method, request)
    }

    /// A version as a text, or an element info without what is known: the id.
    fn info(&self, request: &QuoteRequest, value: Value) -> Result<ElementInfo> {
        let mut table: Map<String, Value> = match value {
            Value::String(version) => return Ok(ElementInfo::bare(request.id.clone(), Version::new(version))),
            Value::Object(table) => table,
            other => return Err(wrong_answer(&*self.0, "quote", &format!("a version that is `{other}`"), QUOTE)),
        };
        check_info(&*self.0, "quote", &table)?;
        table.insert("id".to_owned(), Value::String(request.id.to_string()));
        table.retain(|key, value| key != "download" && !value.is_null());
        from_answer(&*self.0, "quote", Value::Object(table), QUOTE)
    }
}

/// `{amount, currency}`; scripts may give the amount as a number.
fn price(to: &dyn Answerer, method: &str, value: Value, shape: &str) -> Result<Price> {
    let Value::Object(mut table) = value else { return Err(wrong_answer(to, method, "a price that is no map", shape)) };
    if let Some(number @ Value::Number(_)) = table.get("amount") {
        let text = Value::String(number.to_string());
        table.insert("amount".to_owned(), text);
    }
    only_keys(to, method, &table, &["amount", "currency"], shape)?;
    let price: Price = from_answer(to, method, Value::Object(table), shape)?;
    if price.micros().is_none() {
        return Err(wrong_answer(to, method, &format!("the price `{}`", price.amount.escape_debug()), shape));
    }
    Ok(price)
}

fn seats(to: &dyn Answerer, method: &str, value: Value, shape: &str) -> Result<Option<Seats>> {
    if let Some(table) = value.as_object() {
        only_keys(to, method, table, &["used", "limit"], shape)?;
    }
    from_answer(to, method, value, shape)
}

impl Dialogue for WiredDialogue {
    fn quote(&self, cx: &Context, request: &QuoteRequest) -> Result<Quote> {
        if !self.0.has("quote") && request.version.is_some() {
            return Ok(Quote::default());
        }
        let answer = self.ask(cx, "quote", to_json("a question", request)?)?;
        if let Some(map) = answer.as_object() {
            only_keys(&*self.0, "quote", map, &["versions", "price", "terms", "seats", "expires"], QUOTE)?;
        }
        let offer: Offer = from_answer(&*self.0, "quote", answer, QUOTE)?;
        Ok(Quote {
            versions: offer.versions.into_iter().map(|value| self.info(request, value)).collect::<Result<_>>()?,
            price: offer.price.filter(|price| !price.is_null()).map(|value| price(&*self.0, "quote", value, QUOTE)).transpose()?,
            terms: offer.terms,
            seats: seats(&*self.0, "quote", offer.seats, QUOTE)?,
            expires: offer.expires,
        })
    }

    fn authorize(&self, cx: &Context, request: &AuthorizeRequest) -> Result<Permit> {
        let mut answer = self.ask(cx, "authorize", to_json("a request", request)?)?;
        if let Some(map) = answer.as_object() {
            only_keys(&*self.0, "authorize", map, &["url", "bearer", "auth", "size", "sha256", "order", "spent", "seats", "expires"], PERMIT)?;
        }
        if let Some(spent) = answer.get_mut("spent").filter(|spent| !spent.is_null()) {
            *spent = to_json("a price", &price(&*self.0, "authorize", spent.take(), PERMIT)?)?;
        }
        if let Some(table) = answer.get("seats").and_then(Value::as_object) {
            only_keys(&*self.0, "authorize", table, &["used", "limit"], PERMIT)?;
        }
        // What is wrong is told without what was given: it holds secrets.
        serde_json::from_value(answer).map_err(|error| {
            let what = if error.is_data() { "something of another type" } else { "no map" };
            wrong_answer(&*self.0, "authorize", what, PERMIT)
        })
    }

    fn fetch(&self, cx: &Context, request: &FetchRequest) -> Result<Option<PathBuf>> {
        if !self.0.has("fetch") {
            return Ok(None);
        }
        let answer = self.ask(cx, "fetch", to_json("a request", request)?)?;
        if let Some(map) = answer.as_object() {
            only_keys(&*self.0, "fetch", map, &["path"], "the path of what it brought")?;
        }
        let path = answer.as_str().or_else(|| answer.get("path").and_then(Value::as_str)).map(PathBuf::from);
        match path {
            Some(path) => {
                let target = crate::sys::fs::ground::real_path(&request.target_dir)?;
                let path = crate::sys::fs::ground::real_path(&target.join(path))?;
                if path.starts_with(&target) {
                    Ok(Some(path))
                } else {
                    Err(wrong_answer(&*self.0, "fetch", "a path outside `target_dir`", "the path of what it brought"))
                }
            }
            None => Err(wrong_answer(&*self.0, "fetch", "no path", "the path of what it brought")),
        }
    }

    fn receipt(&self, cx: &Context, request: &ReceiptRequest) -> Result<Option<String>> {
        if !self.0.has("receipt") {
            return Ok(None);
        }
        match self.ask(cx, "receipt", to_json("a request", request)?)? {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            _ => Err(wrong_answer(&*self.0, "receipt", "neither a text nor nothing", "a line for the lockfile")),
        }
    }

    fn release(&self, cx: &Context, request: &ReleaseRequest) -> Result<bool> {
        if !self.0.has("release") {
            return Ok(false);
        }
        self.ask(cx, "release", to_json("a request", request)?).map(|_| true)
    }
}
