//! A manifest's text under change.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{InlineTable, Item, Table, Value};

use super::layout::{Form, Found, Layout, Leaf, blocks, form, leaves};
use super::{NewElement, entry};
use crate::diagnostic::nearest;
use crate::error::{Error, ErrorKind, Excerpt, Result};
use crate::manifest::paths::base_of;
use crate::manifest::read::{toml_key, toml_string};
use crate::model::{ElementId, Requirement, Source};

/// A manifest's text under change; every step reads it anew.
pub(super) struct Draft<'a> {
    path: &'a Path,
    base: PathBuf,
    text: String,
    site: Option<&'a str>,
}

/// Bytes of the text and what takes their place.
type Splice = (Range<usize>, String);

impl<'a> Draft<'a> {
    /// Begins; a text that is no TOML or has no such site fails.
    pub(super) fn new(path: &'a Path, text: &str, site: Option<&'a str>) -> Result<Self> {
        let draft = Self { path, base: base_of(path), text: text.to_owned(), site };
        let layout = draft.layout()?;
        if let Some(site) = site
            && layout.table(&["sites", site]).is_none()
        {
            let known = layout.table(&["sites"]).map(Form::keys).unwrap_or_default();
            let error = Error::new(ErrorKind::NotFound, format!("`{}` has no site `{}`", path.display(), site.escape_debug()));
            return Err(match nearest(site, known.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error,
            });
        }
        drop(layout);
        Ok(draft)
    }

    /// Begins for one site, where the text has a table for it; else for what all share.
    pub(super) fn of_site(path: &'a Path, text: &str, site: &'a str) -> Result<Self> {
        let mut draft = Self::new(path, text, None)?;
        let known = draft.layout()?.table(&["sites", site]).is_some();
        draft.site = known.then_some(site);
        Ok(draft)
    }

    /// The folder that relative paths start from.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    /// The changed text; it is certain to be TOML.
    pub(super) fn finish(self) -> Result<String> {
        self.layout().map_err(|error| Error::new(ErrorKind::Internal, "the change would have broken the manifest; nothing was written").caused_by(error))?;
        Ok(self.text)
    }

    pub(super) fn add(&mut self, element: &NewElement) -> Result<()> {
        if self.site.is_some() {
            self.stop_leaving_out(&element.id)?;
        }
        let path = element_path(&element.id, self.site);
        let there = self.layout()?.find(&as_strs(&path)).is_some();
        if there && matches!(element.source, Source::Repositories { only: None }) {
            if let Some(requirement) = &element.requirement {
                self.set_key(&path, "version", &toml_string(requirement.as_str()))?;
            }
            return match &element.group {
                Some(group) => self.set_key(&path, "group", &toml_string(group)),
                None => Ok(()),
            };
        }
        let short = self.layout()?.find(&as_strs(&path)).is_some_and(|found| found.item.is_str());
        if there && !short {
            return self.another_source(&path, element);
        }
        let value = entry::value(&self.base, element);
        let span = self.layout()?.find(&as_strs(&path)).and_then(|found| found.item.span());
        if let Some(span) = span {
            self.splice((span, value));
            return Ok(());
        }
        self.put(&path, &value)
    }

    /// Changes the keys that say where an element comes from; its patches and what else is said of it stay.
    fn another_source(&mut self, path: &[String], element: &NewElement) -> Result<()> {
        let keys = entry::keys(&self.base, element);
        for (key, value) in &keys {
            self.set_key(path, key, value)?;
        }
        for old in entry::SOURCE_KEYS.iter().filter(|old| keys.iter().all(|(key, _)| key != *old)) {
            let inner: Vec<String> = path.iter().cloned().chain([(*old).to_owned()]).collect();
            self.cut(&inner)?;
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, id: &ElementId) -> Result<()> {
        let shared = element_path(id, None);
        if let Some(site) = self.site {
            let own = element_path(id, Some(site));
            if self.has(&own)? {
                self.cut(&own)?;
            }
            if self.has(&shared)? {
                self.leave_out(site, id)?;
            }
            return Ok(());
        }
        self.cut(&shared)?;
        self.stop_leaving_out(id)
    }

    pub(super) fn require(&mut self, id: &ElementId, requirement: &Requirement) -> Result<()> {
        let path = self.entry_of(id)?;
        self.set_key(&path, "version", &toml_string(requirement.as_str()))
    }

    /// Sets a value, in whatever form it stands.
    pub(super) fn set(&mut self, keys: &[&str], value: &str) -> Result<()> {
        let path: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        if self.has(&path)? {
            self.cut(&path)?;
        }
        self.put(&path, value)
    }

    pub(super) fn add_site(&mut self, name: &str, site: &Path) -> Result<()> {
        let site = toml_string(&entry::relative(&self.base, site));
        self.put(&["sites".to_owned(), name.to_owned(), "path".to_owned()], &site)
    }

    /// The keys that lead to the entry that a new one is written to: the site's own where the draft is for a site.
    pub(super) fn own_entry(&self, id: &ElementId) -> Vec<String> {
        element_path(id, self.site)
    }

    /// The keys that lead to an element's entry: the site's own where it has one.
    pub(super) fn entry_of(&self, id: &ElementId) -> Result<Vec<String>> {
        let own = element_path(id, self.site);
        Ok(if self.has(&own)? { own } else { element_path(id, None) })
    }

    /// Fails with the names that the manifest (or the site) does not have.
    pub(super) fn check_known(&self, ids: &[ElementId]) -> Result<()> {
        let layout = self.layout()?;
        let mut known = names(&layout, &["types"]);
        if let Some(site) = self.site {
            known.extend(names(&layout, &["sites", site, "types"]));
        }
        let mut errors = Vec::new();
        for id in ids {
            let name = id.to_string();
            if known.contains(&name) {
                continue;
            }
            let mut error = Error::new(ErrorKind::NotFound, format!("`{}` does not name `{name}`", self.path.display()));
            for site in layout.table(&["sites"]).map(Form::keys).unwrap_or_default() {
                if names(&layout, &["sites", &site, "types"]).contains(&name) {
                    error = error.note(format!("the site `{site}` has it as its own: `--site {site}`"));
                }
            }
            errors.push(match nearest(&name, known.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error,
            });
        }
        Error::all(errors).map_or(Ok(()), Err)
    }

    pub(super) fn layout(&self) -> Result<Layout<'_>> {
        Layout::parse(&self.text).map_err(|fault| {
            Error::new(ErrorKind::Manifest, format!("this is not TOML: {}", fault.message())).at(Excerpt {
                path: self.path.to_path_buf(),
                text: self.text.clone(),
                span: fault.span().unwrap_or(0..0),
                label: String::new(),
            })
        })
    }

    fn has(&self, path: &[String]) -> Result<bool> {
        Ok(self.layout()?.find(&as_strs(path)).is_some())
    }

    pub(super) fn splice(&mut self, (range, with): Splice) {
        self.text.replace_range(range, &with);
    }

    fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// Sets a key of an element's entry, in whatever form the entry has.
    pub(super) fn set_key(&mut self, path: &[String], key: &str, value: &str) -> Result<()> {
        let inner: Vec<String> = path.iter().cloned().chain([key.to_owned()]).collect();
        let layout = self.layout()?;
        if let Some(span) = layout.find(&as_strs(&inner)).and_then(|found| found.item.as_value().and_then(Value::span)) {
            self.splice((span, value.to_owned()));
            return Ok(());
        }
        let Some(Item::Value(short @ Value::String(_))) = layout.find(&as_strs(path)).map(|found| found.item) else {
            return self.put(&inner, value);
        };
        let span = short.span().unwrap_or_default();
        let with = if key == "version" { value.to_owned() } else { format!("{{ version = {}, {key} = {value} }}", &layout.text[span.clone()]) };
        self.splice((span, with));
        Ok(())
    }

    /// Writes a new statement, in the form of the tables that are there.
    fn put(&mut self, path: &[String], value: &str) -> Result<()> {
        let keys = as_strs(path);
        let layout = self.layout()?;
        let mut depth = keys.len() - 1;
        let table = loop {
            if let Some(table) = layout.table(&keys[..depth]) {
                break table;
            }
            if layout.find(&keys[..depth]).is_some() {
                return Err(Error::new(ErrorKind::Manifest, format!("`{}` in `{}` is not a table", dotted(&keys[..depth]), self.path.display())));
            }
            depth -= 1;
        };
        let rest = format!("{} = {value}", dotted(&keys[depth..]));
        let in_site = depth == 2 && keys[0] == "sites";
        let splice = match table {
            Form::Braces(table) => into_braces(&layout, table, &rest),
            Form::Dotted(table) => self.after_dotted(&layout, table, &rest),
            Form::Header(table) if depth > 0 && !table.is_implicit() && (depth == keys.len() - 1 || in_site || !leaves(table).is_empty()) => {
                self.after_lines(&layout, table, &rest)
            }
            Form::Header(table) => {
                let (last, above) = keys.split_last().unwrap_or((&"", &[]));
                let at = if depth == 0 { layout.text.len() } else { layout.end(table).unwrap_or(layout.text.len()) };
                let newline = self.newline();
                let before = layout.text[..at].trim_start_matches('\u{feff}');
                let gap = match before {
                    "" => "",
                    before if before.ends_with('\n') => newline,
                    _ => &format!("{newline}{newline}"),
                };
                (at..at, format!("{gap}[{}]{newline}{} = {value}{newline}", dotted(above), toml_key(last)))
            }
        };
        self.splice(splice);
        Ok(())
    }

    /// After the last line of a table with a header.
    fn after_lines(&self, layout: &Layout<'_>, table: &Table, statement: &str) -> Splice {
        let last = leaves(table).pop();
        let (at, indent) = match (&last, table.span()) {
            (Some(leaf), _) => {
                let line = layout.lines(leaf);
                let text = &layout.text[line.clone()];
                (line.end, text[..text.len() - text.trim_start_matches([' ', '\t']).len()].to_owned())
            }
            (None, Some(header)) => (layout.line_end(header.end), String::new()),
            (None, None) => (layout.text.len(), String::new()),
        };
        self.line(layout, at, &format!("{indent}{statement}"))
    }

    /// After the last line of a table that is made of dotted keys, with the same keys before it.
    fn after_dotted(&self, layout: &Layout<'_>, table: &Table, statement: &str) -> Splice {
        let child = table.iter().next().and_then(|(name, _)| table.key(name)).and_then(toml_edit::Key::span);
        let prefix = child.map(|span| layout.text[layout.line_start(span.start)..span.start].to_owned()).unwrap_or_default();
        let at = leaves(table).last().map_or(layout.text.len(), |leaf| layout.lines(leaf).end);
        self.line(layout, at, &format!("{prefix}{statement}"))
    }

    fn line(&self, layout: &Layout<'_>, at: usize, line: &str) -> Splice {
        let newline = self.newline();
        let gap = if at == 0 || layout.text[..at].ends_with('\n') { "" } else { newline };
        (at..at, format!("{gap}{line}{newline}"))
    }

    /// Takes a key with its value out, in whatever form it stands.
    pub(super) fn cut(&mut self, path: &[String]) -> Result<()> {
        let keys = as_strs(path);
        let layout = self.layout()?;
        let Some(found) = layout.find(&keys) else { return Ok(()) };
        let mut ranges = match (found.parent, found.item) {
            (Form::Braces(table), _) => vec![out_of_braces(table, &found)],
            (_, Item::Table(table)) if table.is_dotted() => leaves(table).iter().map(|leaf| layout.lines(leaf)).collect(),
            (_, Item::Table(table)) => blocks(table).into_iter().filter_map(|block| whole_block(&layout, block)).collect(),
            (_, item) => match (found.key.span(), item.span()) {
                (Some(key), Some(value)) => vec![layout.lines(&Leaf { key, value })],
                _ => Vec::new(),
            },
        };
        ranges.sort_by_key(|range| std::cmp::Reverse(range.start));
        for range in ranges {
            self.splice((range, String::new()));
        }
        Ok(())
    }

    /// Puts an element on a site's `without`.
    fn leave_out(&mut self, site: &str, id: &ElementId) -> Result<()> {
        let path: Vec<String> = ["sites", site, "without"].map(str::to_owned).to_vec();
        let name = toml_string(&id.to_string());
        let layout = self.layout()?;
        let Some(Item::Value(Value::Array(list))) = layout.find(&as_strs(&path)).map(|found| found.item) else {
            return self.put(&path, &format!("[{name}]"));
        };
        if list.iter().any(|item| item.as_str() == Some(&id.to_string())) {
            return Ok(());
        }
        let splice = match (list.iter().last().and_then(Value::span), list.span()) {
            (Some(item), _) => (item.end..item.end, format!(", {name}")),
            (None, Some(whole)) => (whole, format!("[{name}]")),
            (None, None) => return Ok(()),
        };
        self.splice(splice);
        Ok(())
    }

    /// Takes an element off the `without` of the site, or of all sites.
    fn stop_leaving_out(&mut self, id: &ElementId) -> Result<()> {
        let layout = self.layout()?;
        let sites = self.site.map_or_else(|| layout.table(&["sites"]).map(Form::keys).unwrap_or_default(), |site| vec![site.to_owned()]);
        let name = id.to_string();
        let mut ranges = Vec::new();
        for site in &sites {
            if let Some(Item::Value(Value::Array(list))) = layout.find(&["sites", site, "without"]).map(|found| found.item) {
                let spans: Vec<(bool, Range<usize>)> = list.iter().filter_map(|item| Some((item.as_str() == Some(&name), item.span()?))).collect();
                ranges.extend(spans.iter().enumerate().filter(|(_, (named, _))| *named).map(|(index, _)| list_gap(&spans, index)));
            }
        }
        ranges.sort_by_key(|range| std::cmp::Reverse(range.start));
        for range in ranges {
            self.splice((range, String::new()));
        }
        Ok(())
    }
}

/// The bytes that go with the item at `index` of a list: up to the next item, or from the end of the one before.
pub(super) fn list_gap(spans: &[(bool, Range<usize>)], index: usize) -> Range<usize> {
    let own = &spans[index].1;
    match (index.checked_sub(1).and_then(|before| spans.get(before)), spans.get(index + 1)) {
        (_, Some((_, next))) => own.start..next.start,
        (Some((_, before)), None) => before.end..own.end,
        (None, None) => own.clone(),
    }
}

/// The bytes that go with a key of an inline table.
fn out_of_braces(table: &InlineTable, found: &Found<'_>) -> Range<usize> {
    let mut spans: Vec<(bool, Range<usize>)> = Vec::new();
    for name in table.iter().map(|(name, _)| name) {
        if let Some((key, item)) = table.get_key_value(name) {
            let range = extent(key.span(), item);
            spans.extend(range.map(|range| (std::ptr::eq(key, found.key), range)));
        }
    }
    spans.sort_by_key(|(_, range)| range.start);
    let index = spans.iter().position(|(own, _)| *own);
    index.map_or(0..0, |index| list_gap(&spans, index))
}

/// From a key to the end of its value, that of dotted keys in braces included.
fn extent(key: Option<Range<usize>>, item: &Item) -> Option<Range<usize>> {
    let key = key?;
    let end = match form(item) {
        Some(Form::Braces(table)) if table.is_dotted() => {
            table.iter().filter_map(|(name, _)| table.get_key_value(name)).filter_map(|(key, item)| extent(key.span(), item)).map(|range| range.end).max()?
        }
        _ => item.span()?.end,
    };
    Some(key.start..end)
}

/// Before the closing brace of an inline table.
fn into_braces(layout: &Layout<'_>, table: &InlineTable, statement: &str) -> Splice {
    let last = table.iter().filter_map(|(name, _)| table.get_key_value(name)).filter_map(|(key, item)| extent(key.span(), item)).map(|range| range.end).max();
    match (last, table.span()) {
        (Some(end), _) => (end..end, format!(", {statement}")),
        (None, Some(whole)) => (whole, format!("{{ {statement} }}")),
        (None, None) => (layout.text.len()..layout.text.len(), String::new()),
    }
}

/// A header with its statements; of two blank lines around it one goes too.
fn whole_block(layout: &Layout<'_>, block: &Table) -> Option<Range<usize>> {
    let header = block.span().filter(|_| !block.is_implicit())?;
    let start = layout.line_start(header.start);
    let mut end = leaves(block).last().map_or_else(|| layout.line_end(header.end), |leaf| layout.lines(leaf).end);
    let before = &layout.text[..start];
    let blank_before = before.is_empty() || before.ends_with("\n\n") || before.ends_with("\n\r\n");
    while blank_before && end < layout.text.len() && layout.text[end..layout.line_end(end)].trim().is_empty() {
        end = layout.line_end(end);
    }
    Some(start..end)
}

/// The keys that lead to an element's entry: the manifest's, or a site's own.
fn element_path(id: &ElementId, site: Option<&str>) -> Vec<String> {
    let site = site.map(|site| ["sites".to_owned(), site.to_owned()]);
    site.into_iter().flatten().chain(["types".to_owned(), id.kind().to_owned(), id.name().to_owned()]).collect()
}

fn as_strs(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn dotted(keys: &[&str]) -> String {
    keys.iter().map(|key| toml_key(key)).collect::<Vec<_>>().join(".")
}

/// `type/name` of every element below a `types` table.
fn names(layout: &Layout<'_>, types: &[&str]) -> Vec<String> {
    let kinds = layout.table(types).map(Form::keys).unwrap_or_default();
    let mut names = Vec::new();
    for kind in kinds {
        let path: Vec<&str> = types.iter().copied().chain([kind.as_str()]).collect();
        names.extend(layout.table(&path).map(Form::keys).unwrap_or_default().into_iter().map(|name| format!("{kind}/{name}")));
    }
    names
}
