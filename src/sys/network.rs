//! The network as this machine is configured.

use super::git::Sources;
use super::http::Http;

/// http(s) and git, with this machine's proxy, certificates and mirrors.
#[derive(Debug, Clone)]
pub struct Network {
    /// http(s).
    pub http: Http,
    /// git sources, kept in the stock.
    pub sources: Sources,
}
