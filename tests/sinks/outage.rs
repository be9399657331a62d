//! `kill -9`, again and again, of receivers and of Overhear, under traffic: in the end none is
//! lost, and where that can be known none came twice.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::*;
use crate::support::chance::Chance;

/// Rounds, unless `OVERHEAR_OUTAGE_ROUNDS` says how many: few enough for every run of the tests.
const ROUNDS: usize = 4;

/// Slow enough that there is always an answer under way when something is killed.
const PACE: Duration = Duration::from_millis(2);

/// What is accepted is answered so much later: what is killed meanwhile has it, and nobody knows.
fn slow_down(receiver: &Receiver) {
    receiver.faults(&json!([{ "how": "slow", "seconds": 0.2, "times": -1 }]));
}

fn number(name: &str, otherwise: usize) -> usize {
    let told = std::env::var(name).ok();
    told.map_or(otherwise, |text| text.parse().unwrap())
}

/// Asks until it is told to stop; how many answers came whole.
fn traffic(web: SocketAddr, round: usize, stop: &AtomicBool, whole: &AtomicUsize) {
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        if ask(web, "fake", &format!("question {n} of round {round}")) {
            whole.fetch_add(1, Ordering::Relaxed);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    let rounds = number("OVERHEAR_OUTAGE_ROUNDS", ROUNDS);
    let seed = number("OVERHEAR_OUTAGE_SEED", 1);
    let mut chance = Chance::new(seed as u64);
    let stage = Stage::with(Options { pace: PACE, ..Options::default() });
    let kinds = [Kind::Langfuse, Kind::Loki, Kind::Otlp, Kind::Webhook];
    let secret = ["--secret", receiver::SECRET];
    let start =
        |kind| Receiver::start(&stage, kind, if kind == Kind::Webhook { &secret } else { &[] });
    let mut receivers: Vec<_> = kinds.into_iter().filter_map(start).collect();
    let sinks: Vec<_> = receivers.iter().map(|one| one.sink("")).collect();
    if sinks.is_empty() {
        return;
    }
    receivers.iter().for_each(slow_down);
    let whole = AtomicUsize::new(0);
    let mut running = Some(serve(&stage, &sinks));
    for round in 0..rounds {
        let stop = AtomicBool::new(false);
        let web = running.as_ref().unwrap().web;
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| traffic(web, round, &stop, &whole));
            }
            thread::sleep(Duration::from_millis(chance.of(100..900) as u64));
            // Overhear and four receivers: one of them at least.
            let victims = chance.of(1..32);
            if victims & 1 == 1 {
                running.take().unwrap().kill();
            }
            for (n, receiver) in receivers.iter_mut().enumerate() {
                if victims & 2 << n != 0 {
                    receiver.kill();
                    thread::sleep(Duration::from_millis(chance.of(0..100) as u64));
                }
            }
            thread::sleep(Duration::from_millis(chance.of(0..700) as u64));
            stop.store(true, Ordering::Relaxed);
            for (n, receiver) in receivers.iter_mut().enumerate() {
                if victims & 2 << n != 0 {
                    receiver.up();
                    slow_down(receiver);
                }
            }
        });
        if running.is_none() {
            running = Some(serve(&stage, &sinks));
        }
    }
    // Whatever was recovered is stored once all that was whole is there.
    stage.exchanges_of(whole.load(Ordering::Relaxed));
    ask_until_idle(&stage);
    for receiver in &receivers {
        let count = has_all(&stage, receiver);
        let twice: usize = receiver.counts().values().map(|count| count - 1).sum();
        let kind = receiver.kind.name();
        println!("{rounds} rounds, seed {seed}: {kind} has all {count}, {twice} of them again");
        // A collector tells nobody what it has; there a span that comes again has the same id.
        if receiver.kind != Kind::Otlp {
            assert_once(receiver);
        }
    }
    assert!(running.unwrap().stop().success());
}

/// Until nothing more is recorded: the provider has answered all that it was asked.
fn ask_until_idle(stage: &Stage) {
    let mut before = 0;
    until("nothing more is recorded", || {
        thread::sleep(Duration::from_millis(500));
        let now = stage.exchanges().len();
        (std::mem::replace(&mut before, now) == now).then_some(())
    });
}
