//! What a library says of itself when it is asked to `describe`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::wire::Role;

/// The version of the forms of [`crate::roles::wire`] that this greffon speaks.
const API: u32 = 1;

/// A library's greeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The version of the forms that it speaks.
    pub api: u32,
    /// The role that this instance serves: the one it was opened for.
    pub role: Role,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The methods that it has.
    pub methods: Vec<String>,
    /// Whether calls may run at the same time.
    #[serde(default)]
    pub threadsafe: bool,
}

impl About {
    /// Reads a greeting and holds it to the role that was asked for.
    ///
    /// # Errors
    /// `Extension` for what is not a greeting, or one that does not fit; `Newer` for one of a later version.
    pub(super) fn read(answer: Value, role: Role, over: bool) -> Result<Self> {
        let api = answer.get("api").and_then(Value::as_u64);
        if let Some(api) = api.filter(|api| *api > u64::from(API)) {
            return Err(Error::new(ErrorKind::Newer, format!("it speaks version {api} of the roles, and this greffon speaks version {API}"))
                .hint("take a newer greffon, or an older version of the library"));
        }
        let about: Self = serde_json::from_value(answer).map_err(|fault| {
            Error::new(ErrorKind::Extension, format!("what it answers to `describe` cannot be read: {fault}"))
                .hint("it is `{\"api\":1,\"role\":…,\"name\":…,\"version\":…,\"methods\":[…],\"threadsafe\":false}`")
        })?;
        if about.api == 0 {
            return Err(Error::new(ErrorKind::Extension, "it speaks version 0 of the roles, which there never was"));
        }
        if about.role != role {
            return Err(Error::new(ErrorKind::Extension, format!("it serves as {}, and the manifest uses it as {role}", about.role))
                .hint(format!("name it where a {} is configured", about.role)));
        }
        let known = || role.required().iter().chain(role.optional()).copied();
        if let Some(strange) = about.methods.iter().find(|method| !known().any(|known| known == method.as_str())) {
            let error = Error::new(ErrorKind::Extension, format!("it says that it has the method `{}`, which no {role} has", strange.escape_debug()));
            return Err(match nearest(strange, known()) {
                Some(near) => error.hint(format!("did its author mean `{near}`?")),
                None => error,
            });
        }
        if let Some(lacking) = role.required().iter().find(|method| !over && !about.methods.iter().any(|has| has == *method)) {
            return Err(Error::new(ErrorKind::Extension, format!("it lacks the method `{lacking}`, which every {role} has"))
                .hint("lay it over a built-in implementation: `over = \"builtin:…\"`"));
        }
        Ok(about)
    }
}
