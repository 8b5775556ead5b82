//! Patches as a generation keeps them: their text, so that it can be made again when the files are gone.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Site, generations};
use crate::error::Result;
use crate::model::{ElementId, ObjectId};

/// A patch that went into a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptPatch {
    /// Which element it changes.
    pub element: ElementId,
    /// The name of its file.
    pub name: String,
    /// Its text, which need not be UTF-8.
    #[serde(serialize_with = "as_hex", deserialize_with = "from_hex")]
    pub bytes: Vec<u8>,
}

fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

fn from_hex<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<u8>, D::Error> {
    hex::decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// Where patches stand in a commit, below `greffon/`: `patches/TYPE/NAME/0001-FILE`, numbered in the order they apply.
pub(super) fn documents(patches: &[KeptPatch]) -> Vec<(String, &[u8])> {
    let mut documents: Vec<(String, &[u8])> = Vec::with_capacity(patches.len());
    for patch in patches {
        let folder = format!("patches/{}", patch.element);
        let number = documents.iter().filter(|(path, _)| path.starts_with(&format!("{folder}/"))).count() + 1;
        let name = if crate::sys::fs::check_name(patch.name.as_bytes()).is_ok() && patch.name.len() < 240 { patch.name.as_str() } else { "patch" };
        documents.push((format!("{folder}/{number:04}-{name}"), &patch.bytes));
    }
    documents
}

impl Site {
    /// The patches that a generation's commit keeps, element by element in the order they apply.
    ///
    /// # Errors
    /// `Site`, `Git`.
    pub fn patches(&self, commit: ObjectId) -> Result<Vec<KeptPatch>> {
        let Some(state) = self.places.open_state()? else { return Ok(Vec::new()) };
        let mut patches = Vec::new();
        for (path, bytes) in generations::documents(&state, commit, "patches")? {
            let mut parts = path.splitn(3, '/');
            let (Some(kind), Some(name), Some(file)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let name_of_file = file.split_once('-').map_or(file, |(_, name)| name);
            patches.push(KeptPatch { element: ElementId::new(kind, name)?, name: name_of_file.to_owned(), bytes });
        }
        Ok(patches)
    }
}
