use serde_json::json;

use super::*;
use crate::model::{Choice, Reply};
use crate::store::tests::sample::{Capture, turn};
use crate::store::{Selection, Sink};

fn say(role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.into(), parts }
}

fn call(id: &str) -> Part {
    Part::ToolCall { id: Some(id.into()), name: "read".into(), arguments: json!({"path": id}) }
}

fn result(id: &str, text: &str) -> Part {
    Part::ToolResult {
        id: Some(id.into()),
        name: None,
        parts: vec![Part::text(text)],
        is_error: (text == "no").then_some(true),
    }
}

/// The `n`th exchange of one conversation, which said `history` and was answered `answer`.
fn exchange(n: u32, history: &[Message], answer: &Message) -> Exchange {
    let mut exchange = turn(n);
    exchange.request.messages = history.to_vec();
    exchange.request.headers.clear();
    let choices = vec![Choice { parts: answer.parts.clone(), finish_reason: None }];
    exchange.reply = Some(Reply { choices, ..Reply::default() });
    exchange
}

/// Two questions, the first of which took two tools: four exchanges, each with all before.
fn session() -> Vec<Exchange> {
    let said = [
        say("user", vec![Part::text("what is in it?")]),
        say("assistant", vec![call("a"), call("b")]),
        say("user", vec![result("b", "no"), result("a", "yes"), Part::text("a reminder")]),
        say("assistant", vec![Part::text("something")]),
        say("user", vec![Part::text("and what else?")]),
        say("assistant", vec![Part::text("nothing")]),
    ];
    (0..3).map(|n| exchange(n, &said[..=2 * n as usize], &said[2 * n as usize + 1])).collect()
}

struct Placed3 {
    deliveries: Vec<Delivery>,
}

fn placed(exchanges: &[Exchange], forget_between: bool) -> Placed3 {
    let mut capture = Capture::new();
    for exchange in exchanges {
        capture.write(std::slice::from_ref(exchange));
    }
    let mut outbox = Outbox::open(&capture.path()).unwrap();
    let sink = Sink { name: "a".into(), kind: "otlp".into(), target: "http://h".into() };
    let sink = outbox.declare(&sink).unwrap();
    outbox.fill(sink, &Selection::default(), None).unwrap();
    let mut placer = Placer::default();
    let mut deliveries = Vec::new();
    for pending in outbox.waiting(sink, Timestamp::MAX, Timestamp::now(), 100).unwrap() {
        if forget_between {
            placer = Placer::default();
        }
        let exchange = outbox.exchange(pending.seq).unwrap().unwrap();
        let delivery = placer.delivery(&outbox, sink, exchange, Content::Whole).unwrap();
        let at = crate::store::Placed { turn: delivery.turn, trace: delivery.trace.id };
        outbox.begin(sink, Uuid::nil(), &[(pending.seq, at)], Timestamp::now()).unwrap();
        deliveries.push(delivery);
    }
    Placed3 { deliveries }
}

#[test]
fn a_turn_is_a_trace_and_links_are_parents() {
    for forget_between in [false, true] {
        let exchanges = session();
        let Placed3 { deliveries } = placed(&exchanges, forget_between);
        let [first, second, third] = deliveries.as_slice() else { panic!("{deliveries:?}") };
        assert_eq!(first.trace.id, trace_id(exchanges[0].id));
        assert_eq!((first.trace.parent, first.turn), (None, exchanges[0].id));
        assert_eq!(second.trace.id, first.trace.id);
        assert_eq!(second.trace.parent, Some(span_id(exchanges[0].id)));
        assert_eq!(second.turn, exchanges[0].id);
        // Words of a person begin another.
        assert_eq!((third.trace.parent, third.turn), (None, exchanges[2].id));
        assert_eq!(third.exchange.thread, first.exchange.thread);
        // Tools, by the ids of their calls.
        let ran: Vec<_> =
            second.ran.iter().map(|run| (run.call.as_deref(), run.is_error)).collect();
        assert_eq!(ran, [(Some("b"), true), (Some("a"), false)]);
        assert_eq!(second.ran[0].caller, exchanges[0].id);
        assert_ne!(second.ran[0].span, second.ran[1].span);
        assert!(second.ran.iter().all(|run| run.began <= run.ended));
        assert!(first.ran.is_empty() && third.ran.is_empty());
    }
}

#[test]
fn a_parent_that_is_not_delivered_leaves_a_root_in_the_same_trace() {
    let exchanges = session();
    let mut capture = Capture::new();
    capture.write(&exchanges[..1]);
    let sink = Sink { name: "a".into(), kind: "otlp".into(), target: "http://h".into() };
    capture.store.deliver_to(std::slice::from_ref(&sink)).unwrap();
    capture.write(&exchanges[1..2]);
    let mut outbox = Outbox::open(&capture.path()).unwrap();
    let sink = outbox.declare(&sink).unwrap();
    let seq = outbox.waiting(sink, Timestamp::MAX, Timestamp::now(), 9).unwrap()[0].seq;
    let exchange = outbox.exchange(seq).unwrap().unwrap();
    let delivery = Placer::default().delivery(&outbox, sink, exchange, Content::Whole).unwrap();
    assert_eq!(delivery.trace.id, trace_id(exchanges[0].id));
    assert_eq!((delivery.trace.parent, delivery.turn), (None, exchanges[0].id));
    assert_eq!(delivery.ran.len(), 2);
}

#[test]
fn a_tool_runs_once_however_often_its_result_is_sent() {
    let mut exchanges = session();
    let mut again = exchanges.remove(1);
    exchanges.truncate(1);
    exchanges.push(again.clone());
    again.id = Uuid::from_u128(again.id.as_u128() + 100);
    again.started_at += SignedDuration::from_secs(1);
    exchanges.push(again);
    let deliveries = placed(&exchanges, false).deliveries;
    let ran: Vec<usize> = deliveries.iter().map(|delivery| delivery.ran.len()).collect();
    assert_eq!(ran, [0, 2, 0]);
}

#[test]
fn the_apps_own_trace_is_kept_for_the_whole_turn() {
    let mut exchanges = session();
    let told = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    exchanges[0].request.headers = vec![
        ("Traceparent".into(), told.into()),
        ("tracestate".into(), "congo=t61rcWkgMzE".into()),
    ];
    let Placed3 { deliveries } = placed(&exchanges, true);
    assert_eq!(deliveries[0].trace.parent.unwrap()[0], 0xb7);
    assert_eq!(deliveries[0].trace.id[0], 0x0a);
    assert_eq!(deliveries[0].trace.state, "congo=t61rcWkgMzE");
    assert_eq!(deliveries[1].trace.id, deliveries[0].trace.id);
    assert_eq!(deliveries[1].trace.parent, Some(span_id(exchanges[0].id)));
    assert_eq!(deliveries[2].trace.id, trace_id(exchanges[2].id));
}

#[test]
fn without_content_a_tool_has_neither_arguments_nor_result() {
    let mut capture = Capture::new();
    for exchange in session() {
        capture.write(&[exchange]);
    }
    let mut outbox = Outbox::open(&capture.path()).unwrap();
    let sink = Sink { name: "a".into(), kind: "otlp".into(), target: "http://h".into() };
    let sink = outbox.declare(&sink).unwrap();
    let exchange = outbox.exchange(2).unwrap().unwrap();
    let delivery = Placer::default().delivery(&outbox, sink, exchange, Content::None).unwrap();
    assert_eq!(delivery.ran.len(), 2);
    assert!(delivery.ran.iter().all(|run| run.arguments.is_null() && run.result.is_empty()));
    assert!(delivery.exchange.request.messages.is_empty());
}

#[test]
fn a_traceparent_is_taken_as_the_specification_says() {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    for (rule, text, is_taken) in [
        ("usual", format!("00-{trace}-b7ad6b7169203331-01"), true),
        ("not sampled", format!("00-{trace}-b7ad6b7169203331-00"), true),
        ("a later version says more", format!("cc-{trace}-b7ad6b7169203331-01-what"), true),
        ("this one may not", format!("00-{trace}-b7ad6b7169203331-01-what"), false),
        ("version ff", format!("ff-{trace}-b7ad6b7169203331-01"), false),
        ("no trace", format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)), false),
        ("no span", format!("00-{trace}-0000000000000000-01"), false),
        ("upper case", format!("00-{}-b7ad6b7169203331-01", trace.to_uppercase()), false),
        ("short", "00-0af7-b7ad-01".into(), false),
        ("no flags", format!("00-{trace}-b7ad6b7169203331"), false),
        ("nothing", String::new(), false),
    ] {
        assert_eq!(traceparent(&text).is_some(), is_taken, "{rule}");
    }
}
