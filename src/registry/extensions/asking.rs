//! Asking the user, on a terminal, what an extension may do; and writing the answer where it belongs.

use std::sync::PoisonError;

use super::Extensions;
use crate::error::{Error, Result};
use crate::manifest::{Manifest, set_allow};
use crate::roles::Question;
use crate::script::Grants;
use crate::sys::fs;

/// Whether an extension may do what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    No,
    /// This user, on this machine.
    Here,
    /// Whoever uses the manifest.
    Everybody,
}

const NO: &str = "no";
const HERE: &str = "yes, for me on this machine";
const EVERYBODY: &str = "yes, and write it into greffon.toml";

impl Extensions {
    /// Whether something was written into the manifest since it was read.
    #[must_use]
    pub fn wrote(&self) -> bool {
        !self.written.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub(super) fn choose(&self, text: &str) -> Result<Answer> {
        let question = Question {
            text: text.to_owned(),
            choices: [NO, HERE, EVERYBODY].map(str::to_owned).to_vec(),
            default: Some(NO.to_owned()),
            secret: false,
            flag: "greffon trust --grant".to_owned(),
        };
        Ok(match self.cx.prompter().ask(&question)?.as_str() {
            HERE => Answer::Here,
            EVERYBODY => Answer::Everybody,
            _ => Answer::No,
        })
    }

    /// Writes `allow` of `[extensions.NAME]` with these grants beside those that stand there.
    pub(super) fn write_allow(&self, name: &str, more: &Grants) -> Result<()> {
        // Some network file systems cannot lock.
        let _alone = fs::FileLock::exclusive(&self.cx, &self.base, "this manifest").ok();
        let text = fs::read_text(&self.manifest, 16 << 20)?.unwrap_or_default();
        let now = Manifest::parse(&self.manifest, text.clone())?;
        let there = now.extensions.get(name).and_then(|own| own.get("allow"));
        let there = there.map(|allow| Grants::read("`allow`", allow)).transpose()?.unwrap_or_default();
        fs::write_through(&self.manifest, set_allow(&self.manifest, &text, name, &there.and(more).line())?.as_bytes())?;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let all = written.get(name).cloned().unwrap_or_default().and(more);
        written.insert(name.to_owned(), all);
        Ok(())
    }

    /// Asks for a yes; where nobody is there, or the answer is no, the error.
    pub(super) fn ask(&self, text: &str, refusal: impl Fn() -> Error) -> Result<()> {
        if self.cx.prompter().is_present() && self.agree(text)? { Ok(()) } else { Err(refusal()) }
    }

    fn agree(&self, text: &str) -> Result<bool> {
        let question = Question {
            text: text.to_owned(),
            choices: vec!["yes".to_owned(), "no".to_owned()],
            default: Some("no".to_owned()),
            secret: false,
            flag: "greffon trust".to_owned(),
        };
        Ok(self.cx.prompter().ask(&question)? == "yes")
    }
}
