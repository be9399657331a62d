//! `threads`: conversations, one row each.

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::{ROWS_MAX, Tool, filters, selection};
use crate::mcp::answer::{Answer, Refusal, Room, Stop};
use crate::mcp::row::ThreadRow;
use crate::store::{Cursor, Reader};

/// The tool.
pub struct Threads;

/// What it takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct Arguments {
    /// Filters, as of `list`: conversations that have an exchange which fits them all.
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
    /// That with the newest exchange first.
    threads: Vec<ThreadRow>,
}

impl Tool for Threads {
    const NAME: &'static str = "threads";
    const TITLE: &'static str = "List conversations";
    const DESCRIPTION: &'static str = "Lists conversations (threads), the one that went on last first: its name, the user's first \
         words, app, models, turns, sub-agents below it, failures, tokens, cost. To read one in \
         order call `show` with its name as `id` and `thread: true`. `filter` is that of `list`.";
    type Arguments = Arguments;
    type Found = Found;

    fn ask(reader: &Reader, asked: Arguments, _: &Stop) -> Result<Answer<Found>, Refusal> {
        let query = filters(&asked.filter)?;
        let selection = selection(&query, reader)?;
        let after = asked.cursor.as_deref().map(str::parse::<Cursor>).transpose()?;
        let limit = asked.limit.clamp(1, ROWS_MAX);
        let mut page = reader.threads(&selection, after, limit)?;
        let mut room = Room::new();
        let rows: Vec<ThreadRow> =
            page.threads.iter().map(ThreadRow::of).take_while(|row| room.takes(row)).collect();
        if rows.len() < page.threads.len() {
            // The store knows where a page of that length ends.
            page = reader.threads(&selection, after, rows.len().max(1))?;
        }
        Ok(Answer::new(Found { threads: rows }, page.next.map(|next| next.to_string())))
    }
}
