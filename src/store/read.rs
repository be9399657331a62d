//! The capture, open to read.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, params_from_iter};
use uuid::Uuid;

use super::open::{self, nanoseconds};
use super::{
    Cursor, Holder, Listed, Order, Page, RawMessage, Selection, StoreError, StoredMessage, Texts,
    exchange, find, list, message, raw,
};
use crate::flow::Side;
use crate::model::Exchange;

/// The capture, open read-only. Works while a proxy writes; never waits for it, and never
/// holds a transaction once a method has returned.
pub struct Reader {
    conn: Connection,
    path: PathBuf,
    version: u32,
    key: [u8; 32],
}

impl Reader {
    /// Opens the capture at `path`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let (conn, version) = open::reader(path)?;
        let key = open::key(&conn)?;
        Ok(Self { conn, path: path.to_owned(), version, key })
    }

    /// What the user should know if a newer Overhear wrote the file: it is read as far as this
    /// program understands it.
    pub fn warning(&self) -> Option<String> {
        let known = open::known_version();
        (self.version > known).then(|| {
            let (path, found) = (self.path.clone(), self.version);
            StoreError::Newer { path, found, known }.to_string()
        })
    }

    /// A page of the exchanges that `selection` means; goes on after `after`.
    pub fn list(
        &self,
        selection: &Selection,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        list::page(&self.conn, selection, order, after, limit)
    }

    /// The key of the capture's fingerprints.
    pub fn key(&self) -> [u8; 32] {
        self.key
    }

    /// What was written after place `seq`, in the order of writing; 0 is before everything.
    pub fn written_after(
        &self,
        selection: &Selection,
        seq: i64,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        list::written_after(&self.conn, selection, seq, limit)
    }

    /// Of what was written after place `seq`, that which no dialect reads.
    pub fn unread_after(
        &self,
        selection: &Selection,
        seq: i64,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        list::unread_after(&self.conn, selection, seq, limit)
    }

    /// The place of the exchange written last; 0 if there is none.
    pub fn last_seq(&self) -> Result<i64, StoreError> {
        let sql = "SELECT coalesce(max(seq), 0) FROM exchange";
        Ok(self.conn.query_row(sql, [], |row| row.get(0))?)
    }

    /// The one exchange whose id or short id begins with `words`, hyphens or not, or whose id
    /// ends so: its place and its id.
    pub fn find(&self, words: &str) -> Result<(i64, Uuid), StoreError> {
        find::by_words(&self.conn, words)
    }

    /// The narrow row of the exchange that has place `seq`.
    pub fn listed(&self, seq: i64) -> Result<Option<Listed>, StoreError> {
        list::by_seq(&self.conn, seq)
    }

    /// The exchange that has place `seq`, whole; `None` if it was deleted meanwhile.
    pub fn exchange(&self, seq: i64) -> Result<Option<Exchange>, StoreError> {
        // One view of all its tables: a writer may replace the exchange between two reads.
        let tx = self.conn.unchecked_transaction()?;
        exchange::read(&tx, seq)
    }

    /// The bytes of one side of an exchange as they went over the wire, secrets replaced;
    /// checked against the hash they were stored with.
    pub fn raw(&self, seq: i64, side: Side) -> Result<Option<RawMessage>, StoreError> {
        raw::read(&self.conn, &self.key, seq, side)
    }

    /// The bodies as text of an exchange that no dialect reads, where the recorder gave them.
    pub fn texts(&self, seq: i64) -> Result<Texts, StoreError> {
        message::texts(&self.conn, seq)
    }

    /// Exchanges whose flow was opened from `from` to `to`, both included.
    pub fn count_opened_between(&self, from: Timestamp, to: Timestamp) -> Result<u64, StoreError> {
        let count: i64 = self.conn.query_row(
            "SELECT count(*) FROM flow JOIN exchange ON exchange.flow = flow.id
             WHERE opened_at BETWEEN ?1 AND ?2",
            (nanoseconds(from), nanoseconds(to)),
            |row| row.get(0),
        )?;
        Ok(count.unsigned_abs())
    }

    /// Ids of the distinct messages of the exchanges that `selection` means, in the order in
    /// which they were first stored.
    pub fn message_ids(&self, selection: &Selection) -> Result<Vec<i64>, StoreError> {
        let conditions = selection.conditions();
        let sql = if selection.is_everything() {
            "SELECT id FROM message ORDER BY id".to_owned()
        } else {
            format!(
                "SELECT DISTINCT message FROM exchange JOIN exchange_message ON exchange = seq
                 WHERE {} ORDER BY message",
                conditions.sql()
            )
        };
        let mut statement = self.conn.prepare_cached(&sql)?;
        let ids = statement
            .query_map(params_from_iter(conditions.values), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// A distinct message; `None` if it was deleted meanwhile.
    pub fn message(&self, id: i64) -> Result<Option<StoredMessage>, StoreError> {
        message::by_id(&self.conn, id)
    }

    /// Which of the exchanges that `selection` means have the message, the newest first.
    pub fn holders(&self, message: i64, selection: &Selection) -> Result<Vec<Holder>, StoreError> {
        let mut conditions = selection.conditions();
        conditions.and("message = ?", [message]);
        // The index is the message's place among those of its kind: a count over the few rows
        // of one exchange, instead of a column in a table of millions.
        let sql = format!(
            "SELECT seq, (SELECT count(*) FROM exchange_message AS other
                          JOIN message AS kin ON kin.id = other.message
                          WHERE other.exchange = seq
                            AND other.ordinal < min(exchange_message.ordinal)
                            AND kin.kind = (SELECT kind FROM message WHERE id = ?))
             FROM exchange JOIN exchange_message ON exchange = seq
             WHERE {} GROUP BY seq ORDER BY started_at DESC, seq DESC",
            conditions.sql()
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut values = vec![message.into()];
        values.extend(conditions.values);
        let holders = statement
            .query_map(params_from_iter(values), |row| {
                Ok(Holder { seq: row.get(0)?, index: row.get(1)? })
            })?
            .collect::<Result<_, _>>()?;
        Ok(holders)
    }
}
