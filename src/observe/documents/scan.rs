//! Where a JSON value ends.

use memchr::memchr3;

use super::RECORD_SEPARATOR;

/// A value that is being gone through, from its first byte on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    within: Within,
    /// Brackets that are open, of either kind.
    depth: usize,
    /// The last byte that was not white space.
    last: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Brackets,
    /// Only white space has come of this line.
    LineStart,
    String,
    /// After a backslash.
    Escape,
}

/// Where a value ends, counted from the bytes given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Whole(usize),
    /// Nothing that follows could go on with it.
    Broken(usize),
}

impl Scan {
    /// Goes through the next bytes; `None` if the value goes on after them.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Option<End> {
        let mut at = 0;
        while let Some(rest @ [first, ..]) = bytes.get(at..) {
            match self.within {
                Within::Brackets => {
                    let Some(found) = rest.iter().position(|byte| is_mark(*byte)) else { break };
                    let mark = rest.get(found).copied().unwrap_or_default();
                    let until = at + found;
                    at = until + 1;
                    match mark {
                        b'"' => self.within = Within::String,
                        b'\n' => {
                            self.remember(bytes.get(..until).unwrap_or_default());
                            self.within = Within::LineStart;
                        }
                        b'{' | b'[' => self.depth += 1,
                        RECORD_SEPARATOR => return Some(End::Broken(until)),
                        _ => {
                            self.depth = self.depth.saturating_sub(1);
                            if self.depth == 0 {
                                return Some(End::Whole(at));
                            }
                        }
                    }
                }
                Within::LineStart => {
                    let found = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
                    at += found;
                    if rest.get(found) == Some(&b'{') && !matches!(self.last, b':' | b',' | b'[') {
                        return Some(End::Broken(at));
                    }
                    self.within = Within::Brackets;
                }
                Within::String => {
                    let Some(found) = memchr3(b'"', b'\\', b'\n', rest) else { break };
                    at += found + 1;
                    match rest.get(found) {
                        Some(b'\\') => self.within = Within::Escape,
                        Some(b'"') if self.depth == 0 => return Some(End::Whole(at)),
                        Some(b'"') => self.within = Within::Brackets,
                        _ => return Some(End::Broken(at - 1)),
                    }
                }
                Within::Escape if *first == b'\n' => return Some(End::Broken(at)),
                Within::Escape => {
                    self.within = Within::String;
                    at += 1;
                }
            }
        }
        self.remember(bytes);
        None
    }

    /// Remembers the last of `bytes` that says something.
    fn remember(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.trim_ascii_end().last() {
            self.last = *last;
        }
    }
}

/// Whether a byte outside of a string changes anything. A table, as every such byte is looked
/// up: comparing costs a third more.
#[expect(clippy::indexing_slicing, reason = "the compiler runs it")]
static MARKS: [bool; 256] = {
    let mut marks = [false; 256];
    let mut rest: &[u8] = &[b'"', b'{', b'}', b'[', b']', b'\n', RECORD_SEPARATOR];
    while let [mark, after @ ..] = rest {
        marks[*mark as usize] = true;
        rest = after;
    }
    marks
};

fn is_mark(byte: u8) -> bool {
    MARKS.get(usize::from(byte)) == Some(&true)
}
