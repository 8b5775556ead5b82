//! A core, a directory with its Marketplace, and an index.

use std::io::Write;

use md5::Digest;
use serde_json::{Value, json};

use super::moodle_site::{Campus, plugin};
use super::support::{FileServer, GitServer, Repo};

/// What the Marketplace asks for.
pub const TOKEN: &str = "tok-canary-7c1f";

/// The archive of a plugin, as the Marketplace gives it.
pub fn archive(component: &str, version: &str, rest: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let name = component.split_once('_').expect("a component").1;
    for (path, content) in [("version.php".to_owned(), plugin(component, version, rest)), (format!("lang/en/{name}.php"), "<?php\n".to_owned())] {
        zip.start_file(format!("moodle-{component}-r1/{path}"), zip::write::SimpleFileOptions::default()).expect("an entry");
        zip.write_all(content.as_bytes()).expect("content");
    }
    zip.finish().expect("an archive").into_inner()
}

pub fn md5_of(bytes: &[u8]) -> String {
    hex::encode(md5::Md5::digest(bytes))
}

/// The first build and the name of a branch of Moodle.
pub fn branches(names: &[&str]) -> Value {
    let build = |name: &str| match name {
        "4.4" => 2_024_042_200_u64,
        "4.5" => 2_024_100_700,
        "5.0" => 2_025_041_400,
        _ => 2_025_100_600,
    };
    names.iter().map(|name| json!({ "version": build(name), "release": name })).collect()
}

/// A directory behind a server.
pub struct Directory {
    pub server: FileServer,
    plugins: Vec<Value>,
}

impl Directory {
    pub fn new() -> Self {
        let directory = Self { server: FileServer::start(), plugins: Vec::new() };
        directory.publish();
        directory
    }

    /// Offers a version of a plugin that fits these branches; `rest` is more of its `version.php`.
    pub fn offer(&mut self, component: &str, version: &str, fits: &[&str], rest: &str) -> &mut Self {
        let bytes = archive(component, version, rest);
        let path = format!("/market/plugins/{component}/versions/{version}/download");
        let release = json!({ "id": self.plugins.len() + 1, "version": version, "release": "1", "maturity": "200", "downloadurl": self.server.url(&path),
            "downloadmd5": md5_of(&bytes), "timecreated": "1700000000", "supportedmoodles": branches(fits) });
        self.server.put_as(&path, "application/zip", bytes);
        self.release(component, release)
    }

    /// Lists a version as it stands here.
    pub fn release(&mut self, component: &str, release: Value) -> &mut Self {
        match self.plugins.iter_mut().find(|plugin| plugin["component"] == component) {
            Some(plugin) => plugin["versions"].as_array_mut().expect("a list").insert(0, release),
            None => self.plugins.push(json!({ "id": 1, "name": format!("The {component}"), "component": component, "versions": [release] })),
        }
        self.publish();
        self
    }

    pub fn publish(&self) {
        let odd = json!({ "id": 99, "component": null, "versions": null });
        let all: Vec<&Value> = std::iter::once(&odd).chain(&self.plugins).collect();
        self.server.put("/api/pluglist.php", json!({ "timestamp": 1, "plugins": all }).to_string());
    }

    /// As an entry of `[[config.repositories]]`.
    pub fn entry(&self, rest: &str) -> String {
        let (api, market) = (self.server.url("/api/"), self.server.url("/market/"));
        format!("[[config.repositories]]\nname = \"moodle\"\nuse = \"builtin:moodle-directory\"\nurl = \"{api}\"\nmarketplace = \"{market}\"\n{rest}\n")
    }
}

/// An index behind a git server, and plugins with repositories of their own.
pub struct Camp {
    pub server: GitServer,
    pub index: Repo,
    folder: std::path::PathBuf,
}

impl Camp {
    pub fn new(campus: &Campus) -> Self {
        let folder = campus.env.path("served");
        std::fs::create_dir_all(&folder).expect("a folder");
        let index = campus.repo("index");
        index.write("discovery/README", "not read");
        let camp = Self { server: GitServer::start(&folder), index, folder };
        camp.publish();
        camp
    }

    /// Puts a plugin's repository behind the server and into the index; `rest` is more of its file there.
    pub fn plugin(&self, repo: &Repo, component: &str, rest: &str) -> &Self {
        repo.publish(&self.folder.join(format!("{component}.git")));
        let kind = component.split_once('_').expect("a component").0;
        let source = self.server.url(&format!("/{component}.git"));
        self.index.write(
            &format!("plugins/{kind}/{component}.yml"),
            format!("component: {component}\nsource: {source}\ntier: 0\nsummary: All about {component}\n{rest}"),
        );
        self.publish();
        self
    }

    /// Brings what was done to a plugin's repository behind the server.
    pub fn push(&self, repo: &Repo, component: &str) {
        repo.publish(&self.folder.join(format!("{component}.git")));
    }

    /// As [`Self::push`], with nothing left of what no branch or tag leads to.
    pub fn push_afresh(&self, repo: &Repo, component: &str) {
        std::fs::remove_dir_all(self.folder.join(format!("{component}.git"))).expect("a repository");
        self.push(repo, component);
    }

    pub fn advise(&self, id: &str, text: &str) -> &Self {
        self.index.write(&format!("advisories/{id}.yml"), format!("id: {id}\n{text}"));
        self.publish();
        self
    }

    pub fn publish(&self) {
        self.index.commit("index");
        self.index.publish(&self.folder.join("index.git"));
    }

    pub fn entry(&self) -> String {
        format!("[[config.repositories]]\nname = \"camp\"\nuse = \"builtin:camp\"\nurl = \"{}\"\n", self.server.url("/index.git"))
    }
}

/// A manifest with these repositories and plugins, and one site.
pub fn manifest(campus: &Campus, core: &str, repositories: &[String], plugins: &str) {
    let core = format!("moodle = {{ git = \"{}\", version = \"{core}\" }}", campus.env.path("repos/core").display());
    let text = format!(
        "{}\n[config]\ninstaller = \"builtin:moodle\"\n[types.core]\n{core}\n[types.plugins]\n{plugins}\n[sites.one]\npath = \"one\"\n",
        repositories.join("\n")
    );
    campus.env.write("greffon.toml", text);
}
