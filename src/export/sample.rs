//! A conversation with its answer, as programs that train models take it: a system prompt, and
//! turns of user, model and tools.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use serde_json::Value;

use crate::model::{Exchange, Part, State, Tool};

/// Exchanges that are no samples.
pub(super) const NOT_ANSWERED: &str = "without a complete answer of a model";
/// Exchanges whose conversation is in another sample.
pub(super) const GOES_ON: &str = "whose conversation goes on in a later one (`--every-turn`)";
/// Exchanges that the format has no words for.
pub(super) const NO_WORDS: &str = "whose prompt or answer the format has no words for";

/// What a format has no words for, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    exchanges: BTreeMap<&'static str, u64>,
    pieces: BTreeMap<&'static str, u64>,
}

impl Lost {
    /// Whether there is nothing.
    pub fn is_nothing(&self) -> bool {
        self.exchanges.is_empty() && self.pieces.is_empty()
    }

    /// Counts what another lost as well.
    pub fn add(&mut self, other: Self) {
        other.exchanges.into_iter().for_each(|(why, count)| self.exchanges(why, count));
        for (what, count) in other.pieces {
            *self.pieces.entry(what).or_default() += count;
        }
    }

    pub(super) fn exchange(&mut self, why: &'static str) {
        self.exchanges(why, 1);
    }

    pub(super) fn exchanges(&mut self, why: &'static str, count: u64) {
        if count > 0 {
            *self.exchanges.entry(why).or_default() += count;
        }
    }

    pub(super) fn piece(&mut self, what: &'static str) {
        *self.pieces.entry(what).or_default() += 1;
    }
}

/// A line for each reason.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exchanges =
            self.exchanges.iter().map(|(why, count)| format!("left out: {count} exchanges {why}"));
        let pieces = self.pieces.iter().map(|(what, count)| format!("{what} ({count})"));
        let pieces: Vec<String> = pieces.collect();
        let inside = match pieces.is_empty() {
            true => None,
            false => Some(format!("left out of what was written: {}", pieces.join(", "))),
        };
        let lines: Vec<String> = exchanges.chain(inside).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// A conversation.
#[derive(Debug, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) turns: Vec<Turn>,
    pub(super) tools: &'a [Tool],
}

/// Who spoke, and what.
#[derive(Debug, PartialEq)]
pub(super) enum Turn {
    System(String),
    User(Vec<Said>),
    Model { text: String, calls: Vec<Call> },
    Result { id: String, text: String },
}

/// What a user said.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Text(String),
    Image(String),
}

/// A call of a tool.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Value,
}

/// The conversation of an exchange that a model answered whole, else `None`.
pub(super) fn of<'a>(exchange: &'a Exchange, lost: &mut Lost) -> Option<Sample<'a>> {
    let choices = &exchange.reply.as_ref()?.choices;
    let answer = choices.first().filter(|_| exchange.state == State::Complete)?;
    let mut talk = Talk::default();
    let request = &exchange.request;
    let is_said = request.messages.iter().any(|message| is_system(&message.role));
    if let Some(system) = request.system.as_ref().filter(|_| !is_said) {
        talk.turns.push(Turn::System(system.clone()));
    }
    for message in &request.messages {
        talk.message(&message.role, &message.parts);
    }
    talk.message("assistant", &answer.parts);
    (1..choices.len()).for_each(|_| talk.lost.piece("further answers"));
    let turns = talk.settled();
    // Without a question or an answer there is nothing to learn.
    let has_question = turns.iter().any(|turn| matches!(turn, Turn::User(_)));
    if !has_question || !matches!(turns.last(), Some(Turn::Model { .. })) {
        return None;
    }
    lost.add(talk.lost);
    Some(Sample { turns, tools: &request.tools })
}

fn is_system(role: &str) -> bool {
    matches!(role, "system" | "developer")
}

/// A conversation that is put together.
#[derive(Default)]
struct Talk {
    turns: Vec<Turn>,
    lost: Lost,
    /// Calls that have no result yet, by the order in which they came: id as sent, id here, name.
    open: Vec<(Option<String>, String, String)>,
    ids: HashSet<String>,
}

impl Talk {
    fn message(&mut self, role: &str, parts: &[Part]) {
        let is_model = matches!(role, "assistant" | "model" | "ai");
        // Results stand before what the user says with them: they answer the calls.
        for part in parts {
            if let Part::ToolResult { id, name, parts, is_error: _ } = part {
                self.result(id.as_deref(), name.as_deref(), parts);
            }
        }
        if is_model {
            return self.model(parts);
        }
        let said = self.said(parts, is_system(role));
        if said.is_empty() {
            return;
        }
        match is_system(role) {
            true => self.turns.push(Turn::System(text_of(said))),
            // Words of a tool that say of no call are words that the model was told.
            false => self.turns.push(Turn::User(said)),
        }
    }

    fn model(&mut self, parts: &[Part]) {
        let mut words: Vec<&str> = Vec::new();
        let mut calls = Vec::new();
        for part in parts {
            match part {
                Part::Text { text } => words.push(text),
                Part::ToolCall { id, name, arguments } => {
                    let own = self.unused(id.as_deref());
                    self.open.push((id.clone(), own.clone(), name.clone()));
                    let (name, arguments) = (name.clone(), arguments.clone());
                    calls.push(Call { id: own, name, arguments });
                }
                Part::ToolResult { .. } => {}
                other => self.lost.piece(kind(other)),
            }
        }
        let words = words.concat();
        // Some dialects have a message for each call of one answer.
        match self.turns.last_mut() {
            Some(Turn::Model { text, calls: before }) => {
                if !text.is_empty() && !words.is_empty() {
                    text.push_str("\n\n");
                }
                text.push_str(&words);
                before.extend(calls);
            }
            _ if words.is_empty() && calls.is_empty() => {}
            _ => self.turns.push(Turn::Model { text: words, calls }),
        }
    }

    /// An id that no other call of the conversation has: some dialects have none, some count anew
    /// with each answer.
    fn unused(&mut self, id: Option<&str>) -> String {
        let mut own = id.map_or_else(|| format!("call_{}", self.ids.len() + 1), str::to_owned);
        while !self.ids.insert(own.clone()) {
            own = format!("{own}_{}", self.ids.len() + 1);
        }
        own
    }

    fn result(&mut self, id: Option<&str>, name: Option<&str>, parts: &[Part]) {
        let same = self.open.iter().position(|(had, ..)| id.is_some() && had.as_deref() == id);
        // Where the dialect has no ids, results come in the order of the calls.
        let next = || {
            self.open.iter().position(|(had, _, called)| {
                (had.is_none() || id.is_none()) && name.is_none_or(|name| name == called)
            })
        };
        let Some(at) = same.or_else(next) else {
            self.lost.piece("results of calls that are not there");
            return;
        };
        let (_, id, _) = self.open.remove(at);
        let said = self.said(parts, true);
        self.turns.push(Turn::Result { id, text: text_of(said) });
    }

    /// What is said in words or pictures; `words_only` where the format has no pictures.
    fn said(&mut self, parts: &[Part], words_only: bool) -> Vec<Said> {
        let mut said = Vec::new();
        for part in parts {
            match part {
                Part::Text { text } => said.push(Said::Text(text.clone())),
                Part::Image { url: Some(url), .. } if !words_only => {
                    said.push(Said::Image(url.clone()));
                }
                Part::File { text: Some(text), .. } => said.push(Said::Text(text.clone())),
                Part::ToolResult { .. } => {}
                other => self.lost.piece(kind(other)),
            }
        }
        said
    }

    /// The turns, without calls that were never answered: no format takes them, but at the end.
    fn settled(&mut self) -> Vec<Turn> {
        let mut turns = std::mem::take(&mut self.turns);
        let last = turns.len().saturating_sub(1);
        let answered = turns.iter().filter_map(|turn| match turn {
            Turn::Result { id, .. } => Some(id.clone()),
            _ => None,
        });
        let answered: HashSet<String> = answered.collect();
        for (at, turn) in turns.iter_mut().enumerate() {
            let Turn::Model { calls, .. } = turn else { continue };
            let before = calls.len();
            calls.retain(|call| at == last || answered.contains(&call.id));
            (calls.len()..before).for_each(|_| self.lost.piece("calls without a result"));
        }
        turns.retain(|turn| match turn {
            Turn::Model { text, calls } => !text.is_empty() || !calls.is_empty(),
            _ => true,
        });
        in_order(turns)
    }
}

/// Results right behind the calls that they answer, whatever was said in between.
fn in_order(turns: Vec<Turn>) -> Vec<Turn> {
    let mut results: HashMap<String, Turn> = HashMap::new();
    let mut others = Vec::with_capacity(turns.len());
    for turn in turns {
        match turn {
            Turn::Result { ref id, .. } => {
                results.insert(id.clone(), turn);
            }
            turn => others.push(turn),
        }
    }
    let mut ordered = Vec::with_capacity(others.len() + results.len());
    for turn in others {
        let ids: Vec<String> = match &turn {
            Turn::Model { calls, .. } => calls.iter().map(|call| call.id.clone()).collect(),
            _ => Vec::new(),
        };
        ordered.push(turn);
        ordered.extend(ids.iter().filter_map(|id| results.remove(id)));
    }
    ordered
}

/// Pieces of one message as one text.
pub(super) fn text_of(said: Vec<Said>) -> String {
    let words = said.into_iter().filter_map(|said| match said {
        Said::Text(text) => Some(text),
        Said::Image(_) => None,
    });
    words.collect::<Vec<String>>().join("\n\n")
}

/// What the format has no words for, in the plural.
fn kind(part: &Part) -> &'static str {
    match part {
        Part::Reasoning { .. } => "pieces of reasoning",
        Part::Image { url: Some(_), .. } => "pictures that were not the user's",
        Part::Image { .. } => "pictures that were sent inline",
        Part::Audio { .. } => "sounds",
        Part::File { .. } => "files",
        Part::ToolCall { .. } => "calls that were not the model's",
        Part::ToolResult { .. } => "results",
        Part::Other { .. } | Part::Text { .. } => "pieces of no known type",
    }
}
