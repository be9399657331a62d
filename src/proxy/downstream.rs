//! The TLS handshake with the app: our certificate for the host it asked for, the protocol
//! that upstream chose.

use std::io;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert, ServerConnection};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::StartHandshake;

use super::opening::Hello;

/// Speaks TLS with apps.
#[derive(Clone, Debug)]
pub struct DownstreamTls {
    /// Without certificate and protocol: those are each flow's own. Sessions are kept here,
    /// so that an app's next connection resumes.
    config: Arc<ServerConfig>,
}

/// How an app refused our certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It said so: the alert's name.
    Alert(String),
    /// It closed right after our certificate came, as Node and Bun do.
    Hangup,
    /// The handshake failed for another reason: this says nothing about trust.
    Other(String),
}

impl DownstreamTls {
    /// Ready for any certificate.
    pub fn new() -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(NoLeaf));
        Ok(Self { config: Arc::new(config) })
    }

    /// Answers the app's ClientHello with `leaf` and the protocol that upstream chose.
    pub async fn handshake(
        &self,
        tcp: TcpStream,
        hello: Hello,
        leaf: Arc<CertifiedKey>,
        alpn: Option<&[u8]>,
    ) -> Result<(TcpStream, ServerConnection), Refusal> {
        let mut config = (*self.config).clone();
        config.cert_resolver = Arc::new(OneLeaf(leaf));
        config.alpn_protocols = alpn.map(<[u8]>::to_vec).into_iter().collect();
        let start = StartHandshake::from_parts(hello.accepted, tcp);
        match start.into_stream(Arc::new(config)).await {
            Ok(stream) => Ok(stream.into_inner()),
            Err(e) => Err(refusal(&e)),
        }
    }
}

fn refusal(error: &io::Error) -> Refusal {
    use AlertDescription as Alert;
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => match alert {
            Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::UnsupportedCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::AccessDenied => Refusal::Alert(format!("{alert:?}")),
            other => Refusal::Other(format!("the app sent the alert `{other:?}`")),
        },
        Some(other) => Refusal::Other(other.to_string()),
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => Refusal::Hangup,
            _ => Refusal::Other(error.to_string()),
        },
    }
}

#[derive(Debug)]
struct OneLeaf(Arc<CertifiedKey>);

impl ResolvesServerCert for OneLeaf {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct NoLeaf;

impl ResolvesServerCert for NoLeaf {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}
