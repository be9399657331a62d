//! Reading a tape: live, or left behind by a process that was killed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::fs::{FallocateFlags, fallocate};
use uuid::Uuid;

use super::format::{
    COMMITTED_AT, Found, HEAD_BYTES, KEPT_AT, LOST_AT, MAGIC, Record, TapeError, decode,
};
use super::writer::{CLOSED_BIT, Shared, WINDOW_BYTES_MIN};
use crate::flow::{FlowId, Opened, Process};

/// Most that is read at once, in bytes: holds several of the largest records.
const READ_BYTES: u64 = 512 << 10;
/// The first window is never given back: it says whose flow this is to whoever goes on
/// reading after a kill.
const BEGINNING_END: u64 = HEAD_BYTES + WINDOW_BYTES_MIN;
/// Stored bytes are given back in pieces no smaller than this: a hole costs a system call.
const RELEASE_BYTES_MIN: u64 = 64 << 10;

/// Endings of the name of what is remembered beside a tape, and of the same while it is written.
const STATE: &str = "state";
const FRESH_STATE: &str = "fresh";
/// A [`Kept`] in bytes.
const WORDS_BYTES: usize = 32;

/// The reading end of a flow's tape.
#[derive(Debug)]
pub struct Reader {
    file: File,
    path: Option<PathBuf>,
    shared: Option<Arc<Shared>>,
    /// Offset of the next record.
    at: u64,
    released: u64,
    buffer: Vec<u8>,
    closed: bool,
}

/// What the recorder has stored of a tape: where another reader has to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Offset on the tape below which nothing is needed any more.
    pub from: u64,
    /// Bytes of each side that are stored, in the order of `Side::BOTH`.
    pub stored: [u64; 2],
    /// Place in the flow of the next exchange.
    pub place: u64,
}

impl Reader {
    pub(super) fn live(file: File, path: Option<PathBuf>, shared: &Arc<Shared>) -> Self {
        Self {
            file,
            path,
            shared: Some(Arc::clone(shared)),
            at: HEAD_BYTES,
            released: BEGINNING_END,
            buffer: Vec::new(),
            closed: false,
        }
    }

    /// Opens a tape that another process writes, or one that was left behind.
    pub fn open(path: &Path) -> Result<Self, TapeError> {
        let failed =
            |source| TapeError::Io { doing: "open", path: path.display().to_string(), source };
        // Writing is for `release`; whoever only follows may lack the right.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .or_else(|_| File::open(path))
            .map_err(failed)?;
        let mut magic = [0; 8];
        file.read_exact_at(&mut magic, 0).map_err(failed)?;
        if magic != MAGIC {
            return Err(TapeError::Foreign { path: path.display().to_string() });
        }
        let mut reader = Self {
            file,
            path: Some(path.to_owned()),
            shared: None,
            at: HEAD_BYTES,
            released: BEGINNING_END,
            buffer: Vec::new(),
            closed: false,
        };
        let kept = reader.kept().map_err(failed)?;
        reader.at = kept.from.max(HEAD_BYTES);
        reader.released = reader.at.max(BEGINNING_END);
        Ok(reader)
    }

    /// Whose tape it is.
    pub fn flow(&self) -> io::Result<FlowId> {
        let mut id = [0; 16];
        self.file.read_exact_at(&mut id, MAGIC.len() as u64)?;
        Ok(FlowId(Uuid::from_bytes(id)))
    }

    /// What the tape's beginning tells of the flow, however much of it is stored.
    pub fn beginning(&self) -> io::Result<(Option<Opened>, Option<Process>)> {
        let end = self.committed()?.0.min(BEGINNING_END);
        let len = usize::try_from(end.saturating_sub(HEAD_BYTES)).map_err(io::Error::other)?;
        let mut buffer = vec![0; len];
        self.file.read_exact_at(&mut buffer, HEAD_BYTES)?;
        let (mut bytes, mut told) = (buffer.as_slice(), (None, None));
        while let Found::Record(record, taken) = decode(bytes) {
            match record {
                Some(Record::Opened(opened)) => told.0 = Some(*opened),
                Some(Record::Process(process)) => told.1 = Some(process),
                _ => {}
            }
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(told)
    }

    /// Where the tape is; `None` if it has no name.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether there is something to read; costs no system call for a live tape of this
    /// process.
    pub fn has_more(&self) -> bool {
        match &self.shared {
            Some(shared) => {
                let committed = shared.committed.load(Ordering::Acquire);
                committed & !CLOSED_BIT > self.at || (committed & CLOSED_BIT != 0 && !self.closed)
            }
            None => !self.closed,
        }
    }

    /// Whether the writer is gone and everything was read. Of a tape of another process this
    /// is known only from its `Closed` record.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Offset of the next record: what [`Kept::from`] takes.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Hands the records that are there to `dispatch`, each with its offset, at most about
    /// half a megabyte of them; says whether there was any.
    pub fn read(&mut self, mut dispatch: impl FnMut(u64, Record<'_>)) -> io::Result<bool> {
        let (committed, gone) = self.committed()?;
        if committed <= self.at {
            self.closed |= gone;
            return Ok(false);
        }
        let len = (committed - self.at).min(READ_BYTES);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
        self.file.read_exact_at(&mut buffer, self.at)?;
        let mut bytes = buffer.as_slice();
        while let Found::Record(record, taken) = decode(bytes) {
            let offset = self.at;
            self.at += taken as u64;
            bytes = bytes.get(taken..).unwrap_or_default();
            if let Some(record) = record {
                self.closed |= matches!(record, Record::Closed { .. });
                dispatch(offset, record);
            }
        }
        if buffer.len() as u64 > READ_BYTES / 4 {
            // A large buffer is not kept with every idle flow.
            buffer = Vec::new();
        }
        self.buffer = buffer;
        self.closed |= gone && self.at >= committed;
        Ok(true)
    }

    /// Bytes of each side that the tape had no room for.
    pub fn lost(&self) -> io::Result<[u64; 2]> {
        Ok([self.word(LOST_AT[0] as u64)?, self.word(LOST_AT[1] as u64)?])
    }

    /// Bytes of the tape that are not stored yet, by whichever process.
    pub fn pending(&self) -> io::Result<u64> {
        let stored = self.kept()?.from.max(HEAD_BYTES);
        Ok(self.committed()?.0.saturating_sub(stored))
    }

    /// What was stored of this tape, by whichever process.
    pub fn kept(&self) -> io::Result<Kept> {
        Ok(Kept {
            from: self.word(KEPT_AT)?,
            stored: [self.word(KEPT_AT + 8)?, self.word(KEPT_AT + 16)?],
            place: self.word(KEPT_AT + 24)?,
        })
    }

    /// Notes what is stored, and gives its memory back.
    pub fn release(&mut self, kept: Kept) -> io::Result<()> {
        let mut mark = [0; 32];
        let words = [kept.from, kept.stored[0], kept.stored[1], kept.place];
        for (slot, word) in mark.chunks_exact_mut(8).zip(words) {
            slot.copy_from_slice(&word.to_ne_bytes());
        }
        self.file.write_all_at(&mark, KEPT_AT)?;
        let whole = kept.from - kept.from % RELEASE_BYTES_MIN;
        if whole >= self.released + RELEASE_BYTES_MIN {
            let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(&self.file, punch, self.released, whole - self.released)?;
            if let Some(shared) = &self.shared {
                shared.budget.give(whole - self.released);
            }
            self.released = whole;
        }
        Ok(())
    }

    /// Keeps `state` beside the tape: with it, reading can begin at `kept`, where frames cannot
    /// be understood from the bytes alone. It is in RAM like the tape, and goes with it.
    pub fn remember(&self, kept: Kept, state: &[u8]) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let words = [kept.from, kept.stored[0], kept.stored[1], kept.place];
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        bytes.extend_from_slice(state);
        let fresh = path.with_extension(FRESH_STATE);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(&bytes)?;
        fs::rename(fresh, path.with_extension(STATE))
    }

    /// What was remembered last.
    pub fn remembered(&self) -> Option<(Kept, Vec<u8>)> {
        let mut bytes = fs::read(self.path.as_ref()?.with_extension(STATE)).ok()?;
        if bytes.len() < WORDS_BYTES {
            return None;
        }
        let state = bytes.split_off(WORDS_BYTES);
        let mut words = bytes.chunks_exact(8).filter_map(|word| word.try_into().ok());
        let mut word = || words.next().map(u64::from_ne_bytes);
        let kept = Kept { from: word()?, stored: [word()?, word()?], place: word()? };
        Some((kept, state))
    }

    /// Goes on at `from`, where a record begins.
    pub fn seek(&mut self, from: u64) {
        self.at = from.max(HEAD_BYTES);
    }

    /// Everything is stored: the tape goes away.
    pub fn remove(self) -> io::Result<()> {
        if let Some(shared) = &self.shared {
            let held = self.file.metadata()?.len().saturating_sub(self.released - BEGINNING_END);
            shared.budget.give(held);
        }
        match &self.path {
            Some(path) => {
                // There is one only beside tapes of HTTP/2.
                let _ = fs::remove_file(path.with_extension(STATE));
                fs::remove_file(path)
            }
            None => Ok(()),
        }
    }

    /// Bytes of memory that the tape takes.
    pub fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.blocks() * 512)
    }

    fn committed(&self) -> io::Result<(u64, bool)> {
        match &self.shared {
            Some(shared) => {
                let committed = shared.committed.load(Ordering::Acquire);
                Ok((committed & !CLOSED_BIT, committed & CLOSED_BIT != 0))
            }
            None => Ok((self.word(COMMITTED_AT as u64)?, false)),
        }
    }

    fn word(&self, at: u64) -> io::Result<u64> {
        let mut word = [0; 8];
        self.file.read_exact_at(&mut word, at)?;
        Ok(u64::from_ne_bytes(word))
    }
}
