//! `trust`: lets a manifest's scripts run programs and its libraries be loaded, on this machine, for this user.

use std::path::PathBuf;

use serde::Serialize;

use super::workspace::start_folder;
use super::{Globals, Machine, hooks};
use crate::builtin::client::read_lock;
use crate::error::Result;
use crate::manifest::Manifest;
use crate::model::Lock;
use crate::registry::{Extensions, Library, Used};
use crate::roles::ContextBuilder;
use crate::sys::fs;

/// What `trust` may be told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Takes back everything that was allowed for the manifest.
    pub forget: bool,
    /// Grants what extensions ask for beyond the manifest's `allow` too.
    pub grant: bool,
}

/// What is trusted now.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `greffon/trust/1`.
    pub schema: &'static str,
    /// The manifest.
    pub manifest: PathBuf,
    /// Whether it is trusted.
    pub trusted: bool,
    /// What each of its extensions may do.
    pub extensions: Vec<Used>,
    /// The native libraries that it loads: each can do whatever the user can.
    pub libraries: Vec<Library>,
}

/// Writes down what this user trusts; runs nothing of it.
///
/// # Errors
/// A manifest that cannot be read; `Io`.
pub fn run(globals: &Globals, surroundings: ContextBuilder, options: Options) -> Result<Report> {
    let manifest = Manifest::load(&Manifest::find(&start_folder(globals)?)?)?;
    let base = manifest.path.parent().map(std::path::Path::to_owned).unwrap_or_default();
    let machine = Machine::open(globals, surroundings, Some(&manifest.config), &base)?;
    let lock_path = base.join("greffon.lock");
    let mut lock = match fs::read_text(&lock_path, 64 << 20)? {
        Some(text) => read_lock(&lock_path, &text, &base)?.0,
        None => Lock::default(),
    };
    let manifest = manifest.with_user(&machine.user);
    let extras = super::bring::bring(globals, &manifest, &machine, &mut lock, &base)?;
    let mut extensions = Extensions::new(&manifest, lock.extensions, machine.cx.clone()).with_elements(extras.fetched);
    let mentioned = hooks::mentioned(&manifest);
    let found = extensions.survey(&manifest, &mentioned)?;
    if !globals.dry_run {
        if options.forget {
            extensions.forget()?;
        } else {
            extensions.trust(&found, options.grant)?;
        }
    }
    let extensions_now = extensions.survey(&manifest, &mentioned)?;
    Ok(Report {
        schema: "greffon/trust/1",
        manifest: extensions.manifest().to_owned(),
        trusted: !options.forget,
        extensions: extensions_now,
        libraries: Extensions::libraries(&manifest),
    })
}
