//! Following what is under way, beside the recorder.
//!
//! It reads the tapes, as the recorder does: an answer is seen as it reaches the app, and
//! following costs the proxy nothing. A tape that is gone was stored: its exchanges are in the
//! capture.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use super::{FlowReading, Follow, Lexicon};
use crate::store::{Entry, StoredExchange};
use crate::tape::{self, Place};

/// The tapes of a proxy, read by somebody who stores nothing.
pub struct Following {
    dir: Option<PathBuf>,
    lexicon: Lexicon,
    known: HashSet<PathBuf>,
    /// Names of tapes begin with their time: the oldest comes first.
    flows: BTreeMap<PathBuf, FlowReading>,
}

impl Following {
    /// Follows the tapes below `dir`.
    pub fn new(dir: Option<PathBuf>, lexicon: Lexicon) -> Self {
        Self { dir, lexicon, known: HashSet::new(), flows: BTreeMap::new() }
    }

    /// Reads what came since the last time; hands each exchange that has ended to `ended`, which
    /// may break off with an error. A connection may end an exchange more than once: a turn of a
    /// WebSocket that is told while open comes again.
    pub fn look<F: Follow, E>(
        &mut self,
        follow: &mut F,
        mut ended: impl FnMut(&mut F, &StoredExchange) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open_tapes();
        let mut over = Vec::new();
        for (path, reading) in &mut self.flows {
            // A tape that is gone has been stored: what it still held comes from the capture.
            while reading.read(&self.lexicon, follow).unwrap_or(false) {}
            for entry in reading.take() {
                if let Entry::Exchange(stored) = entry
                    && !stored.is_open
                {
                    ended(follow, &stored)?;
                }
            }
            if reading.is_over() || !path.exists() {
                over.push(path.clone());
            }
        }
        for path in over {
            self.flows.remove(&path);
        }
        Ok(())
    }

    fn open_tapes(&mut self) {
        let Some(dir) = &self.dir else { return };
        let there = Place::all_tapes(dir);
        self.known.retain(|path| there.contains(path));
        for path in there {
            if self.known.insert(path.clone()) {
                let reading = tape::Reader::open(&path).ok().and_then(|t| FlowReading::new(t).ok());
                if let Some(reading) = reading {
                    self.flows.insert(path, reading);
                }
            }
        }
    }
}
