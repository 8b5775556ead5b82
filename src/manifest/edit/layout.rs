//! Where things stand in a manifest's text.

use std::ops::Range;

use toml_edit::{Document, InlineTable, Item, Key, Table, TableLike};

/// A text with its parsed form.
pub(super) struct Layout<'t> {
    pub(super) text: &'t str,
    document: Document<&'t str>,
}

/// A table in one of the forms TOML has for it.
#[derive(Clone, Copy)]
pub(super) enum Form<'d> {
    /// `[a.b]` with lines below it, or only implied by `[a.b.c]`.
    Header(&'d Table),
    /// `a.b.c = 1` lines.
    Dotted(&'d Table),
    /// `{ … }`, or dotted keys inside of one.
    Braces(&'d InlineTable),
}

/// A key with its value.
#[derive(Clone, Copy)]
pub(super) struct Found<'d> {
    pub(super) key: &'d Key,
    pub(super) item: &'d Item,
    /// The table it stands in.
    pub(super) parent: Form<'d>,
}

impl<'t> Layout<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, toml_edit::TomlError> {
        Document::parse(text).map(|document| Self { text, document })
    }

    pub(super) fn root(&self) -> Form<'_> {
        Form::Header(self.document.as_table())
    }

    /// What stands at a path of keys.
    pub(super) fn find(&self, path: &[&str]) -> Option<Found<'_>> {
        let (last, above) = path.split_last()?;
        let mut table = self.root();
        for key in above {
            table = form(table.get(key)?.1)?;
        }
        let (key, item) = table.get(last)?;
        Some(Found { key, item, parent: table })
    }

    /// The table at a path, if there is one.
    pub(super) fn table(&self, path: &[&str]) -> Option<Form<'_>> {
        if path.is_empty() { Some(self.root()) } else { form(self.find(path)?.item) }
    }

    /// The start of the line of a byte; a byte order mark belongs to no line.
    pub(super) fn line_start(&self, byte: usize) -> usize {
        let mark = if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        self.text[..byte].rfind('\n').map_or(0, |at| at + 1).max(mark)
    }

    /// The byte after the line of a byte, its newline included.
    pub(super) fn line_end(&self, byte: usize) -> usize {
        self.text[byte..].find('\n').map_or(self.text.len(), |at| byte + at + 1)
    }

    /// The lines of a statement: from its key's line to the end of its value's.
    pub(super) fn lines(&self, leaf: &Leaf) -> Range<usize> {
        self.line_start(leaf.key.start)..self.line_end(leaf.value.end)
    }

    /// The byte after the last line of a table, whatever stands in it; `None` for one that has no line of its own.
    pub(super) fn end(&self, table: &Table) -> Option<usize> {
        let own = table.span().filter(|_| !table.is_dotted() && !table.is_implicit()).map(|header| self.line_end(header.end));
        let leaves = leaves(table).into_iter().map(|leaf| self.line_end(leaf.value.end)).max();
        let below = table
            .iter()
            .flat_map(|(_, item)| match item {
                Item::Table(inner) => vec![inner],
                Item::ArrayOfTables(list) => list.iter().collect(),
                _ => Vec::new(),
            })
            .filter_map(|inner| self.end(inner))
            .max();
        own.into_iter().chain(leaves).chain(below).max()
    }
}

impl<'d> Form<'d> {
    pub(super) fn get(self, key: &str) -> Option<(&'d Key, &'d Item)> {
        match self {
            Self::Header(table) | Self::Dotted(table) => table.get_key_value(key),
            Self::Braces(table) => table.get_key_value(key),
        }
        .filter(|(_, item)| !item.is_none())
    }

    /// The keys in it.
    pub(super) fn keys(self) -> Vec<String> {
        let table: &dyn TableLike = match self {
            Self::Header(table) | Self::Dotted(table) => table,
            Self::Braces(table) => table,
        };
        table.iter().map(|(key, _)| key.to_owned()).collect()
    }
}

/// An item as a table.
pub(super) fn form(item: &Item) -> Option<Form<'_>> {
    match item {
        Item::Table(table) if table.is_dotted() => Some(Form::Dotted(table)),
        Item::Table(table) => Some(Form::Header(table)),
        Item::Value(toml_edit::Value::InlineTable(table)) => Some(Form::Braces(table)),
        _ => None,
    }
}

/// A statement `key = value`; of a dotted key its last part.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
}

/// The statements of a table that stand on lines of its own, those of dotted tables in it included; in the order of the text.
pub(super) fn leaves(table: &Table) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(table, &mut found);
    found.sort_by_key(|leaf| leaf.key.start);
    found
}

fn collect(table: &Table, found: &mut Vec<Leaf>) {
    for (name, item) in table {
        match item {
            Item::Value(value) => {
                let key = table.key(name).and_then(Key::span);
                if let (Some(key), Some(value)) = (key, value.span()) {
                    found.push(Leaf { key, value });
                }
            }
            Item::Table(inner) if inner.is_dotted() => collect(inner, found),
            _ => {}
        }
    }
}

/// The headers of a table and of all tables in it, with the statements below each.
pub(super) fn blocks(table: &Table) -> Vec<&Table> {
    let mut found = vec![table];
    for (_, item) in table {
        match item {
            Item::Table(inner) if !inner.is_dotted() => found.extend(blocks(inner)),
            Item::ArrayOfTables(list) => found.extend(list.iter().flat_map(blocks)),
            _ => {}
        }
    }
    found
}
