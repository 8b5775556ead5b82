//! Questions to the person at the terminal.

use std::io::{ErrorKind as IoErrorKind, IsTerminal};

use dialoguer::console::Term;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Confirm, Input, Select};
use indicatif::MultiProgress;

use super::text::plain;
use crate::command::Globals;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::{Cancel, Prompter, Question};

/// Asks on the terminal, when there is one and nobody forbade it.
pub(crate) struct Prompts {
    present: bool,
    /// `NAME=VALUE` of `--answer`.
    answers: Vec<String>,
    colors: bool,
    bars: MultiProgress,
    cancel: Cancel,
}

impl Prompts {
    /// As the flags say. Bars are lifted while a question stands.
    pub(crate) fn new(globals: &Globals, colors: bool, bars: MultiProgress, cancel: Cancel) -> Self {
        let present = !globals.no_input && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        Self { present, answers: globals.answers.clone(), colors, bars, cancel }
    }

    fn ask_terminal(&self, question: &Question) -> dialoguer::Result<String> {
        let theme: Box<dyn Theme> = if self.colors { Box::new(ColorfulTheme::default()) } else { Box::new(SimpleTheme) };
        let term = Term::stderr();
        let text = plain(question.text.trim_end_matches([':', '?']).trim_end());
        if question.secret {
            term.write_str(&format!("{text}: "))?;
            return Ok(term.read_secure_line()?);
        }
        if question.choices.is_empty() {
            let input = Input::<String>::with_theme(&*theme).with_prompt(text).allow_empty(false);
            return match &question.default {
                Some(default) => input.default(default.clone()),
                None => input,
            }
            .interact_text_on(&term);
        }
        if question.choices == ["yes", "no"] || question.choices == ["no", "yes"] {
            let confirm = Confirm::with_theme(&*theme).with_prompt(text).wait_for_newline(true);
            let yes = match &question.default {
                Some(default) => confirm.default(default == "yes"),
                None => confirm,
            }
            .interact_on(&term)?;
            return Ok(if yes { "yes" } else { "no" }.to_owned());
        }
        let shown: Vec<String> = question.choices.iter().map(plain).collect();
        let first = question.default.as_ref().and_then(|default| question.choices.iter().position(|choice| choice == default)).unwrap_or(0);
        let chosen = Select::with_theme(&*theme).with_prompt(text).items(&shown).default(first).interact_on(&term)?;
        Ok(question.choices.get(chosen).cloned().unwrap_or_default())
    }
}

impl Prompter for Prompts {
    fn is_present(&self) -> bool {
        self.present
    }

    fn ask(&self, question: &Question) -> Result<String> {
        if let Some(name) = question.flag.strip_prefix("--answer ").and_then(|flag| flag.strip_suffix("=VALUE"))
            && let Some(answer) = self.answers.iter().find_map(|answer| answer.strip_prefix(name)?.strip_prefix('='))
        {
            return Ok(answer.to_owned());
        }
        if !self.present {
            return Err(
                Error::new(ErrorKind::Refused, format!("nobody is there to answer: {}", question.text)).hint(format!("answer it with `{}`", question.flag))
            );
        }
        let answer = self.bars.suspend(|| self.ask_terminal(question));
        if answer.is_err() || self.cancel.is_set() {
            // A question that was cut off had hidden it.
            let _ = Term::stderr().show_cursor();
        }
        if self.cancel.is_set() {
            return Err(interrupted());
        }
        answer.map_err(|dialoguer::Error::IO(error)| match error.kind() {
            IoErrorKind::Interrupted => interrupted(),
            _ => Error::new(ErrorKind::Refused, format!("no answer could be read to: {}", question.text))
                .caused_by(error)
                .hint(format!("answer it with `{}`", question.flag)),
        })
    }
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_the_flag_is_named() {
        let globals = Globals { no_input: true, ..Globals::default() };
        let prompts = Prompts::new(&globals, false, MultiProgress::new(), Cancel::default());
        assert!(!prompts.is_present());
        let question = Question { text: "go on?".into(), choices: vec!["yes".into(), "no".into()], default: None, secret: false, flag: "-y".into() };
        let error = prompts.ask(&question).expect_err("nobody is there");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.hints(), ["answer it with `-y`"]);
    }
}
