//! The recorder's thread: reads every tape a little, writes in batches, gives tape back.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::keeping::{Busy, Keeping};
use super::reader::unwound;
use super::reading::FlowReading;
use super::standing::{Standing, count_exchanges};
use super::{Capture, Notice, Notify, Unfollowed, recover};
use crate::flow::{FlowId, Side};
use crate::metrics::Metrics;
use crate::model::App;
use crate::store::{Entry, FlowRow, Gap, Loss, Progress, Retention, StoreError};
use crate::tape::{Budget, Kept, Told, Untaped, Wake};

/// While bytes flow, tapes are read and committed so often: what is found by then goes into
/// one transaction.
const TICK: Duration = Duration::from_millis(20);
/// Pause between two slices of keeping the capture within its limits: a tenth of the time.
const BETWEEN_SLICES: Duration = Duration::from_millis(50);
/// Longest sleep with nothing to do.
const IDLE: Duration = Duration::from_millis(250);
/// Entries that wait for the store before reading stops: then the tape holds what comes.
const WAITING_MAX: usize = 256;
/// First and longest pause after a write that failed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// First and longest pause before left tapes that could not be stored are tried again.
const RECOVERIES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));
/// Pause after the index could not be written: a search looks into what is not in it.
const INDEX_PAUSE: Duration = Duration::from_secs(10);
/// How long the index is filled at the end; the next start goes on.
const LAST_INDEXING: Duration = Duration::from_millis(200);
/// How long the store may refuse at the end before the rest is left on the tape.
const LAST_TRIES: Duration = Duration::from_secs(10);

/// The running recorder.
pub struct Recorder {
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    wake: Arc<Wake>,
    standing: Arc<Standing>,
}

impl Recorder {
    /// Starts recording into `capture`, which is opened as soon as it can be, and keeps it
    /// within `retention`.
    pub fn start(
        capture: Capture,
        retention: Retention,
        heard: Receiver<Told>,
        beside: Beside,
    ) -> io::Result<Self> {
        let Beside { wake, budget, runtime_dir, notify, metrics } = beside;
        let stop = Arc::new(AtomicBool::new(false));
        let standing = Arc::new(Standing::new(metrics, budget));
        let worker = Worker {
            capture,
            keeping: Keeping::new(retention),
            heard,
            wake: Arc::clone(&wake),
            notify,
            stop: Arc::clone(&stop),
            standing: Arc::clone(&standing),
            flows: HashMap::new(),
            waiting: Vec::new(),
            pause: None,
            index_at: None,
        };
        let thread = thread::Builder::new()
            .name("overhear-record".into())
            .spawn(move || worker.run(runtime_dir))?;
        Ok(Self { thread: Some(thread), stop, wake, standing })
    }

    /// How it stands.
    pub fn standing(&self) -> &Arc<Standing> {
        &self.standing
    }

    /// Reads and stores what is on the tapes of flows that are over, then stops.
    pub fn finish(mut self) {
        self.stop.store(true, Ordering::Release);
        self.wake.wake();
        if let Some(thread) = self.thread.take() {
            // A panic of the recorder was told when it happened; nothing is left to do.
            let _ = thread.join();
        }
    }
}

/// What a recorder shares with the proxy, and whom it tells.
pub struct Beside {
    /// What wakes it.
    pub wake: Arc<Wake>,
    /// The memory of all tapes.
    pub budget: Arc<Budget>,
    /// Tapes that were left behind below this are read first.
    pub runtime_dir: Option<PathBuf>,
    /// Is told what the user should know.
    pub notify: Notify,
    /// Counts what is stored and what is lost.
    pub metrics: Metrics,
}

struct Worker {
    capture: Capture,
    keeping: Keeping,
    heard: Receiver<Told>,
    wake: Arc<Wake>,
    notify: Notify,
    stop: Arc<AtomicBool>,
    standing: Arc<Standing>,
    flows: HashMap<FlowId, FlowReading>,
    /// Read, and not stored.
    waiting: Vec<Entry>,
    /// After a failed write: when to try again, and how long to wait after the next failure.
    pause: Option<(Instant, Duration)>,
    /// After a failure: when the index is filled again.
    index_at: Option<Instant>,
}

impl Worker {
    fn run(mut self, runtime_dir: Option<PathBuf>) {
        let mut next_recovery = Some((Instant::now(), RECOVERIES.0));
        let mut stopping = None;
        loop {
            let is_open = self.open();
            if let (Some(dir), Some((at, pause))) = (&runtime_dir, next_recovery)
                && is_open
                && Instant::now() >= at
            {
                let again = self.recover(dir);
                next_recovery =
                    again.then(|| (Instant::now() + pause, (pause * 2).min(RECOVERIES.1)));
            }
            // A fault of ours outside of any one flow must not end the recording.
            let (told_all, read) = unwound(|| self.pass()).unwrap_or_else(|()| self.give_up());
            let indexed = self.index();
            if stopping.is_none() && (self.stop.load(Ordering::Acquire) || told_all) {
                stopping = Some(Instant::now());
            }
            if let Some(since) = stopping {
                let idle = is_open && !read && self.waiting.is_empty();
                // A long backlog of a store that works is stored to its end.
                let in_vain = self.capture.is_newer() || since.elapsed() > LAST_TRIES;
                let refused = self.pause.is_some() && in_vain;
                let done = idle && (!indexed || since.elapsed() > LAST_INDEXING);
                if done || refused {
                    return;
                }
                thread::sleep(Duration::from_millis(1));
            } else if read || !self.waiting.is_empty() || !is_open {
                self.keep(Busy::Yes);
                thread::sleep(TICK);
            } else if !indexed && self.keep(Busy::No) == Progress::More {
                thread::sleep(BETWEEN_SLICES);
            } else if !indexed {
                let flows = &self.flows;
                self.wake.sleep(IDLE, || flows.values().any(FlowReading::has_more));
            }
        }
    }

    /// Opens the capture if it is not; says whether it is.
    fn open(&mut self) -> bool {
        if self.capture.parts().is_some() {
            return true;
        }
        if self.pause.is_some_and(|(until, _)| Instant::now() < until) {
            return false;
        }
        match self.capture.open() {
            Ok(notice) => {
                notice.into_iter().for_each(|notice| (self.notify)(notice));
                // A capture that is new does not know of the flows that are open.
                self.flows.values_mut().for_each(FlowReading::tell_again);
                self.resume();
                true
            }
            Err(error) => {
                self.wait(&error);
                false
            }
        }
    }

    /// The capture is damaged: a new one takes its place, and what waits goes there.
    fn replace(&mut self, what: String) {
        match self.capture.replace(what) {
            Ok(notice) => {
                (self.notify)(notice);
                self.flows.values_mut().for_each(FlowReading::tell_again);
            }
            Err(error) => self.wait(&error),
        }
    }

    /// The capture cannot be written for now.
    fn wait(&mut self, error: &StoreError) {
        let why = error.to_string();
        let pause = self.pause.map_or(PAUSES.0, |(_, pause)| (pause * 2).min(PAUSES.1));
        if self.pause.is_none() {
            self.standing.set_waiting(Some(why.clone()));
            (self.notify)(Notice::Waiting { why });
        }
        self.pause = Some((Instant::now() + pause, pause));
    }

    fn resume(&mut self) {
        if self.pause.take().is_some() {
            self.standing.set_waiting(None);
            (self.notify)(Notice::Resumed);
        }
    }

    /// Does a slice of what retention asks for, if it is time for one.
    fn keep(&mut self, busy: Busy) -> Progress {
        let Some((store, _)) = self.capture.parts() else { return Progress::Done };
        if self.pause.is_some() {
            return Progress::Done;
        }
        let kept = unwound(|| self.keeping.slice(store, busy));
        let why = match kept {
            Ok(Ok(progress)) => return progress,
            Ok(Err(error)) => error.to_string(),
            Err(()) => "a fault of Overhear's".to_owned(),
        };
        self.keeping.give_up();
        (self.notify)(Notice::Unkept { why });
        Progress::Done
    }

    /// Something is given up: the user is told, and so is whoever asks later.
    fn lose(&mut self, what: String, why: String) {
        (self.notify)(Notice::Lost { what: what.clone(), why: why.clone() });
        self.waiting.push(Entry::Loss(Loss { at: Timestamp::now(), what, why }));
    }

    /// Stores what killed proxies have left; says whether something is left still.
    fn recover(&mut self, runtime_dir: &Path) -> bool {
        let Some((store, lexicon)) = self.capture.parts() else { return true };
        let recovered = recover::recover(runtime_dir, store, lexicon);
        if recovered.exchanges > 0 {
            (self.notify)(Notice::Recovered { exchanges: recovered.exchanges });
        }
        recovered.left > 0
    }

    /// One round: says whether the proxy is gone, and whether there was anything to read.
    fn pass(&mut self) -> (bool, bool) {
        let told_all = self.hear();
        let read = self.read_tapes();
        self.write();
        self.standing.measure();
        (told_all, read)
    }

    /// Brings some of what was stored into the index; says whether there was any. What was read
    /// and waits to be stored goes first.
    fn index(&mut self) -> bool {
        let is_early = self.index_at.is_some_and(|at| Instant::now() < at);
        if is_early || !self.waiting.is_empty() {
            return false;
        }
        let Some((store, _)) = self.capture.parts() else { return false };
        match unwound(|| store.index_some()) {
            Ok(Ok(messages)) => {
                self.index_at = None;
                messages > 0
            }
            // Nothing is lost by it, and a full disk is told by whoever has something to store.
            failed => {
                // The index is made of what is stored: a damaged one is made anew. If that fails
                // as well, or what it is made of is damaged, the next try comes after a pause.
                if let Ok(Err(StoreError::Corrupt { .. })) = failed {
                    let _ = store.clear_index();
                }
                self.index_at = Some(Instant::now() + INDEX_PAUSE);
                false
            }
        }
    }

    /// A round panicked: what it was to write may be the reason, so it is not tried again.
    fn give_up(&mut self) -> (bool, bool) {
        let what = format!("{} entries that were to be stored", self.waiting.len());
        self.standing.lost("fault", count_exchanges(&self.waiting));
        self.waiting.clear();
        self.lose(what, "a fault of Overhear's".to_owned());
        (false, true)
    }

    /// Takes what the proxy told; `true` once it is gone.
    fn hear(&mut self) -> bool {
        loop {
            match self.heard.try_recv() {
                Ok(Told::Taped(tape)) => match FlowReading::new(tape) {
                    Ok(reading) => {
                        self.flows.insert(reading.flow(), reading);
                    }
                    Err(e) => {
                        self.standing.lost("unreadable", 1);
                        self.lose("a flow whose tape cannot be read".to_owned(), e.to_string());
                    }
                },
                Ok(Told::Passed(passed)) => {
                    self.waiting.push(Entry::Flow(Box::new((*passed).into())));
                }
                Ok(Told::Untaped(untaped)) => self.note_untaped(*untaped),
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => return true,
            }
        }
    }

    /// A flow that nothing was kept of is a gap as long as itself.
    fn note_untaped(&mut self, untaped: Untaped) {
        let Untaped { opened, closed_at, bytes, why } = untaped;
        let lost = bytes.iter().sum();
        self.standing.lose_bytes(lost);
        self.standing.lost("no_tape", 1);
        (self.notify)(Notice::Gap { bytes: lost });
        let flow = opened.flow;
        self.waiting.push(Entry::Flow(Box::new(FlowRow {
            app: App { user_agent: opened.connect_user_agent.clone(), ..App::default() },
            opened,
            closed_at: Some(closed_at),
            bytes,
            endings: [None; 2],
            gap_bytes: lost,
            notes: vec![format!("nothing of it was recorded: {why}")],
        })));
        for (side, bytes) in Side::BOTH.into_iter().zip(bytes).filter(|(_, bytes)| *bytes > 0) {
            let reason = why.clone();
            self.waiting.push(Entry::Gap(Gap { flow, side, at: closed_at, bytes, reason }));
        }
    }

    /// Reads a little of each tape that has more; says whether any had.
    fn read_tapes(&mut self) -> bool {
        let mut any = false;
        let mut unreadable = Vec::new();
        let mut lost = Vec::new();
        let Some((_, lexicon)) = self.capture.parts() else { return false };
        for reading in self.flows.values_mut() {
            if self.waiting.len() >= WAITING_MAX {
                any = true;
                break;
            }
            if !reading.has_more() {
                continue;
            }
            any = true;
            let flow = reading.flow();
            let what = format!("flow {flow}");
            match unwound(|| reading.read(lexicon, &mut Unfollowed)) {
                Ok(Ok(_)) => {}
                Ok(Err(e)) => {
                    self.standing.lost("unreadable", 1);
                    (self.notify)(Notice::Lost { what: what.clone(), why: e.to_string() });
                    lost.push((what, e.to_string()));
                    unreadable.push(flow);
                }
                Err(()) => {
                    self.standing.lost("fault", 1);
                    (self.notify)(Notice::Panicked { what: what.clone() });
                    lost.push((what, "a fault of Overhear's while reading it".to_owned()));
                    unreadable.push(flow);
                }
            }
            let entries = reading.take();
            for entry in &entries {
                if let Entry::Gap(gap) = entry {
                    self.standing.lose_bytes(gap.bytes);
                    (self.notify)(Notice::Gap { bytes: gap.bytes });
                }
            }
            self.waiting.extend(entries);
        }
        let at = Timestamp::now();
        let losses = lost.into_iter().map(|(what, why)| Entry::Loss(Loss { at, what, why }));
        self.waiting.extend(losses);
        // Their tapes stay for the next start, which may know better.
        for flow in unreadable {
            self.flows.remove(&flow);
        }
        any
    }

    /// Writes what waits, and gives the tape of what is stored back.
    fn write(&mut self) {
        if self.waiting.is_empty() {
            return self.release();
        }
        if self.pause.is_some_and(|(until, _)| Instant::now() < until) {
            return;
        }
        if self.capture.is_gone() {
            (self.notify)(Notice::Gone);
            return self.capture.close();
        }
        let Some((store, _)) = self.capture.parts() else { return };
        match store.write(&self.waiting) {
            Ok(()) => {
                self.standing.stored(&self.waiting);
                self.waiting.clear();
                self.resume();
                self.release();
            }
            Err(e) if is_about_an_entry(&e) => self.write_one_by_one(),
            Err(StoreError::Corrupt { what }) => self.replace(what),
            Err(e) => {
                if matches!(e, StoreError::Newer { .. }) {
                    self.capture.close();
                }
                self.wait(&e);
            }
        }
    }

    /// One entry that the store cannot take must not hold up all others.
    fn write_one_by_one(&mut self) {
        for entry in std::mem::take(&mut self.waiting) {
            let Some((store, _)) = self.capture.parts() else {
                self.waiting.push(entry);
                continue;
            };
            match store.write(std::slice::from_ref(&entry)) {
                Ok(()) => self.standing.stored(std::slice::from_ref(&entry)),
                Err(e) if is_about_an_entry(&e) => {
                    let what = match &entry {
                        Entry::Exchange(stored) => {
                            self.standing.lost("store", 1);
                            format!("exchange {}", stored.exchange.id)
                        }
                        Entry::Flow(row) => format!("flow {}", row.opened.flow),
                        Entry::RawChunk(chunk) => format!("raw bytes of flow {}", chunk.flow),
                        Entry::Gap(gap) => format!("a gap in flow {}", gap.flow),
                        // Nothing would be gained by saying that it cannot be said.
                        Entry::Loss(_) => continue,
                    };
                    self.lose(what, e.to_string());
                }
                Err(_) => self.waiting.push(entry),
            }
        }
    }

    fn release(&mut self) {
        let mut over = Vec::new();
        for (flow, reading) in &mut self.flows {
            if reading.is_over() {
                over.push(*flow);
                continue;
            }
            let kept: Kept = reading.kept();
            // A mark that cannot be written costs reading again what is stored: the ids are
            // the same then, so nothing is twice in the capture.
            let _ = reading.release(kept);
        }
        for flow in over {
            if let Some(reading) = self.flows.remove(&flow) {
                let _ = reading.remove();
            }
        }
    }
}

/// Whether the capture itself is well and one of the entries is not.
fn is_about_an_entry(error: &StoreError) -> bool {
    matches!(error, StoreError::Statement(_) | StoreError::Damaged { .. })
}
