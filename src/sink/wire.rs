//! What a receiver is to the delivery: bytes for exchanges, and the meaning of its answers.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::model::{Exchange, Part};

/// An exchange to be delivered, with what its place in a conversation says of it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What was read of it; content is left out or cut already, as the sink's settings say.
    pub exchange: Exchange,
    /// The exchange that began its turn (from what a person said to the last answer to it, tool
    /// calls between them); its own id if it is that one.
    pub turn: Uuid,
    /// Where its span hangs.
    pub trace: Trace,
    /// Tools that ran between the exchange that it continues and this one, as far as the
    /// messages tell.
    pub ran: Vec<ToolRun>,
}

/// Where the span of an exchange hangs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The trace: the app's own where it sent `traceparent`, else made of the turn.
    pub id: [u8; 16],
    /// The span above it; `None` for a root.
    pub parent: Option<[u8; 8]>,
    /// `tracestate` as the app sent it; empty if it sent none.
    pub state: String,
}

/// A tool that an app ran: inferred from a call in one answer and its result in a later prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolRun {
    /// Its span, as [`tool_span_id`](super::tool_span_id) makes it.
    pub span: [u8; 8],
    /// The exchange whose answer asked for it: the span above it.
    pub caller: Uuid,
    /// The id of the call.
    pub call: Option<String>,
    /// The tool.
    pub name: String,
    /// What it was given.
    pub arguments: Value,
    /// What it gave.
    pub result: Vec<Part>,
    /// Whether the app called that a failure.
    pub is_error: bool,
    /// When it began at the earliest: the end of the answer that asked for it.
    pub began: Timestamp,
    /// When it was over at the latest: the beginning of the request that has its result.
    pub ended: Timestamp,
}

/// One HTTP request to a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// `Content-Type` of the body.
    pub content_type: &'static str,
    /// Headers beside those of the sink's settings. `Content-Type` and `Content-Encoding` are the
    /// delivery's.
    pub headers: Vec<(String, String)>,
    /// The body, not compressed.
    pub body: Vec<u8>,
}

/// What a receiver answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The body, at most some KiB of it.
    pub body: &'a [u8],
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of the parcel was taken.
    Accepted,
    /// The parcel was taken but for so many of its exchanges, which will never be: the reason.
    AcceptedBut {
        /// How many were not taken.
        refused: u64,
        /// In the receiver's words.
        why: String,
    },
    /// Nothing of it was taken, and it is to come again later.
    Later {
        /// In the receiver's words.
        why: String,
    },
    /// Whether it was taken cannot be told: a gateway answered, or nobody.
    Unknown {
        /// What happened.
        why: String,
    },
    /// Nothing of it was taken, since something in it is not as it should be. Of a parcel of
    /// several each is tried alone then; one that is refused alone is given up.
    Refused {
        /// In the receiver's words.
        why: String,
    },
    /// As `Refused`, for a reason that will pass with the exchanges that are refused: they are too
    /// old. However many there are, those behind them may be taken.
    TooLate {
        /// In the receiver's words.
        why: String,
    },
    /// It is too large. Of several each half is tried; one alone is given up.
    TooLarge {
        /// In the receiver's words.
        why: String,
    },
    /// Nothing will ever be taken from us as things are: a wrong key, address or version.
    Stop {
        /// In the receiver's words.
        why: String,
    },
}

/// A kind of receiver: what exchanges look like there, and what its answers mean. No clock, no
/// sockets.
pub trait Wire: Send {
    /// The path that the receiver listens at, put behind a URL that names none.
    fn path(&self) -> &'static str;

    /// The request that delivers these, the oldest first. The same deliveries give the same
    /// bytes, whenever they are asked for.
    fn parcel(&self, deliveries: &[Delivery]) -> Parcel;

    /// Headers that are of the moment of sending, such as a signature with its time. The body is
    /// as it goes onto the wire by now: compressed, if it is.
    fn sign(&self, now: Timestamp, parcel: &Parcel) -> Vec<(String, String)> {
        let _ = (now, parcel);
        Vec::new()
    }

    /// What an answer means.
    fn verdict(&self, answer: Answer<'_>) -> Verdict {
        verdict_of_status(answer)
    }

    /// Why a delivery would be refused, known without asking: it is given up.
    fn refuses(&self, delivery: &Delivery, now: Timestamp) -> Option<String> {
        let _ = (delivery, now);
        None
    }

    /// Whether the body is compressed on the way.
    fn gzip(&self) -> bool {
        true
    }

    /// Whether an answer that is a page of HTML is not its own, whatever the status.
    fn answers_no_pages(&self) -> bool {
        true
    }

    /// Most exchanges of one parcel.
    fn batch_max(&self) -> usize {
        64
    }

    /// Whether it can be asked what it has.
    fn can_be_asked(&self) -> bool {
        false
    }

    /// Where to ask whether the receiver has a delivery, for one of which it is not known: paths
    /// and queries on its host, asked one after the other until an answer tells.
    fn questions(&self, delivery: &Delivery) -> Vec<String> {
        let _ = delivery;
        Vec::new()
    }

    /// What the answer to one of the [`questions`](Wire::questions) says: whether it has it;
    /// `None` if that says nothing.
    fn has(&self, delivery: &Delivery, answer: Answer<'_>) -> Option<bool> {
        let _ = (delivery, answer);
        None
    }
}

/// The meaning that statuses have with most receivers (RFC 9110, OTLP/HTTP).
pub fn verdict_of_status(answer: Answer<'_>) -> Verdict {
    let why = words(answer);
    match answer.status {
        200..=299 => Verdict::Accepted,
        413 => Verdict::TooLarge { why },
        400 | 422 => Verdict::Refused { why },
        408 | 425 | 429 | 503 => Verdict::Later { why },
        300..=499 => Verdict::Stop { why },
        _ => Verdict::Unknown { why },
    }
}

/// Longest answer that is repeated, in characters.
const WORDS_MAX: usize = 300;

/// An answer in words: its status, and what its body says if that is text.
pub fn words(answer: Answer<'_>) -> String {
    let text = String::from_utf8_lossy(answer.body);
    let is_text = !text.chars().any(|c| c == '\u{fffd}' || c.is_control() && !c.is_whitespace());
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text: String = text.chars().take(WORDS_MAX).collect();
    match is_text && !text.is_empty() {
        true => format!("{} {text}", answer.status),
        false => answer.status.to_string(),
    }
}
