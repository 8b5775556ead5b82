//! The `patches` of an element's entry.

use std::path::Path;

use toml_edit::{Item, Value};

use super::draft::{Draft, list_gap};
use crate::error::Result;
use crate::manifest::paths::plain_join;
use crate::manifest::read::toml_string;
use crate::model::ElementId;

impl Draft<'_> {
    /// These and no others, of the entry that the draft is for.
    pub(super) fn set_patches(&mut self, id: &ElementId, patches: &[String]) -> Result<()> {
        let list: Vec<String> = patches.iter().map(|patch| toml_string(patch)).collect();
        self.set_key(&self.own_entry(id), "patches", &format!("[{}]", list.join(", ")))
    }

    /// One more, after the last.
    pub(super) fn add_patch(&mut self, id: &ElementId, patch: &str) -> Result<()> {
        let entry = self.entry_of(id)?;
        let inner: Vec<String> = entry.iter().cloned().chain(["patches".to_owned()]).collect();
        let name = toml_string(patch);
        let layout = self.layout()?;
        let keys: Vec<&str> = inner.iter().map(String::as_str).collect();
        let Some(Item::Value(Value::Array(list))) = layout.find(&keys).map(|found| found.item) else {
            return self.set_key(&entry, "patches", &format!("[{name}]"));
        };
        let splice = match (list.iter().last().and_then(Value::span), list.span()) {
            (Some(last), _) => {
                // On a line of its own where the others are.
                let line = layout.line_start(last.start);
                let indent = &layout.text[line..last.start];
                let gap =
                    if indent.trim().is_empty() { format!(",{}{indent}", if layout.text.contains("\r\n") { "\r\n" } else { "\n" }) } else { ", ".to_owned() };
                (last.end..last.end, format!("{gap}{name}"))
            }
            (None, Some(whole)) => (whole, format!("[{name}]")),
            (None, None) => return Ok(()),
        };
        self.splice(splice);
        Ok(())
    }

    /// The one that leads to this path; with the last of them the key goes too.
    pub(super) fn remove_patch(&mut self, id: &ElementId, patch: &Path) -> Result<()> {
        let entry = self.entry_of(id)?;
        let inner: Vec<String> = entry.into_iter().chain(["patches".to_owned()]).collect();
        let layout = self.layout()?;
        let keys: Vec<&str> = inner.iter().map(String::as_str).collect();
        let Some(Item::Value(Value::Array(list))) = layout.find(&keys).map(|found| found.item) else { return Ok(()) };
        let leads = |item: &Value| item.as_str().is_some_and(|text| plain_join(self.base(), text) == patch);
        let spans: Vec<(bool, std::ops::Range<usize>)> = list.iter().filter_map(|item| Some((leads(item), item.span()?))).collect();
        let Some(index) = spans.iter().position(|(named, _)| *named) else { return Ok(()) };
        if spans.len() == 1 {
            return self.cut(&inner);
        }
        let range = list_gap(&spans, index);
        self.splice((range, String::new()));
        Ok(())
    }
}
