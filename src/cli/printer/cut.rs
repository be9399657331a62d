//! Lines cut to a terminal's width.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// What stands where something was cut.
const CUT: &str = "…";

/// Columns that a tab may take.
const TAB: usize = 8;

/// Columns of a text on a terminal: Chinese takes two for a character.
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// The beginning of `text`, in at most `columns` columns.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let end = fitting(text, columns.saturating_sub(1));
    format!("{}{CUT}", text.get(..end).unwrap_or_default())
}

/// A piece of `text` around `hit`, in at most `columns` columns and never less than the hit's
/// first character; and where the hit is in it.
pub fn cut_around(text: &str, hit: &Range<usize>, columns: usize) -> (String, Range<usize>) {
    if width(text) <= columns {
        return (text.to_owned(), hit.clone());
    }
    let inside = text.get(hit.clone()).unwrap_or_default();
    // A third of what the hit leaves stands before it: the words that lead to it.
    let before = columns.saturating_sub(width(inside) + 2) / 3;
    let start = hit.start - fitting_back(text.get(..hit.start).unwrap_or_default(), before);
    let head = if start > 0 { CUT } else { "" };
    let rest = text.get(start..).unwrap_or_default();
    let rest = cut(rest, columns.saturating_sub(width(head)).max(2));
    let shift = |at: usize| (at - start + head.len()).min(head.len() + rest.len());
    let range = shift(hit.start)..shift(hit.end);
    let piece = format!("{head}{rest}");
    // The hit may be longer than the line: then its end is where the line was cut.
    let end = if piece.is_char_boundary(range.end) { range.end } else { piece.len() };
    (piece, range.start..end)
}

fn char_width(c: char) -> usize {
    if c == '\t' { TAB } else { c.width().unwrap_or(0) }
}

/// Bytes of the beginning of `text` that fit.
fn fitting(text: &str, columns: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += char_width(c);
        if used > columns {
            return at;
        }
    }
    text.len()
}

/// Bytes of the end of `text` that fit.
fn fitting_back(text: &str, columns: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices().rev() {
        used += char_width(c);
        if used > columns {
            return text.len() - at - c.len_utf8();
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_cut_by_columns() {
        for (text, columns, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("天气好", 6, "天气好"),
            ("天气好", 5, "天气…"),
            ("天气好", 4, "天…"),
            ("abc", 1, "…"),
        ] {
            assert_eq!(cut(text, columns), expected, "{text} in {columns}");
        }
    }

    #[test]
    fn a_long_line_is_cut_around_its_hit() {
        let line = format!("{}HIT{}", "a".repeat(50), "b".repeat(50));
        for (rule, hit, columns, expected) in [
            ("in the middle", 50..53, 20, "…aaaaaHITbbbbbbbbbb…"),
            ("at the start", 0..3, 10, "aaaaaaaaa…"),
            ("at the end", 100..103, 11, "…aabbb"),
        ] {
            let (piece, range) = cut_around(&line, &hit, columns);
            if rule == "at the end" {
                assert!(piece.ends_with("bbb") && width(&piece) <= columns, "{rule}: {piece}");
            } else {
                assert_eq!(piece, expected, "{rule}");
            }
            assert_eq!(piece[range], line[hit], "{rule}");
        }
    }

    proptest! {
        #[test]
        fn any_line_fits_and_shows_its_hit(text in "\\PC{1,80}", at: prop::sample::Index, columns in 4_usize..60) {
            let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let start = *at.get(&starts);
            let first = text[start..].chars().next().unwrap();
            let (piece, range) = cut_around(&text, &(start..start + first.len_utf8()), columns);
            prop_assert!(width(&piece) <= columns, "{piece}");
            prop_assert!(piece[range].starts_with(first), "{piece}");
        }
    }
}
