//! Where apps went: flows, added up.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params_from_iter};

use super::StoreError;
use super::open::{nanoseconds, timestamp};
use super::select::Conditions;
use crate::flow::TunnelReason;

/// Which flows are meant: those that fit all that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EgressSelection {
    /// In the app's user agent or its process name, upper and lower case alike (ASCII).
    pub app: Option<String>,
    /// Were open at this time or later.
    pub since: Option<Timestamp>,
    /// Began before this time.
    pub until: Option<Timestamp>,
}

/// Flows of one app to one origin that went the same way.
#[derive(Clone, Debug, PartialEq)]
pub struct EgressRow {
    /// What the app calls itself: in its requests, else where it asked for the connection.
    pub user_agent: Option<String>,
    /// The app's process.
    pub process: Option<String>,
    /// Where it went: `https://HOST`, with the port where it is not the scheme's own.
    pub origin: String,
    /// How its bytes came to us, as [`Mode`](crate::flow::Mode) says it.
    pub mode: String,
    /// Why they were not read, in words; `None` if they were.
    pub reason: Option<String>,
    /// The same as data; `None` also if the words are none of ours.
    pub why: Option<TunnelReason>,
    /// How many.
    pub flows: u64,
    /// Bytes from the app.
    pub bytes_up: u64,
    /// Bytes to the app.
    pub bytes_down: u64,
    /// When the first began.
    pub first: Timestamp,
    /// When the last ended, or began if it goes on.
    pub last: Timestamp,
    /// Requests in them that were recorded, calls of models or not.
    pub exchanges: u64,
    /// Who serves models there, if an exchange says so.
    pub provider: Option<String>,
}

/// Adds up the flows that `selection` means.
///
/// It reads all flows and the index of exchanges by flow, some 2 µs a row: an app has far fewer
/// flows than exchanges, and a sum that is kept would have to be mended at every deletion.
pub(super) fn rows(
    conn: &Connection,
    selection: &EgressSelection,
) -> Result<Vec<EgressRow>, StoreError> {
    let mut conditions = Conditions::default();
    if let Some(app) = &selection.app {
        conditions.and(
            "(instr(lower(agent), lower(?)) > 0 OR instr(lower(flow.process), lower(?)) > 0)",
            [app.clone(), app.clone()],
        );
    }
    if let Some(since) = selection.since {
        conditions.and("coalesce(closed_at, opened_at) >= ?", [nanoseconds(since)]);
    }
    if let Some(until) = selection.until {
        conditions.and("opened_at < ?", [nanoseconds(until)]);
    }
    // A flow of which nothing was told yet has no origin of its own.
    let sql = format!(
        "SELECT coalesce(said.user_agent, flow.user_agent) AS agent, flow.process,
                coalesce(nullif(flow.origin, ''), said.origin, '') AS place, flow.mode,
                CASE flow.verdict WHEN 'tunnel' THEN coalesce(flow.reason, '') END AS why,
                count(*), total(downstream_bytes), total(upstream_bytes), min(opened_at),
                max(coalesce(closed_at, opened_at)), total(said.exchanges), max(said.provider)
         FROM flow LEFT JOIN (
             SELECT flow, count(*) AS exchanges, max(user_agent) AS user_agent,
                    max(origin) AS origin, max(provider) AS provider
             FROM exchange GROUP BY flow) AS said ON said.flow = flow.id
         WHERE {} GROUP BY agent, flow.process, place, flow.mode, why",
        conditions.sql()
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(conditions.values), row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn row(row: &Row<'_>) -> rusqlite::Result<EgressRow> {
    // `total` is a float, so that no sum is too large for SQLite; it is exact up to 2^53.
    let total = |column: usize| row.get(column).map(|sum: f64| sum.max(0.0) as u64);
    let reason: Option<String> = row.get(4)?;
    Ok(EgressRow {
        user_agent: row.get(0)?,
        process: row.get(1)?,
        origin: row.get(2)?,
        mode: row.get(3)?,
        why: reason.as_deref().and_then(TunnelReason::of_words),
        reason,
        flows: row.get::<_, i64>(5)?.unsigned_abs(),
        bytes_up: total(6)?,
        bytes_down: total(7)?,
        first: timestamp(row.get(8)?),
        last: timestamp(row.get(9)?),
        exchanges: total(10)?,
        provider: row.get(11)?,
    })
}
