//! The authority: opened or made, and asked for leaves.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};

use super::chain::{Chain, parse};
use super::files::{self, Readers};
use super::leaf::{self, Leaves};
use super::scope::normalise;
use super::{Error, Scope, import, pem};

/// Signs for the hosts of its scope.
pub struct Authority {
    chain: Chain,
    leaves: Leaves,
    scope: Scope,
    /// Where its files are; `None` if it lives in memory only.
    folder: Option<PathBuf>,
}

/// What opening an authority did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issued {
    /// Nothing: it was there.
    Unchanged,
    /// It was made for the first time.
    Created,
    /// It was made anew: whoever trusted the one before must trust this one.
    Reissued(Reissue),
}

/// Why an authority was made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reissue {
    /// Other hosts may be intercepted than before.
    OtherHosts,
    /// The one before had expired or was about to.
    NearExpiry,
    /// The file of the one before could not be used, for this reason.
    Damaged(String),
}

/// With less left than a whole leaf's life, an authority is made anew when it is opened next.
const REISSUE: Duration = leaf::LIFE;

/// Key, intermediate and root of our own.
pub(super) const OWN: &str = "authority.pem";

/// What apps must trust.
pub(super) const ROOT: &str = "root.pem";

/// The system's roots and ours.
pub(super) const BUNDLE: &str = "bundle.pem";

impl Authority {
    /// Opens the authority kept in `folder`, or makes one for `scope`.
    ///
    /// An imported one is kept whatever the scope; one of our own is made anew when the scope
    /// is another or its end is near. Processes that do this at once end with the same one.
    pub fn load_or_create(folder: &Path, scope: &Scope) -> Result<(Self, Issued), Error> {
        let now = OffsetDateTime::now_utc();
        files::private_folder(folder)?;
        let _held = files::lock(folder)?;
        let (chain, issued) = match import::load(folder, now)? {
            Some(chain) => (chain, Issued::Unchanged),
            None => own(folder, scope, now)?,
        };
        let root = pem::certificate(chain.root());
        let path = folder.join(ROOT);
        if files::read(&path)?.as_deref() != Some(&root) {
            files::replace(&path, root.as_bytes(), Readers::Everyone)?;
        }
        let authority = Self::new(chain, scope, Some(folder.to_path_buf()))?;
        Ok((authority, issued))
    }

    /// An authority that nothing on the disk knows of.
    pub fn ephemeral(scope: &Scope) -> Result<Self, Error> {
        let chain = Chain::create(scope, OffsetDateTime::now_utc())?;
        Self::new(chain, scope, None)
    }

    /// Keeps an organisation's own CA in `folder`: from now on it signs, whatever the scope.
    ///
    /// `certificate` may have the CA's own issuers behind it, the root last. The CA's own name
    /// constraints are not ours to judge: an app refuses what they forbid.
    pub fn import(folder: &Path, certificate: &str, key: &str) -> Result<(), Error> {
        files::private_folder(folder)?;
        let _held = files::lock(folder)?;
        import::save(folder, certificate, key, OffsetDateTime::now_utc())
    }

    fn new(chain: Chain, scope: &Scope, folder: Option<PathBuf>) -> Result<Self, Error> {
        Ok(Self { chain, leaves: Leaves::new()?, scope: scope.clone(), folder })
    }

    /// The certificate for `host`, a name or an IP literal (with or without brackets), and its
    /// key: for a rustls server. Minted once, also when many ask at once.
    pub fn leaf(&self, host: &str) -> Result<Arc<CertifiedKey>, Error> {
        let host = normalise(host);
        if !self.scope.covers(&host) {
            return Err(Error::OutOfScope(host));
        }
        self.leaves.leaf(&host, &self.chain, OffsetDateTime::now_utc())
    }

    /// What it may sign.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What apps must trust.
    pub fn root(&self) -> &CertificateDer<'static> {
        self.chain.root()
    }

    /// [`root`](Self::root) as PEM text.
    pub fn root_pem(&self) -> String {
        pem::certificate(self.root())
    }

    /// Where the root is; `None` for an ephemeral authority.
    pub fn root_path(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(ROOT))
    }

    /// Where the caller keeps the [bundle](super::bundle::write_bundle) for tools that are
    /// configured by hand; `None` for an ephemeral authority.
    pub fn bundle_path(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(BUNDLE))
    }

    /// The folder of its files; `None` for an ephemeral authority.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// SHA-256 of the root, as certificate viewers show it: upper case, with colons.
    pub fn fingerprint(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.root());
        let bytes: Vec<_> = hash.as_ref().iter().map(|b| format!("{b:02X}")).collect();
        bytes.join(":")
    }

    /// The root's serial number in hexadecimal, by which Windows finds it.
    pub(super) fn root_serial(&self) -> String {
        let serial = parse(self.root()).map(|root| root.raw_serial_as_string());
        serial.unwrap_or_default().replace(':', "")
    }

    /// For Chromium's `--ignore-certificate-errors-spki-list`: Base64 of SHA-256 of the key
    /// that signs leaves, whose certificate is in every chain that is sent.
    pub fn spki_hash(&self) -> String {
        let key = parse(self.chain.signing()).map(|c| c.public_key().raw.to_vec());
        let hash = digest::digest(&digest::SHA256, &key.unwrap_or_default());
        BASE64_STANDARD.encode(hash)
    }

    /// The end of the first of its certificates.
    pub fn not_after(&self) -> OffsetDateTime {
        self.chain.not_after
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({}, {})", self.fingerprint(), self.scope)
    }
}

impl fmt::Display for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => f.write_str("the CA is unchanged"),
            Self::Created => f.write_str("made a CA"),
            Self::Reissued(why) => write!(f, "made a new CA: {why}"),
        }
    }
}

impl fmt::Display for Reissue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherHosts => f.write_str("the hosts to intercept are others than before"),
            Self::NearExpiry => f.write_str("the one before has expired or was about to"),
            Self::Damaged(why) => write!(f, "the one before could not be used: {why}"),
        }
    }
}

/// The authority of our own in `folder`, made anew where that is due.
fn own(folder: &Path, scope: &Scope, now: OffsetDateTime) -> Result<(Chain, Issued), Error> {
    let path = folder.join(OWN);
    let issued = match files::read_key(&path)? {
        None => Issued::Created,
        Some(text) => match Chain::from_pem(&text) {
            Err(why) => Issued::Reissued(Reissue::Damaged(why)),
            Ok(chain) if chain.not_after - now < REISSUE => Issued::Reissued(Reissue::NearExpiry),
            Ok(chain) if !is_held_to(&chain, scope) => Issued::Reissued(Reissue::OtherHosts),
            Ok(chain) => return Ok((chain, Issued::Unchanged)),
        },
    };
    let chain = Chain::create(scope, now)?;
    files::replace(&path, chain.to_pem().as_bytes(), Readers::Owner)?;
    Ok((chain, issued))
}

fn is_held_to(chain: &Chain, scope: &Scope) -> bool {
    let mut certificates = chain.certificates.iter();
    certificates.all(|certificate| parse(certificate).is_ok_and(|c| scope.is_that_of(&c)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn hosts(names: &[&str]) -> Scope {
        Scope::only(names).unwrap()
    }

    #[test]
    fn an_authority_is_made_once_and_anew_for_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("ca");
        let one = hosts(&["*.example.com", "10.0.0.1", "::1"]);
        let open = |scope: &Scope| Authority::load_or_create(&folder, scope).unwrap();
        let (first, issued) = open(&one);
        assert_eq!(issued, Issued::Created);
        let (again, issued) = open(&one);
        assert_eq!(issued, Issued::Unchanged);
        assert_eq!(again.fingerprint(), first.fingerprint());
        for scope in [hosts(&["*.example.com", "10.0.0.1"]), hosts(&[]), Scope::Everything, one] {
            let (other, issued) = open(&scope);
            assert_eq!(issued, Issued::Reissued(Reissue::OtherHosts), "{scope}");
            assert_ne!(other.fingerprint(), first.fingerprint());
            assert_eq!(fs::read_to_string(folder.join(ROOT)).unwrap(), other.root_pem());
            assert_eq!(open(&scope).1, Issued::Unchanged, "{scope}");
        }
    }

    #[test]
    fn a_damaged_file_is_replaced_and_its_damage_told() {
        let folder = tempfile::tempdir().unwrap();
        let scope = hosts(&["api.example.com"]);
        Authority::load_or_create(folder.path(), &scope).unwrap();
        let path = folder.path().join(OWN);
        let whole = fs::read_to_string(&path).unwrap();
        let other = Chain::create(&scope, OffsetDateTime::now_utc()).unwrap();
        let certificates = whole.find("-----BEGIN CERT").unwrap();
        for (rule, text) in [
            ("empty", String::new()),
            ("cut in the key", whole[..40].to_owned()),
            ("no certificate", whole[..certificates].to_owned()),
            ("another's key", other.issuer.key().serialize_pem() + &whole[certificates..]),
        ] {
            fs::write(&path, text).unwrap();
            let (_, issued) = Authority::load_or_create(folder.path(), &scope).unwrap();
            assert!(matches!(issued, Issued::Reissued(Reissue::Damaged(_))), "{rule}: {issued}");
        }
    }

    #[test]
    fn an_authority_near_its_end_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let scope = hosts(&["api.example.com"]);
        let old = OffsetDateTime::now_utc() - Duration::days(140);
        own(folder.path(), &scope, old).unwrap();
        let (_, issued) = own(folder.path(), &scope, OffsetDateTime::now_utc()).unwrap();
        assert_eq!(issued, Issued::Reissued(Reissue::NearExpiry));
    }

    #[test]
    fn the_key_is_its_owners_alone_and_the_roots_key_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("ca");
        Authority::load_or_create(&folder, &Scope::Everything).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(OWN)), 0o600);
        let text = fs::read_to_string(folder.join(OWN)).unwrap();
        assert_eq!(text.matches("PRIVATE KEY-----").count(), 2, "begin and end");
        let root = fs::read_to_string(folder.join(ROOT)).unwrap();
        assert!(!root.contains("PRIVATE"));
    }

    #[test]
    fn many_that_ask_at_once_get_one_leaf() {
        let authority = Authority::ephemeral(&hosts(&["*.example.com"])).unwrap();
        let serials: HashSet<_> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..32)
                .map(|_| scope.spawn(|| authority.leaf("API.example.com.").unwrap()))
                .collect();
            let got = asked.into_iter().map(|thread| thread.join().unwrap());
            got.map(|leaf| parse(&leaf.cert[0]).unwrap().raw_serial().to_vec()).collect()
        });
        assert_eq!(serials.len(), 1);
    }

    #[test]
    fn many_that_open_at_once_get_one_authority() {
        let folder = tempfile::tempdir().unwrap();
        let scope = hosts(&["api.example.com"]);
        let open = || Authority::load_or_create(folder.path(), &scope).unwrap();
        let opened: Vec<_> = std::thread::scope(|threads| {
            let threads: Vec<_> = (0..16).map(|_| threads.spawn(open)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let created = opened.iter().filter(|(_, i)| *i == Issued::Created);
        assert_eq!(created.count(), 1);
        let roots: HashSet<_> = opened.iter().map(|(a, _)| a.fingerprint()).collect();
        assert_eq!(roots.len(), 1);
    }

    #[test]
    fn every_serial_is_random_and_long() {
        let authority = Authority::ephemeral(&Scope::Everything).unwrap();
        let mut serials = HashSet::new();
        for host in 0..50 {
            let leaf = authority.leaf(&format!("h{host}.example.com")).unwrap();
            serials.insert(parse(&leaf.cert[0]).unwrap().raw_serial().to_vec());
        }
        for certificate in &authority.chain.certificates {
            serials.insert(parse(certificate).unwrap().raw_serial().to_vec());
        }
        assert_eq!(serials.len(), 52);
        assert!(serials.iter().all(|s| s.len() == 20 && s[0] < 0x80));
    }

    #[test]
    fn a_host_outside_the_scope_is_refused_with_the_remedy() {
        let authority = Authority::ephemeral(&hosts(&["*.example.com"])).unwrap();
        for host in ["example.org", "example.com", "10.0.0.1", "[::1]"] {
            let error = authority.leaf(host).unwrap_err().to_string();
            assert!(error.contains("--intercept"), "{error}");
        }
    }
}
