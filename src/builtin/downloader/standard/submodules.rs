//! Gitlinks: the commits of other repositories that a tree points at, fetched and grafted in their places.

use std::collections::BTreeMap;

use crate::builtin::environment::{Env, is_remote_git};
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::model::ObjectId;
use crate::roles::{Context, TreeItem, TreeItemKind, Trees};
use crate::sys::git::{NewEntry, NewEntryKind, Want};
use crate::sys::redact;

/// How deep submodules may stand in submodules.
const DEPTH: usize = 8;

/// The repository whose gitlinks are followed.
pub(super) struct Parent<'a> {
    /// Its address: relative ones start from it.
    pub(super) url: &'a str,
    /// The tree at its root, where `.gitmodules` stands.
    pub(super) root: ObjectId,
    /// The folder of the root that the tree is; empty: the root itself.
    pub(super) inside: &'a str,
}

/// The tree of a commit's folder with its submodules in their places; `None`: it has none. `root` is the commit's own tree.
///
/// # Errors
/// As [`graft`].
pub(crate) fn with_submodules(env: &Env, cx: &Context, url: &str, root: ObjectId, inside: &str, tree: ObjectId) -> Result<Option<ObjectId>> {
    if env.stockroom.objects().read(root, ".gitmodules")?.is_none() {
        return Ok(None);
    }
    let whole = graft(env, cx, &Parent { url, root, inside }, tree, 0)?;
    Ok((whole != tree).then_some(whole))
}

/// The tree with every gitlink replaced by the tree of the commit it points at.
///
/// # Errors
/// `Unsupported` for a gitlink that `.gitmodules` does not explain, and for a nest of submodules too deep; whatever git fails with.
pub(super) fn graft(env: &Env, cx: &Context, parent: &Parent<'_>, tree: ObjectId, depth: usize) -> Result<ObjectId> {
    if depth > DEPTH {
        return Err(Error::new(ErrorKind::Unsupported, format!("`{}` has submodules nested deeper than {DEPTH}", redact(parent.url))));
    }
    let mut links = Vec::new();
    collect(env, cx, tree, "", &mut links)?;
    if links.is_empty() {
        return Ok(tree);
    }
    let urls = match env.stockroom.objects().read(parent.root, ".gitmodules")? {
        Some(bytes) => parse(&String::from_utf8_lossy(&bytes)),
        None => BTreeMap::new(),
    };
    let mut trees = BTreeMap::new();
    for (path, commit) in links {
        cx.check()?;
        let full = if parent.inside.is_empty() { path.clone() } else { format!("{}/{path}", parent.inside.trim_end_matches('/')) };
        let url = urls.get(&full).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("`{full}` of `{}` is a submodule, and its `.gitmodules` does not say of what", redact(parent.url)))
        })?;
        let url = resolve(parent.url, url);
        let own = fetch(env, cx, &url, commit).while_doing(|| format!("could not fetch the submodule `{full}`"))?;
        let child = Parent { url: &url, root: own, inside: "" };
        trees.insert(path, graft(env, cx, &child, own, depth + 1)?);
    }
    rewrite(env, tree, "", &trees)
}

fn fetch(env: &Env, cx: &Context, url: &str, commit: ObjectId) -> Result<ObjectId> {
    let source = env.sources.open(url, env.credentials.find(cx, url)?)?;
    if !source.has(commit) {
        // A ref that stands there lets servers answer that give no commit by its id.
        let reference = source.refs(cx)?.into_iter().find(|found| found.commit == commit && found.name.starts_with("refs/")).map(|found| found.name);
        source.fetch(cx, &[Want { reference, commit }])?;
    }
    env.stockroom.objects().refresh()?;
    source.tree(commit, None)
}

fn items(env: &Env, tree: ObjectId) -> Result<Vec<TreeItem>> {
    env.stockroom.objects().list(tree, "")?.ok_or_else(|| Error::new(ErrorKind::Git, format!("tree {} is not in the stock", tree.short())))
}

fn collect(env: &Env, cx: &Context, tree: ObjectId, prefix: &str, links: &mut Vec<(String, ObjectId)>) -> Result<()> {
    cx.check()?;
    for item in items(env, tree)? {
        let path = format!("{prefix}{}", item.name);
        match item.what {
            TreeItemKind::Folder(id) => collect(env, cx, id, &format!("{path}/"), links)?,
            TreeItemKind::Gitlink(commit) => links.push((path, commit)),
            TreeItemKind::File(_) => {}
        }
    }
    Ok(())
}

/// Writes the tree anew along the paths of the gitlinks; everything else keeps its id.
fn rewrite(env: &Env, tree: ObjectId, prefix: &str, trees: &BTreeMap<String, ObjectId>) -> Result<ObjectId> {
    let mut entries = Vec::new();
    for item in items(env, tree)? {
        let path = format!("{prefix}{}", item.name);
        let (kind, id) = match item.what {
            TreeItemKind::File(entry) => (NewEntryKind::File(entry.mode), entry.id),
            TreeItemKind::Gitlink(_) => match trees.get(&path) {
                Some(grafted) => (NewEntryKind::Folder, *grafted),
                None => continue,
            },
            TreeItemKind::Folder(id) => {
                let below = format!("{path}/");
                let touched = trees.range(below.clone()..).next().is_some_and(|(first, _)| first.starts_with(&below));
                (NewEntryKind::Folder, if touched { rewrite(env, id, &below, trees)? } else { id })
            }
        };
        entries.push(NewEntry { name: item.name, kind, id });
    }
    env.stockroom.objects().write_tree(entries)
}

/// Path → url of a `.gitmodules`.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut path: Option<String> = None;
    let mut url: Option<String> = None;
    let mut close = |path: &mut Option<String>, url: &mut Option<String>| {
        if let (Some(path), Some(url)) = (path.take(), url.take()) {
            found.insert(path.trim_end_matches('/').to_owned(), url);
        }
    };
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            close(&mut path, &mut url);
        } else if let Some((key, value)) = line.split_once('=') {
            let value = value.trim().trim_matches('"').to_owned();
            match key.trim() {
                "path" => path = Some(value),
                "url" => url = Some(value),
                _ => {}
            }
        }
    }
    close(&mut path, &mut url);
    found
}

/// A submodule's address: those that begin with `./` or `../` start from the parent's.
fn resolve(parent: &str, url: &str) -> String {
    if !(url.starts_with("./") || url.starts_with("../")) {
        return url.to_owned();
    }
    let mut base = parent.trim_end_matches('/').to_owned();
    // The path part alone may be shortened, never the host.
    let floor = if let Some(at) = base.find("://") {
        base[at + 3..].find('/').map_or(base.len(), |slash| at + 3 + slash)
    } else if is_remote_git(&base) {
        base.find(':').map_or(0, |colon| colon + 1)
    } else {
        0
    };
    let mut rest = url;
    loop {
        if let Some(next) = rest.strip_prefix("./") {
            rest = next;
        } else if let Some(next) = rest.strip_prefix("../") {
            rest = next;
            match base[floor..].rfind('/') {
                Some(at) => base.truncate(floor + at),
                None => base.truncate(floor),
            }
        } else {
            break;
        }
    }
    let joint = if base.len() == floor && base.ends_with(':') { "" } else { "/" };
    format!("{base}{joint}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_addresses_start_from_the_parents() {
        for (parent, url, want) in [
            ("https://h/a/b.git", "../c.git", "https://h/a/c.git"),
            ("https://h/a/b.git", "../../c.git", "https://h/c.git"),
            ("https://h/a/b.git", "../../../../c.git", "https://h/c.git"),
            ("git@h:a/b.git", "../c.git", "git@h:a/c.git"),
            ("git@h:b.git", "../c.git", "git@h:c.git"),
            ("/srv/git/b.git", "../c.git", "/srv/git/c.git"),
            ("https://h/a/b.git", "https://x/c.git", "https://x/c.git"),
        ] {
            assert_eq!(resolve(parent, url), want, "{parent} {url}");
        }
    }

    #[test]
    fn gitmodules_are_read() {
        let text = "[submodule \"one\"]\n\tpath = lib/one\n\turl = ../one.git\n# x\n[submodule \"two\"]\n\turl=https://h/two.git\n\tbranch = x\n\tpath=two/\n[submodule \"half\"]\n\tpath = half\n";
        let found = parse(text);
        assert_eq!(found.len(), 2);
        assert_eq!((found["lib/one"].as_str(), found["two"].as_str()), ("../one.git", "https://h/two.git"));
    }
}
