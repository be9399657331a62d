//! A thread as one conversation: of each turn what is new, what branches off beside it.

use std::collections::HashMap;
use std::io;

use anyhow::Result;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ShowArgs, answer, heading, is_repeated, joined, parts, text, tools};
use crate::cli::ls::{count_of, dollars, duration};
use crate::cli::printer::{ExitStatus, Ink, Printer, cut, shown};
use crate::cli::threads::{cost, object, span, tokens};
use crate::model::{Exchange, Message, Part, State};
use crate::query::{Turn, TurnPlace, turns};
use crate::store::{ListedThread, Reader, Selection, short_id};

/// What stands before each line of a branch, once for each that it is inside of.
const MARGIN: &str = "│ ";

/// Lines of a system prompt that are shown: enough to know which it is.
const SYSTEM_LINES_MAX: usize = 12;

/// Deepest branch that is moved to the right: further ones would have no room.
const DEPTH_MAX: usize = 6;

/// Shows the thread `name`.
pub(super) fn show(
    args: &ShowArgs,
    reader: &Reader,
    name: &str,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let turns = turns(reader, name)?;
    let selection = Selection { thread: Some(name.to_owned()), ..Selection::default() };
    let listed = reader.threads(&selection, None, 1)?.threads.pop();
    if turns.is_empty() {
        return Ok(ExitStatus::NothingFound);
    }
    let mut told = Told::default();
    if args.json {
        let mut objects = Vec::new();
        for turn in &turns {
            if let Some(exchange) = reader.exchange(turn.listed.seq)? {
                objects.push(turn_object(turn, &exchange));
            }
        }
        let mut thread = listed.as_ref().map_or_else(|| json!({"thread": name}), object);
        if let Some(thread) = thread.as_object_mut() {
            thread.insert("conversation".to_owned(), Value::Array(objects));
        }
        out.json(&thread)?;
        return Ok(ExitStatus::Found);
    }
    if let Some(listed) = &listed {
        summary(listed, out)?;
    }
    for turn in &turns {
        // Deleted meanwhile.
        let Some(exchange) = reader.exchange(turn.listed.seq)? else { continue };
        out.set_margin(&MARGIN.repeat(turn.depth.min(DEPTH_MAX)));
        let shown = match turn.place {
            TurnPlace::Beside => beside(&exchange, out),
            _ => told.turn(args, turn, &exchange, out),
        };
        out.set_margin("");
        shown?;
    }
    Ok(ExitStatus::Found)
}

/// What is to know before reading.
fn summary(thread: &ListedThread, out: &mut Printer) -> io::Result<()> {
    let begin = thread.started_at.to_zoned(TimeZone::system());
    let count = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let turns = match thread.turns {
        1 => Some("1 turn".to_owned()),
        turns => Some(format!("{turns} turns")),
    };
    let pid = thread.app.pid.map(|pid| format!("pid {pid}"));
    let app = [thread.app.user_agent.clone(), thread.app.process.clone(), pid];
    let counts = [
        turns,
        count(thread.exchanges.saturating_sub(thread.turns), "beside it"),
        count(thread.below, "below it"),
        count(thread.failed, "failed"),
    ];
    out.line(&[(Ink::Dim, "thread   ".into()), (Ink::Id, shown(&thread.name))])?;
    for (name, fact) in [
        ("time", format!("{} · {}", begin.strftime("%Y-%m-%d %H:%M:%S %:z"), span(thread))),
        ("app", joined(app, " · ")),
        ("model", thread.models.join(", ")),
        ("turns", joined(counts, " · ")),
        ("tokens", tokens(thread)),
        ("cost", cost(thread)),
    ] {
        if !fact.is_empty() {
            out.line(&[(Ink::Dim, format!("{name:<8} ").into()), (Ink::Plain, shown(&fact))])?;
        }
    }
    Ok(())
}

/// The system prompt and the tools of each turn that was shown, by sums of them: they are shown
/// when they change.
#[derive(Default)]
struct Told {
    before: HashMap<Uuid, (blake3::Hash, blake3::Hash)>,
}

impl Told {
    fn turn(
        &mut self,
        args: &ShowArgs,
        turn: &Turn,
        exchange: &Exchange,
        out: &mut Printer,
    ) -> io::Result<()> {
        let request = &exchange.request;
        turn_heading(turn, exchange, out)?;
        let system = request.system.as_deref().unwrap_or_default();
        let set = serde_json::to_vec(&request.tools).unwrap_or_default();
        let sums = (blake3::hash(system.as_bytes()), blake3::hash(&set));
        let before = match turn.place {
            TurnPlace::Next | TurnPlace::Branch => {
                exchange.parent.and_then(|parent| self.before.get(&parent))
            }
            _ => None,
        };
        match before {
            None => {
                if !request.tools.is_empty() {
                    tools(args, &request.tools, out)?;
                }
                if !system.is_empty() {
                    heading("system", "", out)?;
                    beginning(system, exchange.id, out)?;
                }
            }
            Some((had_system, had_tools)) => {
                let whole = format!("changed; `overhear show {}` has it", short_id(exchange.id));
                if *had_tools != sums.1 {
                    heading("tools", &format!("{} · {whole}", request.tools.len()), out)?;
                }
                if *had_system != sums.0 {
                    heading("system", &whole, out)?;
                }
            }
        }
        self.before.insert(exchange.id, sums);
        for message in new_messages(exchange) {
            heading(&message.role, "", out)?;
            parts(&message.parts, out)?;
        }
        for choice in exchange.reply.iter().flat_map(|reply| &reply.choices) {
            answer(choice, out)?;
        }
        if let Some(error) = &exchange.error {
            heading("error", &error.kind, out)?;
            text(Ink::Bad, &error.message, out)?;
        }
        Ok(())
    }
}

/// The first lines of a system prompt: what is said is behind it.
fn beginning(system: &str, exchange: Uuid, out: &mut Printer) -> io::Result<()> {
    let lines = system.lines().count();
    let end: usize = system.split_inclusive('\n').take(SYSTEM_LINES_MAX).map(str::len).sum();
    text(Ink::Plain, system.get(..end).unwrap_or(system), out)?;
    match lines.saturating_sub(SYSTEM_LINES_MAX) {
        0 => Ok(()),
        more => {
            let id = short_id(exchange);
            let hint = format!("… {more} more lines; `overhear show {id}` has them");
            out.line(&[(Ink::Dim, hint)])
        }
    }
}

/// The messages that were not said before.
fn new_messages(exchange: &Exchange) -> impl Iterator<Item = &Message> {
    let inherited = usize::try_from(exchange.inherited.unwrap_or_default()).unwrap_or(usize::MAX);
    let system = exchange.request.system.as_deref();
    let messages = exchange.request.messages.iter().skip(inherited);
    messages.filter(move |message| !is_repeated(message, system))
}

fn turn_heading(turn: &Turn, exchange: &Exchange, out: &mut Printer) -> io::Result<()> {
    let time = exchange.started_at.to_zoned(TimeZone::system());
    let place = match turn.place {
        TurnPlace::Branch => Some("branch".to_owned()),
        TurnPlace::Below => Some("sub-agent".to_owned()),
        TurnPlace::First | TurnPlace::Next | TurnPlace::Beside => None,
    };
    let state = match exchange.state {
        State::Complete => None,
        state => Some(state.as_str().to_owned()),
    };
    let usage = exchange.usage.as_ref();
    let part = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), count_of);
    let tokens = usage.map(|usage| format!("{}/{}", part(usage.input), part(usage.output)));
    let facts = [
        place,
        Some(time.strftime("%m-%d %H:%M:%S").to_string()),
        exchange.request.model.clone(),
        tokens,
        exchange.duration_ms.map(duration),
        exchange.cost_usd.map(dollars),
    ];
    let facts = format!(" {}", shown(&joined(facts, " · ")));
    let state = state.map(|state| format!(" · {state}")).unwrap_or_default();
    out.line(&[(Ink::Plain, "")])?;
    out.line(&[
        (Ink::Bold, "━━ ".to_owned()),
        (Ink::Id, short_id(exchange.id)),
        (Ink::Bold, facts),
        (Ink::Bad, state),
    ])
}

/// One line: what it was, and what came of it.
fn beside(exchange: &Exchange, out: &mut Printer) -> io::Result<()> {
    let choices = exchange.reply.iter().flat_map(|reply| &reply.choices);
    let answer = choices.flat_map(|choice| &choice.parts).find_map(|part| match part {
        Part::Text { text } => text.lines().find(|line| !line.trim().is_empty()),
        _ => None,
    });
    let what = match exchange.operation.as_deref() {
        Some("chat") | None => "beside it",
        Some(operation) => operation,
    };
    let line = format!(" {what}: {}", shown(answer.unwrap_or("no answer").trim()));
    let id = short_id(exchange.id);
    let line = match out.width() {
        Some(columns) => cut(&line, columns.saturating_sub(id.len() + MARGIN.len())),
        None => line,
    };
    out.line(&[(Ink::Plain, "")])?;
    out.line(&[(Ink::Dim, "·  ".to_owned()), (Ink::Id, id), (Ink::Dim, line)])
}

/// A turn as JSON: what is new in it.
fn turn_object(turn: &Turn, exchange: &Exchange) -> Value {
    let place = match turn.place {
        TurnPlace::First => "first",
        TurnPlace::Next => "next",
        TurnPlace::Branch => "branch",
        TurnPlace::Below => "below",
        TurnPlace::Beside => "beside",
    };
    json!({
        "id": exchange.id,
        "thread": exchange.thread,
        "thread_rule": exchange.thread_rule,
        "parent": exchange.parent,
        "inherited": exchange.inherited,
        "place": place,
        "depth": turn.depth,
        "state": exchange.state,
        "operation": exchange.operation,
        "started_at": exchange.started_at,
        "duration_ms": exchange.duration_ms,
        "model": exchange.request.model,
        "messages": new_messages(exchange).collect::<Vec<_>>(),
        "choices": exchange.reply.as_ref().map(|reply| &reply.choices),
        "usage": exchange.usage,
        "cost_usd": exchange.cost_usd,
        "error": exchange.error,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::printer::tests::Sheet;
    use crate::store::tests::sample::{Capture, turn};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ShowArgs,
    }

    fn run(capture: &Capture, words: &[&str]) -> (String, ExitStatus) {
        let line = Line::parse_from([&["show"], words].concat());
        let data = Sheet::default();
        let mut out = Printer::to(Box::new(data.clone()), Box::new(Sheet::default()), Some(80));
        let result = super::super::show(&line.args, &capture.path(), &mut out);
        let status = out.settle(result);
        (data.take(), status)
    }

    fn capture() -> Capture {
        let mut capture = Capture::new();
        let mut again = turn(1);
        again.id = Uuid::from_u128(turn(1).id.as_u128() + 100);
        again.started_at = turn(1).started_at + jiff::SignedDuration::from_millis(1);
        if let Some(reply) = &mut again.reply {
            reply.choices[0].parts = vec![Part::text("answer otherwise")];
        }
        capture.write(&[turn(0), turn(1), again, turn(2)]);
        capture
    }

    #[test]
    fn each_turn_shows_what_is_new_and_branches_stand_apart() {
        let (shown, status) = run(&capture(), &["--thread", "00000002"]);
        assert_eq!(status, ExitStatus::Found);
        let mut rest = shown.as_str();
        for piece in [
            "turns    4 turns",
            "── system\nbe brief",
            "── user\nquestion 0",
            "── answer · stop\nanswer 0",
            "│ ━━ 00000065 branch · ",
            "│ answer otherwise",
            "\n━━ 00000001 ",
            "── user\nquestion 1",
            "answer 1",
            "question 2",
            "answer 2",
        ] {
            let at = rest.find(piece).unwrap_or_else(|| panic!("no `{piece}` in {shown}"));
            rest = &rest[at + piece.len()..];
        }
        for once in ["be brief", "question 0", "answer 0"] {
            assert_eq!(shown.matches(once).count(), 1, "{once} in {shown}");
        }
    }

    #[test]
    fn a_thread_as_json_has_its_turns() {
        let (json, _) = run(&capture(), &["--thread", "00000002", "--json"]);
        let thread: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(thread["thread"], turn(0).id.to_string());
        assert_eq!(thread["turns"], 4);
        let places: Vec<_> =
            thread["conversation"].as_array().unwrap().iter().map(|turn| &turn["place"]).collect();
        assert_eq!(places, ["first", "branch", "next", "next"]);
        assert_eq!(thread["conversation"][3]["messages"].as_array().unwrap().len(), 1);
        assert_eq!(run(&capture(), &["no-such-thread"]).1, ExitStatus::NothingFound);
    }
}
