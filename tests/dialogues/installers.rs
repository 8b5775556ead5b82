//! The shipped installers: WordPress and Jenkins.

use super::ready::ship;
use super::support::{Repo, TestEnvironment};

fn repo(env: &TestEnvironment, name: &str, tag: &str, files: &[(&str, &str)]) -> String {
    let repo = Repo::init(&env.root().join(format!("src-{name}")));
    for (path, text) in files {
        repo.write(path, text);
    }
    repo.commit("one");
    repo.annotated_tag(tag);
    env.root().join(format!("src-{name}")).to_str().expect("UTF-8").to_owned()
}

#[test]
fn wordpress_has_its_places_and_reads_its_headers() {
    let env = TestEnvironment::new();
    ship(&env, "wordpress-installer");
    let core = repo(
        &env,
        "core",
        "6.4.2",
        &[("wp-includes/version.php", "<?php\n$wp_version = '6.4.2';\n"), ("index.php", "<?php\n"), ("wp-content/index.php", "<?php\n")],
    );
    let form = repo(
        &env,
        "form",
        "v3",
        &[("main.php", "<?php\n/**\n * Plugin Name: Form\n * Version: 3.1\n * Requires Plugins: base\n */\n"), ("other.php", "<?php // Version: 9\n")],
    );
    let base = repo(&env, "base", "v1", &[("base.php", "<?php\n/*\nPlugin Name: Base\nVersion: 1.4.0 */\n")]);
    let theme = repo(&env, "theme", "v2", &[("style.css", "/*\nTheme Name: Plain\nVersion: 2.0\n*/\n")]);
    env.write(
        "greffon.toml",
        format!(
            "[config]\ninstaller = \"extension:wordpress-installer\"\n[types.core]\nwordpress = {{ git = \"{core}\", tag = \"6.4.2\" }}\n[types.plugins]\nform = {{ git = \"{form}\", tag = \"v3\" }}\nbase = {{ git = \"{base}\", tag = \"v1\" }}\n[types.themes]\nplain = {{ git = \"{theme}\", tag = \"v2\" }}\n[sites.one]\npath = \"one\"\n"
        ),
    );
    env.greffon(["sync"]).run().succeeds();
    for path in [
        "wp-includes/version.php",
        "wp-content/index.php",
        "wp-content/plugins/form/main.php",
        "wp-content/plugins/base/base.php",
        "wp-content/themes/plain/style.css",
    ] {
        assert!(env.exists(format!("one/{path}")), "{path}");
    }
    let lock = env.read("greffon.lock");
    for locked in ["core/wordpress@6.4.2", "plugins/form@3.1", "plugins/base@1.4.0", "themes/plain@2.0"] {
        assert!(lock.contains(locked), "{locked}: {lock}");
    }
    assert!(lock.contains("dependencies = { \"plugins/base\" = \"*\" }"), "{lock}");
    // What WordPress writes is nobody's drift, and stays.
    env.write("one/wp-config.php", "<?php // secret\n");
    env.write("one/wp-content/uploads/2026/a.jpg", "jpg");
    env.greffon(["sync"]).run().succeeds();
    assert_eq!(env.greffon(["status", "--json"]).run().succeeds().json()["sites"][0]["state"], "clean");
    assert!(env.exists("one/wp-config.php") && env.exists("one/wp-content/uploads/2026/a.jpg"));
    env.write("greffon.toml", env.read("greffon.toml") + "[types.blocks]\nx = \"*\"\n");
    env.greffon(["sync"]).run().fails(1);
}

#[test]
fn a_jenkins_home_takes_plugins_and_reads_their_manifests() {
    let env = TestEnvironment::new();
    ship(&env, "jenkins-installer");
    let manifest = "Manifest-Version: 1.0\r\nShort-Name: mailer\r\nPlugin-Version: 1.34.2 (private build)\r\nPlugin-Dependencies: display-url-api:2.3.1,credentials:1.16.1;reso\r\n lution:=optional\r\n";
    let mailer = repo(&env, "mailer", "m", &[("META-INF/MANIFEST.MF", manifest), ("WEB-INF/lib/mailer.jar", "jar")]);
    let url = repo(&env, "url", "u", &[("META-INF/MANIFEST.MF", "Short-Name: display-url-api\nPlugin-Version: 2.200\n"), ("WEB-INF/lib/u.jar", "jar")]);
    env.write(
        "greffon.toml",
        format!("[config]\ninstaller = \"extension:jenkins-installer\"\n[types.plugins]\nmailer = {{ git = \"{mailer}\", tag = \"m\" }}\ndisplay-url-api = {{ git = \"{url}\", tag = \"u\" }}\n[sites.ci]\npath = \"home\"\n"),
    );
    env.greffon(["sync"]).run().succeeds();
    assert!(env.exists("home/plugins/mailer.jpi/WEB-INF/lib/mailer.jar") && env.exists("home/plugins/display-url-api.jpi/META-INF/MANIFEST.MF"));
    let lock = env.read("greffon.lock");
    assert!(lock.contains("plugins/mailer@1.34.2") && lock.contains("dependencies = { \"plugins/display-url-api\" = \">=2.3.1\" }"), "{lock}");
    assert!(lock.contains("optional = { optional = { \"plugins/credentials\" = \">=1.16.1\" } }"), "{lock}");
}

/// What `init` writes for an application is a manifest that greffon can read, with all it names beside it.
#[test]
fn init_brings_the_extensions_of_the_application() {
    let env = TestEnvironment::new();
    for (app, extensions) in [("wordpress", ["wordpress", "wordpress-installer"]), ("jenkins", ["jenkins", "jenkins-installer"])] {
        let said = env.greffon(["init", app, "--app", app, "--json"]).run().succeeds().json();
        assert_eq!(said["extensions"], serde_json::json!(extensions));
        for extension in extensions {
            assert!(env.exists(format!("{app}/extensions/{extension}/extension.toml")), "{extension}");
        }
        env.write(format!("{app}/greffon.toml"), env.read(format!("{app}/greffon.toml")).replace("wordpress = {", "# wordpress = {"));
        let plan = env.greffon(["plan", "--json", "-C", app]).run().succeeds().json();
        let used: Vec<&str> = plan["extensions"].as_array().expect("extensions").iter().filter_map(|one| one["name"].as_str()).collect();
        assert!(used.contains(&extensions[0]) && used.contains(&extensions[1]), "{plan}");
        assert_eq!(plan["extensions"][0]["missing"], serde_json::json!({}), "what it asks for is granted: {plan}");
        env.greffon(["init", app, "--app", app]).run().fails(1).says("exists already");
    }
    env.greffon(["adopt", "wordpress", "--app", "wordpress"]).run().fails(1);
}
