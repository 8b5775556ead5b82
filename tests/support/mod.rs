//! Real servers on loopback and real git repositories, for every integration test (`mod support;`).
//!
//! ```no_run
//! let scratch = tempfile::tempdir().unwrap();
//! // A repository with a history, published where a git server finds it:
//! let repo = support::Repo::init(&scratch.path().join("work"));
//! repo.write("version.txt", "1");
//! let first = repo.commit("first");
//! repo.annotated_tag("v1.0.0");
//! repo.publish(&scratch.path().join("served/plugin.git"));
//! let git = support::GitServer::start(&scratch.path().join("served"));
//! let url = git.url("/plugin.git");
//! git.fault("git-upload-pack", 1, support::Fault::Cut(900)); // the next pack is cut after 900 bytes
//!
//! // Files over http, with ETag, Range, a log, and faults:
//! let files = support::FileServer::start();
//! files.put("/tool.zip", b"bytes".to_vec());
//! files.fault("/tool.zip", 2, support::Fault::status(503).header("Retry-After", "1"));
//! assert_eq!(files.count("/tool.zip"), 0);
//! ```
#![allow(dead_code, unused_imports, unreachable_pub, clippy::disallowed_methods, clippy::pedantic)]

pub mod env;
mod fault;
mod file_server;
mod git_server;
pub mod git_world;
mod repos;
mod server;
mod shelf;
mod terminal;
mod wire;

pub use env::{Outcome, Run, TestEnvironment, redact};
pub use fault::{Answer, Fault};
pub use file_server::FileServer;
pub use git_server::GitServer;
pub use repos::{Repo, git, git_with_input};
pub use server::{Certificate, Logged, Server};
pub use shelf::Shelf;
pub use terminal::Terminal;
pub use wire::{Reply, Request};
