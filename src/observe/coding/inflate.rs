//! `gzip` and `deflate`.

use flate2::{Decompress, FlushDecompress, Status};

use super::layer::{Codec, Fault, Step};

/// A stream of deflate in one of its wrappings.
pub(super) struct Inflate {
    wrapping: Wrapping,
    /// The member being read; `None` before the first byte of one.
    member: Option<Decompress>,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    /// RFC 1952: several members may follow each other.
    Gzip,
    /// RFC 1950, as RFC 9110 says, or bare RFC 1951, as some servers do.
    ZlibOrNone,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Within,
    /// After the end of a member.
    After,
}

const WINDOW_BITS: u8 = 15;

impl Inflate {
    pub(super) fn gzip() -> Self {
        Self { wrapping: Wrapping::Gzip, member: None, place: Place::Within }
    }

    pub(super) fn deflate() -> Self {
        Self { wrapping: Wrapping::ZlibOrNone, member: None, place: Place::Within }
    }
}

impl Codec for Inflate {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        if let (Place::After, Some(first)) = (self.place, input.first()) {
            if self.wrapping != Wrapping::Gzip || *first != GZIP_FIRST {
                return Step { fault: Some(Fault::Trailing), ..Step::default() };
            }
            self.member = None;
            self.place = Place::Within;
        }
        let member = match (&mut self.member, input.first()) {
            (Some(member), _) => member,
            (None, None) => return Step::default(),
            (empty @ None, Some(first)) => empty.insert(begin(self.wrapping, *first)),
        };
        let (read, written) = (member.total_in(), member.total_out());
        let result = member.decompress(input, output, FlushDecompress::None);
        // Neither can be more than the length of a slice.
        let read = usize::try_from(member.total_in() - read).unwrap_or(input.len());
        let written = usize::try_from(member.total_out() - written).unwrap_or(output.len());
        let fault = match result {
            Ok(Status::StreamEnd) => {
                self.place = Place::After;
                None
            }
            Ok(Status::Ok | Status::BufError) => None,
            Err(error) => Some(Fault::Damaged(error.to_string())),
        };
        Step { read, written, fault }
    }

    fn is_complete(&self) -> bool {
        self.place == Place::After
    }
}

const GZIP_FIRST: u8 = 0x1f;

fn begin(wrapping: Wrapping, first: u8) -> Decompress {
    match wrapping {
        Wrapping::Gzip => Decompress::new_gzip(WINDOW_BITS),
        // A zlib header's first byte ends in 8 (deflate). Bare deflate would begin so only with
        // a stored block whose padding is not zero, which no encoder writes.
        Wrapping::ZlibOrNone => Decompress::new(first & 0x0f == 8),
    }
}
