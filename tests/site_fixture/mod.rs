//! A stock and a site in a scratch folder, with trees made of plain lists of files.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    clippy::new_without_default,
    clippy::single_match_else,
    missing_docs
)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use greffon::model::{Deploy, FileMode, Graft, IfLocalChanges, LinkMode, ObjectId, Placement, Policy, Version, WantedSite};
use greffon::roles::Context;
use greffon::site::{Applied, ApplyTree, Site};
use greffon::sys::git::{NewEntry, NewEntryKind};
use greffon::sys::stockroom::Stockroom;

pub struct Fixture {
    pub folder: Folder,
    pub stockroom: Stockroom,
    pub wanted: WantedSite,
}

/// A scratch folder, removed by who made it.
pub enum Folder {
    Own(tempfile::TempDir),
    Borrowed(PathBuf),
}

impl Folder {
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(folder) => folder.path(),
            Self::Borrowed(folder) => folder,
        }
    }
}

/// An element: `type/name`, its version, where it goes, its files.
pub type Element<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)]);

impl Fixture {
    pub fn new() -> Self {
        Self::at(tempfile::tempdir().expect("a scratch folder"))
    }

    /// The fixture that another process made in a folder.
    pub fn again(folder: &Path) -> Self {
        Self::of(Folder::Borrowed(folder.to_owned()))
    }

    /// In memory where there is such a place: for tests of many runs, each of which syncs.
    pub fn quick() -> Self {
        Self::at(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a scratch folder"))
    }

    pub fn at(folder: tempfile::TempDir) -> Self {
        Self::of(Folder::Own(folder))
    }

    fn of(folder: Folder) -> Self {
        let stockroom = Stockroom::open(&folder.path().join("stock")).expect("a stock");
        let wanted = WantedSite {
            name: "test".into(),
            path: folder.path().join("html"),
            own_folder: false,
            state: None,
            host: None,
            elements: indexmap::IndexMap::new(),
            link_mode: LinkMode::Auto,
            deploy: Deploy::InPlace,
            shared: Vec::new(),
            policy: Policy::default(),
            keep: None,
        };
        Self { folder, stockroom, wanted }
    }

    pub fn site(&self) -> Site {
        Site::open(&self.wanted, &self.stockroom).expect("a site")
    }

    pub fn path(&self) -> PathBuf {
        self.wanted.path.clone()
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join(".greffon-html")
    }

    /// A tree of files; a content that begins with `#!` is executable, one that begins with `->` a link.
    pub fn tree(&self, files: &[(&str, &str)]) -> ObjectId {
        let mut entries = Vec::new();
        let mut below: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (path, content) in files {
            match path.split_once('/') {
                Some((folder, rest)) => below.entry(folder).or_default().push((rest, content)),
                None => {
                    let (mode, bytes) = match content {
                        link if link.starts_with("->") => (FileMode::Symlink, &link[2..]),
                        script if script.starts_with("#!") => (FileMode::Executable, *script),
                        _ => (FileMode::Regular, *content),
                    };
                    let id = self.stockroom.objects().write_blob(bytes.as_bytes()).expect("a blob");
                    entries.push(NewEntry { name: (*path).to_owned(), kind: NewEntryKind::File(mode), id });
                }
            }
        }
        for (folder, files) in below {
            entries.push(NewEntry { name: folder.to_owned(), kind: NewEntryKind::Folder, id: self.tree(&files) });
        }
        self.stockroom.objects().write_tree(entries).expect("a tree")
    }

    pub fn grafts(&self, elements: &[Element<'_>]) -> Vec<Graft> {
        elements
            .iter()
            .map(|(id, version, path, files)| Graft {
                id: id.parse().expect("an element"),
                version: Version::new(*version),
                tree: self.tree(files),
                placement: placement(path),
            })
            .collect()
    }

    pub fn request(&self, elements: &[Element<'_>]) -> ApplyTree {
        self.request_of(self.grafts(elements))
    }

    pub fn request_of(&self, grafts: Vec<Graft>) -> ApplyTree {
        let tree = self.stockroom.objects().compose(&grafts).expect("composed");
        ApplyTree {
            tree,
            grafts,
            manifest: "# manifest\n".into(),
            lock: "schema = 1\n".into(),
            infos: "[]".into(),
            patches: Vec::new(),
            message: "Change".into(),
            policy: Policy::default(),
            answers: Vec::new(),
            create: true,
            hold: None,
            release: false,
            relink: false,
        }
    }

    pub fn apply(&self, elements: &[Element<'_>]) -> Applied {
        self.site().apply(&Context::silent(), &self.request(elements)).expect("applied")
    }

    pub fn disk(&self) -> BTreeMap<String, String> {
        disk(&self.path())
    }
}

pub fn with_answer(mut request: ApplyTree, answer: IfLocalChanges) -> ApplyTree {
    request.policy.if_local_changes = answer;
    request
}

pub fn placement(path: &str) -> Placement {
    Placement { path: path.into(), ..Placement::default() }
}

/// Every name below a folder: a folder as `/`, a link as `->target`, a file as its content, `x:` before an executable one's.
pub fn disk(root: &Path) -> BTreeMap<String, String> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.expect("a name").path();
            let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
            let metadata = path.symlink_metadata().expect("there");
            if metadata.is_dir() {
                found.insert(name, "/".into());
                walk(root, &path, found);
            } else if metadata.is_symlink() {
                found.insert(name, format!("->{}", std::fs::read_link(&path).expect("a link").display()));
            } else {
                let text = String::from_utf8_lossy(&std::fs::read(&path).expect("readable")).into_owned();
                let executable = if metadata.permissions().mode() & 0o100 != 0 { "x:" } else { "" };
                found.insert(name, format!("{executable}{text}"));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

/// What `disk` shows of these elements, and nothing else.
pub fn expected(elements: &[Element<'_>]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (_, _, at, files) in elements {
        for (path, content) in *files {
            let path = if *at == "." { (*path).to_owned() } else { format!("{at}/{path}") };
            for (slash, _) in path.match_indices('/') {
                found.insert(path[..slash].to_owned(), "/".to_owned());
            }
            found.insert(path, if content.starts_with("#!") { format!("x:{content}") } else { (*content).to_owned() });
        }
    }
    found
}
