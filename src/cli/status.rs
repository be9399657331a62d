//! `overhear status`: what is being recorded, and whether anything was lost.

use std::io;

use anyhow::Result;
use clap::Args;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use serde::Serialize;

use super::amount::{bytes, count};
use super::filters;
use super::ls::duration;
use super::places::Places;
use super::printer::{ExitStatus, Ink, Printer, cut, shown, width};
use super::running::Running;
use super::settings::ConfigFile;
use super::sinks;
use crate::store::{Health, Losses, Retention, SinkStanding};
use crate::tape;

/// Columns of a line's name.
const NAME_COLUMNS: usize = 10;

/// Flows and hosts that are named, the largest of them.
const NAMED_MAX: usize = 5;

/// Show what is being recorded, what was lost, what is not read, and how large the capture is
///
/// Exit code 1 if anything was lost in the last hour, 2 if that cannot be told.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// Say what takes how much of the file; reads all of it
    #[arg(long)]
    parts: bool,
}

/// A flow whose tape is not stored whole.
#[derive(Debug, Serialize)]
struct Open {
    flow: String,
    origin: String,
    process: Option<String>,
    since: Timestamp,
    /// Bytes on the tape that are not stored yet.
    pending_bytes: u64,
    /// Bytes that the tape had no room for.
    lost_bytes: u64,
}

/// Runs the command.
pub fn status(
    args: &StatusArgs,
    places: &Places,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let reader = filters::open(&places.capture(), out)?;
    let now = Timestamp::now();
    let health = reader.health(now)?;
    let parts = if args.parts { reader.shares()?.parts } else { Vec::new() };
    let status = Status {
        places,
        now,
        running: Running::find(places),
        open: open_flows(places),
        retention: config.retention(None, None),
        health,
        sinks: reader.sinks()?,
        parts,
    };
    if args.json {
        out.json(&status.to_json())?;
    } else {
        status.show(out)?;
    }
    Ok(if status.has_lost() { ExitStatus::NothingFound } else { ExitStatus::Found })
}

struct Status<'a> {
    places: &'a Places,
    now: Timestamp,
    running: Option<Running>,
    open: Vec<Open>,
    retention: Retention,
    health: Health,
    sinks: Vec<SinkStanding>,
    parts: Vec<(String, u64)>,
}

/// What is on tapes, the oldest first.
fn open_flows(places: &Places) -> Vec<Open> {
    let dir = places.tapes();
    let tapes = dir.iter().flat_map(|dir| tape::Place::all_tapes(dir));
    // One that goes away just now is stored.
    tapes
        .filter_map(|path| {
            let tape = tape::Reader::open(&path).ok()?;
            let (opened, process) = tape.beginning().ok()?;
            let opened = opened?;
            Some(Open {
                flow: opened.flow.to_string(),
                origin: opened.origin.to_string(),
                process: process.map(|process| process.name),
                since: opened.at,
                pending_bytes: tape.pending().ok()?,
                lost_bytes: tape.lost().ok()?.iter().sum(),
            })
        })
        .collect()
}

impl Status<'_> {
    fn has_lost(&self) -> bool {
        let [hour, ..] = self.health.losses;
        !hour.is_none() || self.open.iter().any(|open| open.lost_bytes > 0)
    }

    fn to_json(&self) -> serde_json::Value {
        let health = &self.health;
        let losses = |losses: &Losses| {
            serde_json::json!({
                "gaps": losses.gaps, "bytes": losses.bytes, "others": losses.others
            })
        };
        let [hour, day, ever] = &health.losses;
        serde_json::json!({
            "proxy": self.running.as_ref().map(|running| {
                serde_json::json!({ "pid": running.pid, "address": running.proxy })
            }),
            "flows": self.open,
            "pending_bytes": self.pending(),
            "oldest_pending_ms": self.lag(),
            "lost": { "hour": losses(hour), "day": losses(day), "ever": losses(ever) },
            "unread": health.unread.iter().map(|unread| serde_json::json!({
                "origin": unread.origin, "reason": unread.reason, "flows": unread.flows
            })).collect::<Vec<_>>(),
            "capture": {
                "path": self.places.capture(),
                "schema": health.schema,
                "exchanges": health.exchanges,
                "first": health.span.map(|(first, _)| first),
                "last": health.span.map(|(_, last)| last),
                "pinned": health.pinned,
                "threads": health.threads,
                "messages": health.messages,
                "file_bytes": health.file_bytes,
                "free_bytes": health.free_bytes,
                "log_bytes": health.log_bytes,
                "unindexed": health.unindexed,
                "swept_at": health.swept_at,
                "unswept": health.unswept,
                "parts": self.parts.iter().map(|(part, bytes)| {
                    serde_json::json!({ "part": part, "bytes": bytes })
                }).collect::<Vec<_>>(),
            },
            "sinks": self.sinks.iter().map(|sink| sinks::to_json(sink, self.now, self.is_served(sink))).collect::<Vec<_>>(),
            "kept": {
                "days": self.retention.age.map(|age| age.as_secs() / 86_400),
                "bytes": self.retention.bytes,
            },
        })
    }

    fn pending(&self) -> u64 {
        self.open.iter().map(|open| open.pending_bytes).sum()
    }

    /// For how long the oldest flow that is not stored has waited, in milliseconds.
    fn lag(&self) -> Option<f64> {
        let waiting = self.open.iter().filter(|open| open.pending_bytes > 0);
        let oldest = waiting.map(|open| open.since).min()?;
        self.now.since(oldest).ok()?.total(Unit::Millisecond).ok()
    }

    fn show(&self, out: &mut Printer) -> io::Result<()> {
        match &self.running {
            Some(running) => fact(
                "proxy",
                Ink::Plain,
                &format!("runs on {} (process {})", running.proxy, running.pid),
                out,
            )?,
            None => fact("proxy", Ink::Dim, "none runs", out)?,
        }
        self.show_flows(out)?;
        self.show_losses(out)?;
        self.show_unread(out)?;
        self.show_capture(out)?;
        self.show_kept(out)?;
        self.show_sinks(out)
    }

    fn show_flows(&self, out: &mut Printer) -> io::Result<()> {
        let flows = count(self.open.len() as u64, "flow");
        let lag = self.lag().map(|ms| format!(", the oldest since {}", duration(ms)));
        let pending = match self.pending() {
            0 => ", all stored".to_owned(),
            pending => format!(", {} not stored yet{}", bytes(pending), lag.unwrap_or_default()),
        };
        match (self.open.len(), &self.running) {
            (0, _) => return fact("recording", Ink::Dim, "nothing right now", out),
            (_, Some(_)) => fact("recording", Ink::Plain, &format!("{flows}{pending}"), out)?,
            (_, None) => {
                let left = format!("{flows} left by a proxy that was killed{pending}");
                fact("recording", Ink::Bad, &left, out)?;
            }
        }
        let mut open: Vec<&Open> = self.open.iter().collect();
        open.sort_by_key(|open| std::cmp::Reverse(open.pending_bytes));
        for open in open.iter().take(NAMED_MAX) {
            let process = open.process.as_deref().unwrap_or_default();
            more(&format!("{}  {}  {process}", open.origin, bytes(open.pending_bytes)), out)?;
        }
        Ok(())
    }

    fn show_losses(&self, out: &mut Printer) -> io::Result<()> {
        let words = |losses: &Losses, when: &str| match losses.is_none() {
            true => format!("nothing {when}"),
            false => {
                let gaps = (losses.gaps > 0)
                    .then(|| format!("{} in {}", bytes(losses.bytes), count(losses.gaps, "gap")));
                let others = (losses.others > 0).then(|| count(losses.others, "other loss"));
                let all: Vec<_> = [gaps, others].into_iter().flatten().collect();
                format!("{} {when}", all.join(" and ").replace("losss", "losses"))
            }
        };
        let [hour, day, ever] = &self.health.losses;
        let ink = if self.has_lost() { Ink::Bad } else { Ink::Plain };
        let all = match ever.is_none() {
            true => "nothing".to_owned(),
            false => [
                words(hour, "in the last hour"),
                words(day, "in the last day"),
                words(ever, "in all"),
            ]
            .join(", "),
        };
        fact("lost", ink, &all, out)
    }

    fn show_unread(&self, out: &mut Printer) -> io::Result<()> {
        let unread = &self.health.unread;
        if unread.is_empty() {
            return fact("not read", Ink::Dim, "nothing in the last day", out);
        }
        let flows: u64 = unread.iter().map(|unread| unread.flows).sum();
        let all = format!("{} in the last day", count(flows, "flow"));
        fact("not read", Ink::Plain, &all, out)?;
        for unread in unread.iter().take(NAMED_MAX) {
            more(&format!("{}  {}×  {}", unread.origin, unread.flows, unread.reason), out)?;
        }
        if unread.len() > NAMED_MAX {
            more(&format!("and {} more", unread.len() - NAMED_MAX), out)?;
        }
        Ok(())
    }

    fn show_capture(&self, out: &mut Printer) -> io::Result<()> {
        let health = &self.health;
        fact("capture", Ink::Plain, &self.places.capture().display().to_string(), out)?;
        let day =
            |time: Timestamp| time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d").to_string();
        let span = health.span.map(|(first, last)| match (day(first), day(last)) {
            (first, last) if first == last => format!(", {first}"),
            (first, last) => format!(", {first} to {last}"),
        });
        more(
            &format!(
                "{} in {}, {}{}",
                count(health.exchanges, "exchange"),
                count(health.threads, "thread"),
                count(health.messages, "message"),
                span.unwrap_or_default()
            ),
            out,
        )?;
        more(
            &format!(
                "{}, {} of it free, log {}; schema {}",
                bytes(health.file_bytes),
                bytes(health.free_bytes),
                bytes(health.log_bytes),
                health.schema
            ),
            out,
        )?;
        for (part, size) in &self.parts {
            more(&format!("{part:<24} {:>9}", bytes(*size)), out)?;
        }
        let index = match health.unindexed {
            0 => "has every message".to_owned(),
            left => format!("lacks {}", count(left, "message")),
        };
        fact("index", Ink::Plain, &index, out)
    }

    fn show_kept(&self, out: &mut Printer) -> io::Result<()> {
        let age = self.retention.age.map(|age| count(age.as_secs() / 86_400, "day"));
        let size = self.retention.bytes.map(bytes);
        let limits = match (age, size) {
            (None, None) => "for ever".to_owned(),
            (age, size) => [age, size].into_iter().flatten().collect::<Vec<_>>().join(" or "),
        };
        let swept = self.health.swept_at.map(|at| {
            let at = at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
            format!(", swept {at}")
        });
        let pinned = (self.health.pinned > 0).then(|| format!(", {} pinned", self.health.pinned));
        let words = format!("{limits}{}{}", pinned.unwrap_or_default(), swept.unwrap_or_default());
        fact("kept", Ink::Plain, &words, out)
    }

    fn is_served(&self, sink: &SinkStanding) -> bool {
        crate::sink::is_served(&self.places.capture(), sink.id)
    }

    fn show_sinks(&self, out: &mut Printer) -> io::Result<()> {
        for (place, sink) in self.sinks.iter().enumerate() {
            let name = if place == 0 { "delivered" } else { "" };
            let (ink, state) = sinks::state(sink, self.now, self.is_served(sink));
            let waiting = match sink.waiting + sink.sending {
                0 => String::new(),
                waiting => format!(", {} wait", count(waiting, "exchange")),
            };
            let sent = count(sink.sent, "exchange");
            fact(name, ink, &format!("{sent} to {}{waiting}; {state}", sink.name), out)?;
        }
        Ok(())
    }
}

fn fact(name: &str, ink: Ink, words: &str, out: &mut Printer) -> io::Result<()> {
    line(&format!("{name:<NAME_COLUMNS$}"), ink, words, out)
}

fn more(words: &str, out: &mut Printer) -> io::Result<()> {
    line(&" ".repeat(NAME_COLUMNS), Ink::Dim, words, out)
}

fn line(name: &str, ink: Ink, words: &str, out: &mut Printer) -> io::Result<()> {
    let words = shown(words);
    let words = match out.width() {
        Some(columns) => cut(&words, columns.saturating_sub(width(name))),
        None => words.into_owned(),
    };
    out.line(&[(Ink::Dim, name.to_owned()), (ink, words)])
}
