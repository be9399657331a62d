//! The bytes of a message as it grows.

/// The bytes of a message, as many as are kept.
#[derive(Debug)]
pub(super) struct Kept {
    data: Vec<u8>,
    cut: u64,
    limit: usize,
}

/// Room that is kept from one message to the next, in bytes: more than nearly all of them
/// need, and little for a socket that had one large picture hours ago.
const ROOM_BYTES_MAX: usize = 1 << 20;

impl Kept {
    pub(super) fn new(limit: usize) -> Self {
        Self { data: Vec::new(), cut: 0, limit }
    }

    /// What is kept, and how many bytes more there were.
    pub(super) fn get(&self) -> (&[u8], u64) {
        (&self.data, self.cut)
    }

    /// Bytes so far, kept or not.
    pub(super) fn len(&self) -> u64 {
        self.data.len() as u64 + self.cut
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds bytes; hands back the place of those that are kept.
    pub(super) fn add(&mut self, bytes: &[u8]) -> &mut [u8] {
        let begin = self.data.len();
        let room = self.limit.saturating_sub(begin);
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.data.extend_from_slice(kept);
        self.cut += (bytes.len() - kept.len()) as u64;
        self.data.get_mut(begin..).unwrap_or_default()
    }

    /// The bytes, to be added to, with room for `bytes` more at least, beyond the limit too:
    /// [`settle`](Self::settle) must follow.
    pub(super) fn room(&mut self, bytes: usize) -> &mut Vec<u8> {
        if self.data.capacity() - self.data.len() < bytes {
            // Twofold, as a `Vec` grows, but not beyond the limit.
            let twofold = self.data.len().min(self.limit.saturating_sub(self.data.len()));
            self.data.reserve_exact(twofold.max(bytes));
        }
        &mut self.data
    }

    /// Counts what is beyond the limit.
    pub(super) fn settle(&mut self) {
        self.cut += self.data.len().saturating_sub(self.limit) as u64;
        self.data.truncate(self.limit);
    }

    /// Forgets the message.
    pub(super) fn clear(&mut self) {
        self.data.clear();
        self.data.shrink_to(ROOM_BYTES_MAX);
        self.cut = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_message_is_paid_for_once() {
        for (rule, bytes, limit) in
            [("below the limit", 3 << 20, 4 << 20), ("far beyond it", 40 << 20, 4 << 20)]
        {
            let mut kept = Kept::new(limit);
            for _ in 0..bytes / 4096 {
                kept.room(4096).extend_from_slice(&[b'x'; 4096]);
                kept.settle();
                assert!(kept.data.capacity() <= limit + 4096, "{rule}: {}", kept.data.capacity());
            }
            assert_eq!(kept.len(), bytes as u64, "{rule}");
            assert_eq!(kept.get().0.len(), bytes.min(limit), "{rule}");
            kept.clear();
            assert!(kept.data.capacity() <= ROOM_BYTES_MAX, "{rule}");
        }
    }
}
