//! Usage for exchanges whose provider sends none.

use serde_json::Value;

use super::{Counter, Tokenizer};
use crate::model::{Exchange, Part, State, Usage};

/// Operations that have a prompt and an answer of words.
const WORDED: [&str; 6] = ["chat", "completion", "complete", "fim", "generate", "generation"];

/// Operations whose answer is no words.
const PROMPT_ALONE: [&str; 2] = ["embeddings", "embed"];

/// Parameters by which the prompt goes on where an earlier one ended: what the model read is
/// more than what was sent.
const CONTINUES: [&str; 6] = [
    "previous_response_id",
    "conversation",
    "cachedContent",
    "cached_content",
    "previous_interaction_id",
    "context",
];

/// Tokens that every prompt has beside its messages, in OpenAI's models.
const PER_PROMPT: u64 = 3;

/// A usage of our own counting.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The usage, marked as what it is.
    pub usage: Usage,
    /// What the reader should know of it.
    pub note: String,
}

/// The tokens of an exchange whose provider counted none; `None` where counting words would
/// say nothing: no words are charged for, or the provider refused.
pub fn estimate(exchange: &Exchange, counter: &Counter) -> Option<Estimate> {
    let operation = exchange.operation.as_deref()?;
    let is_worded = WORDED.contains(&operation);
    let is_answered = exchange.status.is_some_and(|status| status < 300);
    if exchange.usage.is_some()
        || exchange.state == State::Failed
        || !is_answered
        || !(is_worded || PROMPT_ALONE.contains(&operation))
    {
        return None;
    }
    let reply = exchange.reply.as_ref()?;
    let model = reply.model.as_deref().or(exchange.request.model.as_deref());
    let tokenizer = Tokenizer::of(model);
    let input = input(exchange, counter, tokenizer);
    let output = is_worded.then(|| output(exchange, counter, tokenizer)).flatten();
    if input.is_none() && output.is_none() {
        return None;
    }
    let usage = Usage {
        input,
        output,
        source: Usage::ESTIMATED.to_owned(),
        raw: Value::Null,
        ..Usage::default()
    };
    Some(Estimate { usage, note: note(exchange, tokenizer, input) })
}

fn note(exchange: &Exchange, tokenizer: Tokenizer, input: Option<u64>) -> String {
    let mut note = format!(
        "the provider sent no token count: `usage` is an estimate ({}), without reasoning that is \
         not shown",
        tokenizer.name()
    );
    if exchange.state == State::Interrupted {
        note.push_str("; of the answer it counts what came before it broke off");
    }
    if input.is_none() {
        note.push_str("; the prompt has more than the words that were sent");
    }
    note
}

fn input(exchange: &Exchange, counter: &Counter, tokenizer: Tokenizer) -> Option<u64> {
    let request = &exchange.request;
    let has = |name: &&str| request.params.get(*name).is_some_and(|value| !value.is_null());
    if exchange.state == State::Truncated || CONTINUES.iter().any(has) {
        return None;
    }
    let is_chat = exchange.operation.as_deref() == Some("chat");
    let mut tokens = 0;
    for message in &request.messages {
        // What is completed or embedded has no roles, and so no frames.
        let measured = match is_chat {
            true => counter.message(message, tokenizer),
            false => counter.parts(&message.parts, tokenizer),
        };
        if !measured.unseen.is_empty() {
            return None;
        }
        tokens += measured.tokens;
    }
    if let Some(system) = super::prompt::system_apart(request) {
        tokens += counter.text(system, tokenizer);
    }
    tokens += request.tools.iter().map(|tool| counter.tool(tool, tokenizer)).sum::<u64>();
    let prompt = if is_chat { PER_PROMPT } else { 0 };
    (tokens > 0).then_some(tokens + prompt)
}

fn output(exchange: &Exchange, counter: &Counter, tokenizer: Tokenizer) -> Option<u64> {
    let choices = &exchange.reply.as_ref()?.choices;
    let mut tokens = 0;
    for part in choices.iter().flat_map(|choice| &choice.parts) {
        // What the provider tells beside the answer was not written by the model.
        if matches!(part, Part::Other { .. }) {
            continue;
        }
        let measured = counter.part(part, tokenizer);
        if !measured.unseen.is_empty() {
            return None;
        }
        tokens += measured.tokens;
    }
    Some(tokens)
}
