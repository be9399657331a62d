//! How the recording stands: what was stored and what was lost, for those who ask.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::reader::FALLEN;
use crate::metrics::Metrics;
use crate::store::Entry;
use crate::tape::Budget;

/// How the recording stands.
#[derive(Debug)]
pub struct Standing {
    exchanges: AtomicU64,
    lost_bytes: AtomicU64,
    waiting: Mutex<Option<String>>,
    metrics: Metrics,
    budget: Arc<Budget>,
}

impl Standing {
    pub(super) fn new(metrics: Metrics, budget: Arc<Budget>) -> Self {
        let (exchanges, lost_bytes) = Default::default();
        Self { exchanges, lost_bytes, waiting: Mutex::default(), metrics, budget }
    }

    /// Exchanges stored since the start.
    pub fn exchanges(&self) -> u64 {
        self.exchanges.load(Ordering::Relaxed)
    }

    /// Bytes that the tape had no room for since the start.
    pub fn lost_bytes(&self) -> u64 {
        self.lost_bytes.load(Ordering::Relaxed)
    }

    /// Why the capture cannot be written right now.
    pub fn waiting(&self) -> Option<String> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Entries are stored.
    pub(super) fn stored(&self, entries: &[Entry]) {
        self.exchanges.fetch_add(count_exchanges(entries), Ordering::Relaxed);
        for stored in entries.iter().filter_map(over) {
            self.metrics.exchange(&stored.exchange);
            if stored.exchange.notes.iter().any(|note| note == FALLEN) {
                self.metrics.read_error(stored.exchange.dialect.as_deref());
            }
        }
    }

    /// Bytes went by that are on no tape.
    pub(super) fn lose_bytes(&self, bytes: u64) {
        self.lost_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.metrics.tape_lost(bytes);
    }

    /// Exchanges went by that will not be stored, for one of `metrics::LOSSES`.
    pub(super) fn lost(&self, reason: &'static str, count: u64) {
        self.metrics.exchanges_lost(reason, count);
    }

    /// Looks how much memory the tapes take.
    pub(super) fn measure(&self) {
        self.metrics.tape_bytes(self.budget.used());
    }

    pub(super) fn set_waiting(&self, why: Option<String>) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

/// Exchanges among the entries; one that is told again when its flow ends counts once.
pub(super) fn count_exchanges(entries: &[Entry]) -> u64 {
    entries.iter().filter_map(over).count() as u64
}

/// The exchange of an entry, if it will not be told again.
fn over(entry: &Entry) -> Option<&crate::store::StoredExchange> {
    match entry {
        Entry::Exchange(stored) if !stored.is_open => Some(stored),
        _ => None,
    }
}
