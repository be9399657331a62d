//! A table of text (RFC 4180), for spreadsheets: the narrow columns, the first words of the
//! prompt, and the beginning of the answer.
//!
//! A spreadsheet runs what looks like a formula, and prompts are anybody's words: what could
//! begin one has a `'` before it.

use std::borrow::Cow;
use std::io::{self, Write};

use super::columns::{Cell, NARROW};
use super::visible::visible;
use super::{ExportError, Item, jsonl};
use crate::model::{Exchange, Part};

/// Characters of an answer in its cell: a spreadsheet holds some 32,000 in one, and nobody reads
/// them there.
const ANSWER_CHARS_MAX: usize = 2000;

/// Writes the names of the columns.
pub(super) fn head(out: &mut impl Write) -> io::Result<()> {
    let names = NARROW.iter().map(|column| column.name);
    record(out, names.chain(["first_words", "answer"]).map(str::to_owned))
}

/// Writes an exchange.
pub(super) fn row(item: &Item<'_>, out: &mut impl Write) -> Result<(), ExportError> {
    let exchange = item.exchange;
    let first = item.reader.listed(item.seq)?.and_then(|listed| listed.first_words);
    let cells = NARROW.iter().map(|column| cell((column.cell)(exchange)));
    let texts = [first.unwrap_or_default(), answer(exchange)];
    let texts = texts.iter().map(|text| harmless(text));
    record(out, cells.chain(texts))?;
    Ok(())
}

fn record(out: &mut impl Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    let mut line = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .quote_style(::csv::QuoteStyle::Necessary)
        .from_writer(out);
    line.write_record(cells.collect::<Vec<String>>()).map_err(io::Error::other)?;
    line.flush()
}

fn cell(cell: Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Text(text) => harmless(&text),
        // Numbers are ours: a minus is a minus.
        Cell::Whole(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Bool(is) => is.to_string(),
        Cell::Time(at) => at.to_string(),
    }
}

/// The text without controls, and so that no program takes any of it for a formula.
fn harmless(text: &str) -> String {
    let text = visible(text);
    match defused(&text) {
        Cow::Borrowed(_) => text.into_owned(),
        Cow::Owned(text) => text,
    }
}

/// Puts a `'` before what could begin a formula: at the beginning, behind quotes, spaces and
/// tabs, and wherever another program may cut a cell, at ends of lines, tabs and semicolons.
fn defused(text: &str) -> Cow<'_, str> {
    // Some programs take a tab before a cell away, and look then.
    let mut out = if text.starts_with(['\t', '\n']) { "'".to_owned() } else { String::new() };
    let (mut from, mut begin) = (0, Some(0));
    for (at, c) in text.char_indices() {
        match begin {
            Some(begin) if begins_formula(c) => {
                out.push_str(text.get(from..begin).unwrap_or_default());
                out.push('\'');
                from = begin;
            }
            _ => {}
        }
        begin = match c {
            '\n' | '\r' | '\t' | ';' => Some(at + c.len_utf8()),
            _ if is_skipped(c) => begin,
            _ => None,
        };
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

/// In its wide and its small form as well: some programs take them for the same.
fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '−')
}

/// What programs may leave out before they look.
fn is_skipped(c: char) -> bool {
    c.is_whitespace()
        || jsonl::steers(c)
        || matches!(
            c,
            '"' | '\'' | '“' | '”' | '„' | '‘' | '’' | '＂' | '＇' | '\u{200c}' | '\u{200d}'
        )
}

/// The words of the first answer.
fn answer(exchange: &Exchange) -> String {
    let parts = exchange.reply.iter().flat_map(|reply| &reply.choices).next();
    let mut text = String::new();
    for part in parts.iter().flat_map(|choice| &choice.parts) {
        let more = match part {
            Part::Text { text } => Cow::Borrowed(text.as_str()),
            Part::ToolCall { name, arguments, .. } => Cow::Owned(format!("[{name} {arguments}]")),
            _ => continue,
        };
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&more);
    }
    match text.char_indices().nth(ANSWER_CHARS_MAX) {
        None => text,
        Some((end, _)) => {
            let left = text.get(end..).unwrap_or_default().chars().count();
            text.truncate(end);
            format!("{text}… ({left} more characters)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{Format, write};
    use crate::store::Selection;
    use crate::store::tests::sample::{Capture, turn};

    #[test]
    fn nothing_is_a_formula() {
        for (rule, text, expected) in [
            ("words", "a = b - c", "a = b - c"),
            ("a formula", "=1+1", "'=1+1"),
            ("a plus", "+1", "'+1"),
            ("a minus", "-1", "'-1"),
            ("an at", "@SUM(A1)", "'@SUM(A1)"),
            ("behind spaces", "  =1", "'  =1"),
            ("behind a tab", "\t=1", "'\t'=1"),
            ("a tab", "\ta", "'\ta"),
            ("behind a quote", "\"=1", "'\"=1"),
            ("wide", "＝1", "'＝1"),
            ("behind what has no width", "\u{200d}=1", "'\u{200d}=1"),
            ("a line of its own", "list:\n- a\n= b", "list:\n'- a\n'= b"),
            ("behind a semicolon", "a;=1", "a;'=1"),
            ("an escape", "\u{1b}=1", "⟦U+001B⟧=1"),
        ] {
            assert_eq!(harmless(text), expected, "{rule}");
        }
    }

    #[test]
    fn a_table_is_read_back() {
        let mut hostile = turn(0);
        hostile.cost_usd = Some(-0.5);
        hostile.app.user_agent = Some("=cmd|' /C calc'!A0, \"x\"".into());
        hostile.reply.as_mut().unwrap().choices[0].parts =
            vec![Part::text("a\r\n\"b\",c".repeat(900))];
        let mut capture = Capture::new();
        capture.write(&[hostile, turn(1)]);
        let mut out = Vec::new();
        let all = Selection::default();
        write(Format::Csv, &capture.reader(), &all, None, &mut out).unwrap();
        let mut table = ::csv::Reader::from_reader(out.as_slice());
        let names = table.headers().unwrap().clone();
        let rows: Vec<_> = table.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        let cell = |name: &str| {
            let at = names.iter().position(|had| had == name).unwrap();
            rows[0][at].to_owned()
        };
        assert_eq!(cell("id"), turn(0).id.to_string());
        assert_eq!(cell("app_user_agent"), "'=cmd|' /C calc'!A0, \"x\"");
        assert_eq!(cell("cost_usd"), "-0.5");
        assert_eq!(cell("usage_input"), "10");
        assert_eq!(cell("first_token_ms"), "");
        assert_eq!(cell("first_words"), "question 0");
        assert!(cell("answer").starts_with("a\n\"b\",c"), "{}", cell("answer"));
        assert!(cell("answer").ends_with(" more characters)"));
    }
}
