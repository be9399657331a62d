//! Everything read and hashed again.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use uuid::Uuid;

use super::sweep::is_condemned;
use crate::store::codec::{self, Codec, Hash};
use crate::store::contents::Contents;
use crate::store::{Reader, StoreError, detail, message, raw, tree};

/// Rows looked up at once; no transaction is held from one page to the next.
const ROWS: i64 = 64;

/// Faults that SQLite itself names at most.
const FAULTS_MAX: usize = 100;

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Exchanges.
    pub exchanges: u64,
    /// Requests and replies whose bytes were hashed.
    pub raws: u64,
    /// Their bytes.
    pub raw_bytes: u64,
    /// Distinct messages.
    pub messages: u64,
    /// Chunks of flows.
    pub chunks: u64,
    /// Messages that the index of words does not have yet: no damage, the writer makes up for
    /// it.
    pub unindexed: u64,
    /// What is damaged.
    pub damages: Vec<Damage>,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What, such as `message 7`.
    pub what: String,
    /// How it shows.
    pub how: String,
    /// The exchanges that it hits.
    pub exchanges: Vec<Uuid>,
}

/// Reads and hashes everything; `turn` is told how far it is now and then.
pub fn verify(reader: &Reader, turn: &mut dyn FnMut(&Verified)) -> Result<Verified, StoreError> {
    let (conn, key) = reader.parts();
    let codec = Codec::new(*key)?;
    let mut verifying =
        Verifying { conn, key, codec, verified: Verified::default(), messages: BTreeMap::new() };
    verifying.file()?;
    verifying.messages(turn)?;
    verifying.exchanges(turn)?;
    verifying.chunks()?;
    verifying.index()?;
    // What no exchange has hits none.
    let left = std::mem::take(&mut verifying.messages);
    for (id, how) in left {
        verifying.damage(format!("message {id}"), how, Vec::new());
    }
    Ok(verifying.verified)
}

/// Place, id, `detail` and `messages` of an exchange.
type Row = (i64, Uuid, Option<Vec<u8>>, Option<Vec<u8>>);

struct Verifying<'a> {
    conn: &'a Connection,
    key: &'a [u8; 32],
    codec: Codec,
    verified: Verified,
    /// Damaged messages, and how.
    messages: BTreeMap<i64, String>,
}

impl Verifying<'_> {
    fn damage(&mut self, what: String, how: String, exchanges: Vec<Uuid>) {
        self.verified.damages.push(Damage { what, how, exchanges });
    }

    /// What SQLite itself can tell, table by table: so no transaction is long.
    fn file(&mut self) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name",
        )?;
        let tables: Vec<String> =
            statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut told = BTreeSet::new();
        for table in tables {
            let sql = format!("PRAGMA integrity_check('{table}')");
            let mut statement = self.conn.prepare(&sql)?;
            let mut rows = statement.query([])?;
            loop {
                // A page that cannot be read at all ends the pragma itself.
                let how: String = match rows.next() {
                    Ok(Some(row)) => row.get(0)?,
                    Ok(None) => break,
                    Err(error) => error.to_string(),
                };
                let is_over = how == "ok" || told.len() >= FAULTS_MAX;
                if !is_over && told.insert(how.clone()) {
                    self.damage(format!("table `{table}`"), how, Vec::new());
                }
                if is_over {
                    break;
                }
            }
        }
        let mut statement = self.conn.prepare("PRAGMA foreign_key_check")?;
        let mut rows = statement.query([])?;
        while let Ok(Some(row)) = rows.next() {
            let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
            let how = format!("it refers to a row of `{parent}` that is not there");
            self.damage(format!("a row of `{table}`"), how, Vec::new());
        }
        Ok(())
    }

    fn messages(&mut self, turn: &mut dyn FnMut(&Verified)) -> Result<(), StoreError> {
        let sql = "SELECT id, hash, kind, body FROM message WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut cursor = 0_i64;
        loop {
            let mut page: Vec<(i64, Hash, String, Vec<u8>)> = Vec::new();
            let fault = self.page(sql, cursor, |row| {
                page.push((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
                Ok(())
            })?;
            for (id, hash, kind, body) in &page {
                self.verified.messages += 1;
                cursor = *id;
                let how = match tree::read(self.conn, body) {
                    Err(error) => Some(words(&error)),
                    Ok(json) => {
                        let fits = self.codec.message_hash(kind, &json) == *hash
                            || is_condemned(*id, hash);
                        (!fits).then(|| "its text is not the one that was stored".to_owned())
                    }
                };
                if let Some(how) = how {
                    self.messages.insert(*id, how);
                }
            }
            turn(&self.verified);
            if let Some(how) = fault {
                self.damage("table `message`".to_owned(), how, Vec::new());
                return Ok(());
            }
            if page.is_empty() {
                return Ok(());
            }
        }
    }

    fn exchanges(&mut self, turn: &mut dyn FnMut(&Verified)) -> Result<(), StoreError> {
        let sql = "SELECT seq, id, detail, messages
                   FROM exchange LEFT JOIN content ON content.exchange = seq
                   WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let mut cursor = 0_i64;
        let mut hit: BTreeMap<i64, Vec<Uuid>> = BTreeMap::new();
        loop {
            let mut page: Vec<Row> = Vec::new();
            let fault = self.page(sql, cursor, |row| {
                page.push((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
                Ok(())
            })?;
            for (seq, id, detail, messages) in &page {
                self.verified.exchanges += 1;
                cursor = *seq;
                let what = || format!("exchange {id}");
                match (detail, messages) {
                    (Some(detail), Some(messages)) => {
                        if let Err(error) = self.detail(detail) {
                            self.damage(
                                what(),
                                format!("its headers: {}", words(&error)),
                                vec![*id],
                            );
                        }
                        match self.contents(messages)? {
                            Ok(damaged) => {
                                damaged
                                    .into_iter()
                                    .for_each(|m| hit.entry(m).or_default().push(*id));
                            }
                            Err(how) => self.damage(what(), how, vec![*id]),
                        }
                    }
                    _ => self.damage(what(), "it has no content".to_owned(), vec![*id]),
                }
                self.raw(*seq, *id)?;
            }
            turn(&self.verified);
            if let Some(how) = fault {
                self.damage("table `exchange`".to_owned(), how, Vec::new());
                break;
            }
            if page.is_empty() {
                break;
            }
        }
        for (message, exchanges) in hit {
            let how = self.messages.remove(&message).unwrap_or_else(|| "it is missing".to_owned());
            self.damage(format!("message {message}"), how, exchanges);
        }
        Ok(())
    }

    fn detail(&self, root: &[u8]) -> Result<(), StoreError> {
        detail::from_json::<detail::Detail<'static>>(&tree::read(self.conn, root)?).map(drop)
    }

    /// The messages of an exchange that are damaged or missing; how its list is damaged.
    fn contents(&self, packed: &[u8]) -> Result<Result<Vec<i64>, String>, StoreError> {
        let contents = match Contents::unpack(packed) {
            Ok(contents) => contents,
            Err(error) => return Ok(Err(words(&error))),
        };
        let mut damaged = Vec::new();
        for id in contents.ids() {
            if self.messages.contains_key(&id) || !message::is_there(self.conn, id)? {
                damaged.push(id);
            }
        }
        Ok(Ok(damaged))
    }

    fn raw(&mut self, seq: i64, id: Uuid) -> Result<(), StoreError> {
        for side in crate::flow::Side::BOTH {
            match raw::check(self.conn, self.key, seq, side) {
                Ok(None) => {}
                Ok(Some(length)) => {
                    self.verified.raws += 1;
                    self.verified.raw_bytes += length;
                }
                Err(error) => {
                    let which = match side {
                        crate::flow::Side::Downstream => "request",
                        crate::flow::Side::Upstream => "reply",
                    };
                    let what = format!("{which} of exchange {id}");
                    self.damage(what, words(&error), vec![id]);
                }
            }
        }
        Ok(())
    }

    fn chunks(&mut self) -> Result<(), StoreError> {
        let sql = "SELECT rowid, flow, length, coding, bytes FROM raw_chunk
                   WHERE rowid > ?1 ORDER BY rowid LIMIT ?2";
        let mut cursor = 0_i64;
        loop {
            let mut page: Vec<(i64, Uuid, i64, String, Vec<u8>)> = Vec::new();
            let fault = self.page(sql, cursor, |row| {
                page.push((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
                Ok(())
            })?;
            for (rowid, flow, length, coding, packed) in &page {
                self.verified.chunks += 1;
                cursor = *rowid;
                let bytes = codec::Coding::from_word(coding)
                    .and_then(|coding| codec::unpack(coding, packed.clone()));
                let how = match bytes {
                    Ok(bytes) if bytes.len() as u64 == length.unsigned_abs() => continue,
                    Ok(_) => "it is not as long as it was".to_owned(),
                    Err(error) => words(&error),
                };
                let hit = self.of_flow(*flow)?;
                self.damage(format!("bytes of flow {flow}"), how, hit);
            }
            if let Some(how) = fault {
                self.damage("table `raw_chunk`".to_owned(), how, Vec::new());
                return Ok(());
            }
            if page.is_empty() {
                return Ok(());
            }
        }
    }

    fn of_flow(&self, flow: Uuid) -> Result<Vec<Uuid>, StoreError> {
        let sql = "SELECT id FROM exchange WHERE flow = ?1 ORDER BY place";
        let mut statement = self.conn.prepare_cached(sql)?;
        Ok(statement.query_map([flow], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    fn index(&mut self) -> Result<(), StoreError> {
        let sql = "SELECT count(*) FROM message WHERE id > (SELECT indexed FROM capture)";
        let unindexed: i64 = self.conn.query_row(sql, [], |row| row.get(0))?;
        self.verified.unindexed = unindexed.unsigned_abs();
        Ok(())
    }

    /// Reads a page of rows; gives what SQLite said if it could not.
    fn page(
        &self,
        sql: &str,
        cursor: i64,
        mut take: impl FnMut(&rusqlite::Row<'_>) -> Result<(), rusqlite::Error>,
    ) -> Result<Option<String>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query((cursor, ROWS))?;
        loop {
            match rows.next() {
                Ok(Some(row)) => take(row)?,
                Ok(None) => return Ok(None),
                Err(error) => match StoreError::from(error) {
                    error @ (StoreError::Corrupt { .. } | StoreError::Disk(_)) => {
                        return Ok(Some(words(&error)));
                    }
                    error => return Err(error),
                },
            }
        }
    }
}

/// What happened, without the hint.
fn words(error: &StoreError) -> String {
    match error {
        StoreError::Corrupt { what } | StoreError::Damaged { what } => what.clone(),
        error => error.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}
