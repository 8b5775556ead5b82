//! `http` and `secret`: what is sent, what is not, and when it ends.

use std::time::{Duration, Instant};

use serde_json::json;

use super::server::Server;
use super::world::World;
use crate::diagnostic::render;

fn world(server: &Server) -> World {
    let mut world = World::new(json!({ "net": [server.host()], "secret": ["key"], "write": ["out"] }));
    world.secrets.insert("key".into(), "s3cr3t-value".into());
    world.secrets.insert("other".into(), "not-granted-value".into());
    world
}

#[test]
fn an_answer_is_told_whole() {
    let server = Server::start();
    server.put("/a", "200 OK\r\ncontent-type: application/json; charset=utf-8\r\nx-two: 1\r\nx-two: 2", "{\"list\": [{\"n\": 1}, {\"n\": 2}]}");
    let url = server.url("/a");
    let answer = world(&server)
        .run(&format!(
            "let a = http::get(\"{url}\", #{{ query: #{{ q: \"a b&c\" }}, headers: #{{ \"X-Mine\": \"yes\" }} }});
             let sum = 0; a.doc().get(\"/list\").each(|one| sum += one.get(\"/n\"));
             #{{ status: a.status, ok: a.ok, kind: a.type, two: a.headers[\"x-two\"], head: a.header(\"X-Two\"), text: a.text.len, n: a.json().list[1].n, sum: sum }}"
        ))
        .expect("it works");
    assert_eq!(answer, json!({ "status": 200, "ok": true, "kind": "application/json", "two": "1, 2", "head": "1", "text": 30, "n": 2, "sum": 3 }));
    let asked = &server.asked()[0];
    assert!(asked.starts_with("GET /a?q=a+b%26c HTTP/1.1\r\n") && asked.contains("x-mine: yes\r\n"), "{asked}");
    assert!(!asked.contains("authorization"), "{asked}");
}

#[test]
fn forms_json_and_other_methods_are_sent() {
    let server = Server::start();
    server.put("/p", "201 Created", "made");
    let url = server.url("/p");
    let world = world(&server);
    let status = world
        .run(&format!(
            "http::post(\"{url}\", #{{ form: #{{ a: \"1 2\", k: secret::get(\"key\") }} }});
             http::post(\"{url}\", #{{ json: #{{ a: [1, secret::get(\"key\")] }} }});
             http::request(\"put\", \"{url}\", #{{ body: \"text\", auth: secret::get(\"key\") }});
             http::request(\"DELETE\", \"{url}\", #{{ auth: #{{ user: \"me\", secret: secret::get(\"key\") }} }}).status"
        ))
        .expect("it works");
    assert_eq!(status, json!(201));
    let asked = server.asked();
    assert!(asked[0].contains("application/x-www-form-urlencoded") && asked[0].ends_with("a=1+2&k=s3cr3t-value"), "{}", asked[0]);
    assert!(asked[1].contains("application/json") && asked[1].ends_with("{\"a\":[1,\"s3cr3t-value\"]}"), "{}", asked[1]);
    assert!(asked[2].starts_with("PUT ") && asked[2].contains("authorization: Bearer s3cr3t-value\r\n"), "{}", asked[2]);
    assert!(asked[3].contains("authorization: Basic bWU6czNjcjN0LXZhbHVl\r\n"), "{}", asked[3]);
    assert!(world.refused(&format!("http::post(\"{url}\", #{{ form: #{{}}, body: \"x\" }})")).contains("one body"));
    assert!(world.refused(&format!("http::get(\"{url}\", #{{ header: #{{}} }})")).contains("did you mean `headers`?"));
    for header in ["Host", "Content-Length", "Transfer-Encoding", "a b"] {
        world.refused(&format!("http::get(\"{url}\", #{{ headers: #{{ \"{header}\": \"x\" }} }})"));
    }
    world.refused(&format!("http::get(\"{url}\", #{{ headers: #{{ \"X\": \"a\\r\\nHost: evil\" }} }})"));
    assert_eq!(server.asked().len(), 4, "what is refused is not sent");
}

#[test]
fn only_granted_hosts_are_asked_also_behind_redirects() {
    let server = Server::start();
    server.put("/end", "200 OK", "here");
    server.redirect("/inside", 302, "/end");
    server.redirect("/outside", 302, &format!("http://{}/end", server.other_host()));
    server.redirect("/file", 302, "file:///etc/passwd");
    server.redirect("/round", 302, "/round");
    let world = world(&server);
    let at = |path: &str| server.url(path);
    assert_eq!(world.run(&format!("http::get(\"{}\").text", at("/inside"))).expect("granted"), json!("here"));
    assert_eq!(world.run(&format!("http::get(\"{}\", #{{ follow: false }}).status", at("/outside"))).expect("granted"), json!(302));
    let before = server.asked().len();
    let text = world.refused(&format!("http::get(\"{}\")", at("/outside")));
    assert!(text.contains("may not reach `localhost`") && text.contains("[extensions.x]") && text.contains("redirects there"), "{text}");
    assert_eq!(server.asked().len(), before + 1, "the other host was not asked");
    for (path, word) in [("/file", "the protocol `file`"), ("/round", "more than 10 redirects")] {
        let text = world.refused(&format!("http::get(\"{}\")", at(path)));
        assert!(text.contains(word), "{text}");
    }
    for url in [
        format!("http://{}/end", server.other_host()),
        format!("http://{}@evil.example/", server.host()),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://[::1]/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
        "nonsense".to_owned(),
    ] {
        world.refused(&format!("http::get(\"{url}\")"));
        world.refused(&format!("http::download(\"{url}\", \"out/x\")"));
    }
}

#[test]
fn credentials_stay_with_their_origin() {
    let server = Server::start();
    server.put("/end", "200 OK", "here");
    server.redirect("/away", 302, &format!("http://{}/end", server.other_host()));
    server.redirect("/home", 302, "/end");
    server.redirect("/post", 307, &format!("http://{}/end", server.other_host()));
    let mut world = world(&server);
    world.grants.net.push(server.other_host());
    let ask = |path: &str| {
        world
            .run(&format!(
                "http::get(\"{}\", #{{ auth: secret::get(\"key\"), headers: #{{ Cookie: \"a=b\", \"X-Key\": secret::get(\"key\"), Accept: \"text/x\" }} }})",
                server.url(path)
            ))
            .err();
        server.asked().pop().expect("a request")
    };
    let home = ask("/home");
    assert!(home.contains("authorization:") && home.contains("cookie:") && home.contains("x-key:"), "{home}");
    let away = ask("/away");
    assert!(away.contains("host: localhost") && away.contains("accept: text/x"), "{away}");
    assert!(!away.contains("authorization:") && !away.contains("cookie:") && !away.contains("s3cr3t"), "{away}");
    let before = server.asked().len();
    let text = world.refused(&format!("http::post(\"{}\", #{{ form: #{{ k: secret::get(\"key\") }} }})", server.url("/post")));
    assert!(text.contains("wants what was sent to it sent to another"), "{text}");
    assert_eq!(server.asked().len(), before + 1);
}

#[test]
fn secrets_are_passed_on_and_never_shown() {
    let server = Server::start();
    server.put("/echo", "200 OK", "you said s3cr3t-value and czNjcjN0LXZhbHVl");
    let world = world(&server);
    let echo = server.url("/echo");
    world
        .run(&format!(
            "let key = secret::get(\"key\");
             log::info(`plain ${{key}}`); print(key); debug(key); log::info(\"joined \" + key); log::info(secret::join([\"t \", key]).to_string());
             log::info(http::get(\"{echo}\").text);
             log::info(`${{#{{ k: key }}}} ${{[key]}}`);"
        ))
        .expect("it works");
    let log = world.log.text();
    assert!(!log.contains("s3cr3t") && !log.contains("czNjcjN0LXZhbHVl"), "{log}");
    assert!(log.contains("you said *** and ***"), "{log}");
    let leaks = [
        "throw `it is ${http::get(URL).text}`".to_owned(),
        "throw #{ message: http::get(URL).text, hint: http::get(URL).text }".to_owned(),
        "http::get(`http://127.0.0.1:1/${http::get(URL).text}`)".to_owned(),
        "throw secret::get(\"key\")".to_owned(),
        "json::parse(http::get(URL).text)".to_owned(),
        "version::compare(http::get(URL).text, \"1\", \"2\")".to_owned(),
        "secret::get(\"key\").nothing".to_owned(),
        "secret::get(\"key\")".to_owned(),
        "secret::get(\"key\").len".to_owned(),
        "json::text(secret::get(\"key\"))".to_owned(),
    ];
    for body in leaks {
        let body = body.replace("URL", &format!("\"{echo}\""));
        let text = world.refused(&body);
        assert!(!text.contains("s3cr3t") && !text.contains("czNjcjN0LXZhbHVl"), "{body}: {text}");
    }
    assert!(world.refused("secret::get(\"other\")").contains("may not use the secret `other`"));
    assert!(world.refused("secret::has(\"other\")").contains("may not use the secret `other`"));
}

#[test]
fn a_download_appears_whole_or_not_at_all() {
    let server = Server::start();
    let world = world(&server);
    std::fs::create_dir(world.path().join("out")).expect("made");
    server.put("/f", "200 OK\r\ncontent-type: application/zip", "abc");
    let got = world.run(&format!("http::download(\"{}\", \"out/f\")", server.url("/f"))).expect("it works");
    assert_eq!(got["size"], 3);
    assert_eq!(got["sha256"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(std::fs::read_to_string(world.path().join("out/f")).expect("there"), "abc");
    std::fs::remove_file(world.path().join("out/f")).expect("removed");
    let f = server.url("/f");
    for (body, word) in [
        (format!("http::download(\"{f}\", \"out/g\", #{{ sha256: \"{}\" }})", "0".repeat(64)), "not the file that was expected"),
        (format!("http::download(\"{f}\", \"out/g\", #{{ max_bytes: 2 }})"), "longer than the 2 bytes"),
        (format!("http::download(\"{f}\", \"elsewhere\")"), "may not write"),
        (format!("http::download(\"{f}\", \"out/../elsewhere\")"), "may not write"),
        (format!("http::download(\"{}\", \"out/g\")", server.url("/none")), "unexpected status 404"),
        (format!("http::get(\"{f}\", #{{ max_bytes: 2 }})"), "longer than the 2 bytes"),
    ] {
        let text = world.refused(&body);
        assert!(text.contains(word), "{body}: {text}");
    }
    assert_eq!(std::fs::read_dir(world.path().join("out")).expect("a folder").count(), 0, "nothing is left behind");
}

#[test]
fn a_request_ends_with_its_time_and_with_the_calls() {
    let server = Server::start();
    server.hang("/silent", "");
    server.hang("/slow", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx");
    let mut world = world(&server);
    let begun = Instant::now();
    let text = world.refused(&format!("http::get(\"{}\", #{{ timeout: 1 }})", server.url("/silent")));
    assert!(text.contains("no answer in the time allowed") && begun.elapsed() < Duration::from_secs(60), "{text}");
    world.limits.waiting = 1;
    std::fs::create_dir(world.path().join("out")).expect("made");
    for body in ["let x = 1;\nhttp::get(URL)", "try { http::get(URL) } catch { }\nloop { }", "http::download(URL, \"out/x\")"] {
        let begun = Instant::now();
        let text = world.refused(&body.replace("URL", &format!("\"{}\"", server.url("/slow"))));
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
        assert!(text.contains("`waiting`") && text.contains("x.rhai:"), "{text}");
    }
    world.limits.waiting = 60;
    let cx = world.cx();
    let cancel = cx.cancel().clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        cancel.set();
    });
    let begun = Instant::now();
    let error = world.run_with(&cx, &format!("http::get(\"{}\")", server.url("/silent"))).expect_err("interrupted");
    assert!(begun.elapsed() < Duration::from_secs(60), "{}", render(&error, false, 120));
}

#[test]
fn offline_nothing_is_asked_and_urls_show_no_secret() {
    let server = Server::start();
    let mut world = world(&server);
    let text = world.refused(&format!("http::get(\"http://me:pass-word@{}/x?token=abcdef\", #{{ timeout: 1, max_bytes: 1 }}).json()", server.host()));
    assert!(!text.lines().filter(|line| !line.contains('|')).any(|line| line.contains("pass-word") || line.contains("abcdef")), "{text}");
    world.offline = true;
    let before = server.asked().len();
    assert!(world.refused(&format!("http::get(\"{}\")", server.url("/x"))).contains("the network may not be used"));
    assert_eq!(server.asked().len(), before);
}
