//! The five roles: what a client, a stock, a repository, a downloader and an installer promise.
//!
//! Each role is a trait of few methods. Every method takes a [`Context`] and an owned request and returns an owned response;
//! requests and responses are plain serde values, so the same contract is served by Rust, by a Rhai script (as maps) and by a
//! native library (as JSON). The contracts stand on the methods; [`conformance`] checks them for any implementation.
//!
//! Implementations are synchronous, `Send + Sync`, and take `&self`: the client calls them from several threads.

mod client;
pub mod conformance;
mod context;
mod dialogue;
mod downloader;
mod installer;
mod repository;
mod stock;
pub mod wire;

pub use client::{ApplyReport, ApplyRequest, Client, PlanDepth, PlanRequest, SiteOutcome, UpdateChoice};
pub use context::{Cancel, Context, ContextBuilder, Event, Events, Level, Prompter, Question, Reach, Secrets, Silence, TreeItem, TreeItemKind, Trees, Unit};
pub use dialogue::{
    AuthorizeRequest, Deal, Dialogue, Dialogues, FetchRequest, NoDialogues, Permit, Quote, QuoteRequest, ReceiptRequest, ReleaseRequest, Seats,
};
pub use downloader::{DownloadRequest, Downloader};
pub use installer::{InfoRequest, Installer, IsInstalledRequest, OwnerView, PlaceRequest, PrepareRequest, RefVersions, Survey, Surveyed};
pub use repository::{AdvisoriesRequest, ElementInfoRequest, Home, Repository, SearchHit, SearchRequest, VersionEntry, Versions, VersionsRequest};
pub use stock::{GcReport, GcRequest, PinRequest, Stock, StockKey, StoreRequest, StoredElement};
