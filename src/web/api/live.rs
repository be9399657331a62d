//! What happens now, as server-sent events (WHATWG HTML, section 9.2).
//!
//! While anybody looks, one thread follows the tapes for all of them; each looker asks the
//! capture for the rows that its own query means.

mod hub;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use http::HeaderMap;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

pub(super) use hub::Hub;
use hub::{Asked, Happened};

use super::params::Params;
use super::row::Row;
use super::{Paged, Shared, selection};
use crate::query::Query;
use crate::store::Reader;
use crate::web::error::ApiError;

/// Rows sent at once.
const PAGE: usize = 200;
/// A line now and then tells a browser that the other end lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events that wait for a slow browser.
const WAITING_MAX: usize = 256;

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/live", get(live))
}

/// `GET /api/live`: `asked`, `grown`, `ended` of what is under way, `exchange` of each row that
/// was written. An event's id is the place of the last row, from which a browser goes on.
async fn live(
    State(api): State<Shared>,
    Params(paged): Params<Paged>,
    headers: HeaderMap,
) -> Result<Sse<impl futures::Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let query = paged.query().await?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (send, mut receive) = mpsc::channel(WAITING_MAX);
    let looker = Looker { api, query: Arc::new(query), seq: last, send };
    tokio::spawn(looker.look());
    let events = futures::stream::poll_fn(move |context| receive.poll_recv(context));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Somebody who looks.
struct Looker {
    api: Shared,
    query: Arc<Query>,
    /// The last row sent.
    seq: Option<i64>,
    send: mpsc::Sender<Result<Event, Infallible>>,
}

/// Nobody looks any more.
struct Gone;

impl Looker {
    async fn look(mut self) {
        let (under_way, mut happened) = self.api.live.join();
        // The place to go on from is taken before `hello`: a page that asks for its list then
        // misses no row.
        let mut told = self.rows().await;
        // The page sees at once that it is connected.
        if told.is_ok() {
            told = self.tell("hello", &()).await;
        }
        for asked in &under_way {
            if told.is_ok() && self.wants(asked) {
                told = self.tell("asked", asked).await;
            }
        }
        while told.is_ok() {
            let next = tokio::select! {
                next = happened.recv() => next,
                () = self.send.closed() => return,
            };
            told = match next {
                Ok(happened) => self.happened(&happened).await,
                // Too slow for the words; the rows are in the capture.
                Err(RecvError::Lagged(_)) => self.rows().await,
                Err(RecvError::Closed) => return,
            };
        }
    }

    async fn happened(&mut self, happened: &Happened) -> Result<(), Gone> {
        match happened {
            Happened::Asked(asked) if self.wants(asked) => self.tell("asked", asked.as_ref()).await,
            Happened::Asked(_) => Ok(()),
            Happened::Grown(grown) => self.tell("grown", grown.as_ref()).await,
            Happened::Ended(ended) => self.tell("ended", ended.as_ref()).await,
            Happened::Written => self.rows().await,
        }
    }

    /// Whether what is under way may be among what the query means.
    fn wants(&self, asked: &Asked) -> bool {
        let filter = &self.query.filter;
        let has = |wanted: &Option<String>, of: &[Option<&str>]| {
            wanted.as_ref().is_none_or(|wanted| {
                let wanted = wanted.to_lowercase();
                of.iter().flatten().any(|value| value.to_lowercase().contains(&wanted))
            })
        };
        let is_about_its_end = filter.state.is_some()
            || filter.status.is_some()
            || filter.thread.is_some()
            || filter.id.is_some()
            || filter.tag.is_some()
            || filter.pinned == Some(true)
            || filter.until.is_some()
            || !filter.at_least.is_empty();
        !is_about_its_end
            && self.query.pattern.is_none()
            && has(&filter.app, &[asked.user_agent.as_deref()])
            && has(&filter.model, &[asked.model.as_deref()])
            && has(&filter.host, &[Some(&asked.origin)])
            && has(&filter.dialect, &[asked.dialect])
            && has(&filter.provider, &[asked.provider])
    }

    /// Sends the rows that were written since the last time.
    async fn rows(&mut self) -> Result<(), Gone> {
        loop {
            let (query, seq) = (Arc::clone(&self.query), self.seq);
            let asked =
                Arc::clone(&self.api).ask(move |reader| rows_after(reader, &query, seq)).await;
            // A capture that cannot be read now may be at the next row.
            let Ok((rows, last)) = asked else { return Ok(()) };
            let is_all = rows.len() < PAGE;
            self.seq = Some(last);
            for row in rows {
                self.tell("exchange", &row).await?;
            }
            if is_all {
                return Ok(());
            }
        }
    }

    async fn tell(&self, name: &str, data: &impl Serialize) -> Result<(), Gone> {
        let mut event = Event::default().event(name);
        if let Some(seq) = self.seq {
            event = event.id(seq.to_string());
        }
        let Ok(event) = event.json_data(data) else { return Ok(()) };
        self.send.send(Ok(event)).await.map_err(|_| Gone)
    }
}

/// The rows after `seq` that a query means, and the place to go on from: without a place, the
/// end.
fn rows_after(
    reader: &Reader,
    query: &Query,
    seq: Option<i64>,
) -> Result<(Vec<Row>, i64), ApiError> {
    let end = reader.last_seq()?;
    let Some(seq) = seq.filter(|seq| *seq <= end) else { return Ok((Vec::new(), end)) };
    let selection = selection(query, reader)?;
    let listed = reader.written_after(&selection, seq, PAGE)?;
    let last = match listed.last() {
        Some(last) if listed.len() == PAGE => last.seq,
        _ => end.max(seq),
    };
    Ok((listed.into_iter().map(Row::of).collect(), last))
}
