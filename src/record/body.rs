//! The body of a stored message, as its sender wrote it.

use std::borrow::Cow;

use super::reading::split;
use crate::observe::coding;
use crate::observe::http1::{Closing, Decoder, Event};
use crate::store::RawMessage;

/// The body of one side of an exchange, its framing and its codings undone as far as they can
/// be: what is damaged ends where the damage is.
pub fn body(raw: &RawMessage) -> Cow<'_, [u8]> {
    let Some((head, rest)) = split(&raw.bytes) else { return Cow::Borrowed(&raw.bytes) };
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let values = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(n, _)| *n == name).map(|(_, v)| v.trim()).collect::<Vec<_>>().join(", ")
    };
    let is_chunked = values("transfer-encoding").contains("chunked");
    let unframed = match is_chunked && !looks_plain(rest) {
        true => Cow::Owned(unchunked(&raw.bytes)),
        false => Cow::Borrowed(rest),
    };
    // One in which a secret stood is kept decompressed under the head that it came with.
    let codings = values("content-encoding");
    if codings.is_empty() || looks_plain(&unframed) {
        return unframed;
    }
    let Ok(mut decoder) = coding::Decoder::new(&codings) else { return unframed };
    let mut decoded = Vec::new();
    // What was decoded before a fault is valid.
    let _ = decoder.feed(&unframed, &mut |piece| decoded.extend_from_slice(piece));
    Cow::Owned(decoded)
}

fn looks_plain(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn unchunked(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = match bytes.starts_with(b"HTTP/") {
        true => Decoder::replies(),
        false => Decoder::requests(),
    };
    let mut body = Vec::new();
    let mut take = |event: Event<'_>| {
        if let Event::Body(piece) = event {
            body.extend_from_slice(piece);
        }
    };
    decoder.feed(bytes, &mut take);
    decoder.close(Closing::Clean, &mut take);
    body
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn raw(head: &str, rest: &[u8]) -> RawMessage {
        RawMessage { bytes: [head.as_bytes(), rest].concat(), ..RawMessage::default() }
    }

    #[test]
    fn a_body_comes_out_as_it_was_written() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"{\"a\":1}").unwrap();
        let gzip = gzip.finish().unwrap();
        let chunked =
            [format!("{:x}\r\n", gzip.len()).as_bytes(), &gzip, b"\r\n0\r\n\r\n"].concat();
        let zipped = "content-encoding: gzip\r\n";
        for (rule, head, rest) in [
            ("plain", "POST / HTTP/1.1\r\n\r\n".to_owned(), &b"{\"a\":1}"[..]),
            ("coded", format!("POST / HTTP/2\r\n{zipped}\r\n"), &gzip),
            ("kept decompressed", format!("POST / HTTP/2\r\n{zipped}\r\n"), b"{\"a\":1}"),
            (
                "chunked and coded",
                format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{zipped}\r\n"),
                &chunked,
            ),
        ] {
            assert_eq!(body(&raw(&head, rest)).as_ref(), b"{\"a\":1}", "{rule}");
        }
    }
}
