//! `overhear grep`: lines of prompts and answers.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use jiff::Zoned;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::filters::{self, FilterArgs};
use super::printer::{ExitStatus, Ink, Printer, cut_around, shown, width};
use crate::query::{Case, Every, Grep, Hit, Occurrence, Pattern, Role, Syntax};
use crate::store::short_id;

/// Columns that a cut line keeps however narrow the terminal is.
const LINE_COLUMNS_MIN: usize = 20;

/// Hits that are each shown at once, while the search goes on: more than a person reads before
/// the next thousand fills the buffer.
const SHOWN_AT_ONCE: usize = 200;

/// Find lines in prompts and answers: system prompts, messages, tool calls and results,
/// reasoning, descriptions of tools, answers
///
/// A message that an app sends again with every turn is searched once, and reported for the
/// newest exchange that has it, with how many have it since when. JSON (a tool call's
/// arguments) is searched as lines of `name: value` with the values unescaped. Hits come as
/// they are found, the texts captured last first. Exit status: 0 found, 1 nothing found, 2
/// error.
#[derive(Args, Clone, Debug)]
pub struct GrepArgs {
    /// A regular expression (syntax: docs.rs/regex); `^` and `$` are the ends of a line
    pattern: String,
    /// Upper and lower case alike
    #[arg(short, long)]
    ignore_case: bool,
    /// PATTERN as it is written, no regular expression
    #[arg(short = 'F', long)]
    fixed_strings: bool,
    /// Show N lines before and after each hit
    #[arg(short = 'C', long, value_name = "N", default_value_t = 0)]
    context: usize,
    /// Report every exchange that has a message, not the newest alone
    #[arg(long)]
    all: bool,
    /// One JSON object a hit: exchange, role, place, line, text, first and last exchange, count
    #[arg(long)]
    json: bool,
    /// Only texts of ROLE: system, user, assistant, reasoning, call (a tool call's arguments),
    /// tool (its result), tools (their descriptions), request or reply (of an exchange that no
    /// dialect reads). Can be repeated
    #[arg(long, value_name = "ROLE", help_heading = "Filters")]
    role: Vec<Role>,
    /// Only the exchange ID, written as for `overhear show`
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    id: Option<String>,
    #[command(flatten)]
    filters: FilterArgs,
}

/// A hit as `--json` gives it.
#[derive(Serialize)]
struct HitLine<'a> {
    exchange: uuid::Uuid,
    started_at: jiff::Timestamp,
    role: &'a str,
    place: &'static str,
    index: u32,
    line: usize,
    text: &'a str,
    before: &'a [String],
    after: &'a [String],
    earlier: usize,
    first: OccurrenceLine,
    last: OccurrenceLine,
    count: usize,
}

/// An exchange that has the text.
#[derive(Serialize)]
struct OccurrenceLine {
    exchange: uuid::Uuid,
    started_at: jiff::Timestamp,
}

/// Runs the command on the capture at `capture`.
pub fn grep(args: &GrepArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let syntax = if args.fixed_strings { Syntax::Literal } else { Syntax::Regex };
    let case = if args.ignore_case { Case::Insensitive } else { Case::Sensitive };
    let every = if args.all { Every::Exchange } else { Every::Newest };
    let pattern = Pattern::new(&args.pattern, syntax, case)?;
    let reader = filters::open(capture, out)?;
    let mut filter = args.filters.filter(&Zoned::now())?;
    filter.role.clone_from(&args.role);
    filter.id.clone_from(&args.id);
    let mut status = ExitStatus::NothingFound;
    let mut lines = Lines { every, ..Lines::default() };
    let mut at_once = 0..SHOWN_AT_ONCE;
    Grep::new(&reader, &pattern, &filter, args.context, every)?.run(|hit| -> Result<()> {
        status = ExitStatus::Found;
        match args.json {
            true => out.json(&HitLine::of(&hit, every))?,
            false => lines.hit(out, hit, args.context)?,
        }
        if at_once.next().is_some() {
            out.flush()?;
        }
        Ok(())
    })?;
    lines.end(out)?;
    Ok(status)
}

impl<'a> HitLine<'a> {
    fn of(hit: &'a Hit, every: Every) -> Self {
        Self {
            exchange: hit.exchange.id,
            started_at: hit.exchange.started_at,
            role: hit.role.as_str(),
            place: hit.place.as_str(),
            index: hit.index,
            line: hit.found.number,
            text: &hit.found.line,
            before: &hit.found.before,
            after: &hit.found.after,
            earlier: if every == Every::Newest { hit.count.saturating_sub(1) } else { 0 },
            first: OccurrenceLine::of(hit.first),
            last: OccurrenceLine::of(hit.last),
            count: hit.count,
        }
    }
}

impl OccurrenceLine {
    fn of(occurrence: Occurrence) -> Self {
        let Occurrence { exchange, started_at } = occurrence;
        Self { exchange, started_at }
    }
}

/// Prints hits so that no line of a text comes twice where the context of two hits overlaps.
#[derive(Default)]
struct Lines {
    every: Every,
    /// The hit printed last, its `after` not yet.
    last: Option<Hit>,
}

impl Lines {
    fn hit(&mut self, out: &mut Printer, hit: Hit, context: usize) -> std::io::Result<()> {
        let first = hit.found.number - hit.found.before.len();
        let mut printed = 0;
        let mut count = if self.every == Every::Newest { count(&hit) } else { String::new() };
        if let Some(last) = self.last.take() {
            let is_same = is_same_text(&last, &hit);
            let last_line = after(out, &last, if is_same { hit.found.number } else { usize::MAX })?;
            printed = if is_same { last_line } else { 0 };
            if is_same {
                // Said with the text's first hit.
                count.clear();
            }
            if context > 0 && (!is_same || printed + 1 < first) {
                out.line(&[(Ink::Dim, "--")])?;
            }
        }
        for (number, line) in
            (first..).zip(&hit.found.before).filter(|(number, _)| *number > printed)
        {
            around(out, &hit, number, line)?;
        }
        found(out, &hit, count)?;
        self.last = Some(hit);
        Ok(())
    }

    fn end(&mut self, out: &mut Printer) -> std::io::Result<()> {
        if let Some(last) = self.last.take() {
            after(out, &last, usize::MAX)?;
        }
        Ok(())
    }
}

fn is_same_text(last: &Hit, hit: &Hit) -> bool {
    let text = |hit: &Hit| (hit.exchange.id, hit.role.clone(), hit.place, hit.index);
    text(last) == text(hit) && last.found.number < hit.found.number
}

/// Prints the lines after a hit that come before line `until`; gives the last line printed.
fn after(out: &mut Printer, hit: &Hit, until: usize) -> std::io::Result<usize> {
    let mut printed = hit.found.number;
    for (number, line) in (hit.found.number + 1..until).zip(&hit.found.after) {
        around(out, hit, number, line)?;
        printed = number;
    }
    Ok(printed)
}

fn around(out: &mut Printer, hit: &Hit, number: usize, line: &str) -> std::io::Result<()> {
    let prefix = prefix(hit, number, '-');
    let shown = shown(line);
    let used: usize = prefix.iter().map(|(_, text)| width(text)).sum();
    let line = match out.width() {
        Some(columns) => cut_around(&shown, &(0..0), room(columns, used)).0,
        None => shown.into_owned(),
    };
    let mut pieces = prefix;
    pieces.push((Ink::Plain, line));
    out.line(&pieces)
}

/// In how many exchanges the text is, and since when.
fn count(hit: &Hit) -> String {
    if hit.count < 2 {
        return String::new();
    }
    let since = hit.first.started_at.to_zoned(TimeZone::system());
    format!("  ×{} since {}", hit.count, since.strftime("%m-%d %H:%M"))
}

fn found(out: &mut Printer, hit: &Hit, count: String) -> std::io::Result<()> {
    let mut pieces = prefix(hit, hit.found.number, ':');
    let used: usize = pieces.iter().map(|(_, text)| width(text)).sum();
    let used = used + width(&count);
    let hit = &hit.found;
    // Escaping moves the hits: each piece is made harmless by itself.
    let mut line = String::new();
    let mut ranges = Vec::new();
    let mut from = 0;
    for range in &hit.ranges {
        line.push_str(&shown(hit.line.get(from..range.start).unwrap_or_default()));
        let start = line.len();
        line.push_str(&shown(hit.line.get(range.clone()).unwrap_or_default()));
        ranges.push(start..line.len());
        from = range.end;
    }
    line.push_str(&shown(hit.line.get(from..).unwrap_or_default()));
    match (out.width(), ranges.first()) {
        (Some(columns), Some(first)) if width(&line) > room(columns, used) => {
            (line, ranges) = cut_line(&line, first, room(columns, used));
        }
        _ => {}
    }
    let mut from = 0;
    for range in ranges {
        pieces.push((Ink::Plain, line.get(from..range.start).unwrap_or_default().to_owned()));
        pieces.push((Ink::Hit, line.get(range.clone()).unwrap_or_default().to_owned()));
        from = range.end;
    }
    pieces.push((Ink::Plain, line.get(from..).unwrap_or_default().to_owned()));
    pieces.push((Ink::Dim, count));
    out.line(&pieces)
}

fn cut_line(
    line: &str,
    first: &std::ops::Range<usize>,
    columns: usize,
) -> (String, Vec<std::ops::Range<usize>>) {
    let (line, range) = cut_around(line, first, columns);
    (line, vec![range])
}

fn room(columns: usize, used: usize) -> usize {
    columns.saturating_sub(used).max(LINE_COLUMNS_MIN)
}

fn prefix(hit: &Hit, number: usize, mark: char) -> Vec<(Ink, String)> {
    vec![
        (Ink::Id, short_id(hit.exchange.id)),
        (Ink::Role, format!(" {}", shown(hit.role.as_str()))),
        (Ink::Dim, format!(" {}[{}]{mark}{number}{mark} ", hit.place.as_str(), hit.index)),
    ]
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::printer::tests::Sheet;
    use crate::model::Part;
    use crate::store::tests::sample::{Capture, turn};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: GrepArgs,
    }

    fn run(capture: &Capture, words: &[&str], columns: Option<usize>) -> (String, ExitStatus) {
        let line = Line::parse_from([&["grep"], words].concat());
        let data = Sheet::default();
        let mut out = Printer::to(Box::new(data.clone()), Box::new(Sheet::default()), columns);
        let result = grep(&line.args, &capture.path(), &mut out);
        let status = out.settle(result);
        (data.take(), status)
    }

    fn capture_of(text: &str) -> Capture {
        let mut capture = Capture::new();
        let mut exchange = turn(0);
        exchange.request.messages[0].parts = vec![Part::text(text)];
        capture.write(&[exchange]);
        capture
    }

    #[test]
    fn lines_around_hits_come_once_and_gaps_are_marked() {
        let capture = capture_of("a\nx1\nb\nx2\nc\nd\ne\nf\nx3");
        let (shown, status) = run(&capture, &["x", "-C1", "--role", "user"], None);
        let lines: Vec<_> = shown
            .lines()
            .map(|line| line.strip_prefix("00000000 user messages[0]").unwrap_or(line))
            .collect();
        let expected = ["-1- a", ":2: x1", "-3- b", ":4: x2", "-5- c", "--", "-8- f", ":9: x3"];
        assert_eq!(lines, expected);
        assert_eq!(status, ExitStatus::Found);
    }

    #[test]
    fn a_long_line_fits_the_terminal_and_is_whole_in_json() {
        let long = format!("{}HIT{}", "天".repeat(200), "b".repeat(200));
        let capture = capture_of(&long);
        let (shown, _) = run(&capture, &["HIT"], Some(80));
        assert!(shown.contains("HIT") && width(shown.trim_end()) <= 80, "{shown}");
        let (piped, _) = run(&capture, &["HIT"], None);
        assert!(piped.contains(&long), "{piped}");
        let (json, _) = run(&capture, &["HIT", "--json"], Some(80));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["text"], long);
    }

    #[test]
    fn captured_text_cannot_steer_the_terminal() {
        let capture = capture_of("\u{1b}]0;title\u{7}HIT\u{202e}");
        for words in [&["HIT"][..], &["HIT", "--json"], &["title", "-C1"]] {
            let (shown, _) = run(&capture, words, Some(80));
            assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
        }
    }

    #[test]
    fn nothing_found_and_no_pattern_differ() {
        let capture = capture_of("a");
        assert_eq!(run(&capture, &["zzz"], None).1, ExitStatus::NothingFound);
        assert_eq!(run(&capture, &["("], None).1, ExitStatus::Error);
        assert_eq!(run(&capture, &["(", "-F"], None).1, ExitStatus::NothingFound);
    }
}
