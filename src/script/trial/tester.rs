//! `t`: what a test sets up, asks, and looks at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Array, Dynamic, Engine, FnPtr, ImmutableString, Map};
use serde_json::{Value, json};

use super::cassette::{Cassette, Exchange};
use super::contract;
use super::stand_ins::{Inner, Lines, Named, Person, Planted};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::wire::{Inner as Behind, Role};
use crate::roles::{Cancel, Context, ContextBuilder};
use crate::script::call::give;
use crate::script::grants::{Allowed, Grants};
use crate::script::instance::{Facts, Instance};
use crate::script::limits::Limits;
use crate::script::load::Script;
use crate::script::source::Source;
use crate::script::value::{from_script, to_script};
use crate::script::watch::Watch;
use crate::sys::process::Outcome;
use crate::sys::{Network, fs, remember_secret};

/// The extension under test, on its stage.
#[derive(Clone)]
pub(super) struct Tester(pub(super) Arc<Stand>);

pub(super) struct Stand {
    pub(super) source: Source,
    pub(super) role: Role,
    pub(super) network: Network,
    pub(super) cancel: Cancel,
    pub(super) folder: tempfile::TempDir,
    pub(super) tape: Arc<Cassette>,
    pub(super) watch: Arc<Watch>,
    pub(super) lines: Arc<Lines>,
    pub(super) trees: Arc<Planted>,
    /// Secrets of this machine, while a recording is made.
    pub(super) real: Option<Context>,
    pub(super) setup: Mutex<Setup>,
}

/// What a test set up.
#[derive(Default)]
pub(super) struct Setup {
    options: serde_json::Map<String, Value>,
    grants: Grants,
    secrets: BTreeMap<String, String>,
    answers: BTreeMap<String, String>,
    inner: Option<serde_json::Map<String, Value>>,
    attempt: u32,
    offline: bool,
}

impl Setup {
    /// Nothing but these grants.
    pub(super) fn allowing(grants: Grants) -> Self {
        Self { grants, ..Self::default() }
    }
}

type Text = ImmutableString;

macro_rules! methods {
    ($engine:expr, $($name:literal, |$own:ident $(, $argument:ident: $kind:ty)*| $body:expr;)*) => {
        $($engine.register_fn($name, |$own: &mut Tester $(, $argument: $kind)*| -> std::result::Result<Dynamic, Box<rhai::EvalAltResult>> { give($body) });)*
    };
}

/// What `t` can do.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Tester>("t");
    methods! { engine,
        "option", |own, name: Text, value: Dynamic| own.set(|setup| { setup.options.insert(name.to_string(), plain(&value)?); Ok(()) });
        "allow", |own, grants: Map| { let more = plain(&grants.into()).and_then(|value| Grants::read("what the test allows", &value)); own.set(|setup| { setup.grants = setup.grants.and(&more?); Ok(()) }) };
        "deny", |own| own.set(|setup| { setup.grants = Grants::default(); Ok(()) });
        "secret", |own, name: Text, value: Text| own.secret(&name, &value);
        "answer", |own, name: Text, value: Text| own.set(|setup| { setup.answers.insert(name.to_string(), value.to_string()); Ok(()) });
        "attempt", |own, number: i64| own.set(|setup| { setup.attempt = number.clamp(0, 1000) as u32; Ok(()) });
        "offline", |own| own.set(|setup| { setup.offline = true; Ok(()) });
        "inner", |own, answers: Map| { let said = plain(&answers.into()); own.set(|setup| { setup.inner = said?.as_object().cloned(); Ok(()) }) };
        "env", |own, name: Text, value: Text| own.staged(|stage| { stage.variables.insert(name.to_string(), value.to_string()); });
        "program", |own, name: Text, ends: Map| { let end = ending(&ends); own.program(&name, end) };
        "site", |own, files: Map| own.write("site", files);
        "files", |own, files: Map| own.write("project", files);
        "tree", |own, files: Map| own.tree(files);
        "replies", |own, method: Text, url: Text, answer: Map| own.reply(&method, &url, answer);
        "ask", |own, function: Text, request: Dynamic| own.ask(&function, &request).map(|answer| to_script(&answer));
        "fails", |own, function: Text, request: Dynamic| own.fails(&function, &request);
        "read", |own, path: Text| own.read(&path);
        "target", |own| own.write("target", Map::new());
        "log", |own| Ok(list(own.0.lines.all()));
        "asked", |own| Ok(own.asked());
        "ran", |own| Ok(own.ran());
    }
}

/// The functions of `t`, for messages.
pub(super) const METHODS: [&str; 21] = [
    "option", "allow", "deny", "secret", "answer", "attempt", "offline", "inner", "env", "program", "site", "files", "tree", "replies", "ask", "fails", "read",
    "target", "log", "asked", "ran",
];

fn plain(value: &Dynamic) -> Result<Value> {
    if value.is::<FnPtr>() {
        return Err(Error::new(ErrorKind::Invalid, "a test gives plain values, no functions"));
    }
    from_script(value).map_err(|what| Error::new(ErrorKind::Invalid, format!("a test gives plain values, not {what}")))
}

fn texts(map: &Map) -> Result<BTreeMap<String, String>> {
    let text = |value: &Dynamic| value.clone().into_string().map_err(|_| Error::new(ErrorKind::Invalid, "files are texts: `#{ \"path/name\": \"content\" }`"));
    map.iter().map(|(path, value)| text(value).map(|text| (path.to_string(), text))).collect()
}

fn list(lines: Vec<String>) -> Dynamic {
    lines.into_iter().map(Dynamic::from).collect::<Array>().into()
}

fn ending(map: &Map) -> Result<Outcome> {
    if let Some(key) = map.keys().find(|key| !["code", "stdout", "stderr"].contains(&key.as_str())) {
        return Err(Error::new(ErrorKind::Invalid, format!("a program ends with `code`, `stdout` and `stderr`, not with `{}`", key.escape_debug())));
    }
    let text = |key: &str| map.get(key).map(ToString::to_string).unwrap_or_default().into_bytes();
    let code = map.get("code").map_or(Ok(0), Dynamic::as_int).map_err(|_| Error::new(ErrorKind::Invalid, "`code` is a whole number"))?;
    Ok(Outcome { code: Some(code as i32), signal: None, stdout: text("stdout"), stderr: text("stderr"), truncated: false })
}

impl Tester {
    fn set(&self, work: impl FnOnce(&mut Setup) -> Result<()>) -> Result<Dynamic> {
        work(&mut self.0.setup.lock().unwrap_or_else(PoisonError::into_inner)).map(|()| Dynamic::UNIT)
    }

    fn setup<T>(&self, work: impl FnOnce(&Setup) -> T) -> T {
        work(&self.0.setup.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[expect(clippy::unnecessary_wraps, reason = "the functions of `t` all answer so")]
    fn staged(&self, work: impl FnOnce(&mut crate::script::watch::Stage)) -> Result<Dynamic> {
        self.0.watch.stage(work);
        Ok(Dynamic::UNIT)
    }

    fn program(&self, name: &str, end: Result<Outcome>) -> Result<Dynamic> {
        let end = end?;
        self.staged(|stage| stage.programs.entry(name.to_owned()).or_default().push(end))
    }

    /// The test's value; while a recording is made, the one that this machine has under the name.
    fn secret(&self, name: &str, value: &str) -> Result<Dynamic> {
        let real = match &self.0.real {
            Some(cx) => cx.secrets().get(name)?,
            None => None,
        };
        let value = real.unwrap_or_else(|| value.to_owned());
        remember_secret(&value);
        self.0.tape.hide(name, &value);
        self.set(|setup| {
            setup.secrets.insert(name.to_owned(), value);
            Ok(())
        })
    }

    fn write(&self, below: &str, files: Map) -> Result<Dynamic> {
        let folder = self.0.folder.path().join(below);
        fs::create_folder(&folder)?;
        for (path, text) in texts(&files)? {
            fs::beneath::check_relative(&path)?;
            let file = folder.join(&path);
            if let Some(parent) = file.parent() {
                fs::create_folder(parent)?;
            }
            fs::write_atomic(&file, text.as_bytes())?;
        }
        Ok(folder.to_string_lossy().into_owned().into())
    }

    fn tree(&self, files: Map) -> Result<Dynamic> {
        Ok(self.0.trees.plant(texts(&files)?)?.to_string().into())
    }

    fn reply(&self, method: &str, url: &str, answer: Map) -> Result<Dynamic> {
        let mut value = plain(&answer.into())?;
        value["method"] = Value::from(method.to_ascii_uppercase());
        value["url"] = Value::from(url);
        let exchange: Exchange = serde_json::from_value(value).map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("`t.replies` cannot be read: {error}"))
                .hint("`#{ status: 200, headers: #{ … }, json: … }`, or `text`, or `base64` instead of `json`")
        })?;
        self.0.tape.say(exchange);
        Ok(Dynamic::UNIT)
    }

    /// Has the extension answer; the answer is held to the role's contract.
    fn ask(&self, function: &str, request: &Dynamic) -> Result<Value> {
        let request = plain(request)?;
        let (instance, cx) = self.instance()?;
        if !instance.script().has(function) {
            return Err(Error::new(ErrorKind::Extension, format!("the extension `{}` has no function `{}`", self.0.source.name, function.escape_debug())));
        }
        let answer = instance.ask(&cx, function, request.clone())?;
        contract::hold(&cx, self.0.role, &self.0.source.name, function, request, answer.clone())?;
        Ok(answer)
    }

    fn fails(&self, function: &str, request: &Dynamic) -> Result<Dynamic> {
        match self.ask(function, request) {
            Ok(answer) => Err(Error::new(ErrorKind::Extension, format!("`{function}` was to fail, and did not")).note(format!("it gave {answer}"))),
            Err(error) => Ok(to_script(&told(&error))),
        }
    }

    fn instance(&self) -> Result<(Instance, Context)> {
        let stand = &*self.0;
        let (site, project) = (stand.folder.path().join("site"), stand.folder.path().join("project"));
        fs::create_folder(&site)?;
        fs::create_folder(&project)?;
        let site = fs::ground::real_path(&site)?;
        let limits = Limits::default().with(&stand.source.limits, false)?;
        let (allowed, facts, inner) = self.setup(|setup| {
            let allowed = Allowed {
                name: stand.source.name.clone(),
                grants: setup.grants.clone(),
                base: project,
                extension: stand.source.folder.clone(),
                site: Some(site.clone()),
                own_read: Vec::new(),
                own_write: vec![stand.folder.path().join("target")],
            };
            let facts = Facts {
                name: stand.source.name.clone(),
                role: stand.role.word().to_owned(),
                options: setup.options.clone(),
                attempt: setup.attempt,
                run_as: None,
                as_self: Vec::new(),
                data: Some(crate::script::Follows::nowhere()),
            };
            (allowed, facts, setup.inner.clone().map(|answers| Arc::new(Inner(stand.role, answers)) as Behind))
        });
        let partial = inner.is_some() || stand.source.over.is_some();
        let script = Script::load(stand.source.clone(), stand.role, partial, allowed, limits)?;
        let instance = Instance::new(script, stand.role, facts.clone(), inner).watched(Arc::clone(&stand.watch));
        let instance = if stand.role == Role::Hook { instance.at_site(&site, facts) } else { instance };
        let cx = self.setup(|setup| {
            ContextBuilder::default()
                .events(Arc::clone(&stand.lines) as _)
                .prompter(Arc::new(Person(setup.answers.clone())))
                .secrets(Arc::new(Named(setup.secrets.clone())))
                .trees(Arc::clone(&stand.trees) as _)
                .network(stand.network.clone())
                .cancel(stand.cancel.clone())
                .offline(setup.offline)
                .build()
        });
        Ok((instance, cx))
    }

    fn read(&self, path: &str) -> Result<Dynamic> {
        fs::beneath::check_relative(path)?;
        let text = fs::read_text(&self.0.folder.path().join("site").join(path), 64 << 20)?;
        Ok(text.map_or(Dynamic::UNIT, Dynamic::from))
    }

    fn asked(&self) -> Dynamic {
        let one = |(method, url, body): (String, String, Option<String>)| to_script(&json!({ "method": method, "url": url, "body": body }));
        self.0.tape.asked().into_iter().map(one).collect::<Array>().into()
    }

    fn ran(&self) -> Dynamic {
        let ran = self.0.watch.stage(|stage| stage.ran.clone()).unwrap_or_default();
        ran.into_iter().map(list).collect::<Array>().into()
    }
}

/// An error as a test looks at it.
fn told(error: &Error) -> Value {
    let mut kind = String::new();
    for c in format!("{:?}", error.kind()).chars() {
        if c.is_uppercase() && !kind.is_empty() {
            kind.push('-');
        }
        kind.extend(c.to_lowercase());
    }
    json!({ "kind": kind, "message": error.message(), "hint": error.hints().join("; ") })
}
