//! Content codings, as servers and apps apply them.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// The word in `content-encoding`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    pub fn encode(self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                flushed(&mut encoder, body);
                encoder.finish().unwrap()
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
                flushed(&mut encoder, body);
                encoder.finish().unwrap()
            }
            Self::Brotli => {
                let mut encoded = Vec::new();
                let mut encoder = brotli::CompressorWriter::new(&mut encoded, 4096, 2, 18);
                flushed(&mut encoder, body);
                drop(encoder);
                encoded
            }
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
                flushed(&mut encoder, body);
                encoder.finish().unwrap()
            }
        }
    }
}

/// Most flushes in one body: each costs some bytes and much time.
const FLUSHES_MAX: usize = 50;

/// As servers do that stream: what an event needs is out before the next one begins.
fn flushed(encoder: &mut impl Write, body: &[u8]) {
    let ends = memchr::memmem::find_iter(body, b"\n\n").map(|at| at + 2);
    let mut last = 0;
    for end in ends.take(FLUSHES_MAX) {
        encoder.write_all(&body[last..end]).unwrap();
        encoder.flush().unwrap();
        last = end;
    }
    encoder.write_all(&body[last..]).unwrap();
}
