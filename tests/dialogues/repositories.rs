//! The shipped repositories and hooks, against servers that answer as the real ones do.

use base64::Engine as _;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::ready::{field, json as told, serve, ship, zip};
use super::shop::{INSTALLER, Shop};
use super::support::{FileServer, Reply, Request, TestEnvironment};

#[test]
fn the_wordpress_directory_gives_all_its_versions() {
    let env = TestEnvironment::new();
    ship(&env, "wordpress");
    let (server, url) = serve(String::new(), |url: &mut String, request: &Request| {
        if let Some(name) = request.path.strip_prefix("/plugin/") {
            return Reply::new(200, zip(&[(&format!("x/{name}.txt"), name)])).header("Content-Type", "application/zip");
        }
        match field(&request.query, "slug").as_str() {
            "form" => told(
                json!({ "name": "Form", "slug": "form", "version": "3.1", "requires": "6.0", "requires_plugins": ["base"], "last_updated": "2024-09-27 9:53pm GMT",
                "download_link": format!("{url}/plugin/form.3.1.zip"), "versions": { "2.9": format!("{url}/plugin/form.2.9.zip"), "3.1": format!("{url}/plugin/form.3.1.zip"), "trunk": format!("{url}/plugin/form.zip") } }),
            ),
            "base" => told(
                json!({ "name": "Base", "slug": "base", "version": "1.0", "requires": false, "requires_plugins": [], "versions": [], "download_link": format!("{url}/plugin/base.zip") }),
            ),
            "gone" => told(
                json!({ "error": "closed", "name": "Gone", "slug": "gone", "description": "", "closed": true, "closed_date": "2023-04-01", "reason": "security-issue", "reason_text": "Security Issue" }),
            ),
            _ if field(&request.query, "action") == "query_plugins" => told(
                json!({ "info": { "page": 1, "pages": 1, "results": 1 }, "plugins": [{ "slug": "form", "version": "3.1", "short_description": "Forms" }] }),
            ),
            _ => Reply::new(404, json!({ "error": "Plugin not found." }).to_string()).header("Content-Type", "application/json"),
        }
    });
    *url.lock().expect("the url") = server.url("");
    let manifest = |plugins: &str| {
        env.write("greffon.toml", format!("{INSTALLER}[[config.repositories]]\nname = \"wp\"\nuse = \"extension:wordpress\"\nurl = \"{}\"\n[extensions.wordpress]\nallow = {{ net = [\"{}\"] }}\n[types.plugins]\n{plugins}\n[sites.one]\npath = \"one\"\n", server.url(""), server.host()));
    };
    manifest("form = \"*\"");
    env.greffon(["sync"]).run().succeeds();
    assert!(env.exists("one/plugins/form/form.3.1.zip.txt") && env.exists("one/plugins/base/base.zip.txt"));
    manifest("form = \"<3\"");
    env.greffon(["sync"]).run().succeeds();
    assert!(env.exists("one/plugins/form/form.2.9.zip.txt"));
    env.greffon(["search", "form"]).run().succeeds();
    manifest("gone = \"*\"");
    env.greffon(["lock"]).run().fails(1).says("plugins/gone was closed on 2023-04-01: Security Issue");
    manifest("never = \"*\"");
    env.greffon(["lock"]).run().fails(1).says("never");
}

#[test]
fn an_update_centre_of_two_thousand_plugins_is_a_handle() {
    let env = TestEnvironment::new();
    ship(&env, "jenkins");
    let files = FileServer::start();
    let mut plugins = Map::new();
    for index in 0..2000_usize {
        let name = format!("p{index}");
        let bytes = zip(&[("META-INF/MANIFEST.MF", &format!("Short-Name: {name}\n")), ("WEB-INF/lib/x.jar", "jar")]);
        let mut needs: Vec<Value> = Vec::new();
        if index % 100 > 0 && index % 100 < 10 {
            needs.push(json!({ "name": format!("p{}", index - 1), "optional": false, "version": "1.0" }));
            needs.push(json!({ "name": "p1999", "optional": true, "version": "1.0" }));
        }
        let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&bytes));
        let wrong = base64::engine::general_purpose::STANDARD.encode([7_u8; 32]);
        plugins.insert(
            name.clone(),
            json!({ "buildDate": "Jan 01, 2024", "dependencies": needs, "developers": [{ "developerId": "d", "name": "D" }], "excerpt": "x".repeat(400), "gav": format!("org:{name}:1.{index}"), "labels": ["a", "b"],
                "name": name, "popularity": index, "releaseTimestamp": "2024-01-01T00:00:00.00Z", "requiredCore": "2.387.3", "sha1": "x", "sha256": if index == 500 { wrong } else { digest }, "title": format!("Plugin {index}"), "url": files.url(&format!("/{name}.hpi")), "version": format!("1.{index}"), "wiki": "https://plugins.example" }),
        );
        if index % 100 < 10 {
            files.put(&format!("/{name}.hpi"), bytes);
        }
    }
    let text =
        json!({ "core": { "version": "2.400" }, "id": "default", "plugins": plugins, "signature": {}, "updateCenterVersion": "1", "warnings": [] }).to_string();
    assert!(text.len() > 1_500_000);
    files.put_as("/update-center.actual.json", "application/json", text);
    let manifest = |plugins: &str| {
        env.write("greffon.toml", format!("{INSTALLER}[[config.repositories]]\nname = \"jenkins\"\nuse = \"extension:jenkins\"\nurl = \"{}\"\n[extensions.jenkins]\nallow = {{ net = [\"{}\"] }}\n[types.plugins]\n{plugins}\n[sites.one]\npath = \"one\"\n", files.url("/update-center.actual.json"), files.host()));
    };
    manifest("p9 = \"*\"");
    env.greffon(["sync"]).run().succeeds();
    for index in 0..10 {
        assert!(env.exists(format!("one/plugins/p{index}/META-INF/MANIFEST.MF")), "p{index}");
    }
    assert!(!env.exists("one/plugins/p1999"), "optional ones are left out unless they are asked for");
    // Ten names, and one document, fetched once; on the next run only whether it changed is asked.
    let centre = || files.requests().into_iter().filter(|one| one.path.contains("update-center")).collect::<Vec<_>>();
    assert_eq!(centre().len(), 1, "{:?}", centre());
    files.forget();
    manifest("p19 = \"*\"");
    env.greffon(["lock"]).run().succeeds();
    assert_eq!(centre().len(), 1);
    assert!(centre()[0].header("if-none-match").is_some());
    manifest("p29 = \"*\"");
    env.greffon(["lock", "--offline"]).run().succeeds();
    env.greffon(["update", "--refresh"]).run().succeeds();
    assert!(centre().len() == 2 && centre()[1].header("if-none-match").is_none(), "asked anew where that is wanted: {:?}", centre());
    manifest("p500 = \"*\"");
    env.greffon(["sync"]).run().fails(1).says("other bytes than promised");
    manifest("none = \"*\"");
    env.greffon(["lock"]).run().fails(1).says("none");
}

#[test]
fn a_listing_of_archives_is_a_repository() {
    let env = TestEnvironment::new();
    ship(&env, "html-listing");
    let files = FileServer::start();
    for version in ["1.2.0", "1.10.0"] {
        files.put(&format!("/files/quiz-{version}.zip"), zip(&[("quiz/code.txt", version)]));
    }
    files.put("/pool/quiz-0.9.zip", zip(&[("quiz/code.txt", "0.9")]));
    files.put_as("/files/", "text/html", "<html><h1>Index of /files</h1><a href=\"../\">../</a><a href=\"quiz-1.2.0.zip\">a</a> <a href='./quiz-1.10.0.zip'>b</a><a href=\"/pool/quiz-0.9.zip\">c</a><a href=\"quiz-extra-9.0.zip\">d</a><a href=\"quiz-1.2.0.zip.asc\">e</a><p>unclosed");
    let manifest = |plugins: &str| {
        env.write("greffon.toml", format!("{INSTALLER}[[config.repositories]]\nname = \"list\"\nuse = \"extension:html-listing\"\nurl = \"{}\"\ntypes = [\"plugins\"]\n[extensions.html-listing]\nallow = {{ net = [\"{}\"] }}\n[types.plugins]\n{plugins}\n[sites.one]\npath = \"one\"\n", files.url("/files/"), files.host()));
    };
    for (requirement, version) in [("*", "1.10.0"), ("1.2+", "1.2.0"), ("=0.9.0", "0.9")] {
        manifest(&format!("quiz = \"{requirement}\""));
        env.greffon(["sync"]).run().succeeds();
        assert_eq!(env.read("one/plugins/quiz/code.txt"), version);
    }
    manifest("exam = \"*\"");
    env.greffon(["lock"]).run().fails(1).says("exam");
}

#[test]
fn a_makefile_has_the_includes_of_what_is_installed() {
    let shop = Shop::new();
    ship(&shop.env, "makefile");
    let parts = |name: &str| {
        let folder = shop.package(name, "1.0.0", &[]);
        std::fs::write(folder.join("include.mk"), format!("NAMES += {name}\n")).expect("written");
        let target = shop.public("ours");
        shop.env.greffon(["repo".as_ref(), "index".as_ref(), target.as_os_str(), folder.as_os_str()]).run().succeeds();
    };
    parts("a");
    parts("b");
    shop.publish("ours", "c", "1.0.0", &[]);
    let hooks = "[hooks]\nafter-sync = \"extension:makefile\"\nafter-rollback = \"extension:makefile\"\n[extensions.makefile]\nallow = { read = [\"{site}\"], write = [\"{site}/packages.mk\"] }\n[sites.one]\npath = \"one\"\n";
    shop.manifest(&["ours"], "a = \"*\"\nb = \"*\"\nc = \"*\"", hooks);
    shop.env.greffon(["sync"]).run().succeeds().says("has 2 of the packages");
    assert!(shop.env.read("one/packages.mk").ends_with("include plugins/a/include.mk\ninclude plugins/b/include.mk\n"), "{}", shop.env.read("one/packages.mk"));
    shop.manifest(&["ours"], "b = \"*\"\nc = \"*\"", hooks);
    shop.env.greffon(["sync"]).run().succeeds();
    assert!(!shop.env.read("one/packages.mk").contains("plugins/a/"));
    assert_eq!(shop.env.greffon(["status", "--json"]).run().succeeds().json()["sites"][0]["state"], "clean");
}

#[test]
fn an_address_is_told_what_happened_and_told_again_where_it_was_not_there() {
    let shop = Shop::new();
    ship(&shop.env, "notify");
    shop.publish("ours", "a", "1.0.0", &[]);
    let (chat, heard) = serve((503, Vec::new()), |(status, heard): &mut (u16, Vec<Value>), request: &Request| {
        heard.push(serde_json::from_slice(&request.body).expect("JSON"));
        Reply::new(*status, "")
    });
    let tables = format!(
        "[hooks]\nafter-sync = {{ use = \"extension:notify\", with = {{ url = \"{}\" }} }}\n[extensions.notify]\nallow = {{ net = [\"{}\"] }}\n[sites.one]\npath = \"one\"\n",
        chat.url("/hook"),
        chat.host()
    );
    shop.manifest(&["ours"], "a = \"*\"", &tables);
    shop.env.greffon(["sync"]).run().fails(1).says("nobody was told");
    heard.lock().expect("heard").0 = 200;
    shop.env.greffon(["sync"]).run().succeeds();
    let heard = heard.lock().expect("heard").1.clone();
    assert_eq!(heard[0]["site"], "one");
    assert!(heard[0]["text"].as_str().expect("a text").contains("+ plugins/a 1.0.0"), "{}", heard[0]);
    assert_eq!(heard.len(), 2);
}

#[test]
fn an_application_is_in_maintenance_around_the_change_until_its_steps_end_well() {
    let shop = Shop::new();
    ship(&shop.env, "app-cli");
    shop.publish("ours", "a", "1.0.0", &[]);
    shop.publish("ours", "a", "2.0.0", &[]);
    shop.env.write(
        "app",
        "#!/bin/sh\ncase $1 in on) echo closed >> ../log;; off) echo open >> ../log;; upgrade) cat plugins/a/code.txt >> ../log; test ! -e ../broken;; esac\n",
    );
    std::process::Command::new("chmod").arg("755").arg(shop.env.path("app")).status().expect("chmod");
    let hooks = "[hooks]\nbefore-sync = { use = \"extension:app-cli\", with = { on = [\"./app\", \"on\"] } }\nafter-sync = { use = \"extension:app-cli\", with = { run = [[\"./app\", \"upgrade\"]], off = [\"./app\", \"off\"] } }\n[extensions.app-cli]\nallow = { run = [\"./app\"], read = [\"{site}\"] }\n[sites.one]\npath = \"one\"\n";
    shop.manifest(&["ours"], "a = \"=1.0.0\"", hooks);
    shop.env.greffon(["trust"]).run().succeeds();
    shop.env.greffon(["sync"]).run().succeeds();
    assert_eq!(shop.env.read("log"), "a 1.0.0\nopen\n");
    shop.env.write("broken", "");
    shop.manifest(&["ours"], "a = \"=2.0.0\"", hooks);
    shop.env.greffon(["sync"]).run().fails(1).says("stays in maintenance mode");
    assert_eq!(shop.env.read("log"), "a 1.0.0\nopen\nclosed\na 2.0.0\n");
    shop.remove("broken");
    shop.env.greffon(["sync"]).run().succeeds();
    assert!(shop.env.read("log").ends_with("a 2.0.0\na 2.0.0\nopen\n") || shop.env.read("log").ends_with("open\n"), "{}", shop.env.read("log"));
}
