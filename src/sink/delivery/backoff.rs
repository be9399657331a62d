//! When to try again.

use std::time::Duration;

/// After the first failure, at most.
const FIRST: Duration = Duration::from_secs(1);
/// However often it failed: a receiver that comes back after a day has all within minutes.
const LONGEST: Duration = Duration::from_secs(60);
/// However long a receiver asks for.
const ASKED_MAX: Duration = Duration::from_secs(24 * 3600);

/// How long to wait after so many failures in a row: twice as long each time, half of it by
/// chance, so that many who lost the same receiver do not come back at the same moment. A
/// receiver that says when is heeded.
pub(super) fn pause(failures: u32, asked: Option<Duration>, chance: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST);
    let own = doubled.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0));
    own.max(asked.unwrap_or_default().min(ASKED_MAX))
}

/// A number from 0 to 1 that nobody can tell beforehand.
pub(super) fn chance() -> f64 {
    // Without chance the waiting is still right.
    getrandom::u32().map_or(1.0, |bits| f64::from(bits) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_heed_the_receiver() {
        let s = Duration::from_secs_f64;
        for (rule, failures, asked, chance, expected) in [
            ("at most a second at first", 1, None, 1.0, s(1.0)),
            ("half of it by chance", 1, None, 0.0, s(0.5)),
            ("twice as long", 2, None, 1.0, s(2.0)),
            ("and again", 4, None, 1.0, s(8.0)),
            ("no longer than a minute", 40, None, 1.0, s(60.0)),
            ("as long as it asks", 1, Some(s(90.0)), 1.0, s(90.0)),
            ("no shorter than our own", 7, Some(s(1.0)), 1.0, s(60.0)),
            ("a day at most", 1, Some(s(1e7)), 1.0, s(86400.0)),
        ] {
            assert_eq!(pause(failures, asked, chance), expected, "{rule}");
        }
    }
}
