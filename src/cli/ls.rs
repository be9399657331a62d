//! `overhear ls`: the exchanges, one line each.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use jiff::Zoned;
use jiff::tz::TimeZone;

use super::filters::{self, FilterArgs};
use super::printer::{ExitStatus, Ink, Printer, cut, shown, width};
use crate::model::State;
use crate::query;
use crate::store::{Calls, Listed, short_id};

/// Lines shown unless told otherwise: about a screen, and as many as one reads.
const LIMIT: usize = 50;

/// Columns that the first words of a prompt get at least; for them other columns are left out.
const WORDS_COLUMNS_MIN: usize = 24;

/// Columns of a name (app, model) at most.
const NAME_COLUMNS_MAX: usize = 28;

/// List exchanges, the newest last: right above the next prompt, where one looks first
///
/// The ID is the last eight digits of the exchange's id. Every command takes its first digits,
/// or any piece that the whole id begins or ends with, as long as only one exchange has it. IN and OUT are tokens as the
/// provider counted them, FIRST is the time to the first piece of answer, TOTAL to the last.
#[derive(Args, Clone, Debug)]
pub struct LsArgs {
    /// The newest N; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = LIMIT)]
    limit: usize,
    /// Also what is no call of a model: settings, metrics, handshakes of WebSockets
    #[arg(long)]
    everything: bool,
    /// One JSON object a line, of everything, with every field of `docs/exchange.md`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filters: FilterArgs,
}

/// Runs the command on the capture at `capture`.
pub fn ls(args: &LsArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let reader = filters::open(capture, out)?;
    let mut filter = args.filters.filter(&Zoned::now())?;
    filter.limit = (args.limit > 0).then_some(args.limit);
    let mut selection = filter.selection(&reader)?;
    // A program is given all there is: it can leave out more easily than it can miss.
    let mut not_listed = 0;
    if !args.everything && !args.json {
        let all = reader.count(&selection)?;
        selection.calls = Calls::OfModels;
        not_listed = all.saturating_sub(reader.count(&selection)?);
    }
    let exchanges = query::newest(&reader, &selection, filter.order, filter.limit)?;
    if exchanges.is_empty() {
        hidden(not_listed, out);
        return Ok(ExitStatus::NothingFound);
    }
    if args.json {
        for listed in &exchanges {
            if let Some(exchange) = reader.exchange(listed.seq)? {
                out.json(&exchange)?;
            }
        }
    } else {
        table(&exchanges, out)?;
        out.flush()?;
        hidden(not_listed, out);
    }
    Ok(ExitStatus::Found)
}

/// Tells that a list is shorter than the capture.
fn hidden(count: u64, out: &mut Printer) {
    match count {
        0 => {}
        1 => out.talk("1 exchange is no call of a model and not listed; see it with --everything"),
        n => out.talk(format_args!(
            "{n} exchanges are no calls of a model and not listed; see them with --everything"
        )),
    }
}

/// A column: its heading, what it says of an exchange, and in which order columns give way to
/// the first words (the lowest first; `None` stays).
struct Column {
    heading: &'static str,
    side: Align,
    gives_way: Option<u8>,
    cell: fn(&Listed, &TimeZone) -> (Ink, String),
}

#[derive(Clone, Copy)]
enum Align {
    Left,
    Right,
}

const COLUMNS: [Column; 11] = [
    Column { heading: "ID", side: Align::Left, gives_way: None, cell: id },
    Column { heading: "TIME", side: Align::Left, gives_way: Some(6), cell: time },
    Column { heading: "APP", side: Align::Left, gives_way: Some(5), cell: app },
    Column { heading: "PROVIDER", side: Align::Left, gives_way: Some(3), cell: provider },
    Column { heading: "MODEL", side: Align::Left, gives_way: Some(7), cell: model },
    Column { heading: "TAGS", side: Align::Left, gives_way: Some(8), cell: tags },
    Column { heading: "STATE", side: Align::Left, gives_way: None, cell: state },
    Column { heading: "IN/OUT", side: Align::Right, gives_way: Some(4), cell: tokens },
    Column { heading: "COST", side: Align::Right, gives_way: Some(1), cell: cost },
    Column { heading: "FIRST", side: Align::Right, gives_way: Some(0), cell: first },
    Column { heading: "TOTAL", side: Align::Right, gives_way: Some(2), cell: total },
];

fn table(exchanges: &[Listed], out: &mut Printer) -> Result<()> {
    let zone = TimeZone::system();
    let rows: Vec<Vec<(Ink, String)>> = exchanges
        .iter()
        .map(|listed| COLUMNS.iter().map(|column| (column.cell)(listed, &zone)).collect())
        .collect();
    let widths: Vec<usize> = COLUMNS
        .iter()
        .enumerate()
        .map(|(n, column)| {
            let cells = rows.iter().filter_map(|row| row.get(n)).map(|(_, cell)| width(cell));
            // A column that says nothing is left out.
            cells.max().filter(|&widest| widest > 0).map_or(0, |w| w.max(column.heading.len()))
        })
        .collect();
    let widths = fitted(widths, out.width());
    let used: usize = widths.iter().filter(|&&w| w > 0).map(|w| w + 2).sum();
    let words = |text: &str| match out.width() {
        Some(columns) => cut(text, columns.saturating_sub(used)),
        None => text.to_owned(),
    };
    let heading: Vec<_> = COLUMNS.iter().map(|c| (Ink::Dim, c.heading.to_owned())).collect();
    let mut lines = vec![(heading, (Ink::Dim, words("PROMPT")))];
    for (row, listed) in rows.into_iter().zip(exchanges) {
        let text = match (&listed.first_words, listed.operation.as_deref()) {
            (Some(words), _) => words.clone(),
            (None, Some("connect")) => format!("(opens a WebSocket) {}", listed.path),
            (None, _) => listed.path.clone(),
        };
        let ink = if listed.first_words.is_some() { Ink::Plain } else { Ink::Dim };
        lines.push((row, (ink, words(&shown(&text)))));
    }
    for (cells, words) in lines {
        let mut pieces: Vec<(Ink, String)> = Vec::new();
        for (((ink, cell), column), &columns) in cells.into_iter().zip(&COLUMNS).zip(&widths) {
            if columns > 0 {
                pieces.push((ink, padded(&cell, column.side, columns)));
                pieces.push((Ink::Plain, "  ".to_owned()));
            }
        }
        pieces.push(words);
        out.line(&pieces)?;
    }
    Ok(())
}

/// Widths of the columns, 0 for those that give way to the first words.
fn fitted(mut widths: Vec<usize>, terminal: Option<usize>) -> Vec<usize> {
    let Some(terminal) = terminal else { return widths };
    let mut order: Vec<(u8, usize)> =
        COLUMNS.iter().enumerate().filter_map(|(n, column)| Some((column.gives_way?, n))).collect();
    order.sort_unstable();
    for (_, n) in order {
        let used: usize = widths.iter().filter(|&&w| w > 0).map(|w| w + 2).sum();
        if used + WORDS_COLUMNS_MIN <= terminal {
            break;
        }
        if let Some(width) = widths.get_mut(n) {
            *width = 0;
        }
    }
    widths
}

fn padded(cell: &str, side: Align, columns: usize) -> String {
    let space = " ".repeat(columns.saturating_sub(width(cell)));
    match side {
        Align::Left => format!("{cell}{space}"),
        Align::Right => format!("{space}{cell}"),
    }
}

fn id(listed: &Listed, _: &TimeZone) -> (Ink, String) {
    (Ink::Id, short_id(listed.id))
}

fn time(listed: &Listed, zone: &TimeZone) -> (Ink, String) {
    let time = listed.started_at.to_zoned(zone.clone());
    (Ink::Plain, time.strftime("%m-%d %H:%M:%S").to_string())
}

fn app(listed: &Listed, _: &TimeZone) -> (Ink, String) {
    (Ink::Plain, name(listed.app.name()))
}

fn provider(listed: &Listed, _: &TimeZone) -> (Ink, String) {
    (Ink::Plain, name(listed.provider.as_deref().unwrap_or(&listed.origin)))
}

fn model(listed: &Listed, _: &TimeZone) -> (Ink, String) {
    let model = listed.request_model.as_deref().or(listed.reply_model.as_deref());
    (Ink::Plain, name(model.unwrap_or_default()))
}

fn tags(listed: &Listed, _: &TimeZone) -> (Ink, String) {
    (Ink::Role, name(listed.marks.as_deref().unwrap_or_default()))
}

/// The status says enough of an exchange that came to its end.
fn state(listed: &Listed, _: &TimeZone) -> (Ink, String) {
    // The turns of a WebSocket have the status of its handshake, which says nothing of them.
    let is_turn = listed.status == Some(101) && listed.operation.as_deref() != Some("connect");
    let status = match is_turn {
        true => Some("ws".to_owned()),
        false => listed.status.map(|status| status.to_string()),
    };
    match (listed.state, status) {
        (State::Complete, Some(status)) => (Ink::Plain, status),
        (State::Complete, None) => (Ink::Plain, State::Complete.as_str().to_owned()),
        (State::Failed, Some(status)) => (Ink::Bad, format!("{status} failed")),
        (state, _) => (Ink::Bad, state.as_str().to_owned()),
    }
}

fn tokens(listed: &Listed, _: &TimeZone) -> (Ink, String) {
    let text = match (listed.usage.input, listed.usage.output) {
        (None, None) => String::new(),
        (input, output) => {
            let part = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), count_of);
            format!("{}/{}", part(input), part(output))
        }
    };
    (Ink::Plain, text)
}

fn cost(listed: &Listed, _: &TimeZone) -> (Ink, String) {
    (Ink::Plain, listed.cost_usd.map(dollars).unwrap_or_default())
}

fn first(listed: &Listed, _: &TimeZone) -> (Ink, String) {
    (Ink::Plain, listed.first_token_ms.map(duration).unwrap_or_default())
}

fn total(listed: &Listed, _: &TimeZone) -> (Ink, String) {
    (Ink::Plain, listed.duration_ms.map(duration).unwrap_or_default())
}

fn name(text: &str) -> String {
    cut(&shown(text), NAME_COLUMNS_MAX)
}

/// A count of tokens in at most five characters or so.
pub(super) fn count_of(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{}.{}k", count / 1_000, count % 1_000 / 100),
        _ => format!("{}.{}M", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}

/// US dollars; providers charge fractions of a cent.
pub(super) fn dollars(cost: f64) -> String {
    if cost > 0.0 && cost < 0.0001 { "<$0.0001".to_owned() } else { format!("${cost:.4}") }
}

/// A time of milliseconds in the unit that people say it in.
pub(super) fn duration(ms: f64) -> String {
    match ms {
        ms if ms < 999.5 => format!("{ms:.0}ms"),
        ms if ms < 59_950.0 => format!("{:.1}s", ms / 1000.0),
        ms => {
            let minutes = (ms / 60_000.0).floor();
            format!("{minutes:.0}m{:02.0}s", ((ms - minutes * 60_000.0) / 1000.0).floor())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::printer::tests::Sheet;
    use crate::store::tests::sample::{Capture, turn};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: LsArgs,
    }

    #[test]
    fn numbers_as_people_say_them() {
        for (ms, expected) in [
            (0.4, "0ms"),
            (999.4, "999ms"),
            (1000.0, "1.0s"),
            (59_949.0, "59.9s"),
            (123_000.0, "2m03s"),
        ] {
            assert_eq!(duration(ms), expected);
        }
        for (count, expected) in [(0, "0"), (9_999, "9999"), (12_345, "12.3k"), (1_250_000, "1.2M")]
        {
            assert_eq!(count_of(count), expected);
        }
        for (cost, expected) in [(0.0, "$0.0000"), (0.00001, "<$0.0001"), (1.5, "$1.5000")] {
            assert_eq!(dollars(cost), expected);
        }
    }

    #[test]
    fn columns_give_way_to_the_first_words() {
        let widths = vec![8, 14, 10, 9, 20, 0, 3, 9, 7, 5, 5];
        assert_eq!(fitted(widths.clone(), None), widths);
        assert_eq!(fitted(widths.clone(), Some(200)), widths);
        for terminal in [40, 60, 80, 100, 120] {
            let used: usize = fitted(widths.clone(), Some(terminal))
                .iter()
                .filter(|&&w| w > 0)
                .map(|w| w + 2)
                .sum();
            assert!(used + WORDS_COLUMNS_MIN <= terminal, "{terminal}");
        }
    }

    #[test]
    fn the_table_fits_the_terminal_and_the_newest_is_last() {
        let mut capture = Capture::new();
        capture.write(&[turn(1), turn(0)]);
        for columns in [Some(60), Some(80), Some(120), None] {
            let data = Sheet::default();
            let mut out = Printer::to(Box::new(data.clone()), Box::new(Sheet::default()), columns);
            let line = Line::parse_from(["ls"]);
            assert_eq!(ls(&line.args, &capture.path(), &mut out).unwrap(), ExitStatus::Found);
            out.flush().unwrap();
            let shown = data.take();
            let prompts: Vec<_> =
                shown.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
            assert_eq!(prompts, ["PROMPT", "question 0", "question 1"]);
            assert!(
                shown.lines().all(|line| width(line) <= columns.unwrap_or(usize::MAX)),
                "{shown}"
            );
        }
    }
}
