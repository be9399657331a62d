//! `overhear tail`: follows exchanges while they run.
//!
//! It reads the tapes, as the recorder does: an answer appears here as it reaches the app, and
//! following costs the proxy nothing. Exchanges so short that their tape is gone already come
//! from the capture.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::places::Places;
use super::printer::{ExitStatus, Ink, Printer, shown, shown_lines};
use crate::dialect::Grown;
use crate::model::{Exchange, Part, Request};
use crate::record::{FlowReading, Follow, Lexicon, Live, is_open};
use crate::store::{Entry, Reader, Selection, StoreError, short_id};
use crate::tape::{self, Place};

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
pub fn tail(args: &TailArgs, places: &Places, out: &mut Printer) -> Result<ExitStatus> {
    let capture = places.capture();
    let reader = wait_for(&capture, out)?;
    let mut tail = Tail {
        seq: reader.last_seq()?,
        lexicon: Lexicon::new(reader.key()),
        reader,
        tapes: places.tapes(),
        known: HashSet::new(),
        flows: BTreeMap::new(),
        screen: Screen {
            args: args.clone(),
            out,
            current: None,
            watched: HashSet::new(),
            told: HashSet::new(),
        },
    };
    tail.skip_what_is_there();
    loop {
        tail.read_tapes()?;
        tail.read_capture()?;
        tail.screen.out.flush()?;
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
            while reading.read(&self.lexicon, &mut self.screen.quiet()).is_ok_and(|read| read) {}
            for entry in reading.take() {
                if let Entry::Exchange(stored) = entry
                    && !stored.is_open
                {
                    self.screen.told.insert(stored.exchange.id);
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
                if self.screen.told.contains(&listed.id) {
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

/// What is on the screen.
struct Screen<'a> {
    args: TailArgs,
    out: &'a mut Printer,
    /// The exchange whose answer the last line is of, and what kind of words.
    current: Option<(Uuid, Kind)>,
    /// Exchanges under way that the filters let through.
    watched: HashSet<Uuid>,
    /// Exchanges that have ended before our eyes.
    told: HashSet<Uuid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    Call,
}

/// Reads without showing.
struct Quiet;

impl Follow for Quiet {
    fn asked(&mut self, _: &Live<'_>) {}
    fn grown(&mut self, _: Uuid, _: Grown<'_>) {}
}

impl Screen<'_> {
    fn quiet(&self) -> Quiet {
        Quiet
    }

    fn wants(&self, app: &[Option<&str>], origin: &str, models: &[Option<&str>]) -> bool {
        let has = |text: &Option<String>, of: &[Option<&str>]| {
            text.as_ref().is_none_or(|text| {
                let text = text.to_lowercase();
                of.iter().flatten().any(|value| value.to_lowercase().contains(&text))
            })
        };
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        let host_fits = self.args.host.as_ref().is_none_or(|wanted| {
            host.strip_suffix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        host_fits && has(&self.args.app, app) && has(&self.args.model, models)
    }

    /// An exchange that ended before we saw it run.
    fn whole(&mut self, exchange: &Exchange) -> Result<()> {
        self.told.insert(exchange.id);
        if !self.wants_ended(exchange) {
            return Ok(());
        }
        if self.args.json {
            return Ok(self.out.json(exchange)?);
        }
        self.head(
            exchange.id,
            exchange.started_at,
            exchange.app.user_agent.as_deref(),
            &what(exchange),
        )?;
        self.prompt(&exchange.request)?;
        for choice in exchange.reply.iter().flat_map(|reply| &reply.choices) {
            for part in &choice.parts {
                match part {
                    Part::Text { text } => self.piece(exchange.id, Kind::Text, text)?,
                    Part::Reasoning { text, .. } => {
                        self.piece(exchange.id, Kind::Reasoning, text)?
                    }
                    Part::ToolCall { name, arguments, .. } => {
                        self.piece(exchange.id, Kind::Call, &format!("{name} {arguments}"))?;
                    }
                    _ => {}
                }
            }
        }
        self.foot(exchange)
    }

    fn wants_ended(&self, exchange: &Exchange) -> bool {
        let app = [exchange.app.user_agent.as_deref(), exchange.app.process.as_deref()];
        let answered = exchange.reply.as_ref().and_then(|reply| reply.model.as_deref());
        self.wants(&app, &exchange.origin, &[exchange.request.model.as_deref(), answered])
    }

    fn ended(&mut self, exchange: &Exchange) -> Result<()> {
        self.watched.remove(&exchange.id);
        if !self.told.insert(exchange.id) || !self.wants_ended(exchange) {
            return Ok(());
        }
        if self.args.json {
            return Ok(self.out.json(exchange)?);
        }
        self.foot(exchange)
    }

    fn head(&mut self, id: Uuid, at: Timestamp, app: Option<&str>, what: &str) -> Result<()> {
        self.break_line()?;
        let time = at.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string();
        let app = app.and_then(|app| app.split([' ', '/']).next()).unwrap_or("?");
        Ok(self.out.line(&[
            (Ink::Dim, "── ".to_owned()),
            (Ink::Id, short_id(id)),
            (Ink::Dim, format!(" {time} ")),
            (Ink::Bold, shown(app).into_owned()),
            (Ink::Dim, format!(" {}", shown(what))),
        ])?)
    }

    fn prompt(&mut self, request: &Request) -> Result<()> {
        if let Some(words) = last_words(request) {
            self.out
                .line(&[(Ink::Role, "› ".to_owned()), (Ink::Plain, shown(&words).into_owned())])?;
        }
        Ok(())
    }

    fn piece(&mut self, id: Uuid, kind: Kind, text: &str) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        if self.current != Some((id, kind)) {
            let other = self.current.is_some_and(|(before, _)| before != id);
            self.break_line()?;
            if other {
                self.out.line(&[(Ink::Dim, "── "), (Ink::Id, short_id(id).as_str())])?;
            }
            self.current = Some((id, kind));
            if kind == Kind::Call {
                self.out.data().write_all("→ ".as_bytes())?;
            }
            if kind == Kind::Reasoning {
                self.out.data().write_all("~ ".as_bytes())?;
            }
        }
        self.out.data().write_all(shown_lines(text).as_bytes())?;
        Ok(self.out.flush()?)
    }

    fn break_line(&mut self) -> Result<()> {
        if self.current.take().is_some() {
            self.out.data().write_all(b"\n")?;
        }
        Ok(())
    }

    fn foot(&mut self, exchange: &Exchange) -> Result<()> {
        self.break_line()?;
        let mut facts = vec![exchange.state.as_str().to_owned()];
        facts.extend(exchange.status.map(|status| status.to_string()));
        facts.extend(exchange.reply.as_ref().and_then(|reply| reply.model.clone()));
        if let Some(usage) = &exchange.usage {
            let count = |n: Option<u64>| n.map_or("?".to_owned(), |n| n.to_string());
            facts.push(format!("{} in, {} out", count(usage.input), count(usage.output)));
        }
        facts.extend(exchange.cost_usd.map(|cost| format!("${cost:.4}")));
        facts.extend(exchange.duration_ms.map(|ms| format!("{:.1} s", ms / 1e3)));
        facts.extend(exchange.error.as_ref().map(|e| format!("{}: {}", e.kind, e.message)));
        let facts = shown(&facts.join(" · ")).into_owned();
        Ok(self.out.line(&[
            (Ink::Dim, "── "),
            (Ink::Id, short_id(exchange.id).as_str()),
            (Ink::Dim, " "),
            (Ink::Dim, facts.as_str()),
        ])?)
    }
}

impl Follow for Screen<'_> {
    fn asked(&mut self, live: &Live<'_>) {
        let model = live.prompt.and_then(|prompt| prompt.model.as_deref());
        if self.args.json || !self.wants(&[live.user_agent], live.origin, &[model]) {
            return;
        }
        self.watched.insert(live.id);
        let what = [model.unwrap_or_default(), live.method, live.origin, live.path];
        let what = format!("{} {} {}{}", what[0], what[1], what[2], what[3]);
        // The reader of the output may be gone: the loop's next flush ends the command.
        let _ = self.head(live.id, live.started_at, live.user_agent, what.trim());
        if let Some(prompt) = live.prompt {
            let _ = self.prompt(prompt);
        }
    }

    fn grown(&mut self, id: Uuid, grown: Grown<'_>) {
        if !self.watched.contains(&id) {
            return;
        }
        let _ = match grown {
            Grown::Text(text) => self.piece(id, Kind::Text, text),
            Grown::Reasoning(text) => self.piece(id, Kind::Reasoning, text),
            Grown::ToolCall(name) => {
                let _ = self.break_line();
                self.piece(id, Kind::Call, &format!("{name} "))
            }
            Grown::Arguments(text) => self.piece(id, Kind::Call, text),
        };
    }
}

fn what(exchange: &Exchange) -> String {
    let model = exchange.request.model.as_deref().unwrap_or_default();
    let words = format!("{model} {} {}{}", exchange.method, exchange.origin, exchange.path);
    words.trim().to_owned()
}

/// The first line of the last message's text.
fn last_words(request: &Request) -> Option<String> {
    let message = request.messages.last()?;
    let text = message.parts.iter().rev().find_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        _ => None,
    })?;
    text.lines().find(|line| !line.trim().is_empty()).map(|line| line.chars().take(200).collect())
}
