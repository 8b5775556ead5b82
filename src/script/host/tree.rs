//! `tree`: what lies in the git trees that requests name.

use rhai::{Array, Dynamic, ImmutableString, Map};

use super::{Function, HostModule, Registrar};
use crate::error::Result;
use crate::model::ObjectId;
use crate::roles::TreeItemKind;

pub(super) const MODULE: HostModule = HostModule {
    name: "tree",
    about: "What lies in a git tree of the stock: an installer's requests name one (`request.tree`, `request.payload.tree`).",
    needs: &[],
    functions: &[
        Function { signature: "read(tree, path) -> text", about: "a file's text, or `()` where there is none" },
        Function {
            signature: "list(tree, path) -> list",
            about: "what lies in a folder (`\"\"`: the top), as `#{ name, kind }` with `file`, `folder` or `gitlink`; `()` where there is no such folder",
        },
    ],
    example: "let about = tree::read(request.tree, \"version.txt\");\nif about != () { return #{ version: about.trimmed() }; }",
    register,
};

fn register(module: &mut Registrar) {
    module.two("read", |call, tree: ImmutableString, path: ImmutableString| {
        let bytes = call.wait(|cx| cx.trees().read(id(&tree)?, &path))?;
        Ok(bytes.map_or(Dynamic::UNIT, |bytes| String::from_utf8_lossy(&bytes).into_owned().into()))
    });
    module.two("list", |call, tree: ImmutableString, path: ImmutableString| {
        let items = call.wait(|cx| cx.trees().list(id(&tree)?, &path))?;
        let item = |name: String, kind: &str| Map::from([("name".into(), name.into()), ("kind".into(), kind.into())]).into();
        Ok(items.map_or(Dynamic::UNIT, |items| {
            items
                .into_iter()
                .map(|one| {
                    item(
                        one.name,
                        match one.what {
                            TreeItemKind::File(_) => "file",
                            TreeItemKind::Folder(_) => "folder",
                            TreeItemKind::Gitlink(_) => "gitlink",
                        },
                    )
                })
                .collect::<Array>()
                .into()
        }))
    });
}

fn id(text: &str) -> Result<ObjectId> {
    text.parse()
}
