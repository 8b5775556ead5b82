//! `gitplugins.conf`: a PHP array of plugins with path, repository, and a branch or a revision.

use super::literals::returned;
use super::node::{Key, Node};
use super::places;
use super::sheet::{Page, Sheet};
use super::source::{MOODLE, at, git, plugin, revision};
use crate::error::Result;
use crate::model::{GitPin, Requirement};

pub(super) fn read(page: &Page) -> Result<Sheet<'_>> {
    let tree = returned(page)?;
    let mut sheet = Sheet::new(page);
    let Some(plugins) = tree.get("plugins") else {
        return Err(page.error(tree.span, "no `plugins` in it", format!("`{}` is no gitplugins.conf", page.path.display())));
    };
    for (key, node) in tree.entries() {
        match key.name.as_str() {
            "plugins" => {}
            "settings" => {
                for (key, _) in node.entries() {
                    sheet.leave(&key.span, "a setting of gitplugins: greffon has flags (`-v`, `-q`) in its place");
                }
            }
            _ => sheet.leave(&key.span, "greffon knows no such part of a gitplugins.conf"),
        }
    }
    plugins.entries().iter().for_each(|(key, node)| one(&mut sheet, key, node));
    plugins.items().iter().for_each(|node| sheet.leave(&node.span, "a plugin without a name"));
    let there = page.path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or_else(|| ".".to_owned(), |folder| folder.display().to_string());
    sheet.notes.push(format!(
        "gitplugins knows no core; want it with `greffon add core/moodle@4.5 --git {MOODLE}`, or take the whole site with `greffon adopt {there}`"
    ));
    Ok(sheet)
}

fn one(sheet: &mut Sheet<'_>, key: &Key, node: &Node) {
    // What the generated file shows as a pattern.
    if key.name == "PLUGIN/NAME" && node.text_of("gitrepository").is_none() {
        return;
    }
    let Some(source) = node.get("gitrepository").filter(|source| !source.is_empty()) else {
        sheet.leave(&key.span, "it has no `gitrepository`");
        return;
    };
    let url = source.text().unwrap_or_default();
    let place = node.text_of("path").unwrap_or(&key.name);
    let Some(component) = places::at(place).or_else(|| places::of_url(url)).or_else(|| places::at_end(place)) else {
        sheet.leave(&key.span, format!("neither the path `{place}` nor the repository says which plugin it is: `greffon add plugins/TYPE_NAME --git URL`"));
        return;
    };
    let Some(id) = plugin(sheet, &key.span, &component) else { return };
    let Some(url) = git(sheet, &source.span, url) else { return };
    let said = |name: &str| node.get(name).filter(|node| !node.is_empty());
    let (branch, exact) = (said("gitbranch"), said("gitrevision"));
    let pin = match (exact.and_then(Node::text), branch.and_then(Node::text)) {
        (Some(exact), _) => match revision(exact) {
            GitPin::Branch(name) => GitPin::Rev(name),
            pin => pin,
        },
        (None, Some(branch)) => GitPin::Branch(branch.to_owned()),
        (None, None) => GitPin::Version,
    };
    if let (Some(_), Some(branch)) = (exact, branch) {
        sheet.leave(&branch.span, "`gitrevision` stands beside it, and gitplugins takes one of them");
    }
    let requirement = (pin == GitPin::Version).then(Requirement::any);
    sheet.want(&key.span, id, requirement, at(url, pin));
    for (part, _) in node.entries() {
        if !matches!(part.name.as_str(), "path" | "gitrepository" | "gitbranch" | "gitrevision") {
            sheet.leave(&part.span, "greffon knows no such part of a plugin of gitplugins");
        }
    }
}
