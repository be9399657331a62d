//! Leaves: one certificate a host, minted when the first app asks for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::crypto::aws_lc_rs::sign::any_ecdsa_type;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use time::{Duration, OffsetDateTime};

use super::Error;
use super::chain::{Chain, SKEW, serial};

/// Life of a leaf, the time before now included. Apple and the CA/Browser Forum lower theirs
/// to 47 days in 2029.
pub(super) const LIFE: Duration = Duration::days(45);

/// A leaf with less than this left is minted anew: a connection lives for hours, not days.
const RENEW: Duration = Duration::days(7);

/// Most leaves kept, at some 2 KiB each: with `--all`, a browser asks for thousands.
const LEAVES_MAX: usize = 2048;

/// The leaves of this process. They share one key, which never leaves memory: a key for each
/// would double the cost of a host's first connection and protect nothing.
pub(super) struct Leaves {
    key: KeyPair,
    signing: Arc<dyn SigningKey>,
    minted: Mutex<HashMap<String, Leaf>>,
}

struct Leaf {
    certified: Arc<CertifiedKey>,
    not_after: OffsetDateTime,
}

impl Leaves {
    pub fn new() -> Result<Self, Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Self { key, signing: any_ecdsa_type(&der)?, minted: Mutex::default() })
    }

    /// The leaf for `host` (lower case, no trailing dot, no brackets), signed by `chain`.
    ///
    /// Minting takes some 30 µs, so the lock is held meanwhile: connections that ask for the
    /// same host at once get the same leaf.
    pub fn leaf(
        &self,
        host: &str,
        chain: &Chain,
        now: OffsetDateTime,
    ) -> Result<Arc<CertifiedKey>, Error> {
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = minted.get(host)
            && (leaf.not_after - now >= RENEW || leaf.not_after == chain.not_after)
            && leaf.not_after > now
        {
            return Ok(leaf.certified.clone());
        }
        let leaf = self.mint(host, chain, now)?;
        let certified = leaf.certified.clone();
        if minted.len() >= LEAVES_MAX
            && let Some(oldest) = minted.iter().min_by_key(|(_, leaf)| leaf.not_after)
        {
            let oldest = oldest.0.clone();
            minted.remove(&oldest);
        }
        minted.insert(host.to_owned(), leaf);
        Ok(certified)
    }

    fn mint(&self, host: &str, chain: &Chain, now: OffsetDateTime) -> Result<Leaf, Error> {
        if now >= chain.not_after {
            return Err(Error::Expired(chain.not_after));
        }
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![alternative_name(host)?];
        // Not the host: where there is no DNS name beside it, OpenSSL reads a common name that
        // looks like one as such, and the address 10.0.0.1 would break the name constraints.
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Overhear leaf");
        params.serial_number = Some(serial()?);
        params.not_before = now - SKEW;
        // A certificate's last second is part of its life (RFC 5280, 4.1.2.5).
        let not_after = (now - SKEW + LIFE - Duration::SECOND).min(chain.not_after);
        params.not_after = not_after;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&self.key, &chain.issuer)?;
        Ok(Leaf {
            certified: Arc::new(CertifiedKey::new(
                sent(certificate.der(), chain),
                self.signing.clone(),
            )),
            not_after,
        })
    }
}

/// What an app gets: the leaf, the certificate that signed it, and what signed that, without
/// the root: an app that trusts the root has it, and one that does not is not helped. The
/// signing certificate is sent in any case, an imported root too: Chromium's
/// `--ignore-certificate-errors-spki-list` looks for its key in what is sent.
fn sent(leaf: &CertificateDer<'static>, chain: &Chain) -> Vec<CertificateDer<'static>> {
    let mut sent = vec![leaf.clone(), chain.signing().clone()];
    let between = chain.certificates.iter().skip(1);
    sent.extend(between.filter(|certificate| !is_root(certificate)).cloned());
    sent
}

fn is_root(certificate: &CertificateDer<'_>) -> bool {
    super::chain::parse(certificate).is_ok_and(|parsed| parsed.subject() == parsed.issuer())
}

fn alternative_name(host: &str) -> Result<SanType, Error> {
    let refused = || Error::Host(host.to_owned());
    match ServerName::try_from(host).map_err(|_| refused())? {
        ServerName::IpAddress(address) => Ok(SanType::IpAddress(address.into())),
        ServerName::DnsName(name) => {
            let name = name.as_ref().to_owned().try_into();
            Ok(SanType::DnsName(name.map_err(|_| refused())?))
        }
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scope;
    use super::super::chain::parse;
    use super::*;

    fn chain(now: OffsetDateTime) -> Chain {
        Chain::create(&Scope::Everything, now).unwrap()
    }

    #[test]
    fn a_leaf_lives_45_days_at_most_and_never_longer_than_its_issuer() {
        let now = OffsetDateTime::now_utc();
        let (chain, leaves) = (chain(now), Leaves::new().unwrap());
        for (day, most) in [(0, 45), (170, 10)] {
            let at = now + Duration::days(day);
            let leaf = leaves.mint("api.example.com", &chain, at).unwrap();
            let validity = parse(&leaf.certified.cert[0]).unwrap().validity().clone();
            let (from, to) = (validity.not_before, validity.not_after);
            assert!(to.to_datetime() - from.to_datetime() <= Duration::days(most));
            assert!(to.to_datetime() <= chain.not_after);
        }
    }

    #[test]
    fn a_leaf_is_kept_until_its_last_week_and_then_minted_anew() {
        let now = OffsetDateTime::now_utc();
        let (chain, leaves) = (chain(now), Leaves::new().unwrap());
        let leaf = |day| {
            let at = now + Duration::days(day);
            leaves.leaf("api.example.com", &chain, at).unwrap()
        };
        let first = leaf(0);
        assert!(Arc::ptr_eq(&first, &leaf(30)));
        assert!(!Arc::ptr_eq(&first, &leaf(40)));
        let last = leaf(176);
        assert!(Arc::ptr_eq(&last, &leaf(178)), "it cannot be longer");
    }

    #[test]
    fn after_the_issuers_end_there_are_no_leaves() {
        let now = OffsetDateTime::now_utc();
        let leaves = Leaves::new().unwrap();
        let late = now + Duration::days(180);
        let error = leaves.leaf("a.example.com", &chain(now), late).err();
        assert!(matches!(error, Some(Error::Expired(_))));
    }

    #[test]
    fn the_number_of_leaves_is_bounded() {
        let now = OffsetDateTime::now_utc();
        let (chain, leaves) = (chain(now), Leaves::new().unwrap());
        for host in 0..LEAVES_MAX + 10 {
            let host = format!("h{host}.example.com");
            leaves.leaf(&host, &chain, now).unwrap();
        }
        assert_eq!(leaves.minted.lock().unwrap().len(), LEAVES_MAX);
    }

    #[test]
    fn what_is_no_host_gets_no_leaf() {
        let now = OffsetDateTime::now_utc();
        let (chain, leaves) = (chain(now), Leaves::new().unwrap());
        for host in ["", "a b", "a..b", "bücher.example", "*.example.com", "a/b"] {
            let error = leaves.leaf(host, &chain, now).err();
            assert!(matches!(error, Some(Error::Host(_))), "{host}");
        }
    }
}
