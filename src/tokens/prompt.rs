//! What parts, messages and tools come to.

use serde_json::Value;

use super::{Counter, Tokenizer};
use crate::model::{Message, Part, Request, Tool};

/// Tokens that frame a message: its role, its beginning and its end. OpenAI's models, as the
/// vendor's cookbook counts them ("How to count tokens with tiktoken").
const PER_MESSAGE: u64 = 4;

/// Tokens that frame a call of a tool or its result.
const PER_CALL: u64 = 4;

/// Tokens that frame a tool's definition.
const PER_TOOL: u64 = 8;

/// What something comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Tokens of everything that is words.
    pub tokens: u64,
    /// What cannot be counted.
    pub unseen: Unseen,
}

/// Content whose tokens depend on more than is known here: the size of a picture, the pages of
/// a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unseen {
    /// Pictures.
    pub images: u64,
    /// Sounds, and files that were not sent as text.
    pub files: u64,
}

impl Unseen {
    /// Whether there is nothing of the kind.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl std::ops::AddAssign for Measured {
    fn add_assign(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.unseen.images += other.unseen.images;
        self.unseen.files += other.unseen.files;
    }
}

impl std::iter::Sum for Measured {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

impl Measured {
    /// Words only.
    pub fn of_words(tokens: u64) -> Self {
        Self { tokens, unseen: Unseen::default() }
    }
}

impl Counter {
    /// A message with all its parts.
    pub fn message(&self, message: &Message, tokenizer: Tokenizer) -> Measured {
        let mut whole = Measured::of_words(PER_MESSAGE);
        whole += self.parts(&message.parts, tokenizer);
        whole
    }

    /// Parts, one after the other.
    pub fn parts(&self, parts: &[Part], tokenizer: Tokenizer) -> Measured {
        parts.iter().map(|part| self.part(part, tokenizer)).sum()
    }

    /// One part.
    pub fn part(&self, part: &Part, tokenizer: Tokenizer) -> Measured {
        let words = |text: &str| Measured::of_words(self.text(text, tokenizer));
        let file = Measured { unseen: Unseen { files: 1, images: 0 }, tokens: 0 };
        match part {
            Part::Text { text } | Part::Reasoning { text, .. } => words(text),
            Part::ToolCall { name, arguments, .. } => {
                let tokens = self.text(name, tokenizer) + self.value(arguments, tokenizer);
                Measured::of_words(PER_CALL + tokens)
            }
            Part::ToolResult { parts, .. } => {
                let mut whole = self.parts(parts, tokenizer);
                whole.tokens += PER_CALL;
                whole
            }
            Part::Image { .. } => Measured { unseen: Unseen { images: 1, files: 0 }, tokens: 0 },
            Part::File { text: Some(text), .. } => words(text),
            Part::Audio { .. } | Part::File { .. } => file,
            Part::Other { value } => Measured::of_words(self.value(value, tokenizer)),
        }
    }

    /// A tool's definition.
    pub fn tool(&self, tool: &Tool, tokenizer: Tokenizer) -> u64 {
        let description = tool.description.as_deref().unwrap_or_default();
        let words = self.text(&tool.name, tokenizer) + self.text(description, tokenizer);
        PER_TOOL + words + self.value(&tool.schema, tokenizer)
    }

    fn value(&self, value: &Value, tokenizer: Tokenizer) -> u64 {
        match value {
            Value::Null => 0,
            Value::String(text) => self.text(text, tokenizer),
            value => self.text(&value.to_string(), tokenizer),
        }
    }
}

/// The system prompt, unless it stands among the messages as well.
pub fn system_apart(request: &Request) -> Option<&str> {
    let system = request.system.as_deref()?;
    let is_said = |message: &Message| {
        matches!(message.role.as_str(), "system" | "developer")
            && message.parts.iter().any(|part| match part {
                Part::Text { text } => !text.is_empty() && system.contains(text.as_str()),
                _ => false,
            })
    };
    (!request.messages.iter().any(is_said)).then_some(system)
}
