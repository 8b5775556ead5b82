//! The C repository and the Rust installer in the place of `builtin:folder` and `builtin:tree`: through the real binary, the same
//! lockfile, the same tree.

use super::build;
use super::support::TestEnvironment;
use super::world::{package, tar_gz};

/// A folder of packages that say of themselves what the list and the installer say of them.
pub fn packages(env: &TestEnvironment) {
    let mut list = String::from("# packages of the test\n");
    for (name, version, needs) in [("base", "1.0.0", ""), ("base", "1.1.0", ""), ("forms", "2.0.0", "1.0+"), ("menu", "0.3.0", "")] {
        let dependencies = if needs.is_empty() { String::new() } else { format!("[package.dependencies]\n\"plugins/base\" = \"{needs}\"\n") };
        let own = package("plugins", name, version, &dependencies);
        let needed = if needs.is_empty() { String::new() } else { format!(r#","requires":{{"plugins/base":"{needs}"}}"#) };
        let described = format!(r#"{{"id":"plugins/{name}","version":"{version}"{needed}}}"#);
        let code = format!("{name} {version}\n");
        let archive = tar_gz(&[("x/greffon.toml", &own), ("x/element.json", &described), ("x/src/code.txt", &code)]);
        env.write(format!("packages/plugins/{name}-{version}.tar.gz"), archive);
        let needed = if needs.is_empty() { String::new() } else { format!(" needs=plugins/base:{needs}") };
        list.push_str(&format!("plugins/{name} {version} plugins/{name}-{version}.tar.gz{needed}\n"));
    }
    env.write("packages/packages.list", list);
}

const BUILTIN: &str = "use = \"builtin:folder\", path = \"packages\"";
const TREE: &str = "use = \"builtin:tree\", types = { plugins = \"plugins/{name}\" }";

fn native(library: &std::path::Path, rest: &str) -> String {
    format!("use = \"native:{}\", sha256 = \"{}\", trust = \"native\", {rest}", library.display(), build::pin(library))
}

pub fn manifest(repository: &str, installer: &str) -> String {
    format!(
        "[config]\ninstaller = {{ {installer} }}\nrepositories = [{{ name = \"ours\", {repository} }}]\n\n[types.plugins]\nforms = \"*\"\nmenu = \"0.3+\"\n\n[sites.prod]\npath = \"site\"\n"
    )
}

fn made(repository: &str, installer: &str) -> (String, std::collections::BTreeMap<String, String>, String) {
    let env = TestEnvironment::new();
    packages(&env);
    env.write("greffon.toml", manifest(repository, installer));
    if [repository, installer].iter().any(|used| used.contains("native:")) {
        let said = env.greffon(["sync", "--all", "--create"]).run().fails(1).stderr;
        assert!(said.contains("is not trusted on this machine") && said.contains("greffon trust") && said.contains("loads the native library"), "{said}");
        assert!(!env.exists("site") && !env.exists("greffon.lock"));
        env.greffon(["trust"]).run().succeeds();
    }
    env.greffon(["sync", "--all", "--create"]).run().succeeds();
    let status = env.greffon(["status", "--json"]).run().succeeds().json();
    assert_eq!(status["sites"][0]["state"], "clean");
    assert!(env.greffon(["search", "form"]).run().succeeds().stdout.contains("plugins/forms"));
    env.greffon(["lock", "--check"]).run().succeeds();
    let locked = env.read("greffon.lock");
    let place = env.work().display().to_string();
    // Which bytes a library is stands in the lockfile; nothing else of it may.
    let (elements, hashes) = locked.split_once("\n[extensions]").unwrap_or((&locked, ""));
    let used = [repository, installer].iter().filter(|used| used.contains("native:")).count();
    assert_eq!((hashes.matches("native:").count(), hashes.matches("sha256:").count()), (used, used), "{locked}");
    (elements.trim_end().replace(&place, "."), env.tree("site"), env.greffon(["plan", "--json"]).run().succeeds().json()["sites"][0]["tree"].to_string())
}

#[test]
fn libraries_in_the_place_of_builtins_give_the_same_lockfile_and_the_same_tree() {
    let builtin = made(BUILTIN, TREE);
    assert!(builtin.1.keys().any(|path| path == "plugins/base/src/code.txt"), "{:?}", builtin.1.keys());
    let shelf = native(build::shelf(), "list = \"packages/packages.list\"");
    let layout = native(build::layout(), "types = { plugins = \"plugins/{name}\" }");
    for (what, repository, installer) in
        [("the repository in C", shelf.as_str(), TREE), ("the installer in Rust", BUILTIN, layout.as_str()), ("both", shelf.as_str(), layout.as_str())]
    {
        let swapped = made(repository, installer);
        assert_eq!(swapped.0, builtin.0, "{what}: the lockfile");
        assert_eq!(swapped.1, builtin.1, "{what}: the files");
        assert_eq!(swapped.2, builtin.2, "{what}: the tree");
    }
}

/// A manifest with these lines under `[config]` too.
fn beside(config: &str) -> String {
    manifest(BUILTIN, TREE).replacen("[config]\n", &format!("[config]\n{config}\n"), 1)
}

#[test]
fn client_stock_and_downloader_in_a_library_change_nothing() {
    let (lock, tree, _) = made(BUILTIN, TREE);
    let library = |role: &str, over: &str, more: &str| format!("{role} = {{ {} }}", native(build::hands_on(), &format!("over = \"builtin:{over}\"{more}")));
    let synced = |config: &str| {
        let env = TestEnvironment::new();
        packages(&env);
        env.write("greffon.toml", beside(config));
        env.greffon(["trust"]).run().succeeds();
        let run = env.greffon(["sync", "--all", "--create"]).run();
        (env, run)
    };
    let all = [library("client", "standard", ""), library("stock", "store", ""), library("downloader", "standard", "")];
    for config in all.iter().cloned().chain([all.join("\n")]) {
        let (env, run) = synced(&config);
        run.succeeds();
        let place = env.work().display().to_string();
        let locked = env.read("greffon.lock");
        let elements = locked.split_once("\n[extensions]").map_or(locked.as_str(), |(elements, _)| elements);
        assert_eq!(elements.trim_end().replace(&place, "."), lock, "{config}");
        assert_eq!(env.tree("site"), tree, "{config}");
        assert_eq!(env.greffon(["status", "--json"]).run().succeeds().json()["sites"][0]["state"], "clean");
        env.greffon(["lock", "--check"]).run().succeeds();
    }
    // The twins: a key that no answer has is refused, whatever the method, and nothing of the site is there.
    for (role, over, method) in [("client", "standard", "plan"), ("stock", "store", "store_element"), ("downloader", "standard", "download")] {
        let (env, run) = synced(&library(role, over, &format!(", misspells = \"{method}\"")));
        assert_eq!(run.status, 1, "{method}: {}", run.stderr);
        run.fails(1).says("there is no key `digset`").says(&format!("`{method}`"));
        assert!(!env.exists("site"), "{method}");
    }
}

#[test]
fn what_the_manifest_lacks_is_told_with_its_place() {
    let env = TestEnvironment::new();
    packages(&env);
    let library = build::shelf().display().to_string();
    env.write("greffon.toml", manifest(BUILTIN, TREE));
    env.greffon(["trust"]).run().succeeds();
    env.write("greffon.toml", manifest(&format!("use = \"native:{library}\", list = \"packages/packages.list\""), TREE));
    let said = env.greffon(["lock"]).run().fails(1).stderr;
    assert!(said.contains("greffon.toml:3") && said.contains("trust = \"native\"") && said.contains(&library), "{said}");
    env.write("greffon.toml", manifest(&format!("use = \"native:{library}\", trust = \"native\", list = \"packages/packages.list\""), TREE));
    let said = env.greffon(["lock"]).run().fails(1).stderr;
    assert!(said.contains(&format!("sha256 = \"{}\"", build::pin(build::shelf()))), "{said}");
    assert!(!env.exists("greffon.lock"));
}
