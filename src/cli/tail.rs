//! `overhear tail`: follows exchanges while they run.
//!
//! It reads the tapes, as the recorder does: an answer appears here as it reaches the app, and
//! following costs the proxy nothing. Exchanges so short that their tape is gone already come
//! from the capture.

mod screen;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::places::Places;
use super::prices;
use super::printer::{ExitStatus, Printer};
use super::settings::ConfigFile;
use crate::record::{FlowReading, Lexicon, is_open};
use crate::store::{Entry, Reader, Selection, StoreError};
use crate::tape::{self, Place};
use screen::{Quiet, Screen};

/// How often tapes and capture are looked at.
const EVERY: Duration = Duration::from_millis(40);
/// Exchanges read from the capture at once.
const PAGE: usize = 100;

/// Follow exchanges live: each prompt's last words, the answer as it comes, the tokens
#[derive(Args, Clone, Debug)]
pub struct TailArgs {
    /// One JSON object for each exchange when it has ended
    #[arg(long)]
    json: bool,
    /// Apps with TEXT in their user agent or process name
    #[arg(long, value_name = "TEXT")]
    app: Option<String>,
    /// Requests to HOST or to a host in that domain
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Models with TEXT in their name
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
}

/// Runs the command until its output is closed or it is killed.
pub fn tail(
    args: &TailArgs,
    places: &Places,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let capture = places.capture();
    let reader = wait_for(&capture, out)?;
    let prices = prices::open(&config.prices(), places);
    let prices = prices::or_default(prices, |words| out.talk(words));
    let mut tail = Tail {
        seq: reader.last_seq()?,
        lexicon: Lexicon { prices, ..Lexicon::new(reader.key()) },
        reader,
        tapes: places.tapes(),
        known: HashSet::new(),
        flows: BTreeMap::new(),
        screen: Screen::new(args.clone(), out),
    };
    tail.skip_what_is_there();
    loop {
        tail.read_tapes()?;
        tail.read_capture()?;
        tail.screen.flush()?;
        std::thread::sleep(EVERY);
    }
}

/// The capture, as soon as there is one.
fn wait_for(capture: &Path, out: &mut Printer) -> Result<Reader> {
    let mut told = false;
    loop {
        match Reader::open(capture) {
            Ok(reader) => return Ok(reader),
            Err(StoreError::Missing { .. }) => {
                if !told {
                    out.talk("waiting for the first exchange");
                }
                told = true;
                std::thread::sleep(EVERY * 5);
            }
            Err(e) => return Err(e.into()),
        }
    }
}

struct Tail<'a> {
    reader: Reader,
    seq: i64,
    lexicon: Lexicon,
    tapes: Option<PathBuf>,
    known: HashSet<PathBuf>,
    /// Names of tapes begin with their time: the oldest comes first.
    flows: BTreeMap<PathBuf, FlowReading>,
    screen: Screen<'a>,
}

impl Tail<'_> {
    /// Answers that are under way when we come are shown whole; exchanges that have ended on
    /// a connection that is still open are not.
    fn skip_what_is_there(&mut self) {
        self.open_tapes();
        for reading in self.flows.values_mut() {
            while reading.read(&self.lexicon, &mut Quiet).is_ok_and(|read| read) {}
            for entry in reading.take() {
                if let Entry::Exchange(stored) = entry
                    && !stored.is_open
                {
                    self.screen.has_told(stored.exchange.id);
                }
            }
        }
    }

    fn open_tapes(&mut self) {
        let Some(dir) = &self.tapes else { return };
        let there = Place::all_tapes(dir);
        self.known.retain(|path| there.contains(path));
        for path in there {
            if self.known.insert(path.clone()) {
                let reading = tape::Reader::open(&path).ok().and_then(|t| FlowReading::new(t).ok());
                if let Some(reading) = reading {
                    self.flows.insert(path, reading);
                }
            }
        }
    }

    fn read_tapes(&mut self) -> Result<()> {
        self.open_tapes();
        let mut over = Vec::new();
        for (path, reading) in &mut self.flows {
            // A tape that is gone has been stored: what it still held comes from the capture.
            while reading.read(&self.lexicon, &mut self.screen).unwrap_or(false) {}
            for entry in reading.take() {
                if let Entry::Exchange(stored) = entry
                    && !stored.is_open
                {
                    self.screen.ended(&stored.exchange)?;
                }
            }
            if reading.is_over() || !path.exists() {
                over.push(path.clone());
            }
        }
        for path in over {
            self.flows.remove(&path);
        }
        Ok(())
    }

    fn read_capture(&mut self) -> Result<()> {
        loop {
            let page = self.reader.written_after(&Selection::default(), self.seq, PAGE)?;
            for listed in &page {
                self.seq = self.seq.max(listed.seq);
                if self.screen.knows(listed.id) {
                    continue;
                }
                if let Some(exchange) = self.reader.exchange(listed.seq)?
                    && !is_open(&exchange)
                {
                    self.screen.whole(&exchange)?;
                }
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }
}
