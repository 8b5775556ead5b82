//! Who needs whom, drawn.

use crate::cli::text::{FAINT, STRONG, Text};
use crate::command::tree::{Node, Report};

/// The trees of every site.
pub(crate) fn sites(report: &Report, page: &mut Text) {
    let several = report.sites.len() > 1;
    for site in &report.sites {
        let indent = super::heading(&site.name, several, page);
        for root in &site.roots {
            page.pad(indent, "");
            label(root, page);
            branches(&root.children, &" ".repeat(indent), page);
        }
    }
}

fn branches(nodes: &[Node], lead: &str, page: &mut Text) {
    for (at, node) in nodes.iter().enumerate() {
        let last = at + 1 == nodes.len();
        page.put(lead).paint(FAINT, if last { "└── " } else { "├── " });
        label(node, page);
        branches(&node.children, &format!("{lead}{}", if last { "    " } else { "│   " }), page);
    }
}

fn label(node: &Node, page: &mut Text) {
    page.paint(STRONG, &node.element).put(format_args!(" {}", node.version));
    if let Some(asked) = &node.asked {
        page.paint(FAINT, format_args!("  {asked}"));
    }
    if node.repeated {
        page.paint(FAINT, "  (above)");
    }
    page.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::tree::SiteTree;

    #[test]
    fn branches_are_drawn_to_their_end() {
        let node = |name: &str, repeated, children| Node {
            element: format!("plugins/{name}").parse().expect("an id"),
            version: "1".into(),
            asked: None,
            repeated,
            children,
        };
        let root = node("a", false, vec![node("b", false, vec![node("c", false, vec![])]), node("d", true, vec![])]);
        let report = Report { schema: "greffon/tree/1", sites: vec![SiteTree { name: "prod".into(), roots: vec![root] }] };
        let mut page = Text::new();
        sites(&report, &mut page);
        let text = anstream::adapter::strip_str(page.finish()).to_string();
        assert_eq!(text, "plugins/a 1\n├── plugins/b 1\n│   └── plugins/c 1\n└── plugins/d 1  (above)\n");
    }
}
