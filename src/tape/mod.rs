//! The tape: a copy of a flow's bytes, in RAM, that outlives the process.
//!
//! The relay appends before it passes a byte on; an append is a copy into memory mapped from
//! a RAM-backed file, no system call and no lock. The recorder reads the same file by
//! `pread`, whether the proxy lives or was killed: recovery is the ordinary reading path.
//!
//! ```text
//! RUNTIME_DIR/overhear/CAPTURE/INSTANCE/lock          held while the proxy lives
//!                                      /FLOW.tape     one a flow, 0600, sparse
//! ```
//!
//! What is stored is given back: [`Reader::release`] punches it out of the file, and a tape
//! that is stored whole is unlinked.

mod budget;
mod format;
mod mapping;
mod place;
mod reader;
mod wake;
mod writer;

pub use budget::Budget;
pub use format::{Record, TapeError};
pub use place::{LeftBehind, Place, PlaceKind, is_ram};
pub use reader::{Kept, Reader};
pub use wake::Wake;
pub use writer::Writer;

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use jiff::Timestamp;

use crate::flow::{Opened, Passed};

/// What the proxy tells the recorder, once a flow; the bytes go over the tape.
#[derive(Debug)]
pub enum Told {
    /// A flow is read: this is its tape.
    Taped(Reader),
    /// A flow was passed on unread and is over.
    Passed(Box<Passed>),
    /// A flow that should have been read is over, and there was no room for a tape of it.
    Untaped(Box<Untaped>),
}

/// A flow of which nothing was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Untaped {
    /// What was known when it began.
    pub opened: Opened,
    /// When it was over.
    pub closed_at: Timestamp,
    /// Bytes of each side, in the order of `Side::BOTH`.
    pub bytes: [u64; 2],
    /// Why there was no tape.
    pub why: String,
}

/// Where the proxy opens its tapes.
#[derive(Clone, Debug)]
pub struct Tapes {
    place: Arc<Place>,
    budget: Arc<Budget>,
    wake: Arc<Wake>,
    told: Sender<Told>,
}

impl Tapes {
    /// Opens tapes in `place`, all together no larger than `budget`. The receiver is the
    /// recorder's.
    pub fn new(place: Place, budget: Budget) -> (Self, Receiver<Told>) {
        let (told, heard) = mpsc::channel();
        let tapes = Self {
            place: Arc::new(place),
            budget: Arc::new(budget),
            wake: Arc::new(Wake::default()),
            told,
        };
        (tapes, heard)
    }

    /// Begins a flow's tape.
    ///
    /// Never fails: where no tape can be had, the writer counts what it could not keep, and
    /// the flow goes on.
    pub fn open(&self, opened: &Opened) -> Writer {
        match Writer::create(&self.place, &self.budget, &self.wake, opened) {
            Ok((writer, reader)) => {
                self.tell(Told::Taped(reader));
                writer
            }
            Err(e) => Writer::untaped(self.clone(), opened.clone(), e.to_string()),
        }
    }

    /// Tells of a flow that was passed on unread.
    pub fn passed(&self, passed: Passed) {
        self.tell(Told::Passed(Box::new(passed)));
    }

    /// What wakes the recorder.
    pub fn wake(&self) -> &Arc<Wake> {
        &self.wake
    }

    /// The memory that all tapes take.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Where the tapes are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    fn tell(&self, told: Told) {
        // The recorder is gone only when the process ends: then nobody is left to be told.
        let _ = self.told.send(told);
        self.wake.wake();
    }
}

#[cfg(test)]
mod tests;
