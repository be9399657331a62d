//! Exchanges in the formats of `overhear export`, to be copied or kept.

use std::io::{self, BufWriter, Write};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;
use tokio::sync::mpsc;

use super::params::Params;
use super::raw::{attachment, found};
use super::{Paged, Shared, selection};
use crate::export::{self, Format};
use crate::store::{Reader, short_id};
use crate::web::error::ApiError;

/// Pieces of an archive that wait for a slow browser.
const WAITING_MAX: usize = 16;
/// Bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/exchanges/{id}/copy/{format}", get(copy)).route("/har", get(har))
}

/// `GET /api/exchanges/ID/copy/FORMAT`
async fn copy(
    State(api): State<Shared>,
    Path((id, format)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let Some(format) = Format::from_word(&format) else {
        let all = Format::ALL.map(Format::as_str).join(", ");
        return Err(ApiError::missing(format!("no format `{format}`\nhint: there are {all}")));
    };
    let (id, text) = api
        .ask(move |reader| {
            let (seq, exchange) = found(reader, &id)?;
            let mut text = Vec::new();
            export::write_one(format, reader, seq, &exchange, &mut text)
                .map_err(ApiError::fault)?;
            Ok((exchange.id, text))
        })
        .await?;
    Ok(match format {
        Format::Har => attachment("application/json", &format!("{}.har", short_id(id)), text),
        _ => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response(),
    })
}

/// `GET /api/har`: the exchanges that a query means, as one archive. It is sent while it is
/// written: it may be larger than memory.
async fn har(
    State(api): State<Shared>,
    Params(paged): Params<Paged>,
) -> Result<Response, ApiError> {
    let query = paged.query()?;
    if query.pattern.is_some() {
        return Err(ApiError::wrong("an archive takes filters, no words"));
    }
    let (send, mut receive) = mpsc::channel::<io::Result<Bytes>>(WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let out = Pieces(send.clone());
        let written = archive(&api, &query, paged.limit, out);
        if written.is_err() {
            // An answer that has begun can only be broken off.
            let _ = send.blocking_send(Err(io::ErrorKind::Other.into()));
        }
    });
    let pieces = futures::stream::poll_fn(move |context| receive.poll_recv(context));
    Ok(attachment("application/json", "overhear.har", Body::from_stream(pieces)))
}

fn archive(
    api: &Shared,
    query: &crate::query::Query,
    limit: Option<usize>,
    out: Pieces,
) -> Result<(), ApiError> {
    let reader = Reader::open(&api.settings.capture)?;
    let selection = selection(query, &reader)?;
    let mut out = BufWriter::with_capacity(PIECE_BYTES, out);
    export::write(Format::Har, &reader, &selection, limit, &mut out).map_err(ApiError::fault)?;
    out.flush().map_err(ApiError::fault)
}

/// Hands on what is written.
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
