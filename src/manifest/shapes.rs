//! Which keys each table of a manifest may hold. The doc comments become the descriptions of the JSON Schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::read::shape::{shape, words};
use super::read::{Anything, At, Entries, FromToml, Json, Reader, Value, json_of};
use crate::model::{Deploy, IfLocalChanges, IfRemoved, IfVersionMismatch, LinkMode};

words! {
    LinkMode: "auto" | "reflink" | "copy" | "hardlink";
    Deploy: "in-place" | "swap";
    IfVersionMismatch: "ask" | "abort" | "keep" | "replace" | "latest" | "earliest";
    IfLocalChanges: "ask" | "abort" | "keep" | "save" | "overwrite" | "merge";
    IfRemoved: "ask" | "abort" | "keep-data" | "purge";
}

shape! {
    /// What every site is made of.
    ManifestShape {
        /// The versions of greffon that understand this manifest, as a requirement: `>=0.1`.
        "requires-greffon" => requires_greffon: At<String>,
        /// What serves each role.
        "config" => config: ConfigShape,
        /// The elements: type, then name, then version or source.
        "types" => types: Entries<Entries<ElementEntry>>,
        /// Answers given in advance.
        "client-options" => client_options: PolicyShape,
        /// What scripts and libraries may do.
        "extensions" => extensions: Json<Entries<ExtensionShape>>,
        /// What runs before and after.
        "hooks" => hooks: Json<HooksShape>,
        /// The code trees; without any there is one site, the manifest's own folder.
        "sites" => sites: Entries<SiteShape>,
        /// What this folder is as a package of its own.
        "package" => package: PackageShape,
    }

    /// What serves each role.
    ConfigShape {
        /// The client: coordinates the others.
        "client" => client: UseEntry,
        /// The stock: what was downloaded, shared by all sites.
        "stock" => stock: UseEntry,
        /// The downloader.
        "downloader" => downloader: UseEntry,
        /// The installer: knows where the application's elements go.
        "installer" => installer: UseEntry,
        /// Who delivers elements, in order of priority.
        "repositories" => repositories: Vec<RepositoryEntry>,
        /// How files come from the stock into a site.
        "link-mode" => link_mode: LinkMode,
        /// Type = version scheme.
        "schemes" => schemes: Entries<At<String>>,
        /// Url prefix = url prefix.
        "mirrors" => mirrors: Entries<At<String>>,
        /// Where secrets come from.
        "secrets" => secrets: Entries<At<SecretShape>>,
        /// How git repositories are reached.
        "git" => git: GitShape,
        /// How careful to be with what is new or known to be unsafe.
        "security" => security: SecurityShape,
    }

    /// How careful to be with what is new or known to be unsafe.
    SecurityShape {
        /// A version younger than this (`7d`, `24h`) is not newly chosen, but where it mends what is unsafe.
        "min-release-age" => min_release_age: At<String>,
        /// Advisories by their number, and versions as `TYPE/NAME@VERSION`, that are let through all the same.
        "accept" => accept: Vec<At<String>>,
    }

    /// How git repositories are reached.
    GitShape {
        /// `builtin`, or `cli` for the git program.
        "transport" => transport: At<String>,
    }

    /// Where a secret comes from: one of these.
    SecretShape {
        /// An environment variable.
        "env" => env: At<String>,
        /// A file that only its owner can read.
        "file" => file: At<String>,
        /// A program; the first line it prints.
        "command" => command: At<Vec<At<String>>>,
    }

    /// One element: which version, and where from where that is not a configured repository.
    ElementShape {
        /// Which versions; for `url` and `path` the version that it is.
        "version" => version: At<String>,
        /// The configured repository that delivers it.
        "repository" => repository: At<String>,
        /// A git repository of its own: a url or a path.
        "git" => git: At<String>,
        /// This tag of it.
        "tag" => tag: At<String>,
        /// The head of this branch.
        "branch" => branch: At<String>,
        /// This commit.
        "rev" => rev: At<String>,
        /// The folder inside the git repository that is the element.
        "subdir" => subdir: At<String>,
        /// Whether submodules are fetched too.
        "submodules" => submodules: At<bool>,
        /// A folder or an archive on this machine.
        "path" => path: At<String>,
        /// An archive.
        "url" => url: At<String>,
        /// The digest that the archive must have.
        "sha256" => sha256: At<String>,
        /// A shop's dialogue that leads to the download.
        "dialogue" => dialogue: Json<UseEntry>,
        /// The version scheme.
        "scheme" => scheme: At<String>,
        /// Only sites whose `groups` name this group have the element.
        "group" => group: At<String>,
        /// Which of its optional dependency groups are wanted.
        "optional" => optional: Vec<At<String>>,
        /// Patches, applied in this order.
        "patches" => patches: Vec<At<String>>,
    }

    /// Answers given in advance.
    PolicyShape {
        /// When manifest, lock and installed tree disagree on a version.
        "if-version-mismatch" => if_version_mismatch: IfVersionMismatch,
        /// When files were changed by hand.
        "if-local-changes" => if_local_changes: IfLocalChanges,
        /// What happens to an application's data when its element goes.
        "if-removed" => if_removed: IfRemoved,
    }

    /// One code tree.
    SiteShape {
        /// The folder, relative to the manifest.
        "path" => path: At<String>,
        /// The machine it lives on; elsewhere it is never touched.
        "host" => host: At<String>,
        /// The groups of elements it has.
        "groups" => groups: Vec<At<String>>,
        /// Elements of its own; one that the manifest also names replaces that entry whole.
        "types" => types: Entries<Entries<ElementEntry>>,
        /// Elements it does not have, as `type/name`.
        "without" => without: Vec<At<String>>,
        /// The folder of its state.
        "state" => state: At<String>,
        /// How a new tree takes the old one's place.
        "deploy" => deploy: Deploy,
        /// Paths that `deploy = "swap"` carries over.
        "shared" => shared: Vec<At<String>>,
        /// How files come from the stock into it.
        "link-mode" => link_mode: LinkMode,
        /// Answers given in advance.
        "client-options" => client_options: PolicyShape,
        /// What runs before and after.
        "hooks" => hooks: Json<HooksShape>,
        /// How many generations are kept.
        "keep" => keep: At<u32>,
    }

    /// What one script or library may do.
    ExtensionShape {
        /// What it is granted.
        "allow" => allow: GrantsShape,
        /// `native`: a library of this name may be loaded.
        "trust" => trust: At<String>,
        /// The digest that the library must have.
        "sha256" => sha256: At<String>,
        /// Its budgets, where they differ from the usual ones.
        "limits" => limits: Entries<Anything>,
        /// A dialogue's options that are the same for every element.
        "with" => with: Entries<Anything>,
    }

    /// What is granted; nothing is by default.
    GrantsShape {
        /// Hosts.
        "net" => net: Vec<At<String>>,
        /// Files and folders it may read.
        "read" => read: Vec<At<String>>,
        /// Files and folders it may write.
        "write" => write: Vec<At<String>>,
        /// Programs.
        "run" => run: Vec<At<String>>,
        /// Environment variables.
        "env" => env: Vec<At<String>>,
        /// Secrets by name.
        "secret" => secret: Vec<At<String>>,
        /// Whether it may ask questions.
        "prompt" => prompt: At<bool>,
    }

    /// What runs at which moment.
    HooksShape {
        /// Before versions are chosen.
        "before-resolve" => before_resolve: HookEntry,
        /// After versions were chosen.
        "after-resolve" => after_resolve: HookEntry,
        /// Before anything is fetched.
        "before-fetch" => before_fetch: HookEntry,
        /// After everything was fetched.
        "after-fetch" => after_fetch: HookEntry,
        /// Before an element is installed.
        "before-install" => before_install: HookEntry,
        /// After an element was installed.
        "after-install" => after_install: HookEntry,
        /// Before an element is removed.
        "before-remove" => before_remove: HookEntry,
        /// After an element was removed.
        "after-remove" => after_remove: HookEntry,
        /// Before a site changes.
        "before-sync" => before_sync: HookEntry,
        /// After a site changed.
        "after-sync" => after_sync: HookEntry,
        /// Before a site goes back.
        "before-rollback" => before_rollback: HookEntry,
        /// After a site went back.
        "after-rollback" => after_rollback: HookEntry,
        /// When a run failed.
        "on-failure" => on_failure: HookEntry,
        /// Before an element is removed whose data are to go with it.
        "purge" => purge: HookEntry,
        /// At every moment of a change that the script has a function for.
        "around" => around: HookEntry,
    }

    /// One hook.
    HookShape {
        /// The script's file.
        "use" => target: At<String>,
        /// What it is granted.
        "allow" => allow: GrantsShape,
        /// Options that it gets.
        "with" => with: Entries<Anything>,
        /// The elements it runs for, as patterns of `type/name`.
        "only" => only: Vec<At<String>>,
        /// The user that its programs run as.
        "run-as" => run_as: At<String>,
        /// Programs that run as whoever runs greffon all the same.
        "as-self" => as_self: Vec<At<String>>,
    }

    /// What this folder is as a package.
    PackageShape {
        /// The element type.
        "type" => kind: At<String>,
        /// The element name.
        "name" => name: At<String>,
        /// The version.
        "version" => version: At<String>,
        /// The version scheme.
        "scheme" => scheme: At<String>,
        /// One line for people.
        "summary" => summary: At<String>,
        /// Which files belong to it, as patterns; all where nothing is said.
        "include" => include: Vec<At<String>>,
        /// What must be installed with it: `"type/name" = "requirement"`.
        "dependencies" => dependencies: Entries<At<String>>,
        /// What must not be installed beside it.
        "conflicts" => conflicts: Entries<At<String>>,
        /// Named groups of further dependencies.
        "optional" => optional: Entries<Entries<At<String>>>,
    }

    /// A package's `greffon.toml`, of which only `[package]` is read.
    PackageFileShape {
        /// The package.
        "package" => package: PackageShape,
    }

    /// What belongs to a machine or a person.
    UserShape {
        /// The stock's folder.
        "stock" => stock: At<String>,
        /// How large the stock may stay when it is tidied: `5G`.
        "stock-max-size" => stock_max_size: At<String>,
        /// Downloads and sites at a time.
        "jobs" => jobs: At<u32>,
        /// A proxy for everything.
        "proxy" => proxy: At<String>,
        /// A file of further certificates (PEM).
        "ca-bundle" => ca_bundle: At<String>,
        /// How files come from the stock, where neither manifest nor flag says it.
        "link-mode" => link_mode: LinkMode,
        /// Url prefix = url prefix.
        "mirrors" => mirrors: Entries<At<String>>,
        /// Where secrets come from.
        "secrets" => secrets: Entries<At<SecretShape>>,
        /// How git repositories are reached.
        "git" => git: GitShape,
    }
}

/// A version or requirement alone, or a table.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub(super) enum ElementEntry {
    /// Which versions; any configured repository may deliver it.
    Short(At<String>),
    /// With more to say.
    Long(At<Box<ElementShape>>),
}

impl FromToml for ElementEntry {
    fn from_toml(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            if value.get_ref().as_str().is_none() {
                reader.wrong_type(value, "a text (the version) or a table");
                return None;
            }
            return At::from_toml(value, reader).map(Self::Short);
        };
        // `komin.base = "1"` is a table `komin` with a key `base`: a name that should have been quoted.
        let stranger = table.keys().any(|key| !ElementShape::KEYS.contains(&key.get_ref().as_ref()));
        if stranger && let (Some(whole), Some(start)) = (reader.unquoted_name(), reader.key_start()) {
            let error = reader
                .error(start..start + whole.len(), "TOML reads this as a table in a table", format!("the name `{whole}` holds a `.` and must be quoted"))
                .hint(format!("write `\"{whole}\" = …`"));
            reader.fault(error);
            return None;
        }
        let shape = ElementShape::from_toml(value, reader)?;
        Some(Self::Long(At { value: Box::new(shape), span: value.span() }))
    }
}

/// `use = "builtin:NAME"` alone, or a table with `use` and the implementation's own options.
#[derive(Debug, Clone)]
pub(super) struct UseEntry {
    pub(super) target: At<String>,
    pub(super) name: Option<At<String>>,
    pub(super) options: serde_json::Map<String, serde_json::Value>,
    pub(super) span: std::ops::Range<usize>,
}

impl FromToml for UseEntry {
    fn from_toml(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if value.get_ref().is_str() {
            return Some(Self { target: At::from_toml(value, reader)?, name: None, options: serde_json::Map::new(), span: value.span() });
        }
        let Some(table) = value.get_ref().as_table() else {
            reader.wrong_type(value, "a text like `builtin:NAME` or a table with `use`");
            return None;
        };
        let (mut target, mut name, mut options) = (None, None, serde_json::Map::new());
        let mut whole = true;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "use" => {
                    target = reader.within("use", key.span(), |reader| At::<String>::from_toml(value, reader));
                    whole = whole && target.is_some();
                }
                "name" => {
                    name = reader.within("name", key.span(), |reader| At::<String>::from_toml(value, reader));
                    whole = whole && name.is_some();
                }
                other => {
                    options.insert(other.to_owned(), json_of(value.get_ref()));
                }
            }
        }
        if target.is_none() && whole {
            let error =
                reader.error(value.span(), "", format!("`{}` lacks `use`", reader.path())).hint("say what serves it, for instance `use = \"builtin:…\"`");
            reader.fault(error);
        }
        Some(Self { target: target?, name, options, span: value.span() })
    }
}

/// A repository: always a table.
#[derive(Debug, Clone)]
pub(super) struct RepositoryEntry(pub(super) UseEntry);

impl FromToml for RepositoryEntry {
    fn from_toml(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if !value.get_ref().is_table() {
            reader.wrong_type(value, "a table with `name` and `use`");
            return None;
        }
        let entry = UseEntry::from_toml(value, reader)?;
        if entry.name.is_none() {
            let error = reader.error(entry.span.clone(), "", "this repository has no `name`").hint("elements and the lockfile name it, so add `name = \"…\"`");
            reader.fault(error);
            return None;
        }
        Some(Self(entry))
    }
}

/// One hook, or several in order.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code)]
pub(super) enum HookEntry {
    /// A script's file.
    File(At<String>),
    /// A script with grants and options.
    Table(Box<HookShape>),
    /// Several, in order.
    Several(Vec<HookEntry>),
}

impl FromToml for HookEntry {
    fn from_toml(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if value.get_ref().is_array() {
            return Vec::from_toml(value, reader).map(Self::Several);
        }
        if value.get_ref().is_str() {
            return At::from_toml(value, reader).map(Self::File);
        }
        if !value.get_ref().is_table() {
            reader.wrong_type(value, "a text (a script's file), a table with `use`, or a list of them");
            return None;
        }
        let hook = HookShape::from_toml(value, reader)?;
        if hook.target.is_none() {
            let error = reader.error(value.span(), "", format!("`{}` lacks `use`", reader.path())).hint("name the script's file: `use = \"hooks/….rhai\"`");
            reader.fault(error);
        }
        Some(Self::Table(Box::new(hook)))
    }
}

/// The table form of a `use`, for the schema.
#[derive(JsonSchema)]
#[allow(dead_code)]
struct UseTable {
    /// `builtin:NAME`, `script:PATH`, `native:PATH` or `extension:NAME`.
    #[schemars(rename = "use")]
    target: String,
    /// A name of its own.
    name: Option<String>,
    /// The implementation's own options.
    #[schemars(flatten)]
    options: BTreeMap<String, serde_json::Value>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code)]
enum UseForms {
    /// `builtin:NAME`, `script:PATH`, `native:PATH` or `extension:NAME`.
    Short(String),
    /// With options.
    Long(UseTable),
}

macro_rules! schema_of {
    ($name:ident as $form:ty) => {
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                <$form>::inline_schema()
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <$form>::json_schema(generator)
            }
        }
    };
}

schema_of!(UseEntry as UseForms);
schema_of!(RepositoryEntry as UseTable);
