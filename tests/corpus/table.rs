//! How many exchanges were as they should be: what the tests on recorded traffic print.

use std::collections::BTreeMap;

/// Most faults that are printed in full: the first ones tell.
const PRINTED_MAX: usize = 4000;

/// Longest fault that is printed, in characters.
const PRINTED_CHARS_MAX: usize = 1_000;

/// What became of one exchange.
pub enum Outcome {
    Exact,
    /// With what the reader should know of it.
    WithNotes(String),
    /// With what is wrong.
    Failed(String),
}

/// Outcomes by wire format and, say, transport.
pub struct Table {
    title: &'static str,
    tallies: BTreeMap<(String, String), Tally>,
    printed: usize,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    exchanges: usize,
    exact: usize,
    with_notes: usize,
    failed: usize,
}

impl Outcome {
    pub fn of(id: &str, wrong: Vec<String>, notes: Vec<String>) -> Self {
        match (wrong.is_empty(), notes.is_empty()) {
            (true, true) => Self::Exact,
            (true, false) => Self::WithNotes(format!("{id}: {}", notes.join("; "))),
            (false, _) => Self::Failed(format!("{id}: {}", wrong.join("; "))),
        }
    }
}

impl Table {
    pub fn new(title: &'static str) -> Self {
        Self { title, tallies: BTreeMap::new(), printed: 0 }
    }

    /// Counts an exchange; says what is wrong or noted.
    pub fn count(&mut self, api: &str, how: &str, outcome: Outcome) {
        let tally = self.tallies.entry((api.to_owned(), how.to_owned())).or_default();
        tally.exchanges += 1;
        match outcome {
            Outcome::Exact => tally.exact += 1,
            Outcome::WithNotes(notes) => {
                tally.with_notes += 1;
                println!("note: {how} {:.300}", notes);
            }
            Outcome::Failed(what) => {
                tally.failed += 1;
                self.printed += 1;
                if self.printed <= PRINTED_MAX {
                    println!("failed: {how} {what:.PRINTED_CHARS_MAX$}");
                }
            }
        }
    }

    pub fn failed(&self) -> usize {
        self.tallies.values().map(|tally| tally.failed).sum()
    }

    pub fn print(&self) {
        let line = |[api, how, exchanges, exact, notes, failed]: [&str; 6]| {
            println!("{api:<30} {how:<24} {exchanges:>9} {exact:>7} {notes:>10} {failed:>7}");
        };
        line([self.title, "", "exchanges", "exact", "with notes", "failed"]);
        let mut all: BTreeMap<&str, Tally> = BTreeMap::new();
        for ((api, how), tally) in &self.tallies {
            let Tally { exchanges, exact, with_notes, failed } = tally;
            let counts = [exchanges, exact, with_notes, failed].map(ToString::to_string);
            line([api, how, &counts[0], &counts[1], &counts[2], &counts[3]]);
            let sum = all.entry(how).or_default();
            sum.exchanges += exchanges;
            sum.exact += exact;
            sum.with_notes += with_notes;
            sum.failed += failed;
        }
        for (how, Tally { exchanges, exact, with_notes, failed }) in &all {
            let counts = [exchanges, exact, with_notes, failed].map(ToString::to_string);
            line(["all", how, &counts[0], &counts[1], &counts[2], &counts[3]]);
        }
    }
}
