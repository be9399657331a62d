use serde_json::Value;

use super::*;
use crate::sink::{Trace, trace_id};
use crate::store::tests::sample::turn;

/// The vector that implementations of Standard Webhooks share.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn deliveries(count: u32) -> Vec<Delivery> {
    let delivery = |n| {
        let exchange = turn(n);
        let trace = Trace { id: trace_id(exchange.id), parent: None, state: String::new() };
        Delivery { turn: exchange.id, exchange, trace, ran: vec![] }
    };
    (0..count).map(delivery).collect()
}

fn signed() -> Webhook {
    Webhook::signed(&Secret::new(SECRET)).unwrap()
}

#[test]
fn a_signature_is_that_of_the_shared_vector() {
    let body = br#"{"test": 2432232314}"#.to_vec();
    let headers = vec![(ID.to_owned(), "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned())];
    let parcel = Parcel { content_type: "application/json", headers, body };
    let now = Timestamp::from_second(1_614_265_330).unwrap();
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        signed().sign(now, &parcel),
        [
            text("webhook-timestamp", "1614265330"),
            text("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ]
    );
    let unsigned = Webhook::default().sign(now, &parcel);
    assert_eq!(unsigned, [text("webhook-timestamp", "1614265330")], "without a secret");
}

#[test]
fn a_secret_is_base64_of_a_sensible_length_and_never_shown() {
    let short = STANDARD.encode([7; 8]);
    for (rule, secret, expected) in [
        ("as it is given out", SECRET, None),
        ("without the prefix", SECRET.trim_start_matches(PREFIX), None),
        ("with a line end behind it", &format!("{SECRET}\n"), None),
        ("no base64", "whsec_not base64!", Some(SecretError::NotBase64)),
        ("too short", &format!("whsec_{short}"), Some(SecretError::Length(8))),
        ("empty", "", Some(SecretError::Length(0))),
    ] {
        let made = Webhook::signed(&Secret::new(secret));
        assert_eq!(made.as_ref().err(), expected.as_ref(), "{rule}");
        assert!(!format!("{made:?}").contains("MfKQ9"), "{rule}: {made:?}");
    }
}

#[test]
fn a_batch_is_a_line_each_and_has_an_id_of_its_own() {
    let all = deliveries(3);
    let parcel = signed().parcel(&all);
    let lines: Vec<Value> = parcel
        .body
        .split_inclusive(|&byte| byte == b'\n')
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    for (line, delivery) in lines.iter().zip(&all) {
        assert_eq!(line["type"], "exchange");
        assert_eq!(line["id"], delivery.exchange.id.to_string());
        let exchange: Exchange = serde_json::from_value(line["exchange"].clone()).unwrap();
        assert_eq!(exchange, delivery.exchange);
    }
    assert_eq!(signed().parcel(&all), parcel, "the same batch, the same bytes");
    assert_ne!(signed().parcel(&all[..2]).headers, parcel.headers, "another batch, another id");
}

#[test]
fn what_is_said_breaks_out_of_no_line() {
    let mut all = deliveries(1);
    all[0].exchange.request.system = Some("a\n{\"type\":\"exchange\"}\r\u{1b}[2J\u{2028}".into());
    let body = signed().parcel(&all).body;
    assert_eq!(body.iter().filter(|byte| byte.is_ascii_control()).count(), 1, "the line's end");
}

#[test]
fn answers_mean_what_webhooks_mean_by_them() {
    let wire = signed();
    for (status, expected) in [
        (200, "Accepted"),
        (202, "Accepted"),
        (204, "Accepted"),
        (400, "Refused"),
        (401, "Stop"),
        (404, "Stop"),
        (409, "Later"),
        (410, "Stop"),
        (413, "TooLarge"),
        (429, "Later"),
        (500, "Later"),
        (502, "Later"),
        (503, "Later"),
    ] {
        let verdict = format!("{:?}", wire.verdict(Answer { status, body: b"words" }));
        assert!(verdict.starts_with(expected), "{status}: {verdict}");
    }
}
