//! The page and its API, on the address of the base URL.
//!
//! It runs on a thread of its own, with a lower priority than the relay, and reads the capture
//! as any other reader does: a page that is looked at costs the apps nothing. Connections come
//! in by [`Page::door`]; each carries one request, so that the next one may be for an upstream.

mod api;
mod assets;
mod error;
mod guard;
mod metrics;
mod serve;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use crate::metrics::Metrics;
use crate::proxy::{Door, Visit};
use crate::record::Lexicon;

/// Connections that wait to be taken: more are closed.
const WAITING_MAX: usize = 256;

/// Makes what reading a tape needs, from the capture's key.
pub type LexiconOf = Arc<dyn Fn([u8; 32]) -> Lexicon + Send + Sync>;

/// What the page shows, and to whom.
#[derive(Clone)]
pub struct Settings {
    /// The capture.
    pub capture: PathBuf,
    /// The folder of tapes, for what is under way.
    pub tapes: Option<PathBuf>,
    /// Reads tapes.
    pub lexicon: LexiconOf,
    /// What a person must bring to see anything.
    pub token: String,
    /// Where the page is.
    pub address: SocketAddr,
    /// Names and addresses by which others than this machine may ask for it; nobody if there
    /// are none.
    pub hosts: Vec<String>,
    /// How tools are led here.
    pub ways: Ways,
    /// Counters of this process, for Prometheus.
    pub metrics: Metrics,
}

/// How tools are led here, as lines for this machine.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Ways {
    /// The command that runs one tool.
    pub run: String,
    /// The lines that lead a shell's tools through the proxy.
    pub proxy: Vec<String>,
    /// Base URLs of providers, that need no certificate.
    pub base_urls: Vec<String>,
}

/// The running page.
pub struct Page {
    door: Door,
    stop: mpsc::Sender<Visit>,
    thread: Option<JoinHandle<()>>,
}

impl Page {
    /// Starts the page's thread.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let (enter, entered) = mpsc::channel(WAITING_MAX);
        let thread = thread::Builder::new()
            .name("overhear-page".into())
            .spawn(move || serve::serve(settings, entered))?;
        let weak = enter.downgrade();
        let door: Door = Arc::new(move |visit| {
            // Full or gone: dropping the connection closes it.
            if let Some(enter) = weak.upgrade() {
                let _ = enter.try_send(visit);
            }
        });
        Ok(Self { door, stop: enter, thread: Some(thread) })
    }

    /// Takes connections in.
    pub fn door(&self) -> Door {
        Arc::clone(&self.door)
    }

    /// Ends the page; answers under way end with it.
    pub fn stop(self) {
        let Self { stop, thread, .. } = self;
        drop(stop);
        if let Some(thread) = thread {
            // A panic there was printed when it happened.
            let _ = thread.join();
        }
    }
}
