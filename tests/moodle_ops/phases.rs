//! The shipped hook `app-cli` around a Moodle: its programs are small PHP files that record their calls and keep a "database" of one
//! file, which refuses older code as Moodle's does. Skipped, with a word, where there is no PHP.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::moodle_site::{Campus, Layout, core, plugin};
use crate::support::{Outcome, Repo, Terminal};

const PROGRAM: &str = r#"<?php
$beside = dirname(getcwd());
$name = basename(__FILE__, '.php');
$folder = substr(dirname(__FILE__), strlen(getcwd()) + 1);
file_put_contents("$beside/log", "$folder/$name " . implode(' ', array_slice($argv, 1)) . "\n", FILE_APPEND);
if (is_dir("$beside/whos")) { file_put_contents("$beside/whos/$name", exec('id -un')); }
if (file_exists("$beside/hang-$name")) { fwrite(STDERR, "hanging\n"); touch("$beside/hangs"); sleep(600); }
if (file_exists("$beside/fail-$name")) { fwrite(STDERR, "cannot $name today\n"); exit(1); }
$version = file_get_contents(is_file('public/version.php') ? 'public/version.php' : 'version.php');
preg_match('/version  = ([0-9]+)/', $version, $found);
switch ($name) {
    case 'maintenance': if (in_array('--enable', $argv)) { touch("$beside/closed"); } else { unlink("$beside/closed"); } break;
    case 'upgrade':
        if (is_file("$beside/db") && (int) file_get_contents("$beside/db") > (int) $found[1]) { fwrite(STDERR, "Cannot downgrade\n"); exit(1); }
        file_put_contents("$beside/db", $found[1]);
        break;
    case 'uninstall_plugins': if (!is_dir("$beside/one/blocks/xp")) { fwrite(STDERR, "its code is gone\n"); exit(1); } break;
}
"#;

const COMPOSER: &str =
    "#!/bin/sh\necho composer \"$@\" >> ../log\ntest ! -e ../hang-composer || { touch ../hangs; exec sleep 600; }\ntest ! -e ../fail-composer\n";

fn there_is_php() -> bool {
    let there = Command::new("php").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !there {
        eprintln!("skipped: there is no `php` on this machine");
    }
    there
}

fn programs(repo: &Repo, folder: &str) {
    for name in ["maintenance", "upgrade", "purge_caches", "uninstall_plugins"] {
        repo.write(&format!("{folder}/{name}.php"), PROGRAM);
    }
}

/// A site at 4.5.1 with a plugin and Moodle's programs, and a 5.1.0 to come; `more` goes into `with`.
struct Served {
    campus: Campus,
    more: &'static str,
}

impl Served {
    fn new(more: &'static str) -> Self {
        let campus = Campus::new();
        let repo = campus.repo("core");
        core(&repo, "2024100701.00", "4.5.1 (Build: 20241202)", "405", Layout::Root);
        programs(&repo, "admin/cli");
        repo.write("composer.json", "{}").commit("4.5.1");
        repo.tag("v4.5.1");
        core(&repo, "2025100600.00", "5.1 (Build: 20251006)", "501", Layout::Public);
        programs(&repo, "public/admin/cli");
        repo.write("public/lib/setup.php", "<?php if (!file_exists(__DIR__ . '/../../vendor/autoload.php')) { die('composer install'); }").commit("5.1.0");
        repo.tag("v5.1.0");
        campus.plugin("block_xp", "2024010100", "").tag("old");
        campus.env.write("bin/composer", COMPOSER);
        std::fs::set_permissions(campus.env.path("bin/composer"), std::fs::Permissions::from_mode(0o755)).expect("a mode");
        for name in ["app.rhai", "moodle.rhai", "extension.toml"] {
            let text = std::fs::read(format!("{}/extensions/app-cli/{name}", env!("CARGO_MANIFEST_DIR"))).expect("the extension");
            campus.env.write(format!("extensions/app-cli/{name}"), text);
        }
        let served = Self { campus, more };
        served.want("4.5", &["block_xp"]);
        served.run(&["trust"]).succeeds();
        served
    }

    /// The same with the site in place, configured, and its database at 4.5.1.
    fn running(more: &'static str) -> Self {
        let served = Self::new(more);
        served.run(&["sync", "-y"]).succeeds().says("no config.php");
        assert!(!served.campus.env.exists("log"), "nothing can be asked of a Moodle without its configuration");
        served.campus.env.write("one/config.php", "<?php");
        served.campus.env.write("db", "2024100701");
        served
    }

    fn want(&self, core: &str, plugins: &[&str]) {
        self.campus.manifest(&format!("version = \"{core}\""), plugins);
        let text = self.campus.env.read("greffon.toml");
        let hooks = format!("[hooks]\naround = {{ use = \"extension:app-cli\", with = {{ app = \"moodle\", {} }} }}\n", self.more);
        let allow = "[extensions.app-cli]\nallow = { run = [\"php\", \"composer\", \"cp\", \"touch\"], read = [\"{site}\"] }\n";
        self.campus.env.write("greffon.toml", format!("{text}{hooks}{allow}"));
    }

    fn start(&self, arguments: &[&str]) -> crate::support::Run {
        let path = format!("{}:{}", self.campus.env.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        self.campus.env.greffon(arguments.iter().copied()).env("PATH", path)
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        self.start(arguments).run()
    }

    /// What was called since the last time.
    fn log(&self) -> Vec<String> {
        let path = self.campus.env.path("log");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(path);
        text.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    fn beside(&self, name: &str) {
        self.campus.env.write(name, "");
    }

    fn clear(&self, name: &str) {
        let _ = std::fs::remove_file(self.campus.env.path(name));
    }

    fn is_closed(&self) -> bool {
        self.campus.env.exists("closed")
    }

    fn state(&self) -> String {
        self.run(&["status", "--json"]).succeeds().json()["sites"][0]["state"].as_str().unwrap_or_default().to_owned()
    }

    /// Runs a sync and kills it while a program hangs.
    fn kill_while(&self, program: &str) {
        self.beside(&format!("hang-{program}"));
        let mut child = self.start(&["sync", "-y"]).command();
        let mut child = child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !self.campus.env.exists("hangs") {
            assert!(std::time::Instant::now() < end, "{program} was never reached");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        let _ = BufReader::new(child.stderr.take().expect("its stderr")).lines().next();
        self.clear(&format!("hang-{program}"));
        self.clear("hangs");
    }
}

const UPGRADE: [&str; 5] = [
    "composer install --no-dev --classmap-authoritative --no-interaction",
    "public/admin/cli/upgrade --non-interactive",
    "public/admin/cli/purge_caches",
    "reload",
    "public/admin/cli/maintenance --disable",
];

fn and<'a>(first: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    std::iter::once(first).chain(rest.iter().copied()).filter(|one| *one != "reload").collect()
}

#[test]
fn an_upgrade_goes_through_its_phases_in_order() {
    if !there_is_php() {
        return;
    }
    let served = Served::running("reload = [\"touch\", \"../reloaded\"]");
    served.want("5.1", &["block_xp"]);
    let plan = served.run(&["plan"]).succeeds().stdout;
    assert!(plan.contains("hooks: around app-cli"), "{plan}");
    served.run(&["sync", "-y"]).succeeds().says("composer upgrade caches reload ended well");
    assert_eq!(served.log(), and("admin/cli/maintenance --enable", &UPGRADE));
    assert!(served.campus.env.exists("reloaded") && !served.is_closed());
    assert_eq!((served.campus.env.read("db"), served.state()), ("2025100600".into(), "clean".into()));
    // Nothing changes, nothing is called; and the way down is told, and refused before the site is closed.
    served.run(&["sync", "-y"]).succeeds();
    served.want("4.5", &["block_xp"]);
    served.run(&["plan"]).succeeds().prints("the application's data are too new for it: core/moodle 2025100600 → 2024100701");
    served.run(&["sync", "-y"]).fails(1).says("the data are too new for this code").says("--data-restored");
    assert_eq!(served.log(), Vec::<String>::new());
    // A core that brings its libraries along asks for none.
    served.want("5.1", &["block_xp"]);
    let repo = served.campus.repo("core");
    repo.write("vendor/autoload.php", "<?php")
        .write("public/version.php", "<?php\n$version  = 2025100601.00;\n$release = '5.1.1 (Build: 1)';\n$branch = '501';\n");
    repo.commit("5.1.1");
    repo.tag("v5.1.1");
    served.run(&["update"]).succeeds();
    served.run(&["sync", "-y"]).succeeds();
    assert!(!served.log().iter().any(|line| line.starts_with("composer")));
}

#[test]
fn a_phase_that_fails_leaves_the_site_closed_and_says_how_to_go_on() {
    if !there_is_php() {
        return;
    }
    for (program, step, reached) in [("composer", "composer", 2), ("upgrade", "upgrade", 3), ("purge_caches", "caches", 4)] {
        let served = Served::running("");
        served.want("5.1", &["block_xp"]);
        served.beside(&format!("fail-{program}"));
        let failed = served.run(&["sync", "-y"]).fails(1);
        for words in [format!("the step \"{step}\" failed"), "greffon sync --site one".into(), "generation 2".into(), "stays in maintenance mode".into()] {
            assert!(failed.stderr.contains(&words), "{words}\n{}", failed.stderr);
        }
        // What was upgraded does not go back by itself, what was not does.
        let back = if program == "composer" { "or go back with `greffon rollback --site one`" } else { "`greffon rollback --site one --data-restored` once" };
        assert!(failed.stderr.contains(back), "{}", failed.stderr);
        assert_eq!((served.log().len(), served.is_closed(), served.state()), (reached, true, "pending".into()), "{program}");
        // A change that cannot be made beside it neither opens the site nor forgets what is to be done.
        served.campus.env.write("one/public/blocks/xp/lib.php", "<?php // edited");
        served.want("5.1", &[]);
        served.run(&["sync", "-y", "--purge", "block_xp", "--if-local-changes", "abort"]).fails(1);
        served.run(&["sync", "-y", "--if-removed", "keep-data"]).fails(1).says("changed by hand");
        assert_eq!((served.is_closed(), served.state()), (true, "pending".into()), "{program}");
        served.campus.env.write("one/public/blocks/xp/lib.php", "<?php // block_xp\n");
        served.want("5.1", &["block_xp"]);
        // Still so, then mended: it goes on, and opens at the end.
        served.run(&["sync", "-y"]).fails(1).says("attempt 2");
        assert!(served.is_closed());
        served.log();
        served.clear(&format!("fail-{program}"));
        served.run(&["sync", "-y"]).succeeds().says("attempt 3");
        assert_eq!(served.log(), and("composer install --no-dev --classmap-authoritative --no-interaction", &UPGRADE[1..]));
        assert_eq!((served.is_closed(), served.state()), (false, "clean".into()));
    }
    // What does not let the site be closed keeps it as it is.
    let served = Served::running("");
    served.want("5.1", &["block_xp"]);
    served.beside("fail-maintenance");
    served.run(&["sync", "-y"]).fails(1).says("did not let site `one` change");
    assert!(served.campus.env.exists("one/blocks/xp") && !served.campus.env.exists("one/public"));
    served.clear("fail-maintenance");
    // A change that fails before a file changed opens it again.
    served.campus.env.write("one/blocks/xp/lib.php", "<?php // edited");
    served.log();
    served.run(&["sync", "-y"]).fails(1).says("changed by hand");
    assert_eq!(served.log(), ["admin/cli/maintenance --enable", "admin/cli/maintenance --disable"]);
    assert!(!served.is_closed());
}

#[test]
fn a_kill_in_any_phase_is_gone_on_from() {
    if !there_is_php() {
        return;
    }
    for program in ["maintenance", "composer", "upgrade", "purge_caches"] {
        let served = Served::running("");
        served.want("5.1", &["block_xp"]);
        served.kill_while(program);
        assert!(program == "maintenance" || served.is_closed(), "{program}");
        assert_eq!(served.campus.env.exists("one/public"), program != "maintenance");
        assert_eq!(served.state(), if program == "maintenance" { "clean" } else { "pending" });
        served.log();
        served.run(&["sync", "-y"]).succeeds();
        let log = served.log();
        let expected = and("composer install --no-dev --classmap-authoritative --no-interaction", &UPGRADE[1..]);
        assert_eq!(log[log.len() - expected.len()..], expected, "{program}: {log:?}");
        assert_eq!((served.is_closed(), served.state(), served.campus.env.read("db")), (false, "clean".into(), "2025100600".into()), "{program}");
        served.run(&["sync", "-y"]).succeeds();
        assert_eq!(served.log(), Vec::<String>::new());
    }
}

#[test]
fn going_back_is_refused_where_the_database_went_on_and_nothing_restores_it() {
    if !there_is_php() {
        return;
    }
    let served = Served::running("");
    served.want("5.1", &["block_xp"]);
    // Before the database was touched there is nothing to refuse.
    served.beside("fail-composer");
    served.run(&["sync", "-y"]).fails(1);
    served.clear("fail-composer");
    served.run(&["rollback", "--site", "one", "--reason", "no composer"]).succeeds();
    assert_eq!((served.is_closed(), served.state(), served.campus.env.exists("one/public")), (false, "held".into(), false));
    served.run(&["sync", "--site", "one", "--release", "-y"]).succeeds();
    assert_eq!(served.campus.env.read("db"), "2025100600");
    served.log();
    served.run(&["rollback", "--site", "one", "--dry-run"]).succeeds().says("too new for it: core/moodle 2025100600 → 2024100701");
    let refused = served.run(&["rollback", "--site", "one"]).fails(1);
    for words in ["core/moodle 2025100600 → 2024100701", "declare what puts the data back", "--data-restored"] {
        assert!(refused.stderr.contains(words), "{words}\n{}", refused.stderr);
    }
    assert_eq!((served.log(), served.is_closed(), served.campus.env.exists("one/public")), (vec![], false, true));
    // Somebody put the database back.
    served.campus.env.write("db", "2024100701");
    served.run(&["rollback", "--site", "one", "--data-restored"]).succeeds();
    assert_eq!((served.is_closed(), served.state(), served.campus.env.read("db")), (false, "held".into(), "2024100701".into()));
    // Plugins count as the core does.
    served.run(&["sync", "--site", "one", "--release", "-y"]).succeeds();
    let xp = served.campus.repo("block_xp");
    xp.write("version.php", plugin("block_xp", "2025090900", "")).commit("newer");
    xp.tag("newer");
    served.run(&["update"]).succeeds();
    served.run(&["sync", "-y"]).succeeds();
    served.run(&["rollback", "--site", "one"]).fails(1).says("plugins/block_xp 2025090900 → 2024010100");
    // Without the hook the record is still there: nobody would put the data back.
    let text = served.campus.env.read("greffon.toml");
    served.campus.env.write("greffon.toml", text.split("[hooks]").next().expect("the rest"));
    served.run(&["rollback", "--site", "one"]).fails(1).says("no hook of this site puts them back");
}

#[test]
fn a_declared_restore_takes_the_database_back() {
    if !there_is_php() {
        return;
    }
    let served = Served::running("backup = [\"cp\", \"../db\", \"../backup-{generation}\"], restore = [\"cp\", \"../backup-{generation}\", \"../db\"]");
    served.want("5.1", &["block_xp"]);
    served.run(&["sync", "-y"]).succeeds();
    assert_eq!(served.campus.env.read("backup-1"), "2024100701");
    served.log();
    served.beside("fail-upgrade");
    // The restore itself is repeated where a step after it fails; the held site's own sync goes on with it.
    served.run(&["rollback", "--site", "one"]).fails(1).says("the step \"upgrade\" failed");
    assert_eq!((served.is_closed(), served.campus.env.exists("one/public")), (true, false));
    served.clear("fail-upgrade");
    served.run(&["sync", "--site", "one"]);
    assert_eq!((served.is_closed(), served.state(), served.campus.env.read("db")), (false, "held".into(), "2024100701".into()));
    let log = served.log();
    assert_eq!(log.first().map(String::as_str), Some("public/admin/cli/maintenance --enable"));
    assert_eq!(log.last().map(String::as_str), Some("admin/cli/maintenance --disable"));
    assert!(!log.iter().any(|line| line.starts_with("composer")), "4.5 asks for none: {log:?}");
    served.run(&["sync", "--site", "one", "--release", "-y"]).succeeds();
    assert_eq!(served.campus.env.read("db"), "2025100600");
    // A restore that fails leaves it closed.
    served.clear("backup-1");
    served.clear("backup-3");
    served.run(&["rollback", "1", "--site", "one"]).fails(1).says("the step \"restore\" failed");
    assert!(served.is_closed());
}

#[test]
fn data_of_a_removed_plugin_go_only_where_somebody_says_so() {
    if !there_is_php() {
        return;
    }
    let served = Served::running("");
    served.want("4.5", &[]);
    served.run(&["plan"]).succeeds().prints("! - plugins/block_xp");
    served.run(&["sync", "-y"]).fails(1).says("may keep data for what goes").says("--purge plugins/block_xp");
    assert!(served.log().is_empty() && served.campus.env.exists("one/blocks/xp"));
    served.run(&["sync", "-y", "--purge", "core/moodle"]).fails(1);
    // A program that cannot: the files stay, and the site opens.
    served.beside("fail-uninstall_plugins");
    served.run(&["sync", "-y", "--purge", "block_xp"]).fails(1).says("could not destroy data").says("cannot uninstall_plugins today");
    assert!(served.campus.env.exists("one/blocks/xp") && !served.is_closed());
    served.clear("fail-uninstall_plugins");
    served.log();
    served.run(&["sync", "-y", "--purge", "plugins/block_xp"]).succeeds();
    assert_eq!(served.log()[..2], ["admin/cli/maintenance --enable", "admin/cli/uninstall_plugins --plugins=block_xp --run"]);
    assert!(!served.campus.env.exists("one/blocks/xp"));
    let other = Served::running("");
    other.want("4.5", &[]);
    other.run(&["sync", "-y", "--if-removed", "keep-data"]).succeeds();
    assert!(!other.log().iter().any(|line| line.contains("uninstall")) && !other.campus.env.exists("one/blocks/xp"));
}

#[test]
fn a_person_is_asked_what_becomes_of_the_data() {
    if !there_is_php() {
        return;
    }
    for (answer, called, gone) in [("abort", false, false), ("keep-data", false, true), ("purge", true, true)] {
        let served = Served::running("");
        served.want("4.5", &[]);
        let mut terminal = Terminal::start(served.start(&["sync", "--site", "one"]));
        terminal.wait_for("what of the data that the application keeps for it");
        terminal.wait_for("purge");
        let at = ["abort", "keep-data", "purge"].iter().position(|choice| *choice == answer).expect("a choice");
        terminal.press(&format!("{}\r", "\u{1b}[B".repeat(at)));
        if answer != "abort" {
            terminal.wait_for("carry this out");
            terminal.press("y\r");
        }
        let (status, text) = terminal.end();
        assert_eq!(status, Some(i32::from(answer == "abort")), "{answer}: {text}");
        let log = served.log();
        assert_eq!(log.iter().any(|line| line.contains("uninstall_plugins --plugins=block_xp --run")), called, "{answer}: {log:?}");
        assert_eq!(!served.campus.env.exists("one/blocks/xp"), gone, "{answer}: {text}");
        assert!(!served.is_closed());
    }
}

/// Only root can become somebody else.
fn can_become_nobody() -> bool {
    let said = |program: &str, arguments: &[&str]| Command::new(program).args(arguments).output().ok().filter(|said| said.status.success());
    let root = said("id", &["-u"]).is_some_and(|said| said.stdout.trim_ascii() == b"0");
    let can = root && said("runuser", &["-u", "nobody", "--", "true"]).is_some();
    if !can {
        eprintln!("skipped: this user cannot become `nobody`");
    }
    can
}

#[test]
fn the_programs_run_as_the_user_who_is_named() {
    if !there_is_php() || !can_become_nobody() {
        return;
    }
    for user in ["nobody", "root"] {
        // Whoever opens and closes it writes beside it, where nobody but root may.
        let served = Served::running("maintenance = false");
        let env = &served.campus.env;
        let open = |path: &std::path::Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        std::fs::create_dir_all(env.path("whos")).expect("a folder");
        env.write("log", "");
        for (path, mode) in [(env.root().to_owned(), 0o755), (env.path("whos"), 0o777), (env.path("db"), 0o666), (env.path("log"), 0o666)] {
            open(&path, mode);
        }
        served.want("5.1", &["block_xp"]);
        let text = env.read("greffon.toml");
        if user == "nobody" {
            env.write("greffon.toml", text.replace("around = {", "around = { run-as = \"nobody\","));
        }
        served.run(&["trust"]).succeeds();
        served.run(&["sync", "-y"]).succeeds().says("composer upgrade caches ended well");
        for program in ["upgrade", "purge_caches"] {
            assert_eq!(env.read(format!("whos/{program}")), user, "{program}");
        }
        assert_eq!((served.state(), env.read("db")), ("clean".into(), "2025100600".into()));
        // What is written to the site is greffon's all the same.
        let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(env.path("one/public/version.php")).expect("it is there"));
        assert_eq!(owner, 0);
    }
}
