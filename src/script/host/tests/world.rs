//! A folder with a script in it, and surroundings whose log is kept.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use crate::diagnostic::render;
use crate::error::Result;
use crate::model::ObjectId;
use crate::roles::wire::Role;
use crate::roles::{Context, ContextBuilder, Event, Events, Prompter, Question, Secrets, TreeItem, Trees};
use crate::script::{Allowed, Facts, Grants, Instance, Limits, Script, Source};
use crate::sys::Network;
use crate::sys::git::{Sources, TransportChoice};
use crate::sys::http::{Http, HttpOptions, Timing};

pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) grants: Grants,
    pub(super) limits: Limits,
    pub(super) log: Arc<Log>,
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) answers: Option<Vec<String>>,
    pub(super) offline: bool,
    pub(super) options: Map<String, Value>,
    /// The text of every file of every tree.
    pub(super) tree: Option<String>,
}

#[derive(Default)]
pub(super) struct Log(Mutex<String>);

impl Events for Log {
    fn emit(&self, event: Event) {
        self.0.lock().expect("a log").push_str(&format!("{event:?}\n"));
    }
}

impl Log {
    pub(super) fn text(&self) -> String {
        self.0.lock().expect("a log").clone()
    }
}

struct Known(BTreeMap<String, String>);
impl Secrets for Known {
    fn get(&self, name: &str) -> Result<Option<String>> {
        Ok(self.0.get(name).cloned())
    }
}

struct Planted(Option<String>);
impl Trees for Planted {
    fn read(&self, _: ObjectId, _: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.0.clone().map(String::into_bytes))
    }
    fn list(&self, _: ObjectId, _: &str) -> Result<Option<Vec<TreeItem>>> {
        Ok(None)
    }
}

struct Person(Mutex<Vec<String>>);
impl Prompter for Person {
    fn is_present(&self) -> bool {
        true
    }
    fn ask(&self, _: &Question) -> Result<String> {
        Ok(self.0.lock().expect("answers").remove(0))
    }
}

impl World {
    pub(super) fn new(grants: Value) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            grants: Grants::read("it", &grants).expect("grants"),
            limits: Limits::default(),
            log: Arc::default(),
            secrets: BTreeMap::new(),
            answers: None,
            offline: false,
            options: Map::new(),
            tree: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn put(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    pub(super) fn cx(&self) -> Context {
        let timing = Timing { retries: 0, ..Timing::default() };
        let http = Http::new(HttpOptions { timing, netrc: Some("/dev/null".into()), ..HttpOptions::default() }).expect("a client");
        let sources = Sources::new(&self.path().join("sources"), http.clone(), TransportChoice::Auto);
        let builder = ContextBuilder::default()
            .events(Arc::clone(&self.log) as Arc<dyn Events>)
            .secrets(Arc::new(Known(self.secrets.clone())))
            .network(Network { http, sources, kept: self.path().join("kept") })
            .trees(Arc::new(Planted(self.tree.clone())))
            .offline(self.offline);
        match &self.answers {
            Some(answers) => builder.prompter(Arc::new(Person(Mutex::new(answers.clone())))).build(),
            None => builder.build(),
        }
    }

    /// Runs this as the body of a hook.
    pub(super) fn run(&self, body: &str) -> Result<Value> {
        self.run_with(&self.cx(), body)
    }

    pub(super) fn run_with(&self, cx: &Context, body: &str) -> Result<Value> {
        self.load(&format!("fn after_sync(event, host) {{\n{body}\n}}"))?.ask(cx, "after_sync", json!({ "target": self.path() }))
    }

    pub(super) fn load(&self, text: &str) -> Result<Instance> {
        self.put("x.rhai", text);
        let source = Source::read(&self.path().join("x.rhai"))?;
        let allowed = Allowed {
            name: "x".into(),
            grants: self.grants.clone(),
            base: self.path().to_owned(),
            extension: source.folder.clone(),
            site: None,
            own_read: vec![],
            own_write: vec![],
        };
        let script = Script::load(source, Role::Hook, false, allowed, self.limits.clone())?;
        let facts =
            Facts { name: "x".into(), role: "hook".into(), options: self.options.clone(), data: Some(crate::script::Follows::nowhere()), ..Facts::default() };
        Ok(Instance::new(script, Role::Hook, facts, None))
    }

    /// What a run that fails says, as people read it.
    pub(super) fn refused(&self, body: &str) -> String {
        match self.run(body) {
            Ok(value) => panic!("it gave {value}: {body}"),
            Err(error) => render(&error, false, 120),
        }
    }
}
