//! Delivers to one sink, a batch at a time.
//!
//! What is sent is written down before the first byte goes out, and what became of it behind the
//! answer. Between the two its fate is unknown: after a kill on either side, a connection that
//! broke off, a gateway's error. A receiver that can be asked is asked then; to any other the
//! same batch is sent again, with the same ids.

mod doubt;
mod outcome;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::lock::{self, Lock};
use super::place::Placer;
use super::post::{Fault, Post};
use super::{Notify, SinkError, locks};
use crate::metrics::{Exported, Metrics};
use crate::sink::Settings;
use crate::sink::wire::{Answer, Delivery, Verdict, Wire};
use crate::store::{Fate, Outbox, Placed, StoreError};

/// What was stored is left to itself for so long: an exchange that was stored shortly before
/// the one that it belongs to is put into its thread then.
const RIPENING: SignedDuration = SignedDuration::from_secs(2);
/// Bytes on the wire of the exchanges of one batch, unless it is one alone.
const BATCH_BYTES_MAX: u64 = 4 << 20;
/// The same of what was read of them, as JSON.
const DECODED_BYTES_MAX: u64 = 8 << 20;
/// Exchanges that are refused one after the other, and none taken between them, before the fault
/// is thought to be ours.
const REFUSED_MAX: usize = 5;
/// Pause after the capture could not be used, or another process delivers.
const ELSEWHERE: Duration = Duration::from_secs(2);

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Something was sent, or settled: there may be more.
    Done,
    /// Nothing waits.
    Nothing,
    /// Something waits, and so long nothing can be done.
    Pause(Duration),
}

/// The way of a capture's exchanges to one receiver.
pub(super) struct Courier {
    capture: PathBuf,
    settings: Settings,
    wire: Box<dyn Wire>,
    post: Post,
    notify: Notify,
    metrics: Metrics,
    open: Option<Open>,
    placer: Placer,
    /// Most exchanges of the next batch.
    limit: usize,
    failures: u32,
    /// After a failure: when to try again.
    pause: Option<Instant>,
    /// Refused one after the other, and none taken between them.
    refused: Vec<i64>,
    /// Whether the receiver has taken anything since the start.
    has_taken: bool,
    /// Known, and not written yet: the capture was locked, or the disk full.
    unwritten: Vec<(i64, Fate)>,
}

/// What is open of the capture.
struct Open {
    outbox: Outbox,
    sink: i64,
    _lock: Lock,
    /// Device and number of the file.
    file: Option<(u64, u64)>,
}

impl Courier {
    pub(super) fn new(
        capture: &Path,
        settings: Settings,
        metrics: Metrics,
        notify: Notify,
    ) -> Result<Self, SinkError> {
        let wire = settings.wire()?;
        let post = Post::new(&settings, wire.path(), wire.gzip())
            .map_err(|error| SinkError::Post(settings.name.clone(), error))?;
        // What has not happened stands at 0: a rate over nothing would miss the first.
        for what in [Exported::Sent, Exported::Failed, Exported::Retried, Exported::Dropped] {
            metrics.exported(&settings.name, what, 0);
        }
        Ok(Self {
            capture: capture.to_owned(),
            limit: wire.batch_max(),
            settings,
            wire,
            post,
            notify,
            metrics,
            open: None,
            placer: Placer::default(),
            failures: 0,
            pause: None,
            refused: Vec::new(),
            has_taken: false,
            unwritten: Vec::new(),
        })
    }

    /// Settles or sends one batch. With `now` what was just stored is not left to ripen.
    pub(super) async fn step(&mut self, now: bool) -> Step {
        match self.try_step(now).await {
            Ok(step) => step,
            Err(_) => {
                // The recorder tells what is wrong with the capture.
                self.open = None;
                Step::Pause(ELSEWHERE)
            }
        }
    }

    async fn try_step(&mut self, now: bool) -> Result<Step, StoreError> {
        if !self.open()? {
            return Ok(Step::Pause(ELSEWHERE));
        }
        // What is known goes first: without it the same would be sent again.
        self.settle(&[])?;
        self.note_lag()?;
        self.heed_resume()?;
        let left = self.pause.map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            return Ok(Step::Pause(left));
        }
        let Some(Open { outbox, sink, .. }) = &self.open else { return Ok(Step::Nothing) };
        if outbox.stopped(*sink)?.is_some() {
            return Ok(Step::Pause(ELSEWHERE));
        }
        let mut wait = None;
        for unsettled in outbox.unsettled(*sink)? {
            match self.settles_in(&unsettled) {
                None => {
                    self.resolve(unsettled).await?;
                    return Ok(Step::Done);
                }
                // Others need not wait for it.
                Some(left) => wait = Some(wait.map_or(left, |wait: Duration| wait.min(left))),
            }
        }
        let step = self.send_some(now).await?;
        Ok(match (step, wait) {
            (Step::Nothing, Some(left)) => Step::Pause(left),
            (step, _) => step,
        })
    }

    /// Opens the outbox if it is not, or if the capture is another file by now; says whether this
    /// process delivers.
    fn open(&mut self) -> Result<bool, StoreError> {
        let file = fs::metadata(&self.capture).ok().map(|file| (file.dev(), file.ino()));
        if let Some(open) = self.open.as_ref().filter(|open| open.file == file)
            && open.outbox.known(open.sink)?.is_some_and(|(name, _)| name == self.settings.name)
        {
            return Ok(true);
        }
        self.open = None;
        self.unwritten.clear();
        self.placer = Placer::default();
        let mut outbox = Outbox::open(&self.capture)?;
        let sink = outbox.declare(&self.settings.sink())?;
        let lock = lock::take(&locks(&self.capture), sink)
            .map_err(|source| StoreError::Open { path: locks(&self.capture), source })?;
        let Some(lock) = lock else { return Ok(false) };
        // What stopped it may be mended.
        outbox.stop(sink, None)?;
        self.open = Some(Open { outbox, sink, _lock: lock, file });
        Ok(true)
    }

    /// Sends the next batch.
    async fn send_some(&mut self, now: bool) -> Result<Step, StoreError> {
        let Some(Open { outbox, sink, .. }) = &self.open else { return Ok(Step::Nothing) };
        let at = Timestamp::now();
        let ripe = if now { at } else { at - RIPENING };
        let (mut seqs, mut bytes) = (Vec::new(), 0u64);
        for pending in outbox.waiting(*sink, ripe, at, self.limit)? {
            bytes = bytes.saturating_add(pending.bytes);
            if bytes > BATCH_BYTES_MAX && !seqs.is_empty() {
                break;
            }
            seqs.push(pending.seq);
        }
        if seqs.is_empty() {
            return Ok(Step::Nothing);
        }
        let mut deliveries = self.deliveries(&seqs, Bound::Bytes)?;
        let mut refused = Vec::new();
        deliveries.retain(|(seq, delivery)| match self.wire.refuses(delivery, at) {
            Some(why) => {
                refused.push((*seq, Fate::Refused(why)));
                false
            }
            None => true,
        });
        self.settle(&refused)?;
        self.count(Exported::Dropped, refused.len());
        if !deliveries.is_empty() {
            self.deliver(batch(&deliveries), deliveries, Fresh::Yes).await?;
        }
        Ok(Step::Done)
    }

    /// Reads exchanges and finds their places, as many as may go together. One that was deleted
    /// meanwhile, or cannot be read any more, is not among them.
    fn deliveries(
        &mut self,
        seqs: &[i64],
        bound: Bound,
    ) -> Result<Vec<(i64, Delivery)>, StoreError> {
        let Some(Open { outbox, sink, .. }) = &mut self.open else { return Ok(Vec::new()) };
        let mut deliveries: Vec<(i64, Delivery)> = Vec::new();
        let mut unreadable = Vec::new();
        let mut bytes = 0;
        for &seq in seqs {
            let made = outbox.exchange(seq).and_then(|exchange| {
                let content = self.settings.content;
                let made =
                    exchange.map(|exchange| self.placer.delivery(outbox, *sink, exchange, content));
                made.transpose()
            });
            match made {
                Ok(Some(delivery)) => {
                    // On the wire it may have been small: compressed, or imported without bytes.
                    bytes += weight(&delivery);
                    if bound == Bound::Bytes && bytes > DECODED_BYTES_MAX && !deliveries.is_empty()
                    {
                        break;
                    }
                    deliveries.push((seq, delivery));
                }
                Ok(None) => {
                    unreadable.push((seq, Fate::Refused("it is not there any more".into())))
                }
                Err(StoreError::Damaged { what }) => unreadable.push((seq, Fate::Refused(what))),
                Err(error) => return Err(error),
            }
        }
        if !unreadable.is_empty() {
            outbox.settle(*sink, &unreadable, Timestamp::now())?;
        }
        Ok(deliveries)
    }

    async fn deliver(
        &mut self,
        batch: Uuid,
        deliveries: Vec<(i64, Delivery)>,
        fresh: Fresh,
    ) -> Result<(), StoreError> {
        let Some(Open { outbox, sink, .. }) = &mut self.open else { return Ok(()) };
        let (seqs, deliveries): (Vec<i64>, Vec<Delivery>) = deliveries.into_iter().unzip();
        // A fault of ours in one exchange must not end the deliveries of all others.
        let made = catch_unwind(AssertUnwindSafe(|| self.wire.parcel(&deliveries)));
        let Ok(parcel) = made else {
            let why = "a fault of Overhear's: it cannot be put into the receiver's words";
            return self.heed(&seqs, Verdict::Refused { why: why.to_owned() }, None, fresh);
        };
        let placed = deliveries.iter().map(placed);
        let items: Vec<_> = seqs.iter().copied().zip(placed).collect();
        outbox.begin(*sink, batch, &items, Timestamp::now())?;
        drop(deliveries);
        let mut parcel = self.post.pack(parcel);
        parcel.headers.extend(self.wire.sign(Timestamp::now(), &parcel));
        let sent = self.post.send(parcel).await;
        let (verdict, retry_after) = match &sent {
            Ok(reply) => {
                let answer = Answer { status: reply.status, body: &reply.body };
                (self.told(self.wire.verdict(answer), reply), reply.retry_after)
            }
            Err(Fault { is_certain: true, why }) => (Verdict::Later { why: why.clone() }, None),
            Err(Fault { is_certain: false, why }) => (Verdict::Unknown { why: why.clone() }, None),
        };
        self.heed(&seqs, verdict, retry_after, fresh)
    }
}

/// How much is read at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// What fits into a parcel.
    Bytes,
    /// All: it went out together before.
    None,
}

/// Whether a batch certainly never arrived before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fresh {
    Yes,
    No,
}

/// Names a batch by what it has.
fn batch(deliveries: &[(i64, Delivery)]) -> Uuid {
    let mut hasher = blake3::Hasher::new();
    for (_, delivery) in deliveries {
        hasher.update(delivery.exchange.id.as_bytes());
    }
    let hash = hasher.finalize();
    let bytes = hash.as_bytes().first_chunk().copied().unwrap_or_default();
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn placed(delivery: &Delivery) -> Placed {
    Placed { turn: delivery.turn, trace: delivery.trace.id }
}

/// Characters of an exchange and the tools that ran, roughly: what a parcel of it takes.
fn weight(delivery: &Delivery) -> u64 {
    let mut counter = Counter(0);
    // Counting does not fail.
    let _ = serde_json::to_writer(&mut counter, &delivery.exchange);
    let ran = delivery.ran.iter();
    ran.for_each(|run| {
        let _ = serde_json::to_writer(&mut counter, &(&run.arguments, &run.result));
    });
    counter.0
}

struct Counter(u64);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
