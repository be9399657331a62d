//! How the prompt of a conversation grew from turn to turn.

use std::cmp::Reverse;
use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{Share, anatomy};
use crate::model::State;
use crate::query::threads::{Place, Turn, turns};
use crate::store::{Listed, Reader, StoreError};
use crate::tokens::Counter;

/// The prompt of one turn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrownTurn {
    /// The exchange.
    pub id: Uuid,
    /// Which turn of the conversation it is, from 0.
    pub turn: usize,
    /// When it began.
    pub started_at: Timestamp,
    /// The model asked for, else the one that answered.
    pub model: Option<String>,
    /// As in [`Anatomy`](super::Anatomy).
    pub total: u64,
    /// As in [`Anatomy`](super::Anatomy).
    pub counted: bool,
    /// As in [`Anatomy`](super::Anatomy).
    pub sections: Vec<Share>,
    /// As in [`Anatomy`](super::Anatomy).
    pub history: Option<u64>,
    /// As in [`Anatomy`](super::Anatomy).
    pub new: Option<u64>,
    /// As in [`Anatomy`](super::Anatomy).
    pub cached: Option<u64>,
    /// US dollars.
    pub cost_usd: Option<f64>,
}

/// A conversation's prompts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Growth {
    /// Its turns, the oldest first; sub-agents and what is asked beside it are not among them.
    pub turns: Vec<GrownTurn>,
    /// How many turns there was no time for: those that are here stand evenly among them.
    pub left_out: usize,
}

/// Takes the prompts of the thread `name` apart until `deadline`, at least that of one turn.
///
/// A turn costs the reading of its prompt; words that were counted for another turn are only
/// looked up. The first turn comes first, then the one in the middle, and so on by halves, so
/// that whatever is left out when time is up, the shape is right.
pub fn growth(
    reader: &Reader,
    name: &str,
    counter: &Counter,
    deadline: Instant,
) -> Result<Growth, StoreError> {
    let is_turn = |turn: &Turn| {
        let is_on_the_line = turn.depth == 0 && matches!(turn.place, Place::First | Place::Next);
        // What was refused was asked again, and nobody counted it.
        is_on_the_line && turn.listed.state != State::Failed
    };
    let turns = turns(reader, name)?.into_iter().filter(is_turn);
    let listed: Vec<Listed> = turns.map(|turn| turn.listed).collect();
    let last = listed.len().saturating_sub(1);
    let mut order: Vec<(usize, &Listed)> = listed.iter().enumerate().collect();
    order.sort_by_key(|(turn, _)| (*turn != last, Reverse(turn.trailing_zeros()), *turn));
    let (mut turns, mut left_out) = (Vec::new(), 0);
    for (turn, listed) in order {
        if !turns.is_empty() && Instant::now() >= deadline {
            left_out += 1;
            continue;
        }
        if let Some(exchange) = reader.exchange(listed.seq)? {
            let anatomy = anatomy(&exchange, counter);
            turns.push(GrownTurn {
                id: listed.id,
                turn,
                started_at: listed.started_at,
                model: listed.request_model.clone().or_else(|| listed.reply_model.clone()),
                total: anatomy.total,
                counted: anatomy.counted,
                sections: anatomy.sections,
                history: anatomy.history,
                new: anatomy.new,
                cached: anatomy.cached,
                cost_usd: listed.cost_usd,
            });
        }
    }
    turns.sort_by_key(|turn| turn.turn);
    Ok(Growth { turns, left_out })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::tests::sample::{Capture, turn};

    #[test]
    fn each_turn_of_a_thread_is_taken_apart_while_there_is_time() {
        let mut capture = Capture::new();
        let turns: Vec<_> = (0..5).map(turn).collect();
        capture.write(&turns);
        let (reader, name) = (capture.reader(), turn(0).id.to_string());
        let later = Instant::now() + Duration::from_secs(60);
        let whole = growth(&reader, &name, &Counter::default(), later).unwrap();
        let ids: Vec<_> = whole.turns.iter().map(|turn| turn.id).collect();
        assert_eq!(ids, turns.iter().map(|turn| turn.id).collect::<Vec<_>>());
        assert!(whole.turns.iter().all(|turn| turn.total == 10 && turn.counted));
        assert_eq!(whole.left_out, 0);
        let now = Instant::now();
        let cut = growth(&reader, &name, &Counter::default(), now).unwrap();
        assert_eq!((cut.turns.len(), cut.left_out), (1, 4));
        assert_eq!(cut.turns[0].turn, 4, "the last one is what people ask about");
        let none = growth(&reader, "nobody", &Counter::default(), now).unwrap();
        assert_eq!((none.turns.len(), none.left_out), (0, 0));
    }
}
