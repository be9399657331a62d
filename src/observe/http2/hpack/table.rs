//! The tables of RFC 7541: the static one of Appendix A, the dynamic one of §2.3.2.

use std::collections::VecDeque;
use std::fmt;

/// What an entry costs beside its octets, as the RFC counts.
pub(super) const ENTRY_BYTES: usize = 32;

/// Most bytes that a dynamic table holds here, counted as the RFC does, whatever was agreed on:
/// sixteen times what browsers offer. Entries beyond it are forgotten; a block that refers to
/// one cannot be read.
pub(super) const TABLE_BYTES_MAX: u32 = 1 << 20;

/// What the table may hold until an update says otherwise.
const TABLE_BYTES_DEFAULT: u32 = 4096;

/// The dynamic table of one direction, and the static one before it.
pub(in crate::observe::http2) struct Table {
    /// Newest first.
    entries: VecDeque<(Vec<u8>, Vec<u8>)>,
    /// The sum of the entries' sizes, never above `bytes_max` and `TABLE_BYTES_MAX`.
    bytes: usize,
    /// As the last update said.
    bytes_max: u32,
}

impl Table {
    /// The table of a new connection.
    pub(in crate::observe::http2) fn new() -> Self {
        Self { entries: VecDeque::new(), bytes: 0, bytes_max: TABLE_BYTES_DEFAULT }
    }

    /// Name and value of the entry `index`: 1 to 61 are static, then come the dynamic ones,
    /// newest first.
    pub(super) fn get(&self, index: u32) -> Option<(&[u8], &[u8])> {
        let index = usize::try_from(index).ok()?.checked_sub(1)?;
        match index.checked_sub(STATIC.len()) {
            None => STATIC.get(index).map(|(name, value)| (name.as_bytes(), value.as_bytes())),
            Some(index) => self.entries.get(index).map(|(name, value)| (&name[..], &value[..])),
        }
    }

    /// Adds an entry; the oldest go until it fits. One that never fits empties the table.
    pub(in crate::observe::http2) fn insert(&mut self, name: Vec<u8>, value: Vec<u8>) {
        let size = size(&name, &value);
        let room = self.bytes_max.min(TABLE_BYTES_MAX) as usize;
        self.shrink(room.saturating_sub(size));
        if size <= room {
            self.bytes += size;
            self.entries.push_front((name, value));
        }
    }

    /// Changes how much the table may hold.
    pub(in crate::observe::http2) fn resize(&mut self, bytes_max: u32) {
        self.bytes_max = bytes_max;
        self.shrink(bytes_max.min(TABLE_BYTES_MAX) as usize);
    }

    /// What the last update said that the table may hold.
    pub(in crate::observe::http2) fn bytes_max(&self) -> u32 {
        self.bytes_max
    }

    /// The dynamic entries, oldest first.
    pub(in crate::observe::http2) fn oldest_first(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().rev().map(|(name, value)| (&name[..], &value[..]))
    }

    fn shrink(&mut self, room: usize) {
        while self.bytes > room
            && let Some((name, value)) = self.entries.pop_back()
        {
            self.bytes -= size(&name, &value);
        }
    }
}

/// Without the entries: credentials are among them.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("entries", &self.entries.len())
            .field("bytes", &self.bytes)
            .field("bytes_max", &self.bytes_max)
            .finish()
    }
}

fn size(name: &[u8], value: &[u8]) -> usize {
    name.len() + value.len() + ENTRY_BYTES
}

#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes_max: u32, inserted: &[(&str, usize)]) -> Vec<String> {
        let mut table = Table::new();
        table.resize(bytes_max);
        for (name, value_bytes) in inserted {
            table.insert(name.as_bytes().to_vec(), vec![b'v'; *value_bytes]);
        }
        (62..)
            .map_while(|index| table.get(index))
            .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
            .collect()
    }

    #[test]
    fn insertions() {
        for (rule, bytes_max, inserted, expected) in [
            ("the newest is the first", 100, &[("a", 1), ("b", 1)][..], &["b", "a"][..]),
            ("the oldest goes", 100, &[("a", 1), ("b", 1), ("c", 1)], &["c", "b"]),
            ("as large as the table", 100, &[("a", 1), ("b", 67)], &["b"]),
            ("larger than the table", 100, &[("a", 1), ("b", 68)], &[]),
            ("no table", 0, &[("a", 1)], &[]),
            (
                "more than is held here",
                u32::MAX,
                &[("a", 1 << 19), ("b", 1 << 19), ("c", (1 << 19) - 100)],
                &["c", "b"],
            ),
        ] {
            assert_eq!(table(bytes_max, inserted), expected, "{rule}");
        }
    }

    #[test]
    fn a_smaller_table_keeps_the_newest() {
        let mut table = Table::new();
        for name in [b"a", b"b", b"c"] {
            table.insert(name.to_vec(), Vec::new());
        }
        table.resize(66);
        table.resize(4096);
        let names: Vec<&[u8]> = table.oldest_first().map(|(name, _)| name).collect();
        assert_eq!(names, [b"b", b"c"]);
        assert_eq!(format!("{table:?}"), "Table { entries: 2, bytes: 66, bytes_max: 4096 }");
    }

    #[test]
    fn there_is_no_entry_0() {
        assert_eq!(Table::new().get(0), None);
        assert_eq!(Table::new().get(61), Some((&b"www-authenticate"[..], &b""[..])));
        assert_eq!(Table::new().get(62), None);
    }
}
