//! Archives beyond the corpus: hostile ones built on the spot by another program, and sound ones as `git archive` makes them.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use greffon::error::ErrorKind;
use greffon::roles::Context;
use greffon::sys::archive::{self, Imported, Limits};
use greffon::sys::stockroom::Stockroom;

fn import(room: &Stockroom, path: &Path) -> greffon::error::Result<Imported> {
    archive::import(&Context::silent(), path, None, room.objects(), &Limits::default())
}

/// `refuse-*` must be refused in words, quickly and without a trace; `accept-*` must be taken.
#[test]
fn archives_made_to_deceive_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = folder.path().join("made");
    std::fs::create_dir(&made).expect("made");
    let Ok(output) = Command::new("python3").arg("-c").arg(MAKER).arg(&made).output() else {
        eprintln!("skipped: no python3 to build archives with");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let room = Stockroom::open(&folder.path().join("stock")).expect("a stock");
    let packs = || std::fs::read_dir(room.objects().directory().join("objects/pack")).expect("listed").count();
    let (mut refused, mut accepted, mut wrong) = (0, 0, Vec::new());
    let mut names: Vec<PathBuf> = std::fs::read_dir(&made).expect("listed").map(|entry| entry.expect("an entry").path()).collect();
    names.sort();
    for path in names {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let (before, begun) = (packs(), Instant::now());
        let result = import(&room, &path);
        if begun.elapsed() > Duration::from_secs(60) {
            wrong.push(format!("{name}: took {:?}", begun.elapsed()));
        }
        match result {
            Ok(imported) if name.starts_with("accept-") => {
                accepted += 1;
                let files = room.objects().check_installable(imported.tree).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert!(!files.is_empty(), "{name}");
            }
            Ok(imported) => wrong.push(format!("{name}: accepted: {:?}", room.objects().files(imported.tree))),
            Err(error) if name.starts_with("accept-") => {
                wrong.push(format!("{name}: {error} {:?}", std::error::Error::source(&error).map(ToString::to_string)));
            }
            Err(error) => {
                refused += 1;
                if !matches!(error.kind(), ErrorKind::Archive | ErrorKind::Unsupported) || error.message().chars().any(char::is_control) {
                    wrong.push(format!("{name}: {error:?}"));
                }
                if packs() != before {
                    wrong.push(format!("{name}: left something"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused > 50 && accepted > 8, "{refused} refused, {accepted} accepted");
}

/// 200 archives of 25 repositories: the tree is git's own. With `GREFFON_PLUGINS`, a folder of bare repositories: those too.
#[test]
fn what_git_archive_makes_is_taken_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let room = Stockroom::open(&folder.path().join("stock")).expect("a stock");
    let git = |at: &Path, arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(at).args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.autocrlf=false"]).args(arguments);
        let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let path = folder.path().join("archive");
    let target = path.to_str().expect("UTF-8");
    let mut taken = 0;
    for number in 0..25 {
        let at = folder.path().join(format!("repository{number}"));
        for (name, text) in files(number) {
            let file = at.join(name);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(file, text).expect("written");
        }
        std::os::unix::fs::symlink("version.php", at.join("link")).expect("linked");
        git(&at, &["init", "-q", "-b", "main"]);
        git(&at, &["add", "-A", "-f"]);
        git(&at, &["update-index", "--chmod=+x", "lang/en/plugin.php"]);
        git(&at, &["commit", "-qm", "one"]);
        let (tree, lang) = (git(&at, &["rev-parse", "HEAD^{tree}"]), git(&at, &["rev-parse", "HEAD:lang"]));
        let ways: [(&[&str], &str, &str); 8] = [
            (&["--format=tar", "--prefix=plugin/"], "HEAD", &tree),
            (&["--format=tar"], "HEAD", &tree),
            (&["--format=tar.gz", "--prefix=a-long-name-of-a-plugin-1.2.3/"], "HEAD", &tree),
            (&["--format=tgz", "--prefix=./plugin/"], "main", &tree),
            (&["--format=zip", "--prefix=plugin/"], "HEAD", &tree),
            (&["--format=zip", "-0"], "HEAD", &tree),
            (&["--format=zip", "-9", "--prefix=plugin/"], "HEAD:lang", &lang),
            (&["--format=tar", "--prefix=plugin/"], "HEAD:lang", &lang),
        ];
        for (options, what, wanted) in ways {
            git(&at, &[&["archive", "-o", target], options, &[what]].concat());
            let imported = import(&room, &path).unwrap_or_else(|error| panic!("{options:?}: {error} {:?}", std::error::Error::source(&error)));
            assert_eq!(imported.tree.to_string(), *wanted, "{options:?} {what}");
            taken += 1;
        }
    }
    assert_eq!(taken, 200);
    let Some(plugins) = std::env::var_os("GREFFON_PLUGINS").map(PathBuf::from) else { return };
    let (mut real, mut refused) = (0, Vec::new());
    for entry in std::fs::read_dir(&plugins).expect("a folder of bare repositories") {
        let at = entry.expect("an entry").path();
        let list = Command::new("git")
            .arg("-C")
            .arg(&at)
            .args(["for-each-ref", "--count=40", "--sort=-refname", "--format=%(refname)", "refs/tags", "refs/heads"])
            .output();
        let refs = list.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        for (turn, name) in refs.lines().enumerate() {
            let format = ["tar", "zip", "tar.gz"][turn % 3];
            let made = Command::new("git").arg("-C").arg(&at).args(["archive", "-o", target, &format!("--format={format}"), "--prefix=p/", name]).output();
            // A partial copy may lack the objects of some refs.
            if !made.is_ok_and(|output| output.status.success()) {
                continue;
            }
            match import(&room, &path) {
                Ok(_) => real += 1,
                // A link to a developer's own machine stands in one release of a real plugin; refused rightly.
                Err(error) if error.message().contains("leaves the element") => eprintln!("{} {name}: {error}", at.display()),
                Err(error) => refused.push(format!("{} {name}: {error}", at.display())),
            }
        }
    }
    eprintln!("{real} archives of real plugins taken");
    assert!(refused.is_empty() && real > 0, "{real} taken; {}", refused.join("\n"));
}

/// A plugin's files, with names that archives write in more than one way.
fn files(number: usize) -> Vec<(String, String)> {
    let mut files = vec![
        ("version.php".to_owned(), format!("<?php $plugin->version = 20260101{number:02};\n")),
        ("lang/en/plugin.php".to_owned(), "<?php\n".to_owned()),
        ("lang/fr/gr\u{e9}ffon.php".to_owned(), "<?php // \u{e9}\n".to_owned()),
        (".gitignore".to_owned(), "ignored\n".to_owned()),
        (".github/workflows/ci.yml".to_owned(), "on: push\n".to_owned()),
        ("empty".to_owned(), String::new()),
        ("a name with spaces.txt".to_owned(), "x".repeat(number * 997)),
    ];
    if number.is_multiple_of(2) {
        files.push((format!("{}file.php", "a-rather-long-folder-name/".repeat(3 + number / 4)), "deep\n".to_owned()));
        files.push((format!("{}.php", "n".repeat(120)), "long\n".to_owned()));
    }
    if number.is_multiple_of(3) {
        files.push(("binary.bin".to_owned(), (0..5000_u32).map(|at| char::from((at * 7 % 128) as u8)).collect()));
        files.push(("node_modules/x/Aux.js".to_owned(), "1\n".to_owned()));
    }
    files
}

/// Writes the archives into a folder.
const MAKER: &str = r##"
import gzip, io, os, struct, sys, tarfile, zipfile, zlib
out = sys.argv[1]
def put(name, data): open(os.path.join(out, name), "wb").write(data)
def block(name, size=0, kind=b"0", link=b"", mode=0o644, magic=b"ustar\x0000", rawsize=None, sum_off=0):
    h = bytearray(512)
    h[0:len(name[:100])] = name[:100]
    h[100:108] = b"%07o\0" % mode
    h[108:116] = h[116:124] = b"0000000\0"
    h[124:136] = rawsize if rawsize is not None else b"%011o\0" % size
    h[136:148] = b"00000000000\0"
    h[156:157] = kind
    h[157:157 + len(link[:100])] = link[:100]
    h[257:265] = magic
    h[148:156] = b" " * 8
    h[148:156] = b"%06o\0 " % (sum(h) + sum_off)
    return bytes(h)
def pad(data): return data + b"\0" * (-len(data) % 512)
def member(name, data=b"x", **k): return block(name, len(data), **k) + pad(data)
END = b"\0" * 1024
OK = member(b"top/fine.php", b"<?php")
def tar(name, *parts, end=END): put(name + ".tar", b"".join(parts) + end)
def pax(*records):
    body = b""
    for key, value in records:
        rest = b" " + key + b"=" + value + b"\n"
        n = len(rest) + 1
        while len(str(n)) + len(rest) != n: n = len(str(n)) + len(rest)
        body += str(n).encode() + rest
    return member(b"pax", body, kind=b"x")
def long(text, kind=b"L"): return member(b"././@LongLink", text + b"\0", kind=kind, magic=b"ustar  \0")
for kind, name in [(b"3", "character-device"), (b"4", "block-device"), (b"6", "fifo"), (b"V", "volume-label"), (b"M", "multi-volume")]:
    tar("refuse-" + name, OK, block(b"top/odd", kind=kind))
for n, link in enumerate([b"/etc/passwd", b"../../outside", b"top/missing", b"..", b"top/../../x"]): tar("refuse-hardlink-%d" % n, OK, block(b"top/h", kind=b"1", link=link))
for n, link in enumerate([b"/etc/passwd", b"../../outside", b"..", b"x/../../y", b"../.git/config", b"", b"a\nb", b"C:\\x"]): tar("refuse-symlink-%d" % n, OK, block(b"top/s", kind=b"2", link=link))
tar("refuse-link-then-below", OK, block(b"top/s", kind=b"2", link=b"fine.php"), member(b"top/s/below"))
tar("refuse-link-replaced", OK, block(b"top/s", kind=b"2", link=b"."), member(b"top/s"))
for n, name in enumerate([b"../x", b"/abs", b"top/../../x", b"top\\x", b"C:/x", b"top/.git/config", b"top/.GIT/x", b"top/git~1/x", b"top/.git./x", b"top/.git::$INDEX_ALLOCATION/x", b"top/.g\xe2\x80\x8cit/x", b"top//x", b"top/./x", b"top/a\x1b[2J", b"top/a\nb", b"top/\xff", b"top/\x7f"]): tar("refuse-name-%d" % n, OK, member(name))
for n, name in enumerate([b"../../x", b"/abs", b"top/" + b"n" * 300, b"d/" * 70 + b"x", b"n" * 100000]): tar("refuse-gnu-long-name-%d" % n, OK, long(name), member(b"short"))
tar("refuse-gnu-long-link", OK, long(b"../../x", b"K"), block(b"top/s", kind=b"2", link=b"fine.php"))
for n, records in enumerate([[(b"path", b"../x")], [(b"path", b"top/a\0b")], [(b"linkpath", b"/etc")], [(b"size", b"0")], [(b"size", b"9999999")], [(b"size", b"-1")], [(b"path", b"")], [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"../x"), (b"GNU.sparse.realsize", b"9")]]):
    tar("refuse-pax-%d" % n, OK, pax(*records), block(b"top/p", 3, kind=b"2" if records[0][0] == b"linkpath" else b"0", link=b"fine.php") + pad(b"abc"))
tar("refuse-pax-bad-length", OK, member(b"pax", b"99 path=top/x\n", kind=b"x"), member(b"top/p"))
tar("refuse-pax-then-end", OK, pax((b"path", b"top/x")))
tar("refuse-duplicate", OK, OK)
tar("refuse-file-then-folder", OK, member(b"top/a"), member(b"top/a/b"))
tar("refuse-folder-then-file", OK, member(b"top/a/b"), member(b"top/a"))
tar("refuse-size-negative", OK, block(b"top/n", rawsize=b"\xff" * 12))
tar("refuse-size-huge", OK, block(b"top/n", rawsize=b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7))
tar("refuse-size-not-a-number", OK, block(b"top/n", rawsize=b"00000zz0000\0"))
tar("refuse-checksum", OK, block(b"top/n", sum_off=1))
tar("refuse-after-the-end", OK, END, member(b"top/smuggled"))
tar("refuse-junk-after", OK, end=END + b"junk" + b"\0" * 508)
tar("refuse-cut", OK, block(b"top/n", 5000) + b"x" * 700, end=b"")
sparse = bytearray(block(b"top/s", 512, kind=b"S", magic=b"ustar  \0"))
def sparsed(entries, real):
    h = bytearray(sparse)
    for n, (o, l) in enumerate(entries): h[386 + n * 24:386 + n * 24 + 24] = b"%011o\0%011o\0" % (o, l)
    h[483:495] = b"%011o\0" % real
    h[148:156] = b" " * 8
    h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h) + b"y" * 512
for n, (entries, real) in enumerate([([(0, 512)], 8 ** 11 - 1), ([(0, 512), (100, 512)], 1024), ([(8 ** 11 - 600, 512)], 8 ** 11 - 1), ([(0, 1 << 32)], 1 << 32)]): tar("refuse-gnu-sparse-%d" % n, OK, sparsed(entries, real))
tar("refuse-nothing")
plain = OK + END
put("refuse-two-members.tar.gz", gzip.compress(plain) + gzip.compress(plain))
put("refuse-gzip-tail.tar.gz", gzip.compress(plain) + b"tail")
put("refuse-gzip-cut.tar.gz", gzip.compress(os.urandom(4) + plain)[:-9])
put("refuse-gzip-crc.tar.gz", gzip.compress(plain)[:-8] + b"\0" * 8)
put("refuse-bomb.tar.gz", gzip.compress(block(b"top/zero", 200 << 20) + b"\0" * (200 << 20) + END, 9))
tar("accept-modes", OK, member(b"top/setuid", mode=0o6777), member(b"top/unreadable", mode=0o000), block(b"top/d/", kind=b"5", mode=0o1777))
tar("accept-names", OK, *[member(b"top/" + n) for n in (b"CON", b"aux.php", b"dots...", b"-rf", b"$(x)", b"a b", b"\xc3\xa9", b"~root", b".gitignore", b".gitattributes")])
tar("accept-hardlink", OK, block(b"top/h", kind=b"1", link=b"top/fine.php"))
tar("accept-inner-archive", OK, member(b"top/inner.tar.gz", gzip.compress(plain)))
tar("accept-old", member(b"top/fine.php", kind=b"\0", magic=b"\0" * 8))
def zipped(entries, **k):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", **k) as z:
        for name, data, mode in entries:
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.external_attr = mode << 16
            info.compress_type = k.get("compression", 0)
            z.writestr(info, data)
    return raw.getvalue()
F = ("top/fine.php", b"<?php echo 1;", 0o100644)
good = zipped([F, ("top/b", b"b", 0o100755)])
put("accept-stored.zip", good)
put("accept-deflated.zip", zipped([F], compression=8))
class Pipe(io.RawIOBase):
    def __init__(self): self.data = b""
    def writable(self): return True
    def write(self, b): self.data += bytes(b); return len(b)
for name, kind in [("stored", 0), ("deflated", 8)]:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", kind) as z: z.writestr("top/fine.php", b"<?php" * 50); z.writestr("top/b.php", b"<?php" * 50)
    put("accept-streamed-%s.zip" % name, pipe.data) if name == "deflated" else None
    put("refuse-descriptor-lies-%s.zip" % name, pipe.data.replace(b"PK\x07\x08", b"PK\x07\x08\x01\x02", 1))
def patch(name, at, new, data=good): put("refuse-zip-%s.zip" % name, data[:at] + new + data[at + len(new):])
cd = good.index(b"PK\x01\x02"); second = good.index(b"PK\x03\x04", 4); cd2 = good.index(b"PK\x01\x02", cd + 4); eocd = good.index(b"PK\x05\x06")
patch("local-name", 30, b"toq")
patch("central-name", cd + 46, b"toq")
patch("local-crc", 14, b"\1\2\3\4")
patch("local-size", 18, b"\1\0\0\0")
patch("local-method", 8, b"\x08\0")
patch("overlap", cd2 + 42, struct.pack("<I", 0))
patch("offset-beyond", cd2 + 42, struct.pack("<I", 1 << 30))
patch("offset-inside", cd2 + 42, struct.pack("<I", 7))
patch("count-less", eocd + 8, b"\1\0\1\0")
patch("count-more", eocd + 8, b"\3\0\3\0")
patch("directory-size", eocd + 12, b"\1\0\0\0")
patch("disk", eocd + 4, b"\1\0\1\0")
def both(name, off_l, off_c, new):
    data = bytearray(good)
    data[off_l:off_l + len(new)] = new; data[cd + off_c:cd + off_c + len(new)] = new
    put("refuse-zip-%s.zip" % name, bytes(data))
both("encrypted", 6, 8, b"\1\0"); both("strong-encryption", 6, 8, b"\x41\0"); both("patched-data", 6, 8, b"\x20\0"); both("masked-headers", 6, 8, b"\0\x20")
for method in (1, 6, 9, 12, 14, 95, 96, 97, 98, 99): both("method-%d" % method, 8, 10, struct.pack("<H", method))
both("crc", 14, 16, b"\1\2\3\4"); both("size-lie", 22, 24, b"\xff\xff\xff\x7f")
put("refuse-zip-prefix.zip", b"#!/bin/sh\n" + good)
put("refuse-zip-stacked.zip", good + good)
put("refuse-zip-tail.zip", good + b"tail")
put("refuse-zip-comment-end.zip", good[:-2] + struct.pack("<H", 22) + b"PK\5\6" + b"\0" * 18)
for cut in (10, eocd - 3, len(good) - 1): put("refuse-zip-cut-%d.zip" % cut, good[:cut])
for n, name in enumerate(["../x", "/abs", "top\\x", "C:/x", "top/.git/hooks/x", "top/../../x", "", "top/a\x1b[2J", "top/.GIT/x", "top//x"]): put("refuse-zip-name-%d.zip" % n, zipped([F, (name, b"x", 0o100644)]))
for n, link in enumerate([b"/etc/passwd", b"../../x", b"x/../../y", b"z" * 5000]): put("refuse-zip-symlink-%d.zip" % n, zipped([F, ("top/s", link, 0o120777)]))
for n, mode in enumerate([0o020644, 0o060644, 0o010644, 0o140644]): put("refuse-zip-kind-%d.zip" % n, zipped([F, ("top/s", b"", mode)]))
put("refuse-zip-folder-with-content.zip", zipped([F, ("top/d/", b"content", 0o040755)]))
put("refuse-zip-duplicate.zip", zipped([F, F]))
put("refuse-zip-file-and-folder.zip", zipped([F, ("top/fine.php/x", b"x", 0o100644)]))
def extra(tag, body):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as z:
        info = zipfile.ZipInfo("top/fine.php", (2026, 1, 1, 0, 0, 0)); info.extra = struct.pack("<HH", tag, len(body)) + body
        z.writestr(info, b"<?php")
    return raw.getvalue()
crc = zlib.crc32(b"top/fine.php")
for n, name in enumerate([b"../x", b"/abs", b"top/.git/config", b"top/\0x"]): put("refuse-zip-unicode-path-%d.zip" % n, extra(0x7075, struct.pack("<BI", 1, crc) + name))
put("accept-zip-setuid.zip", zipped([F, ("top/s", b"x", 0o104777)]))
put("refuse-zip-bomb.zip", zipped([F, ("top/zero", b"\0" * (200 << 20), 0o100644)], compression=8, compresslevel=9))
put("refuse-page.zip", b"<!doctype html><title>Log in</title>")
put("refuse-empty.zip", b"")
put("refuse-7z.zip", b"7z\xbc\xaf\x27\x1c" + b"\0" * 600)
"##;
