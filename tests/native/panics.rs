//! A repository that panics when it is asked for `plugins/a`, and once more where nobody asked.

use greffon_extension::{Failure, Host, Repository, SearchHit, SearchRequest, Setup, VersionEntry};

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("while it is closed");
    }
}

impl Repository for Panics {
    const NAME: &'static str = "panics";
    const VERSION: &'static str = "1.0.0";

    fn open(setup: Setup) -> Result<Self, Failure> {
        match setup.options.contains_key("at-open") {
            true => panic!("while it is opened"),
            false => Ok(Self),
        }
    }
    fn versions(&self, _: &Host, id: &str) -> Result<Option<Vec<VersionEntry>>, Failure> {
        match id {
            "plugins/a" => panic!("there is no `{id}` in me"),
            _ => Ok(None),
        }
    }
    fn search(&self, _: &Host, _: SearchRequest) -> Result<Vec<SearchHit>, Failure> {
        Ok(Vec::new())
    }
}

greffon_extension::export!(repository Panics);
