//! `prompt`: questions to the person at the terminal.

use rhai::{Array, Dynamic, ImmutableString, Map};

use super::options::Options;
use super::secret::Secret;
use super::{Function, HostModule, Registrar};
use crate::error::{Error, ErrorKind, Result};
use crate::roles::Question;
use crate::script::Kind;
use crate::script::call::Call;

pub(super) const MODULE: HostModule = HostModule {
    name: "prompt",
    about: "Questions to the person at the terminal. Each has a name, by which it can be answered beforehand: by the flag `--answer NAME=VALUE`, or, \
            but for secrets, by an option of that name where the extension is used (`with = { NAME = … }`). Without an answer, without a terminal \
            or with `--no-input`, it is an error that names the flag. The time that a person thinks is no budget's.",
    needs: &[Kind::Prompt],
    functions: &[
        Function { signature: "text(name, question) -> text", about: "asks for a text" },
        Function {
            signature: "text(name, question, options) -> text",
            about: "the same; `\"default\"`, quoted since Rhai keeps the bare word to itself, is what Return gives",
        },
        Function { signature: "secret(name, question) -> secret", about: "asks without showing what is typed: see `secret`" },
        Function { signature: "choice(name, question, list) -> text", about: "asks for one of a list; the first is what Return gives" },
        Function { signature: "confirm(name, question) -> bool", about: "asks for yes or no; no is what Return gives" },
    ],
    example: "if prompt::confirm(\"upgrade\", \"Upgrade the database now?\") { log::info(\"upgrading\"); }",
    register,
};

/// Questions of one call: more are no questions but a siege.
const MOST: usize = 100;

fn register(module: &mut Registrar) {
    type Text = ImmutableString;
    module.two("text", |call, name: Text, text: Text| ask(call, &name, &text, Vec::new(), None, false));
    module.three("text", |call, name: Text, text: Text, options: Map| {
        let default = Options::read("text", options, &["default"])?.text("default")?.map(|default| clean(&default));
        ask(call, &name, &text, Vec::new(), default, false)
    });
    module.two("secret", |call, name: Text, text: Text| Ok(Secret::new(&ask(call, &name, &text, Vec::new(), None, true)?)));
    module.three("choice", |call, name: Text, text: Text, list: Array| {
        let choices: Vec<String> = list.into_iter().filter_map(|one: Dynamic| one.into_string().ok()).map(|one| clean(&one)).collect();
        if choices.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "a choice is among texts, one at least"));
        }
        let first = choices.first().cloned();
        ask(call, &name, &text, choices, first, false)
    });
    module.two("confirm", |call, name: Text, text: Text| {
        ask(call, &name, &text, vec!["yes".to_owned(), "no".to_owned()], Some("no".to_owned()), false).map(|answer| answer == "yes")
    });
}

fn ask(call: &Call, name: &str, text: &str, choices: Vec<String>, default: Option<String>, secret: bool) -> Result<String> {
    call.allowed().may_ask()?;
    call.count_question(MOST)?;
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` is no name of a question", name.escape_debug())).hint("letters, digits, `-`, `_`"));
    }
    let given = call.facts().options.get(name).filter(|_| !secret).and_then(|value| match value {
        serde_json::Value::Bool(truth) => Some(if *truth { "yes" } else { "no" }.to_owned()),
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    // Who asks is said, so that a script's question is not taken for greffon's own.
    let text = format!("{} asks: {}", call.allowed().name, clean(text));
    let answer = match given {
        Some(given) => given,
        None => {
            let question = Question { text, choices: choices.clone(), default, secret, flag: format!("--answer {name}=VALUE") };
            call.aside(|cx| cx.prompter().ask(&question))?
        }
    };
    if choices.is_empty() || choices.contains(&answer) {
        return Ok(answer);
    }
    let known = choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ");
    Err(Error::new(ErrorKind::Invalid, format!("the answer to `{name}` is none of {known}")))
}

/// One line without what steers a terminal, turns the direction of writing, or pushes the rest onto a line of its own.
fn clean(text: &str) -> String {
    let text: String = text.chars().filter(|c| c.is_whitespace() || !(c.is_control() || is_unseen(*c))).take(2000).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

/// Letters that are not seen, and those that turn the direction of writing.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
