//! Values and documents: read, bounded, refused.

use serde_json::json;

use super::world::World;

#[test]
fn documents_are_asked_for_parts() {
    let world = World::new(json!({}));
    let answer = world
        .run(
            "let d = json::doc(`{\"a\": {\"x/y\": [1, 2, 3], \"z\": null}, \"b\": \"t\"}`);
             let seen = []; d.each(|name, part| seen.push(name));
             let few = []; d.get(\"/a/x~1y\").each(|n| { few.push(n); n < 2 });
             [d.get(\"/a/x~1y/1\"), d.get(\"/none\"), d.has(\"/a/z\"), d.has(\"/q\"), d.get(\"/a\").keys(), d.len, d.get(\"/a\").kind, seen, few, d.get(\"/a\").value(), `${d}`, d.get(\"/b\")]",
        )
        .expect("it works");
    assert_eq!(
        answer,
        json!([2, null, true, false, ["x/y", "z"], 2, "map", ["a", "b"], [1, 2], { "x/y": [1, 2, 3], "z": null }, "a document of 2 parts", "t"])
    );
    assert!(world.refused("json::doc(\"{}\").get(\"a\")").contains("it begins with `/`"));
    assert!(world.refused("json::doc(\"{}\")").contains("only the script itself can hold"));
    assert!(world.refused("json::doc(\"{}\").each(|a| throw \"stop\"); json::doc(\"[1]\").each(|a| throw \"stop\")").contains("stop"));
    let deep = format!("json::doc(\"{}\")", "[".repeat(5000));
    assert!(world.refused(&deep).contains("no JSON"));
    world.refused("let t = \"[0\"; for i in 0..20001 { t += \",0\"; } json::doc(t + \"]\").value()");
    world.refused("let t = \"[0\"; for i in 0..20001 { t += \",0\"; } let d = json::doc(t + \"]\"); d.each(|n| { loop { } })");
}

#[test]
fn xml_is_elements_and_no_entities() {
    let world = World::new(json!({}));
    let answer = world
        .run(
            "let x = xml::parse(`<?xml version=\"1.0\"?><r xmlns:p=\"u\" a=\"1\"><p:v n=\"2\">two <b>bold</b></p:v><v n=\"3\"/><w><v n=\"4\"/></w></r>`);
             let all = []; x.each(\"v\", |v| all.push(v.attribute(\"n\")));
             [x.name, x.attributes, x.get(\"v\").text, x.get(\"w/v\").attribute(\"n\"), x.get(\"q\"), all, x.children().len(), x.attribute(\"none\")]",
        )
        .expect("it works");
    assert_eq!(answer, json!(["r", { "a": "1" }, "two bold", "4", null, ["2", "3"], 3, null]));
    let bomb = "xml::parse(`<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><x>&b;</x>`)";
    assert!(world.refused(bomb).contains("no XML"));
    world.refused("xml::parse(`<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><x>&a;</x>`)");
    world.refused(&format!("xml::parse(\"{}\")", "<a>".repeat(300)));
    world.refused(&format!("xml::parse(\"{}{}\")", "<a>".repeat(300), "</a>".repeat(300)));
}

#[test]
fn pages_are_asked_by_selectors() {
    let world = World::new(json!({}));
    let answer = world
        .run(
            "let p = html::parse(`<table><tr><td><a href='a-1.zip'>A</a><td>12K<tr><td><a href='b.txt'>B</a></table>`);
             let all = []; p.each(\"tr\", |row| all.push(row.select(\"td\").len()));
             let a = p.first(\"a[href$='.zip']\");
             [all, a.attribute(\"href\"), a.text, a.name, a.attributes, a.html, p.first(\"b\"), p.select(\"a\").len(), p.text]",
        )
        .expect("it works");
    assert_eq!(answer, json!([[2, 1], "a-1.zip", "A", "a", { "href": "a-1.zip" }, "<a href=\"a-1.zip\">A</a>", null, 2, "A 12K B"]));
    assert!(world.refused("html::parse(\"x\").select(\"a[\")").contains("no CSS selector"));
    world.refused(&format!("html::parse(\"x\").select(\"{}\")", "a ".repeat(600)));
}

#[test]
fn small_texts_are_read_and_written() {
    let world = World::new(json!({ "read": ["d"] }));
    world.put("d/f", "abc");
    let answer = world
        .run(
            "let t = toml::parse(\"a = 1\\nd = 2026-01-02\\n[b]\\nc = [true, 1.5]\");
             [t.a, t.d, t.b.c, toml::doc(\"[b]\\nc = 2\").get(\"/b/c\"), toml::text(#{ a: 1 }), base64::encode(\"a?\"), base64::decode(\"YT8=\"), base64::url(\"a?>\"),
              hash::sha256(\"abc\") == hash::sha256_file(\"d/f\")]",
        )
        .expect("it works");
    assert_eq!(answer, json!([1, "2026-01-02", [true, 1.5], 2, "a = 1\n", "YT8=", "a?", "YT8-", true]));
    assert!(world.refused("toml::parse(\"a = \")").contains("no TOML"));
    assert!(world.refused("base64::decode(\"*\")").contains("no base64"));
    assert!(world.refused("base64::decode(\"/w==\")").contains("no UTF-8"));
    assert!(world.refused("hash::sha256_file(\"/etc/passwd\")").contains("may not read"));
    assert!(world.refused("hash::sha256_file(\"d/none\")").contains("there is no file"));
}

#[test]
fn templates_are_filled_and_cannot_grow() {
    let world = World::new(json!({}));
    let answer = world
        .run(
            "[template::render(\"{{ a.b[0] | upper }} {% for x in l %}{{ x }},{% endfor %}\\n\", #{ a: #{ b: [\"x\"] }, l: [1, 2] }),
              template::render(\"<b>{{ a }}</b>\", #{ a: \"<i>\" }, #{ escape: \"html\" }), template::render(\"{{ a | json }} {{ \\\"~\\\" }} {{ nope | default(\\\"d\\\") }}\", #{ a: [1] })]",
        )
        .expect("it works");
    assert_eq!(answer, json!(["X 1,2,\n", "<b>&lt;i&gt;</b>", "[1] ~ d"]));
    for (text, word) in [
        ("{{ nope }}", "undefined"),
        ("{% set a = a ~ a %}", "there is no"),
        ("{{ a ~ a }}", "there is no `~`"),
        ("{{ 'x' * 1000000000 }}", "there is no `*`"),
        ("{%- include 'x' %}", "there is no `include`"),
        ("{{ a | replace('a', 'b') }}", "cannot be filled"),
        ("{% for a in l %}{% for b in l %}{% for c in l %}{{ t }}{% endfor %}{% endfor %}{% endfor %}", "cannot be filled"),
        ("{% if %}", "line 1"),
        ("{{ range(100000) }}", "cannot be filled"),
    ] {
        let begun = std::time::Instant::now();
        let body =
            format!("let l = []; for i in 0..100 {{ l.push(i); }} let t = \"\"; t.pad(10000, 'x'); template::render(`{text}`, #{{ a: \"x\", l: l, t: t }})");
        let said = world.refused(&body);
        assert!(said.contains(word), "{text}: {said}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{text}");
    }
}

#[test]
fn questions_are_asked_where_that_is_granted() {
    let mut world = World::new(json!({ "prompt": true }));
    let ask = "[prompt::text(\"who\", \"Who?\"), prompt::choice(\"what\", \"Which?\", [\"a\", \"b\"]), prompt::confirm(\"sure\", \"Sure?\"), prompt::secret(\"key\", \"Key?\").to_string()]";
    let text = world.refused(ask);
    assert!(text.contains("--answer who=VALUE") && text.contains("x asks: Who?"), "{text}");
    world.answers = Some(vec!["me".into(), "b".into(), "yes".into(), "prompted-secret".into()]);
    assert_eq!(world.run(ask).expect("it works"), json!(["me", "b", true, "***"]));
    world.options.insert("what".into(), "c".into());
    assert!(world.refused("prompt::choice(\"what\", \"Which?\", [\"a\", \"b\"])").contains("none of `a`, `b`"));
    world.options.insert("what".into(), "a".into());
    world.answers = None;
    assert_eq!(world.run("prompt::choice(\"what\", \"Which?\", [\"a\", \"b\"])").expect("answered"), json!("a"));
    let none = World::new(json!({ "env": ["HOME"] }));
    assert!(none.refused("prompt::confirm(\"a\", \"b\")").contains("prompt = true"));
}

#[test]
fn work_is_shown_and_ends() {
    let world = World::new(json!({}));
    world.run("let w = progress::start(\"reading\", 3); w.at(2);").expect("it works");
    let log = world.log.text();
    assert!(log.contains("Started { task: \"x: reading\", total: Some(3)") && log.contains("done: 2") && log.contains("Finished"), "{log}");
}
