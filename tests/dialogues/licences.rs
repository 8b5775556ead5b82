//! `extension:edd` against a shop that answers as Easy Digital Downloads does.

use std::collections::BTreeSet;

use serde_json::json;

use super::ready::{field, found_nowhere, json as told, serve, ship, zip};
use super::support::{Fault, Reply, Request, Server, TestEnvironment};

const KEY: &str = "CANARY-LICENCE-0123456789abcdef";
const LINK: &str = "CANARY-LINK-fedcba9876543210";

/// The shop's books.
struct Books {
    state: &'static str,
    limit: usize,
    version: &'static str,
    sites: BTreeSet<String>,
    package: bool,
    url: String,
    elsewhere: String,
}

fn answer(books: &mut Books, request: &Request) -> Reply {
    if request.path.starts_with("/edd-sl/") {
        if !books.elsewhere.is_empty() {
            return Reply::new(302, "").header("Location", &books.elsewhere);
        }
        let bytes = zip(&[("fancy/code.txt", &format!("fancy {}\n", books.version))]);
        return Reply::new(200, bytes).header("Content-Type", "application/zip");
    }
    let form = String::from_utf8_lossy(&request.body).into_owned();
    let (action, site) = (field(&form, "edd_action"), field(&form, "url"));
    let known = field(&form, "license") == KEY && field(&form, "item_id") == "4711";
    let licence = |extra: serde_json::Value| {
        let mut all = json!({ "item_id": 4711, "item_name": "Fancy", "license_limit": books.limit, "site_count": books.sites.len(), "expires": if books.state == "lifetime" { "lifetime" } else { "2029-12-31 23:59:59" },
            "activations_left": books.limit.saturating_sub(books.sites.len()), "checksum": "d41d8cd98f00b204e9800998ecf8427e", "payment_id": 991, "customer_name": "CANARY-NAME", "customer_email": "canary@shop.example", "price_id": false });
        all.as_object_mut().expect("a map").extend(extra.as_object().expect("a map").clone());
        told(all)
    };
    match action.as_str() {
        _ if !known => licence(json!({ "success": false, "license": "invalid", "error": "missing" })),
        "check_license" if books.state == "expired" => licence(json!({ "success": true, "license": "expired" })),
        "check_license" => licence(json!({ "success": true, "license": if books.sites.contains(&site) { "valid" } else { "site_inactive" } })),
        "activate_license" if books.state == "expired" => licence(json!({ "success": false, "license": "invalid", "error": "expired" })),
        "activate_license" if !books.sites.contains(&site) && books.sites.len() >= books.limit => {
            licence(json!({ "success": false, "license": "invalid", "error": "no_activations_left" }))
        }
        "activate_license" => {
            books.sites.insert(site);
            let count = books.sites.len();
            told(
                json!({ "success": true, "license": "valid", "item_id": false, "license_limit": books.limit, "site_count": count, "expires": "2029-12-31 23:59:59", "payment_id": 991 }),
            )
        }
        "deactivate_license" => {
            let was = books.sites.remove(&site);
            told(json!({ "success": was, "license": if was { "deactivated" } else { "failed" } }))
        }
        "get_version" => {
            let link = if books.package && books.state != "expired" { format!("{}/edd-sl/package_download/{LINK}", books.url) } else { String::new() };
            told(
                json!({ "new_version": books.version, "stable_version": books.version, "name": "Fancy", "slug": "fancy", "package": link, "download_link": link, "last_updated": "2026-01-03 11:59:46",
                "sections": "a:2:{s:11:\"description\";s:9:\"<p>Hi</p>\";s:9:\"changelog\";s:0:\"\";}", "banners": "a:2:{s:4:\"high\";s:0:\"\";s:3:\"low\";s:0:\"\";}" }),
            )
        }
        _ => Reply::new(400, "what?"),
    }
}

struct World {
    env: TestEnvironment,
    shop: Server,
    books: std::sync::Arc<std::sync::Mutex<Books>>,
}

impl World {
    fn new() -> Self {
        let env = TestEnvironment::new();
        ship(&env, "edd");
        let (shop, books) = serve(
            Books { state: "valid", limit: 2, version: "2.0", sites: BTreeSet::new(), package: true, url: String::new(), elsewhere: String::new() },
            answer,
        );
        books.lock().expect("books").url = shop.url("");
        env.write("licence.txt", KEY);
        std::process::Command::new("chmod").arg("600").arg(env.path("licence.txt")).status().expect("chmod");
        let world = Self { env, shop, books };
        world.manifest("");
        world
    }

    fn manifest(&self, sites: &str) {
        let sites = if sites.is_empty() { "[sites.one]\npath = \"one\"\n" } else { sites };
        self.env.write(
            "greffon.toml",
            format!(
                "{}[config.secrets]\nfancy = {{ file = \"licence.txt\" }}\n[types.plugins]\nfancy = {{ dialogue = {{ use = \"extension:edd\", shop = \"{}\", item = 4711, licence = \"fancy\", identity = \"https://{{site}}.example\" }} }}\n[extensions.edd]\nallow = {{ net = [\"{}\"], secret = [\"fancy\"] }}\n{sites}",
                super::shop::INSTALLER,
                self.shop.url("/"),
                self.shop.host()
            ),
        );
    }

    fn seats(&self) -> usize {
        self.books.lock().expect("books").sites.len()
    }

    fn set(&self, change: impl FnOnce(&mut Books)) {
        change(&mut self.books.lock().expect("books"));
    }
}

#[test]
fn a_licence_takes_a_seat_brings_the_archive_and_gives_the_seat_back() {
    let world = World::new();
    let env = &world.env;
    let plan = env.greffon(["plan", "--dry-run", "--json"]).run().succeeds().json();
    assert_eq!(plan["sites"][0]["notes"][0], "plugins/fancy: licence until 2029-12-31 23:59:59; 0 of 2 seats used; this is for one site");
    assert_eq!(world.seats(), 0, "a plan takes none");
    let synced = env.greffon(["sync", "-vv"]).run().succeeds();
    assert_eq!(env.read("one/plugins/fancy/code.txt"), "fancy 2.0\n");
    assert!(
        env.read("greffon.lock").contains("receipt = \"order 991; for https://one.example; 1 of 2 seats used; until 2029-12-31 23:59:59\""),
        "{}",
        env.read("greffon.lock")
    );
    for secret in [KEY, LINK, "CANARY-NAME", "canary@shop.example"] {
        assert!(!synced.stderr.contains(secret) && !synced.stdout.contains(secret), "{}", synced.stderr);
        found_nowhere(env, secret, &["licence.txt"]);
    }
    // Expired, what was had stays: reinstalled, and held by an update that says why.
    world.set(|books| books.state = "expired");
    std::fs::remove_dir_all(env.path("one/plugins/fancy")).expect("removed");
    env.greffon(["sync", "--if-local-changes", "overwrite"]).run().succeeds();
    assert_eq!(env.read("one/plugins/fancy/code.txt"), "fancy 2.0\n");
    env.greffon(["update"]).run().succeeds().says("plugins/fancy stays at 2.0: the licence expired on 2029-12-31 23:59:59");
    world.set(|books| books.state = "valid");
    env.greffon(["uninstall", "plugins/fancy"]).run().succeeds().says("was given back");
    assert_eq!(world.seats(), 0);
}

#[test]
fn every_refusal_is_told_by_its_cause() {
    let world = World::new();
    let env = &world.env;
    let failed = |words: &str| {
        let failed = env.greffon(["sync", "-v"]).run().fails(1).says(words);
        assert!(!failed.stderr.contains(KEY) && !failed.stderr.contains(LINK), "{}", failed.stderr);
        assert!(!env.exists("one"));
    };
    world.set(|books| books.state = "expired");
    failed("the licence expired on 2029-12-31 23:59:59");
    world.set(|books| (books.state, books.limit) = ("valid", 1));
    world.set(|books| {
        books.sites.insert("https://other.example".to_owned());
    });
    failed("the licence has no seat left: all 1 are in use");
    world.set(|books| books.limit = 2);
    world.set(|books| books.package = false);
    failed("the shop gives no link");
    world.set(|books| books.package = true);
    for (fault, words) in [
        (Fault::status(401).into(), "the shop lets nobody ask (status 401)"),
        (Fault::status(402).into(), "the shop wants to be paid first"),
        (Fault::status(429).header("Retry-After", "3"), "it asks to wait 3 s"),
        (Fault::html(), "answered with a web page"),
    ] {
        world.shop.fault("/", 99, fault);
        failed(words);
        world.shop.heal();
    }
    for (fault, words) in [(Fault::status(403).into(), "it has expired"), (Fault::html(), "web page, not with an archive")] {
        world.shop.fault("/edd-sl/", 99, fault);
        failed(words);
        world.shop.heal();
    }
    assert_eq!(world.seats(), 2, "however often it was tried, this site has one seat");
    env.write("licence.txt", "another");
    failed("the shop does not know the licence");
    env.write("licence.txt", KEY);
    env.write("greffon.toml", env.read("greffon.toml").replace("secret = [\"fancy\"]", "secret = [\"other\"]"));
    failed("may not use the secret `fancy`");
}

#[test]
fn a_link_that_leads_elsewhere_is_followed_without_anything_of_ours() {
    let world = World::new();
    let (other, _) = serve((), |(), _| Reply::new(200, zip(&[("fancy/code.txt", "from elsewhere\n")])).header("Content-Type", "application/zip"));
    world.set(|books| books.elsewhere = other.url("/bucket/CANARY-SIGNED"));
    let synced = world.env.greffon(["sync", "-vv"]).run().succeeds();
    assert!(!synced.stderr.contains("CANARY-SIGNED"), "{}", synced.stderr);
    assert_eq!(world.env.read("one/plugins/fancy/code.txt"), "from elsewhere\n");
    assert!(other.requests().iter().all(|request| request.header("authorization").is_none() && request.header("referer").is_none()));
}

#[test]
fn each_site_has_a_seat_of_its_own() {
    let world = World::new();
    world.manifest("[sites.one]\npath = \"one\"\n[sites.two]\npath = \"two\"\n");
    world.env.greffon(["sync", "--all", "--create"]).run().succeeds();
    assert_eq!(world.seats(), 2);
    // The shop's newest version is no longer the locked one.
    world.set(|books| books.version = "2.1");
    world.env.greffon(["update"]).run().succeeds();
    world.set(|books| books.version = "2.2");
    world.env.greffon(["sync", "--all"]).run().fails(1).says("the shop has 2.2 now, and no longer 2.1").says("greffon update plugins/fancy");
    assert_eq!(world.env.read("two/plugins/fancy/code.txt"), "fancy 2.0\n");
}
