//! What is written is read.

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::sample::{Capture, entry, exchange, stored, told, turn};
use crate::flow::Side;
use crate::model::Exchange;
use crate::store::{Reader, StoreError, Texts};

fn only(reader: &Reader, id: Uuid) -> Exchange {
    let (seq, _) = reader.find(&id.to_string()).unwrap();
    reader.exchange(seq).unwrap().unwrap()
}

#[test]
fn any_exchange_comes_back_as_it_was() {
    let mut capture = Capture::new();
    let reader = capture.reader();
    let mut runner = proptest::test_runner::TestRunner::default();
    let capture = std::cell::RefCell::new(&mut capture);
    runner
        .run(&exchange(), |exchange| {
            capture.borrow_mut().write(std::slice::from_ref(&exchange));
            prop_assert_eq!(told(&only(&reader, exchange.id)), told(&exchange));
            Ok(())
        })
        .unwrap();
}

#[test]
fn json_as_deep_as_a_dialect_can_parse_comes_back() {
    let mut deep = json!("bottom");
    for _ in 0..120 {
        deep = Value::Array(vec![deep]);
    }
    let mut exchange = turn(0);
    exchange.request.params.insert("deep".into(), deep.clone());
    exchange.request.messages[0].parts = vec![crate::model::Part::Other { value: deep }];
    let mut capture = Capture::new();
    capture.write(std::slice::from_ref(&exchange));
    assert_eq!(told(&only(&capture.reader(), exchange.id)), told(&exchange));
}

#[test]
fn the_same_exchange_twice_is_one() {
    let mut capture = Capture::new();
    let reader = capture.reader();
    let mut first = turn(2);
    first.state = crate::model::State::Interrupted;
    capture.write(&[turn(1), first]);
    capture.write(&[turn(2)]);
    assert_eq!(told(&only(&reader, turn(2).id)), told(&turn(2)));
    assert_eq!(reader.last_seq().unwrap(), 2);
    assert_eq!(reader.written_after(&Default::default(), 0, 10).unwrap().len(), 2);
}

#[test]
fn a_message_that_is_sent_again_is_stored_once() {
    let mut capture = Capture::new();
    capture.write(&(0..10).map(turn).collect::<Vec<_>>());
    let ids = capture.reader().message_ids(&Default::default()).unwrap();
    // A system prompt, a set of tools, ten questions, ten answers.
    assert_eq!(ids.len(), 1 + 1 + 10 + 10);
}

#[test]
fn raw_bytes_and_marks_come_back() {
    let noise: Vec<u8> =
        (0..1_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let text = "data: {\"delta\": \"hello\"}\n\n".repeat(40_000).into_bytes();
    let mut capture = Capture::new();
    for (rule, bytes) in
        [("empty", vec![]), ("short", b"hi".to_vec()), ("noise", noise), ("text", text)]
    {
        let mut stored = stored(turn(0));
        stored.request.bytes = bytes;
        stored.request.cut = 5;
        stored.reply = None;
        capture.store.write(&[entry(stored.clone())]).unwrap();
        let reader = capture.reader();
        let (seq, _) = reader.find(&turn(0).id.to_string()).unwrap();
        assert_eq!(reader.raw(seq, Side::Downstream).unwrap(), Some(stored.request), "{rule}");
        assert_eq!(reader.raw(seq, Side::Upstream).unwrap(), None, "{rule}");
    }
}

#[test]
fn a_changed_bit_in_raw_bytes_is_told() {
    let mut capture = Capture::new();
    capture.write(&[turn(0)]);
    let conn = rusqlite::Connection::open(capture.path()).unwrap();
    conn.execute("UPDATE raw SET body = zeroblob(length(body))", []).unwrap();
    let error = capture.reader().raw(1, Side::Downstream).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn texts_of_an_unread_exchange_are_messages_and_not_part_of_it() {
    let mut capture = Capture::new();
    let mut unread = turn(0);
    unread.dialect = None;
    unread.request.messages.clear();
    let texts = Texts { request: Some("a prompt".into()), reply: None };
    let written = crate::store::StoredExchange { texts: texts.clone(), ..stored(unread.clone()) };
    capture.store.write(&[entry(written)]).unwrap();
    assert_eq!(capture.reader().texts(1).unwrap(), texts);
    assert_eq!(told(&only(&capture.reader(), unread.id)), unread);
}
