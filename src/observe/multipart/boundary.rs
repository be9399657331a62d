//! The line between two parts.

use memchr::memmem::Finder;

use super::parameters::parameter;

/// What a boundary's line looks like.
#[derive(Debug)]
pub(super) struct Boundary {
    /// Finds LF, two hyphens and the boundary.
    finder: Finder<'static>,
}

/// What follows a boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// A part; the line's end is so many bytes long.
    Part(usize),
    /// Nothing: the body is over. The line's end is so many bytes long.
    Close(usize),
    /// Too few bytes to tell.
    Unknown,
    /// Other text: it was no boundary.
    Text,
}

/// Longest boundary, in bytes: RFC 2046 allows 70.
const BOUNDARY_BYTES_MAX: usize = 256;

/// Most blanks between a boundary and the end of its line.
const PADDING_BYTES_MAX: usize = 256;

impl Boundary {
    /// The boundary that a content type names, if it is one of several parts.
    pub(super) fn of(content_type: &str) -> Option<Self> {
        let kind = content_type.trim_start().get(..10)?;
        if !kind.eq_ignore_ascii_case("multipart/") {
            return None;
        }
        let boundary = parameter(content_type, "boundary")?;
        let is_possible =
            (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len()) && !boundary.contains(['\n', '\r']);
        let delimiter = format!("\n--{boundary}");
        is_possible.then(|| Self { finder: Finder::new(delimiter.as_bytes()).into_owned() })
    }

    /// LF, two hyphens and the boundary.
    pub(super) fn delimiter(&self) -> &[u8] {
        self.finder.needle()
    }

    /// The same without the LF.
    pub(super) fn dashes(&self) -> &[u8] {
        self.delimiter().strip_prefix(b"\n").unwrap_or_default()
    }

    /// Where the delimiter begins in `bytes`.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<usize> {
        self.finder.find(bytes)
    }

    /// How many of the last of `bytes`, which have no delimiter, may begin one, a CR before it
    /// included.
    pub(super) fn begun(&self, bytes: &[u8]) -> usize {
        let delimiter = self.delimiter();
        let window = bytes.len().saturating_sub(delimiter.len() - 1);
        let last = bytes.get(window..).unwrap_or_default();
        let before = match memchr::memrchr(b'\n', last) {
            Some(at) if delimiter.starts_with(last.get(at..).unwrap_or_default()) => window + at,
            _ => bytes.len(),
        };
        let has_cr = bytes.get(..before).is_some_and(|text| text.ends_with(b"\r"));
        bytes.len() - before + usize::from(has_cr)
    }
}

/// What `bytes` make of the boundary before them.
pub(super) fn tail(bytes: &[u8]) -> Tail {
    if bytes.starts_with(b"--") {
        return Tail::Close(2);
    }
    let padding = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if padding > PADDING_BYTES_MAX {
        return Tail::Text;
    }
    match bytes.get(padding..).unwrap_or_default() {
        [b'\n', ..] => Tail::Part(padding + 1),
        [b'\r', b'\n', ..] => Tail::Part(padding + 2),
        [] | [b'\r'] => Tail::Unknown,
        [b'-'] if padding == 0 => Tail::Unknown,
        _ => Tail::Text,
    }
}
