//! The one writer.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use uuid::Uuid;

use super::codec::Codec;
use super::exchange::{self, Linking, saturated};
use super::index::{self, Indexer};
use super::open::{self, nanoseconds};
use super::thread::Linker;
use super::{
    Entry, FlowRow, Gap, Loss, Progress, RawChunk, Remark, Sink, StoreError, StoredExchange,
    Upkeep, detail, keep, outbox, raw, upgrade,
};
use crate::flow::Verdict;

/// The capture, open to write. One thread of a process has it.
pub struct Store {
    conn: Connection,
    codec: Codec,
    linker: Linker,
    key: [u8; 32],
    indexer: Indexer,
    /// That of the capture when the codec last looked for what it remembers.
    generation: i64,
    /// Rows of the sinks that exchanges are delivered to.
    sinks: Vec<i64>,
}

impl Store {
    /// Opens the capture at `path`; makes it, and its directory, if there is none; brings an
    /// older one up to date.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::of(open::writer(path, None)?)
    }

    /// As [`open`](Store::open); a capture that is made now has `key`: what is recorded already
    /// has its fingerprints.
    pub fn open_with_key(path: &Path, key: [u8; 32]) -> Result<Self, StoreError> {
        Self::of(open::writer(path, Some(key))?)
    }

    fn of(mut conn: Connection) -> Result<Self, StoreError> {
        let key = open::key(&conn)?;
        let (mut codec, mut linker) = (Codec::new(key)?, Linker::new(key));
        upgrade::run(&mut conn, &mut codec, &mut linker)?;
        Ok(Self {
            conn,
            codec,
            linker,
            key,
            indexer: Indexer::default(),
            generation: 0,
            sinks: Vec::new(),
        })
    }

    /// Lets each commit wait for the disk, so that a loss of power costs nothing: some ten
    /// milliseconds each.
    pub fn make_durable(&mut self) -> Result<(), StoreError> {
        Ok(self.conn.pragma_update(None, "synchronous", "FULL")?)
    }

    /// From now on queues each call of a model that is written, once it is over, for these.
    pub fn deliver_to(&mut self, sinks: &[Sink]) -> Result<(), StoreError> {
        self.sinks =
            sinks.iter().map(|sink| outbox::declare(&self.conn, sink)).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// The capture's own key, for [`Fingerprinter::new`](crate::model::Fingerprinter::new).
    pub fn key(&self) -> [u8; 32] {
        self.key
    }

    /// Writes all of `entries` or, after an error, none of them. When this returns, they
    /// outlive the process.
    pub fn write(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let written = self.write_all(entries);
        self.forget_unless(written)
    }

    fn write_all(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // From here on nobody else can delete what is remembered.
        if refresh(&tx, &mut self.generation)? {
            self.codec.forget();
            self.linker.forget();
        }
        for entry in entries {
            match entry {
                Entry::Flow(flow) => write_flow(&tx, flow)?,
                Entry::Exchange(stored) => {
                    expect_flow(
                        &tx,
                        &stored.exchange.flow,
                        nanoseconds(stored.exchange.started_at),
                    )?;
                    let linking = Linking::Found;
                    exchange::write(&tx, &mut self.codec, &mut self.linker, stored, linking)?;
                    if !stored.is_open {
                        outbox::enqueue(&tx, &self.sinks, stored.exchange.id)?;
                    }
                }
                Entry::RawChunk(chunk) => write_chunk(&tx, &mut self.codec, chunk)?,
                Entry::Gap(gap) => write_gap(&tx, gap)?,
                Entry::Loss(loss) => write_loss(&tx, loss)?,
            }
        }
        Ok(tx.commit()?)
    }

    /// Writes an exchange of another capture with the thread that it had there, at the next
    /// place of its flow.
    pub fn bring(&mut self, flow: &FlowRow, stored: &StoredExchange) -> Result<(), StoreError> {
        let brought = self.bring_one(flow, stored);
        self.forget_unless(brought)
    }

    fn bring_one(&mut self, flow: &FlowRow, stored: &StoredExchange) -> Result<(), StoreError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if refresh(&tx, &mut self.generation)? {
            self.codec.forget();
            self.linker.forget();
        }
        // What is known here of the flow is more than what the exchange tells of it.
        let sql = "SELECT EXISTS (SELECT 1 FROM flow WHERE id = ?1 AND verdict <> '')";
        let is_known: bool =
            tx.prepare_cached(sql)?.query_row([flow.opened.flow.0], |row| row.get(0))?;
        if !is_known {
            write_flow(&tx, flow)?;
        }
        let sql = "SELECT ifnull(max(place) + 1, 0) FROM exchange WHERE flow = ?1";
        let place = tx.prepare_cached(sql)?.query_row([flow.opened.flow.0], |row| row.get(0))?;
        let stored = StoredExchange { place, ..stored.clone() };
        let linking = Linking::Given;
        exchange::write(&tx, &mut self.codec, &mut self.linker, &stored, linking)?;
        Ok(tx.commit()?)
    }

    /// Writes in place of exchanges what was read of them again: fields, messages, texts. Their
    /// bytes, their threads, what leaked in them and what people said of them stay.
    pub fn rewrite(&mut self, again: &[StoredExchange]) -> Result<(), StoreError> {
        let written = self.rewrite_all(again);
        self.forget_unless(written)
    }

    /// What a transaction that failed has written is not there.
    fn forget_unless<T>(&mut self, written: Result<T, StoreError>) -> Result<T, StoreError> {
        if written.is_err() {
            self.codec.forget();
            self.linker.forget();
        }
        written
    }

    fn rewrite_all(&mut self, again: &[StoredExchange]) -> Result<(), StoreError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if refresh(&tx, &mut self.generation)? {
            self.codec.forget();
            self.linker.forget();
        }
        for stored in again {
            exchange::rewrite(&tx, &mut self.codec, &mut self.linker, stored)?;
        }
        // What they had before may be nothing's now.
        tx.prepare_cached("UPDATE capture SET unswept = unswept + 1")?.execute([])?;
        Ok(tx.commit()?)
    }

    /// Does a slice of `upkeep`, some milliseconds long.
    pub fn keep(&mut self, upkeep: &mut Upkeep) -> Result<Progress, StoreError> {
        upkeep.step(&mut self.conn)
    }

    /// Whether the capture has the exchange.
    pub fn has(&self, exchange: Uuid) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM exchange WHERE id = ?1)";
        Ok(self.conn.prepare_cached(sql)?.query_row([exchange], |row| row.get(0))?)
    }

    /// Says something of an exchange.
    pub fn say(&mut self, exchange: Uuid, remarks: &[Remark]) -> Result<(), StoreError> {
        let sql = "SELECT seq FROM exchange WHERE id = ?1";
        let seq = self.conn.query_row(sql, [exchange], |row| row.get(0))?;
        for remark in remarks {
            keep::remark(&mut self.conn, &[seq], remark, Timestamp::now())?;
        }
        Ok(())
    }

    /// Notes where an exchange of another capture was to be delivered, and what became of it.
    pub(super) fn note_deliveries(
        &mut self,
        exchange: Uuid,
        rows: &[outbox::Row],
    ) -> Result<(), StoreError> {
        outbox::bring_over(&self.conn, exchange, rows)
    }

    /// Brings the words of some messages that wait for it into the index, in a transaction of
    /// its own that takes some milliseconds; gives how many messages, 0 if none waits.
    pub fn index_some(&mut self) -> Result<usize, StoreError> {
        self.indexer.fill(&mut self.conn)
    }

    /// Empties the index; [`index_some`](Self::index_some) fills it again.
    pub fn clear_index(&mut self) -> Result<(), StoreError> {
        index::clear(&mut self.conn)
    }
}

/// Whether rows were deleted since the generation was `last`, so that what is remembered of them
/// must be forgotten. An error if a newer program has changed the schema meanwhile.
fn refresh(conn: &Connection, last: &mut i64) -> Result<bool, StoreError> {
    let sql = "SELECT user_version, generation FROM pragma_user_version, capture";
    let (found, generation): (u32, i64) =
        conn.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let known = open::known_version();
    if found > known {
        let path = conn.path().unwrap_or_default().into();
        return Err(StoreError::Newer { path, found, known });
    }
    Ok(std::mem::replace(last, generation) != generation)
}

/// Makes a row for a flow of which nothing was told yet: an exchange must not be refused
/// because its flow comes late.
fn expect_flow(conn: &Connection, flow: &Uuid, at: i64) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO flow (id, opened_at, origin, mode, verdict) VALUES (?1, ?2, '', '', '')
         ON CONFLICT DO NOTHING",
    )?
    .execute((flow, at))?;
    Ok(())
}

fn write_flow(conn: &Connection, flow: &FlowRow) -> Result<(), StoreError> {
    let opened = &flow.opened;
    let tls = opened.tls.as_ref();
    let (verdict, reason) = match &opened.verdict {
        Verdict::Intercept => ("intercept", None),
        Verdict::Tunnel(reason) => ("tunnel", Some(reason.to_string())),
    };
    let [downstream_bytes, upstream_bytes] = flow.bytes.map(saturated);
    let [downstream_end, upstream_end] = flow.endings.map(|ending| ending.map(|e| e.as_str()));
    let notes = String::from_utf8(detail::to_json(&flow.notes)).unwrap_or_default();
    // Not `REPLACE`: that deletes the row first, and its exchanges with it.
    conn.prepare_cached(
        "INSERT INTO flow VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
                                  ?15, ?16, ?17, ?18, ?19, ?20)
         ON CONFLICT (id) DO UPDATE SET
             opened_at = excluded.opened_at, closed_at = excluded.closed_at,
             user_agent = excluded.user_agent, process = excluded.process, pid = excluded.pid,
             origin = excluded.origin, mode = excluded.mode, verdict = excluded.verdict,
             reason = excluded.reason, sni = excluded.sni, alpn = excluded.alpn,
             downstream_tls = excluded.downstream_tls, upstream_tls = excluded.upstream_tls,
             downstream_bytes = excluded.downstream_bytes,
             upstream_bytes = excluded.upstream_bytes,
             downstream_end = excluded.downstream_end, upstream_end = excluded.upstream_end,
             gap_bytes = excluded.gap_bytes, notes = excluded.notes",
    )?
    .execute(params![
        opened.flow.0,
        nanoseconds(opened.at),
        flow.closed_at.map(nanoseconds),
        flow.app.user_agent,
        flow.app.process,
        flow.app.pid,
        opened.origin.to_string(),
        opened.mode.as_str(),
        verdict,
        reason,
        tls.and_then(|t| t.sni.as_deref()),
        tls.and_then(|t| t.alpn.as_deref()),
        tls.and_then(|t| t.downstream_version.as_deref()),
        tls.and_then(|t| t.upstream_version.as_deref()),
        downstream_bytes,
        upstream_bytes,
        downstream_end,
        upstream_end,
        saturated(flow.gap_bytes),
        notes,
    ])?;
    if flow.app.process.is_some() {
        // The system may tell it only after an exchange was stored.
        conn.prepare_cached(
            "UPDATE exchange SET process = ?2, pid = ?3 WHERE flow = ?1 AND process IS NULL",
        )?
        .execute(params![opened.flow.0, flow.app.process, flow.app.pid])?;
    }
    Ok(())
}

fn write_chunk(conn: &Connection, codec: &mut Codec, chunk: &RawChunk) -> Result<(), StoreError> {
    expect_flow(conn, &chunk.flow.0, nanoseconds(chunk.at))?;
    let packed = codec.pack(&chunk.bytes);
    conn.prepare_cached("INSERT OR REPLACE INTO raw_chunk VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            chunk.flow.0,
            raw::word(chunk.side),
            saturated(chunk.seq),
            nanoseconds(chunk.at),
            saturated(chunk.bytes.len() as u64),
            packed.coding.as_str(),
            packed.bytes,
        ])?;
    Ok(())
}

fn write_gap(conn: &Connection, gap: &Gap) -> Result<(), StoreError> {
    expect_flow(conn, &gap.flow.0, nanoseconds(gap.at))?;
    conn.prepare_cached("INSERT OR REPLACE INTO gap VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(
        params![
            gap.flow.0,
            raw::word(gap.side),
            nanoseconds(gap.at),
            saturated(gap.bytes),
            gap.reason,
        ],
    )?;
    Ok(())
}

fn write_loss(conn: &Connection, loss: &Loss) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT INTO loss (at, what, why) VALUES (?1, ?2, ?3)")?
        .execute(params![nanoseconds(loss.at), loss.what, loss.why])?;
    Ok(())
}

#[cfg(test)]
impl Store {
    /// Stands for a disk that is full.
    pub(super) fn limit_pages(&mut self, pages: i64) {
        self.conn.pragma_update(None, "max_page_count", pages).unwrap();
    }

    /// So that a test need not wait as long as a program does.
    pub(super) fn wait_at_most(&mut self, time: std::time::Duration) {
        self.conn.busy_timeout(time).unwrap();
    }
}
