//! When the recorder deletes what is too old or too much.

use std::time::{Duration, Instant};

use crate::store::{Progress, Retention, Store, StoreError, Upkeep};

/// After the start, so that a short `run` is over before.
const FIRST: Duration = Duration::from_secs(2);

/// From one time that all was looked at to the next.
const EVERY: Duration = Duration::from_secs(3600);

/// From one slice to the next while there is something to record.
const BUSY_EVERY: Duration = Duration::from_secs(1);

/// Whether there is something to record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Busy {
    Yes,
    No,
}

/// Keeps a capture within its retention, in the recorder's pauses.
pub(super) struct Keeping {
    retention: Retention,
    upkeep: Option<Upkeep>,
    /// When there is something to do next.
    next: Instant,
}

impl Keeping {
    pub(super) fn new(retention: Retention) -> Self {
        Self { retention, upkeep: None, next: Instant::now() + FIRST }
    }

    /// It is over, or failed: all is looked at again after a while.
    pub(super) fn give_up(&mut self) {
        self.upkeep = None;
        self.next = Instant::now() + EVERY;
    }

    /// Does a slice if it is time; says whether another should come soon.
    pub(super) fn slice(&mut self, store: &mut Store, busy: Busy) -> Result<Progress, StoreError> {
        let now = Instant::now();
        if now < self.next && (busy == Busy::Yes || self.upkeep.is_none()) {
            return Ok(Progress::Done);
        }
        let upkeep = self.upkeep.get_or_insert_with(|| Upkeep::due(self.retention));
        let progress = store.keep(upkeep)?;
        match progress {
            Progress::More => self.next = now + BUSY_EVERY,
            Progress::Done => self.give_up(),
        }
        Ok(progress)
    }
}
