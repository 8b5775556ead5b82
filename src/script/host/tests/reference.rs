//! `extensions/README.md` says what the code does, and every example in it works.

use std::sync::Arc;

use serde_json::json;

use super::server::Server;
use super::world::World;
use super::{MODULES, reference};
use crate::roles::wire::Role;
use crate::script::Limits;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/extensions/README.md");
const MARK: &str = "refresh with GREFFON_WRITE_REFERENCE=1 -->\n\n";

fn roles() -> String {
    let words = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Role::ALL.into_iter().map(|role| format!("| {role} | {} | {} |\n", words(role.required()), words(role.optional()))).collect()
}

fn budgets() -> String {
    let usual = Limits::default();
    [
        ("operations", usual.operations, "steps of the script"),
        ("levels", usual.levels as u64, "functions within functions"),
        ("text", usual.text as u64, "bytes of one text"),
        ("items", usual.items as u64, "items of one list or map, nested ones counted"),
        ("seconds", usual.seconds, "of the script's own work"),
        ("waiting", usual.waiting, "seconds in host functions: network, programs, files"),
        ("memory", usual.memory, "bytes beyond what was in use before"),
    ]
    .map(|(name, number, what)| format!("| `{name}` | {number} | {what} |\n"))
    .concat()
}

#[test]
fn the_page_for_authors_is_up_to_date() {
    let page = std::fs::read_to_string(PAGE).expect("extensions/README.md");
    let (head, _) = page.split_once(MARK).expect("the mark of the generated part");
    let table = |head: &str, title: &str, rows: &str| {
        let (before, rest) = head.split_once(title).expect(title);
        let after = rest.find("\n\n").map_or("", |at| &rest[at + 1..]);
        format!("{before}{title}{rows}{after}")
    };
    let head = table(head, "| role | must have | may have |\n|---|---|---|\n", &roles());
    let head = table(&head, "| budget | usual | what it is |\n|---|---|---|\n", &budgets());
    let whole = format!("{head}{MARK}{}\n", reference().trim_end());
    if std::env::var_os("GREFFON_WRITE_REFERENCE").is_some() {
        std::fs::write(PAGE, &whole).expect("written");
        return;
    }
    assert!(page == whole, "extensions/README.md is behind the code: GREFFON_WRITE_REFERENCE=1 cargo test --lib script::host::tests::reference");
}

/// Rhai keeps words to itself: a function of such a name could never be called.
#[test]
fn every_documented_name_can_be_written() {
    let engine = rhai::Engine::new_raw();
    for module in MODULES {
        for function in module.functions {
            // `name(a, b) -> what` of the module, or one or more of `value.name(a) -> what, value.name`.
            let forms = function.signature.split(" ->").next().expect("a form");
            let (name, own) = (forms.split('(').next().expect("a name"), !forms.split('(').next().expect("a name").contains('.'));
            let texts = if own {
                vec![format!("{}::{name}(\"x\")", module.name)]
            } else {
                forms.split(", ").filter(|one| one.contains('.')).map(|one| one.split('(').next().expect("a name").to_owned()).collect()
            };
            for text in texts {
                let outcome = engine.compile(format!("let x = {text};"));
                assert!(outcome.is_ok(), "`{text}` cannot be written: {outcome:?}");
            }
        }
    }
    assert!(engine.compile("let x = version::is(\"x\");").is_err(), "the broken twin");
}

#[test]
fn every_example_works() {
    let server = Server::start();
    server.put("/licence", "200 OK", "yes");
    server.put("/list.json", "200 OK", "{\"plugins\": [{\"name\": \"quiz\"}]}");
    let grants = json!({ "net": [server.host()], "read": ["data"], "write": ["data"], "run": ["echo"], "env": ["HOME"], "secret": ["shop"], "prompt": true });
    for module in MODULES {
        let mut world = World::new(grants.clone());
        world.secrets.insert("shop".into(), "shop-secret".into());
        world.answers = Some(vec!["yes".into()]);
        world.tree = Some("1.4\n".into());
        world.put("data/keep", "");
        std::fs::write(world.path().join("data/quiz.zip"), super::stores::zip(&[("quiz/version.txt", "1.2")])).expect("written");
        super::stores::repository(&world.path().join("data/quiz.git"));
        let body = module.example.replace("https://plugins.example.org/quiz.git", "data/quiz.git").replace("https://plugins.example.org", &server.url(""));
        let text = format!("fn after_sync(request, host) {{\n{body}\n}}");
        let request = json!({ "tree": "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "url": "u" });
        let text = if module.name == "log" { text.replace("${url}", "${request.url}") } else { text };
        let outcome = world.load(&text).and_then(|hook| hook.ask(&world.cx(), "after_sync", request));
        assert!(
            outcome.is_ok(),
            "the example of `{}`: {}",
            module.name,
            outcome.err().map(|error| crate::diagnostic::render(&error, false, 120)).unwrap_or_default()
        );
        if module.name == "secret" {
            assert!(world.log.text().contains("asked with ***: 200"));
        }
        drop(Arc::clone(&world.log));
    }
}
