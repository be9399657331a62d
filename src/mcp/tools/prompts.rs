//! `prompts`: the system prompts and tool sets of apps, and when they changed.

use std::time::Instant;

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::{Tool, filters, selection};
use crate::mcp::answer::{Answer, Refusal, Room, Stop, name, place};
use crate::mcp::changes::{Changed, changes};
use crate::query::diff::{Difference, PATIENCE, Section};
use crate::query::prompts::{self, Prompt};
use crate::store::{Kind, Reader};

/// The tool.
pub struct Prompts;

/// What it takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct Arguments {
    /// Only system prompts, or only tool sets.
    #[serde(default)]
    only: Option<Only>,
    /// Give each change instead: which prompt took whose place, when, and what of it.
    #[serde(default)]
    changes: bool,
    /// Filters, as of `list`, such as `app:claude`.
    #[serde(default)]
    filter: String,
    /// `next` of the result before, to go on behind it.
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(crate = "schemars")]
enum Only {
    System,
    Tools,
}

/// Texts of a prompt that are named, the newest ones.
const TEXTS_MAX: usize = 10;

/// Versions of an app that are named: the first ones, and the last.
const VERSIONS_MAX: usize = 6;

/// Bytes of what changed that one change tells; `diff` has all of it.
const CHANGE_BYTES_MAX: usize = 6_000;

/// Characters of each text that changed.
const CHANGE_CHARS_MAX: usize = 400;

/// What it finds.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub struct Found {
    /// Each prompt, the one first seen first; not with `changes: true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompts: Option<Vec<Row>>,
    /// With `changes: true` each change, the earliest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<Change>>,
    /// How many there are in all.
    count: usize,
}

/// A prompt as it was from one change to the next; texts that differ in moving parts, such as
/// the date, are one prompt.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
struct Row {
    /// Its newest text: what `show`, `diff` and the filter `prompt:` take.
    id: String,
    /// `system` or `tools`.
    kind: &'static str,
    /// The app that sent it.
    app: String,
    /// The app's versions that did, as far as it tells them.
    versions: Vec<String>,
    /// When it was first seen, UTC.
    first: String,
    /// When it was last seen, UTC.
    last: String,
    /// In how many exchanges.
    exchanges: u64,
    /// Bytes of its newest text.
    bytes: usize,
    /// Its first words; of tools their names (captured text).
    begins: String,
    /// How many texts it had.
    texts: usize,
    /// The newest of them.
    newest: Vec<String>,
    /// The prompt whose place it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    follows: Option<String>,
}

/// A prompt that took another's place.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
struct Change {
    /// When the new one was first seen, UTC.
    at: String,
    /// The app.
    app: String,
    /// `system` or `tools`.
    kind: &'static str,
    /// The one before.
    old: String,
    /// The one that came.
    new: String,
    /// What changed of what lasts in both.
    changes: Vec<Changed>,
    /// Changes left out: `diff` of `old` and `new` has them.
    left_out: usize,
}

impl Row {
    fn of(prompt: &Prompt) -> Self {
        let newest = prompt.newest();
        let mut texts: Vec<_> = prompt.variants.iter().collect();
        texts.sort_by_key(|text| std::cmp::Reverse((text.last, text.id)));
        Self {
            id: id(newest.map(|text| text.id)),
            kind: prompt.kind.as_str(),
            app: name(&prompt.app),
            versions: versions(&prompt.versions),
            first: prompt.first.to_string(),
            last: prompt.last.to_string(),
            exchanges: prompt.exchanges,
            bytes: newest.map(|text| text.bytes).unwrap_or_default(),
            begins: newest.map(|text| name(&text.begins)).unwrap_or_default(),
            texts: texts.len(),
            newest: texts.iter().take(TEXTS_MAX).map(|text| id(Some(text.id))).collect(),
            follows: prompt.follows.map(|follows| id(Some(follows))),
        }
    }
}

fn id(id: Option<i64>) -> String {
    id.map(|id| format!("@{id}")).unwrap_or_default()
}

fn versions(all: &[String]) -> Vec<String> {
    let mut some: Vec<String> =
        all.iter().take(VERSIONS_MAX).map(|version| name(version)).collect();
    some.extend(all.last().filter(|_| all.len() > VERSIONS_MAX).map(|version| name(version)));
    some
}

impl Change {
    fn of(reader: &Reader, old: &Prompt, new: &Prompt) -> Result<Self, Refusal> {
        let [before, after] = [old.lasting(reader)?, new.lasting(reader)?];
        let sections = [Section::System, Section::Tools];
        let deadline = Instant::now() + PATIENCE;
        let difference = Difference::between(&before, &after, &sections, deadline);
        let all = changes(&difference, CHANGE_CHARS_MAX);
        let (mut room, count) = (Room::of(CHANGE_BYTES_MAX), all.len());
        let told: Vec<Changed> = all.into_iter().take_while(|change| room.takes(change)).collect();
        Ok(Self {
            at: new.first.to_string(),
            app: name(&new.app),
            kind: new.kind.as_str(),
            old: id(old.newest().map(|text| text.id)),
            new: id(new.newest().map(|text| text.id)),
            left_out: count - told.len(),
            changes: told,
        })
    }
}

impl Tool for Prompts {
    const NAME: &'static str = "prompts";
    const TITLE: &'static str = "List system prompts and tool sets";
    const DESCRIPTION: &'static str = "Lists the distinct system prompts and tool sets that apps sent, with app, versions, first \
         and last use, how often, size and first words; texts that differ in moving parts such as \
         a date are one prompt. With `changes: true` gives each time that one was replaced for \
         good, and what changed. Read a whole one with `show` (`id` such as `@12`), compare any \
         two with `diff`, list its exchanges with the filter `prompt:@12`.";
    type Arguments = Arguments;
    type Found = Found;

    fn ask(reader: &Reader, asked: Arguments, stop: &Stop) -> Result<Answer<Found>, Refusal> {
        let from = place(asked.cursor.as_deref())?;
        let selection = selection(&filters(&asked.filter)?, reader)?;
        let kinds: &[Kind] = match asked.only {
            Some(Only::System) => &[Kind::System],
            Some(Only::Tools) => &[Kind::Tools],
            None => &[Kind::System, Kind::Tools],
        };
        let mut all = Vec::new();
        for &kind in kinds {
            all.extend(prompts::prompts(reader, kind, &selection)?);
        }
        let mut room = Room::new();
        let mut found = Found::default();
        let told = if asked.changes {
            let pairs = prompts::changes(&all);
            found.count = pairs.len();
            let mut told = Vec::new();
            for (old, new) in pairs.into_iter().skip(from) {
                let change = Change::of(reader, old, new)?;
                if stop.is_stopped() || !room.takes(&change) {
                    break;
                }
                told.push(change);
            }
            found.changes.insert(told).len()
        } else {
            found.count = all.len();
            let rows = all.iter().skip(from).map(Row::of);
            found.prompts.insert(rows.take_while(|row| room.takes(row)).collect()).len()
        };
        let end = from + told;
        let next = (end < found.count).then(|| end.to_string());
        Ok(Answer::new(found, next))
    }
}
