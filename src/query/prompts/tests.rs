//! Prompts of invented apps: which are one, and when they changed.

use jiff::{Span, Timestamp};
use uuid::Uuid;

use super::*;
use crate::model::Exchange;
use crate::store::tests::sample::{Capture, turn};

/// An exchange of an app with a system prompt; `n` is its hour.
fn sent(n: u32, agent: &str, system: &str) -> Exchange {
    let mut exchange = turn(0);
    exchange.id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(n));
    exchange.started_at = start() + Span::new().hours(i64::from(n));
    exchange.app.user_agent = Some(agent.into());
    exchange.request.system = Some(system.into());
    exchange.thread = None;
    exchange
}

fn start() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

/// Each prompt as a line: versions, exchanges, texts; what of the last lasts.
fn listed(exchanges: &[Exchange]) -> (Vec<String>, Vec<String>) {
    let mut capture = Capture::new();
    capture.write(exchanges);
    let reader = capture.reader();
    let found = prompts(&reader, Kind::System, &Selection::default()).unwrap();
    let told = found.iter().map(|prompt| {
        let follows = if prompt.follows.is_some() { ", changed" } else { "" };
        let (versions, texts) = (prompt.versions.join(" "), prompt.variants.len());
        format!("{} {versions}: {} in {texts}{follows}", prompt.app, prompt.exchanges)
    });
    let lasting = found.iter().map(|prompt| prompt.lasting(&reader).unwrap().system.unwrap());
    (told.collect(), lasting.collect())
}

/// A prompt of many lines; `rule` is one of them, `moving` some in the middle.
fn agent_prompt(rule: &str, moving: &str) -> String {
    let lines = |from: usize| -> String {
        (from..from + 12)
            .map(|n| format!("Rule {n} says what an agent does in case {n}.\n"))
            .collect()
    };
    format!(
        "You are an agent.\n{}{rule}\nState:\n{moving}\nEnd of the state.\n{}",
        lines(0),
        lines(12)
    )
}

#[test]
fn texts_with_moving_parts_are_one_prompt() {
    let exchanges: Vec<_> = (0..6)
        .map(|n| sent(n, "agent/1.0", &agent_prompt("Be brief.", &format!("M file_{n}.rs"))))
        .collect();
    let (told, lasting) = listed(&exchanges);
    assert_eq!(told, ["agent 1.0: 6 in 6"]);
    assert!(!lasting[0].contains("file_") && lasting[0].contains("End of the state."));
}

#[test]
fn a_change_with_a_version_is_seen_and_what_moves_is_not() {
    let mut exchanges = Vec::new();
    for (n, version, rule) in [
        (0, "1.0", "Be brief."),
        (1, "1.0", "Be brief."),
        (2, "1.1", "Be brief."),
        (3, "1.2", "Be exact."),
    ] {
        let moving = format!("M file_{n}.rs\nM other_{n}.rs");
        exchanges.push(sent(n, &format!("agent/{version}"), &agent_prompt(rule, &moving)));
    }
    let (told, lasting) = listed(&exchanges);
    assert_eq!(told, ["agent 1.0 1.1: 3 in 3", "agent 1.2: 1 in 1, changed"]);
    assert_eq!(lasting[0].replace("Be brief.", "Be exact."), lasting[1]);
}

#[test]
fn retrieved_context_makes_no_prompt() {
    // Contexts are longer than the template, and some come again.
    let context = |n: u32| -> String {
        (0..40)
            .map(|line| format!("Passage {n} has a sentence {line} about subject {}.\n", n * 7))
            .collect()
    };
    let template = "Given the following conversation and context, answer. Reply only to the last \
                    question, in the language of the user, and do not invent what is not there.\n";
    let exchanges: Vec<_> = (0..20)
        .map(|n| {
            sent(n, "anything", &format!("{template}{}{}", context(n / 2), context(100 + n % 7)))
        })
        .collect();
    let (told, lasting) = listed(&exchanges);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(lasting[0].trim_end(), template.trim_end());
}

#[test]
fn prompts_that_begin_alike_are_two() {
    let head = "You are an assistant, made to help in a terminal.\n";
    let title =
        format!("{head}Write a title of three words for this conversation, and nothing else.");
    let mut exchanges = vec![sent(0, "agent/1.0", &title), sent(9, "agent/1.0", &title)];
    for n in 1..5 {
        let prompt = agent_prompt("Be brief.", &format!("M file_{n}.rs"));
        exchanges.push(sent(n, "agent/1.0", &format!("{head}{prompt}")));
    }
    let (told, _) = listed(&exchanges);
    assert_eq!(told, ["agent 1.0: 2 in 1", "agent 1.0: 4 in 4"]);
}

#[test]
fn a_change_without_a_version_is_seen_once_it_stays() {
    let exchanges: Vec<_> = (0..12)
        .map(|n| {
            let rule = if n < 6 { "Be brief." } else { "Be exact." };
            sent(n, "tool", &agent_prompt(rule, &format!("Context number {n}")))
        })
        .collect();
    let (told, lasting) = listed(&exchanges);
    assert_eq!(told, ["tool : 6 in 6", "tool : 6 in 6, changed"]);
    assert!(lasting[1].contains("Be exact."));
}

#[test]
fn editions_follow_each_other_and_select_their_exchanges() {
    let sent = |n, version: &str, rule| {
        sent(n, &format!("agent/{version}"), &agent_prompt(rule, &format!("M file_{n}.rs")))
    };
    let exchanges = [
        sent(0, "1.0", "Be brief."),
        sent(1, "1.0", "Be brief."),
        sent(2, "1.1", "Be exact."),
        sent(3, "1.1", "Be exact."),
    ];
    let mut capture = Capture::new();
    capture.write(&exchanges);
    let reader = capture.reader();
    let found = prompts(&reader, Kind::System, &Selection::default()).unwrap();
    let pairs: Vec<_> =
        changes(&found).into_iter().map(|(old, new)| (old.first, new.first)).collect();
    assert_eq!(pairs, [(exchanges[0].started_at, exchanges[2].started_at)]);
    assert_eq!(found[0].family, found[0].variants[0].id);
    assert_eq!(found[0].family, found[1].family);
    let prompt = Some(found[1].variants[0].id);
    let selection = Selection { prompt, ..Selection::default() };
    assert_eq!(reader.count(&selection).unwrap(), 1);
}
