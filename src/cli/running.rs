//! The proxy that runs for a capture, and how others find it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::places::Places;
use crate::ca::Scope;

/// What a running proxy tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// Where its proxy port is.
    pub proxy: SocketAddr,
    /// Where its page is, if it has one.
    #[serde(default)]
    pub page: Option<SocketAddr>,
    /// The hosts that it may intercept; `None` for every host.
    pub hosts: Option<Vec<String>>,
}

/// Tells others as long as it lives: the file is locked, so that what a killed proxy left
/// counts for nothing.
#[derive(Debug)]
pub struct Announcement {
    _locked: File,
    path: std::path::PathBuf,
}

impl Running {
    /// This process, serving on `proxy` and, if it has a page, on `page`.
    pub fn here(proxy: SocketAddr, page: Option<SocketAddr>, scope: &Scope) -> Self {
        let hosts = match scope {
            Scope::Everything => None,
            Scope::Only(patterns) => Some(patterns.iter().map(ToString::to_string).collect()),
        };
        Self { pid: std::process::id(), proxy, page, hosts }
    }

    /// What it may intercept.
    pub fn scope(&self) -> Option<Scope> {
        match &self.hosts {
            None => Some(Scope::Everything),
            Some(hosts) => Scope::only(hosts).ok(),
        }
    }

    /// The proxy that runs for these places, if one does.
    pub fn find(places: &Places) -> Option<Self> {
        let mut file = OpenOptions::new().read(true).open(places.running()).ok()?;
        if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
            return None;
        }
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Announces this one; `None` if another one is announced already.
    pub fn announce(&self, places: &Places) -> Result<Option<Announcement>> {
        let path = places.running();
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        file.set_len(0)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.flush()?;
        Ok(Some(Announcement { _locked: file, path }))
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // Left behind, it is recognised by its free lock.
        let _ = fs::remove_file(&self.path);
    }
}
