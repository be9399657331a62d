//! Captured text, made harmless for a terminal.

use std::borrow::Cow;

use crate::export::jsonl::steers;

/// One line of captured text for a terminal: what could steer it, or turn the line around, is
/// written as `\u{1b}`. Tabs stay.
pub fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c == '\t')
}

/// Several lines of captured text for a terminal; CR LF is shown as one line end.
pub fn shown_lines(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") {
        let text = text.replace("\r\n", "\n");
        return Cow::Owned(escaped(&text, |c| matches!(c, '\t' | '\n')).into_owned());
    }
    escaped(text, |c| matches!(c, '\t' | '\n'))
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let steers = |c: char| steers(c) && !stays(c);
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            escaped.extend(c.escape_unicode());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captured_text_cannot_steer_a_terminal() {
        for (rule, text, expected) in [
            ("words", "héllo\t天 👩‍💻", "héllo\t天 👩‍💻"),
            ("a title", "\u{1b}]0;x\u{7}", "\\u{1b}]0;x\\u{7}"),
            ("C1", "\u{9b}31m", "\\u{9b}31m"),
            ("right to left", "a\u{202e}b", "a\\u{202e}b"),
            ("back over the line", "a\rb", "a\\u{d}b"),
            ("hidden tags", "\u{e0041}", "\\u{e0041}"),
        ] {
            assert_eq!(shown(text), expected, "{rule}");
            assert_eq!(shown_lines(text), expected, "{rule}");
        }
        assert_eq!(shown("a\nb"), "a\\u{a}b");
        assert_eq!(shown_lines("a\r\nb\nc"), "a\nb\nc");
    }
}
