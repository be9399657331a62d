//! A streamed answer as columns.
//!
//! Three hundred events say the same three hundred times, but for a few letters each. Records
//! (events, or lines) of the same shape become a table: what they share stands once, and each
//! value that differs is a column. The letters of a column, put together, are the answer's text
//! as its message has it, so that the text is stored once for both.
//!
//! Layout, all numbers LEB128: shapes (their values' count, then the glue around them), runs of
//! rows (shape, count), then the columns of each shape.

use std::collections::HashMap;

use memchr::memmem;

use super::cut::TEXT_BYTES_MIN;
use crate::store::varint::{push, take};

/// Shorter streams stay as they are, in bytes.
const STREAM_BYTES_MIN: usize = 1 << 10;

/// Fewer records are no stream.
const RECORDS_MIN: usize = 4;

/// Most shapes; with more it is no stream of events.
const SHAPES_MAX: usize = 256;

/// A part of the encoded form.
pub(super) enum Part<'a> {
    Bytes(Vec<u8>),
    /// What strings held, one after the other, escaped.
    Text(Vec<u8>),
    /// The same, not worth a row.
    Short(&'a [u8]),
}

/// What a record is made of: glue, and the values between.
#[derive(Default)]
struct Tokens<'a> {
    glue: Vec<&'a [u8]>,
    values: Vec<&'a [u8]>,
}

/// Records of one shape.
struct Shape<'a> {
    glue: Vec<&'a [u8]>,
    rows: Vec<Vec<&'a [u8]>>,
}

/// How a column is written.
mod kind {
    pub(super) const SAME: u8 = 0;
    /// The size of a chunk that ends with the record.
    pub(super) const SIZE: u8 = 1;
    pub(super) const STRINGS: u8 = 2;
    /// Numbers that go up by one.
    pub(super) const COUNT: u8 = 3;
}

/// Encodes a stream; `None` if it is none, or would not become smaller.
pub(super) fn encode(bytes: &[u8]) -> Option<Vec<Part<'_>>> {
    if bytes.len() < STREAM_BYTES_MIN {
        return None;
    }
    let records = records(bytes)?;
    let mut shapes: Vec<Shape<'_>> = Vec::new();
    let mut known: HashMap<Vec<&[u8]>, usize> = HashMap::new();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for record in records {
        let Tokens { glue, values } = tokens(record);
        let shape = *known.entry(glue).or_insert_with_key(|glue| {
            shapes.push(Shape { glue: glue.clone(), rows: Vec::new() });
            shapes.len() - 1
        });
        if shapes.len() > SHAPES_MAX {
            return None;
        }
        shapes.get_mut(shape)?.rows.push(values);
        match runs.last_mut() {
            Some((last, count)) if *last == shape => *count += 1,
            _ => runs.push((shape, 1)),
        }
    }
    let parts = write(&shapes, &runs);
    let length: usize = parts.iter().map(|part| part.bytes().len()).sum();
    let joined = parts.iter().fold(Vec::with_capacity(length), |mut all, part| {
        all.extend_from_slice(part.bytes());
        all
    });
    let mut again = Vec::with_capacity(bytes.len());
    decode(&joined, bytes.len(), &mut again)?;
    (length < bytes.len() && again == bytes).then_some(parts)
}

impl Part<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Part::Bytes(bytes) | Part::Text(bytes) => bytes,
            Part::Short(bytes) => bytes,
        }
    }
}

/// Cuts behind each empty line, or behind each line where there are no empty ones.
fn records(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    for end in [b"\n\n".as_slice(), b"\n\r\n", b"\n"] {
        let mut records = Vec::new();
        let mut start = 0;
        for at in memmem::find_iter(bytes, end) {
            records.push(bytes.get(start..at + end.len())?);
            start = at + end.len();
        }
        if records.len() >= RECORDS_MIN {
            records.extend(bytes.get(start..).filter(|rest| !rest.is_empty()));
            return Some(records);
        }
    }
    None
}

/// Takes a record apart. Names of members are glue: they make the shape.
fn tokens(record: &[u8]) -> Tokens<'_> {
    let mut tokens = Tokens::default();
    let mut glue = 0;
    let mut at = 0;
    let mut value = |start: usize, end: usize, glue: &mut usize| {
        tokens.glue.push(record.get(*glue..start).unwrap_or_default());
        tokens.values.push(record.get(start..end).unwrap_or_default());
        *glue = end;
    };
    if let Some((start, end)) = chunk_size(record) {
        value(start, end, &mut glue);
        at = end;
    }
    // Words before the JSON, such as an event's name, make the shape as well.
    at = record
        .iter()
        .skip(at)
        .position(|b| matches!(b, b'{' | b'['))
        .map_or(record.len(), |n| at + n);
    while let Some(&byte) = record.get(at) {
        match byte {
            b'"' => {
                let Some(end) = string_end(record, at + 1) else { break };
                if record.get(end + 1) != Some(&b':') {
                    value(at + 1, end, &mut glue);
                }
                at = end + 1;
            }
            b'0'..=b'9' => {
                let is_number = |b: &&u8| b.is_ascii_digit() || **b == b'.';
                let end = at + record.iter().skip(at).take_while(is_number).count();
                value(at, end, &mut glue);
                at = end;
            }
            _ => at += 1,
        }
    }
    tokens.glue.push(record.get(glue..).unwrap_or_default());
    tokens
}

/// The size of a chunk of HTTP/1.1 before a record.
fn chunk_size(record: &[u8]) -> Option<(usize, usize)> {
    let start = if record.starts_with(b"\r\n") { 2 } else { 0 };
    let digits = record.iter().skip(start).take_while(|b| b.is_ascii_hexdigit()).count();
    let end = start + digits;
    (digits > 0 && record.get(end..end + 2) == Some(b"\r\n")).then_some((start, end))
}

fn string_end(record: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at += memchr::memchr2(b'"', b'\\', record.get(at..)?)?;
        match record.get(at) {
            Some(b'\\') => at += 2,
            _ => return Some(at),
        }
    }
}

fn write<'a>(shapes: &[Shape<'a>], runs: &[(usize, usize)]) -> Vec<Part<'a>> {
    let mut head = Vec::new();
    push(&mut head, shapes.len() as u64);
    for shape in shapes {
        push(&mut head, shape.glue.len() as u64);
        for glue in &shape.glue {
            push_bytes(&mut head, glue);
        }
    }
    push(&mut head, runs.len() as u64);
    for (shape, count) in runs {
        push(&mut head, *shape as u64);
        push(&mut head, *count as u64);
    }
    let mut parts = vec![Part::Bytes(head)];
    for shape in shapes {
        for column in 0..shape.glue.len().saturating_sub(1) {
            write_column(shape, column, &mut parts);
        }
    }
    parts
}

fn write_column<'a>(shape: &Shape<'a>, column: usize, parts: &mut Vec<Part<'a>>) {
    let values = || shape.rows.iter().map(|row| row.get(column).copied().unwrap_or_default());
    let first = values().next().unwrap_or_default();
    let mut head = Vec::new();
    if values().all(|value| value == first) {
        head.push(kind::SAME);
        push_bytes(&mut head, first);
        parts.push(Part::Bytes(head));
        return;
    }
    if column == 0 && shape.rows.iter().all(|row| is_size(shape, row)) {
        parts.push(Part::Bytes(vec![kind::SIZE]));
        return;
    }
    if let Some(start) = counted(values()) {
        head.push(kind::COUNT);
        push(&mut head, start);
        parts.push(Part::Bytes(head));
        return;
    }
    head.push(kind::STRINGS);
    for value in values() {
        push(&mut head, value.len() as u64);
    }
    parts.push(Part::Bytes(head));
    let all: Vec<u8> = values().flatten().copied().collect();
    match all.len() >= TEXT_BYTES_MIN && shape.glue.get(column).is_some_and(|g| g.ends_with(b"\""))
    {
        true => parts.push(Part::Text(all)),
        false => parts.extend(values().map(Part::Short)),
    }
}

/// Whether a row begins with the size of a chunk that is the rest of it.
fn is_size(shape: &Shape<'_>, row: &[&[u8]]) -> bool {
    row.first().is_some_and(|size| *size == size_of(&shape.glue, row).as_bytes())
}

/// The size in hexadecimal digits of what follows the first value, but for its line end.
fn size_of(glue: &[&[u8]], row: &[&[u8]]) -> String {
    let rest = glue.iter().skip(1).chain(row.iter().skip(1)).map(|part| part.len());
    format!("{:x}", rest.sum::<usize>().saturating_sub(2))
}

/// Where a column of numbers begins that go up by one.
fn counted<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<u64> {
    let mut start = None;
    for (n, value) in (0_u64..).zip(values) {
        let number: u64 = std::str::from_utf8(value).ok()?.parse().ok()?;
        let begin = number.checked_sub(n)?;
        if number.to_string().as_bytes() != value || start.is_some_and(|start| start != begin) {
            return None;
        }
        start = Some(begin);
    }
    start
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A column that is being read.
enum Column<'a> {
    Same(&'a [u8]),
    Size,
    Strings(std::vec::IntoIter<&'a [u8]>),
    Count(u64),
}

/// Appends what was encoded to `out`, at most `most` bytes; `None` if it is damaged.
pub(super) fn decode(mut encoded: &[u8], most: usize, out: &mut Vec<u8>) -> Option<()> {
    let rest = &mut encoded;
    let mut shapes = Vec::new();
    for _ in 0..take(rest)?.min(SHAPES_MAX as u64) {
        let mut glue = Vec::new();
        for _ in 0..take(rest)? {
            glue.push(take_bytes(rest)?);
        }
        shapes.push((glue, 0_u64));
    }
    let mut runs = Vec::new();
    for _ in 0..take(rest)? {
        let (shape, count) = (usize::try_from(take(rest)?).ok()?, take(rest)?);
        let rows = &mut shapes.get_mut(shape)?.1;
        *rows = rows.checked_add(count)?;
        runs.push((shape, count));
    }
    let mut tables = Vec::new();
    for (glue, rows) in shapes {
        let mut columns = Vec::new();
        for _ in 1..glue.len() {
            columns.push(take_column(rest, rows)?);
        }
        tables.push((glue, columns));
    }
    let end = out.len().checked_add(most)?;
    for (shape, count) in runs {
        let (glue, columns) = tables.get_mut(shape)?;
        for _ in 0..count {
            let before = out.len();
            row(glue, columns, out)?;
            if out.len() == before || out.len() > end {
                return None;
            }
        }
    }
    rest.is_empty().then_some(())
}

fn row(glue: &[&[u8]], columns: &mut [Column<'_>], out: &mut Vec<u8>) -> Option<()> {
    let (first, others) = glue.split_first()?;
    out.extend_from_slice(first);
    let mut size_at = None;
    for (column, glue) in columns.iter_mut().zip(others) {
        match column {
            Column::Same(value) => out.extend_from_slice(value),
            Column::Size => size_at = Some(out.len()),
            Column::Strings(values) => out.extend_from_slice(values.next()?),
            Column::Count(next) => {
                out.extend_from_slice(next.to_string().as_bytes());
                *next = next.checked_add(1)?;
            }
        }
        out.extend_from_slice(glue);
    }
    if let Some(at) = size_at {
        let size = format!("{:x}", (out.len() - at).saturating_sub(2));
        out.splice(at..at, size.into_bytes());
    }
    Some(())
}

fn take_column<'a>(rest: &mut &'a [u8], rows: u64) -> Option<Column<'a>> {
    let (&kind, after) = rest.split_first()?;
    *rest = after;
    Some(match kind {
        kind::SAME => Column::Same(take_bytes(rest)?),
        kind::SIZE => Column::Size,
        kind::COUNT => Column::Count(take(rest)?),
        kind::STRINGS => {
            let mut lengths = Vec::new();
            for _ in 0..rows {
                lengths.push(usize::try_from(take(rest)?).ok()?);
            }
            let mut values = Vec::with_capacity(lengths.len());
            for length in lengths {
                let (value, after) = rest.split_at_checked(length)?;
                *rest = after;
                values.push(value);
            }
            Column::Strings(values.into_iter())
        }
        _ => return None,
    })
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}
