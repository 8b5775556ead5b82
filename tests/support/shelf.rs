//! A small world: an index of packages published by the real binary, served over http, and a manifest with two sites.

use super::{FileServer, TestEnvironment};

/// `packages/base` 1.0.0 and 1.1.0, `packages/forms` 1.0.0 which needs base; sites `prod` and `test` below `work`.
pub struct Shelf {
    /// Where everything lies.
    pub env: TestEnvironment,
    /// Serves `work/public`.
    pub server: FileServer,
}

impl Default for Shelf {
    fn default() -> Self {
        Self::new()
    }
}

impl Shelf {
    /// Published, with a manifest that wants `packages/forms`; nothing is locked yet.
    pub fn new() -> Self {
        let env = TestEnvironment::new();
        std::fs::create_dir_all(env.path("public")).expect("a folder");
        let server = FileServer::of_folder(&env.path("public"));
        let shelf = Self { env, server };
        shelf.publish("base", "1.0.0", "");
        shelf.publish("forms", "1.0.0", "[package.dependencies]\n\"packages/base\" = \"^1.0\"\n");
        shelf.manifest("[types.packages]\nforms = \"*\"\n");
        shelf
    }

    /// Publishes a package of one code file.
    pub fn publish(&self, name: &str, version: &str, more: &str) {
        self.env.write(
            format!("packages/{name}/greffon.toml"),
            format!(
                "[package]\ntype = \"packages\"\nname = \"{name}\"\nversion = \"{version}\"\nscheme = \"semver\"\nsummary = \"The {name} of it all\"\n{more}"
            ),
        );
        self.env.write(format!("packages/{name}/code.txt"), format!("{name} {version}\n"));
        self.env.greffon(["repo", "index", "public", &format!("packages/{name}"), "--name", "ours"]).run().succeeds();
    }

    /// Writes the manifest: the index, two sites, and these wishes.
    pub fn manifest(&self, wishes: &str) {
        self.env.write(
            "greffon.toml",
            format!(
                "[config]\ninstaller = {{ use = \"builtin:tree\", types = {{ packages = {{ path = \"packages/{{name}}\", scheme = \"semver\" }} }} }}\n\n\
                 [[config.repositories]]\nname = \"ours\"\nuse = \"builtin:index\"\nurl = \"{}\"\n\n\
                 {wishes}\n[sites.prod]\npath = \"sites/prod\"\n[sites.test]\npath = \"sites/test\"\n",
                self.server.url("/")
            ),
        );
    }

    /// Both sites made as wanted.
    pub fn synced(self) -> Self {
        self.env.greffon(["sync", "--all", "--create"]).run().succeeds();
        self
    }
}
