//! Messages and blobs that nothing refers to, found and deleted while others write.
//!
//! Three passes over each of the two tables. *Mark*: every root that refers to rows is read, a
//! slice at a time, and what it refers to is noted. *Condemn*: rows that were not noted lose
//! their hash, so that no writer finds them any more when the same text comes again, and the
//! generation goes up, so that none remembers them. *Check*: a root that was written between
//! mark and condemn may still refer to a condemned row; all roots are looked at once more, and
//! what they refer to is spared. Whatever is left then can never be referred to again, and goes.
//!
//! A killed sweep leaves condemned rows: the next finds them unmarked, or spares them. A row
//! that was spared keeps its condemned hash: it is read as ever, only not found again.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::marks::Marks;
use super::slice::{self, Progress};
use crate::store::codec::Hash;
use crate::store::contents::Contents;
use crate::store::open::nanoseconds;
use crate::store::{StoreError, index, tree};

/// Rows read by one statement: some milliseconds.
const ROWS: i64 = 64;

/// Ids looked at by one statement, where rows are not read.
const IDS: i64 = 1024;

/// What was swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Swept {
    pub(super) messages: u64,
    pub(super) blobs: u64,
    pub(super) threads: u64,
}

/// A sweep and how far it is.
pub(super) struct Sweep {
    phase: Phase,
    /// Rows of the phase's table up to this key are done.
    cursor: i64,
    /// The last row of the table swept when its marking began; those after it are new.
    last: i64,
    marks: Marks,
    /// Blobs that are marked, and what they refer to is not.
    stack: Vec<i64>,
    condemned: BTreeSet<i64>,
    /// Exchanges deleted before the sweep began.
    unswept: i64,
    pub(super) swept: Swept,
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Begin,
    MarkMessages,
    CondemnMessages,
    CheckMessages,
    DeleteMessages,
    BeginBlobs,
    MarkBlobs(Source),
    CondemnBlobs,
    CheckBlobs(Source),
    DeleteBlobs,
    Threads,
    Over,
}

/// A table with roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Raw,
    Message,
    Detail,
    /// Dictionaries are made of texts.
    Dictionary,
    /// Blobs written since the marking began.
    Blob,
}

/// What a swept row's hash becomes: eight bytes of nothing, then its id. No text has such a
/// hash, and no other row.
fn condemned_hash(id: i64) -> Hash {
    let mut hash = Hash::default();
    for (to, from) in hash.iter_mut().skip(8).zip(id.to_be_bytes()) {
        *to = from;
    }
    hash
}

/// Whether a row was condemned by a sweep, and spared or not deleted yet.
pub(super) fn is_condemned(id: i64, hash: &Hash) -> bool {
    *hash == condemned_hash(id)
}

impl Sweep {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Begin,
            cursor: 0,
            last: 0,
            marks: Marks::default(),
            stack: Vec::new(),
            condemned: BTreeSet::new(),
            unswept: 0,
            swept: Swept::default(),
        }
    }

    /// Does a slice.
    pub(super) fn slice(&mut self, conn: &mut Connection) -> Result<Progress, StoreError> {
        let progress = match self.phase {
            Phase::Begin => self.begin(conn)?,
            Phase::MarkMessages => slice::read(conn, |conn| {
                let marks = &mut self.marks;
                contents_after(conn, &mut self.cursor, |id| _ = marks.insert(id))
            })?,
            Phase::CondemnMessages => self.condemn(conn, "message")?,
            Phase::CheckMessages => slice::read(conn, |conn| {
                let condemned = &mut self.condemned;
                contents_after(conn, &mut self.cursor, |id| _ = condemned.remove(&id))
            })?,
            Phase::DeleteMessages => self.delete(conn, "message")?,
            Phase::BeginBlobs => {
                self.marks = Marks::default();
                self.last = last(conn, "blob")?;
                Progress::Done
            }
            Phase::MarkBlobs(source) => slice::read(conn, |conn| self.mark_blobs(conn, source))?,
            Phase::CondemnBlobs => self.condemn(conn, "blob")?,
            Phase::CheckBlobs(source) => slice::read(conn, |conn| self.check_blobs(conn, source))?,
            Phase::DeleteBlobs => self.delete(conn, "blob")?,
            Phase::Threads => self.threads(conn)?,
            Phase::Over => return Ok(Progress::Done),
        };
        if progress == Progress::Done {
            self.phase = self.next_phase();
            self.cursor = 0;
        }
        Ok(if self.phase == Phase::Over { Progress::Done } else { Progress::More })
    }

    fn next_phase(&self) -> Phase {
        let nothing = self.condemned.is_empty();
        match self.phase {
            Phase::Begin => Phase::MarkMessages,
            Phase::MarkMessages => Phase::CondemnMessages,
            Phase::CondemnMessages if nothing => Phase::BeginBlobs,
            Phase::CondemnMessages => Phase::CheckMessages,
            Phase::CheckMessages => Phase::DeleteMessages,
            Phase::DeleteMessages => Phase::BeginBlobs,
            Phase::BeginBlobs => Phase::MarkBlobs(Source::Raw),
            Phase::MarkBlobs(Source::Raw) => Phase::MarkBlobs(Source::Message),
            Phase::MarkBlobs(Source::Message) => Phase::MarkBlobs(Source::Detail),
            Phase::MarkBlobs(Source::Detail) => Phase::MarkBlobs(Source::Dictionary),
            Phase::MarkBlobs(_) => Phase::CondemnBlobs,
            Phase::CondemnBlobs if nothing => Phase::Threads,
            Phase::CondemnBlobs => Phase::CheckBlobs(Source::Raw),
            Phase::CheckBlobs(Source::Raw) => Phase::CheckBlobs(Source::Message),
            Phase::CheckBlobs(Source::Message) => Phase::CheckBlobs(Source::Detail),
            Phase::CheckBlobs(Source::Detail) => Phase::CheckBlobs(Source::Dictionary),
            Phase::CheckBlobs(Source::Dictionary) => Phase::CheckBlobs(Source::Blob),
            Phase::CheckBlobs(Source::Blob) => Phase::DeleteBlobs,
            Phase::DeleteBlobs => Phase::Threads,
            Phase::Threads | Phase::Over => Phase::Over,
        }
    }

    fn begin(&mut self, conn: &Connection) -> Result<Progress, StoreError> {
        self.unswept = conn.query_row("SELECT unswept FROM capture", [], |row| row.get(0))?;
        self.last = last(conn, "message")?;
        Ok(Progress::Done)
    }

    fn mark_blobs(&mut self, conn: &Connection, source: Source) -> Result<Progress, StoreError> {
        if let Some(id) = self.stack.pop() {
            for child in children(conn, id)? {
                self.mark(child);
            }
            return Ok(Progress::More);
        }
        let mut found = Vec::new();
        let progress = roots_after(conn, source, &mut self.cursor, &mut found)?;
        found.into_iter().for_each(|id| self.mark(id));
        Ok(if self.stack.is_empty() { progress } else { Progress::More })
    }

    fn mark(&mut self, blob: i64) {
        if self.marks.insert(blob) {
            self.stack.push(blob);
        }
    }

    /// Spares what a root refers to, and all below it. Below a row that was not condemned
    /// nothing is: what is marked is marked with all that it refers to.
    fn check_blobs(&mut self, conn: &Connection, source: Source) -> Result<Progress, StoreError> {
        if let Some(id) = self.stack.pop() {
            for child in children(conn, id)? {
                self.spare(child);
            }
            return Ok(Progress::More);
        }
        if source == Source::Blob {
            self.cursor = self.cursor.max(self.last);
        }
        let mut found = Vec::new();
        let progress = roots_after(conn, source, &mut self.cursor, &mut found)?;
        found.into_iter().for_each(|id| self.spare(id));
        Ok(if self.stack.is_empty() { progress } else { Progress::More })
    }

    fn spare(&mut self, blob: i64) {
        if self.condemned.remove(&blob) {
            self.stack.push(blob);
        }
    }

    /// Takes their hash from rows that were not marked.
    fn condemn(&mut self, conn: &mut Connection, table: &str) -> Result<Progress, StoreError> {
        let mut doomed = Vec::new();
        let sql = format!("SELECT id FROM {table} WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3");
        let progress = slice::read(conn, |conn| {
            let mut statement = conn.prepare_cached(&sql)?;
            let mut rows = statement.query(params![self.cursor, self.last, IDS])?;
            let mut progress = Progress::Done;
            while let Some(row) = rows.next()? {
                progress = Progress::More;
                self.cursor = row.get(0)?;
                if !self.marks.contains(self.cursor) {
                    doomed.push(self.cursor);
                }
            }
            Ok(progress)
        })?;
        let condemned = &mut self.condemned;
        let sql = format!("UPDATE {table} SET hash = ?2 WHERE id = ?1");
        let mut doomed = doomed.into_iter().peekable();
        while doomed.peek().is_some() {
            let mut is_first = true;
            slice::write(conn, |tx| {
                let Some(id) = doomed.next() else { return Ok(Progress::Done) };
                if std::mem::take(&mut is_first) {
                    slice::new_generation(tx)?;
                }
                tx.prepare_cached(&sql)?.execute((id, condemned_hash(id)))?;
                condemned.insert(id);
                Ok(Progress::More)
            })?;
        }
        Ok(progress)
    }

    /// Deletes what is still condemned. By its hash too: another sweep may have deleted the row
    /// and a writer have given its id to another.
    fn delete(&mut self, conn: &mut Connection, table: &str) -> Result<Progress, StoreError> {
        let (condemned, mut gone, mut is_first) = (&mut self.condemned, 0, true);
        let sql = format!("DELETE FROM {table} WHERE id = ?1 AND hash = ?2");
        let progress = slice::write(conn, |tx| {
            let Some(id) = condemned.pop_first() else { return Ok(Progress::Done) };
            if std::mem::take(&mut is_first) {
                slice::new_generation(tx)?;
            }
            if table == "message" {
                index::forget(tx, &[id])?;
            }
            gone += tx.prepare_cached(&sql)?.execute((id, condemned_hash(id)))? as u64;
            Ok(Progress::More)
        })?;
        match table {
            "message" => self.swept.messages += gone,
            _ => self.swept.blobs += gone,
        }
        Ok(progress)
    }

    /// Deletes threads that have no exchange any more, and says that the sweep is over.
    fn threads(&mut self, conn: &mut Connection) -> Result<Progress, StoreError> {
        let (cursor, swept, unswept) = (&mut self.cursor, &mut self.swept, self.unswept);
        slice::write(conn, |tx| {
            let sql = "SELECT id, EXISTS (SELECT 1 FROM exchange WHERE thread_id = thread.id)
                       FROM thread WHERE id > ?1 ORDER BY id LIMIT 1";
            let next: Option<(i64, bool)> = tx
                .prepare_cached(sql)?
                .query_row([*cursor], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((id, has_exchanges)) = next else {
                tx.execute(
                    "UPDATE capture SET swept_at = ?1, unswept = max(0, unswept - ?2)",
                    (nanoseconds(Timestamp::now()), unswept),
                )?;
                return Ok(Progress::Done);
            };
            *cursor = id;
            if !has_exchanges {
                slice::new_generation(tx)?;
                tx.prepare_cached("DELETE FROM thread WHERE id = ?1")?.execute([id])?;
                swept.threads += 1;
            }
            Ok(Progress::More)
        })
    }
}

fn last(conn: &Connection, table: &str) -> Result<i64, StoreError> {
    let sql = format!("SELECT coalesce(max(id), 0) FROM {table}");
    Ok(conn.query_row(&sql, [], |row| row.get(0))?)
}

/// Hands the ids of the messages of the next exchanges to `meet`.
fn contents_after(
    conn: &Connection,
    cursor: &mut i64,
    mut meet: impl FnMut(i64),
) -> Result<Progress, StoreError> {
    let sql = "SELECT exchange, messages FROM content WHERE exchange > ?1
               ORDER BY exchange LIMIT ?2";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query((*cursor, ROWS))?;
    let mut progress = Progress::Done;
    while let Some(row) = rows.next()? {
        progress = Progress::More;
        *cursor = row.get(0)?;
        let packed: Vec<u8> = row.get(1)?;
        // What cannot be read must not make garbage of what it refers to: the sweep ends here.
        Contents::unpack(&packed)?.ids().for_each(&mut meet);
    }
    Ok(progress)
}

/// Collects the blobs that the next roots of a table refer to themselves.
fn roots_after(
    conn: &Connection,
    source: Source,
    cursor: &mut i64,
    found: &mut Vec<i64>,
) -> Result<Progress, StoreError> {
    let sql = match source {
        Source::Raw => "SELECT id, body FROM raw WHERE id > ?1 ORDER BY id LIMIT ?2",
        Source::Message => "SELECT id, body FROM message WHERE id > ?1 ORDER BY id LIMIT ?2",
        Source::Detail => {
            "SELECT exchange, detail FROM content WHERE exchange > ?1 ORDER BY exchange LIMIT ?2"
        }
        Source::Dictionary => "SELECT id, data FROM dictionary WHERE id > ?1 ORDER BY id LIMIT ?2",
        Source::Blob => "SELECT id, data, coding FROM blob WHERE id > ?1 ORDER BY id LIMIT ?2",
    };
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query((*cursor, ROWS))?;
    let mut progress = Progress::Done;
    while let Some(row) = rows.next()? {
        progress = Progress::More;
        *cursor = row.get(0)?;
        let bytes: Vec<u8> = row.get(1)?;
        found.extend(match source {
            Source::Blob => tree::references_of_blob(conn, row.get(2)?, &bytes)?,
            _ => tree::references(conn, &bytes)?,
        });
    }
    Ok(progress)
}

/// The blobs that a blob refers to.
fn children(conn: &Connection, id: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT coding, data FROM blob WHERE id = ?1";
    let row: Option<(i64, Vec<u8>)> = conn
        .prepare_cached(sql)?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    // Missing: `verify` tells of it, and there is nothing below it.
    row.map_or_else(
        || Ok(Vec::new()),
        |(coding, data)| tree::references_of_blob(conn, coding, &data),
    )
}
