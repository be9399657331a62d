//! A thread as a tree: what goes on from what.

use std::collections::HashMap;

use uuid::Uuid;

use crate::model::ThreadRule;
use crate::store::{Cursor, Listed, Order, Reader, Selection, StoreError};

/// Exchanges read at a time.
const PAGE: usize = 500;

/// An exchange of a thread, where it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The exchange.
    pub listed: Listed,
    /// How far it stands off the conversation's main line.
    pub depth: usize,
    /// How it hangs together with what is read before it.
    pub place: Place,
}

/// How a turn hangs together with what is read before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It begins the thread.
    First,
    /// It continues the turn before it on its line.
    Next,
    /// It continues an earlier turn, and the conversation did not go on from it: another
    /// answer, or another question.
    Branch,
    /// A sub-agent begins here, or another thread below.
    Below,
    /// It is about the conversation, such as its title or a count of its tokens.
    Beside,
}

/// The turns of the thread `name` and of those below it, in the order in which they are read:
/// a branch, or a sub-agent, stands behind the turn that it comes from, and before the turn
/// with which the conversation went on.
pub fn turns(reader: &Reader, name: &str) -> Result<Vec<Turn>, StoreError> {
    let selection = Selection { thread: Some(name.to_owned()), ..Selection::default() };
    let mut exchanges = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = reader.list(&selection, Order::OldestFirst, after, PAGE)?;
        exchanges.extend(page.exchanges);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(Tree::of(exchanges).read(name))
}

/// The exchange that the `n`th is read behind if the one that it continues was deleted: the
/// last one before it in its thread that said less.
fn before(exchanges: &[Listed], n: usize) -> Option<usize> {
    let listed = exchanges.get(n)?;
    let earlier = exchanges.get(..n)?.iter().enumerate().rev();
    let mut likely = earlier.filter(|(_, earlier)| {
        earlier.thread == listed.thread
            && earlier.inherited.unwrap_or_default() < listed.inherited.unwrap_or_default()
    });
    likely.next().map(|(at, _)| at)
}

/// Exchanges by what they continue.
struct Tree {
    exchanges: Vec<Listed>,
    children: Vec<Vec<usize>>,
    roots: Vec<usize>,
    /// The last exchange in the same thread that goes on from each.
    last: Vec<usize>,
}

impl Tree {
    /// `exchanges` are the oldest first.
    fn of(exchanges: Vec<Listed>) -> Self {
        let places: HashMap<Uuid, usize> =
            exchanges.iter().enumerate().map(|(n, listed)| (listed.id, n)).collect();
        let mut children = vec![Vec::new(); exchanges.len()];
        let (mut roots, mut last) = (Vec::new(), (0..exchanges.len()).collect::<Vec<_>>());
        for (n, listed) in exchanges.iter().enumerate().rev() {
            // What began earlier only: a circle would never end.
            let known = |id| places.get(&id).copied().filter(|at| *at < n);
            let parent = listed.parent.and_then(|id| known(id).or_else(|| before(&exchanges, n)));
            let Some(parent) = parent else {
                roots.push(n);
                continue;
            };
            if let Some(children) = children.get_mut(parent) {
                children.push(n);
            }
            let end = last.get(n).copied().unwrap_or(n);
            let of = |n: usize| exchanges.get(n).map(|listed| &listed.thread);
            if of(parent) == of(n)
                && let Some(had) = last.get_mut(parent)
            {
                *had = end.max(*had);
            }
        }
        roots.reverse();
        children.iter_mut().for_each(|children| children.reverse());
        Self { exchanges, children, roots, last }
    }

    fn read(&self, name: &str) -> Vec<Turn> {
        let mut turns = Vec::new();
        let is_main = |n: &usize| {
            self.exchanges.get(*n).is_some_and(|listed| listed.thread.as_deref() == Some(name))
        };
        let end = |n: &usize| self.last.get(*n).copied().unwrap_or(*n);
        let goes_on =
            |n: &usize| self.children.get(*n).is_some_and(|children| !children.is_empty());
        // A title that is asked for at the end, in words of its own, is not what went on.
        let main = self
            .roots
            .iter()
            .filter(|n| is_main(n) && !self.is_beside(**n))
            .max_by_key(|n| (goes_on(n), end(n)));
        for &root in &self.roots {
            let place = match main {
                _ if !is_main(&root) => Place::Below,
                Some(&main) if root == main => Place::First,
                _ if goes_on(&root) && !self.is_beside(root) => Place::Branch,
                _ => Place::Beside,
            };
            let depth = usize::from(!matches!(place, Place::First | Place::Beside));
            self.line(root, depth, place, &mut turns);
        }
        turns
    }

    fn is_beside(&self, n: usize) -> bool {
        self.exchanges.get(n).is_some_and(|listed| {
            listed.thread_rule == Some(ThreadRule::About)
                || listed.operation.as_deref() == Some("count_tokens")
        })
    }

    /// Reads a line of turns from `first` to its end, what branches off it in between.
    fn line(&self, first: usize, depth: usize, place: Place, turns: &mut Vec<Turn>) {
        let (mut next, mut place) = (Some(first), place);
        while let Some(n) = next.take() {
            let Some(listed) = self.exchanges.get(n) else { return };
            turns.push(Turn { listed: listed.clone(), depth, place });
            let children = self.children.get(n).map(Vec::as_slice).unwrap_or_default();
            let is_same = |child: &&usize| {
                self.exchanges.get(**child).is_some_and(|child| child.thread == listed.thread)
            };
            let lines = children.iter().filter(is_same).filter(|child| !self.is_beside(**child));
            let main = lines.max_by_key(|child| self.last.get(**child).copied()).copied();
            for child in children.iter().copied().filter(|child| Some(*child) != main) {
                match (is_same(&&child), self.is_beside(child)) {
                    (_, true) => self.line(child, depth, Place::Beside, turns),
                    (true, _) => self.line(child, depth + 1, Place::Branch, turns),
                    (false, _) => self.line(child, depth + 1, Place::Below, turns),
                }
            }
            (next, place) = (main, Place::Next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Message, Part};
    use crate::store::tests::sample::{Capture, turn};
    use crate::store::{Erase, Keep, Pins};

    #[test]
    fn a_question_at_the_end_that_nothing_goes_on_from_stands_beside() {
        let mut capture = Capture::new();
        let mut all = [turn(0), turn(1), turn(2)];
        all[2].request.messages =
            vec![Message { role: "user".into(), parts: vec![Part::text("name this session")] }];
        for turn in &mut all {
            turn.thread = Some("session".into());
            turn.thread_rule = Some(ThreadRule::Header);
        }
        capture.write(&all);
        let found = turns(&capture.reader(), "session").unwrap();
        let found: Vec<_> = found.iter().map(|t| (t.listed.id, t.depth, t.place)).collect();
        assert_eq!(
            found,
            [
                (turn(0).id, 0, Place::First),
                (turn(1).id, 0, Place::Next),
                (turn(2).id, 0, Place::Beside),
            ]
        );
    }

    #[test]
    fn a_turn_that_was_deleted_does_not_tear_the_conversation_apart() {
        let mut capture = Capture::new();
        capture.write(&[turn(0), turn(1), turn(2), turn(3)]);
        let name = turn(0).id.to_string();
        let seq = capture.reader().find(&turn(1).id.to_string()).unwrap().0;
        let mut keep = Keep::open(&capture.path(), Erase::Free).unwrap();
        keep.delete(vec![seq], Pins::Heed, &mut |_| {}).unwrap();
        let found = turns(&capture.reader(), &name).unwrap();
        let found: Vec<_> = found.iter().map(|t| (t.listed.id, t.place)).collect();
        assert_eq!(
            found,
            [(turn(0).id, Place::First), (turn(2).id, Place::Next), (turn(3).id, Place::Next)]
        );
    }

    #[test]
    fn a_branch_stands_before_the_turn_with_which_the_conversation_went_on() {
        let mut capture = Capture::new();
        let mut again = turn(1);
        again.id = Uuid::from_u128(turn(1).id.as_u128() + 100);
        again.started_at = turn(1).started_at + jiff::SignedDuration::from_millis(1);
        if let Some(reply) = &mut again.reply {
            reply.choices[0].parts = vec![Part::text("something else")];
        }
        let mut other = turn(0);
        other.id = Uuid::from_u128(1);
        other.request.messages =
            vec![Message { role: "user".into(), parts: vec![Part::text("a thing of its own")] }];
        capture.write(&[turn(0), turn(1), again.clone(), turn(2), other]);
        let found = turns(&capture.reader(), &turn(0).id.to_string()).unwrap();
        let found: Vec<_> = found.iter().map(|t| (t.listed.id, t.depth, t.place)).collect();
        assert_eq!(
            found,
            [
                (turn(0).id, 0, Place::First),
                (again.id, 1, Place::Branch),
                (turn(1).id, 0, Place::Next),
                (turn(2).id, 0, Place::Next),
            ]
        );
    }
}
