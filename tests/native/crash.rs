//! Libraries that take the process with them: the message says which one it was, and the site stays as it was.

use super::build::{self, twin};
use super::support::TestEnvironment;
use super::swap::{manifest, packages};

const TREE: &str = "use = \"builtin:tree\", types = { plugins = \"plugins/{name}\" }";
const FOLDER: &str = "use = \"builtin:folder\", path = \"packages\"";

fn used(library: &std::path::Path) -> String {
    format!("use = \"native:{}\", sha256 = \"{}\", trust = \"native\"", library.display(), build::pin(library))
}

#[test]
fn who_crashes_is_named_and_the_site_stays_as_it_was() {
    let env = TestEnvironment::new();
    packages(&env);
    env.write("greffon.toml", manifest(FOLDER, TREE));
    env.greffon(["sync", "--all", "--create"]).run().succeeds();
    env.greffon(["trust"]).run().succeeds();
    let (before, locked) = (env.tree("site"), env.read("greffon.lock"));
    for (fault, status, words) in [
        ("ABORTS", 128 + 6, "aborted the program"),
        ("SEGFAULTS", 128 + 11, "crashed (segmentation fault)"),
        ("SEGFAULTS_AT_OPEN", 128 + 11, "crashed (segmentation fault)"),
        ("OVERFLOWS", 128 + 11, "crashed (segmentation fault)"),
        ("FREES_TWICE", 128 + 6, "aborted the program"),
        ("EXITS", 1, "ended the program in the middle of a call"),
    ] {
        let library = twin(fault);
        let wanted = manifest(&used(&library), TREE).replace("menu = \"0.3+\"", "extra = \"*\"");
        env.write("greffon.toml", wanted);
        let run = env.greffon(["sync", "--all", "-y"]).run();
        assert_eq!(run.status, status, "{fault}: {}", run.stderr);
        assert!(run.stderr.contains(&format!("the native library `{}` {words}", library.display())), "{fault}: {}", run.stderr);
        assert!(run.stderr.contains("hint: every site is as it was"), "{fault}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{fault}");
        assert_eq!((env.tree("site"), env.read("greffon.lock")), (before.clone(), locked.clone()), "{fault}: something changed");
    }
    env.write("greffon.toml", manifest(FOLDER, TREE));
    assert_eq!(env.greffon(["status", "--json"]).run().succeeds().json()["sites"][0]["state"], "clean");
    env.greffon(["plan", "--exit-code"]).run().succeeds();
}

#[test]
fn a_thread_that_runs_on_and_a_call_that_never_ends_do_not_keep_the_program() {
    let env = TestEnvironment::new();
    packages(&env);
    env.write("greffon.toml", manifest(&used(&twin("THREAD")), TREE).replace("menu", "a").replace("forms = \"*\"\n", "").replace("0.3+", "*"));
    env.greffon(["trust"]).run().succeeds();
    let begun = std::time::Instant::now();
    let run = env.greffon(["lock"]).run().succeeds();
    assert!(!run.stderr.contains("from a thread"), "nobody asked that thread: {}", run.stderr);
    assert!(env.read("greffon.lock").contains("plugins/a@1.0"));
    env.write("greffon.toml", manifest(&format!("{}, limits = {{ seconds = 1 }}", used(&twin("SLEEPS"))), TREE));
    let said = env.greffon(["lock"]).run().fails(1).stderr;
    assert!(said.contains("did not come back within 1 s") && said.contains("SLEEPS"), "{said}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(200), "{:?}", begun.elapsed());
}
