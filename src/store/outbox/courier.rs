//! Out of the outbox.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use uuid::Uuid;

use super::queue::{self, Queued, Sink};
use super::standing::{self, SinkStanding};
use crate::model::{Exchange, Message};
use crate::store::open::{self, nanoseconds, timestamp};
use crate::store::{Selection, StoreError, assemble};

/// The outbox, open for whoever delivers. It writes beside the recorder, a few rows at a time.
pub struct Outbox {
    conn: Connection,
}

/// An exchange that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its place in the capture.
    pub seq: i64,
    /// How many bytes its request and reply had on the wire.
    pub bytes: u64,
}

/// The trace in which an exchange was placed when it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The exchange that began its turn.
    pub turn: Uuid,
    /// The trace.
    pub trace: [u8; 16],
}

/// A batch that may have been taken or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// Its name.
    pub batch: Uuid,
    /// When it was sent.
    pub at: Timestamp,
    /// What it had, in order.
    pub seqs: Vec<i64>,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The receiver has it.
    Sent,
    /// It certainly has not, and is to be tried again.
    Waiting,
    /// It was refused, perhaps through no fault of its own, and is to be tried again behind all
    /// others.
    Again,
    /// It will never have it: why.
    Refused(String),
}

impl Outbox {
    /// Opens that of the capture at `path`, which must be there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { conn: open::second_writer(path)? })
    }

    /// Makes a sink known; gives its row.
    pub fn declare(&mut self, sink: &Sink) -> Result<i64, StoreError> {
        queue::declare(&self.conn, sink)
    }

    /// Queues what `selection` means, or the newest so many of them, of calls of models; what was queued before, and so perhaps
    /// delivered, is not queued again.
    pub fn fill(
        &mut self,
        sink: i64,
        selection: &Selection,
        newest: Option<usize>,
    ) -> Result<Queued, StoreError> {
        queue::fill(&mut self.conn, sink, selection, newest)
    }

    /// Exchanges that wait and were queued before `ripe`, in the order of writing; those that were
    /// refused before come behind all others. What was queued after `now`, by a clock that was set
    /// back since, is ripe too.
    pub fn waiting(
        &self,
        sink: i64,
        ripe: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Pending>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT exchange,
                    (SELECT coalesce(sum(length), 0) FROM raw
                     WHERE raw.id BETWEEN exchange * 2 AND exchange * 2 + 1)
             FROM outbox WHERE sink = ?1 AND state = 'waiting' AND (at <= ?2 OR at > ?4)
             ORDER BY tries, exchange LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows =
            statement.query_map((sink, nanoseconds(ripe), limit, nanoseconds(now)), |row| {
                let bytes: i64 = row.get(1)?;
                Ok(Pending { seq: row.get(0)?, bytes: bytes.unsigned_abs() })
            })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Since when the oldest exchange that waits does.
    pub fn oldest(&self, sink: i64) -> Result<Option<Timestamp>, StoreError> {
        standing::oldest(&self.conn, sink)
    }

    /// The batches of which it is not known whether they were taken, the oldest first.
    pub fn unsettled(&self, sink: i64) -> Result<Vec<Unsettled>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT batch, at, exchange FROM outbox
             WHERE sink = ?1 AND state = 'sending' ORDER BY exchange",
        )?;
        let mut rows = statement.query([sink])?;
        let mut batches: Vec<Unsettled> = Vec::new();
        while let Some(row) = rows.next()? {
            let (batch, seq): (Uuid, i64) = (row.get(0)?, row.get(2)?);
            match batches.iter_mut().find(|known| known.batch == batch) {
                Some(known) => known.seqs.push(seq),
                None => {
                    let at = timestamp(row.get(1)?);
                    batches.push(Unsettled { batch, at, seqs: vec![seq] });
                }
            }
        }
        Ok(batches)
    }

    /// The exchange at place `seq`; `None` if it was deleted meanwhile.
    pub fn exchange(&self, seq: i64) -> Result<Option<Exchange>, StoreError> {
        let tx = self.conn.unchecked_transaction()?;
        assemble::read(&tx, seq)
    }

    /// The exchange that has the id, without the messages that were said before, and its place.
    pub fn anew(&self, id: Uuid) -> Result<Option<(i64, Exchange)>, StoreError> {
        let tx = self.conn.unchecked_transaction()?;
        let Some(seq) = seq_of(&tx, id)? else { return Ok(None) };
        Ok(assemble::read_anew(&tx, seq)?.map(|(exchange, _)| (seq, exchange)))
    }

    /// The thread of the exchange that has the id.
    pub fn thread(&self, id: Uuid) -> Result<Option<String>, StoreError> {
        let sql = "SELECT thread FROM exchange WHERE id = ?1";
        let row = self.conn.prepare_cached(sql)?.query_row([id], |row| row.get(0));
        Ok(row.optional()?.flatten())
    }

    /// Exchanges that continue the same one as that with the id, were written before it, and are
    /// delivered to the sink as well.
    pub fn earlier_siblings(&self, sink: i64, id: Uuid) -> Result<Vec<Uuid>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT other.id FROM exchange AS this
             JOIN exchange AS other ON other.thread_id = this.thread_id
                  AND other.parent = this.parent AND other.seq < this.seq
             JOIN outbox ON outbox.exchange = other.seq AND sink = ?1
                  AND outbox.state <> 'refused'
             WHERE this.id = ?2 ORDER BY other.seq",
        )?;
        let rows = statement.query_map((sink, id), |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The first answer of the exchange at place `seq`.
    pub fn answer(&self, seq: i64) -> Result<Option<Message>, StoreError> {
        assemble::answer(&self.conn, seq)
    }

    /// Where an exchange was placed when it was sent to the sink; `None` if it was not sent
    /// there, nor is on the way.
    pub fn placed(&self, sink: i64, id: Uuid) -> Result<Option<Placed>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT turn, trace FROM outbox JOIN exchange ON seq = exchange
             WHERE id = ?2 AND sink = ?1 AND turn IS NOT NULL
               AND outbox.state IN ('sending', 'sent')",
        )?;
        let placed = statement
            .query_row((sink, id), |row| Ok(Placed { turn: row.get(0)?, trace: row.get(1)? }));
        Ok(placed.optional()?)
    }

    /// Notes that `items` are sent now, as `batch`: to be called before the first byte goes out.
    pub fn begin(
        &mut self,
        sink: i64,
        batch: Uuid,
        items: &[(i64, Placed)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|tx| {
            let mut update = tx.prepare_cached(
                "UPDATE outbox SET state = 'sending', at = ?3, batch = ?4, turn = ?5, trace = ?6
                 WHERE sink = ?1 AND exchange = ?2",
            )?;
            for (seq, Placed { turn, trace }) in items {
                update.execute((sink, seq, nanoseconds(now), batch, turn, trace))?;
            }
            Ok(())
        })
    }

    /// Notes that until now nothing is known of what was sent.
    pub fn doubt(&mut self, sink: i64, seqs: &[i64], now: Timestamp) -> Result<(), StoreError> {
        self.write(|tx| {
            let mut update = tx.prepare_cached(
                "UPDATE outbox SET at = ?3
                 WHERE sink = ?1 AND exchange = ?2 AND state = 'sending'",
            )?;
            for seq in seqs {
                update.execute((sink, seq, nanoseconds(now)))?;
            }
            Ok(())
        })
    }

    /// Notes what became of deliveries.
    pub fn settle(
        &mut self,
        sink: i64,
        fates: &[(i64, Fate)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let now = nanoseconds(now);
        self.write(|tx| {
            let mut update = tx.prepare_cached(
                "UPDATE outbox SET state = ?3, at = ?4, why = ?5,
                     batch = iif(?3 = 'sent', batch, NULL), tries = tries + ?6
                 WHERE sink = ?1 AND exchange = ?2 AND state <> 'sent'",
            )?;
            let (mut sent, mut refused) = (0i64, 0i64);
            for (seq, fate) in fates {
                let (state, why) = match fate {
                    Fate::Sent => ("sent", None),
                    Fate::Waiting => ("waiting", None),
                    Fate::Again => ("waiting", None),
                    Fate::Refused(why) => ("refused", Some(why)),
                };
                // What waits again is ripe already.
                let at = if state == "waiting" { 0 } else { now };
                let tries = i64::from(*fate == Fate::Again);
                let changed = update.execute((sink, seq, state, at, why, tries))? as i64;
                match fate {
                    Fate::Sent => sent += changed,
                    Fate::Refused(_) => refused += changed,
                    Fate::Again => refused -= changed,
                    Fate::Waiting => {}
                }
            }
            tx.prepare_cached(
                "UPDATE sink SET sent = sent + ?2, refused = refused + ?3,
                     last_sent_at = iif(?2 > 0, ?4, last_sent_at) WHERE id = ?1",
            )?
            .execute((sink, sent, refused, now))?;
            Ok(())
        })
    }

    /// Counts exchanges of a batch that was taken but for those.
    pub fn note_refused(&mut self, sink: i64, count: u64) -> Result<(), StoreError> {
        let count = i64::try_from(count).unwrap_or_default();
        self.write(|tx| {
            let sql = "UPDATE sink SET sent = sent - ?2, refused = refused + ?2 WHERE id = ?1";
            tx.prepare_cached(sql)?.execute((sink, count))?;
            Ok(())
        })
    }

    /// Notes that a try failed, why, and when the next one comes; or that one did not.
    pub fn note_try(
        &mut self,
        sink: i64,
        failed: Option<(&str, Timestamp)>,
    ) -> Result<(), StoreError> {
        let sql = match failed {
            Some(_) => {
                "UPDATE sink SET failing = ?2, next_try_at = ?3, failures = failures + 1
                 WHERE id = ?1"
            }
            None => {
                "UPDATE sink SET failing = ?2, next_try_at = ?3, failures = 0
                 WHERE id = ?1 AND failures > 0"
            }
        };
        let (why, at) = failed.map(|(why, at)| (why, nanoseconds(at))).unzip();
        self.write(|tx| Ok(tx.prepare_cached(sql)?.execute((sink, why, at)).map(|_| ())?))
    }

    /// Stops a sink for the reason, or lets it go on.
    pub fn stop(&mut self, sink: i64, why: Option<&str>) -> Result<(), StoreError> {
        let sql = "UPDATE sink SET stopped = ?2, next_try_at = NULL WHERE id = ?1";
        self.write(|tx| Ok(tx.prepare_cached(sql)?.execute((sink, why)).map(|_| ())?))
    }

    /// Lets a sink go on, at once; what was refused is tried again, behind what waits.
    pub fn resume(&mut self, sink: i64) -> Result<(), StoreError> {
        self.write(|tx| {
            let again = tx
                .prepare_cached(
                    "UPDATE outbox SET state = 'waiting', at = 0, why = NULL, tries = tries + 1
                     WHERE sink = ?1 AND state = 'refused'",
                )?
                .execute([sink])? as i64;
            tx.prepare_cached(
                "UPDATE sink SET stopped = NULL, failing = NULL, failures = 0,
                     next_try_at = NULL, refused = max(refused - ?2, 0)
                 WHERE id = ?1",
            )?
            .execute((sink, again))?;
            Ok(())
        })
    }

    /// How often the exchange at place `seq` was refused and is tried again.
    pub fn tries(&self, sink: i64, seq: i64) -> Result<u32, StoreError> {
        let sql = "SELECT tries FROM outbox WHERE sink = ?1 AND exchange = ?2";
        let row = self.conn.prepare_cached(sql)?.query_row((sink, seq), |row| row.get(0));
        Ok(row.optional()?.unwrap_or_default())
    }

    /// The name of a sink, and how many tries failed in a row; `None` if it was forgotten.
    pub fn known(&self, sink: i64) -> Result<Option<(String, u64)>, StoreError> {
        let sql = "SELECT name, failures FROM sink WHERE id = ?1";
        let row = self
            .conn
            .prepare_cached(sql)?
            .query_row([sink], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())));
        Ok(row.optional()?)
    }

    /// Why a sink is stopped, if it is.
    pub fn stopped(&self, sink: i64) -> Result<Option<String>, StoreError> {
        let sql = "SELECT stopped FROM sink WHERE id = ?1";
        let row = self.conn.prepare_cached(sql)?.query_row([sink], |row| row.get(0));
        Ok(row.optional()?.flatten())
    }

    /// Forgets a sink, and all that was or was not delivered there; `false` if there is none.
    pub fn forget(&mut self, name: &str) -> Result<bool, StoreError> {
        let gone = self.conn.execute("DELETE FROM sink WHERE name = ?1", [name])?;
        Ok(gone > 0)
    }

    /// How each sink stands.
    pub fn standing(&self) -> Result<Vec<SinkStanding>, StoreError> {
        standing::all(&self.conn)
    }

    fn write(
        &mut self,
        write: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        write(&tx)?;
        Ok(tx.commit()?)
    }
}

fn seq_of(conn: &Connection, id: Uuid) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT seq FROM exchange WHERE id = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?)
}
