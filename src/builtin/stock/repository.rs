//! The stock as a repository: what was put in by hand, and nothing else. What it keeps for other origins must not change what a
//! resolution chooses.

use super::Store;
use super::entry::BY_HAND;
use crate::error::Result;
use crate::model::ElementInfo;
use crate::roles::{Context, ElementInfoRequest, Repository, SearchHit, SearchRequest, VersionEntry, Versions, VersionsRequest};

impl Repository for Store {
    fn name(&self) -> &str {
        BY_HAND
    }

    fn versions(&self, cx: &Context, request: &VersionsRequest) -> Result<Versions> {
        cx.check()?;
        let mut entries: Vec<VersionEntry> = Vec::new();
        for record in self.records_by_hand()?.iter().filter(|record| record.key.id == request.id) {
            if !entries.iter().any(|entry| entry.version == record.key.version) {
                entries.push(VersionEntry { version: record.key.version.clone(), info: Some(record.info.clone()) });
            }
        }
        Ok(if entries.is_empty() { Versions::Unknown } else { Versions::Known(entries) })
    }

    fn element_info(&self, cx: &Context, request: &ElementInfoRequest) -> Result<Option<ElementInfo>> {
        cx.check()?;
        let records = self.records_by_hand()?;
        let found = records.iter().find(|record| record.key.id == request.id && record.key.version == request.version);
        Ok(found.map(|record| record.info.clone()))
    }

    fn search(&self, cx: &Context, request: &SearchRequest) -> Result<Vec<SearchHit>> {
        cx.check()?;
        let text = request.text.to_lowercase();
        let mut hits: Vec<(bool, SearchHit)> = Vec::new();
        for record in self.records_by_hand()?.iter() {
            let in_name = record.key.id.to_string().to_lowercase().contains(&text);
            let in_summary = record.info.summary.as_ref().is_some_and(|summary| summary.to_lowercase().contains(&text));
            if !in_name && !in_summary {
                continue;
            }
            // Records come by version text; the last of an element is shown.
            match hits.iter_mut().find(|(_, hit)| hit.id == record.key.id) {
                Some((_, hit)) => (hit.summary, hit.version) = (record.info.summary.clone(), Some(record.key.version.clone())),
                None => {
                    let hit = SearchHit { id: record.key.id.clone(), summary: record.info.summary.clone(), version: Some(record.key.version.clone()) };
                    hits.push((!in_name, hit));
                }
            }
        }
        hits.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
        Ok(hits.into_iter().map(|(_, hit)| hit).take(request.limit).collect())
    }
}
