//! Lengths of time as people write and read them: `7d`, `3 days`.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A length of time, to the second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Age(u64);

impl Age {
    /// So many hours.
    #[must_use]
    pub const fn hours(count: u64) -> Self {
        Self(count * 3_600)
    }

    /// Of so many seconds.
    #[must_use]
    pub const fn seconds(count: u64) -> Self {
        Self(count)
    }

    /// The time since then (seconds since 1970); none for what lies ahead.
    #[must_use]
    pub fn since(then: i64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self(now.saturating_sub(u64::try_from(then).unwrap_or_default()))
    }

    /// The time since a date, or a date and time, as repositories write them; `None`: it cannot be read.
    #[must_use]
    pub fn since_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let moment = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
        let dated = || {
            let date = text.get(..10).unwrap_or(text).parse::<jiff::civil::Date>().ok()?;
            Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
        };
        moment.or_else(dated).or_else(|| text.parse().ok().filter(|seconds| *seconds > 0)).map(Self::since)
    }

    /// For clocks.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Age {
    type Err = String;

    /// A whole number and one of `s`, `m` (or `min`), `h`, `d`, `w`; `0`.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = (&text[..end], text[end..].trim());
        let seconds = match unit {
            "" if number == "0" => 1,
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            "d" | "day" | "days" => 86_400,
            "w" => 7 * 86_400,
            _ => 0,
        };
        let count = number.parse::<u64>().ok().filter(|count| seconds > 0 && *count < 100_000_000);
        count.map(|count| Self(count * seconds)).ok_or_else(|| format!("`{}` is no length of time; `7d`, `24h` and `30m` are", text.escape_debug()))
    }
}

impl fmt::Display for Age {
    /// In the largest unit that says enough: `3 days`, `5 hours`, `10 minutes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self.0 / 60 {
            0 => return f.write_str("less than a minute"),
            minutes @ 1..120 => (minutes, "minute"),
            minutes @ 120..2_880 => (minutes / 60, "hour"),
            minutes => (minutes / 1_440, "day"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_told() {
        for (text, seconds) in [("7d", Some(604_800)), ("24h", Some(86_400)), ("30m", Some(1_800)), ("0", Some(0)), ("2 w", Some(1_209_600)), ("90s", Some(90))]
        {
            assert_eq!(text.parse::<Age>().ok().map(|age| age.0), seconds, "{text}");
        }
        for bad in ["", "7", "d", "-1d", "1.5h", "7 moons", "99999999999999999999d"] {
            assert!(bad.parse::<Age>().is_err(), "{bad}");
        }
        assert_eq!(Age(30).to_string(), "less than a minute");
        assert_eq!([Age(60), Age(3_600), Age(7_200), Age(200_000)].map(|age| age.to_string()), ["1 minute", "60 minutes", "2 hours", "2 days"]);
    }

    #[test]
    fn dates_of_every_sort_have_an_age() {
        for text in ["2024-05-06", "2024-05-06T07:08:09Z", "2024-05-06T07:08:09+02:00", "2024-05-06 07:08:09", "1714978089"] {
            assert!(Age::since_text(text).is_some_and(|age| age > Age::hours(24 * 365)), "{text}");
        }
        for bad in ["", "soon", "2024-13-40"] {
            assert_eq!(Age::since_text(bad), None, "{bad}");
        }
        assert_eq!(Age::since_text("2999-01-01"), Some(Age::default()), "what lies ahead is as young as can be");
    }
}
