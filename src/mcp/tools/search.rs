//! `search`: lines of prompts and answers, as `overhear grep` finds them.

use std::ops::Range;

use jiff::Zoned;
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::Tool;
use crate::mcp::answer::{Answer, Refusal, Room, Stop, name, place};
use crate::mcp::row::app;
use crate::query::{Every, Grep, Hit, Place, Query};
use crate::store::{Reader, StoreError};

/// The tool.
pub struct Search;

/// What it takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct Arguments {
    /// What to look for: words (a text must have them all, in upper or lower case), `"a phrase"`,
    /// or `/regex/` (syntax of Rust's regex crate, upper and lower case differ, `\/` is a slash);
    /// with filters, such as `/api[_-]key/ role:user app:claude since:1d`.
    query: String,
    /// Lines around each hit, up to 5.
    #[serde(default = "context")]
    #[schemars(range(min = 0, max = 5))]
    context: usize,
    /// At most so many hits, up to 100.
    #[serde(default = "limit")]
    #[schemars(range(min = 1, max = 100))]
    limit: usize,
    /// Report every exchange that has the same message, not the newest alone.
    #[serde(default)]
    every: bool,
    /// `next` of the result before, to go on behind it.
    #[serde(default)]
    cursor: Option<String>,
}

fn context() -> usize {
    1
}

fn limit() -> usize {
    20
}

/// Most lines around a hit.
const CONTEXT_MAX: usize = 5;

/// Most hits of a result.
const LIMIT_MAX: usize = 100;

/// Characters of a line shown before and after its first hit.
const AROUND_CHARS: usize = 200;

/// What it finds.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub struct Found {
    /// Those of the texts captured last first.
    hits: Vec<Line>,
    /// False if the search took too long and was ended: filters such as `since:` narrow it.
    complete: bool,
}

/// A line that was found.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars", rename = "Hit")]
struct Line {
    /// The newest exchange that has it.
    exchange: String,
    /// Its conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<String>,
    /// When it began, UTC.
    started_at: String,
    /// The program that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    /// The model asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Who says it: `system`, `user`, `assistant`, `reasoning`, `call`, `tool`, `tools` ...
    role: String,
    /// Where it stands: what `show` takes as `place`.
    place: String,
    /// Number of the line in its text, from 1; JSON is searched as lines of `name: value`.
    line: usize,
    /// The line, or what is around the hit in a long one (captured text).
    text: String,
    /// Lines before it (captured text).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    before: Vec<String>,
    /// Lines after it (captured text).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    after: Vec<String>,
    /// How many exchanges have the same message: agents send it again with each turn.
    count: usize,
    /// The oldest of them.
    first: String,
}

/// Why a search broke off.
enum Broken {
    Enough,
    Store(StoreError),
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Tool for Search {
    const NAME: &'static str = "search";
    const TITLE: &'static str = "Search prompts and answers";
    const DESCRIPTION: &'static str = "Finds lines in all that was recorded: system prompts, messages, tool calls and their \
         results, reasoning, descriptions of tools, answers. `query` is words, \"a phrase\" or \
         /regex/, and filters: role:user (system, user, assistant, reasoning, call, tool, tools), \
         app:, model:, provider:, host:, thread:NAME, id:ID, state:failed, since:2h, \
         until:2026-11-23, tag:. Gives exchange, role, place and line of each hit; read around it \
         with `show` (`id` the exchange, `place` the place). A message that is sent again with \
         every turn is one hit, of the newest exchange that has it.";
    type Arguments = Arguments;
    type Found = Found;

    fn ask(reader: &Reader, asked: Arguments, stop: &Stop) -> Result<Answer<Found>, Refusal> {
        let query = Query::read(&asked.query, &Zoned::now())?;
        let Some(pattern) = &query.pattern else {
            return Err(Refusal::new("the search has no words\nhint: `list` takes filters alone"));
        };
        let had = place(asked.cursor.as_deref())?;
        let limit = asked.limit.clamp(1, LIMIT_MAX);
        let every = if asked.every { Every::Exchange } else { Every::Newest };
        let context = asked.context.min(CONTEXT_MAX);
        let grep = Grep::new(reader, pattern, &query.filter, context, every)?
            .with(&query.also)
            .until(&stop.0);
        let (mut hits, mut seen, mut room) = (Vec::new(), 0, Room::new());
        let searched = grep.run(|hit| {
            seen += 1;
            if seen <= had {
                return Ok(());
            }
            let hit = Line::of(&hit);
            if hits.len() == limit || !room.takes(&hit) {
                return Err(Broken::Enough);
            }
            hits.push(hit);
            Ok(())
        });
        let next = match searched {
            Ok(()) => None,
            Err(Broken::Enough) => Some((had + hits.len()).to_string()),
            Err(Broken::Store(error)) => return Err(error.into()),
        };
        let complete = !stop.is_stopped();
        Ok(Answer::new(Found { hits, complete }, next))
    }
}

impl Line {
    fn of(hit: &Hit) -> Self {
        let exchange = &hit.exchange;
        let place = match hit.place {
            Place::Tools | Place::Messages | Place::Choices => {
                format!("{}[{}]", hit.place.as_str(), hit.index)
            }
            Place::System | Place::Request | Place::Reply => hit.place.as_str().to_owned(),
        };
        let around = |lines: &[String]| lines.iter().map(|line| name(line)).collect();
        let first = hit.found.ranges.first().cloned().unwrap_or_default();
        Self {
            exchange: exchange.id.to_string(),
            thread: exchange.thread.as_deref().map(name),
            started_at: exchange.started_at.to_string(),
            app: app(&exchange.app),
            model: exchange.request_model.as_deref().map(name),
            role: name(hit.role.as_str()),
            place,
            line: hit.found.number,
            text: cut_around(&hit.found.line, &first),
            before: around(&hit.found.before),
            after: around(&hit.found.after),
            count: hit.count,
            first: hit.first.exchange.to_string(),
        }
    }
}

/// What stands around `hit` in a line.
fn cut_around(line: &str, hit: &Range<usize>) -> String {
    let before = line.get(..hit.start).unwrap_or_default();
    let from = before.char_indices().rev().nth(AROUND_CHARS - 1).map_or(0, |(at, _)| at);
    let rest = line.get(hit.start..).unwrap_or_default();
    // A hit may be as long as its line.
    let to = rest.char_indices().nth(AROUND_CHARS * 2);
    let to = to.map_or(line.len(), |(at, _)| hit.start + at);
    let [head, tail] = [from > 0, to < line.len()].map(|is_cut| if is_cut { "…" } else { "" });
    format!("{head}{}{tail}", line.get(from..to).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_shown_around_its_hit() {
        let long = format!("{}天气{}", "前".repeat(1000), "后".repeat(1000));
        let shown = cut_around(&long, &(3000..3006));
        assert_eq!(shown.chars().count(), AROUND_CHARS * 3 + 2);
        assert!(shown.starts_with("…前") && shown.contains("天气后") && shown.ends_with("后…"));
        assert_eq!(cut_around("a weather b", &(2..9)), "a weather b");
    }
}
