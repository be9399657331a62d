//! What can go wrong with a capture, by what its caller can do about it.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why the capture could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another program holds the lock for longer than the busy timeout.
    #[error(
        "the capture is locked by another program\nhint: close what has it open, such as a database browser"
    )]
    Busy(#[source] rusqlite::Error),
    /// No space on the disk, or a quota or file size limit.
    #[error(
        "the disk that holds the capture is full\nhint: free some space; recording goes on by itself"
    )]
    Full(#[source] rusqlite::Error),
    /// The file or its directory may not be written.
    #[error(
        "the capture may not be opened or written: {0}\nhint: give yourself permission for the file and its directory"
    )]
    ReadOnly(#[source] rusqlite::Error),
    /// The file is damaged, or is no capture.
    #[error(
        "the capture is damaged or is no capture: {what}\nhint: the next start moves the file aside and begins a new one; `overhear repair FILE` brings back what can be read"
    )]
    Corrupt {
        /// What was found.
        what: String,
    },
    /// Something in the file is not as it was written; the rest of it may be well.
    #[error(
        "something in the capture is damaged: {what}\nhint: `overhear verify` says what, and which exchanges that hits"
    )]
    Damaged {
        /// What was found.
        what: String,
    },
    /// Reading or writing the file failed below SQLite.
    #[error("the disk that holds the capture does not answer properly: {0}")]
    Disk(#[source] rusqlite::Error),
    /// A newer Overhear wrote the file.
    #[error(
        "the capture `{path}` was written by a newer Overhear (schema {found}, this one knows {known})\nhint: update Overhear; until then the capture can be read, not written"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// An older Overhear wrote the file, and a reader may not migrate it.
    #[error(
        "the capture `{path}` was written by an older Overhear (schema {found}, this one needs {known})\nhint: start `overhear` once; it brings the capture up to date"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The version that this program needs.
        known: u32,
    },
    /// Exchanges of an older schema are still to be moved, and a reader may not move them.
    #[error(
        "the capture `{path}` is being brought up to date: {left} exchanges are left\nhint: wait until `overhear` has done it; if none is running, start it once"
    )]
    HalfUpgraded {
        /// The file.
        path: PathBuf,
        /// How many are left.
        left: u64,
    },
    /// There is no file yet.
    #[error(
        "there is no capture at `{path}` yet\nhint: record something first: `overhear run -- TOOL`"
    )]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// The file could not be looked at.
    #[error("cannot open the capture `{path}`: {source}")]
    Open {
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The directory or the file could not be made.
    #[error("cannot make the capture `{path}`: {source}")]
    Create {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No exchange has such an id.
    #[error("no exchange has the id `{words}`\nhint: `overhear ls` lists the ids")]
    Unknown {
        /// What was asked for.
        words: String,
    },
    /// No thread has such a name, and no exchange of such an id is in one.
    #[error(
        "no thread has the name `{words}`, nor the exchange of that id\nhint: `overhear threads` lists the names"
    )]
    UnknownThread {
        /// What was asked for.
        words: String,
    },
    /// Several exchanges have such an id, or several threads such a name.
    #[error("`{words}` fits several:\n  {}\nhint: write more of it", candidates.join("\n  "))]
    Ambiguous {
        /// What was asked for.
        words: String,
        /// Ids or names in full, newest first; at most ten.
        candidates: Vec<String>,
    },
    /// A fault of the program: the statement and the schema do not fit.
    #[error("the capture could not be used: {0}")]
    Statement(#[source] rusqlite::Error),
}

impl StoreError {
    /// Whether the same batch may succeed later, so that its tape should be held on to.
    ///
    /// A read-only capture counts: its owner can give the permission back while we run.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Full(_) | Self::ReadOnly(_) | Self::Disk(_))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        match code {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(error),
            Some(ErrorCode::DiskFull) => Self::Full(error),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly(error)
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { what: error.to_string() }
            }
            Some(ErrorCode::SystemIoFailure) => Self::Disk(error),
            _ => match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..) => Self::Damaged { what: error.to_string() },
                error => Self::Statement(error),
            },
        }
    }
}

impl StoreError {
    pub(super) fn corrupt(what: impl std::fmt::Display) -> Self {
        Self::Damaged { what: what.to_string() }
    }
}
