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

impl TunnelReason {
    /// Reads what [`Display`](fmt::Display) wrote: the capture keeps the words alone. `None` if
    /// they are none of ours.
    pub fn of_words(words: &str) -> Option<Self> {
        let rest = |start: &str| words.strip_prefix(start).map(str::to_owned);
        let plain = [Self::NotListed, Self::Excluded, Self::ClientCertificate, Self::ServerFirst];
        let mut plain = plain.into_iter().chain([Self::NotHttp]);
        plain
            .find(|reason| reason.to_string() == words)
            .or_else(|| {
                let how = rest("the app does not trust Overhear's certificate (")?;
                Some(Self::Distrusted(how.strip_suffix(')').unwrap_or(&how).to_owned()))
            })
            .or_else(|| rest("the TLS handshake with the origin failed: ").map(Self::UpstreamTls))
            .or_else(|| rest("the app's ClientHello cannot be read: ").map(Self::ClientHello))
    }

    /// The reason as one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotListed => "not_listed",
            Self::Excluded => "excluded",
            Self::Distrusted(_) => "distrusted",
            Self::ClientCertificate => "client_certificate",
            Self::UpstreamTls(_) => "upstream_tls",
            Self::ServerFirst => "server_first",
            Self::NotHttp => "not_http",
            Self::ClientHello(_) => "client_hello",
        }
    }

    /// What whoever wants to read such flows to `host` can do; `None` if nothing.
    pub fn remedy(&self, host: &str) -> Option<String> {
        match self {
            Self::NotListed => Some(format!("`--intercept {host}` reads it")),
            Self::Excluded => Some("take its `--tunnel` away to read it".to_owned()),
            Self::Distrusted(_) => Some(
                "start the app with `overhear run`, which makes it trust the certificate; an app \
                 that pins another one can be led by its base URL"
                    .to_owned(),
            ),
            Self::ClientCertificate => {
                Some("nobody but the app can show it; lead the app by its base URL".to_owned())
            }
            Self::UpstreamTls(_) => {
                Some("the app met the same fault: see what it says itself".to_owned())
            }
            Self::ServerFirst | Self::NotHttp | Self::ClientHello(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_back_from_its_words() {
        for reason in [
            TunnelReason::NotListed,
            TunnelReason::Excluded,
            TunnelReason::Distrusted("alert (unknown_ca)".into()),
            TunnelReason::ClientCertificate,
            TunnelReason::UpstreamTls("certificate: expired".into()),
            TunnelReason::ServerFirst,
            TunnelReason::NotHttp,
            TunnelReason::ClientHello("too long".into()),
        ] {
            assert_eq!(TunnelReason::of_words(&reason.to_string()), Some(reason));
        }
        assert_eq!(TunnelReason::of_words("because"), None);
    }
}
