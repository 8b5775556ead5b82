//! mcm's `projects/NAME/NAME.yml`: a Moodle, and plugins with source, branch, version and localdev.

use super::node::{Key, Node, Value};
use super::outline::outline;
use super::sheet::{Page, Sheet};
use super::source::{MOODLE, at, core, git, moodle_version, plugin, revision};
use crate::error::Result;
use crate::model::{GitPin, Requirement, Source};

const DESCRIPTION: &str = "a description; greffon reads what the plugin's own code says";

pub(super) fn read(page: &Page) -> Result<Sheet<'_>> {
    let tree = outline(page)?;
    let mut sheet = Sheet::new(page);
    if !matches!(tree.value, Value::Map(_)) {
        return Err(page.error(tree.span, "here", format!("`{}` is no project of mcm: it has neither `moodle:` nor `plugins:`", page.path.display())));
    }
    for (key, node) in tree.entries() {
        match key.name.as_str() {
            "moodle" => moodle(&mut sheet, key, node)?,
            "plugins" => {
                if !matches!(node.value, Value::Map(_) | Value::Empty) {
                    return Err(page.error(node.span.clone(), "not `name:` with lines below it", "`plugins` is no list of plugins as mcm has it"));
                }
                node.entries().iter().for_each(|(key, node)| one(&mut sheet, key, node));
            }
            _ => sheet.leave(&key.span, "greffon knows no such part of a project of mcm"),
        }
    }
    Ok(sheet)
}

fn moodle(sheet: &mut Sheet<'_>, key: &Key, node: &Node) -> Result<()> {
    let version = node.get("version").unwrap_or(node);
    let Some(text) = version.text() else {
        return Err(sheet.page.error(key.span.clone(), "no `version:` below it", "the project does not say which Moodle it is made of"));
    };
    let url = node.get("source").and_then(|source| git(sheet, &source.span, source.text()?));
    let (mut requirement, mut pin) = moodle_version(text);
    if let Some(branch) = node.get("branch").filter(|_| node.get("version").is_none()) {
        (requirement, pin) = (None, GitPin::Branch(branch.text().unwrap_or_default().to_owned()));
    }
    if let Some(id) = core(sheet, &version.span) {
        sheet.want(&version.span, id, requirement, at(url.unwrap_or_else(|| MOODLE.to_owned()), pin));
    }
    for (key, _) in node.entries().iter().filter(|(key, _)| !matches!(key.name.as_str(), "version" | "source")) {
        sheet.leave(&key.span, "greffon knows no such part of mcm's `moodle:`");
    }
    Ok(())
}

fn one(sheet: &mut Sheet<'_>, key: &Key, node: &Node) {
    let name = key.name.strip_prefix("moodle-").unwrap_or(&key.name);
    let Some(id) = plugin(sheet, &key.span, name) else { return };
    let said = |name: &str| node.get(name).filter(|node| !node.is_empty());
    let url = match said("source") {
        Some(source) => match source.text().and_then(|url| git(sheet, &source.span, url)) {
            Some(url) => Some(url),
            None => return,
        },
        None => None,
    };
    // mcm's code takes the version, then the local branch, then the branch.
    let version = said("version").and_then(|node| Some((node, node.text()?)));
    let branch = said("branch").and_then(|node| Some((node, node.text()?)));
    let pin = match (version, branch) {
        (Some((_, version)), _) => revision(version),
        (None, Some((_, branch))) => GitPin::Branch(branch.to_owned()),
        (None, None) => GitPin::Version,
    };
    if let (Some((version, text)), Some((node, branch))) = (version, branch)
        && text != branch
    {
        sheet.leave(&node.span, format!("`version` on line {} is stronger, as in mcm", sheet.page.line(version.span.start)));
    }
    match url {
        Some(url) => {
            let requirement = (pin == GitPin::Version).then(Requirement::any);
            sheet.want(&key.span, id, requirement, at(url, pin));
        }
        None => {
            for (node, _) in version.iter().chain(branch.iter()) {
                sheet.leave(&node.span, "without `source` it is asked of the configured repositories, which answer for versions and not for branches");
            }
            sheet.want(&key.span, id, Some(Requirement::any()), Source::Repositories { only: None });
        }
    }
    for (part, node) in node.entries() {
        match part.name.as_str() {
            "source" | "branch" | "version" => {
                if !matches!(node.value, Value::Scalar(_) | Value::Empty) {
                    sheet.leave(&part.span, "a text was expected");
                }
            }
            "name" => sheet.leave(&part.span, DESCRIPTION),
            "localdev" if node.is_empty() || node.text() == Some("false") => {}
            "localdev" => sheet.leave(
                &part.span,
                "a branch of mcm's own clone that is rebased on this plugin: as files they are patches, `patches = [\"…\"]` (`git format-patch`)",
            ),
            _ => sheet.leave(&part.span, "greffon knows no such part of mcm's plugins"),
        }
    }
    if !matches!(node.value, Value::Map(_) | Value::Empty) {
        sheet.leave(&node.span, "not `name: value` below a plugin's name");
    }
}
