//! Documents: large values that stay outside of the script, which asks for parts of them.

use std::sync::Arc;

use indexmap::IndexMap;
use rhai::{Array, Dynamic, EvalAltResult, FnPtr, FuncRegistration, ImmutableString, Map, NativeCallContext};
use serde_json::Value;

use super::{Answer, Registrar};
use crate::error::{Error, ErrorKind, Result};
use crate::script::call::{Call, give, nobody};
use crate::script::value::to_script;

/// A part of a document. Cheap to clone; never changes.
#[derive(Debug, Clone)]
pub(super) struct Doc(Arc<Node>);

#[derive(Debug)]
enum Node {
    /// Neither list nor map.
    Plain(Value),
    List(Vec<Arc<Node>>),
    Map(IndexMap<String, Arc<Node>>),
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        match value {
            Value::Array(list) => Self::List(list.into_iter().map(|one| Arc::new(one.into())).collect()),
            Value::Object(map) => Self::Map(map.into_iter().map(|(key, one)| (key, Arc::new(one.into()))).collect()),
            plain => Self::Plain(plain),
        }
    }
}

impl Answer for Doc {
    /// Lists and maps stay documents.
    fn give(self) -> Dynamic {
        match &*self.0 {
            Node::Plain(value) => to_script(value),
            _ => Dynamic::from(self),
        }
    }
}

/// A plain copy has so many values at most.
const COPIED: usize = 20_000;

impl Doc {
    pub(super) fn new(value: Value) -> Self {
        Self(Arc::new(value.into()))
    }

    fn get(&self, pointer: &str) -> Result<Option<Self>> {
        if pointer.is_empty() {
            return Ok(Some(self.clone()));
        }
        let Some(path) = pointer.strip_prefix('/') else {
            return Err(Error::new(ErrorKind::Invalid, format!("`{}` is no pointer into a document", pointer.escape_debug()))
                .hint("it begins with `/`: `/plugins/git/version`, `/list/0`; within a name `/` is `~1` and `~` is `~0`"));
        };
        let mut at = &self.0;
        for part in path.split('/') {
            let name = part.replace("~1", "/").replace("~0", "~");
            let next = match &**at {
                Node::Map(map) => map.get(&name),
                Node::List(list) => name.parse::<usize>().ok().and_then(|index| list.get(index)),
                Node::Plain(_) => None,
            };
            match next {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(Some(Self(Arc::clone(at))))
    }

    fn len(&self) -> usize {
        match &*self.0 {
            Node::Plain(_) => 0,
            Node::List(list) => list.len(),
            Node::Map(map) => map.len(),
        }
    }

    fn copied(&self, left: &mut usize) -> Result<Dynamic> {
        *left = left.checked_sub(1).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("this part of the document has more than {COPIED} values")).hint("take smaller parts, by `get` and `each`")
        })?;
        Ok(match &*self.0 {
            Node::Plain(value) => to_script(value),
            Node::List(list) => list.iter().map(|one| Self(Arc::clone(one)).copied(left)).collect::<Result<Array>>()?.into(),
            Node::Map(map) => map.iter().map(|(key, one)| Ok((key.as_str().into(), Self(Arc::clone(one)).copied(left)?))).collect::<Result<Map>>()?.into(),
        })
    }

    /// Its parts, each as the parameters of a script's function.
    fn parts(&self) -> Vec<Vec<Dynamic>> {
        match &*self.0 {
            Node::Plain(_) => Vec::new(),
            Node::List(list) => list.iter().map(|one| vec![Self(Arc::clone(one)).give()]).collect(),
            Node::Map(map) => map.iter().map(|(key, one)| vec![key.as_str().into(), Self(Arc::clone(one)).give()]).collect(),
        }
    }
}

/// Calls a script's function for each; `false` ends it. How many were called.
pub(super) fn each(context: &NativeCallContext<'_>, parts: Vec<Vec<Dynamic>>, function: &FnPtr) -> Result<Dynamic, Box<EvalAltResult>> {
    let call = Call::of(context).ok_or_else(nobody)?;
    let mut count: i64 = 0;
    for part in parts {
        give(call.check())?;
        count += 1;
        if function.call_within_context::<Dynamic>(context, part)?.as_bool() == Ok(false) {
            break;
        }
    }
    Ok(count.into())
}

/// The methods of documents; they belong to the module that makes them.
pub(super) fn methods(module: &mut Registrar) {
    module.module().set_custom_type::<Doc>("document");
    method!(module, "get", |_, own: &mut Doc, pointer: ImmutableString| own.get(&pointer));
    method!(module, "has", |_, own: &mut Doc, pointer: ImmutableString| Ok(own.get(&pointer)?.is_some()));
    method!(module, "value", |_, own: &mut Doc| own.copied(&mut COPIED.clone()));
    getter!(module, "len", |_, own: &mut Doc| Ok(own.len() as i64));
    getter!(module, "kind", |_, own: &mut Doc| Ok(ImmutableString::from(if matches!(&*own.0, Node::List(_)) { "list" } else { "map" })));
    method!(module, "keys", |_, own: &mut Doc| {
        Ok(match &*own.0 {
            Node::Map(map) => map.keys().map(|key| key.as_str().into()).collect::<Array>(),
            _ => Array::new(),
        })
    });
    FuncRegistration::new("each")
        .in_global_namespace()
        .set_into_module(module.module(), |context: NativeCallContext<'_>, own: &mut Doc, function: FnPtr| each(&context, own.parts(), &function));
    for name in ["to_string", "to_debug"] {
        FuncRegistration::new(name)
            .in_global_namespace()
            .set_into_module(module.module(), |own: &mut Doc| ImmutableString::from(format!("a document of {} parts", own.len())));
    }
}
