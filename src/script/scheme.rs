//! A version scheme that is a script.
//!
//! `key({version})` gives what a version is compared by — a number, a text, or a list of such — and throws for a text that is no
//! version. The order of keys is total whatever the script does: nothing, false and true, numbers, texts, lists by their first difference.
//! The operators of all schemes (`*`, `=v`, `>=v`, `a, b`, `a || b`) work on keys; any other term is the script's:
//! `matches({requirement, version})`, or equality where it has no such function. `default_requirement({version})` is what `add`
//! writes, `is_prerelease({version})` keeps a version out of what does not name one.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::Instance;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Requirement, Version};
use crate::roles::wire::Answerer;
use crate::roles::{Context, Level};
use crate::version::{Matcher, Scheme};

/// What versions are compared by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Nothing,
    Bool(bool),
    Number(i64),
    Text(String),
    List(Vec<Key>),
}

/// A scheme whose keys come from a script. Each version is asked about once.
#[derive(Debug, Clone)]
pub struct ScriptScheme(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    script: Instance,
    cx: Context,
    keys: Mutex<HashMap<String, std::result::Result<Key, String>>>,
    matched: Mutex<HashMap<(String, String), bool>>,
}

impl ScriptScheme {
    /// A scheme of this name; `cx` is what the script is asked with.
    #[must_use]
    pub fn new(name: &str, script: Instance, cx: Context) -> Self {
        Self(Arc::new(Inner { name: name.to_owned(), script, cx, keys: Mutex::default(), matched: Mutex::default() }))
    }

    fn key(&self, version: &str) -> std::result::Result<Key, String> {
        if let Some(known) = self.0.keys.lock().unwrap_or_else(PoisonError::into_inner).get(version) {
            return known.clone();
        }
        let asked = self.0.script.ask(&self.0.cx, "key", json!({ "version": version }));
        let key = asked.map_err(|error| error.message().to_owned()).and_then(|value| read(&value));
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(version.to_owned(), key.clone());
        key
    }

    fn matched(&self, requirement: &str, version: &str) -> bool {
        let question = (requirement.to_owned(), version.to_owned());
        if let Some(known) = self.0.matched.lock().unwrap_or_else(PoisonError::into_inner).get(&question) {
            return *known;
        }
        let answer = match self.0.script.ask(&self.0.cx, "matches", json!({ "requirement": requirement, "version": version })) {
            Ok(answer) => answer == Value::Bool(true),
            Err(error) => {
                self.0.cx.log(Level::Warning, error.message());
                false
            }
        };
        self.0.matched.lock().unwrap_or_else(PoisonError::into_inner).insert(question, answer);
        answer
    }

    fn term(&self, text: &str, whole: &str) -> Result<Term> {
        let refuse = |why: String| {
            Error::new(ErrorKind::Version, format!("`{}` is not a requirement of the scheme `{}`: {why}", whole.escape_debug(), self.0.name))
                .hint("every scheme knows `*`, `=v`, `>=v`, `<=v`, `>v`, `<v`, `a, b` and `a || b`")
        };
        if text == "*" {
            return Ok(Term::Any);
        }
        let forms = [(">=", OP_GE), ("<=", OP_LE), ("=", OP_EQ), (">", OP_GT), ("<", OP_LT)];
        for (form, accepts) in forms {
            if let Some(operand) = text.strip_prefix(form) {
                let key = self.key(operand.trim()).map_err(refuse)?;
                return Ok(Term::Compared(accepts, key));
            }
        }
        if text.is_empty() {
            return Err(refuse("a part of it is empty".to_owned()));
        }
        if self.0.script.has("matches") { Ok(Term::Own(text.to_owned())) } else { Ok(Term::Compared(OP_EQ, self.key(text).map_err(refuse)?)) }
    }
}

type Accepts = fn(Ordering) -> bool;
const OP_GE: Accepts = Ordering::is_ge;
const OP_LE: Accepts = Ordering::is_le;
const OP_EQ: Accepts = Ordering::is_eq;
const OP_GT: Accepts = Ordering::is_gt;
const OP_LT: Accepts = Ordering::is_lt;

#[derive(Debug)]
enum Term {
    Any,
    Compared(Accepts, Key),
    Own(String),
}

/// Alternatives, each a list of terms that must all fit.
#[derive(Debug)]
struct Terms {
    scheme: ScriptScheme,
    alternatives: Vec<Vec<Term>>,
    /// The versions that the requirement names: a pre-release among them lets pre-releases in.
    named: String,
}

impl Matcher for Terms {
    fn matches(&self, version: &Version) -> bool {
        let Ok(key) = self.scheme.key(version.as_str()) else { return false };
        if self.scheme.is_prerelease(version) && !self.named.contains(version.as_str()) {
            return false;
        }
        let fits = |term: &Term| match term {
            Term::Any => true,
            Term::Compared(accepts, operand) => accepts(key.cmp(operand)),
            Term::Own(text) => self.scheme.matched(text, version.as_str()),
        };
        self.alternatives.iter().any(|terms| terms.iter().all(fits))
    }
}

impl Scheme for ScriptScheme {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn check(&self, version: &Version) -> Result<()> {
        self.key(version.as_str()).map(drop).map_err(|why| {
            Error::new(ErrorKind::Version, format!("`{}` is not a version of the scheme `{}`: {why}", version.as_str().escape_debug(), self.0.name))
        })
    }

    fn compare(&self, a: &Version, b: &Version) -> Ordering {
        match (self.key(a.as_str()), self.key(b.as_str())) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            (Err(_), Err(_)) => a.as_str().cmp(b.as_str()),
            (Err(_), Ok(_)) => Ordering::Less,
            (Ok(_), Err(_)) => Ordering::Greater,
        }
    }

    fn requirement(&self, text: &Requirement) -> Result<Arc<dyn Matcher>> {
        let whole = text.as_str();
        let alternatives =
            whole.split("||").map(|alternative| alternative.split(',').map(|part| self.term(part.trim(), whole)).collect()).collect::<Result<_>>()?;
        Ok(Arc::new(Terms { scheme: self.clone(), alternatives, named: whole.to_owned() }))
    }

    fn default_requirement(&self, version: &Version) -> Requirement {
        if !self.0.script.has("default_requirement") {
            return Requirement::any();
        }
        let answer = self.0.script.ask(&self.0.cx, "default_requirement", json!({ "version": version }));
        answer.ok().and_then(|answer| answer.as_str().map(Requirement::new)).unwrap_or_else(Requirement::any)
    }

    fn is_prerelease(&self, version: &Version) -> bool {
        self.0.script.has("is_prerelease")
            && self.0.script.ask(&self.0.cx, "is_prerelease", json!({ "version": version })).is_ok_and(|answer| answer == Value::Bool(true))
    }
}

fn read(value: &Value) -> std::result::Result<Key, String> {
    Ok(match value {
        Value::Null => Key::Nothing,
        Value::Bool(value) => Key::Bool(*value),
        Value::Number(number) => Key::Number(number.as_i64().ok_or_else(|| format!("its key holds `{number}`, and keys hold whole numbers"))?),
        Value::String(text) => Key::Text(text.clone()),
        Value::Array(list) => Key::List(list.iter().map(read).collect::<std::result::Result<_, _>>()?),
        Value::Object(_) => return Err("its key is a map, and keys are numbers, texts or lists of them".to_owned()),
    })
}
