//! Two sequences laid beside each other: what is alike, what changed, what is on one side only.

use std::hash::Hash;
use std::ops::Range;
use std::time::Instant;

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::sketch::Sketch;

/// From this likeness on two members are one that changed; below it one went and another came.
const LIKENESS_MIN: f32 = 0.3;

/// Pairs of members that are compared with each other inside one replaced run. A longer run is
/// halved on both sides first: what is found then is less, but never late.
const PAIRS_MAX: usize = 10_000;

/// How the sequences go together, from the beginning on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The same members on both sides.
    Same(Range<usize>, Range<usize>),
    /// A member that changed: its places in the old and in the new sequence.
    Changed(usize, usize),
    /// A member of the old sequence only.
    Removed(usize),
    /// A member of the new sequence only.
    Added(usize),
}

/// Aligns two sequences by equality; inside a run that was replaced, pairs those members whose
/// sketches are alike. `of_old` and `of_new` give the sketch of a place.
pub(super) fn align<T: Eq + Hash>(
    old: &[T],
    new: &[T],
    of_old: impl Fn(usize) -> Sketch,
    of_new: impl Fn(usize) -> Sketch,
    deadline: Instant,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for op in capture_diff_slices_deadline(Algorithm::Histogram, old, new, Some(deadline)) {
        let (old, new) = (op.old_range(), op.new_range());
        match op {
            DiffOp::Equal { .. } => steps.push(Step::Same(old, new)),
            DiffOp::Delete { .. } => steps.extend(old.map(Step::Removed)),
            DiffOp::Insert { .. } => steps.extend(new.map(Step::Added)),
            DiffOp::Replace { .. } => {
                let olds: Vec<_> = old.clone().map(&of_old).collect();
                let news: Vec<_> = new.clone().map(&of_new).collect();
                pair(&olds, old.start, &news, new.start, deadline, &mut steps);
            }
        }
    }
    steps
}

/// Pairs members in order, so that their likeness adds up to the most. What is removed stands
/// before what is added in its place.
fn pair(
    olds: &[Sketch],
    old_at: usize,
    news: &[Sketch],
    new_at: usize,
    deadline: Instant,
    steps: &mut Vec<Step>,
) {
    if olds.len() * news.len() > PAIRS_MAX && olds.len() > 1 && news.len() > 1 {
        let (old_half, new_half) = (olds.len() / 2, news.len() / 2);
        let ((olds, more_olds), (news, more_news)) =
            (olds.split_at(old_half), news.split_at(new_half));
        pair(olds, old_at, news, new_at, deadline, steps);
        pair(more_olds, old_at + old_half, more_news, new_at + new_half, deadline, steps);
        return;
    }
    let matches = if Instant::now() < deadline { matches(olds, news) } else { Vec::new() };
    let (mut old, mut new) = (0, 0);
    for (old_match, new_match) in matches.into_iter().chain([(olds.len(), news.len())]) {
        steps.extend((old..old_match).map(|old| Step::Removed(old_at + old)));
        steps.extend((new..new_match).map(|new| Step::Added(new_at + new)));
        if old_match < olds.len() {
            steps.push(Step::Changed(old_at + old_match, new_at + new_match));
        }
        (old, new) = (old_match + 1, new_match + 1);
    }
}

/// The pairs, in order.
fn matches(olds: &[Sketch], news: &[Sketch]) -> Vec<(usize, usize)> {
    let width = news.len() + 1;
    // What the members from a place on can add up to, and the likeness of the pair there.
    let mut best = vec![0.0_f32; (olds.len() + 1) * width];
    let mut likeness = vec![0.0_f32; (olds.len() + 1) * width];
    let at = |cells: &[f32], old: usize, new: usize| {
        cells.get(old * width + new).copied().unwrap_or_default()
    };
    for (old, one) in olds.iter().enumerate().rev() {
        for (new, other) in news.iter().enumerate().rev() {
            let alike = one.likeness(other);
            let alike = if alike >= LIKENESS_MIN { alike } else { 0.0 };
            let paired = alike + at(&best, old + 1, new + 1);
            let apart = at(&best, old + 1, new).max(at(&best, old, new + 1));
            let cell = old * width + new;
            if let (Some(best), Some(pair)) = (best.get_mut(cell), likeness.get_mut(cell)) {
                *best = if alike > 0.0 { paired.max(apart) } else { apart };
                *pair = alike;
            }
        }
    }
    let (mut old, mut new, mut found) = (0, 0, Vec::new());
    while old < olds.len() && new < news.len() {
        let (here, alike) = (at(&best, old, new), at(&likeness, old, new));
        if alike > 0.0 && here <= alike + at(&best, old + 1, new + 1) {
            found.push((old, new));
            (old, new) = (old + 1, new + 1);
        } else if here <= at(&best, old + 1, new) {
            old += 1;
        } else {
            new += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn aligned(old: &[String], new: &[String]) -> Vec<Step> {
        let deadline = Instant::now() + Duration::from_secs(5);
        align(old, new, |at| Sketch::of(&old[at]), |at| Sketch::of(&new[at]), deadline)
    }

    fn lines(text: &str) -> Vec<String> {
        text.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn members_go_together() {
        use Step::{Added, Changed, Removed, Same};
        for (rule, old, new, expected) in [
            ("alike", "a|b", "a|b", vec![Same(0..2, 0..2)]),
            (
                "one changed is not removed and added",
                "a|the cat sat down|z",
                "a|the cat stood up|z",
                vec![Same(0..1, 0..1), Changed(1, 1), Same(2..3, 2..3)],
            ),
            (
                "another is removed and added",
                "a|apples|z",
                "a|pears|z",
                vec![Same(0..1, 0..1), Removed(1), Added(1), Same(2..3, 2..3)],
            ),
            (
                "one changed behind one removed",
                "a|apples|the cat sat down|z",
                "a|the cat stood up|z",
                vec![Same(0..1, 0..1), Removed(1), Changed(2, 1), Same(3..4, 2..3)],
            ),
            (
                "one added before one changed",
                "the cat sat down",
                "pears|the cat stood up",
                vec![Added(0), Changed(0, 1)],
            ),
        ] {
            assert_eq!(aligned(&lines(old), &lines(new)), expected, "{rule}");
        }
    }

    proptest! {
        #[test]
        fn every_member_has_its_place_once(
            old in prop::collection::vec("[ab] [cd] [ef]", 0..160),
            new in prop::collection::vec("[ab] [cd] [ef]", 0..160),
        ) {
            let (mut olds, mut news) = (Vec::new(), Vec::new());
            for step in aligned(&old, &new) {
                match step {
                    Step::Same(of_old, of_new) => {
                        prop_assert_eq!(&old[of_old.clone()], &new[of_new.clone()]);
                        olds.extend(of_old);
                        news.extend(of_new);
                    }
                    Step::Changed(of_old, of_new) => {
                        olds.push(of_old);
                        news.push(of_new);
                    }
                    Step::Removed(of_old) => olds.push(of_old),
                    Step::Added(of_new) => news.push(of_new),
                }
            }
            prop_assert_eq!(olds, (0..old.len()).collect::<Vec<_>>());
            prop_assert_eq!(news, (0..new.len()).collect::<Vec<_>>());
        }
    }
}
