//! Delivers to one sink, a batch at a time.
//!
//! What is sent is written down before the first byte goes out, and what became of it behind the
//! answer. Between the two its fate is unknown: after a kill on either side, a connection that
//! broke off, a gateway's error. A receiver that can be asked is asked then; to any other the
//! same batch is sent again, with the same ids.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::lock::{self, Lock};
use super::place::Placer;
use super::post::{Fault, Post, Reply};
use super::{Notify, SinkError, backoff, locks};
use crate::metrics::{Exported, Metrics};
use crate::sink::Settings;
use crate::sink::wire::{Answer, Delivery, Verdict, Wire};
use crate::store::{Fate, Outbox, Placed, StoreError, Unsettled};

/// What was stored is left to itself for so long: an exchange that was stored shortly before
/// the one that it belongs to is put into its thread then.
const RIPENING: SignedDuration = SignedDuration::from_secs(2);
/// Bytes on the wire of the exchanges of one batch, unless it is one alone.
const BATCH_BYTES_MAX: u64 = 4 << 20;
/// Exchanges that are refused one after the other, and none taken between them, before the fault
/// is thought to be ours.
const REFUSED_MAX: u32 = 5;
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
    /// Refused one after the other.
    refused: u32,
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
            refused: 0,
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
        self.note_lag()?;
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
        if self.open.as_ref().is_some_and(|open| open.file == file) {
            return Ok(true);
        }
        self.open = None;
        self.placer = Placer::default();
        let mut outbox = Outbox::open(&self.capture)?;
        let sink = outbox.declare(&self.settings.sink())?;
        let lock = lock::take(&locks(&self.capture), sink)
            .map_err(|source| StoreError::Open { path: locks(&self.capture), source })?;
        let Some(lock) = lock else { return Ok(false) };
        // What stopped it may be mended.
        if outbox.stopped(sink)?.is_some() {
            outbox.stop(sink, None)?;
        }
        self.open = Some(Open { outbox, sink, _lock: lock, file });
        Ok(true)
    }

    /// How long it is until a batch of unknown fate can be settled; `None` if it can be now. Before
    /// then a receiver that was asked might not show yet what it took.
    fn settles_in(&self, unsettled: &Unsettled) -> Option<Duration> {
        if !self.wire.can_be_asked() {
            return None;
        }
        let since = Timestamp::now().duration_since(unsettled.at);
        let since = Duration::try_from(since).unwrap_or_default();
        Some(self.settings.settle().checked_sub(since)?).filter(|left| !left.is_zero())
    }

    /// Settles a batch of unknown fate: asks for each exchange, or sends the same again.
    async fn resolve(&mut self, unsettled: Unsettled) -> Result<(), StoreError> {
        let deliveries = self.deliveries(&unsettled.seqs)?;
        let (mut fates, mut untold) = (Vec::new(), Vec::new());
        for (seq, delivery) in deliveries {
            match self.ask(&delivery).await {
                Ok(Some(true)) => fates.push((seq, Fate::Sent)),
                Ok(Some(false)) => fates.push((seq, Fate::Waiting)),
                // A receiver that does not tell is treated as one that cannot be asked.
                Ok(None) => untold.push((seq, delivery)),
                Err((why, retry_after)) => return self.failed(&why, retry_after),
            }
        }
        self.settle(&fates)?;
        match untold.is_empty() {
            true => Ok(()),
            false => self.deliver(unsettled.batch, untold).await,
        }
    }

    /// Whether the receiver has a delivery, if it tells; an error if it cannot be asked right now.
    async fn ask(&self, delivery: &Delivery) -> Result<Option<bool>, (String, Option<Duration>)> {
        for question in self.wire.questions(delivery) {
            let reply = self.post.ask(&question).await.map_err(|fault| (fault.why, None))?;
            if matches!(reply.status, 408 | 425 | 429 | 500..) {
                return Err((words(&reply), reply.retry_after));
            }
            let answer = Answer { status: reply.status, body: &reply.body };
            if let Some(has) = self.wire.has(delivery, answer) {
                return Ok(Some(has));
            }
        }
        Ok(None)
    }

    /// Sends the next batch.
    async fn send_some(&mut self, now: bool) -> Result<Step, StoreError> {
        let Some(Open { outbox, sink, .. }) = &self.open else { return Ok(Step::Nothing) };
        let at = Timestamp::now();
        let ripe = if now { Timestamp::MAX } else { at - RIPENING };
        let (mut seqs, mut bytes) = (Vec::new(), 0u64);
        for pending in outbox.waiting(*sink, ripe, self.limit)? {
            bytes = bytes.saturating_add(pending.bytes);
            if bytes > BATCH_BYTES_MAX && !seqs.is_empty() {
                break;
            }
            seqs.push(pending.seq);
        }
        if seqs.is_empty() {
            return Ok(Step::Nothing);
        }
        let mut deliveries = self.deliveries(&seqs)?;
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
            self.deliver(batch(&deliveries), deliveries).await?;
        }
        Ok(Step::Done)
    }

    /// Reads exchanges and finds their places. One that was deleted meanwhile, or cannot be read
    /// any more, is not among them.
    fn deliveries(&mut self, seqs: &[i64]) -> Result<Vec<(i64, Delivery)>, StoreError> {
        let Some(Open { outbox, sink, .. }) = &mut self.open else { return Ok(Vec::new()) };
        let mut deliveries = Vec::new();
        let mut unreadable = Vec::new();
        for &seq in seqs {
            let made = outbox.exchange(seq).and_then(|exchange| {
                let content = self.settings.content;
                let made =
                    exchange.map(|exchange| self.placer.delivery(outbox, *sink, exchange, content));
                made.transpose()
            });
            match made {
                Ok(Some(delivery)) => deliveries.push((seq, delivery)),
                Ok(None) => {}
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
    ) -> Result<(), StoreError> {
        let Some(Open { outbox, sink, .. }) = &mut self.open else { return Ok(()) };
        let (seqs, deliveries): (Vec<i64>, Vec<Delivery>) = deliveries.into_iter().unzip();
        // A fault of ours in one exchange must not end the deliveries of all others.
        let made = catch_unwind(AssertUnwindSafe(|| self.wire.parcel(&deliveries)));
        let Ok(parcel) = made else {
            let why = "a fault of Overhear's: it cannot be put into the receiver's words";
            return self.heed(&seqs, Verdict::Refused { why: why.to_owned() }, None);
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
                (self.wire.verdict(answer), reply.retry_after)
            }
            Err(Fault { is_certain: true, why }) => (Verdict::Later { why: why.clone() }, None),
            Err(Fault { is_certain: false, why }) => (Verdict::Unknown { why: why.clone() }, None),
        };
        self.heed(&seqs, verdict, retry_after)
    }

    /// Does what an answer asks for.
    fn heed(
        &mut self,
        seqs: &[i64],
        verdict: Verdict,
        retry_after: Option<Duration>,
    ) -> Result<(), StoreError> {
        let all = |fate: &Fate| seqs.iter().map(|&seq| (seq, fate.clone())).collect::<Vec<_>>();
        match verdict {
            Verdict::Accepted => {
                self.settle(&all(&Fate::Sent))?;
                self.count(Exported::Sent, seqs.len());
                self.succeeded()
            }
            Verdict::AcceptedBut { refused, why } => {
                self.settle(&all(&Fate::Sent))?;
                if let Some(Open { outbox, sink, .. }) = &mut self.open {
                    outbox.note_refused(*sink, refused)?;
                }
                let refused = usize::try_from(refused).unwrap_or(usize::MAX).min(seqs.len());
                self.count(Exported::Sent, seqs.len() - refused);
                self.count(Exported::Failed, refused);
                self.say(&format!("refused {refused} of {} exchanges: {why}", seqs.len()));
                self.succeeded()
            }
            Verdict::Later { why } => {
                self.settle(&all(&Fate::Waiting))?;
                self.count(Exported::Retried, seqs.len());
                self.failed(&why, retry_after)
            }
            Verdict::Unknown { why } => {
                self.count(Exported::Retried, seqs.len());
                // The receiver may have taken it only now, however long ago it was sent.
                if let Some(Open { outbox, sink, .. }) = &mut self.open {
                    outbox.doubt(*sink, seqs, Timestamp::now())?;
                }
                self.failed(&why, retry_after)
            }
            Verdict::Refused { .. } | Verdict::TooLate { .. } | Verdict::TooLarge { .. }
                if seqs.len() > 1 =>
            {
                self.settle(&all(&Fate::Waiting))?;
                self.limit = seqs.len() / 2;
                Ok(())
            }
            Verdict::TooLate { why } => {
                self.settle(&all(&Fate::Refused(why)))?;
                self.count(Exported::Failed, seqs.len());
                self.succeeded()
            }
            Verdict::Refused { why } | Verdict::TooLarge { why } => {
                self.settle(&all(&Fate::Refused(why.clone())))?;
                self.count(Exported::Failed, seqs.len());
                self.refused += 1;
                self.say(&format!("refused an exchange: {why}"));
                if self.refused < REFUSED_MAX {
                    return Ok(());
                }
                self.stop(&format!("it refuses everything: {why}"))
            }
            Verdict::Stop { why } => {
                self.settle(&all(&Fate::Waiting))?;
                self.stop(&why)
            }
        }
    }

    fn settle(&mut self, fates: &[(i64, Fate)]) -> Result<(), StoreError> {
        match &mut self.open {
            Some(Open { outbox, sink, .. }) if !fates.is_empty() => {
                outbox.settle(*sink, fates, Timestamp::now())
            }
            _ => Ok(()),
        }
    }

    fn succeeded(&mut self) -> Result<(), StoreError> {
        self.limit = self.limit.saturating_mul(2).clamp(1, self.wire.batch_max());
        self.refused = 0;
        self.pause = None;
        if self.failures >= TOLD_FROM {
            self.say("takes exchanges again");
        }
        self.failures = 0;
        match &mut self.open {
            Some(Open { outbox, sink, .. }) => outbox.note_try(*sink, None),
            None => Ok(()),
        }
    }

    fn failed(&mut self, why: &str, retry_after: Option<Duration>) -> Result<(), StoreError> {
        self.failures = self.failures.saturating_add(1);
        let pause = backoff::pause(self.failures, retry_after, backoff::chance());
        self.pause = Some(Instant::now() + pause);
        if self.failures == TOLD_FROM {
            self.say(&format!("takes nothing right now: {why}; what is recorded waits for it"));
        }
        let at = Timestamp::now().saturating_add(pause).unwrap_or(Timestamp::MAX);
        match &mut self.open {
            Some(Open { outbox, sink, .. }) => outbox.note_try(*sink, Some((why, at))),
            None => Ok(()),
        }
    }

    fn stop(&mut self, why: &str) -> Result<(), StoreError> {
        self.refused = 0;
        let name = &self.settings.name;
        self.say(&format!(
            "is stopped: {why}\nhint: what is recorded waits; `overhear sinks resume {name}` tries \
             again, so does the next start"
        ));
        match &mut self.open {
            Some(Open { outbox, sink, .. }) => outbox.stop(*sink, Some(why)),
            None => Ok(()),
        }
    }

    fn count(&self, what: Exported, exchanges: usize) {
        self.metrics.exported(&self.settings.name, what, exchanges as u64);
    }

    /// How long the oldest exchange that waits has waited, for whoever reads the metrics.
    fn note_lag(&self) -> Result<(), StoreError> {
        let Some(Open { outbox, sink, .. }) = &self.open else { return Ok(()) };
        let since = outbox.oldest(*sink)?.map(|oldest| Timestamp::now().duration_since(oldest));
        let seconds = since.map_or(0.0, |since| since.as_secs_f64().max(0.0));
        self.metrics.export_lag(&self.settings.name, seconds);
        Ok(())
    }

    fn say(&self, words: &str) {
        (self.notify)(&format!("sink `{}` {words}", self.settings.name));
    }
}

/// Failures in a row from which on the user is told: a receiver that is started anew is away for
/// a moment.
const TOLD_FROM: u32 = 3;

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

fn words(reply: &Reply) -> String {
    crate::sink::wire::words(Answer { status: reply.status, body: &reply.body })
}
