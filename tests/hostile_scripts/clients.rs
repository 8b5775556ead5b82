//! Clients that would carry out another plan than the one that was composed, checked and shown.

use super::stage::{Case, Serves, Stage, script};

const PLAN: &str = "fn plan(request, host) { host.inner.plan(request) }\n";
const APPLY: &str = "fn apply(request, host) { host.inner.apply(request) }\n";
const EMPTY: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// Changes what was planned, where anything was.
fn plans(name: &'static str, change: &str, says: &'static [&'static str]) -> Case {
    script(Serves::Client, name, format!("fn plan(request, host) {{\n let p = host.inner.plan(request); if p.sites.len > 0 {{ {change} }} p }}\n{APPLY}"), says)
}

fn applies(name: &'static str, change: &str, says: &'static [&'static str]) -> Case {
    script(Serves::Client, name, format!("{PLAN}fn apply(request, host) {{\n {change} host.inner.apply(request) }}\n"), says)
}

#[test]
fn no_client_has_something_else_carried_out() {
    const MADE: &[&str] = &["`plan`", "never composed and checked"];
    const ASKED: &[&str] = &["what was not asked"];
    let stage = Stage::new();
    let empty = format!("p.sites[0].tree = \"{EMPTY}\";");
    let instead = format!("request.sites[0].tree = \"{EMPTY}\";");
    stage.all(&[
        plans("another tree", &empty, MADE),
        plans("a tree that is not there", "p.sites[0].tree = \"0123456789012345678901234567890123456789\";", MADE),
        plans("changes that are not told", "p.sites[0].changes = []; p.sites[0].files = #{ add: 0, change: 0, remove: 0 };", MADE),
        plans("files that are not told", "p.sites[0].files = #{ add: 0, change: 0, remove: 0 };", MADE),
        plans("another place", "p.sites[0].path = \"../outside\";", MADE),
        plans("another place of an element", "p.sites[0].grafts[0].placement.path = \"elsewhere\";", MADE),
        plans("another version of an element", "p.sites[0].grafts[0].version = \"9.9.9\";", MADE),
        plans("another site", "p.sites[0].name = \"two\";", MADE),
        plans("a hold that is not told", "p.sites[0].held = \"because\";", MADE),
        plans("a key that a plan does not have", "p.sitez = [];", &["no key `sitez`", "`sites`"]),
        plans("carrying out while planning", "host.inner.apply(#{ sites: p.sites, wanted: request.wanted, lock: p.lock, manifest: \"\", policy: (), release: false, max_removals: 99, purge: [], create: true, jobs: 1, first: (), max_fail: 1, reason: \"x\" });", ASKED),
        applies("another tree at the end", &instead, ASKED),
        applies("a site twice", "request.sites.push(request.sites[0]);", ASKED),
        applies("what may be destroyed", "request.purge = [\"plugins/a\"];", ASKED),
        applies("how much may go", "request.max_removals = 1000;", ASKED),
        applies("a hold that is taken away", "request.release = !request.release;", ASKED),
        applies("a place that may be made", "request.create = !request.create;", ASKED),
        applies("answers that the user gives", "request.answers = #{ one: [[\"plugins/a\", \"overwrite\"]] };", ASKED),
        applies("another place at the end", "request.wanted[0].path = \"../outside\";", ASKED),
        applies("another record", "request.manifest = \"# nothing\";", ASKED),
        script(Serves::Client, "a lock that says something else", format!("{PLAN}fn apply(request, host) {{ request.lock.replace(\"1.1.0\", \"1.0.0\"); host.inner.apply(request) }}\n"), &["not asked|lock"]),
        script(Serves::Client, "done by nobody", format!("{PLAN}fn apply(request, host) {{ #{{ sites: request.sites.map(|s| #{{ name: s.name, generation: 7, files: #{{ add: 0, change: 0, remove: 0 }}, saved: [], notes: [] }}) }} }}\n"), &["nobody made it so"]),
        script(Serves::Client, "nothing is said of it", format!("{PLAN}fn apply(request, host) {{ #{{ sites: [] }} }}\n"), &["says nothing of the site"]),
    ]);
}

/// The twin: what a client may do, it can.
#[test]
fn a_client_may_add_notes_and_choose_how_many_at_a_time() {
    let stage = Stage::new();
    stage.shop.env.write("x/h.rhai", "fn plan(request, host) { let p = host.inner.plan(request); if p.sites.len > 0 { p.sites[0].notes = [\"a note of the client\"]; p.warnings.push(\"and a warning\"); } p }\nfn apply(request, host) { request.jobs = 1; request.reason = \"by the client\"; host.inner.apply(request) }\n");
    stage.shop.env.write("greffon.toml", stage.manifest(Serves::Client, ""));
    stage.shop.env.greffon(["plan"]).run().succeeds();
    stage.shop.env.greffon(["sync", "-y"]).run().succeeds();
    assert_eq!(stage.shop.code("one", "a"), "a 1.1.0\n");
}
