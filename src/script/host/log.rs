//! `log`: lines for people.

use rhai::ImmutableString;

use super::{Function, HostModule, Registrar};
use crate::roles::Level;

pub(super) const MODULE: HostModule = HostModule {
    name: "log",
    about: "Lines for people, under the extension's name, on standard error. `print` is `log::detail`, `debug` is `log::trace`.",
    needs: &[],
    functions: &[
        Function { signature: "warning(text)", about: "something the user should act on" },
        Function { signature: "info(text)", about: "what was done; shown unless `-q` is given" },
        Function { signature: "detail(text)", about: "how it was done; shown with `-v`" },
        Function { signature: "trace(text)", about: "everything; shown with `-vv`" },
    ],
    example: "log::info(`asked ${url}`);",
    register,
};

fn register(module: &mut Registrar) {
    for (name, level) in [("warning", Level::Warning), ("info", Level::Info), ("detail", Level::Detail), ("trace", Level::Debug)] {
        module.one(name, move |call, text: ImmutableString| {
            call.log(level, &text);
            Ok(())
        });
    }
}
