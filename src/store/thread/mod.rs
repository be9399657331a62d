//! Which conversation an exchange belongs to, decided once, when it is stored.
//!
//! The app's own name decides first; then what the provider keeps (`previous_response_id`);
//! then the chain of messages; then weaker signs. [`ThreadRule`] says which did. A wrong merge
//! is worse than a split: equal first prompts do not make a thread.

mod candidates;
mod chain;
mod late;
mod list;
mod origin;
mod recent;
mod said;
mod sum;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::StoreError;
use super::contents::Contents;
use super::entry::StoredExchange;
use super::exchange::variant;
use super::open::nanoseconds;
use crate::model::{Exchange, State, ThreadRule};
pub(super) use list::newest;
pub use list::{ListedThread, ThreadPage};

use chain::{Chain, Chains};
use origin::{Asker, Origin};
use recent::{Recent, Recents};

/// Where an exchange stands in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Linked {
    /// Row of `thread`.
    pub(super) thread: i64,
    /// Its name.
    pub(super) name: String,
    /// What put the exchange there.
    pub(super) rule: ThreadRule,
    /// The exchange that it continues.
    pub(super) parent: Option<Uuid>,
    /// How many of its messages were said before.
    pub(super) inherited: Option<u32>,
    /// Hashes of its chain.
    pub(super) hashes: Hashes,
}

/// Hashes of a chain, as columns of `exchange`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hashes {
    /// Of the conversation up to the end of the request.
    pub(super) asked: Option<i64>,
    /// Of the conversation up to the end of the answer.
    pub(super) answered: Option<i64>,
    /// Of the conversation up to the last answer in the request: `answered` of its parent.
    pub(super) base: Option<i64>,
    /// Of the answer alone.
    pub(super) answer: Option<i64>,
}

/// Links exchanges into threads.
pub(super) struct Linker {
    chains: Chains,
    recents: Recents,
}

/// Operations that are a conversation's, or an agent's.
const CONVERSATIONS: [&str; 11] = [
    "chat",
    "compact",
    "completion",
    "count_tokens",
    "generate",
    "generation",
    "messages",
    "run",
    "agent",
    "assist",
    "unknown",
];

impl Linker {
    /// Links exchanges of the capture with `key`.
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self { chains: Chains::new(key), recents: Recents::default() }
    }

    /// What was linked of late is not stored: its transaction failed.
    pub(super) fn forget(&mut self) {
        self.chains.forget();
        self.recents.forget();
    }

    /// Where an exchange that is read again stands: where it did, with the hashes of what is read
    /// of it now.
    pub(super) fn relink(
        &mut self,
        conn: &Connection,
        stored: &StoredExchange,
        contents: &Contents,
    ) -> Result<Option<Linked>, StoreError> {
        let Some(linked) = before(conn, stored.exchange.id)? else { return Ok(None) };
        if !is_conversation(&stored.exchange) {
            return Ok(Some(linked));
        }
        let chain = self.chains.of(&stored.exchange, contents);
        Ok(Some(Linked { hashes: hashes(&chain, stored), ..linked }))
    }

    /// Where the exchange says that it stands: another capture's linker has found that.
    pub(super) fn keep(
        &mut self,
        conn: &Connection,
        stored: &StoredExchange,
        contents: &Contents,
    ) -> Result<Linked, StoreError> {
        let exchange = &stored.exchange;
        let (Some(name), Some(rule)) = (&exchange.thread, exchange.thread_rule) else {
            return self.link(conn, stored, contents);
        };
        let hashes = match is_conversation(exchange) {
            true => hashes(&self.chains.of(exchange, contents), stored),
            false => Hashes::default(),
        };
        let above = match (named(exchange), exchange.parent) {
            (Some((name, _)), _) if name.contains('/') => {
                let session = name.rsplit_once('/').map(|(session, _)| session);
                session.map(|name| thread_named(conn, name, None)).transpose()?.map(|(id, _)| id)
            }
            // The first of a sub-agent's thread goes on from an exchange of another one.
            (_, Some(parent)) => before(conn, parent)?
                .filter(|linked| linked.name != *name)
                .map(|linked| linked.thread),
            _ => None,
        };
        let (thread, name) = thread_named(conn, name, above)?;
        let (parent, inherited) = (exchange.parent, exchange.inherited);
        Ok(Linked { thread, name, rule, parent, inherited, hashes })
    }

    /// Finds the thread of an exchange, or makes it.
    pub(super) fn link(
        &mut self,
        conn: &Connection,
        stored: &StoredExchange,
        contents: &Contents,
    ) -> Result<Linked, StoreError> {
        let exchange = &stored.exchange;
        if !is_conversation(exchange) {
            return alone(conn, exchange);
        }
        let chain = self.chains.of(exchange, contents);
        let hashes = hashes(&chain, stored);
        let point = self.chains.point();
        let started_at = nanoseconds(exchange.started_at);
        let named = named(exchange);
        let mut asker = Asker {
            exchange,
            contents,
            app: chain::app(exchange),
            started_at,
            ended_at: started_at.saturating_add(duration_ns(exchange)),
            thread: None,
            recents: &self.recents,
            results: origin::results(&exchange.request.messages),
        };
        let mut recent = Recent::of(&asker, &chain, point);
        let before = before(conn, exchange.id)?;
        let linked = match before {
            Some(before) if named.is_none_or(|(name, _)| name == before.name) => {
                Linked { hashes, ..before }
            }
            _ => {
                if let Some((name, _)) = named {
                    asker.thread = thread_of_name(conn, name)?;
                }
                let origin = match asker.origin(conn, &chain)? {
                    Some(origin) => Some(origin),
                    None if named.is_some() || !chain.is_opening() => None,
                    None => asker.first_said_again(conn, &chain)?,
                };
                place(conn, &asker, &chain, &mut recent, origin, point, hashes)?
            }
        };
        recent.thread = linked.thread;
        recent.rule = linked.rule;
        if !stored.is_open {
            late::adopt_children(conn, &mut self.chains, &mut self.recents, exchange, &linked)?;
        }
        for aside in self.recents.asides(&recent) {
            late::is_about(conn, &mut self.recents, aside)?;
        }
        for orphan in self.recents.orphans(&recent) {
            late::merge(conn, &mut self.recents, orphan, &linked, ThreadRule::About)?;
        }
        self.recents.push(recent);
        Ok(linked)
    }
}

/// The thread by the app's name, by what was found, or by weaker signs.
fn place(
    conn: &Connection,
    asker: &Asker<'_>,
    chain: &Chain,
    recent: &mut Recent,
    origin: Option<Origin>,
    point: &sum::Point,
    hashes: Hashes,
) -> Result<Linked, StoreError> {
    let exchange = asker.exchange;
    let recents = asker.recents;
    recent.weak_name = weak_name(exchange).map(|(name, _)| name.to_owned());
    let messages = &exchange.request.messages;
    let caller = match &origin {
        None if chain.is_opening() => recents.caller(recent, &recent::openings(messages, point)),
        _ => None,
    };
    if let Some((name, rule)) = named(exchange) {
        let above = name.rsplit_once('/').map(|(session, _)| session);
        let above = match (above, &origin, caller) {
            (Some(session), _, _) => Some(thread_named(conn, session, None)?.0),
            (None, Some(origin), _) => Some(origin.thread),
            (None, None, Some(caller)) => Some(caller.thread),
            (None, None, None) => None,
        };
        let (thread, name) = thread_named(conn, name, above)?;
        let parent = origin.as_ref().and_then(|origin| origin.parent);
        let parent = parent.or_else(|| caller.map(|caller| caller.id));
        let inherited = Some(origin.map_or(0, |origin| origin.inherited));
        return Ok(Linked { thread, name, rule, parent, inherited, hashes });
    }
    let joined = |rule, thread, parent| Origin { thread, rule, parent, inherited: 0 };
    let origin = match (origin, caller) {
        (Some(origin), _) => Some(origin),
        (None, Some(caller)) => {
            let name = exchange.id.to_string();
            let (thread, name) = thread_named(conn, &name, Some(caller.thread))?;
            let (rule, parent) = (ThreadRule::Call, Some(caller.id));
            return Ok(Linked { thread, name, rule, parent, inherited: Some(0), hashes });
        }
        (None, None) => {
            let opening = chain.is_opening();
            let summary = recents.summarised(recent, messages, point);
            let summary = summary.map(|r| joined(ThreadRule::Summary, r.thread, Some(r.id)));
            let beside = || {
                let beside = if opening { recents.beside(recent) } else { None };
                let rule = |r: &Recent| match recent.is_about(r) {
                    true => ThreadRule::About,
                    // That one is about ours, though it came first.
                    false => ThreadRule::First,
                };
                beside.map(|r| joined(rule(r), r.thread, None))
            };
            let by_name = || {
                let (name, rule) = weak_name(exchange)?;
                recents.named(recent, name).map(|r| joined(rule, r.thread, None))
            };
            let alongside = || {
                let alongside = recents.alongside(recent);
                alongside.map(|r| joined(ThreadRule::Process, r.thread, None))
            };
            summary.or_else(beside).or_else(by_name).or_else(alongside)
        }
    };
    if let Some(Origin { thread, rule, parent, inherited }) = origin {
        let name = name_of_thread(conn, thread)?;
        return Ok(Linked { thread, name, rule, parent, inherited: Some(inherited), hashes });
    }
    let (thread, name) = thread_named(conn, &exchange.id.to_string(), None)?;
    let rule = ThreadRule::First;
    Ok(Linked { thread, name, rule, parent: None, inherited: Some(0), hashes })
}

/// The operations of a conversation that say something.
fn is_conversation(exchange: &Exchange) -> bool {
    let operation = exchange.operation.as_deref().unwrap_or_default();
    CONVERSATIONS.contains(&operation)
}

/// What is no conversation stands alone, unless the app names a thread.
fn alone(conn: &Connection, exchange: &Exchange) -> Result<Linked, StoreError> {
    let id = exchange.id.to_string();
    let (name, rule) = named(exchange).unwrap_or((&id, ThreadRule::First));
    let (thread, name) = thread_named(conn, name, None)?;
    Ok(Linked { thread, name, rule, parent: None, inherited: None, hashes: Hashes::default() })
}

fn hashes(chain: &Chain, stored: &StoredExchange) -> Hashes {
    // An answer that goes on has not this end; a failed one is no answer.
    let is_over = !stored.is_open && stored.exchange.state != State::Failed;
    Hashes {
        asked: chain.asked(),
        answered: chain.answered.filter(|_| is_over),
        base: chain.base().map(|(_, step)| step.hash),
        answer: chain.answer.filter(|_| is_over),
    }
}

/// The thread that the app names, where the name decides.
fn named(exchange: &Exchange) -> Option<(&str, ThreadRule)> {
    let rule = exchange.thread_rule?;
    let is_strong = matches!(rule, ThreadRule::Header | ThreadRule::Metadata | ThreadRule::Field);
    Some((exchange.thread.as_deref()?, rule)).filter(|_| is_strong)
}

/// A trace or a cache key.
fn weak_name(exchange: &Exchange) -> Option<(&str, ThreadRule)> {
    let rule = exchange.thread_rule?;
    let is_weak = matches!(rule, ThreadRule::Trace | ThreadRule::CacheKey);
    Some((exchange.thread.as_deref()?, rule)).filter(|_| is_weak)
}

/// Where the exchange was put when it was written before: it stays there.
fn before(conn: &Connection, id: Uuid) -> Result<Option<Linked>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT thread.id, thread.name, thread_rule, exchange.parent, inherited
         FROM exchange JOIN thread ON thread.id = thread_id
         WHERE exchange.id = ?1 AND thread_rule IS NOT NULL",
    )?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let rule: String = row.get(2)?;
    Ok(Some(Linked {
        thread: row.get(0)?,
        name: row.get(1)?,
        rule: variant(&rule)?,
        parent: row.get(3)?,
        inherited: row.get(4)?,
        hashes: Hashes::default(),
    }))
}

fn thread_of_name(conn: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    let row = conn
        .prepare_cached("SELECT id FROM thread WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(row)
}

/// The thread of a name, made below `above` if there is none.
fn thread_named(
    conn: &Connection,
    name: &str,
    above: Option<i64>,
) -> Result<(i64, String), StoreError> {
    let thread = match thread_of_name(conn, name)? {
        Some(thread) => thread,
        None => conn
            .prepare_cached("INSERT INTO thread (name, parent) VALUES (?1, ?2)")?
            .insert((name, above))?,
    };
    Ok((thread, name.to_owned()))
}

fn name_of_thread(conn: &Connection, thread: i64) -> Result<String, StoreError> {
    Ok(conn
        .prepare_cached("SELECT name FROM thread WHERE id = ?1")?
        .query_row([thread], |row| row.get(0))?)
}

/// Notes which messages were said in the thread.
pub(super) fn note_messages(
    conn: &Connection,
    thread: i64,
    contents: &Contents,
) -> Result<(), StoreError> {
    let mut statement =
        conn.prepare_cached("INSERT OR IGNORE INTO message_thread VALUES (?1, ?2)")?;
    for message in contents.ids() {
        statement.execute((message, thread))?;
    }
    Ok(())
}

fn duration_ns(exchange: &Exchange) -> i64 {
    let ns = exchange.duration_ms.unwrap_or_default() * 1e6;
    let end = Timestamp::from_nanosecond(ns as i128).unwrap_or_default();
    nanoseconds(end)
}

fn count(messages: usize) -> u32 {
    u32::try_from(messages).unwrap_or(u32::MAX)
}
