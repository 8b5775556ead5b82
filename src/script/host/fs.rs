//! `fs`: files beneath granted folders.

use std::io::Read as _;
use std::path::Path;

use rhai::{Array, Dynamic, ImmutableString, Map};

use super::files::{existing_place, folder, place, stream};
use super::{Function, HostModule, Registrar};
use crate::error::{Error, ErrorKind, Result};
use crate::script::Kind as Grant;
use crate::script::call::Call;
use crate::sys::fs::beneath::Dir;
use crate::sys::fs::exchange::move_over;
use crate::sys::fs::witness::Kind;

pub(super) const MODULE: HostModule = HostModule {
    name: "fs",
    about: "Files and folders beneath granted ones, and in the folders that belong to a call (`request.target_dir`, `request.directory`). \
            Relative paths are seen from the manifest's folder; `{site}` and `{extension}` stand for those folders. The real path after all links \
            is checked at every use: `..` and links lead nowhere else. Texts are UTF-8; other bytes are replaced.",
    needs: &[Grant::Read, Grant::Write],
    functions: &[
        Function { signature: "read(path) -> text", about: "a file's text (16 MiB at most), or `()` where there is none" },
        Function { signature: "exists(path) -> bool", about: "whether something is there" },
        Function { signature: "kind(path) -> text", about: "`file`, `folder`, `other`, or `()` where nothing is" },
        Function { signature: "size(path) -> number", about: "a file's length in bytes, or `()` where there is none" },
        Function { signature: "list(path) -> list", about: "what lies in a folder, sorted, as `#{ name, kind, size }`; `()` where there is no folder" },
        Function { signature: "write(path, text)", about: "writes a file, in place of an earlier one; it appears whole or not at all" },
        Function { signature: "make_dir(path)", about: "makes a folder and those above it that are missing" },
        Function { signature: "remove(path) -> bool", about: "removes a file, or a folder with all it holds; whether something was there" },
        Function { signature: "rename(from, to)", about: "moves a file or folder, over an earlier file" },
    ],
    example: "fs::make_dir(\"data/cache\");\n\
              fs::write(\"data/cache/last.txt\", \"1.4.0\");\n\
              for entry in fs::list(\"data/cache\") { log::info(`${entry.name}: ${entry.size} bytes`); }\n\
              let last = fs::read(\"data/cache/last.txt\");\n\
              fs::remove(\"data/cache\");",
    register,
};

const LARGEST: u64 = 16 << 20;
/// More names of one folder are an error rather than a list that no script can hold.
const MOST_NAMES: usize = 20_000;

fn register(module: &mut Registrar) {
    type Text = ImmutableString;
    module.one("read", |call, path: Text| {
        let bytes = call.wait(|_| read(&call.allowed().may_read(&path)?, LARGEST))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    });
    module.one("exists", |call, path: Text| Ok(look(call, &path)?.is_some()));
    module.one("kind", |call, path: Text| Ok(look(call, &path)?.map(|(kind, _)| word(kind).to_owned())));
    module.one("size", |call, path: Text| Ok(look(call, &path)?.filter(|(kind, _)| *kind == Kind::File).map(|(_, size)| size as i64)));
    module.one("list", |call, path: Text| call.wait(|_| list(call, &path)));
    module.two("write", |call, path: Text, text: Text| {
        let real = call.allowed().may_write(&path)?;
        call.wait(|_| stream(&real, |file| file.take(text.as_bytes())).map(drop))
    });
    module.one("make_dir", |call, path: Text| {
        let real = call.allowed().may_write(&path)?;
        call.wait(|_| make(&real))
    });
    module.one("remove", |call, path: Text| {
        let real = call.allowed().may_write(&path)?;
        call.wait(|_| remove(call, &real))
    });
    module.two("rename", |call, from: Text, to: Text| {
        let (from, to) = (call.allowed().may_write(&from)?, call.allowed().may_write(&to)?);
        call.wait(|_| rename(call, &from, &to))
    });
}

/// A regular file's bytes; `None` where there is none.
pub(super) fn read(real: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let Some((folder, name)) = place(real)? else { return Ok(None) };
    let Some(found) = folder.witness(&name)? else { return Ok(None) };
    if found.kind() != Kind::File {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` is no file", real.display())));
    }
    let Some(file) = folder.open_file(&name)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| folder.error("read", &name, error))?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` is larger than {limit} bytes", real.display())));
    }
    Ok(Some(bytes))
}

fn look(call: &Call, path: &str) -> Result<Option<(Kind, u64)>> {
    let real = call.allowed().may_read(path)?;
    call.wait(|_| {
        if real == Path::new("/") {
            return Ok(Some((Kind::Directory, 0)));
        }
        let Some((folder, name)) = place(&real)? else { return Ok(None) };
        Ok(folder.witness(&name)?.map(|witness| (witness.kind(), witness.size)))
    })
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "folder",
        _ => "other",
    }
}

fn list(call: &Call, path: &str) -> Result<Dynamic> {
    let real = call.allowed().may_read(path)?;
    let Some(folder) = folder(&real)? else { return Ok(Dynamic::UNIT) };
    let mut names = Vec::new();
    folder.each(|name, kind| {
        if names.len() >= MOST_NAMES {
            return Err(Error::new(ErrorKind::Invalid, format!("`{}` holds more than {MOST_NAMES} names", real.display())));
        }
        names.extend(name.map(|name| (name.to_owned(), kind)));
        Ok(())
    })?;
    names.sort_by(|a, b| a.0.cmp(&b.0));
    let entry = |(name, kind): (String, Kind)| -> Result<Dynamic> {
        let size = if kind == Kind::File { folder.witness(&name)?.map_or(0, |witness| witness.size) } else { 0 };
        let map: Map = [("name".into(), name.into()), ("kind".into(), word(kind).into()), ("size".into(), (size as i64).into())].into();
        Ok(map.into())
    };
    Ok(names.into_iter().map(entry).collect::<Result<Array>>()?.into())
}

fn make(real: &Path) -> Result<()> {
    let mut at = Dir::open(Path::new("/"))?.ok_or_else(|| Error::new(ErrorKind::Io, "there is no root folder"))?;
    for part in real.components().filter_map(|part| match part {
        std::path::Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        _ => None,
    }) {
        if at.witness(&part)?.is_none() {
            at.make_dir(&part, 0o777)?;
        }
        at = at.sub(&part)?.ok_or_else(|| Error::new(ErrorKind::Conflict, format!("`{}` cannot be made: `{part}` is no folder", real.display())))?;
    }
    Ok(())
}

/// What is granted itself stays: only what lies in it can go.
fn within(call: &Call, real: &Path, doing: &str) -> Result<()> {
    let above = real.parent().and_then(Path::to_str).is_some_and(|above| call.allowed().may_write(above).is_ok());
    if above || !folder(real).is_ok_and(|folder| folder.is_some()) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Refused, format!("`{}` is the granted folder itself and cannot be {doing}", real.display())))
}

fn remove(call: &Call, real: &Path) -> Result<bool> {
    within(call, real, "removed")?;
    let Some((folder, name)) = place(real)? else { return Ok(false) };
    let there = folder.witness(&name)?.is_some();
    folder.remove_all(&name)?;
    Ok(there)
}

fn rename(call: &Call, from: &Path, to: &Path) -> Result<()> {
    within(call, from, "moved")?;
    let (source, name) = existing_place(from)?;
    let Some(moving) = source.witness(&name)? else {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no `{}`", from.display())));
    };
    let (target, new) = existing_place(to)?;
    if let Some(there) = target.witness(&new)?
        && (there.kind() != Kind::File || moving.kind() != Kind::File)
    {
        return Err(Error::new(ErrorKind::Conflict, format!("`{}` is there already", to.display())));
    }
    move_over(&source, &name, &target, &new)
}
