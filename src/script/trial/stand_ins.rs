//! What stands in for people, secrets, git trees and other roles while an extension is tested.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, Entry, FileMode, ObjectId};
use crate::roles::wire::{Answerer, Role, Served};
use crate::roles::{Context, Event, Events, Level, Prompter, Question, Secrets, TreeItem, TreeItemKind, Trees};
use crate::sys::hide_secrets;

/// Lines that were logged.
#[derive(Default)]
pub(super) struct Lines(Mutex<Vec<String>>);

impl Lines {
    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Events for Lines {
    fn emit(&self, event: Event) {
        if let Event::Log { level, text } = event {
            let word = match level {
                Level::Warning => "warning",
                Level::Info => "info",
                Level::Detail => "detail",
                Level::Debug => "debug",
            };
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{word}: {}", hide_secrets(&text)));
        }
    }
}

/// Answers that the test gives beforehand, by the name of the question.
pub(super) struct Person(pub(super) BTreeMap<String, String>);

impl Prompter for Person {
    fn is_present(&self) -> bool {
        !self.0.is_empty()
    }

    fn ask(&self, question: &Question) -> Result<String> {
        let name = question.flag.strip_prefix("--answer ").and_then(|flag| flag.split('=').next()).unwrap_or_default();
        self.0.get(name).cloned().ok_or_else(|| {
            Error::new(ErrorKind::Refused, format!("nobody is there to answer: {}", question.text))
                .hint(format!("answer it in the test: `t.answer(\"{name}\", \"…\")`"))
        })
    }
}

/// Secrets that the test names.
pub(super) struct Named(pub(super) BTreeMap<String, String>);

impl Secrets for Named {
    fn get(&self, name: &str) -> Result<Option<String>> {
        Ok(self.0.get(name).cloned())
    }
}

/// Git trees that the test makes up of texts.
#[derive(Default)]
pub(super) struct Planted(Mutex<BTreeMap<ObjectId, BTreeMap<String, String>>>);

impl Planted {
    /// A tree of these files.
    pub(super) fn plant(&self, files: BTreeMap<String, String>) -> Result<ObjectId> {
        let text = serde_json::to_string(&files).unwrap_or_default();
        let id = id_of(&text)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, files);
        Ok(id)
    }

    fn files(&self, tree: ObjectId) -> Result<BTreeMap<String, String>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&tree).cloned().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("the test has no tree {}", tree.short()))
                .hint("make one: `let tree = t.tree(#{ \"version.txt\": \"1.0\" })`")
        })
    }
}

fn id_of(text: &str) -> Result<ObjectId> {
    Digest::of(text.as_bytes()).hex().get(..40).unwrap_or_default().parse()
}

impl Trees for Planted {
    fn read(&self, tree: ObjectId, path: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.files(tree)?.get(path).map(|text| text.clone().into_bytes()))
    }

    fn list(&self, tree: ObjectId, path: &str) -> Result<Option<Vec<TreeItem>>> {
        let files = self.files(tree)?;
        let inside = if path.is_empty() { String::new() } else { format!("{}/", path.trim_end_matches('/')) };
        let mut seen = BTreeSet::new();
        let mut items = Vec::new();
        for (name, text) in &files {
            let Some(rest) = name.strip_prefix(&inside) else { continue };
            let first = rest.split('/').next().unwrap_or_default().to_owned();
            if !seen.insert(first.clone()) {
                continue;
            }
            let what = if rest.contains('/') {
                let below = format!("{inside}{first}/");
                let sub = files.iter().filter_map(|(name, text)| Some((name.strip_prefix(&below)?.to_owned(), text.clone()))).collect();
                TreeItemKind::Folder(self.plant(sub)?)
            } else {
                TreeItemKind::File(Entry { id: id_of(text)?, mode: FileMode::Regular })
            };
            items.push(TreeItem { name: first, what });
        }
        Ok(if items.is_empty() && !path.is_empty() { None } else { Some(items) })
    }
}

/// The role behind `over`: answers what the test says.
#[derive(Debug)]
pub(super) struct Inner(pub(super) Role, pub(super) Map<String, Value>);

impl Served for Inner {
    fn role(&self) -> Role {
        self.0
    }

    fn serve(&self, _: &Context, method: &str, _: Value) -> Result<Value> {
        self.1.get(method).cloned().ok_or_else(|| {
            Error::new(ErrorKind::Extension, format!("the test says nothing of what the inner {} answers to `{method}`", self.0))
                .hint(format!("say it: `t.inner(#{{ {method}: … }})`"))
        })
    }
}

/// A script's answer, given once more, to be held to its role's contract.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) title: String,
    pub(super) method: String,
    pub(super) answer: Value,
}

impl Answerer for Given {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn has(&self, method: &str) -> bool {
        self.method == method
    }

    fn call(&self, _: &Context, _: &'static str, _: Value) -> Result<Value> {
        Ok(self.answer.clone())
    }
}
