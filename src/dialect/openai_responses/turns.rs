//! The turns of a WebSocket that nobody has fetched yet.

use std::collections::BTreeMap;

use super::reply::SoFar;
use crate::dialect::{Decoded, Progress, Turn};
use crate::model::Request;

/// Turns by their number. `T` is what a wire format knows of a turn besides.
#[derive(Debug)]
pub(in crate::dialect) struct Turns<T> {
    open: BTreeMap<u32, Open<T>>,
    next: u32,
}

/// A turn.
#[derive(Clone, Debug, Default)]
pub(in crate::dialect) struct Open<T> {
    pub(in crate::dialect) stage: Stage,
    pub(in crate::dialect) so_far: SoFar,
    pub(in crate::dialect) more: T,
}

/// How far a turn has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::dialect) enum Stage {
    /// Nothing was asked yet.
    #[default]
    Preparing,
    /// Asked, and no answer has begun.
    Asked,
    Answering,
    Over,
}

/// Most turns that are under way at once: an app that asks more without being answered has
/// its oldest ones given up.
const TURNS_MAX: usize = 256;

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { open: BTreeMap::new(), next: 0 }
    }
}

impl<T: Clone + Default> Turns<T> {
    /// The turn in which nothing was asked yet, which is new if there is none.
    pub(in crate::dialect) fn preparing(&mut self) -> (Turn, &mut Open<T>) {
        let had = self.open.iter().find(|(_, open)| open.stage == Stage::Preparing);
        let number = match had {
            Some((number, _)) => *number,
            None => {
                self.give_up_the_oldest();
                self.next += 1;
                self.next - 1
            }
        };
        (Turn(number), self.open.entry(number).or_default())
    }

    /// The oldest turn that `is` so, among those that are not over.
    pub(in crate::dialect) fn find(&self, is: impl Fn(&Open<T>) -> bool) -> Option<Turn> {
        let mut under_way = self.open.iter().filter(|(_, open)| open.stage != Stage::Over);
        under_way.find(|(_, open)| is(open)).map(|(number, _)| Turn(*number))
    }

    /// A turn, if it was not fetched yet.
    pub(in crate::dialect) fn get_mut(&mut self, turn: Turn) -> Option<&mut Open<T>> {
        self.open.get_mut(&turn.0)
    }

    /// Every turn that was not fetched yet.
    pub(in crate::dialect) fn all(&mut self) -> impl Iterator<Item = &mut Open<T>> {
        self.open.values_mut()
    }

    /// The prompt of a turn, once something was asked.
    pub(in crate::dialect) fn prompt(&self, turn: Turn) -> Option<&Request> {
        let open = self.open.get(&turn.0).filter(|open| open.stage != Stage::Preparing)?;
        Some(&open.so_far.decoded.request)
    }

    /// How far a turn has come; one that was fetched is over.
    pub(in crate::dialect) fn progress(&self, turn: Turn) -> Progress {
        match self.open.get(&turn.0).map(|open| open.stage) {
            Some(Stage::Preparing) => Progress::Preparing,
            Some(Stage::Asked | Stage::Answering) => Progress::Answering,
            Some(Stage::Over) | None => Progress::Over,
        }
    }

    /// A turn as far as it has come.
    pub(in crate::dialect) fn peek(&self, turn: Turn) -> Decoded {
        self.open.get(&turn.0).map(|open| open.so_far.clone().finish()).unwrap_or_default()
    }

    /// A turn, which is forgotten.
    pub(in crate::dialect) fn finish(&mut self, turn: Turn) -> Decoded {
        self.open.remove(&turn.0).map(|open| open.so_far.finish()).unwrap_or_default()
    }

    fn give_up_the_oldest(&mut self) {
        let mut under_way: Vec<&mut Open<T>> =
            self.open.values_mut().filter(|open| open.stage != Stage::Over).collect();
        if under_way.len() >= TURNS_MAX
            && let Some(oldest) = under_way.first_mut()
        {
            oldest.so_far.notes.add("too many answers are awaited at once: this one is given up");
            oldest.stage = Stage::Over;
        }
    }
}
