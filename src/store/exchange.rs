//! An exchange into its tables and back.

use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::codec::Codec;
use super::contents::Contents;
use super::detail::{Detail, to_json};
use super::open::nanoseconds;
use super::thread::{self, Linked, Linker};
use super::tree::{self, Class};
use super::{Leak, StoreError, StoredExchange, message, raw};
use crate::flow::Side;
use crate::model::{Exchange, Headers, Message, Part, Usage};

/// Longest `first_words`, in characters: a line of a list.
const FIRST_WORDS_CHARS: usize = 200;

/// The columns of `exchange` but `seq`, in the order in which [`write_row`] binds them.
pub(super) const COLUMNS: [&str; 51] = [
    "id",
    "flow",
    "place",
    "thread",
    "state",
    "started_at",
    "first_byte_ms",
    "first_token_ms",
    "duration_ms",
    "user_agent",
    "process",
    "pid",
    "provider",
    "dialect",
    "operation",
    "origin",
    "host",
    "method",
    "path",
    "http_version",
    "status",
    "streamed",
    "request_model",
    "reply_model",
    "first_words",
    "input",
    "input_cached",
    "input_cache_written",
    "output",
    "reasoning",
    "cost_usd",
    "cost_source",
    "error_type",
    "thread_id",
    "thread_rule",
    "parent",
    "inherited",
    "asked",
    "answered",
    "base",
    "answer",
    "system",
    "tools",
    "reply_id",
    "credential",
    "input_cache_written_1h",
    "input_audio",
    "input_image",
    "output_audio",
    "output_image",
    "usage_source",
];

static UPSERT: LazyLock<String> = LazyLock::new(|| {
    let places: Vec<String> = (1..=COLUMNS.len()).map(|n| format!("?{n}")).collect();
    let updates: Vec<String> =
        COLUMNS.iter().skip(1).map(|c| format!("{c} = excluded.{c}")).collect();
    format!(
        "INSERT INTO exchange ({}) VALUES ({}) ON CONFLICT (id) DO UPDATE SET {} RETURNING seq",
        COLUMNS.join(", "),
        places.join(", "),
        updates.join(", ")
    )
});

/// Who says in which thread an exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linking {
    /// The linker.
    Found,
    /// The exchange itself: another capture's linker has found it.
    Given,
}

/// Writes an exchange, in place of what was written of it before.
pub(super) fn write(
    conn: &Connection,
    codec: &mut Codec,
    linker: &mut Linker,
    stored: &StoredExchange,
    linking: Linking,
) -> Result<(), StoreError> {
    forget(conn, stored)?;
    let [downstream, upstream, details, texts] = classes(codec, &stored.exchange);
    codec.tree.begin(texts);
    let contents = message::write(conn, codec, stored)?;
    let linked = match linking {
        Linking::Found => linker.link(conn, stored, &contents)?,
        Linking::Given => linker.keep(conn, stored, &contents)?,
    };
    thread::note_messages(conn, linked.thread, &contents)?;
    let seq = write_row(conn, stored, &contents, &linked)?;
    write_content(conn, codec, seq, &stored.exchange, &contents, details)?;
    raw::write(conn, codec, seq, Side::Downstream, &stored.request, downstream)?;
    if let Some(reply) = &stored.reply {
        raw::write(conn, codec, seq, Side::Upstream, reply, upstream)?;
    }
    let mut leak =
        conn.prepare_cached("INSERT OR REPLACE INTO leak VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for Leak { fingerprint, kind, place, count } in &stored.leaks {
        leak.execute((seq, fingerprint, kind, place, saturated(*count)))?;
    }
    Ok(())
}

/// Writes what was read of an exchange again in place of what was read of it before. Its bytes,
/// its place in a thread and its leaks stay; one that was deleted meanwhile stays so.
pub(super) fn rewrite(
    conn: &Connection,
    codec: &mut Codec,
    linker: &mut Linker,
    stored: &StoredExchange,
) -> Result<(), StoreError> {
    let sql = "SELECT seq FROM exchange WHERE id = ?1";
    let seq = conn.prepare_cached(sql)?.query_row([stored.exchange.id], |row| row.get(0));
    let Some(seq) = seq.optional()? else { return Ok(()) };
    conn.prepare_cached("DELETE FROM content WHERE exchange = ?1")?.execute([seq])?;
    let [_, _, details, texts] = classes(codec, &stored.exchange);
    codec.tree.begin(texts);
    let contents = message::write(conn, codec, stored)?;
    let Some(linked) = linker.relink(conn, stored, &contents)? else {
        return Err(StoreError::corrupt(format_args!("exchange {seq} is in no thread")));
    };
    thread::note_messages(conn, linked.thread, &contents)?;
    write_row(conn, stored, &contents, &linked)?;
    write_content(conn, codec, seq, &stored.exchange, &contents, details)
}

fn write_content(
    conn: &Connection,
    codec: &mut Codec,
    seq: i64,
    exchange: &Exchange,
    contents: &Contents,
    class: Class,
) -> Result<(), StoreError> {
    let detail = tree::write_like(conn, codec, class, &to_json(&Detail::of(exchange)))?;
    conn.prepare_cached("INSERT INTO content VALUES (?1, ?2, ?3)")?.execute((
        seq,
        detail,
        contents.pack(),
    ))?;
    Ok(())
}

/// Of what class are an exchange's request, its reply, its details, and its texts: the same app
/// asking the same thing of the same host gives the same heads and the same events.
fn classes(codec: &Codec, exchange: &Exchange) -> [Class; 4] {
    let app = exchange.app.user_agent.as_deref().or(exchange.app.process.as_deref());
    let app = app.unwrap_or_default();
    let asked = format!(
        "{app}\n{}\n{}\n{}\n{}",
        exchange.origin,
        exchange.dialect.as_deref().unwrap_or_default(),
        exchange.operation.as_deref().unwrap_or_default(),
        exchange.streamed,
    );
    [("downstream", &*asked), ("upstream", &asked), ("detail", &asked), ("texts", app)].map(
        |(part, of)| {
            let hash = codec.hash(format!("{part}\n{of}").as_bytes());
            Class(i64::from_le_bytes(hash.first_chunk().copied().unwrap_or_default()))
        },
    )
}

/// Removes what hangs on the exchange if it was written before; its row keeps its `seq`, and
/// what people said of it stays.
fn forget(conn: &Connection, stored: &StoredExchange) -> Result<(), StoreError> {
    let before: Option<i64> = conn
        .prepare_cached("SELECT seq FROM exchange WHERE id = ?1")?
        .query_row([stored.exchange.id], |row| row.get(0))
        .optional()?;
    let Some(seq) = before else { return Ok(()) };
    for side in Side::BOTH {
        conn.prepare_cached("DELETE FROM raw WHERE id = ?1")?.execute([raw::id(seq, side)])?;
    }
    conn.prepare_cached("DELETE FROM content WHERE exchange = ?1")?.execute([seq])?;
    conn.prepare_cached("DELETE FROM leak WHERE exchange = ?1")?.execute([seq])?;
    Ok(())
}

fn write_row(
    conn: &Connection,
    stored: &StoredExchange,
    contents: &Contents,
    linked: &Linked,
) -> Result<i64, StoreError> {
    let exchange = &stored.exchange;
    let reply = exchange.reply.as_ref();
    let usage = exchange.usage.as_ref();
    let tokens = |count: fn(&Usage) -> Option<u64>| usage.and_then(count).map(saturated);
    let seq = conn.prepare_cached(&UPSERT)?.query_row(
        params![
            exchange.id,
            exchange.flow,
            stored.place,
            linked.name,
            exchange.state.as_str(),
            nanoseconds(exchange.started_at),
            exchange.first_byte_ms,
            exchange.first_token_ms,
            exchange.duration_ms,
            exchange.app.user_agent,
            exchange.app.process,
            exchange.app.pid,
            exchange.provider,
            exchange.dialect,
            exchange.operation,
            exchange.origin,
            host(&exchange.origin),
            exchange.method,
            exchange.path,
            exchange.http_version,
            exchange.status,
            exchange.streamed,
            exchange.request.model,
            reply.and_then(|r| r.model.as_deref()),
            first_words(&exchange.request.messages),
            tokens(|u| u.input),
            tokens(|u| u.input_cached),
            tokens(|u| u.input_cache_written),
            tokens(|u| u.output),
            tokens(|u| u.reasoning),
            exchange.cost_usd,
            exchange.cost_source.map(word).transpose()?,
            exchange.error.as_ref().map(|e| e.kind.as_str()),
            linked.thread,
            word(linked.rule)?,
            linked.parent,
            linked.inherited,
            linked.hashes.asked,
            linked.hashes.answered,
            linked.hashes.base,
            linked.hashes.answer,
            contents.system,
            contents.tools,
            reply.and_then(|r| r.id.as_deref()),
            credential(&exchange.request.headers),
            tokens(|u| u.input_cache_written_1h),
            tokens(|u| u.input_audio),
            tokens(|u| u.input_image),
            tokens(|u| u.output_audio),
            tokens(|u| u.output_image),
            usage.map(|u| u.source.as_str()),
        ],
        |row| row.get(0),
    )?;
    Ok(seq)
}

/// The fingerprint of the key that a request was sent with.
fn credential(headers: &Headers) -> Option<&str> {
    let value = headers.iter().find_map(|(name, value)| {
        CREDENTIAL_HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known)).then_some(value)
    })?;
    let begin = value.find('<')?;
    value.get(begin..)?.split_inclusive('>').next()
}

/// Headers in which clients of LLM APIs send their keys.
const CREDENTIAL_HEADERS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// A number as SQLite has it; what is beyond stays at the end.
pub(super) fn saturated(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The contract's word of a variant, so that a new one needs no change here.
pub(super) fn word(variant: impl Serialize) -> Result<String, StoreError> {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(StoreError::corrupt("a variant that is no word")),
    }
}

/// The variant of a word of the contract.
pub(super) fn variant<T: for<'de> Deserialize<'de>>(word: &str) -> Result<T, StoreError> {
    use serde::de::value::{Error, StrDeserializer};
    T::deserialize(StrDeserializer::<Error>::new(word)).map_err(StoreError::corrupt)
}

/// The host of an origin, without scheme, port and brackets.
fn host(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    if let Some(inside) = authority.strip_prefix('[') {
        return inside.split(']').next().unwrap_or(inside);
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

/// What a list shows of a prompt: the first words of the last user message that has any.
pub fn first_words(messages: &[Message]) -> Option<String> {
    let asked = messages.iter().rev().filter(|m| m.role.eq_ignore_ascii_case("user"));
    let mut asked = asked.filter_map(|message| last_text(&message.parts));
    if let Some(text) = asked.next() {
        return Some(on_one_line("", text));
    }
    // A turn that continues what the provider keeps may send a tool's result alone.
    let results = messages.iter().rev().flat_map(|message| message.parts.iter().rev());
    let mut results = results.filter_map(|part| match part {
        Part::ToolResult { parts, .. } => last_text(parts),
        _ => None,
    });
    results.next().map(|text| on_one_line("→ ", text))
}

/// The last text: agents put reminders of their own before the user's words.
fn last_text(parts: &[Part]) -> Option<&str> {
    parts.iter().rev().find_map(|part| match part {
        Part::Text { text } if !text.trim().is_empty() => Some(text.as_str()),
        _ => None,
    })
}

fn on_one_line(before: &str, text: &str) -> String {
    let mut words = before.to_owned();
    for word in text.split_whitespace() {
        if words.len() > before.len() {
            words.push(' ');
        }
        words.extend(word.chars().take(FIRST_WORDS_CHARS));
        if words.len() > FIRST_WORDS_CHARS * 4 {
            break;
        }
    }
    words.chars().take(FIRST_WORDS_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_origin() {
        for (origin, expected) in [
            ("https://api.openai.com", "api.openai.com"),
            ("http://localhost:11434", "localhost"),
            ("https://[::1]:8443", "::1"),
            ("https://[::1]", "::1"),
            ("api.openai.com:443", "api.openai.com"),
            ("", ""),
        ] {
            assert_eq!(host(origin), expected, "{origin}");
        }
    }

    #[test]
    fn first_words_are_those_of_the_last_user_message_with_any() {
        let user = |text: &str| Message { role: "user".into(), parts: vec![Part::text(text)] };
        let result = |text: &str| Part::ToolResult {
            id: None,
            name: None,
            parts: vec![Part::text(text)],
            is_error: None,
        };
        let assistant = Message { role: "assistant".into(), parts: vec![Part::text("no")] };
        let long = "ä".repeat(1000);
        for (rule, messages, expected) in [
            ("none", vec![], None),
            ("no user", vec![assistant.clone()], None),
            ("the last", vec![user("a"), user("b"), assistant], Some("b".to_owned())),
            ("one with words", vec![user("a"), user(" \n")], Some("a".to_owned())),
            ("on one line", vec![user(" a\n\tb  c ")], Some("a b c".to_owned())),
            (
                "in Cohere's case",
                vec![Message { role: "USER".into(), ..user("a") }],
                Some("a".into()),
            ),
            (
                "a tool's result alone",
                vec![Message { role: "tool".into(), parts: vec![result("found it")] }],
                Some("→ found it".into()),
            ),
            ("cut", vec![user(&long)], Some("ä".repeat(200))),
        ] {
            assert_eq!(first_words(&messages), expected, "{rule}");
        }
    }
}
