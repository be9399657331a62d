//! What Loki's answers mean.

use super::super::wire::words;
use super::{Answer, Verdict};

/// A push that is refused for its rate although it is larger than this will be refused however
/// often it comes, in bytes: a limiter never lets pass what is more than its burst, 6 MB by
/// default.
const BURST_BYTES: u64 = 4_000_000;

/// What Loki says of lines that came too late: the rest of a backlog is told the same, what is
/// recorded now is not.
const TOO_LATE: [&str; 3] = ["has timestamp too old", "entry too far behind", "Entry out of order"];

/// What an answer means. Of a refused push the lines that were good are kept; sending those again
/// is harmless, so that each exchange can be tried alone.
pub(super) fn verdict(answer: Answer<'_>) -> Verdict {
    let text = String::from_utf8_lossy(answer.body);
    let why = why(answer, &text);
    match answer.status {
        200..=299 => Verdict::Accepted,
        413 => Verdict::TooLarge { why },
        429 if bytes_of(&text).is_some_and(|bytes| bytes > BURST_BYTES) => {
            Verdict::TooLarge { why }
        }
        // Between distributor and ingester gRPC has a limit of its own.
        500..=599 if text.contains("larger than max") => Verdict::TooLarge { why },
        408 | 425 | 429 | 500..=599 => Verdict::Later { why },
        400 if TOO_LATE.iter().any(|words| text.contains(words)) => Verdict::TooLate { why },
        400 | 422 => Verdict::Refused { why },
        401 if text.contains("no org id") => {
            let why = format!("{why}; this Loki has tenants: name yours");
            Verdict::Stop { why }
        }
        300..=499 => Verdict::Stop { why },
        _ => Verdict::Unknown { why },
    }
}

/// `… while attempting to ingest '5' lines totaling '7340032' bytes …`
fn bytes_of(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("totaling '")?;
    rest.split_once('\'')?.0.parse().ok()
}

/// An answer in words. Of lines that are too far behind Loki says the same for each, with the
/// labels behind it: the reason alone, and of how many.
fn why(answer: Answer<'_>, text: &str) -> String {
    let reason = text.split_once("reason: '").and_then(|(_, rest)| rest.split_once('\''));
    let Some((reason, _)) = reason else { return words(answer) };
    let ignored = text.split_once("total ignored: ").and_then(|(_, rest)| rest.split_once(" for"));
    let ignored = ignored.map(|(count, _)| format!(" ({count})")).unwrap_or_default();
    let body = format!("{reason}{ignored}");
    words(Answer { status: answer.status, body: body.as_bytes() })
}
