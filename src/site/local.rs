//! Files changed by hand: what to do with them, as the options or a person say.

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, IfLocalChanges};
use crate::roles::{Context, Question};

/// How many paths a message names.
pub(super) const SHOWN: usize = 20;

/// A recorded file that was changed by hand and would be written over or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalChange {
    pub(super) path: String,
    /// What was recorded.
    pub(super) record: Entry,
    /// What it is now; `None`: no file and no link.
    pub(super) found: Option<Entry>,
    /// What is wanted; `None`: that it goes.
    pub(super) new: Option<Entry>,
}

/// What is done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Keep,
    Save,
    Overwrite,
    Merge,
}

/// The answer to these changes; with none of them the policy's own where it is one.
pub(super) fn answer(cx: &Context, site: &str, policy: IfLocalChanges, local: &[LocalChange]) -> Result<Answer> {
    let answer = match policy {
        IfLocalChanges::Keep => return Ok(Answer::Keep),
        IfLocalChanges::Save => return Ok(Answer::Save),
        IfLocalChanges::Overwrite => return Ok(Answer::Overwrite),
        IfLocalChanges::Merge => return Ok(Answer::Merge),
        // Nothing to answer: which of them it is makes no difference but for deleted files, which come back.
        IfLocalChanges::Abort | IfLocalChanges::Ask if local.is_empty() => return Ok(Answer::Overwrite),
        IfLocalChanges::Abort => None,
        IfLocalChanges::Ask => ask(cx, site, local)?,
    };
    answer.ok_or_else(|| changed(site, local))
}

fn ask(cx: &Context, site: &str, local: &[LocalChange]) -> Result<Option<Answer>> {
    if !cx.prompter().is_present() {
        return Ok(None);
    }
    let choices = ["abort", "keep", "save", "overwrite", "merge"];
    let named: Vec<&str> = local.iter().take(5).map(|change| change.path.as_str()).collect();
    let more = if local.len() > named.len() { " …" } else { "" };
    let answer = cx.prompter().ask(&Question {
        text: format!("{} of site `{site}` changed by hand ({}{more}): what to do with them?", files(local.len()), named.join(", ")),
        choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
        default: Some("abort".into()),
        secret: false,
        flag: "--if-local-changes".into(),
    })?;
    Ok(match answer.as_str() {
        "keep" => Some(Answer::Keep),
        "save" => Some(Answer::Save),
        "overwrite" => Some(Answer::Overwrite),
        "merge" => Some(Answer::Merge),
        _ => None,
    })
}

fn changed(site: &str, local: &[LocalChange]) -> Error {
    let mut error = Error::new(ErrorKind::LocalChanges, format!("{} of site `{site}` changed by hand; nothing was written", files(local.len())));
    for change in local.iter().take(SHOWN) {
        let what = if change.found.is_some() { "modified" } else { "type changed" };
        error = error.note(format!("{what}: {}", change.path));
    }
    if local.len() > SHOWN {
        error = error.note(format!("and {} more", local.len() - SHOWN));
    }
    error.hint("let `if-local-changes` be `save` (puts them aside), `merge`, `keep` or `overwrite`, in the manifest or as `--if-local-changes`; `greffon patch create NAME` makes of an edit one that stays")
}

/// `1 file`, `2 files`.
pub(super) fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}
