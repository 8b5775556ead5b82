//! Elements as people type them: `TYPE/NAME@REQUIREMENT`, or the bare name where exactly one type has it.

use super::Workspace;
use crate::builtin::client::nearest_known;
use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{EXTENSIONS, ElementId, Requirement};
use crate::roles::{Versions, VersionsRequest};

/// What one argument names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementArgument {
    /// `TYPE/NAME`, or a bare name.
    pub name: String,
    /// What stands after `@`.
    pub requirement: Option<Requirement>,
}

/// Reads `NAME[@REQUIREMENT]`.
///
/// # Errors
/// `Usage` for an empty name or requirement.
pub fn parse_element(text: &str) -> Result<ElementArgument> {
    let (name, requirement) = ElementId::split_version(text);
    let requirement = requirement.map(str::trim);
    if name.is_empty() || requirement.is_some_and(str::is_empty) {
        return Err(Error::new(ErrorKind::Usage, format!("`{}` is not TYPE/NAME[@REQUIREMENT]", text.escape_debug())));
    }
    Ok(ElementArgument { name: name.to_owned(), requirement: requirement.map(Requirement::new) })
}

impl Workspace {
    /// The element that a name means among those that are wanted or locked.
    ///
    /// # Errors
    /// `NotFound` with the nearest names; `Usage` when several types have it.
    pub fn known_element(&self, name: &str) -> Result<ElementId> {
        let mut known: Vec<ElementId> = self.manifest.everything().flat_map(|site| site.elements.keys().cloned()).collect();
        known.extend(self.lock.elements.keys().map(|key| key.id.clone()));
        known.sort();
        known.dedup();
        if let Ok(id) = name.parse::<ElementId>()
            && known.contains(&id)
        {
            return Ok(id);
        }
        let mut matches = known.iter().filter(|id| id.name() == name);
        match (matches.next(), matches.next()) {
            (Some(id), None) => Ok(id.clone()),
            (Some(a), Some(b)) => Err(Error::new(ErrorKind::Usage, format!("`{name}` could be {a} or {b}")).hint(format!("say `{a}` or `{b}`"))),
            _ => {
                let texts: Vec<String> = known.iter().flat_map(|id| [id.to_string(), id.name().to_owned()]).collect();
                let error = Error::new(ErrorKind::NotFound, format!("no site has `{}`", name.escape_debug()));
                Err(match nearest(name, texts.iter().map(String::as_str)) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None if name.contains('@') => error.hint("no version is said here: leave out the `@` and what follows it"),
                    None => error.hint("`greffon list` shows what there is"),
                })
            }
        }
    }

    /// As [`Self::known_element`], of several.
    ///
    /// # Errors
    /// As [`Self::known_element`].
    pub fn known_elements(&self, names: &[String]) -> Result<Vec<ElementId>> {
        names.iter().map(|name| self.known_element(name)).collect()
    }

    /// An element whose source is given: only its type has to be one that the installer can place.
    ///
    /// # Errors
    /// `NotFound` with the nearest type.
    pub fn of_known_type(&self, id: ElementId) -> Result<ElementId> {
        let types = self.roles.installer.types();
        if types.is_empty() || id.kind() == EXTENSIONS || types.iter().any(|kind| kind == id.kind()) { Ok(id) } else { Err(self.unknown_type(&id)) }
    }

    /// The element that a name means, among everything that the repositories know.
    ///
    /// # Errors
    /// As [`Self::known_element`]; whatever a repository failed with.
    pub fn any_element(&self, name: &str) -> Result<ElementId> {
        if name.contains('/')
            && let Ok(id) = name.parse::<ElementId>()
            && (id.kind() == EXTENSIONS || self.types().is_empty() || self.types().iter().any(|kind| kind == id.kind()))
        {
            return Ok(id);
        }
        if let Ok(id) = self.known_element(name) {
            return Ok(id);
        }
        // The application may know what is what by the name alone; whether there is such a thing, the resolution tells.
        if let Some(kind) = self.roles.installer.type_of(name) {
            return ElementId::new(kind, name);
        }
        let mut found: Vec<ElementId> = Vec::new();
        for kind in self.types() {
            let id = ElementId::new(kind, name)?;
            for repository in &self.roles.repositories {
                if matches!(repository.versions(&self.machine.cx, &VersionsRequest { id: id.clone() })?, Versions::Known(_)) {
                    found.push(id.clone());
                    break;
                }
            }
        }
        match found.as_slice() {
            [id] => Ok(id.clone()),
            [a, b, ..] => Err(Error::new(ErrorKind::Usage, format!("`{name}` could be {a} or {b}")).hint(format!("say `{a}` or `{b}`"))),
            [] => match name.parse::<ElementId>() {
                Ok(id) => Err(self.unknown_type(&id)),
                Err(_) => Err(self.unknown_name(name)),
            },
        }
    }

    /// A name that no repository has, with those that are meant instead.
    fn unknown_name(&self, name: &str) -> Error {
        let error = Error::new(ErrorKind::NotFound, format!("no repository knows `{}`", name.escape_debug()));
        let asked = self.types().into_iter().filter_map(|kind| ElementId::new(kind, name).ok());
        let mut near: Vec<ElementId> = asked.flat_map(|id| nearest_known(&self.roles.repositories, &id)).collect();
        near.dedup();
        let near: Vec<String> = near.iter().take(3).map(|id| format!("`{id}`")).collect();
        let error = if near.is_empty() { error } else { error.hint(format!("did you mean {}?", near.join(" or "))) };
        error.hint("say TYPE/NAME, and where it comes from with `--git`, `--url` or `--path` when no repository has it")
    }

    fn unknown_type(&self, id: &ElementId) -> Error {
        let types = self.types();
        let error = Error::new(ErrorKind::NotFound, format!("there is no element type `{}` here", id.kind()));
        match nearest(id.kind(), types.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}/{}`?", id.name())),
            None => error.hint(format!("known types: {}", types.join(", "))),
        }
    }

    /// The types that the application knows, `core` among them; empty: any.
    #[must_use]
    pub fn types(&self) -> Vec<String> {
        let mut types = self.roles.installer.types();
        if types.is_empty() {
            types = self.manifest.sites.iter().flat_map(|site| site.elements.keys().map(|id| id.kind().to_owned())).collect();
            types.sort();
            types.dedup();
        }
        types
    }
}
