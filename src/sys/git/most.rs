//! Fetching many commits of which some cannot be had: one torn ref must not keep the others away.

use super::Want;
use super::source::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::roles::{Context, Level};
use crate::sys::redact;

/// How often parts are tried before the whole is given up.
const TRIES: usize = 512;
/// How often while nothing came at all: a server that is down is not asked for each part.
const FRUITLESS: usize = 8;
/// The same where the server answers, but can give none of what was asked for so far.
const BARREN: usize = 48;

impl Source {
    /// As [`Self::fetch`], but what of it cannot be had does not keep the rest away: gives what failed, and why.
    ///
    /// # Errors
    /// As [`Self::fetch`], when nothing can be had at all, and for what has nothing to do with single commits.
    pub fn fetch_most(&self, cx: &Context, wants: &[Want]) -> Result<Vec<(Want, Error)>> {
        let whole = match self.fetch(cx, wants) {
            Ok(()) => return Ok(Vec::new()),
            Err(error) if !is_of_one(&error) || wants.len() < 2 => return Err(error),
            Err(error) => error,
        };
        cx.log(Level::Detail, format!("`{}` could not be fetched as a whole; trying parts of it", redact(self.url())));
        let mut failed = Vec::new();
        let (mut tries, mut came) = (0, wants.iter().any(|want| self.has(want.commit)));
        let mut parts = vec![wants.iter().filter(|want| !self.has(want.commit)).cloned().collect::<Vec<Want>>()];
        // The whole was tried already, unless some of it came all the same.
        if !came {
            let all = parts.pop().unwrap_or_default();
            parts.extend(halves(&all));
        }
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            tries += 1;
            if tries > TRIES || (!came && tries > if whole.kind() == ErrorKind::Network { FRUITLESS } else { BARREN }) {
                return Err(whole);
            }
            match self.fetch(cx, &part) {
                Ok(()) => came = true,
                Err(error) if !is_of_one(&error) => return Err(error),
                Err(error) => match part.as_slice() {
                    [one] => failed.push((one.clone(), error)),
                    several => {
                        let left: Vec<Want> = several.iter().filter(|want| !self.has(want.commit)).cloned().collect();
                        came |= left.len() < several.len();
                        if left.len() < 2 {
                            failed.extend(left.into_iter().map(|want| (want, Error::new(error.kind(), error.to_string()))));
                        } else {
                            parts.extend(halves(&left));
                        }
                    }
                },
            }
        }
        if failed.len() == wants.len() { Err(whole) } else { Ok(failed) }
    }
}

fn halves(wants: &[Want]) -> [Vec<Want>; 2] {
    let (first, second) = wants.split_at(wants.len() / 2);
    [second.to_vec(), first.to_vec()]
}

/// Whether a failure may be that of one commit among others.
fn is_of_one(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Git | ErrorKind::NotFound | ErrorKind::Network)
}
