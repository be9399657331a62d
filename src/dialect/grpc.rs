//! The requests of gRPC and Connect, and how they say that something went wrong.

use super::handshake::header;
use super::path::{path_only, percent_decoded};
use super::{Asked, failure};
use crate::model::{ExchangeError, Headers};
use crate::observe::envelope;

/// Most messages of one request that are read: an agent's stream goes on for hours.
const MESSAGES_MAX: usize = 4096;

/// Whether `asked` is a call of gRPC, gRPC-Web or Connect, or has a body in protobuf. One that
/// does not tell what its body is goes by its path, `/package.Service/Method`.
pub(super) fn is_call(asked: &Asked<'_>) -> bool {
    let content_type = content_type(asked);
    if content_type.is_empty() {
        let mut segments = path_only(asked.path).trim_start_matches('/').split('/');
        let service = segments.next().filter(|service| service.contains('.'));
        return service.is_some() && segments.next().is_some() && segments.next().is_none();
    }
    is_enveloped(&content_type)
        || content_type.ends_with("/proto")
        || content_type.ends_with("protobuf")
        || header(asked.headers, "connect-protocol-version").is_some()
}

/// Hands the messages of a request's body to `take`, decompressed; says what could not be read.
pub(super) fn messages(asked: &Asked<'_>, take: &mut dyn FnMut(&[u8])) -> Vec<String> {
    let content_type = content_type(asked);
    if !is_enveloped(&content_type) {
        take(asked.body);
        return Vec::new();
    }
    let encoding = header(asked.headers, "grpc-encoding")
        .or_else(|| header(asked.headers, "connect-content-encoding"));
    let mut decoder = match content_type.starts_with("application/grpc-web-text") {
        true => envelope::Decoder::base64(encoding),
        false => envelope::Decoder::new(encoding),
    };
    let mut notes = Vec::new();
    let mut count = 0;
    decoder.feed(asked.body, &mut |found| match found {
        Ok(message) if message.is_end => {}
        Ok(message) => {
            count += 1;
            if count <= MESSAGES_MAX {
                take(message.bytes);
            }
        }
        Err(fault) => notes.push(format!("the request: {fault}")),
    });
    // A stream that the app keeps open may end anywhere.
    if let Err(fault) = decoder.finish() {
        notes.push(format!("the request: {fault}"));
    }
    if count > MESSAGES_MAX {
        notes.push(format!("{} messages of the request are left out", count - MESSAGES_MAX));
    }
    notes
}

fn content_type(asked: &Asked<'_>) -> String {
    let content_type = header(asked.headers, "content-type").unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_enveloped(content_type: &str) -> bool {
    content_type.starts_with("application/grpc") || content_type.starts_with("application/connect+")
}

/// The error that a `grpc-status` among `headers` tells of; `None` if there is none, or it is 0.
pub(super) fn failed(headers: &Headers) -> Option<ExchangeError> {
    let status = header(headers, "grpc-status")?.trim();
    let kind = match status.parse::<usize>() {
        Ok(0) => return None,
        Ok(number) => STATUSES.get(number).copied().unwrap_or(status),
        Err(_) => status,
    };
    let message = header(headers, "grpc-message").map(percent_decoded).unwrap_or_default();
    Some(ExchangeError { kind: kind.to_owned(), message })
}

/// The error that the last message of a Connect stream tells of: `{"error": {code, message}}`.
pub(super) fn ended(message: &[u8]) -> Option<ExchangeError> {
    let told: serde_json::Value = serde_json::from_slice(message).ok()?;
    told.get("error").and_then(|_| failure::of_value(&told))
}

/// The names of the numbers, <https://grpc.io/docs/guides/status-codes/>, as Connect writes them.
const STATUSES: [&str; 17] = [
    "ok",
    "canceled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_an_error_unless_it_is_0() {
        for (rule, status, message, expected) in [
            ("well", "0", "", None),
            ("a number has a name", "8", "slow%20down", Some(("resource_exhausted", "slow down"))),
            ("a number without one", "99", "", Some(("99", ""))),
        ] {
            let headers = vec![
                ("grpc-status".to_owned(), status.to_owned()),
                ("grpc-message".to_owned(), message.to_owned()),
            ];
            let found = failed(&headers).map(|error| (error.kind, error.message));
            let expected = expected.map(|(kind, words)| (kind.to_owned(), words.to_owned()));
            assert_eq!(found, expected, "{rule}");
        }
        assert_eq!(failed(&Headers::new()), None);
    }

    #[test]
    fn the_last_message_tells_of_an_error() {
        let error = br#"{"error":{"code":"permission_denied","message":"no"},"metadata":{}}"#;
        assert_eq!(ended(error).unwrap().kind, "permission_denied");
        assert_eq!(ended(b"{}"), None);
    }
}
