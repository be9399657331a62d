//! Stored exchanges that another one may go on from.

use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::origin::Asker;
use crate::model::State;
use crate::store::StoreError;

/// Most exchanges looked at for one hash: more than that say the same only where a script asks
/// the same over and over, and then the newest are as good as any.
const CANDIDATES_MAX: usize = 32;

/// A stored exchange.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) id: Uuid,
    pub(super) thread: i64,
    pub(super) parent: Option<Uuid>,
    pub(super) flow: Uuid,
    pub(super) pid: Option<u32>,
    pub(super) started_at: i64,
    pub(super) state: String,
    pub(super) dialect: Option<String>,
    pub(super) operation: Option<String>,
    pub(super) has_answer: bool,
    pub(super) system: Option<i64>,
    pub(super) tools: Option<i64>,
}

impl Candidate {
    /// Whether it came to its end, with an answer.
    pub(super) fn is_answered(&self) -> bool {
        self.has_answer && self.state == State::Complete.as_str()
    }
}

/// By what candidates are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum By<'a> {
    /// The conversation up to the end of the answer.
    Answered(i64),
    /// The conversation up to the end of the request.
    Asked(i64),
    /// The answer alone.
    Answer(i64),
    /// The provider's id of the answer.
    ReplyId(&'a str),
    /// The exchange's own id.
    Id(Uuid),
}

const COLUMNS: &str = "SELECT id, thread_id, parent, flow, pid, started_at, state, operation,
                              answer IS NOT NULL, system, tools, dialect FROM exchange";
const NEWEST: &str = "AND thread_id IS NOT NULL AND id <> ?2 AND started_at <= ?3
                      ORDER BY started_at DESC, seq DESC LIMIT ?4";

/// Exchanges that began before `asker`'s, the likeliest parent first.
pub(super) fn candidates(
    conn: &Connection,
    by: By<'_>,
    asker: &Asker<'_>,
) -> Result<Vec<Candidate>, StoreError> {
    let condition = match by {
        By::Answered(_) => "answered = ?1",
        By::Asked(_) => "asked = ?1",
        By::Answer(_) => "answer = ?1",
        By::ReplyId(_) => "reply_id = ?1",
        By::Id(_) => "id = ?1",
    };
    let value: &dyn rusqlite::ToSql = match &by {
        By::Answered(hash) | By::Asked(hash) | By::Answer(hash) => hash,
        By::ReplyId(id) => id,
        By::Id(id) => id,
    };
    let mut statement = conn.prepare_cached(&format!("{COLUMNS} WHERE {condition} {NEWEST}"))?;
    let found = statement
        .query_map((value, asker.exchange.id, asker.started_at, CANDIDATES_MAX as u32), read)?;
    let mut found: Vec<Candidate> = found.collect::<Result<_, _>>()?;
    if found.len() > 1 {
        let continued = match by {
            By::Answered(hash) => continued(conn, hash)?,
            _ => Vec::new(),
        };
        // Stable: the newest comes first among equals.
        found.sort_by_key(|candidate| {
            (
                asker.thread != Some(candidate.thread),
                asker.is_foreign(candidate.pid),
                !asker.answers_call_of(candidate.id),
                continued.contains(&candidate.id),
                candidate.flow != asker.exchange.flow,
            )
        });
    }
    Ok(found)
}

/// The exchanges after which the conversation went on already.
fn continued(conn: &Connection, answered: i64) -> Result<Vec<Uuid>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT parent FROM exchange WHERE base = ?1 AND parent IS NOT NULL LIMIT 64",
    )?;
    let parents = statement.query_map([answered], |row| row.get(0))?;
    Ok(parents.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        id: row.get(0)?,
        thread: row.get(1)?,
        parent: row.get(2)?,
        flow: row.get(3)?,
        pid: row.get(4)?,
        started_at: row.get(5)?,
        state: row.get(6)?,
        operation: row.get(7)?,
        has_answer: row.get(8)?,
        system: row.get(9)?,
        tools: row.get(10)?,
        dialect: row.get(11)?,
    })
}
