//! The site that hostile scripts stand before, and what must hold after each.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::shop::{INSTALLER, Shop};

/// What stands where no script may look.
pub(crate) const CANARY: &str = "canary-4f1c";
/// How long a script's own work may take here.
const SECONDS: u64 = 1;
/// The value of the secret `key`, and the lines that make it one.
pub(crate) const SECRET: &str = "canary-4f1c-of-the-shop";
pub(crate) const KEY: &str = "[config.secrets]\nkey = { file = \"../key\" }\n";

/// One hostile script.
pub(crate) struct Case {
    /// What it tries.
    pub name: &'static str,
    /// What it serves as.
    pub serves: Serves,
    /// Its text; for hooks the body of `before_sync`.
    pub text: String,
    /// Lines under its `[extensions.h]`.
    pub grants: String,
    /// What the error says: each of them, `|` between words of which one will do.
    pub says: &'static [&'static str],
}

/// What a script is used as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serves {
    /// The body of a hook `before_sync(event, host)`.
    Hook,
    /// A whole script as the repository of the site's plugins.
    Repository,
    /// A whole script as the installer, over nothing.
    Installer,
    /// A whole script as the downloader over the built-in one.
    Downloader,
    /// A whole script as the version scheme of plugins.
    Scheme,
    /// A whole script as the stock over the built-in one.
    Stock,
    /// A whole script as the client.
    Client,
}

pub(crate) fn hook(name: &'static str, body: impl Into<String>, says: &'static [&'static str]) -> Case {
    Case { name, serves: Serves::Hook, text: body.into(), grants: String::new(), says }
}

pub(crate) fn script(serves: Serves, name: &'static str, text: impl Into<String>, says: &'static [&'static str]) -> Case {
    Case { name, serves, text: text.into(), grants: String::new(), says }
}

/// The body of a hook that may do this: a line `allow = …`, and further ones.
pub(crate) fn granted(name: &'static str, grants: impl Into<String>, body: impl Into<String>, says: &'static [&'static str]) -> Case {
    Case { grants: grants.into(), ..hook(name, body, says) }
}

/// A text as a script writes it.
fn quoted(text: &str) -> String {
    let letter = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        other => format!("\\U{:08x}", other as u32),
    };
    format!("\"{}\"", text.chars().map(letter).collect::<String>())
}

/// The body of a hook that tries each of these as `it` and throws those that were not refused with one of `words`.
pub(crate) fn each(tried: &[String], attempt: &str, words: &[&str]) -> String {
    let list = tried.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", ");
    let fine = words.iter().map(|word| format!("e.message.contains({word:?})")).collect::<Vec<_>>().join(" || ");
    format!(
        "let through = [];\nfor it in [{list}] {{\n try {{ {attempt}; through.push(it); }} catch (e) {{ if !({fine}) {{ through.push(`${{it}}: ${{e.message}}`); }} }}\n}}\nthrow `through: ${{through}}`;"
    )
}

/// A machine with a site at 1.0.0 whose manifest will want 1.1.0.
pub(crate) struct Stage {
    pub shop: Shop,
    site: BTreeMap<String, String>,
    around: BTreeMap<String, String>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let shop = Shop::new();
        shop.publish("ours", "a", "1.0.0", &[]);
        shop.publish("ours", "a", "1.1.0", &[]);
        std::fs::create_dir_all(shop.env.root().join("outside")).expect("a folder");
        std::fs::write(shop.env.root().join("outside/secret.rhai"), format!("fn stolen() {{ \"{CANARY}\" }}\n")).expect("written");
        std::fs::write(shop.env.root().join("outside/secret.txt"), CANARY).expect("written");
        shop.env.write("private.txt", CANARY);
        shop.manifest(&["ours"], "a = \"=1.0.0\"", "[sites.one]\npath = \"one\"\n");
        shop.env.greffon(["sync"]).run().succeeds();
        let mut stage = Self { shop, site: BTreeMap::new(), around: BTreeMap::new() };
        stage.site = stage.shop.env.tree("one");
        stage.around = stage.surroundings();
        stage
    }

    /// Every file that is neither the site's, nor the manifest's, nor the hostile script's own.
    fn surroundings(&self) -> BTreeMap<String, String> {
        let mut all = self.shop.env.tree(".");
        all.retain(|path, _| !path.starts_with("one/") && !path.starts_with("x/") && !path.starts_with("greffon.") && path != ".gitattributes");
        all.extend(self.shop.env.tree("../outside").into_iter().map(|(path, content)| (format!("../outside/{path}"), content)));
        all
    }

    /// A manifest that wants 1.1.0 and uses a script at `x/h.rhai`.
    pub(crate) fn manifest(&self, serves: Serves, more: &str) -> String {
        let limits = format!("[extensions.h]\nlimits = {{ seconds = {SECONDS}, waiting = {SECONDS} }}\n{more}");
        let ours = self.shop.repository("ours", "");
        let rest = "[types.plugins]\na = \"=1.1.0\"\n[sites.one]\npath = \"one\"\n";
        let config = |line: &str| INSTALLER.replace("[config]\n", &format!("[config]\n{line}\n"));
        match serves {
            Serves::Hook => format!("{INSTALLER}{ours}[hooks]\nbefore-sync = \"x/h.rhai\"\n{limits}{rest}"),
            Serves::Repository => format!("{INSTALLER}[[config.repositories]]\nname = \"ours\"\nuse = \"script:x/h.rhai\"\n{limits}{rest}"),
            Serves::Installer => format!("[config]\ninstaller = \"script:x/h.rhai\"\n{ours}{limits}{rest}"),
            Serves::Downloader => {
                format!("{}{ours}{limits}{rest}", config("downloader = { use = \"script:x/h.rhai\", over = \"builtin:standard\" }"))
            }
            Serves::Stock => format!("{}{ours}{limits}{rest}", config("stock = { use = \"script:x/h.rhai\", over = \"builtin:store\" }")),
            Serves::Client => format!("{}{ours}{limits}{rest}", config("client = \"script:x/h.rhai\"")),
            Serves::Scheme => format!("{INSTALLER}schemes = {{ plugins = \"script:x/h.rhai\" }}\n{ours}{limits}{rest}"),
        }
    }

    /// Runs one; gives what is wrong with how it ended.
    pub(crate) fn play(&self, case: &Case) -> Vec<String> {
        self.shop.remove("x");
        let text = if case.serves == Serves::Hook { format!("fn before_sync(event, host) {{\n{}\n}}\n", case.text) } else { case.text.clone() };
        self.shop.env.write("x/h.rhai", text);
        self.prepare(&case.grants);
        self.shop.env.write("greffon.toml", self.manifest(case.serves, &case.grants));
        if case.grants.contains("run = ") {
            self.shop.env.greffon(["trust"]).run().succeeds();
        }
        self.judge(case.name, case.says)
    }

    /// What grants of files and secrets speak of: a folder `x/data`, a key outside.
    fn prepare(&self, grants: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        if grants.contains("x/data") {
            self.shop.env.write("x/data/plain.txt", "plain");
        }
        if grants.contains("key = ") {
            let key = self.shop.env.root().join("key");
            std::fs::write(&key, SECRET).expect("written");
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("private");
        }
    }

    /// Syncs as things stand, and holds what happened to what must hold of every hostile script.
    pub(crate) fn judge(&self, name: &str, says: &[&str]) -> Vec<String> {
        self.judge_after(name, says, || ())
    }

    /// As [`Self::judge`]; `ended` is called after the run, before anything is looked at.
    pub(crate) fn judge_after(&self, name: &str, says: &[&str], ended: impl FnOnce()) -> Vec<String> {
        let idle = Instant::now();
        self.shop.env.greffon(["--version"]).run().succeeds();
        let idle = idle.elapsed();
        let begun = Instant::now();
        let run = self.shop.env.greffon(["sync", "-y"]).env("GREFFON_TOKEN_EVIL", CANARY).run();
        let took = begun.elapsed();
        ended();
        let mut wrong = Vec::new();
        // On a machine that is busy everything takes its multiple; what is not stopped takes a minute or for ever.
        let most = Duration::from_secs(SECONDS + 2 + 20) + idle * 20;
        if took > most {
            wrong.push(format!("it took {took:?}, not {most:?} at most"));
        }
        if run.status != 1 {
            wrong.push(format!("it ended with {}", run.status));
        }
        for words in says {
            if !words.split('|').any(|word| run.stderr.contains(word)) {
                wrong.push(format!("it does not say `{words}`"));
            }
        }
        if run.stderr.contains(CANARY) || run.stdout.contains(CANARY) {
            wrong.push("it tells what it must not know".to_owned());
        }
        if run.stderr.contains("panicked") || run.stderr.contains('\u{1b}') || run.stderr.len() > 64 << 10 {
            wrong.push(format!("what it says is a panic, steers the terminal, or is too long ({} bytes)", run.stderr.len()));
        }
        if self.shop.env.tree("one") != self.site {
            wrong.push("the site changed".to_owned());
        }
        let around = self.surroundings();
        if around != self.around {
            let odd: Vec<&String> = around.iter().filter(|(path, content)| self.around.get(*path) != Some(content)).map(|(path, _)| path).collect();
            wrong.push(format!("something beside the site changed: {odd:?}"));
        }
        if !wrong.is_empty() {
            let shown: String = run.stderr.chars().take(1500).collect();
            wrong.insert(0, format!("== {name}"));
            wrong.push(format!("--- stderr\n{shown}"));
        }
        wrong
    }

    /// Runs all of them, and ends the test where any of them got through.
    pub(crate) fn all(&self, cases: &[Case]) {
        let (mut wrong, mut fresh) = (Vec::new(), None);
        for case in cases {
            let found = fresh.as_ref().unwrap_or(self).play(case);
            // What got through must not hide what comes after it.
            if found.iter().any(|what| what == "the site changed") {
                fresh = Some(Self::new());
            }
            wrong.extend(found);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        self.innocent();
    }

    /// The broken twin of every case: a script that harms nobody goes through, so that none of the above fails for another reason.
    pub(crate) fn innocent(&self) {
        self.shop.remove("x");
        self.shop.env.write("x/h.rhai", "fn before_sync(event, host) { log::info(\"fine\"); }\n");
        self.shop.env.write("greffon.toml", self.manifest(Serves::Hook, ""));
        let wrong = self.judge("innocent", &["loop"]);
        assert!(wrong.iter().any(|what| what == "the site changed") && wrong.iter().any(|what| what == "it ended with 0"), "{wrong:?}");
    }
}
