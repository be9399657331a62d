//! Characters that steer a terminal or an eye, written by their code.

use std::borrow::Cow;
use std::fmt::Write;

use super::jsonl;

/// The text with what steers written as `⟦U+202E⟧`; ends of lines are LF, tabs stay.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (shown, hidden) in pieces(text) {
        out.push_str(shown);
        if let Some(hidden) = hidden {
            let _ = write!(out, "⟦U+{:04X}⟧", u32::from(hidden));
        }
    }
    Cow::Owned(out)
}

/// The text in pieces, each with the character behind it that must be written by its code.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = (&str, Option<char>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let all = rest?;
        let Some((at, c)) = all.char_indices().find(|(_, c)| is_hidden(*c)) else {
            rest = None;
            return Some((all, None));
        };
        let behind = all.get(at + c.len_utf8()..).unwrap_or_default();
        rest = Some(behind);
        let hidden = Some(c).filter(|c| *c != '\r' || !behind.starts_with('\n'));
        Some((all.get(..at).unwrap_or_default(), hidden))
    })
}

fn is_hidden(c: char) -> bool {
    jsonl::steers(c) && !matches!(c, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_is_written_by_its_code() {
        for (rule, text, expected) in [
            ("words stay", "héllo 天\t👩‍💻\n", "héllo 天\t👩‍💻\n"),
            ("an escape", "\u{1b}[2J", "⟦U+001B⟧[2J"),
            ("right to left", "a\u{202e}b", "a⟦U+202E⟧b"),
            ("no width", "a\u{200b}b", "a⟦U+200B⟧b"),
            ("CR LF is a line end", "a\r\nb", "a\nb"),
            ("CR alone is none", "a\rb", "a⟦U+000D⟧b"),
            ("NUL at the end", "a\0", "a⟦U+0000⟧"),
        ] {
            assert_eq!(visible(text), expected, "{rule}");
        }
    }
}
