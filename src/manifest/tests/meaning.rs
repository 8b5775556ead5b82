//! What a manifest that is right means.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{EXAMPLE, parse};
use crate::manifest::{Manifest, SecretSource, UseKind, UserConfig, json_schema};
use crate::model::{Deploy, ElementId, GitPin, IfLocalChanges, IfRemoved, LinkMode, Requirement, Source, Version, WantedSite};

fn id(text: &str) -> ElementId {
    text.parse().expect("an id")
}

fn names(site: &WantedSite) -> Vec<String> {
    site.elements.keys().map(ToString::to_string).collect()
}

#[test]
fn the_example_of_the_design() {
    let manifest = parse(EXAMPLE).expect("the example is right");
    let [prod, test] = manifest.sites.as_slice() else { panic!("two sites") };
    assert_eq!((prod.name.as_str(), prod.path.as_path(), prod.host.as_deref()), ("prod", Path::new("/srv/prod/html"), Some("srv1")));
    assert_eq!(
        names(prod),
        [
            "core/moodle",
            "plugins/mod_attendance",
            "plugins/block_xp",
            "plugins/mod_customcert",
            "plugins/tool_zip",
            "plugins/fancy_forms",
            "plugins/komin/base"
        ]
    );
    assert_eq!(
        names(test),
        ["core/moodle", "plugins/block_xp", "plugins/mod_customcert", "plugins/local_ours", "plugins/tool_zip", "plugins/fancy_forms", "plugins/komin/base"]
    );
    assert_eq!(prod.elements[&id("core/moodle")].requirement, Requirement::new("4.5"));
    assert_eq!(test.elements[&id("core/moodle")].requirement, Requirement::new("5.1"));
    assert_eq!(test.elements[&id("plugins/local_ours")].source, Source::Path { path: PathBuf::from("/srv/local_ours"), version: None });
    assert_eq!(prod.elements[&id("plugins/block_xp")].source, Source::Repositories { only: Some("ours".to_owned()) });
    let customcert = &prod.elements[&id("plugins/mod_customcert")];
    assert_eq!(
        customcert.source,
        Source::Git { git: "https://git.example.org/customcert.git".to_owned(), pin: GitPin::Tag("v4.4.1".to_owned()), subdir: None, submodules: false }
    );
    assert_eq!(customcert.patches, [PathBuf::from("/srv/greffon/patches/mod_customcert/0001-logo.patch")]);
    assert!(
        matches!(&prod.elements[&id("plugins/tool_zip")].source, Source::Url { version: Some(version), sha256: Some(_), .. } if *version == Version::new("1.2"))
    );
    let Source::Dialogue { options } = &prod.elements[&id("plugins/fancy_forms")].source else { panic!("a dialogue") };
    assert_eq!(options, &json!({"use": "extension:edd", "shop": "https://shop.example", "item": 4711, "licence": "fancy", "identity": "https://site.example"}));
    let komin = &prod.elements[&id("plugins/komin/base")];
    assert_eq!((komin.optional.as_slice(), komin.scheme.as_deref()), (&["pdf".to_owned()][..], Some("3m")));

    assert_eq!((test.deploy, test.link_mode, test.keep), (Deploy::Swap, LinkMode::Hardlink, Some(5)));
    assert_eq!((test.shared.as_slice(), test.state.as_deref()), (&["moodledata".to_owned(), "config".to_owned()][..], Some(Path::new("/srv/test/state"))));
    assert_eq!((test.policy.if_local_changes, prod.policy.if_local_changes), (IfLocalChanges::Save, IfLocalChanges::Abort));
    assert_eq!(test.policy.if_removed, IfRemoved::Ask);

    let config = &manifest.config;
    let installer = config.installer.as_ref().expect("an installer");
    assert_eq!((installer.kind, installer.target.as_str()), (UseKind::Builtin, "tree"));
    assert_eq!(installer.options["types"]["plugins"], json!({"path": "plugins/{name}", "scheme": "3m", "protect": ["config/local.php"]}));
    assert_eq!(
        config.repositories[0].options,
        json!({"url": "https://plugins.example.org/", "auth": {"user": "me", "secret": "token"}}).as_object().cloned().expect("a table")
    );
    assert_eq!((config.repositories[0].name.as_deref(), config.repositories[0].base.as_path()), (Some("ours"), Path::new("/srv/greffon")));
    assert_eq!(config.secrets["shop"], SecretSource::Command(vec!["pass".to_owned(), "show".to_owned(), "shop".to_owned()]));
    assert_eq!(config.secrets["token"], SecretSource::File(PathBuf::from("/srv/greffon/secrets/token")));
    assert_eq!((config.schemes["plugins"].as_str(), config.git_transport.as_deref()), ("moodle", Some("cli")));
    assert_eq!(config.mirrors["https://github.com/"], "https://mirror.example.org/github/");
    assert_eq!(manifest.hooks["after-sync"]["with"], json!({"user": "www-data"}));
    assert_eq!(manifest.site_hooks["test"], json!({"on-failure": "hooks/mail.rhai"}));
    assert_eq!(manifest.extensions, json!({"edd": {"allow": {"net": ["shop.example"], "secret": ["fancy"], "prompt": true}}}));
}

#[test]
fn places_are_kept() {
    let manifest = parse(EXAMPLE).expect("the example is right");
    let origin = &manifest.sites[0].elements[&id("plugins/block_xp")].origin;
    assert_eq!(&EXAMPLE[origin.span.0..origin.span.1], "{ version = \"2025*\", repository = \"ours\" }");
    assert_eq!(EXAMPLE.lines().nth(origin.line - 1).map(|line| line.starts_with("block_xp")), Some(true));
    let place = manifest.config.repositories[0].place.as_ref().expect("a place");
    assert_eq!(&place.text[place.span.clone()], "\"builtin:index\"");
}

#[test]
fn without_sites_the_folder_is_the_site() {
    let manifest = parse("[types.plugins]\na = \"*\"\nb = { version = \"1\", group = \"dev\" }\n").expect("right");
    let [site] = manifest.sites.as_slice() else { panic!("one site") };
    assert_eq!((site.name.as_str(), site.path.as_path()), ("greffon", Path::new("/srv/greffon")));
    assert_eq!(names(site), ["plugins/a"], "a grouped element is for sites that name the group");
    assert_eq!(parse("").expect("an empty manifest is right").sites.len(), 1);
}

#[test]
fn every_way_of_writing_a_table_is_read() {
    for text in [
        "types.plugins.a = \"1\"\ntypes.plugins.\"b/c\" = { version = \"2\" }\n",
        "[types]\nplugins.a = \"1\"\nplugins.\"b/c\".version = \"2\"\n",
        "[types]\nplugins = { a = \"1\", \"b/c\" = { version = \"2\" } }\n",
        "[types.plugins]\na = \"1\"\n[types.plugins.\"b/c\"]\nversion = \"2\"\n",
        "\u{feff}[types.plugins]\r\na = \"1\"\r\n\"b/c\" = \"2\"\r\n",
    ] {
        let manifest = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
        assert_eq!(names(&manifest.sites[0]), ["plugins/a", "plugins/b/c"], "{text:?}");
        let origin = &manifest.sites[0].elements[&id("plugins/a")].origin;
        assert_eq!(text.get(origin.span.0..origin.span.1), Some("\"1\""), "{text:?}");
    }
}

#[test]
fn a_local_git_path_becomes_absolute_and_urls_stay() {
    for (written, read) in [
        ("../repo.git", "/srv/repo.git"),
        ("/a/./b/../c", "/a/c"),
        ("https://h/x.git", "https://h/x.git"),
        ("ssh://git@h:22/x.git", "ssh://git@h:22/x.git"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("file:///a/b", "file:///a/b"),
    ] {
        let manifest = parse(&format!("[types.plugins]\na = {{ git = \"{written}\", subdir = \"./x//y/\" }}\n")).expect("right");
        let Source::Git { git, subdir, pin, .. } = &manifest.sites[0].elements[0].source else { panic!("git") };
        assert_eq!((git.as_str(), subdir.as_deref(), pin), (read, Some("x/y"), &GitPin::Version));
    }
}

#[test]
fn sites_with_one_path_on_two_machines_are_fine() {
    let manifest = parse("[sites.a]\npath = \"/w\"\nhost = \"one\"\n[sites.b]\npath = \"/w\"\nhost = \"two\"\n").expect("right");
    assert_eq!(manifest.sites.len(), 2);
}

#[test]
fn a_user_fills_in_what_the_manifest_leaves_open() {
    let user = UserConfig { link_mode: Some(LinkMode::Copy), git_transport: Some("builtin".to_owned()), ..UserConfig::default() };
    let open = "[sites.a]\npath = \"/a\"\n[sites.b]\npath = \"/b\"\nlink-mode = \"reflink\"\n";
    let modes = |manifest: &Manifest| manifest.sites.iter().map(|site| site.link_mode).collect::<Vec<_>>();
    let manifest = parse(open).expect("right").with_user(&user);
    assert_eq!(modes(&manifest), [LinkMode::Copy, LinkMode::Reflink]);
    assert_eq!(manifest.config.git_transport.as_deref(), Some("builtin"));
    let said = parse(&format!("config.link-mode = \"auto\"\n{open}")).expect("right").with_user(&user);
    assert_eq!(modes(&said), [LinkMode::Auto, LinkMode::Reflink], "what the manifest says stands");
}

#[test]
fn the_manifest_is_found_from_below() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep = folder.path().join("a/b");
    fs_err::create_dir_all(&deep).expect("made");
    assert!(Manifest::find(&deep).expect_err("none yet").hints()[0].contains("greffon init"));
    fs_err::create_dir(folder.path().join("a/greffon.toml")).expect("a folder of that name is no manifest");
    fs_err::write(folder.path().join("greffon.toml"), "[types.plugins]\nx = \"1\"\n").expect("written");
    let found = Manifest::find(&deep).expect("found");
    assert_eq!(found, folder.path().join("greffon.toml"));
    assert_eq!(Manifest::load(&found).expect("right").sites[0].path, folder.path());
    assert!(Manifest::load(&deep.join("greffon.toml")).expect_err("missing").message().contains("there is no"));
}

#[test]
fn the_schema_knows_the_keys_that_are_read() {
    let schema = json_schema();
    let keys = |name: &str| -> Vec<String> {
        let table = if name.is_empty() { &schema } else { &schema["$defs"][name] };
        assert_eq!(table["additionalProperties"], json!(false), "{name} must be closed");
        table["properties"].as_object().unwrap_or_else(|| panic!("{name} has no properties in {schema:#}")).keys().cloned().collect()
    };
    // The complaint about an unknown key lists what the reader knows.
    let read = |table: &str| -> Vec<String> {
        let error = parse(table).expect_err("an unknown key");
        let hint = error.hints().first().cloned().unwrap_or_else(|| panic!("{error:?}"));
        hint.trim_start_matches("known here: ").split(", ").map(|word| word.trim_matches('`').to_owned()).collect()
    };
    for (name, text) in [
        ("", "zzzzzzzz = 1\n"),
        ("ConfigShape", "[config]\nzzzzzzzz = 1\n"),
        ("GitShape", "[config.git]\nzzzzzzzz = 1\n"),
        ("SecretShape", "[config.secrets]\na = { env = \"A\", zzzzzzzz = 1 }\n"),
        ("ElementShape", "[types.plugins]\na = { zzzzzzzz = 1 }\n"),
        ("SiteShape", "[sites.a]\npath = \"/w\"\nzzzzzzzz = 1\n"),
        ("PolicyShape", "[client-options]\nzzzzzzzz = 1\n"),
        ("ExtensionShape", "[extensions.a]\nzzzzzzzz = 1\n"),
        ("GrantsShape", "[extensions.a]\nallow = { zzzzzzzz = 1 }\n"),
        ("HooksShape", "[hooks]\nzzzzzzzz = 1\n"),
        ("HookShape", "[hooks]\nafter-sync = { use = \"a\", zzzzzzzz = 1 }\n"),
        ("PackageShape", "[package]\nzzzzzzzz = 1\n"),
    ] {
        let (mut published, mut accepted) = (keys(name), read(text));
        published.sort();
        accepted.sort();
        assert_eq!(published, accepted, "{name}");
    }
}

#[test]
fn the_schema_names_the_words_that_are_read() {
    let schema = json_schema().to_string();
    for (table, key, word) in [
        ("config", "link-mode", "hardlink"),
        ("client-options", "if-version-mismatch", "earliest"),
        ("client-options", "if-local-changes", "merge"),
        ("client-options", "if-removed", "keep-data"),
    ] {
        assert!(parse(&format!("[{table}]\n{key} = \"{word}\"\n")).is_ok(), "{key} = {word}");
        assert!(schema.contains(&format!("\"{word}\"")), "{word}");
    }
}
