//! What greffon offers a library.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::forms::Failure;
use crate::table::{self, HostTable};

/// The host. Its functions serve the call that is under way on this thread.
#[derive(Debug, Clone, Copy)]
pub struct Host(pub(crate) &'static HostTable);

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something the user should act on.
    Warning = 0,
    /// What was done.
    Info = 1,
    /// How it was done (`-v`).
    Detail = 2,
    /// Everything (`-vv`).
    Debug = 3,
}

/// Something to ask a person.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Question {
    /// One line.
    pub text: String,
    /// What can be answered; none: free text.
    pub choices: Vec<String>,
    /// What Return answers.
    pub default: Option<String>,
    /// Whether the answer must not be shown.
    pub secret: bool,
    /// The option that answers it where nobody can be asked.
    pub flag: String,
}

/// One name in a folder of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TreeItem {
    /// The bare name.
    pub name: String,
    /// `file`, `folder` or `gitlink`.
    pub kind: String,
    /// Its git object.
    pub id: String,
}

impl Host {
    /// Says a line.
    pub fn log(&self, level: Level, text: &str) {
        table::log(self.0, level as i32, text);
    }

    /// Shows how far a task is; it goes when `done` reaches `total`.
    pub fn progress(&self, task: &str, done: u64, total: Option<u64>) {
        table::progress(self.0, task, done, total.unwrap_or(u64::MAX));
    }

    /// Whether the user asked to stop, or the time is over.
    pub fn cancelled(&self) -> bool {
        table::cancelled(self.0)
    }

    /// Asks a person.
    ///
    /// # Errors
    /// `refused` when nobody is there.
    pub fn prompt(&self, question: &Question) -> Result<String, Failure> {
        let answer = table::prompt(self.0, &json!(question).to_string())?;
        Ok(answer.as_str().unwrap_or_default().to_owned())
    }

    /// Asks greffon: see `call` in greffon.h.
    ///
    /// # Errors
    /// Whatever it fails with.
    pub fn call(&self, name: &str, method: &str, request: Value) -> Result<Value, Failure> {
        table::call_host(self.0, name, &json!({ "method": method, "request": request }).to_string())
    }

    /// The text of a file of a tree; `None` when there is no such file.
    ///
    /// # Errors
    /// When the tree is not in the stock, or the file is not UTF-8.
    pub fn read_file(&self, tree: &str, path: &str) -> Result<Option<String>, Failure> {
        match self.call("tree", "read", json!({ "tree": tree, "path": path }))? {
            Value::Null => Ok(None),
            found => match found.get("text").and_then(Value::as_str) {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(Failure::new("invalid", format!("`{path}` is not UTF-8 text"))),
            },
        }
    }

    /// What lies in a folder of a tree (`""`: the tree itself); `None` when there is no such folder.
    ///
    /// # Errors
    /// When the tree is not in the stock.
    pub fn list_folder(&self, tree: &str, path: &str) -> Result<Option<Vec<TreeItem>>, Failure> {
        let items = self.call("tree", "list", json!({ "tree": tree, "path": path }))?;
        serde_json::from_value(items).map_err(|fault| Failure::new("extension", format!("a folder cannot be read: {fault}")))
    }

    /// The value of a secret of the manifest; `None` when there is none of that name.
    ///
    /// # Errors
    /// When its source failed.
    pub fn secret(&self, name: &str) -> Result<Option<String>, Failure> {
        Ok(self.call("secret", "get", json!({ "name": name }))?.as_str().map(str::to_owned))
    }
}
