//! The page's thread: connections in, one request each.

use std::io::Cursor;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::{Settings, api, assets, guard, metrics};
use crate::proxy::Visit;

/// Threads that read the capture: a person asks few questions at once, and each reads with the
/// whole speed of a disk.
const READERS: usize = 4;
/// How much less urgent than the relay the page is, as `nice` counts.
const NICENESS: i32 = 10;
/// How long a request's head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a connection comes from, for the guard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) Option<SocketAddr>);

/// Serves until nobody can send a connection any more.
pub(super) fn serve(settings: Settings, mut entered: mpsc::Receiver<Visit>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(READERS)
        .on_thread_start(yield_to_the_relay)
        .build();
    let Ok(runtime) = runtime else { return };
    yield_to_the_relay();
    runtime.block_on(async move {
        let router = router(settings);
        while let Some(visit) = entered.recv().await {
            tokio::spawn(one(visit, router.clone()));
        }
    });
    // A question that is being answered must not hold up the end.
    runtime.shutdown_background();
}

/// Lowers the priority of the calling thread (on Linux it is a thread's own).
pub(super) fn yield_to_the_relay() {
    // Without the right to do so it is as urgent as all else.
    let _ = rustix::process::nice(NICENESS);
}

fn router(settings: Settings) -> Router {
    let guard = guard::Guard::new(&settings);
    let metrics = metrics::router(settings.metrics.clone());
    let api = api::router(settings);
    assets::router()
        .merge(metrics)
        .nest("/api", api)
        .fallback(assets::unknown)
        .layer(axum::middleware::from_fn_with_state(guard, guard::guard))
}

/// Answers the request of a connection.
async fn one(visit: Visit, router: Router) {
    let Ok(stream) = TcpStream::from_std(visit.stream) else { return };
    let peer = Peer(stream.peer_addr().ok());
    let (rest, write) = stream.into_split();
    let io = tokio::io::join(Cursor::new(visit.read).chain(rest), write);
    let router = router.layer(Extension(peer)).layer(Extension(visit.otherwise));
    // An error is a browser that went away.
    let _ = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(router))
        .await;
}
