//! What is stored before that which it goes on from: after a kill, or from a connection that
//! was read sooner.

use rusqlite::Connection;
use uuid::Uuid;

use super::chain::Chains;
use super::recent::Recents;
use super::{Linked, count};
use crate::model::{Exchange, ThreadRule};
use crate::store::contents::Contents;
use crate::store::open::nanoseconds;
use crate::store::{StoreError, assemble, exchange, message};

/// An exchange that was stored without its parent.
struct Child {
    seq: i64,
    thread: i64,
    rule: Option<String>,
}

/// Makes those exchanges the children of `parent` that go on from its answer, and were stored
/// before it.
pub(super) fn adopt_children(
    conn: &Connection,
    chains: &mut Chains,
    recents: &mut Recents,
    parent: &Exchange,
    linked: &Linked,
) -> Result<(), StoreError> {
    let Some(answered) = linked.hashes.answered else { return Ok(()) };
    for child in children(conn, parent, answered)? {
        let is_root = child.rule.as_deref() == Some("first");
        if let Some(read) = assemble::read(conn, child.seq)? {
            let contents = message::of_exchange(conn, child.seq)?;
            let base = chains.of(&read, &contents).base();
            let inherited = base.map(|(at, _)| count(at + 1));
            conn.prepare_cached(
                "UPDATE exchange SET parent = ?2, inherited = ?3,
                     thread_rule = iif(thread_rule IN ('header', 'metadata', 'field'),
                                       thread_rule, 'chain')
                 WHERE seq = ?1",
            )?
            .execute((child.seq, parent.id, inherited))?;
        }
        if is_root && child.thread != linked.thread {
            merge(conn, recents, child.thread, linked, ThreadRule::Chain)?;
        }
    }
    Ok(())
}

/// Later exchanges whose last answer is this one, and which have no parent with that answer.
fn children(conn: &Connection, parent: &Exchange, answered: i64) -> Result<Vec<Child>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, thread_id, thread_rule FROM exchange AS child
         WHERE base = ?1 AND started_at > ?2 AND id <> ?3 AND thread_id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM exchange AS other
                           WHERE other.id = child.parent AND other.answered = ?1)
         ORDER BY started_at LIMIT 64",
    )?;
    let at = nanoseconds(parent.started_at);
    let children = statement.query_map((answered, at, parent.id), |row| {
        Ok(Child { seq: row.get(0)?, thread: row.get(1)?, rule: row.get(2)? })
    })?;
    Ok(children.collect::<Result<_, _>>()?)
}

/// Puts all exchanges of thread `from` into the thread of `linked`. That which began `from` has
/// been put there by `rule`.
pub(super) fn merge(
    conn: &Connection,
    recents: &mut Recents,
    from: i64,
    linked: &Linked,
    rule: ThreadRule,
) -> Result<(), StoreError> {
    let to = linked.thread;
    let mut statement = conn.prepare_cached(
        "SELECT messages FROM exchange JOIN content ON content.exchange = seq
         WHERE thread_id = ?1",
    )?;
    let mut rows = statement.query([from])?;
    while let Some(row) = rows.next()? {
        let packed: Vec<u8> = row.get(0)?;
        let contents = Contents::unpack(&packed)?;
        super::note_messages(conn, to, &contents)?;
        for id in contents.ids() {
            conn.prepare_cached("DELETE FROM message_thread WHERE message = ?1 AND thread = ?2")?
                .execute((id, from))?;
        }
    }
    conn.prepare_cached(
        "UPDATE exchange SET thread_id = ?2, thread = ?3,
             thread_rule = iif(thread_rule = 'first', ?4, thread_rule)
         WHERE thread_id = ?1",
    )?
    .execute((from, to, &linked.name, exchange::word(rule)?))?;
    conn.prepare_cached("UPDATE thread SET parent = ?2 WHERE parent = ?1 AND id <> ?2")?
        .execute((from, to))?;
    conn.prepare_cached("DELETE FROM thread WHERE id = ?1")?.execute([from])?;
    recents.merge(from, to);
    Ok(())
}

/// Notes of an exchange that began a thread that it is about the thread.
pub(super) fn is_about(
    conn: &Connection,
    recents: &mut Recents,
    exchange: Uuid,
) -> Result<(), StoreError> {
    let rule = exchange::word(ThreadRule::About)?;
    conn.prepare_cached(
        "UPDATE exchange SET thread_rule = ?2 WHERE id = ?1 AND thread_rule = 'first'",
    )?
    .execute((exchange, rule))?;
    recents.set_rule(exchange, ThreadRule::About);
    Ok(())
}
