//! Looking into a message.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::query::{Filter, FoundLine, Pattern, Role, texts};
use crate::store::{Kind, Reader, StoreError};

/// What is looked for in messages.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// In each line.
    pub pattern: &'a Pattern,
    /// Anywhere in a text, else none of its lines counts.
    pub also: &'a [Pattern],
    /// Whose texts.
    pub filter: &'a Filter,
    /// Lines before and after each hit.
    pub context: usize,
    /// Once it is true nobody wants to know any more: nothing is found from then on.
    pub stop: Option<&'a AtomicBool>,
}

/// A message with hits.
pub struct Looked {
    /// The message.
    pub id: i64,
    /// Where it stands in an exchange.
    pub kind: Kind,
    /// Its texts that have some.
    pub texts: Vec<FoundText>,
}

/// A text with hits.
pub struct FoundText {
    /// Who says it.
    pub role: Role,
    /// Its place among the texts of the message.
    pub nth: u32,
    /// The same for the same text of the same role.
    pub hash: u64,
    /// Its lines with hits.
    pub lines: Vec<FoundLine>,
}

impl Look<'_> {
    /// Whether nobody wants to know any more.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// Looks into a message; `None` if it has no hit, or was deleted.
    pub fn at(&self, reader: &Reader, id: i64) -> Result<Option<Looked>, StoreError> {
        if self.is_stopped() {
            return Ok(None);
        }
        let Some(message) = reader.message(id)? else { return Ok(None) };
        let mut found = Vec::new();
        for (nth, text) in (0..).zip(texts(&message.content)) {
            if !self.filter.wants(&text.role) {
                continue;
            }
            if !self.also.iter().all(|pattern| pattern.is_in(&text.text)) {
                continue;
            }
            let lines = self.pattern.lines(&text.text, self.context);
            if lines.is_empty() {
                continue;
            }
            let mut hasher = DefaultHasher::new();
            (&text.role, &text.text).hash(&mut hasher);
            let lines = lines.iter().map(FoundLine::from).collect();
            found.push(FoundText { role: text.role, nth, hash: hasher.finish(), lines });
        }
        let kind = message.content.kind();
        Ok((!found.is_empty()).then_some(Looked { id, kind, texts: found }))
    }
}
