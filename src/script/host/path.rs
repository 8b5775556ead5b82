//! `path`: paths as texts. Nothing is looked at.

use rhai::{Array, ImmutableString};

use super::{Function, HostModule, Registrar};
use crate::error::{Error, ErrorKind, Result};

pub(super) const MODULE: HostModule = HostModule {
    name: "path",
    about: "Paths as texts, with `/` between their parts. Nothing is looked at, so nothing needs to be granted.",
    needs: &[],
    functions: &[
        Function { signature: "join(list) -> text", about: "the parts as one path; an absolute part begins anew" },
        Function { signature: "parent(path) -> text", about: "the folder it lies in, or `()`" },
        Function { signature: "name(path) -> text", about: "the last part" },
        Function { signature: "stem(path) -> text", about: "the last part without its extension" },
        Function { signature: "extension(path) -> text", about: "what stands after the last dot of the name, or `()`" },
        Function { signature: "normal(path) -> text", about: "without `.`, `..` and doubled `/`; `..` at the beginning stays" },
        Function { signature: "relative(path, base) -> text", about: "the path as seen from a folder" },
        Function { signature: "is_inside(path, base) -> bool", about: "whether it lies in a folder, as texts" },
    ],
    example: "let file = path::join([\"plugins\", \"mod_quiz\", \"../mod_forum/version.php\"]);\n\
              if path::normal(file) != \"plugins/mod_forum/version.php\" { throw \"no\"; }\n\
              log::info(`${path::stem(file)} ${path::extension(file)} ${path::relative(\"a/b\", \"a/c\")}`); // version php ../b",
    register,
};

fn register(module: &mut Registrar) {
    type Text = ImmutableString;
    module.one("join", |_, parts: Array| join(parts));
    module.one("parent", |_, path: Text| Ok(parent(&path)));
    module.one("name", |_, path: Text| Ok(name(&path).to_owned()));
    module.one("stem", |_, path: Text| Ok(split(name(&path)).0.to_owned()));
    module.one("extension", |_, path: Text| Ok(split(name(&path)).1.map(str::to_owned)));
    module.one("normal", |_, path: Text| Ok(normal(&path)));
    module.two("relative", |_, path: Text, base: Text| relative(&path, &base));
    module.two("is_inside", |_, path: Text, base: Text| {
        let (path, base) = (normal(&path), normal(&base));
        Ok(base == "." && !path.starts_with(['/', '.']) || path == base || path.strip_prefix(&base).is_some_and(|rest| base == "/" || rest.starts_with('/')))
    });
}

fn join(parts: Array) -> Result<String> {
    let mut whole = String::new();
    for part in parts {
        let part = part.into_string().map_err(|kind| Error::new(ErrorKind::Invalid, format!("a part of a path is a text, not a {kind}")))?;
        if part.starts_with('/') {
            whole.clear();
        } else if !whole.is_empty() && !whole.ends_with('/') && !part.is_empty() {
            whole.push('/');
        }
        whole.push_str(&part);
    }
    Ok(whole)
}

fn parent(path: &str) -> Option<String> {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit_once('/') {
        _ if trimmed.is_empty() => None,
        Some(("", _)) => Some("/".to_owned()),
        Some((above, _)) => Some(above.to_owned()),
        None => None,
    }
}

fn name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

fn split(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, Some(extension)),
        _ => (name, None),
    }
}

fn normal(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let text = parts.join("/");
    match (absolute, text.is_empty()) {
        (true, _) => format!("/{text}"),
        (false, true) => ".".to_owned(),
        (false, false) => text,
    }
}

fn relative(path: &str, base: &str) -> Result<String> {
    let (path, base) = (normal(path), normal(base));
    let parts = |text: &str| text.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect::<Vec<_>>();
    let (own, from) = (parts(&path), parts(&base));
    let shared = own.iter().zip(&from).take_while(|(a, b)| a == b).count();
    if path.starts_with('/') != base.starts_with('/') || from[shared..].iter().any(|part| part == "..") {
        return Err(Error::new(ErrorKind::Invalid, format!("how `{}` is seen from `{}` cannot be said", path.escape_debug(), base.escape_debug())));
    }
    let up = std::iter::repeat_n("..".to_owned(), from.len() - shared);
    let text = up.chain(own[shared..].iter().cloned()).collect::<Vec<_>>().join("/");
    Ok(if text.is_empty() { ".".to_owned() } else { text })
}
