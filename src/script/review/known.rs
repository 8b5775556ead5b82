//! What a script can call.

use std::collections::BTreeMap;

use super::host::{HostModule, MODULES};
use crate::roles::wire::Role;

/// The functions and methods of Rhai's own library, and the one that is added to it.
pub(super) const STANDARD: &[&str] = &[
    "Fn",
    "abs",
    "acos",
    "acosh",
    "all",
    "append",
    "as_string",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "bits",
    "blob",
    "bytes",
    "call",
    "ceiling",
    "chars",
    "chop",
    "clear",
    "contains",
    "cos",
    "cosh",
    "crop",
    "curry",
    "debug",
    "dedup",
    "drain",
    "elapsed",
    "end",
    "ends_with",
    "exit",
    "exp",
    "extract",
    "fill_with",
    "filter",
    "find",
    "find_map",
    "floor",
    "for_each",
    "fraction",
    "get",
    "get_bit",
    "get_bits",
    "get_fn_metadata_list",
    "hypot",
    "index_of",
    "insert",
    "int",
    "is_anonymous",
    "is_def_fn",
    "is_def_var",
    "is_empty",
    "is_even",
    "is_exclusive",
    "is_finite",
    "is_inclusive",
    "is_infinite",
    "is_nan",
    "is_odd",
    "is_shared",
    "is_zero",
    "keys",
    "len",
    "ln",
    "log",
    "make_lower",
    "make_upper",
    "map",
    "max",
    "min",
    "mixin",
    "name",
    "order",
    "order_by",
    "order_desc",
    "pad",
    "parse_be_float",
    "parse_be_int",
    "parse_float",
    "parse_int",
    "parse_json",
    "parse_le_float",
    "parse_le_int",
    "pop",
    "print",
    "push",
    "range",
    "reduce",
    "reduce_rev",
    "remove",
    "replace",
    "retain",
    "reverse",
    "round",
    "set",
    "set_bit",
    "set_bits",
    "set_tag",
    "shift",
    "sign",
    "sin",
    "sinh",
    "sleep",
    "some",
    "sort",
    "sort_by",
    "sort_desc",
    "splice",
    "split",
    "split_rev",
    "sqrt",
    "start",
    "starts_with",
    "sub_string",
    "tag",
    "take",
    "tan",
    "tanh",
    "this",
    "timestamp",
    "to_array",
    "to_binary",
    "to_blob",
    "to_chars",
    "to_debug",
    "to_degrees",
    "to_float",
    "to_hex",
    "to_int",
    "to_json",
    "to_lower",
    "to_octal",
    "to_radians",
    "to_string",
    "to_upper",
    "trim",
    "trimmed",
    "truncate",
    "type_of",
    "values",
    "write_ascii",
    "write_be",
    "write_le",
    "write_utf8",
    "zip",
];

/// Whether Rhai itself has a function or method of this name.
pub(super) fn standard(name: &str) -> bool {
    STANDARD.binary_search(&name).is_ok()
}

fn find(name: &str) -> Option<&'static HostModule> {
    MODULES.iter().find(|module| module.name == name).copied()
}

/// `get(url, options)` of `get(url, options) -> answer`: the name, and the parameters' number.
fn form(signature: &str) -> Option<(&str, usize)> {
    let (name, rest) = signature.split_once('(')?;
    let inside = rest.split(')').next()?.trim();
    Some((name, if inside.is_empty() { 0 } else { inside.split(',').count() }))
}

/// A module's functions with the numbers of values that they take; `None`: there is no such module.
pub(super) fn module(name: &str) -> Option<BTreeMap<&'static str, Vec<usize>>> {
    let mut all: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
    for (name, count) in find(name)?.functions.iter().filter_map(|function| form(function.signature)).filter(|(name, _)| !name.contains('.')) {
        all.entry(name).or_default().push(count);
    }
    Some(all)
}

/// How a function is documented.
pub(super) fn signatures(module: &str, function: &str) -> impl Iterator<Item = &'static str> {
    let all = find(module).map_or(&[][..], |module| module.functions);
    let function = function.to_owned();
    all.iter().map(|one| one.signature).filter(move |signature| form(signature).is_some_and(|(name, _)| name == function))
}

/// The methods of values that greffon gives, `host`'s roles among them.
pub(super) fn methods() -> Vec<&'static str> {
    let documented = MODULES.iter().flat_map(|module| module.functions).flat_map(|function| function.signature.split(", "));
    let own = documented.filter_map(|piece| piece.split_once('.')).filter_map(|(_, rest)| rest.split(['(', ' ']).next());
    let roles = Role::ALL.into_iter().flat_map(|role| role.required().iter().chain(role.optional()).copied());
    own.chain(roles).chain(["repository", "name", "has_element_info"]).collect()
}

/// Whether some value that greffon gives has this method.
pub(super) fn method(name: &str) -> bool {
    methods().contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_documented_is_known() {
        assert!(STANDARD.is_sorted(), "it is searched by halves");
        assert_eq!(module("http").expect("http")["get"], [1, 2]);
        assert_eq!(module("process").expect("process")["run"], [1, 2]);
        assert!(module("nosuch").is_none() && method("json") && method("header") && standard("push") && standard("index_of") && standard("print"));
        for module in MODULES {
            assert!(super::module(module.name).is_some_and(|functions| !functions.is_empty()), "{}", module.name);
        }
    }
}
