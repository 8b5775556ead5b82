//! `.gitmodules`: the submodules of a Moodle that is kept as one superproject.

use std::ops::Range;

use super::literals::lines;
use super::places;
use super::sheet::{Page, Sheet};
use super::source::{at, core, git, plugin};
use crate::error::Result;
use crate::model::{GitPin, Requirement};

/// A section, with the place of its head.
struct Module {
    span: Range<usize>,
    values: Vec<(String, String, Range<usize>)>,
}

impl Module {
    fn get(&self, name: &str) -> Option<(&str, &Range<usize>)> {
        // git takes the last.
        self.values.iter().rev().find(|(key, ..)| key == name).map(|(_, value, span)| (value.as_str(), span))
    }
}

pub(super) fn read(page: &Page) -> Result<Sheet<'_>> {
    let mut sheet = Sheet::new(page);
    let mut modules: Vec<Module> = Vec::new();
    for (span, line) in lines(page) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') {
            let inner = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            if !inner.is_some_and(|inner| inner.trim().to_ascii_lowercase().starts_with("submodule") && inner.matches('"').count() >= 2) {
                return Err(page.error(span, "not `[submodule \"name\"]`", format!("`{}` cannot be read", page.path.display())));
            }
            modules.push(Module { span, values: Vec::new() });
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(page.error(span, "not `name = value`", format!("`{}` cannot be read", page.path.display())));
        };
        let Some(module) = modules.last_mut() else {
            return Err(page.error(span, "before the first `[submodule \"name\"]`", format!("`{}` cannot be read", page.path.display())));
        };
        module.values.push((name.trim().to_ascii_lowercase(), unquoted(value.trim()), span));
    }
    for module in &modules {
        one(&mut sheet, module);
    }
    if !modules.is_empty() {
        let there = page.path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or_else(|| ".".to_owned(), |folder| folder.display().to_string());
        sheet.notes.push(format!("which commits the superproject records does not stand in this file: `greffon adopt {there}` takes them over as they are"));
    }
    Ok(sheet)
}

/// A value of git's configuration: its quotes and what follows `#` or `;` outside of them are gone.
fn unquoted(value: &str) -> String {
    let (mut text, mut quoted) = (String::new(), false);
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => text.extend(characters.next()),
            '#' | ';' if !quoted => break,
            other => text.push(other),
        }
    }
    text.trim().to_owned()
}

fn one(sheet: &mut Sheet<'_>, module: &Module) {
    let (Some((path, _)), Some((url, url_span))) = (module.get("path"), module.get("url")) else {
        return sheet.leave(&module.span, "a submodule without `path` or `url`, which git leaves out too");
    };
    if url.starts_with("./") || url.starts_with("../") {
        return sheet.leave(url_span, "it begins at the superproject's own address: write out the whole one with `greffon add plugins/TYPE_NAME --git URL`");
    }
    let branch = module.get("branch");
    let pin = match branch {
        Some((".", span)) => {
            sheet.leave(span, "`.` is the superproject's own branch: the newest version that fits the core is taken");
            GitPin::Version
        }
        Some((branch, _)) => GitPin::Branch(branch.to_owned()),
        None => GitPin::Version,
    };
    let component = places::at(path).or_else(|| places::of_url(url)).or_else(|| places::at_end(path));
    let id = match component {
        Some(component) => plugin(sheet, &module.span, &component),
        None if places::is_core(url) => core(sheet, &module.span),
        None => {
            sheet.leave(
                &module.span,
                format!("neither the path `{path}` nor the repository says which plugin it is: `greffon add plugins/TYPE_NAME --git URL`, or `submodules = true` where it belongs to one"),
            );
            None
        }
    };
    let Some(id) = id else { return };
    let Some(url) = git(sheet, url_span, url) else { return };
    let requirement = (pin == GitPin::Version).then(Requirement::any);
    sheet.want(&module.span, id, requirement, at(url, pin));
    for (name, _, span) in &module.values {
        match name.as_str() {
            "path" | "url" | "branch" => {}
            "shallow" | "fetchrecursesubmodules" | "ignore" | "update" => {
                sheet.leave(span, "how git handles a submodule; greffon fetches what it needs, once for all sites");
            }
            _ => sheet.leave(span, "greffon knows no such part of a submodule"),
        }
    }
}
