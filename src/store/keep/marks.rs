//! A set of row ids: a bit each.

/// Ids that were met. Grows to the largest; a capture of ten million blobs needs 1.2 MB.
#[derive(Default)]
pub(super) struct Marks {
    words: Vec<u64>,
}

/// Largest id taken, so that a damaged reference does not take all memory: 128 MiB of bits.
const ID_MAX: i64 = 1 << 30;

impl Marks {
    /// Notes `id`; `true` if it was not noted before.
    pub(super) fn insert(&mut self, id: i64) -> bool {
        let Some((word, bit)) = place(id) else { return false };
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let Some(bits) = self.words.get_mut(word) else { return false };
        let is_new = *bits & bit == 0;
        *bits |= bit;
        is_new
    }

    pub(super) fn contains(&self, id: i64) -> bool {
        // What cannot be noted is never taken for garbage.
        let Some((word, bit)) = place(id) else { return true };
        self.words.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

fn place(id: i64) -> Option<(usize, u64)> {
    let id = usize::try_from(id).ok().filter(|_| id <= ID_MAX)?;
    Some((id / 64, 1 << (id % 64)))
}
