//! What a text's words are: the same cut for texts that are indexed and for what is searched.
//!
//! The cut is local: whether two neighbouring characters belong to the same word depends on
//! these two alone, so that the words of a piece of a text are those of the text, but for the
//! ones at its ends ([`pieces`](super::pieces) knows how to ask for those).

use std::ops::Range;

/// Longest word kept whole, in characters (a SHA-256 in hex). A longer one is kept as pieces
/// of this length.
pub(super) const WORD_CHARS_MAX: usize = 64;

/// How far apart pieces of a long word begin, in characters.
const PIECE_STEP: usize = WORD_CHARS_MAX / 2;

/// Longest part of a word that is certain to lie in one piece of it, in characters.
pub(super) const PART_CHARS_MAX: usize = WORD_CHARS_MAX - PIECE_STEP + 1;

/// From this length on, in bytes, a run of the characters of base64 is taken for base64: no
/// prose, path or identifier is so long, and its words would never be asked for.
const NOISE_BYTES_MIN: usize = 256;

/// Stands for the words of base64 that are not indexed: a message with it is looked through
/// whatever word is asked for. No text has it as a word, for it is no letter.
pub(super) const NOISE: &str = "…";

/// How a character makes words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// It is between words.
    None,
    /// Letters and digits of scripts that put something between words.
    Spaced,
    /// Letters of scripts that do not: each two neighbours are a word.
    Dense,
}

/// How `c` makes words.
pub(super) fn script(c: char) -> Script {
    match c {
        '0'..='9' | 'a'..='z' | 'A'..='Z' => Script::Spaced,
        c if c.is_ascii() || !c.is_alphanumeric() => Script::None,
        // Thai and Lao, Myanmar, Khmer, kana, Han and its extensions, Yi, half-width kana.
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{312f}'
        | '\u{3190}'..='\u{a4cf}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}'
        | '\u{1b000}'..='\u{1b16f}'
        | '\u{20000}'..='\u{3ffff}' => Script::Dense,
        _ => Script::Spaced,
    }
}

/// Appends `run` with letters that differ by case alone made alike. A single character may
/// become several (`ß`), as it may in the rules of Unicode; no two that a regular expression
/// takes for one without regard to case stay different.
pub(super) fn fold(run: &str, folded: &mut String) {
    for c in run.chars() {
        if c.is_ascii() {
            folded.push(c.to_ascii_lowercase());
        } else {
            // Upper case lets `ς` and `σ` meet, lower case before it `ẞ` and `ß`.
            let upper = c.to_lowercase().flat_map(char::to_uppercase);
            folded.extend(upper.flat_map(char::to_lowercase));
        }
    }
}

/// Whether the index takes both for the same character; all that is between words is the same.
pub fn is_alike(a: char, b: char) -> bool {
    let folded = |c: char| {
        let mut folded = String::new();
        fold(c.encode_utf8(&mut [0; 4]), &mut folded);
        folded
    };
    match (script(a), script(b)) {
        (Script::None, Script::None) => true,
        (of_a, of_b) => of_a == of_b && folded(a) == folded(b),
    }
}

/// Where the longest runs of characters of one script are, those between words left out.
pub(super) fn runs(text: &str) -> impl Iterator<Item = (Script, Range<usize>)> {
    let mut chars = text.char_indices().map(|(at, c)| (script(c), at)).peekable();
    std::iter::from_fn(move || {
        let (of, start) = chars.find(|(script, _)| *script != Script::None)?;
        while chars.next_if(|(script, _)| *script == of).is_some() {}
        let end = chars.peek().map_or(text.len(), |(_, at)| *at);
        Some((of, start..end))
    })
}

/// Cuts texts into words.
#[derive(Default)]
pub(crate) struct Cutter {
    folded: String,
}

impl Cutter {
    /// Gives each word of `text`, folded; the same word as often as it comes.
    pub(crate) fn cut(&mut self, text: &str, mut each: impl FnMut(&str)) {
        let mut from = 0;
        for noise in noise(text.as_bytes()) {
            self.cut_words(text.get(from..noise.start).unwrap_or_default(), &mut each);
            each(NOISE);
            from = noise.end;
        }
        self.cut_words(text.get(from..).unwrap_or_default(), &mut each);
    }

    fn cut_words(&mut self, text: &str, each: &mut impl FnMut(&str)) {
        for (script, run) in runs(text) {
            let run = text.get(run).unwrap_or_default();
            match script {
                Script::Dense => pairs(run, each),
                _ => {
                    self.folded.clear();
                    fold(run, &mut self.folded);
                    whole_or_pieces(&self.folded, each);
                }
            }
        }
    }
}

/// Each two neighbours of a run; a lone character as it is.
pub(super) fn pairs(run: &str, each: &mut impl FnMut(&str)) {
    let ends = || run.char_indices().map(|(at, c)| at + c.len_utf8());
    let starts = run.char_indices().map(|(at, _)| at);
    let mut any = false;
    for (start, end) in starts.zip(ends().skip(1)) {
        any = true;
        each(run.get(start..end).unwrap_or_default());
    }
    if !any {
        each(run);
    }
}

/// A folded word, or the pieces of a long one.
pub(super) fn whole_or_pieces(word: &str, each: &mut impl FnMut(&str)) {
    if word.len() <= WORD_CHARS_MAX || word.chars().nth(WORD_CHARS_MAX).is_none() {
        return each(word);
    }
    let mut rest = word;
    loop {
        let at = |chars| rest.char_indices().nth(chars).map(|(at, _)| at);
        let Some(end) = at(WORD_CHARS_MAX) else { return each(rest) };
        let (piece, _) = rest.split_at(end);
        each(piece);
        let Some(next) = at(PIECE_STEP) else { return };
        rest = rest.split_at(next).1;
    }
}

/// Where `text` has base64 and the like.
fn noise(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            // A run of that length has a character at each multiple of it.
            let probe = from + NOISE_BYTES_MIN - 1;
            if !is_of_base64(*text.get(probe)?) {
                from = probe + 1;
                continue;
            }
            let before = text.get(from..probe).unwrap_or_default();
            let start =
                from + before.iter().rposition(|b| !is_of_base64(*b)).map_or(0, |at| at + 1);
            let after = text.get(probe..).unwrap_or_default();
            let end = probe + after.iter().position(|b| !is_of_base64(*b)).unwrap_or(after.len());
            from = end;
            let run = text.get(start..end).unwrap_or_default();
            // A line of dashes is none.
            let letters = run.iter().filter(|b| b.is_ascii_alphanumeric()).count();
            if run.len() >= NOISE_BYTES_MIN && letters >= run.len() / 2 {
                return Some(start..end);
            }
        }
    })
}

fn is_of_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        Cutter::default().cut(text, |word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn words_of_texts() {
        let long: String = ('a'..='z').cycle().take(130).collect();
        let piece = |range: Range<usize>| long[range].to_owned();
        let base64 = "iVBORw0KGgo/".repeat(30);
        for (rule, text, expected) in [
            ("letters and digits", "let x_1 = Foo2.bar();", &["let", "x", "1", "foo2", "bar"][..]),
            ("case is folded", "Straße ΣΊΣΥΦΟΣ İx", &["strasse", "σίσυφοσ", "i\u{307}x"]),
            ("each two of a dense script", "天気がいい", &["天気", "気が", "がい", "いい"]),
            ("a lone one as it is", "天, x天y", &["天", "x", "天", "y"]),
            ("scripts part words", "用Rust写", &["用", "rust", "写"]),
            ("Korean has spaces", "한국어 문장", &["한국어", "문장"]),
            ("nothing", " -> … ", &[]),
            ("base64 is none", &format!("a {base64} b"), &["a", "…", "b"]),
            ("a line is none", &format!("a {} b", "-".repeat(500)), &["a", "b"]),
            (
                "a long word is its pieces",
                &long,
                &[&piece(0..64), &piece(32..96), &piece(64..128), &piece(96..130)],
            ),
        ] {
            assert_eq!(words(text), expected, "{rule}");
        }
    }

    #[test]
    fn base64_is_seen_wherever_it_lies() {
        for before in 0..300 {
            for (length, expected) in [(255, 0), (256, 1), (1000, 1)] {
                let text = format!("{} {} x", ".".repeat(before), "A".repeat(length));
                let found = noise(text.as_bytes()).collect::<Vec<_>>();
                assert_eq!(found.len(), expected, "{length} after {before}");
                if let Some(range) = found.first() {
                    assert_eq!(*range, before + 1..before + 1 + length);
                }
            }
        }
    }

    /// The promise of `fold`, for every character there is.
    #[test]
    fn what_case_makes_alike_folds_alike_and_is_of_one_script() {
        let folded = |c: char| {
            let mut folded = String::new();
            fold(c.encode_utf8(&mut [0; 4]), &mut folded);
            folded
        };
        let mut scripts: HashMap<String, (char, Script)> = HashMap::new();
        for c in '\0'..=char::MAX {
            let fold = folded(c);
            let (first, of) = *scripts.entry(fold.clone()).or_insert((c, script(c)));
            assert_eq!(of, script(c), "{first:?} and {c:?}");
            let mut alike = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
            alike.try_case_fold_simple().unwrap();
            for other in alike.iter().flat_map(|range| range.start()..=range.end()) {
                assert_eq!(folded(other), fold, "{other:?} and {c:?}");
            }
        }
    }
}
