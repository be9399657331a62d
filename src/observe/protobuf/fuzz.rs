//! A fuzz body: any bytes are walked to their end, and no text is longer than they are.

use super::{DEPTH_MAX, Leaf, all, walk};

/// Walks `data`, and reads each leaf again by its path.
pub fn run(data: &[u8]) {
    let mut bytes = 0;
    // Each path is read again: that costs the whole length for each.
    let again = if data.len() < 1 << 10 { usize::MAX } else { 10 };
    for (index, (path, leaf)) in walk(data).enumerate() {
        assert!((1..=DEPTH_MAX).contains(&path.0.len()));
        bytes += match leaf {
            Leaf::Text(text) => text.len(),
            Leaf::Bytes(bytes) => bytes.len(),
            Leaf::Varint(_) | Leaf::Fixed64(_) | Leaf::Fixed32(_) => 1,
        };
        if index < again {
            assert!(all(data, &path.0).next().is_some(), "{path}");
        }
    }
    assert!(bytes <= data.len());
}
