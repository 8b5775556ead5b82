//! `archive`: what archives hold, read without unpacking them.

use rhai::{Array, Dynamic, ImmutableString, Map};

use super::files::place;
use super::{Function, HostModule, Registrar};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;
use crate::script::Kind;
use crate::script::call::Call;
use crate::sys::archive::{FileHandle, Limits, held, one};

pub(super) const MODULE: HostModule = HostModule {
    name: "archive",
    about: "zip, tar, tar.gz, tar.xz and tar.zst, told by their bytes: granted files, and the payload of a call (`request.payload.path`). Nothing is \
            unpacked to a folder, and what greffon would refuse to install is refused here: paths that climb, doubled names, bombs.",
    needs: &[Kind::Read, Kind::Write],
    functions: &[
        Function { signature: "list(path) -> list", about: "what it holds, sorted, as `#{ path, size, kind }` with `file`, `folder` or `link`" },
        Function { signature: "read(path, name) -> text", about: "one file of it (16 MiB at most), or `()` where it has none of that path" },
    ],
    example: "for entry in archive::list(\"data/quiz.zip\") { log::info(`${entry.path}: ${entry.size}`); }\n\
              let about = archive::read(\"data/quiz.zip\", \"quiz/version.txt\");",
    register,
};

const LARGEST: u64 = 16 << 20;
const MOST: usize = 20_000;
/// Less than an import's: a script waits for it.
const LIMITS: Limits = Limits { entries: 100_000, file: 512 << 20, total: 1 << 30, ratio: 1000, path: 1024, depth: 64 };

fn register(module: &mut Registrar) {
    type Text = ImmutableString;
    module.one("list", |call, path: Text| {
        let all = opened(call, &path, |cx, file, shown| held(cx, &file, shown, &LIMITS))?;
        if all.len() > MOST {
            return Err(Error::new(ErrorKind::Invalid, format!("`{path}` holds {} names, more than the {MOST} of a list", all.len())));
        }
        let entry = |one: crate::sys::archive::Held| -> Dynamic {
            Map::from([("path".into(), one.path.into()), ("size".into(), (one.size as i64).into()), ("kind".into(), one.kind.into())]).into()
        };
        Ok(all.into_iter().map(entry).collect::<Array>())
    });
    module.two("read", |call, path: Text, name: Text| {
        let bytes = opened(call, &path, |cx, file, shown| one(cx, &file, shown, &LIMITS, name.trim_start_matches("./"), LARGEST))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    });
}

/// What `work` says of a granted file, opened so that no link leads elsewhere.
fn opened<T>(call: &Call, path: &str, work: impl FnOnce(&Context, FileHandle, &str) -> Result<T>) -> Result<T> {
    let real = call.allowed().may_read(path)?;
    call.wait(|cx| {
        let missing = || Error::new(ErrorKind::NotFound, format!("there is no file `{}`", path.escape_debug()));
        let (folder, name) = place(&real)?.ok_or_else(missing)?;
        let file = folder.open_file(&name)?.ok_or_else(missing)?;
        work(cx, file, &name)
    })
}
