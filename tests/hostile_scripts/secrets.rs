//! `secret`: a value that can be passed on, by whatever way a script tries to see it.

use super::stage::{Case, KEY, SECRET, Stage, granted};
use super::support::FileServer;

/// Letters apart, backwards, in other letters: what hiding texts would not find.
const APART: &str = "fn apart(t) { let out = \"\"; for c in t { out += `${c}.`; } out }";

fn cases(net: &str, url: &str) -> Vec<Case> {
    let allow = format!("allow = {{ net = [\"{net}\"], secret = [\"key\"], run = [\"cat\", \"env\", \"sh\"], write = [\"x/data\"], prompt = true }}\n{KEY}");
    let mut all = Vec::new();
    for (name, body) in [
        ("a log", "log::warning(`${key}`); log::warning(\"\" + key); log::info(key.to_string()); print(key); debug(key); throw key;"),
        ("a text", "let t = `${key}`; throw t + \" \" + t.len;"),
        ("its letters", "throw key.to_string().split(\"\");"),
        ("its letters by their place", "key[0];"),
        ("a part of it", "key.sub_string(0, 3);"),
        ("its length", "key.len;"),
        ("whether it holds something", "key.contains(\"canary\");"),
        ("whether it begins so", "throw `it: ${key.to_string().starts_with(\"canary\")}`;"),
        ("a comparison", "throw `it: ${try_it(key)}`;"),
        ("as a list", "throw [key, [key], #{ k: key }];"),
        ("as a name in a map", "let m = #{}; m[key] = 1; throw m;"),
        ("a function of it", "let f = |x| x + 1; f.call(key);"),
        ("JSON", "json::text(key);"),
        ("JSON of a list", "json::pretty([key]);"),
        ("TOML", "toml::text(#{ k: key });"),
        ("a template", "template::render(\"{{ k }}\", #{ k: key });"),
        ("a hash", "hash::sha256(key);"),
        ("base64", "base64::encode(key);"),
        ("base64 of its own", "throw `${secret::base64([key])} ${secret::join([key, \"x\"])}`;"),
        ("a file", "fs::write(\"x/data/k\", key);"),
        ("a path", "fs::read(key);"),
        ("an argument", "process::run([\"cat\", key]);"),
        ("a question", "prompt::text(\"q\", key);"),
        ("a question's text", "prompt::text(\"q\", `${key}`);"),
        ("an error", "throw #{ message: key, hint: key, kind: key };"),
        ("what a program repeats", "throw apart(process::run([\"cat\"], #{ input: key }).stdout);"),
        ("what a program sees", "throw apart(process::run([\"env\"], #{ env: #{ K: key } }).stdout);"),
        ("what a program says when it fails", "process::run([\"sh\", \"-c\", \"echo $K >&2; exit 1\"], #{ env: #{ K: key }, check: true });"),
        ("what a server repeats", "throw apart(http::get(URL, #{ headers: #{ \"X-Key\": key } }).text);"),
        ("what a server repeats as JSON", "throw apart(http::get(URL + \"/json\").json().said + http::get(URL + \"/json\").doc().get(\"/said\"));"),
        ("what a server repeats as a page", "throw apart(http::get(URL + \"/page\").html().text);"),
        ("the address that was asked", "throw apart(http::get(URL, #{ query: #{ k: key } }).url);"),
        ("an address that fails", "http::get(\"http://127.0.0.1:1/\", #{ query: #{ k: key } });"),
        ("another host", "http::get(\"http://127.0.0.1:1/\", #{ auth: key });"),
        ("a host by its value", "http::get(secret::join([\"http://\", key, \"/\"]));"),
        ("another secret", "secret::get(\"other\");"),
        ("whether there is another", "secret::has(\"other\");"),
        ("a name that climbs", "secret::get(\"../key\");"),
    ] {
        let body = format!(
            "let key = secret::get(\"key\");\n{}\n}}\n{APART}\nfn try_it(key) {{ if key == \"{SECRET}\" {{ \"equal, canary-4f1c\" }} else {{ \"not\" }}",
            body.replace("URL", &format!("\"{url}\""))
        );
        all.push(granted(name, allow.clone(), body, &["h.rhai:"]));
    }
    all
}

#[test]
fn a_secret_is_passed_on_and_never_seen() {
    let stage = Stage::new();
    let server = FileServer::start();
    server.put("/echo", format!("you said {SECRET}"));
    server.put_as("/echo/json", "application/json", serde_json::json!({ "said": SECRET }).to_string());
    server.put_as("/echo/page", "text/html", format!("<p>{SECRET}</p>"));
    let cases = cases(&server.host(), &server.url("/echo"));
    stage.all(&cases);
    // Nor in letters apart.
    let apart: String = SECRET.chars().map(|c| format!("{c}.")).collect();
    for case in &cases {
        stage.play(case);
        let run = stage.shop.env.greffon(["sync", "-vv"]).run();
        assert!(!run.stderr.contains(&apart) && !run.stderr.contains("canary") && !run.stderr.contains("equal"), "{}: {}", case.name, run.stderr);
    }
    assert!(server.requests().iter().any(|one| one.header("x-key") == Some(SECRET)), "what it is granted for it got");
}
