//! Which code an application's data were last upgraded for: what a hook says before it changes them. Data do not go back with the
//! code, so this is what a rollback is measured against.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Site;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ElementId, Version};
use crate::roles::Context;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::durable;

const FILE: &str = "data";

/// What the data were last upgraded to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataVersions {
    /// The generation whose code did it.
    pub generation: u64,
    /// Element → version. One that is no longer installed keeps its data, unless they were destroyed.
    pub versions: BTreeMap<ElementId, Version>,
}

#[derive(Serialize, Deserialize)]
struct File {
    schema: u32,
    #[serde(flatten)]
    data: DataVersions,
}

fn read(state: &Dir) -> Result<Option<DataVersions>> {
    let Some(bytes) = state.read(FILE)? else { return Ok(None) };
    let damaged = || Error::new(ErrorKind::Site, format!("the file `{}` is damaged", state.path().join(FILE).display()));
    let file: File = serde_json::from_slice(&bytes).map_err(|error| damaged().caused_by(error))?;
    match file.schema {
        1 => Ok(Some(file.data)),
        _ => Err(Error::new(ErrorKind::Newer, format!("`{}` was written by a newer greffon", state.path().join(FILE).display()))),
    }
}

impl Site {
    /// What the application's data were last upgraded to; `None` where no hook ever said.
    ///
    /// # Errors
    /// `Site`, `Newer`, `Io`.
    pub fn data(&self) -> Result<Option<DataVersions>> {
        match self.places.open_state()? {
            Some(state) => read(&state),
            None => Ok(None),
        }
    }

    /// Records it, durably.
    ///
    /// # Errors
    /// `Site`, `Io`.
    pub fn set_data(&self, cx: &Context, data: &DataVersions) -> Result<()> {
        let (state, _lock) = self.locked(cx)?;
        if read(&state)?.as_ref() == Some(data) {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&File { schema: 1, data: data.clone() })
            .map_err(|error| Error::new(ErrorKind::Internal, "what the data are for cannot be written").caused_by(error))?;
        durable::replace(&state, FILE, &bytes)
    }
}
