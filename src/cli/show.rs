//! `overhear show`: an exchange as a conversation.

mod thread;

use std::io;
use std::path::Path;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::filters;
use super::ls::{dollars, duration};
use super::printer::{ExitStatus, Ink, Printer, cut, shown, shown_lines, width};
use crate::flow::Side;
use crate::model::{Choice, Exchange, Message, Part, Tool, Usage};

/// Columns of `[other] `.
const OTHER_COLUMNS: usize = 8;

/// Columns of a tool's name before its description.
const TOOL_NAME_COLUMNS: usize = 20;

/// Show an exchange, or a thread, as a conversation: system prompt, tools, messages, answers
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// The exchange: the digits that `overhear ls` shows, or the first of them, or any piece
    /// that the whole id begins or ends with. Else the name of a thread, or the first of it
    id: String,
    /// Show the whole thread: the one that the exchange is in, or that has this name. Of each turn
    /// what is new; sub-agents and branches stand apart. A name that is no exchange's id means
    /// the thread without this
    #[arg(long, conflicts_with_all = ["raw", "headers"])]
    thread: bool,
    /// Show each tool's whole description and the schema of its arguments
    #[arg(long)]
    tools: bool,
    /// Show the headers of request and reply
    #[arg(long)]
    headers: bool,
    /// One JSON object with the fields of `docs/exchange.md`
    #[arg(long)]
    json: bool,
    /// Write the bytes as they went over the wire, credentials replaced, and nothing else
    #[arg(long, value_name = "SIDE", conflicts_with = "json")]
    raw: Option<RawSide>,
}

/// Whose bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RawSide {
    /// What the app sent.
    Request,
    /// What it got.
    Reply,
}

/// Runs the command on the capture at `capture`.
pub fn show(args: &ShowArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let reader = filters::open(capture, out)?;
    let found = if args.thread { None } else { Some(reader.find(&args.id)) };
    let (seq, id) = match found {
        None => return thread::show(args, &reader, &reader.find_thread(&args.id)?, out),
        Some(Ok(found)) => found,
        Some(Err(error)) => match reader.find_thread(&args.id) {
            Ok(name) if args.raw.is_none() => return thread::show(args, &reader, &name, out),
            _ => return Err(error.into()),
        },
    };
    if let Some(raw) = args.raw {
        let side = match raw {
            RawSide::Request => Side::Downstream,
            RawSide::Reply => Side::Upstream,
        };
        let Some(raw) = reader.raw(seq, side)? else { return Ok(ExitStatus::NothingFound) };
        out.data().write_all(&raw.bytes)?;
        if raw.cut > 0 {
            out.talk(format_args!("warning: a limit left out {} bytes", raw.cut));
        }
        return Ok(ExitStatus::Found);
    }
    let Some(exchange) = reader.exchange(seq)? else {
        bail!("exchange `{id}` was deleted just now");
    };
    if args.json {
        out.json(&exchange)?;
    } else {
        conversation(args, &exchange, out)?;
    }
    Ok(ExitStatus::Found)
}

fn conversation(args: &ShowArgs, exchange: &Exchange, out: &mut Printer) -> io::Result<()> {
    summary(exchange, out)?;
    let request = &exchange.request;
    if args.headers {
        headers("request headers", &request.headers, out)?;
    }
    if !request.params.is_empty() {
        heading("parameters", "", out)?;
        for (name, value) in &request.params {
            out.line(&[
                (Ink::Dim, shown(name)),
                (Ink::Plain, format!(": {}", one_line(value)).into()),
            ])?;
        }
    }
    if !request.tools.is_empty() {
        tools(args, &request.tools, out)?;
    }
    if let Some(system) = &request.system {
        heading("system", "", out)?;
        text(Ink::Plain, system, out)?;
    }
    for message in &request.messages {
        if !is_repeated(message, request.system.as_deref()) {
            heading(&message.role, "", out)?;
            parts(&message.parts, out)?;
        }
    }
    if let Some(reply) = &exchange.reply {
        if args.headers {
            headers("reply headers", &reply.headers, out)?;
        }
        for choice in &reply.choices {
            answer(choice, out)?;
        }
    }
    ending(exchange, out)
}

/// What is to know before reading: who asked whom, when, what it cost.
fn summary(exchange: &Exchange, out: &mut Printer) -> io::Result<()> {
    let time = exchange.started_at.to_zoned(TimeZone::system());
    let mut facts = vec![("time", time.strftime("%Y-%m-%d %H:%M:%S%.3f %:z").to_string())];
    let app = &exchange.app;
    let pid = app.pid.map(|pid| format!("pid {pid}"));
    let app = [app.user_agent.clone(), app.process.clone(), pid];
    facts.push(("app", joined(app, " · ")));
    let request = format!("{} {}{}", exchange.method, exchange.origin, exchange.path);
    facts.push(("request", format!("{request} {}", exchange.http_version)));
    let kind = [&exchange.provider, &exchange.dialect, &exchange.operation].map(Clone::clone);
    facts.push(("kind", joined(kind, " · ")));
    let asked = exchange.request.model.clone();
    let answered = exchange.reply.as_ref().and_then(|reply| reply.model.clone());
    let answered = answered.filter(|model| Some(model) != asked.as_ref());
    facts.push(("model", joined([asked, answered], " → ")));
    facts.push(("thread", exchange.thread.clone().unwrap_or_default()));
    let status = exchange.status.map(|status| status.to_string());
    let streamed = exchange.streamed.then(|| "streamed".to_owned());
    let state = [Some(exchange.state.as_str().to_owned()), status, streamed];
    facts.push(("state", joined(state, " · ")));
    let timing = |name: &str, ms: Option<f64>| ms.map(|ms| format!("{name} {}", duration(ms)));
    let timing = [
        timing("first byte", exchange.first_byte_ms),
        timing("first token", exchange.first_token_ms),
        timing("total", exchange.duration_ms),
    ];
    facts.push(("timing", joined(timing, " · ")));
    facts.push(("tokens", exchange.usage.as_ref().map(usage).unwrap_or_default()));
    let annotations = &exchange.annotations;
    let pinned = annotations.pinned.then(|| "pinned".to_owned());
    let tags = annotations.tags.iter().map(|tag| format!("#{tag}"));
    facts.push(("tags", pinned.into_iter().chain(tags).collect::<Vec<_>>().join(" ")));
    facts.push(("note", annotations.notes.join(" · ")));
    facts.push(("cost", exchange.cost_usd.map(dollars).unwrap_or_default()));
    out.line(&[(Ink::Dim, "id       "), (Ink::Id, &exchange.id.to_string())])?;
    for (name, fact) in facts.into_iter().filter(|(_, fact)| !fact.is_empty()) {
        out.line(&[(Ink::Dim, format!("{name:<8} ").into()), (Ink::Plain, shown(&fact))])?;
    }
    Ok(())
}

fn usage(usage: &Usage) -> String {
    let counted = |name: &str, count: Option<u64>| count.map(|count| format!("{name} {count}"));
    let input = [
        counted("in", usage.input),
        counted("cached", usage.input_cached),
        counted("cache written", usage.input_cache_written),
        counted("out", usage.output),
        counted("reasoning", usage.reasoning),
    ];
    joined(input, " · ")
}

fn joined<const N: usize>(words: [Option<String>; N], between: &str) -> String {
    words.into_iter().flatten().collect::<Vec<_>>().join(between)
}

/// A system prompt that stands among the messages as well was shown already.
fn is_repeated(message: &Message, system: Option<&str>) -> bool {
    let Some(system) = system else { return false };
    matches!(message.role.as_str(), "system" | "developer")
        && message.parts.iter().all(|part| match part {
            Part::Text { text } => system.contains(text.as_str()),
            _ => false,
        })
}

fn tools(args: &ShowArgs, tools: &[Tool], out: &mut Printer) -> io::Result<()> {
    heading("tools", &tools.len().to_string(), out)?;
    for tool in tools {
        let description = tool.description.as_deref().unwrap_or_default();
        if args.tools {
            out.line(&[(Ink::Bold, shown(&tool.name))])?;
            text(Ink::Plain, description, out)?;
            text(Ink::Dim, &pretty(&tool.schema), out)?;
            continue;
        }
        let name = format!("{:<TOOL_NAME_COLUMNS$} ", shown(&tool.name));
        let first = description.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let first = shown(first.trim());
        let first = match out.width() {
            Some(columns) => cut(&first, columns.saturating_sub(width(&name))),
            None => first.into_owned(),
        };
        out.line(&[(Ink::Bold, name), (Ink::Dim, first)])?;
    }
    Ok(())
}

fn answer(choice: &Choice, out: &mut Printer) -> io::Result<()> {
    heading("answer", choice.finish_reason.as_deref().unwrap_or_default(), out)?;
    parts(&choice.parts, out)
}

fn parts(parts: &[Part], out: &mut Printer) -> io::Result<()> {
    for part in parts {
        match part {
            Part::Text { text: words } => text(Ink::Plain, words, out)?,
            Part::Reasoning { text: words, signature } => {
                let kept = words.is_empty() && signature.is_some();
                label("reasoning", if kept { "kept by the provider" } else { "" }, out)?;
                text(Ink::Dim, words, out)?;
            }
            Part::ToolCall { id, name, arguments } => {
                label("call", &joined([Some(name.clone()), id.clone()], " · "), out)?;
                text(Ink::Plain, &pretty(arguments), out)?;
            }
            Part::ToolResult { id, name, parts: inside, is_error } => {
                let error = (*is_error == Some(true)).then(|| "error".to_owned());
                label("result", &joined([name.clone(), id.clone(), error], " · "), out)?;
                self::parts(inside, out)?;
            }
            Part::Image { mime_type, url, file_id, bytes } => {
                let facts = [mime_type.clone(), url.clone(), file_id.clone(), bytes.map(size)];
                label("image", &joined(facts, " · "), out)?;
            }
            Part::Audio { mime_type, id, transcript, bytes } => {
                let facts = [mime_type.clone(), id.clone(), bytes.map(size)];
                label("audio", &joined(facts, " · "), out)?;
                text(Ink::Plain, transcript.as_deref().unwrap_or_default(), out)?;
            }
            Part::File { name, mime_type, file_id, url, text: words, bytes } => {
                let [name, mime_type, file_id, url] =
                    [name, mime_type, file_id, url].map(Clone::clone);
                let facts = joined([name, mime_type, file_id, url, bytes.map(size)], " · ");
                label("file", &facts, out)?;
                text(Ink::Plain, words.as_deref().unwrap_or_default(), out)?;
            }
            Part::Other { value } => {
                // Beside what was said, seldom of it: a line, whole where nobody looks.
                let value = value.to_string();
                let value = match out.width() {
                    Some(columns) => cut(&value, columns.saturating_sub(OTHER_COLUMNS)),
                    None => value,
                };
                label("other", &value, out)?;
            }
        }
    }
    Ok(())
}

fn ending(exchange: &Exchange, out: &mut Printer) -> io::Result<()> {
    if let Some(error) = &exchange.error {
        heading("error", &error.kind, out)?;
        text(Ink::Bad, &error.message, out)?;
    }
    if !exchange.notes.is_empty() {
        heading("notes", "", out)?;
        for note in &exchange.notes {
            text(Ink::Plain, note, out)?;
        }
    }
    if exchange.dialect.is_none() {
        let hint =
            "no dialect reads this exchange; `--raw request` and `--raw reply` write its bytes";
        out.line(&[(Ink::Dim, "")])?;
        out.line(&[(Ink::Dim, hint)])?;
    }
    Ok(())
}

fn headers(name: &str, headers: &[(String, String)], out: &mut Printer) -> io::Result<()> {
    heading(name, "", out)?;
    for (name, value) in headers {
        out.line(&[
            (Ink::Dim, shown(name)),
            (Ink::Plain, ": ".into()),
            (Ink::Plain, shown(value)),
        ])?;
    }
    Ok(())
}

fn heading(name: &str, more: &str, out: &mut Printer) -> io::Result<()> {
    out.line(&[(Ink::Plain, "")])?;
    let more = if more.is_empty() { String::new() } else { format!(" · {}", shown(more)) };
    out.line(&[(Ink::Dim, "── ".into()), (Ink::Role, shown(name)), (Ink::Dim, more.into())])
}

fn label(name: &str, more: &str, out: &mut Printer) -> io::Result<()> {
    let more = if more.is_empty() { String::new() } else { format!(" {}", shown(more)) };
    out.line(&[(Ink::Role, format!("[{name}]")), (Ink::Dim, more)])
}

fn text(ink: Ink, text: &str, out: &mut Printer) -> io::Result<()> {
    for line in shown_lines(text).lines() {
        out.line(&[(ink, line)])?;
    }
    Ok(())
}

/// JSON over several lines; text that is no JSON as it is.
fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    }
}

fn one_line(value: &Value) -> String {
    shown(&value.to_string()).into_owned()
}

fn size(bytes: u64) -> String {
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::printer::tests::Sheet;
    use crate::store::tests::sample::{Capture, told, turn};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ShowArgs,
    }

    fn run(capture: &Capture, words: &[&str]) -> (String, ExitStatus) {
        let line = Line::parse_from([&["show"], words].concat());
        let data = Sheet::default();
        let mut out = Printer::to(Box::new(data.clone()), Box::new(Sheet::default()), None);
        let result = show(&line.args, &capture.path(), &mut out);
        let status = out.settle(result);
        (data.take(), status)
    }

    #[test]
    fn a_conversation_reads_in_order() {
        let mut capture = Capture::new();
        capture.write(&[turn(1)]);
        let (shown, status) = run(&capture, &["00000001"]);
        assert_eq!(status, ExitStatus::Found);
        let mut rest = shown.as_str();
        for piece in [
            "agent/1 · node · pid 4",
            "POST https://api.example.com/v1/chat/completions HTTP/1.1",
            "model-a → model-a-2026",
            "complete · 200 · streamed",
            "in 10 · out 3",
            "── tools · 1\nshell                Runs a command",
            "── system\nbe brief",
            "── user\nquestion 0",
            "── assistant\nanswer 0",
            "── user\nquestion 1",
            "── answer · stop\nanswer 1",
        ] {
            let at = rest.find(piece).unwrap_or_else(|| panic!("no `{piece}` in {shown}"));
            rest = &rest[at + piece.len()..];
        }
    }

    #[test]
    fn an_exchange_as_json_and_as_bytes() {
        let mut capture = Capture::new();
        capture.write(&[turn(1)]);
        let (json, _) = run(&capture, &["00000001", "--json"]);
        assert_eq!(told(&serde_json::from_str(&json).unwrap()), turn(1));
        let (raw, _) = run(&capture, &["00000001", "--raw", "request"]);
        assert_eq!(raw, "POST / HTTP/1.1\r\n\r\n{}");
        assert_eq!(run(&capture, &["ffffffff"]).1, ExitStatus::NothingFound);
    }
}
