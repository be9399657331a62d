//! Conversations: the list, the tree of one, and what is said in its turns.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::messages::deleted;
use super::params::Params;
use super::row::{AppRow, Row};
use super::{Answer, Page, Paged, Shared, selection};
use crate::model::{Exchange, ExchangeError, Part};
use crate::query::diff::is_repeated;
use crate::query::{Turn, TurnPlace, pictures, turns};
use crate::store::{ListedThread, Reader, Selection};
use crate::web::error::ApiError;

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/threads", get(list))
        .route("/threads/{name}", get(one))
        .route("/threads/{name}/turns", get(said))
}

/// Turns that a request may ask the words of: a few screens.
const TURNS_MAX: usize = 60;

/// Turns of one conversation that a page shows, the last ones: of longer ones, which no person
/// led, the list of exchanges has all.
const READ_MAX: usize = 3000;

/// Characters of an answer that stand for it in an outline.
const ANSWER_CHARS: usize = 90;

/// Longest text of a part that comes with its turn, in bytes; a longer one is cut, and its
/// message is there whole by itself. A screen shows some 6 KB.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// A conversation in a list.
#[derive(Debug, Serialize)]
struct ThreadRow {
    thread: String,
    first_words: Option<String>,
    app: AppRow,
    models: Vec<String>,
    turns: u64,
    exchanges: u64,
    failed: u64,
    below: u64,
    input: Option<u64>,
    output: Option<u64>,
    cost_usd: Option<f64>,
    cost_unknown: u64,
    started_at: Timestamp,
    ended_at: Timestamp,
}

/// A conversation without its words.
#[derive(Debug, Serialize)]
struct Tree {
    #[serde(flatten)]
    thread: ThreadRow,
    /// Turns at the beginning that are more than a page can show.
    left_out: usize,
    turns_read: Vec<TurnRow>,
}

/// A turn without its words.
#[derive(Debug, Serialize)]
struct TurnRow {
    #[serde(flatten)]
    row: Row,
    depth: usize,
    place: &'static str,
    /// What the model did, in a few words.
    answer: Option<String>,
    /// Turns with one system prompt have one number.
    system: Option<i64>,
    /// The same of the set of tools.
    tools: Option<i64>,
}

/// What is new in a turn.
#[derive(Debug, Serialize)]
struct Said {
    id: Uuid,
    /// Messages that were said before in the thread.
    inherited: usize,
    messages: Vec<SaidMessage>,
    choices: Vec<SaidChoice>,
    error: Option<ExchangeError>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SaidMessage {
    /// Its place in `request.messages`.
    index: usize,
    role: String,
    /// Whether it is a piece of the system prompt again.
    is_repeated: bool,
    parts: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct SaidChoice {
    parts: Vec<Value>,
    finish_reason: Option<String>,
}

/// Which turns.
#[derive(Debug, Deserialize)]
struct Which {
    /// Ids, commas between them.
    ids: String,
}

/// `GET /api/threads`: a page of the conversations that a query means, the newest first.
async fn list(State(api): State<Shared>, Params(paged): Params<Paged>) -> Answer<Page<ThreadRow>> {
    let (query, after) = (paged.filters().await?, paged.after()?);
    let page = api
        .ask(move |reader| {
            let selection = selection(&query, reader)?;
            Ok(reader.threads(&selection, after, paged.limit())?)
        })
        .await?;
    Ok(Json(Page {
        items: page.threads.into_iter().map(ThreadRow::of).collect(),
        next: page.next.map(|next| next.to_string()),
    }))
}

/// `GET /api/threads/NAME`: its turns in the order in which they are read.
async fn one(State(api): State<Shared>, Path(name): Path<String>) -> Answer<Tree> {
    let tree = api.ask(move |reader| {
        let name = reader.find_thread(&name)?;
        let selection = Selection { thread: Some(name.clone()), ..Selection::default() };
        let listed = reader.threads(&selection, None, 1)?.threads.pop();
        let mut read = turns(reader, &name)?;
        let thread = match (listed, read.first()) {
            (Some(listed), _) => ThreadRow::of(listed),
            // What is no conversation, but of a session that the app names.
            (None, Some(_)) => ThreadRow::summed(name, &read),
            (None, None) => {
                return Err(ApiError::missing(format!("thread `{name}` was deleted just now")));
            }
        };
        let left_out = read.len().saturating_sub(READ_MAX);
        read.drain(..left_out);
        let turns_read =
            read.into_iter().map(|turn| TurnRow::of(turn, reader)).collect::<Result<_, _>>()?;
        Ok(Tree { thread, left_out, turns_read })
    });
    tree.await.map(Json)
}

/// `GET /api/threads/NAME/turns?ids=`: what is new in each of these turns.
async fn said(State(api): State<Shared>, Params(which): Params<Which>) -> Answer<Page<Said>> {
    let ids: Vec<String> = which.ids.split(',').map(|id| id.trim().to_owned()).collect();
    if ids.len() > TURNS_MAX {
        return Err(ApiError::wrong(format!("more than {TURNS_MAX} turns were asked for")));
    }
    let items = api
        .ask(move |reader| ids.iter().map(|id| Said::of(reader, id)).collect::<Result<_, _>>())
        .await?;
    Ok(Json(Page { items, next: None }))
}

impl ThreadRow {
    fn of(listed: ListedThread) -> Self {
        Self {
            app: AppRow::of(listed.app),
            thread: listed.name,
            first_words: listed.first_words,
            models: listed.models,
            turns: listed.turns,
            exchanges: listed.exchanges,
            failed: listed.failed,
            below: listed.below,
            input: listed.input,
            output: listed.output,
            cost_usd: listed.cost_usd,
            cost_unknown: listed.cost_unknown,
            started_at: listed.started_at,
            ended_at: listed.ended_at,
        }
    }

    fn summed(name: String, turns: &[Turn]) -> Self {
        let listed = || turns.iter().map(|turn| &turn.listed);
        let started = || listed().map(|one| one.started_at);
        let first = listed().next();
        Self {
            app: AppRow::of(first.map(|first| first.app.clone()).unwrap_or_default()),
            thread: name,
            first_words: first.and_then(|first| first.first_words.clone()),
            models: Vec::new(),
            turns: turns.len() as u64,
            exchanges: turns.len() as u64,
            failed: 0,
            below: 0,
            input: listed().filter_map(|one| one.usage.input).reduce(u64::saturating_add),
            output: listed().filter_map(|one| one.usage.output).reduce(u64::saturating_add),
            cost_usd: listed().filter_map(|one| one.cost_usd).reduce(|a, b| a + b),
            cost_unknown: listed().filter(|one| one.cost_usd.is_none()).count() as u64,
            started_at: started().min().unwrap_or_default(),
            ended_at: started().max().unwrap_or_default(),
        }
    }
}

impl TurnRow {
    fn of(turn: Turn, reader: &Reader) -> Result<Self, ApiError> {
        let (system, tools) = reader.prompt_of(turn.listed.seq)?;
        let answer = reader.answer(turn.listed.seq)?.and_then(|answer| in_short(&answer.parts));
        let place = match turn.place {
            TurnPlace::First => "first",
            TurnPlace::Next => "next",
            TurnPlace::Branch => "branch",
            TurnPlace::Below => "below",
            TurnPlace::Beside => "beside",
        };
        Ok(Self { answer, row: Row::of(turn.listed), depth: turn.depth, place, system, tools })
    }
}

/// What an answer does: the tools it calls, else its first words.
fn in_short(parts: &[Part]) -> Option<String> {
    let calls: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let text = parts.iter().find_map(|part| match part {
        Part::Text { text } if !text.trim().is_empty() => Some(text.trim()),
        _ => None,
    });
    let words = match (calls.is_empty(), text) {
        (false, _) => format!("→ {}", calls.join(", ")),
        (true, Some(text)) => text.lines().next().unwrap_or_default().to_owned(),
        (true, None) => return None,
    };
    Some(words.chars().take(ANSWER_CHARS).collect())
}

impl Said {
    fn of(reader: &Reader, id: &str) -> Result<Self, ApiError> {
        let (seq, id) = reader.find(id)?;
        let missing = || deleted(&id.to_string());
        let (exchange, inherited) = reader.exchange_anew(seq)?.ok_or_else(missing)?;
        let Exchange { request, reply, error, notes, .. } = exchange;
        let asked = request.messages.iter().flat_map(|message| &message.parts);
        let choices = reply.map(|reply| reply.choices).unwrap_or_default();
        let answered = choices.iter().flat_map(|choice| &choice.parts);
        // The number of a picture counts those before it, also those that were said before.
        let mut picture = 0;
        if inherited > 0 && pictures(asked.chain(answered)) > 0 {
            let whole = reader.exchange(seq)?.ok_or_else(missing)?;
            let before = whole.request.messages.iter().take(inherited);
            picture = pictures(before.flat_map(|message| &message.parts));
        }
        let system = request.system.as_deref();
        let mut messages = Vec::new();
        for (at, message) in request.messages.iter().enumerate() {
            messages.push(SaidMessage {
                index: inherited + at,
                role: message.role.clone(),
                is_repeated: is_repeated(message, system),
                parts: shown(&message.parts, &mut picture)?,
            });
        }
        let mut said = Vec::new();
        for choice in choices {
            let parts = shown(&choice.parts, &mut picture)?;
            said.push(SaidChoice { parts, finish_reason: choice.finish_reason });
        }
        Ok(Self { id, inherited, messages, choices: said, error, notes })
    }
}

/// Parts as the page takes them: long texts cut, pictures numbered.
fn shown(parts: &[Part], picture: &mut usize) -> Result<Vec<Value>, ApiError> {
    let mut shown = Vec::new();
    for part in parts {
        let mut value = serde_json::to_value(part).map_err(ApiError::fault)?;
        number(&mut value, part, picture);
        let length = cut(&mut value);
        if let Some(fields) = value.as_object_mut().filter(|_| length > 0) {
            fields.insert("cut".to_owned(), length.into());
        }
        shown.push(value);
    }
    Ok(shown)
}

/// Gives the pictures of a part their `media`, the number by which they are had.
fn number(value: &mut Value, part: &Part, picture: &mut usize) {
    match part {
        Part::Image { bytes: Some(_), .. } => {
            if let Some(fields) = value.as_object_mut() {
                fields.insert("media".to_owned(), (*picture).into());
            }
            *picture += 1;
        }
        Part::ToolResult { parts, .. } => {
            let values = value.get_mut("parts").and_then(Value::as_array_mut);
            for (value, part) in values.into_iter().flatten().zip(parts) {
                number(value, part, picture);
            }
        }
        _ => {}
    }
}

/// Cuts the long texts inside; gives how many bytes those had.
fn cut(value: &mut Value) -> usize {
    match value {
        Value::String(text) if text.len() > TEXT_BYTES_MAX => {
            let length = text.len();
            text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
            length
        }
        Value::Array(items) => items.iter_mut().map(cut).sum(),
        Value::Object(fields) => fields.values_mut().map(cut).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Message;
    use crate::store::tests::sample::{Capture, turn};

    #[test]
    fn a_turn_says_what_is_new_in_it() {
        let mut capture = Capture::new();
        capture.write(&[turn(0), turn(1), turn(2)]);
        let said = Said::of(&capture.reader(), &turn(2).id.to_string()).unwrap();
        assert_eq!(said.inherited, 4);
        let messages: Vec<_> = said.messages.iter().map(|m| (m.index, m.role.as_str())).collect();
        assert_eq!(messages, [(4, "user")]);
        assert_eq!(said.messages[0].parts[0]["text"], "question 2");
        assert_eq!(said.choices.len(), 1);
    }

    #[test]
    fn an_answer_in_short_is_its_calls_or_its_first_line() {
        let call = Part::ToolCall { id: None, name: "search".into(), arguments: Value::Null };
        assert_eq!(in_short(&[Part::text(" \n"), call]).as_deref(), Some("→ search"));
        assert_eq!(in_short(&[Part::text("\nYes.\nAnd")]).as_deref(), Some("Yes."));
        assert_eq!(in_short(&[]), None);
    }

    #[test]
    fn a_picture_counts_those_that_were_said_before() {
        let image = Part::Image { mime_type: None, url: None, file_id: None, bytes: Some(9) };
        let result = Part::ToolResult {
            id: None,
            name: None,
            parts: vec![Part::text("x".repeat(TEXT_BYTES_MAX + 1)), image.clone()],
            is_error: None,
        };
        let mut capture = Capture::new();
        let mut turns = [turn(0), turn(1)];
        for turn in &mut turns {
            turn.request.messages[0].parts.push(image.clone());
        }
        turns[1].request.messages.push(Message { role: "user".into(), parts: vec![image, result] });
        capture.write(&turns);
        let said = Said::of(&capture.reader(), &turn(1).id.to_string()).unwrap();
        let last = said.messages.last().unwrap();
        assert_eq!(last.parts[0]["media"], 1);
        assert_eq!(last.parts[1]["parts"][1]["media"], 2);
        assert_eq!(last.parts[1]["cut"], TEXT_BYTES_MAX + 1);
    }
}
