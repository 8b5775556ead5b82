//! `[config]`: which implementation serves each role, and what all of them share.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::paths;
use super::read::{At, Entries, Reader};
use super::shapes::{ConfigShape, GitShape, RepositoryEntry, SecretShape, SecurityShape, UseEntry};
use crate::error::Excerpt;
use crate::model::{LinkMode, SecurityPolicy};

/// `[config]`: which implementation serves each role.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The client.
    pub client: Option<UseSpec>,
    /// The stock.
    pub stock: Option<UseSpec>,
    /// The downloader.
    pub downloader: Option<UseSpec>,
    /// The installer.
    pub installer: Option<UseSpec>,
    /// The repositories, in order of priority.
    pub repositories: Vec<UseSpec>,
    /// Type → scheme.
    pub schemes: IndexMap<String, String>,
    /// Url prefix → url prefix.
    pub mirrors: IndexMap<String, String>,
    /// Name → where the secret comes from.
    pub secrets: IndexMap<String, SecretSource>,
    /// `[config.git] transport = "cli"`.
    pub git_transport: Option<String>,
    /// `[config.security]`.
    pub security: SecurityPolicy,
    /// `link-mode =`, which sites may override; already applied to [`super::Manifest::sites`].
    pub link_mode: Option<LinkMode>,
}

/// `use = "builtin:NAME"` with the implementation's own options, and where it was said.
#[derive(Debug, Clone)]
pub struct UseSpec {
    /// `builtin`, `script`, `native` or `extension`.
    pub kind: UseKind,
    /// What stands after the colon.
    pub target: String,
    /// `name =`, for repositories.
    pub name: Option<String>,
    /// Every further key, as JSON.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// Where it was said: an excerpt for errors.
    pub place: Option<Excerpt>,
    /// The folder that relative paths in the options start from.
    pub base: PathBuf,
}

/// What stands before the colon of a `use`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseKind {
    /// Ships in greffon.
    Builtin,
    /// A Rhai script.
    Script,
    /// A native library.
    Native,
    /// An extension, by name.
    Extension,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file that only its owner can read.
    File(PathBuf),
    /// The first line of a program's output.
    Command(Vec<String>),
}

/// The version schemes that ship in greffon (DESIGN section 4).
const SCHEMES: [&str; 5] = ["3m", "semver", "moodle", "date", "natural"];

pub(super) fn config(reader: &mut Reader<'_>, base: &Path, shape: &ConfigShape) -> Config {
    let mut role = |entry: &Option<UseEntry>| entry.as_ref().and_then(|entry| use_spec(reader, base, entry));
    let (client, stock) = (role(&shape.client), role(&shape.stock));
    let (downloader, installer) = (role(&shape.downloader), role(&shape.installer));
    Config {
        client,
        stock,
        downloader,
        installer,
        repositories: repositories(reader, base, shape.repositories.as_deref().unwrap_or_default()),
        schemes: schemes(reader, shape.schemes.as_ref()),
        mirrors: mirrors(reader, shape.mirrors.as_ref()),
        secrets: secrets(reader, base, shape.secrets.as_ref()),
        git_transport: transport(reader, shape.git.as_ref()),
        security: security(reader, shape.security.as_ref()),
        link_mode: shape.link_mode,
    }
}

fn use_spec(reader: &mut Reader<'_>, base: &Path, entry: &UseEntry) -> Option<UseSpec> {
    let (kind, target) = grammar(reader, &entry.target)?;
    Some(UseSpec {
        kind,
        target,
        name: entry.name.as_ref().map(|name| name.value.clone()),
        options: entry.options.clone(),
        place: Some(reader.excerpt(entry.target.span.clone(), "")),
        base: base.to_path_buf(),
    })
}

/// Reads `builtin:NAME | script:PATH | native:PATH | extension:NAME`.
pub(super) fn grammar(reader: &mut Reader<'_>, text: &At<String>) -> Option<(UseKind, String)> {
    let parts = text.value.split_once(':').filter(|(_, target)| !target.is_empty() && !target.contains(char::is_control));
    let kind = parts.and_then(|(kind, _)| match kind {
        "builtin" => Some(UseKind::Builtin),
        "script" => Some(UseKind::Script),
        "native" => Some(UseKind::Native),
        "extension" => Some(UseKind::Extension),
        _ => None,
    });
    if let (Some(kind), Some((_, target))) = (kind, parts) {
        return Some((kind, target.to_owned()));
    }
    let mut error = reader
        .error(text.span.clone(), "", format!("`{}` does not say what to use", text.value.escape_debug()))
        .note("it is `builtin:NAME`, `script:PATH`, `native:PATH` or `extension:NAME`");
    if !text.value.contains(':') && !text.value.is_empty() {
        let kind = match Path::new(&text.value).extension().and_then(|extension| extension.to_str()) {
            Some("rhai") => "script",
            Some("so" | "dylib" | "dll") => "native",
            _ => "builtin",
        };
        error = error.hint(format!("did you mean `{kind}:{}`?", text.value.escape_debug()));
    }
    reader.fault(error);
    None
}

fn repositories(reader: &mut Reader<'_>, base: &Path, entries: &[RepositoryEntry]) -> Vec<UseSpec> {
    let mut seen: IndexMap<&str, &At<String>> = IndexMap::new();
    let mut specs = Vec::new();
    for RepositoryEntry(entry) in entries {
        let Some(name) = &entry.name else { continue };
        if name.value.trim().is_empty() || name.value.contains(char::is_control) {
            let error = reader.error(name.span.clone(), "", "a repository's name must be a printable text");
            reader.fault(error);
        } else if let Some(first) = seen.insert(&name.value, name) {
            let error = reader
                .error(first.span.clone(), "first here", format!("two repositories are named `{}`", name.value.escape_debug()))
                .at(reader.excerpt(name.span.clone(), "and again here"))
                .hint("elements and the lockfile name repositories: give each its own name");
            reader.fault(error);
        }
        specs.extend(use_spec(reader, base, entry));
    }
    specs
}

fn schemes(reader: &mut Reader<'_>, entries: Option<&Entries<At<String>>>) -> IndexMap<String, String> {
    let mut schemes = IndexMap::new();
    for entry in entries.map_or(&[][..], |entries| &entries.0) {
        if let Some(scheme) = scheme(reader, &entry.value) {
            schemes.insert(entry.key.value.clone(), scheme);
        }
    }
    schemes
}

/// A version scheme: one that ships, or a script's, library's or extension's.
pub(super) fn scheme(reader: &mut Reader<'_>, text: &At<String>) -> Option<String> {
    if SCHEMES.contains(&text.value.as_str()) {
        return Some(text.value.clone());
    }
    if text.value.contains(':') {
        return grammar(reader, text).map(|_| text.value.clone());
    }
    let mut error = reader
        .error(text.span.clone(), "", format!("there is no version scheme `{}`", text.value.escape_debug()))
        .note("there are `3m`, `semver`, `moodle`, `date`, `natural`, and `script:PATH` for one of your own");
    if let Some(near) = crate::diagnostic::nearest(&text.value, SCHEMES) {
        error = error.hint(format!("did you mean `{near}`?"));
    }
    reader.fault(error);
    None
}

pub(super) fn mirrors(reader: &mut Reader<'_>, entries: Option<&Entries<At<String>>>) -> IndexMap<String, String> {
    let mut mirrors = IndexMap::new();
    for entry in entries.map_or(&[][..], |entries| &entries.0) {
        for (text, span) in [(&entry.key.value, &entry.key.span), (&entry.value.value, &entry.value.span)] {
            if !text.contains("://") {
                let error = reader
                    .error(span.clone(), "", format!("`{}` is not the beginning of a url", text.escape_debug()))
                    .hint("for instance `\"https://github.com/\"`");
                reader.fault(error);
            }
        }
        mirrors.insert(entry.key.value.clone(), entry.value.value.clone());
    }
    mirrors
}

pub(super) fn secrets(reader: &mut Reader<'_>, base: &Path, entries: Option<&Entries<At<SecretShape>>>) -> IndexMap<String, SecretSource> {
    let mut secrets = IndexMap::new();
    for entry in entries.map_or(&[][..], |entries| &entries.0) {
        let At { value: shape, span } = &entry.value;
        let source = match (&shape.env, &shape.file, &shape.command) {
            (Some(env), None, None) => Some(SecretSource::Env(env.value.clone())),
            (None, Some(file), None) => paths::resolve(reader, base, &file.value, &file.span).map(SecretSource::File),
            (None, None, Some(command)) if !command.value.is_empty() => {
                Some(SecretSource::Command(command.value.iter().map(|word| word.value.clone()).collect()))
            }
            _ => {
                let error = reader
                    .error(span.clone(), "", format!("the secret `{}` needs exactly one source", entry.key.value.escape_debug()))
                    .hint("`{ env = \"NAME\" }`, `{ file = \"PATH\" }` or `{ command = [\"pass\", \"show\", \"shop\"] }`");
                reader.fault(error);
                None
            }
        };
        if let Some(source) = source {
            secrets.insert(entry.key.value.clone(), source);
        }
    }
    secrets
}

fn security(reader: &mut Reader<'_>, shape: Option<&SecurityShape>) -> SecurityPolicy {
    let Some(shape) = shape else { return SecurityPolicy::default() };
    let min_release_age = shape.min_release_age.as_ref().and_then(|text| match text.value.parse() {
        Ok(age) => Some(age),
        Err(why) => {
            let error = reader.error(text.span.clone(), "", why);
            reader.fault(error);
            None
        }
    });
    let accept = shape.accept.iter().flatten().map(|text| text.value.clone()).collect();
    SecurityPolicy { min_release_age, accept }
}

pub(super) fn transport(reader: &mut Reader<'_>, shape: Option<&GitShape>) -> Option<String> {
    let transport = shape?.transport.as_ref()?;
    if !matches!(transport.value.as_str(), "builtin" | "cli") {
        let error = reader
            .error(transport.span.clone(), "", format!("there is no git transport `{}`", transport.value.escape_debug()))
            .note("it can be `builtin` or `cli` (the git program)");
        reader.fault(error);
        return None;
    }
    Some(transport.value.clone())
}
