//! Whether a flow is read, and why not.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What happens to a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "why")]
pub enum Verdict {
    /// Read, and relayed byte for byte.
    Intercept,
    /// Passed on unread.
    Tunnel(TunnelReason),
}

/// Why a flow is passed on unread. Kept with the flow, so that its owner can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TunnelReason {
    /// The host is no LLM API that we know, and nobody added it.
    NotListed,
    /// The user said `--tunnel`.
    Excluded,
    /// The app refused our certificate before: the text says how.
    Distrusted(String),
    /// The origin asks for a certificate of the app's own.
    ClientCertificate,
    /// The TLS handshake with the origin failed: the app shall judge that itself.
    UpstreamTls(String),
    /// The origin spoke first: not a protocol that we read.
    ServerFirst,
    /// The app's first bytes are neither TLS nor HTTP.
    NotHttp,
    /// The app's ClientHello could not be read: the text says why.
    ClientHello(String),
}

impl fmt::Display for TunnelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed => f.write_str("the host is not on the list of LLM APIs"),
            Self::Excluded => f.write_str("the host is excluded by `--tunnel`"),
            Self::Distrusted(how) => {
                write!(f, "the app does not trust Overhear's certificate ({how})")
            }
            Self::ClientCertificate => f.write_str("the origin asks for a client certificate"),
            Self::UpstreamTls(why) => write!(f, "the TLS handshake with the origin failed: {why}"),
            Self::ServerFirst => f.write_str("the origin spoke first"),
            Self::NotHttp => f.write_str("the app speaks neither TLS nor HTTP"),
            Self::ClientHello(why) => write!(f, "the app's ClientHello cannot be read: {why}"),
        }
    }
}
