//! JSON lines: one object of the contract (`docs/exchange.md`) a line.

use std::io::{self, Write};

use serde::Serialize;

use crate::store::{Cursor, Order, Reader, Selection, StoreError};

/// Exchanges looked up at once; no transaction is held from one page to the next.
const PAGE: usize = 256;

/// Why an export broke off.
#[derive(Debug, thiserror::Error)]
pub enum JsonlError {
    /// The capture could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lines could not be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes the exchanges that `selection` means, or the newest `limit` of them, the oldest
/// first. Gives their number.
pub fn write(
    reader: &Reader,
    selection: &Selection,
    limit: Option<usize>,
    out: &mut impl Write,
) -> Result<u64, JsonlError> {
    let mut after = match limit {
        None => None,
        Some(limit) => match before_newest(reader, selection, limit)? {
            Start::Nowhere => return Ok(0),
            Start::Beginning => None,
            Start::After(cursor) => Some(cursor),
        },
    };
    let mut written = 0;
    loop {
        let page = reader.list(selection, Order::OldestFirst, after, PAGE)?;
        for listed in &page.exchanges {
            if let Some(exchange) = reader.exchange(listed.seq)? {
                line(out, &exchange)?;
                written += 1;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(written);
        }
    }
}

/// Where the newest ones begin.
enum Start {
    Nowhere,
    Beginning,
    After(Cursor),
}

/// Goes back over `limit` exchanges and one more.
fn before_newest(
    reader: &Reader,
    selection: &Selection,
    limit: usize,
) -> Result<Start, StoreError> {
    if limit == 0 {
        return Ok(Start::Nowhere);
    }
    let mut left = limit.saturating_add(1);
    let mut after = None;
    loop {
        let page = reader.list(selection, Order::NewestFirst, after, left.min(PAGE))?;
        left -= page.exchanges.len();
        after = page.next;
        match after {
            Some(cursor) if left == 0 => return Ok(Start::After(cursor)),
            None => return Ok(Start::Beginning),
            Some(_) => {}
        }
    }
}

/// Writes one value as a line of JSON.
///
/// Captured text is hostile: characters that could steer a terminal or turn a line around are
/// written as `\uXXXX`. To a JSON parser that is the same text.
pub fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string(value)?;
    let mut from = 0;
    for (at, c) in json.char_indices().filter(|&(_, c)| steers(c)) {
        out.write_all(json.get(from..at).unwrap_or_default().as_bytes())?;
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        from = at + c.len_utf8();
    }
    out.write_all(json.get(from..).unwrap_or_default().as_bytes())?;
    out.write_all(b"\n")
}

/// Whether a character does something to a terminal, or to a reader's eye, other than standing
/// there: controls, marks of direction, and characters without a width that joining scripts
/// and emoji do not need.
pub fn steers(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_harmless_and_says_the_same() {
        for (rule, text, expected) in [
            ("words", "héllo 天 👩‍💻", "\"héllo 天 👩‍💻\"\n"),
            ("an escape", "\u{1b}[2J", "\"\\u001b[2J\"\n"),
            ("a line end", "a\nb", "\"a\\nb\"\n"),
            ("C1 and DEL", "\u{9b}2J\u{7f}", "\"\\u009b2J\\u007f\"\n"),
            ("right to left", "a\u{202e}b", "\"a\\u202eb\"\n"),
            ("a tag character", "\u{e0041}", "\"\\udb40\\udc41\"\n"),
        ] {
            let mut out = Vec::new();
            line(&mut out, &text).unwrap();
            assert_eq!(String::from_utf8(out.clone()).unwrap(), expected, "{rule}");
            let back: String = serde_json::from_slice(&out).unwrap();
            assert_eq!(back, text, "{rule}");
        }
    }
}
