//! Where a body of JSON is cut.
//!
//! One pass over the bytes, without recursion and without building values. It never fails: what
//! is no JSON is glue. What an agent sends again must fall into the same pieces however much
//! comes after it, so that they are found by their hash: long strings, elements of arrays,
//! groups of elements, and members at the top such as the set of tools.

use std::ops::Range;

use memchr::memchr2;

/// A string is a piece from this size on, in bytes as they stand: a row for less costs more
/// than sending it again.
pub(super) const TEXT_BYTES_MIN: usize = 128;

/// What must be left of an element, a group or a member once its own pieces are out of it, in
/// bytes: a reference and the row it points to cost about a third of this.
const NODE_BYTES_MIN: usize = 256;

/// Elements in a group, and groups in a group of groups: an array of n costs n / 16 references
/// at most, and the 15 at its end.
const GROUP: usize = 16;

/// What a reference takes, in bytes.
const REFERENCE_BYTES: usize = 6;

/// Deepest array or object that is looked into. Deeper ones are part of what holds them.
const DEPTH_MAX: usize = 48;

/// Deepest member that is a piece of its own: `{"request": {"tools": […]}}` has two levels.
const MEMBER_DEPTH_MAX: usize = 3;

/// A part of the bytes that is worth a row of its own. What stands between pieces is glue.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where it stands in the bytes.
    pub(super) range: Range<usize>,
    pub(super) form: Form,
}

/// What a piece is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// What a string holds, still escaped, without its quotes.
    Text,
    /// Elements of an array, and their pieces.
    Elements(Vec<Piece>),
    /// The value of a member near the top, and its pieces. One that grows with each request is
    /// new each time: only one that came before is worth a row.
    Member(Vec<Piece>),
}

/// Cuts `bytes`, whose JSON may be broken anywhere. Pieces ascend.
pub(super) fn cut(bytes: &[u8]) -> Vec<Piece> {
    let mut cutter = Cutter { bytes, pieces: Vec::new(), open: Vec::new(), beyond: 0 };
    cutter.run();
    cutter.pieces
}

struct Cutter<'a> {
    bytes: &'a [u8],
    /// Pieces so far. Those of an element that ends become pieces of it.
    pieces: Vec<Piece>,
    open: Vec<Open>,
    /// Arrays and objects open beyond [`DEPTH_MAX`].
    beyond: usize,
}

/// An array or object whose end has not come.
struct Open {
    is_array: bool,
    /// Whether an array holds it.
    in_array: bool,
    /// Where its current element or value begins.
    part: Begin,
    /// Elements that are in no group yet, then groups that are in no group of groups, and so on.
    loose: Vec<Vec<Begin>>,
}

/// Where something begins: in the bytes, and among the pieces.
#[derive(Clone, Copy)]
struct Begin {
    byte: usize,
    piece: usize,
}

impl Cutter<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while let Some(&byte) = self.bytes.get(at) {
            at += 1;
            match byte {
                b'"' => match self.string(at) {
                    Some(after) => at = after,
                    None => return,
                },
                b'{' | b'[' => self.open(byte == b'[', at),
                b'}' | b']' => self.close(byte == b']', at - 1),
                b',' => self.part_ends(at - 1),
                b':' => self.part_begins(at),
                _ => {}
            }
        }
    }

    /// Takes a string that begins at `start`, behind its quote; gives the place behind it.
    fn string(&mut self, start: usize) -> Option<usize> {
        let mut at = start;
        loop {
            let rest = self.bytes.get(at..)?;
            let found = at + memchr2(b'"', b'\\', rest)?;
            if self.bytes.get(found) == Some(&b'\\') {
                at = found + 2;
                continue;
            }
            if found - start >= TEXT_BYTES_MIN {
                self.pieces.push(Piece { range: start..found, form: Form::Text });
            }
            return Some(found + 1);
        }
    }

    fn open(&mut self, is_array: bool, at: usize) {
        if self.open.len() >= DEPTH_MAX {
            self.beyond += 1;
            return;
        }
        let in_array = self.open.last().is_some_and(|outer| outer.is_array || outer.in_array);
        let part = Begin { byte: at, piece: self.pieces.len() };
        self.open.push(Open { is_array, in_array, part, loose: Vec::new() });
    }

    fn close(&mut self, is_array: bool, at: usize) {
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        if self.open.last().is_some_and(|open| open.is_array == is_array) {
            self.part_ends(at);
            self.open.pop();
        }
    }

    /// A member's value begins behind its colon.
    fn part_begins(&mut self, at: usize) {
        if self.beyond == 0
            && let Some(open) = self.open.last_mut()
            && !open.is_array
        {
            open.part = Begin { byte: at, piece: self.pieces.len() };
        }
    }

    /// An element or value ended before `at`; the next begins behind it.
    fn part_ends(&mut self, at: usize) {
        let depth = self.open.len();
        if self.beyond > 0 {
            return;
        }
        let Some(open) = self.open.last_mut() else { return };
        let begin = open.part;
        if open.is_array {
            wrap(&mut self.pieces, begin, at, Form::Elements);
            group(&mut self.pieces, &mut open.loose, begin, at);
        } else if !open.in_array && depth <= MEMBER_DEPTH_MAX {
            wrap(&mut self.pieces, begin, at, Form::Member);
        }
        open.part = Begin { byte: at + 1, piece: self.pieces.len() };
    }
}

/// Makes one piece of what lies between `begin` and `end`, if that is worth it.
fn wrap(pieces: &mut Vec<Piece>, begin: Begin, end: usize, form: fn(Vec<Piece>) -> Form) -> bool {
    let inner = pieces.get(begin.piece..).unwrap_or_default();
    let taken: usize = inner.iter().map(|p| p.range.len().saturating_sub(REFERENCE_BYTES)).sum();
    if (end - begin.byte).saturating_sub(taken) < NODE_BYTES_MIN {
        return false;
    }
    let inner = pieces.split_off(begin.piece);
    pieces.push(Piece { range: begin.byte..end, form: form(inner) });
    true
}

/// Counts an element that ended before `end`, and closes the groups that it fills. Groups that
/// are not worth a piece, as those of an array of numbers, do not make groups of groups either.
fn group(pieces: &mut Vec<Piece>, loose: &mut Vec<Vec<Begin>>, element: Begin, end: usize) {
    let mut new = element;
    for level in 0.. {
        if loose.len() <= level {
            loose.push(Vec::with_capacity(GROUP));
        }
        let Some(members) = loose.get_mut(level) else { return };
        members.push(new);
        let Some(&first) = members.first() else { return };
        if members.len() < GROUP {
            return;
        }
        members.clear();
        if !wrap(pieces, first, end, Form::Elements) && level == 0 {
            loose.truncate(1);
            return;
        }
        new = first;
    }
}
