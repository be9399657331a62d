//! What a capture of agents' sessions costs: its size by part, the time to write it, and whether
//! all of it comes back.
//!
//! `cargo bench --bench capture` makes a small month; `OVERHEAR_SESSIONS=200` makes a whole one,
//! `OVERHEAR_TURNS` its turns. Deterministic: the same numbers give the same bytes.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench prints a table, and has nobody to tell but whoever runs it"
)]

mod measure;
mod session;
mod words;

use measure::Measured;
use session::{Plan, Session};
use words::{Chance, Vocabulary};

fn main() {
    let (english, chinese) = (Vocabulary::english(), Vocabulary::chinese());
    let mut chance = Chance::new(0);
    println!("how far zstd at level 3 gets with one text of 16 KB");
    for (name, text) in [
        ("prose", english.prose(&mut chance, 16 << 10)),
        ("Chinese", chinese.prose(&mut chance, 16 << 10)),
        ("code", english.code(&mut chance, 16 << 10)),
    ] {
        let packed = zstd::bulk::compress(text.as_bytes(), 3).expect("compressed");
        println!("  {name:<10}{:.2}×", text.len() as f64 / packed.len() as f64);
    }
    let number = |name: &str, usual| {
        std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
    };
    let (sessions, turns) = (number("OVERHEAR_SESSIONS", 8), number("OVERHEAR_TURNS", 60));
    let words = |n: u64| if n % 3 == 2 { &chinese } else { &english };
    let one = |n, plan| std::iter::once(Session::new(words(n), plan, n));
    Measured::of("a session of 60 turns", one(0, Plan::agent(60))).print();
    Measured::of("another app's", one(1, Plan::agent(60))).print();
    Measured::of("a chat of 150 turns", one(1, Plan::chat(150))).print();
    let month = (0..sessions as u64).map(|n| Session::new(words(n), Plan::agent(turns), n));
    Measured::of(&format!("{sessions} sessions of {turns} turns"), month).print();
}
