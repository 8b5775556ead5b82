//! `extension check|run|test` for libraries: looked at without being opened, called where the user says so.

use super::build;
use super::support::TestEnvironment;

#[test]
fn one_method_of_a_library_is_called_where_the_user_lets_it() {
    let env = TestEnvironment::new();
    env.write("packages.list", "packages/alpha 1.0 files/alpha-1.0.tar.gz\n");
    let shelf = build::shelf().display().to_string();
    let run = |method: &str, more: &[&str]| {
        let words = ["extension", "run", &shelf, method, "{\"id\": \"packages/alpha\"}", "--option", "list=packages.list"];
        env.greffon(words.into_iter().chain(more.iter().copied())).run()
    };
    run("versions", &["--role", "repository"]).fails(1).says("can do anything that you can do").says("`--allow native`");
    run("versions", &["--role", "repository", "--allow", "net=a.example"]).fails(2).says("no grant holds it");
    run("versions", &["--allow", "native"]).fails(2).says("what the library").says("--role repository");
    let told = run("versions", &["--role", "repository", "--allow", "native", "--json"]).succeeds().json();
    assert_eq!((&told["schema"], &told["answer"][0]["version"]), (&"greffon/extension-run/1".into(), &"1.0".into()), "{told}");
    assert_eq!(run("describe", &["--role", "repository", "--allow", "native", "--json"]).succeeds().json()["answer"]["role"], "repository");
    run("version", &["--role", "repository", "--allow", "native"]).fails(2).says("has no method `version`").says("did you mean `versions`?");
    run("place", &["--role", "installer", "--allow", "native"]).fails(1).says("it serves as repository");
    // What goes wrong in it is told with its name.
    let panics = build::panics().display().to_string();
    let panicked = env.greffon(["extension", "run", &panics, "versions", "{\"id\":\"plugins/a\"}", "--role", "repository", "--allow", "native"]).run().fails(1);
    panicked.says("the native library").says("panicked");
    // An installer in Rust, by its library.
    let layout = build::layout().display().to_string();
    let words = [
        "extension",
        "run",
        &layout,
        "scheme",
        "{\"type\": \"plugins\"}",
        "--role",
        "installer",
        "--option",
        "types={\"plugins\": \"plugins/{name}\"}",
        "--allow",
        "native",
    ];
    assert_eq!(env.greffon(words).run().succeeds().stdout.trim(), "null");
}

#[test]
fn a_library_is_looked_at_without_being_opened() {
    let env = TestEnvironment::new();
    let shelf = build::shelf();
    let checked = env.greffon(["extension".as_ref(), "check".as_ref(), shelf.as_os_str(), "--json".as_ref()]).run().succeeds().json();
    let pinned = format!("sha256:{}", build::pin(shelf));
    assert_eq!((&checked["extensions"][0]["hash"], &checked["failed"]), (&pinned.as_str().into(), &false.into()), "{checked}");
    env.greffon(["extension".as_ref(), "check".as_ref(), shelf.as_os_str()]).run().succeeds().prints(&pinned);
    env.write("lib/none.so", "no library");
    env.greffon(["extension", "check", "lib/none.so"]).run().fails(1).says("it is no library of this system");
    let elsewhere = build::twin("ELSEWHERE");
    env.greffon(["extension".as_ref(), "check".as_ref(), elsewhere.as_os_str()]).run().fails(1).says("exports no table `greffon_extension`");
    let mut foreign = std::fs::read(shelf).expect("a library");
    foreign[18] ^= 0xff;
    env.write("lib/foreign.so", foreign);
    env.greffon(["extension", "check", "lib/foreign.so"]).run().fails(1).says("made for another machine");
    let tested = env.greffon(["extension".as_ref(), "test".as_ref(), shelf.as_os_str()]).run().fails(2);
    tested.says("has no tests that greffon could run").says("cargo test").says("extension run");
    // A crate that is not built yet is told how.
    env.greffon(["extension", "new", "my-layout", "--role", "native"]).run().succeeds();
    env.greffon(["extension", "run", "my-layout", "place", "{}", "--allow", "native"]).run().fails(1).says("is not built yet").says("cargo build --release");
}

#[test]
fn a_plan_tells_what_a_library_may_do() {
    let env = TestEnvironment::new();
    super::swap::packages(&env);
    let shelf = build::shelf();
    let native = format!("use = \"native:{}\", sha256 = \"{}\", trust = \"native\", list = \"packages/packages.list\"", shelf.display(), build::pin(shelf));
    env.write("greffon.toml", super::swap::manifest(&native, "use = \"builtin:tree\", types = { plugins = \"plugins/{name}\" }"));
    env.greffon(["trust"]).run().succeeds();
    let plan = env.greffon(["plan", "--json"]).run().succeeds().json();
    let one = &plan["libraries"][0];
    let pinned = format!("sha256:{}", build::pin(shelf));
    assert_eq!(
        (&one["role"], &one["pinned"], &one["found"], &one["trusted"]),
        (&"repository".into(), &pinned.as_str().into(), &pinned.as_str().into(), &true.into()),
        "{plan:#}"
    );
    let name = shelf.file_name().expect("a name").to_string_lossy().into_owned();
    env.greffon(["plan"]).run().succeeds().prints(&format!("library {name} (repository) may: whatever you may; {pinned}"));
    // What lies there now is another: the plan cannot be made with it, and says so.
    let other = env.path("other.so");
    std::fs::write(&other, "another").expect("written");
    env.write("greffon.toml", env.read("greffon.toml").replace(&shelf.display().to_string(), &other.display().to_string()));
    env.greffon(["plan"]).run().fails(1).says("is not the one that was pinned");
    env.greffon(["extension", "list"]).run().succeeds().prints("not loaded: it is not the one that was pinned");
}
