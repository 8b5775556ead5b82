//! The roles by `use`: what ships and libraries through their tables, scripts and extensions here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Extensions, Named};
use crate::builtin::client::Parts;
use crate::builtin::environment::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{UseKind, UseSpec};
use crate::registry::over::inner_spec;
use crate::registry::{Registry, default_spec};
use crate::roles::wire::client::{ServedClient, WiredClient};
use crate::roles::wire::downloader::{ServedDownloader, WiredDownloader};
use crate::roles::wire::installer::{ServedInstaller, WiredInstaller};
use crate::roles::wire::repository::{ServedRepository, WiredRepository};
use crate::roles::wire::stock::{ServedStock, WiredStock};
use crate::roles::wire::{Inner, Role};
use crate::roles::{Client, Downloader, Installer, Repository, Stock};
use crate::script::{Facts, Instance, Script, ScriptScheme, Source};
use crate::version::Scheme;

/// A script's `use`, taken apart.
struct Order {
    named: Named,
    source: Source,
    facts: Facts,
    over: Option<UseSpec>,
    merge: bool,
}

impl Extensions {
    /// The client that a `use` names.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn client(&self, registry: &Registry, spec: &UseSpec, parts: Parts) -> Result<Arc<dyn Client>> {
        if !is_script(spec) {
            self.trusted(spec)?;
            return registry.clients.find(spec)?(spec, parts);
        }
        let order = self.order(spec, Role::Client)?;
        let over = order.over.clone().unwrap_or_else(|| default_spec("standard"));
        let mut roles: BTreeMap<String, Inner> = BTreeMap::new();
        roles.insert("stock".to_owned(), Arc::new(ServedStock(Arc::clone(&parts.stock))));
        roles.insert("downloader".to_owned(), Arc::new(ServedDownloader(Arc::clone(&parts.downloader))));
        roles.insert("installer".to_owned(), Arc::new(ServedInstaller(Arc::clone(&parts.installer))));
        for repository in &parts.repositories {
            roles.insert(format!("repository:{}", repository.name()), Arc::new(ServedRepository(Arc::clone(repository))));
        }
        let inner = Arc::new(ServedClient::new(self.client(registry, &over, parts)?));
        let instance = self.instance(order, Role::Client, Some(Arc::clone(&inner) as Inner))?.with_roles(roles);
        Ok(Arc::new(WiredClient::new(Arc::new(instance), Some(inner))))
    }

    /// The stock that a `use` names.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn stock(&self, registry: &Registry, spec: &UseSpec, env: &Env) -> Result<Arc<dyn Stock>> {
        if !is_script(spec) {
            self.trusted(spec)?;
            return registry.stocks.find(spec)?(spec, env);
        }
        let order = self.order(spec, Role::Stock)?;
        let inner = order.over.as_ref().map(|over| self.stock(registry, over, env)).transpose()?;
        let name = order.facts.name.clone();
        let served = inner.clone().map(|inner| Arc::new(ServedStock(inner)) as Inner);
        Ok(Arc::new(WiredStock::new(&name, Arc::new(self.instance(order, Role::Stock, served)?), inner)))
    }

    /// The repository that a `use` names.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn repository(&self, registry: &Registry, spec: &UseSpec, env: &Env) -> Result<Arc<dyn Repository>> {
        if !is_script(spec) {
            self.trusted(spec)?;
            return registry.repositories.find(spec)?(spec, env);
        }
        let order = self.order(spec, Role::Repository)?;
        let inner = order.over.as_ref().map(|over| self.repository(registry, over, env)).transpose()?;
        let (name, merge) = (order.facts.name.clone(), order.merge);
        let served = inner.clone().map(|inner| Arc::new(ServedRepository(inner)) as Inner);
        Ok(Arc::new(WiredRepository::new(&name, merge, Arc::new(self.instance(order, Role::Repository, served)?), inner)))
    }

    /// The downloader that a `use` names.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn downloader(&self, registry: &Registry, spec: &UseSpec, env: &Env) -> Result<Arc<dyn Downloader>> {
        if !is_script(spec) {
            self.trusted(spec)?;
            return registry.downloaders.find(spec)?(spec, env);
        }
        let order = self.order(spec, Role::Downloader)?;
        let inner = order.over.as_ref().map(|over| self.downloader(registry, over, env)).transpose()?;
        let served = inner.clone().map(|inner| Arc::new(ServedDownloader(inner)) as Inner);
        Ok(Arc::new(WiredDownloader::new(Arc::new(self.instance(order, Role::Downloader, served)?), inner)))
    }

    /// The installer that a `use` names.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn installer(&self, registry: &Registry, spec: &UseSpec) -> Result<Arc<dyn Installer>> {
        if !is_script(spec) {
            self.trusted(spec)?;
            return registry.installers.find(spec)?(spec);
        }
        let order = self.order(spec, Role::Installer)?;
        let inner = order.over.as_ref().map(|over| self.installer(registry, over)).transpose()?;
        let served = inner.clone().map(|inner| Arc::new(ServedInstaller(inner)) as Inner);
        Ok(Arc::new(WiredInstaller::new(Arc::new(self.instance(order, Role::Installer, served)?), inner, self.cx.clone())))
    }

    /// The version scheme that a name of `[config.schemes]` stands for.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn scheme(&self, registry: &Registry, written: &str, spec: &UseSpec) -> Result<Arc<dyn Scheme>> {
        if !is_script(spec) {
            self.trusted(spec)?;
            return registry.schemes.find(spec)?(spec);
        }
        let script = self.script(&Named::of(spec), Role::Scheme, spec.options.clone())?;
        Ok(Arc::new(ScriptScheme::new(written, script, self.cx.clone())))
    }

    /// A script by its `use`, for what is no role of the registry: hooks, dialogues, schemes.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn script(&self, named: &Named, role: Role, options: Map<String, Value>) -> Result<Instance> {
        let script = self.load(named, role, false)?;
        Ok(configured(script, role, &named.target, options))
    }

    /// A library can do anything once it is loaded: first somebody must have said that the manifest is trusted.
    fn trusted(&self, spec: &UseSpec) -> Result<()> {
        if spec.kind != UseKind::Native {
            return Ok(());
        }
        let why = format!("it loads the native library `{}`, which can do whatever you can", spec.target.escape_debug());
        self.require_trust(&why).map_err(|error| Named::of(spec).at(error))
    }

    fn order(&self, spec: &UseSpec, role: Role) -> Result<Order> {
        let named = Named::of(spec);
        let source = self.find(&named).map_err(|error| named.at(error))?;
        let mut options = spec.options.clone();
        options.shift_remove("allow");
        let merge = match options.shift_remove("merge") {
            None => false,
            Some(Value::Bool(merge)) => merge,
            Some(_) => return Err(named.at(Error::new(ErrorKind::Manifest, "`merge` is true or false"))),
        };
        let over = options.shift_remove("over").or_else(|| source.over.clone());
        let over = over.map(|over| inner_spec(spec, over).map_err(|error| named.at(error))).transpose()?;
        let name = spec.name.clone().unwrap_or_else(|| source.name.clone());
        Ok(Order { named, source, facts: Facts { name, role: role.word().to_owned(), options, ..Facts::default() }, over, merge })
    }

    fn instance(&self, order: Order, role: Role, inner: Option<Inner>) -> Result<Instance> {
        let script = self.load_source(&order.named, order.source, role, inner.is_some())?;
        Ok(Instance::new(script, role, order.facts, inner))
    }
}

fn configured(script: Arc<Script>, role: Role, target: &str, options: Map<String, Value>) -> Instance {
    Instance::new(script, role, Facts { name: target.to_owned(), role: role.word().to_owned(), options, ..Facts::default() }, None)
}

fn is_script(spec: &UseSpec) -> bool {
    matches!(spec.kind, UseKind::Script | UseKind::Extension)
}
