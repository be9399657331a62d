use proptest::prelude::*;
use serde_json::{Value, json};

use super::line::{EXCHANGE_BYTES_MAX, LINE_BYTES_MAX};
use super::*;
use crate::model::{Exchange, Message, Part};
use crate::sink::{Trace, trace_id};
use crate::store::tests::sample;

fn delivery(exchange: Exchange) -> Delivery {
    let trace = Trace { id: trace_id(exchange.id), parent: None, state: String::new() };
    Delivery { turn: exchange.id, exchange, trace, ran: vec![] }
}

/// One that says `text`.
fn saying(n: u32, text: &str) -> Delivery {
    let mut exchange = sample::turn(n);
    let parts = vec![Part::text(text)];
    exchange.request.messages = vec![Message { role: "user".into(), parts }];
    delivery(exchange)
}

fn push(deliveries: &[Delivery]) -> Value {
    serde_json::from_slice(&Loki::default().parcel(deliveries).body).unwrap()
}

/// Time, line, and structured metadata of each line of a push, stream by stream.
fn values(push: &Value) -> Vec<(i128, String, Value)> {
    let streams = push["streams"].as_array().unwrap();
    let values = streams.iter().flat_map(|stream| stream["values"].as_array().unwrap());
    let value = |value: &Value| {
        let text = |n: usize| value[n].as_str().unwrap();
        (text(0).parse().unwrap(), text(1).to_owned(), value[2].clone())
    };
    values.map(value).collect()
}

/// The exchange that the lines are of, put together as `docs/loki.md` says.
fn together(lines: &[(i128, String, Value)]) -> Value {
    if let [(_, line, _)] = lines {
        return serde_json::from_str(line).unwrap();
    }
    let pieces: Vec<Value> =
        lines.iter().map(|(_, line, _)| serde_json::from_str(line).unwrap()).collect();
    for (piece, n) in pieces.iter().zip(1..) {
        assert_eq!((&piece["part"], &piece["of"]), (&json!(n), &json!(pieces.len())));
    }
    let text: String = pieces.iter().map(|piece| piece["text"].as_str().unwrap()).collect();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_line_has_what_was_said_and_none_of_the_noise() {
    let mut exchange = sample::turn(1);
    exchange.request.headers = vec![("Host".into(), "api.example.com".into())];
    let push = push(&[delivery(exchange.clone())]);
    let stream = json!({
        "app": "agent", "host": "api.example.com", "kind": "exchange",
        "provider": "openai", "status": "2xx",
    });
    assert_eq!(push["streams"][0]["stream"], stream);
    let values = values(&push);
    let [(at, line, metadata)] = &values[..] else { panic!("{values:?}") };
    assert_eq!(*at, 1_800_000_001_100_000_000, "when it was over");
    let line: Value = serde_json::from_str(line).unwrap();
    let mut expected = serde_json::to_value(&exchange).unwrap();
    for field in
        ["annotations", "thread", "thread_rule", "parent", "inherited", "cost_usd", "cost_source"]
    {
        expected.as_object_mut().unwrap().remove(field);
    }
    expected["app"] = json!({ "user_agent": "agent/1" });
    for side in ["request", "reply"] {
        expected[side].as_object_mut().unwrap().remove("headers");
    }
    assert_eq!(line, expected);
    assert_eq!(metadata["exchange"], exchange.id.to_string());
    assert_eq!(metadata["model"], "model-a");
    assert_eq!(metadata["input_tokens"], "10");
    assert_eq!(metadata.get("part"), None);
    assert!(metadata.as_object().unwrap().values().all(Value::is_string), "{metadata}");
}

#[test]
fn what_is_told_later_changes_no_line() {
    let plain = sample::turn(1);
    let mut later = plain.clone();
    later.annotations.tags.push("weather".into());
    later.thread = Some("another".into());
    later.parent = Some(plain.flow);
    later.inherited = Some(2);
    later.app.pid = Some(77);
    later.cost_usd = Some(7.0);
    let values = [plain, later].map(|exchange| values(&push(&[delivery(exchange)])).remove(0));
    let [(at, line, metadata), (later_at, later_line, later_metadata)] = &values;
    assert_eq!((at, line), (later_at, later_line));
    assert_ne!(metadata, later_metadata, "it is there");
}

#[test]
fn exchanges_of_the_same_labels_are_one_stream() {
    let mut failed = sample::turn(3);
    failed.status = Some(503);
    failed.provider = None;
    let all = [sample::turn(1), failed, sample::turn(2)].map(delivery);
    let push = push(&all);
    let streams = push["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 2);
    assert_eq!(streams[0]["values"].as_array().unwrap().len(), 2);
    assert_eq!(streams[1]["stream"]["status"], "5xx");
    assert_eq!(streams[1]["stream"].get("provider"), None, "no empty label");
}

#[test]
fn labels_are_short_and_steer_nothing() {
    let mut exchange = sample::turn(1);
    exchange.app.user_agent = Some(format!("\u{1b}]0;{}{{}}\"\\", "天".repeat(3_000)));
    exchange.thread = Some("t".repeat(100_000));
    let push = push(&[delivery(exchange)]);
    let app = push["streams"][0]["stream"]["app"].as_str().unwrap();
    assert!(app.len() <= 128 && app.starts_with("]0;天"), "{app}");
    let metadata = values(&push)[0].2.to_string();
    assert!(metadata.len() < 4_096, "{}", metadata.len());
}

#[test]
fn a_long_exchange_is_several_lines_that_give_it_again() {
    for (rule, text) in [
        ("letters", "word ".repeat(100_000)),
        ("three bytes each", "天地玄黃".repeat(60_000)),
        ("nothing but escapes", "\"\\\n".repeat(100_000)),
        ("controls", "\u{1b}\u{0}\u{202e}".repeat(60_000)),
    ] {
        let delivery = saying(1, &text);
        let values = values(&push(std::slice::from_ref(&delivery)));
        assert!(values.len() > 1, "{rule}");
        for ((at, line, metadata), n) in values.iter().zip(0..) {
            assert!(line.len() <= LINE_BYTES_MAX, "{rule}: {}", line.len());
            assert!(!line.chars().any(crate::export::jsonl::steers), "{rule}");
            assert_eq!(*at, 1_800_000_001_100_000_000 + n, "{rule}: in their order");
            assert_eq!(metadata["part"], format!("{}/{}", n + 1, values.len()), "{rule}");
        }
        let said = &together(&values)["request"]["messages"][0]["parts"][0]["text"];
        assert!(said == text.as_str(), "{rule}");
    }
}

#[test]
fn what_loki_never_takes_at_once_is_cut_and_says_so() {
    let long = saying(1, &"word ".repeat(2_000_000));
    let mut many = sample::turn(2);
    let message = Message { role: "user".into(), parts: vec![Part::text("天")] };
    many.request.messages = vec![message; 100_000];
    for (rule, delivery, note) in [
        ("one text", long, "each text was cut to"),
        ("a hundred thousand", delivery(many), "what was said was left out"),
    ] {
        let id = delivery.exchange.id;
        let values = values(&push(&[delivery]));
        let len: usize = values.iter().map(|(_, line, _)| line.len()).sum();
        assert!(len < EXCHANGE_BYTES_MAX + (64 << 10), "{rule}: {len}");
        let exchange = together(&values);
        assert_eq!(exchange["id"], id.to_string(), "{rule}");
        let notes = exchange["notes"].to_string();
        assert_eq!(notes.matches(note).count(), 1, "{rule}: {notes}");
    }
}

#[test]
fn what_is_too_old_is_not_even_sent() {
    let delivery = delivery(sample::turn(0));
    let ended: Timestamp = "2027-01-15T08:00:00.1Z".parse().unwrap();
    let later = |hours: i64| ended + SignedDuration::from_hours(hours);
    let wire = Loki::default();
    assert_eq!(wire.refuses(&delivery, later(168)), None);
    let why = wire.refuses(&delivery, later(200)).unwrap();
    assert_eq!(why, "it is 200 hours old, and Loki takes nothing that is older than 168");
    let wire = wire.of_age(SignedDuration::from_hours(1_000));
    assert_eq!(wire.refuses(&delivery, later(200)), None);
}

#[test]
fn a_tenant_is_a_header() {
    assert_eq!(Loki::default().parcel(&[]).headers, []);
    let parcel = Loki::default().of_tenant("team-a").parcel(&[]);
    assert_eq!(parcel.headers, [("X-Scope-OrgID".to_owned(), "team-a".to_owned())]);
}

#[test]
fn answers_mean_what_loki_means_by_them() {
    let far = "entry with timestamp 2026-11-01 00:00:00 +0000 UTC ignored, reason: 'entry too far \
               behind, entry timestamp is: 2026-11-01T00:00:00Z, oldest acceptable timestamp is: \
               2026-11-23T00:00:00Z',\nuser 'fake', total ignored: 1 out of 2 for stream: {a=\"b\"}";
    let rate = |bytes: u64| {
        format!(
            "Ingestion rate limit exceeded for user fake (limit: 4194304 bytes/sec) while \
             attempting to ingest '5' lines totaling '{bytes}' bytes, reduce log volume"
        )
    };
    let (slow, large) = (rate(1_000), rate(7_340_032));
    for (rule, status, body, verdict, why) in [
        ("taken", 204, "", "Accepted", ""),
        ("too old", 400, "entry for stream 'x' has timestamp too old", "TooLate", "too old"),
        ("a wrong label", 400, "Error parsing labels", "Refused", "parsing"),
        ("too far behind", 400, far, "TooLate", "00:00:00Z (1 out of 2)\""),
        ("no stream", 422, "error at least one valid stream", "Refused", "422"),
        ("tenants", 401, "no org id", "Stop", "name yours"),
        ("no such path", 404, "404 page not found", "Stop", "404"),
        ("slower", 429, &slow, "Later", "429"),
        ("never at this size", 429, &large, "TooLarge", "429"),
        ("a broken one", 500, "empty ring", "Later", "empty ring"),
        ("a gateway", 504, "<html>", "Later", "504"),
        ("inside", 500, "message larger than max (5 vs. 4)", "TooLarge", "larger"),
        ("a proxy's limit", 413, "", "TooLarge", "413"),
    ] {
        let body = body.as_bytes();
        let shown = format!("{:?}", Loki::default().verdict(Answer { status, body }));
        assert!(shown.starts_with(verdict), "{rule}: {shown}");
        assert!(shown.contains(why), "{rule}: {shown}");
    }
}

proptest! {
    #[test]
    fn any_exchange_is_lines_that_loki_takes(exchange in sample::exchange()) {
        let delivery = delivery(exchange);
        let push = push(std::slice::from_ref(&delivery));
        prop_assert_eq!(&push, &self::push(&[delivery]), "always the same");
        for stream in push["streams"].as_array().unwrap() {
            prop_assert!(stream["stream"].as_object().unwrap().len() <= 5);
        }
        for (_, line, metadata) in values(&push) {
            prop_assert!(line.len() <= LINE_BYTES_MAX);
            prop_assert!(metadata.to_string().len() < 64 << 10);
        }
    }
}
