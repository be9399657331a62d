//! TLS of apps and origins, as each case wants it.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConnection, Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{NoClientAuth, ServerConnection, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, Connection, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};

use super::case::{Case, Certificate, ClientCertificate, Has, Sni, Trust, Versions};
use crate::support::certificates::{self, Identity, Issuer, Life};

/// Authorities and certificates of one test.
pub struct Tls {
    origins: Issuer,
    strangers: Issuer,
    apps: Issuer,
    /// The proxy's root, once it runs.
    pub ours: Vec<CertificateDer<'static>>,
}

impl Tls {
    pub fn new() -> Self {
        Self {
            origins: Issuer::new("Test origins"),
            strangers: Issuer::new("Unknown to everybody"),
            apps: Issuer::new("Test apps"),
            ours: Vec::new(),
        }
    }

    /// Writes what `--upstream-ca` needs.
    pub fn write(&self, folder: &Path) -> String {
        self.origins.write(folder).display().to_string()
    }

    /// Whether an origin of the test could have shown this certificate.
    pub fn is_origins_own(&self, seen: &[u8], case: &Case) -> bool {
        let issuer = if case.certificate == Certificate::Untrusted {
            &self.strangers
        } else {
            &self.origins
        };
        let (_, leaf) = x509_parser::parse_x509_certificate(seen).unwrap();
        let issuer = issuer.certificate();
        let (_, issuer) = x509_parser::parse_x509_certificate(&issuer).unwrap();
        leaf.issuer() == issuer.subject()
    }

    /// The app's side of a case.
    pub fn app(&self, case: &Case, host: &str) -> Connection {
        let config = self.app_config(case);
        let name = ServerName::try_from(host.to_owned()).unwrap();
        ClientConnection::new(Arc::new(config), name).unwrap().into()
    }

    pub fn app_config(&self, case: &Case) -> ClientConfig {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(case.app_versions))
            .unwrap();
        let origins = self.origins.certificate();
        let trusted = match case.trust {
            Trust::Both => certificates::roots([origins].into_iter().chain(self.ours.clone())),
            Trust::OriginOnly | Trust::Anything => certificates::roots([origins]),
        };
        let builder = if case.trust == Trust::Anything {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAnything))
        } else {
            let verifier = WebPkiServerVerifier::builder_with_provider(trusted.into(), provider());
            builder.with_webpki_verifier(verifier.build().unwrap())
        };
        let mut config = match case.app_has {
            Has::Certificate => {
                let Identity { chain, key } = self.apps.issue(&["app.test"], Life::Now);
                builder.with_client_auth_cert(chain, key).unwrap()
            }
            Has::None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = protocols(case.app_alpn);
        config.enable_sni = case.sends_sni == Sni::Sent;
        config.resumption = Resumption::in_memory_sessions(8);
        config.max_fragment_size = case.record_bytes;
        config
    }

    /// The origin's side of a case.
    pub fn origin(&self, case: &Case, host: &str) -> Connection {
        let config = self.origin_config(case, host);
        ServerConnection::new(Arc::new(config)).unwrap().into()
    }

    pub fn origin_config(&self, case: &Case, host: &str) -> ServerConfig {
        let identity = match case.certificate {
            Certificate::Good => self.origins.issue(&[host], Life::Now),
            Certificate::Expired => self.origins.issue(&[host], Life::Past),
            Certificate::OtherName => self.origins.issue(&["other.test"], Life::Now),
            Certificate::Untrusted => self.strangers.issue(&[host], Life::Now),
        };
        let roots = certificates::roots([self.apps.certificate()]);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider());
        let verifier = match case.client_certificate {
            ClientCertificate::Ignored => Arc::new(NoClientAuth) as _,
            ClientCertificate::Requested => verifier.allow_unauthenticated().build().unwrap(),
            ClientCertificate::Required => verifier.build().unwrap(),
        };
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(case.origin_versions))
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(identity.chain, identity.key)
            .unwrap();
        config.alpn_protocols = protocols(case.origin_alpn);
        config.max_fragment_size = case.record_bytes;
        config
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn versions(versions: Versions) -> &'static [&'static SupportedProtocolVersion] {
    static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    match versions {
        Versions::Both => &BOTH,
        Versions::Only12 => &BOTH[1..],
        Versions::Only13 => &BOTH[..1],
    }
}

fn protocols(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

/// As `curl --insecure` does.
#[derive(Debug)]
struct TrustAnything;

impl ServerCertVerifier for TrustAnything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
