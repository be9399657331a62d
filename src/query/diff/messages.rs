//! What changed between two lists of messages.

use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use super::align::{Step, align};
use super::blocks::{Block, Body, blocks};
use super::sketch::Sketch;
use super::text::TextDiff;
use super::value::{self, ValueChange};
use crate::model::Message;

/// What changed between two lists of messages, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MessagesDiff {
    /// Messages of the old list.
    pub old_count: usize,
    /// Messages of the new list.
    pub new_count: usize,
    /// From the first on.
    pub steps: Vec<MessageStep>,
}

/// A message, or a run of messages that are alike. Indexes count from 0, in `request.messages`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum MessageStep {
    /// The same messages on both sides.
    Alike {
        /// How many.
        count: usize,
        /// Size of what they say, in bytes.
        bytes: usize,
    },
    /// In the old list only.
    Removed {
        /// Its index there.
        old: usize,
        /// The message.
        message: Message,
    },
    /// In the new list only.
    Added {
        /// Its index there.
        new: usize,
        /// The message.
        message: Message,
    },
    /// In both, changed.
    Changed {
        /// Its index in the old list.
        old: usize,
        /// Its index in the new one.
        new: usize,
        /// Who says it.
        role: String,
        /// Its pieces, in order.
        blocks: Vec<BlockStep>,
    },
}

/// A piece of a message that changed, or a run of pieces that are alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum BlockStep {
    /// The same pieces on both sides.
    Alike {
        /// How many.
        count: usize,
        /// Size of what they say, in bytes.
        bytes: usize,
    },
    /// In the old message only.
    Removed {
        /// What it is, such as `call shell`; empty for a text.
        label: String,
        /// What it says; a string for a text.
        value: Value,
    },
    /// In the new message only.
    Added {
        /// What it is.
        label: String,
        /// What it says; a string for a text.
        value: Value,
    },
    /// Words changed.
    Text {
        /// What it is.
        label: String,
        /// Both texts.
        pieces: TextDiff,
    },
    /// Values changed.
    Value {
        /// What it is.
        label: String,
        /// By path.
        changes: Vec<ValueChange>,
    },
}

impl MessagesDiff {
    /// Compares two lists; each message comes with its index in the request.
    pub(super) fn new(
        old: &[(usize, &Message)],
        new: &[(usize, &Message)],
        deadline: Instant,
    ) -> Self {
        let (olds, news): (Vec<_>, Vec<_>) =
            (old.iter().map(said).collect(), new.iter().map(said).collect());
        let steps = align(
            &olds,
            &news,
            |at| olds.get(at).map(Said::sketch).unwrap_or_default(),
            |at| news.get(at).map(Said::sketch).unwrap_or_default(),
            deadline,
        );
        let mut diff = Self { old_count: old.len(), new_count: new.len(), steps: Vec::new() };
        for step in steps {
            diff.steps.extend(match step {
                Step::Same(range, _) => {
                    let bytes = olds.get(range.clone()).unwrap_or_default().iter().map(Said::bytes);
                    Some(MessageStep::Alike { count: range.len(), bytes: bytes.sum() })
                }
                Step::Removed(at) => old
                    .get(at)
                    .map(|&(old, message)| MessageStep::Removed { old, message: message.clone() }),
                Step::Added(at) => new
                    .get(at)
                    .map(|&(new, message)| MessageStep::Added { new, message: message.clone() }),
                Step::Changed(at, to) => match (olds.get(at), news.get(to)) {
                    (Some(old), Some(new)) => Some(changed(old, new, deadline)),
                    _ => None,
                },
            });
        }
        diff
    }

    /// Whether nothing changed.
    pub fn is_alike(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, MessageStep::Alike { .. }))
    }
}

/// A message by what it says. Ids of calls are left out: a provider makes new ones each time,
/// and they say nothing.
struct Said<'a> {
    index: usize,
    role: &'a str,
    blocks: Vec<Block<'a>>,
}

impl PartialEq for Said<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.role == other.role && self.blocks == other.blocks
    }
}

impl Eq for Said<'_> {}

impl std::hash::Hash for Said<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.role.hash(state);
        self.blocks.hash(state);
    }
}

fn said<'a>(&(index, message): &(usize, &'a Message)) -> Said<'a> {
    Said { index, role: &message.role, blocks: blocks(message) }
}

impl Said<'_> {
    fn sketch(&self) -> Sketch {
        let words: Vec<_> = self.blocks.iter().map(Block::words).collect();
        Sketch::of_all(words.iter().map(|words| &**words)).of_kind(self.role)
    }

    fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.words().len()).sum()
    }
}

fn changed(old: &Said<'_>, new: &Said<'_>, deadline: Instant) -> MessageStep {
    let sketch = |said: &Said<'_>, at: usize| {
        let block = said.blocks.get(at);
        block.map(|block| Sketch::of(&block.words()).of_kind(&block.label)).unwrap_or_default()
    };
    let steps =
        align(&old.blocks, &new.blocks, |at| sketch(old, at), |at| sketch(new, at), deadline);
    let mut blocks = Vec::new();
    for step in steps {
        blocks.extend(match step {
            Step::Same(range, _) => {
                let same = old.blocks.get(range.clone()).unwrap_or_default();
                let bytes = same.iter().map(|block| block.words().len()).sum();
                Some(BlockStep::Alike { count: range.len(), bytes })
            }
            Step::Removed(at) => old.blocks.get(at).map(|block| {
                let (label, value) = owned(block);
                BlockStep::Removed { label, value }
            }),
            Step::Added(at) => new.blocks.get(at).map(|block| {
                let (label, value) = owned(block);
                BlockStep::Added { label, value }
            }),
            Step::Changed(at, to) => match (old.blocks.get(at), new.blocks.get(to)) {
                (Some(old), Some(new)) => block_change(old, new, deadline),
                _ => None,
            },
        });
    }
    MessageStep::Changed { old: old.index, new: new.index, role: new.role.to_owned(), blocks }
}

fn block_change(old: &Block<'_>, new: &Block<'_>, deadline: Instant) -> Option<BlockStep> {
    let label = new.label.clone().into_owned();
    match (&old.body, &new.body) {
        (Body::Text(old), Body::Text(new)) => {
            Some(BlockStep::Text { label, pieces: TextDiff::new(old, new, deadline) })
        }
        (Body::Value(old), Body::Value(new)) => {
            Some(BlockStep::Value { label, changes: value::changes(old, new, deadline) })
        }
        // Their labels differ, so they are never paired.
        _ => None,
    }
}

fn owned(block: &Block<'_>) -> (String, Value) {
    let value = match &block.body {
        Body::Text(text) => Value::from(*text),
        Body::Value(value) => value.clone().into_owned(),
    };
    (block.label.clone().into_owned(), value)
}
