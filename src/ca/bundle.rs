//! The system's roots and ours together: the variables that runtimes read replace their roots,
//! so ours alone would cut an app off from everything that is only tunnelled.

use std::collections::HashSet;
use std::env;
use std::ffi::OsStr;
use std::path::Path;

use p12_keystore::{Certificate, KeyStore, KeyStoreEntry};
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};
use rustls_pki_types::CertificateDer;

use super::files::{self, Readers};
use super::{Authority, Error, pem};

/// What went into a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// How many roots beside ours. With none, an app that uses the bundle trusts nothing but
    /// what we intercept: worth a loud warning.
    pub others: usize,
    /// What could not be read on the way.
    pub notes: Vec<String>,
}

/// Root certificates, each once.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    seen: HashSet<CertificateDer<'static>>,
    notes: Vec<String>,
}

/// Writes the system's roots and the authority's, as PEM text that everyone may read.
pub fn write_bundle(authority: &Authority, path: &Path) -> Result<Bundle, Error> {
    Roots::of_system().write_pem(authority, path)
}

/// The password of the Java store. It protects nothing, the store has no key; Java does not
/// read a PKCS#12 store without one, and this is the one that everybody tries first.
pub const JAVA_PASSWORD: &str = "changeit";

impl Roots {
    /// What this system trusts: those of `SSL_CERT_FILE` and `SSL_CERT_DIR` if they are set,
    /// and those of the system's own store.
    ///
    /// Both, because the bundle is read by runtimes that know nothing of these variables too.
    pub fn of_system() -> Self {
        let mut roots = Self::default();
        roots.add(load_native_certs());
        let replaced = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
        if replaced.iter().any(|name| env::var_os(name).is_some())
            && let Some(file) = SYSTEM_FILES.iter().find(|file| Path::new(file).is_file())
        {
            roots.add_path(Path::new(file));
        }
        roots
    }

    /// Adds those of a PEM file, of a folder of PEM files, or of a list of folders as in
    /// `SSL_CERT_DIR`.
    pub fn add_given(&mut self, value: &OsStr) {
        if Path::new(value).exists() {
            return self.add_path(Path::new(value));
        }
        for path in env::split_paths(value).filter(|path| path.is_dir()) {
            self.add_path(&path);
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.certificates.len()
    }

    /// Writes them and the authority's root, which comes last, as PEM text.
    pub fn write_pem(&self, authority: &Authority, path: &Path) -> Result<Bundle, Error> {
        let mut text = String::new();
        for certificate in self.others(authority) {
            text.push_str(&pem::certificate(certificate));
        }
        text.push_str(&authority.root_pem());
        files::replace(path, text.as_bytes(), Readers::Everyone)?;
        Ok(self.told(authority))
    }

    /// Writes them and the authority's root as a PKCS#12 trust store of [`JAVA_PASSWORD`].
    pub fn write_java(&self, authority: &Authority, path: &Path) -> Result<Bundle, Error> {
        let mut store = KeyStore::new();
        let mut told = self.told(authority);
        for (number, der) in self.others(authority).enumerate() {
            match Certificate::from_der(der) {
                Ok(root) => {
                    let alias = format!("system-{number}");
                    store.add_entry(&alias, KeyStoreEntry::Certificate(root));
                }
                Err(error) => {
                    told.others -= 1;
                    told.notes.push(format!("left out of Java's store: {error}"));
                }
            }
        }
        let java = |error: p12_keystore::error::Error| Error::Java(error.to_string());
        let ours = Certificate::from_der(authority.root()).map_err(java)?;
        store.add_entry("overhear", KeyStoreEntry::Certificate(ours));
        let bytes = store.writer(JAVA_PASSWORD);
        // The password is public: more rounds would only make every start of Java slower.
        let bytes = bytes.encryption_iterations(ROUNDS).mac_iterations(ROUNDS);
        let bytes = bytes.write().map_err(java)?;
        files::replace(path, &bytes, Readers::Everyone)?;
        Ok(told)
    }

    fn others(&self, authority: &Authority) -> impl Iterator<Item = &CertificateDer<'static>> {
        let ours = authority.root().clone();
        self.certificates.iter().filter(move |root| **root != ours)
    }

    fn told(&self, authority: &Authority) -> Bundle {
        Bundle { others: self.others(authority).count(), notes: self.notes.clone() }
    }

    fn add_path(&mut self, path: &Path) {
        self.add(match path.is_dir() {
            true => load_certs_from_paths(None, Some(path)),
            false => load_certs_from_paths(Some(path), None),
        });
    }

    fn add(&mut self, found: CertificateResult) {
        for certificate in found.certs {
            if self.seen.insert(certificate.clone()) {
                self.certificates.push(certificate);
            }
        }
        let errors = found.errors.iter().map(ToString::to_string);
        self.notes.extend(errors);
    }
}

/// Where systems keep their roots in one file, for when `SSL_CERT_FILE` hides it from
/// rustls-native-certs: Debian and Arch, Fedora, openSUSE, Alpine and macOS.
const SYSTEM_FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Rounds of the key derivation of a store with a public password.
const ROUNDS: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::super::Scope;
    use super::*;

    fn roots(path: &Path) -> Roots {
        let mut roots = Roots::default();
        roots.add_given(path.as_os_str());
        roots
    }

    #[test]
    fn a_bundle_has_the_others_first_and_ours_once() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::ephemeral(&Scope::Everything).unwrap();
        let inner = Authority::ephemeral(&Scope::Everything).unwrap();
        let theirs = folder.path().join("inner.pem");
        let text = format!("# inner\n{}{}", inner.root_pem(), inner.root_pem());
        std::fs::write(&theirs, text).unwrap();
        let path = folder.path().join("bundle.pem");
        for given in [&theirs, &path] {
            let told = roots(given).write_pem(&authority, &path).unwrap();
            assert_eq!(told.others, 1);
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(text, inner.root_pem() + &authority.root_pem());
        }
    }

    #[test]
    fn folders_are_read_and_what_is_missing_adds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let inner = Authority::ephemeral(&Scope::Everything).unwrap();
        std::fs::write(folder.path().join("a.pem"), inner.root_pem()).unwrap();
        let list = format!("{}:/nowhere", folder.path().display());
        for (given, count) in [
            (folder.path().as_os_str(), 1),
            (OsStr::new(&list), 1),
            (OsStr::new("/nowhere"), 0),
            (OsStr::new(""), 0),
        ] {
            let mut roots = Roots::default();
            roots.add_given(given);
            assert_eq!(roots.count(), count, "{given:?}");
        }
    }

    #[test]
    fn java_reads_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::ephemeral(&Scope::Everything).unwrap();
        let path = folder.path().join("trust.p12");
        let roots = Roots::of_system();
        let told = roots.write_java(&authority, &path).unwrap();
        let listed = std::process::Command::new("keytool")
            .args(["-list", "-storepass", JAVA_PASSWORD, "-keystore"])
            .arg(&path)
            .output();
        let Ok(listed) = listed else {
            println!("skipped: no keytool here");
            return;
        };
        let text = String::from_utf8_lossy(&listed.stdout);
        let entries = text.matches("trustedCertEntry").count();
        assert_eq!(entries, told.others + 1, "{text}");
        assert!(text.contains(&authority.fingerprint()), "{text}");
    }
}
