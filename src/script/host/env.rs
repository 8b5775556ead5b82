//! `env`: granted environment variables.

use rhai::ImmutableString;

use super::{Function, HostModule, Registrar};
use crate::script::Kind;

pub(super) const MODULE: HostModule = HostModule {
    name: "env",
    about: "Variables of the environment that greffon runs in.",
    needs: &[Kind::Env],
    functions: &[Function { signature: "get(name) -> text", about: "a granted variable's value, or `()` where it is not set" }],
    example: "let home = env::get(\"HOME\");\nif home != () { log::info(home); }",
    register,
};

fn register(module: &mut Registrar) {
    module.one("get", |call, name: ImmutableString| {
        call.allowed().may_see(&name)?;
        Ok(call.watch().and_then(|watch| watch.variable(&name)).unwrap_or_else(|| std::env::var(name.as_str()).ok()))
    });
}
