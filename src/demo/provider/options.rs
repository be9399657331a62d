//! What a provider is started with.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How a provider behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Names and IP addresses its certificate is for.
    pub names: Vec<String>,
    /// What it offers in the TLS handshake.
    pub alpn: Alpn,
    /// Whether replies are compressed.
    pub compression: Compression,
    /// How long it waits before each event of a stream.
    pub pace: Duration,
}

/// What the TLS handshake offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2, then HTTP/1.1.
    Http2,
}

/// Whether replies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Never.
    Off,
    /// With gzip where the request accepts it, a stream flushed at each event.
    Gzip,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            names: NAMES.iter().map(ToString::to_string).collect(),
            alpn: Alpn::Http1,
            compression: Compression::Off,
            pace: Duration::ZERO,
        }
    }
}

/// Why a provider could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("cannot listen on `{addr}`: {source}; give another address, or port 0 for a free one")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The names are no host names.
    #[error("cannot make a certificate: {0}; check the names it is for")]
    Certificate(#[from] rcgen::Error),
    /// The certificate does not suit the TLS library.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The system gave no random serial number.
    #[error("the system gives no random bytes")]
    Random,
}

const NAMES: &[&str] = &[
    "api.openai.com",
    "api.anthropic.com",
    "openrouter.ai",
    "api.deepseek.com",
    "api.deepinfra.com",
    "api.groq.com",
    "api.mistral.ai",
    "api.together.xyz",
    "api.x.ai",
    "localhost",
    "127.0.0.1",
    "::1",
];
