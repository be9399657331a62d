//! Texts laid over each other, as lines: what changed with some lines around it.

use std::io;

use crate::cli::printer::{Ink, Printer, shown};
use crate::query::diff::{Op, TextDiff};

/// Lines shown before and after a change.
const CONTEXT_LINES: usize = 2;

/// Characters shown before and after a change inside a long line.
const CONTEXT_CHARS: usize = 100;

/// What a change of a line's end alone is shown as.
const LINE_END: &str = "⏎";

/// A line: its pieces, and which of the texts have them.
type Line<'a> = Vec<(Op, &'a str)>;

/// Writes what changed in a text; lines that are alike are folded and counted.
pub fn text(indent: &str, diff: &TextDiff, out: &mut Printer) -> io::Result<()> {
    let lines = lines(diff);
    let mut shows = vec![false; lines.len()];
    for (at, _) in lines.iter().enumerate().filter(|(_, line)| has_change(line)) {
        let around = at.saturating_sub(CONTEXT_LINES)..=at + CONTEXT_LINES;
        for at in around {
            if let Some(shows) = shows.get_mut(at) {
                *shows = true;
            }
        }
    }
    let mut folded = 0;
    for (line, shows) in lines.iter().zip(shows) {
        if !shows {
            folded += 1;
            continue;
        }
        fold(indent, std::mem::take(&mut folded), out)?;
        let mut pieces = vec![(Ink::Plain, indent.to_owned())];
        pieces.extend(inked(line));
        out.line(&pieces)?;
    }
    fold(indent, folded, out)
}

/// The pieces of a text that is one line on both sides.
pub fn one_line(diff: &TextDiff) -> Option<Vec<(Ink, String)>> {
    match lines(diff).as_slice() {
        [line] => Some(inked(line)),
        _ => None,
    }
}

fn inked(line: &Line<'_>) -> Vec<(Ink, String)> {
    let last = line.len().saturating_sub(1);
    let pieces = line.iter().enumerate().map(|(at, &(op, text))| match op {
        Op::Same => (Ink::Plain, shortened(text, at > 0, at < last)),
        Op::Removed => (Ink::Removed, shown(text).into_owned()),
        Op::Added => (Ink::Added, shown(text).into_owned()),
    });
    pieces.collect()
}

/// Writes a text that only one side has, line by line.
pub fn whole(indent: &str, ink: Ink, text: &str, out: &mut Printer) -> io::Result<()> {
    for line in text.lines() {
        out.line(&[(Ink::Plain, indent), (ink, &shown(line))])?;
    }
    Ok(())
}

fn fold(indent: &str, lines: usize, out: &mut Printer) -> io::Result<()> {
    match lines {
        0 => Ok(()),
        1 => out.line(&[(Ink::Dim, format!("{indent}… 1 line alike"))]),
        lines => out.line(&[(Ink::Dim, format!("{indent}… {lines} lines alike"))]),
    }
}

fn has_change(line: &Line<'_>) -> bool {
    line.iter().any(|&(op, _)| op != Op::Same)
}

fn lines(diff: &TextDiff) -> Vec<Line<'_>> {
    let mut lines = vec![Line::new()];
    for piece in &diff.pieces {
        for line in piece.text.split_inclusive('\n') {
            let words = line.strip_suffix('\n').unwrap_or(line);
            let is_line_end = words.is_empty() && piece.op != Op::Same;
            if let Some(last) = lines.last_mut()
                && (is_line_end || !words.is_empty())
            {
                last.push((piece.op, if is_line_end { LINE_END } else { words }));
            }
            if words.len() < line.len() {
                lines.push(Line::new());
            }
        }
    }
    // Behind the last line's end there is no line.
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

/// What is alike inside a line: of a long piece only what stands next to a change, or its
/// beginning if nothing in the line changed.
fn shortened(text: &str, follows_change: bool, leads_to_change: bool) -> String {
    let is_at_an_end = follows_change != leads_to_change;
    let kept = if is_at_an_end { CONTEXT_CHARS } else { CONTEXT_CHARS * 2 };
    // What is left out must be worth more than the sign for it.
    if text.chars().nth(kept + CONTEXT_CHARS / 4).is_none() {
        return shown(text).into_owned();
    }
    let head_chars = match (follows_change, leads_to_change) {
        (false, false) => CONTEXT_CHARS * 2,
        (true, _) => CONTEXT_CHARS,
        (false, true) => 0,
    };
    let head = text.char_indices().nth(head_chars).map_or(text.len(), |(at, _)| at);
    let tail = match text.char_indices().nth_back(CONTEXT_CHARS - 1) {
        Some((at, _)) if leads_to_change => at,
        _ => text.len(),
    };
    let [head, tail] = [text.get(..head), text.get(tail..)].map(Option::unwrap_or_default);
    format!("{}…{}", shown(head), shown(tail))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::cli::printer::tests::Sheet;

    fn written(old: &str, new: &str) -> String {
        let diff = TextDiff::new(old, new, Instant::now() + Duration::from_secs(5));
        let data = Sheet::default();
        let mut out = Printer::to(Box::new(data.clone()), Box::new(Sheet::default()), None);
        text("", &diff, &mut out).unwrap();
        out.flush().unwrap();
        data.take()
    }

    #[test]
    fn a_changed_text_reads_line_by_line() {
        let ten = |last: &str| -> String {
            (0..10).map(|n| format!("line {n}\n")).chain([last.to_owned()]).collect()
        };
        for (rule, old, new, expected) in [
            ("a word", "be brief now", "be exact now", "be [-brief-]{+exact+} now\n"),
            (
                "lines alike are folded",
                &ten("be brief"),
                &ten("be exact"),
                "… 8 lines alike\nline 8\nline 9\nbe [-brief-]{+exact+}\n",
            ),
            ("lines that came", "a\nz\n", "a\nb\nc\nz\n", "a\n{+b+}\n{+c+}\nz\n"),
            ("an empty line that came", "a\nz", "a\n\nz", "a\n{+⏎+}\nz\n"),
            ("what could steer a terminal", "a", "a\u{1b}", "a{+\\u{1b}+}\n"),
        ] {
            assert_eq!(written(old, new), expected, "{rule}");
        }
    }

    #[test]
    fn a_long_line_shows_what_stands_next_to_a_change() {
        let long = "word ".repeat(200);
        let read = written(&format!("{long}old {long}"), &format!("{long}new {long}"));
        assert!(
            read.starts_with("…word word") && read.contains("word [-old-]{+new+} word"),
            "{read}"
        );
        assert!(read.len() < 300, "{read}");
    }
}
