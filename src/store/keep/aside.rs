//! A damaged file makes room for a new one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Files that SQLite keeps beside a capture, by what their names end in.
pub(super) const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Moves the capture at `path`, and what lies beside it, to a name that says what it is; gives
/// that. Whoever has it open goes on with it under its new name.
pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let date = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let aside = (0..)
        .map(|n: u32| {
            let again = if n == 0 { String::new() } else { format!("-{n}") };
            with(path, &format!(".damaged-{date}{again}"))
        })
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| with(path, ".damaged"));
    // The log first: a new capture must not find that of another.
    for beside in BESIDE {
        match fs::rename(with(path, beside), with(&aside, beside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// The path with more behind its name.
pub(super) fn with(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    name.into()
}
