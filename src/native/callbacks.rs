//! What a library may ask back during a call.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::diagnostic::{nearest, printable};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectId;
use crate::roles::wire::{Fault, Inner};
use crate::roles::{Context, Event, Level, Question, TreeItemKind, Unit};

/// The roles that a library may call, by name: `inner` for the one that it is laid over, and for a client `stock`, `downloader`,
/// `installer` and `repository:NAME`.
pub type Roles = BTreeMap<String, Inner>;

/// The callbacks of one call.
#[derive(Debug)]
pub(super) struct Callbacks {
    cx: Context,
    title: String,
    roles: std::sync::Arc<Roles>,
    tasks: Mutex<Vec<String>>,
}

/// A failure as a library reads it.
pub(super) fn failure(error: &Error) -> Vec<u8> {
    serde_json::to_vec(&Fault::from(error)).unwrap_or_else(|_| br#"{"message":"a failure that cannot be written"}"#.to_vec())
}

/// A question as a library asks it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    text: String,
    #[serde(default)]
    choices: Vec<String>,
    #[serde(default)]
    default: Option<String>,
    #[serde(default)]
    secret: bool,
    #[serde(default)]
    flag: String,
}

/// A call back.
#[derive(Deserialize)]
struct Back {
    method: String,
    #[serde(default)]
    request: Value,
}

#[derive(Deserialize)]
struct InTree {
    tree: ObjectId,
    #[serde(default)]
    path: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Callbacks {
    pub(super) fn new(cx: Context, title: String, roles: std::sync::Arc<Roles>) -> Self {
        Self { cx, title, roles, tasks: Mutex::default() }
    }

    /// 0 warning, 1 info, 2 detail, else debug.
    pub(super) fn log(&self, level: i32, text: String) {
        let level = match level {
            0 => Level::Warning,
            1 => Level::Info,
            2 => Level::Detail,
            _ => Level::Debug,
        };
        self.cx.log(level, printable(&text).into_owned());
    }

    /// A task begins when it is first heard of and ends when it is done; `u64::MAX` is an unknown total.
    pub(super) fn progress(&self, task: &str, done: u64, total: u64) {
        let task = printable(task).into_owned();
        let total = (total != u64::MAX).then_some(total);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if !tasks.contains(&task) {
            tasks.push(task.clone());
            self.cx.emit(Event::Started { task: task.clone(), total, unit: Unit::Items });
        }
        self.cx.emit(Event::Advanced { task: task.clone(), done, total });
        if total.is_some_and(|total| done >= total) {
            tasks.retain(|known| *known != task);
            self.cx.emit(Event::Finished { task });
        }
    }

    pub(super) fn cancelled(&self) -> bool {
        self.cx.check().is_err()
    }

    /// Asks a person; the answer is a JSON text.
    pub(super) fn prompt(&self, question: &str) -> Result<Vec<u8>> {
        let asked: Asked = serde_json::from_str(question).map_err(|fault| self.unreadable("a question", &fault))?;
        let question =
            Question { text: printable(&asked.text).into_owned(), choices: asked.choices, default: asked.default, secret: asked.secret, flag: asked.flag };
        self.cx.check()?;
        bytes(&Value::String(self.cx.prompter().ask(&question)?))
    }

    /// Calls something of the host's: `tree` (`read`, `list`), `secret` (`get`), `context` (`get`), or a role.
    pub(super) fn call(&self, name: &str, request: &str) -> Result<Vec<u8>> {
        let back: Back = serde_json::from_str(request).map_err(|fault| self.unreadable("a call back", &fault))?;
        self.cx.check()?;
        let answer = match (name, back.method.as_str()) {
            ("tree", "read") => {
                let asked: InTree = self.read(back.request)?;
                self.cx.trees().read(asked.tree, &asked.path)?.map(|content| match String::from_utf8(content) {
                    Ok(text) => json!({ "text": text }),
                    Err(other) => json!({ "hex": hex::encode(other.into_bytes()) }),
                })
            }
            ("tree", "list") => {
                let asked: InTree = self.read(back.request)?;
                let items = self.cx.trees().list(asked.tree, &asked.path)?;
                items.map(|items| {
                    items
                        .into_iter()
                        .map(|item| match item.what {
                            TreeItemKind::Folder(id) => json!({ "name": item.name, "kind": "folder", "id": id }),
                            TreeItemKind::File(entry) => json!({ "name": item.name, "kind": "file", "id": entry.id, "mode": entry.mode }),
                            TreeItemKind::Gitlink(id) => json!({ "name": item.name, "kind": "gitlink", "id": id }),
                        })
                        .collect()
                })
            }
            ("secret", "get") => {
                let asked: Named = self.read(back.request)?;
                self.cx.secrets().get(&asked.name)?.map(Value::String)
            }
            ("context", "get") => Some(json!({ "offline": self.cx.offline(), "refresh": self.cx.refresh() })),
            ("tree" | "secret" | "context", other) => {
                return Err(Error::new(ErrorKind::Extension, format!("`{name}` has no method `{}`", other.escape_debug())));
            }
            (name, method) => Some(self.role(name)?.serve(&self.cx, method, back.request)?),
        };
        bytes(&answer.unwrap_or(Value::Null))
    }

    fn role(&self, name: &str) -> Result<&Inner> {
        self.roles.get(name).ok_or_else(|| {
            let known = ["tree", "secret", "context"].into_iter().chain(self.roles.keys().map(String::as_str));
            let error = Error::new(ErrorKind::Extension, format!("there is nothing named `{}` to call from here", name.escape_debug()));
            match nearest(name, known.clone()) {
                Some(near) => error.hint(format!("did its author mean `{near}`?")),
                None => error.hint(format!("there are: {}", known.collect::<Vec<_>>().join(", "))),
            }
        })
    }

    fn read<T: serde::de::DeserializeOwned>(&self, request: Value) -> Result<T> {
        serde_json::from_value(request).map_err(|fault| self.unreadable("a call back", &fault))
    }

    fn unreadable(&self, what: &str, fault: &serde_json::Error) -> Error {
        Error::new(ErrorKind::Extension, format!("{what} of {} cannot be read: {fault}", self.title))
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            self.cx.emit(Event::Finished { task });
        }
    }
}

fn bytes(value: &Value) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|fault| Error::new(ErrorKind::Internal, "an answer cannot be written as JSON").caused_by(fault))
}
