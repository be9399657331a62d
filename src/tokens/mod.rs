//! Tokens, counted by us: as OpenAI's tokenizers cut a text, which is near to what other
//! vendors' do. What comes of it is an estimate, and says so.
//!
//! A [`Counter`] remembers what it counted, so a history that is sent again with every turn
//! costs its hash. Nothing here runs on the forwarding path: tokenizers take tens of
//! milliseconds to load, and that is done when the first text is counted.

mod cache;
mod estimate;
mod prompt;

pub use estimate::{Estimate, estimate};
pub use prompt::{Measured, Unseen, system_apart};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::PoisonError;

use cache::Cache;

/// Longest text that is counted whole, in bytes: the rest of a longer one is taken to be like
/// its beginning. Nothing that a model takes is longer.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Shorter texts are counted as fast as they are looked up.
const CACHED_BYTES_MIN: usize = 256;

/// Bytes of a token of English or code, for a text that cannot be counted.
const BYTES_PER_TOKEN: u64 = 4;

/// A way of cutting texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tokenizer {
    /// Of GPT-4o and everything since; the nearest there is for everybody else's models.
    O200k,
    /// Of GPT-4, GPT-3.5 and the embeddings of their time.
    Cl100k,
}

impl Tokenizer {
    /// The one of `model`.
    pub fn of(model: Option<&str>) -> Self {
        let model = model.unwrap_or_default();
        let name = model.rsplit('/').next().unwrap_or(model);
        let older = ["gpt-4-", "gpt-35-", "gpt-3.5-", "text-embedding-"];
        match name == "gpt-4" || older.iter().any(|start| name.starts_with(start)) {
            true => Self::Cl100k,
            false => Self::O200k,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::O200k => "o200k_base",
            Self::Cl100k => "cl100k_base",
        }
    }

    fn count(self, text: &str) -> u64 {
        let tokenizer = match self {
            Self::O200k => bpe_openai::o200k_base(),
            Self::Cl100k => bpe_openai::cl100k_base(),
        };
        // It asserts what it expects of its own tables; an estimate is not worth an exchange.
        let counted = catch_unwind(AssertUnwindSafe(|| tokenizer.count(text)));
        counted.map_or(text.len() as u64 / BYTES_PER_TOKEN, |count| count as u64)
    }
}

/// Counts texts and remembers the counts.
#[derive(Debug, Default)]
pub struct Counter {
    cache: Mutex<Cache>,
}

impl Counter {
    /// Tokens of `text`.
    pub fn text(&self, text: &str, tokenizer: Tokenizer) -> u64 {
        if text.len() < CACHED_BYTES_MIN {
            return tokenizer.count(text);
        }
        let key = cache::key(text, tokenizer);
        if let Some(count) = self.remembered().get(key) {
            return count;
        }
        let count = whole(text, tokenizer);
        self.remembered().keep(key, count);
        count
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn whole(text: &str, tokenizer: Tokenizer) -> u64 {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    let (beginning, rest) = text.split_at(end);
    let counted = tokenizer.count(beginning);
    if rest.is_empty() {
        return counted;
    }
    let share = text.len() as f64 / beginning.len() as f64;
    (counted as f64 * share).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_its_tokenizer() {
        for (model, expected) in [
            (None, Tokenizer::O200k),
            (Some("gpt-4"), Tokenizer::Cl100k),
            (Some("openai/gpt-4-turbo"), Tokenizer::Cl100k),
            (Some("gpt-4o-mini"), Tokenizer::O200k),
            (Some("gpt-4.1"), Tokenizer::O200k),
            (Some("gpt-35-turbo"), Tokenizer::Cl100k),
            (Some("text-embedding-3-small"), Tokenizer::Cl100k),
            (Some("claude-opus-5"), Tokenizer::O200k),
        ] {
            assert_eq!(Tokenizer::of(model), expected, "{model:?}");
        }
    }

    #[test]
    fn texts_are_counted_as_openai_does() {
        let counter = Counter::default();
        for (text, tokenizer, expected) in [
            ("", Tokenizer::O200k, 0),
            ("Hello, world!", Tokenizer::O200k, 4),
            ("Hello, world!", Tokenizer::Cl100k, 4),
            ("你好，世界", Tokenizer::O200k, 3),
        ] {
            assert_eq!(counter.text(text, tokenizer), expected, "{text}");
        }
    }

    #[test]
    fn a_text_is_counted_once_and_each_tokenizer_for_itself() {
        let counter = Counter::default();
        let text = "Grüße aus Gent. ".repeat(100);
        let first = counter.text(&text, Tokenizer::O200k);
        assert_eq!(counter.text(&text, Tokenizer::O200k), first);
        assert_ne!(counter.text(&text, Tokenizer::Cl100k), first);
        assert_eq!(counter.remembered().len(), 2);
    }

    #[test]
    fn the_rest_of_a_very_long_text_is_like_its_beginning() {
        let text = "one two three four five six seven eight\n".repeat(TEXT_BYTES_MAX / 20);
        let whole = whole(&text, Tokenizer::O200k);
        assert_eq!(whole / 1000, text.lines().count() as u64 * 9 / 1000);
    }
}
