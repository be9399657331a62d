//! Sums over many exchanges, by what they have in common, and by time as well.

mod plot;

use std::cmp::Ordering;
use std::collections::HashMap;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use plot::{Bucket, Cell, Plot, Width, plot};

use crate::model::{App, Cost, State};
use crate::store::{Reader, Selection, StoreError, Tally};

/// What exchanges of one row have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The app's name.
    App,
    /// The model asked for.
    Model,
    /// The company.
    Provider,
    /// The host asked.
    Host,
    /// The wire format.
    Dialect,
    /// The fingerprint of the key.
    Key,
    /// The hour, in the user's time zone.
    Hour,
    /// The day.
    Day,
    /// The month.
    Month,
}

/// One row, or the sum of all rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// What its exchanges have in common; `None` where they say nothing of the kind, and of the
    /// sum.
    pub key: Option<String>,
    /// Exchanges.
    pub exchanges: u64,
    /// Of those, refused by the provider.
    pub failed: u64,
    /// Of those, broken off.
    pub interrupted: u64,
    /// Of those, with tokens that the provider counted.
    pub counted: u64,
    /// Of those, with tokens that we estimated.
    pub estimated: u64,
    /// Of those, with no tokens, and not refused.
    pub uncounted: u64,
    /// Prompt tokens.
    pub input: u64,
    /// Of `input`, read from a cache.
    pub cache_read: u64,
    /// Of `input`, written to a cache.
    pub cache_written: u64,
    /// Answer tokens.
    pub output: u64,
    /// Of `output`, reasoning.
    pub reasoning: u64,
    /// `cache_read` as a share of `input`; `None` without input.
    pub cache_share: Option<f64>,
    /// US dollars of the exchanges whose cost is known; `None` if it is of none.
    pub cost_usd: Option<f64>,
    /// Of `cost_usd`, what comes of estimated tokens.
    pub cost_estimated_usd: f64,
    /// Exchanges that used tokens and whose cost is unknown.
    pub cost_unknown: u64,
    /// Time to the first token of streams, in milliseconds.
    pub first_token_ms: Option<Spread>,
    /// Time to the last byte of what came to its end, in milliseconds.
    pub duration_ms: Option<Spread>,
    /// Tokens per second of streams, over the time after the first token.
    pub tokens_per_second: Option<Spread>,
}

/// What half, and what nineteen of twenty, do not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// How many were measured.
    pub count: u64,
    /// The half.
    pub p50: f64,
    /// Nineteen of twenty.
    pub p95: f64,
}

/// Rows, the most expensive first, or in the order of time; and their sum.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// A row for each key.
    pub rows: Vec<Stats>,
    /// All together.
    pub total: Stats,
}

/// Shortest time after the first token that gives a rate, in milliseconds: an answer that came
/// at once, from a cache or in one piece, would have a million tokens a second.
const RATE_MS_MIN: f64 = 50.0;

/// Providers that keep reasoning to themselves: it is over when the first token comes, and is
/// no part of a rate.
const REASONS_UNSEEN: [&str; 6] = ["openai", "azure", "chatgpt", "copilot", "gemini", "vertex"];

/// Adds up what `selection` means.
pub fn stats(
    reader: &Reader,
    selection: &Selection,
    by: Option<By>,
    zone: &TimeZone,
) -> Result<Table, StoreError> {
    let mut total = Sum::default();
    let mut sums: HashMap<Option<String>, Sum> = HashMap::new();
    reader.tally(selection, |tally| {
        total.add(tally);
        if let Some(by) = by {
            let key = by.key(tally, zone);
            match sums.get_mut(&key) {
                Some(sum) => sum.add(tally),
                None => sums.entry(key).or_default().add(tally),
            }
        }
    })?;
    let mut rows: Vec<Stats> = sums.into_iter().map(|(key, sum)| sum.finish(key)).collect();
    let is_time = matches!(by, Some(By::Hour | By::Day | By::Month));
    rows.sort_by(|a, b| match is_time {
        true => a.key.cmp(&b.key),
        false => by_weight(a, b),
    });
    Ok(Table { rows, total: total.finish(None) })
}

/// The most expensive first, then those with the most tokens, then the most frequent.
fn by_weight(a: &Stats, b: &Stats) -> Ordering {
    let cost = |row: &Stats| row.cost_usd.unwrap_or_default();
    let tokens = |row: &Stats| row.input.saturating_add(row.output);
    let costs = cost(b).total_cmp(&cost(a));
    let amounts = costs.then(tokens(b).cmp(&tokens(a))).then(b.exchanges.cmp(&a.exchanges));
    amounts.then_with(|| a.key.cmp(&b.key))
}

impl By {
    fn key(self, tally: &Tally<'_>, zone: &TimeZone) -> Option<String> {
        let at = || tally.started_at.to_zoned(zone.clone());
        let key = match self {
            Self::App => Some(App::name_of(tally.user_agent, tally.process)),
            Self::Model => tally.model,
            Self::Provider => tally.provider,
            Self::Host => Some(tally.host),
            Self::Dialect => tally.dialect,
            Self::Key => tally.credential,
            Self::Hour => return Some(at().strftime("%Y-%m-%d %H:00").to_string()),
            Self::Day => return Some(at().strftime("%Y-%m-%d").to_string()),
            Self::Month => return Some(at().strftime("%Y-%m").to_string()),
        };
        key.filter(|key| !key.is_empty()).map(str::to_owned)
    }
}

/// A row that grows.
#[derive(Default)]
struct Sum {
    stats: Stats,
    first_tokens: Vec<f64>,
    durations: Vec<f64>,
    rates: Vec<f64>,
}

impl Sum {
    fn add(&mut self, tally: &Tally<'_>) {
        let stats = &mut self.stats;
        stats.exchanges += 1;
        stats.failed += u64::from(tally.state == State::Failed);
        stats.interrupted += u64::from(tally.state == State::Interrupted);
        if tally.usage.is_none() && tally.state != State::Failed {
            stats.uncounted += 1;
        }
        if let Some(usage) = &tally.usage {
            let add = |sum: &mut u64, count: Option<u64>| {
                *sum = sum.saturating_add(count.unwrap_or_default());
            };
            add(&mut stats.input, usage.input);
            add(&mut stats.cache_read, usage.buckets().cache_read);
            add(&mut stats.cache_written, usage.input_cache_written);
            add(&mut stats.output, usage.output);
            add(&mut stats.reasoning, usage.reasoning);
            match usage.is_estimated() {
                true => stats.estimated += 1,
                false => stats.counted += 1,
            }
        }
        match tally.cost_usd {
            Some(cost) => {
                *stats.cost_usd.get_or_insert(0.0) += cost;
                if tally.cost_source == Some(Cost::Estimated) {
                    stats.cost_estimated_usd += cost;
                }
            }
            // A refusal costs nothing, and nobody says so.
            None => {
                stats.cost_unknown +=
                    u64::from(tally.usage.is_some() || tally.state != State::Failed);
            }
        }
        if tally.state == State::Complete {
            self.durations.extend(tally.duration_ms);
        }
        if tally.streamed {
            self.first_tokens.extend(tally.first_token_ms);
            self.rates.extend(rate(tally));
        }
    }

    fn finish(mut self, key: Option<String>) -> Stats {
        let stats = self.stats;
        Stats {
            key,
            cache_share: (stats.input > 0).then(|| stats.cache_read as f64 / stats.input as f64),
            first_token_ms: Spread::of(&mut self.first_tokens),
            duration_ms: Spread::of(&mut self.durations),
            tokens_per_second: Spread::of(&mut self.rates),
            ..stats
        }
    }
}

/// Tokens a second after the first token, of a stream that came to its end.
fn rate(tally: &Tally<'_>) -> Option<f64> {
    let usage = tally.usage.as_ref().filter(|_| tally.state == State::Complete)?;
    let unseen = match tally.provider {
        Some(provider) if REASONS_UNSEEN.contains(&provider) => usage.reasoning.unwrap_or_default(),
        _ => 0,
    };
    let tokens = usage.output?.saturating_sub(unseen);
    let ms = tally.duration_ms? - tally.first_token_ms?;
    (tokens > 1 && ms >= RATE_MS_MIN).then(|| tokens as f64 / (ms / 1000.0))
}

impl Spread {
    /// Exact, by the nearest rank.
    fn of(measured: &mut [f64]) -> Option<Self> {
        measured.sort_unstable_by(f64::total_cmp);
        let rank = |percent: usize| {
            let rank = (measured.len() * percent).div_ceil(100);
            measured.get(rank.saturating_sub(1)).copied()
        };
        Some(Self { count: measured.len() as u64, p50: rank(50)?, p95: rank(95)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally<'static> {
        Tally {
            started_at: "2026-11-23T23:30:00Z".parse().unwrap(),
            state: State::Complete,
            user_agent: Some("agent/1.0 (x)"),
            process: Some("node"),
            provider: Some("openai"),
            host: "api.openai.com",
            dialect: Some("openai.chat"),
            model: Some("gpt-5"),
            credential: Some("<authorization:ab..cd>"),
            streamed: true,
            first_token_ms: Some(1_000.0),
            duration_ms: Some(3_000.0),
            usage: Some(crate::model::Usage {
                input: Some(1_000),
                input_cached: Some(400),
                output: Some(300),
                reasoning: Some(100),
                ..Default::default()
            }),
            cost_usd: Some(0.5),
            cost_source: Some(Cost::Table),
        }
    }

    fn sum(tallies: &[Tally<'_>]) -> Stats {
        let mut sum = Sum::default();
        tallies.iter().for_each(|tally| sum.add(tally));
        sum.finish(None)
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let spread =
            |mut measured: Vec<f64>| Spread::of(&mut measured).map(|had| (had.p50, had.p95));
        assert_eq!(spread(vec![]), None);
        assert_eq!(spread(vec![7.0]), Some((7.0, 7.0)));
        assert_eq!(spread(vec![2.0, 1.0]), Some((1.0, 2.0)));
        assert_eq!(spread((1..=100).rev().map(f64::from).collect()), Some((50.0, 95.0)));
        assert_eq!(spread((1..=20).map(f64::from).collect()), Some((10.0, 19.0)));
    }

    #[test]
    fn a_rate_is_of_what_is_seen_after_the_first_token() {
        let anthropic = Tally { provider: Some("anthropic"), ..tally() };
        let at_once = Tally { duration_ms: Some(1_001.0), ..tally() };
        let cut = Tally { state: State::Interrupted, ..tally() };
        for (rule, tally, expected) in [
            ("reasoning that nobody sees is over by then", tally(), Some(100.0)),
            ("reasoning that is streamed counts", anthropic, Some(150.0)),
            ("an answer in one piece has no rate", at_once, None),
            ("one that broke off neither", cut, None),
        ] {
            assert_eq!(rate(&tally), expected, "{rule}");
        }
    }

    #[test]
    fn sums_say_what_is_unknown() {
        let refused = Tally { state: State::Failed, usage: None, cost_usd: None, ..tally() };
        let unpriced = Tally { cost_usd: None, ..tally() };
        let mut estimated = Tally { cost_source: Some(Cost::Estimated), ..tally() };
        estimated.usage.as_mut().unwrap().source = "estimated".to_owned();
        let whole = Tally { streamed: false, ..tally() };
        let stats = sum(&[tally(), refused, unpriced, estimated, whole]);
        assert_eq!((stats.exchanges, stats.failed, stats.counted, stats.estimated), (5, 1, 3, 1));
        assert_eq!((stats.input, stats.cache_read, stats.output), (4_000, 1_600, 1_200));
        assert_eq!(stats.cache_share, Some(0.4));
        assert_eq!((stats.cost_usd, stats.cost_estimated_usd), (Some(1.5), 0.5));
        assert_eq!(stats.cost_unknown, 1, "a refusal costs nothing");
        assert_eq!(stats.first_token_ms.unwrap().count, 4, "streams only");
        assert_eq!(stats.duration_ms.unwrap().count, 4, "no refusal");
        assert_eq!(sum(&[]).cost_usd, None, "nothing is not free");
    }

    #[test]
    fn a_row_has_something_in_common() {
        let brussels = TimeZone::fixed(jiff::tz::offset(1));
        for (by, expected) in [
            (By::App, Some("agent")),
            (By::Model, Some("gpt-5")),
            (By::Provider, Some("openai")),
            (By::Host, Some("api.openai.com")),
            (By::Dialect, Some("openai.chat")),
            (By::Key, Some("<authorization:ab..cd>")),
            (By::Hour, Some("2026-11-24 00:00")),
            (By::Day, Some("2026-11-24")),
            (By::Month, Some("2026-11")),
        ] {
            assert_eq!(by.key(&tally(), &brussels).as_deref(), expected);
        }
        assert_eq!(By::Model.key(&Tally { model: None, ..tally() }, &brussels), None);
    }
}
