//! Native extensions of greffon in safe Rust.
//!
//! Implement [`Installer`] or [`Repository`] (or [`Extension`], for any role), name the type in [`export!`], build a `cdylib`:
//!
//! ```
//! use greffon_extension::{Failure, Host, PlaceRequest, Placement, Setup};
//!
//! struct Flat;
//!
//! impl greffon_extension::Installer for Flat {
//!     const NAME: &'static str = "flat";
//!     const VERSION: &'static str = "1.0.0";
//!     const METHODS: &'static [&'static str] = &["place", "types"];
//!
//!     fn open(_: Setup) -> Result<Self, Failure> {
//!         Ok(Self)
//!     }
//!     fn types(&self, _: &Host) -> Result<Vec<String>, Failure> {
//!         Ok(vec!["plugins".into()])
//!     }
//!     fn place(&self, _: &Host, request: PlaceRequest) -> Result<Placement, Failure> {
//!         match request.kind() {
//!             "plugins" => Ok(Placement::at(request.name())),
//!             other => Err(Failure::new("not-found", format!("there is no type `{other}`, only `plugins`"))),
//!         }
//!     }
//! }
//!
//! greffon_extension::export!(installer Flat);
//! # fn main() {}
//! ```
//!
//! A panic inside becomes an error that names the library; so never build one with `panic = "abort"`.

mod forms;
mod host;
#[doc(hidden)]
pub mod table;

pub use forms::{
    Description, ElementInfo, Failure, InfoRequest, IsInstalledRequest, PlaceRequest, Placement, PrepareRequest, Role, SearchHit, SearchRequest, Setup,
    VersionEntry,
};
pub use host::{Host, Level, Question, TreeItem};
pub use serde_json::{self, Value, json};

/// A library that serves any role by method names. Calls come from several threads at the same time.
pub trait Extension: Send + Sync + Sized + 'static {
    /// What it is, for the role that it was opened for.
    fn describe(&self) -> Description;

    /// Makes an instance.
    ///
    /// # Errors
    /// Options that cannot be understood.
    fn open(setup: Setup, host: &Host) -> Result<Self, Failure>;

    /// Answers a method.
    ///
    /// # Errors
    /// Whatever went wrong.
    fn call(&self, host: &Host, method: &str, request: Value) -> Result<Value, Failure>;
}

/// An installer: says where elements of an application go.
pub trait Installer: Send + Sync + Sized + 'static {
    /// The library's name.
    const NAME: &'static str;
    /// The library's version.
    const VERSION: &'static str;
    /// The methods that are written here: the names of the functions below (`element_type`, `review`, `shipped`, `demands`,
    /// `data_version`, `ref_versions` and `version_of_ref` by [`Installer::more`]).
    const METHODS: &'static [&'static str];

    /// Makes an instance.
    ///
    /// # Errors
    /// Options that cannot be understood.
    fn open(setup: Setup) -> Result<Self, Failure>;

    /// Where an element goes. Depends on the request alone; the path is relative and stays inside the site.
    ///
    /// # Errors
    /// `not-found` for a type that the application does not know, naming those it knows.
    fn place(&self, host: &Host, request: PlaceRequest) -> Result<Placement, Failure>;

    /// What an element's code says of itself; `None` when it says nothing. Read it with [`Host::read_file`].
    ///
    /// # Errors
    /// When what it says is malformed.
    fn info(&self, _: &Host, _: InfoRequest) -> Result<Option<ElementInfo>, Failure> {
        Ok(None)
    }

    /// Changes an element's content in a scratch directory; called where the placement says `prepare`.
    ///
    /// # Errors
    /// When it cannot be prepared.
    fn prepare(&self, _: &Host, _: PrepareRequest) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether an element stands at its place in a site, at that version.
    ///
    /// # Errors
    /// When the site cannot be read.
    fn is_installed(&self, _: &Host, _: IsInstalledRequest) -> Result<bool, Failure> {
        Err(Failure::new("unsupported", "this installer cannot tell what is installed"))
    }

    /// What stands in a tree that greffon did not make: `{"elements":[{"id","path","version","marker"}],"protect":[…]}`.
    ///
    /// # Errors
    /// When the site cannot be read.
    fn survey(&self, _: &Host, _site: &str) -> Result<Value, Failure> {
        Err(Failure::new("unsupported", "this installer does not recognise what stands in a tree"))
    }

    /// Any further method of the role, by name: `review`, `shipped`, `demands`, `data_version`, `element_type`, `ref_versions`,
    /// `version_of_ref`; what they are asked and answer stands in the README.
    ///
    /// # Errors
    /// Whatever went wrong; `unsupported` for one that is not written.
    fn more(&self, _: &Host, method: &str, _request: Value) -> Result<Value, Failure> {
        Err(Failure::new("unsupported", format!("there is no method `{method}`")))
    }

    /// The version scheme of a type: `3m`, `semver`, `moodle`, `date` or `natural`.
    ///
    /// # Errors
    /// When it cannot be told.
    fn scheme(&self, _: &Host, _: &str) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    /// The types that the application knows; none: any.
    ///
    /// # Errors
    /// When they cannot be told.
    fn types(&self, _: &Host) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }
}

/// A repository: knows which versions of which elements there are.
pub trait Repository: Send + Sync + Sized + 'static {
    /// The library's name.
    const NAME: &'static str;
    /// The library's version.
    const VERSION: &'static str;

    /// Makes an instance.
    ///
    /// # Errors
    /// Options that cannot be understood.
    fn open(setup: Setup) -> Result<Self, Failure>;

    /// Every version of an element (`type/name`), with its whole info where that is at hand; `None`: never heard of it. A
    /// failure is an error, never `None`.
    ///
    /// # Errors
    /// When the question cannot be answered.
    fn versions(&self, host: &Host, id: &str) -> Result<Option<Vec<VersionEntry>>, Failure>;

    /// The info of one version; `None`: there is no such element or version.
    ///
    /// # Errors
    /// When the question cannot be answered.
    fn element_info(&self, host: &Host, id: &str, version: &str) -> Result<Option<ElementInfo>, Failure> {
        let list = self.versions(host, id)?.unwrap_or_default();
        Ok(list.into_iter().find(|entry| entry.version == version).map(|entry| entry.info.unwrap_or_else(|| ElementInfo::bare(version))))
    }

    /// Elements whose name or summary holds a text, ignoring case, best first; an empty text lists what there is.
    ///
    /// # Errors
    /// When the question cannot be answered.
    fn search(&self, host: &Host, request: SearchRequest) -> Result<Vec<SearchHit>, Failure>;
}

/// Exports a type as the library's table: `export!(installer MyType)`, `export!(repository MyType)`, or `export!(MyType)` for an
/// [`Extension`]. Once a library.
#[macro_export]
macro_rules! export {
    (installer $type:ty) => {
        $crate::export!($crate::table::OfInstaller<$type>);
    };
    (repository $type:ty) => {
        $crate::export!($crate::table::OfRepository<$type>);
    };
    ($type:ty) => {
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals)]
        pub static greffon_extension: $crate::table::Table = $crate::table::Table::of::<$type>();
    };
}
