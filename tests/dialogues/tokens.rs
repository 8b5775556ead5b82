//! `extension:bearer` against a market with tokens, problem documents and orders that are counted.

use std::collections::BTreeMap;

use serde_json::json;

use super::ready::{found_nowhere, json as told, serve, ship, zip};
use super::support::{Fault, Reply, Request, TestEnvironment};

const TOKEN: &str = "CANARY-TOKEN-0123456789abcdef";

#[derive(Default)]
struct Market {
    /// Idempotency key → order.
    orders: BTreeMap<String, usize>,
    asked: usize,
    bytes: Option<Vec<u8>>,
}

fn problem(status: u16, title: &str, detail: &str) -> Reply {
    Reply::new(status, json!({ "type": format!("/errors/{status}"), "title": title, "status": status, "detail": detail }).to_string())
        .header("Content-Type", "application/problem+json")
}

fn answer(market: &mut Market, request: &Request) -> Reply {
    if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
        return problem(401, "Authentication required", "Missing or invalid token");
    }
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/api/plugins/tool_x/versions") => {
            let mut all = json!({ "versions": ["1.0", { "version": "1.1", "summary": "a tool" }] });
            if market.orders.is_empty() {
                all["price"] = json!({ "amount": 19.5, "currency": "EUR" });
            }
            told(all)
        }
        ("POST", "/api/plugins/tool_x/orders") => {
            market.asked += 1;
            let next = market.orders.len() + 1;
            let order = *market.orders.entry(request.header("idempotency-key").expect("a key").to_owned()).or_insert(next);
            told(json!({ "order": order, "spent": { "amount": "19.50", "currency": "EUR" } }))
        }
        ("GET", "/api/plugins/tool_x/versions/1.1/download") if market.orders.is_empty() => problem(402, "Payment required", "This plugin was not bought"),
        ("GET", "/api/plugins/tool_x/versions/1.1/download") => {
            Reply::new(200, market.bytes.clone().unwrap_or_else(|| zip(&[("tool_x/code.txt", "tool 1.1\n")]))).header("Content-Type", "application/zip")
        }
        _ => problem(404, "Not found", "There is no such thing"),
    }
}

#[test]
fn a_purchase_is_agreed_on_and_paid_once_whatever_goes_wrong() {
    let env = TestEnvironment::new();
    ship(&env, "bearer");
    let (market, state) = serve(Market::default(), answer);
    let base = market.url("/api/plugins/{name}");
    env.write(
        "greffon.toml",
        format!(
            "{}[config.secrets]\nmarket = {{ env = \"MARKET_TOKEN\" }}\n[types.plugins]\ntool_x = {{ dialogue = {{ use = \"extension:bearer\", shop = \"{}\", item = \"tool_x\", token = \"market\", versions = \"{base}/versions\", download = \"{base}/versions/{{version}}/download\", order = \"{base}/orders\" }} }}\n[extensions.bearer]\nallow = {{ net = [\"{}\"], secret = [\"market\"] }}\n[sites.one]\npath = \"one\"\n",
            super::shop::INSTALLER,
            market.url("/"),
            market.host()
        ),
    );
    let run = |arguments: &[&str]| env.greffon(arguments.iter().copied()).env("MARKET_TOKEN", TOKEN).run();
    let orders = || state.lock().expect("the market").orders.len();
    env.greffon(["sync"]).env("MARKET_TOKEN", "an-old-token").run().fails(1).says("Authentication required: Missing or invalid token").says("make a new token");
    env.greffon(["sync"]).run().fails(1).says("MARKET_TOKEN");
    run(&["sync", "-y"]).fails(1).says("this would cost 19.50 EUR, and nobody agreed to that");
    assert_eq!(orders(), 0);
    // Bought, and then everything goes wrong with the download: three more tries, one order.
    for fault in [Fault::status(403).into(), Fault::html(), Fault::status(500).into()] {
        market.fault("/download", 99, fault);
        let failed = run(&["sync", "--max-price", "20EUR", "-vv"]).fails(1);
        assert!(!failed.stderr.contains(TOKEN), "{}", failed.stderr);
        market.heal();
        state.lock().expect("the market").orders.retain(|_, order| *order > 0);
    }
    assert_eq!(orders(), 1);
    let synced = run(&["sync", "--max-price", "20EUR", "-vv"]).succeeds();
    assert_eq!(env.read("one/plugins/tool_x/code.txt"), "tool 1.1\n");
    assert_eq!(orders(), 1, "charged once");
    assert!(!synced.stderr.contains(TOKEN) && !synced.stdout.contains(TOKEN));
    found_nowhere(&env, TOKEN, &[]);
}
