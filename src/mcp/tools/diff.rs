//! `diff`: what changed between two prompts.

use std::time::Instant;

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::Tool;
use crate::mcp::answer::{Answer, Refusal, Room, Stop, place};
use crate::mcp::changes::{Changed, changes};
use crate::mcp::row::Row;
use crate::query::diff::{Difference, PATIENCE, Section, Side, Source};
use crate::store::Reader;

/// The tool.
pub struct Diff;

/// What it takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct Arguments {
    /// The old one: an exchange's id, or a prompt's or tool set's from `prompts`, such as `@12`.
    a: String,
    /// The new one; without it, `a` is compared with the turn before it.
    #[serde(default)]
    b: Option<String>,
    /// Only these sections.
    #[serde(default)]
    only: Vec<Only>,
    /// Most characters of each text that changed.
    #[serde(default = "limit")]
    #[schemars(range(min = 1, max = 20000))]
    limit: usize,
    /// `next` of the result before, to go on behind it.
    #[serde(default)]
    cursor: Option<String>,
}

fn limit() -> usize {
    2_000
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(crate = "schemars")]
enum Only {
    Model,
    Params,
    System,
    Tools,
    Messages,
}

impl From<Only> for Section {
    fn from(only: Only) -> Self {
        match only {
            Only::Model => Self::Model,
            Only::Params => Self::Params,
            Only::System => Self::System,
            Only::Tools => Self::Tools,
            Only::Messages => Self::Messages,
        }
    }
}

/// What it finds.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub struct Found {
    /// Whether nothing changed in what was compared.
    alike: bool,
    /// The sections that were compared.
    compared: Vec<&'static str>,
    /// The old one.
    old: Compared,
    /// The new one.
    new: Compared,
    /// What changed, section by section; what is alike is not told.
    changes: Vec<Changed>,
}

/// A side.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
struct Compared {
    /// What finds it again.
    id: String,
    /// The exchange, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<Row>,
    /// Bytes of the system prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    system_bytes: Option<usize>,
    /// Tools.
    tools: usize,
    /// Messages.
    messages: usize,
}

impl Compared {
    fn of(side: &Side) -> Self {
        let exchange = match &side.source {
            Source::Exchange(listed) => Some(Row::of(listed)),
            Source::Prompt { .. } => None,
        };
        Self {
            id: side.label(),
            exchange,
            system_bytes: side.request.system.as_ref().map(String::len),
            tools: side.request.tools.len(),
            messages: side.request.messages.len(),
        }
    }
}

impl Tool for Diff {
    const NAME: &'static str = "diff";
    const TITLE: &'static str = "Compare two prompts";
    const DESCRIPTION: &'static str = "Compares two prompts section by section (model, params, system, tools, messages), texts \
         word by word. `a` and `b` are ids of exchanges, or `@12` as `prompts` lists system \
         prompts and tool sets; with `a` alone it is compared with the turn before it, which shows \
         what an agent added or rewrote.";
    type Arguments = Arguments;
    type Found = Found;

    fn ask(reader: &Reader, asked: Arguments, _: &Stop) -> Result<Answer<Found>, Refusal> {
        let from = place(asked.cursor.as_deref())?;
        let b = asked.b.as_deref().filter(|b| !b.is_empty());
        let (old, new) = Side::pair(reader, &asked.a, b)?;
        let mut sections = Side::common(&old, &new)?;
        if !asked.only.is_empty() {
            let only: Vec<Section> = asked.only.iter().map(|&only| only.into()).collect();
            sections.retain(|section| only.contains(section));
        }
        let deadline = Instant::now() + PATIENCE;
        let difference = Difference::between(&old.request, &new.request, &sections, deadline);
        let all = changes(&difference, asked.limit);
        let (old, new) = (Compared::of(&old), Compared::of(&new));
        let mut room = Room::new();
        room.takes(&old);
        room.takes(&new);
        let mut told: Vec<Changed> = Vec::new();
        let count = all.len();
        for change in all.into_iter().skip(from) {
            // The first always: else whoever goes on would not get ahead.
            if !room.takes(&change) && !told.is_empty() {
                break;
            }
            told.push(change);
        }
        let end = from + told.len();
        let found = Found {
            alike: difference.is_alike(),
            compared: sections.into_iter().map(Section::as_str).collect(),
            old,
            new,
            changes: told,
        };
        Ok(Answer::new(found, (end < count).then(|| end.to_string())))
    }
}
