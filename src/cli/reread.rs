//! `overhear reread`: exchanges derived again from their bytes, by today's dialects.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::amount::count;
use super::filters;
use super::places::Places;
use super::prices;
use super::printer::{ExitStatus, Ink, Printer};
use super::settings::ConfigFile;
use super::which::WhichArgs;
use crate::flow::Side;
use crate::record::{self, Lexicon, Recorded, Unreadable};
use crate::store::{Reader, Store, StoreError, StoredExchange, short_id};

/// Between two exchanges that are written, so that a recorder has its turn.
const PAUSE: Duration = Duration::from_millis(2);

/// Derive exchanges again from the bytes that are stored, with today's dialects
///
/// Ids, threads, pins, tags and notes stay; what cannot be derived again stays as it is.
#[derive(Args, Clone, Debug)]
pub struct RereadArgs {
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: WhichArgs,
}

/// Runs the command.
pub fn reread(
    args: &RereadArgs,
    places: &Places,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let capture = places.capture();
    let reader = filters::open(&capture, out)?;
    let chosen = args.which.choose_or_all(&reader)?;
    let store = (!args.dry_run).then(|| Store::open(&capture)).transpose()?;
    let prices = prices::open(&config.prices(), places);
    let prices = prices::or_default(prices, |words| out.talk(words));
    let lexicon = Lexicon { prices, ..Lexicon::with_bodies(reader.key(), config.bodies()) };
    let mut rereading = Rereading { reader, store, lexicon, tally: Tally::default() };
    let mut sockets = BTreeSet::new();
    for seq in chosen.seqs {
        rereading.exchange(seq, &mut sockets)?;
    }
    let tally = rereading.tally;
    if args.json {
        let kept: BTreeMap<String, u64> =
            tally.kept.iter().map(|(why, number)| (why.to_string(), *number)).collect();
        out.json(&json!({
            "read": tally.read,
            "changed": tally.changed,
            "damaged": tally.damaged,
            "kept": kept,
        }))?;
        return Ok(found(&tally));
    }
    for id in &tally.changed {
        out.line(&[(Ink::Id, short_id(*id))])?;
    }
    let would = if args.dry_run { "would read" } else { "read" };
    out.talk(format_args!(
        "{would} {} again: {} differently now",
        count(tally.read, "exchange"),
        tally.changed.len()
    ));
    for (why, number) in &tally.kept {
        out.talk(format_args!("{} as before: {why}", stays(*number)));
    }
    if tally.damaged > 0 {
        out.talk(format_args!(
            "{} as before: damaged\nhint: `overhear verify` says how",
            stays(tally.damaged)
        ));
    }
    Ok(found(&tally))
}

fn stays(number: u64) -> String {
    let verb = if number == 1 { "stays" } else { "stay" };
    format!("{} {verb}", count(number, "exchange"))
}

fn found(tally: &Tally) -> ExitStatus {
    if tally.read > 0 { ExitStatus::Found } else { ExitStatus::NothingFound }
}

#[derive(Default)]
struct Tally {
    read: u64,
    changed: Vec<uuid::Uuid>,
    damaged: u64,
    kept: BTreeMap<Unreadable, u64>,
}

struct Rereading {
    reader: Reader,
    /// `None` if nothing is to be changed.
    store: Option<Store>,
    lexicon: Lexicon,
    tally: Tally,
}

impl Rereading {
    fn exchange(&mut self, seq: i64, sockets: &mut BTreeSet<uuid::Uuid>) -> Result<()> {
        let recorded = match self.recorded(seq) {
            Ok(Some(recorded)) => recorded,
            Ok(None) => return Ok(()),
            Err(StoreError::Damaged { .. } | StoreError::Corrupt { .. }) => {
                self.tally.damaged += 1;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let Some(recorded) = recorded else {
            *self.tally.kept.entry(Unreadable::Raw).or_default() += 1;
            return Ok(());
        };
        let flow = recorded.exchange.flow;
        if !record::is_socket_turn(&recorded.exchange) {
            let read = record::again(&recorded, &self.lexicon);
            return self.take(&recorded, read);
        }
        // The turns of a socket are read together, the first time that one of them is met.
        if sockets.insert(flow) { self.socket(flow) } else { Ok(()) }
    }

    fn socket(&mut self, flow: uuid::Uuid) -> Result<()> {
        let mut handshake = None;
        let mut turns = Vec::new();
        for seq in self.reader.of_flow(flow)? {
            match self.recorded(seq)?.flatten() {
                Some(turn) if record::is_socket_turn(&turn.exchange) => turns.push(turn),
                Some(other) if other.exchange.status == Some(101) => handshake = Some(other),
                _ => {}
            }
        }
        let chunks = self.reader.chunks(flow)?;
        let read = match &handshake {
            Some(handshake) => record::socket_again(handshake, &turns, &chunks, &self.lexicon),
            None => turns.iter().map(|_| Err(Unreadable::Frames)).collect(),
        };
        for (turn, read) in turns.iter().zip(read) {
            self.take(turn, read)?;
        }
        Ok(())
    }

    /// What is stored of an exchange: `None` if it was deleted, and inside `None` if nothing is
    /// known of its flow.
    fn recorded(&self, seq: i64) -> Result<Option<Option<Recorded>>, StoreError> {
        let (Some(listed), Some(exchange)) = (self.reader.listed(seq)?, self.reader.exchange(seq)?)
        else {
            return Ok(None);
        };
        let Some(flow) = self.reader.flow(listed.flow)? else { return Ok(Some(None)) };
        Ok(Some(Some(Recorded {
            exchange,
            place: listed.place,
            flow,
            request: self.reader.own_raw(seq, Side::Downstream)?.unwrap_or_default(),
            reply: self.reader.own_raw(seq, Side::Upstream)?,
        })))
    }

    fn take(
        &mut self,
        recorded: &Recorded,
        read: Result<StoredExchange, Unreadable>,
    ) -> Result<()> {
        let stored = match read {
            Ok(stored) => stored,
            Err(why) => {
                *self.tally.kept.entry(why).or_default() += 1;
                return Ok(());
            }
        };
        self.tally.read += 1;
        if stored.exchange == recorded.exchange {
            return Ok(());
        }
        self.tally.changed.push(stored.exchange.id);
        if let Some(store) = &mut self.store {
            store.rewrite(std::slice::from_ref(&stored))?;
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}
