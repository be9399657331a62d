//! What changed in a text, word by word.

use std::ops::Range;
use std::time::Instant;

use serde::Serialize;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::align::{Step, align};
use super::sketch::Sketch;
use super::words::words;

/// A piece of two texts laid over each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// Which of the texts has it.
    pub op: Op,
    /// The piece.
    pub text: String,
}

/// Which of two texts has a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Both.
    Same,
    /// The old one.
    Removed,
    /// The new one.
    Added,
}

/// Two texts laid over each other: the pieces that are the same or removed are the old text,
/// those that are the same or added are the new one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TextDiff {
    /// In order; two neighbours never have the same `op`.
    pub pieces: Vec<Piece>,
}

impl TextDiff {
    /// Compares by lines, and inside lines that changed by words. Past `deadline` what is left
    /// is told as removed and added as a whole.
    pub fn new(old: &str, new: &str, deadline: Instant) -> Self {
        let mut diff = Self::default();
        let (olds, news) = (Lines::of(old), Lines::of(new));
        let sketch = |lines: &Lines<'_>, at: usize| Sketch::of(lines.line(at));
        let steps = align(
            &olds.lines,
            &news.lines,
            |at| sketch(&olds, at),
            |at| sketch(&news, at),
            deadline,
        );
        for step in steps {
            match step {
                Step::Same(range, _) => diff.push(Op::Same, olds.text(range)),
                Step::Removed(at) => diff.push(Op::Removed, olds.line(at)),
                Step::Added(at) => diff.push(Op::Added, news.line(at)),
                Step::Changed(at, to) => diff.push_words(olds.line(at), news.line(to), deadline),
            }
        }
        diff
    }

    /// Bytes of the pieces that only one of the texts has: removed, added.
    pub fn changed_bytes(&self) -> [usize; 2] {
        let bytes = |op| self.pieces.iter().filter(|p| p.op == op).map(|p| p.text.len()).sum();
        [bytes(Op::Removed), bytes(Op::Added)]
    }

    /// Whether the texts are the same.
    pub fn is_alike(&self) -> bool {
        self.pieces.iter().all(|piece| piece.op == Op::Same)
    }

    fn push_words(&mut self, old: &str, new: &str, deadline: Instant) {
        let (olds, news): (Vec<&str>, Vec<&str>) = (words(old).collect(), words(new).collect());
        let ops = capture_diff_slices_deadline(Algorithm::Myers, &olds, &news, Some(deadline));
        let concat = |words: &[&str], range: Range<usize>| {
            words.get(range).map(<[&str]>::concat).unwrap_or_default()
        };
        let (mut removed, mut added) = (String::new(), String::new());
        let mut ops = ops.into_iter().peekable();
        while let Some(op) = ops.next() {
            let (of_old, of_new) = (op.old_range(), op.new_range());
            if !matches!(op, DiffOp::Equal { .. }) {
                removed += &concat(&olds, of_old);
                added += &concat(&news, of_new);
                continue;
            }
            let same = concat(&olds, of_old);
            let is_glue = !removed.is_empty() && !added.is_empty() && ops.peek().is_some();
            if is_glue && !same.contains(char::is_alphanumeric) {
                // A space between two changed words: they read better as one change.
                removed += &same;
                added += &same;
                continue;
            }
            self.push(Op::Removed, &std::mem::take(&mut removed));
            self.push(Op::Added, &std::mem::take(&mut added));
            self.push(Op::Same, &same);
        }
        self.push(Op::Removed, &removed);
        self.push(Op::Added, &added);
    }

    fn push(&mut self, op: Op, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(last) if last.op == op => last.text.push_str(text),
            _ => self.pieces.push(Piece { op, text: text.to_owned() }),
        }
    }
}

/// A text and its lines, each with its end.
struct Lines<'a> {
    whole: &'a str,
    lines: Vec<&'a str>,
    /// Where each line begins; and the text's end.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(whole: &'a str) -> Self {
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        let mut starts = vec![0];
        let mut end = 0;
        for line in &lines {
            end += line.len();
            starts.push(end);
        }
        Self { whole, lines, starts }
    }

    fn line(&self, at: usize) -> &'a str {
        self.lines.get(at).copied().unwrap_or_default()
    }

    fn text(&self, lines: Range<usize>) -> &'a str {
        let start = self.starts.get(lines.start).copied().unwrap_or_default();
        let end = self.starts.get(lines.end).copied().unwrap_or_default();
        self.whole.get(start..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    /// As it reads without colour.
    fn marked(diff: &TextDiff) -> String {
        let marked = diff.pieces.iter().map(|piece| match piece.op {
            Op::Same => piece.text.clone(),
            Op::Removed => format!("[-{}-]", piece.text),
            Op::Added => format!("{{+{}+}}", piece.text),
        });
        marked.collect()
    }

    #[test]
    fn a_text_changes_word_by_word() {
        for (rule, old, new, expected) in [
            ("nothing", "a\nb\n", "a\nb\n", "a\nb\n"),
            ("a word", "be brief and kind", "be brief and exact", "be brief and [-kind-]{+exact+}"),
            (
                "neighbours are one change",
                "you may run tools now",
                "you must never tools now",
                "you [-may run-]{+must never+} tools now",
            ),
            ("a word more", "use tools", "use many tools", "use {+many +}tools"),
            ("a line more", "a\nc\n", "a\nb\nc\n", "a\n{+b\n+}c\n"),
            ("another line", "a\none\nz", "a\ntwo\nz", "a\n[-one\n-]{+two\n+}z"),
            ("Chinese by character", "今天天气很好", "今天天气很坏", "今天天气很[-好-]{+坏+}"),
            (
                "an emoji is not torn",
                "a nice family 👨‍👩‍👧 here",
                "a nice family 👨‍👩‍👦 here",
                "a nice family [-👨‍👩‍👧-]{+👨‍👩‍👦+} here",
            ),
            ("from nothing", "", "a\n", "{+a\n+}"),
        ] {
            assert_eq!(marked(&TextDiff::new(old, new, soon())), expected, "{rule}");
        }
    }

    #[test]
    fn large_texts_end_in_time() {
        let text = |seed: usize| -> String {
            (0..60_000_usize).map(|n| format!("line {} of {}\n", n * seed % 977, n % 13)).collect()
        };
        let (old, new) = (text(7), text(11));
        let begun = Instant::now();
        let diff = TextDiff::new(&old, &new, begun + Duration::from_millis(500));
        assert_eq!(side(&diff, Op::Removed), old);
        assert_eq!(side(&diff, Op::Added), new);
    }

    /// The text that has what is the same, and what `op` says.
    fn side(diff: &TextDiff, op: Op) -> String {
        let pieces = diff.pieces.iter().filter(|piece| piece.op == Op::Same || piece.op == op);
        pieces.map(|piece| piece.text.as_str()).collect()
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_from_the_pieces(
            old in "([ab天é👍🏽]{0,3}[ \n.]{0,2}){0,40}",
            new in "([ab天é👍🏽]{0,3}[ \n.]{0,2}){0,40}",
            past: bool,
        ) {
            let deadline = if past { Instant::now() } else { soon() };
            let diff = TextDiff::new(&old, &new, deadline);
            prop_assert_eq!(side(&diff, Op::Removed), &*old);
            prop_assert_eq!(side(&diff, Op::Added), &*new);
            prop_assert_eq!(diff.is_alike(), old == new);
            let neighbours = diff.pieces.windows(2);
            prop_assert!(neighbours.into_iter().all(|two| two[0].op != two[1].op));
        }
    }
}
