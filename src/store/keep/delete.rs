//! Exchanges, deleted one after the other.

use std::collections::VecDeque;

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::slice::{self, Progress};
use crate::flow::Side;
use crate::store::{StoreError, raw};

/// Chunks of a flow that are deleted in one step.
const CHUNKS: u32 = 16;

/// What becomes of pinned exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pins {
    /// They stay.
    Heed,
    /// They go as well.
    Override,
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Exchanges.
    pub exchanges: u64,
    /// Bytes of their requests and replies as they went over the wire; what they took in the
    /// capture is less.
    pub raw_bytes: u64,
    /// Exchanges that stay because they are pinned.
    pub pinned: u64,
}

/// What becomes of the frames of a WebSocket one of whose turns goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frames {
    /// They stay as long as their flow.
    Keep,
    /// They go too: what was said in the turn stands in them.
    Drop,
}

/// Exchanges that are to go, and how far that is.
pub(super) struct Deletion {
    seqs: VecDeque<i64>,
    pins: Pins,
    frames: Frames,
    /// A flow whose frames are to go.
    socket: Option<Uuid>,
    /// A flow whose last exchange is gone.
    flow: Option<Uuid>,
    pub(super) deleted: Deleted,
}

pub(super) fn all(
    conn: &mut Connection,
    seqs: Vec<i64>,
    pins: Pins,
    turn: &mut dyn FnMut(&Deleted),
) -> Result<Deleted, StoreError> {
    let mut deletion = Deletion::new(seqs, pins, Frames::Drop);
    while deletion.slice(conn)? == Progress::More {
        turn(&deletion.deleted);
        slice::let_others();
    }
    Ok(deletion.deleted)
}

impl Deletion {
    pub(super) fn new(seqs: impl Into<VecDeque<i64>>, pins: Pins, frames: Frames) -> Self {
        let deleted = Deleted::default();
        Self { seqs: seqs.into(), pins, frames, socket: None, flow: None, deleted }
    }

    /// Deletes some, in one transaction.
    pub(super) fn slice(&mut self, conn: &mut Connection) -> Result<Progress, StoreError> {
        let before = self.deleted.exchanges;
        let mut counted = before;
        slice::write(conn, |tx| {
            let progress = self.step(tx)?;
            if self.deleted.exchanges > counted {
                if counted == before {
                    slice::new_generation(tx)?;
                }
                counted = self.deleted.exchanges;
                tx.prepare_cached("UPDATE capture SET unswept = unswept + 1")?.execute([])?;
            }
            Ok(progress)
        })
    }

    fn step(&mut self, conn: &Connection) -> Result<Progress, StoreError> {
        if let Some(flow) = self.socket {
            if drop_chunks(conn, flow)? == Progress::Done {
                self.socket = None;
            }
            return Ok(Progress::More);
        }
        if let Some(flow) = self.flow {
            if forget_flow(conn, flow)? == Progress::Done {
                self.flow = None;
            }
            return Ok(Progress::More);
        }
        let Some(seq) = self.seqs.pop_front() else { return Ok(Progress::Done) };
        self.exchange(conn, seq)?;
        Ok(Progress::More)
    }

    fn exchange(&mut self, conn: &Connection, seq: i64) -> Result<(), StoreError> {
        if self.pins == Pins::Heed && is_pinned(conn, seq)? {
            self.deleted.pinned += 1;
            return Ok(());
        }
        for side in Side::BOTH {
            let length: Option<i64> = conn
                .prepare_cached("DELETE FROM raw WHERE id = ?1 RETURNING length")?
                .query_row([raw::id(seq, side)], |row| row.get(0))
                .optional()?;
            self.deleted.raw_bytes += length.unwrap_or_default().unsigned_abs();
        }
        let sql = "DELETE FROM exchange WHERE seq = ?1
                   RETURNING flow, coalesce(status = 101 AND operation <> 'connect', FALSE)";
        let gone: Option<(Uuid, bool)> = conn
            .prepare_cached(sql)?
            .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((flow, is_turn)) = gone else { return Ok(()) };
        self.socket = Some(flow).filter(|_| is_turn && self.frames == Frames::Drop);
        self.deleted.exchanges += 1;
        self.flow = Some(flow);
        Ok(())
    }
}

/// Whether the exchange is to stay.
pub(super) fn is_pinned(conn: &Connection, seq: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM annotation WHERE exchange = ?1 AND kind = 'pin')";
    Ok(conn.prepare_cached(sql)?.query_row([seq], |row| row.get(0))?)
}

/// Deletes a flow that is over and has no exchange any more, a piece at a time. One that is
/// open stays: the recorder will tell more of it.
pub(super) fn forget_flow(conn: &Connection, flow: Uuid) -> Result<Progress, StoreError> {
    let sql = "SELECT closed_at IS NOT NULL
                      AND NOT EXISTS (SELECT 1 FROM exchange WHERE flow = flow.id)
               FROM flow WHERE id = ?1";
    let is_empty: Option<bool> =
        conn.prepare_cached(sql)?.query_row([flow], |row| row.get(0)).optional()?;
    if is_empty != Some(true) {
        return Ok(Progress::Done);
    }
    if drop_chunks(conn, flow)? == Progress::More {
        return Ok(Progress::More);
    }
    // That something was lost stays known.
    conn.prepare_cached(
        "INSERT INTO loss (at, what, why)
         SELECT at, bytes || ' bytes of a flow that was deleted', reason FROM gap WHERE flow = ?1",
    )?
    .execute([flow])?;
    conn.prepare_cached("DELETE FROM flow WHERE id = ?1")?.execute([flow])?;
    Ok(Progress::Done)
}

fn drop_chunks(conn: &Connection, flow: Uuid) -> Result<Progress, StoreError> {
    let sql = "DELETE FROM raw_chunk WHERE (flow, side, seq) IN
               (SELECT flow, side, seq FROM raw_chunk WHERE flow = ?1 LIMIT ?2)";
    let gone = conn.prepare_cached(sql)?.execute(params![flow, CHUNKS])?;
    Ok(if gone > 0 { Progress::More } else { Progress::Done })
}
