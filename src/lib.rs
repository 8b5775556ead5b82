//! greffon grafts plugins onto application code trees.
//!
//! # The house
//!
//! A module imports only from lower floors; `tests/floors.rs` reads the imports and fails on one that climbs.
//!
//! | floor | module | holds |
//! |---|---|---|
//! | 6 | [`cli`] | arguments, output, progress, prompts, completions; the only place that prints |
//! | 5 | [`command`] | one file a subcommand: options in, library call, report out |
//! | 4 | [`registry`] | names → constructors for all five roles; the only place that names implementations |
//! | 3 | [`builtin`] | what ships in Rust: client, stock, repositories, downloader, installer |
//! | 3 | [`native`] | libraries that serve any role, over one C table |
//! | 3 | [`script`] | Rhai extensions: the same roles, hooks, version schemes
//! | 2 | [`site`] | one tree on disk: index, journal, apply, recover, generations, holds |
//! | 2 | [`solve`] | requirements × element info → one version each, or an explanation |
//! | 1 | [`roles`] | the five traits with their contracts, the context, the conformance suite |
//! | 1 | [`manifest`] | `greffon.toml`, `greffon.lock`, the user's configuration, package files |
//! | 1 | [`diagnostic`] | errors rendered with excerpts |
//! | 1 | [`sys`] | all contact with file system, git, http, archives, processes |
//! | 0 | [`model`], [`version`], [`error`] | plain data and version schemes; no I/O |
//!
//! Data goes down one way: manifest → resolve → plan → fetch → graft → apply → record.
//!
//! # Files on disk, and who writes them
//!
//! | file | written by |
//! |---|---|
//! | `greffon.toml` | people, and [`manifest`] for `add`, `remove`, `init` |
//! | `greffon.lock` | [`manifest`] |
//! | the stock: `sources/`, `objects.git`, `files/`, `archives/`, `info/` | [`sys::stockroom`], [`sys::git`], [`builtin`]'s stock |
//! | a site's state: `lock`, `index`, `journal`, `stage/`, `saved/`, `history.git` | [`site`] |
//! | a site's tree | [`site`] alone |

#![deny(unsafe_code)]

pub mod builtin;
pub mod cli;
pub mod command;
pub mod diagnostic;
pub mod error;
pub mod manifest;
pub mod model;
pub mod native;
pub mod registry;
pub mod roles;
pub mod script;
pub mod site;
pub mod solve;
pub mod sys;
pub mod version;
