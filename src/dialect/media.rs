//! Pictures, sound and files that are sent inside JSON: what and how big, never the bytes.

use serde_json::Value;

use crate::model::Part;

/// Longest text of an unknown field that is kept if it looks like base64, in bytes: longer
/// ones are pictures and encrypted blobs, which the raw exchange has.
const BASE64_KEPT_MAX: usize = 1024;

/// What a `data:` URL says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inline<'a> {
    /// Such as `image/png`; `None` if it does not say.
    pub(super) mime_type: Option<&'a str>,
    /// Size once decoded, in bytes.
    pub(super) bytes: u64,
}

/// Reads a `data:` URL; `None` if `url` is none.
pub(super) fn data_url(url: &str) -> Option<Inline<'_>> {
    let rest = match url.get(..5) {
        Some(scheme) if scheme.eq_ignore_ascii_case("data:") => url.get(5..)?,
        _ => return None,
    };
    let (about, data) = rest.split_once(',')?;
    let mut fields = about.split(';');
    let mime_type = fields.next().filter(|mime| !mime.is_empty());
    let bytes = match fields.any(|field| field.eq_ignore_ascii_case("base64")) {
        true => base64_bytes(data),
        false => data.len() as u64,
    };
    Some(Inline { mime_type, bytes })
}

/// Size of `base64` once decoded, in bytes, padded or not.
pub(super) fn base64_bytes(base64: &str) -> u64 {
    let length = base64.trim_end_matches(['=', '\n', '\r', ' ']).len() as u64;
    length / 4 * 3 + (length % 4).saturating_sub(1)
}

/// A picture at `url`, which may be a `data:` URL or, as Mistral allows, bare base64.
pub(super) fn image(url: &str) -> Part {
    let (mime_type, url, bytes) = place(url);
    Part::Image { mime_type, url, file_id: None, bytes }
}

/// Type, address and size of what stands at `url`.
pub(super) fn place(url: &str) -> (Option<String>, Option<String>, Option<u64>) {
    match data_url(url) {
        Some(inline) => (inline.mime_type.map(str::to_owned), None, Some(inline.bytes)),
        None if url.is_empty() => (None, None, None),
        None if !url.contains(':') && looks_like_base64(url) => {
            (None, None, Some(base64_bytes(url)))
        }
        None => (None, Some(url.to_owned()), None),
    }
}

/// Replaces long base64 anywhere in `value` by its size.
pub(super) fn shorten(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > BASE64_KEPT_MAX => {
            let shown = match data_url(text) {
                Some(inline) => format!(
                    "data:{};base64,({} bytes)",
                    inline.mime_type.unwrap_or_default(),
                    inline.bytes
                ),
                None if looks_like_base64(text) => {
                    format!("(base64, {} bytes)", base64_bytes(text))
                }
                None => return,
            };
            *text = shown;
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

/// `value` as a part of its own, long base64 replaced.
pub(super) fn other(mut value: Value) -> Part {
    shorten(&mut value);
    Part::Other { value }
}

fn looks_like_base64(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_url_tells_its_type_and_size() {
        for (url, expected) in [
            ("data:image/png;base64,aGVsbG8=", Some((Some("image/png"), 5))),
            ("data:image/png;base64,aGVsbG8", Some((Some("image/png"), 5))),
            ("DATA:;base64,aGVs", Some((None, 3))),
            ("data:text/plain,hello", Some((Some("text/plain"), 5))),
            ("https://a.example/x.png", None),
            ("dat", None),
        ] {
            let found = data_url(url).map(|inline| (inline.mime_type, inline.bytes));
            assert_eq!(found, expected, "{url}");
        }
    }

    #[test]
    fn only_long_base64_is_shortened() {
        let long = "QUJD".repeat(400);
        let words = "a word ".repeat(400);
        let mut value = serde_json::json!({"a": [long, words, "QUJD"]});
        shorten(&mut value);
        assert_eq!(value["a"][0], "(base64, 1200 bytes)");
        assert_eq!(value["a"][1], words);
        assert_eq!(value["a"][2], "QUJD");
    }
}
