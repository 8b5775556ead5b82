//! The order of a paid download, with a dialogue that says what its options say.

use super::shop::{INSTALLER, Shop};
use super::support::Fault;

const SCRIPT: &str = r#"
fn quote(request, host) {
    if "refused" in host.options { throw #{ kind: "denied", message: host.options.refused }; }
    let offer = #{ versions: [#{ version: host.options.version }], seats: #{ used: 1, limit: 5 }, expires: "2030-01-01" };
    if "price" in host.options { offer.price = #{ amount: host.options.price, currency: "EUR" }; }
    offer
}
fn authorize(request, host) {
    log::info(`authorized ${request.identity} with ${request.key} for ${request.agreed}`);
    #{ url: host.options.link, order: "17", seats: #{ used: 2, limit: 5 } }
}
fn release(request, host) { log::info(`released ${request.identity} after ${request.receipt}`); }
"#;

fn zip(name: &str, text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file(format!("{name}/code.txt"), zip::write::SimpleFileOptions::default()).expect("a file");
    writer.write_all(text.as_bytes()).expect("written");
    writer.finish().expect("an archive").into_inner()
}

struct World {
    shop: Shop,
}

impl World {
    fn new() -> Self {
        let shop = Shop::new();
        shop.publish("ours", "free", "1.0.0", &[]);
        shop.publish("ours", "free", "1.1.0", &[]);
        shop.env.write("talk.rhai", SCRIPT);
        for version in ["1.0", "2.0"] {
            shop.files.put(&format!("/dl/CANARY-LINK-{version}.zip"), zip("fancy", &format!("fancy {version}\n")));
        }
        Self { shop }
    }

    /// A manifest whose shop offers this version; `more` are further options.
    fn offers(&self, version: &str, more: &str) {
        self.manifest(version, more, "\"=1.0.0\"");
    }

    fn manifest(&self, version: &str, more: &str, free: &str) {
        let link = self.shop.files.url(&format!("/dl/CANARY-LINK-{version}.zip"));
        let host = self.shop.files.host();
        let element = format!(
            "fancy = {{ dialogue = {{ use = \"script:talk.rhai\", shop = \"https://shop.example\", item = 7, identity = \"https://{{site}}.example\", version = \"{version}\", link = \"{link}\", allow = {{ net = [\"{host}\"] }}{more} }} }}\nfree = {free}"
        );
        let repository = self.shop.repository("ours", "");
        self.shop.env.write("greffon.toml", format!("{INSTALLER}{repository}[types.plugins]\n{element}\n[sites.one]\npath = \"one\"\n"));
    }
}

#[test]
fn an_element_is_bought_once_and_its_receipt_is_locked() {
    let world = World::new();
    let env = &world.shop.env;
    world.offers("1.0", "");
    let plan = env.greffon(["plan", "--dry-run", "--json"]).run().succeeds().json();
    assert_eq!(plan["sites"][0]["notes"][0], "plugins/fancy: licence until 2030-01-01; 1 of 5 seats used; this is for one site");
    env.greffon(["sync"]).run().succeeds().says("authorized https://one.example with");
    assert_eq!(world.shop.code("one", "fancy"), "fancy 1.0\n");
    let lock = env.read("greffon.lock");
    assert!(lock.contains("url = \"https://shop.example#7\"") && lock.contains("dialogue = \"script:talk.rhai\""), "{lock}");
    assert!(lock.contains("receipt = \"order 17; for https://one.example; 2 of 5 seats used\""), "{lock}");
    assert!(lock.contains("sha256 = "), "{lock}");
    // The lock fits: nobody is asked again, and the shop may be closed.
    world.offers("1.0", ", refused = \"the licence expired on 2029-12-31\"");
    std::fs::remove_dir_all(env.path("one/plugins/fancy")).expect("removed");
    let again = env.greffon(["sync", "--if-local-changes", "overwrite"]).run().succeeds();
    assert!(!again.stderr.contains("authorized") && !again.stderr.contains("expired"), "{}", again.stderr);
    assert_eq!(world.shop.code("one", "fancy"), "fancy 1.0\n");
}

#[test]
fn an_update_holds_what_the_shop_refuses_and_updates_the_rest() {
    let world = World::new();
    let env = &world.shop.env;
    world.offers("1.0", "");
    env.greffon(["sync"]).run().succeeds();
    world.manifest("2.0", ", refused = \"the licence expired on 2029-12-31\"", "\"*\"");
    env.greffon(["update"]).run().succeeds().says("plugins/fancy stays at 1.0: the licence expired on 2029-12-31");
    assert_eq!((world.shop.locked("fancy"), world.shop.locked("free")), (vec!["1.0".to_owned()], vec!["1.1.0".to_owned()]));
    env.greffon(["sync"]).run().succeeds();
    assert_eq!(world.shop.code("one", "free"), "free 1.1.0\n");
    // A rollback needs no shop either.
    env.greffon(["rollback"]).run().succeeds();
    assert_eq!((world.shop.code("one", "fancy"), world.shop.code("one", "free")), ("fancy 1.0\n".to_owned(), "free 1.0.0\n".to_owned()));
    // Renewed, it goes on.
    world.manifest("2.0", "", "\"*\"");
    env.greffon(["update"]).run().succeeds();
    assert_eq!(world.shop.locked("fancy"), ["2.0"]);
    // One that was never had fails with the shop's words and the manifest's line.
    world.shop.remove("greffon.lock");
    world.offers("2.0", ", refused = \"the licence expired on 2029-12-31\"");
    env.greffon(["lock"]).run().fails(1).says("the licence expired on 2029-12-31").says("fancy");
}

#[test]
fn only_a_highest_price_spends_never_yes() {
    let world = World::new();
    let env = &world.shop.env;
    world.offers("1.0", ", price = \"49.00\"");
    let refused = env.greffon(["sync", "-y"]).run().fails(1);
    let refused = refused.says("this would cost 49.00 EUR, and nobody agreed to that").says("--max-price 49.00EUR").says("`-y` spends nothing");
    assert!(!refused.stderr.contains("authorized"));
    env.greffon(["sync", "--max-price", "48.99"]).run().fails(1).says("this would cost 49.00 EUR, and `--max-price` allows 48.99");
    env.greffon(["sync", "--max-price", "49USD"]).run().fails(1).says("allows 49 USD");
    env.greffon(["sync", "--max-price", "dear"]).run().fails(2);
    assert!(!env.exists("one"), "nothing of the site changed");
    env.greffon(["sync", "--max-price", "49EUR"]).run().succeeds().says("49.00");
    assert_eq!(world.shop.code("one", "fancy"), "fancy 1.0\n");
}

#[test]
fn a_seat_is_given_back_when_the_element_goes() {
    let world = World::new();
    let env = &world.shop.env;
    world.offers("1.0", "");
    env.greffon(["sync"]).run().succeeds();
    let gone = env.greffon(["uninstall", "plugins/fancy"]).run().succeeds();
    gone.says("released https://one.example after order 17").says("the seat of plugins/fancy for `https://one.example` was given back");
    assert!(!env.exists("one/plugins/fancy"));
}

#[test]
fn what_comes_instead_of_the_archive_is_told_without_the_link() {
    let world = World::new();
    let env = &world.shop.env;
    world.offers("1.0", "");
    let cases: Vec<(Fault, &str)> = vec![
        (Fault::status(403).into(), "was refused: it has expired"),
        (Fault::status(410).into(), "expired or was used up"),
        (Fault::status(402).into(), "402"),
        (Fault::html(), "web page, not with an archive"),
    ];
    for (fault, words) in cases {
        world.shop.files.fault("/dl/", 99, fault);
        let failed = env.greffon(["sync", "-vv"]).run().fails(1).says(words).says("could not fetch plugins/fancy 1.0");
        assert!(!failed.stderr.contains("CANARY-LINK"), "{}", failed.stderr);
        assert!(!env.exists("one"));
        world.shop.files.heal();
    }
    // A link that was used up is asked for anew, once.
    world.shop.files.fault("/dl/", 1, Fault::status(403));
    // A connection that breaks is tried again, which is told without the link too.
    world.shop.files.fault("/dl/", 1, Fault::Cut(20));
    let synced = env.greffon(["sync", "-vv"]).run().succeeds().says("trying again");
    assert!(!synced.stderr.contains("CANARY-LINK"), "{}", synced.stderr);
    assert_eq!(world.shop.code("one", "fancy"), "fancy 1.0\n");
}

#[test]
fn a_link_to_a_host_that_is_not_granted_is_not_followed() {
    let world = World::new();
    let env = &world.shop.env;
    world.offers("1.0", "");
    env.write("greffon.toml", env.read("greffon.toml").replace(&format!("net = [\"{}\"]", world.shop.files.host()), "net = [\"other.example\"]"));
    env.greffon(["sync"]).run().fails(1).says("may not reach").says("[extensions.talk]");
    assert_eq!(world.shop.files.count("/dl/"), 0);
}

#[test]
fn a_misspelt_key_of_an_answer_is_refused_with_the_nearest() {
    let world = World::new();
    let env = &world.shop.env;
    world.offers("1.0", "");
    let fetch = "fn fetch(request, host) { #{ pth: \"x\" } }\n";
    for (from, to, key, near) in [
        ("expires: \"2030-01-01\"", "expire: \"2030-01-01\"", "expire", "expires"),
        ("seats: #{ used: 1, limit: 5 }, expires", "seats: #{ used: 1, limits: 5 }, expires", "limits", "limit"),
        ("[#{ version: host.options.version }]", "[#{ version: host.options.version, dependancies: #{} }]", "dependancies", "dependencies"),
        ("    offer\n", "    offer.price = #{ amount: \"0\", currency: \"EUR\", curency: \"EUR\" };\n    offer\n", "curency", "currency"),
        ("order: \"17\"", "ordr: \"17\"", "ordr", "order"),
        ("seats: #{ used: 2, limit: 5 }", "seats: #{ usd: 2, used: 2, limit: 5 }", "usd", "used"),
        ("fn release", "fetch", "pth", "path"),
    ] {
        let script = if to == "fetch" { format!("{SCRIPT}{fetch}") } else { SCRIPT.replacen(from, to, 1) };
        assert_ne!(script, SCRIPT, "{from}");
        env.write("talk.rhai", script);
        let run = env.greffon(["sync"]).run().fails(1).says(&format!("there is no key `{key}`"));
        assert!(run.stderr.contains(&format!("did its author mean `{near}`?")), "{key}: {}", run.stderr);
        assert!(!env.exists("one") && !run.stderr.contains("CANARY-LINK"), "{}", run.stderr);
    }
    // And without any it goes through.
    env.write("talk.rhai", SCRIPT);
    env.greffon(["sync"]).run().succeeds();
}
