//! Exchanges in the formats of `overhear export`, to be copied or kept.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::Stream;
use http::{StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::params::Params;
use super::raw::{attachment, found};
use super::{Paged, Shared, selection};
use crate::export::{self, Format};
use crate::store::{Reader, short_id};
use crate::web::error::ApiError;
use crate::web::serve::yield_to_the_relay;

/// Pieces of an archive that wait for a slow browser.
const WAITING_MAX: usize = 16;
/// Bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;
/// How long a piece may wait for a browser that takes none: a download that stands still must
/// not keep others from theirs.
const STALLED: Duration = Duration::from_secs(60);

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/exchanges/{id}/copy/{format}", get(copy))
        .route("/har", get(har).layer(Extension(Archives::default())))
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
    if text.is_empty() {
        let why = "no complete answer, or none that the format has words for";
        return Err(ApiError::missing(format!(
            "nothing of it as `{format}`: {why}",
            format = format.as_str()
        )));
    }
    // Pages of HTML are kept, not shown: what was captured is no page of this address.
    let kept = match format {
        Format::Har => Some("application/json"),
        Format::Html | Format::Parquet => Some("application/octet-stream"),
        Format::Csv => Some("text/csv; charset=utf-8"),
        _ => None,
    };
    Ok(match kept {
        Some(kind) => attachment(kind, &format!("{}.{}", short_id(id), format.extension()), text),
        None => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response(),
    })
}

/// `GET /api/har`: the exchanges that a query means, as one archive. It is sent while it is
/// written: it may be larger than memory.
async fn har(
    State(api): State<Shared>,
    Extension(archives): Extension<Archives>,
    Params(paged): Params<Paged>,
) -> Result<Response, ApiError> {
    let query = paged.filters().await?;
    let turn = archives.turn()?;
    let pieces = sent(turn, STALLED, move |out| archive(&api, &query, paged.limit, out));
    Ok(attachment("application/json", "overhear.har", Body::from_stream(pieces?)))
}

/// Lets one archive be written at a time: each has a thread of its own and reads with the whole
/// speed of a disk.
#[derive(Clone)]
struct Archives(Arc<Semaphore>);

impl Default for Archives {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Archives {
    fn turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            let hint = "wait until it is there, or break it off".to_owned();
            let error = "another archive is being downloaded: there is one at a time";
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, error, Some(hint))
        })
    }
}

/// What `write` writes, on a thread of its own: it waits for the browser, and the threads that
/// answer questions must not. It breaks off where writing failed or a piece waited longer than
/// `stalled`.
fn sent(
    turn: OwnedSemaphorePermit,
    stalled: Duration,
    write: impl FnOnce(Pieces) -> Result<(), ApiError> + Send + 'static,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, ApiError> {
    let (out, mut written) = mpsc::channel(WAITING_MAX);
    let (send, mut receive) = mpsc::channel(1);
    let thread = thread::Builder::new().name("overhear-archive".into());
    let started = thread.spawn(move || {
        yield_to_the_relay();
        let _turn = turn;
        let end = out.clone();
        if write(Pieces(out)).is_ok() {
            let _ = end.blocking_send(Piece::End);
        }
    });
    started.map_err(ApiError::fault)?;
    // Only here is there a clock to wait by. Once `written` is dropped, the thread ends.
    tokio::spawn(async move {
        while let Some(piece) = written.recv().await {
            if send.send_timeout(piece, stalled).await.is_err() {
                break;
            }
        }
    });
    let mut is_over = false;
    Ok(futures::stream::poll_fn(move |context| {
        if is_over {
            return Poll::Ready(None);
        }
        let piece = ready!(receive.poll_recv(context));
        is_over = !matches!(piece, Some(Piece::Bytes(_)));
        Poll::Ready(match piece {
            Some(Piece::Bytes(bytes)) => Some(Ok(bytes)),
            Some(Piece::End) => None,
            // An answer that has begun can only be broken off.
            None => Some(Err(io::ErrorKind::Other.into())),
        })
    }))
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

/// A part of what is sent.
enum Piece {
    Bytes(Bytes),
    /// All of it was there.
    End,
}

/// Hands on what is written.
struct Pieces(mpsc::Sender<Piece>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A long one would take a slow browser longer than a piece may wait.
        let piece = bytes.get(..PIECE_BYTES).unwrap_or(bytes);
        let sent = self.0.blocking_send(Piece::Bytes(Bytes::copy_from_slice(piece)));
        sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    fn run<F: Future>(test: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
    }

    fn endless(mut out: Pieces) -> Result<(), ApiError> {
        loop {
            out.write_all(&[b'a'; PIECE_BYTES]).map_err(ApiError::fault)?;
        }
    }

    #[test]
    fn an_archive_comes_whole_or_is_broken_off() {
        run(async {
            let archives = Archives::default();
            let long = vec![b'a'; 40 * PIECE_BYTES + 7];
            let whole = long.clone();
            let write = move |mut out: Pieces| out.write_all(&long).map_err(ApiError::fault);
            let pieces = sent(archives.turn().unwrap(), STALLED, write).unwrap();
            let pieces: Vec<_> = pieces.map(Result::unwrap).collect().await;
            assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES));
            assert_eq!(pieces.concat(), whole);

            let write = |mut out: Pieces| {
                let _ = out.write_all(b"a");
                Err(ApiError::fault("gone"))
            };
            let turn = Archives::default().turn().unwrap();
            let pieces: Vec<_> = sent(turn, STALLED, write).unwrap().collect().await;
            assert_eq!(pieces.len(), 2);
            assert!(pieces[1].is_err());
        });
    }

    #[test]
    fn one_that_stands_still_is_ended_and_the_next_one_has_its_turn() {
        run(async {
            let archives = Archives::default();
            let stalled = Duration::from_millis(50);
            let pieces = sent(archives.turn().unwrap(), stalled, endless).unwrap();
            let refused = archives.turn().unwrap_err().into_response();
            assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
            let free = tokio::time::timeout(STALLED, archives.0.acquire()).await;
            assert!(free.is_ok());
            // What it was given is no whole archive.
            let pieces: Vec<_> = pieces.collect().await;
            assert!(pieces.last().unwrap().is_err());
        });
    }

    #[test]
    fn one_whose_browser_went_away_is_ended() {
        run(async {
            let archives = Archives::default();
            drop(sent(archives.turn().unwrap(), STALLED, endless).unwrap());
            assert!(tokio::time::timeout(STALLED, archives.0.acquire()).await.is_ok());
        });
    }
}
