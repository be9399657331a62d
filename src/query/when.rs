//! Times as people type them.

use jiff::civil::{Date, DateTime};
use jiff::{Span, Timestamp, Zoned};

/// A text that is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{words}` is no time\nhint: say how long ago (`2h`, `3d`, `1w`), a day (`2026-11-23`) or a time (`2026-11-23T10:00:00Z`)"
)]
pub struct WhenError {
    words: String,
}

/// Reads how long ago (`90s`, `10m`, `2h`, `3d`, `1w`, `1mo`; days as the calendar has them), a
/// day or a time of day (in the time zone of `now`), or an RFC 3339 time.
pub fn parse(words: &str, now: &Zoned) -> Result<Timestamp, WhenError> {
    let words = words.trim();
    let local = |time: DateTime| time.to_zoned(now.time_zone().clone()).ok();
    let time = if let Ok(timestamp) = words.parse::<Timestamp>() {
        Some(timestamp)
    } else if let Ok(span) = words.parse::<Span>() {
        now.checked_sub(span.abs()).ok().map(|time| time.timestamp())
    } else if let Ok(time) = words.parse::<DateTime>() {
        // A date alone is read as its midnight.
        local(time).map(|time| time.timestamp())
    } else {
        words.parse::<Date>().ok().and_then(|day| local(day.into())).map(|time| time.timestamp())
    };
    time.ok_or_else(|| WhenError { words: words.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_type_them() {
        let now: Zoned = "2026-11-23T10:00:00+01:00[Europe/Berlin]".parse().unwrap();
        for (words, expected) in [
            ("2h", Some("2026-11-23T07:00:00Z")),
            ("10m", Some("2026-11-23T08:50:00Z")),
            ("90s", Some("2026-11-23T08:58:30Z")),
            ("1h30m", Some("2026-11-23T07:30:00Z")),
            ("3d", Some("2026-11-20T09:00:00Z")),
            ("1w", Some("2026-11-16T09:00:00Z")),
            ("2 hours ago", Some("2026-11-23T07:00:00Z")),
            ("2026-11-23", Some("2026-11-22T23:00:00Z")),
            ("2026-07-01", Some("2026-06-30T22:00:00Z")),
            ("2026-11-23T08:30", Some("2026-11-23T07:30:00Z")),
            ("2026-11-23 08:30", Some("2026-11-23T07:30:00Z")),
            ("2026-11-23T08:30:00Z", Some("2026-11-23T08:30:00Z")),
            ("2026-11-23T08:30:00.5+02:00", Some("2026-11-23T06:30:00.5Z")),
            ("", None),
            ("2", None),
            ("yesterday", None),
            ("99999999y", None),
        ] {
            let read = parse(words, &now).ok().map(|time| time.to_string());
            assert_eq!(read.as_deref(), expected, "{words}");
        }
    }
}
