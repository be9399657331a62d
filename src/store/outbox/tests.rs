use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use uuid::Uuid;

use super::*;
use crate::store::tests::sample::{Capture, entry, stored, turn};
use crate::store::{Keep, Pins, Selection};

const LONG_AGO: SignedDuration = SignedDuration::from_hours(1);

fn sink(name: &str) -> Sink {
    Sink { name: name.into(), kind: "webhook".into(), target: "http://127.0.0.1:9".into() }
}

fn placed() -> Placed {
    Placed { turn: Uuid::from_u128(5), trace: [7; 16] }
}

/// A capture that delivers to one sink, with so many turns in it.
fn capture(turns: u32) -> (Capture, Outbox, i64) {
    let mut capture = Capture::new();
    capture.store.deliver_to(&[sink("a")]).unwrap();
    capture.write(&(0..turns).map(turn).collect::<Vec<_>>());
    let mut outbox = Outbox::open(&capture.path()).unwrap();
    let id = outbox.declare(&sink("a")).unwrap();
    (capture, outbox, id)
}

fn seqs(outbox: &Outbox, sink: i64) -> Vec<i64> {
    let now = Timestamp::now() + LONG_AGO;
    outbox.waiting(sink, now, now, 100).unwrap().iter().map(|pending| pending.seq).collect()
}

#[test]
fn what_is_stored_is_queued_once_and_only_when_it_is_over() {
    let (mut capture, mut outbox, sink) = capture(2);
    assert_eq!(seqs(&outbox, sink), [1, 2]);
    let mut open = stored(turn(2));
    open.is_open = true;
    capture.store.write(&[entry(open)]).unwrap();
    assert_eq!(seqs(&outbox, sink), [1, 2]);
    capture.write(&[turn(2), turn(0)]);
    assert_eq!(seqs(&outbox, sink), [1, 2, 3]);
    let now = Timestamp::now();
    outbox.settle(sink, &[(1, Fate::Sent), (2, Fate::Refused("no".into()))], now).unwrap();
    capture.write(&[turn(0), turn(1)]);
    assert_eq!(seqs(&outbox, sink), [3]);
}

#[test]
fn what_is_no_call_of_a_model_is_not_queued() {
    let (mut capture, outbox, sink) = capture(0);
    let mut settings = turn(0);
    settings.dialect = None;
    capture.write(&[settings, turn(1)]);
    assert_eq!(seqs(&outbox, sink), [2]);
}

#[test]
fn history_is_queued_once() {
    let (_capture, mut outbox, a) = capture(3);
    let b = outbox.declare(&sink("b")).unwrap();
    assert_eq!(seqs(&outbox, b), [0; 0]);
    let all = Selection::default();
    assert_eq!(outbox.fill(b, &all, None).unwrap(), Queued { new: 3, known: 0 });
    assert_eq!(outbox.fill(b, &all, None).unwrap(), Queued { new: 0, known: 3 });
    let now = Timestamp::now();
    outbox.settle(b, &[(1, Fate::Sent)], now).unwrap();
    assert_eq!(outbox.fill(b, &all, None).unwrap(), Queued { new: 0, known: 3 });
    assert_eq!(seqs(&outbox, b), [2, 3]);
    assert_eq!(seqs(&outbox, a), [1, 2, 3]);
}

#[test]
fn a_kill_while_something_is_sent_leaves_it_unsettled() {
    let (capture, mut outbox, sink) = capture(3);
    let now = Timestamp::from_second(2_000_000_000).unwrap();
    let batch = Uuid::from_u128(9);
    outbox.begin(sink, batch, &[(1, placed()), (2, placed())], now).unwrap();
    drop(outbox);
    let mut outbox = Outbox::open(&capture.path()).unwrap();
    assert_eq!(seqs(&outbox, sink), [3]);
    let unsettled = Unsettled { batch, at: now, seqs: vec![1, 2] };
    assert_eq!(outbox.unsettled(sink).unwrap(), [unsettled]);
    assert_eq!(outbox.placed(sink, turn(0).id).unwrap(), Some(placed()));
    assert_eq!(outbox.placed(sink, turn(2).id).unwrap(), None);
    outbox.settle(sink, &[(1, Fate::Sent), (2, Fate::Waiting)], now).unwrap();
    assert_eq!(outbox.unsettled(sink).unwrap(), []);
    assert_eq!(seqs(&outbox, sink), [2, 3]);
    assert_eq!(outbox.placed(sink, turn(1).id).unwrap(), None);
}

#[test]
fn doubt_is_counted_from_when_it_began() {
    let (_capture, mut outbox, sink) = capture(2);
    let (sent, later) = (Timestamp::from_second(1_000).unwrap(), Timestamp::now());
    let batch = Uuid::from_u128(9);
    outbox.begin(sink, batch, &[(1, placed()), (2, placed())], sent).unwrap();
    outbox.settle(sink, &[(1, Fate::Sent)], sent).unwrap();
    outbox.doubt(sink, &[1, 2], later).unwrap();
    // What is known already is not doubted.
    assert_eq!(outbox.unsettled(sink).unwrap(), [Unsettled { batch, at: later, seqs: vec![2] }]);
}

#[test]
fn a_sink_stands_as_its_deliveries_do() {
    let (mut capture, mut outbox, sink) = capture(4);
    let now = Timestamp::from_second(2_000_000_000).unwrap();
    let why = Fate::Refused("too old".into());
    outbox.settle(sink, &[(1, Fate::Sent), (2, why)], now).unwrap();
    outbox.note_try(sink, Some(("503", now))).unwrap();
    outbox.note_try(sink, Some(("503 again", now))).unwrap();
    outbox.stop(sink, Some("401")).unwrap();
    let standing = capture.reader().sinks().unwrap().remove(0);
    assert_eq!((standing.waiting, standing.sent, standing.refused), (2, 1, 1));
    assert_eq!(standing.refusal.as_deref(), Some("too old"));
    assert_eq!((standing.failures, standing.failing.as_deref()), (2, Some("503 again")));
    assert_eq!(standing.last_sent_at, Some(now));
    assert_eq!(outbox.stopped(sink).unwrap().as_deref(), Some("401"));
    // Going on tries again what was refused, behind what waits.
    outbox.stop(sink, None).unwrap();
    assert_eq!(seqs(&outbox, sink), [3, 4]);
    outbox.resume(sink).unwrap();
    assert_eq!(seqs(&outbox, sink), [3, 4, 2]);
    assert_eq!((outbox.tries(sink, 2).unwrap(), outbox.tries(sink, 3).unwrap()), (1, 0));
    let standing = capture.reader().sinks().unwrap().remove(0);
    assert_eq!((standing.refused, standing.failures, standing.stopped), (0, 0, None));
    // What is deleted before it is sent is counted; what was sent is not.
    let mut keep = Keep::open(&capture.path(), crate::store::Erase::Free).unwrap();
    keep.delete(vec![1, 3], Pins::Heed, &mut |_| ()).unwrap();
    let standing = capture.reader().sinks().unwrap().remove(0);
    assert_eq!((standing.dropped, standing.sent), (1, 1));
    capture.write(&[turn(9)]);
    assert!(outbox.forget("a").unwrap() && !outbox.forget("a").unwrap());
    assert!(capture.reader().sinks().unwrap().is_empty());
}

#[test]
fn a_sink_that_is_forgotten_costs_no_exchange() {
    let (mut capture, mut outbox, sink) = capture(1);
    assert!(outbox.forget("a").unwrap());
    assert_eq!(outbox.known(sink).unwrap(), None);
    capture.write(&[turn(1)]);
    assert_eq!(capture.reader().count(&Selection::default()).unwrap(), 2);
    // Another one never gets its number, and with it its receiver's exchanges.
    assert_ne!(outbox.declare(&self::sink("b")).unwrap(), sink);
}

#[test]
fn the_newest_of_history_can_be_queued_alone() {
    let (_capture, mut outbox, _) = capture(5);
    let b = outbox.declare(&sink("b")).unwrap();
    let all = Selection::default();
    assert_eq!(outbox.fill(b, &all, Some(2)).unwrap(), Queued { new: 2, known: 0 });
    assert_eq!(seqs(&outbox, b), [4, 5]);
    assert_eq!(outbox.fill(b, &all, Some(0)).unwrap(), Queued::default());
    assert_eq!(outbox.fill(b, &all, Some(9)).unwrap(), Queued { new: 3, known: 2 });
}

#[test]
fn open_rows_are_found_by_their_index() {
    let (capture, outbox, _) = capture(1);
    drop(outbox);
    let conn = Connection::open(capture.path()).unwrap();
    for (sql, index) in [
        (
            "SELECT exchange FROM outbox WHERE sink = 1 AND state = 'waiting' ORDER BY tries, exchange",
            "outbox_waiting",
        ),
        ("SELECT exchange FROM outbox WHERE sink = 1 AND state = 'sending'", "outbox_sending"),
        ("DELETE FROM outbox WHERE exchange = 1", "outbox_exchange"),
    ] {
        let plan: String =
            conn.query_row(&format!("EXPLAIN QUERY PLAN {sql}"), [], |row| row.get(3)).unwrap();
        assert!(plan.contains(index), "{plan}");
    }
}

#[test]
fn what_was_delivered_is_known_after_a_repair() {
    let (capture, mut outbox, a) = capture(3);
    outbox
        .settle(a, &[(1, Fate::Sent), (2, Fate::Refused("no".into()))], Timestamp::now())
        .unwrap();
    let mut other = Capture::new();
    crate::store::salvage(&capture.path(), &mut other.store, &mut |_| ()).unwrap();
    let mut outbox = Outbox::open(&other.path()).unwrap();
    let a = outbox.declare(&sink("a")).unwrap();
    assert_eq!(seqs(&outbox, a), [3]);
    assert_eq!(outbox.fill(a, &Selection::default(), None).unwrap(), Queued { new: 0, known: 3 });
}
