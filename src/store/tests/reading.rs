//! Lists, ids, messages and their holders.

use super::sample::{Capture, flow, stored, turn};
use crate::model::{Exchange, State};
use crate::store::{
    Calls, Content, Entry, Kind, Occurrences, Order, Selection, StoreError, short_id,
};

#[test]
fn pages_follow_each_other_in_both_orders() {
    let mut capture = Capture::new();
    // Three began in the same instant.
    let same = |n| crate::model::Exchange { started_at: turn(3).started_at, ..turn(n) };
    let exchanges = [turn(0), turn(1), turn(2), turn(3), same(4), same(5), turn(6)];
    capture.write(&exchanges);
    let reader = capture.reader();
    for limit in 1..9 {
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let mut seen = Vec::new();
            let mut after = None;
            loop {
                let page = reader.list(&Selection::default(), order, after, limit).unwrap();
                assert!(page.exchanges.len() <= limit);
                seen.extend(page.exchanges.iter().map(|listed| listed.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            if order == Order::NewestFirst {
                seen.reverse();
            }
            assert_eq!(seen, exchanges.each_ref().map(|e| e.id), "{limit} {order:?}");
        }
    }
}

#[test]
fn a_selection_means_what_fits_all_of_it() {
    let mut capture = Capture::new();
    let mut other = turn(1);
    other.app.user_agent = Some("Claude-CLI/1.0".into());
    other.origin = "https://eu.api.other.ai:8443".into();
    other.provider = Some("anthropic".into());
    other.dialect = Some("anthropic.messages".into());
    other.state = State::Failed;
    other.request.model = None;
    other.reply = None;
    capture.write(&[turn(0), other]);
    let reader = capture.reader();
    let text = |text: &str| Some(text.to_owned());
    let all = Selection::default;
    for (rule, selection, expected) in [
        ("everything", all(), &[1, 2][..]),
        ("app by user agent", Selection { app: text("claude"), ..all() }, &[2]),
        ("app by process", Selection { app: text("NODE"), ..all() }, &[1, 2]),
        ("host", Selection { host: text("api.example.com"), ..all() }, &[1]),
        ("domain", Selection { host: text("Other.ai"), ..all() }, &[2]),
        ("not the end of a word", Selection { host: text("ther.ai"), ..all() }, &[]),
        ("model asked for", Selection { model: text("MODEL-A"), ..all() }, &[1]),
        ("model that answered", Selection { model: text("2026"), ..all() }, &[1]),
        ("provider", Selection { provider: text("OpenAI"), ..all() }, &[1]),
        ("dialect", Selection { dialect: text("openai.chat"), ..all() }, &[1]),
        ("family of dialects", Selection { dialect: text("anthropic"), ..all() }, &[2]),
        ("state", Selection { state: Some(State::Failed), ..all() }, &[2]),
        ("since", Selection { since: Some(turn(1).started_at), ..all() }, &[2]),
        ("until", Selection { until: Some(turn(1).started_at), ..all() }, &[1]),
        ("id", Selection { id: Some(turn(1).id), ..all() }, &[2]),
        ("both", Selection { app: text("node"), state: Some(State::Failed), ..all() }, &[2]),
        ("quotes are text", Selection { app: text("' OR 1 --"), ..all() }, &[]),
    ] {
        let page = reader.list(&selection, Order::OldestFirst, None, 10).unwrap();
        let seqs: Vec<_> = page.exchanges.iter().map(|listed| listed.seq).collect();
        assert_eq!(seqs, expected, "{rule}");
    }
}

#[test]
fn a_piece_of_an_id_finds_its_exchange() {
    let mut capture = Capture::new();
    let with_id = |id: u128| crate::model::Exchange { id: uuid::Uuid::from_u128(id), ..turn(0) };
    capture.write(&[
        with_id(0x0190_0000_0000_7000_8000_0000_1234_abcd),
        with_id(0x0190_0000_0000_7000_8000_0000_5555_abcd),
        with_id(0x0191_0000_0000_7000_8000_0001_5555_abcd),
    ]);
    let reader = capture.reader();
    for (words, expected) in [
        ("1234abcd", Ok(1)),
        ("1234ABCD", Ok(1)),
        ("12", Ok(1)),
        ("34abcd", Ok(1)),
        ("0191", Ok(3)),
        ("01900000-0000-7000-8000-00001234abcd", Ok(1)),
        ("00005555abcd", Ok(2)),
        ("5555abcd", Err(2)),
        ("0190", Err(2)),
        ("abcd", Err(3)),
        ("9999", Err(0)),
        ("", Err(0)),
        ("%", Err(0)),
        ("not an id", Err(0)),
    ] {
        let found = match reader.find(words) {
            Ok((seq, _)) => Ok(seq),
            Err(StoreError::Ambiguous { candidates, .. }) => Err(candidates.len()),
            Err(StoreError::Unknown { .. }) => Err(0),
            Err(error) => panic!("{words}: {error}"),
        };
        assert_eq!(found, expected, "{words}");
    }
    assert_eq!(short_id(uuid::Uuid::from_u128(0x1234_abcd)), "1234abcd");
}

#[test]
fn a_message_knows_the_exchanges_that_have_it() {
    let mut capture = Capture::new();
    capture.write(&(0..4).map(turn).collect::<Vec<_>>());
    let reader = capture.reader();
    let everything = Selection::default();
    let until = Selection { until: Some(turn(2).started_at), ..Selection::default() };
    let mut seen = 0;
    for id in reader.message_ids(&everything).unwrap() {
        let message = reader.message(id).unwrap().unwrap();
        let Content::Message(said) = &message.content else { continue };
        if said.parts == [crate::model::Part::text("question 1")] {
            let holders = |selection| {
                let mut occurrences = Occurrences::new(&reader, selection);
                let holders = occurrences.all(id).unwrap();
                let span = occurrences.span(id, Kind::Message).unwrap().unwrap();
                assert_eq!((span.first, span.last), (*holders.last().unwrap(), holders[0]));
                assert_eq!(span.count, holders.len());
                holders.iter().map(|holder| (holder.seq, holder.index)).collect::<Vec<_>>()
            };
            assert_eq!(holders(&everything), [(4, 2), (3, 2), (2, 2)]);
            assert_eq!(holders(&until), [(2, 2)]);
            seen += 1;
        }
    }
    assert_eq!(seen, 1);
}

#[test]
fn exchanges_are_counted_by_when_their_flow_was_opened() {
    let mut capture = Capture::new();
    let flow = flow(turn(0).flow, "2026-11-23T10:00:00Z");
    let entries = [Entry::Flow(Box::new(flow)), Entry::Exchange(Box::new(stored(turn(0))))];
    capture.store.write(&entries).unwrap();
    let reader = capture.reader();
    for (from, to, expected) in [
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z", 1),
        ("2026-11-23T10:00:01Z", "2026-11-23T11:00:00Z", 0),
        ("2026-11-23T09:00:00Z", "2026-11-23T09:59:59Z", 0),
    ] {
        let count = reader.count_opened_between(
            from.parse().unwrap(),
            to.parse().unwrap(),
            &Selection::default(),
        );
        assert_eq!(count.unwrap(), expected, "{from} {to}");
    }
}

#[test]
fn a_flow_told_again_keeps_its_exchanges() {
    let mut capture = Capture::new();
    let mut row = flow(turn(0).flow, "2026-11-23T10:00:00Z");
    capture.write(&[turn(0)]);
    capture.store.write(&[Entry::Flow(Box::new(row.clone()))]).unwrap();
    row.bytes = [10, u64::MAX];
    row.endings = [Some(crate::flow::Ending::Closed), None];
    row.notes = vec!["a note".into()];
    capture.store.write(&[Entry::Flow(Box::new(row))]).unwrap();
    assert_eq!(capture.reader().last_seq().unwrap(), 1);
    let conn = rusqlite::Connection::open(capture.path()).unwrap();
    let row: (i64, String, Option<String>, String) = conn
        .query_row(
            "SELECT downstream_bytes, downstream_end, upstream_end, notes FROM flow",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .unwrap();
    assert_eq!(row, (10, "closed".into(), None, "[\"a note\"]".into()));
}

#[test]
fn calls_of_models_are_told_from_the_rest() {
    let plain = |change: fn(&mut Exchange)| {
        let mut exchange = turn(0);
        change(&mut exchange);
        exchange
    };
    for (rule, change, is_call) in [
        ("a turn", (|_| {}) as fn(&mut Exchange), true),
        ("what no dialect reads", |e| e.dialect = None, false),
        ("a handshake", |e| e.operation = Some("connect".into()), false),
        (
            "a warm-up",
            |e| {
                e.request.messages.clear();
                e.usage = None;
            },
            false,
        ),
        ("a picture alone, answered", |e| e.request.messages.clear(), true),
        (
            "a list of models",
            |e| {
                e.request = Default::default();
                e.reply = None;
                e.usage = None;
            },
            false,
        ),
    ] {
        let exchange = plain(change);
        assert_eq!(exchange.asks_a_model(), is_call, "{rule}, before it is stored");
        let mut capture = Capture::new();
        capture.write(&[exchange]);
        let calls = Selection { calls: Calls::OfModels, ..Selection::default() };
        let reader = capture.reader();
        assert_eq!(reader.count(&calls).unwrap(), u64::from(is_call), "{rule}");
        assert_eq!(reader.count(&Selection::default()).unwrap(), 1, "{rule}");
    }
}
