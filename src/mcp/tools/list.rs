//! `list`: exchanges, one row each.

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::{ROWS_MAX, Tool, filters, selection};
use crate::mcp::answer::{Answer, Refusal, Room, Stop};
use crate::mcp::row::Row;
use crate::store::{Cursor, Reader};

/// The tool.
pub struct List;

/// What it takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct Arguments {
    /// Filters, all of which must fit, such as `app:claude model:opus since:2h state:failed`;
    /// `sort:cost` (also tokens, duration, first-token, oldest) for another order. Nothing: all
    /// calls of models.
    #[serde(default)]
    filter: String,
    /// At most so many rows, up to 100.
    #[serde(default = "super::rows")]
    #[schemars(range(min = 1, max = 100))]
    limit: usize,
    /// `next` of the result before, to go on behind it.
    #[serde(default)]
    cursor: Option<String>,
}

/// What it finds.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub struct Found {
    /// In the order asked for, else the newest first.
    exchanges: Vec<Row>,
}

impl Tool for List {
    const NAME: &'static str = "list";
    const TITLE: &'static str = "List exchanges";
    const DESCRIPTION: &'static str = "Lists recorded exchanges (one request to a model and its reply), newest first: id, time, \
         app, model, state, tokens, cost, first words of the user. Use it to see what was recorded \
         and to get ids for `show` and `diff`. `filter` takes app:, model:, provider:, host:, \
         dialect:, operation:, thread:NAME, prompt:@12, state:failed, status:429, tag:, is:pinned, \
         since:2h, until:2026-11-23, cost:0.1, tokens:10k, duration:5s (each: at least), sort:cost, \
         is:any (also what is no call of a model). For words in texts use `search`.";
    type Arguments = Arguments;
    type Found = Found;

    fn ask(reader: &Reader, asked: Arguments, _: &Stop) -> Result<Answer<Found>, Refusal> {
        let query = filters(&asked.filter)?;
        let selection = selection(&query, reader)?;
        let after = asked.cursor.as_deref().map(str::parse::<Cursor>).transpose()?;
        let limit = asked.limit.clamp(1, ROWS_MAX);
        let mut page = reader.list(&selection, query.order, after, limit)?;
        let mut room = Room::new();
        let rows: Vec<Row> =
            page.exchanges.iter().map(Row::of).take_while(|row| room.takes(row)).collect();
        if rows.len() < page.exchanges.len() {
            // The store knows where a page of that length ends.
            page = reader.list(&selection, query.order, after, rows.len().max(1))?;
        }
        Ok(Answer::new(Found { exchanges: rows }, page.next.map(|next| next.to_string())))
    }
}
