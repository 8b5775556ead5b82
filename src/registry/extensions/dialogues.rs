//! Dialogues by what the manifest says of them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Extensions, Named};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::UseKind;
use crate::roles::wire::Role;
use crate::roles::wire::dialogue::WiredDialogue;
use crate::roles::{AuthorizeRequest, Context, Dialogue, Dialogues, FetchRequest, Permit, Quote, QuoteRequest, ReceiptRequest, ReleaseRequest};
use crate::script::Instance;

impl Named {
    /// A dialogue as an element names it; `None` for what no script serves.
    pub(super) fn dialogue(options: &Value) -> Option<Self> {
        let (kind, target) = options.get("use")?.as_str()?.split_once(':')?;
        let kind = match kind {
            "script" => UseKind::Script,
            "extension" => UseKind::Extension,
            _ => return None,
        };
        Some(Self { kind, target: target.to_owned(), allow: options.get("allow").cloned(), place: None })
    }
}

impl Dialogues for Extensions {
    fn open(&self, options: &Value) -> Result<Arc<dyn Dialogue>> {
        let named = Named::dialogue(options).ok_or_else(|| {
            let name = options.get("use").and_then(Value::as_str).unwrap_or_default();
            Error::new(ErrorKind::Unsupported, format!("there is no dialogue `{}`", name.escape_debug()))
                .hint("a dialogue is `extension:NAME` or `script:PATH`")
        })?;
        // What is the same for every element may stand once: `[extensions.NAME] with = { … }`.
        let shared = self.table.get(&named.target).and_then(|own| own.get("with")).and_then(Value::as_object).cloned();
        let mut all = shared.unwrap_or_default();
        let own: Map<String, Value> = options.as_object().cloned().unwrap_or_default();
        all.extend(own.into_iter().filter(|(key, _)| !matches!(key.as_str(), "use" | "allow")));
        let instance = Arc::new(self.script(&named, Role::Dialogue, all)?);
        Ok(Arc::new(Granted { wired: WiredDialogue(Arc::clone(&instance) as _), instance }))
    }
}

/// A script's dialogue: greffon fetches for it only from where it may go itself.
#[derive(Debug)]
struct Granted {
    wired: WiredDialogue,
    instance: Arc<Instance>,
}

/// A permit as the script that gave it may see it: a secret that it named stays a name.
fn unseen(permit: &Permit) -> Permit {
    let bearer = permit.bearer.clone().filter(|_| permit.auth.is_none());
    Permit { bearer, ..permit.clone() }
}

impl Dialogue for Granted {
    fn quote(&self, cx: &Context, request: &QuoteRequest) -> Result<Quote> {
        self.wired.quote(cx, request)
    }

    fn authorize(&self, cx: &Context, request: &AuthorizeRequest) -> Result<Permit> {
        let mut permit = self.wired.authorize(cx, request)?;
        // A script names the secret: it never sees it.
        if let Some(name) = &permit.auth {
            self.instance.script().allowed().may_use(name)?;
            let value = cx.secrets().get(name)?.ok_or_else(|| {
                Error::new(ErrorKind::Denied, format!("there is no secret named `{}`", name.escape_debug()))
                    .hint("add it under `[config.secrets]`: `NAME = { env = \"…\" }`")
            })?;
            permit.bearer = Some(value);
        }
        if let Some(url) = &permit.url {
            self.instance.script().allowed().net(url)?;
        }
        Ok(permit)
    }

    fn fetch(&self, cx: &Context, request: &FetchRequest) -> Result<Option<std::path::PathBuf>> {
        self.wired.fetch(cx, &FetchRequest { permit: unseen(&request.permit), ..request.clone() })
    }

    fn receipt(&self, cx: &Context, request: &ReceiptRequest) -> Result<Option<String>> {
        self.wired.receipt(cx, &ReceiptRequest { permit: unseen(&request.permit), ..request.clone() })
    }

    fn release(&self, cx: &Context, request: &ReleaseRequest) -> Result<bool> {
        self.wired.release(cx, request)
    }
}
