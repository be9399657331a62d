//! The proxy: listens, decides, dials, relays. Knows no JSON and no SQL; what it sees it
//! tells to the tape.

mod base_url;
mod decide;
mod dial;
mod downstream;
mod front;
mod in_flight;
mod memory;
mod notice;
mod opening;
mod process;
mod relay;
mod rewrite;
mod tunnel;
mod upstream;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

pub use base_url::{Access, BaseUrl, Door, Otherwise, Target, Visit};
pub use decide::{Learned, Opening, Rules, decide};
pub use dial::{DialError, Dialer, NoProxy, Resolve, ResolveError, Upstream};
pub use notice::{Notice, Notify};
pub use upstream::UpstreamTlsError;

use crate::ca::Authority;
use crate::metrics::Metrics;
use crate::tape::Tapes;
use downstream::DownstreamTls;
use memory::Memory;
use upstream::UpstreamTls;

/// What a proxy is made of.
pub struct Settings {
    /// What is read and what is passed on.
    pub rules: Rules,
    /// Addresses that the user set for names.
    pub resolve: Vec<Resolve>,
    /// What is dialled.
    pub upstream: Upstream,
    /// Files of certificates to trust beside the system's.
    pub upstream_ca: Vec<PathBuf>,
}

/// Everything that flows share.
pub struct Engine {
    rules: Rules,
    dialer: Dialer,
    authority: Arc<Authority>,
    upstream_tls: UpstreamTls,
    downstream_tls: DownstreamTls,
    memory: Memory,
    tapes: Tapes,
    notify: Notify,
    metrics: Metrics,
    /// Our own listeners: a request that leads back to them would go round for ever.
    own: Vec<SocketAddr>,
}

/// Why the proxy cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// TLS to origins cannot be set up.
    #[error(transparent)]
    UpstreamTls(#[from] UpstreamTlsError),
    /// TLS to apps cannot be set up.
    #[error("cannot set up TLS to apps: {0}")]
    DownstreamTls(#[from] rustls::Error),
    /// A port cannot be had.
    #[error("cannot listen on `{address}`: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

impl Engine {
    /// Makes ready what flows share. `own` are the addresses of our own listeners.
    pub fn new(
        settings: Settings,
        authority: Arc<Authority>,
        tapes: Tapes,
        notify: Notify,
        metrics: Metrics,
        own: Vec<SocketAddr>,
    ) -> Result<Self, StartError> {
        Ok(Self {
            rules: settings.rules,
            dialer: Dialer::new(settings.resolve, settings.upstream).apart_from(&own),
            authority,
            upstream_tls: UpstreamTls::new(&settings.upstream_ca, metrics.clone())?,
            downstream_tls: DownstreamTls::new()?,
            memory: Memory::default(),
            tapes,
            notify,
            metrics,
            own,
        })
    }

    /// Serves the proxy port until the process ends.
    pub async fn serve_proxy(
        self: Arc<Self>,
        listener: TcpListener,
    ) -> Result<(), hudsucker::Error> {
        front::serve(self, listener).await
    }

    /// Serves the base-URL port until the process ends.
    pub async fn serve_base_url(self: Arc<Self>, listener: TcpListener, base_url: BaseUrl) {
        base_url::serve(self, listener, Arc::new(base_url)).await;
    }

    /// Whether a connection to `address` would lead back to us.
    fn is_own(&self, host: &crate::flow::Host, port: u16) -> bool {
        let loopback = host.as_str() == "localhost"
            || host.ip().is_some_and(|ip| ip.is_loopback() || ip.is_unspecified());
        loopback && self.own.iter().any(|own| own.port() == port)
    }
}

/// Listens on `address`. Connections have TCP_NODELAY from their first byte (they inherit
/// it): without it small writes wait 40 ms for an acknowledgement.
pub fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bind = || -> std::io::Result<TcpListener> {
        let socket = match address {
            SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
            SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.set_nodelay(true)?;
        socket.bind(address)?;
        socket.listen(1024)
    };
    bind().map_err(|source| StartError::Listen { address, source })
}
