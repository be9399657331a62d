//! The decoder of a file.

/// Longest value kept, in bytes: a flow whose request and reply are as long as the recorder
/// keeps them, and the messages of its WebSocket.
pub const VALUE_BYTES_MAX: u64 = 256 << 20;

/// Most digits of a length: more than any file has bytes.
const LENGTH_DIGITS_MAX: usize = 15;

/// What the decoder tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A value: its payload and the byte that says its type.
    Value(&'a [u8], u8),
    /// A value of so many bytes, which were not kept.
    TooLong(u64),
}

/// How the file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Behind a value.
    Whole,
    /// In the middle of one, of which so many bytes are missing; 0 if not even its length is
    /// whole.
    WithinValue(u64),
    /// Something stood there that is no length, and nothing says where the next one is.
    Broken,
}

/// Cuts a file into its values.
#[derive(Debug)]
pub struct Decoder {
    limit: u64,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// In a length, of which these digits have come.
    Length(Vec<u8>),
    /// In a payload or at its type: what is kept, and how many bytes are still to come.
    Payload { kept: Vec<u8>, length: u64, left: u64 },
    /// Behind something that is no length.
    Broken,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::with_limit(VALUE_BYTES_MAX)
    }
}

impl Decoder {
    /// One that keeps values of at most `limit` bytes.
    pub(super) fn with_limit(limit: u64) -> Self {
        Self { limit, place: Place::Length(Vec::new()) }
    }

    /// Takes the next bytes and hands each value that they complete to `dispatch`.
    ///
    /// `bytes` may be cut anywhere.
    pub fn feed(&mut self, bytes: &[u8], dispatch: &mut dyn FnMut(Event<'_>)) {
        let mut rest = bytes;
        while let Some((first, more)) = rest.split_first() {
            match &mut self.place {
                Place::Length(digits) => {
                    rest = more;
                    if let Some(next) = next_of(digits, *first) {
                        self.place = next;
                    }
                }
                Place::Payload { kept, length, left } => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let (piece, more) = rest.split_at(taken);
                    rest = more;
                    *left -= piece.len() as u64;
                    if *length <= self.limit {
                        kept.extend_from_slice(piece);
                    }
                    if *left == 0 {
                        dispatch(match kept.split_last() {
                            Some((kind, payload)) => Event::Value(payload, *kind),
                            None => Event::TooLong(*length),
                        });
                        self.place = Place::Length(Vec::new());
                    }
                }
                Place::Broken => return,
            }
        }
    }

    /// How the file ended.
    pub fn finish(self) -> Ending {
        match self.place {
            Place::Length(digits) if digits.is_empty() => Ending::Whole,
            Place::Length(_) => Ending::WithinValue(0),
            Place::Payload { left, .. } => Ending::WithinValue(left),
            Place::Broken => Ending::Broken,
        }
    }
}

/// What comes after a byte of a length; `None` if that goes on.
fn next_of(digits: &mut Vec<u8>, byte: u8) -> Option<Place> {
    match byte {
        b'0'..=b'9' if digits.len() < LENGTH_DIGITS_MAX => {
            digits.push(byte);
            None
        }
        b':' => Some(match length(digits) {
            // The type is behind the payload.
            Some(length) => Place::Payload { kept: Vec::new(), length, left: length + 1 },
            None => Place::Broken,
        }),
        _ => Some(Place::Broken),
    }
}

/// The number that digits stand for.
pub(super) fn length(digits: &[u8]) -> Option<u64> {
    let is_number = digits.len() <= LENGTH_DIGITS_MAX && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}
