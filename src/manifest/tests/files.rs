//! The user's configuration and package files.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use snapbox::{assert_data_eq, str};

use crate::diagnostic::render;
use crate::manifest::{Package, SecretSource, UserConfig, parse_package};
use crate::model::{LinkMode, Requirement};

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs_err::write(&path, text).expect("written");
        path
    }
}

fn load(files: &[PathBuf], environment: &[(&str, &str)]) -> Result<UserConfig, crate::error::Error> {
    let environment: HashMap<&str, &str> = environment.iter().copied().collect();
    UserConfig::load_from(files, |name| environment.get(name).map(OsString::from))
}

#[test]
fn later_files_and_the_environment_win_key_by_key() {
    let files = Files::new();
    let machine = files.write(
        "machine.toml",
        "stock = \"/var/stock\"\njobs = 4\nlink-mode = \"copy\"\nproxy = \"http://p:3128\"\n[mirrors]\n\"https://a/\" = \"https://m/a/\"\n\"https://b/\" = \"https://m/b/\"\n[git]\ntransport = \"cli\"\n",
    );
    let person =
        files.write("person.toml", "stock = \"mine\"\nca-bundle = \"ca.pem\"\n[mirrors]\n\"https://b/\" = \"https://n/b/\"\n[secrets]\ns = { env = \"S\" }\n");
    let missing = files.0.path().join("missing.toml");
    let all = [machine, missing, person];
    let config = load(&all, &[("GREFFON_JOBS", "7"), ("GREFFON_LINK_MODE", "hardlink"), ("GREFFON_PROXY", "")]).expect("right");
    assert_eq!(config.stock, Some(files.0.path().join("mine")));
    assert_eq!(config.ca_bundle, Some(files.0.path().join("ca.pem")));
    assert_eq!((config.jobs, config.link_mode, config.proxy.as_deref()), (Some(7), Some(LinkMode::Hardlink), Some("http://p:3128")));
    assert_eq!((config.mirrors["https://a/"].as_str(), config.mirrors["https://b/"].as_str()), ("https://m/a/", "https://n/b/"));
    assert_eq!((&config.secrets["s"], config.git_transport.as_deref()), (&SecretSource::Env("S".to_owned()), Some("cli")));
    let config = load(&all, &[("GREFFON_STOCK", "/s"), ("GREFFON_PROXY", "socks5h://x:1"), ("GREFFON_CA_BUNDLE", "/c"), ("GREFFON_GIT_TRANSPORT", "builtin")])
        .expect("right");
    assert_eq!((config.stock.as_deref(), config.ca_bundle.as_deref()), (Some(Path::new("/s")), Some(Path::new("/c"))));
    assert_eq!((config.proxy.as_deref(), config.git_transport.as_deref(), config.jobs), (Some("socks5h://x:1"), Some("builtin"), Some(4)));
}

#[test]
fn what_is_wrong_in_a_users_configuration() {
    let files = Files::new();
    let path = files.write("config.toml", "jobz = 3\njobs = 0\nproxy = \"me:hunter2@p\"\nlink-mode = \"hard\"\n[config]\n");
    let shown = render(&load(&[path], &[]).expect_err("wrong"), false, 200).replace(&files.0.path().display().to_string(), "[DIR]");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_data_eq!(
        shown,
        str![[r#"
error: unknown key `jobz`
 --> [DIR]/config.toml:1:1
  |
1 | jobz = 3
  | ^^^^ not known here

hint: did you mean `jobs`?

error: `proxy` in line 3 of `[DIR]/config.toml` cannot be used: it names no host

hint: for instance `proxy = "http://proxy.example.org:3128"`

error: `jobs` must be from 1 to 1024
 --> [DIR]/config.toml:2:8
  |
2 | jobs = 0
  |        ^

error: `link-mode` cannot be `hard`
 --> [DIR]/config.toml:4:13
  |
4 | link-mode = "hard"
  |             ^^^^^^
  = it can be `auto`, `reflink`, `copy`, `hardlink`

error: unknown key `config`
 --> [DIR]/config.toml:5:2
  |
5 | [config]
  |  ^^^^^^ not known here

hint: known here: `stock`, `stock-max-size`, `jobs`, `proxy`, `ca-bundle`, `link-mode`, `mirrors`, `secrets`, `git`

"#]]
    );
    for (name, value) in
        [("GREFFON_JOBS", "0"), ("GREFFON_JOBS", "many"), ("GREFFON_LINK_MODE", "soft"), ("GREFFON_PROXY", "ftp://x"), ("GREFFON_GIT_TRANSPORT", "x")]
    {
        let error = load(&[], &[(name, value)]).expect_err(name);
        assert!(error.message().starts_with(&format!("the environment variable `{name}`")), "{error:?}");
    }
}

fn package(text: &str) -> Option<Package> {
    parse_package(Path::new("greffon.toml"), text).unwrap_or_else(|error| panic!("{}", render(&error, false, 100)))
}

#[test]
fn a_package_says_what_it_needs() {
    let package = package(
        "[package]\ntype = \"plugins\"\nname = \"komin/base\"\nversion = \"1.2.0\"\nscheme = \"semver\"\nsummary = \"A\\n base\"\ninclude = [\"src/**\"]\n\
         [package.dependencies]\n\"plugins/b\" = \"^1\"\n\"plugins/a\" = \"*\"\n[package.conflicts]\n\"plugins/old\" = \"<2\"\n\
         [package.optional]\npdf = { \"plugins/pdf\" = \"2+\" }\n[whatever]\nelse = 1\n",
    )
    .expect("a package");
    let info = package.info;
    assert_eq!((info.id.to_string().as_str(), info.version.as_str(), info.scheme.as_deref()), ("plugins/komin/base", "1.2.0", Some("semver")));
    assert_eq!(info.summary.as_deref(), Some("A base"));
    assert_eq!(info.dependencies.keys().map(ToString::to_string).collect::<Vec<_>>(), ["plugins/b", "plugins/a"], "in the author's order");
    assert_eq!(info.conflicts.values().next(), Some(&Requirement::new("<2")));
    assert_eq!(info.optional["pdf"].len(), 1);
    assert_eq!((info.download, package.include), (None, vec!["src/**".to_owned()]));
}

#[test]
fn a_file_without_a_package_is_none() {
    assert!(package("[types.plugins]\na = \"1\"\n").is_none());
    assert!(package("").is_none());
}

#[test]
fn what_is_wrong_in_a_package() {
    let text =
        "[package]\ntype = \"plugins\"\nname = \"../x\"\nverison = \"1\"\nscheme = \"semvr\"\n[package.dependencies]\nplugins.a = \"1\"\n\"a\" = \"1\"\n";
    let error = parse_package(Path::new("greffon.toml"), text).expect_err("wrong");
    assert_data_eq!(
        render(&error, false, 120),
        str![[r#"
error: `[package]` lacks `version`
 --> greffon.toml:1:2
  |
1 | [package]
  |  ^^^^^^^

hint: a package says its `type`, `name` and `version`

error: unknown key `verison` in `package`
 --> greffon.toml:4:1
  |
4 | verison = "1"
  | ^^^^^^^ not known here

hint: did you mean `version`?

error: there is no version scheme `semvr`
 --> greffon.toml:5:10
  |
5 | scheme = "semvr"
  |          ^^^^^^^
  = there are `3m`, `semver`, `moodle`, `date`, `natural`, and `script:PATH` for one of your own

hint: did you mean `semver`?

error: `package.dependencies.plugins` must be a text, not a table
 --> greffon.toml:7:1
  |
7 | plugins.a = "1"
  | ^^^^^^^ this is a table

hint: a name that holds a `.` or `/` must be quoted: `"plugins/a" = …`

error: `a` is not `type/name`
 --> greffon.toml:8:1
  |
8 | "a" = "1"
  | ^^^

hint: for instance `"plugins/x" = "*"`

"#]]
    );
    let error = parse_package(Path::new("greffon.toml"), "[package]\ntype = \"p\"\nname = \"../x\"\nversion = \" \"\n").expect_err("wrong");
    assert_eq!(error.others().len(), 0, "{error:?}");
    assert!(error.message().contains("not an element name"), "{error:?}");
}
