//! An index on disk, written by hand, and a manifest over it.

use serde_json::{Value, json};

use super::support::{Outcome, TestEnvironment};

/// A machine with an index `public/`; sites are what the manifest says.
pub struct World {
    pub env: TestEnvironment,
}

/// A version that needs these; further keys with [`with`].
pub fn v(version: &str, needs: &[(&str, &str)]) -> Value {
    let needs: serde_json::Map<String, Value> = needs.iter().map(|(id, text)| ((*id).to_owned(), Value::from(*text))).collect();
    json!({ "version": version, "dependencies": needs })
}

/// A version with a further key.
pub fn with(mut version: Value, key: &str, value: Value) -> Value {
    version[key] = value;
    version
}

impl World {
    /// With an empty index.
    pub fn new() -> Self {
        let world = Self { env: TestEnvironment::new() };
        world.index("public");
        world
    }

    /// Another empty index.
    pub fn index(&self, folder: &str) {
        self.env.write(format!("{folder}/config.json"), json!({ "schema": "greffon/index/1", "name": folder, "types": {} }).to_string());
        self.env.write(format!("{folder}/names.json"), json!({ "schema": "greffon/index/1", "elements": [] }).to_string());
    }

    /// Publishes an element in `public`, as 3m; each version is a folder of one file that names it.
    pub fn put(&self, id: &str, versions: &[Value]) -> &Self {
        self.put_in("public", id, None, versions)
    }

    /// The same in an index, with a scheme.
    pub fn put_in(&self, index: &str, id: &str, scheme: Option<&str>, versions: &[Value]) -> &Self {
        let (kind, name) = id.split_once('/').expect("an id");
        let mut list = versions.to_vec();
        for version in &mut list {
            let text = version["version"].as_str().expect("a version").to_owned();
            let folder = format!("files/{kind}-{name}-{text}");
            self.env.write(format!("{index}/{folder}/code.txt"), format!("{name} {text}\n"));
            let scheme = scheme.map(|scheme| format!("scheme = \"{scheme}\"\n")).unwrap_or_default();
            self.env
                .write(format!("{index}/{folder}/greffon.toml"), format!("[package]\ntype = \"{kind}\"\nname = \"{name}\"\nversion = \"{text}\"\n{scheme}"));
            version["download"] = json!({ "path": folder });
        }
        let mut element = json!({ "type": kind, "name": name, "versions": list });
        if let Some(scheme) = scheme {
            element["scheme"] = scheme.into();
        }
        self.env.write(format!("{index}/elements/{kind}/{name}.json"), element.to_string());
        let file = format!("{index}/names.json");
        let mut names: Value = serde_json::from_str(&self.env.read(&file)).expect("JSON");
        let entry = json!({ "type": kind, "name": name });
        let known = names["elements"].as_array_mut().expect("a list");
        if !known.contains(&entry) {
            known.push(entry);
        }
        self.env.write(&file, names.to_string());
        self
    }

    /// Plain versions without needs.
    pub fn plain(&self, id: &str, versions: &[&str]) -> &Self {
        self.put(id, &versions.iter().map(|version| v(version, &[])).collect::<Vec<_>>())
    }

    /// Writes the manifest; the text begins on line 10 of the file.
    pub fn manifest(&self, text: &str) -> &Self {
        self.env.write(
            "greffon.toml",
            format!(
                "[config]\ninstaller = {{ use = \"builtin:tree\", types = {{ core = \".\", plugins = \"plugins/{{name}}\", themes = \"themes/{{name}}\" }} }}\n\n\
                 [[config.repositories]]\nname = \"ours\"\nuse = \"builtin:index\"\nurl = \"public\"\n\n# what is wanted\n{text}"
            ),
        );
        self
    }

    /// Runs the binary.
    pub fn run(&self, words: &str) -> Outcome {
        self.env.greffon(words.split_whitespace()).run()
    }

    /// Resolves, which must go well.
    pub fn lock(&self) -> Outcome {
        self.run("lock").succeeds()
    }

    /// The locked versions as `name version`, sorted as the lockfile is.
    pub fn locked(&self) -> Vec<String> {
        let text = self.env.read("greffon.lock");
        let keys = text.lines().filter_map(|line| line.strip_prefix('"')?.split_once("\" =").map(|(key, _)| key.to_owned()));
        keys.filter(|key| key.contains('@')).filter_map(|key| Some(key.split_once('/')?.1.replace('@', " "))).collect()
    }

    /// What stands of an element in a site.
    pub fn code(&self, site: &str, name: &str) -> String {
        let file = format!("{site}/plugins/{name}/code.txt");
        if self.env.exists(&file) { self.env.read(&file) } else { String::new() }
    }
}

/// A core of several releases, and a plugin whose newer versions need a newer core.
pub fn too_old() -> World {
    let world = World::new();
    world.plain("core/campus", &["4.5.0", "4.5.6", "5.0.0", "5.1.0"]);
    let forum: Vec<Value> = [("1.9.0", ">=4.4"), ("2.1.0", ">=5.0"), ("2.2.0", ">=5.0"), ("2.4.0", ">=5.0")]
        .into_iter()
        .map(|(version, core)| v(version, &[("core/campus", core)]))
        .collect();
    world.put("plugins/forum", &forum);
    world.manifest("[types.core]\ncampus = \"4.5.6\"   # the school's\n\n[types.plugins]\nforum = \"2.*\"\n");
    world
}

/// Two plugins that want different versions of a third.
pub fn diamond() -> World {
    let world = World::new();
    world.put("plugins/quiz", &[v("1.0.0", &[("plugins/grades", "1.*")]), v("2.0.0", &[("plugins/grades", "2.*")])]);
    world.put("plugins/report", &[v("3.0.0", &[("plugins/grades", "1.*")])]);
    world.plain("plugins/grades", &["1.0.0", "1.2.0", "2.0.0"]);
    world.manifest("[types.plugins]\nquiz = \"*\"\nreport = \"*\"\n");
    world
}
