//! Whether a text is words, or an id, a key, a hash, a link, code for pictures.

/// Shortest text that is kept though nothing names it, in bytes: shorter ones are names,
/// settings and dates.
pub(super) const WORDS_BYTES_MIN: usize = 16;

/// Of a text, so much is looked at, in bytes.
const LOOKED_AT_BYTES: usize = 2048;

/// Longest mean length of what stands between blanks, in bytes: words of any language with
/// blanks are shorter, and so is code.
const WORD_BYTES_MEAN_MAX: usize = 32;

/// Whether `text` of at least `bytes_min` bytes reads as words.
pub(super) fn reads_as_words(text: &str, bytes_min: usize) -> bool {
    let text = text.trim();
    if text.len() < bytes_min {
        return false;
    }
    let start = text.char_indices().map(|(at, _)| at).take_while(|at| *at < LOOKED_AT_BYTES).last();
    let start = text.get(..start.unwrap_or(0)).filter(|start| !start.is_empty()).unwrap_or(text);
    let (mut letters, mut wide, mut others) = (0usize, 0usize, 0usize);
    for char in start.chars() {
        match char {
            char if char.is_whitespace() => {}
            char if char.is_alphabetic() => {
                letters += 1;
                // Chinese, Japanese, Korean and Thai have no blanks between words.
                wide += usize::from(char >= '\u{0e00}');
            }
            _ => others += 1,
        }
    }
    if letters < others {
        return false;
    }
    let pieces = start.split_whitespace().count();
    wide >= bytes_min.min(4) || pieces >= 2 && start.len() / pieces <= WORD_BYTES_MEAN_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_ids() {
        for (text, expected) in [
            ("What is the capital of France?", true),
            ("fn main() {\n    let x = 1;\n}", true),
            ("法国的首都是哪里呢？请回答", true),
            ("Was ist die Hauptstadt von Frankreich", true),
            ("short", false),
            ("e8e05e68-b1c5-4dc9-8900-79ea6d423698", false),
            ("https://example.test/a/long/path?with=query", false),
            ("eyJhbGciOiJub25lIn0.eyJhIjoxfQ.AAAA", false),
            ("2026-11-23 08:30:00.123 +0000", false),
            ("inlineTargetingRules", false),
            ("dd38e82b1e32e3ef335763b55fa4fa686b053d5d", false),
            ("1, 2, 3, 4, 5, 6, 7, 8, 9, 10", false),
        ] {
            assert_eq!(reads_as_words(text, WORDS_BYTES_MIN), expected, "{text}");
        }
    }

    #[test]
    fn base64_over_several_lines_is_no_words() {
        let text = format!("{}\n", "QUJDREVG".repeat(9)).repeat(50);
        assert!(!reads_as_words(&text, WORDS_BYTES_MIN));
    }
}
