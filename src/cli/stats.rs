//! `overhear stats`: exchanges, tokens, money and speed, summed up.

use std::path::Path;

use anyhow::Result;
use clap::{Args, ValueEnum};
use jiff::Zoned;
use jiff::tz::TimeZone;

use super::filters::{self, FilterArgs};
use super::ls::{count_of, dollars, duration};
use super::printer::{ExitStatus, Ink, Printer, shown};
use super::table::{Cell, Column, Side, table};
use crate::query::{self, Spread, Stats, Table};
use crate::store::{Calls, Selection};

/// Sum up exchanges, tokens, cost and speed
///
/// CACHE is the share of the input that was read from a cache. COST is of the exchanges whose
/// cost is known: `?` says how many are not, and `~` that some of it is of tokens that Overhear
/// estimated. FIRST is the time to the first token and TOK/S the tokens a second after it, of
/// streams: half of them are not above the first number, 19 of 20 not above the second.
#[derive(Args, Clone, Debug)]
pub struct StatsArgs {
    /// A row for each
    #[arg(long, value_name = "WHAT", default_value = "model")]
    by: By,
    /// Everything, not only calls of models: handshakes, lists of models, what no dialect claims
    #[arg(long)]
    all: bool,
    /// One JSON object with `rows` and `total`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filters: FilterArgs,
}

/// What the exchanges of a row have in common.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    App,
    Model,
    Provider,
    Host,
    Dialect,
    /// The fingerprint of the key
    Key,
    Hour,
    Day,
    Month,
}

/// Runs the command on the capture at `capture`.
pub fn stats(args: &StatsArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let reader = filters::open(capture, out)?;
    let selection = args.filters.filter(&Zoned::now())?.selection(&reader)?;
    let calls = if args.all { Calls::All } else { Calls::Worked };
    let selection = Selection { calls, ..selection };
    let by = Some(args.by.into());
    let found = query::stats(&reader, &selection, by, &TimeZone::system())?;
    if args.json {
        out.json(&found)?;
        return Ok(match found.total.exchanges {
            0 => ExitStatus::NothingFound,
            _ => ExitStatus::Found,
        });
    }
    if found.total.exchanges == 0 {
        return Ok(ExitStatus::NothingFound);
    }
    rows(args.by, found, out)?;
    Ok(ExitStatus::Found)
}

fn rows(by: By, found: Table, out: &mut Printer) -> Result<()> {
    let is_alone = found.rows.len() < 2;
    let mut lines: Vec<Vec<Cell>> =
        found.rows.iter().map(|row| line(by, row, Ink::Plain)).collect();
    let notes = notes(&found.total);
    if !is_alone {
        let total = Stats { key: Some("total".to_owned()), ..found.total };
        lines.push(line(by, &total, Ink::Bold));
    }
    let mut columns = COLUMNS;
    if let Some(first) = columns.first_mut() {
        first.heading = by.heading();
    }
    table(&columns, lines, out)?;
    for note in notes {
        out.line(&[(Ink::Dim, note)])?;
    }
    Ok(())
}

const fn column(heading: &'static str, side: Side, gives_way: Option<u8>) -> Column {
    Column { heading, side, gives_way }
}

const COLUMNS: [Column; 9] = [
    column("", Side::Left, None),
    column("CALLS", Side::Right, None),
    column("FAILED", Side::Right, Some(4)),
    column("IN", Side::Right, None),
    column("CACHE", Side::Right, Some(3)),
    column("OUT", Side::Right, None),
    column("COST", Side::Right, None),
    column("FIRST 50/95%", Side::Right, Some(2)),
    column("TOK/S 50/95%", Side::Right, Some(1)),
];

fn line(by: By, row: &Stats, ink: Ink) -> Vec<Cell> {
    let key = row.key.as_deref().unwrap_or("(none)");
    let key = match by {
        By::Key => digits(key),
        _ => key,
    };
    let plain = |text: String| (ink, text);
    let failed = if row.failed > 0 { Ink::Bad } else { ink };
    let share = row.cache_share.map(|share| format!("{:.0}%", share * 100.0));
    let seconds = |spread: Spread| format!("{} {}", duration(spread.p50), duration(spread.p95));
    let speed = |spread: Spread| format!("{:.0} {:.0}", spread.p50, spread.p95);
    vec![
        plain(shown(key).into_owned()),
        plain(grouped(row.exchanges)),
        (failed, if row.failed > 0 { grouped(row.failed) } else { String::new() }),
        plain(count_of(row.input)),
        plain(share.unwrap_or_default()),
        plain(count_of(row.output)),
        plain(cost(row)),
        plain(row.first_token_ms.map(seconds).unwrap_or_default()),
        plain(row.tokens_per_second.map(speed).unwrap_or_default()),
    ]
}

fn cost(row: &Stats) -> String {
    let known = row.cost_usd.map(|usd| {
        let about = if row.cost_estimated_usd > 0.0 { "~" } else { "" };
        // Of a sum, nobody wants the hundredth of a cent.
        let usd = if usd >= 1.0 { format!("${usd:.2}") } else { dollars(usd) };
        format!("{about}{usd}")
    });
    match (known, row.cost_unknown) {
        (Some(known), 0) => known,
        (Some(known), unknown) => format!("{known} +{unknown}?"),
        (None, 0) => String::new(),
        (None, _) => "?".to_owned(),
    }
}

/// What the numbers do not say.
fn notes(total: &Stats) -> Vec<String> {
    let mut notes = Vec::new();
    if total.cost_unknown > 0 {
        notes.push(format!("the cost of {} is unknown", calls(total.cost_unknown)));
    }
    if total.estimated > 0 {
        let cost = match total.cost_estimated_usd {
            usd if usd > 0.0 => format!(", and {} of the cost", dollars(usd)),
            _ => String::new(),
        };
        notes.push(format!("the tokens of {} are estimated{cost}", calls(total.estimated)));
    }
    if total.uncounted > 0 {
        notes.push(format!("the tokens of {} are not known", calls(total.uncounted)));
    }
    notes
}

fn calls(count: u64) -> String {
    match count {
        1 => "1 call".to_owned(),
        count => format!("{} calls", grouped(count)),
    }
}

/// What tells one key from another in its fingerprint, `<kind:hash..last4>`.
fn digits(fingerprint: &str) -> &str {
    let inside = fingerprint.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    inside.and_then(|inside| Some(inside.split_once(':')?.1)).unwrap_or(fingerprint)
}

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

impl By {
    fn heading(self) -> &'static str {
        match self {
            Self::App => "APP",
            Self::Model => "MODEL",
            Self::Provider => "PROVIDER",
            Self::Host => "HOST",
            Self::Dialect => "DIALECT",
            Self::Key => "KEY",
            Self::Hour => "HOUR",
            Self::Day => "DAY",
            Self::Month => "MONTH",
        }
    }
}

impl From<By> for query::By {
    fn from(by: By) -> Self {
        match by {
            By::App => Self::App,
            By::Model => Self::Model,
            By::Provider => Self::Provider,
            By::Host => Self::Host,
            By::Dialect => Self::Dialect,
            By::Key => Self::Key,
            By::Hour => Self::Hour,
            By::Day => Self::Day,
            By::Month => Self::Month,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn a_cost_says_what_is_missing() {
        let row = |cost_usd, cost_estimated_usd, cost_unknown| {
            cost(&Stats { cost_usd, cost_estimated_usd, cost_unknown, ..Stats::default() })
        };
        assert_eq!(row(Some(1.5), 0.0, 0), "$1.50");
        assert_eq!(row(Some(0.5), 0.25, 3), "~$0.5000 +3?");
        assert_eq!(row(None, 0.0, 3), "?");
        assert_eq!(row(None, 0.0, 0), "");
    }
}
