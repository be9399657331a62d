//! Searches in a real capture.

use std::collections::HashSet;

use proptest::prelude::*;

use super::search::pattern;
use crate::model::{Message, Part};
use crate::query::{Case, Every, Filter, Grep, Hit, Pattern, Role, Syntax};
use crate::store::index::text;
use crate::store::tests::sample::{Capture, entry, stored, turn};
use crate::store::{Reader, StoreError, Texts};

fn search(reader: &Reader, pattern: &str, filter: &Filter, every: Every) -> Vec<Hit> {
    let pattern = Pattern::new(pattern, Syntax::Regex, Case::Sensitive).unwrap();
    let mut hits = Vec::new();
    let grep = Grep::new(reader, &pattern, filter, 0, every).unwrap();
    grep.run(|hit| -> Result<(), StoreError> {
        hits.push(hit);
        Ok(())
    })
    .unwrap();
    hits
}

/// Exchange, role, place, index, line number and count of a hit, as a line.
fn told(hits: &[Hit]) -> Vec<String> {
    let told = |hit: &Hit| {
        let (place, earlier) = (hit.place.as_str(), hit.count - 1);
        format!(
            "{} {} {place}[{}]:{} +{earlier}",
            hit.exchange.seq, hit.role, hit.index, hit.found.number
        )
    };
    hits.iter().map(told).collect()
}

#[test]
fn a_message_that_is_sent_again_is_told_once() {
    let mut capture = Capture::new();
    capture.write(&(0..4).map(turn).collect::<Vec<_>>());
    let reader = capture.reader();
    let all = Filter::default();
    let role = |role| Filter { role: vec![role], ..Filter::default() };
    let until = Filter { until: Some(turn(2).started_at), ..Filter::default() };
    for (rule, pattern, filter, every, expected) in [
        ("newest and count", "question 1", &all, Every::Newest, &["4 user messages[2]:1 +2"][..]),
        (
            "each exchange",
            "question 1",
            &all,
            Every::Exchange,
            &["4 user messages[2]:1 +2", "3 user messages[2]:1 +2", "2 user messages[2]:1 +2"],
        ),
        (
            "an answer where it was given",
            "answer 1",
            &all,
            Every::Newest,
            &["4 assistant messages[3]:1 +2"],
        ),
        ("a system prompt", "brief", &all, Every::Newest, &["4 system system[0]:1 +3"]),
        ("a tool", "Runs", &all, Every::Newest, &["4 tools tools[0]:1 +3"]),
        ("another role", "question 1", &role(Role::Assistant), Every::Newest, &[]),
        ("a filter", "question 1", &until, Every::Newest, &["2 user messages[2]:1 +0"]),
        ("nothing", "no such words", &all, Every::Newest, &[]),
    ] {
        assert_eq!(told(&search(&reader, pattern, filter, every)), expected, "{rule}");
    }
}

#[test]
fn a_system_prompt_among_the_messages_is_told_once() {
    let mut capture = Capture::new();
    let mut exchange = turn(0);
    exchange.request.system = Some("be brief\n\nbe kind".into());
    let system = |text: &str| Message { role: "developer".into(), parts: vec![Part::text(text)] };
    exchange.request.messages.insert(0, system("be kind"));
    exchange.request.messages.push(system("be kind, again"));
    capture.write(&[exchange]);
    for every in [Every::Newest, Every::Exchange] {
        let hits = search(&capture.reader(), "be kind", &Filter::default(), every);
        let expected = ["1 system messages[2]:1 +0", "1 system messages[0]:1 +0"];
        assert_eq!(told(&hits), expected, "{every:?}");
    }
}

#[test]
fn what_no_dialect_reads_is_found_in_its_text_or_its_bytes() {
    let mut capture = Capture::new();
    let unread = |n| {
        let mut stored = stored(turn(n));
        stored.exchange.dialect = None;
        stored.exchange.request = Default::default();
        stored.exchange.reply = None;
        stored.request.bytes =
            format!("POST / HTTP/1.1\r\nX: head\r\n\r\nraw words {n}").into_bytes();
        stored
    };
    let mut with_text = unread(1);
    with_text.texts = Texts { request: Some("raw words, undone".into()), reply: None };
    capture.store.write(&[entry(unread(0)), entry(with_text)]).unwrap();
    for (rule, pattern, expected) in [
        (
            "text, then bytes",
            "raw words",
            &["2 request request[0]:1 +0", "1 request request[0]:1 +0"][..],
        ),
        ("heads are no prompts", "head", &[]),
    ] {
        let hits = search(&capture.reader(), pattern, &Filter::default(), Every::Newest);
        assert_eq!(told(&hits), expected, "{rule}");
    }
}

#[test]
fn an_unknown_id_is_told() {
    let mut capture = Capture::new();
    capture.write(&[turn(0)]);
    let filter = Filter { id: Some("ffff".into()), ..Filter::default() };
    assert!(matches!(filter.selection(&capture.reader()), Err(StoreError::Unknown { .. })));
}

/// Role, number and line of each hit, of texts looked through one by one.
fn brute_force(texts: &[(&str, String)], pattern: &Pattern) -> Vec<(String, usize, String)> {
    let mut told = HashSet::new();
    let mut hits = Vec::new();
    for (role, text) in texts {
        if !told.insert((role, text)) {
            continue;
        }
        for found in pattern.lines(text, 0) {
            hits.push(((*role).to_owned(), found.number, found.line.to_owned()));
        }
    }
    hits.sort();
    hits
}

fn text_of_any_role() -> impl Strategy<Value = (&'static str, String)> {
    (prop::sample::select(&["user", "assistant", "other"][..]), text())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_index_and_a_look_at_every_text_find_the_same(
        texts in prop::collection::vec(text_of_any_role(), 1..40),
        indexed in 0..3_usize,
        patterns in prop::collection::vec((pattern(), any::<bool>()), 12),
    ) {
        let mut capture = Capture::new();
        let cut = texts.len() * indexed / 2;
        let (early, late) = texts.split_at(cut);
        for (n, texts) in [(0, early), (1, late)] {
            let mut exchange = turn(n);
            let say = |(role, text): &(&str, String)| Message {
                role: (*role).into(),
                parts: vec![Part::text(text)],
            };
            exchange.request = Default::default();
            exchange.reply = None;
            exchange.request.messages = texts.iter().map(say).collect();
            capture.write(&[exchange]);
            if n == 0 {
                while capture.store.index_some().unwrap() > 0 {}
            }
        }
        let reader = capture.reader();
        for (pattern, folded) in patterns {
            let case = if folded { Case::Insensitive } else { Case::Sensitive };
            let pattern = Pattern::new(&pattern, Syntax::Regex, case).unwrap();
            let mut hits = Vec::new();
            let filter = Filter::default();
            let grep = Grep::new(&reader, &pattern, &filter, 0, Every::Newest).unwrap();
            grep.run(|hit| -> Result<(), StoreError> {
                hits.push((hit.role.to_string(), hit.found.number, hit.found.line));
                Ok(())
            })
            .unwrap();
            hits.sort();
            prop_assert_eq!(hits, brute_force(&texts, &pattern));
        }
    }
}
