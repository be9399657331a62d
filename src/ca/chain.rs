//! A signing certificate with its key, and the root that apps trust.

use aws_lc_rs::rand;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Error, Scope, pem};

/// What signs leaves, and what apps must trust for it.
pub(super) struct Chain {
    /// Signs leaves.
    pub issuer: Issuer<'static, KeyPair>,
    /// The issuer's certificate first, each signed by the next, the root last.
    pub certificates: Vec<CertificateDer<'static>>,
    /// When the first of them ends.
    pub not_after: OffsetDateTime,
}

/// Life of root and intermediate. Long enough that nobody trusts a new root more than a few
/// times a year, short enough that a forgotten one dies soon; there is no revocation.
const LIFE: Duration = Duration::days(180);

/// Clocks of containers and virtual machines run behind: certificates begin that much earlier.
pub(super) const SKEW: Duration = Duration::days(1);

impl Chain {
    /// Makes a root and the intermediate that it signs, both held to `scope`.
    ///
    /// The root's key is dropped here, never written: whoever steals the intermediate's can
    /// sign for the hosts of the scope until the intermediate ends, and nothing else ever.
    pub fn create(scope: &Scope, now: OffsetDateTime) -> Result<Self, Error> {
        let mark = mark()?;
        let root_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let root = ca_params(&format!("Overhear root {mark}"), 1, scope, now)?;
        let root_certificate = root.self_signed(&root_key)?;

        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = ca_params(&format!("Overhear issuer {mark}"), 0, scope, now)?;
        params.use_authority_key_identifier_extension = true;
        // Name constraints say nothing of mail addresses and the like: TLS servers only.
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let not_after = params.not_after;
        let certificate = params.signed_by(&key, &Issuer::new(root, root_key))?;
        Ok(Self {
            issuer: Issuer::new(params, key),
            certificates: vec![certificate.der().clone(), root_certificate.der().clone()],
            not_after,
        })
    }

    /// Reads what [`to_pem`](Self::to_pem) wrote, or a certificate with its chain and key.
    /// The error says in words what is wrong.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| format!("the certificate cannot be read: {error}"))?;
        let first = certificates.first().ok_or("it has no certificate")?;
        let key = key_block(text).ok_or("it has no private key that is not encrypted")?;
        let key = KeyPair::from_pem(key)
            .map_err(|error| format!("the private key cannot be read: {error}"))?;
        let parsed = parse(first)?;
        if parsed.public_key().subject_public_key.data.as_ref() != key.public_key_raw() {
            return Err("the key is not that of the certificate".to_owned());
        }
        if !parsed.is_ca() {
            return Err("the certificate is not a CA's: it may not sign others".to_owned());
        }
        let signs = parsed.key_usage().map_err(|error| error.to_string())?;
        if signs.is_some_and(|usage| !usage.value.key_cert_sign()) {
            return Err("the certificate's key usage does not allow it to sign others".to_owned());
        }
        let mut not_after = parsed.validity().not_after.to_datetime();
        for certificate in &certificates {
            not_after = not_after.min(parse(certificate)?.validity().not_after.to_datetime());
        }
        let issuer = Issuer::from_ca_cert_der(first, key)
            .map_err(|error| format!("the certificate cannot be used: {error}"))?;
        Ok(Self { issuer, not_after, certificates })
    }

    /// Key and certificates as one text: one file, so that no crash and no other process can
    /// leave a key beside the certificate of another.
    pub fn to_pem(&self) -> String {
        let mut text = self.issuer.key().serialize_pem();
        for certificate in &self.certificates {
            text.push_str(&pem::certificate(certificate));
        }
        text
    }

    /// What signs leaves.
    pub fn signing(&self) -> &CertificateDer<'static> {
        // Never empty: `create` puts two in, `from_pem` refuses none.
        self.certificates.first().unwrap_or(&NOTHING)
    }

    /// What apps must trust.
    pub fn root(&self) -> &CertificateDer<'static> {
        self.certificates.last().unwrap_or(&NOTHING)
    }
}

static NOTHING: CertificateDer<'static> = CertificateDer::from_slice(&[]);

/// The certificate's fields; the error in words.
pub(super) fn parse<'a>(
    certificate: &'a CertificateDer<'_>,
) -> Result<X509Certificate<'a>, String> {
    X509Certificate::from_der(certificate)
        .map(|(_, parsed)| parsed)
        .map_err(|error| format!("the certificate cannot be read: {error}"))
}

/// 20 random bytes, the most that RFC 5280 allows: positive, not beginning with zero.
///
/// rcgen's own default is a hash of the key. Our leaves share a key: they would share the
/// serial, and Firefox refuses two certificates of one issuer and serial.
pub(super) fn serial() -> Result<SerialNumber, Error> {
    let mut bytes = [0; 20];
    rand::fill(&mut bytes).map_err(|_| Error::Random)?;
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    Ok(SerialNumber::from_slice(&bytes))
}

/// Tells one root from the next in a list of certificates: some stores look a root up by its
/// name alone and would find the one before.
fn mark() -> Result<String, Error> {
    let mut bytes = [0; 4];
    rand::fill(&mut bytes).map_err(|_| Error::Random)?;
    Ok(format!("{:08x}", u32::from_be_bytes(bytes)))
}

fn ca_params(
    name: &str,
    path_length: u8,
    scope: &Scope,
    now: OffsetDateTime,
) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Overhear (this computer only)");
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(serial()?);
    params.not_before = now - SKEW;
    params.not_after = now - SKEW + LIFE;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = scope.constraints();
    Ok(params)
}

/// The first block with a private key.
fn key_block(text: &str) -> Option<&str> {
    ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"].into_iter().find_map(|kind| {
        let begin = text.find(&format!("-----BEGIN {kind}-----"))?;
        let end = format!("-----END {kind}-----");
        let block = text.get(begin..)?;
        block.get(..block.find(&end)? + end.len())
    })
}
