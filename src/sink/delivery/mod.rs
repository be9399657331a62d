//! The thread that delivers: all that waits, retries and remembers, for every kind of receiver.
//!
//! It reads the capture as any reader does and shares nothing with the recorder but the file, so
//! a receiver that is slow or away slows nothing. What was stored and not delivered when the
//! program ends, however it ends, is delivered by the next one.

mod backoff;
mod courier;
mod lock;
mod measure;
mod place;
mod post;

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

use super::{Settings, SettingsError};
use crate::metrics::{Metrics, MetricsError};
use crate::store::{SinkStanding, StoreError};
use courier::{Courier, Step};
use measure::Meter;
use post::Post;
pub use post::PostError;

/// How often the outbox is looked at while nothing is known to be in it.
const IDLE: Duration = Duration::from_millis(500);
/// How long a request that is under way may take when the program ends.
const LAST_ANSWER: Duration = Duration::from_secs(3);
/// Pause after a fault of ours.
const FAULT: Duration = Duration::from_secs(60);
/// How much less urgent than the relay the deliveries are, as `nice` counts.
const NICENESS: i32 = 10;

/// Says a line to the user; never waits.
pub type Notify = Arc<dyn Fn(&str) + Send + Sync>;

/// Why sinks could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// One is not as it should be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No requests can be made for one.
    #[error("the sink `{0}` cannot be used: {1}")]
    Post(String, PostError),
    /// The capture could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing can be counted.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// No thread could be had.
    #[error(transparent)]
    Thread(#[from] std::io::Error),
}

/// How deliveries end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// They do not.
    Stopped,
    /// What waits now is sent, without waiting for more; a receiver that fails is left alone.
    Empty,
    /// At once.
    Now,
}

/// The deliveries of this process.
pub struct Sinks {
    thread: JoinHandle<()>,
    until: watch::Sender<Until>,
}

impl Sinks {
    /// Starts to deliver from the capture at `capture`, as soon as it is there, to `sinks`.
    pub fn start(
        capture: &Path,
        sinks: &[Settings],
        metrics: &Metrics,
        notify: &Notify,
    ) -> Result<Self, SinkError> {
        let couriers = sinks
            .iter()
            .map(|sink| Courier::new(capture, sink.clone(), metrics.clone(), Arc::clone(notify)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut meters = Vec::new();
        for sink in sinks {
            let meter = Meter::new(sink, metrics, notify);
            meters.extend(meter.map_err(|error| SinkError::Post(sink.name.clone(), error))?);
        }
        let (until, told) = watch::channel(Until::Stopped);
        let thread = thread::Builder::new()
            .name("overhear-sinks".into())
            .spawn(move || run(couriers, meters, &told))?;
        Ok(Self { thread, until })
    }

    /// Sends what waits, for as long as `within`, then ends. The rest is the next start's.
    pub fn finish(self, within: Duration) {
        let _ = self.until.send(Until::Empty);
        let deadline = Instant::now() + within;
        while !self.thread.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.until.send(Until::Now);
        let deadline = Instant::now() + LAST_ANSWER * 2;
        while !self.thread.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        // One that is still busy is left behind: what it sends is known to be unknown.
    }
}

fn run(couriers: Vec<Courier>, meters: Vec<Meter>, until: &watch::Receiver<Until>) {
    // Without the right to do so it is as urgent as all else.
    let _ = rustix::process::nice(NICENESS);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    // All on this thread: what a courier has open of the capture is not to be shared.
    LocalSet::new().block_on(&runtime, async {
        let mut running = JoinSet::new();
        for courier in couriers {
            running.spawn_local(serve(courier, until.clone()));
        }
        for meter in meters {
            running.spawn_local(meter.serve(until.clone()));
        }
        while running.join_next().await.is_some() {}
    });
    // Names of hosts may still be looked up.
    runtime.shutdown_background();
}

/// Delivers to one sink.
async fn serve(mut courier: Courier, mut until: watch::Receiver<Until>) {
    loop {
        let mode = *until.borrow();
        if mode == Until::Now {
            return;
        }
        let step = {
            let mut ending = until.clone();
            tokio::select! {
                step = AssertUnwindSafe(courier.step(mode == Until::Empty)).catch_unwind() => {
                    // A panic was printed when it happened; the next try may meet other exchanges.
                    step.unwrap_or(Step::Pause(FAULT))
                }
                () = gone(&mut ending) => return,
            }
        };
        let pause = match step {
            Step::Done => continue,
            _ if mode == Until::Empty => return,
            Step::Nothing => IDLE,
            Step::Pause(pause) => pause,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // Whoever tells is gone only when all is over.
            changed = until.changed() => if changed.is_err() { return },
        }
    }
}

/// Waits until all is to end at once, and a while longer: an answer that is on its way says
/// whether the receiver has what it was sent.
async fn gone(until: &mut watch::Receiver<Until>) {
    if until.wait_for(|until| *until == Until::Now).await.is_ok() {
        tokio::time::sleep(LAST_ANSWER).await;
    }
}

/// What came of sending all that waited.
#[derive(Clone, Debug, PartialEq)]
pub enum Flushed {
    /// All of it is sent, or refused for good.
    All,
    /// The receiver fails, or was stopped: the rest waits.
    Failing(String),
}

/// Sends all that waits for one sink, from the calling thread; `turn` is told now and then how
/// it stands, and says whether to go on. Another process that delivers to the same sink is
/// waited for.
pub fn flush(
    capture: &Path,
    sink: Settings,
    turn: &mut dyn FnMut(&SinkStanding) -> bool,
) -> Result<Flushed, SinkError> {
    let name = sink.name.clone();
    // Nobody reads these.
    let metrics = Metrics::new()?;
    let mut courier = Courier::new(capture, sink, metrics, Arc::new(|_| ()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        loop {
            let step = courier.step(true).await;
            let standing = crate::store::Reader::open(capture)?.sinks()?;
            let Some(standing) = standing.into_iter().find(|sink| sink.name == name) else {
                return Ok(Flushed::All);
            };
            if let Some(why) = &standing.stopped {
                return Ok(Flushed::Failing(why.clone()));
            }
            if standing.waiting + standing.sending == 0 {
                return Ok(Flushed::All);
            }
            if !turn(&standing) {
                let why = standing.failing.unwrap_or_else(|| "it takes long".to_owned());
                return Ok(Flushed::Failing(why));
            }
            match step {
                Step::Done => {}
                Step::Nothing => tokio::time::sleep(IDLE).await,
                Step::Pause(pause) => tokio::time::sleep(pause.min(IDLE)).await,
            }
        }
    })
}

/// Whether a sink can be used as it is set: to be asked before anything is queued for it.
pub fn check(sink: &Settings) -> Result<(), SinkError> {
    let wire = sink.wire()?;
    let made = Post::new(sink, wire.path(), wire.gzip());
    made.map(|_| ()).map_err(|error| SinkError::Post(sink.name.clone(), error))
}

/// Whether a process delivers to a sink of the capture right now.
pub fn is_served(capture: &Path, sink: i64) -> bool {
    lock::is_held(&locks(capture), sink)
}

/// Where the locks of sinks are: beside the capture, in a folder of its own.
fn locks(capture: &Path) -> PathBuf {
    capture.with_file_name("sinks")
}
