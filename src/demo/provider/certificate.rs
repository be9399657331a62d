//! The provider's certificate, signed by an authority that lives as long as one function.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::PrivateKeyDer;
use time::{Duration, OffsetDateTime};

use super::{Alpn, StartError};

/// What a provider needs for TLS.
pub(super) struct Certificate {
    pub(super) ca_pem: String,
    pub(super) server: Arc<ServerConfig>,
}

/// Makes an authority, a leaf for `names`, and forgets the authority's key.
pub(super) fn make(names: &[String], alpn: Alpn) -> Result<Certificate, StartError> {
    let mut ca = params(&[], "Fake provider's authority, for tests only")?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;

    let mut leaf = params(names, "Fake provider")?;
    leaf.use_authority_key_identifier_extension = true;
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let leaf = leaf.signed_by(&key, &ca)?;

    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let mut server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)?;
    server.alpn_protocols = match alpn {
        Alpn::Http1 => vec![b"http/1.1".to_vec()],
        Alpn::Http2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    Ok(Certificate { ca_pem: ca.pem(), server: Arc::new(server) })
}

fn params(names: &[String], common_name: &str) -> Result<CertificateParams, StartError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.serial_number = Some(random_serial()?);
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::DAY;
    params.not_after = now + LIFE;
    Ok(params)
}

/// 127 random bits: clients that cache by issuer and serial refuse a second certificate of
/// the same name and serial, and rcgen's own serial is a hash of the key.
fn random_serial() -> Result<SerialNumber, StartError> {
    let mut serial = [0; 16];
    ::aws_lc_rs::rand::fill(&mut serial).map_err(|_| StartError::Random)?;
    if let Some(first) = serial.first_mut() {
        *first &= 0x7f;
    }
    Ok(SerialNumber::from_slice(&serial))
}

/// Longer than any test or demo, short enough to be worthless to whoever finds it trusted.
const LIFE: Duration = Duration::days(7);
