//! Credentials in a request's target, and in a form, which is written the same way.

use std::ops::Range;

use super::forms::percent_decoded;
use super::found::Weight;
use super::mark;
use super::names;
use super::piece::Piece;

/// Largest form read as one, in bytes: an OAuth exchange has some hundred.
pub const FORM_BYTES_MAX: usize = 64 << 10;

/// Longest name of a form's first field, in bytes: what begins otherwise is no form.
const FIRST_NAME_BYTES_MAX: usize = 64;

/// The credentials in a target or URL, in order: userinfo, then parameters of the query and
/// the fragment.
pub(super) fn pieces(target: &[u8]) -> Vec<Piece> {
    let query = target.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
    let mut pieces = userinfo(target, query);
    pieces.extend(parameters(target, query..target.len()));
    pieces
}

/// The credentials in a body of `application/x-www-form-urlencoded`, in order; none if it
/// does not look like one. Who calls knows no content type: a form is one line without
/// spaces, quotes and braces that begins with a name and `=`.
pub(super) fn form_pieces(body: &[u8]) -> Vec<Piece> {
    if body.len() > FORM_BYTES_MAX {
        return Vec::new();
    }
    let name = body.iter().take(FIRST_NAME_BYTES_MAX).take_while(|byte| is_name(**byte)).count();
    let is_form = name > 0
        && body.get(name) == Some(&b'=')
        && body.iter().all(|byte| {
            byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'{' | b'}' | b'\\')
        });
    if is_form { parameters(body, 0..body.len()) } else { Vec::new() }
}

/// `user:password` before an `@`, of every URL in the path: a base URL of ours has one too.
fn userinfo(target: &[u8], path_end: usize) -> Vec<Piece> {
    let path = target.get(..path_end).unwrap_or_default();
    let starts: Vec<usize> = match path {
        [] | [b'/' | b'*', ..] => Vec::new(),
        _ if memchr::memmem::find(path, b"://").is_none() => vec![0],
        _ => Vec::new(),
    };
    starts
        .into_iter()
        .chain(memchr::memmem::find_iter(path, b"://").map(|at| at + 3))
        .filter_map(|start| {
            let rest = path.get(start..)?;
            let authority = rest.get(..memchr::memchr(b'/', rest).unwrap_or(rest.len()))?;
            let end = start + memchr::memrchr(b'@', authority)?;
            let mut piece = Piece::new("userinfo", target, start..end, Weight::Key)?;
            let decoded = text(piece.value.as_bytes());
            if let Some((user, password)) = decoded.split_once(':') {
                piece.also.push((password.to_owned(), Weight::Key));
                piece.also.push((user.to_owned(), Weight::Name));
            }
            piece.value = decoded;
            Some(piece)
        })
        .collect()
}

/// The values of parameters whose names say credential.
fn parameters(bytes: &[u8], range: Range<usize>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = range.start;
    let all = bytes.get(range).unwrap_or_default();
    for pair in all.split(|byte| matches!(byte, b'?' | b'&' | b';' | b'#')) {
        let end = start + pair.len();
        if let Some(equals) = memchr::memchr(b'=', pair) {
            let name = pair.get(..equals).unwrap_or_default();
            if names::is_parameter(name) {
                pieces.extend(parameter(name, bytes, start + equals + 1..end));
            }
        }
        start = end + 1;
    }
    pieces
}

fn parameter(name: &[u8], bytes: &[u8], range: Range<usize>) -> Option<Piece> {
    let kind = mark::kind(&percent_decoded(name));
    let mut piece = Piece::new(&kind, bytes, range.clone(), Weight::Key)?;
    if kind.ends_with("-credential") {
        // The scope behind a signing key's id is no secret: date, region, service.
        let value = bytes.get(range.clone()).unwrap_or_default();
        let slash = ["/", "%2F", "%2f"]
            .iter()
            .filter_map(|slash| memchr::memmem::find(value, slash.as_bytes()))
            .min();
        let end = range.start + slash.unwrap_or(range.len());
        piece = Piece::new(&kind, bytes, range.start..end, Weight::Key)?;
    }
    piece.value = text(piece.value.as_bytes());
    Some(piece)
}

fn text(escaped: &[u8]) -> String {
    String::from_utf8_lossy(&percent_decoded(escaped)).into_owned()
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'%' | b'[' | b']')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(pieces: Vec<Piece>, text: &str) -> Vec<String> {
        pieces.into_iter().map(|piece| text[piece.range].to_owned()).collect()
    }

    #[test]
    fn what_is_a_credential_in_a_target() {
        for (rule, target, expected) in [
            ("the key of a query", "/v1/models?alt=sse&key=abc", &["abc"][..]),
            ("a name in percent escapes", "/?%6Bey=abc", &["abc"]),
            ("twice", "/?key=a&key=b", &["a", "b"]),
            ("no value", "/?key=&key", &[]),
            ("a fragment", "/cb#access_token=abc&state=x", &["abc"]),
            ("a proxy's target", "http://u:p@host/a?b=c", &["u:p"]),
            ("a base URL's", "/https://u:p@host/a", &["u:p"]),
            ("CONNECT", "u:p@host:443", &["u:p"]),
            ("a host alone", "host:443", &[]),
            ("an `@` in the path", "/@scope/name", &[]),
            (
                "the scope stays",
                "/?X-Amz-Credential=AKFAKE%2F20260101%2Fus-east-1&X-Amz-Signature=0f",
                &["AKFAKE", "0f"],
            ),
            ("a place in a list stays", "/?pageToken=abc", &[]),
            ("a mark stays", "/?key=<key:01234567..>", &[]),
        ] {
            assert_eq!(parts(pieces(target.as_bytes()), target), expected, "{rule}");
        }
    }

    #[test]
    fn what_is_a_credential_in_a_form() {
        for (rule, body, expected) in [
            (
                "OAuth",
                "grant_type=refresh_token&refresh_token=abc&client_id=x&client_secret=def",
                &["abc", "def"][..],
            ),
            ("JSON is no form", "{\"a\":\"?key=abc\"}", &[]),
            ("prose is no form", "key=abc is what I typed", &[]),
            ("an event is no form", "data: key=abc", &[]),
        ] {
            assert_eq!(parts(form_pieces(body.as_bytes()), body), expected, "{rule}");
        }
    }
}
