//! One answer as it grows, for the dialects whose answers are blocks in a row.

use serde_json::{Map, Value};

use super::{Grown, json, media};
use crate::model::{Choice, Part};

/// Told of what a piece adds to the answer.
pub(super) type Tell<'t> = dyn FnMut(Grown<'_>) + 't;

/// One answer: its parts in the order in which they begin, each joined from its pieces.
///
/// A piece names its part by kind and `key`, the number that the dialect gives the block; a
/// dialect without such numbers says 0.
#[derive(Default)]
pub(super) struct Answer {
    /// Its number among the answers of the reply.
    pub(super) index: u64,
    /// Why the model stopped, in the provider's word.
    pub(super) finish_reason: Option<String>,
    /// Fields without a place of their own.
    pub(super) rest: Map<String, Value>,
    /// Whether fields were too many to be kept.
    pub(super) is_rest_cut: bool,
    blocks: Vec<Block>,
}

struct Block {
    key: u64,
    so_far: SoFar,
}

enum SoFar {
    Text(String),
    Reasoning { text: String, signature: Option<String> },
    Call { id: Option<String>, name: String, arguments: String },
    Whole(Part),
}

/// Blocks that a piece is looked for in, from the last one back: a stream may have any number
/// of them, and pieces belong to one of the last.
const SEARCHED_MAX: usize = 256;

/// Most fields without a place of their own that are kept: each event may bring new ones.
pub(super) const REST_MAX: usize = 64;

impl Answer {
    /// The answer with `index`, of which nothing came yet.
    pub(super) fn new(index: u64) -> Self {
        Self { index, ..Self::default() }
    }

    /// Adds words of the answer.
    pub(super) fn text(&mut self, key: u64, words: &str, tell: &mut Tell<'_>) {
        if words.is_empty() {
            return;
        }
        tell(Grown::Text(words));
        let begin = || SoFar::Text(String::new());
        if let SoFar::Text(text) = self.block(key, |had| matches!(had, SoFar::Text(_)), begin) {
            text.push_str(words);
        }
    }

    /// Adds words of reasoning.
    pub(super) fn reasoning(&mut self, key: u64, words: &str, tell: &mut Tell<'_>) {
        if words.is_empty() {
            return;
        }
        tell(Grown::Reasoning(words));
        if let SoFar::Reasoning { text, .. } = self.thought(key) {
            text.push_str(words);
        }
    }

    /// Adds to the signature, or the encrypted form, of reasoning.
    pub(super) fn sign(&mut self, key: u64, piece: &str) {
        if piece.is_empty() {
            return;
        }
        if let SoFar::Reasoning { signature, .. } = self.thought(key) {
            signature.get_or_insert_default().push_str(piece);
        }
    }

    /// Begins a tool call.
    pub(super) fn call(&mut self, key: u64, id: Option<String>, name: &str, tell: &mut Tell<'_>) {
        tell(Grown::ToolCall(name));
        let so_far = SoFar::Call { id, name: name.to_owned(), arguments: String::new() };
        self.blocks.push(Block { key, so_far });
    }

    /// Adds to the arguments of a tool call; of one without a name, if it did not begin.
    pub(super) fn arguments(&mut self, key: u64, piece: &str, tell: &mut Tell<'_>) {
        if piece.is_empty() {
            return;
        }
        tell(Grown::Arguments(piece));
        let begin = || SoFar::Call { id: None, name: String::new(), arguments: String::new() };
        let is_call = |had: &SoFar| matches!(had, SoFar::Call { .. });
        if let SoFar::Call { arguments, .. } = self.block(key, is_call, begin) {
            arguments.push_str(piece);
        }
    }

    /// Whether a tool call with this key and id has begun.
    pub(super) fn has_call(&self, key: u64, id: Option<&str>) -> bool {
        self.blocks.iter().rev().take(SEARCHED_MAX).any(|block| match &block.so_far {
            SoFar::Call { id: had, .. } => block.key == key && had.as_deref() == id,
            _ => false,
        })
    }

    /// Adds a part that came whole; an empty text says nothing.
    pub(super) fn push(&mut self, part: Part, tell: &mut Tell<'_>) {
        match &part {
            Part::Text { text } if text.is_empty() => return,
            Part::Text { text } => tell(Grown::Text(text)),
            Part::Reasoning { text, .. } if !text.is_empty() => tell(Grown::Reasoning(text)),
            Part::ToolCall { name, arguments, .. } => {
                tell(Grown::ToolCall(name));
                if !json::is_empty(arguments) {
                    tell(Grown::Arguments(&arguments.to_string()));
                }
            }
            _ => {}
        }
        self.blocks.push(Block { key: u64::MAX, so_far: SoFar::Whole(part) });
    }

    /// Adds a part that came whole and that later pieces with `key` belong to.
    pub(super) fn push_with(&mut self, key: u64, part: Part, tell: &mut Tell<'_>) {
        self.push(part, tell);
        if let Some(block) = self.blocks.last_mut() {
            block.key = key;
        }
    }

    /// The part with `key` that came whole, to add to it.
    pub(super) fn whole(&mut self, key: u64) -> Option<&mut Part> {
        self.blocks.iter_mut().rev().take(SEARCHED_MAX).find_map(|block| match &mut block.so_far {
            SoFar::Whole(part) if block.key == key => Some(part),
            _ => None,
        })
    }

    /// Keeps a field that has no place of its own: lists grow, of anything else the last one
    /// counts.
    pub(super) fn keep(&mut self, name: &str, value: Value) {
        if json::is_empty(&value) {
            return;
        }
        let is_full = self.rest.len() >= REST_MAX;
        match (self.rest.get_mut(name), value) {
            (Some(Value::Array(had)), Value::Array(mut more)) => had.append(&mut more),
            (None, _) if is_full => self.is_rest_cut = true,
            (_, value) => _ = self.rest.insert(name.to_owned(), value),
        }
    }

    /// The choice; `more` are fields of the reply that go with it.
    pub(super) fn finish(self, more: Map<String, Value>) -> Choice {
        let mut parts: Vec<Part> =
            self.blocks.into_iter().map(|block| block.so_far.finish()).collect();
        let mut rest = self.rest;
        rest.extend(more);
        if !rest.is_empty() {
            parts.push(media::other(Value::Object(rest)));
        }
        Choice { parts, finish_reason: self.finish_reason }
    }

    fn thought(&mut self, key: u64) -> &mut SoFar {
        let is_reasoning = |had: &SoFar| matches!(had, SoFar::Reasoning { .. });
        self.block(key, is_reasoning, || SoFar::Reasoning { text: String::new(), signature: None })
    }

    /// The last block with `key` of the kind that `is` tells; `begin`s one if there is none.
    #[expect(clippy::indexing_slicing, reason = "the block was found there, or put there")]
    fn block(
        &mut self,
        key: u64,
        is: impl Fn(&SoFar) -> bool,
        begin: impl FnOnce() -> SoFar,
    ) -> &mut SoFar {
        let searched = self.blocks.len().saturating_sub(SEARCHED_MAX);
        let found = self
            .blocks
            .iter()
            .skip(searched)
            .rposition(|block| block.key == key && is(&block.so_far));
        let at = match found {
            Some(at) => searched + at,
            None => {
                self.blocks.push(Block { key, so_far: begin() });
                self.blocks.len() - 1
            }
        };
        &mut self.blocks[at].so_far
    }
}

impl SoFar {
    fn finish(self) -> Part {
        match self {
            Self::Text(text) => Part::Text { text },
            Self::Reasoning { text, signature } => Part::Reasoning { text, signature },
            Self::Call { id, name, arguments } => Part::ToolCall {
                id,
                name,
                arguments: match arguments.is_empty() {
                    true => Value::Object(Map::new()),
                    false => json::arguments(arguments),
                },
            },
            Self::Whole(part) => part,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_by_kind_and_key_in_the_order_in_which_blocks_begin() {
        let mut answer = Answer::new(0);
        let mut told = Vec::new();
        let tell = &mut |grown: Grown<'_>| told.push(format!("{grown:?}"));
        answer.reasoning(0, "Hm", tell);
        answer.text(0, "Hel", tell);
        answer.call(0, Some("c1".to_owned()), "look", tell);
        answer.text(1, "", tell);
        answer.reasoning(0, "m.", tell);
        answer.text(0, "lo", tell);
        answer.arguments(0, "{\"a\":", tell);
        answer.arguments(0, "1}", tell);
        answer.sign(0, "sig");
        answer.call(1, None, "empty", tell);
        let parts = answer.finish(Map::new()).parts;
        let call = |id: Option<&str>, name: &str, arguments| Part::ToolCall {
            id: id.map(str::to_owned),
            name: name.to_owned(),
            arguments,
        };
        assert_eq!(
            parts,
            [
                Part::Reasoning { text: "Hmm.".to_owned(), signature: Some("sig".to_owned()) },
                Part::text("Hello"),
                call(Some("c1"), "look", serde_json::json!({"a": 1})),
                call(None, "empty", serde_json::json!({})),
            ]
        );
        assert_eq!(told.len(), 8);
    }

    #[test]
    fn arguments_without_a_beginning_are_kept() {
        let mut answer = Answer::new(0);
        answer.arguments(3, "{\"cut", &mut |_| {});
        let part = answer.finish(Map::new()).parts.pop().unwrap();
        let cut = Value::from("{\"cut");
        assert_eq!(part, Part::ToolCall { id: None, name: String::new(), arguments: cut });
    }

    #[test]
    fn lists_that_are_kept_grow() {
        let mut answer = Answer::new(0);
        for value in [serde_json::json!([1]), serde_json::json!([2, 3]), Value::Null] {
            answer.keep("logprobs", value);
        }
        assert_eq!(answer.rest["logprobs"], serde_json::json!([1, 2, 3]));
    }
}
