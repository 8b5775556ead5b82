//! The file system: atomic writes, locks, directory handles, links.

mod acl;
mod atomic;
pub mod bare;
pub mod beneath;
pub mod durable;
pub mod exchange;
pub mod failpoint;
pub mod ground;
mod layout;
pub mod lock;
mod names;
mod private;
mod read;
mod room;
mod scratch;
mod sealed;
mod shared_lock;
mod sync;
pub mod witness;

pub use atomic::{freshen, move_into_place, remove_tree, write_atomic, write_private, write_through};
pub use layout::{LaidOut, copy_new, gather, lay_out, lay_out_folder, remove_file};
pub use names::{NameFault, check_name, fold, shown};
pub use private::check_private;
pub use read::{PathKind, create_folder, digest, head, kind, md5, names, read, read_text, sha256};
pub use room::free_space;
pub use scratch::scratch_folder;
pub use sealed::{SealedCopy, sealed_copy};
pub use shared_lock::FileLock;
pub use sync::{sync_directory, sync_filesystem};
