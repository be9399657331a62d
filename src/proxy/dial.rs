//! Dialling: names to addresses, the user's `--resolve`, the parent proxy.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::flow::Origin;

/// A connection that is silent for so long is asked whether its peer still lives: without
/// this a flow whose peer lost its power would stay for ever.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How long one address is tried; the next one, of the other family, starts sooner (RFC 8305).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// `HOST:PORT:ADDR[:PORT]`, as curl's `--resolve`; `*` stands for any host or any port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    host: Option<String>,
    port: Option<u16>,
    to: IpAddr,
    to_port: Option<u16>,
}

/// Why a text is no [`Resolve`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not `HOST:PORT:ADDR[:PORT]`, such as `*:443:127.0.0.1:9443`")]
pub struct ResolveError(String);

impl FromStr for Resolve {
    type Err = ResolveError;

    fn from_str(text: &str) -> Result<Self, ResolveError> {
        Self::read(text).ok_or_else(|| ResolveError(text.to_owned()))
    }
}

impl Resolve {
    fn read(text: &str) -> Option<Self> {
        let (host, rest) = split_host(text)?;
        let (port, address) = rest.split_once(':')?;
        let port = if port == "*" { None } else { Some(port.parse().ok()?) };
        let (to, to_port) = match address.strip_prefix('[') {
            Some(v6) => {
                let (v6, rest) = v6.split_once(']')?;
                let to_port = match rest.strip_prefix(':') {
                    Some(port) => Some(port.parse().ok()?),
                    None if rest.is_empty() => None,
                    None => return None,
                };
                (v6.parse().ok()?, to_port)
            }
            None => match address.parse::<IpAddr>() {
                Ok(ip) => (ip, None),
                Err(_) => {
                    let (ip, port) = address.rsplit_once(':')?;
                    (ip.parse().ok()?, Some(port.parse().ok()?))
                }
            },
        };
        let host = (host != "*").then(|| crate::flow::Host::new(host).as_str().to_owned());
        Some(Self { host, port, to, to_port })
    }

    fn applies(&self, origin: &Origin) -> bool {
        self.host.as_deref().is_none_or(|host| host == origin.host.as_str())
            && self.port.is_none_or(|port| port == origin.port)
    }
}

fn split_host(text: &str) -> Option<(&str, &str)> {
    if text.starts_with('[') {
        let end = text.find("]:")?;
        return Some((text.get(..=end)?, text.get(end + 2..)?));
    }
    text.split_once(':')
}

/// Where we dial: the origin itself, or the parent proxy in front of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// The origin.
    Direct,
    /// A proxy that takes `CONNECT`.
    Parent {
        /// Where it is.
        proxy: Uri,
        /// Origins that are reached without it.
        except: NoProxy,
    },
}

/// Hosts that are reached without the parent proxy, as `NO_PROXY` names them: exact hosts,
/// domains with or without a leading dot, `*` for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy(Vec<String>);

impl NoProxy {
    /// Reads a list with commas.
    pub fn new(list: &str) -> Self {
        let names = list.split(',').map(|name| name.trim().trim_start_matches("*.").to_lowercase());
        Self(
            names
                .map(|name| name.trim_start_matches('.').to_owned())
                .filter(|n| !n.is_empty())
                .collect(),
        )
    }

    fn covers(&self, host: &str) -> bool {
        self.0.iter().any(|name| {
            name == "*"
                || host
                    .strip_suffix(name.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}

impl Upstream {
    /// The parent proxy for an origin. What is on this machine, and what the user gave an
    /// address for, is reached directly.
    fn parent_for(&self, origin: &Origin, resolved: bool) -> Option<&Uri> {
        let Self::Parent { proxy, except } = self else { return None };
        let host = origin.host.as_str();
        let here = host == "localhost" || origin.host.ip().is_some_and(|ip| ip.is_loopback());
        (!here && !resolved && !except.covers(host)).then_some(proxy)
    }
}

/// Opens connections.
#[derive(Clone, Debug)]
pub struct Dialer {
    resolve: Arc<[Resolve]>,
    upstream: Upstream,
    connector: HttpConnector<SystemResolver>,
    /// Ports of our own listeners: a connection that leads to them would go round for ever, or
    /// show the page to whoever can make us fetch it.
    own: Arc<[u16]>,
}

/// Why an origin could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach `{origin}`{via}: {why}")]
pub struct DialError {
    origin: String,
    via: String,
    why: String,
}

impl Dialer {
    /// Dials by these rules.
    pub fn new(resolve: Vec<Resolve>, upstream: Upstream) -> Self {
        let mut connector = HttpConnector::new_with_resolver(SystemResolver);
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Self { resolve: resolve.into(), upstream, connector, own: Arc::default() }
    }

    /// The same, never reaching our own listeners.
    #[must_use]
    pub fn apart_from(self, own: &[SocketAddr]) -> Self {
        Self { own: own.iter().map(SocketAddr::port).collect(), ..self }
    }

    /// A connection to `origin`, no byte sent or read yet.
    pub async fn dial(&self, origin: &Origin) -> Result<TcpStream, DialError> {
        let address = self.address(origin);
        let failed = |via: String, why: String| DialError { origin: origin.authority(), via, why };
        let uri = Uri::builder()
            .scheme("https")
            .authority(address.clone())
            .path_and_query("/")
            .build()
            .map_err(|e| failed(String::new(), e.to_string()))?;
        let mut connector = self.connector.clone();
        let resolved = self.resolve.iter().any(|rule| rule.applies(origin));
        let connected = match self.upstream.parent_for(origin, resolved) {
            None => connector.call(uri).await.map_err(|e| {
                let via = if address == origin.authority() {
                    String::new()
                } else {
                    format!(" at `{address}`")
                };
                failed(via, in_words(&e))
            })?,
            Some(proxy) => {
                let mut tunnel = Tunnel::new(proxy.clone(), connector);
                if let Some(auth) = basic_auth(proxy) {
                    tunnel = tunnel.with_auth(auth);
                }
                let via = || format!(" through the parent proxy `{}`", shown(proxy));
                tunnel.call(uri).await.map_err(|e| failed(via(), in_words(&e)))?
            }
        };
        let tcp = connected.into_inner();
        if self.is_own(&tcp) {
            return Err(failed(String::new(), "it is Overhear itself".to_owned()));
        }
        keep_alive(&tcp);
        Ok(tcp)
    }

    /// Whether a connection leads back to us, by whatever name: both its ends are on this
    /// machine, and the far one is a port of ours.
    fn is_own(&self, tcp: &TcpStream) -> bool {
        let (Ok(near), Ok(far)) = (tcp.local_addr(), tcp.peer_addr()) else { return false };
        let is_here = far.ip().is_loopback() || far.ip() == near.ip();
        is_here && self.own.contains(&far.port())
    }

    fn address(&self, origin: &Origin) -> String {
        match self.resolve.iter().find(|rule| rule.applies(origin)) {
            Some(rule) => SocketAddr::new(rule.to, rule.to_port.unwrap_or(origin.port)).to_string(),
            None => origin.authority(),
        }
    }
}

/// Asks a silent peer now and then whether it lives.
pub fn keep_alive(tcp: &TcpStream) {
    // A connection without it works as well, it only may stay longer than its peer.
    let _ = SockRef::from(tcp).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
}

fn basic_auth(proxy: &Uri) -> Option<http::HeaderValue> {
    use base64::Engine;
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let user = base64::engine::general_purpose::STANDARD.encode(user);
    let mut value = http::HeaderValue::from_str(&format!("Basic {user}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The proxy's URL without its password.
fn shown(proxy: &Uri) -> String {
    let host = proxy.authority().map_or("", |a| a.as_str().rsplit('@').next().unwrap_or_default());
    format!("http://{host}")
}

/// The whole chain of causes, on one line.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words = format!("{words}: {cause_words}");
        }
        source = cause.source();
    }
    words
}

/// The system's own resolver, as the app would ask it.
#[derive(Clone, Copy)]
pub struct SystemResolver;

impl fmt::Debug for SystemResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemResolver")
    }
}

impl Service<Name> for SystemResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future =
        Pin<Box<dyn Future<Output = Result<Self::Response, std::io::Error>> + Send + 'static>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(found.into_iter())
        })
    }
}

/// The dialer as a connector of a plain-HTTP client.
impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move {
            let authority = uri.authority().map_or("", |a| a.as_str());
            let scheme = match uri.scheme_str() {
                Some("https") => crate::flow::Scheme::Https,
                _ => crate::flow::Scheme::Http,
            };
            let origin = Origin::parse(scheme, authority)?;
            Ok(TokioIo::new(dialer.dial(&origin).await?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Scheme;

    #[test]
    fn the_parent_proxy_is_for_what_is_elsewhere() {
        let proxy: Uri = "http://proxy.example:3128".parse().unwrap();
        let except = NoProxy::new("internal.example, .corp.example,*.lab.example");
        let upstream = Upstream::Parent { proxy, except };
        for (host, expected) in [
            ("api.openai.com", true),
            ("internal.example", false),
            ("a.internal.example", false),
            ("notinternal.example", true),
            ("x.corp.example", false),
            ("x.lab.example", false),
            ("127.0.0.1", false),
            ("localhost", false),
        ] {
            let origin = Origin::parse(Scheme::Https, host).unwrap();
            assert_eq!(upstream.parent_for(&origin, false).is_some(), expected, "{host}");
            assert!(upstream.parent_for(&origin, true).is_none(), "{host} has an address");
        }
        assert!(NoProxy::new("*").covers("any.example"));
    }

    #[test]
    fn a_rule_is_read_as_curl_reads_it() {
        for (text, origin, expected) in [
            ("api.openai.com:443:127.0.0.1", "api.openai.com:443", "127.0.0.1:443"),
            ("api.openai.com:443:127.0.0.1:9443", "api.openai.com:443", "127.0.0.1:9443"),
            ("API.openai.com:443:127.0.0.1:9443", "api.openai.com:443", "127.0.0.1:9443"),
            ("api.openai.com:443:127.0.0.1", "api.openai.com:444", "api.openai.com:444"),
            ("*:443:127.0.0.1:9443", "192.0.2.1:443", "127.0.0.1:9443"),
            ("*:*:127.0.0.1:9443", "[2001:db8::1]:8443", "127.0.0.1:9443"),
            ("[2001:db8::1]:443:[::1]:9443", "[2001:db8::1]:443", "[::1]:9443"),
            ("host:443:::1", "host:443", "[::1]:443"),
            ("host:443:[::1]", "host:443", "[::1]:443"),
        ] {
            let dialer = Dialer::new(vec![text.parse().unwrap()], Upstream::Direct);
            let origin = Origin::parse(Scheme::Https, origin).unwrap();
            assert_eq!(dialer.address(&origin), expected, "{text}");
        }
        for text in
            ["", "host", "host:443", "host:x:127.0.0.1", "host:443:name", "host:443:1.2.3.4:x"]
        {
            assert!(text.parse::<Resolve>().is_err(), "{text}");
        }
    }
}
