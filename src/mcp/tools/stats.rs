//! `stats`: exchanges, tokens, money and speed, summed up.

use jiff::tz::TimeZone;
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::{Tool, filters, selection};
use crate::mcp::answer::{Answer, Refusal, Room, Stop, name, place};
use crate::query::{self, Spread};
use crate::store::{Calls, Reader, Selection};

/// The tool.
pub struct Stats;

/// What it takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct Arguments {
    /// What the exchanges of a row have in common; times are those of this machine's zone, a key
    /// is named by its fingerprint.
    #[serde(default)]
    by: By,
    /// Filters, as of `list`; `is:any` counts handshakes, lists of models and the like too.
    #[serde(default)]
    filter: String,
    /// `next` of the result before, to go on behind it.
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(crate = "schemars")]
enum By {
    App,
    #[default]
    Model,
    Provider,
    Host,
    Dialect,
    Key,
    Hour,
    Day,
    Month,
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

/// What it finds.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub struct Found {
    /// A row for each, the most expensive first, or in the order of time.
    rows: Vec<Sum>,
    /// All together, those of other pages too.
    total: Sum,
}

/// A row. Costs and tokens are of the exchanges of which they are known.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
struct Sum {
    /// What its exchanges have in common; left out of the total, and where they say nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Exchanges.
    exchanges: u64,
    /// Of those, refused by the provider.
    failed: u64,
    /// Of those, broken off.
    interrupted: u64,
    /// Of those, with tokens that Overhear estimated, because the provider counted none.
    estimated: u64,
    /// Prompt tokens, cached ones included.
    input: u64,
    /// Of `input`, read from a cache.
    cache_read: u64,
    /// Of `input`, written to a cache.
    cache_written: u64,
    /// Answer tokens, reasoning included.
    output: u64,
    /// Of `output`, reasoning.
    reasoning: u64,
    /// US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
    /// Exchanges that used tokens and whose cost is not known: it is not in `cost_usd`.
    cost_unknown: u64,
    /// Time to the first token of streams, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_token_ms: Option<Halves>,
    /// Time to the last byte, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<Halves>,
    /// Tokens a second after the first token.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_per_second: Option<Halves>,
}

/// What half, and what nineteen of twenty, do not exceed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
struct Halves {
    p50: f64,
    p95: f64,
}

impl Halves {
    fn of(spread: Spread) -> Self {
        Self { p50: spread.p50, p95: spread.p95 }
    }
}

impl Sum {
    fn of(stats: &query::Stats) -> Self {
        Self {
            key: stats.key.as_deref().map(name),
            exchanges: stats.exchanges,
            failed: stats.failed,
            interrupted: stats.interrupted,
            estimated: stats.estimated,
            input: stats.input,
            cache_read: stats.cache_read,
            cache_written: stats.cache_written,
            output: stats.output,
            reasoning: stats.reasoning,
            cost_usd: stats.cost_usd,
            cost_unknown: stats.cost_unknown,
            first_token_ms: stats.first_token_ms.map(Halves::of),
            duration_ms: stats.duration_ms.map(Halves::of),
            tokens_per_second: stats.tokens_per_second.map(Halves::of),
        }
    }
}

impl Tool for Stats {
    const NAME: &'static str = "stats";
    const TITLE: &'static str = "Sum up tokens, cost and speed";
    const DESCRIPTION: &'static str = "Sums up recorded exchanges by app, model, provider, host, dialect, key, hour, day or \
         month: calls, failures, tokens, the share read from a cache, cost in US dollars, time to \
         the first token, tokens a second. Costs that are not known are counted, not guessed.";
    type Arguments = Arguments;
    type Found = Found;

    fn ask(reader: &Reader, asked: Arguments, _: &Stop) -> Result<Answer<Found>, Refusal> {
        let query = filters(&asked.filter)?;
        let calls = if query.calls == Calls::All { Calls::All } else { Calls::Worked };
        let selection = Selection { calls, ..selection(&query, reader)? };
        let from = place(asked.cursor.as_deref())?;
        let table = query::stats(reader, &selection, Some(asked.by.into()), &TimeZone::system())?;
        let total = Sum::of(&table.total);
        let mut room = Room::new();
        room.takes(&total);
        let rows: Vec<Sum> =
            table.rows.iter().skip(from).map(Sum::of).take_while(|row| room.takes(row)).collect();
        let end = from + rows.len();
        let next = (end < table.rows.len()).then(|| end.to_string());
        Ok(Answer::new(Found { rows, total }, next))
    }
}
