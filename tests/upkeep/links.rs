//! How files come into a site and whose they are: link modes that change, and the custom of the folder around.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

use super::support::{Outcome, TestEnvironment};

/// A site of a core of a few folders, from this machine.
struct Plot {
    env: TestEnvironment,
}

const FILES: [&str; 5] = ["index.php", "lib/a.php", "lib/deep/b.php", "bin/tool", "empty.txt"];

impl Plot {
    fn new() -> Self {
        let plot = Self { env: TestEnvironment::new() };
        for file in FILES {
            plot.env.write(format!("source/{file}"), if file == "empty.txt" { String::new() } else { format!("{file}\n") });
        }
        // what an archive or a careless author says of modes does not matter
        std::fs::set_permissions(plot.env.path("source/lib/a.php"), std::fs::Permissions::from_mode(0o666)).expect("set");
        std::fs::set_permissions(plot.env.path("source/bin/tool"), std::fs::Permissions::from_mode(0o777)).expect("set");
        plot.env.write(
            "greffon.toml",
            "[config]\ninstaller = { use = \"builtin:tree\", types = { core = \".\" } }\n[types.core]\napp = { path = \"source\" }\n[sites.one]\npath = \"ground/one\"\n[sites.two]\npath = \"ground/two\"\n",
        );
        std::fs::create_dir_all(plot.env.path("ground")).expect("a folder");
        plot
    }

    /// With the states away from the ground, where it is another user's or a group's.
    fn apart(self) -> Self {
        let text = self.env.read("greffon.toml");
        let text = text
            .replace("\"ground/one\"\n", "\"ground/one\"\nstate = \"states/one\"\n")
            .replace("\"ground/two\"\n", "\"ground/two\"\nstate = \"states/two\"\n");
        self.env.write("greffon.toml", text);
        self
    }

    fn run(&self, words: &str) -> Outcome {
        self.env.greffon(words.split_whitespace()).run()
    }

    /// The program under a umask.
    fn under(&self, umask: &str, words: &str) -> Output {
        let inner = self.env.greffon(words.split_whitespace()).command();
        let mut command = Command::new("sh");
        command.args(["-c", "umask \"$0\"; exec \"$@\"", umask]).arg(inner.get_program()).args(inner.get_args()).env_clear();
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = inner.get_current_dir() {
            command.current_dir(folder);
        }
        command.output().expect("sh runs")
    }

    /// Inode and number of names of every file of a site.
    fn inodes(&self, site: &str) -> BTreeMap<&'static str, (u64, u64)> {
        FILES.iter().map(|file| (*file, about(&self.env.path(format!("ground/{site}/{file}"))))).collect()
    }

    fn modes(&self, site: &str) -> BTreeMap<String, u32> {
        let folders = ["", "lib", "lib/deep", "bin"];
        let mode = |path: &str| self.env.path(format!("ground/{site}/{path}")).symlink_metadata().expect("there").mode() & 0o7777;
        FILES.iter().chain(&folders).map(|path| ((*path).to_owned(), mode(path))).collect()
    }
}

fn about(path: &Path) -> (u64, u64) {
    let found = path.symlink_metadata().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (found.ino(), found.nlink())
}

#[test]
fn a_site_gets_another_link_mode_and_back() {
    let plot = Plot::new();
    plot.run("sync --site one --link-mode copy").succeeds();
    let copied = plot.inodes("one");
    assert!(copied.values().all(|(_, names)| *names == 1), "{copied:?}");

    plot.run("sync --site one --link-mode hardlink").succeeds().says("5 files became hard links to the stock");
    let linked = plot.inodes("one");
    assert!(linked.iter().all(|(file, (inode, names))| *names == 2 && *inode != copied[file].0), "{linked:?}");
    // the very inodes of the stock: a second site has the same
    plot.run("sync --site two --link-mode hardlink").succeeds();
    let second = plot.inodes("two");
    assert!(second.iter().all(|(file, (inode, names))| *names == 3 && *inode == linked[file].0), "{second:?}");
    // a second time there is nothing to do, and not one name changes
    plot.run("sync --site one --link-mode hardlink").succeeds().says("Nothing to do");
    assert_eq!(plot.inodes("one"), second);
    // without the flag a site stays as it is
    plot.run("sync --site one").succeeds().says("Nothing to do");
    assert_eq!(plot.inodes("one"), second);

    plot.run("sync --site one --link-mode copy").succeeds().says("5 files became files of the site's own");
    let own = plot.inodes("one");
    assert!(own.iter().all(|(file, (inode, names))| *names == 1 && *inode != linked[file].0), "{own:?}");
    assert!(plot.inodes("two").values().all(|(_, names)| *names == 2), "the other site keeps its links");
    plot.run("sync --site one --link-mode copy").succeeds().says("Nothing to do");
    assert_eq!(plot.inodes("one"), own);
    // nothing that is written into the one reaches the other or the stock
    plot.env.write("ground/one/lib/a.php", "edited\n");
    assert_eq!(plot.env.read("ground/two/lib/a.php"), "lib/a.php\n");
    plot.run("stock verify").succeeds();
    // an edit is no matter of links: it is asked about as ever, and stays
    plot.run("sync --site one --link-mode hardlink").fails(1).says("lib/a.php");
    plot.run("sync --site one --link-mode hardlink --if-local-changes keep").succeeds();
    assert_eq!((plot.env.read("ground/one/lib/a.php"), plot.inodes("one")["lib/a.php"].1), ("edited\n".to_owned(), 1));
    assert_eq!(plot.inodes("one")["index.php"].1, 3);
    plot.run("verify --site two").succeeds();
}

#[test]
fn the_umask_is_obeyed_and_the_source_is_not() {
    for (umask, file, tool) in [("022", 0o644, 0o755), ("002", 0o664, 0o775), ("027", 0o640, 0o750), ("077", 0o600, 0o700), ("000", 0o664, 0o775)] {
        let plot = Plot::new();
        let said = plot.under(umask, "sync --site one --link-mode copy");
        assert!(said.status.success(), "{umask}: {}", String::from_utf8_lossy(&said.stderr));
        for (path, mode) in plot.modes("one") {
            let wanted = if path.contains(".php") || path.ends_with(".txt") { file } else { tool };
            assert_eq!(mode, wanted, "umask {umask}: `{path}` is {mode:o}");
        }
    }
}

#[test]
fn hard_links_are_refused_where_files_would_be_others() {
    // readable by everybody in the stock, and by the owner alone in the site
    let plot = Plot::new();
    let said = plot.under("077", "sync --site one --link-mode hardlink");
    assert!(!said.status.success());
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(text.contains("hard links to the stock cannot be had: the umask keeps new files from other users"), "{text}");
    assert!(!plot.env.exists("ground/one"), "nothing was made");
    assert!(plot.under("022", "sync --site one --link-mode hardlink").status.success(), "the twin: nothing else stands in the way");
    // another owner: only root can tell
    if rustix::process::geteuid().is_root() {
        let plot = Plot::new().apart();
        std::os::unix::fs::chown(plot.env.path("ground"), Some(4711), Some(4712)).expect("given away");
        let said = plot.run("sync --site one --link-mode hardlink").fails(1);
        assert!(said.stderr.contains("must belong to another user or group than the stock's"), "{}", said.stderr);
        plot.run("sync --site one --link-mode copy").succeeds();
        for path in FILES.iter().chain(&["", "lib", "lib/deep"]) {
            let found = plot.env.path(format!("ground/one/{path}")).symlink_metadata().expect("there");
            assert_eq!((found.uid(), found.gid()), (4711, 4712), "`{path}`");
        }
    } else {
        eprintln!("not root: other owners are passed over");
    }
}

#[test]
fn a_folder_that_hands_its_group_on_is_followed() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: a group of its own is passed over");
        return;
    }
    let plot = Plot::new().apart();
    let ground = plot.env.path("ground");
    std::os::unix::fs::chown(&ground, None, Some(4712)).expect("given away");
    std::fs::set_permissions(&ground, std::fs::Permissions::from_mode(0o2775)).expect("set");
    let said = plot.under("002", "sync --site one --link-mode copy");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    for path in ["", "lib", "lib/deep", "bin", "index.php", "lib/deep/b.php"] {
        let found = plot.env.path(format!("ground/one/{path}")).symlink_metadata().expect("there");
        assert_eq!(found.gid(), 4712, "`{path}`");
        assert_eq!(found.mode() & 0o7777, if found.is_dir() { 0o2775 } else { 0o664 }, "`{path}` is {:o}", found.mode());
    }
    // what comes later, by files and by whole folders, follows too
    plot.env.write("source/lib/new.php", "new\n");
    plot.env.write("source/more/deep/new.php", "new\n");
    assert!(plot.under("002", "sync --site one --link-mode copy").status.success());
    for path in ["lib/new.php", "more", "more/deep", "more/deep/new.php"] {
        let found = plot.env.path(format!("ground/one/{path}")).symlink_metadata().expect("there");
        assert_eq!((found.gid(), found.mode() & 0o7777), (4712, if found.is_dir() { 0o2775 } else { 0o664 }), "`{path}` is {:o}", found.mode());
    }
}

/// A default list: the owner, user 4713 and the mask may do all, the group reads, others nothing.
fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

const NOBODY: u32 = u32::MAX;

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0_u8; 4096];
    let length = rustix::fs::getxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

#[test]
fn default_access_control_lists_are_respected() {
    let plot = Plot::new();
    let ground = plot.env.path("ground");
    let default = list(&[(1, 7, NOBODY), (2, 7, 4713), (4, 5, NOBODY), (16, 7, NOBODY), (32, 0, NOBODY)]);
    if let Err(error) = rustix::fs::setxattr(&ground, "system.posix_acl_default", &default, rustix::fs::XattrFlags::empty()) {
        eprintln!("no access control lists here ({error}): passed over");
        return;
    }
    // as any program would make it there: the twin that shows what is right
    std::fs::create_dir(ground.join("twin")).expect("made");
    std::fs::write(ground.join("twin/file"), "x").expect("written");
    let right = attribute(&ground.join("twin/file"), "system.posix_acl_access").expect("a list");
    let said = plot.run("sync --site one --link-mode hardlink").fails(1);
    assert!(said.stderr.contains("default access control list"), "{}", said.stderr);
    for umask in ["022", "077"] {
        let site = if umask == "022" { "one" } else { "two" };
        assert!(plot.under(umask, &format!("sync --site {site} --link-mode copy")).status.success());
        for folder in ["", "lib", "lib/deep", "bin"] {
            let path = plot.env.path(format!("ground/{site}/{folder}"));
            assert_eq!(attribute(&path, "system.posix_acl_default").as_ref(), Some(&default), "`{folder}` hands it on, umask {umask}");
            assert_eq!(attribute(&path, "system.posix_acl_access"), attribute(&ground.join("twin"), "system.posix_acl_access"), "`{folder}`, umask {umask}");
        }
        for file in ["index.php", "lib/a.php", "lib/deep/b.php"] {
            let path = plot.env.path(format!("ground/{site}/{file}"));
            assert_eq!(attribute(&path, "system.posix_acl_access").as_ref(), Some(&right), "`{file}`, umask {umask}");
        }
    }
    // a site whose own folder has another list than the one around it, set later
    let other = list(&[(1, 7, NOBODY), (2, 5, 4714), (4, 5, NOBODY), (16, 7, NOBODY), (32, 0, NOBODY)]);
    for folder in ["", "lib"] {
        let path = plot.env.path(format!("ground/one/{folder}"));
        rustix::fs::setxattr(&path, "system.posix_acl_default", &other, rustix::fs::XattrFlags::empty()).expect("set");
    }
    plot.env.write("source/lib/new.php", "new\n");
    plot.env.write("source/more/new.php", "new\n");
    plot.run("sync --site one --link-mode copy").succeeds();
    for folder in ["lib", "more"] {
        let path = plot.env.path(format!("ground/one/{folder}"));
        assert_eq!(attribute(&path, "system.posix_acl_default").as_ref(), Some(&other), "`{folder}`");
        let list = attribute(&path.join("new.php"), "system.posix_acl_access").expect("a list");
        assert!(list.windows(4).any(|id| id == 4714_u32.to_le_bytes()), "`{folder}/new.php` follows the site's own list");
    }
}
