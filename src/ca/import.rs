//! An organisation's own CA.

use std::path::Path;

use time::OffsetDateTime;

use super::Error;
use super::chain::{Chain, parse};
use super::files::{self, Readers};
use super::leaf::Leaves;

/// Key and chain of an imported CA.
pub(super) const IMPORTED: &str = "imported.pem";

/// The imported CA, if there is one.
pub(super) fn load(folder: &Path, now: OffsetDateTime) -> Result<Option<Chain>, Error> {
    let path = folder.join(IMPORTED);
    let Some(text) = files::read_key(&path)? else {
        return Ok(None);
    };
    let chain = Chain::from_pem(&text).map_err(Error::Import)?;
    if chain.not_after <= now {
        let at = chain.not_after;
        return Err(Error::ImportExpired { path, at });
    }
    Ok(Some(chain))
}

/// Checks the CA and keeps it.
pub(super) fn save(
    folder: &Path,
    certificate: &str,
    key: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    if certificate.contains("PRIVATE KEY") && !certificate.contains("BEGIN CERTIFICATE") {
        let why = "the first file is a key; the certificate comes first, then the key";
        return Err(Error::Import(why.to_owned()));
    }
    if key.contains("ENCRYPTED") {
        let why = "the key is encrypted; decrypt it first: `openssl pkey -in KEY -out PLAIN`";
        return Err(Error::Import(why.to_owned()));
    }
    let text = format!("{}\n{}\n", key.trim(), certificate.trim());
    let chain = Chain::from_pem(&text).map_err(Error::Import)?;
    if chain.not_after <= now {
        let why = format!("it expired at {}", chain.not_after);
        return Err(Error::Import(why));
    }
    check_name(&chain, now)?;
    files::replace(&folder.join(IMPORTED), chain.to_pem().as_bytes(), Readers::Owner)
}

/// A leaf names its issuer, and apps compare the names byte by byte; a name in an encoding
/// that rcgen does not write again would end in `unable to get issuer certificate`.
fn check_name(chain: &Chain, now: OffsetDateTime) -> Result<(), Error> {
    let leaf = Leaves::new()?.leaf("overhear.invalid", chain, now)?;
    let leaf = leaf.cert.first().unwrap_or(chain.signing());
    let named = parse(leaf).map_err(Error::Import)?.issuer().as_raw().to_vec();
    let signing = parse(chain.signing()).map_err(Error::Import)?;
    if named == signing.subject().as_raw() {
        return Ok(());
    }
    Err(Error::Import(format!(
        "its name `{}` is written in a way that leaves cannot repeat",
        signing.subject()
    )))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::super::{Authority, Issued, Scope};
    use super::*;

    /// Certificates and keys that other people's tools made.
    struct Made(tempfile::TempDir);

    impl Made {
        /// Runs openssl in the folder; `false` if it is not on this machine.
        fn openssl(&self, line: &str) -> bool {
            let mut command = Command::new("openssl");
            match command.args(line.split(' ')).current_dir(self.0.path()).output() {
                Ok(output) => output.status.success() || panic!("{line}: {output:?}"),
                Err(error) => {
                    println!("skipped: openssl: {error}");
                    false
                }
            }
        }

        fn text(&self, name: &str) -> String {
            fs::read_to_string(self.0.path().join(name)).unwrap()
        }
    }

    fn made() -> Option<Made> {
        let made = Made(tempfile::tempdir().unwrap());
        [
            "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /O=Example/CN=Root \
             -keyout root.key -out root.pem",
            "ecparam -name prime256v1 -genkey -out inner.key",
            "req -new -key inner.key -subj /O=Example/CN=Inner -out inner.csr",
            "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=leaf \
             -addext basicConstraints=critical,CA:FALSE -keyout leaf.key -out leaf.pem",
            "pkey -in root.key -aes256 -passout pass:fake -out locked.key",
        ]
        .iter()
        .all(|line| made.openssl(line))
        .then_some(())?;
        fs::write(made.0.path().join("ca.ext"), "basicConstraints=critical,CA:TRUE\n").unwrap();
        made.openssl(
            "x509 -req -in inner.csr -CA root.pem -CAkey root.key -CAcreateserial -days 20 \
             -extfile ca.ext -out inner.pem",
        );
        Some(made)
    }

    #[test]
    fn an_organisations_ca_signs_whatever_the_scope() {
        let Some(made) = made() else { return };
        let chain = made.text("inner.pem") + &made.text("root.pem");
        for (rule, certificate, key) in [
            ("an RSA root", made.text("root.pem"), "root.key"),
            ("an EC intermediate with its root", chain, "inner.key"),
        ] {
            let folder = made.0.path().join("ca");
            Authority::import(&folder, &certificate, &made.text(key)).unwrap();
            for scope in [Scope::only(["a.example.com"]).unwrap(), Scope::Everything] {
                let (authority, issued) = Authority::load_or_create(&folder, &scope).unwrap();
                assert_eq!(issued, Issued::Unchanged, "{rule}");
                assert_eq!(authority.root_pem(), made.text("root.pem"), "{rule}");
                let leaf = authority.leaf("a.example.com").unwrap();
                let pem = |n: usize| super::super::pem::certificate(&leaf.cert[n]);
                fs::write(made.0.path().join("a.pem"), pem(0)).unwrap();
                fs::write(made.0.path().join("sent.pem"), pem(1)).unwrap();
                made.openssl(
                    "verify -verify_hostname a.example.com -CAfile root.pem \
                     -untrusted sent.pem a.pem",
                );
                assert_eq!(leaf.cert.len(), 2, "{rule}");
            }
        }
    }

    #[test]
    fn what_cannot_sign_is_refused_in_words() {
        let Some(made) = made() else { return };
        let (root, leaf) = (made.text("root.pem"), made.text("leaf.pem"));
        for (certificate, key, why) in [
            (&root, "leaf.key", "not that of the certificate"),
            (&leaf, "leaf.key", "not a CA's"),
            (&root, "locked.key", "encrypted"),
            (&root, "root.pem", "no private key"),
            (&made.text("root.key"), "root.pem", "certificate comes first"),
        ] {
            let folder = made.0.path().join("ca");
            let error = Authority::import(&folder, certificate, &made.text(key)).unwrap_err();
            assert!(error.to_string().contains(why), "{why}: {error}");
            assert!(!folder.join(IMPORTED).exists(), "{why}");
        }
    }
}
