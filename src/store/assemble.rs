//! An exchange out of its tables.

use rusqlite::{Connection, OptionalExtension};

use super::contents::Contents;
use super::detail::{Detail, from_json};
use super::list::{self, Listed};
use super::{StoreError, keep, message, tree};
use crate::model::{Annotations, Choice, Exchange, ExchangeError, Message, Reply, Request, Usage};

/// The exchange that has place `seq`, as it was written; `None` if there is none.
pub(super) fn read(conn: &Connection, seq: i64) -> Result<Option<Exchange>, StoreError> {
    let Some(row) = list::by_seq(conn, seq)? else { return Ok(None) };
    Ok(read_from(conn, row, 0)?.map(|(exchange, _)| exchange))
}

/// The same without the messages that were said before in its thread, and how many those are:
/// a long conversation is read turn by turn in the time that its words take once.
pub(super) fn read_anew(
    conn: &Connection,
    seq: i64,
) -> Result<Option<(Exchange, usize)>, StoreError> {
    let Some(row) = list::by_seq(conn, seq)? else { return Ok(None) };
    let inherited = row.inherited.unwrap_or_default();
    read_from(conn, row, usize::try_from(inherited).unwrap_or(usize::MAX))
}

/// The first answer of the exchange that has place `seq`, alone.
pub(super) fn answer(conn: &Connection, seq: i64) -> Result<Option<Message>, StoreError> {
    let content: Option<Vec<u8>> = conn
        .prepare_cached("SELECT messages FROM content WHERE exchange = ?1")?
        .query_row([seq], |row| row.get(0))
        .optional()?;
    let Some(content) = content else { return Ok(None) };
    let contents = Contents::unpack(&content)?;
    contents.choices.first().map(|&id| message::said(conn, id)).transpose()
}

fn read_from(
    conn: &Connection,
    row: Listed,
    from: usize,
) -> Result<Option<(Exchange, usize)>, StoreError> {
    let seq = row.seq;
    let content: Option<(Vec<u8>, Vec<u8>)> = conn
        .prepare_cached("SELECT detail, messages FROM content WHERE exchange = ?1")?
        .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    // Deleted between the two statements.
    let Some((detail, messages)) = content else { return Ok(None) };
    let detail: Detail<'static> = from_json(&tree::read(conn, &detail)?)?;
    let mut contents = Contents::unpack(&messages)?;
    let left_out = from.min(contents.messages.len());
    contents.messages.drain(..left_out);
    let exchange = assemble(conn, row, detail, &contents)?;
    Ok(Some((Exchange { annotations: keep::annotations(conn, seq)?, ..exchange }, left_out)))
}

fn assemble(
    conn: &Connection,
    row: Listed,
    detail: Detail<'_>,
    contents: &Contents,
) -> Result<Exchange, StoreError> {
    let mut request = Request {
        headers: detail.request_headers.into_owned(),
        params: detail.params.into_owned(),
        ..Request::default()
    };
    let said = |ids: &[i64]| -> Result<Vec<Message>, StoreError> {
        ids.iter().map(|&id| message::said(conn, id)).collect()
    };
    request.messages = said(&contents.messages)?;
    request.system = contents.system.map(|id| message::system(conn, id)).transpose()?;
    if let Some(id) = contents.tools {
        request.tools = message::tools(conn, id)?;
    }
    let reply = match detail.reply {
        None => None,
        Some(reply) => {
            let mut reasons = reply.finish_reasons.into_iter();
            let choices = said(&contents.choices)?.into_iter().map(|message| Choice {
                parts: message.parts,
                finish_reason: reasons.next().flatten().map(Into::into),
            });
            Some(Reply {
                headers: reply.headers.into_owned(),
                id: reply.id.map(Into::into),
                model: None,
                choices: choices.collect(),
            })
        }
    };
    let usage = detail.usage.map(|usage| Usage {
        source: usage.source.into_owned(),
        raw: usage.raw.into_owned(),
        input_audio_cached: usage.input_audio_cached,
        input_image_cached: usage.input_image_cached,
        ..row.usage
    });
    let wide = Wide {
        request,
        reply,
        usage,
        error_message: detail.error_message.map(Into::into),
        notes: detail.notes.into_owned(),
    };
    Ok(join(row, wide))
}

/// What stands apart from the narrow row of an exchange.
#[derive(Default)]
pub(super) struct Wide {
    pub(super) request: Request,
    pub(super) reply: Option<Reply>,
    pub(super) usage: Option<Usage>,
    pub(super) error_message: Option<String>,
    pub(super) notes: Vec<String>,
}

/// An exchange of its row and the rest.
pub(super) fn join(row: Listed, wide: Wide) -> Exchange {
    let error = row
        .error_type
        .map(|kind| ExchangeError { kind, message: wide.error_message.unwrap_or_default() });
    let request = Request { model: row.request_model, ..wide.request };
    let reply = wide.reply.map(|reply| Reply { model: row.reply_model, ..reply });
    Exchange {
        id: row.id,
        flow: row.flow,
        thread: row.thread,
        thread_rule: row.thread_rule,
        parent: row.parent,
        inherited: row.inherited,
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
        usage: wide.usage,
        cost_usd: row.cost_usd,
        cost_source: row.cost_source,
        error,
        notes: wide.notes,
        annotations: Annotations::default(),
    }
}
