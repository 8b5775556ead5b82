//! What an extension asks for against what it uses.

use std::collections::BTreeSet;

use super::calls::Call;
use super::{Reviewer, host};
use crate::error::{Error, ErrorKind};
use crate::roles::wire::Role;
use crate::script::grants::{Grants, Kind};
use crate::script::load::own_kinds;

impl Reviewer<'_> {
    /// Tells what is used and not asked for, and the other way round; gives the modules that are used.
    pub(super) fn grants(&mut self, role: Option<Role>) -> (BTreeSet<String>, Grants) {
        let mut used: BTreeSet<&'static str> = BTreeSet::new();
        let mut named = Vec::new();
        let mut modules = BTreeSet::new();
        for (script, content) in &self.contents {
            for call in &content.calls {
                let module = call.module.as_deref().filter(|module| !content.imports.iter().any(|import| import == module));
                let Some(module) = host::MODULES.iter().find(|known| Some(known.name) == module) else { continue };
                modules.insert(module.name.to_owned());
                if !module.needs.is_empty() {
                    used.insert(module.name);
                    named.extend(literal(module.name, call).map(|grant| (*script, call.clone(), grant)));
                }
            }
        }
        let (needs, optional) = (&self.source.needs, &self.source.optional);
        let own = role.map(own_kinds).unwrap_or_default();
        let mut told = Vec::new();
        let mut unasked = Grants::default();
        for name in &used {
            let kinds = host::needed_for(name).unwrap_or_default();
            if kinds.iter().any(|kind| needs.has(*kind) || optional.contains(kind) || own.contains(kind)) {
                continue;
            }
            unasked = kinds.first().map(|kind| unasked.and(&Grants::example(*kind))).unwrap_or_default();
        }
        // What a call names outright and `needs` does not cover. Where nothing of the sort is asked, that is told already.
        for (script, call, grant) in &named {
            let missing = grant.beyond(needs);
            let asked = Kind::ALL.into_iter().any(|kind| missing.has(kind) && needs.has(kind));
            if asked {
                told.push(
                    Error::new(ErrorKind::Extension, format!("it wants to {}, and `needs` does not say so", missing.words()))
                        .at(self.excerpt(script, call.span.clone()))
                        .hint(format!("`needs = {}`", needs.and(&missing).line())),
                );
            }
        }
        for kind in Kind::ALL.into_iter().filter(|kind| needs.has(*kind)) {
            if !used.iter().any(|name| host::needed_for(name).is_some_and(|kinds| kinds.contains(&kind))) {
                let list = needs.list(kind).iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
                told.push(
                    Error::new(ErrorKind::Extension, format!("it asks to {} {list}, and uses nothing that needs it", kind.words()).replace("  ", " "))
                        .hint(format!("take `{}` out of `needs`: whoever is asked for less agrees sooner", kind.key())),
                );
            }
        }
        for error in told {
            self.warn(error);
        }
        (modules, unasked)
    }
}

/// The grant that a call needs, where it says by a text written out which.
fn literal(module: &str, call: &Call) -> Option<Grants> {
    let first = call.first.clone()?;
    let list = vec![first.clone()];
    Some(match (module, call.function.as_str()) {
        ("http", _) => {
            let url = url::Url::parse(&first).ok()?;
            Grants { net: vec![url.host_str()?.to_owned()], ..Grants::default() }
        }
        ("process", "run") => Grants { run: list, ..Grants::default() },
        ("env", "get") => Grants { env: list, ..Grants::default() },
        ("secret", "get" | "has") => Grants { secret: list, ..Grants::default() },
        _ => return None,
    })
}
