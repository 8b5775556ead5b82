//! When a request is tried again, and how long to wait before.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant, SystemTime};

use crate::error::{Error, Result};
use crate::roles::{Context, Level};
use crate::sys::fs::failpoint::broken;

/// How long to wait for what. The defaults are for people; tests make them short.
#[derive(Debug, Clone)]
pub struct Timing {
    /// A connection must stand within this time.
    pub connect: Duration,
    /// The longest time without a byte; also the time over which fewer than ten bytes a second count as none.
    pub stall: Duration,
    /// Tries after the first.
    pub retries: u32,
    /// The wait before the first of them; doubled before each further one, give or take a half.
    pub back_off: Duration,
    /// The longest wait that a server may ask for (`Retry-After`).
    pub longest_wait: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            stall: Duration::from_secs(30),
            retries: 3,
            back_off: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
        }
    }
}

/// A failed try.
pub(crate) struct Setback {
    pub error: Error,
    /// How long the server wants us to wait.
    pub after: Option<Duration>,
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        Self { error, after: None }
    }
}

impl Timing {
    /// Runs `attempt` until it succeeds, fails for good, or has had its tries. Only for what may be asked twice.
    pub(crate) fn run<T>(&self, cx: &Context, mut attempt: impl FnMut() -> Result<T, Setback>) -> Result<T> {
        let mut tried = 0;
        loop {
            cx.check()?;
            let setback = match attempt() {
                Ok(value) => return Ok(value),
                Err(setback) => setback,
            };
            if !setback.error.is_temporary() {
                return Err(setback.error);
            }
            if tried == self.retries || broken("retry") {
                let error = setback.after.into_iter().fold(setback.error, Error::after);
                return Err(if tried == 0 { error } else { error.note(format!("tried {} times", tried + 1)) });
            }
            let wait = self.wait(cx, tried, setback)?;
            tried += 1;
            sleep(cx, wait)?;
        }
    }

    fn wait(&self, cx: &Context, tried: u32, setback: Setback) -> Result<Duration> {
        let Setback { error, after } = setback;
        let wait = match after {
            Some(asked) if asked > self.longest_wait => {
                return Err(error.hint(format!("the server asks to be left alone for {} s; try again then", asked.as_secs())).after(asked));
            }
            Some(asked) => asked,
            None => jitter(self.back_off.saturating_mul(1 << tried.min(16))),
        };
        if cx.deadline().is_some_and(|deadline| Instant::now() + wait >= deadline) {
            return Err(error.note("there is no time left to try again"));
        }
        cx.log(Level::Detail, format!("{}; trying again in {:.1} s", error.message(), wait.as_secs_f32()));
        Ok(wait)
    }
}

/// Between a half and one and a half of it.
fn jitter(wait: Duration) -> Duration {
    // Each state has keys of its own, taken from the system's randomness.
    let random = RandomState::new().build_hasher().finish() % 1000;
    wait.mul_f64(0.5 + random as f64 / 1000.0)
}

/// Sleeps, and ends early with an error when asked to stop.
pub(crate) fn sleep(cx: &Context, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    loop {
        cx.check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

/// Reads `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let then = Duration::from_secs(u64::try_from(date.as_second()).ok()?);
    Some(then.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn quick() -> Timing {
        Timing { back_off: Duration::from_millis(1), longest_wait: Duration::from_secs(2), ..Timing::default() }
    }

    #[test]
    fn retry_after_in_both_forms() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_704_067_200);
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Mon, 01 Jan 2024 00:01:00 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("Sun, 31 Dec 2023 00:01:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("-1", now), None);
    }

    #[test]
    fn temporary_failures_have_three_more_tries_and_others_none() {
        let mut tries = 0;
        let error = quick()
            .run::<()>(&Context::silent(), || {
                tries += 1;
                Err(Error::new(ErrorKind::Network, "busy").temporary().into())
            })
            .unwrap_err();
        assert_eq!((tries, error.notes()), (4, &["tried 4 times".to_owned()][..]));
        tries = 0;
        let result = quick().run::<()>(&Context::silent(), || {
            tries += 1;
            Err(Error::new(ErrorKind::Denied, "no").into())
        });
        assert!(result.is_err());
        assert_eq!(tries, 1);
    }

    #[test]
    fn a_wait_too_long_or_past_the_deadline_is_not_begun() {
        let asked =
            |after| move || Err::<(), _>(Setback { error: Error::new(ErrorKind::Network, "busy").temporary(), after: Some(Duration::from_secs(after)) });
        let begun = Instant::now();
        let error = quick().run(&Context::silent(), asked(3600)).unwrap_err();
        assert!(error.hints()[0].contains("3600 s"));
        let soon = Context::silent().with_deadline(Instant::now() + Duration::from_secs(30));
        assert!(Timing { longest_wait: Duration::from_secs(90), ..quick() }.run(&soon, asked(60)).unwrap_err().notes()[0].contains("no time left"));
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_sleep_ends_when_asked_to_stop() {
        let cx = Context::silent();
        cx.cancel().set();
        assert_eq!(sleep(&cx, Duration::from_secs(60)).unwrap_err().kind(), ErrorKind::Interrupted);
    }
}
