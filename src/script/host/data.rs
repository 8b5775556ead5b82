//! `data`: what a hook says of its application's data.

use super::{Function, HostModule, Registrar};
use crate::error::{Error, ErrorKind, Result};
use crate::script::call::Call;
use crate::script::{DataRecord, Follows};

pub(super) const MODULE: HostModule = HostModule {
    name: "data",
    about: "For hooks that upgrade an application's data: data do not go back when the code does. What a hook says here is kept with the site, and a \
            change to code that the data are too new for is told to hooks as `event.downgrades`.",
    needs: &[],
    functions: &[
        Function {
            signature: "follows()",
            about: "the data belong to the code in place from now on; said before the first step that changes them, and after they were put back",
        },
        Function { signature: "is_known() -> bool", about: "whether that was ever said for this site" },
    ],
    example: "if !data::is_known() { data::follows(); }",
    register,
};

fn register(module: &mut Registrar) {
    module.zero("follows", |call| record(call)?.follow());
    module.zero("is_known", |call| record(call)?.is_known());
}

fn record(call: &Call) -> Result<&dyn DataRecord> {
    let none = || Error::new(ErrorKind::Unsupported, "this is no hook of a site, so there are no data to speak of");
    call.facts().data.as_ref().map(Follows::record).ok_or_else(none)
}
