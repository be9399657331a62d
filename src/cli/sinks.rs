//! `overhear sinks`: how deliveries stand; and `overhear export --sink`.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use jiff::{Timestamp, Unit};
use serde_json::json;

use super::amount::count;
use super::ls::duration;
use super::printer::{ExitStatus, Ink, Printer, shown};
use super::settings::{self, ConfigFile};
use super::stats::grouped;
use super::table::{Column, Side, table_cut_at};
use crate::sink::{self, Flushed};
use crate::store::{Outbox, Reader, Selection, SinkStanding};

/// How long a receiver may fail before `export --sink` leaves the rest to the next start.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is told how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(2);

/// Show where exchanges are delivered to, and how that stands
///
/// WAITING counts exchanges that are still to be delivered, LAG is how long the oldest of them has
/// waited, SENT those that the receiver has, REFUSED those that it will not have. STATE says what
/// is wrong, and when the next try comes.
#[derive(Args, Clone, Debug)]
pub struct SinksArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// One JSON object a sink
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand, Clone, Debug)]
enum What {
    /// Go on delivering to a sink that was stopped; what it refused is tried again
    Resume {
        /// The sink
        name: String,
    },
    /// Forget a sink, what waits for it, and what was delivered there
    Forget {
        /// The sink
        name: String,
    },
}

/// Runs the command on the capture at `capture`.
pub fn sinks(args: &SinksArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    match &args.what {
        None => list(args, capture, out),
        Some(What::Resume { name }) => {
            let mut outbox = Outbox::open(capture)?;
            let sink = named(&outbox.standing()?, name)?.id;
            outbox.resume(sink)?;
            out.talk(match sink::is_served(capture, sink) {
                true => format!("`{name}` goes on"),
                false => format!("`{name}` goes on as soon as an `overhear` with this sink runs"),
            });
            Ok(ExitStatus::Found)
        }
        Some(What::Forget { name }) => {
            let mut outbox = Outbox::open(capture)?;
            let all = outbox.standing()?;
            let known = named(&all, name)?;
            let waiting = known.waiting;
            if sink::is_served(capture, known.id) {
                bail!(
                    "`overhear` delivers to `{name}` right now\nhint: end it first, or take the sink out of its settings"
                );
            }
            outbox.forget(name)?;
            let waited = count(waiting, "exchange");
            out.talk(format_args!("forgot `{name}`; {waited} waited for it"));
            Ok(ExitStatus::Found)
        }
    }
}

fn named<'a>(all: &'a [SinkStanding], name: &str) -> Result<&'a SinkStanding> {
    let found = all.iter().find(|sink| sink.name == name);
    found.with_context(|| format!("no sink is called `{name}`\nhint: `overhear sinks` lists them"))
}

fn list(args: &SinksArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let all = Reader::open(capture)?.sinks()?;
    let now = Timestamp::now();
    if args.json {
        for sink in &all {
            out.json(&to_json(sink, now, sink::is_served(capture, sink.id)))?;
        }
    } else {
        let rows = all.iter().map(|one| row(one, now, sink::is_served(capture, one.id))).collect();
        table_cut_at(COLUMNS.len() - 1, &COLUMNS, rows, out)?;
    }
    Ok(match all.is_empty() {
        true => ExitStatus::NothingFound,
        false => ExitStatus::Found,
    })
}

/// Milliseconds since the oldest exchange that waits could have been sent.
fn lag_ms(sink: &SinkStanding, now: Timestamp) -> Option<f64> {
    now.since(sink.oldest?).ok()?.total(Unit::Millisecond).ok().map(|ms| ms.max(0.0))
}

pub(super) fn to_json(sink: &SinkStanding, now: Timestamp, is_served: bool) -> serde_json::Value {
    json!({
        "name": sink.name,
        "kind": sink.kind,
        "target": sink.target,
        "served": is_served,
        "waiting": sink.waiting,
        "lag_ms": lag_ms(sink, now),
        "sending": sink.sending,
        "sent": sink.sent,
        "last_sent_at": sink.last_sent_at,
        "refused": sink.refused,
        "refusal": sink.refusal,
        "dropped": sink.dropped,
        "failing": sink.failing,
        "failures": sink.failures,
        "next_try_at": sink.next_try_at,
        "stopped": sink.stopped,
    })
}

const fn column(heading: &'static str, side: Side, gives_way: Option<u8>) -> Column {
    Column { heading, side, gives_way }
}

const COLUMNS: [Column; 8] = [
    column("SINK", Side::Left, None),
    column("TO", Side::Left, Some(0)),
    column("WAITING", Side::Right, None),
    column("LAG", Side::Right, Some(2)),
    column("SENT", Side::Right, None),
    column("REFUSED", Side::Right, Some(1)),
    column("DROPPED", Side::Right, Some(1)),
    column("STATE", Side::Left, None),
];

fn row(sink: &SinkStanding, now: Timestamp, is_served: bool) -> Vec<(Ink, String)> {
    let plain = |text: String| (Ink::Plain, text);
    let none_if_zero = |count: u64| if count == 0 { String::new() } else { grouped(count) };
    let (ink, state) = state(sink, now, is_served);
    vec![
        plain(shown(&sink.name).into_owned()),
        (Ink::Dim, shown(&sink.target).into_owned()),
        plain(grouped(sink.waiting + sink.sending)),
        plain(lag_ms(sink, now).map(duration).unwrap_or_default()),
        plain(grouped(sink.sent)),
        plain(none_if_zero(sink.refused)),
        plain(none_if_zero(sink.dropped)),
        (ink, shown(&state).into_owned()),
    ]
}

/// What is wrong, the worst first.
pub(super) fn state(sink: &SinkStanding, now: Timestamp, is_served: bool) -> (Ink, String) {
    if let Some(why) = &sink.stopped {
        return (Ink::Bad, format!("stopped: {why}"));
    }
    if let Some(why) = &sink.failing {
        let next =
            sink.next_try_at.and_then(|at| at.since(now).ok()?.total(Unit::Millisecond).ok());
        let next = match next {
            _ if !is_served => "no `overhear` with this sink runs".to_owned(),
            Some(ms) if ms > 0.0 => format!("next try in {}", duration(ms)),
            _ => "trying".to_owned(),
        };
        return (Ink::Bad, format!("failing, {next}: {why}"));
    }
    if let Some(why) = &sink.refusal {
        return (Ink::Plain, format!("refused last: {why}"));
    }
    match sink.sending {
        0 if !is_served && sink.waiting > 0 => {
            (Ink::Plain, "no `overhear` with this sink runs".to_owned())
        }
        0 => (Ink::Dim, "well".to_owned()),
        sending => (Ink::Plain, format!("waits for word of {}", count(sending, "exchange"))),
    }
}

/// Queues what `selection` means, or the newest so many of it, for a sink, and delivers it.
pub fn fill(
    sink: &str,
    capture: &Path,
    selection: &Selection,
    newest: Option<usize>,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let mut outbox = Outbox::open(capture)?;
    let all = outbox.standing()?;
    let settings = find(sink, &all, config)?;
    // Before anything waits for it.
    sink::check(&settings)?;
    let described = settings.sink();
    if let Some(other) = all.iter().find(|one| one.name == described.name)
        && (&other.kind, &other.target) != (&described.kind, &described.target)
    {
        bail!(
            "`{}` is the name of another sink, {} at {}\nhint: give this one a name of its own, \
             `#name=…`, or drop that one: overhear sinks forget {}",
            other.name,
            other.kind,
            other.target,
            other.name
        );
    }
    let row = outbox.declare(&settings.sink())?;
    let queued = outbox.fill(row, selection, newest)?;
    drop(outbox);
    let known = match queued.known {
        0 => String::new(),
        known => format!("; {} were delivered or queued before", grouped(known)),
    };
    out.talk(format_args!(
        "{} queued for `{}`{known}",
        count(queued.new, "exchange"),
        settings.name
    ));
    let name = settings.name.clone();
    let (mut told, mut moved, mut left) = (Instant::now(), Instant::now(), u64::MAX);
    let mut said = String::new();
    let flushed = sink::flush(capture, settings, &mut |standing| {
        let open = standing.waiting + standing.sending;
        if open < left {
            (left, moved) = (open, Instant::now());
        }
        if told.elapsed() > TOLD_EVERY {
            told = Instant::now();
            let failing = standing.failing.as_deref();
            let failing = failing.map(|why| format!(" ({why})")).unwrap_or_default();
            let words = format!("{} left{failing}", grouped(open));
            if words != said {
                out.talk(&words);
                said = words;
            }
        }
        // Only a receiver that fails, or that another process delivers to, makes no progress.
        moved.elapsed() < PATIENCE || standing.failing.is_none() && standing.sending > 0
    })?;
    let all = Reader::open(capture)?.sinks()?;
    let standing = named(&all, &name)?;
    match flushed {
        Flushed::All => {
            let refused = match standing.refused {
                0 => String::new(),
                refused => format!(", {} refused", grouped(refused)),
            };
            out.talk(format_args!("`{name}` has {}{refused}", count(standing.sent, "exchange")));
            Ok(match queued.new + queued.known {
                0 => ExitStatus::NothingFound,
                _ => ExitStatus::Found,
            })
        }
        Flushed::Failing(why) => bail!(
            "{} still {} for `{name}`: {why}\nhint: mend it and say the same again, or start `overhear` \
             with this sink; `overhear sinks forget {name}` drops them",
            count(standing.waiting + standing.sending, "exchange"),
            if standing.waiting + standing.sending == 1 { "waits" } else { "wait" },
        ),
    }
}

/// The sink that is called so, or that a URL describes.
fn find(sink: &str, all: &[SinkStanding], config: &ConfigFile) -> Result<sink::Settings> {
    let upstream = settings::upstream_of_environment();
    let known = config.sinks(&[], &upstream)?;
    if let Some(known) = known.iter().find(|known| known.name == sink) {
        return Ok(known.clone());
    }
    if let Some(other) = all.iter().find(|one| one.name == sink) {
        bail!(
            "the configuration has no sink `{sink}`, and of that one only the place is known, {}\n\
             hint: write it as before, or into the configuration: {}+URL#name={sink}",
            other.target,
            other.kind
        );
    }
    if !sink.contains('+') {
        let names: Vec<_> = known.iter().map(|known| known.name.as_str()).collect();
        let known = match names.as_slice() {
            [] => "it has none".to_owned(),
            names => format!("it has {}", names.join(", ")),
        };
        bail!(
            "the configuration has no sink `{sink}`: {known}\nhint: name one, or KIND+URL such as \
             phoenix+http://127.0.0.1:6006"
        );
    }
    let mut found = config.sinks(&[sink.to_owned()], &upstream)?;
    found.pop().context("no sink")
}
