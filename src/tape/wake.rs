//! How the relay wakes the recorder, at the cost of one atomic load where it is awake.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

/// Wakes one sleeping thread: the recorder.
#[derive(Debug, Default)]
pub struct Wake {
    sleeping: AtomicBool,
    sleeper: OnceLock<Thread>,
}

impl Wake {
    /// Wakes the sleeper if it sleeps.
    pub fn wake(&self) {
        if self.sleeping.load(Ordering::Relaxed)
            && self.sleeping.swap(false, Ordering::AcqRel)
            && let Some(sleeper) = self.sleeper.get()
        {
            sleeper.unpark();
        }
    }

    /// Sleeps until woken, at most `longest`. `has_work` is asked after the sleeper has said
    /// that it sleeps, so that a byte appended in between is not slept over for long; the
    /// relay's relaxed load may still miss it, which is what `longest` is for.
    pub fn sleep(&self, longest: Duration, has_work: impl FnOnce() -> bool) {
        let _ = self.sleeper.set(thread::current());
        self.sleeping.store(true, Ordering::SeqCst);
        if !has_work() {
            thread::park_timeout(longest);
        }
        self.sleeping.store(false, Ordering::Relaxed);
    }
}
