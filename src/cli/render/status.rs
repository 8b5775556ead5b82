//! How the files of sites compare with what was recorded.

use crate::cli::text::{ADD, CHANGE, FAINT, REMOVE, STRONG, Text, count};
use crate::model::{ElementState, ElementStatus, FileState, SiteState, SiteStatus};

/// How many files of an element are named before the rest is counted.
const FILES: usize = 20;

/// Site by site.
pub(crate) fn sites(list: &[SiteStatus], page: &mut Text) {
    for one in list {
        site(one, page);
    }
}

fn site(status: &SiteStatus, page: &mut Text) {
    let (style, word) = match status.state {
        SiteState::Clean => (ADD, "clean"),
        SiteState::Drift => (CHANGE, "drift"),
        SiteState::Pending => (CHANGE, "pending"),
        SiteState::Held => (CHANGE, "held"),
        SiteState::Never => (FAINT, "never synced"),
        SiteState::Elsewhere => (FAINT, "elsewhere"),
    };
    page.paint(STRONG, &status.name).put("  ").paint(style, word);
    if let Some(generation) = status.generation {
        page.paint(FAINT, format_args!("  generation {generation}, {}", count(status.elements.len(), "element")));
    }
    page.end();
    if let Some(reason) = &status.held {
        page.line(format_args!("  held: {reason}"));
    }
    if !status.pending.is_empty() {
        page.put("  ").paint(CHANGE, "hooks to run").line(format_args!(": {}", status.pending.join(", ")));
    }
    for element in status.elements.iter().filter(|element| element.state != ElementState::Clean || !element.files.is_empty()) {
        differing(element, page);
    }
    for path in &status.unmanaged {
        page.put("  ").paint(FAINT, "unmanaged").line(format_args!("  {path}"));
    }
}

fn differing(element: &ElementStatus, page: &mut Text) {
    let (style, word) = match element.state {
        ElementState::Clean => (ADD, "clean"),
        ElementState::Modified => (CHANGE, "modified"),
        ElementState::Missing => (REMOVE, "missing"),
        ElementState::Misplaced => (CHANGE, "misplaced"),
        ElementState::OtherVersion => (CHANGE, "other version"),
    };
    page.put("  ").paint(style, word).put(format_args!("  {} {}", element.id, element.version));
    if let Some(found) = &element.found {
        page.put(format_args!(", found {found}"));
    }
    page.end();
    for file in element.files.iter().take(FILES) {
        let word = match file.state {
            FileState::Modified => "modified",
            FileState::Missing => "missing",
            FileState::Extra => "extra",
            FileState::TypeChanged => "type changed",
        };
        page.put("    ").pad(14, word).line(&file.path);
    }
    if element.files.len() > FILES {
        page.put("    ").paint(FAINT, format_args!("… and {} more (`--json` names them all)", count(element.files.len() - FILES, "file"))).end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FileStatus;

    #[test]
    fn what_differs_is_named_and_what_is_clean_is_counted() {
        let element = |name: &str, state, files: usize| ElementStatus {
            id: format!("plugins/{name}").parse().expect("an id"),
            version: "1.2".into(),
            state,
            found: (state == ElementState::OtherVersion).then(|| "1.3".to_owned()),
            files: (0..files).map(|at| FileStatus { path: format!("plugins/{name}/{at}\u{1b}"), state: FileState::Modified }).collect(),
        };
        let list = [SiteStatus {
            name: "prod".into(),
            state: SiteState::Drift,
            generation: Some(3),
            elements: vec![element("a", ElementState::Clean, 0), element("b", ElementState::Modified, 21), element("c", ElementState::OtherVersion, 0)],
            unmanaged: vec!["plugins/own".into()],
            held: None,
            pending: Vec::new(),
        }];
        let mut page = Text::new();
        sites(&list, &mut page);
        let text = anstream::adapter::strip_str(page.finish()).to_string();
        assert!(text.starts_with("prod  drift  generation 3, 3 elements\n  modified  plugins/b 1.2\n    modified      plugins/b/0\\u{1b}\n"), "{text}");
        assert!(
            text.ends_with("    … and 1 file more (`--json` names them all)\n  other version  plugins/c 1.2, found 1.3\n  unmanaged  plugins/own\n"),
            "{text}"
        );
        assert!(!text.contains("plugins/a"));
    }
}
