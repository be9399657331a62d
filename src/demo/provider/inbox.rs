//! The requests a provider has received, and the counters its ids come from.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Received;

/// Most requests remembered: enough for every test, and a load test does not fill the memory.
pub const REQUESTS_MAX: usize = 4096;

/// The requests a provider has received.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    requests: Mutex<VecDeque<Received>>,
    count: AtomicU64,
}

impl Inbox {
    /// Remembers a request; gives its number, counted from 1.
    pub(super) fn push(&self, received: Received) -> u64 {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() == REQUESTS_MAX {
            requests.pop_front();
        }
        requests.push_back(received);
        self.count.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn requests(&self) -> Vec<Received> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().cloned().collect()
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
