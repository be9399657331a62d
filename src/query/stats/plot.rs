//! Sums by time and by key at once, for plots.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit, Zoned, ZonedRound};
use serde::{Deserialize, Serialize};

use super::{By, Stats, Sum, by_weight};
use crate::model::State;
use crate::store::{Reader, Selection, StoreError, Tally};

/// Keys that have a colour of their own; what is beyond them is one.
const KEYS_MAX: usize = 8;

/// Buckets that a width which nobody asked for may make: more are too thin to be pointed at.
const BUCKETS_WANTED: i64 = 124;

/// Buckets at most: a wider one is taken where there would be more.
const BUCKETS_MAX: i64 = 1_500;

/// How much time one bucket has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Width {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day of the user's calendar.
    Day,
    /// A month of the user's calendar.
    Month,
}

/// Sums by key, and the same by time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plot {
    /// All together.
    pub total: Stats,
    /// A row for each key, the most expensive first.
    pub rows: Vec<Stats>,
    /// How much time a bucket has: as asked for, unless there would be too many.
    pub span: Width,
    /// The largest keys; `None` is what has none.
    pub keys: Vec<Option<String>>,
    /// How many keys there are beyond those.
    pub others: u64,
    /// Buckets without a gap, the oldest first.
    pub series: Vec<Bucket>,
}

/// What began in a span of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment of the next.
    pub end: Timestamp,
    /// All together.
    pub total: Stats,
    /// A cell for each of `keys`, in their order; one more for the others, if there are any.
    pub rows: Vec<Cell>,
}

/// What of one key began in a bucket. Fields as in [`Stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cell {
    /// Exchanges.
    pub exchanges: u64,
    /// Of those, refused by the provider.
    pub failed: u64,
    /// Prompt tokens.
    pub input: u64,
    /// Of `input`, read from a cache.
    pub cache_read: u64,
    /// Answer tokens.
    pub output: u64,
    /// US dollars that are known.
    pub cost_usd: f64,
}

/// Adds up what `selection` means by `by` and by time. Without a width one is chosen that gives
/// bars which can be told apart. `now` has the time zone, and ends what has no end.
pub fn plot(
    reader: &Reader,
    selection: &Selection,
    by: By,
    width: Option<Width>,
    now: &Zoned,
) -> Result<Plot, StoreError> {
    let range = reader.began(selection)?.map(|began| range(began, selection, now.timestamp()));
    let edges = range.map(|range| Edges::of(range, width, now.time_zone()));
    let edges = edges.unwrap_or(Edges { width: width.unwrap_or(Width::Day), starts: Vec::new() });
    let mut total = Sum::default();
    let mut keys: HashMap<Option<String>, usize> = HashMap::new();
    let mut sums: Vec<Sum> = Vec::new();
    let mut times: Vec<Sum> = edges.spans().map(|_| Sum::default()).collect();
    let mut cells: HashMap<(usize, usize), Cell> = HashMap::new();
    reader.tally(selection, |tally| {
        total.add(tally);
        let key = by.key(tally, now.time_zone());
        let key = *keys.entry(key).or_insert_with(|| {
            sums.push(Sum::default());
            sums.len() - 1
        });
        if let Some(sum) = sums.get_mut(key) {
            sum.add(tally);
        }
        // What was written since the range was looked up may lie outside it.
        let bucket = edges.bucket(tally.started_at);
        if let Some((bucket, sum)) = bucket.and_then(|at| Some((at, times.get_mut(at)?))) {
            sum.add(tally);
            cells.entry((bucket, key)).or_default().add(tally);
        }
    })?;
    let mut rows: Vec<(usize, Stats)> = keys
        .into_iter()
        .filter_map(|(key, n)| Some((n, std::mem::take(sums.get_mut(n)?).finish(key))))
        .collect();
    rows.sort_by(|(_, a), (_, b)| by_weight(a, b));
    let (order, rows): (Vec<usize>, Vec<Stats>) = rows.into_iter().unzip();
    let series = edges.spans().zip(times).enumerate().map(|(at, ((start, end), total))| {
        let cell = |key: &usize| cells.get(&(at, *key)).copied().unwrap_or_default();
        let (large, others) = order.split_at(order.len().min(KEYS_MAX));
        let mut rows: Vec<Cell> = large.iter().map(cell).collect();
        if !others.is_empty() {
            rows.push(others.iter().map(cell).fold(Cell::default(), Cell::with));
        }
        Bucket { start, end, total: total.finish(None), rows }
    });
    Ok(Plot {
        series: series.collect(),
        span: edges.width,
        keys: rows.iter().take(KEYS_MAX).map(|row| row.key.clone()).collect(),
        others: rows.len().saturating_sub(KEYS_MAX) as u64,
        rows,
        total: total.finish(None),
    })
}

/// From when to when: as the selection says, where it does; else what was found.
fn range(
    (first, last): (Timestamp, Timestamp),
    selection: &Selection,
    now: Timestamp,
) -> (Timestamp, Timestamp) {
    let from = selection.since.unwrap_or(first).min(first);
    let until = selection.until.map(|until| until.saturating_sub(ONE).unwrap_or(until));
    let to = match (until, selection.since) {
        (Some(until), _) => until.min(now),
        // The last day ends now, not with the last call in it.
        (None, Some(_)) => now,
        (None, None) => last,
    };
    (from, to.max(last))
}

const ONE: SignedDuration = SignedDuration::from_nanos(1);

/// Where buckets begin; the last one is the end of the last bucket.
struct Edges {
    width: Width,
    starts: Vec<Timestamp>,
}

impl Edges {
    fn of((from, to): (Timestamp, Timestamp), width: Option<Width>, zone: &TimeZone) -> Self {
        let seconds = to.duration_since(from).as_secs();
        let fits = |width: &Width, most: i64| seconds / width.seconds() < most;
        let wanted = |width: &Width| match width {
            Width::Minute | Width::Hour => fits(width, BUCKETS_WANTED),
            Width::Day | Width::Month => fits(width, BUCKETS_WANTED * 2),
        };
        let width = match width {
            Some(least) => {
                let mut wider = Width::ALL.into_iter().skip_while(|width| *width != least);
                wider.find(|width| fits(width, BUCKETS_MAX))
            }
            None => Width::ALL.into_iter().find(wanted),
        };
        let width = width.unwrap_or(Width::Month);
        let mut starts = Vec::new();
        let mut next = width.start(&from.to_zoned(zone.clone()));
        // Years without end are cut: there is nothing in them.
        while let Some(start) = next.filter(|_| starts.len() as i64 <= BUCKETS_MAX) {
            starts.push(start.timestamp());
            next = if start.timestamp() > to { None } else { width.next(&start) };
        }
        Self { width, starts }
    }

    fn spans(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.starts.iter().copied().zip(self.starts.iter().copied().skip(1))
    }

    fn bucket(&self, at: Timestamp) -> Option<usize> {
        self.starts.partition_point(|start| *start <= at).checked_sub(1)
    }
}

impl Width {
    /// The narrowest first.
    const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Day, Self::Month];

    /// About so many.
    fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Month => 30 * 86_400,
        }
    }

    /// The first moment of the bucket that `at` is in; `None` at the end of time.
    fn start(self, at: &Zoned) -> Option<Zoned> {
        let round =
            |unit| at.round(ZonedRound::new().smallest(unit).mode(jiff::RoundMode::Trunc)).ok();
        match self {
            Self::Minute => round(Unit::Minute),
            Self::Hour => round(Unit::Hour),
            Self::Day => at.start_of_day().ok(),
            Self::Month => at.first_of_month().ok()?.start_of_day().ok(),
        }
    }

    /// The first moment of the bucket after the one that begins at `start`.
    fn next(self, start: &Zoned) -> Option<Zoned> {
        match self {
            Self::Minute | Self::Hour => {
                start.checked_add(SignedDuration::from_secs(self.seconds())).ok()
            }
            Self::Day => start.tomorrow().ok()?.start_of_day().ok(),
            Self::Month => start.last_of_month().ok()?.tomorrow().ok()?.start_of_day().ok(),
        }
    }
}

impl Cell {
    fn add(&mut self, tally: &Tally<'_>) {
        self.exchanges += 1;
        self.failed += u64::from(tally.state == State::Failed);
        self.cost_usd += tally.cost_usd.unwrap_or_default();
        if let Some(usage) = &tally.usage {
            let add = |sum: &mut u64, count: Option<u64>| {
                *sum = sum.saturating_add(count.unwrap_or_default());
            };
            add(&mut self.input, usage.input);
            add(&mut self.cache_read, usage.buckets().cache_read);
            add(&mut self.output, usage.output);
        }
    }

    fn with(self, other: Self) -> Self {
        Self {
            exchanges: self.exchanges + other.exchanges,
            failed: self.failed + other.failed,
            input: self.input.saturating_add(other.input),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            output: self.output.saturating_add(other.output),
            cost_usd: self.cost_usd + other.cost_usd,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::sample::{Capture, turn};

    fn zone() -> TimeZone {
        TimeZone::get("Europe/Brussels").unwrap()
    }

    fn edges(from: &str, to: &str, width: Option<Width>) -> Edges {
        Edges::of((from.parse().unwrap(), to.parse().unwrap()), width, &zone())
    }

    #[test]
    fn days_and_months_are_those_of_the_calendar() {
        let days = edges("2026-10-24T10:00:00Z", "2026-10-26T10:00:00Z", Some(Width::Day));
        let hours: Vec<i64> =
            days.spans().map(|(start, end)| end.duration_since(start).as_hours()).collect();
        assert_eq!(hours, [24, 25, 24], "clocks were set back on the second");
        let months = edges("2026-01-31T23:30:00Z", "2026-03-01T00:00:00Z", Some(Width::Month));
        assert_eq!(
            months.starts,
            ["2026-01-31T23:00:00Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"]
                .map(|at| at.parse().unwrap())
        );
    }

    #[test]
    fn a_width_is_chosen_that_can_be_seen() {
        for (from, to, width, expected) in [
            ("2026-11-23T10:00:00Z", "2026-11-23T10:00:30Z", None, Width::Minute),
            ("2026-11-22T10:00:00Z", "2026-11-23T10:00:00Z", None, Width::Hour),
            ("2026-10-24T10:00:00Z", "2026-11-23T10:00:00Z", None, Width::Day),
            ("2024-10-24T10:00:00Z", "2026-11-23T10:00:00Z", None, Width::Month),
            ("2026-10-24T10:00:00Z", "2026-11-23T10:00:00Z", Some(Width::Hour), Width::Hour),
            ("2026-10-24T10:00:00Z", "2026-11-23T10:00:00Z", Some(Width::Minute), Width::Hour),
            ("1990-01-01T00:00:00Z", "2026-11-23T10:00:00Z", Some(Width::Hour), Width::Month),
        ] {
            assert_eq!(edges(from, to, width).width, expected, "{from} {width:?}");
        }
    }

    #[test]
    fn empty_buckets_are_there_and_small_keys_are_together() {
        let mut capture = Capture::new();
        let exchanges: Vec<_> = (0..10)
            .map(|n| {
                let mut exchange = turn(n);
                exchange.started_at += SignedDuration::from_hours(2 * i64::from(n));
                exchange.request.model = Some(format!("model-{n}"));
                exchange.cost_usd = Some(f64::from(10 - n));
                exchange
            })
            .collect();
        capture.write(&exchanges);
        let now = exchanges[9].started_at.to_zoned(zone());
        let selection = Selection::default();
        let plot = plot(&capture.reader(), &selection, By::Model, None, &now).unwrap();
        assert_eq!((plot.span, plot.series.len()), (Width::Hour, 19));
        assert_eq!((plot.keys.len(), plot.others, plot.rows.len()), (8, 2, 10));
        assert_eq!(plot.keys[0].as_deref(), Some("model-0"), "the most expensive");
        let exchanges = |at: usize| -> Vec<u64> {
            plot.series[at].rows.iter().map(|cell| cell.exchanges).collect()
        };
        assert_eq!(exchanges(0), [1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(exchanges(1), [0; 9]);
        assert_eq!(exchanges(18), [0, 0, 0, 0, 0, 0, 0, 0, 1], "the others");
        assert_eq!(plot.total.exchanges, 10);
        let table = super::super::stats(&capture.reader(), &selection, Some(By::Model), &zone());
        assert_eq!(table.unwrap().rows, plot.rows, "one and the same sum");
    }

    #[test]
    fn nothing_has_no_buckets() {
        let capture = Capture::new();
        let now = Timestamp::UNIX_EPOCH.to_zoned(zone());
        let plot = plot(&capture.reader(), &Selection::default(), By::App, None, &now).unwrap();
        assert!(plot.series.is_empty() && plot.rows.is_empty() && plot.keys.is_empty());
    }
}
