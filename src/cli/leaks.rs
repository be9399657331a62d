//! `overhear leaks`: the secrets that apps sent to models.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use clap::Args;
use jiff::Zoned;
use jiff::tz::TimeZone;

use super::filters::{self, FilterArgs};
use super::printer::{ExitStatus, Ink, Printer, cut, shown, width};
use crate::query::{self, Leaked, Seen};
use crate::store::short_id;

/// Columns that say who sent it at least; with fewer, the time gives way.
const BY_COLUMNS_MIN: usize = 16;

/// Columns of what it is, and of where it stood, at most.
const NAME_COLUMNS_MAX: usize = 20;

/// List the secrets that apps sent to models in their prompts, the one sent last at the end
///
/// Keys, tokens and passwords in system prompts, users' words, tool results and the like; not
/// the credentials by which an app authenticates. Their values are not kept: a secret has a
/// fingerprint, by which one is told from another. SENT counts the exchanges that carried it,
/// FIRST and LAST are the first and the last of them.
#[derive(Args, Clone, Debug)]
pub struct LeaksArgs {
    /// One JSON object a secret, with the fields of `docs/secrets.md`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filters: FilterArgs,
}

/// Runs the command on the capture at `capture`.
pub fn leaks(args: &LeaksArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let reader = filters::open(capture, out)?;
    let filter = args.filters.filter(&Zoned::now())?;
    let leaked = query::leaks(&reader, &filter.selection(&reader)?)?;
    if leaked.is_empty() {
        return Ok(ExitStatus::NothingFound);
    }
    if args.json {
        for leaked in &leaked {
            out.json(leaked)?;
        }
    } else {
        table(&leaked, out)?;
    }
    Ok(ExitStatus::Found)
}

const HEADINGS: [&str; 7] = ["KIND", "SECRET", "IN", "SENT", "FIRST", "LAST", "LAST SENT"];

fn table(leaked: &[Leaked], out: &mut Printer) -> Result<()> {
    let zone = TimeZone::system();
    let mut lines = vec![(HEADINGS.map(|heading| (Ink::Dim, heading.to_owned())), "BY".to_owned())];
    lines.extend(leaked.iter().map(|leaked| (cells(leaked, &zone), by(leaked))));
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|n| {
            let cells = lines.iter().filter_map(|(cells, _)| cells.get(n));
            cells.map(|(_, cell)| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let room = |columns: &[usize]| {
        let used: usize = columns.iter().map(|columns| columns + 2).sum();
        out.width().map(|terminal| terminal.saturating_sub(used))
    };
    // Who sent it is worth more than when.
    let whole = room(&widths).is_none_or(|left| left >= BY_COLUMNS_MIN);
    let columns = if whole { HEADINGS.len() } else { HEADINGS.len() - 1 };
    let widths = widths.get(..columns).unwrap_or_default();
    let left = room(widths);
    for (nth, (cells, by)) in lines.into_iter().enumerate() {
        let mut pieces = Vec::new();
        for ((ink, cell), columns) in cells.into_iter().zip(widths) {
            let space = " ".repeat(columns.saturating_sub(width(&cell)) + 2);
            pieces.extend([(ink, cell), (Ink::Plain, space)]);
        }
        let ink = if nth == 0 { Ink::Dim } else { Ink::Plain };
        pieces.push((ink, left.map_or_else(|| by.clone(), |left| cut(&by, left))));
        out.line(&pieces)?;
    }
    Ok(())
}

fn cells(leaked: &Leaked, zone: &TimeZone) -> [(Ink, String); 7] {
    let name = |words: &BTreeSet<String>| cut(&shown(&joined(words)), NAME_COLUMNS_MAX);
    let id = |seen: Seen| (Ink::Id, short_id(seen.id));
    let time = leaked.last.started_at.to_zoned(zone.clone());
    [
        (Ink::Bad, name(&leaked.kinds)),
        (Ink::Plain, leaked.fingerprint.clone()),
        (Ink::Role, name(&leaked.places)),
        (Ink::Plain, leaked.exchanges.to_string()),
        id(leaked.first),
        id(leaked.last),
        (Ink::Plain, time.strftime("%m-%d %H:%M").to_string()),
    ]
}

/// Who sent it, and to whom.
fn by(leaked: &Leaked) -> String {
    let products: BTreeSet<String> = leaked
        .apps
        .iter()
        .map(|app| app.split(['/', ' ', '(']).next().unwrap_or_default().to_owned())
        .collect();
    let to = if leaked.models.is_empty() { &leaked.sent_to } else { &leaked.models };
    shown(&format!("{} to {}", joined(&products), joined(to))).into_owned()
}

fn joined(words: &BTreeSet<String>) -> String {
    words.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::printer::tests::Sheet;
    use crate::store::tests::sample::{Capture, entry, stored, turn};
    use crate::store::{Leak, StoredExchange};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: LeaksArgs,
    }

    #[test]
    fn the_table_fits_the_terminal_and_shows_no_value() {
        let mut capture = Capture::new();
        let leak = Leak {
            fingerprint: "<github:01234567..abcd>".to_owned(),
            kind: "github".to_owned(),
            place: "tool".to_owned(),
            count: 1,
        };
        let exchange = StoredExchange { leaks: vec![leak], ..stored(turn(0)) };
        capture.store.write(&[entry(exchange)]).unwrap();
        for columns in [Some(80), Some(120), None] {
            let data = Sheet::default();
            let mut out = Printer::to(Box::new(data.clone()), Box::new(Sheet::default()), columns);
            let line = Line::parse_from(["leaks"]);
            assert_eq!(leaks(&line.args, &capture.path(), &mut out).unwrap(), ExitStatus::Found);
            out.flush().unwrap();
            let shown = data.take();
            let row = shown.lines().nth(1).unwrap();
            assert!(row.starts_with("github  01234567..abcd  tool  1     "), "{shown}");
            let fits = |line: &str| width(line) <= columns.unwrap_or(usize::MAX);
            assert!(shown.lines().all(fits), "{shown}");
        }
    }

    #[test]
    fn nothing_found_is_told_by_the_exit_code() {
        let capture = Capture::new();
        let mut out = Printer::to(Box::new(Sheet::default()), Box::new(Sheet::default()), None);
        let line = Line::parse_from(["leaks"]);
        let status = leaks(&line.args, &capture.path(), &mut out).unwrap();
        assert_eq!(status, ExitStatus::NothingFound);
    }
}
