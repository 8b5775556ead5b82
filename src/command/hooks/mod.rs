//! Hooks: scripts of the manifest that run at moments of a sync or a rollback (DESIGN sections 7 and 8).
//!
//! `said` reads what the manifest says, `event` makes what a hook is told, `run` runs them. A before-hook may veto: nothing was
//! written then. After-hooks are recorded as pending before the first starts and taken off one by one as they end well.

mod data;
mod event;
mod run;
mod said;
mod sync;

use std::fmt;

pub use data::Downgrade;
pub(in crate::command) use data::{downgrades, told};
pub use event::Happening;
pub use run::Hooks;
pub use said::mentioned;
pub use sync::{Around, can_be_read, resolving};

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Before versions are chosen.
    BeforeResolve,
    /// After versions were chosen.
    AfterResolve,
    /// Before anything is fetched.
    BeforeFetch,
    /// After everything was fetched.
    AfterFetch,
    /// Before an element is put in place.
    BeforeInstall,
    /// After an element was put in place.
    AfterInstall,
    /// Before an element is removed.
    BeforeRemove,
    /// After an element was removed.
    AfterRemove,
    /// Before a site changes.
    BeforeSync,
    /// After a site changed.
    AfterSync,
    /// Before a site goes back.
    BeforeRollback,
    /// After a site went back.
    AfterRollback,
    /// When a run failed.
    OnFailure,
    /// Before an element is removed whose data are to go with it.
    Purge,
}

impl Moment {
    /// All, in the order they come.
    pub const ALL: [Self; 14] = [
        Self::BeforeResolve,
        Self::AfterResolve,
        Self::BeforeFetch,
        Self::AfterFetch,
        Self::BeforeSync,
        Self::Purge,
        Self::BeforeRemove,
        Self::BeforeInstall,
        Self::AfterRemove,
        Self::AfterInstall,
        Self::AfterSync,
        Self::BeforeRollback,
        Self::AfterRollback,
        Self::OnFailure,
    ];

    /// Whether it is a moment of a change: what `around` stands for.
    #[must_use]
    pub fn is_around(self) -> bool {
        !matches!(self, Self::BeforeResolve | Self::AfterResolve | Self::BeforeFetch | Self::AfterFetch)
    }

    /// The key in `[hooks]`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::BeforeResolve => "before-resolve",
            Self::AfterResolve => "after-resolve",
            Self::BeforeFetch => "before-fetch",
            Self::AfterFetch => "after-fetch",
            Self::BeforeInstall => "before-install",
            Self::AfterInstall => "after-install",
            Self::BeforeRemove => "before-remove",
            Self::AfterRemove => "after-remove",
            Self::BeforeSync => "before-sync",
            Self::AfterSync => "after-sync",
            Self::BeforeRollback => "before-rollback",
            Self::AfterRollback => "after-rollback",
            Self::OnFailure => "on-failure",
            Self::Purge => "purge",
        }
    }

    /// The function of the script.
    #[must_use]
    pub fn function(self) -> String {
        self.key().replace('-', "_")
    }

    /// Whether it is about one element.
    #[must_use]
    pub fn is_each(self) -> bool {
        matches!(self, Self::BeforeInstall | Self::AfterInstall | Self::BeforeRemove | Self::AfterRemove | Self::Purge)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}
