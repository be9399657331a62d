//! Where the app wants to go.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A host as the app named it: lower case, no trailing dot, no brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Host(String);

impl Host {
    /// Takes a name or an address, brackets and upper case allowed.
    pub fn new(host: &str) -> Self {
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        Self(host.trim_end_matches('.').to_ascii_lowercase())
    }

    /// The name or the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, if the host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }
}

impl fmt::Display for Host {
    /// As it stands in a URL: IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip() {
            Some(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            _ => f.write_str(&self.0),
        }
    }
}

/// What is spoken with the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Clear text.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The port that a URL of this scheme need not name.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// As it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Where the app wants to go, as it said so: the `CONNECT` target, the SNI or the URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// What is spoken with it.
    pub scheme: Scheme,
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
}

/// Why a text names no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{authority}` is not `HOST:PORT`")]
pub struct OriginError {
    authority: String,
}

impl Origin {
    /// Reads `HOST[:PORT]`, IPv6 in brackets.
    pub fn parse(scheme: Scheme, authority: &str) -> Result<Self, OriginError> {
        let refuse = || OriginError { authority: authority.to_owned() };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                let port = if port.is_empty() {
                    scheme.default_port()
                } else {
                    port.parse().map_err(|_| refuse())?
                };
                (host, port)
            }
            _ => (authority, scheme.default_port()),
        };
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let known = !host.is_empty()
            && (bracketed || !host.contains(':'))
            && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@?#".contains(c));
        if !known {
            return Err(refuse());
        }
        Ok(Self { scheme, host: Host::new(host), port })
    }

    /// `HOST:PORT`, the port always there.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Origin {
    /// `https://HOST`, with the port where it is not the scheme's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        for (authority, expected) in [
            ("api.openai.com:443", Some("https://api.openai.com")),
            ("API.OpenAI.com.", Some("https://api.openai.com")),
            ("api.openai.com:8443", Some("https://api.openai.com:8443")),
            ("127.0.0.1:9443", Some("https://127.0.0.1:9443")),
            ("[::1]:9443", Some("https://[::1]:9443")),
            ("[::1]", Some("https://[::1]")),
            ("api.openai.com:", Some("https://api.openai.com")),
            ("::1:443", None),
            ("", None),
            (":443", None),
            ("host:port", None),
            ("user@host:1", None),
            ("host/path:1", None),
        ] {
            let read = Origin::parse(Scheme::Https, authority).ok().map(|o| o.to_string());
            assert_eq!(read.as_deref(), expected, "{authority}");
        }
    }
}
