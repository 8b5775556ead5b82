//! What an element says of itself: `{"id":"plugins/gallery","version":"1.2","requires":{"plugins/base":"1.*"}}`.

use std::collections::BTreeMap;

use greffon_extension::{ElementInfo, Failure, serde_json};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    id: String,
    version: String,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    requires: BTreeMap<String, String>,
    #[serde(default)]
    excludes: BTreeMap<String, String>,
}

/// The info that the file of this name and text gives of `id`.
pub(crate) fn read(file: &str, text: &str, id: &str) -> Result<ElementInfo, Failure> {
    let said: Described = serde_json::from_str(text).map_err(|fault| Failure::new("invalid", format!("`{file}` of {id} cannot be read: {fault}")))?;
    if said.id != id {
        return Err(Failure::new("invalid", format!("`{file}` of {id} says that it is {}", said.id)).hint(format!("ask for it as `{}`", said.id)));
    }
    Ok(ElementInfo { version: said.version, summary: said.summary, dependencies: said.requires, conflicts: said.excludes, ..ElementInfo::default() })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_an_element_says_is_read_or_refused() {
        let info = read("element.json", r#"{"id":"plugins/a","version":"1.2","requires":{"plugins/b":"1.*"}}"#, "plugins/a").expect("an info");
        assert_eq!((info.version.as_str(), info.dependencies["plugins/b"].as_str()), ("1.2", "1.*"));
        assert!(read("element.json", r#"{"id":"plugins/b","version":"1"}"#, "plugins/a").expect_err("another").message.contains("plugins/b"));
        assert!(read("element.json", r#"{"id":"plugins/a","vresion":"1"}"#, "plugins/a").is_err());
    }
}
