//! A handful of threads that share a list of work.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::roles::Context;

/// Results of one thread: where each chunk began, and its results.
type Parts<R> = Vec<(usize, Vec<R>)>;

/// Does `work` for every item, `chunk` at a time on as many threads as there are cores (at most 8); the results come in the
/// items' order. The first failure stops the others at their next chunk.
///
/// # Errors
/// The first failure, or `Interrupted`.
pub(super) fn each<T: Sync, R: Send>(cx: &Context, items: &[T], chunk: usize, work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    if items.len() <= chunk || threads == 1 {
        cx.check()?;
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let run = || -> Result<Parts<R>> {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let start = next.fetch_add(chunk, Ordering::Relaxed);
            if start >= items.len() {
                break;
            }
            let end = (start + chunk).min(items.len());
            let results = cx.check().and_then(|()| items[start..end].iter().map(&work).collect::<Result<Vec<R>>>());
            match results {
                Ok(results) => done.push((start, results)),
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(done)
    };
    let mut parts = Vec::new();
    let outcomes: Vec<Result<Parts<R>>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut outcomes = vec![run()];
        outcomes.extend(
            others.into_iter().map(|other| other.join().unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "a thread of the site's crew ended early")))),
        );
        outcomes
    });
    for outcome in outcomes {
        parts.extend(outcome?);
    }
    parts.sort_by_key(|(start, _)| *start);
    Ok(parts.into_iter().flat_map(|(_, results)| results).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_a_failure_comes_through() {
        let items: Vec<u32> = (0..1000).collect();
        let doubled = each(&Context::silent(), &items, 7, |item| Ok(item * 2)).expect("no failure");
        assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        let failure = each(&Context::silent(), &items, 7, |item| if *item == 500 { Err(Error::new(ErrorKind::Io, "five hundred")) } else { Ok(()) });
        assert_eq!(failure.expect_err("one fails").message(), "five hundred");
    }
}
