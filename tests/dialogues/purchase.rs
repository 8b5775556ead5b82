//! A purchase whatever happens: the shop counts what it charged. The dialogue is named by an index, brings the archive itself, and says
//! what to keep of it.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use super::ready::{json as told, serve, zip};
use super::shop::INSTALLER;
use super::support::{Fault, Reply, Request, Server, Terminal, TestEnvironment};

const TOKEN: &str = "CANARY-TOKEN-of-the-till";

/// What the shop writes down.
#[derive(Default)]
struct Till {
    /// Idempotency key → order: each is charged.
    orders: BTreeMap<String, usize>,
    /// Whether what was bought is still offered at its price, as by a shop whose books are a day behind.
    behind: bool,
    released: usize,
}

fn answer(till: &mut Till, request: &Request) -> Reply {
    if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
        return Reply::new(401, "who are you?");
    }
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/offer") => {
            let bought = !till.orders.is_empty() && !till.behind;
            told(if bought {
                json!({ "versions": ["1.0"] })
            } else {
                json!({ "versions": ["1.0"], "price": { "amount": "49.00", "currency": "EUR" }, "terms": "for one year" })
            })
        }
        ("POST", "/order") => {
            let next = till.orders.len() + 1;
            let order = *till.orders.entry(request.header("idempotency-key").expect("a key").to_owned()).or_insert(next);
            told(json!({ "order": order }))
        }
        ("POST", "/release") => {
            till.released += 1;
            told(json!({}))
        }
        ("GET", "/fancy.zip") => Reply::new(200, zip(&[("fancy/code.txt", "fancy 1.0\n")])).header("Content-Type", "application/zip"),
        _ => Reply::new(404, "nothing"),
    }
}

/// Asks, buys, fetches and keeps, all by itself.
const TALK: &str = r#"
fn ask(method, path, options, host) {
    options.auth = secret::get("till");
    let answer = http::request(method, host.options.shop + path, options);
    if answer.status == 429 { throw #{ kind: "network", message: `the till asks to wait ${answer.header("retry-after")} s`, temporary: true }; }
    if answer.status == 401 { throw #{ kind: "denied", message: "the till does not know the token" }; }
    if !answer.ok { throw #{ kind: "network", message: `the till answered with status ${answer.status}` }; }
    answer.json()
}
fn quote(request, host) { ask("GET", "/offer", #{}, host) }
fn authorize(request, host) {
    let order = "known";
    if request.agreed != () { order = ask("POST", "/order", #{ headers: #{ "idempotency-key": request.key }, json: #{ price: request.agreed } }, host).order; }
    #{ order: `${order}`, auth: "till" }
}
fn fetch(request, host) {
    if "bearer" in request.permit && request.permit.bearer != () { throw "a secret was shown"; }
    let got = http::download(host.options.shop + "/fancy.zip", request.target_dir + "/it.zip", #{ auth: secret::get("till") });
    if got.type != "application/zip" { throw #{ kind: "network", message: `the till sent ${got.type} in place of an archive` }; }
    request.target_dir + "/it.zip"
}
fn receipt(request, host) { `till order ${request.permit.order} for ${request.identities[0]}` }
fn release(request, host) { ask("POST", "/release", #{}, host) }
"#;

struct World {
    env: TestEnvironment,
    shop: Server,
    till: Arc<Mutex<Till>>,
}

impl World {
    fn new() -> Self {
        let env = TestEnvironment::new();
        let (shop, till) = serve(Till::default(), answer);
        env.write("extensions/talk/extension.toml", "name = \"talk\"\nrole = \"dialogue\"\nmain = \"talk.rhai\"\n");
        env.write("extensions/talk/talk.rhai", TALK);
        let version = json!({ "version": "1.0", "download": { "url": shop.url("/product/fancy"), "dialogue": "talk", "price": { "amount": "49.00", "currency": "EUR" } } });
        env.write("index/config.json", json!({ "schema": "greffon/index/1", "name": "ours", "types": {} }).to_string());
        env.write("index/elements/plugins/fancy.json", json!({ "type": "plugins", "name": "fancy", "versions": [version] }).to_string());
        let world = Self { env, shop, till };
        world.manifest("fancy = \"*\"");
        world
    }

    fn manifest(&self, plugins: &str) {
        let (url, host) = (self.shop.url(""), self.shop.host());
        self.env.write(
            "greffon.toml",
            format!(
                "{INSTALLER}[config.secrets]\ntill = {{ env = \"TILL\" }}\n[[config.repositories]]\nname = \"ours\"\nuse = \"builtin:index\"\nurl = \"index\"\n[extensions.talk]\nallow = {{ net = [\"{host}\"], secret = [\"till\"] }}\nwith = {{ shop = \"{url}\" }}\n[types.plugins]\n{plugins}\n[sites.one]\npath = \"one\"\n"
            ),
        );
    }

    fn sync(&self, more: &[&str]) -> super::support::Run {
        self.env.greffon(["sync"].iter().chain(more).copied()).env("TILL", TOKEN)
    }

    fn orders(&self) -> usize {
        self.till.lock().expect("the till").orders.len()
    }

    fn is_there(&self) {
        assert_eq!(self.env.read("one/plugins/fancy/code.txt"), "fancy 1.0\n");
        assert_eq!(self.orders(), 1, "charged once");
    }
}

#[test]
fn a_dialogue_that_an_index_names_brings_the_archive_and_the_receipt_itself() {
    let world = World::new();
    world.sync(&["-y"]).run().fails(1).says("this would cost 49.00 EUR, and nobody agreed to that");
    assert_eq!(world.orders(), 0);
    let synced = world.sync(&["--max-price", "49EUR", "-vv"]).run().succeeds();
    assert!(!synced.stderr.contains(TOKEN), "{}", synced.stderr);
    world.is_there();
    let lock = world.env.read("greffon.lock");
    assert!(lock.contains("dialogue = \"talk\"") && lock.contains("receipt = \"till order 1 for one\"") && !lock.contains(TOKEN), "{lock}");
    world.env.greffon(["lock", "--check"]).env("TILL", TOKEN).run().succeeds();
    // The plan says what it may do, and the lock knows its bytes, although no line of the manifest uses it.
    let plan = world.env.greffon(["plan", "--json"]).env("TILL", TOKEN).run().succeeds().json();
    assert_eq!((&plan["extensions"][0]["name"], &plan["extensions"][0]["role"]), (&"talk".into(), &"dialogue".into()), "{plan:#}");
    assert!(lock.contains("talk = { hash = \"sha256:"), "{lock}");
    world.manifest("");
    world.sync(&[]).run().succeeds().says("the seat of plugins/fancy for `one` was given back");
    assert!(!world.env.exists("one/plugins/fancy"));
    assert_eq!(world.till.lock().expect("the till").released, 1);
}

#[test]
fn a_seat_of_what_another_element_needed_is_given_back_too() {
    let world = World::new();
    let needy = json!({ "version": "1.0", "dependencies": { "plugins/fancy": "*" }, "download": { "path": "../needy.zip" } });
    world.env.write("index/elements/plugins/needy.json", json!({ "type": "plugins", "name": "needy", "versions": [needy] }).to_string());
    world.env.write("needy.zip", zip(&[("needy/code.txt", "needy\n")]));
    world.manifest("needy = \"*\"");
    world.sync(&["--max-price", "49EUR"]).run().succeeds();
    world.is_there();
    world.manifest("");
    world.sync(&["-y"]).run().succeeds().says("the seat of plugins/fancy for `one` was given back");
    assert_eq!(world.till.lock().expect("the till").released, 1);
    assert!(!world.env.exists("one/plugins"));
}

#[test]
fn at_a_terminal_the_price_is_asked_and_only_yes_spends() {
    let world = World::new();
    for (keys, status, orders) in [("\r", 1, 0), ("n\r", 1, 0), ("y\r", 0, 1)] {
        let mut terminal = Terminal::start(world.sync(&["-y"]));
        terminal.wait_for("Spend 49.00 EUR");
        std::thread::sleep(Duration::from_millis(100));
        terminal.press(keys);
        let (ended, text) = terminal.end();
        assert_eq!((ended, world.orders()), (Some(status), orders), "{keys:?}: {text}");
        assert!(text.contains("plugins/fancy 1.0: costs 49.00 EUR; for one year"), "{text}");
        assert!(status == 0 || text.contains("nothing was bought"), "{text}");
    }
    world.is_there();
}

#[test]
fn whatever_the_shop_answers_it_charges_once_and_the_cause_is_told() {
    let world = World::new();
    let failed = |words: &str| {
        let failed = world.sync(&["--max-price", "49EUR", "-v"]).run().fails(1).says(words);
        assert!(!failed.stderr.contains(TOKEN) && !world.env.exists("one"), "{}", failed.stderr);
        world.shop.heal();
    };
    world.shop.fault("/order", 99, Fault::status(429).header("Retry-After", "7"));
    failed("the till asks to wait 7 s");
    world.shop.fault("/order", 99, Fault::status(402));
    failed("the till answered with status 402");
    world.sync(&["--max-price", "49EUR"]).env("TILL", "another").run().fails(1).says("the till does not know the token");
    assert_eq!(world.orders(), 0);
    // It is paid, and the answer is lost: the connection is cut, reset, or never ends.
    for fault in [Fault::Cut(3), Fault::Reset(3), Fault::Length(1000)] {
        world.shop.fault("/order", 99, fault);
        failed("/order");
        assert_eq!(world.orders(), 1);
        // The shop that is a day behind asks for the price again.
        world.till.lock().expect("the till").behind = true;
    }
    // It is paid, and something else comes than the archive.
    for (fault, words) in [
        (Fault::html(), "sent text/html in place of an archive"),
        (Fault::Length(1000), "/fancy.zip"),
        (Fault::Cut(20), "/fancy.zip"),
        (Fault::status(403).into(), "403"),
        (Fault::status(410).into(), "410"),
        (Fault::redirect(302, "http://127.0.0.1:1/elsewhere"), "may not reach"),
    ] {
        world.shop.fault("/fancy.zip", 99, fault);
        failed(words);
    }
    assert_eq!(world.orders(), 1);
    world.sync(&["--max-price", "49EUR"]).run().succeeds();
    world.is_there();
}

/// Killed after it paid, before anything of it is written down.
#[test]
fn a_kill_between_payment_and_receipt_does_not_charge_twice() {
    for behind in [false, true] {
        let world = World::new();
        world.till.lock().expect("the till").behind = behind;
        for round in 0..3 {
            world.shop.fault("/fancy.zip", 1, Fault::Stall(5));
            world.shop.forget();
            let mut command = world.sync(&["--max-price", "49EUR"]).command();
            let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
            let end = Instant::now() + Duration::from_secs(30);
            while world.shop.count("/fancy.zip") == 0 {
                assert!(Instant::now() < end && child.try_wait().expect("waited").is_none(), "round {round}: it never fetched");
                std::thread::sleep(Duration::from_millis(10));
            }
            child.kill().expect("killed");
            child.wait().expect("ended");
            world.shop.heal();
            assert_eq!(world.orders(), 1, "round {round}");
            assert!(!world.env.exists("one"));
        }
        world.sync(&["--max-price", "49EUR"]).run().succeeds();
        world.is_there();
    }
}
