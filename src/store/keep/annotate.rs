//! What people say of exchanges: pins, tags, notes.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::slice::{self, Progress};
use crate::model::Annotations;
use crate::store::StoreError;
use crate::store::open::nanoseconds;

/// Something that a person says of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// It stays, whatever its age.
    Pin,
    /// A word to find it by.
    Tag(String),
    /// A sentence to remember.
    Note(String),
}

/// What cannot be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemarkError {
    /// A tag with spaces, or none.
    #[error("a tag is one word\nhint: a note takes sentences")]
    Tag,
    /// A note without words.
    #[error("the note is empty")]
    Note,
}

impl Remark {
    /// A tag.
    pub fn tag(word: &str) -> Result<Self, RemarkError> {
        let word = word.trim();
        match word.is_empty() || word.contains(char::is_whitespace) {
            true => Err(RemarkError::Tag),
            false => Ok(Self::Tag(word.to_owned())),
        }
    }

    /// A note.
    pub fn note(text: String) -> Result<Self, RemarkError> {
        match text.trim().is_empty() {
            true => Err(RemarkError::Note),
            false => Ok(Self::Note(text)),
        }
    }

    /// Kind and text, as the capture has them.
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Pin => ("pin", ""),
            Self::Tag(text) => ("tag", text),
            Self::Note(text) => ("note", text),
        }
    }
}

pub(in crate::store) fn add(
    conn: &mut Connection,
    seqs: &[i64],
    remark: &Remark,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let (kind, text) = remark.parts();
    // An exchange may have been deleted since it was found: then there is nothing to say.
    let sql = "INSERT INTO annotation (exchange, kind, text, at)
               SELECT seq, ?2, ?3, ?4 FROM exchange WHERE seq = ?1 ON CONFLICT DO NOTHING";
    each(conn, seqs, |conn, seq| {
        Ok(conn.prepare_cached(sql)?.execute(params![seq, kind, text, nanoseconds(at)])?)
    })
}

pub(super) fn remove(
    conn: &mut Connection,
    seqs: &[i64],
    remark: &Remark,
) -> Result<u64, StoreError> {
    let (kind, text) = remark.parts();
    let sql = "DELETE FROM annotation WHERE exchange = ?1 AND kind = ?2 AND text = ?3";
    each(conn, seqs, |conn, seq| Ok(conn.prepare_cached(sql)?.execute(params![seq, kind, text])?))
}

/// Does it for each, in slices; counts what was changed.
fn each(
    conn: &mut Connection,
    seqs: &[i64],
    mut change: impl FnMut(&Connection, i64) -> Result<usize, StoreError>,
) -> Result<u64, StoreError> {
    let mut left = seqs.iter();
    let mut changed = 0;
    let step = |conn: &Connection, left: &mut std::slice::Iter<'_, i64>, changed: &mut u64| {
        let Some(seq) = left.next() else { return Ok(Progress::Done) };
        *changed += change(conn, *seq)? as u64;
        Ok(Progress::More)
    };
    let mut step = step;
    while slice::write(conn, |tx| step(tx, &mut left, &mut changed))? == Progress::More {
        slice::let_others();
    }
    Ok(changed)
}

/// What was said of the exchange that has place `seq`, in the order in which it was said.
pub(in crate::store) fn of_exchange(
    conn: &Connection,
    seq: i64,
) -> Result<Annotations, StoreError> {
    let sql = "SELECT kind, text FROM annotation WHERE exchange = ?1 ORDER BY at, text";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([seq])?;
    let mut annotations = Annotations::default();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        match kind.as_str() {
            "pin" => annotations.pinned = true,
            "tag" => annotations.tags.push(row.get(1)?),
            _ => annotations.notes.push(row.get(1)?),
        }
    }
    Ok(annotations)
}
