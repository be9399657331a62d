//! What to answer, before a dialect puts it into its words.

use super::prompt::{Prompt, Tool};
use super::{schema, words};

/// What to answer.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) reasoning: Option<String>,
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
    pub(super) trouble: Option<Trouble>,
    pub(super) input_tokens: u64,
    pub(super) reasoning_tokens: u64,
    /// Of one answer, reasoning included.
    pub(super) output_tokens: u64,
}

/// A tool call.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    /// JSON.
    pub(super) arguments: String,
}

/// What goes wrong, as the model's name asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No answer: too many requests.
    RateLimited,
    /// No answer: too little capacity.
    Overloaded,
    /// An error after some events.
    FailsMidStream,
    /// The connection closes after some events.
    CutMidStream,
}

impl Plan {
    /// The only place that decides what is answered.
    pub(super) fn of(prompt: &Prompt) -> Self {
        let says = |word| prompt.model.contains(word);
        let reasons = says("reason") || prompt.is_thinking_on();
        let reasoning = reasons.then(|| words::reasoning(prompt.words()));
        let calls = calls(prompt);
        let text = match prompt.schema() {
            _ if !calls.is_empty() => "Let me see.".to_owned(),
            Some(schema) => schema::example(schema).to_string(),
            None => words::answer(prompt.words(), if says("long") { 100 } else { 1 }),
        };
        let trouble = TROUBLES.iter().find(|(word, _)| says(word));
        let reasoning_tokens = reasoning.as_deref().map_or(0, words::tokens);
        let arguments = calls.iter().map(|call| words::tokens(&call.arguments));
        Self {
            output_tokens: reasoning_tokens + words::tokens(&text) + arguments.sum::<u64>(),
            trouble: trouble.map(|(_, trouble)| *trouble),
            input_tokens: prompt.tokens(),
            reasoning,
            text,
            calls,
            reasoning_tokens,
        }
    }

    /// Of the prompt's tokens, how many came from a cache.
    pub(super) fn cached_tokens(&self) -> u64 {
        self.input_tokens / 2
    }
}

fn calls(prompt: &Prompt) -> Vec<Call> {
    let asked = prompt.asked().unwrap_or_default();
    let lower = asked.to_lowercase();
    let call = |tool: Tool<'_>| Call {
        name: tool.name.to_owned(),
        arguments: schema::example(tool.schema).to_string(),
    };
    if lower.contains("use the tools") {
        prompt.tools().take(2).map(call).collect()
    } else if lower.contains("use the tool") {
        let named = prompt.tools().find(|tool| asked.contains(tool.name));
        named.or_else(|| prompt.tools().next()).map(call).into_iter().collect()
    } else {
        Vec::new()
    }
}

const TROUBLES: &[(&str, Trouble)] = &[
    ("error-429", Trouble::RateLimited),
    ("error-overloaded", Trouble::Overloaded),
    ("error-mid-stream", Trouble::FailsMidStream),
    ("cut-mid-stream", Trouble::CutMidStream),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan(model: &str, asked: &str) -> Plan {
        let tool = |name| json!({"name": name, "input_schema": {"type": "object"}});
        let prompt = json!({
            "model": model,
            "messages": [{"role": "user", "content": asked}],
            "tools": [tool("one"), tool("two"), tool("three")],
        });
        Plan::of(&serde_json::from_value(prompt).unwrap())
    }

    #[test]
    fn tools_are_called_when_asked_for() {
        for (asked, called) in [
            ("hello", &[][..]),
            ("Use the tool", &["one"]),
            ("use the tool two", &["two"]),
            ("use the tools", &["one", "two"]),
        ] {
            let calls = plan("m", asked).calls;
            assert_eq!(calls.iter().map(|call| &call.name[..]).collect::<Vec<_>>(), called);
        }
    }

    #[test]
    fn the_model_asks_for_reasoning_and_trouble() {
        assert!(plan("fake-reasoner", "a").reasoning.is_some());
        assert!(plan("fake", "a").reasoning.is_none());
        for (model, trouble) in TROUBLES {
            assert_eq!(plan(model, "a").trouble, Some(*trouble));
        }
    }
}
