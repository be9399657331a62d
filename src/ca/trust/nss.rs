//! The databases of Firefox and of Chromium on Linux, which do not read the system's store.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Command, Step};

/// Every database below the user's home. A browser makes its own when it first starts.
pub(super) fn databases(home: &Path) -> Vec<PathBuf> {
    let profiles = PROFILES.iter().flat_map(|folder| {
        let entries = fs::read_dir(home.join(folder)).into_iter().flatten();
        entries.filter_map(|entry| entry.ok().map(|e| e.path()))
    });
    let mut found: Vec<_> = SHARED.iter().map(|folder| home.join(folder)).collect();
    found.extend(profiles);
    found.retain(|folder| folder.join("cert9.db").is_file());
    found.sort();
    found
}

/// Adds the root to one database, under a nickname of its own.
pub(super) fn step(database: &Path, root: &Path, nickname: &str) -> Step {
    let at = format!("sql:{}", database.display());
    let add = ["-A", "-d", &at, "-t", "C,,", "-n", nickname, "-i"];
    let delete = ["-D", "-d", &at, "-n", nickname];
    Step {
        say: format!("add the root to the browser's store {}", database.display()),
        make: vec![Command::new("certutil", add).arg(root)],
        undo: vec![Command::new("certutil", delete)],
    }
}

/// Chromium's, of the user and in its snap.
const SHARED: [&str; 2] = [".pki/nssdb", "snap/chromium/current/.pki/nssdb"];

/// Where Firefox keeps its profiles: packages, snap, flatpak, macOS.
const PROFILES: [&str; 5] = [
    ".mozilla/firefox",
    ".config/mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
    "Library/Application Support/Firefox/Profiles",
];
