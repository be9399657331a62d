//! What a request's path and body tell at a glance.

use std::borrow::Cow;

/// The path without its query and without slashes at its end.
pub(super) fn path_only(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/')
}

/// The segment that follows the last segment `name`, percent-decoded, up to a `:`.
pub(super) fn path_segment_after(path: &str, name: &str) -> Option<String> {
    let mut segments = path_only(path).rsplit('/');
    let mut last = segments.next()?;
    for segment in segments {
        if segment == name {
            // A Bedrock model has colons of its own, but those are escaped.
            let found = last.split(':').next().unwrap_or_default();
            return (!found.is_empty()).then(|| percent_decoded(found));
        }
        last = segment;
    }
    None
}

/// Whether `body` could be a JSON object, or did not come at all.
pub(super) fn may_be_object(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), None | Some(b'{'))
}

/// `bytes` as text, what is not UTF-8 replaced, without a byte order mark.
pub(super) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// `text` with its percent escapes undone; what is no escape stays.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = match (byte, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_the_model() {
        for (path, name, expected) in [
            (
                "/openai/deployments/gpt-4o/chat/completions?api-version=1",
                "deployments",
                Some("gpt-4o"),
            ),
            (
                "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x@1:rawPredict",
                "models",
                Some("claude-x@1"),
            ),
            ("/model/anthropic.claude-v1%3A0/invoke", "model", Some("anthropic.claude-v1:0")),
            ("/v1/messages", "models", None),
            ("/models/%zz", "models", Some("%zz")),
        ] {
            assert_eq!(path_segment_after(path, name).as_deref(), expected, "{path}");
        }
    }
}
