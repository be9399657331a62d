//! Appending: what the relay does before it passes a byte on.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

use super::format::{
    COMMITTED_AT, HEAD_BYTES, LOST_AT, MAGIC, PAD, PAYLOAD_BYTES_MAX, RECORD_HEAD_BYTES, Record,
    TapeError, bytes_head, encode, front_word, padded,
};
use super::mapping::Mapping;
use super::{Budget, Place, Reader, Tapes, Told, Untaped, Wake};
use crate::flow::{Ending, Opened, Process, Side};

/// First window of records, in bytes: holds the exchanges of most flows.
pub(super) const WINDOW_BYTES_MIN: u64 = 64 << 10;
/// Largest window: a large upload is mapped a megabyte at a time.
const WINDOW_BYTES_MAX: u64 = 1 << 20;

/// The writing end of a flow's tape. Dropping it closes the tape.
#[derive(Debug)]
pub struct Writer {
    reel: Option<Reel>,
    /// Whom to tell at the end that there was no tape.
    untaped: Option<Box<(Tapes, Opened, String)>>,
    /// Bytes that each side sent so far, kept or not.
    sent: [u64; 2],
}

/// What writer and reader in one process share beside the file.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) committed: AtomicU64,
    pub(super) budget: Arc<Budget>,
}

#[derive(Debug)]
struct Reel {
    file: File,
    head: Mapping,
    window: Mapping,
    /// Offset of the window in the file.
    window_at: u64,
    /// Offset in the window where the next record goes.
    next: usize,
    lost: [u64; 2],
    shared: Arc<Shared>,
    wake: Arc<Wake>,
}

impl Writer {
    pub(super) fn create(
        place: &Place,
        budget: &Arc<Budget>,
        wake: &Arc<Wake>,
        opened: &Opened,
    ) -> Result<(Self, Reader), TapeError> {
        let first = HEAD_BYTES + WINDOW_BYTES_MIN;
        if !budget.take(first) {
            return Err(TapeError::Full { limit: budget.limit() });
        }
        let made = Self::create_in(place, budget, wake, opened);
        if made.is_err() {
            budget.give(first);
        }
        made
    }

    fn create_in(
        place: &Place,
        budget: &Arc<Budget>,
        wake: &Arc<Wake>,
        opened: &Opened,
    ) -> Result<(Self, Reader), TapeError> {
        let path = place.tape_path(opened.flow);
        let failed = |doing| {
            let path = path.display().to_string();
            move |source| TapeError::Io { doing, path, source }
        };
        let file = match place.is_named() {
            true => create_file(&path).map_err(failed("create"))?,
            false => place.anonymous_file().map_err(failed("create"))?,
        };
        let mut head = Mapping::new(&file, 0..HEAD_BYTES).map_err(failed("map"))?;
        let window = Mapping::new(&file, HEAD_BYTES..HEAD_BYTES + WINDOW_BYTES_MIN)
            .map_err(failed("map"))?;
        head.copy_in(0, &MAGIC);
        head.copy_in(MAGIC.len(), opened.flow.0.as_bytes());
        let shared =
            Arc::new(Shared { committed: AtomicU64::new(HEAD_BYTES), budget: Arc::clone(budget) });
        let read_from = file.try_clone().map_err(failed("open"))?;
        let reader = Reader::live(read_from, place.is_named().then_some(path), &shared);
        let reel = Reel {
            file,
            head,
            window,
            window_at: HEAD_BYTES,
            next: 0,
            lost: [0; 2],
            shared,
            wake: Arc::clone(wake),
        };
        let mut writer = Self { reel: Some(reel), untaped: None, sent: [0; 2] };
        writer.tell(&Record::Opened(Box::new(opened.clone())));
        Ok((writer, reader))
    }

    /// A writer without a tape: it only counts, and tells the count when the flow is over.
    pub(super) fn untaped(tapes: Tapes, opened: Opened, why: String) -> Self {
        Self { reel: None, untaped: Some(Box::new((tapes, opened, why))), sent: [0; 2] }
    }

    /// Keeps what `side` sent, before it is passed on.
    ///
    /// Never fails and never waits: what does not fit is counted as lost.
    pub fn append(&mut self, side: Side, bytes: &[u8]) {
        self.append_at(side, bytes, Timestamp::now());
    }

    /// The same for bytes that were read at a time that is known.
    pub fn append_at(&mut self, side: Side, bytes: &[u8], at: Timestamp) {
        let sent = side.of_mut(&mut self.sent);
        let offset = *sent;
        *sent += bytes.len() as u64;
        if let Some(reel) = &mut self.reel {
            reel.append(side, offset, bytes, at);
        }
    }

    /// Tells which process opened the connection.
    pub fn process(&mut self, process: Process) {
        self.tell(&Record::Process(process));
    }

    /// Tells how a side ended.
    pub fn ended(&mut self, side: Side, ending: Ending) {
        self.tell(&Record::Ended { side, at: Timestamp::now(), ending });
    }

    /// Bytes that each side sent so far, in the order of [`Side::BOTH`].
    pub fn sent(&self) -> [u64; 2] {
        self.sent
    }

    fn tell(&mut self, record: &Record<'_>) {
        if let Some(reel) = &mut self.reel {
            let (head, payload) = encode(record);
            if reel.make_room(head.len() + payload.len()) {
                reel.put(&head, &payload);
                reel.commit();
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some((tapes, opened, why)) = self.untaped.take().map(|untaped| *untaped) {
            let closed_at = Timestamp::now();
            tapes.tell(Told::Untaped(Box::new(Untaped {
                opened,
                closed_at,
                bytes: self.sent,
                why,
            })));
        }
        self.tell(&Record::Closed { at: Timestamp::now() });
        if let Some(reel) = &self.reel {
            // All-ones means closed to a reader in this process, even where the `Closed`
            // record itself found no room.
            let end = reel.shared.committed.load(Ordering::Relaxed);
            reel.shared.committed.store(end | CLOSED_BIT, Ordering::Release);
            reel.wake.wake();
        }
    }
}

/// Set in the shared `committed` once the writer is gone.
pub(super) const CLOSED_BIT: u64 = 1 << 63;

impl Reel {
    fn append(&mut self, side: Side, mut offset: u64, mut bytes: &[u8], at: Timestamp) {
        while !bytes.is_empty() {
            let whole = bytes.len().min(PAYLOAD_BYTES_MAX);
            // What fits into the window goes there: only the rest needs a new one.
            let room = self.window.len().saturating_sub(self.next + RECORD_HEAD_BYTES);
            let wanted = if room == 0 { whole } else { whole.min(room) };
            if !self.make_room(RECORD_HEAD_BYTES + wanted) {
                self.lose(side, bytes.len());
                break;
            }
            let (piece, rest) = bytes.split_at(wanted);
            let head = bytes_head(side, at, offset, piece.len());
            self.put(&head, piece);
            offset += piece.len() as u64;
            bytes = rest;
        }
        self.commit();
    }

    /// Size of the next window: larger for a flow that fills them, smaller when memory is
    /// short, `None` when there is none.
    fn take_window(&self) -> Option<u64> {
        let wanted = (self.window.len() as u64 * 4).clamp(WINDOW_BYTES_MIN, WINDOW_BYTES_MAX);
        [wanted, WINDOW_BYTES_MIN * 2].into_iter().find(|size| self.shared.budget.take(*size))
    }

    fn put(&mut self, head: &[u8], payload: &[u8]) {
        self.window.copy_in(self.next, head);
        self.window.copy_in(self.next + head.len(), payload);
        self.next += padded(head.len() + payload.len());
    }

    fn commit(&mut self) {
        let end = self.window_at + self.next as u64;
        self.head.publish(COMMITTED_AT, end);
        self.shared.committed.store(end, Ordering::Release);
        self.wake.wake();
    }

    fn lose(&mut self, side: Side, bytes: usize) {
        let lost = side.of_mut(&mut self.lost);
        *lost += bytes as u64;
        self.head.publish(*side.of(&LOST_AT), *lost);
    }

    /// Makes sure that a record of `len` bytes fits at `next`, in a new window if need be.
    fn make_room(&mut self, len: usize) -> bool {
        if self.next + padded(len) <= self.window.len() {
            return true;
        }
        let start = self.window_at + self.window.len() as u64;
        let Some(size) = self.take_window() else { return false };
        let Ok(window) = Mapping::new(&self.file, start..start + size) else {
            self.shared.budget.give(size);
            return false;
        };
        let rest = self.window.len() - self.next;
        if let Some(rest) = rest.checked_sub(8) {
            self.window.copy_in(self.next, &front_word(PAD, 0, rest));
        }
        self.window = window;
        self.window_at = start;
        self.next = 0;
        true
    }
}

fn create_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}
