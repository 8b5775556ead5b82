//! `template`: texts with places to fill.

use std::fmt::Write;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, filters};
use rhai::{Dynamic, ImmutableString, Map};

use super::options::Options;
use super::{Function, HostModule, Registrar};
use crate::error::{Error, ErrorKind, Result};
use crate::script::value::from_script;

pub(super) const MODULE: HostModule = HostModule {
    name: "template",
    about: "Texts with places to fill, in the manner of Jinja: `{{ name }}`, `{{ list[0].name }}`, `{% if %}`, `{% for %}`, and the filters `upper`, \
            `lower`, `trim`, `length`, `default`, `first`, `last`, `json` and `html`. There is no assignment, no inclusion and no arithmetic: \
            that is the script's part. A name that was not given is an error.",
    needs: &[],
    functions: &[
        Function { signature: "render(text, values) -> text", about: "fills a text's places with a map's values, as they are" },
        Function { signature: "render(text, values, options) -> text", about: "the same; `escape: \"html\"` escapes every value" },
    ],
    example: "let page = template::render(\"{% for p in plugins %}{{ p.name | upper }} {{ p.version }}\\n{% endfor %}\", #{ plugins: [#{ name: \"quiz\", version: \"1.2\" }] });\n\
              if page != \"QUIZ 1.2\\n\" { throw page; }",
    register,
};

/// Bytes of a template, of what fills it, of what comes out.
const TEMPLATE: usize = 256 << 10;
const VALUES: usize = 4 << 20;
const OUTPUT: usize = 4 << 20;
/// Steps of the template's engine.
const FUEL: u64 = 500_000;
/// Each step may go through the longest of the texts: bytes of all of them together.
const TRAVELLED: usize = 4 << 30;
/// Steps that every template has, whatever its texts.
const FEWEST: u64 = 2_000;

fn register(module: &mut Registrar) {
    type Text = ImmutableString;
    module.two("render", |_, text: Text, values: Map| render(&text, &values.into(), false));
    module.three("render", |_, text: Text, values: Map, options: Map| {
        let escape = Options::read("render", options, &["escape"])?.text("escape")?;
        match escape.as_deref() {
            None | Some("none") => render(&text, &values.into(), false),
            Some("html") => render(&text, &values.into(), true),
            Some(_) => Err(Error::new(ErrorKind::Invalid, "the option `escape` of `render` is `html` or `none`")),
        }
    });
}

fn render(text: &str, values: &Dynamic, html: bool) -> Result<String> {
    let failed = |what: String| Error::new(ErrorKind::Invalid, format!("the template cannot be filled: {what}"));
    if text.len() > TEMPLATE {
        return Err(failed(format!("it is longer than {TEMPLATE} bytes")));
    }
    plain(text).map_err(failed)?;
    let values = from_script(values).map_err(failed)?;
    if values.to_string().len() > VALUES {
        return Err(failed(format!("its values are larger than {VALUES} bytes")));
    }
    let longest = longest(&values).max(text.len());
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL.min((TRAVELLED / longest.max(1)) as u64).max(FEWEST)));
    environment.set_recursion_limit(50);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(move |_| if html { AutoEscape::Html } else { AutoEscape::None });
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("length", filters::length);
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("html", filters::escape);
    // Again and again, each makes a text twice as long as the one before.
    environment.add_filter("json", |value: Value| {
        let mut out = Bounded(Vec::new());
        match serde_json::to_writer(&mut out, &value) {
            Ok(()) => Ok(Value::from_safe_string(String::from_utf8_lossy(&out.0).into_owned())),
            Err(_) => Err(too_long()),
        }
    });
    let template = environment.template_from_str(text).map_err(|error| failed(said(&error)))?;
    let mut out = Bounded(Vec::new());
    match template.render_captured_to(Value::from(Serde(&values)), &mut out).map(drop) {
        // One line's end at the end of a template is taken off, as Jinja does; here every byte counts.
        Ok(()) => Ok(String::from_utf8_lossy(&out.0).into_owned() + if text.ends_with('\n') { "\n" } else { "" }),
        Err(_) if out.0.len() >= OUTPUT => Err(failed(format!("what comes out is longer than {OUTPUT} bytes"))),
        Err(error) => Err(failed(said(&error))),
    }
}

/// The longest text in a value.
fn longest(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Array(list) => list.iter().map(longest).max().unwrap_or(0),
        serde_json::Value::Object(map) => map.iter().map(|(key, one)| key.len().max(longest(one))).max().unwrap_or(0),
        _ => 0,
    }
}

fn too_long() -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, format!("a text would become longer than {OUTPUT} bytes"))
}

fn said(error: &minijinja::Error) -> String {
    let mut text = error.kind().to_string();
    if let Some(detail) = error.detail() {
        let _ = write!(text, ": {detail}");
    }
    if let Some(line) = error.line() {
        let _ = write!(text, " (line {line} of the template)");
    }
    text
}

/// Takes so many bytes and no more.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT {
            self.0.resize(OUTPUT, b' ');
            return Err(std::io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Refuses what can grow a text within a template: putting texts together and keeping the result, again and again, outgrows any memory
/// in a few steps.
fn plain(text: &str) -> Result<(), String> {
    const WORDS: [&str; 12] = ["set", "with", "macro", "call", "filter", "block", "include", "import", "from", "extends", "do", "recursive"];
    let mut rest = text;
    while let Some(at) = rest.find(['{']) {
        rest = &rest[at + 1..];
        let code = rest.starts_with(['{', '%']);
        if !code {
            continue;
        }
        let mut quote = None;
        let mut word = String::new();
        let mut before = ' ';
        for c in rest[1..].chars() {
            match quote {
                Some(mark) => {
                    if c == mark && before != '\\' {
                        quote = None;
                    }
                    before = if before == '\\' { ' ' } else { c };
                    continue;
                }
                None if matches!(c, '"' | '\'') => quote = Some(c),
                None => {}
            }
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
            } else {
                if WORDS.contains(&word.as_str()) {
                    return Err(format!("there is no `{word}` in templates"));
                }
                word.clear();
            }
            if matches!(c, '~' | '*' | '+') {
                return Err(format!("there is no `{c}` in templates; the script can do it"));
            }
            if c == '}' && matches!(before, '}' | '%') {
                break;
            }
            before = c;
        }
    }
    Ok(())
}
