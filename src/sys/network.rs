//! The network as this machine is configured.

use std::path::PathBuf;

use super::git::Sources;
use super::http::Http;

/// http(s) and git, with this machine's proxy, certificates and mirrors.
#[derive(Debug, Clone)]
pub struct Network {
    /// http(s).
    pub http: Http,
    /// git sources, kept in the stock.
    pub sources: Sources,
    /// The stock's folder of kept answers.
    pub kept: PathBuf,
}
