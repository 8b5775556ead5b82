//! What a manifest says of hooks: `after-sync = "hooks/x.rhai"`, or a table, or a list of them.

use serde_json::{Map, Value};

use super::Moment;
use crate::manifest::{Manifest, UseKind};
use crate::model::{Action, Change};
use crate::registry::Named;

/// One hook as the manifest has it.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) moment: Moment,
    pub(super) named: Named,
    /// `with`: its options.
    pub(super) with: Map<String, Value>,
    /// `only`: patterns of `type/name`; empty: all.
    pub(super) only: Vec<String>,
    /// `run-as`: whom its programs run as.
    pub(super) run_as: Option<String>,
    /// `as-self`: programs that do not.
    pub(super) as_self: Vec<String>,
    /// Said by `around`: it runs where the script has a function for the moment.
    pub(super) maybe: bool,
    /// 1, and one more for each earlier hook of the same moment and script: what tells them apart in the record of what is pending.
    pub(super) nth: usize,
}

impl Said {
    /// How messages, `plan` and the record of what is pending name it.
    pub(super) fn title(&self) -> String {
        match self.nth {
            1 => format!("{} {}", self.moment, self.named.target),
            nth => format!("{} {} ({nth})", self.moment, self.named.target),
        }
    }
}

/// The hooks of a site, the shared ones first, in the manifest's order within each moment.
pub(super) fn of_site(manifest: &Manifest, site: &str) -> Vec<Said> {
    let mut found = Vec::new();
    for table in [Some(&manifest.hooks), manifest.site_hooks.get(site)].into_iter().flatten() {
        table_of(manifest, table, &mut found);
    }
    for at in 0..found.len() {
        let (before, rest) = found.split_at_mut(at);
        let same = |earlier: &&Said| earlier.moment == rest[0].moment && earlier.named.target == rest[0].named.target;
        rest[0].nth = before.iter().filter(same).count() + 1;
    }
    found
}

/// Every script that a manifest names in hooks.
#[must_use]
pub fn mentioned(manifest: &Manifest) -> Vec<Named> {
    let mut found = Vec::new();
    for table in std::iter::once(&manifest.hooks).chain(manifest.site_hooks.values()) {
        table_of(manifest, table, &mut found);
    }
    found.into_iter().filter(|said| !said.maybe || said.moment == Moment::AfterSync).map(|said| said.named).collect()
}

fn table_of(manifest: &Manifest, table: &Value, found: &mut Vec<Said>) {
    for moment in Moment::ALL {
        if let Some(entry) = table.get(moment.key()) {
            entries(manifest, moment, entry, false, found);
        }
        if moment.is_around()
            && let Some(entry) = table.get("around")
        {
            entries(manifest, moment, entry, true, found);
        }
    }
}

fn entries(manifest: &Manifest, moment: Moment, entry: &Value, maybe: bool, found: &mut Vec<Said>) {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    match entry {
        Value::Array(list) => list.iter().for_each(|one| entries(manifest, moment, one, maybe, found)),
        Value::String(target) => found.push(Said { maybe, ..said(manifest, moment, target, &Value::Null) }),
        _ => {
            if let Some(target) = text("use") {
                found.push(Said { maybe, ..said(manifest, moment, target, entry) });
            }
        }
    }
}

fn said(manifest: &Manifest, moment: Moment, target: &str, table: &Value) -> Said {
    let (kind, target) = match target.split_once(':') {
        Some(("extension", name)) => (UseKind::Extension, name),
        Some(("script", path)) => (UseKind::Script, path),
        _ => (UseKind::Script, target),
    };
    let list = |key: &str| -> Vec<String> {
        table.get(key).and_then(Value::as_array).map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect()).unwrap_or_default()
    };
    Said {
        moment,
        named: Named { kind, target: target.to_owned(), allow: table.get("allow").cloned(), place: manifest.hooks_place.clone() },
        with: table.get("with").and_then(Value::as_object).cloned().unwrap_or_default(),
        only: list("only"),
        run_as: table.get("run-as").and_then(Value::as_str).map(str::to_owned),
        as_self: list("as-self"),
        maybe: false,
        nth: 1,
    }
}

/// Whether a hook runs for these changes at all.
pub(super) fn concerned(said: &Said, changes: &[Change]) -> bool {
    if said.moment.is_each() {
        changes.iter().any(|change| about(said, change))
    } else {
        said.only.is_empty() || changes.iter().any(|change| named(said, change))
    }
}

pub(super) fn named(said: &Said, change: &Change) -> bool {
    said.only.is_empty() || said.only.iter().any(|pattern| fits(pattern, &change.id.to_string()))
}

pub(super) fn about(said: &Said, change: &Change) -> bool {
    let removal = change.action == Action::Remove;
    let fitting = match said.moment {
        Moment::BeforeRemove | Moment::AfterRemove | Moment::Purge => removal,
        _ => !removal,
    };
    fitting && named(said, change)
}

/// Whether a pattern of `type/name` fits: `*` stands for any letters.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(head) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| fits(tail, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_names() {
        for (pattern, fine, bad) in
            [("plugins/*", "plugins/a", "core/a"), ("*/mod_*", "plugins/mod_x", "plugins/block_x"), ("plugins/a", "plugins/a", "plugins/ab")]
        {
            assert!(fits(pattern, fine) && !fits(pattern, bad), "{pattern}");
        }
    }

    #[test]
    fn one_script_twice_at_one_moment_is_two_hooks() {
        let text = "[hooks]\nafter-sync = [\"a.rhai\", { use = \"a.rhai\", with = { x = 1 } }]\nbefore-sync = \"a.rhai\"\n[sites.one]\npath = \"one\"\nhooks = { after-sync = \"a.rhai\" }\n";
        let manifest = Manifest::parse(std::path::Path::new("/m/greffon.toml"), text.to_owned()).expect("a manifest");
        let titles: Vec<String> = of_site(&manifest, "one").iter().map(Said::title).collect();
        assert_eq!(titles, ["before-sync a.rhai", "after-sync a.rhai", "after-sync a.rhai (2)", "after-sync a.rhai (3)"]);
    }

    #[test]
    fn a_file_a_table_and_a_list() {
        let text = "[hooks]\nbefore-sync = \"a.rhai\"\nafter-sync = [\"b.rhai\", { use = \"extension:c\", only = [\"plugins/*\"], run-as = \"www\", with = { x = 1 } }]\n[sites.one]\npath = \"one\"\nhooks = { after-sync = \"d.rhai\" }\n[sites.two]\npath = \"two\"\n";
        let manifest = Manifest::parse(std::path::Path::new("/m/greffon.toml"), text.to_owned()).expect("a manifest");
        let titles = |site: &str| of_site(&manifest, site).iter().map(Said::title).collect::<Vec<_>>();
        assert_eq!(titles("one"), ["before-sync a.rhai", "after-sync b.rhai", "after-sync c", "after-sync d.rhai"]);
        assert_eq!(titles("two"), ["before-sync a.rhai", "after-sync b.rhai", "after-sync c"]);
        let third = &of_site(&manifest, "two")[2];
        assert_eq!((third.named.kind, third.run_as.as_deref(), third.with["x"].as_i64()), (UseKind::Extension, Some("www"), Some(1)));
        assert_eq!(mentioned(&manifest).len(), 4);
    }
}
