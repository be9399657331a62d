//! Counts of texts that were counted before.

use std::collections::HashMap;
use std::mem;

use super::Tokenizer;

/// Texts of a generation; two are kept. A long agent session has some thousand distinct texts.
const GENERATION_MAX: usize = 1 << 15;

/// Which text, cut by which tokenizer.
pub(super) type Key = ([u8; 16], Tokenizer);

/// The key of a text.
pub(super) fn key(text: &str, tokenizer: Tokenizer) -> Key {
    let hash = blake3::hash(text.as_bytes());
    let mut first = [0; 16];
    first.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    (first, tokenizer)
}

/// Counts by text. Of what was not asked for during a whole generation, nothing is kept.
#[derive(Debug, Default)]
pub(super) struct Cache {
    young: HashMap<Key, u64>,
    old: HashMap<Key, u64>,
}

impl Cache {
    pub(super) fn get(&mut self, key: Key) -> Option<u64> {
        if let Some(count) = self.young.get(&key) {
            return Some(*count);
        }
        let count = self.old.remove(&key)?;
        self.keep(key, count);
        Some(count)
    }

    pub(super) fn keep(&mut self, key: Key, count: u64) {
        if self.young.len() >= GENERATION_MAX {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, count);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut cache = Cache::default();
        let of = |n: usize| key(&n.to_string(), Tokenizer::O200k);
        for n in 0..GENERATION_MAX * 5 {
            cache.keep(of(n), n as u64);
            assert_eq!(cache.get(of(0)), Some(0), "after {n}");
            assert!(cache.len() <= GENERATION_MAX * 2);
        }
        assert_eq!(cache.get(of(1)), None);
    }
}
