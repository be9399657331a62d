//! A copy of the capture, whole, while others write to it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::store::{Reader, StoreError};

/// Writes the capture as it is now to a new file at `to`; gives its length in bytes. The copy
/// is read once to its end before it bears its name.
pub fn backup(reader: &Reader, to: &Path) -> Result<u64, StoreError> {
    let failed = |source: io::Error| StoreError::Create { path: to.to_owned(), source };
    if to.try_exists().map_err(failed)? {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    let partial = Partial::make(to).map_err(failed)?;
    let (conn, _) = reader.parts();
    // One view of the capture, and its pages in order: the log may grow meanwhile, no writer
    // waits.
    conn.execute("VACUUM INTO ?1", [partial.path.to_string_lossy()])?;
    check(&partial.path)?;
    partial.name(to).map_err(failed)
}

/// A file that is not whole; goes away unless it is named.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn make(to: &Path) -> io::Result<Self> {
        let mut name = to.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let path = to.with_file_name(name);
        // SQLite takes an empty file, and with it the permissions.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path })
    }

    /// Gives it its name, unless another has it by now.
    fn name(self, to: &Path) -> io::Result<u64> {
        let file = File::open(&self.path)?;
        file.sync_all()?;
        match fs::hard_link(&self.path, to) {
            // A file system without links.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !to.exists() => {
                fs::rename(&self.path, to)?;
            }
            linked => linked?,
        }
        if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(file.metadata()?.len())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn check(path: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    let said: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    match said.as_str() {
        "ok" => Ok(()),
        fault => Err(StoreError::Corrupt { what: format!("the copy is not whole: {fault}") }),
    }
}
