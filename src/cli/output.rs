//! Where text goes: stdout carries data only; everything else goes to stderr. Colours are decided here, once.

use std::io::Write;

use anstream::{AutoStream, ColorChoice};
use indicatif::MultiProgress;
use serde::Serialize;

use super::text::{Text, plain_json};
use crate::command::{Color, Globals};
use crate::error::{Error, ErrorKind, Result};

/// Prints.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    json: bool,
    quiet: u8,
    color: ColorChoice,
    bars: MultiProgress,
}

impl Printer {
    /// As the flags say. `bars` are lifted while something is printed.
    pub(crate) fn new(globals: &Globals, bars: MultiProgress) -> Self {
        let color = match globals.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { json: globals.json, quiet: globals.quiet, color, bars }
    }

    /// Whether reports go out as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// A report on stdout: the document with `--json`, else the page that `human` makes.
    ///
    /// # Errors
    /// `Io` when stdout refuses.
    pub(crate) fn report<R: Serialize>(&self, report: &R, human: impl FnOnce(&R, &mut Text)) -> Result<()> {
        if self.json {
            return self.json(report);
        }
        let mut page = Text::new();
        human(report, &mut page);
        self.data(&page)
    }

    /// What was done, as a report of a command that changes things: the document on stdout with `--json`, else the page on
    /// stderr, since it is no data.
    ///
    /// # Errors
    /// `Io` when stdout refuses.
    pub(crate) fn summary<R: Serialize>(&self, report: &R, human: impl FnOnce(&R, &mut Text)) -> Result<()> {
        if self.json {
            return self.json(report);
        }
        let mut page = Text::new();
        human(report, &mut page);
        self.message(&page);
        Ok(())
    }

    /// One JSON document on stdout.
    ///
    /// # Errors
    /// `Io` when stdout refuses.
    pub(crate) fn json<R: Serialize>(&self, report: &R) -> Result<()> {
        let text =
            serde_json::to_string_pretty(report).map_err(|error| Error::new(ErrorKind::Internal, "could not write the report as JSON").caused_by(error))?;
        self.raw(&(plain_json(&text) + "\n"))
    }

    /// Data on stdout.
    ///
    /// # Errors
    /// `Io` when stdout refuses.
    pub(crate) fn data(&self, page: &Text) -> Result<()> {
        self.raw(page.finish())
    }

    /// Text of our own making (a completion script, a help text) on stdout, as it is.
    ///
    /// # Errors
    /// `Io` when stdout refuses.
    pub(crate) fn raw(&self, text: &str) -> Result<()> {
        self.bars
            .suspend(|| {
                let mut out = AutoStream::new(std::io::stdout(), self.color);
                out.write_all(text.as_bytes()).and_then(|()| out.flush())
            })
            .map_err(|error| Error::new(ErrorKind::Io, "could not write to the standard output").caused_by(error))
    }

    /// Something for people, on stderr; nothing with `-q` or `--json`.
    pub(crate) fn message(&self, page: &Text) {
        if self.quiet == 0 && !self.json && !page.is_empty() {
            self.stderr(page.finish());
        }
    }

    /// An error on stderr, ready rendered; nothing with `-qq`.
    pub(crate) fn failure(&self, text: &str) {
        if self.quiet < 2 {
            self.stderr(text);
        }
    }

    /// Text on stderr. A stderr that refuses has nobody left to tell.
    pub(crate) fn stderr(&self, text: &str) {
        self.bars.suspend(|| {
            let mut out = AutoStream::new(std::io::stderr(), self.color);
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        });
    }

    /// Whether stderr shows colours.
    pub(crate) fn colors_errors(&self) -> bool {
        match self.color {
            ColorChoice::Auto => AutoStream::choice(&std::io::stderr()) != ColorChoice::Never,
            choice => choice != ColorChoice::Never,
        }
    }
}

/// How wide lines for people may be: `COLUMNS`, else the terminal's width, else 100.
pub(crate) fn width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    told.or_else(|| dialoguer::console::Term::stderr().size_checked().map(|(_, columns)| usize::from(columns))).filter(|width| *width > 0).unwrap_or(100)
}
