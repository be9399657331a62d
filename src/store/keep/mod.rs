//! What stays in a capture and what goes, and whether it is whole.
//!
//! Everything here may run while a proxy writes: it takes the write lock for a slice of some
//! milliseconds, lets go, and goes on. Deleting is two steps. An exchange goes at once with
//! what is its own (`delete`); messages and blobs, which many exchanges share, go when
//! `sweep` has found that nothing refers to them. Whoever remembers ids of rows from one
//! transaction to the next compares `capture.generation` and forgets them when it has changed.

mod annotate;
mod aside;
mod backup;
mod delete;
mod health;
mod marks;
mod prune;
mod salvage;
mod slice;
mod sweep;
mod vacuum;
mod verify;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

pub use annotate::{Remark, RemarkError};
pub use aside::set_aside;
pub use backup::backup;
pub use delete::{Deleted, Pins};
pub use health::{Health, Losses, Parts, Unread};
pub use prune::{Pruned, Retention, Upkeep};
pub use salvage::{Salvaged, salvage, salvage_key};
pub use slice::Progress;
pub use verify::{Damage, Verified, verify};

pub(super) use annotate::{add as remark, of_exchange as annotations};
pub(super) use health::{parts, read as health};

use super::{StoreError, open};

/// The capture, open for what people do with it while a proxy may write.
pub struct Keep {
    conn: Connection,
    path: PathBuf,
}

/// Whether what is deleted is overwritten as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erase {
    /// Its pages become free and are written over some day.
    Free,
    /// It is written over with zeros at once: for what a person wants gone.
    Overwrite,
}

impl Keep {
    /// Opens the capture at `path`, which must be there and of this program's schema.
    pub fn open(path: &Path, erase: Erase) -> Result<Self, StoreError> {
        let conn = open::second_writer(path)?;
        conn.pragma_update(None, "secure_delete", erase == Erase::Overwrite)?;
        Ok(Self { conn, path: path.to_owned() })
    }

    /// Says something of the exchanges at places `seqs`; gives how many had not been said it.
    pub fn remark(&mut self, seqs: &[i64], remark: &Remark) -> Result<u64, StoreError> {
        annotate::add(&mut self.conn, seqs, remark, Timestamp::now())
    }

    /// Takes it back; gives of how many.
    pub fn unremark(&mut self, seqs: &[i64], remark: &Remark) -> Result<u64, StoreError> {
        annotate::remove(&mut self.conn, seqs, remark)
    }

    /// Deletes the exchanges at places `seqs`, and all that only they had.
    pub fn delete(
        &mut self,
        seqs: Vec<i64>,
        pins: Pins,
        turn: &mut dyn FnMut(&Deleted),
    ) -> Result<Deleted, StoreError> {
        let deleted = delete::all(&mut self.conn, seqs, pins, turn)?;
        Ok(deleted)
    }

    /// Does the whole of `upkeep`, slice by slice; `turn` is told between them.
    pub fn prune(
        &mut self,
        upkeep: &mut Upkeep,
        turn: &mut dyn FnMut(&Pruned),
    ) -> Result<Pruned, StoreError> {
        while upkeep.step(&mut self.conn)? == Progress::More {
            turn(upkeep.pruned());
            slice::let_others();
        }
        Ok(*upkeep.pruned())
    }

    /// Gives free pages back to the file system; says how many bytes.
    pub fn vacuum(&mut self) -> Result<u64, StoreError> {
        vacuum::incremental(&mut self.conn)
    }

    /// Writes the whole file anew, without gaps. Nobody can write meanwhile.
    pub fn vacuum_full(&mut self) -> Result<u64, StoreError> {
        vacuum::full(&self.conn, &self.path)
    }

    /// Empties the write-ahead log, where what was deleted still stands; `false` if somebody
    /// reads from it.
    pub fn empty_log(&self) -> Result<bool, StoreError> {
        vacuum::empty_log(&self.conn)
    }
}

#[cfg(test)]
mod tests;
