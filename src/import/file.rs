//! A file gone through from its beginning to its end.

use std::io::{self, Read};

use memchr::memchr;

use super::elements::{ELEMENT_BYTES_MAX, Element, Elements, Ending};
use super::tnetstring::{self, Decoder, Event, Item};
use super::{Importer, Tally, Unread, exported, har, mitmproxy};
use crate::store::StoreError;

/// How much of a file is read at once, in bytes.
const PIECE_BYTES: usize = 256 << 10;

/// What can be imported.
const TAKEN: &str = "hint: it takes HAR files, flows of `mitmdump -w`, and what `overhear export` \
                     writes as jsonl or json";

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An HTTP archive.
    Har,
    /// Flows of mitmproxy.
    Mitmproxy,
    /// Exchanges as we export them, an object a line.
    Jsonl,
    /// The same, as one array.
    Json,
}

/// Why an import broke off.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file could not be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The capture could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its beginning is that of nothing known.
    #[error("it is no HAR, no flows of mitmproxy's and no export of Overhear's\n{TAKEN}")]
    Unknown,
    /// It is JSON, but none of its objects is an exchange.
    #[error("it is no export of Overhear's that has exchanges\n{TAKEN}")]
    NoExport,
    /// It has not the list of entries that its format has.
    #[error("it is no {0}\n{TAKEN}")]
    NoList(&'static str),
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
}

/// Brings what `input` has, by the name `file`, into the capture; `turn` is told after each piece
/// how far it is. Without a format it is told from the beginning.
pub fn import(
    input: &mut dyn Read,
    file: &str,
    format: Option<Format>,
    importer: &mut Importer,
    turn: &mut dyn FnMut(&Tally),
) -> Result<Tally, ImportError> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut filled = fill(input, &mut piece)?;
    let beginning = piece.get(..filled).unwrap_or_default();
    let mark = if beginning.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let format = match format {
        Some(format) => format,
        None => of(beginning.get(mark..).unwrap_or_default())?,
    };
    let mut cutter = Cutter::new(format);
    let mut tally = Tally::default();
    let mut from = mark;
    while filled > 0 {
        let bytes = piece.get(from..filled).unwrap_or_default();
        from = 0;
        cutter.feed(bytes, &mut |read| {
            tally.entries += 1;
            importer.take(read, file, &mut tally)
        })?;
        turn(&tally);
        filled = fill(input, &mut piece)?;
    }
    tally.fault = cutter.finish(&mut |read| {
        tally.entries += 1;
        importer.take(read, file, &mut tally)
    })?;
    if tally.strange > 0 && tally.strange == tally.entries {
        return Err(ImportError::NoExport);
    }
    Ok(tally)
}

/// Reads until `piece` is full or the input is over.
fn fill(input: &mut dyn Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = piece.get_mut(filled..).filter(|room| !room.is_empty()) {
        match input.read(room) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What a file that begins so is.
fn of(beginning: &[u8]) -> Result<Format, ImportError> {
    let text = beginning.trim_ascii_start();
    match text.first() {
        None => Err(ImportError::Empty),
        Some(b'[') => Ok(Format::Json),
        Some(b'{') => {
            let field = text.get(1..).unwrap_or_default().trim_ascii_start();
            // An exchange has no such field.
            Ok(if field.starts_with(b"\"log\"") { Format::Har } else { Format::Jsonl })
        }
        Some(digit) if digit.is_ascii_digit() => {
            let colon = text.iter().position(|byte| !byte.is_ascii_digit());
            let is_length = colon.and_then(|at| text.get(at)) == Some(&b':');
            is_length.then_some(Format::Mitmproxy).ok_or(ImportError::Unknown)
        }
        Some(_) => Err(ImportError::Unknown),
    }
}

type Take<'t> = &'t mut dyn FnMut(Result<super::Read, Unread>) -> Result<(), ImportError>;

/// Cuts a file into entries.
enum Cutter {
    /// By the reader of one, and with the words for what has no array of them.
    Objects(Elements, fn(&[u8]) -> Result<super::Read, Unread>, &'static str),
    Flows(Decoder),
    Lines(Lines),
}

impl Cutter {
    fn new(format: Format) -> Self {
        match format {
            Format::Har => {
                let elements = Elements::new(har::PATH);
                Self::Objects(elements, har::read, "HAR: it has no list `log.entries`")
            }
            Format::Json => {
                let elements = Elements::new(&[]);
                Self::Objects(elements, exported::read, "export of Overhear's as one array")
            }
            Format::Mitmproxy => Self::Flows(Decoder::default()),
            Format::Jsonl => Self::Lines(Lines::default()),
        }
    }

    fn feed(&mut self, bytes: &[u8], take: Take<'_>) -> Result<(), ImportError> {
        let mut taken = Ok(());
        let mut take = |read| {
            if taken.is_ok() {
                taken = take(read);
            }
        };
        match self {
            Self::Objects(elements, read, _) => elements.feed(bytes, &mut |element| {
                take(match element {
                    Element::Object(bytes) => read(bytes),
                    Element::TooLong(length) => Err(Unread::TooLong(length)),
                });
            }),
            Self::Flows(decoder) => decoder.feed(bytes, &mut |event| {
                take(match event {
                    Event::Value(payload, kind) => mitmproxy::read(Item::new(payload, kind)),
                    Event::TooLong(length) => Err(Unread::TooLong(length)),
                });
            }),
            Self::Lines(lines) => lines.feed(bytes, &mut take),
        }
        taken
    }

    /// What is wrong with the file as a whole, in words.
    fn finish(self, take: Take<'_>) -> Result<Option<String>, ImportError> {
        Ok(match self {
            Self::Objects(elements, _, what) => match elements.finish() {
                Ending::Whole => None,
                Ending::WithinElement => Some("its end is missing, inside an entry".to_owned()),
                Ending::Cut => Some("its end is missing".to_owned()),
                Ending::Nowhere => return Err(ImportError::NoList(what)),
            },
            Self::Flows(decoder) => match decoder.finish() {
                tnetstring::Ending::Whole => None,
                tnetstring::Ending::WithinValue(0) => Some("its end is missing".to_owned()),
                tnetstring::Ending::WithinValue(left) => {
                    Some(format!("its end is missing: {left} bytes of the last flow"))
                }
                tnetstring::Ending::Broken => {
                    Some("it is broken: nothing says where its next flow begins".to_owned())
                }
            },
            Self::Lines(lines) => {
                lines.finish().map_or(Ok(()), take)?;
                None
            }
        })
    }
}

/// A line that is under way: what is kept of it, and its length.
#[derive(Default)]
struct Lines {
    kept: Vec<u8>,
    length: u64,
}

impl Lines {
    fn feed(&mut self, bytes: &[u8], take: &mut dyn FnMut(Result<super::Read, Unread>)) {
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(end);
            self.keep(line);
            std::mem::take(self).finish().map(&mut *take);
            rest = behind.get(1..).unwrap_or_default();
        }
        self.keep(rest);
    }

    fn keep(&mut self, piece: &[u8]) {
        self.length += piece.len() as u64;
        if self.length <= ELEMENT_BYTES_MAX as u64 {
            self.kept.extend_from_slice(piece);
        } else {
            self.kept = Vec::new();
        }
    }

    /// What the line is; `None` if there is nothing in it.
    fn finish(self) -> Option<Result<super::Read, Unread>> {
        if self.length > ELEMENT_BYTES_MAX as u64 {
            return Some(Err(Unread::TooLong(self.length)));
        }
        let line = self.kept.trim_ascii();
        (!line.is_empty()).then(|| exported::read(line))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a file's entries come to.
    pub(in crate::import) fn reads(file: &[u8]) -> Vec<Result<super::super::Read, Unread>> {
        let Ok(format) = of(file) else { return Vec::new() };
        let mut cutter = Cutter::new(format);
        let mut reads = Vec::new();
        let mut take = |read| {
            reads.push(read);
            Ok(())
        };
        cutter.feed(file, &mut take).unwrap();
        // A damaged file may have no list any more.
        let _ = cutter.finish(&mut take);
        reads
    }

    #[test]
    fn a_format_is_told_from_the_beginning() {
        for (rule, beginning, expected) in [
            ("a HAR", "{\n \"log\" : {", Some(Format::Har)),
            ("our lines", "{\"id\":", Some(Format::Jsonl)),
            ("our array", "[\n{", Some(Format::Json)),
            ("flows", "1688:9:websocket;", Some(Format::Mitmproxy)),
            ("a number", "1688", None),
            ("words", "hello", None),
            ("nothing", " ", None),
        ] {
            assert_eq!(of(beginning.as_bytes()).ok(), expected, "{rule}");
        }
    }

    #[test]
    fn lines_are_the_same_cut_anywhere() {
        let file = b"{\"id\":1}\n\n  \r\n{\"id\":2}\nlast";
        for piece in 1..file.len() {
            let mut lines = Lines::default();
            let mut read = 0;
            file.chunks(piece).for_each(|piece| lines.feed(piece, &mut |_| read += 1));
            assert!(lines.finish().is_some());
            assert_eq!(read, 2, "pieces of {piece}");
        }
    }
}
