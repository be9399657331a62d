//! The recorder's thread: reads every tape a little, writes in batches, gives tape back.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::reader::unwound;
use super::reading::FlowReading;
use super::{Lexicon, Notice, Notify, Unfollowed, recover};
use crate::flow::{FlowId, Side};
use crate::model::App;
use crate::store::{Entry, FlowRow, Gap, Store, StoreError};
use crate::tape::{Kept, Told, Untaped, Wake};

/// While bytes flow, tapes are read and committed so often: what is found by then goes into
/// one transaction.
const TICK: Duration = Duration::from_millis(20);
/// Longest sleep with nothing to do.
const IDLE: Duration = Duration::from_millis(250);
/// Entries that wait for the store before reading stops: then the tape holds what comes.
const WAITING_MAX: usize = 256;
/// First and longest pause after a write that failed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// First and longest pause before left tapes that could not be stored are tried again.
const RECOVERIES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));
/// How long the store may refuse at the end before the rest is left on the tape.
const LAST_TRIES: Duration = Duration::from_secs(10);

/// The running recorder.
pub struct Recorder {
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    wake: Arc<Wake>,
    standing: Arc<Standing>,
}

/// How the recording stands.
#[derive(Debug, Default)]
pub struct Standing {
    exchanges: AtomicU64,
    lost_bytes: AtomicU64,
    waiting: Mutex<Option<String>>,
}

impl Standing {
    /// Exchanges stored since the start.
    pub fn exchanges(&self) -> u64 {
        self.exchanges.load(Ordering::Relaxed)
    }

    /// Bytes that the tape had no room for since the start.
    pub fn lost_bytes(&self) -> u64 {
        self.lost_bytes.load(Ordering::Relaxed)
    }

    /// Why the capture cannot be written right now.
    pub fn waiting(&self) -> Option<String> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Recorder {
    /// Starts recording into `store`. Tapes that were left behind below `runtime_dir` are
    /// read first.
    pub fn start(
        store: Store,
        heard: Receiver<Told>,
        wake: Arc<Wake>,
        runtime_dir: Option<PathBuf>,
        lexicon: Lexicon,
        notify: Notify,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let standing = Arc::new(Standing::default());
        let worker = Worker {
            store,
            heard,
            wake: Arc::clone(&wake),
            lexicon,
            notify,
            stop: Arc::clone(&stop),
            standing: Arc::clone(&standing),
            flows: HashMap::new(),
            waiting: Vec::new(),
            pause: None,
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

struct Worker {
    store: Store,
    heard: Receiver<Told>,
    wake: Arc<Wake>,
    lexicon: Lexicon,
    notify: Notify,
    stop: Arc<AtomicBool>,
    standing: Arc<Standing>,
    flows: HashMap<FlowId, FlowReading>,
    /// Read, and not stored.
    waiting: Vec<Entry>,
    /// After a failed write: when to try again, and how long to wait after the next failure.
    pause: Option<(Instant, Duration)>,
}

impl Worker {
    fn run(mut self, runtime_dir: Option<PathBuf>) {
        let mut next_recovery = Some((Instant::now(), RECOVERIES.0));
        let mut stopping = None;
        loop {
            if let (Some(dir), Some((at, pause))) = (&runtime_dir, next_recovery)
                && Instant::now() >= at
            {
                let again = self.recover(dir);
                next_recovery =
                    again.then(|| (Instant::now() + pause, (pause * 2).min(RECOVERIES.1)));
            }
            // A fault of ours outside of any one flow must not end the recording.
            let (told_all, read) = unwound(|| self.pass()).unwrap_or_else(|()| self.give_up());
            if stopping.is_none() && (self.stop.load(Ordering::Acquire) || told_all) {
                stopping = Some(Instant::now());
            }
            if let Some(since) = stopping {
                let idle = !read && self.waiting.is_empty();
                // A long backlog of a store that works is stored to its end.
                let refused = self.pause.is_some() && since.elapsed() > LAST_TRIES;
                if idle || refused {
                    return;
                }
                thread::sleep(Duration::from_millis(1));
            } else if read || !self.waiting.is_empty() {
                thread::sleep(TICK);
            } else {
                let flows = &self.flows;
                self.wake.sleep(IDLE, || flows.values().any(FlowReading::has_more));
            }
        }
    }

    /// Stores what killed proxies have left; says whether something is left still.
    fn recover(&mut self, runtime_dir: &Path) -> bool {
        let recovered = recover::recover(runtime_dir, &mut self.store, &self.lexicon);
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
        (told_all, read)
    }

    /// A round panicked: what it was to write may be the reason, so it is not tried again.
    fn give_up(&mut self) -> (bool, bool) {
        let what = format!("{} entries that were to be stored", self.waiting.len());
        self.waiting.clear();
        (self.notify)(Notice::Lost { what, why: "a fault of Overhear's".to_owned() });
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
                    Err(e) => (self.notify)(Notice::Lost {
                        what: "a flow whose tape cannot be read".to_owned(),
                        why: e.to_string(),
                    }),
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
        self.standing.lost_bytes.fetch_add(lost, Ordering::Relaxed);
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
        for reading in self.flows.values_mut() {
            if self.waiting.len() >= WAITING_MAX {
                any = true;
                break;
            }
            if !reading.has_more() {
                continue;
            }
            any = true;
            let lexicon = &self.lexicon;
            let flow = reading.flow();
            let what = || format!("flow {flow}");
            match unwound(|| reading.read(lexicon, &mut Unfollowed)) {
                Ok(Ok(_)) => {}
                Ok(Err(e)) => {
                    (self.notify)(Notice::Lost { what: what(), why: e.to_string() });
                    unreadable.push(flow);
                }
                Err(()) => {
                    (self.notify)(Notice::Panicked { what: what() });
                    unreadable.push(flow);
                }
            }
            let entries = reading.take();
            for entry in &entries {
                if let Entry::Gap(gap) = entry {
                    self.standing.lost_bytes.fetch_add(gap.bytes, Ordering::Relaxed);
                    (self.notify)(Notice::Gap { bytes: gap.bytes });
                }
            }
            self.waiting.extend(entries);
        }
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
        match self.store.write(&self.waiting) {
            Ok(()) => {
                let stored = count_exchanges(&self.waiting);
                self.standing.exchanges.fetch_add(stored, Ordering::Relaxed);
                self.waiting.clear();
                if self.pause.take().is_some() {
                    self.set_waiting(None);
                    (self.notify)(Notice::Resumed);
                }
                self.release();
            }
            Err(e) if is_about_an_entry(&e) => self.write_one_by_one(),
            Err(e) => {
                let why = e.to_string();
                let longest = PAUSES.1;
                let pause = self.pause.map_or(PAUSES.0, |(_, pause)| (pause * 2).min(longest));
                if self.pause.is_none() {
                    self.set_waiting(Some(why.clone()));
                    (self.notify)(Notice::Waiting { why });
                }
                self.pause = Some((Instant::now() + pause, pause));
            }
        }
    }

    /// One entry that the store cannot take must not hold up all others.
    fn write_one_by_one(&mut self) {
        for entry in std::mem::take(&mut self.waiting) {
            match self.store.write(std::slice::from_ref(&entry)) {
                Ok(()) => {
                    let stored = count_exchanges(std::slice::from_ref(&entry));
                    self.standing.exchanges.fetch_add(stored, Ordering::Relaxed);
                }
                Err(e) if is_about_an_entry(&e) => {
                    let what = match &entry {
                        Entry::Exchange(stored) => format!("exchange {}", stored.exchange.id),
                        Entry::Flow(row) => format!("flow {}", row.opened.flow),
                        Entry::RawChunk(chunk) => format!("raw bytes of flow {}", chunk.flow),
                        Entry::Gap(gap) => format!("a gap in flow {}", gap.flow),
                    };
                    (self.notify)(Notice::Lost { what, why: e.to_string() });
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

    fn set_waiting(&self, why: Option<String>) {
        *self.standing.waiting.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

/// Whether the capture itself is well and one of the entries is not.
fn is_about_an_entry(error: &StoreError) -> bool {
    matches!(error, StoreError::Statement(_))
}

/// Exchanges among the entries; one that is told again when its flow ends counts once.
pub(super) fn count_exchanges(entries: &[Entry]) -> u64 {
    let over = |entry: &&Entry| matches!(entry, Entry::Exchange(stored) if !stored.is_open);
    entries.iter().filter(over).count() as u64
}
