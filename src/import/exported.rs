//! Exchanges of another capture, as `overhear export` writes them.

use jiff::SignedDuration;
use memchr::memmem;

use super::har::MILLIS_MAX;
use super::recording::opened;
use super::{Read, Unread};
use crate::flow::{FlowId, Origin, Scheme};
use crate::model::{Annotations, App, Exchange};
use crate::store::{FlowRow, RawMessage, Remark, StoredExchange, Texts};

/// Highest cost of one exchange, in US dollars: none has cost a thousandth of it.
const COST_MAX: f64 = 1e6;

/// Most tokens of one exchange: no model takes a thousandth of it.
const TOKENS_MAX: u64 = 1_000_000_000_000;

/// Reads an exchange.
pub(super) fn read(bytes: &[u8]) -> Result<Read, Unread> {
    let mut exchange: Exchange = serde_json::from_slice(bytes).map_err(|error| {
        // What is no exchange lacks some field, and saying which would help nobody.
        match memmem::find(bytes, b"\"started_at\"") {
            Some(_) => Unread::Json(error.into()),
            None => Unread::Strange,
        }
    })?;
    super::usable(exchange.started_at).ok_or(Unread::Time)?;
    let is_odd = clear_what_cannot_be(&mut exchange);
    if is_odd {
        exchange.notes.push("times, costs or counts that cannot be were not imported".to_owned());
    }
    Ok(Read::Exchange(Box::new(exchange)))
}

/// Clears times, costs and counts with which no one can reckon; whether there were any. A line
/// of somebody else's file must not spoil sums over the whole capture.
fn clear_what_cannot_be(exchange: &mut Exchange) -> bool {
    let started = exchange.started_at;
    let ends = |ms: f64| {
        let later = SignedDuration::try_from_secs_f64(ms / 1e3).ok()?;
        super::usable(started.checked_add(later).ok()?)
    };
    let mut is_odd = false;
    let times =
        [&mut exchange.first_byte_ms, &mut exchange.first_token_ms, &mut exchange.duration_ms];
    for time in times {
        let can_be = |ms: f64| (0.0..=MILLIS_MAX).contains(&ms) && ends(ms).is_some();
        is_odd |= time.take_if(|ms| !can_be(*ms)).is_some();
    }
    if exchange.cost_usd.take_if(|cost| !(0.0..=COST_MAX).contains(cost)).is_some() {
        exchange.cost_source = None;
        is_odd = true;
    }
    let Some(usage) = &mut exchange.usage else { return is_odd };
    let counts = [
        &mut usage.input,
        &mut usage.input_cached,
        &mut usage.input_cache_written,
        &mut usage.input_cache_written_1h,
        &mut usage.input_audio,
        &mut usage.input_image,
        &mut usage.input_audio_cached,
        &mut usage.input_image_cached,
        &mut usage.output,
        &mut usage.reasoning,
        &mut usage.output_audio,
        &mut usage.output_image,
    ];
    for count in counts {
        is_odd |= count.take_if(|count| *count > TOKENS_MAX).is_some();
    }
    is_odd
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
    use serde_json::json;

    use super::*;
    use crate::model::{ThreadRule, Usage};
    use crate::store::Selection;
    use crate::store::tests::sample::{Capture, turn};

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
            ("an object", "{}".to_owned(), "it is no exchange"),
            ("an exchange", "{\"started_at\":0}".to_owned(), "expected a timestamp"),
            ("a text", "\"a\"".to_owned(), "it is no exchange"),
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
    fn what_cannot_be_is_cleared_and_the_threads_are_still_told() {
        let late = "2261-12-31T23:59:59Z".parse().unwrap();
        let mut capture = Capture::new();
        for (rule, n, line, expected) in [
            ("an endless time", 1, r#""duration_ms":1e308"#, json!([null, 0.5, 7])),
            ("a negative time", 2, r#""duration_ms":-1.0"#, json!([null, 0.5, 7])),
            ("past the end of time", 3, r#""duration_ms":1e15"#, json!([null, 0.5, 7])),
            ("a cost of all money", 4, r#""cost_usd":1e300"#, json!([100.0, null, 7])),
            ("a negative cost", 5, r#""cost_usd":-1.0"#, json!([100.0, null, 7])),
            (
                "tokens of a century",
                6,
                r#""input":18446744073709551615"#,
                json!([100.0, 0.5, null]),
            ),
            ("what can be", 7, r#""input":7"#, json!([100.0, 0.5, 7])),
        ] {
            let mut exchange = turn(n);
            exchange.thread = Some("t".into());
            exchange.thread_rule = Some(ThreadRule::Field);
            if n == 3 {
                exchange.started_at = late;
            }
            exchange.cost_usd = Some(0.5);
            exchange.usage =
                Some(Usage { input: Some(7), source: "provider".into(), ..Usage::default() });
            let name = line.split_once(':').unwrap().0;
            let json = serde_json::to_string(&exchange).unwrap();
            let (before, behind) = json.split_once(&format!("{name}:")).unwrap();
            let end = behind.find(',').unwrap();
            let odd = format!("{before}{line}{}", &behind[end..]);
            let Ok(Read::Exchange(read)) = read(odd.as_bytes()) else { panic!("{rule}") };
            let usage = read.usage.as_ref().unwrap();
            // What an older version has stored already.
            capture.write(&[serde_json::from_str(&odd).unwrap()]);
            let found = json!([read.duration_ms, read.cost_usd, usage.input]);
            assert_eq!(found, expected, "{rule}");
            assert_eq!(!read.notes.is_empty(), rule != "what can be", "{rule}");
        }
        let page = capture.reader().threads(&Selection::default(), None, 10).unwrap();
        let exchanges: u64 = page.threads.iter().map(|thread| thread.exchanges).sum();
        assert_eq!(exchanges, 7);
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
