//! What all requests share: the connection pool, the limits, the credentials, the memory of this process.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use reqwest::blocking::Client;
use reqwest::{Certificate, Proxy, redirect};

use super::HttpOptions;
use super::credentials::Credentials;
use super::kept::Memory;
use super::mirror::Mirrors;
use super::retry::Timing;
use super::slots::Slots;
use crate::error::{Error, ErrorKind, Result};
use crate::sys::redact;

/// Requests to one host at a time, unless configured.
const PER_HOST: usize = 6;

pub(super) struct Shared {
    proxy: Option<String>,
    ca_bundle: Option<PathBuf>,
    certificates: Vec<Certificate>,
    pub mirrors: Mirrors,
    pub credentials: Credentials,
    pub slots: Slots,
    pub timing: Timing,
    pub kept: Mutex<HashMap<(PathBuf, String), Memory>>,
    client: OnceLock<Client>,
    making: Mutex<()>,
}

impl Shared {
    pub(super) fn new(options: HttpOptions) -> Result<Self> {
        let mut certificates = Vec::new();
        if let Some(path) = &options.ca_bundle {
            let pem = fs_err::read(path).map_err(|error| Error::io("read the certificates in", path, error))?;
            certificates = Certificate::from_pem_bundle(&pem).map_err(|_| not_certificates(path))?;
            if certificates.is_empty() {
                return Err(not_certificates(path));
            }
        }
        if let Some(proxy) = &options.proxy {
            // Said now rather than at the first request.
            Proxy::all(proxy).map_err(|_| bad_proxy(proxy))?;
        }
        Ok(Self {
            credentials: Credentials::read(options.netrc.as_deref())?,
            mirrors: Mirrors::new(options.mirrors),
            slots: Slots::new(if options.per_host == 0 { PER_HOST } else { options.per_host }),
            timing: options.timing,
            proxy: options.proxy,
            ca_bundle: options.ca_bundle,
            certificates,
            kept: Mutex::default(),
            client: OnceLock::new(),
            making: Mutex::new(()),
        })
    }

    /// The connection pool, made at the first request: it reads the system's certificates and starts a thread.
    pub(super) fn client(&self) -> Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let _making = self.making.lock();
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = self.build()?;
        Ok(self.client.get_or_init(|| client))
    }

    fn build(&self) -> Result<Client> {
        // Fails only where a provider is installed already, and that one serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("greffon/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(self.timing.connect)
            .timeout(self.timing.stall);
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(Proxy::all(proxy).map_err(|_| bad_proxy(proxy))?);
        }
        if !self.certificates.is_empty() {
            builder = builder.tls_certs_merge(self.certificates.iter().cloned());
        }
        builder.build().map_err(|error| {
            let broken = Error::new(ErrorKind::Network, "the http client could not be set up").caused_by(error);
            match &self.ca_bundle {
                Some(path) => broken.hint(format!("are the certificates in `{}` whole?", path.display())),
                None => broken.hint("does this machine have its certificates (package `ca-certificates`)?"),
            }
        })
    }

    /// The proxy of the options, for programs that speak http themselves.
    pub(super) fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }
    /// The certificates of the options, for programs that speak http themselves.
    pub(super) fn ca_bundle(&self) -> Option<&std::path::Path> {
        self.ca_bundle.as_deref()
    }
}

fn not_certificates(path: &std::path::Path) -> Error {
    Error::new(ErrorKind::Invalid, format!("`{}` holds no certificates in PEM form", path.display()))
}

fn bad_proxy(proxy: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("`{}` cannot be a proxy", redact(proxy))).hint("write it as `http://host:port` or `socks5h://host:port`")
}

pub(super) type Handle = Arc<Shared>;
