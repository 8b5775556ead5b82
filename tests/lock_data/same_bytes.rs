//! The lock is the same file, byte by byte, in whatever order and however late answers come.

use std::time::Duration;

use serde_json::{Value, json};

use super::data::Packages;
use super::registry::{self, manifest};
use super::support::{Fault, FileServer, TestEnvironment};

const NAMES: usize = 12;

/// A chain whose newest end does not fit, so that the search looks back, and leaves that are met in many rounds.
fn packages() -> Value {
    let mut packages = serde_json::Map::new();
    for at in 0..NAMES {
        let next = format!("p{}", at + 1);
        let leaf = format!("leaf{at}");
        let mut old = json!({ "deps": { leaf.as_str(): "<2.0.0" } });
        let mut new = json!({ "deps": { leaf.as_str(): "*", "shared": ">=2.0.0" } });
        if at + 1 < NAMES {
            old["deps"][&next] = json!("*");
            new["deps"][&next] = json!(if at % 3 == 1 { "<2.0.0" } else { "*" });
        }
        packages.insert(format!("p{at}"), json!({ "1.0.0": old, "2.0.0": new }));
        packages.insert(leaf, json!({ "1.0.0": {}, "1.5.0": {}, "2.0.0": { "conflicts": { "shared": ">=3.0.0" } } }));
    }
    packages.insert("shared".to_owned(), json!({ "1.0.0": {}, "2.0.0": {}, "3.0.0": {} }));
    packages.into()
}

struct World {
    env: TestEnvironment,
    server: FileServer,
    packages: Packages,
}

impl World {
    fn new() -> Self {
        let env = TestEnvironment::new();
        let packages: Packages = serde_json::from_value(packages()).expect("packages");
        registry::write(&packages, &env.path("index"));
        let server = FileServer::of_folder(&env.path("index"));
        let roots = ["p0", "p5", "leaf3"].map(str::to_owned);
        env.write("greffon.toml", manifest(&server.url("/"), roots.iter().map(|name| (name, "*".to_owned()))));
        Self { env, server, packages }
    }

    /// The lock, made anew while each element's answer is as late as the dice say.
    fn lock(&self, seed: u64, jobs: usize) -> String {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.server.heal();
        for name in self.packages.keys().filter(|_| seed > 0) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.server.fault(&format!("/elements/packages/{name}.json"), 9, Fault::Delay(Duration::from_millis((state >> 33) % 25)));
        }
        let _ = std::fs::remove_file(self.env.path("greffon.lock"));
        self.env.greffon(["lock", "--refresh", "--jobs", &jobs.to_string()]).run().succeeds();
        self.env.read("greffon.lock")
    }

    fn differences(&self, rounds: u64) -> usize {
        let first = self.lock(0, 1);
        assert!(first.contains("packages/p0@") && first.contains("packages/leaf11@"), "{first}");
        (1..=rounds).filter(|seed| self.lock(*seed, [1, 2, 3, 8][*seed as usize % 4]) != first).count()
    }
}

#[test]
fn late_answers_change_no_byte() {
    let world = World::new();
    assert_eq!(world.differences(8), 0);
    // and what the stock remembers of them neither: nothing is asked again here
    let fresh = world.lock(0, 8);
    let _ = std::fs::remove_dir_all(world.env.stock());
    assert_eq!(world.lock(3, 8), fresh, "an empty stock");
}

/// The broken twin: here the answer does depend on when it comes, and the comparison sees it.
#[test]
fn answers_that_depend_on_their_order_are_seen() {
    let world = World::new();
    let other = json!({ "type": "packages", "name": "shared", "versions": [{ "version": "1.0.0" }, { "version": "2.5.0" }] }).to_string();
    let first = world.lock(0, 1);
    world.server.put("/elements/packages/shared.json", other);
    assert_ne!(world.lock(1, 8), first);
}
