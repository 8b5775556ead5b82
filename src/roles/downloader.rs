//! The downloader role: turns download information into install info.

use std::fmt::Debug;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Context, Deal};
use crate::error::Result;
use crate::model::{Download, ElementId, InstallInfo, Version};

/// Gets the bytes of an element. Knows nothing of where they will be installed.
pub trait Downloader: Debug + Send + Sync {
    /// Fetches one element.
    ///
    /// # Behaviour
    /// - What is downloaded as files is placed below `target_dir`, what lies on this machine may be given where it lies; git
    ///   sources arrive in the stock's object database and come back as a tree.
    /// - Bytes whose digest or commit differs from the request's are an error of kind `Digest`; nothing of them is given back.
    /// - Offline, what would need the network is an error of kind `Offline` naming the host.
    /// - Failures that may pass are retried by the downloader itself, with back-off; `Retry-After` is obeyed.
    /// - Interrupted by the context, it ends soon with `Interrupted`.
    /// - Called for the same item twice, it gives the same digest.
    ///
    /// # Errors
    /// As above; `Denied` when credentials are missing or refused; `NotFound` when there is no such ref or file.
    fn download(&self, cx: &Context, request: &DownloadRequest) -> Result<InstallInfo>;
}

/// One item of the download map that is not in stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DownloadRequest {
    /// Which element.
    pub id: ElementId,
    /// Which version.
    pub version: Version,
    /// How to get it.
    pub download: Download,
    /// A folder of the caller's, for what is downloaded as files.
    pub target_dir: PathBuf,
    /// What was agreed on, where the download says that it is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deal: Option<Deal>,
}
