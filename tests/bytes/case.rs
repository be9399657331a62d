//! A case: what the app and the origin do, step by step, and what there is to find afterwards.

use std::sync::{Arc, Barrier};

use crate::support::wire::{OnFailure, Reads};

/// What a side does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends bytes in pieces of this size.
    SendIn(usize, Vec<u8>),
    /// Sends over and over until the other side refuses: it must.
    SendUntilRefused,
    /// Waits until it has got so many bytes in all.
    Got(usize),
    /// Waits until the other side has got so many.
    PeerGot(usize),
    /// Waits until the other side has ended.
    Ended,
    /// Waits until the other side has said `close_notify`.
    Notified,
    /// Waits until everybody is here.
    Meet(Arc<Barrier>),
    /// Begins to read.
    Read,
    /// TLS 1.3: new keys in both directions.
    RefreshKeys,
    /// An orderly end: `close_notify`, FIN. It goes on reading.
    Close,
    /// `close_notify` alone.
    CloseNotify,
    /// FIN alone.
    Fin,
    /// RST.
    Reset,
}

/// What the connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    Tls,
    Plain,
}

/// What the target of the `CONNECT` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A name of the case's own, on the list.
    Listed,
    /// A name of the case's own that is not.
    Unlisted,
    /// An address, on the list.
    V4,
    V6,
    /// An address, and a server name on the list.
    V4Listed,
    /// An address, and a server name that is not on the list.
    V4Unlisted,
}

/// What an app trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The origin's authority, and ours.
    Both,
    /// The origin's authority alone.
    OriginOnly,
    /// Whatever comes.
    Anything,
}

/// Which versions of TLS a side speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    Both,
    Only12,
    Only13,
}

/// The origin's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    Good,
    Expired,
    OtherName,
    Untrusted,
}

/// Whether the origin wants to see a certificate of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    Ignored,
    Requested,
    Required,
}

/// Whether the app has a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    Certificate,
    None,
}

/// How the app's ClientHello goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloIn {
    /// One packet, after the answer to `CONNECT`.
    OnePacket,
    /// Packets of this size.
    Pieces(usize),
    /// The packet of the `CONNECT` request.
    ConnectPacket,
}

/// What becomes of the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is read: the states of its exchanges; their bytes are those of the flow.
    Exchanges(Vec<&'static str>),
    /// The same, but more or fewer bytes of the flow than each side saw.
    States(Vec<&'static str>),
    /// The same, but of HTTP/2: heads are kept decoded and bodies as they came, frames are not.
    Messages(Vec<&'static str>),
    /// It is passed on unread; the origin is dialled so many times.
    Unread { dials: usize },
    /// Nothing of it is looked for.
    Whatever,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub app: Vec<Step>,
    pub origin: Vec<Step>,
    /// Size of the pieces that [`Step::Send`] sends.
    pub piece: usize,
    pub layer: Layer,
    pub target: Target,
    pub trust: Trust,
    pub sends_sni: Sni,
    pub hello: HelloIn,
    pub on_failure: OnFailure,
    pub app_alpn: &'static [&'static str],
    pub origin_alpn: &'static [&'static str],
    pub app_versions: Versions,
    pub origin_versions: Versions,
    pub record_bytes: Option<usize>,
    pub certificate: Certificate,
    pub client_certificate: ClientCertificate,
    pub app_has: Has,
    pub app_reads: Reads,
    pub origin_reads: Reads,
    pub kept: Kept,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sni {
    Sent,
    NotSent,
}

impl Case {
    pub fn new(name: impl Into<String>, app: Vec<Step>, origin: Vec<Step>) -> Self {
        Self {
            name: name.into(),
            app,
            origin,
            piece: usize::MAX,
            layer: Layer::Tls,
            target: Target::Listed,
            trust: Trust::Both,
            sends_sni: Sni::Sent,
            hello: HelloIn::OnePacket,
            on_failure: OnFailure::Alert,
            app_alpn: &["http/1.1"],
            origin_alpn: &["http/1.1"],
            app_versions: Versions::Both,
            origin_versions: Versions::Both,
            record_bytes: None,
            certificate: Certificate::Good,
            client_certificate: ClientCertificate::Ignored,
            app_has: Has::None,
            app_reads: Reads::Now,
            origin_reads: Reads::Now,
            kept: Kept::Exchanges(vec!["complete"]),
        }
    }

    /// The app asks, the origin answers, the app closes, the origin closes.
    pub fn exchange(name: impl Into<String>, request: &[u8], reply: &[u8]) -> Self {
        let app = vec![Step::Send(request.to_vec()), Step::Got(reply.len()), Step::Close];
        let origin = vec![Step::Got(request.len()), Step::Send(reply.to_vec()), Step::Ended];
        Self::new(name, app, origin)
    }

    /// The app asks, the origin answers and closes: that ends the reply.
    pub fn until_close(name: impl Into<String>, request: &[u8], reply: &[u8]) -> Self {
        let app = vec![Step::Send(request.to_vec()), Step::Ended, Step::Close];
        let origin = vec![Step::Got(request.len()), Step::Send(reply.to_vec()), Step::Close];
        Self::new(name, app, origin)
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// So many exchanges, all of this state.
    pub fn exchanges(self, states: &[&'static str]) -> Self {
        self.with(|case| case.kept = Kept::Exchanges(states.to_vec()))
    }

    /// Passed on unread, over the first connection to the origin.
    pub fn unread(self) -> Self {
        self.with(|case| case.kept = Kept::Unread { dials: 1 })
    }

    /// Passed on unread, over a second connection to the origin.
    pub fn spliced(self) -> Self {
        self.with(|case| case.kept = Kept::Unread { dials: 2 })
    }

    /// Without TLS.
    pub fn plain(self) -> Self {
        self.with(|case| case.layer = Layer::Plain)
    }

    /// The case with everything whole, and with each byte in a packet of its own.
    pub fn whole_and_bytewise(self) -> [Self; 2] {
        let bytewise = self.clone().with(|case| {
            case.piece = 1;
            case.name += ", one byte at a time";
        });
        [self, bytewise]
    }
}

/// A POST with these further header lines and this body.
pub fn post(lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST /v1/case HTTP/1.1\r\nHost: case.test\r\n{lines}\r\n");
    [head.as_bytes(), body].concat()
}

/// Bytes without a pattern, the same for the same seed.
pub fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend_from_slice(&state.to_le_bytes());
    }
    noise.truncate(bytes);
    noise
}
