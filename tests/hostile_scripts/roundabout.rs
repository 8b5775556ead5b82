//! Roundabout ways: every host function with the longest text there is, chains of redirects, links that come and go, letters that look
//! alike, variables that load other code, questions to nobody.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use super::stage::{CANARY, KEY, SECRET, Serves, Stage, each, granted, hook};
use super::support::FileServer;

const OVER: &str = "`seconds`|`waiting`|`memory`|`operations`|`text`|`items`|`levels`";

/// Every host function that takes texts, with texts as long as they get: each ends in time, and none of them gets anywhere.
#[test]
fn the_longest_texts_are_taken_by_every_function() {
    let tried = [
        "json::parse(s)",
        "json::doc(s)",
        "json::text(s)",
        "json::pretty([s])",
        "json::doc(\"{}\").get(s)",
        "json::doc(\"{}\").get(\"/\" + d)",
        "toml::parse(s)",
        "toml::text(#{ a: s })",
        "xml::parse(s)",
        "xml::parse(\"<a/>\").get(s)",
        "xml::parse(\"<a/>\").all(d)",
        "xml::parse(\"<a/>\").attribute(s)",
        "html::parse(\"<p>\").select(s)",
        "html::parse(\"<p>\").attribute(s)",
        "base64::encode(s)",
        "base64::decode(s)",
        "base64::url(s)",
        "hash::sha256(s)",
        "template::render(s, #{})",
        "template::render(\"{{ a }}\", #{ a: s })",
        "version::is_version(s, \"1\")",
        "version::is_version(\"3m\", s)",
        "version::is_version(\"semver\", s)",
        "version::is_version(\"moodle\", s)",
        "version::is_version(\"date\", s)",
        "version::is_version(\"natural\", d)",
        "version::compare(\"natural\", d, d)",
        "version::matches(\"3m\", s, s)",
        "version::matches(\"semver\", s, \"1.0.0\")",
        "version::matches(\"natural\", d, d)",
        "version::matches(\"moodle\", s, s)",
        "version::matches(\"date\", s, s)",
        "version::sort(\"natural\", [s, s])",
        "path::join([s, s])",
        "path::parent(d)",
        "path::name(d)",
        "path::stem(d)",
        "path::extension(d)",
        "path::normal(d)",
        "path::relative(d, d)",
        "path::is_inside(d, d)",
        "tree::read(s, s)",
        "tree::list(\"4b825dc642cb6eb9a060e54bf8d69288fbee4904\", s)",
        "http::get(s)",
        "http::get(\"http://HOST/\" + s)",
        "http::get(\"http://HOST/x\", #{ headers: #{ \"X-A\": s } })",
        "http::request(s, \"http://HOST/x\", #{})",
        "http::get(\"http://HOST/x\", #{ query: #{ a: s } })",
        "http::download(\"http://HOST/x\", s)",
        "git::refs(s)",
        "git::read(s, s, s)",
        "git::list(\"http://HOST/x\", s)",
        "fs::read(s)",
        "fs::read(d)",
        "fs::exists(d)",
        "fs::write(s, s)",
        "fs::write(\"x/data/f\", s)",
        "fs::make_dir(d)",
        "fs::remove(s)",
        "fs::rename(s, s)",
        "fs::list(d)",
        "hash::sha256_file(s)",
        "archive::list(s)",
        "archive::read(\"x/data/plain.txt\", s)",
        "process::run([s])",
        "process::run([\"true\", s])",
        "process::run([\"true\"], #{ env: #{ A: s } })",
        "process::run([\"true\"], #{ cwd: s })",
        "process::run([\"true\"], #{ input: s })",
        "env::get(s)",
        "secret::get(s)",
        "secret::has(s)",
        "secret::join([s, s])",
        "secret::base64([s])",
        "prompt::text(s, \"x\")",
        "prompt::text(\"q\", s)",
        "prompt::choice(\"q\", \"x\", [s])",
        "log::info(s)",
        "log::warning(d)",
        "progress::start(s, 1)",
        "data::is_known()",
        "host.inner.versions(s)",
        "host.option(s)",
        "Fn(s).call()",
        "s.trimmed()",
        "s.replace(s, \"x\")",
        "s.split(\"x\").len()",
    ];
    let stage = Stage::new();
    let host = stage.shop.files.host();
    let allow = format!(
        "allow = {{ net = [\"{host}\"], read = [\"x/data\"], write = [\"x/data\"], run = [\"true\"], env = [\"A\"], secret = [\"key\"], prompt = true }}\n{KEY}"
    );
    let long = "let s = \"x1.\"; for i in 0..20 { s += s; }\nlet d = \"a/..\"; for i in 0..19 { d += d; }\n";
    let mut wrong = Vec::new();
    for some in tried.chunks(8) {
        let all: String = some.iter().map(|expression| format!("try {{ {}; }} catch (e) {{ }}\n", expression.replace("HOST", &host))).collect();
        let case = granted(
            "the longest text",
            allow.clone(),
            format!("{long}{all}throw \"ended\";"),
            &["h.rhai:", "ended|`seconds`|`waiting`|`operations`|`text`|`memory`|`items`"],
        );
        wrong.extend(stage.play(&case).into_iter().map(|line| format!("{some:?}: {line}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Many things in one call of a host function, which looks at no clock between two steps of the script.
#[test]
fn one_call_that_is_long_ends_too() {
    let long = "let l = []; for i in 0..9000 { l.push(`${(i * 7919) % 9973}.1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9.${i}`); }\n";
    let flat = |part: &str| format!("let s = {part:?}; while s.len < 60000 {{ s += s; }}\nlet p = html::parse(s);\n");
    Stage::new().all(&[
        hook("versions in order", format!("{long}loop {{ version::sort(\"natural\", l); version::newest(\"3m\", l); }}"), &["h.rhai:", OVER]),
        hook(
            "siblings of siblings",
            flat("<i></i>") + "loop { p.select(\"b ~ i ~ i ~ i ~ i\"); p.select(\"i + i + i ~ i:not(i ~ i ~ b)\"); }",
            &["h.rhai:", OVER],
        ),
        hook(
            "a comparison that waits for nobody",
            "let a = [3, 1, 2, 9, 4]; loop { a.sort(|x, y| { try { prompt::text(\"q\", \"x\"); } catch { } 0 }); }",
            &["h.rhai:", "`seconds`|`operations`|`prompt`|not found|allow"],
        ),
        hook("texts in texts", "let a = \"\"; for i in 0..1000000 { a = `${a}${i}${a}`; }", &["h.rhai:", OVER]),
        hook("letters one by one", "let s = \"é\"; for i in 0..20 { s += s; }\nlet i = 0; loop { s[i] = 'x'; i = (i + 1) % s.len; }", &["h.rhai:", OVER]),
        hook(
            "a search in every place",
            "let s = \"a\"; for i in 0..20 { s += s; }\nlet t = s + \"b\"; loop { s.index_of(t); s.contains(t); t.index_of(\"b\"); }",
            &["h.rhai:", OVER],
        ),
    ]);
}

/// A granted host that sends on to itself again and again, and then elsewhere.
#[test]
fn a_chain_of_redirects_leads_nowhere_else() {
    let stage = Stage::new();
    let other = FileServer::start();
    other.put("/canary", CANARY);
    let files = &stage.shop.files;
    let port = other.host().rsplit(':').next().expect("a port").to_owned();
    let ends = [
        "http://169.254.169.254/latest/meta-data/iam/".to_owned(),
        format!("http://{}/canary", other.host()),
        format!("http://[::ffff:169.254.169.254]:{port}/"),
        "http://metadata.google.internal/".to_owned(),
        format!("//127.0.0.1:{port}/canary"),
        format!("http://127。0。0。1:{port}/canary"),
        "\\\\169.254.169.254\\x".to_owned(),
    ];
    let mut starts = Vec::new();
    for (at, end) in ends.iter().enumerate() {
        // Four steps that are granted, each with another status, and one that is not.
        for (step, status) in [301, 302, 303, 307].into_iter().enumerate() {
            let to = if step == 3 { end.clone() } else { format!("/c{at}/{}?a=%2e%2e%2f", step + 1) };
            let query = if step == 0 { "" } else { "?a=%2e%2e%2f" };
            files.redirect(&format!("/c{at}/{step}{query}"), status, &to);
        }
        starts.push(files.url(&format!("/c{at}/0")));
    }
    files.redirect("/round", 302, "/round2");
    files.redirect("/round2", 307, "/round");
    starts.push(files.url("/round"));
    let words = ["may not reach", "redirect", "not a http", "unexpected status", "cannot be asked"];
    let allow = format!("allow = {{ net = [\"{}\"], write = [\"x/data\"], secret = [\"key\"] }}\n{KEY}", files.host());
    let ask = |name, attempt: &str| granted(name, allow.clone(), each(&starts, attempt, &words), &["through: []"]);
    stage.all(&[
        ask("asked", "let a = http::get(it, #{ auth: secret::get(\"key\") }); if a.status < 400 { a.text } else { throw #{ message: \"redirect\" } }"),
        ask(
            "posted",
            "let a = http::post(it, #{ json: #{ k: secret::get(\"key\") } }); if a.status < 400 { a.text } else { throw #{ message: \"redirect\" } }",
        ),
        ask("downloaded", "http::download(it, \"x/data/f\")"),
        ask("kept", "let a = http::get(it, #{ keep: true }); if a.status < 400 { a.text } else { throw #{ message: \"redirect\" } }"),
    ]);
    assert!(other.requests().is_empty(), "the other host was asked: {:?}", other.requests().len());
    assert!(!other.requests().iter().any(|one| format!("{one:?}").contains(SECRET)));
}

/// Says so when it goes, also where the test gives up: who waits for the swapper would wait for ever.
struct AtTheEnd<'a>(&'a AtomicBool);

impl Drop for AtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A folder that is a link every other moment, for the functions that hand a path on.
#[test]
fn a_link_that_comes_and_goes_leads_no_reader_and_no_program_out() {
    let stage = Stage::new();
    let outside = stage.shop.env.root().join("outside");
    stage.shop.files.put("/evil", "evil");
    // The digest of what stands outside must never be told.
    let body = "let seen = \"nothing\"; let i = 0;\nloop { i += 1; if i > 3000 { break; }\n\
          try { let d = hash::sha256_file(\"x/data/swap/secret.txt\"); if d != hash::sha256(\"inside\") { seen = d; } } catch (e) { if e.message.contains(\"stopped\") { throw seen; } }\n\
          try { archive::list(\"x/data/swap/secret.txt\"); } catch { }\n\
          try { http::download(\"URL\", \"x/data/swap/w.txt\"); } catch { }\n\
          try { if i % 50 == 0 { let p = process::run([\"pwd\", \"-P\"], #{ cwd: \"x/data/swap\" }).stdout; if p.contains(\"outside\") { seen = p; } } } catch { }\n\
        }\nthrow seen;"
        .replace("URL", &stage.shop.files.url("/evil"));
    let allow = format!("allow = {{ net = [\"{}\"], write = [\"x/data\"], run = [\"pwd\"] }}\n", stage.shop.files.host());
    let case = granted("a link that comes and goes", allow.clone(), body, &["h.rhai:", "nothing|`seconds`|`waiting`|`operations`"]);
    stage.shop.remove("x");
    stage.shop.env.write("x/data/plain.txt", "plain");
    stage.shop.env.write("x/data/swap/secret.txt", "inside");
    stage.shop.env.write("x/h.rhai", format!("fn before_sync(event, host) {{\n{}\n}}\n", case.text));
    stage.shop.env.write("greffon.toml", stage.manifest(Serves::Hook, &allow));
    stage.shop.env.greffon(["trust"]).run().succeeds();
    let data = stage.shop.env.path("x/data");
    let ended = AtomicBool::new(false);
    let wrong = std::thread::scope(|scope| {
        let at_the_end = AtTheEnd(&ended);
        let swapper = scope.spawn(|| {
            let (real, link, at) = (data.join("real"), data.join("link"), data.join("swap"));
            let mut turns = 0;
            while !ended.load(Ordering::SeqCst) {
                let _ = std::fs::rename(&at, &real);
                let _ = symlink(&outside, &link);
                let _ = std::fs::rename(&link, &at);
                let _ = std::fs::remove_file(&at);
                let _ = std::fs::rename(&real, &at);
                turns += 1;
            }
            turns
        });
        stage.judge_after(case.name, case.says, || {
            drop(at_the_end);
            assert!(swapper.join().expect("it ends") > 100, "it was not swapped");
        })
    });
    let wrong: Vec<String> = wrong.into_iter().filter(|line| !line.starts_with("== ")).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let names: Vec<String> = std::fs::read_dir(&outside).expect("there").flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(!names.iter().any(|name| name == "w.txt"), "{names:?}");
}

/// Hosts and paths that are other ones once somebody reads them kindly.
#[test]
fn letters_that_look_alike_are_other_letters() {
    let stage = Stage::new();
    let hosts: Vec<String> = [
        "granted.example%00.evil.example",
        "granted.example%2f.evil.example",
        "granted.example\u{3002}evil.example",
        "granted.example\u{ad}.evil.example",
        "gr\u{430}nted.example",
        "granted\u{2024}example.evil",
        "granted.example\t.evil.example",
        "granted.example:80@evil.example",
        "granted.examp\u{2113}e.evil",
        "granted.example;.evil.example",
        "xn--granted.example",
        "granted.example..",
        "granted..example",
    ]
    .iter()
    .map(|host| format!("http://{host}/"))
    .collect();
    let paths: Vec<String> = [
        "x/data/%2e%2e/h.rhai",
        "x/data/..%2fh.rhai",
        "x/data/\u{2024}\u{2024}/h.rhai",
        "x/data/\u{ff0e}\u{ff0e}/h.rhai",
        "x/data\u{2215}..\u{2215}h.rhai",
        "x/data\\..\\h.rhai",
        "x/dat\u{430}/plain.txt",
        "X/DATA/plain.txt",
        "x/data\u{200b}/plain.txt",
        "x/data/{site}/../../h.rhai",
        "x/data/{extension}/h.rhai",
        "{ext{extension}ension}/h.rhai",
        "{site}{extension}/h.rhai",
        "x/data/plain.txt/../../h.rhai",
        "x/data /plain.txt",
        "x/data./plain.txt",
    ]
    .map(String::from)
    .to_vec();
    let words = ["may not", "not a http", "cannot", "is no ", "nothing there"];
    let allow = "allow = { net = [\"granted.example\"], read = [\"x/data\"], write = [\"x/data\"] }\n";
    stage.all(&[
        granted("hosts", allow, each(&hosts, "http::get(it, #{ timeout: 1 })", &[&words[..4], &["no url", "may not reach"]].concat()), &["through: []"]),
        granted("paths to read", allow, each(&paths, "if fs::read(it) == () { throw #{ message: \"nothing there\" } }", &words), &["through: []"]),
        granted(
            "paths to list",
            allow,
            each(&paths, "if fs::list(it) == () { throw #{ message: \"nothing there\" } }", &[&words[..], &["could not"]].concat()),
            &["through: []"],
        ),
    ]);
}

/// What decides what is loaded into a program is greffon's to say.
#[test]
fn variables_that_load_other_code_cannot_be_set() {
    let stage = Stage::new();
    let variables: Vec<String> = [
        "LD_PRELOAD",
        "LD_AUDIT",
        "LD_LIBRARY_PATH",
        "DYLD_INSERT_LIBRARIES",
        "GCONV_PATH",
        "GLIBC_TUNABLES",
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "PERL5LIB",
        "PERL5OPT",
        "RUBYOPT",
        "RUBYLIB",
        "NODE_OPTIONS",
        "NODE_PATH",
        "PHPRC",
        "PHP_INI_SCAN_DIR",
        "JAVA_TOOL_OPTIONS",
        "_JAVA_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "CLASSPATH",
        "SHELLOPTS",
        "BASHOPTS",
        "PS4",
        "PROMPT_COMMAND",
        "BASH_FUNC_x%%",
        "GIT_SSH_COMMAND",
        "GIT_SSH",
        "GIT_EXEC_PATH",
        "GIT_EXTERNAL_DIFF",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_GLOBAL",
        "GIT_PAGER",
        "PAGER",
        "EDITOR",
        "VISUAL",
        "LESSOPEN",
        "SSH_ASKPASS",
        "BROWSER",
    ]
    .map(String::from)
    .to_vec();
    stage.all(&[
        granted(
            "variables",
            "allow = { run = [\"env\"] }\n",
            each(&variables, "let e = #{}; e[it] = \"/tmp/x\"; process::run([\"env\"], #{ env: e })", &["cannot be set"]),
            &["through: []"],
        ),
        granted(
            "a plain one",
            "allow = { run = [\"env\"] }\n",
            "throw process::run([\"env\"], #{ env: #{ NODE_ENV: \"plain-one\" } }).stdout;",
            &["NODE_ENV=plain-one"],
        ),
    ]);
}

/// Nobody is there to answer: each sort of question ends with the flag that answers it.
#[test]
fn questions_without_anybody_are_errors_that_name_the_flag() {
    let stage = Stage::new();
    let allow = "allow = { prompt = true }\n";
    let ask = |name, body: &str| granted(name, allow, body, &["h.rhai:2:", "--answer q=", "did not let site `one` change"]);
    stage.all(&[
        ask("a text", "prompt::text(\"q\", \"x\");"),
        ask("a text with a default", "prompt::text(\"q\", \"x\", #{ \"default\": \"y\" });"),
        ask("a secret", "prompt::secret(\"q\", \"x\");"),
        ask("a choice", "prompt::choice(\"q\", \"x\", [\"a\", \"b\"]);"),
        ask("a yes", "prompt::confirm(\"q\", \"x\");"),
    ]);
}
