//! Content coding of replies.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// How the bytes of one body are encoded; without an encoder they stay as they are.
pub(super) struct Encoding(Option<GzEncoder<Vec<u8>>>);

impl Encoding {
    pub(super) fn identity() -> Self {
        Self(None)
    }

    pub(super) fn gzip() -> Self {
        Self(Some(GzEncoder::new(Vec::new(), Compression::fast())))
    }

    /// The value of `Content-Encoding`.
    pub(super) fn name(&self) -> Option<&'static str> {
        self.0.as_ref().map(|_| "gzip")
    }

    /// Encodes a piece so that what comes of it can be decoded without the next one.
    pub(super) fn piece(&mut self, piece: Bytes) -> Bytes {
        match &mut self.0 {
            None => piece,
            Some(encoder) => {
                // Writing to a Vec does not fail.
                let _ = encoder.write_all(&piece).and_then(|()| encoder.flush());
                std::mem::take(encoder.get_mut()).into()
            }
        }
    }

    /// What ends the encoded body.
    pub(super) fn end(self) -> Bytes {
        self.0.and_then(|encoder| encoder.finish().ok()).unwrap_or_default().into()
    }
}

/// Whether an `Accept-Encoding` takes gzip; `q=0` refuses it.
pub(super) fn accepts_gzip(accept_encoding: &str) -> bool {
    accept_encoding.split(',').any(|coding| {
        let mut words = coding.split(';').map(str::trim);
        let named = words.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        named && !words.any(|parameter| matches!(parameter, "q=0" | "q=0.0"))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn each_piece_can_be_read_before_the_next() {
        let mut encoding = Encoding::gzip();
        let mut wire = Vec::new();
        for (piece, so_far) in [("data: a\n\n", 9), ("data: b\n\n", 18)] {
            wire.extend(encoding.piece(Bytes::from_static(piece.as_bytes())));
            let mut text = vec![0; so_far];
            GzDecoder::new(&wire[..]).read_exact(&mut text).unwrap();
            assert!(text.ends_with(piece.as_bytes()));
        }
        wire.extend(encoding.end());
        let mut text = String::new();
        GzDecoder::new(&wire[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "data: a\n\ndata: b\n\n");
    }

    #[test]
    fn gzip_is_accepted_by_name() {
        for (accept, accepted) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0, br", false),
            ("br", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(accept), accepted, "{accept:?}");
        }
    }
}
