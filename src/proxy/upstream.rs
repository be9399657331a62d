//! The TLS handshake with the origin: with the app's own server name and protocols, judged as
//! the app would judge it.

use std::cell::Cell;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::{ClientConnection, ResolvesClientCert};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::flow::{Host, TunnelReason};
use crate::metrics::Metrics;

/// An origin that does not answer a ClientHello for so long gets the app's own instead.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);

/// Speaks TLS with origins.
#[derive(Clone, Debug)]
pub struct UpstreamTls {
    /// Sessions are kept here and resumed, whatever protocols the next app offers.
    config: Arc<ClientConfig>,
    metrics: Metrics,
}

/// Why no TLS client could be made.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamTlsError {
    /// A file that the user named cannot be used.
    #[error("cannot read certificates from `{path}`: {why}", path = path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The TLS library refused.
    #[error("cannot set up TLS to origins: {0}")]
    Tls(#[from] rustls::Error),
}

/// Which server name the origin is sent and judged by.
pub struct Name<'a> {
    /// What the certificate must be for.
    pub host: &'a Host,
    /// Whether the app sent it.
    pub sent: Sent,
}

/// Whether a server name goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The app sent one, so we do.
    Yes,
    /// The app sent none, so we send none.
    No,
}

impl UpstreamTls {
    /// Trusts the system's roots and those in `extra`; counts handshakes that fail.
    pub fn new(extra: &[PathBuf], metrics: Metrics) -> Result<Self, UpstreamTlsError> {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
        for path in extra {
            let refuse = |why: String| UpstreamTlsError::Certificates { path: path.clone(), why };
            let found = CertificateDer::pem_file_iter(path).map_err(|e| refuse(e.to_string()))?;
            let mut count = 0;
            for certificate in found {
                let certificate = certificate.map_err(|e| refuse(e.to_string()))?;
                roots.add(certificate).map_err(|e| refuse(e.to_string()))?;
                count += 1;
            }
            if count == 0 {
                return Err(refuse("there is no certificate in it".into()));
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(Asked));
        Ok(Self { config: Arc::new(config), metrics })
    }

    /// Shakes hands over `tcp`, offering `alpn`. An error says why the app shall speak with
    /// the origin itself.
    pub async fn handshake(
        &self,
        tcp: TcpStream,
        name: Name<'_>,
        alpn: &[Vec<u8>],
    ) -> Result<(TcpStream, ClientConnection), TunnelReason> {
        let mut config = (*self.config).clone();
        config.alpn_protocols = alpn.to_vec();
        config.enable_sni = name.sent == Sent::Yes;
        let server_name = ServerName::try_from(name.host.as_str().to_owned())
            .map_err(|e| TunnelReason::UpstreamTls(e.to_string()))?;
        let connecting = TlsConnector::from(Arc::new(config)).connect(server_name, tcp);
        let connecting = tokio::time::timeout(HANDSHAKE_TIMEOUT, connecting);
        let (connected, asked) = ASKED
            .scope(Cell::new(false), async { (connecting.await, ASKED.with(Cell::get)) })
            .await;
        let (counted, reason) = match connected {
            _ if asked => ("origin_wants_certificate", TunnelReason::ClientCertificate),
            Ok(Ok(stream)) => return Ok(stream.into_inner()),
            Ok(Err(e)) => (kind(&e), TunnelReason::UpstreamTls(e.to_string())),
            Err(_) => (
                "origin_timeout",
                TunnelReason::UpstreamTls(format!(
                    "no answer to our ClientHello within {} s",
                    HANDSHAKE_TIMEOUT.as_secs()
                )),
            ),
        };
        self.metrics.tls_failed(counted);
        Err(reason)
    }
}

/// What a failed handshake is counted as.
fn kind(error: &io::Error) -> &'static str {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => "origin_certificate",
        _ => "origin_handshake",
    }
}

tokio::task_local! {
    /// Whether the origin of the handshake under way has asked for a certificate.
    static ASKED: Cell<bool>;
}

/// Has no certificate, and notes whether the origin asked for one: only the app has it. One
/// for all handshakes, as rustls resumes a session only under the resolver it was made with.
#[derive(Debug)]
struct Asked;

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // Outside of a handshake of ours nobody wants to know.
        let _ = ASKED.try_with(|asked| asked.set(true));
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
