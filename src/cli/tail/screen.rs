//! What `overhear tail` has on the screen.
//!
//! One answer alone is written as it comes. Where several come at once each is gathered into
//! lines, and each line says whose it is, so that none runs into another.

use std::collections::{BTreeMap, HashSet};

use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::TailArgs;
use crate::cli::printer::{Ink, Printer, shown, shown_lines};
use crate::dialect::Grown;
use crate::model::{Exchange, Part, Request};
use crate::record::{Follow, Live};
use crate::store::short_id;

/// Characters after which a line of one of several answers is written, at its next space: a
/// paragraph may be long in coming.
const LINE_CHARS: usize = 80;

/// What is on the screen.
pub(super) struct Screen<'a> {
    args: TailArgs,
    out: &'a mut Printer,
    /// The exchange whose answer the last line is of, and what kind of words.
    current: Option<(Uuid, Kind)>,
    /// Exchanges under way that the filters let through.
    watched: BTreeMap<Uuid, Line>,
    /// The exchange of which the last words are.
    last: Option<Uuid>,
    /// Exchanges that have ended before our eyes.
    told: HashSet<Uuid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    Call,
}

impl Kind {
    /// What stands before words of the kind.
    fn sign(self) -> &'static str {
        match self {
            Self::Text => "",
            Self::Reasoning => "~ ",
            Self::Call => "→ ",
        }
    }
}

/// What of an answer waits for the end of its line, while several come at once.
struct Line {
    app: String,
    kind: Kind,
    text: String,
}

/// Reads without showing.
pub(super) struct Quiet;

impl Follow for Quiet {
    fn asked(&mut self, _: &Live<'_>) {}
    fn grown(&mut self, _: Uuid, _: Grown<'_>) {}
}

impl<'a> Screen<'a> {
    pub(super) fn new(args: TailArgs, out: &'a mut Printer) -> Self {
        let (watched, told) = (BTreeMap::new(), HashSet::new());
        Self { args, out, current: None, watched, last: None, told }
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }

    /// Notes that the exchange is not to be shown again.
    pub(super) fn has_told(&mut self, id: Uuid) {
        self.told.insert(id);
    }

    /// Whether the exchange was shown to its end.
    pub(super) fn knows(&self, id: Uuid) -> bool {
        self.told.contains(&id)
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
    pub(super) fn whole(&mut self, exchange: &Exchange) -> Result<()> {
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

    pub(super) fn ended(&mut self, exchange: &Exchange) -> Result<()> {
        self.write_line(exchange.id)?;
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
        self.last = Some(id);
        Ok(self.out.line(&[
            (Ink::Dim, "── ".to_owned()),
            (Ink::Id, short_id(id)),
            (Ink::Dim, format!(" {time} ")),
            (Ink::Bold, name(app)),
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
        let others = self.watched.keys().any(|other| *other != id);
        if others && self.watched.contains_key(&id) {
            return self.gather(id, kind, text);
        }
        self.write_line(id)?;
        if self.current != Some((id, kind)) {
            self.break_line()?;
            if self.last.is_some_and(|last| last != id) {
                self.out.line(&[(Ink::Dim, "── "), (Ink::Id, short_id(id).as_str())])?;
            }
            self.current = Some((id, kind));
            self.out.data().write_all(kind.sign().as_bytes())?;
        }
        self.last = Some(id);
        self.out.data().write_all(shown_lines(text).as_bytes())?;
        Ok(self.out.flush()?)
    }

    /// Takes words of one of several answers; writes the lines that they end.
    fn gather(&mut self, id: Uuid, kind: Kind, text: &str) -> Result<()> {
        if self.watched.get(&id).is_some_and(|line| line.kind != kind) {
            self.write_line(id)?;
        }
        for c in text.chars() {
            let Some(line) = self.watched.get_mut(&id) else { return Ok(()) };
            line.kind = kind;
            let is_long = line.text.chars().count() >= LINE_CHARS && c.is_whitespace();
            if c != '\n' {
                line.text.push(c);
            }
            if c == '\n' || is_long {
                self.write_line(id)?;
            }
        }
        Ok(self.out.flush()?)
    }

    /// Writes what was gathered of an answer, with whose it is.
    fn write_line(&mut self, id: Uuid) -> Result<()> {
        let Some(line) = self.watched.get_mut(&id) else { return Ok(()) };
        let text = std::mem::take(&mut line.text);
        if text.is_empty() {
            return Ok(());
        }
        let (whose, sign) = (format!(" {} ", line.app), line.kind.sign());
        self.break_line()?;
        self.last = Some(id);
        Ok(self.out.line(&[
            (Ink::Id, short_id(id)),
            (Ink::Dim, whose),
            (Ink::Dim, format!("│ {sign}")),
            (Ink::Plain, shown(text.trim_end()).into_owned()),
        ])?)
    }

    fn break_line(&mut self) -> Result<()> {
        if self.current.take().is_some() {
            self.out.data().write_all(b"\n")?;
        }
        Ok(())
    }

    fn foot(&mut self, exchange: &Exchange) -> Result<()> {
        self.break_line()?;
        self.last = Some(exchange.id);
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
        // Others' words come in lines from here on.
        let line = Line { app: name(live.user_agent), kind: Kind::Text, text: String::new() };
        self.watched.insert(live.id, line);
        let what = [model.unwrap_or_default(), live.method, live.origin, live.path];
        let what = format!("{} {} {}{}", what[0], what[1], what[2], what[3]);
        // The reader of the output may be gone: the loop's next flush ends the command.
        let _ = self.head(live.id, live.started_at, live.user_agent, what.trim());
        if let Some(prompt) = live.prompt {
            let _ = self.prompt(prompt);
        }
    }

    fn grown(&mut self, id: Uuid, grown: Grown<'_>) {
        if !self.watched.contains_key(&id) {
            return;
        }
        let _ = match grown {
            Grown::Text(text) => self.piece(id, Kind::Text, text),
            Grown::Reasoning(text) => self.piece(id, Kind::Reasoning, text),
            Grown::ToolCall(name) => {
                let _ = self.write_line(id);
                let _ = self.break_line();
                self.piece(id, Kind::Call, &format!("{name} "))
            }
            Grown::Arguments(text) => self.piece(id, Kind::Call, text),
        };
    }
}

/// The app's name in a few words.
fn name(user_agent: Option<&str>) -> String {
    let name = user_agent.and_then(|app| app.split([' ', '/']).next()).unwrap_or("?");
    shown(name).into_owned()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printer::tests::Sheet;
    use crate::store::tests::sample::turn;

    #[test]
    fn answers_that_come_at_once_do_not_run_into_each_other() {
        let data = Sheet::default();
        let mut out = Printer::to(Box::new(data.clone()), Box::new(Sheet::default()), None);
        let args = TailArgs { json: false, app: None, host: None, model: None };
        let mut screen = Screen::new(args, &mut out);
        let [one, other] = [turn(1), turn(2)];
        for exchange in [&one, &other] {
            let app = exchange.app.user_agent.as_deref();
            let line = Line { app: name(app), kind: Kind::Text, text: String::new() };
            screen.watched.insert(exchange.id, line);
        }
        for (exchange, text) in
            [(&one, "The sky"), (&other, "A cat"), (&one, " is\nblue"), (&other, " sat.\n")]
        {
            screen.grown(exchange.id, Grown::Text(text));
        }
        screen.grown(one.id, Grown::ToolCall("shell"));
        screen.grown(one.id, Grown::Arguments("{}"));
        screen.ended(&one).unwrap();
        screen.grown(other.id, Grown::Text("alone "));
        screen.grown(other.id, Grown::Text("now"));
        screen.ended(&other).unwrap();
        screen.flush().unwrap();
        let written = data.take();
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(
            lines[..4],
            [
                "00000001 agent │ The sky is",
                "00000002 agent │ A cat sat.",
                "00000001 agent │ blue",
                "00000001 agent │ → shell {}",
            ],
            "{written}"
        );
        assert_eq!(lines[5..7], ["── 00000002", "alone now"], "{written}");
        assert_eq!(lines.len(), 8, "{written}");
    }
}
