//! What a text that contains certain characters must have in the index.

use super::words::{self, PART_CHARS_MAX, Script};

/// A word that a text has if it contains the characters that are searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// This word.
    Word(String),
    /// A word with this in it. Where an LF stands at an end of it, the word begins or ends
    /// there, as the vocabulary's lines do.
    Part(String),
}

impl Piece {
    /// Whether base64, whose words are not in the index, may have it.
    pub(super) fn may_be_noise(&self) -> bool {
        let (Self::Word(text) | Self::Part(text)) = self;
        text.bytes().any(|byte| byte.is_ascii_alphanumeric())
    }
}

/// What a text must have, all of it, to contain `literal`; nothing if `literal` has no letter.
///
/// Words inside it are known. The first and the last one may be pieces of longer words, unless
/// the literal begins or ends with something that is no letter.
pub fn pieces(literal: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (script, range) in words::runs(literal) {
        let run = literal.get(range.clone()).unwrap_or_default();
        let mut word = |word: &str| pieces.push(Piece::Word(word.to_owned()));
        if script == Script::Dense && run.chars().nth(1).is_some() {
            // Neighbours in the literal are neighbours in the text.
            words::pairs(run, &mut word);
            continue;
        }
        let mut folded = String::new();
        words::fold(run, &mut folded);
        let (begins, ends) = (range.start > 0, range.end < literal.len());
        match (begins, ends) {
            (true, true) => words::whole_or_pieces(&folded, &mut word),
            (true, false) => pieces.push(Piece::Part(format!("\n{}", first_chars(&folded)))),
            (false, true) => pieces.push(Piece::Part(format!("{}\n", last_chars(&folded)))),
            (false, false) => pieces.push(Piece::Part(first_chars(&folded).to_owned())),
        }
    }
    pieces
}

/// As much of a part as is certain to lie in one piece of a long word.
fn first_chars(part: &str) -> &str {
    let end = part.char_indices().nth(PART_CHARS_MAX).map_or(part.len(), |(at, _)| at);
    part.get(..end).unwrap_or_default()
}

fn last_chars(part: &str) -> &str {
    let start = part.char_indices().rev().nth(PART_CHARS_MAX - 1).map_or(0, |(at, _)| at);
    part.get(start..).unwrap_or_default()
}

#[cfg(test)]
impl Piece {
    /// Whether the words of a text have it.
    pub(super) fn is_in(&self, words: &std::collections::BTreeSet<String>) -> bool {
        let has = |piece: &Self| match piece {
            Self::Word(word) => words.contains(word),
            Self::Part(part) => words.iter().any(|word| format!("\n{word}\n").contains(part)),
        };
        has(self) || self.may_be_noise() && words.contains(words::NOISE)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::words::{Cutter, WORD_CHARS_MAX};
    use super::*;

    #[test]
    fn pieces_of_literals() {
        let word = |word: &str| Piece::Word(word.into());
        let part = |part: &str| Piece::Part(part.into());
        let long: String = ('a'..='z').cycle().take(100).collect();
        for (rule, literal, expected) in [
            ("a word may be a part of one", "Foo", vec![part("foo")]),
            ("its end is known", "foo(", vec![part("foo\n")]),
            ("its beginning is known", ".foo", vec![part("\nfoo")]),
            ("words inside are whole", "a foo b", vec![part("a\n"), word("foo"), part("\nb")]),
            ("pairs are words", "天気が", vec![word("天気"), word("気が")]),
            ("a lone character is a part", "天", vec![part("天")]),
            ("or a word", "x天y", vec![part("x\n"), word("天"), part("\ny")]),
            ("no letter, no word", "->", vec![]),
            ("a long one is cut", &long, vec![part(&long[..PART_CHARS_MAX])]),
            (
                "at its end too",
                &format!("{long} "),
                vec![Piece::Part(format!("{}\n", &long[100 - PART_CHARS_MAX..]))],
            ),
        ] {
            assert_eq!(pieces(literal), expected, "{rule}");
        }
    }

    /// Texts of all that is special: scripts, case, long words, base64.
    pub(crate) fn text() -> impl Strategy<Value = String> {
        let bit = prop_oneof![
            "[a-cA-C ]{1,4}",
            "[ßẞſKİıσςΣé一二天気ไทย한ｶ　。_-]{1,3}",
            "[ab1]{60,140}",
            "[A-C/+]{250,300}",
            "\\PC{0,4}",
        ];
        prop::collection::vec(bit, 0..6).prop_map(|bits| bits.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_text_has_the_pieces_of_what_it_contains(
            text in text(), from in any::<prop::sample::Index>(), chars in 1..150_usize,
        ) {
            let mut cut = BTreeSet::new();
            Cutter::default().cut(&text, |word| {
                assert!(word.chars().count() <= WORD_CHARS_MAX && !word.contains([' ', '\n']));
                cut.insert(word.to_owned());
            });
            let starts: Vec<_> = text.char_indices().map(|(at, _)| at).chain([0]).collect();
            let literal: String = text[*from.get(&starts)..].chars().take(chars).collect();
            for piece in pieces(&literal) {
                prop_assert!(piece.is_in(&cut), "{literal:?} in {text:?}: {piece:?} of {cut:?}");
            }
        }
    }
}
