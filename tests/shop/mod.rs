//! What the end-to-end tests trade with: packages, indexes over http, git repositories, and a manifest over them.
#![allow(dead_code, unreachable_pub, clippy::disallowed_methods, clippy::pedantic)]

use std::path::PathBuf;

use serde_json::{Value, json};

use super::support::{FileServer, Repo, TestEnvironment};

/// The manifest's beginning: where elements go.
pub const INSTALLER: &str = "[config]\ninstaller = { use = \"builtin:tree\", types = { core = \".\", plugins = \"plugins/{name}\" } }\n";

/// A machine with an index that is served over http.
pub struct Shop {
    pub env: TestEnvironment,
    pub files: FileServer,
}

impl Shop {
    pub fn new() -> Self {
        let env = TestEnvironment::new();
        std::fs::create_dir_all(env.root().join("public")).expect("a folder");
        let files = FileServer::start();
        files.folder("/", &env.root().join("public"));
        Self { env, files }
    }

    /// A folder of the served one.
    pub fn public(&self, folder: &str) -> PathBuf {
        self.env.root().join("public").join(folder)
    }

    /// A package's folder: one file that names its version, and what it needs.
    pub fn package(&self, name: &str, version: &str, needs: &[(&str, &str)]) -> PathBuf {
        let folder = self.env.root().join(format!("packages/{name}-{version}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut text = format!("[package]\ntype = \"plugins\"\nname = \"{name}\"\nversion = \"{version}\"\nsummary = \"what {name} does\"\n");
        if !needs.is_empty() {
            text.push_str("[package.dependencies]\n");
            for (id, requirement) in needs {
                text.push_str(&format!("\"{id}\" = \"{requirement}\"\n"));
            }
        }
        std::fs::write(folder.join("greffon.toml"), text).expect("written");
        std::fs::write(folder.join("code.txt"), format!("{name} {version}\n")).expect("written");
        folder
    }

    /// Makes a package and publishes it in an index of the served folder.
    pub fn publish(&self, index: &str, name: &str, version: &str, needs: &[(&str, &str)]) {
        let source = self.package(name, version, needs);
        let target = self.public(index);
        self.env.greffon(["repo".as_ref(), "index".as_ref(), target.as_os_str(), source.as_os_str()]).run().succeeds();
    }

    /// An index's element whose versions point at git tags.
    pub fn publish_git(&self, index: &str, name: &str, git: &str, tags: &[(&str, &str)]) {
        let folder = self.public(index);
        let versions: Vec<Value> = tags.iter().map(|(version, tag)| json!({ "version": version, "download": { "git": git, "rev": tag } })).collect();
        let element = json!({ "type": "plugins", "name": name, "summary": "from git", "versions": versions });
        let place = folder.join("elements/plugins");
        std::fs::create_dir_all(&place).expect("a folder");
        std::fs::write(place.join(format!("{name}.json")), element.to_string()).expect("written");
        if !folder.join("config.json").exists() {
            std::fs::write(folder.join("config.json"), json!({ "schema": "greffon/index/1", "name": index, "types": {} }).to_string()).expect("written");
            std::fs::write(folder.join("names.json"), "[]").expect("written");
        }
    }

    /// `[[config.repositories]]` of an index; `more` are further lines.
    pub fn repository(&self, index: &str, more: &str) -> String {
        format!("[[config.repositories]]\nname = \"{index}\"\nuse = \"builtin:index\"\nurl = \"{}\"\n{more}\n", self.files.url(&format!("/{index}/")))
    }

    /// Writes a manifest over these indexes.
    pub fn manifest(&self, indexes: &[&str], plugins: &str, sites: &str) {
        let repositories: String = indexes.iter().map(|index| self.repository(index, "")).collect();
        self.env.write("greffon.toml", format!("{INSTALLER}{repositories}[types.plugins]\n{plugins}\n{sites}\n"));
    }

    /// A git repository with one tag a version, bare and served from `served/NAME.git` of the scratch folder.
    pub fn git_plugin(&self, name: &str, versions: &[&str]) -> Repo {
        let repo = Repo::init(&self.env.root().join(format!("work-{name}")));
        for version in versions {
            repo.write("code.txt", format!("{name} {version}\n"));
            repo.commit(version);
            repo.annotated_tag(&format!("v{version}"));
        }
        repo.publish(&self.env.root().join(format!("served/{name}.git")));
        repo
    }

    /// The content of an element's file in a site; empty where it is not there.
    pub fn code(&self, site: &str, name: &str) -> String {
        let path = format!("{site}/plugins/{name}/code.txt");
        if self.env.exists(&path) { self.env.read(&path) } else { String::new() }
    }

    pub fn remove(&self, path: &str) {
        let path = self.env.path(path);
        match path.symlink_metadata() {
            Ok(found) if found.is_dir() => std::fs::remove_dir_all(&path).expect("removed"),
            Ok(_) => std::fs::remove_file(&path).expect("removed"),
            Err(_) => {}
        }
    }

    /// A stock as on a new machine.
    pub fn empty_stock(&self) {
        let stock = self.env.stock();
        if stock.exists() {
            std::process::Command::new("chmod").args(["-R", "u+w"]).arg(&stock).status().expect("chmod runs");
            std::fs::remove_dir_all(stock).expect("removed");
        }
    }

    /// The version of an element in the lockfile.
    pub fn locked(&self, name: &str) -> Vec<String> {
        let start = format!("\"plugins/{name}@");
        self.env.read("greffon.lock").lines().filter_map(|line| line.strip_prefix(&start)?.split('"').next().map(str::to_owned)).collect()
    }
}
