//! Edits of oddly written manifests: only what was asked for changes.

use std::path::{Path, PathBuf};

use super::{NewElement, add_elements, remove_elements, set_requirement};
use crate::diagnostic::render;
use crate::manifest::Manifest;
use crate::model::{ElementId, GitPin, Requirement, Source};

const PATH: &str = "/srv/greffon/greffon.toml";

fn id(text: &str) -> ElementId {
    text.parse().expect("an id")
}

fn plain(name: &str, requirement: &str) -> NewElement {
    NewElement { id: id(name), requirement: Some(Requirement::new(requirement)), source: Source::Repositories { only: None }, group: None }
}

/// The texts before and after an edit, which must also mean something.
fn check(before: &str, after: &str, got: Result<String, crate::error::Error>) {
    let got = got.unwrap_or_else(|error| panic!("{}", render(&error, false, 100)));
    assert_eq!(got, after, "\n--- before\n{before}\n--- got\n{got}");
    Manifest::parse(Path::new(PATH), got).unwrap_or_else(|error| panic!("{}", render(&error, false, 100)));
}

#[test]
fn what_an_extension_may_do_is_written_wherever_it_stands() {
    let allowed = |before: &str| super::set_allow(Path::new(PATH), before, "edd", "{ prompt = true }");
    let fresh = "# shop\n[types.plugins]\na = \"*\"\n";
    check(fresh, "# shop\n[types.plugins]\na = \"*\"\n\n[extensions.edd]\nallow = { prompt = true }\n", allowed(fresh));
    let other = "[extensions.edd]\nlimits = { seconds = 2 } # short\n\n[types.plugins]\n";
    check(other, "[extensions.edd]\nlimits = { seconds = 2 } # short\nallow = { prompt = true }\n\n[types.plugins]\n", allowed(other));
    let there = "[extensions.edd]\nallow = { net = [\"a.example\"] }\n";
    check(there, "[extensions.edd]\nallow = { prompt = true }\n", allowed(there));
    let braces = "extensions = { edd = { allow = { net = [\"a.example\"] } } }\n";
    check(braces, "extensions = { edd = { allow = { prompt = true } } }\n", allowed(braces));
}

fn adds(before: &str, elements: &[NewElement], site: Option<&str>, after: &str) {
    check(before, after, add_elements(Path::new(PATH), before, elements, site));
}

fn removes(before: &str, ids: &[&str], site: Option<&str>, after: &str) {
    let ids: Vec<ElementId> = ids.iter().map(|text| id(text)).collect();
    check(before, after, remove_elements(Path::new(PATH), before, &ids, site));
}

fn requires(before: &str, name: &str, requirement: &str, site: Option<&str>, after: &str) {
    check(before, after, set_requirement(Path::new(PATH), before, &id(name), &Requirement::new(requirement), site));
}

const ODD: &str = "\
# mine
requires-greffon='>=0.1'   # keep


[types.plugins]  # the plugins
  zeta   =   '*'     # z
  # about alpha
  alpha = { version = \"1\" , git='https://h/a.git' } # a

# sites come now
[sites.x]
path = \"/srv/x\"
";

#[test]
fn a_new_element_stands_at_the_end_of_its_table() {
    adds(
        ODD,
        &[plain("plugins/mod_b", "2.4+"), plain("plugins/komin/base", "*")],
        None,
        &ODD.replace("# a\n", "# a\n  mod_b = \"2.4+\"\n  \"komin/base\" = \"*\"\n"),
    );
}

#[test]
fn every_form_of_table_takes_a_new_element() {
    for (before, after) in [
        ("", "[types.plugins]\nb = \"1\"\n"),
        ("# only words", "# only words\n\n[types.plugins]\nb = \"1\"\n"),
        ("\u{feff}", "\u{feff}[types.plugins]\nb = \"1\"\n"),
        ("[types.plugins]", "[types.plugins]\nb = \"1\"\n"),
        ("[types.plugins]\n\n[hooks]\n", "[types.plugins]\nb = \"1\"\n\n[hooks]\n"),
        ("types.plugins.a = \"1\" # a\n[hooks]\n", "types.plugins.a = \"1\" # a\ntypes.plugins.b = \"1\"\n[hooks]\n"),
        ("types.core.a = \"1\"\n[hooks]\n", "types.core.a = \"1\"\ntypes.plugins.b = \"1\"\n[hooks]\n"),
        ("[types]\nplugins.a = \"1\"", "[types]\nplugins.a = \"1\"\nplugins.b = \"1\"\n"),
        ("[types]\ncore.a = \"1\"\n", "[types]\ncore.a = \"1\"\nplugins.b = \"1\"\n"),
        ("[types]\n\n[hooks]\n", "[types]\n\n[types.plugins]\nb = \"1\"\n\n[hooks]\n"),
        ("types = { core = { a = \"1\" } }\n", "types = { core = { a = \"1\" }, plugins.b = \"1\" }\n"),
        ("types = {}\n", "types = { plugins.b = \"1\" }\n"),
        ("[types]\nplugins = { a = \"1\" }\n", "[types]\nplugins = { a = \"1\", b = \"1\" }\n"),
        ("[types]\nplugins = {  }\n", "[types]\nplugins = { b = \"1\" }\n"),
        ("[types]\nplugins = {\n  a = \"1\", # one\n}\n", "[types]\nplugins = {\n  a = \"1\", b = \"1\", # one\n}\n"),
        ("[types.core]\na = \"1\"\n\n# later\n[hooks]\n", "[types.core]\na = \"1\"\n\n[types.plugins]\nb = \"1\"\n\n# later\n[hooks]\n"),
        ("[types.plugins.a]\nversion = \"1\"\n[hooks]\n", "[types.plugins.a]\nversion = \"1\"\n\n[types.plugins]\nb = \"1\"\n[hooks]\n"),
        ("[types.plugins]\na = \"1\"\n[types.plugins.c]\nversion = \"1\"\n", "[types.plugins]\na = \"1\"\nb = \"1\"\n[types.plugins.c]\nversion = \"1\"\n"),
    ] {
        adds(before, &[plain("plugins/b", "1")], None, after);
    }
}

#[test]
fn line_ends_stay_those_of_the_file() {
    adds("[types.plugins]\r\na = \"1\"\r\n\r\n[hooks]\r\n", &[plain("plugins/b", "1")], None, "[types.plugins]\r\na = \"1\"\r\nb = \"1\"\r\n\r\n[hooks]\r\n");
    adds("requires-greffon = \"*\"\r\n", &[plain("core/m", "1")], None, "requires-greffon = \"*\"\r\n\r\n[types.core]\r\nm = \"1\"\r\n");
    removes("\u{feff}types.core.m = \"1\"\r\ntypes.plugins.x = \"1\"\r\n", &["core/m"], None, "\u{feff}types.plugins.x = \"1\"\r\n");
}

#[test]
fn sources_are_written_as_a_person_would() {
    let element = |name: &str, requirement: Option<&str>, source: Source, group: Option<&str>| NewElement {
        id: id(name),
        requirement: requirement.map(Requirement::new),
        source,
        group: group.map(str::to_owned),
    };
    let git = |url: &str, pin| Source::Git { git: url.to_owned(), pin, subdir: Some("x/y".to_owned()), submodules: true };
    adds(
        "",
        &[
            element("plugins/any", None, Source::Repositories { only: None }, None),
            element("plugins/ours", Some("^1"), Source::Repositories { only: None }, Some("dev")),
            element("plugins/g", Some("2+"), git("https://h/g.git", GitPin::Version), None),
            element("plugins/t", None, git("/srv/repos/t.git", GitPin::Tag("v1".to_owned())), None),
            element("plugins/p", None, Source::Path { path: PathBuf::from("/srv/local/p"), version: Some("3".into()) }, Some("dev")),
            element("plugins/far", None, Source::Path { path: PathBuf::from("/opt/far.zip"), version: None }, None),
            element(
                "plugins/u",
                None,
                Source::Url { url: "https://h/u.zip".to_owned(), version: Some("1".into()), sha256: Some("00".repeat(32).parse().expect("a digest")) },
                None,
            ),
        ],
        None,
        &format!(
            "[types.plugins]\nany = \"*\"\nours = {{ version = \"^1\", group = \"dev\" }}\n\
             g = {{ git = \"https://h/g.git\", version = \"2+\", subdir = \"x/y\", submodules = true }}\n\
             t = {{ git = \"../repos/t.git\", tag = \"v1\", subdir = \"x/y\", submodules = true }}\n\
             p = {{ path = \"../local/p\", version = \"3\", group = \"dev\" }}\nfar = {{ path = \"/opt/far.zip\" }}\n\
             u = {{ url = \"https://h/u.zip\", version = \"1\", sha256 = \"{}\" }}\n",
            "00".repeat(32)
        ),
    );
}

#[test]
fn adding_what_is_there_changes_its_requirement_alone() {
    adds(ODD, &[plain("plugins/zeta", "3")], None, &ODD.replace("'*'     # z", "\"3\"     # z"));
    adds(ODD, &[plain("plugins/alpha", "3")], None, &ODD.replace("version = \"1\" ,", "version = \"3\" ,"));
    adds(
        "[types.p]\na = '1'\n",
        &[NewElement { group: Some("dev".to_owned()), ..plain("p/a", "1") }],
        None,
        "[types.p]\na = { version = \"1\", group = \"dev\" }\n",
    );
    let other = NewElement { source: Source::Path { path: PathBuf::from("/srv/greffon/sub"), version: None }, ..plain("plugins/alpha", "3") };
    adds(ODD, &[other], None, &ODD.replace("{ version = \"1\" , git='https://h/a.git' }", "{ path = \"sub\" }"));
}

#[test]
fn another_source_leaves_what_else_is_said_of_an_element() {
    let git = |requirement: &str| NewElement {
        source: Source::Git { git: "https://h/b.git".to_owned(), pin: GitPin::Version, subdir: None, submodules: false },
        ..plain("p/a", requirement)
    };
    for (before, after) in [
        (
            "[types.p]\na = { git = 'https://h/a.git', tag = 'v1', patches = ['x.patch'] } # ours\n",
            "[types.p]\na = { git = \"https://h/b.git\", patches = ['x.patch'], version = \"2\" } # ours\n",
        ),
        (
            "[types.p.a]\npath = '../a'\n# why\npatches = ['x.patch']\n",
            "[types.p.a]\n# why\npatches = ['x.patch']\ngit = \"https://h/b.git\"\nversion = \"2\"\n",
        ),
        ("[types.p]\na.version = '1'\na.patches = ['x.patch']\n", "[types.p]\na.version = \"2\"\na.patches = ['x.patch']\na.git = \"https://h/b.git\"\n"),
        ("[types.p]\na = '1'\n", "[types.p]\na = { git = \"https://h/b.git\", version = \"2\" }\n"),
    ] {
        adds(before, &[git("2")], None, after);
    }
}

#[test]
fn a_requirement_changes_in_every_form() {
    for (before, after) in [
        ("[types.p]\na = '1' # x\n", "[types.p]\na = \"2\" # x\n"),
        ("[types.p]\na = { git = 'https://h/x' }\n", "[types.p]\na = { git = 'https://h/x', version = \"2\" }\n"),
        ("[types.p]\na = {}\n", "[types.p]\na = { version = \"2\" }\n"),
        ("[types.p.a]\ngit = 'https://h/x'\n\n[hooks]\n", "[types.p.a]\ngit = 'https://h/x'\nversion = \"2\"\n\n[hooks]\n"),
        ("[types.p]\na.git = 'https://h/x'\nb = '1'\n", "[types.p]\na.git = 'https://h/x'\na.version = \"2\"\nb = '1'\n"),
        ("types.p.a.version = '1'\n", "types.p.a.version = \"2\"\n"),
        ("types = { p.a.version = '1', q.b = '1' }\n", "types = { p.a.version = \"2\", q.b = '1' }\n"),
    ] {
        requires(before, "p/a", "2", None, after);
    }
    let sites = "[types.p]\na = '1'\nb = '1'\n[sites.x]\npath = '/x'\ntypes.p.a = '1'\n";
    requires(sites, "p/a", "2", Some("x"), &sites.replace("types.p.a = '1'", "types.p.a = \"2\""));
    requires(sites, "p/b", "2", Some("x"), &sites.replace("\nb = '1'", "\nb = \"2\""));
}

#[test]
fn removing_takes_the_entry_and_nothing_else() {
    removes(ODD, &["plugins/zeta"], None, &ODD.replace("  zeta   =   '*'     # z\n", ""));
    for (before, after) in [
        ("[types.p]\na = '1'\nb = '1'", "[types.p]\nb = '1'"),
        ("[types.p]\nb = '1'\na = '''\nx'''", "[types.p]\nb = '1'\n"),
        ("types.p = { a = '1', b = '1' }\n", "types.p = { b = '1' }\n"),
        ("types.p = { b = '1', a = '1' }\n", "types.p = { b = '1' }\n"),
        ("types.p = { a = '1' }\n", "types.p = {  }\n"),
        ("types = { p.a.git = 'https://h/x', p.a.tag = 'v', p.b = '1' }\n", "types = { p.b = '1' }\n"),
        ("[types.p]\na.git = 'https://h/x'\nb = '1'\na.tag = 'v'\n", "[types.p]\nb = '1'\n"),
        ("[types.p.b]\nversion = '1'\n\n[types.p.a]\ndialogue.use = 'builtin:x'\n\n# hooks\n[hooks]\n", "[types.p.b]\nversion = '1'\n\n# hooks\n[hooks]\n"),
        ("[types.p.a]\nversion = '1'\n[types.p.a.dialogue]\nuse = 'builtin:x'\n[types.p.b]\n", "[types.p.b]\n"),
    ] {
        removes(before, &["p/a"], None, after);
    }
}

#[test]
fn a_site_has_entries_of_its_own() {
    let before = "[types.p]\na = '1'\nb = '1'\n\n[sites.x] # x\npath = '/x'\nwithout = ['p/a', \"p/b\"]\n\n[sites.y]\npath = '/y'\n";
    adds(before, &[plain("p/a", "2")], Some("x"), &before.replace("['p/a', \"p/b\"]\n", "[\"p/b\"]\ntypes.p.a = \"2\"\n"));
    removes(before, &["p/a"], Some("y"), &before.replace("path = '/y'\n", "path = '/y'\nwithout = [\"p/a\"]\n"));
    removes(before, &["p/b"], None, "[types.p]\na = '1'\n\n[sites.x] # x\npath = '/x'\nwithout = ['p/a']\n\n[sites.y]\npath = '/y'\n");
    removes(before, &["p/b", "p/a"], None, "[types.p]\n\n[sites.x] # x\npath = '/x'\nwithout = []\n\n[sites.y]\npath = '/y'\n");
    let own = "[types.p]\na = '1'\n[sites.x]\npath = '/x'\n[sites.x.types.p]\na = '2'\nc = '1'\n";
    removes(own, &["p/c"], Some("x"), &own.replace("c = '1'\n", ""));
    removes(own, &["p/a"], Some("x"), "[types.p]\na = '1'\n[sites.x]\npath = '/x'\nwithout = [\"p/a\"]\n[sites.x.types.p]\nc = '1'\n");
    adds(own, &[plain("p/d", "1")], Some("x"), &format!("{own}d = \"1\"\n"));
    adds("sites.x.path = '/x'\n", &[plain("p/d", "1")], Some("x"), "sites.x.path = '/x'\nsites.x.types.p.d = \"1\"\n");
    adds("sites = { x = { path = '/x' } }\n", &[plain("p/d", "1")], Some("x"), "sites = { x = { path = '/x', types.p.d = \"1\" } }\n");
}

#[test]
fn what_cannot_be_done_is_said() {
    let fails = |got: Result<String, crate::error::Error>| render(&got.expect_err("must fail"), false, 100);
    let text = "[types.p]\nalpha = '1'\n[sites.prod]\npath = '/x'\ntypes.p.own = '1'\n";
    let path = Path::new("greffon.toml");
    assert_eq!(
        fails(remove_elements(path, text, &[id("p/alhpa"), id("p/own")], None)),
        "error: `greffon.toml` does not name `p/alhpa`\n\nhint: did you mean `p/alpha`?\n\n\
         error: `greffon.toml` does not name `p/own`\n  = the site `prod` has it as its own: `--site prod`\n"
    );
    assert_eq!(fails(add_elements(path, text, &[plain("p/x", "1")], Some("prdo"))), "error: `greffon.toml` has no site `prdo`\n\nhint: did you mean `prod`?\n");
    assert!(fails(add_elements(path, "[types.p\n", &[plain("p/x", "1")], None)).contains("greffon.toml:1:"));
    assert_eq!(fails(add_elements(path, "types = 3\n", &[plain("p/x", "1")], None)), "error: `types` in `greffon.toml` is not a table\n");
}
