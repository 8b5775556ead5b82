//! Properties and methods of values of our own. Macros, because the engine's bound on such types has no public name.

/// A property: `value.name`.
macro_rules! getter {
    ($module:expr, $name:expr, |$call:pat_param, $own:ident: &mut $type:ty| $body:expr) => {
        rhai::FuncRegistration::new_getter($name)
            .set_into_module($module.module(), |context: rhai::NativeCallContext<'_>, $own: &mut $type| $crate::script::host::with(&context, |$call| $body))
    };
}

/// A method: `value.name()`, or with parameters of plain types: `value.name(a)`.
macro_rules! method {
    ($module:expr, $name:expr, |$call:pat_param, $own:ident: &mut $type:ty $(, $argument:ident: $kind:ty)*| $body:expr) => {
        rhai::FuncRegistration::new($name).in_global_namespace().set_into_module(
            $module.module(),
            |context: rhai::NativeCallContext<'_>, $own: &mut $type $(, $argument: $kind)*| $crate::script::host::with(&context, |$call| $body),
        )
    };
}
