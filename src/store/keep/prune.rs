//! Retention: how old and how large a capture may become, and what is done for it.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::delete::{Deletion, Frames, Pins, forget_flow};
use super::slice::{self, Progress};
use super::sweep::Sweep;
use super::vacuum;
use crate::store::StoreError;
use crate::store::open::nanoseconds;

/// Exchanges that are deleted at once.
const BATCH: i64 = 256;

/// A capture that is too large is brought down to this share of what it may have, in percent,
/// so that the next exchange does not begin it all again.
const SIZE_SHARE: u64 = 95;

/// Least time between two sweeps for age alone: each reads every root.
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How long and how much is kept; pinned exchanges stay beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Exchanges that are older go; `None`: none does.
    pub age: Option<Duration>,
    /// The oldest exchanges go while the capture is larger, in bytes, free pages not counted;
    /// `None`: it may be of any size.
    pub bytes: Option<u64>,
}

impl Default for Retention {
    /// 90 days and 20 GB: a season of work, and what a laptop can spare.
    fn default() -> Self {
        Self { age: Some(Duration::from_secs(90 * 24 * 3600)), bytes: Some(20_000_000_000) }
    }
}

/// What a pruning came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Exchanges that were deleted for their age or for room.
    pub exchanges: u64,
    /// Messages that no exchange had any more.
    pub messages: u64,
    /// Pieces of bodies that nothing referred to any more.
    pub blobs: u64,
    /// Threads that had no exchange any more.
    pub threads: u64,
    /// Flows without exchanges that were old.
    pub flows: u64,
    /// Bytes given back to the file system.
    pub freed_bytes: u64,
}

/// Brings a capture to what retention asks for, a slice at a time.
pub struct Upkeep {
    retention: Retention,
    thorough: Thorough,
    phase: Phase,
    pruned: Pruned,
}

/// Whether a sweep comes in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thorough {
    Yes,
    IfDue,
}

enum Phase {
    /// Deletes what is too old.
    Old(Deletion),
    OldFlows,
    /// Looks whether there is a need to sweep.
    Weigh,
    Sweep(Box<Sweep>),
    /// Looks whether it is still too large.
    Large,
    /// Deletes for room, then sweeps.
    Room(Deletion),
    Vacuum,
    Over,
}

impl Upkeep {
    /// What a recorder does now and then: a sweep comes only where it is worth its reading.
    pub fn due(retention: Retention) -> Self {
        Self::new(retention, Thorough::IfDue)
    }

    /// What a person asked for: everything.
    pub fn thorough(retention: Retention) -> Self {
        Self::new(retention, Thorough::Yes)
    }

    fn new(retention: Retention, thorough: Thorough) -> Self {
        let phase = Phase::Old(nothing());
        Self { retention, thorough, phase, pruned: Pruned::default() }
    }

    /// What it came to so far.
    pub fn pruned(&self) -> &Pruned {
        &self.pruned
    }

    /// Does a slice.
    pub(in crate::store) fn step(&mut self, conn: &mut Connection) -> Result<Progress, StoreError> {
        let next = match &mut self.phase {
            Phase::Old(deletion) => {
                let before = deletion.deleted.exchanges;
                let progress = deletion.slice(conn)?;
                self.pruned.exchanges += deletion.deleted.exchanges - before;
                match progress {
                    Progress::More => None,
                    Progress::Done => Some(self.next_old(conn)?),
                }
            }
            Phase::OldFlows => self.old_flows(conn)?,
            Phase::Weigh => Some(self.weigh(conn)?),
            Phase::Sweep(sweep) => match sweep.slice(conn)? {
                Progress::More => None,
                Progress::Done => {
                    self.pruned.messages += sweep.swept.messages;
                    self.pruned.blobs += sweep.swept.blobs;
                    self.pruned.threads += sweep.swept.threads;
                    Some(Phase::Large)
                }
            },
            Phase::Large => Some(self.next_large(conn)?),
            Phase::Room(deletion) => {
                let before = deletion.deleted.exchanges;
                let progress = deletion.slice(conn)?;
                self.pruned.exchanges += deletion.deleted.exchanges - before;
                (progress == Progress::Done).then(|| Phase::Sweep(Box::new(Sweep::new())))
            }
            Phase::Vacuum => {
                let freed = vacuum::some(conn)?;
                self.pruned.freed_bytes += freed;
                (freed == 0).then_some(Phase::Over)
            }
            Phase::Over => None,
        };
        if let Some(next) = next {
            self.phase = next;
        }
        Ok(if matches!(self.phase, Phase::Over) { Progress::Done } else { Progress::More })
    }

    /// The time before which things are too old.
    fn limit(&self) -> Option<i64> {
        let now = nanoseconds(Timestamp::now());
        let age = i64::try_from(self.retention.age?.as_nanos()).unwrap_or(i64::MAX);
        Some(now.saturating_sub(age))
    }

    fn next_old(&self, conn: &Connection) -> Result<Phase, StoreError> {
        let Some(limit) = self.limit() else { return Ok(Phase::Weigh) };
        let old = unpinned(conn, "AND started_at < ?2", limit, BATCH)?;
        if old.is_empty() {
            return Ok(Phase::OldFlows);
        }
        Ok(Phase::Old(Deletion::new(old, Pins::Heed, Frames::Keep)))
    }

    /// Deletes flows that had no exchange, such as blind tunnels, and losses of that time.
    fn old_flows(&mut self, conn: &mut Connection) -> Result<Option<Phase>, StoreError> {
        let Some(limit) = self.limit() else { return Ok(Some(Phase::Weigh)) };
        let pruned = &mut self.pruned;
        let progress = slice::write(conn, |tx| {
            tx.prepare_cached("DELETE FROM loss WHERE at < ?1")?.execute([limit])?;
            let sql = "SELECT id FROM flow WHERE opened_at < ?1 AND closed_at < ?1
                       AND NOT EXISTS (SELECT 1 FROM exchange WHERE flow = flow.id) LIMIT 1";
            let flow: Option<Uuid> =
                tx.prepare_cached(sql)?.query_row([limit], |row| row.get(0)).optional()?;
            let Some(flow) = flow else { return Ok(Progress::Done) };
            if forget_flow(tx, flow)? == Progress::Done {
                pruned.flows += 1;
            }
            Ok(Progress::More)
        })?;
        Ok((progress == Progress::Done).then_some(Phase::Weigh))
    }

    fn weigh(&self, conn: &Connection) -> Result<Phase, StoreError> {
        let (unswept, swept_at): (i64, Option<i64>) =
            conn.query_row("SELECT unswept, swept_at FROM capture", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let since = nanoseconds(Timestamp::now()).saturating_sub(swept_at.unwrap_or_default());
        let is_due = u128::from(since.unsigned_abs()) >= SWEEP_EVERY.as_nanos();
        let is_large = self
            .retention
            .bytes
            .is_some_and(|most| vacuum::used(conn).is_ok_and(|used| used > most));
        if self.thorough == Thorough::Yes || (unswept > 0 && (is_due || is_large)) {
            return Ok(Phase::Sweep(Box::new(Sweep::new())));
        }
        Ok(Phase::Large)
    }

    /// Deletes of the oldest as many as are likely to make room; a sweep then shows whether
    /// they did. An exchange that shares all with younger ones gives little.
    fn next_large(&self, conn: &Connection) -> Result<Phase, StoreError> {
        let Some(most) = self.retention.bytes else { return Ok(Phase::Vacuum) };
        let used = vacuum::used(conn)?;
        if used <= most {
            return Ok(Phase::Vacuum);
        }
        let over = used - most * SIZE_SHARE / 100;
        let count: i64 = conn.query_row("SELECT count(*) FROM exchange", [], |row| row.get(0))?;
        let each = (used / count.unsigned_abs().max(1)).max(1);
        let wanted = i64::try_from(over / each + 1).unwrap_or(i64::MAX);
        let oldest = unpinned(conn, "AND ?2 = ?2", 0, wanted)?;
        if oldest.is_empty() {
            // All that is left is pinned.
            return Ok(Phase::Vacuum);
        }
        Ok(Phase::Room(Deletion::new(oldest, Pins::Heed, Frames::Keep)))
    }
}

fn nothing() -> Deletion {
    Deletion::new(Vec::new(), Pins::Heed, Frames::Keep)
}

/// The oldest exchanges that are not pinned.
fn unpinned(
    conn: &Connection,
    condition: &str,
    value: i64,
    limit: i64,
) -> Result<Vec<i64>, StoreError> {
    let sql = format!(
        "SELECT seq FROM exchange WHERE NOT EXISTS
             (SELECT 1 FROM annotation WHERE exchange = seq AND kind = 'pin')
         {condition} ORDER BY started_at, seq LIMIT ?1"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let seqs = statement.query_map((limit, value), |row| row.get(0))?;
    Ok(seqs.collect::<Result<_, _>>()?)
}
