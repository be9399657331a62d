//! Bringing words of messages into the index, behind the one who writes the messages.

use std::hash::{BuildHasher, RandomState};

use rusqlite::{Connection, TransactionBehavior};

use super::vocabulary::{Hashes, Vocabulary};
use super::words::Cutter;
use crate::store::text::texts;
use crate::store::{Content, StoreError, message};

/// Messages of one transaction.
const SLICE_MESSAGES: usize = 256;

/// Distinct words of one transaction, in bytes: some milliseconds of work.
const SLICE_BYTES: usize = 128 << 10;

/// Pages of the index that are merged after each slice, in a transaction of its own. FTS5
/// would do that in the slice's (`automerge`), and now and then all of it at once.
const MERGED_PAGES: i64 = 64;

/// Distinct words for which room is kept from one message to the next.
const DISTINCT_WORDS_KEPT: usize = 1 << 16;

/// What the writer of the index keeps in memory.
#[derive(Default)]
pub(in crate::store) struct Indexer {
    words: Words,
    /// The vocabulary and the last message in it, as this indexer left them.
    left: Option<(Vocabulary, i64)>,
}

/// A slice of messages: their ids and words.
type Slice = Vec<(i64, String)>;

impl Indexer {
    /// Indexes the next messages in a transaction of its own; gives how many, 0 if none wait.
    pub(in crate::store) fn fill(&mut self, conn: &mut Connection) -> Result<usize, StoreError> {
        let indexed = last_indexed(conn)?;
        // Taken out until all is written: after an error the table is what counts.
        let mut vocabulary = match self.left.take() {
            Some((vocabulary, last)) if last == indexed => vocabulary,
            _ => Vocabulary::load(conn, &self.words.hasher)?,
        };
        let slice = self.words.read(conn, indexed, &mut vocabulary)?;
        let Some((last, _)) = slice.last() else {
            self.left = Some((vocabulary, indexed));
            return Ok(0);
        };
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if last_indexed(&tx)? != indexed {
            // Another process was here meanwhile. The next slice begins where it left off.
            return Ok(slice.len());
        }
        for (id, words) in &slice {
            tx.prepare_cached("INSERT INTO word (rowid, words) VALUES (?1, ?2)")?
                .execute((id, words))?;
        }
        vocabulary.write(&tx)?;
        tx.prepare_cached("UPDATE capture SET indexed = ?1")?.execute([last])?;
        tx.commit()?;
        self.left = Some((vocabulary, *last));
        conn.prepare_cached("INSERT INTO word (word, rank) VALUES ('merge', ?1)")?
            .execute([MERGED_PAGES])?;
        Ok(slice.len())
    }
}

/// Takes the words of messages that are about to be deleted out of the index. To be called in
/// the transaction that deletes them, before it does.
pub(in crate::store) fn forget(conn: &Connection, messages: &[i64]) -> Result<(), StoreError> {
    let indexed = last_indexed(conn)?;
    let mut words = Words::default();
    let mut delete =
        conn.prepare_cached("INSERT INTO word (word, rowid, words) VALUES ('delete', ?1, ?2)")?;
    for id in messages.iter().filter(|id| **id <= indexed) {
        if let Some(stored) = message::by_id(conn, *id)? {
            delete.execute((id, words.of(&stored.content, |_, _| {})))?;
        }
    }
    Ok(())
}

/// Forgets all; [`Indexer::fill`] begins anew.
pub(in crate::store) fn clear(conn: &mut Connection) -> Result<(), StoreError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("INSERT INTO word (word) VALUES ('delete-all')", [])?;
    tx.execute("DELETE FROM vocabulary", [])?;
    tx.execute("UPDATE capture SET indexed = 0", [])?;
    Ok(tx.commit()?)
}

/// The last message whose words are in the index.
pub(super) fn last_indexed(conn: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT indexed FROM capture";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// Finds the distinct words of messages.
#[derive(Default)]
struct Words {
    cutter: Cutter,
    /// The same for all messages: the vocabulary knows words by their hashes.
    hasher: RandomState,
    distinct: Hashes,
}

impl Words {
    fn read(
        &mut self,
        conn: &Connection,
        after: i64,
        vocabulary: &mut Vocabulary,
    ) -> Result<Slice, StoreError> {
        let mut statement =
            conn.prepare_cached("SELECT id FROM message WHERE id > ?1 ORDER BY id LIMIT ?2")?;
        let mut rows = statement.query((after, SLICE_MESSAGES as i64))?;
        let mut slice = Slice::new();
        let mut bytes = 0;
        while let Some(row) = rows.next()?
            && bytes < SLICE_BYTES
        {
            let id = row.get(0)?;
            let words = match message::by_id(conn, id) {
                Ok(Some(stored)) => {
                    self.of(&stored.content, |word, hash| vocabulary.add(word, hash))
                }
                // What is damaged has no words; it must not hold up all that comes after it.
                Ok(None) | Err(StoreError::Corrupt { .. }) => String::new(),
                Err(error) => return Err(error),
            };
            bytes += words.len();
            slice.push((id, words));
        }
        Ok(slice)
    }

    /// The distinct words of a message, a space between them.
    fn of(&mut self, content: &Content, mut each: impl FnMut(&str, u64)) -> String {
        let mut words = String::new();
        self.distinct.clear();
        self.distinct.shrink_to(DISTINCT_WORDS_KEPT);
        for text in texts(content) {
            self.cutter.cut(&text.text, |word| {
                let hash = self.hasher.hash_one(word);
                if self.distinct.insert(hash) {
                    each(word, hash);
                    words.push_str(word);
                    words.push(' ');
                }
            });
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::model::{Exchange, Message, Part};
    use crate::store::index::{Candidates, Need};
    use crate::store::tests::sample::{Capture, turn};

    fn saying(n: u32, texts: &[String]) -> Exchange {
        let mut exchange = turn(n);
        let say = |text: &String| Message { role: "user".into(), parts: vec![Part::text(text)] };
        exchange.request.messages = texts.iter().map(say).collect();
        exchange
    }

    fn found(capture: &Capture, literal: &str) -> Candidates {
        capture.reader().candidates(&Need::of_literal(literal)).unwrap()
    }

    fn fill(capture: &mut Capture) -> usize {
        std::iter::from_fn(|| Some(capture.store.index_some().unwrap()).filter(|n| *n > 0)).sum()
    }

    #[test]
    fn what_was_stored_is_indexed_once_and_in_order() {
        let mut capture = Capture::new();
        assert_eq!(fill(&mut capture), 0);
        // A system prompt and a set of tools come with them, and the answer.
        capture.write(&[saying(0, &["alpha beta".into(), "天気予報 beta".into()])]);
        assert_eq!(fill(&mut capture), 5);
        for (literal, expected) in [
            ("alpha", Some(vec![3])),
            ("lph", Some(vec![3])),
            ("beta", Some(vec![4, 3])),
            ("气", Some(vec![])),
            ("気", Some(vec![4])),
            ("気予報", Some(vec![4])),
            ("nowhere", Some(vec![])),
            ("->", None),
        ] {
            let candidates = Candidates { ids: expected, indexed: 5 };
            assert_eq!(found(&capture, literal), candidates, "{literal}");
        }
        capture.write(&[saying(1, &["gamma".into()])]);
        assert_eq!(found(&capture, "gamma"), Candidates { ids: Some(vec![]), indexed: 5 });
        assert_eq!(fill(&mut capture), 2);
        assert_eq!(found(&capture, "gamma").ids, Some(vec![6]));
    }

    #[test]
    fn a_second_writer_and_an_emptied_index_are_noticed() {
        let mut capture = Capture::new();
        let mut other = crate::store::Store::open(&capture.path()).unwrap();
        for n in 0..40 {
            capture.write(&[saying(n, &[format!("word{n} common")])]);
            let indexed = if n % 3 == 0 { other.index_some() } else { capture.store.index_some() };
            assert!(indexed.unwrap() > 0);
            if n == 20 {
                other.clear_index().unwrap();
            }
        }
        fill(&mut capture);
        for n in 0..40 {
            let ids = found(&capture, &format!("ord{n} ")).ids.unwrap();
            assert_eq!(ids.len(), 1, "word{n}");
        }
    }

    #[test]
    fn deleted_messages_are_not_found_and_their_ids_not_used_again() {
        let mut capture = Capture::new();
        capture.write(&[saying(0, &["alpha beta".into(), "beta".into()])]);
        fill(&mut capture);
        let conn = Connection::open(capture.path()).unwrap();
        forget(&conn, &[3, 5, 99]).unwrap();
        conn.execute("DELETE FROM message WHERE id IN (3, 5)", []).unwrap();
        assert_eq!(found(&capture, "alpha").ids, Some(vec![]));
        assert_eq!(found(&capture, "beta").ids, Some(vec![4]));
        capture.write(&[saying(1, &["delta".into()])]);
        fill(&mut capture);
        assert_eq!(found(&capture, "delta").ids, Some(vec![6]));
    }
}
