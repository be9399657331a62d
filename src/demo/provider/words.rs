//! What the provider says, and how it cuts and counts it.

/// An answer to a prompt of so many words.
pub(super) fn answer(words: usize, times: usize) -> String {
    let mut answer = format!("You sent {words} words.");
    for _ in 0..times {
        answer.push('\n');
        answer.push_str(TEXT);
    }
    answer
}

/// What it thinks before an answer to a prompt of so many words.
pub(super) fn reasoning(words: usize) -> String {
    format!("The user sent {words} words; 我想一想 🤔 what could answer them.")
}

/// Cuts `text` between characters, in uneven pieces. An emoji of several characters falls
/// apart, as it does with a real model's tokens.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let mut sizes = PIECES.iter().cycle();
    std::iter::from_fn(move || {
        let size = *sizes.next()?;
        let end = rest.char_indices().nth(size).map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// How many tokens the provider bills for `text`: a quarter of its bytes, rounded up.
pub(super) fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}

/// Lengths of the pieces, in characters.
const PIECES: &[usize] = &[1, 5, 2, 8, 3];

/// Many scripts, an emoji joined of three characters, one of two, a flag, and what JSON must
/// escape.
const TEXT: &str = "Grüße, ça va, привет, 你好，世界, こんにちは, 안녕하세요, مرحبا, नमस्ते, \
                    👩\u{200d}💻 👍🏽 🇨🇭 \"quoted\" \\ and a tab\there.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_the_text() {
        for text in ["", "a", TEXT, &answer(3, 2)] {
            assert_eq!(pieces(text).collect::<String>(), text);
        }
        assert_eq!(pieces("👩\u{200d}💻").next(), Some("👩"), "an emoji falls apart");
    }

    #[test]
    fn tokens_are_rounded_up() {
        assert_eq!([tokens(""), tokens("a"), tokens("abcd"), tokens("abcde")], [0, 1, 1, 2]);
    }
}
