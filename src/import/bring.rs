//! What was read of a file into the capture.

use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::Duration;

use uuid::Uuid;

use super::recording::{Recording, Spoken};
use super::{Found, ImportError, Read, Tally, Unread, exported};
use crate::dialect::providers;
use crate::model::Exchange;
use crate::record::{self, IMPORTED, Lexicon, secrets};
use crate::store::{Entry, Store, StoreError};

/// Between two entries that are written, so that a recorder has its turn.
const PAUSE: Duration = Duration::from_millis(1);

/// How often a write is tried while another program has the capture, a few seconds each.
const TRIES: u32 = 12;

/// What is taken of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What goes to the host of a provider, or is in a dialect of one.
    Models,
    /// Every request.
    All,
}

/// Brings what is read into a capture.
pub struct Importer {
    store: Store,
    lexicon: Lexicon,
    scope: Scope,
    /// What was said over WebSockets of our own exports, by their flows.
    said: HashMap<Uuid, HashSet<blake3::Hash>>,
}

impl Importer {
    /// Brings into `store` what `scope` takes, read by `lexicon`.
    pub fn new(store: Store, lexicon: Lexicon, scope: Scope) -> Self {
        Self { store, lexicon, scope, said: HashMap::new() }
    }

    /// The capture.
    pub fn into_store(self) -> Store {
        self.store
    }

    /// Takes what was read of an entry of `file`.
    pub(super) fn take(
        &mut self,
        read: Result<Read, Unread>,
        file: &str,
        tally: &mut Tally,
    ) -> Result<(), ImportError> {
        match read {
            Ok(Read::Recording(found)) => self.recording(*found, file, tally)?,
            Ok(Read::Exchange(exchange)) => self.exchange(*exchange, file, tally)?,
            Ok(Read::Foreign) => tally.foreign += 1,
            Ok(Read::OtherKind(kind)) => tally.other(kind),
            Err(why) => tally.refuse(why),
        }
        Ok(())
    }

    fn recording(
        &mut self,
        found: Found,
        file: &str,
        tally: &mut Tally,
    ) -> Result<(), ImportError> {
        if let Some(id) = found.exchange
            && self.store.has(id)?
        {
            tally.known += 1;
            return Ok(());
        }
        let recording = &found.recording;
        let note = format!("{IMPORTED}`{file}`: its bytes were built from the recording");
        let whole = recording.whole(&self.store.key(), &note);
        let mut entries = match record::whole(&whole, &self.lexicon) {
            Ok(entries) => entries,
            Err(why) => {
                tally.refuse(why.into());
                return Ok(());
            }
        };
        if self.scope == Scope::Models && !asks_a_model(recording, &entries) {
            tally.foreign += 1;
            return Ok(());
        }
        self.tell(recording, &note, &mut entries);
        let ids: HashSet<Uuid> = entries.iter().filter_map(id_of).collect();
        let Some(first) = entries.iter().find_map(id_of) else {
            tally.refuse(Unread::NoRequest);
            return Ok(());
        };
        if self.store.has(first)? || self.is_repeated(&found) {
            tally.known += 1;
            return Ok(());
        }
        let flow = Entry::Flow(Box::new(whole.flow));
        entries.retain(|entry| !matches!(entry, Entry::Flow(_)));
        entries.insert(0, flow);
        patiently(|| self.store.write(&entries))?;
        tally.imported += ids.len() as u64;
        Ok(())
    }

    /// Says of exchanges where they are from and what the recording lacks.
    fn tell(&self, recording: &Recording, note: &str, entries: &mut [Entry]) {
        let mut notes = vec![note.to_owned()];
        for note in &recording.notes {
            // Another tool's words about a fault may have a URL with a key in it.
            let mut note = note.clone();
            self.lexicon.redactor.text(&mut note, &mut secrets::Found::default());
            notes.push(note);
        }
        for entry in entries {
            let Entry::Exchange(stored) = entry else { continue };
            let exchange = &mut stored.exchange;
            if recording.spoken.is_empty() {
                // When each piece of the body came is not in the recording.
                exchange.first_token_ms = None;
            }
            let own = std::mem::take(&mut exchange.notes);
            exchange.notes = notes.iter().cloned().chain(own).collect();
        }
    }

    /// Whether all that was said over a WebSocket was said in entries before: we export what a
    /// handshake opened as its messages, and each turn of that as well.
    fn is_repeated(&mut self, found: &Found) -> bool {
        let (Some(flow), false) = (found.flow, found.recording.spoken.is_empty()) else {
            return false;
        };
        let had = self.said.entry(flow).or_default();
        let mut is_new = false;
        for Spoken { side, at, data, .. } in &found.recording.spoken {
            let mut hasher = blake3::Hasher::new();
            // Times of an export are floats: what is exact to a millisecond is the same.
            let at = at.as_millisecond().to_be_bytes();
            hasher.update(&[side.index() as u8]).update(&at).update(data);
            is_new |= had.insert(hasher.finalize());
        }
        !is_new
    }

    fn exchange(
        &mut self,
        mut exchange: Exchange,
        file: &str,
        tally: &mut Tally,
    ) -> Result<(), ImportError> {
        if self.store.has(exchange.id)? {
            tally.known += 1;
            return Ok(());
        }
        if let Err(error) = record::redact(&mut exchange, &self.lexicon) {
            tally.refuse(Unread::Json(error.into()));
            return Ok(());
        }
        let remarks = exported::remarks(std::mem::take(&mut exchange.annotations));
        let flow = match exported::flow(&exchange, &format!("{IMPORTED}`{file}`")) {
            Ok(flow) => flow,
            Err(why) => {
                tally.refuse(why);
                return Ok(());
            }
        };
        let stored = exported::stored(exchange);
        patiently(|| self.store.bring(&flow, &stored))?;
        patiently(|| self.store.say(stored.exchange.id, &remarks))?;
        tally.imported += 1;
        Ok(())
    }
}

/// The dialect that claims whatever has words in it.
const ANYBODYS: &str = "unknown";

/// Whether the proxy would have opened it unasked, or a dialect of some provider claims it.
fn asks_a_model(recording: &Recording, entries: &[Entry]) -> bool {
    let host = recording.origin.host.as_str();
    let mut dialects = entries.iter().filter_map(|entry| match entry {
        Entry::Exchange(stored) => stored.exchange.dialect.as_deref(),
        _ => None,
    });
    providers::intercept_patterns().any(|pattern| providers::matches(pattern, host))
        || dialects.any(|name| name != ANYBODYS)
}

fn id_of(entry: &Entry) -> Option<Uuid> {
    match entry {
        Entry::Exchange(stored) => Some(stored.exchange.id),
        _ => None,
    }
}

/// A recorder that is busy has the capture for a while.
fn patiently(mut write: impl FnMut() -> Result<(), StoreError>) -> Result<(), StoreError> {
    for _ in 1..TRIES {
        match write() {
            Err(StoreError::Busy(_)) => thread::sleep(PAUSE),
            written => {
                thread::sleep(PAUSE);
                return written;
            }
        }
    }
    write()
}
