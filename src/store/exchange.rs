//! An exchange into its tables and back.

use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::codec::{self, Codec};
use super::detail::{Detail, from_json, to_json};
use super::list::{self, Listed};
use super::message::{self, Content};
use super::open::nanoseconds;
use super::{StoreError, StoredExchange, raw};
use crate::flow::Side;
use crate::model::{Exchange, ExchangeError, Message, Part, Reply, Request, Usage};

/// Longest `first_words`, in characters: a line of a list.
const FIRST_WORDS_CHARS: usize = 200;

/// The columns of `exchange` but `seq`, in the order in which [`write_row`] binds them.
pub(super) const COLUMNS: [&str; 33] = [
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

/// Writes an exchange, in place of what was written of it before.
pub(super) fn write(
    conn: &Connection,
    codec: &mut Codec,
    stored: &StoredExchange,
) -> Result<(), StoreError> {
    forget(conn, stored)?;
    let seq = write_row(conn, stored)?;
    let detail = codec.pack_json(&to_json(&Detail::of(&stored.exchange)));
    conn.prepare_cached("INSERT INTO exchange_detail VALUES (?1, ?2)")?.execute((seq, detail))?;
    message::write(conn, codec, seq, stored)?;
    raw::write(conn, codec, seq, Side::Downstream, &stored.request)?;
    if let Some(reply) = &stored.reply {
        raw::write(conn, codec, seq, Side::Upstream, reply)?;
    }
    Ok(())
}

/// Removes what hangs on the exchange if it was written before; its row keeps its `seq`.
fn forget(conn: &Connection, stored: &StoredExchange) -> Result<(), StoreError> {
    let before: Option<i64> = conn
        .prepare_cached("SELECT seq FROM exchange WHERE id = ?1")?
        .query_row([stored.exchange.id], |row| row.get(0))
        .optional()?;
    let Some(seq) = before else { return Ok(()) };
    for table in [
        "DELETE FROM exchange_detail WHERE exchange = ?1",
        "DELETE FROM exchange_message WHERE exchange = ?1",
        "DELETE FROM raw WHERE exchange = ?1",
    ] {
        conn.prepare_cached(table)?.execute([seq])?;
    }
    Ok(())
}

fn write_row(conn: &Connection, stored: &StoredExchange) -> Result<i64, StoreError> {
    let exchange = &stored.exchange;
    let reply = exchange.reply.as_ref();
    let usage = exchange.usage.as_ref();
    let tokens = |count: fn(&Usage) -> Option<u64>| usage.and_then(count).map(saturated);
    let seq = conn.prepare_cached(&UPSERT)?.query_row(
        params![
            exchange.id,
            exchange.flow,
            stored.place,
            exchange.thread,
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
        ],
        |row| row.get(0),
    )?;
    Ok(seq)
}

/// The exchange that has place `seq`, as it was written; `None` if there is none.
pub(super) fn read(conn: &Connection, seq: i64) -> Result<Option<Exchange>, StoreError> {
    let Some(row) = list::by_seq(conn, seq)? else { return Ok(None) };
    let json = conn
        .prepare_cached("SELECT json FROM exchange_detail WHERE exchange = ?1")?
        .query_row([seq], |row| Ok(codec::unpack_json(row.get_ref(0)?)))
        .optional()?;
    // Deleted between the two statements.
    let Some(json) = json else { return Ok(None) };
    let detail: Detail<'static> = from_json(&json?)?;
    let contents = message::of_exchange(conn, seq)?;
    Ok(Some(assemble(row, detail, contents)))
}

fn assemble(row: Listed, detail: Detail<'_>, contents: Vec<Content>) -> Exchange {
    let mut request = Request {
        headers: detail.request_headers.into_owned(),
        model: row.request_model,
        params: detail.params.into_owned(),
        ..Request::default()
    };
    let mut choices = Vec::new();
    for content in contents {
        match content {
            Content::System(system) => request.system = Some(system),
            Content::Tools(tools) => request.tools = tools,
            Content::Message(message) => request.messages.push(message),
            Content::Choice(choice) => choices.push(choice),
            Content::RequestText(_) | Content::ReplyText(_) => {}
        }
    }
    let reply = detail.reply.map(|reply| Reply {
        headers: reply.headers.into_owned(),
        id: reply.id.map(Into::into),
        model: row.reply_model,
        choices,
    });
    let usage = detail.usage.map(|usage| Usage {
        source: usage.source.into_owned(),
        raw: usage.raw.into_owned(),
        input_cache_written_1h: usage.input_cache_written_1h,
        input_audio: usage.input_audio,
        input_image: usage.input_image,
        output_audio: usage.output_audio,
        output_image: usage.output_image,
        ..row.usage
    });
    let error = row.error_type.map(|kind| ExchangeError {
        kind,
        message: detail.error_message.map(Into::into).unwrap_or_default(),
    });
    Exchange {
        id: row.id,
        flow: row.flow,
        thread: row.thread,
        state: row.state,
        started_at: row.started_at,
        first_byte_ms: row.first_byte_ms,
        first_token_ms: row.first_token_ms,
        duration_ms: row.duration_ms,
        app: row.app,
        provider: row.provider,
        dialect: row.dialect,
        operation: row.operation,
        origin: row.origin,
        method: row.method,
        path: row.path,
        http_version: row.http_version,
        status: row.status,
        streamed: row.streamed,
        request,
        reply,
        usage,
        cost_usd: row.cost_usd,
        cost_source: row.cost_source,
        error,
        notes: detail.notes.into_owned(),
    }
}

/// A number as SQLite has it; what is beyond stays at the end.
pub(super) fn saturated(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The contract's word of a variant, so that a new one needs no change here.
fn word(variant: impl Serialize) -> Result<String, StoreError> {
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
fn first_words(messages: &[Message]) -> Option<String> {
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
