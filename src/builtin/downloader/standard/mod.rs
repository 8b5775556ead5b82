//! `builtin:standard`: git, archives over http(s), archives and folders of this machine.

mod git;
mod local;
mod sold;
pub(super) mod submodules;
mod web;

use std::sync::Arc;

use serde::Deserialize;

use crate::builtin::environment::Env;
use crate::builtin::options;
use crate::error::Result;
use crate::manifest::UseSpec;
use crate::model::{Download, InstallInfo};
use crate::roles::{Context, DownloadRequest, Downloader};

/// What `use = "builtin:standard"` names.
pub const NAME: &str = "standard";

/// The options.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct StandardOptions {
    /// How many bytes an archive may have.
    pub max_size: u64,
}

impl Default for StandardOptions {
    fn default() -> Self {
        Self { max_size: 4 << 30 }
    }
}

/// The downloader.
#[derive(Debug)]
pub struct Standard {
    env: Env,
    options: StandardOptions,
}

/// Makes one from its options.
///
/// # Errors
/// `Manifest` for options that cannot be understood.
pub fn build(spec: &UseSpec, env: &Env) -> Result<Arc<dyn Downloader>> {
    Ok(Arc::new(Standard { env: env.clone(), options: options::read(spec)? }))
}

impl Downloader for Standard {
    fn download(&self, cx: &Context, request: &DownloadRequest) -> Result<InstallInfo> {
        cx.check()?;
        match &request.download {
            Download::Git { git, rev, commit, subdir, submodules } => {
                let wanted = git::Wanted { url: git, rev, commit: *commit, subdir: subdir.as_deref(), submodules: *submodules };
                git::download(&self.env, cx, request, &wanted)
            }
            Download::Url { url, sha256, md5, size, dialogue, .. } => {
                let wanted = web::Wanted { url, sha256: sha256.as_ref(), md5: md5.as_deref(), size: *size, max_size: self.options.max_size };
                match dialogue {
                    Some(name) => sold::download(&self.env, cx, request, &wanted, name),
                    None => web::download(&self.env, cx, request, &wanted),
                }
            }
            Download::Path { path, sha256, subdir } => local::download(cx, request, path, sha256.as_ref(), subdir.as_deref()),
        }
    }
}
