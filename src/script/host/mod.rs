//! What scripts can call: a module a file, each function documented beside its registration.
//!
//! [`MODULES`] is the one list. A module is registered where nothing needs to be granted for it, or where something of a sort that
//! it needs is; its functions then check their own grant at each call. [`reference`] writes the reference for authors.
//!
//! A module's file has a `MODULE`, and a `register` that gives each function to a [`Registrar`]: plain Rust functions of a
//! [`Call`] and values, whose errors become something that scripts can catch.

#[macro_use]
mod methods;
mod archive;
mod bounded;
mod data;
mod doc;
mod env;
mod files;
mod fs;
mod git;
mod handle;
mod http;
mod json;
mod kept;
mod log;
mod markup;
mod options;
mod path;
mod process;
mod progress;
mod prompt;
mod secret;
mod template;
#[cfg(test)]
mod tests;
mod texts;
mod tree;
mod version;

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, FuncRegistration, ImmutableString, Map, Module, NativeCallContext, Shared};

pub use handle::Handle;

use super::call::{Call, give, nobody};
use super::grants::Kind;
use super::watch::traced;
use crate::error::{Error, ErrorKind, Result};

/// One module of host functions.
#[derive(Debug)]
pub struct HostModule {
    /// Its name in scripts: `log::info(…)`.
    pub name: &'static str,
    /// One or two sentences.
    pub about: &'static str,
    /// A grant of one of these sorts brings it; empty: it is always there.
    pub needs: &'static [Kind],
    /// Its functions, as documented.
    pub functions: &'static [Function],
    /// A few lines that use it.
    pub example: &'static str,
    register: fn(&mut Registrar),
}

/// One documented function.
#[derive(Debug)]
pub struct Function {
    /// `name(parameter, …) -> what it gives`.
    pub signature: &'static str,
    /// What it does.
    pub about: &'static str,
}

/// Every module.
pub const MODULES: &[&HostModule] = &[
    &log::MODULE,
    &progress::MODULE,
    &json::MODULE,
    &texts::TOML,
    &markup::XML,
    &markup::HTML,
    &texts::BASE64,
    &texts::HASH,
    &template::MODULE,
    &version::MODULE,
    &path::MODULE,
    &tree::MODULE,
    &http::MODULE,
    &git::MODULE,
    &fs::MODULE,
    &archive::MODULE,
    &process::MODULE,
    &env::MODULE,
    &secret::MODULE,
    &prompt::MODULE,
    &data::MODULE,
];

/// Registers what these sorts of grants bring, and what `host` is.
pub(super) fn register(engine: &mut Engine, kinds: &[Kind]) {
    handle::register(engine);
    secret::shown(engine);
    // Rhai's own `trim` changes the text where it stands, and gives nothing.
    engine.register_fn("trimmed", |text: &str| ImmutableString::from(text.trim()));
    for module in MODULES {
        if module.needs.is_empty() || module.needs.iter().any(|kind| kinds.contains(kind)) {
            let built: Shared<Module> = build(module).module.into();
            engine.register_static_module(module.name, built);
        }
    }
}

fn build(module: &HostModule) -> Registrar {
    let mut registrar = Registrar { own: module.name, module: Module::new(), names: Vec::new() };
    (module.register)(&mut registrar);
    registrar.module.build_index();
    registrar
}

/// The sorts of grants one of which brings a module; `None`: there is no such module, or it is always there.
pub(super) fn needed_for(module: &str) -> Option<&'static [Kind]> {
    MODULES.iter().find(|known| known.name == module).map(|known| known.needs).filter(|needs| !needs.is_empty())
}

/// The reference of every module, as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    for module in MODULES {
        text.push_str(&format!("### `{}`\n\n{}", module.name, module.about));
        if !module.needs.is_empty() {
            let keys: Vec<String> = module.needs.iter().map(|kind| format!("`{}`", kind.key())).collect();
            text.push_str(&format!(" Needs a grant: {}.", keys.join(" or ")));
        }
        text.push_str("\n\n");
        for function in module.functions {
            let own = function.signature.split(['(', ' ', ',']).next().is_some_and(|name| name.contains('.'));
            let place = if own { String::new() } else { format!("{}::", module.name) };
            text.push_str(&format!("- `{place}{}`: {}\n", function.signature, function.about));
        }
        text.push_str(&format!("\n```rhai\n{}\n```\n\n", module.example.trim()));
    }
    text
}

/// Takes a module's functions.
pub struct Registrar {
    own: &'static str,
    module: Module,
    names: Vec<&'static str>,
}

/// A value that a host function takes.
pub trait Argument: Sized {
    /// What it is called in messages.
    const WORD: &'static str;
    /// The value; `None` where it is something else.
    fn take(value: Dynamic) -> Option<Self>;
}

/// A value that a host function gives. For a handle type of one's own: `Dynamic::from(handle)`.
pub trait Answer {
    /// For the script.
    fn give(self) -> Dynamic;
}

macro_rules! arguments {
    ($($type:ty, $word:literal, $take:expr;)*) => {$(
        impl Argument for $type {
            const WORD: &'static str = $word;
            fn take(value: Dynamic) -> Option<Self> {
                let take: fn(Dynamic) -> Option<Self> = $take;
                take(value)
            }
        }
    )*};
}
arguments! {
    Dynamic, "a value", Some;
    ImmutableString, "a text", |value| value.into_immutable_string().ok();
    i64, "a whole number", |value| value.as_int().ok();
    bool, "true or false", |value| value.as_bool().ok();
    Array, "a list", |value| value.into_array().ok();
    Map, "a map", |value| value.try_cast::<Map>();
    FnPtr, "a function", |value| value.try_cast::<FnPtr>();
}

macro_rules! answers {
    ($($type:ty)*) => {$(
        impl Answer for $type {
            fn give(self) -> Dynamic {
                self.into()
            }
        }
    )*};
}
answers! { Dynamic i64 bool ImmutableString String Array Map }

impl Answer for () {
    fn give(self) -> Dynamic {
        Dynamic::UNIT
    }
}

impl<T: Answer> Answer for Option<T> {
    fn give(self) -> Dynamic {
        self.map_or(Dynamic::UNIT, Answer::give)
    }
}

/// Runs a host function's body for the call of its context: `|context: NativeCallContext, …| with(&context, |call| …)`. For methods of
/// handles and for functions that call back; all others are given to a [`Registrar`].
///
/// # Errors
/// As the body, as something that a script can catch.
pub fn with<R: Answer>(context: &NativeCallContext<'_>, work: impl FnOnce(&Call) -> Result<R>) -> Result<Dynamic, Box<EvalAltResult>> {
    let call = Call::of(context).ok_or_else(nobody)?;
    // The engine looks at the budgets every few operations; one of these can be long.
    give(call.check().and_then(|()| work(&call)).map(Answer::give)).map_err(|mut error| {
        error.set_position(context.call_position());
        error
    })
}

fn take<A: Argument>(function: &str, which: usize, value: Dynamic) -> Result<A> {
    let found = value.type_name();
    A::take(value).ok_or_else(|| {
        let found = match found {
            "()" => "nothing",
            "string" => "a text",
            "map" => "a map",
            "array" => "a list",
            "i64" => "a whole number",
            "f64" => "a number",
            "bool" => "true or false",
            other => other,
        };
        Error::new(ErrorKind::Invalid, format!("parameter {which} of `{function}` must be {}, not {found}", A::WORD))
    })
}

impl Registrar {
    /// A function without parameters.
    pub fn zero<R: Answer>(&mut self, name: &'static str, work: impl Fn(&Call) -> Result<R> + Send + Sync + 'static) {
        self.names.push(name);
        let own = (self.own, name);
        FuncRegistration::new(name).set_into_module(&mut self.module, move |context: NativeCallContext<'_>| {
            with(&context, |call| traced(call, &context, own, &[], || work(call).map(Answer::give)))
        });
    }

    /// A function of one parameter.
    pub fn one<A: Argument, R: Answer>(&mut self, name: &'static str, work: impl Fn(&Call, A) -> Result<R> + Send + Sync + 'static) {
        self.names.push(name);
        let own = (self.own, name);
        FuncRegistration::new(name).set_into_module(&mut self.module, move |context: NativeCallContext<'_>, a: Dynamic| {
            with(&context, |call| {
                let value = call.watch().map(|_| a.clone());
                let told: Vec<&Dynamic> = value.iter().collect();
                traced(call, &context, own, &told, || work(call, take(name, 1, a)?).map(Answer::give))
            })
        });
    }

    /// A function of two parameters.
    pub fn two<A: Argument, B: Argument, R: Answer>(&mut self, name: &'static str, work: impl Fn(&Call, A, B) -> Result<R> + Send + Sync + 'static) {
        self.names.push(name);
        let own = (self.own, name);
        FuncRegistration::new(name).set_into_module(&mut self.module, move |context: NativeCallContext<'_>, a: Dynamic, b: Dynamic| {
            with(&context, |call| {
                let values = call.watch().map(|_| [a.clone(), b.clone()]);
                let told: Vec<&Dynamic> = values.iter().flatten().collect();
                traced(call, &context, own, &told, || work(call, take(name, 1, a)?, take(name, 2, b)?).map(Answer::give))
            })
        });
    }

    /// A function of three parameters.
    pub fn three<A: Argument, B: Argument, C: Argument, R: Answer>(
        &mut self,
        name: &'static str,
        work: impl Fn(&Call, A, B, C) -> Result<R> + Send + Sync + 'static,
    ) {
        self.names.push(name);
        let own = (self.own, name);
        FuncRegistration::new(name).set_into_module(&mut self.module, move |context: NativeCallContext<'_>, a: Dynamic, b: Dynamic, c: Dynamic| {
            with(&context, |call| {
                let values = call.watch().map(|_| [a.clone(), b.clone(), c.clone()]);
                let told: Vec<&Dynamic> = values.iter().flatten().collect();
                traced(call, &context, own, &told, || work(call, take(name, 1, a)?, take(name, 2, b)?, take(name, 3, c)?).map(Answer::give))
            })
        });
    }

    /// The module itself, for what has another shape: a method of a handle is registered with its concrete types, in the global
    /// namespace, so that `handle.method(…)` finds it:
    ///
    /// ```ignore
    /// FuncRegistration::new("get").in_global_namespace().set_into_module(registrar.module(), |context: NativeCallContext, own: &mut Doc, pointer: ImmutableString| {
    ///     with(&context, |call| own.get(call, &pointer))
    /// });
    /// ```
    pub fn module(&mut self) -> &mut Module {
        &mut self.module
    }
}
