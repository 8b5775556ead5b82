//! `progress`: how far a long piece of work is.

use std::fmt;
use std::sync::Arc;

use rhai::{Dynamic, ImmutableString};

use super::{Answer, Function, HostModule, Registrar};
use crate::roles::{Context, Event, Unit};
use crate::script::call::Call;
use crate::sys::hide_secrets;

pub(super) const MODULE: HostModule = HostModule {
    name: "progress",
    about: "A bar for a long piece of work. It goes when the work is said to be done, or when the script no longer holds it. Downloads show their own.",
    needs: &[],
    functions: &[
        Function { signature: "start(what, total) -> work", about: "begins a piece of work of so many items (`0`: not known)" },
        Function { signature: "work.at(count)", about: "how many are done" },
        Function { signature: "work.done()", about: "ends it" },
    ],
    example: "let work = progress::start(\"reading\", 3);\nfor i in 1..=3 { work.at(i); }\nwork.done();",
    register,
};

/// A piece of work under way.
#[derive(Debug, Clone)]
struct Work(Arc<Task>);

struct Task {
    name: String,
    total: Option<u64>,
    cx: Context,
    over: std::sync::Once,
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task(…)")
    }
}

impl Task {
    fn end(&self) {
        self.over.call_once(|| self.cx.emit(Event::Finished { task: self.name.clone() }));
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.end();
    }
}

impl Answer for Work {
    fn give(self) -> Dynamic {
        Dynamic::from(self)
    }
}

fn register(module: &mut Registrar) {
    module.two("start", |call: &Call, what: ImmutableString, total: i64| {
        let what: String = hide_secrets(&what).chars().filter(|c| !c.is_control()).take(100).collect();
        let (name, total) = (format!("{}: {what}", call.allowed().name), u64::try_from(total).ok().filter(|total| *total > 0));
        call.cx().emit(Event::Started { task: name.clone(), total, unit: Unit::Items });
        Ok(Work(Arc::new(Task { name, total, cx: call.cx(), over: std::sync::Once::new() })))
    });
    module.module().set_custom_type::<Work>("work");
    method!(module, "at", |_, own: &mut Work, count: i64| {
        own.0.cx.emit(Event::Advanced { task: own.0.name.clone(), done: u64::try_from(count).unwrap_or(0), total: own.0.total });
        Ok(())
    });
    method!(module, "done", |_, own: &mut Work| {
        own.0.end();
        Ok(())
    });
}
