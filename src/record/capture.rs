//! The recorder's capture: open, or to be opened as soon as it can be.
//!
//! A file that is damaged, or of a newer program, or that cannot be had right now, must not
//! keep the proxy from forwarding: what comes stays on the tapes until there is a capture.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Lexicon, Notice};
use crate::store::{self, Sink, Store, StoreError};

/// Makes the lexicon of a capture that has this key.
pub type LexiconOf = Box<dyn Fn([u8; 32]) -> Lexicon + Send>;

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It outlives a kill of the program.
    #[default]
    Process,
    /// It outlives a loss of power.
    Power,
}

/// Where to record, and what is open of it.
pub struct Capture {
    path: PathBuf,
    durability: Durability,
    lexicon_of: LexiconOf,
    /// What is recorded is queued for these.
    sinks: Vec<Sink>,
    open: Option<Open>,
    /// Key of the capture that was open last: what was read meanwhile has its fingerprints.
    key: Option<[u8; 32]>,
    /// Whether it cannot be had because a newer program wrote it.
    is_newer: bool,
}

struct Open {
    store: Store,
    lexicon: Lexicon,
    /// Device and number of the file.
    file: Option<(u64, u64)>,
}

impl Capture {
    /// That at `path`, which is not opened yet.
    pub fn new(path: &Path, durability: Durability, lexicon_of: LexiconOf) -> Self {
        let path = path.to_owned();
        let sinks = Vec::new();
        Self { path, durability, lexicon_of, sinks, open: None, key: None, is_newer: false }
    }

    /// Queues calls of models for these sinks, in the transaction that stores them.
    #[must_use]
    pub fn delivering_to(self, sinks: Vec<Sink>) -> Self {
        Self { sinks, ..self }
    }

    /// Opens it; makes it if there is none; moves a damaged one aside and begins a new one. A
    /// notice says what the user should know of it.
    pub fn open(&mut self) -> Result<Option<Notice>, StoreError> {
        if self.open.is_some() {
            return Ok(None);
        }
        match self.try_open() {
            Err(StoreError::Corrupt { what }) => self.replace(what).map(Some),
            opened => opened.map(|()| None),
        }
    }

    /// Moves the file aside, which turned out to be damaged, and begins a new one.
    pub(super) fn replace(&mut self, what: String) -> Result<Notice, StoreError> {
        self.open = None;
        if self.key.is_none() {
            self.key = store::salvage_key(&self.path);
        }
        let aside = store::set_aside(&self.path)
            .map_err(|source| StoreError::Open { path: self.path.clone(), source })?;
        self.try_open()?;
        Ok(Notice::SetAside { what, aside })
    }

    fn try_open(&mut self) -> Result<(), StoreError> {
        let opened = match self.key {
            Some(key) => Store::open_with_key(&self.path, key),
            None => Store::open(&self.path),
        };
        self.is_newer = matches!(opened, Err(StoreError::Newer { .. }));
        let mut store = opened?;
        if self.durability == Durability::Power {
            store.make_durable()?;
        }
        store.deliver_to(&self.sinks)?;
        let key = store.key();
        self.key = Some(key);
        let lexicon = (self.lexicon_of)(key);
        self.open = Some(Open { store, lexicon, file: file(&self.path) });
        Ok(())
    }

    /// Whether somebody took the file away while it was open: what is written to it is lost.
    pub(super) fn is_gone(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.file != file(&self.path))
    }

    /// Closes it, to be opened again.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Whether waiting for it is in vain, as long as this program runs.
    pub(super) fn is_newer(&self) -> bool {
        self.is_newer
    }

    /// The store and what reading needs, if it is open.
    pub(super) fn parts(&mut self) -> Option<(&mut Store, &Lexicon)> {
        self.open.as_mut().map(|open| (&mut open.store, &open.lexicon))
    }
}

fn file(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
