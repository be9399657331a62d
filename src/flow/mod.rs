//! What the proxy tells of a pair of connections: where it wanted to go, whether it was
//! opened and why, the bytes of both sides with their times, and how each side ended.
//!
//! Plain data, no sockets: the proxy tells, the tape keeps, the recorder reads.

mod origin;
mod verdict;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use origin::{Host, Origin, OriginError, Scheme};
pub use verdict::{TunnelReason, Verdict};

/// One pair of connections, app to Overhear and Overhear to origin. UUIDv7: its time is that
/// of the app's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FlowId(pub Uuid);

impl FlowId {
    /// A new flow, now.
    pub fn now() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whose bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The app's: what it sent.
    Downstream,
    /// The origin's: what it answered.
    Upstream,
}

impl Side {
    /// Both, in the order in which arrays hold them.
    pub const BOTH: [Self; 2] = [Self::Downstream, Self::Upstream];

    /// Place in an array of two.
    pub fn index(self) -> usize {
        match self {
            Self::Downstream => 0,
            Self::Upstream => 1,
        }
    }

    /// This side's of two values in the order of [`Side::BOTH`].
    pub fn of<T>(self, both: &[T; 2]) -> &T {
        let [downstream, upstream] = both;
        match self {
            Self::Downstream => downstream,
            Self::Upstream => upstream,
        }
    }

    /// This side's of two values in the order of [`Side::BOTH`], to change it.
    pub fn of_mut<T>(self, both: &mut [T; 2]) -> &mut T {
        let [downstream, upstream] = both;
        match self {
            Self::Downstream => downstream,
            Self::Upstream => upstream,
        }
    }

    /// The side across.
    pub fn other(self) -> Self {
        match self {
            Self::Downstream => Self::Upstream,
            Self::Upstream => Self::Downstream,
        }
    }
}

/// How the app's bytes came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// `CONNECT`, decrypted and relayed byte for byte.
    Intercept,
    /// `CONNECT`, clear text inside, relayed byte for byte.
    Clear,
    /// The base URL: the request line and `Host` were changed, nothing else.
    BaseUrl,
    /// Plain-HTTP proxying: parsed and written again by the proxy's client, so the layout of
    /// the heads is not the app's.
    Rewritten,
    /// Passed on unread.
    Tunnel,
    /// Never ours: another tool recorded it, and its bytes were built from that recording.
    Imported,
}

impl Mode {
    /// The word kept in the capture.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intercept => "intercept",
            Self::Clear => "clear",
            Self::BaseUrl => "base_url",
            Self::Rewritten => "rewritten",
            Self::Tunnel => "tunnel",
            Self::Imported => "imported",
        }
    }
}

/// What both handshakes of an intercepted flow agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSeen {
    /// The server name the app sent.
    pub sni: Option<String>,
    /// The protocol that upstream chose and the app was answered with.
    pub alpn: Option<String>,
    /// TLS version with the app, such as `TLSv1_3`.
    pub downstream_version: Option<String>,
    /// TLS version with the origin.
    pub upstream_version: Option<String>,
}

/// What is known when a flow begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The flow.
    pub flow: FlowId,
    /// When the app's connection was accepted, or the request on it read.
    pub at: Timestamp,
    /// How its bytes came to us.
    pub mode: Mode,
    /// Where the app wanted to go.
    pub origin: Origin,
    /// Whether it is read, and why not.
    pub verdict: Verdict,
    /// What the handshakes agreed on; `None` without TLS.
    pub tls: Option<TlsSeen>,
    /// `User-Agent` of the `CONNECT` request, if there was one.
    pub connect_user_agent: Option<String>,
}

/// The process that opened the app's connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its name, as the system has it.
    pub name: String,
    /// Its id.
    pub pid: u32,
}

/// How one side of a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// An orderly end: FIN, after `close_notify` where there was TLS.
    Closed,
    /// TLS ended by FIN without `close_notify`: the bytes may be cut.
    Truncated,
    /// RST, or an error that has the same effect.
    Reset,
    /// Overhear ended before the side did.
    Abandoned,
}

impl Ending {
    /// The word kept in the capture.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Truncated => "truncated",
            Self::Reset => "reset",
            Self::Abandoned => "abandoned",
        }
    }
}

/// A flow that was passed on unread, told once it is over: it has no tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// What was known when it began.
    pub opened: Opened,
    /// When it was over.
    pub closed_at: Timestamp,
    /// The process, if the system told.
    pub process: Option<Process>,
    /// Bytes of each side, in the order of [`Side::BOTH`].
    pub bytes: [u64; 2],
    /// How each side ended, in the order of [`Side::BOTH`].
    pub endings: [Option<Ending>; 2],
}
