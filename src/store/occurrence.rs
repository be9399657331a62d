//! Where messages were said.

use std::collections::HashMap;
use std::rc::Rc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use uuid::Uuid;

use super::contents::Contents;
use super::message::{Holder, Kind, List};
use super::open::timestamp;
use super::select::Conditions;
use super::{Reader, Selection, StoreError};

/// Ids of messages kept in memory, in all threads together: 32 MB. Beyond it all are forgotten.
const IDS_KEPT_MAX: usize = 4 << 20;

/// Ids of the distinct messages of the exchanges that `selection` means, ascending.
pub(super) fn message_ids(
    conn: &Connection,
    selection: &Selection,
) -> Result<Vec<i64>, StoreError> {
    if selection.is_everything() {
        let mut statement = conn.prepare_cached("SELECT id FROM message ORDER BY id")?;
        let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        return Ok(ids);
    }
    let conditions = selection.conditions();
    let sql = format!(
        "SELECT messages FROM exchange JOIN content ON content.exchange = exchange.seq WHERE {}",
        conditions.sql()
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values))?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        let packed: Vec<u8> = row.get(0)?;
        ids.extend(Contents::unpack(&packed)?.ids());
        if ids.len() >= IDS_KEPT_MAX {
            ids.sort_unstable();
            ids.dedup();
        }
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// From where to where a message was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The oldest exchange that has it.
    pub first: Holder,
    /// The newest one.
    pub last: Holder,
    /// How many have it.
    pub count: usize,
}

/// Looks up where messages were said among the exchanges that a selection means. Remembers the
/// threads that it has read, for hits come many to a thread.
pub struct Occurrences<'a> {
    reader: &'a Reader,
    selection: &'a Selection,
    threads: HashMap<i64, Rc<[Said]>>,
    ids: usize,
}

/// What an exchange of a thread says.
struct Said {
    seq: i64,
    id: Uuid,
    started_at: Timestamp,
    contents: Contents,
}

impl<'a> Occurrences<'a> {
    /// Among the exchanges that `selection` means.
    pub fn new(reader: &'a Reader, selection: &'a Selection) -> Self {
        Self { reader, selection, threads: HashMap::new(), ids: 0 }
    }

    /// Each exchange that has the message, the newest first.
    pub fn all(&mut self, message: i64) -> Result<Vec<Holder>, StoreError> {
        let mut statement = self
            .reader
            .conn()
            .prepare_cached("SELECT thread FROM message_thread WHERE message = ?1")?;
        let threads = statement.query_map([message], |row| row.get(0))?;
        let threads = threads.collect::<Result<Vec<i64>, _>>()?;
        let mut holders = Vec::new();
        for &thread in &threads {
            let said = self.thread(thread)?;
            holders.extend(said.iter().filter_map(|said| said.holder(message)));
        }
        if threads.len() > 1 {
            holders
                .sort_unstable_by_key(|holder| std::cmp::Reverse((holder.started_at, holder.seq)));
        }
        Ok(holders)
    }

    /// From where to where a message of this kind was said; `None` if no exchange that is meant
    /// has it.
    pub fn span(&mut self, message: i64, kind: Kind) -> Result<Option<Span>, StoreError> {
        // A system prompt or a set of tools may be in each exchange of every thread.
        match kind {
            Kind::System => return self.span_by_column(message, List::System, "system"),
            Kind::Tools => return self.span_by_column(message, List::Tools, "tools"),
            Kind::Message | Kind::RequestText | Kind::ReplyText => {}
        }
        let holders = self.all(message)?;
        let ends = holders.last().zip(holders.first());
        Ok(ends.map(|(&first, &last)| Span { first, last, count: holders.len() }))
    }

    fn span_by_column(
        &self,
        message: i64,
        list: List,
        column: &str,
    ) -> Result<Option<Span>, StoreError> {
        let mut conditions = Conditions::default();
        conditions.and(&format!("{column} = ?"), [message]);
        conditions.and_all(self.selection.conditions());
        let holder = |direction: &str| -> Result<Option<Holder>, StoreError> {
            let sql = format!(
                "SELECT seq, id, started_at FROM exchange WHERE {}
                 ORDER BY started_at {direction}, seq {direction} LIMIT 1",
                conditions.sql()
            );
            let mut statement = self.reader.conn().prepare_cached(&sql)?;
            let holder = statement.query_row(params_from_iter(&conditions.values), |row| {
                let (seq, id, at) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Holder { seq, id, started_at: timestamp(at), list, index: 0 })
            });
            Ok(holder.optional()?)
        };
        let Some(last) = holder("DESC")? else { return Ok(None) };
        let sql = format!("SELECT count(*) FROM exchange WHERE {}", conditions.sql());
        let mut statement = self.reader.conn().prepare_cached(&sql)?;
        let count: i64 =
            statement.query_row(params_from_iter(&conditions.values), |row| row.get(0))?;
        let count = usize::try_from(count).unwrap_or_default();
        Ok(holder("ASC")?.map(|first| Span { first, last, count }))
    }

    /// What is said in a thread, the newest exchange first.
    fn thread(&mut self, thread: i64) -> Result<Rc<[Said]>, StoreError> {
        if let Some(known) = self.threads.get(&thread) {
            return Ok(Rc::clone(known));
        }
        let mut conditions = Conditions::default();
        conditions.and("thread_id = ?", [thread]);
        conditions.and_all(self.selection.conditions());
        let sql = format!(
            "SELECT seq, id, started_at, messages
             FROM exchange JOIN content ON content.exchange = exchange.seq
             WHERE {} ORDER BY started_at DESC, seq DESC",
            conditions.sql()
        );
        let mut statement = self.reader.conn().prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(conditions.values))?;
        let mut said = Vec::new();
        let mut ids = 0;
        while let Some(row) = rows.next()? {
            let packed: Vec<u8> = row.get(3)?;
            let contents = Contents::unpack(&packed)?;
            ids += contents.ids().count();
            said.push(Said {
                seq: row.get(0)?,
                id: row.get(1)?,
                started_at: timestamp(row.get(2)?),
                contents,
            });
        }
        if self.ids + ids > IDS_KEPT_MAX {
            self.threads.clear();
            self.ids = 0;
        }
        self.ids += ids;
        let said = Rc::from(said);
        self.threads.insert(thread, Rc::clone(&said));
        Ok(said)
    }
}

impl Said {
    fn holder(&self, message: i64) -> Option<Holder> {
        let (list, index) = place(&self.contents, message)?;
        Some(Holder { seq: self.seq, id: self.id, started_at: self.started_at, list, index })
    }
}

/// The first place at which the message stands.
fn place(contents: &Contents, message: i64) -> Option<(List, u32)> {
    let is = |id: Option<i64>| (id == Some(message)).then_some(0);
    let among = |ids: &[i64]| {
        let index = ids.iter().position(|id| *id == message)?;
        u32::try_from(index).ok()
    };
    // Where most are is looked at first.
    [
        (List::Messages, among(&contents.messages)),
        (List::Choices, among(&contents.choices)),
        (List::System, is(contents.system)),
        (List::Tools, is(contents.tools)),
        (List::Request, is(contents.request)),
        (List::Reply, is(contents.reply)),
    ]
    .into_iter()
    .find_map(|(list, index)| index.map(|index| (list, index)))
}
