//! JSON lines: one object of the contract (`docs/exchange.md`) a line.

use std::io::{self, Write};

use serde::Serialize;

/// Writes one value as a line of JSON.
///
/// Captured text is hostile: characters that could steer a terminal or turn a line around are
/// written as `\uXXXX`. To a JSON parser that is the same text.
pub fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    harmless(out, &serde_json::to_string(value)?)?;
    out.write_all(b"\n")
}

/// Writes JSON, its strings so that they steer nothing; line ends between its values stay.
pub fn harmless(out: &mut impl Write, json: &str) -> io::Result<()> {
    let (mut from, mut before) = (0, ' ');
    for (at, c) in json.char_indices() {
        let last = std::mem::replace(&mut before, c);
        let is_hidden = matches!(c, '\u{fe0e}' | '\u{fe0f}') && !is_drawn_two_ways(last);
        if c == '\n' || !(is_hidden || steers(c)) {
            continue;
        }
        out.write_all(json.get(from..at).unwrap_or_default().as_bytes())?;
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        from = at + c.len_utf8();
    }
    out.write_all(json.get(from..).unwrap_or_default().as_bytes())
}

/// Whether a selector of how a character is drawn may stand behind it: behind an emoji or a digit
/// on a key it is needed. A run of selectors, or one behind each letter, draws nothing, and can
/// hide words that a model reads and a person does not see.
fn is_drawn_two_ways(c: char) -> bool {
    match c {
        '#' | '*' | '0'..='9' => true,
        '\u{fe0e}' | '\u{fe0f}' => false,
        c => !c.is_ascii() && !c.is_alphanumeric(),
    }
}

/// Whether a character does something to a terminal, or to a reader's eye, other than standing
/// there: controls, marks of direction, and characters without a width that joining scripts
/// and emoji do not need. Selectors of variants are among them: 256 of them can hide any bytes.
pub fn steers(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{fe00}'..='\u{fe0d}'
        | '\u{e0000}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_harmless_and_says_the_same() {
        for (rule, text, expected) in [
            ("words", "héllo 天 👩‍💻", "\"héllo 天 👩‍💻\"\n"),
            ("an escape", "\u{1b}[2J", "\"\\u001b[2J\"\n"),
            ("a line end", "a\nb", "\"a\\nb\"\n"),
            ("C1 and DEL", "\u{9b}2J\u{7f}", "\"\\u009b2J\\u007f\"\n"),
            ("right to left", "a\u{202e}b", "\"a\\u202eb\"\n"),
            ("a tag character", "\u{e0041}", "\"\\udb40\\udc41\"\n"),
            ("an emoji's selector", "❤\u{fe0f} 1\u{fe0f}", "\"❤\u{fe0f} 1\u{fe0f}\"\n"),
            ("a run of selectors", "❤\u{fe0f}\u{fe0e}", "\"❤\u{fe0f}\\ufe0e\"\n"),
            ("a selector behind a letter", "a\u{fe0f}", "\"a\\ufe0f\"\n"),
            ("a selector at the beginning", "\u{fe0e}", "\"\\ufe0e\"\n"),
            ("bytes in selectors", "❤\u{fe01}\u{e0141}", "\"❤\\ufe01\\udb40\\udd41\"\n"),
        ] {
            let mut out = Vec::new();
            line(&mut out, &text).unwrap();
            assert_eq!(String::from_utf8(out.clone()).unwrap(), expected, "{rule}");
            let back: String = serde_json::from_slice(&out).unwrap();
            assert_eq!(back, text, "{rule}");
        }
    }
}
