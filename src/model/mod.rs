//! Plain data: what flows down from the manifest to the record. No I/O, no behaviour beyond reading and writing itself.

mod advisory;
mod age;
mod change;
mod demands;
mod digest;
mod element;
mod fix;
mod info;
mod lock;
mod payload;
mod placement;
mod plan;
mod security;
mod status;
mod wanted;

pub use advisory::{Advisories, Advisory, ReleaseName, Terms};
pub use age::Age;
pub use change::{Entry, FileMode, TreeChange, TreeFile};
pub use demands::Demands;
pub use digest::{Digest, ObjectId};
pub use element::{ElementId, Requirement, Version};
pub use fix::{Fix, FixChange};
pub use info::{Download, ElementInfo, MaxPrice, Price};
pub use lock::{Lock, LockKey, LockedElement, Pin};
pub use payload::{InstallInfo, Payload};
pub use placement::{Graft, Placement};
pub use plan::{Action, Change, DownloadMapEntry, FileCounts, PathMove, Plan, PlanFault, PlanFaultKind, SitePlan};
pub use security::SecurityPolicy;
pub use status::{ElementState, ElementStatus, FileState, FileStatus, SiteState, SiteStatus, Status};
pub use wanted::{Deploy, EXTENSIONS, GitPin, IfLocalChanges, IfRemoved, IfVersionMismatch, LinkMode, Origin, Policy, Source, WantedElement, WantedSite};
