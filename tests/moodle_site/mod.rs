//! Small Moodles: a core in all its layouts, and plugins.

use crate::support::{Repo, TestEnvironment};

const ENVIRONMENT: &str = r#"<?xml version="1.0" encoding="UTF-8" ?>
<COMPATIBILITY_MATRIX>
  <MOODLE version="4.5" requires="4.1.2">
    <DATABASE level="required"><VENDOR name="mariadb" version="10.6.7" /><VENDOR name="postgres" version="13" /></DATABASE>
    <PHP version="8.1.0" level="required" />
    <PHP_EXTENSIONS><PHP_EXTENSION name="iconv" level="required" /></PHP_EXTENSIONS>
  </MOODLE>
  <MOODLE version="5.0" requires="4.2.3"><PHP version="8.2.0" level="required" /></MOODLE>
  <!-- <MOODLE version="5.1" requires="0.1"> -->
  <MOODLE version="5.1" requires="4.2.3">
    <DATABASE level="required"><VENDOR name="mariadb" version="10.11.0" /><VENDOR name="postgres" version="15" /></DATABASE>
    <PHP version="8.2.0" level="required" />
    <PHP_EXTENSIONS><PHP_EXTENSION name="iconv" level="required" /><PHP_EXTENSION name="sodium" level="required" /></PHP_EXTENSIONS>
  </MOODLE>
</COMPATIBILITY_MATRIX>
"#;

/// How a core is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Up to 5.0.
    Root,
    /// From 5.1 on.
    Public,
    /// 5.1, moved back into the root by its owner.
    Flattened,
}

pub fn plugin(component: &str, version: &str, rest: &str) -> String {
    format!("<?php\ndefined('MOODLE_INTERNAL') || die();\n$plugin->component = '{component}';\n$plugin->version = {version};\n{rest}\n")
}

/// Writes a core's files in place of what the repository has.
pub fn core(repo: &Repo, build: &str, release: &str, branch: &str, layout: Layout) {
    for old in ["lib", "mod", "blocks", "theme", "public", "version.php", "index.php", "admin"] {
        repo.remove(old);
        let _ = std::fs::remove_dir_all(repo.folder().join(old));
    }
    let prefix = if layout == Layout::Public { "public/" } else { "" };
    let escaped = prefix.replace('/', "\\/");
    let at = |path: &str| format!("{prefix}{path}");
    repo.write(
        &at("version.php"),
        format!("<?php\n$version  = {build}; // a build\n$release  = '{release}';\n$branch   = '{branch}';\n$maturity = MATURITY_STABLE;\n"),
    );
    let types =
        [("mod", "mod"), ("block", "blocks"), ("theme", "theme"), ("tool", "admin\\/tool"), ("local", "local"), ("availability", "availability\\/condition")];
    let types: Vec<String> = types.iter().map(|(kind, path)| format!("\"{kind}\": \"{escaped}{path}\"")).collect();
    repo.write("lib/components.json", format!("{{\"plugintypes\": {{{}}}, \"subsystems\": {{\"access\": null}}}}", types.join(", ")));
    repo.write(&at("index.php"), format!("<?php // {release}\n"));
    repo.write(&at("mod/forum/version.php"), plugin("mod_forum", build, ""));
    repo.write(&at("mod/assign/version.php"), plugin("mod_assign", build, ""));
    repo.write(&at("mod/assign/db/subplugins.json"), r#"{"plugintypes": {"assignsubmission": "mod\/assign\/submission"}}"#);
    repo.write(&at("mod/assign/submission/file/version.php"), plugin("assignsubmission_file", build, ""));
    repo.write(&at("theme/boost/version.php"), plugin("theme_boost", build, ""));
    repo.write(&at("blocks/html/version.php"), plugin("block_html", build, ""));
    repo.write(&at("admin/environment.xml"), ENVIRONMENT);
    if layout == Layout::Public {
        repo.write("public/config.php", "<?php require_once(__DIR__ . '/../config.php');\n");
    }
}

/// A test's folder with repositories.
pub struct Campus {
    pub env: TestEnvironment,
}

impl Campus {
    pub fn new() -> Self {
        Self { env: TestEnvironment::new() }
    }

    pub fn repo(&self, name: &str) -> Repo {
        Repo::init(&self.env.path(format!("repos/{name}")))
    }

    /// A core with the releases 4.5.0, 4.5.1 and a weekly build after it, 5.0.0, and 5.1.0 in the new layout.
    pub fn core(&self) -> Repo {
        let repo = self.repo("core");
        core(&repo, "2024100700.00", "4.5 (Build: 20241007)", "405", Layout::Root);
        repo.write("old.php", "<?php // goes with 4.5.1\n").commit("4.5.0");
        repo.tag("v4.5.0");
        repo.branch("MOODLE_405_STABLE").remove("old.php");
        core(&repo, "2024100701.00", "4.5.1 (Build: 20241202)", "405", Layout::Root);
        repo.commit("4.5.1");
        repo.tag("v4.5.1");
        core(&repo, "2024100701.03", "4.5.1+ (Build: 20241220)", "405", Layout::Root);
        repo.commit("weekly");
        repo.branch("MOODLE_500_STABLE");
        core(&repo, "2025041400.00", "5.0 (Build: 20250414)", "500", Layout::Root);
        repo.commit("5.0.0");
        repo.tag("v5.0.0");
        repo.branch("main");
        core(&repo, "2025100600.00", "5.1 (Build: 20251006)", "501", Layout::Public);
        repo.commit("5.1.0");
        repo.tag("v5.1.0");
        repo
    }

    /// A repository of one plugin with one commit on `main`.
    pub fn plugin(&self, component: &str, version: &str, rest: &str) -> Repo {
        let repo = self.repo(component);
        repo.write("version.php", plugin(component, version, rest)).write("lib.php", format!("<?php // {component}\n")).commit(version);
        repo
    }

    /// A manifest; each wish is `name = …` below `[types.plugins]`.
    pub fn manifest(&self, core: &str, plugins: &[&str]) {
        let core = format!("moodle = {{ git = \"{}\", {core} }}", self.env.path("repos/core").display());
        let plugins: Vec<String> = plugins
            .iter()
            .map(|wish| match wish.split_once('=') {
                Some((name, rest)) => format!("{} = {rest}", name.trim()),
                None => format!("{wish} = {{ git = \"{}\", version = \"*\" }}", self.env.path(format!("repos/{wish}")).display()),
            })
            .collect();
        let text =
            format!("[config]\ninstaller = \"builtin:moodle\"\n[types.plugins]\n{}\n[types.core]\n{core}\n[sites.one]\npath = \"one\"\n", plugins.join("\n"));
        self.env.write("greffon.toml", text);
    }

    pub fn sync(&self) -> crate::support::Outcome {
        self.env.greffon(["sync", "--site", "one", "-y"]).run().succeeds()
    }

    /// The versions of the lock, by element.
    pub fn locked(&self, id: &str) -> String {
        self.env.greffon(["lock"]).run().succeeds();
        let lock = self.env.read("greffon.lock");
        let line = lock.lines().find(|line| line.starts_with(&format!("\"{id}@"))).unwrap_or_else(|| panic!("{id} is not locked: {lock}"));
        line.split('@').nth(1).and_then(|rest| rest.split('"').next()).expect("a version").to_owned()
    }
}
