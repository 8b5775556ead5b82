//! What became of each site of a sync or rollback.

use super::change;
use crate::cli::text::{ADD, CHANGE, FAINT, REMOVE, STRONG, Text, count};
use crate::model::FileCounts;
use crate::roles::{ApplyReport, SiteOutcome};

/// Site by site, and a summary where there are several. Why a site failed is told by the caller, with the whole error.
pub(crate) fn sites(report: &ApplyReport, page: &mut Text) {
    for one in &report.sites {
        site(one, page);
    }
    if report.sites.len() > 1 {
        let failed = report.sites.iter().filter(|one| one.error.is_some()).count();
        let skipped = report.sites.iter().filter(|one| one.error.is_none() && one.skipped.is_some()).count();
        page.put(format_args!("{}: {} done", count(report.sites.len(), "site"), report.sites.len() - failed - skipped));
        if failed > 0 {
            page.put(", ").paint(REMOVE, format_args!("{failed} failed"));
        }
        if skipped > 0 {
            page.put(", ").paint(CHANGE, format_args!("{skipped} left as they were"));
        }
        page.end();
    }
}

fn site(outcome: &SiteOutcome, page: &mut Text) {
    page.paint(STRONG, &outcome.name).put("  ");
    if outcome.error.is_some() {
        page.paint(REMOVE, "failed").put(", its files are as they were");
    } else if let Some(reason) = &outcome.skipped {
        page.paint(CHANGE, "left as it was").put(format_args!(": {reason}"));
    } else if outcome.files == FileCounts::default() {
        page.paint(ADD, "nothing to do");
    } else {
        page.paint(ADD, "done").put(format_args!(", {}", change::files(outcome.files)));
    }
    if let Some(generation) = outcome.generation {
        page.paint(FAINT, format_args!("  generation {generation}"));
    }
    page.end();
    for path in &outcome.saved {
        page.line(format_args!("  put aside: {path}"));
    }
    for note in &outcome.notes {
        page.put("  ").paint(CHANGE, "note").line(format_args!(": {note}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    #[test]
    fn one_summary_for_many_sites() {
        let outcome = |name: &str| SiteOutcome {
            name: name.into(),
            generation: Some(2),
            files: FileCounts { add: 1, ..FileCounts::default() },
            saved: vec![],
            notes: vec![],
            error: None,
            skipped: None,
        };
        let failed = SiteOutcome { error: Some(std::sync::Arc::new(Error::new(ErrorKind::Io, "no"))), generation: None, ..outcome("b") };
        let held = SiteOutcome { skipped: Some("held: the quiz broke".into()), ..outcome("c") };
        let mut page = Text::new();
        sites(&ApplyReport { sites: vec![outcome("a"), failed, held] }, &mut page);
        let text = anstream::adapter::strip_str(page.finish()).to_string();
        assert_eq!(
            text,
            "a  done, 1 file new  generation 2\nb  failed, its files are as they were\nc  left as it was: held: the quiz broke  generation 2\n3 sites: 1 done, 1 failed, 1 left as they were\n"
        );
    }
}
