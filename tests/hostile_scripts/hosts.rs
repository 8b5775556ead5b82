//! `http`: other hosts by every way, answers that are too large, too slow, or compressed.

use std::time::Duration;

use super::stage::{CANARY, Case, KEY, SECRET, Stage, each, granted};
use super::support::{Fault, FileServer};

/// The granted server, and one that is not.
struct Net {
    stage: Stage,
    other: FileServer,
}

impl Net {
    fn new() -> Self {
        let other = FileServer::start();
        other.put("/canary", CANARY);
        Self { stage: Stage::new(), other }
    }

    fn allow(&self) -> String {
        format!("allow = {{ net = [\"{}\"], write = [\"x/data\"] }}\n", self.stage.shop.files.host())
    }

    fn case(&self, name: &'static str, body: &str, says: &'static [&'static str]) -> Case {
        granted(name, self.allow(), body.replace("HOST", &self.stage.shop.files.host()).replace("OTHER", &self.other.host()), says)
    }

    /// Redirects of the granted server, one a path.
    fn redirects(&self) {
        let port = self.other.host().rsplit(':').next().expect("a port").to_owned();
        let targets = [
            format!("http://{}/canary", self.other.host()),
            format!("http://localhost:{port}/canary"),
            format!("//{}/canary", self.other.host()),
            format!("http://127.1:{port}/canary"),
            format!("http://2130706433:{port}/canary"),
            format!("http://0x7f000001:{port}/canary"),
            format!("http://[::ffff:127.0.0.1]:{port}/canary"),
            format!("http://{}@{}/canary", self.stage.shop.files.host(), self.other.host()),
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "http://[fd00:ec2::254]/latest/".to_owned(),
            "file:///etc/passwd".to_owned(),
            "gopher://127.0.0.1/x".to_owned(),
            "ftp://127.0.0.1/x".to_owned(),
            "data:text/plain,x".to_owned(),
            "javascript:1".to_owned(),
        ];
        for (at, target) in targets.iter().enumerate() {
            self.stage.shop.files.redirect(&format!("/r{at}"), if at % 2 == 0 { 302 } else { 307 }, target);
        }
    }
}

fn addresses(net: &Net) -> Vec<String> {
    let (host, other) = (net.stage.shop.files.host(), net.other.host());
    let port = other.rsplit(':').next().expect("a port").to_owned();
    [
        "http://OTHER/canary",
        "http://localhost:PORT/canary",
        "http://LOCALHOST.:PORT/canary",
        "http://127.1:PORT/canary",
        "http://0177.0.0.1:PORT/canary",
        "http://2130706433:PORT/canary",
        "http://0x7f.1:PORT/canary",
        "http://[::1]:PORT/canary",
        "http://[::ffff:7f00:1]:PORT/canary",
        "http://0.0.0.0:PORT/canary",
        "http://HOST@OTHER/canary",
        "http://HOST:x@OTHER/canary",
        "http://HOST%40OTHER/canary",
        "http://HOST.evil.example/canary",
        "http://127.0.0.1.evil.example:80/",
        "http://evil.example#@HOST/",
        "http://evil.example?@HOST/",
        "http://evil.example\\\\@HOST/",
        "http:OTHER/canary",
        "http:///OTHER/canary",
        "hTTp://OTHER/canary",
        " http://OTHER/canary",
        "http://127\u{3002}0\u{3002}0\u{3002}1:PORT/canary",
        "http://\u{ff11}27.0.0.1:PORT/canary",
        "http://OTHER\\r\\nHost: HOST/",
        "file:///etc/passwd",
        "file://HOST/etc/passwd",
        "gopher://OTHER/",
        "unix:/var/run/docker.sock",
        "//OTHER/canary",
        "OTHER/canary",
        "",
    ]
    .iter()
    .map(|text| text.replace("\\r\\n", "\r\n").replace("\\\\", "\\").replace("HOST", &host).replace("OTHER", &other).replace("PORT", &port))
    .collect()
}

#[test]
fn no_address_and_no_redirect_leads_to_another_host() {
    let net = Net::new();
    net.redirects();
    let words = ["may not reach", "not a http", "no url", "cannot be asked", "the protocol", "redirects to"];
    let direct = addresses(&net);
    let hops: Vec<String> = (0..15).map(|at| net.stage.shop.files.url(&format!("/r{at}"))).collect();
    // Names that begin or end like a granted one.
    let named =
        ["granted.example.evil.example", "evilgranted.example", "granted.example.", "a.granted.example", "granted-example", "granted.example%2eevil.example"];
    let named: Vec<String> = named.iter().filter(|name| !name.ends_with('.')).map(|name| format!("http://{name}/")).collect();
    net.stage.all(&[
        net.case("addresses", &each(&direct, "http::get(it)", &words), &["through: []"]),
        net.case("addresses to post to", &each(&direct, "http::post(it, #{ body: \"x\" })", &words), &["through: []"]),
        net.case("addresses to download from", &each(&direct, "http::download(it, \"x/data/f\")", &words), &["through: []"]),
        net.case("redirects", &each(&hops, "http::get(it)", &words), &["through: []"]),
        net.case("redirects of what is posted", &each(&hops, "http::post(it, #{ body: \"x\" })", &[&words[..], &["to another"]].concat()), &["through: []"]),
        net.case("redirects of downloads", &each(&hops, "http::download(it, \"x/data/f\")", &words), &["through: []"]),
        granted("names like a granted one", "allow = { net = [\"granted.example\"] }\n", each(&named, "http::get(it)", &words), &["through: []"]),
        granted(
            "below a granted domain only",
            "allow = { net = [\"*.granted.example\"] }\n",
            each(&["http://granted.example/".into(), "http://xgranted.example/".into()], "http::get(it)", &words),
            &["through: []"],
        ),
        granted("no grant at all", "", "http::get(\"http://127.0.0.1/\");", &["h.rhai:2:", "allow = { net"]),
    ]);
    assert_eq!(net.other.count("canary"), 0, "the other host was asked");
}

#[test]
fn what_is_sent_is_a_request_and_no_more() {
    let net = Net::new();
    net.stage.shop.files.put("/x", "fine");
    let headers: Vec<String> =
        ["X\r\nX-Evil: 1", "X: 1\r\nX-Evil", "Host", "Content-Length", "Transfer-Encoding", "Connection", "", " "].map(String::from).to_vec();
    let values: Vec<String> = ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\0b"].map(String::from).to_vec();
    let methods: Vec<String> = ["GET /evil HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET", "CONNECT", "TRACE", "G ET", ""].map(String::from).to_vec();
    let words = ["header", "no method"];
    net.stage.all(&[
        net.case(
            "names of headers",
            &each(
                &headers,
                "http::get(\"http://HOST/x\", #{ headers: #{ it: 1 } }); let h = #{}; h[it] = \"1\"; http::get(\"http://HOST/x\", #{ headers: h })",
                &words,
            )
            .replace("http::get(\"http://HOST/x\", #{ headers: #{ it: 1 } }); ", ""),
            &["through: []"],
        ),
        net.case("values of headers", &each(&values, "http::get(\"http://HOST/x\", #{ headers: #{ \"X-A\": it } })", &words), &["through: []"]),
        net.case("methods", &each(&methods, "http::request(it, \"http://HOST/x\", #{})", &words), &["through: []"]),
        net.case(
            "lines within an address",
            "http::get(\"http://HOST/x\\r\\nX-Evil: 1\"); http::get(\"http://HOST/x?a=b\\r\\nX-Evil: 1\"); throw \"ended\";",
            &["ended"],
        ),
    ]);
    let asked = net.stage.shop.files.requests();
    assert!(asked.iter().all(|one| one.header("x-evil").is_none() && one.path != "/evil"), "a line was smuggled in");
    assert!(!asked.is_empty());
}

#[test]
fn answers_are_bounded_in_size_and_time() {
    let net = Net::new();
    let files = &net.stage.shop.files;
    files.put("/huge", vec![b'x'; 20 << 20]);
    files.put("/drip", vec![b'x'; 1000]);
    files.fault("/drip", 99, Fault::Drip(Duration::from_millis(40)));
    files.put("/stall", vec![b'x'; 1000]);
    files.fault("/stall", 99, Fault::Stall(10));
    files.put("/late", "late");
    files.fault("/late", 99, Fault::Delay(Duration::from_secs(20)));
    files.redirect("/round", 302, "/round");
    files.put("/values.json", format!("[{}0]", "0,".repeat(3_000_000)));
    files.put("/deep.json", "[".repeat(1 << 20));
    files.put("/deep.html", "<div>".repeat(400_000));
    files.put("/tags.html", "<b><i><p>".repeat(200_000));
    files.put("/attributes.xml", format!("<x {}/>", (0..200_000).map(|n| format!("a{n}='' ")).collect::<String>()));
    files.put("/spaces.xml", format!("{}{}", (0..30_000).map(|n| format!("<a xmlns:n{n}='u{n}'>")).collect::<String>(), "</a>".repeat(30_000)));
    let gzip = {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; 64 << 20]).expect("packed");
        encoder.finish().expect("packed")
    };
    files.fault("/bomb", 99, Fault::status(200).with("Content-Encoding", "gzip").body(&gzip));
    const OVER: &str = "`seconds`|`waiting`|`memory`|`operations`";
    net.stage.all(&[
        net.case("a huge answer", "http::get(\"http://HOST/huge\");", &["h.rhai:2:", "longer than the 16777216 bytes|`waiting`"]),
        net.case("a huge download", "http::download(\"http://HOST/huge\", \"x/data/f\", #{ max_bytes: 1000 });", &["h.rhai:2:", "longer than the 1000 bytes"]),
        net.case("an answer by drops", "http::get(\"http://HOST/drip\");", &["h.rhai:2:", "`waiting`"]),
        net.case("a download by drops", "http::download(\"http://HOST/drip\", \"x/data/f\");", &["h.rhai:2:", "`waiting`"]),
        net.case("an answer that stops", "http::get(\"http://HOST/stall\");", &["h.rhai:2:", "`waiting`"]),
        net.case(
            "an answer that does not come",
            "try { http::get(\"http://HOST/late\"); } catch { }\nhttp::get(\"http://HOST/late\");",
            &["h.rhai:", "`waiting`"],
        ),
        net.case("one after the other", "loop { try { http::get(\"http://HOST/drip\", #{ timeout: 1 }); } catch { } }", &["h.rhai:", OVER]),
        net.case("round in circles", "http::get(\"http://HOST/round\");", &["h.rhai:2:", "more than 10 redirects"]),
        net.case("millions of values", "http::get(\"http://HOST/values.json\").json();", &["h.rhai:2:", "values, more than"]),
        net.case("millions of values in a document", "http::get(\"http://HOST/values.json\").doc();", &["h.rhai:2:", "values, more than"]),
        net.case("a list as deep as it goes", "http::get(\"http://HOST/deep.json\").json();", &["h.rhai:2:", "JSON"]),
        net.case(
            "a page as deep as it goes",
            "let p = http::get(\"http://HOST/deep.html\").html(); loop { p.select(\"div div div div\"); }",
            &["h.rhai:", OVER],
        ),
        net.case(
            "a page of tags that are never closed",
            "let p = http::get(\"http://HOST/tags.html\").html(); loop { p.select(\"b i > p b\"); }",
            &["h.rhai:", "`seconds`|`waiting`|`memory`|`operations`|more than the 20000 of a list"],
        ),
        net.case("an element of attributes", "http::get(\"http://HOST/attributes.xml\").xml();", &["h.rhai:2:", "attributes in one element"]),
        net.case("namespaces within namespaces", "http::get(\"http://HOST/spaces.xml\").xml();", &["h.rhai:2:", "namespaces|within each other"]),
        // It is not unpacked: what was not asked for stays as it came.
        net.case(
            "a packed bomb",
            "let a = http::get(\"http://HOST/bomb\"); throw if a.text.len < 1000000 { \"small\" } else { \"large\" };",
            &["h.rhai:2:", "small"],
        ),
        net.case("a place outside", "http::download(\"http://HOST/x\", \"x/data/../../private.txt\");", &["h.rhai:2:", "may not write"]),
        net.case("a flood of requests", "loop { try { http::get(\"http://HOST/none\"); } catch { } }", &["h.rhai:", OVER]),
    ]);
}

#[test]
fn credentials_do_not_leave_their_origin() {
    let net = Net::new();
    let files = &net.stage.shop.files;
    files.redirect("/away", 302, &net.other.url("/canary"));
    files.redirect("/body", 308, &net.other.url("/canary"));
    let allow = format!("allow = {{ net = [\"{}\", \"{}\"], secret = [\"key\"] }}\n{KEY}", files.host(), net.other.host());
    let with = "auth: secret::get(\"key\"), headers: #{ Cookie: secret::get(\"key\"), \"X-Key\": secret::get(\"key\"), \"Proxy-Authorization\": secret::get(\"key\") }";
    let away = files.url("/away");
    net.stage.all(&[
        granted("what goes with a redirect", allow.clone(), format!("http::get(\"{away}\", #{{ {with} }}); throw \"ended\";"), &["ended"]),
        granted(
            "a body that is to go on",
            allow.clone(),
            format!("http::post(\"{}\", #{{ form: #{{ k: secret::get(\"key\") }}, {with} }});", files.url("/body")),
            &["to another"],
        ),
        granted(
            "a login in the address",
            allow,
            format!("http::get(\"{}\"); throw \"ended\";", away.replace("http://", &format!("http://u:{SECRET}@"))),
            &["ended"],
        ),
    ]);
    assert!(files.requests().iter().any(|one| one.header("x-key") == Some(SECRET)), "the granted host got it");
    let asked = net.other.requests();
    assert!(!asked.is_empty());
    for one in asked {
        assert!(one.headers.iter().all(|(_, value)| !value.contains("4f1c")) && one.header("authorization").is_none() && one.body == 0, "{one:?}");
    }
}
