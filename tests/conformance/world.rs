//! A stock, a client for http and git, and a place for files: what constructors need.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use greffon::builtin::environment::{Credentials, Env};
use greffon::builtin::installer::tree::Tree;
use greffon::manifest::{UseKind, UseSpec};
use greffon::roles::{Context, ContextBuilder};
use greffon::sys::git::{Sources, TransportChoice};
use greffon::sys::http::{Http, HttpOptions};
use greffon::sys::stockroom::Stockroom;
use serde_json::Value;

pub struct World {
    pub scratch: tempfile::TempDir,
    pub env: Env,
    pub cx: Context,
}

impl World {
    pub fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let env = env(&scratch.path().join("stock"), scratch.path());
        let cx = context(&env).build();
        Self { scratch, env, cx }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    pub fn spec(&self, target: &str, options: Value) -> UseSpec {
        spec(target, options, self.scratch.path())
    }
}

/// Another process over the same stock.
pub fn env(stock: &Path, scratch: &Path) -> Env {
    let netrc = scratch.join("no-netrc");
    std::fs::write(&netrc, "").expect("an empty netrc");
    let http = Http::new(HttpOptions { netrc: Some(netrc), ..HttpOptions::default() }).expect("an http client");
    let stockroom = Stockroom::open(stock).expect("a stock");
    let sources = Sources::new(&stockroom.sources(), http.clone(), TransportChoice::Auto);
    Env {
        http,
        sources,
        stockroom,
        installer: Arc::new(Tree::default()),
        schemes: Default::default(),
        credentials: Credentials::default(),
        dialogues: Arc::new(greffon::roles::NoDialogues),
    }
}

pub fn context(env: &Env) -> ContextBuilder {
    ContextBuilder::default().trees(Arc::new(env.stockroom.objects().clone()))
}

pub fn spec(target: &str, options: Value, base: &Path) -> UseSpec {
    UseSpec {
        kind: UseKind::Builtin,
        target: target.to_owned(),
        name: Some(format!("the {target}")),
        options: options.as_object().cloned().expect("a table of options"),
        place: None,
        base: base.to_owned(),
    }
}

pub fn write(path: &Path, content: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for the file");
    std::fs::write(path, content).expect("a file");
}

/// `[package]` of a package file.
pub fn package(kind: &str, name: &str, version: &str, rest: &str) -> String {
    format!("[package]\ntype = \"{kind}\"\nname = \"{name}\"\nversion = \"{version}\"\n{rest}")
}

/// A tar.gz of these files.
pub fn tar_gz(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // Written as it is: hostile names are what some tests are about.
        header.as_gnu_mut().expect("a gnu header").name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        tar.append(&header, content.as_bytes()).expect("a file in an archive");
    }
    let mut gz = tar.into_inner().expect("an archive");
    gz.flush().expect("flushed");
    gz.finish().expect("packed")
}
