//! `greffon import` and `greffon convert` on the real binary: other tools' files in, other tools' files out.
#![allow(clippy::disallowed_methods, clippy::pedantic, unreachable_pub, dead_code)]

mod moodle_site;
mod support;

use moodle_site::Campus;
use serde_json::Value;
use support::{Outcome, TestEnvironment};

const MCM: &str = "# Configuration de demo
moodle:
  version: 4.5+
plugins:
  moodle-tool_redis:
    name: Redis management
    source: https://github.com/moodle-an-hochschulen/moodle-tool_redis
    branch: MOODLE_405_STABLE
  moodle-mod_attendance:
    name: Attendance
    source: https://github.com/danmarsden/moodle-mod_attendance
    branch: MOODLE_403_STABLE
    version: 1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b
  moodle-block_xp:
    source: https://ann:hunter22@github.com/FMCorz/moodle-block_xp
    version: v3.17.1
    localdev: site_specific
  moodle-local_byname:
    branch: main
  moodle-Bad_Name:
    source: https://h/x
  moodle-mod_evil:
    source: 'ext::sh -c id'
colour: blue
";

fn import(env: &TestEnvironment, arguments: &[&str]) -> Outcome {
    env.greffon(["import"].iter().chain(arguments)).run()
}

fn left(report: &Value) -> Vec<(u64, String)> {
    let left = report["left"].as_array().expect("left").iter();
    left.map(|one| (one["line"].as_u64().expect("a line"), one["reason"].as_str().expect("a reason").to_owned())).collect()
}

#[test]
fn a_project_of_mcm_becomes_a_manifest_and_what_has_no_like_is_told_by_line() {
    let env = TestEnvironment::new();
    env.write("projects/demo/demo.yml", MCM);
    let dry = import(&env, &["projects/demo/demo.yml", "--dry-run", "--json"]).succeeds().json();
    assert!(dry["dry_run"] == true && !env.exists("greffon.toml"), "a dry run writes nothing: {dry:#}");
    let said = import(&env, &["projects/demo/demo.yml", "--json"]).succeeds().json();
    assert_eq!(said["schema"], "greffon/import/1");
    assert_eq!((said["created"].as_bool(), said["files"][0]["format"].as_str()), (Some(true), Some("mcm")));
    let text = env.read("greffon.toml");
    for line in [
        "installer = \"builtin:moodle\"",
        "moodle = { git = \"https://github.com/moodle/moodle.git\", version = \"4.5+\" }",
        "tool_redis = { git = \"https://github.com/moodle-an-hochschulen/moodle-tool_redis\", branch = \"MOODLE_405_STABLE\" }",
        "mod_attendance = { git = \"https://github.com/danmarsden/moodle-mod_attendance\", rev = \"1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b\" }",
        "block_xp = { git = \"https://github.com/FMCorz/moodle-block_xp\", rev = \"v3.17.1\" }",
        "local_byname = \"*\"",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let told = left(&said);
    for (line, reason) in [
        (6, "description"),
        (12, "`version` on line 13 is stronger"),
        (10, "description"),
        (15, "a login is not written"),
        (17, "patches"),
        (19, "without `source`"),
        (20, "no name of a Moodle plugin"),
        (23, "does not fetch from such an address"),
        (24, "no such part"),
    ] {
        assert!(told.iter().any(|(at, why)| *at == line && why.contains(reason)), "{line} {reason}: {told:#?}");
    }
    assert!(!text.contains("hunter22") && !said.to_string().contains("hunter22"), "no login is written or shown");
    // A second time there is nothing to add, and nothing is written twice.
    let again = import(&env, &["projects/demo/demo.yml", "--json"]).succeeds().json();
    assert!(again["elements"].as_array().expect("elements").iter().all(|one| one["there"] == true), "{again:#}");
    assert_eq!(env.read("greffon.toml"), text);
    // Another file that wants one of them otherwise is told, not obeyed.
    env.write("other.yml", "moodle:\n  version: 5.1\nplugins:\n  moodle-mod_new:\n    source: https://h/moodle-mod_new\n");
    let other = import(&env, &["other.yml", "--json"]).succeeds().json();
    assert!(left(&other).iter().any(|(line, why)| *line == 2 && why.contains("wants core/moodle already, as `4.5+`")), "{other:#}");
    assert!(env.read("greffon.toml").contains("mod_new = { git = \"https://h/moodle-mod_new\", version = \"*\" }"));
    let human = import(&env, &["projects/demo/demo.yml"]).succeeds();
    assert!(human.stderr.contains("lines 6, 10: name: Redis management"), "{}", human.stderr);
}

#[test]
fn gitplugins_and_gitmodules_are_known_by_their_paths_and_repositories() {
    let env = TestEnvironment::new();
    env.write(
        "moodle/gitplugins.conf",
        "<?php\nreturn([\n  'settings' => ['verbosity' => 1],\n  'plugins' => [\n    'PLUGIN/NAME' => ['path' => '', 'gitrepository' => ''],\n    \
         'local/mailtest' => [ // a label\n      'path' => '/local/mailtest',\n      'gitrepository' => 'https://github.com/michael-milette/moodle-local_mailtest',\n      \
         'gitbranch' => '', 'gitrevision' => 'v2.1',\n    ],\n    'checklist' => ['path' => 'mod/checklist', 'gitrepository' => 'git://github.com/davosmith/moodle-checklist', 'gitbranch' => 'main'],\n    \
         'odd' => ['path' => '/nowhere/x', 'gitrepository' => 'https://h/odd', 'colour' => 1],\n  ],\n]);\n",
    );
    let said = import(&env, &["moodle/gitplugins.conf", "--json"]).succeeds().json();
    let text = env.read("greffon.toml");
    assert!(text.contains("local_mailtest = { git = \"https://github.com/michael-milette/moodle-local_mailtest\", rev = \"v2.1\" }"), "{text}");
    assert!(text.contains("mod_checklist = { git = \"https://github.com/davosmith/moodle-checklist\", branch = \"main\" }"), "{text}");
    let told = left(&said);
    assert!(told.iter().any(|(line, why)| *line == 3 && why.contains("setting")), "{told:?}");
    assert!(told.iter().any(|(line, why)| *line == 12 && why.contains("neither the path `/nowhere/x`")), "{told:?}");
    assert!(said["notes"][0].as_str().expect("a note").contains("greffon adopt moodle"), "{said:#}");

    env.write(
        "super/.gitmodules",
        "# ours\n[submodule \"core\"]\n\tpath = htdocs\n\turl = https://github.com/moodle/moodle.git\n\tbranch = MOODLE_405_STABLE\n\
         [submodule \"mod/customcert/element/x\"]\n\tpath = mod/customcert/element/x\n\turl = \"https://h/whatever.git\" ; said\n\tshallow = true\n\
         [submodule \"rel\"]\n\tpath = mod/rel\n\turl = ../rel.git\n[submodule \"deep\"]\n\tpath = htdocs/blocks/deep\n\turl = https://h/deep\n[submodule \"no\"]\n\tpath = x\n",
    );
    env.greffon(["-C", "super", "import", "super/.gitmodules", "--dry-run"]).run().succeeds();
    std::fs::remove_file(env.path("greffon.toml")).expect("removed");
    let said = import(&env, &["super/.gitmodules", "--json"]).succeeds().json();
    let text = env.read("greffon.toml");
    assert!(text.contains("moodle = { git = \"https://github.com/moodle/moodle.git\", branch = \"MOODLE_405_STABLE\" }"), "{text}");
    assert!(text.contains("customcertelement_x = { git = \"https://h/whatever.git\", version = \"*\" }"), "{text}");
    assert!(text.contains("block_deep = "), "{text}");
    let told = left(&said);
    for (line, reason) in [(9, "how git handles"), (12, "superproject's own address"), (16, "without `path` or `url`")] {
        assert!(told.iter().any(|(at, why)| *at == line && why.contains(reason)), "{line} {reason}: {told:#?}");
    }
}

const COMPOSER: &str = r#"{
    "name": "ours/site",
    "repositories": [
        {"type": "vcs", "url": "https://github.com/danmarsden/moodle-mod_attendance"},
        {"type": "package", "package": {"name": "x/moodle-block_xp", "version": "3.17", "type": "moodle-block",
            "source": {"type": "git", "url": "https://github.com/FMCorz/moodle-block_xp.git", "reference": "v3.17.1"}}},
        {"type": "package", "package": {"name": "x/zip", "version": "2024020500", "type": "moodle-local", "extra": {"installer-name": "zipped"},
            "dist": {"type": "zip", "url": "https://files.example.org/zip.zip", "shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}}},
        {"type": "composer", "url": "https://satis.middag.io"},
        {"type": "vcs", "url": "https://github.com/ours/unused"}
    ],
    "require": {
        "php": ">=8.1",
        "moodle/moodle": "4.5.*",
        "danmarsden/moodle-mod_attendance": "dev-MOODLE_405_STABLE",
        "x/moodle-block_xp": "3.17",
        "x/zip": "*",
        "moodle-plugin-db/tool_objectfs": "^2024",
        "guzzlehttp/guzzle": "^7",
        "locked/moodle-local_lock": "~1.2"
    },
    "require-dev": {"moodlehq/moodle-local_codechecker": "*"},
    "scripts": {"post-install-cmd": "true"},
    "extra": {"patches": {"x/moodle-block_xp": {"logo": "patches/logo.patch", "far": "https://h/x.patch"}}}
}
"#;

#[test]
fn a_composer_json_says_plugins_branches_archives_and_patches() {
    let env = TestEnvironment::new();
    env.write("composer.json", COMPOSER);
    env.write(
        "composer.lock",
        r#"{"packages": [{"name": "locked/moodle-local_lock", "version": "1.2.3", "type": "moodle-local", "source": {"type": "git", "url": "https://github.com/l/moodle-local_lock.git", "reference": "abc"}}]}"#,
    );
    let said = import(&env, &["composer.json", "--json"]).succeeds().json();
    let text = env.read("greffon.toml");
    for line in [
        "moodle = { git = \"https://github.com/moodle/moodle.git\", version = \"4.5\" }",
        "mod_attendance = { git = \"https://github.com/danmarsden/moodle-mod_attendance\", branch = \"MOODLE_405_STABLE\" }",
        "block_xp = { git = \"https://github.com/FMCorz/moodle-block_xp.git\", rev = \"v3.17.1\", patches = [\"patches/logo.patch\"] }",
        "local_zipped = { url = \"https://files.example.org/zip.zip\", version = \"2024020500\" }",
        "tool_objectfs = \"*\"",
        "local_lock = { git = \"https://github.com/l/moodle-local_lock.git\", version = \"*\" }",
        "group = \"dev\"",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let told = left(&said);
    for reason in [
        "what the project is called",
        "SHA-1 proves nothing",
        "an index of Composer packages",
        "no plugin that is required",
        "what the machine must have",
        "a library of PHP",
        "`~1.2` counts versions of Composer's",
        "commands of Composer",
        "a patch from the network",
        "nothing here says where it comes from",
    ] {
        assert!(told.iter().any(|(_, why)| why.contains(reason)), "{reason}: {told:#?}");
    }
}

#[test]
fn what_cannot_be_read_is_shown_with_its_place() {
    let env = TestEnvironment::new();
    for (name, text, expected) in [
        ("a.yml", "moodle:\n\tversion: 4.5\n", "a.yml:2:1"),
        ("b.yml", "moodle:\n  version: 4.5\nmoodle: x\n", "stands here twice"),
        ("c.yml", "- a\n- b\n", "no project of mcm"),
        ("d.yml", "moodle:\nplugins:\n", "which Moodle it is made of"),
        ("e.yml", "plugins:\n  moodle-Bad: {source: x}\n", "nothing in `e.yml` can be carried over"),
        ("gitplugins.conf", "<?php\nsystem('id');\n", "greffon runs no PHP"),
        ("x/gitplugins.conf", "<?php return ['settings' => []];\n", "no gitplugins.conf"),
        (".gitmodules", "[submodule x]\n", "not `[submodule \"name\"]`"),
        ("y/.gitmodules", "path = x\n", "before the first"),
        ("composer.json", "{\"require\": {\"a\": 1,}}\n", "is no JSON"),
        ("z/composer.json", "{}", "nothing in `z/composer.json` can be carried over"),
        ("composer.lock", "{}", "says what was installed"),
        ("what.ini", "x=1\n", "none of the files that greffon reads"),
        ("null.yml", "", "no project of mcm"),
    ] {
        env.write(name, text);
        let outcome = import(&env, &[name]).fails(1);
        assert!(outcome.stderr.contains(expected) && !outcome.stderr.contains("panicked"), "{name}: {}", outcome.stderr);
        assert!(!env.exists("greffon.toml"), "{name}");
    }
    std::fs::write(env.path("bytes.yml"), b"moodle:\n  version: \xff\n").expect("written");
    assert!(import(&env, &["bytes.yml"]).fails(1).stderr.contains("line 2 holds other bytes"));
    assert!(import(&env, &["x"]).fails(1).stderr.contains("is no file"));
    assert!(import(&env, &["absent.yml"]).fails(1).stderr.contains("there is no `absent.yml`"));
    assert!(import(&env, &[]).stderr.contains("FILE"));
    env.write("deep.json", "[".repeat(100_000));
    import(&env, &["deep.json"]).fails(1);
    env.write("deep.yml", format!("a: {}", "[".repeat(100_000)));
    import(&env, &["deep.yml"]).fails(1);
    env.write("ok.yml", "plugins:\n  moodle-mod_x: {source: https://h/x}\n");
    assert!(import(&env, &["ok.yml", "--site", "prod"]).fails(2).stderr.contains("there is no manifest here"));
}

fn campus() -> Campus {
    let campus = Campus::new();
    campus.core();
    campus.plugin("block_xp", "2024010100", "$plugin->requires = 2024100700;\n").tag("v1");
    let needs = "$plugin->dependencies = ['block_xp' => 2024010100, 'mod_forum' => ANY_VERSION];\n";
    let repo = campus.plugin("availability_xp", "2024010200", needs);
    repo.write("composer.json", r#"{"license": ["GPL-3.0-or-later", "Proprietary"]}"#).commit("licence");
    campus.plugin("local_branch", "2024010300", "");
    campus
}

fn locked() -> Campus {
    let campus = campus();
    let at = |name: &str| campus.env.path(format!("repos/{name}")).display().to_string();
    let (branch, xp, availability) = (at("local_branch"), at("block_xp"), at("availability_xp"));
    campus.manifest(
        "version = \"4.5\"",
        &[
            &format!("local_branch = {{ git = \"{branch}\", branch = \"main\" }}"),
            &format!("block_xp = {{ git = \"{xp}\", version = \"2024*\" }}"),
            &format!("availability_xp = {{ git = \"{availability}\", version = \"*\", group = \"dev\" }}"),
        ],
    );
    let text = campus.env.read("greffon.toml");
    campus.env.write("greffon.toml", text.replace("path = \"one\"", "path = \"one\"\ngroups = [\"dev\"]"));
    campus.env.greffon(["lock"]).run().succeeds();
    campus
}

#[test]
fn a_composer_json_and_back_wants_the_same() {
    let campus = locked();
    let env = &campus.env;
    let text = env.greffon(["convert", "composer"]).run().succeeds().stdout;
    let json: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["require"]["moodle/moodle"], "4.5.1");
    assert_eq!(json["require"]["greffon/moodle-block_xp"], "2024010100");
    assert_eq!(json["require-dev"]["greffon/moodle-availability_xp"], "2024010200");
    let packages = json["repositories"].as_array().expect("packages");
    let xp = packages.iter().map(|one| &one["package"]).find(|package| package["name"] == "greffon/moodle-block_xp").expect("block_xp");
    assert_eq!((xp["type"].as_str(), xp["extra"]["installer-name"].as_str()), (Some("moodle-block"), Some("xp")));
    assert!(env.read("greffon.lock").contains(xp["source"]["reference"].as_str().expect("a commit")));
    let availability = packages.iter().map(|one| &one["package"]).find(|package| package["name"] == "greffon/moodle-availability_xp").expect("availability_xp");
    assert_eq!(availability["require"]["greffon/moodle-block_xp"], "2024010100");
    // And back, in another folder.
    env.write("back/composer.json", &text);
    env.greffon(["import", "back/composer.json", "-C", "back"]).run().succeeds();
    let back = env.read("back/greffon.toml");
    for wish in ["version = \"4.5\"", "branch = \"main\"", "version = \"2024*\"", "group = \"dev\""] {
        assert!(back.contains(wish), "{wish}\n{back}");
    }
    env.greffon(["lock", "-C", "back"]).run().succeeds();
    let commits = |lock: &str| {
        let mut found: Vec<String> = lock.split("commit = \"").skip(1).map(|rest| rest[..40].to_owned()).collect();
        found.sort();
        found.dedup();
        found
    };
    let (there, here) = (commits(&env.read("back/greffon.lock")), commits(&env.read("greffon.lock")));
    // The new manifest's one site leaves the group out.
    assert!(there.iter().all(|commit| here.contains(commit)) && (here.len(), there.len()) == (4, 3), "{here:?} {there:?}");
}

#[test]
fn a_bill_of_materials_has_what_the_format_asks() {
    let campus = locked();
    let env = &campus.env;
    env.greffon(["fetch"]).run().succeeds();
    for spec in ["1.5", "1.6"] {
        let outcome = env.greffon(["convert", "cyclonedx", "--spec", spec]).run().succeeds();
        assert_eq!(outcome.stdout, env.greffon(["convert", "cyclonedx", "--spec", spec]).run().succeeds().stdout, "the same lock gives the same bytes");
        let json: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        check_shape(&json, spec);
        let components = json["components"].as_array().expect("components");
        assert_eq!(components.len(), 4);
        let availability = components.iter().find(|one| one["name"] == "availability_xp").expect("availability_xp");
        assert_eq!(availability["licenses"], serde_json::json!([{"license": {"id": "GPL-3.0-or-later"}}, {"license": {"name": "Proprietary"}}]));
        let needs = json["dependencies"].as_array().expect("dependencies").iter().find(|one| one["ref"] == "plugins/availability_xp").expect("its needs");
        assert_eq!(needs["dependsOn"], serde_json::json!(["plugins/block_xp"]));
        let needs = json["dependencies"].as_array().expect("dependencies").iter().find(|one| one["ref"] == "plugins/block_xp").expect("its needs");
        assert_eq!(needs["dependsOn"], serde_json::json!(["core/moodle"]));
        assert_eq!(spec == "1.6", availability["swhid"][0].as_str().is_some_and(|id| id.starts_with("swh:1:dir:")));
        assert!(outcome.stderr.contains("plugins/block_xp: its code does not say its licence"), "{}", outcome.stderr);
    }
    env.greffon(["convert", "cyclonedx", "--spec", "1.4"]).run().fails(2);
    // To a file; what greffon did not write is not written over.
    env.greffon(["convert", "cyclonedx", "-o", "bom.json"]).run().succeeds();
    env.greffon(["convert", "cyclonedx", "-o", "bom.json", "--spec", "1.5"]).run().succeeds();
    env.write("mine.json", "{}");
    let refused = env.greffon(["convert", "composer", "-o", "mine.json"]).run().fails(1);
    assert!(refused.stderr.contains("is there already") && env.read("mine.json") == "{}");
    let report = env.greffon(["convert", "composer", "--json"]).run().succeeds().json();
    assert_eq!((report["schema"].as_str(), report["elements"].as_u64()), (Some("greffon/convert/1"), Some(4)));
    let text = env.read("greffon.toml");
    env.write("greffon.toml", format!("{text}[sites.two]\npath = \"two\"\n"));
    assert!(env.greffon(["convert", "composer"]).run().fails(2).stderr.contains("--site NAME"));
    env.write("greffon.toml", text.replace("\"4.5\"", "\"5.0\""));
    assert!(env.greffon(["convert", "composer"]).run().fails(1).stderr.contains("greffon.lock does not fit"));
}

/// What the published schema of CycloneDX demands of the parts that are written.
fn check_shape(json: &Value, spec: &str) {
    let allowed = |value: &Value, keys: &[&str]| {
        for key in value.as_object().expect("an object").keys() {
            assert!(keys.contains(&key.as_str()), "{key} is no key of {spec}: {value:#}");
        }
    };
    allowed(json, &["$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "dependencies"]);
    assert_eq!((json["bomFormat"].as_str(), json["specVersion"].as_str(), json["version"].as_u64()), (Some("CycloneDX"), Some(spec), Some(1)));
    assert_eq!(json["$schema"], format!("http://cyclonedx.org/schema/bom-{spec}.schema.json"));
    let serial = json["serialNumber"].as_str().expect("a serial");
    let groups: Vec<&str> = serial.strip_prefix("urn:uuid:").expect("a urn").split('-').collect();
    assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert!(groups.concat().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    allowed(&json["metadata"], &["tools", "component", "timestamp"]);
    let mut references = vec![json["metadata"]["component"]["bom-ref"].as_str().expect("a ref").to_owned()];
    let keys = ["type", "bom-ref", "group", "name", "version", "purl", "hashes", "swhid", "licenses", "externalReferences", "pedigree", "properties"];
    for one in json["components"].as_array().expect("components") {
        allowed(one, &keys);
        assert!(matches!(one["type"].as_str(), Some("framework" | "library" | "application")) && one["name"].is_string());
        assert!(one["purl"].as_str().expect("a purl").starts_with("pkg:"));
        for hash in one["hashes"].as_array().into_iter().flatten() {
            assert_eq!((hash["alg"].as_str(), hash["content"].as_str().map(str::len)), (Some("SHA-256"), Some(64)));
        }
        for id in one["swhid"].as_array().into_iter().flatten() {
            assert!(spec == "1.6" && id.as_str().is_some_and(|id| id.len() == 50), "{id}");
        }
        references.push(one["bom-ref"].as_str().expect("a ref").to_owned());
    }
    let count = references.len();
    references.sort();
    references.dedup();
    assert_eq!(references.len(), count, "every ref is one component's");
    let dependencies = json["dependencies"].as_array().expect("dependencies");
    assert_eq!(dependencies.len(), count);
    for one in dependencies {
        assert!(references.contains(&one["ref"].as_str().expect("a ref").to_owned()));
        let targets = one["dependsOn"].as_array().expect("targets");
        assert!(targets.iter().all(|target| references.contains(&target.as_str().expect("a ref").to_owned())), "{one}");
    }
}
