//! The capture, open to read.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use uuid::Uuid;

use super::exchange::first_words;
use super::index::{self, Candidates, Need};
use super::open::{self, nanoseconds};
use super::{
    Cursor, EgressRow, EgressSelection, FlowRow, Health, Kind, LeakedIn, Listed, Order, Page,
    Parts, PromptUse, RawChunk, RawMessage, Selection, SinkStanding, StoreError, StoredMessage,
    Tally, Texts, ThreadPage, assemble, egress, find, flow, keep, leak, list, message, occurrence,
    outbox, prompt, raw, select, tally, thread, turn,
};
use crate::flow::Side;
use crate::model::{Annotations, Exchange, Message};

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

    /// The connection and the key, for whoever looks at all of it.
    pub(super) fn parts(&self) -> (&Connection, &[u8; 32]) {
        (&self.conn, &self.key)
    }

    /// How the capture is at `now`.
    pub fn health(&self, now: Timestamp) -> Result<Health, StoreError> {
        keep::health(&self.conn, &self.path, self.version, now)
    }

    /// How the bytes of the file are shared out; reads all of it.
    pub fn shares(&self) -> Result<Parts, StoreError> {
        keep::parts(&self.conn)
    }

    /// The places of the exchanges that `selection` means, the oldest first, and how many bytes
    /// their requests and replies have.
    pub fn places(&self, selection: &Selection) -> Result<(Vec<i64>, u64), StoreError> {
        select::places(&self.conn, selection)
    }

    /// The flow of an exchange, if it was read.
    pub fn flow(&self, flow: Uuid) -> Result<Option<FlowRow>, StoreError> {
        flow::read(&self.conn, flow)
    }

    /// The bytes of a flow that are kept as chunks.
    pub fn chunks(&self, flow: Uuid) -> Result<Vec<RawChunk>, StoreError> {
        flow::chunks(&self.conn, flow)
    }

    /// The places of the exchanges of a flow, in their order there.
    pub fn of_flow(&self, flow: Uuid) -> Result<Vec<i64>, StoreError> {
        let sql = "SELECT seq FROM exchange WHERE flow = ?1 ORDER BY place, seq";
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.query_map([flow], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// As [`raw`](Reader::raw), without the frames that are kept as chunks.
    pub fn own_raw(&self, seq: i64, side: Side) -> Result<Option<RawMessage>, StoreError> {
        raw::own(&self.conn, &self.key, seq, side)
    }

    /// What people said of the exchange that has place `seq`.
    pub fn annotations(&self, seq: i64) -> Result<Annotations, StoreError> {
        keep::annotations(&self.conn, seq)
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

    /// Hands the columns that statistics add up of every exchange that `selection` means to
    /// `each`, in any order.
    pub fn tally(
        &self,
        selection: &Selection,
        each: impl FnMut(&Tally<'_>),
    ) -> Result<(), StoreError> {
        tally::for_each(&self.conn, selection, each)
    }

    /// When the first and the last of the exchanges that `selection` means began.
    pub fn began(
        &self,
        selection: &Selection,
    ) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
        tally::began(&self.conn, selection)
    }

    /// Where apps went, by app, origin and verdict: see [`EgressRow`].
    pub fn egress(&self, selection: &EgressSelection) -> Result<Vec<EgressRow>, StoreError> {
        egress::rows(&self.conn, selection)
    }

    /// How deliveries to each sink stand.
    pub fn sinks(&self) -> Result<Vec<SinkStanding>, StoreError> {
        outbox::all(&self.conn)
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

    /// The name of the one thread whose name begins with `words`, or that has the exchange of
    /// that id.
    pub fn find_thread(&self, words: &str) -> Result<String, StoreError> {
        find::thread_by_words(&self.conn, words)
    }

    /// A page of the threads that have an exchange which `selection` means, those below others
    /// counted with them, that with the newest exchange first; goes on after `after`.
    pub fn threads(
        &self,
        selection: &Selection,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<ThreadPage, StoreError> {
        thread::newest(&self.conn, selection, after, limit)
    }

    /// The exchange that has place `seq` with what is new in it: of its messages those that were
    /// not said before in the thread, and how many were left out.
    pub fn exchange_anew(&self, seq: i64) -> Result<Option<(Exchange, usize)>, StoreError> {
        let tx = self.conn.unchecked_transaction()?;
        assemble::read_anew(&tx, seq)
    }

    /// The first answer of the exchange that has place `seq`, alone; `None` if there is none.
    pub fn answer(&self, seq: i64) -> Result<Option<Message>, StoreError> {
        assemble::answer(&self.conn, seq)
    }

    /// Which system prompt and which set of tools the exchange of place `seq` has: two that have
    /// the same have the same number.
    pub fn prompt_of(&self, seq: i64) -> Result<(Option<i64>, Option<i64>), StoreError> {
        let sql = "SELECT system, tools FROM exchange WHERE seq = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        Ok(found.unwrap_or_default())
    }

    /// The narrow row of the exchange that has place `seq`.
    pub fn listed(&self, seq: i64) -> Result<Option<Listed>, StoreError> {
        list::by_seq(&self.conn, seq)
    }

    /// As `first_words` of a list, of those messages that were not said before in the thread.
    pub fn words_anew(&self, seq: i64) -> Result<Option<String>, StoreError> {
        let anew = self.exchange_anew(seq)?;
        Ok(anew.and_then(|(exchange, _)| first_words(&exchange.request.messages)))
    }

    /// The exchanges of the thread that the exchange with place `seq` is in, the oldest first.
    pub fn thread_of(&self, seq: i64) -> Result<Vec<Listed>, StoreError> {
        list::thread_of(&self.conn, seq)
    }

    /// The place of the turn before that of place `seq`: the exchange that it continues, else
    /// the one before it in its thread that asked for the same operation.
    pub fn turn_before(&self, seq: i64) -> Result<Option<i64>, StoreError> {
        turn::before(&self.conn, seq)
    }

    /// The exchange that has place `seq`, whole; `None` if it was deleted meanwhile.
    pub fn exchange(&self, seq: i64) -> Result<Option<Exchange>, StoreError> {
        // One view of all its tables: a writer may replace the exchange between two reads.
        let tx = self.conn.unchecked_transaction()?;
        assemble::read(&tx, seq)
    }

    /// The bytes of one side of an exchange as they went over the wire, secrets replaced;
    /// checked against the hash they were stored with.
    pub fn raw(&self, seq: i64, side: Side) -> Result<Option<RawMessage>, StoreError> {
        raw::read(&self.conn, &self.key, seq, side)
    }

    /// Whether the body of a side of an exchange that no dialect reads is kept as text, and so
    /// is a message.
    pub fn has_text(&self, seq: i64, side: Side) -> Result<bool, StoreError> {
        message::has_text(&self.conn, seq, side)
    }

    /// The bodies as text of an exchange that no dialect reads, where the recorder gave them.
    pub fn texts(&self, seq: i64) -> Result<Texts, StoreError> {
        message::texts(&self.conn, seq)
    }

    /// How many exchanges `selection` means.
    pub fn count(&self, selection: &Selection) -> Result<u64, StoreError> {
        list::count(&self.conn, selection.conditions())
    }

    /// Of the exchanges that `selection` means, how many are of flows that were opened from
    /// `from` to `to`, both included.
    pub fn count_opened_between(
        &self,
        from: Timestamp,
        to: Timestamp,
        selection: &Selection,
    ) -> Result<u64, StoreError> {
        let mut conditions = selection.conditions();
        conditions.and(
            "exchange.flow IN (SELECT id FROM flow WHERE opened_at BETWEEN ? AND ?)",
            [nanoseconds(from), nanoseconds(to)],
        );
        list::count(&self.conn, conditions)
    }

    /// Ids of the distinct messages of the exchanges that `selection` means, in the order in
    /// which they were first stored.
    pub fn message_ids(&self, selection: &Selection) -> Result<Vec<i64>, StoreError> {
        occurrence::message_ids(&self.conn, selection)
    }

    /// The messages that may have what `need` says.
    pub fn candidates(&self, need: &Need) -> Result<Candidates, StoreError> {
        index::candidates(&self.conn, need)
    }

    /// A distinct message; `None` if it was deleted meanwhile.
    pub fn message(&self, id: i64) -> Result<Option<StoredMessage>, StoreError> {
        message::by_id(&self.conn, id)
    }

    /// The id of the message stored last; 0 if there is none.
    pub fn last_message(&self) -> Result<i64, StoreError> {
        let sql = "SELECT coalesce(max(id), 0) FROM message";
        Ok(self.conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// Whether no more than `limit` exchanges are meant.
    pub fn are_few(&self, selection: &Selection, limit: usize) -> Result<bool, StoreError> {
        let conditions = selection.conditions();
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM exchange WHERE {} LIMIT {})",
            conditions.sql(),
            limit.saturating_add(1)
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let count: i64 =
            statement.query_row(params_from_iter(conditions.values), |row| row.get(0))?;
        Ok(usize::try_from(count).is_ok_and(|count| count <= limit))
    }

    /// Size of what the file holds, in bytes; pages that are free do not count.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        let pages: i64 = self.conn.query_row(
            "SELECT (page_count - freelist_count) * page_size
             FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
            [],
            |row| row.get(0),
        )?;
        Ok(pages.unsigned_abs())
    }

    /// Another reader of the same file, for another thread.
    pub fn again(&self) -> Result<Self, StoreError> {
        Self::open(&self.path)
    }

    pub(super) fn conn(&self) -> &Connection {
        &self.conn
    }

    /// The secrets that exchanges carried to a model, of those that `selection` means and that
    /// were written after place `seq`: those of whole exchanges, about `limit`; none if there
    /// are no more.
    pub fn leaks_after(
        &self,
        selection: &Selection,
        seq: i64,
        limit: usize,
    ) -> Result<Vec<LeakedIn>, StoreError> {
        leak::written_after(&self.conn, selection, seq, limit)
    }

    /// The distinct system prompts ([`Kind::System`]) or sets of tools ([`Kind::Tools`]) of the
    /// exchanges that `selection` means, a row for each app that sent them.
    pub fn prompt_uses(
        &self,
        kind: Kind,
        selection: &Selection,
    ) -> Result<Vec<PromptUse>, StoreError> {
        prompt::uses(&self.conn, kind, selection)
    }

    /// Prompts of that kind that took another's place while a conversation went on: the one
    /// before, and the one that came.
    pub fn prompts_rewritten(&self, kind: Kind) -> Result<Vec<(i64, i64)>, StoreError> {
        prompt::rewritten(&self.conn, kind)
    }
}
