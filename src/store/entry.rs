//! What the recorder hands to the store.

use jiff::Timestamp;

use crate::flow::{Ending, FlowId, Opened, Passed, Side};
use crate::model::{App, Exchange};

/// One thing to write. Writing the same thing again, as recovery after a kill does, replaces
/// what was written before.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A pair of connections. Comes before its exchanges; comes again when it has ended.
    Flow(Box<FlowRow>),
    /// A request and its reply, by `id`.
    Exchange(Box<StoredExchange>),
    /// Bytes of a flow that is kept raw, by flow, side and `seq`.
    RawChunk(RawChunk),
    /// A loss, by flow, side, time and reason.
    Gap(Gap),
    /// Any other loss.
    Loss(Loss),
}

/// A pair of connections, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowRow {
    /// What was known when it began.
    pub opened: Opened,
    /// When it was over; `None` while it is open.
    pub closed_at: Option<Timestamp>,
    /// The program that opened the app's connection.
    pub app: App,
    /// Bytes of each side, in the order of [`Side::BOTH`].
    pub bytes: [u64; 2],
    /// How each side ended, in the order of [`Side::BOTH`].
    pub endings: [Option<Ending>; 2],
    /// Bytes that went over the wire and are not on the tape, both sides together.
    pub gap_bytes: u64,
    /// What the reader should know.
    pub notes: Vec<String>,
}

impl From<Passed> for FlowRow {
    fn from(passed: Passed) -> Self {
        let (process, pid) = passed.process.map(|p| (p.name, p.pid)).unzip();
        let user_agent = passed.opened.connect_user_agent.clone();
        Self {
            closed_at: Some(passed.closed_at),
            app: App { user_agent, process, pid },
            opened: passed.opened,
            bytes: passed.bytes,
            endings: passed.endings,
            gap_bytes: 0,
            notes: Vec::new(),
        }
    }
}

/// A request and its reply, with the bytes that they were read from.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredExchange {
    /// What was read.
    pub exchange: Exchange,
    /// The exchange's place in its flow, from 0.
    pub place: u32,
    /// The request as it went over the wire, secrets replaced.
    pub request: RawMessage,
    /// The reply as it went over the wire, secrets replaced; `None` if none came.
    pub reply: Option<RawMessage>,
    /// For an exchange that no dialect reads: its bodies as text, so that they can be found.
    pub texts: Texts,
    /// Secrets that the app sent to the model in the prompt.
    pub leaks: Vec<Leak>,
    /// Whether it is still under way and will be told again.
    pub is_open: bool,
}

/// A secret that stood in a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// What stands in its place.
    pub fingerprint: String,
    /// Its shape, such as `aws_access_key`.
    pub kind: String,
    /// Whose text it stood in, such as `user` or `tool`.
    pub place: String,
    /// How often.
    pub count: u64,
}

/// Bodies as text, framing and content coding undone. Left empty where a dialect reads the
/// exchange (its messages are found then) and where a body is no text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// The request's body.
    pub request: Option<String>,
    /// The reply's body.
    pub reply: Option<String>,
}

/// What a note says of a body whose coding was undone for a secret's sake; which side it is of
/// stands before it, as `request: ` or `reply: `.
pub const UNCODED: &str = "the raw body is kept decompressed";

/// The bytes of one side of an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawMessage {
    /// Head and body as they went over the wire, secrets replaced.
    pub bytes: Vec<u8>,
    /// When the byte at each offset came, in nanoseconds since the request's first byte;
    /// offsets ascend.
    pub marks: Vec<(u64, i64)>,
    /// Bytes that a limit left out.
    pub cut: u64,
}

/// Bytes of a flow that is kept raw while it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawChunk {
    /// The flow.
    pub flow: FlowId,
    /// Who sent the bytes.
    pub side: Side,
    /// Place among the side's chunks, from 0.
    pub seq: u64,
    /// When the first of the bytes came.
    pub at: Timestamp,
    /// As they went over the wire, secrets replaced.
    pub bytes: Vec<u8>,
}

/// Bytes that went over the wire and were not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The flow.
    pub flow: FlowId,
    /// Who sent the bytes.
    pub side: Side,
    /// When.
    pub at: Timestamp,
    /// How many.
    pub bytes: u64,
    /// Why, in words, such as `the tape was full`.
    pub reason: String,
}

/// Something that went by and is not here, and is no gap of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// When it was noticed.
    pub at: Timestamp,
    /// What, in words, such as `exchange 019…`.
    pub what: String,
    /// Why, in words.
    pub why: String,
}
