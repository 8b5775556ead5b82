//! `builtin:moodle` behind a script that hands on everything: what only an installer of an application knows is known all the same.

use serde_json::Value;

use crate::moodle_site::{Campus, plugin};

const HANDED: [&str; 14] = [
    "place",
    "info",
    "prepare",
    "is_installed",
    "scheme",
    "types",
    "element_type",
    "survey",
    "review",
    "shipped",
    "demands",
    "data_version",
    "ref_versions",
    "version_of_ref",
];

/// A site whose newest core brings along a plugin, and that has one which a core brings along.
fn campus() -> Campus {
    let campus = Campus::new();
    let core = campus.core();
    core.write("public/admin/tool/soon/version.php", plugin("tool_soon", "2025100600", "")).commit("5.1.1");
    core.tag("v5.1.1");
    campus.plugin("tool_soon", "2024010100", "");
    campus.plugin("block_wants", "2024010100", "$plugin->dependencies = ['mod_forum' => 2024100700];");
    campus.plugin("block_until", "2024010100", "$plugin->incompatible = 501;");
    campus.manifest("version = \"4.5\"", &["tool_soon", "block_wants", "block_until"]);
    campus
}

/// What is told of it; the script's own line is nobody else's.
fn told(campus: &Campus) -> (Value, String, Value) {
    let report = campus.env.greffon(["upgrade-check", "--core", "5.1", "--json"]).run().succeeds().json();
    let lock = campus.env.read("greffon.lock");
    let lock = lock.split_once("\n[extensions]").map_or(lock.as_str(), |(own, _)| own).trim_end().to_owned();
    (report, lock, campus.env.greffon(["plan", "--json"]).run().succeeds().json()["sites"].clone())
}

#[test]
fn a_script_over_it_changes_nothing_that_it_hands_on() {
    let campus = campus();
    campus.sync();
    let own = told(&campus);
    assert!(own.0["checks"][0]["demands"]["runtimes"]["php"].is_string(), "{:#}", own.0);
    let handed: String = HANDED.iter().map(|method| format!("fn {method}(request, host) {{ host.inner.{method}(request) }}\n")).collect();
    campus.env.write("s/place.rhai", handed);
    let text = campus.env.read("greffon.toml");
    let wrapped = text.replace("installer = \"builtin:moodle\"", "installer = { use = \"script:s/place.rhai\", over = \"builtin:moodle\" }");
    campus.env.write("greffon.toml", &wrapped);
    std::fs::remove_file(campus.env.path("greffon.lock")).expect("removed");
    campus.env.greffon(["lock"]).run().succeeds();
    let through = told(&campus);
    assert_eq!(through.0, own.0, "upgrade-check");
    assert_eq!(through.1, own.1, "the lock");
    assert_eq!(through.2, own.2, "the plan");
    // One that says nothing of its own: the inner one is asked.
    campus.env.write("s/place.rhai", "fn place(request, host) { host.inner.place(request) }\n");
    assert_eq!(told(&campus).0, own.0, "what is left out");

    // And its own words count.
    campus.env.write(
        "s/place.rhai",
        "fn demands(request, host) { let d = host.inner.demands(request); d.runtimes.php = \"9.9\"; d.extensions.push(\"greffon\"); d }\nfn review(request, host) { if request.view.placed.len > 4 { throw #{ kind: \"invalid\", message: \"too many\" } }; [\"a word of the house\"] }\n",
    );
    let report = campus.env.greffon(["upgrade-check", "--core", "5.1", "--json"]).run().succeeds().json();
    assert_eq!(report["checks"][0]["demands"]["runtimes"]["php"], "9.9", "{report:#}");
    campus.env.greffon(["plan"]).run().succeeds().says("a word of the house");
    campus.env.write("s/place.rhai", "fn review(request, host) { throw \"nothing here is allowed\" }\n");
    campus.env.greffon(["plan"]).run().fails(1).says("site `one` would not work").says("nothing here is allowed");
    campus.env.write("s/place.rhai", "fn demands(request, host) { #{ runtime: #{} } }\n");
    let misspelt = campus.env.greffon(["upgrade-check", "--core", "5.1"]).run();
    assert!(
        misspelt.stderr.contains("there is no key `runtime`") || misspelt.stdout.contains("there is no key `runtime`"),
        "{} {}",
        misspelt.stderr,
        misspelt.stdout
    );
}
