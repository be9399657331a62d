//! Who delivers to a sink: one process at a time, or a batch would go out twice.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// Held as long as it lives; a kill lets go of it.
pub(super) struct Lock {
    _file: File,
}

/// Takes the lock of a sink in the folder; `None` if another process has it.
pub(super) fn take(folder: &Path, sink: i64) -> io::Result<Option<Lock>> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join(format!("{sink}.lock")))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(error) if error == rustix::io::Errno::WOULDBLOCK => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a process has the lock of a sink in the folder.
pub(super) fn is_held(folder: &Path, sink: i64) -> bool {
    let Ok(file) = OpenOptions::new().read(true).open(folder.join(format!("{sink}.lock"))) else {
        return false;
    };
    flock(&file, FlockOperation::NonBlockingLockShared).is_err()
}
