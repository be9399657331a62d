//! How many exchanges were as they should be: what the tests on recorded traffic print.

use std::collections::BTreeMap;

/// Most faults that are printed: the first ones tell.
const PRINTED_MAX: usize = 60;

/// Longest fault that is printed, in characters.
const PRINTED_CHARS_MAX: usize = 1_000;

/// What became of one exchange.
pub struct Outcome {
    /// Its id, and whatever tells it from others of the same row.
    pub id: String,
    /// What is not as it should be.
    pub wrong: Vec<String>,
    /// What the reader of the exchange should know.
    pub notes: Vec<String>,
}

/// Outcomes by wire format and, say, transport.
pub struct Table {
    title: &'static str,
    tallies: BTreeMap<(String, String), Tally>,
    /// How often each note was made, and for which exchange first.
    notes: BTreeMap<String, (usize, String)>,
    printed: usize,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    exchanges: usize,
    exact: usize,
    with_notes: usize,
    failed: usize,
}

impl Table {
    pub fn new(title: &'static str) -> Self {
        Self { title, tallies: BTreeMap::new(), notes: BTreeMap::new(), printed: 0 }
    }

    /// Counts an exchange; says what is wrong with it.
    pub fn count(&mut self, api: &str, how: &str, outcome: Outcome) {
        let Outcome { id, wrong, notes } = outcome;
        let tally = self.tallies.entry((api.to_owned(), how.to_owned())).or_default();
        tally.exchanges += 1;
        match (wrong.is_empty(), notes.is_empty()) {
            (true, true) => tally.exact += 1,
            (true, false) => tally.with_notes += 1,
            (false, _) => {
                tally.failed += 1;
                self.printed += 1;
                if self.printed <= PRINTED_MAX {
                    println!("failed: {how} {id}: {:.PRINTED_CHARS_MAX$}", wrong.join("; "));
                }
            }
        }
        for note in notes {
            let words = note.split(|c: char| c.is_ascii_digit()).filter(|words| !words.is_empty());
            let alike = words.collect::<Vec<_>>().join("#");
            self.notes.entry(alike).or_insert_with(|| (0, format!("{how} {id}"))).0 += 1;
        }
    }

    pub fn failed(&self) -> usize {
        self.tallies.values().map(|tally| tally.failed).sum()
    }

    /// Prints the notes and the table.
    pub fn print(&self) {
        for (note, (count, first)) in &self.notes {
            println!("noted {count} times, first of {first}: {note:.200}");
        }
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
