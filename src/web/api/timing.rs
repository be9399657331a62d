//! Where the time of an exchange went, and what its tokens cost.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::raw::found;
use super::{Answer, Shared};
use crate::export::wire::{self, Form, Message};
use crate::model::{Cost, Exchange};
use crate::price::{Bill, Rates};
use crate::store::{Calls, Order, Reader, Selection, Side};
use crate::web::error::ApiError;

/// Columns of the picture of a stream, at most and at least.
const COLUMNS_MAX: usize = 160;
const COLUMNS_MIN: usize = 12;
/// Width of a column, if that gives as many: a shorter time has no rate, in milliseconds.
const COLUMN_MS: f64 = 100.0;
/// A gap that is a stall whatever the others are, in milliseconds.
const STALL_MS: f64 = 1000.0;
/// A gap that is a stall if it is so many times the usual one, and not shorter than this, in
/// milliseconds: a network's own hiccups are.
const STALL_TIMES: f64 = 10.0;
const STALL_MS_MIN: f64 = 250.0;
/// Stalls that are listed, the longest.
const STALLS_MAX: usize = 50;
/// Exchanges that are compared with, the newest.
const OTHERS_MAX: usize = 500;
/// Fewer others say nothing of what is usual.
const OTHERS_MIN: usize = 5;

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/exchanges/{id}/timing", get(timing))
        .route("/exchanges/{id}/price", get(price))
}

/// Where the time went. Times are milliseconds since the request's first byte.
#[derive(Debug, Serialize)]
struct Timing {
    /// From the app's connection to the request, if it was the first on it: `CONNECT`, dialling
    /// and both handshakes.
    connect_ms: Option<f64>,
    /// When the request's last byte came.
    sent_ms: Option<f64>,
    first_byte_ms: Option<f64>,
    first_token_ms: Option<f64>,
    duration_ms: Option<f64>,
    form: Form,
    /// Events of the reply.
    events: usize,
    columns: Vec<Column>,
    /// The longest, in the order of time.
    stalls: Vec<Stall>,
    stalls_total: usize,
    stalled_ms: f64,
    /// Between events that came apart.
    median_gap_ms: Option<f64>,
    output_tokens: Option<u64>,
    /// From the first token to the last byte.
    tokens_per_second: Option<f64>,
    usual: Option<Usual>,
}

/// Events of a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Column {
    from_ms: f64,
    to_ms: f64,
    events: usize,
    bytes: u64,
}

/// A time without events, within the answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Stall {
    from_ms: f64,
    ms: f64,
    /// The event that ended it.
    event: usize,
}

/// Medians of others that asked the same model for the same.
#[derive(Debug, Serialize)]
struct Usual {
    model: String,
    exchanges: usize,
    first_token_ms: Option<f64>,
    duration_ms: Option<f64>,
    tokens_per_second: Option<f64>,
}

/// `GET /api/exchanges/ID/timing`
async fn timing(State(api): State<Shared>, Path(id): Path<String>) -> Answer<Timing> {
    api.ask(move |reader| {
        let (seq, exchange) = found(reader, &id)?;
        let mut came = Vec::new();
        let form = wire::came(reader, seq, &exchange, &mut |event| {
            if !event.sent {
                came.push((event.at as f64 / 1e6, event.data.len() as u64));
            }
        })?;
        let request = Message::read(reader, seq, &exchange, Side::Downstream)?;
        let sent = request.and_then(|request| request.marks.last().copied());
        let sent = sent.map(|(_, at)| at as f64 / 1e6);
        let first = exchange.first_token_ms.or(exchange.first_byte_ms);
        let (stalls, median_gap_ms) = stalls(&came, first.unwrap_or_default());
        let output_tokens = exchange.usage.as_ref().and_then(|usage| usage.output);
        let mut longest = stalls.clone();
        longest.sort_by(|a, b| b.ms.total_cmp(&a.ms));
        longest.truncate(STALLS_MAX);
        longest.sort_by(|a, b| a.from_ms.total_cmp(&b.from_ms));
        Ok(Timing {
            connect_ms: connect_ms(reader, seq, &exchange)?,
            sent_ms: sent,
            first_byte_ms: exchange.first_byte_ms,
            first_token_ms: exchange.first_token_ms,
            duration_ms: exchange.duration_ms,
            form,
            events: came.len(),
            columns: columns(&came, exchange.duration_ms),
            stalls: longest,
            stalls_total: stalls.len(),
            stalled_ms: stalls.iter().map(|stall| stall.ms).sum(),
            median_gap_ms,
            output_tokens,
            tokens_per_second: rate(output_tokens, exchange.first_token_ms, exchange.duration_ms),
            usual: usual(reader, &exchange)?,
        })
    })
    .await
    .map(Json)
}

fn connect_ms(reader: &Reader, seq: i64, exchange: &Exchange) -> Result<Option<f64>, ApiError> {
    let is_first = reader.listed(seq)?.is_some_and(|listed| listed.place == 0);
    let flow = if is_first { reader.flow(exchange.flow)? } else { None };
    let since = flow.map(|flow| exchange.started_at.duration_since(flow.opened.at));
    Ok(since.map(|since| since.as_secs_f64() * 1e3).filter(|ms| *ms >= 0.0))
}

/// Tokens a second between the first and the end; an answer that came at once has no rate.
fn rate(tokens: Option<u64>, first_ms: Option<f64>, end_ms: Option<f64>) -> Option<f64> {
    let ms = end_ms? - first_ms?;
    (ms >= 1.0).then_some(tokens? as f64 * 1e3 / ms)
}

/// The gaps behind `first_ms` that are no part of a steady stream, and the median of all.
fn stalls(came: &[(f64, u64)], first_ms: f64) -> (Vec<Stall>, Option<f64>) {
    let times = || came.iter().map(|(ms, _)| *ms);
    let gaps: Vec<Stall> = times()
        .zip(times().skip(1))
        .enumerate()
        .filter(|(_, (_, to))| *to > first_ms)
        .map(|(n, (from, to))| Stall { from_ms: from, ms: to - from, event: n + 1 })
        // Events that came in one piece have no gap between them.
        .filter(|gap| gap.ms > 0.0)
        .filter(|gap| gap.from_ms >= first_ms - 1.0)
        .collect();
    let median = median(gaps.iter().map(|gap| gap.ms).collect());
    let usual = median.map_or(f64::INFINITY, |ms| (ms * STALL_TIMES).max(STALL_MS_MIN));
    let is_stall = |gap: &Stall| gap.ms > STALL_MS || gap.ms > usual;
    (gaps.into_iter().filter(is_stall).collect(), median)
}

/// Events by time, in columns of one width.
fn columns(came: &[(f64, u64)], duration_ms: Option<f64>) -> Vec<Column> {
    let (Some((first, _)), Some((last, _))) = (came.first(), came.last()) else {
        return Vec::new();
    };
    let end = duration_ms.unwrap_or(*last).max(*last);
    if came.len() < 2 || end <= *first {
        return Vec::new();
    }
    let count = ((end - first) / COLUMN_MS) as usize;
    let count = count.clamp(COLUMNS_MIN, COLUMNS_MAX);
    let width = (end - first) / count as f64;
    let mut columns: Vec<Column> = (0..count)
        .map(|n| {
            let from_ms = first + width * n as f64;
            Column { from_ms, to_ms: from_ms + width, ..Column::default() }
        })
        .collect();
    for (ms, bytes) in came {
        let place = ((ms - first) / width) as usize;
        if let Some(column) = columns.get_mut(place.min(count - 1)) {
            column.events += 1;
            column.bytes += bytes;
        }
    }
    columns
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// What is usual for the model.
fn usual(reader: &Reader, exchange: &Exchange) -> Result<Option<Usual>, ApiError> {
    let Some(model) = exchange.request.model.clone() else { return Ok(None) };
    let selection = Selection {
        model: Some(model.clone()),
        operation: exchange.operation.clone(),
        state: Some(exchange.state),
        calls: Calls::OfModels,
        ..Selection::default()
    };
    let page = reader.list(&selection, Order::NewestFirst, None, OTHERS_MAX)?;
    let others: Vec<_> = page
        .exchanges
        .iter()
        .filter(|other| other.id != exchange.id)
        .filter(|other| other.request_model.as_ref() == Some(&model))
        .filter(|other| other.streamed == exchange.streamed)
        .collect();
    if others.len() < OTHERS_MIN {
        return Ok(None);
    }
    let of = |value: fn(&crate::store::Listed) -> Option<f64>| {
        median(others.iter().filter_map(|other| value(other)).collect())
    };
    Ok(Some(Usual {
        model,
        exchanges: others.len(),
        first_token_ms: of(|other| other.first_token_ms),
        duration_ms: of(|other| other.duration_ms),
        tokens_per_second: of(|other| {
            rate(other.usage.output, other.first_token_ms, other.duration_ms)
        }),
    }))
}

/// What the tokens cost.
#[derive(Debug, Serialize)]
struct Priced {
    cost_usd: Option<f64>,
    cost_source: Option<Cost>,
    /// Why there is no cost, in words.
    unknown: Option<String>,
    /// US dollars for a million tokens of each bucket, for a prompt of this length.
    rates: Option<Rates>,
    /// Whose they are.
    rates_source: Option<Cost>,
}

/// `GET /api/exchanges/ID/price`: by today's books, at the date of the request.
async fn price(State(api): State<Shared>, Path(id): Path<String>) -> Answer<Priced> {
    let lexicon = api.settings.lexicon.clone();
    api.ask(move |reader| {
        let (_, exchange) = found(reader, &id)?;
        let prices = lexicon(reader.key()).prices;
        let bill = Bill::of(&exchange);
        let rates = bill.as_ref().ok().and_then(|bill| {
            let provider = bill.provider.unwrap_or_default();
            bill.models.iter().find_map(|model| prices.rates(provider, model, bill.at).ok())
        });
        let input = exchange.usage.as_ref().and_then(|usage| usage.input).unwrap_or_default();
        let (rates, rates_source) = rates.unzip();
        let unknown = match exchange.cost_usd {
            None => prices.price(&exchange).err().map(|why| why.to_string()),
            Some(_) => None,
        };
        Ok(Priced {
            cost_usd: exchange.cost_usd,
            cost_source: exchange.cost_source,
            unknown,
            rates: rates.map(|rates| of_length(rates, input)),
            rates_source,
        })
    })
    .await
    .map(Json)
}

/// The prices of a prompt of `input` tokens: a long one may have others.
fn of_length(mut rates: Rates, input: u64) -> Rates {
    match rates.long.take() {
        Some(long) if input >= long.0 => of_length(long.1, input),
        _ => rates,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(times: &[f64]) -> Vec<(f64, u64)> {
        times.iter().map(|ms| (*ms, 1)).collect()
    }

    #[test]
    fn a_stall_is_long_or_far_longer_than_usual() {
        let steady: Vec<f64> = (0..20).map(|n| f64::from(n) * 20.0).collect();
        for (rule, times, expected) in [
            ("a steady stream", steady.clone(), &[][..]),
            ("a second and more", vec![0.0, 1500.0, 3000.0], &[0.0, 1500.0]),
            ("ten times the usual", [&steady[..], &[780.0, 800.0]].concat(), &[380.0]),
            ("a hiccup", [&steady[..], &[600.0, 620.0]].concat(), &[]),
            ("none", vec![], &[]),
            ("one", vec![5.0], &[]),
        ] {
            let found: Vec<_> =
                stalls(&at(&times), 0.0).0.iter().map(|stall| stall.from_ms).collect();
            assert_eq!(found, expected, "{rule}");
        }
        assert!(stalls(&at(&[0.0, 3000.0, 3010.0]), 3000.0).0.is_empty(), "waiting is no stall");
    }

    #[test]
    fn every_event_is_in_a_column() {
        for times in [&[0.0, 1.0][..], &[10.0, 10.0, 500.0], &[3.0, 4.0, 5.0, 6.0]] {
            let columns = columns(&at(times), Some(600.0));
            assert_eq!(columns.iter().map(|column| column.events).sum::<usize>(), times.len());
        }
        assert!(columns(&at(&[1.0]), Some(5.0)).is_empty());
    }
}
