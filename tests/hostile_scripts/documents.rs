//! `json`, `xml`, `html`, `toml`, `template`, `archive`, `version`, `progress`, `log`, `prompt`: what grows, what does not end, what plays
//! another.

use std::io::Write as _;

use super::stage::{Case, Stage, granted, hook};

const OVER: &str = "`seconds`|`waiting`|`memory`|`operations`|`text`|`items`";

/// A text of so many repetitions, as a script makes it.
fn many(part: &str, times: usize) -> String {
    format!("let s = {part:?}; while s.len < {} {{ s += s; }}\n", part.chars().count() * times)
}

fn texts() -> Vec<Case> {
    let template = |name, text: &str, says| {
        hook(
            name,
            format!(
                "let t = \"\"; t.pad(1000000, 'x'); let l = []; for i in 0..2000 {{ l.push(i); }}\ntemplate::render({text:?}, #{{ t: t, q: \"\\\"\", l: l }});"
            ),
            says,
        )
    };
    let filters = format!("{{{{ q{} }}}}", " | json".repeat(60));
    vec![
        hook("a list of lists", many("[", 100_000) + "json::parse(s);", &["h.rhai:3:", "recursion"]),
        hook("maps within maps", many("{\"a\":", 100_000) + "json::doc(s);", &["h.rhai:3:", "recursion"]),
        hook("millions of values", many("0,", 600_000) + "json::parse(\"[\" + s + \"0]\");", &["h.rhai:3:", "more than|`items`"]),
        hook("again and again", many("0,", 100_000) + "loop { json::doc(\"[\" + s + \"0]\"); }", &["h.rhai:", OVER]),
        hook("tables within tables", many("a.", 100_000) + "toml::parse(s + \"a = 1\");", &["h.rhai:3:", "no TOML"]),
        hook("lists within lists, as TOML", many("[", 100_000) + "toml::parse(\"a = \" + s);", &["h.rhai:3:", "no TOML"]),
        hook("millions of values, as TOML", many("0,", 700_000) + "toml::parse(\"a = [\" + s + \"0]\");", &["h.rhai:3:", "larger|more than"]),
        hook(
            "entities",
            "xml::parse(`<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;\">]><x>&c;</x>`);",
            &["h.rhai:2:", "no XML"],
        ),
        hook("a file as an entity", "throw xml::parse(`<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><x>&a;</x>`).text;", &["h.rhai:2:", "no XML"]),
        hook("elements within elements", many("<a>", 100_000) + "xml::parse(s);", &["h.rhai:3:", "within each other"]),
        hook("attributes", "let s = \"\"; for i in 0..5000 { s += ` a${i}=''`; }\nxml::parse(`<x${s}/>`);", &["h.rhai:3:", "attributes"]),
        hook("namespaces", many("<a xmlns:b='c'/>", 20_000) + "xml::parse(\"<x>\" + s + \"</x>\");", &["h.rhai:3:", "namespaces"]),
        hook("a page of one part within another", many("<div>", 200_000) + "let p = html::parse(s); loop { p.select(\"div > div div\"); }", &["h.rhai:", OVER]),
        hook("a page of tables within tables", many("<table><td>", 100_000) + "loop { html::parse(s); }", &["h.rhai:", OVER]),
        hook("a page that is read again and again", many("<p>", 100_000) + "let p = html::parse(s); loop { p.text; p.html; }", &["h.rhai:", OVER]),
        hook(
            "a selector that looks through everything for everything",
            many("<i>", 2_000) + "html::parse(s).select(\":has(:has(:has(:has(b))))\");",
            &["h.rhai:3:", "once at most"],
        ),
        hook(
            "a selector that looks through everything",
            many("<i></i>", 50_000) + "let p = html::parse(s); loop { p.select(\":nth-last-child(2n+1 of :has(b))\"); p.select(\"*:has(b)\"); }",
            &["h.rhai:", "`seconds`|`memory`|no CSS selector"],
        ),
        template("loops in loops", "{% for a in l %}{% for b in l %}{% for c in l %}{% endfor %}{% endfor %}{% endfor %}", &["h.rhai:3:", "cannot be filled"]),
        template(
            "long texts in loops",
            "{% for a in l %}{% for b in l %}{% if t|upper|lower|length == 3 %}{% endif %}{% endfor %}{% endfor %}",
            &["h.rhai:3:", "cannot be filled"],
        ),
        template(
            "comparisons in loops",
            "{% for a in l %}{% for b in l %}{% if t == t or t in t %}{% endif %}{% endfor %}{% endfor %}",
            &["h.rhai:3:", "cannot be filled"],
        ),
        template("a filter on a filter", &filters, &["h.rhai:3:", "cannot be filled"]),
        template("more than fits", "{% for a in l %}{{ t }}{% endfor %}", &["h.rhai:3:", "cannot be filled"]),
        template("a template within", "{% include '/etc/passwd' %}", &["h.rhai:3:", "cannot be filled"]),
        template("what Jinja knows of Python", "{{ ''.__class__.__mro__ }}", &["h.rhai:3:", "cannot be filled"]),
        template("blocks within blocks", &"{% if l %}".repeat(5000), &["h.rhai:3:", "cannot be filled"]),
        template("brackets within brackets", &format!("{{{{ {}1{} }}}}", "(".repeat(20000), ")".repeat(20000)), &["h.rhai:3:", "cannot be filled"]),
        hook("a template again and again", "loop { template::render(\"{% for a in l %}{{ a }}{% endfor %}\", #{ l: [1, 2, 3] }); }", &["h.rhai:", OVER]),
        hook(
            "a version as long as it gets",
            many("1.", 500_000) + "loop { version::compare(\"natural\", s + \"1\", s + \"2\"); }",
            &["h.rhai:", "`seconds`|`operations`|`waiting`|long|version"],
        ),
        hook(
            "a requirement as long as it gets",
            many(">=1 || ", 100_000) + "loop { version::matches(\"semver\", s + \">=1\", \"1.0.0\"); }",
            &["h.rhai:", "long|requirement|nested|`seconds`|`operations`"],
        ),
        hook("base64 again and again", many("x", 1_000_000) + "loop { base64::encode(s); }", &["h.rhai:", OVER]),
        hook("hashes again and again", many("x", 1_000_000) + "loop { hash::sha256(s); }", &["h.rhai:", OVER]),
        hook(
            "paths as long as they get",
            many("../", 300_000) + "loop { path::normal(s); path::relative(s, \"a/\" + s); }",
            &["h.rhai:", "`seconds`|cannot be said"],
        ),
    ]
}

#[test]
fn documents_do_not_grow_and_end_in_time() {
    Stage::new().all(&texts());
}

#[test]
fn what_is_shown_is_bounded_and_steers_nothing() {
    let stage = Stage::new();
    let asks = "allow = { prompt = true }\n";
    stage.all(&[
        hook("a flood of lines", many("x", 3_000_000) + "loop { log::warning(s); }", &["h.rhai:", OVER, "the rest is not shown"]),
        hook("lines that steer the terminal", "log::warning(\"\\x1b[2J\\x1b]0;owned\\x07 \\r\\x08gone\"); throw \"ended\";", &["h.rhai:2:", "ended", "gone"]),
        hook("work that steers the terminal", "let w = progress::start(\"\\x1b[2J\\r\\n\\n\", 9); loop { w.at(9223372036854775807); }", &["h.rhai:", OVER]),
        hook("work without end", "let all = []; loop { all.push(progress::start(\"x\", 1)); }", &["h.rhai:", OVER]),
        granted("a question that steers the terminal", asks, "prompt::confirm(\"q\", \"\\x1b[2K\\rgreffon: all is well\\n\\n\\u202e? \\u2028\");", &["h asks: [2K greffon: all is well ?|h asks: [2Kgreffon: all is well ?", "--answer q="]),
        granted("a question that is pushed away", asks, "let s = \" \"; s.pad(4000, ' '); prompt::text(\"q\", \"x\" + s + \"greffon asks: password?\");", &["h asks: x\n"]),
        granted("a default that steers the terminal", asks, "throw prompt::text(\"q\", \"x\", #{ \"default\": \"\\x1b[2J\" });", &["--answer q="]),
        granted("a name that is an option", asks, "prompt::text(\"q --purge plugins/a\", \"x\");", &["h.rhai:2:", "no name of a question"]),
        granted("questions without end", asks, "loop { try { prompt::confirm(\"q\", \"x\"); } catch { } }", &["h.rhai:", OVER]),
        granted("questions without end that are answered", "allow = { prompt = true }\n", "let i = 0; loop { i += 1; try { prompt::confirm(\"q\", \"x\"); } catch (e) { if e.message.contains(\"more than 100 questions\") { throw `after ${i}`; } } }", &["h.rhai:2:", "after 101"]),
        granted("no grant at all", "", "prompt::confirm(\"q\", \"x\");", &["h.rhai:2:", "prompt = true"]),
    ]);
}

#[test]
fn archives_are_bounded() {
    let stage = Stage::new();
    let read = "allow = { read = [\"x/data\"] }\n";
    let gzip = |bytes: &[u8], times: usize| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        (0..times).for_each(|_| encoder.write_all(bytes).expect("packed"));
        encoder.finish().expect("packed")
    };
    let tar = |name: &str, size: u64, link: Option<&str>| {
        let mut header = tar::Header::new_ustar();
        header.set_size(size);
        header.set_mode(0o644);
        if let Some(link) = link {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_link_name(link).expect("a link");
        }
        let field = &mut header.as_mut_bytes()[..100];
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&tar("a/huge", 400 << 20, None)).expect("packed");
    let zeros = vec![0; 1 << 20];
    (0..400).for_each(|_| bomb.write_all(&zeros).expect("packed"));
    let mut wrong = Vec::new();
    for (name, bytes, says) in [
        ("a bomb", bomb.finish().expect("packed"), &["h.rhai:2:", "times|larger|bomb|`waiting`"][..]),
        ("a packed nothing", gzip(&zeros, 2000), &["h.rhai:2:"]),
        ("a path that climbs", [tar("../../../outside/x", 0, None), vec![0; 1024]].concat(), &["h.rhai:2:"]),
        ("a link that climbs", [tar("a/link", 0, Some("../../../outside/secret.txt")), vec![0; 1024]].concat(), &["h.rhai:2:"]),
        ("a size that is a lie", [tar("a/x", 1 << 33, None), vec![0; 1024]].concat(), &["h.rhai:2:"]),
        ("no archive", b"<html>".to_vec(), &["h.rhai:2:", "archive"]),
        ("the head of a zip", b"PK\x03\x04".repeat(1000), &["h.rhai:2:"]),
    ] {
        stage.shop.remove("x");
        stage.shop.env.write("x/data/it", bytes);
        stage.shop.env.write("x/h.rhai", "fn before_sync(event, host) {\nthrow `${archive::list(\"x/data/it\")} ${archive::read(\"x/data/it\", \"a/link\")} ${archive::read(\"x/data/it\", \"../../../private.txt\")}`;\n}\n");
        stage.shop.env.write("greffon.toml", stage.manifest(super::stage::Serves::Hook, read));
        wrong.extend(stage.judge(name, says));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
