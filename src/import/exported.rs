//! Exchanges of another capture, as `overhear export` writes them.

use super::recording::opened;
use super::{Read, Unread};
use crate::flow::{FlowId, Origin, Scheme};
use crate::model::{Annotations, App, Exchange};
use crate::store::{FlowRow, RawMessage, Remark, StoredExchange, Texts};

/// Reads an exchange.
pub(super) fn read(bytes: &[u8]) -> Result<Read, Unread> {
    let exchange: Exchange =
        serde_json::from_slice(bytes).map_err(|error| Unread::Json(error.into()))?;
    super::usable(exchange.started_at).ok_or(Unread::Time)?;
    Ok(Read::Exchange(Box::new(exchange)))
}

/// An exchange as the store takes it: without bytes, which an export does not have.
pub(super) fn stored(exchange: Exchange) -> StoredExchange {
    StoredExchange {
        exchange,
        place: 0,
        request: RawMessage::default(),
        reply: None,
        texts: Texts::default(),
        leaks: Vec::new(),
        is_open: false,
    }
}

/// What an exchange tells of its flow.
pub(super) fn flow(exchange: &Exchange, note: &str) -> Result<FlowRow, Unread> {
    let (scheme, authority) = match exchange.origin.split_once("://") {
        Some(("http", authority)) => (Scheme::Http, authority),
        Some(("https", authority)) => (Scheme::Https, authority),
        _ => return Err(Unread::Origin),
    };
    let origin = Origin::parse(scheme, authority).map_err(|_| Unread::Origin)?;
    Ok(FlowRow {
        opened: opened(FlowId(exchange.flow), exchange.started_at, origin),
        closed_at: None,
        app: App { user_agent: None, ..exchange.app.clone() },
        bytes: [0; 2],
        endings: [None; 2],
        gap_bytes: 0,
        notes: vec![note.to_owned()],
    })
}

/// What people said of an exchange, to be said again.
pub(super) fn remarks(annotations: Annotations) -> Vec<Remark> {
    let pin = annotations.pinned.then_some(Remark::Pin);
    let tags = annotations.tags.iter().filter_map(|tag| Remark::tag(tag).ok());
    let notes = annotations.notes.into_iter().filter_map(|note| Remark::note(note).ok());
    pin.into_iter().chain(tags).chain(notes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::sample::turn;

    #[test]
    fn what_is_no_exchange_says_why() {
        let odd = |change: fn(&mut Exchange)| {
            let mut exchange = turn(0);
            change(&mut exchange);
            serde_json::to_string(&exchange).unwrap()
        };
        let deep = odd(|exchange| exchange.method = "DEEP".into());
        let deep =
            deep.replace("\"params\":{}", &format!("\"params\":{{\"a\":{}", "[".repeat(9_999)));
        for (rule, line, expected) in [
            ("an object", "{}".to_owned(), "missing field `id`"),
            ("a text", "\"a\"".to_owned(), "invalid type"),
            ("deep", deep, "recursion limit"),
            (
                "before 1970",
                odd(|exchange| exchange.started_at = "1969-12-31T23:59:59Z".parse().unwrap()),
                "its time is none",
            ),
        ] {
            let error = match read(line.as_bytes()) {
                Err(error) => error.to_string(),
                Ok(_) => "read".to_owned(),
            };
            assert!(error.contains(expected), "{rule}: {error}");
        }
    }

    #[test]
    fn an_exchange_without_an_origin_has_no_flow() {
        for (origin, expected) in [
            ("https://api.example.com", true),
            ("http://[::1]:8080", true),
            ("api.example.com", false),
            ("ftp://a", false),
            ("https://a b", false),
        ] {
            let exchange = Exchange { origin: origin.into(), ..turn(0) };
            assert_eq!(flow(&exchange, "").is_ok(), expected, "{origin}");
        }
    }
}
