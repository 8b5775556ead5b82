//! `native:PATH` for every role: a library behind the role's wire, over a built-in implementation where the manifest says so.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::Registry;
use super::over::inner_spec;
use crate::builtin::client::Parts;
use crate::builtin::environment::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{UseKind, UseSpec};
use crate::native::{Native, Roles};
use crate::roles::wire::Role;
use crate::roles::wire::client::{ServedClient, WiredClient};
use crate::roles::wire::downloader::{ServedDownloader, WiredDownloader};
use crate::roles::wire::installer::{ServedInstaller, WiredInstaller};
use crate::roles::wire::repository::{ServedRepository, WiredRepository};
use crate::roles::wire::stock::{ServedStock, WiredStock};
use crate::roles::{Client, Context, Downloader, Installer, Repository, Stock};

pub(super) fn client(spec: &UseSpec, parts: Parts) -> Result<Arc<dyn Client>> {
    let (spec, over) = split(spec)?;
    // A client always has one below it: it decides, and what carries out is greffon's own.
    let over = over.unwrap_or_else(|| super::default_spec("standard"));
    let mut roles = Roles::new();
    roles.insert("stock".to_owned(), Arc::new(ServedStock(Arc::clone(&parts.stock))));
    roles.insert("downloader".to_owned(), Arc::new(ServedDownloader(Arc::clone(&parts.downloader))));
    roles.insert("installer".to_owned(), Arc::new(ServedInstaller(Arc::clone(&parts.installer))));
    for repository in &parts.repositories {
        roles.insert(format!("repository:{}", repository.name()), Arc::new(ServedRepository(Arc::clone(repository))));
    }
    let inner = Arc::new(ServedClient::new(Registry::builtin().clients.find(&over)?(&over, parts)?));
    roles.insert("inner".to_owned(), Arc::clone(&inner) as _);
    let native = Native::open(&spec, Role::Client, true, roles)?;
    Ok(Arc::new(WiredClient::new(Arc::new(native), Some(inner))))
}

pub(super) fn stock(spec: &UseSpec, env: &Env) -> Result<Arc<dyn Stock>> {
    let (spec, over) = split(spec)?;
    let inner = over.map(|over| Registry::builtin().stocks.find(&over)?(&over, env)).transpose()?;
    let roles = inner.iter().map(|inner| ("inner".to_owned(), Arc::new(ServedStock(Arc::clone(inner))) as _)).collect();
    let native = Native::open(&spec, Role::Stock, inner.is_some(), roles)?;
    Ok(Arc::new(WiredStock::new(&name(&spec), Arc::new(native), inner)))
}

pub(super) fn repository(spec: &UseSpec, env: &Env) -> Result<Arc<dyn Repository>> {
    let (mut spec, over) = split(spec)?;
    let merge = match spec.options.shift_remove("merge") {
        None => false,
        Some(Value::Bool(merge)) => merge,
        Some(_) => return Err(wrong(&spec, "`merge` is true or false")),
    };
    let inner = over.map(|over| Registry::builtin().repositories.find(&over)?(&over, env)).transpose()?;
    let roles = inner.iter().map(|inner| ("inner".to_owned(), Arc::new(ServedRepository(Arc::clone(inner))) as _)).collect();
    let native = Native::open(&spec, Role::Repository, inner.is_some(), roles)?;
    Ok(Arc::new(WiredRepository::new(&name(&spec), merge, Arc::new(native), inner)))
}

pub(super) fn downloader(spec: &UseSpec, env: &Env) -> Result<Arc<dyn Downloader>> {
    let (spec, over) = split(spec)?;
    let inner = over.map(|over| Registry::builtin().downloaders.find(&over)?(&over, env)).transpose()?;
    let roles = inner.iter().map(|inner| ("inner".to_owned(), Arc::new(ServedDownloader(Arc::clone(inner))) as _)).collect();
    let native = Native::open(&spec, Role::Downloader, inner.is_some(), roles)?;
    Ok(Arc::new(WiredDownloader::new(Arc::new(native), inner)))
}

pub(super) fn installer(spec: &UseSpec) -> Result<Arc<dyn Installer>> {
    let (spec, over) = split(spec)?;
    let inner = over.map(|over| Registry::builtin().installers.find(&over)?(&over)).transpose()?;
    let roles = inner.iter().map(|inner| ("inner".to_owned(), Arc::new(ServedInstaller(Arc::clone(inner))) as _)).collect();
    let native = Native::open(&spec, Role::Installer, inner.is_some(), roles)?;
    Ok(Arc::new(WiredInstaller::new(Arc::new(native), inner, Context::silent())))
}

/// The spec without its `over`, and that as a spec of its own.
fn split(spec: &UseSpec) -> Result<(UseSpec, Option<UseSpec>)> {
    let mut own = spec.clone();
    let Some(over) = own.options.shift_remove("over") else { return Ok((own, None)) };
    let inner = inner_spec(spec, over).map_err(|error| at(spec, error))?;
    if inner.kind != UseKind::Builtin {
        return Err(
            wrong(spec, &format!("a library is laid over what ships in greffon, not over `{}`", inner.target.escape_debug())).hint("`over = \"builtin:NAME\"`")
        );
    }
    Ok((own, Some(inner)))
}

/// What the manifest calls it, else the library's file name.
fn name(spec: &UseSpec) -> String {
    let file = || Path::new(&spec.target).file_name().map(|name| name.to_string_lossy().into_owned());
    spec.name.clone().or_else(file).unwrap_or_else(|| spec.target.clone())
}

fn wrong(spec: &UseSpec, message: &str) -> Error {
    at(spec, Error::new(ErrorKind::Manifest, message))
}

fn at(spec: &UseSpec, error: Error) -> Error {
    match &spec.place {
        Some(place) => error.at(place.clone()),
        None => error,
    }
}
