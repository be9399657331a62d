//! What can go wrong with certificates, in words.

use std::io;
use std::path::{Path, PathBuf};

/// What went wrong, with which thing, and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {verb} `{}`: {source}", path.display())]
    File {
        /// Such as `read`.
        verb: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file with the CA's key can be read by others.
    #[error(
        "others than its owner can open the CA's key `{path}`\nhint: if nobody did, \
         `chmod 600 {path}`; else delete it, and a new CA is made",
        path = .0.display()
    )]
    KeyIsOpen(PathBuf),
    /// A host pattern is none.
    #[error("`{pattern}` is not a host pattern: {why}")]
    Pattern {
        /// As given.
        pattern: String,
        /// What is wrong, or what to write instead.
        why: &'static str,
    },
    /// Not something a certificate can be issued for.
    #[error("`{0}` is neither a host name nor an IP address")]
    Host(String),
    /// The host is not in the authority's scope.
    #[error("the CA may not speak for `{0}`\nhint: `--intercept {0}`")]
    OutOfScope(String),
    /// The authority's certificate is over.
    #[error("the CA's certificate expired at {0}\nhint: restart overhear, it makes a new one")]
    Expired(time::OffsetDateTime),
    /// An imported CA's certificate is over.
    #[error(
        "the imported CA `{path}` expired at {at}\nhint: `overhear ca import` a newer one, or \
         delete the file",
        path = .path.display()
    )]
    ImportExpired {
        /// The file it is kept in.
        path: PathBuf,
        /// Its end.
        at: time::OffsetDateTime,
    },
    /// A certificate or key given for import cannot be used.
    #[error("this CA cannot be imported: {0}")]
    Import(String),
    /// The certificate library refused.
    #[error("cannot issue a certificate: {0}")]
    Sign(#[from] rcgen::Error),
    /// The TLS library refused.
    #[error("cannot use the leaf's key: {0}")]
    Tls(#[from] rustls::Error),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// The trust store for Java could not be made.
    #[error("cannot make the trust store for Java: {0}")]
    Java(String),
    /// A command that changes a trust store failed.
    #[error("`{command}` failed: {reason}")]
    Command {
        /// Program and arguments, as they would be typed.
        command: String,
        /// What it said, or how it ended.
        reason: String,
    },
    /// This system's trust store is not known to us.
    #[error(
        "no trust store known on this system\nhint: `certs/README.md` says how to trust \
         `{}` by hand",
        .0.display()
    )]
    NoTrustStore(PathBuf),
    /// An authority that lives in memory alone has nothing to install.
    #[error("this CA lives in memory only and cannot be trusted by the system")]
    Ephemeral,
}

impl Error {
    /// For `map_err`: names what was done to which file.
    pub(super) fn file(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { verb, path: path.to_path_buf(), source }
    }
}
