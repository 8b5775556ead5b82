//! The manifest's JSON Schema, for editors.

use super::shapes::ManifestShape;

/// The JSON Schema of `greffon.toml`. It comes from the structs that read it, so it knows the same keys.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(ManifestShape);
    schema.insert("title".to_owned(), serde_json::Value::from("greffon.toml"));
    schema.to_value()
}
