//! What was said in a session so far.

use std::collections::VecDeque;

use serde_json::Value;

use crate::model::{Message, Part};

/// Most bytes of words that a session remembers: the oldest messages go first. A model's own
/// window is smaller.
const REMEMBERED_BYTES_MAX: usize = 4 << 20;

/// What a message weighs beside its words, in bytes: many empty ones are bounded as well.
const MESSAGE_BYTES: usize = 64;

/// Messages, oldest first, and how many before them were forgotten.
#[derive(Debug, Default)]
pub(super) struct History {
    messages: VecDeque<Message>,
    bytes: usize,
    forgotten: u64,
}

impl History {
    /// Adds a message.
    pub(super) fn add(&mut self, message: Message) {
        self.bytes = self.bytes.saturating_add(weight(&message));
        self.messages.push_back(message);
        self.bound();
    }

    /// Changes the last message; a change may make it heavier.
    pub(super) fn change_last(&mut self, change: impl FnOnce(&mut Message)) {
        if let Some(last) = self.messages.back_mut() {
            let before = weight(last);
            change(last);
            self.bytes = self.bytes.saturating_add(weight(last)).saturating_sub(before);
            self.bound();
        }
    }

    /// The messages.
    pub(super) fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.iter()
    }

    /// How many messages were forgotten.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.forgotten == 0
    }

    /// Moves all of `other` to the end.
    pub(super) fn append(&mut self, other: Self) {
        self.forgotten = self.forgotten.saturating_add(other.forgotten);
        other.messages.into_iter().for_each(|message| self.add(message));
    }

    fn bound(&mut self) {
        while self.bytes > REMEMBERED_BYTES_MAX
            && self.messages.len() > 1
            && let Some(oldest) = self.messages.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(weight(&oldest));
            self.forgotten += 1;
        }
    }
}

/// About how much memory a message takes, in bytes.
fn weight(message: &Message) -> usize {
    message.parts.iter().map(of_part).fold(MESSAGE_BYTES, usize::saturating_add)
}

fn of_part(part: &Part) -> usize {
    let inside = match part {
        Part::Text { text } => text.len(),
        Part::Reasoning { text, signature } => {
            text.len() + signature.as_ref().map_or(0, String::len)
        }
        Part::Audio { transcript, .. } => transcript.as_ref().map_or(0, String::len),
        Part::ToolCall { arguments, .. } => of_value(arguments),
        Part::ToolResult { parts, .. } => parts.iter().map(of_part).sum(),
        Part::Other { value } => of_value(value),
        Part::Image { .. } | Part::File { .. } => 0,
    };
    inside.saturating_add(MESSAGE_BYTES)
}

fn of_value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + MESSAGE_BYTES,
        Value::Array(items) => items.iter().map(of_value).sum(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| name.len() + of_value(value)).sum()
        }
        _ => MESSAGE_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_session_forgets_its_beginning() {
        let mut history = History::default();
        for _ in 0..100 {
            let parts = vec![Part::text("x".repeat(100 << 10))];
            history.add(Message { role: "user".to_owned(), parts });
        }
        let kept: usize = history.messages().map(weight).sum();
        assert!(kept <= REMEMBERED_BYTES_MAX, "{kept}");
        assert_eq!(history.forgotten() + history.messages().count() as u64, 100);
        history.change_last(|message| message.parts.clear());
        assert_eq!(history.messages().map(weight).sum::<usize>(), history.bytes);
    }
}
