//! What is sold: the dialogue gives a link, or brings the bytes itself. The link is a secret, so messages name its host alone.

use std::sync::Arc;

use super::web::{self, Wanted};
use crate::builtin::environment::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{InstallInfo, Price};
use crate::roles::{AuthorizeRequest, Context, Deal, Dialogue, DownloadRequest, Event, Events, FetchRequest, Level, Permit, ReceiptRequest};
use crate::sys::fs;
use crate::sys::http::Auth;

/// A longer receipt is no line of a lockfile.
const LONGEST_RECEIPT: usize = 500;

pub(super) fn download(env: &Env, cx: &Context, request: &DownloadRequest, wanted: &Wanted<'_>, name: &str) -> Result<InstallInfo> {
    let deal = request.deal.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("{} {} is sold through the dialogue `{name}`, and nothing was agreed with it", request.id, request.version))
            .hint("download it by hand and put it into the stock with `greffon stock add`")
    })?;
    if cx.offline() {
        return Err(Error::new(ErrorKind::Offline, format!("the shop of {} cannot be asked offline", request.id)));
    }
    let dialogue = env.dialogues.open(&deal.dialogue)?;
    let permit = authorize(cx, request, deal, &*dialogue)?;
    let (permit, mut info) = match bring(env, cx, request, wanted, &dialogue, &permit) {
        // Links live for a while only, some for one use: a new one costs nothing, the purchase has its key.
        Err(error) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::NotFound) => {
            cx.log(Level::Detail, format!("{}: {}; asking the shop for a new link", request.id, error.message()));
            let renewed = authorize(cx, request, deal, &*dialogue)?;
            let info = bring(env, cx, request, wanted, &dialogue, &renewed)?;
            (renewed, info)
        }
        brought => (permit, brought?),
    };
    info.receipt = receipt(cx, request, deal, &*dialogue, &permit, &info)?;
    Ok(info)
}

/// One seat a site; the first call is the purchase.
fn authorize(cx: &Context, request: &DownloadRequest, deal: &Deal, dialogue: &dyn Dialogue) -> Result<Permit> {
    let mut first: Option<Permit> = None;
    for identity in &deal.identities {
        cx.check()?;
        let permit = dialogue.authorize(
            cx,
            &AuthorizeRequest {
                id: request.id.clone(),
                version: request.version.clone(),
                identity: identity.clone(),
                agreed: deal.agreed.clone().filter(|_| first.is_none()),
                key: deal.key(&request.id, &request.version),
            },
        )?;
        if let Some(spent) = permit.spent.as_ref().filter(|spent| exceeds(spent, deal.agreed.as_ref())) {
            return Err(Error::new(ErrorKind::Refused, format!("the shop of {} took {spent}, which nobody agreed to", request.id))
                .hint("ask the shop to give it back; nothing was installed"));
        }
        let seats = permit.seats;
        let permit = first.get_or_insert(permit);
        permit.seats = seats.or(permit.seats);
    }
    first.ok_or_else(|| Error::new(ErrorKind::Internal, format!("{} is for no site", request.id)))
}

fn exceeds(spent: &Price, agreed: Option<&Price>) -> bool {
    let amount = spent.micros().unwrap_or(u128::MAX);
    amount > 0 && agreed.is_none_or(|agreed| agreed.currency != spent.currency || agreed.micros().is_none_or(|most| amount > most))
}

fn bring(env: &Env, cx: &Context, request: &DownloadRequest, wanted: &Wanted<'_>, dialogue: &Arc<dyn Dialogue>, permit: &Permit) -> Result<InstallInfo> {
    fs::create_folder(&request.target_dir)?;
    let size = wanted.size.or(permit.size);
    if size.is_some_and(|size| size > wanted.max_size) {
        return Err(web::too_large("what the shop sells", wanted.max_size));
    }
    let fetch = FetchRequest { id: request.id.clone(), version: request.version.clone(), permit: permit.clone(), target_dir: request.target_dir.clone() };
    if let Some(path) = dialogue.fetch(cx, &fetch)? {
        let (digest, length) = fs::digest(cx, &path)?;
        let brought = web::Brought { digest, size: length, content_type: None };
        let promised = Wanted { size, sha256: wanted.sha256.or(permit.sha256.as_ref()), ..*wanted };
        return web::checked(request, path, &brought, &promised, "the shop");
    }
    let url = permit.url.as_deref().ok_or_else(|| {
        Error::new(ErrorKind::Extension, format!("the dialogue of {} gave no link", request.id))
            .hint("its `authorize` gives `#{ url: \"…\" }`, or it has a `fetch`")
    })?;
    let shown = host_of(url);
    let to = request.target_dir.join("archive");
    let auth = permit.bearer.clone().map(Auth::Bearer);
    let quiet = cx.with_events(Arc::new(Unlinked(cx.clone())));
    let limit = size.map_or(wanted.max_size, |size| size.max(64 << 10));
    let brought =
        env.http.download(&quiet, url, auth.as_ref(), &to, limit, None, &format!("fetch {}", request.id)).map_err(|error| unlinked(&error, &shown))?;
    let promised = Wanted { size, sha256: wanted.sha256.or(permit.sha256.as_ref()), ..*wanted };
    let brought = web::Brought { digest: brought.digest, size: brought.size, content_type: brought.content_type };
    web::checked(request, to, &brought, &promised, &shown)
}

fn host_of(url: &str) -> String {
    let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.map_or_else(|| "the shop's link".to_owned(), |host| format!("the shop's link at {host}"))
}

/// A failed download without the addresses it names.
fn unlinked(error: &Error, shown: &str) -> Error {
    let what = match error.kind() {
        ErrorKind::Denied => format!("{shown} was refused: it has expired, was used up, or the licence does not serve"),
        ErrorKind::NotFound => format!("{shown} leads to nothing any more: it has expired or was used up"),
        _ => hosts_only(error.message()),
    };
    let mut clean = Error::new(error.kind(), what);
    if !matches!(error.kind(), ErrorKind::Denied | ErrorKind::NotFound) {
        clean = error.notes().iter().fold(clean, |clean, note| clean.note(hosts_only(note)));
        clean = error.hints().iter().fold(clean, |clean, hint| clean.hint(hosts_only(hint)));
    }
    if error.is_temporary() { clean.temporary() } else { clean }
}

/// Hands events on without the addresses they name.
struct Unlinked(Context);

impl Events for Unlinked {
    fn emit(&self, event: Event) {
        self.0.emit(match event {
            Event::Log { level, text } => Event::Log { level, text: hosts_only(&text) },
            other => other,
        });
    }
}

/// The text with every url cut off behind its host.
fn hosts_only(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\'' | ',' | ')')).unwrap_or(after.len());
        let host = after[..end].find(['/', '?', '#']).unwrap_or(end);
        let from = after[..host].rfind('@').map_or(0, |at| at + 1);
        out.push_str(&after[from..host]);
        if host < end {
            // A colon after the address is the sentence's.
            out.push_str(if after[..end].ends_with(':') { "/…:" } else { "/…" });
        }
        rest = &after[end..];
    }
    out + rest
}

/// What the lockfile keeps of it. One that holds a secret is left out: a lockfile is for everybody to read.
fn receipt(cx: &Context, request: &DownloadRequest, deal: &Deal, dialogue: &dyn Dialogue, permit: &Permit, info: &InstallInfo) -> Result<Option<String>> {
    let Some(sha256) = info.digest else { return Ok(None) };
    let asked =
        ReceiptRequest { id: request.id.clone(), version: request.version.clone(), identities: deal.identities.clone(), permit: permit.clone(), sha256 };
    let text = match dialogue.receipt(cx, &asked)? {
        Some(text) => text,
        None => plain(deal, permit),
    };
    let mut secrets: Vec<String> = [&permit.url, &permit.bearer].into_iter().flatten().cloned().collect();
    for name in deal.dialogue.as_object().into_iter().flat_map(serde_json::Map::values).filter_map(serde_json::Value::as_str) {
        secrets.extend(cx.secrets().get(name).ok().flatten());
    }
    let told = secrets.iter().any(|secret| !secret.is_empty() && text.contains(secret.as_str()));
    if told || text.len() > LONGEST_RECEIPT {
        cx.log(
            Level::Warning,
            format!("the receipt of {} {} is not kept: it {}", request.id, request.version, if told { "holds a secret" } else { "is too long" }),
        );
        return Ok(None);
    }
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// What every shop says alike.
fn plain(deal: &Deal, permit: &Permit) -> String {
    let mut parts = Vec::new();
    parts.extend(permit.order.as_ref().map(|order| format!("order {order}")));
    parts.extend(permit.spent.as_ref().filter(|spent| spent.micros() != Some(0)).map(|spent| format!("paid {spent}")));
    parts.push(format!("for {}", deal.identities.join(", ")));
    if let Some(seats) = permit.seats {
        parts.push(seats.limit.map_or_else(|| format!("{} seats used", seats.used), |limit| format!("{} of {limit} seats used", seats.used)));
    }
    parts.extend(permit.expires.as_ref().map(|until| format!("until {until}")));
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_behind_their_host() {
        for (text, clean) in [
            ("GET https://u:p@shop.example/dl/T0KEN?k=T0KEN: the server has a problem", "GET https://shop.example/…: the server has a problem"),
            ("`http://h:8080/T0KEN` gave 3 bytes", "`http://h:8080/…` gave 3 bytes"),
            ("nothing here", "nothing here"),
            ("https://h and http://g/T0KEN", "https://h and http://g/…"),
        ] {
            assert_eq!(hosts_only(text), clean);
        }
    }

    #[test]
    fn nothing_is_spent_that_nobody_agreed_to() {
        let price = |amount: &str, currency: &str| Price { amount: amount.into(), currency: currency.into() };
        assert!(exceeds(&price("1", "EUR"), None));
        assert!(!exceeds(&price("0.00", "EUR"), None));
        assert!(!exceeds(&price("49", "EUR"), Some(&price("49.00", "EUR"))));
        assert!(exceeds(&price("49.01", "EUR"), Some(&price("49.00", "EUR"))));
        assert!(exceeds(&price("49", "USD"), Some(&price("49.00", "EUR"))));
        assert!(exceeds(&price("free", "EUR"), Some(&price("49.00", "EUR"))));
    }
}
