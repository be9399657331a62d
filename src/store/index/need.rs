//! What a text must have, as the index can be asked for it.

use super::pieces::{Piece, pieces};

/// What a text must have for a pattern to match in it. One that has it may still not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing that the index knows.
    Nothing,
    /// A word.
    Word(Piece),
    /// All of these.
    All(Vec<Need>),
    /// One of these.
    Any(Vec<Need>),
}

impl Need {
    /// What a text needs to contain `literal`.
    pub fn of_literal(literal: &str) -> Self {
        Self::all(pieces(literal).into_iter().map(Self::Word))
    }

    /// All of `needs`.
    pub fn all(needs: impl IntoIterator<Item = Self>) -> Self {
        let mut known = Vec::new();
        for need in needs {
            match need {
                Self::Nothing => {}
                Self::All(needs) => known.extend(needs),
                need => known.push(need),
            }
        }
        Self::one_or(known, Self::All)
    }

    /// One of `needs`.
    pub fn any(needs: impl IntoIterator<Item = Self>) -> Self {
        let mut known = Vec::new();
        for need in needs {
            match need {
                // One of them may be had by every text, so all of them may.
                Self::Nothing => return Self::Nothing,
                Self::Any(needs) => known.extend(needs),
                need => known.push(need),
            }
        }
        Self::one_or(known, Self::Any)
    }

    fn one_or(mut needs: Vec<Self>, several: fn(Vec<Self>) -> Self) -> Self {
        needs.dedup();
        match needs.len() {
            0 => Self::Nothing,
            1 => needs.remove(0),
            _ => several(needs),
        }
    }
}

#[cfg(test)]
impl Need {
    /// Whether the words of a text have it.
    pub(crate) fn is_in(&self, words: &std::collections::BTreeSet<String>) -> bool {
        match self {
            Self::Nothing => true,
            Self::Word(piece) => piece.is_in(words),
            Self::All(needs) => needs.iter().all(|need| need.is_in(words)),
            Self::Any(needs) => needs.iter().any(|need| need.is_in(words)),
        }
    }
}
