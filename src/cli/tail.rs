//! `overhear tail`: follows exchanges while they run.
//!
//! It reads the tapes, as the recorder does: an answer appears here as it reaches the app, and
//! following costs the proxy nothing. Exchanges so short that their tape is gone already come
//! from the capture.

mod screen;

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::places::Places;
use super::prices;
use super::printer::{ExitStatus, Printer};
use super::settings::ConfigFile;
use crate::record::{Following, Lexicon, is_open};
use crate::store::{Reader, Selection, StoreError};
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
    let lexicon = Lexicon { prices, ..Lexicon::new(reader.key()) };
    let mut tail = Tail {
        seq: reader.last_seq()?,
        reader,
        following: Following::new(places.tapes(), lexicon),
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
    following: Following,
    screen: Screen<'a>,
}

impl Tail<'_> {
    /// Answers that are under way when we come are shown whole; exchanges that have ended on
    /// a connection that is still open are not.
    fn skip_what_is_there(&mut self) {
        let Self { following, screen, .. } = self;
        let skipped = following.look(&mut Quiet, |_, stored| {
            screen.has_told(stored.exchange.id);
            Ok::<_, Infallible>(())
        });
        match skipped {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    fn read_tapes(&mut self) -> Result<()> {
        self.following.look(&mut self.screen, |screen, stored| screen.ended(&stored.exchange))
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
