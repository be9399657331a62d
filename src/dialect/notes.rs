//! What the reader of an exchange should know, each thing once.

/// Most different notes of one exchange: a stream may be wrong in every event.
const NOTES_MAX: usize = 32;

/// Notes, each with how often it was made.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    notes: Vec<(String, u64)>,
    dropped: u64,
}

impl Notes {
    /// Notes that `what` is so.
    pub(super) fn add(&mut self, what: impl AsRef<str> + Into<String>) {
        if let Some((_, times)) = self.notes.iter_mut().find(|(had, _)| had == what.as_ref()) {
            *times += 1;
        } else if self.notes.len() < NOTES_MAX {
            self.notes.push((what.into(), 1));
        } else {
            self.dropped += 1;
        }
    }

    /// The notes, in the order in which they were first made.
    pub(super) fn finish(self) -> Vec<String> {
        self.told()
    }

    /// The notes so far.
    pub(super) fn told(&self) -> Vec<String> {
        let mut notes: Vec<String> = self
            .notes
            .iter()
            .map(|(note, times)| match times {
                1 => note.clone(),
                _ => format!("{note} ({times} times)"),
            })
            .collect();
        if self.dropped > 0 {
            notes.push(format!("{} more notes are left out", self.dropped));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_made_twice_is_one_note() {
        let mut notes = Notes::default();
        for what in ["a", "b", "a"] {
            notes.add(what);
        }
        assert_eq!(notes.finish(), ["a (2 times)", "b"]);
    }

    #[test]
    fn notes_are_bounded_and_say_so() {
        let mut notes = Notes::default();
        for n in 0..100 {
            notes.add(format!("n{n}"));
        }
        let notes = notes.finish();
        assert_eq!(notes.len(), NOTES_MAX + 1);
        assert_eq!(notes[NOTES_MAX], "68 more notes are left out");
    }
}
