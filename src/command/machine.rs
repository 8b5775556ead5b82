//! What a command works with that belongs to the machine and the user, not to a manifest: configuration, network, stock.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Globals;
use crate::error::Result;
use crate::manifest::{Config, SecretSource, UserConfig};
use crate::roles::{Context, ContextBuilder};
use crate::sys::git::{Sources, TransportChoice};
use crate::sys::http::{Http, HttpOptions};
use crate::sys::stockroom::Stockroom;
use crate::sys::{Network, SecretStore, places};

/// Configuration, network and stock, opened.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The user's configuration.
    pub user: UserConfig,
    /// http(s).
    pub http: Http,
    /// The stock's folder.
    pub stockroom: Stockroom,
    /// The git sources in it.
    pub sources: Sources,
    /// The surroundings of calls.
    pub cx: Context,
}

impl Machine {
    /// Opens everything; `config` is the manifest's, where there is one, and `base` its folder.
    ///
    /// # Errors
    /// A wrong configuration; a stock that cannot be used.
    pub fn open(globals: &Globals, surroundings: ContextBuilder, config: Option<&Config>, base: &std::path::Path) -> Result<Self> {
        let user = UserConfig::load()?;
        let stockroom = Stockroom::open(&stock_folder(globals, &user, config, base)?)?;
        let mut mirrors: IndexMap<String, String> = config.map(|config| config.mirrors.clone()).unwrap_or_default();
        mirrors.extend(user.mirrors.clone());
        let mut secrets: IndexMap<String, SecretSource> = config.map(|config| config.secrets.clone()).unwrap_or_default();
        secrets.extend(user.secrets.clone());
        let http = Http::new(HttpOptions {
            proxy: user.proxy.clone(),
            ca_bundle: user.ca_bundle.clone(),
            mirrors: mirrors.into_iter().collect(),
            ..HttpOptions::default()
        })?;
        let transport = config.and_then(|config| config.git_transport.as_deref()).or(user.git_transport.as_deref());
        let transport = if transport == Some("cli") { TransportChoice::Cli } else { TransportChoice::Auto };
        let sources = Sources::new(&stockroom.sources(), http.clone(), transport);
        let cx = surroundings
            .secrets(Arc::new(SecretStore::new(secrets)))
            .trees(Arc::new(stockroom.objects().clone()))
            .network(Network { http: http.clone(), sources: sources.clone(), kept: stockroom.info().join("http") })
            .offline(globals.offline)
            .refresh(globals.refresh)
            .build();
        Ok(Self { user, http, stockroom, sources, cx })
    }
}

/// Flag, then `GREFFON_STOCK` and the user's configuration, then the manifest, else the user's data folder (DESIGN section 6).
fn stock_folder(globals: &Globals, user: &UserConfig, config: Option<&Config>, base: &std::path::Path) -> Result<PathBuf> {
    if let Some(folder) = &globals.stock {
        return places::absolute(folder);
    }
    if let Some(folder) = &user.stock {
        return Ok(folder.clone());
    }
    let configured = config.and_then(|config| config.stock.as_ref()).and_then(|spec| spec.options.get("path")).and_then(|path| path.as_str());
    match configured {
        Some(path) => Ok(base.join(path)),
        None => Ok(places::data_folder()?.join("stock")),
    }
}
