//! `overhear anatomy`: what the tokens of a prompt are.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;
use jiff::tz::TimeZone;

use super::filters;
use super::ls::dollars;
use super::printer::{ExitStatus, Ink, Printer, shown};
use super::stats::grouped;
use super::table::{Cell, Column, Side, table};
use crate::model::Exchange;
use crate::query::{self, Anatomy, Section, Share};
use crate::store::{Listed, Order, Reader, Selection, StoreError, short_id};
use crate::tokens::Counter;

/// Tools shown unless all are asked for.
const TOOLS_SHOWN: usize = 5;

/// Columns of the bar of a whole prompt.
const BAR_COLUMNS: f64 = 24.0;

/// Show what the tokens of a prompt are: system text, each tool, each kind of message, history
///
/// Where the provider counted the prompt, the parts are scaled to its count; how it is shared
/// among them is always an estimate. Text between marks of the common retrieval frameworks
/// (`<context>`, `<document>`, `[CONTEXT 0]` …) counts as retrieved.
#[derive(Args, Clone, Debug)]
pub struct AnatomyArgs {
    /// The exchange: the digits that `overhear ls` shows, or the first of them, or any piece
    /// that the whole id begins or ends with; or the name of a thread, for each of its turns
    id: String,
    /// Show every tool, not only the largest
    #[arg(long)]
    tools: bool,
    /// Each turn of the conversation that the exchange is in: how the prompt grew
    #[arg(long, conflicts_with = "tools")]
    turns: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command on the capture at `capture`.
pub fn anatomy(args: &AnatomyArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let reader = filters::open(capture, out)?;
    let (seq, id) = match reader.find(&args.id) {
        Ok(found) if args.turns => return turns(args, &reader, reader.thread_of(found.0)?, out),
        Ok(found) => found,
        Err(StoreError::Unknown { .. }) => {
            let thread = Some(reader.find_thread(&args.id)?);
            let selection = Selection { thread, ..Selection::default() };
            return turns(
                args,
                &reader,
                query::newest(&reader, &selection, Order::NewestFirst, None)?,
                out,
            );
        }
        Err(e) => return Err(e.into()),
    };
    let Some(exchange) = reader.exchange(seq)? else {
        bail!("exchange `{id}` was deleted just now");
    };
    let anatomy = query::anatomy(&exchange, &Counter::default());
    if args.json {
        out.json(&Told { id: exchange.id, model: model(&exchange), anatomy: &anatomy })?;
        return Ok(ExitStatus::Found);
    }
    if anatomy.sections.is_empty() {
        out.talk("no dialect reads a prompt in this exchange");
        return Ok(ExitStatus::NothingFound);
    }
    head(&exchange, &anatomy, out)?;
    sections(args, &anatomy, out)?;
    Ok(ExitStatus::Found)
}

/// What `--json` gives.
#[derive(serde::Serialize)]
struct Told<'a> {
    id: uuid::Uuid,
    model: Option<&'a str>,
    #[serde(flatten)]
    anatomy: &'a Anatomy,
}

/// How the prompt grew from turn to turn.
fn turns(
    args: &AnatomyArgs,
    reader: &Reader,
    exchanges: Vec<Listed>,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let counter = Counter::default();
    let zone = TimeZone::system();
    let mut lines = Vec::new();
    for listed in exchanges {
        let Some(exchange) = reader.exchange(listed.seq)? else { continue };
        let anatomy = query::anatomy(&exchange, &counter);
        if args.json {
            out.json(&Told { id: exchange.id, model: model(&exchange), anatomy: &anatomy })?;
        } else {
            lines.push(turn(&listed, &anatomy, &zone));
        }
    }
    if !args.json {
        table(&TURNS, lines, out)?;
    }
    Ok(ExitStatus::Found)
}

const TURNS: [Column; 9] = [
    Column { heading: "ID", side: Side::Left, gives_way: None },
    Column { heading: "TIME", side: Side::Left, gives_way: Some(1) },
    Column { heading: "TOKENS", side: Side::Right, gives_way: None },
    Column { heading: "SYSTEM", side: Side::Right, gives_way: None },
    Column { heading: "TOOLS", side: Side::Right, gives_way: None },
    Column { heading: "BEFORE", side: Side::Right, gives_way: None },
    Column { heading: "NEW", side: Side::Right, gives_way: None },
    Column { heading: "CACHED", side: Side::Right, gives_way: None },
    Column { heading: "COST", side: Side::Right, gives_way: Some(0) },
];

fn turn(listed: &Listed, anatomy: &Anatomy, zone: &TimeZone) -> Vec<Cell> {
    let of = |section: Section| {
        anatomy.sections.iter().find(|share| share.section == section).map(|share| share.tokens)
    };
    let tokens = |tokens: Option<u64>| (Ink::Plain, tokens.map(grouped).unwrap_or_default());
    let time = listed.started_at.to_zoned(zone.clone()).strftime("%m-%d %H:%M:%S").to_string();
    vec![
        (Ink::Id, short_id(listed.id)),
        (Ink::Plain, time),
        tokens(Some(anatomy.total)),
        tokens(of(Section::System)),
        tokens(of(Section::Tools)),
        tokens(anatomy.history),
        tokens(anatomy.new),
        tokens(anatomy.cached),
        (Ink::Plain, listed.cost_usd.map(dollars).unwrap_or_default()),
    ]
}

fn model(exchange: &Exchange) -> Option<&str> {
    let answered = exchange.reply.as_ref().and_then(|reply| reply.model.as_deref());
    exchange.request.model.as_deref().or(answered)
}

fn head(exchange: &Exchange, anatomy: &Anatomy, out: &mut Printer) -> Result<()> {
    let model = shown(model(exchange).unwrap_or_default()).into_owned();
    let who = match anatomy.counted {
        true => "as the provider counted; its parts are estimated",
        false => "an estimate",
    };
    out.line(&[
        (Ink::Id, short_id(exchange.id)),
        (Ink::Plain, format!("  {model}  ")),
        (Ink::Bold, format!("{} tokens", grouped(anatomy.total))),
    ])?;
    out.line(&[(Ink::Dim, format!("{who} ({})", anatomy.tokenizer))])?;
    out.line(&[(Ink::Plain, "")])?;
    Ok(())
}

const COLUMNS: [Column; 5] = [
    Column { heading: "PART", side: Side::Left, gives_way: None },
    Column { heading: "N", side: Side::Right, gives_way: Some(1) },
    Column { heading: "TOKENS", side: Side::Right, gives_way: None },
    Column { heading: "SHARE", side: Side::Right, gives_way: None },
    Column { heading: "", side: Side::Left, gives_way: Some(0) },
];

fn sections(args: &AnatomyArgs, anatomy: &Anatomy, out: &mut Printer) -> Result<()> {
    let mut lines: Vec<Vec<Cell>> = Vec::new();
    for Share { section, tokens, share, count } in &anatomy.sections {
        let count = if *count > 1 { grouped(*count) } else { String::new() };
        lines.push(line(Ink::Plain, name(*section).to_owned(), count, *tokens, *share));
        if *section == Section::Tools {
            lines.extend(tools(args, anatomy));
        }
    }
    let of_total = |tokens: u64| tokens as f64 / anatomy.total.max(1) as f64;
    let turns = [
        ("sent before", anatomy.history),
        ("new in this turn", anatomy.new),
        ("from the cache", anatomy.cached.filter(|tokens| *tokens > 0)),
    ];
    let turns: Vec<_> =
        turns.iter().filter_map(|(name, tokens)| Some((*name, (*tokens)?))).collect();
    if !turns.is_empty() {
        lines.push(vec![(Ink::Plain, String::new())]);
    }
    for (name, tokens) in turns {
        lines.push(line(Ink::Plain, name.to_owned(), String::new(), tokens, of_total(tokens)));
    }
    table(&COLUMNS, lines, out)?;
    if anatomy.uncounted_files > 0 {
        let note = format!("not in these parts: {} files or sounds", anatomy.uncounted_files);
        out.line(&[(Ink::Dim, note)])?;
    }
    Ok(())
}

fn tools(args: &AnatomyArgs, anatomy: &Anatomy) -> Vec<Vec<Cell>> {
    let limit = if args.tools { usize::MAX } else { TOOLS_SHOWN };
    let (largest, rest) = anatomy.tools.split_at(anatomy.tools.len().min(limit));
    let mut lines: Vec<_> = largest
        .iter()
        .map(|tool| {
            let name = format!("  {}", shown(&tool.name));
            line(Ink::Dim, name, String::new(), tool.tokens, tool.share)
        })
        .collect();
    if !rest.is_empty() {
        let tokens = rest.iter().map(|tool| tool.tokens).sum();
        let share = rest.iter().map(|tool| tool.share).sum();
        let name = format!("  {} more", rest.len());
        lines.push(line(Ink::Dim, name, String::new(), tokens, share));
    }
    lines
}

fn line(ink: Ink, name: String, count: String, tokens: u64, share: f64) -> Vec<Cell> {
    vec![
        (ink, name),
        (Ink::Dim, count),
        (ink, grouped(tokens)),
        (ink, format!("{:.1}%", share * 100.0)),
        (if ink == Ink::Plain { Ink::Role } else { ink }, bar(share)),
    ]
}

/// A bar in halves of a column: what is there is seen, however small.
fn bar(share: f64) -> String {
    let halves = (share.clamp(0.0, 1.0) * BAR_COLUMNS * 2.0).round().max(if share > 0.0 {
        1.0
    } else {
        0.0
    });
    let halves = halves as usize;
    format!("{}{}", "█".repeat(halves / 2), if halves % 2 == 1 { "▌" } else { "" })
}

fn name(section: Section) -> &'static str {
    match section {
        Section::System => "system",
        Section::Tools => "tools",
        Section::User => "user",
        Section::Assistant => "assistant",
        Section::Reasoning => "reasoning",
        Section::ToolCalls => "tool calls",
        Section::ToolResults => "tool results",
        Section::Retrieved => "retrieved",
        Section::Images => "images",
        Section::Kept => "kept by the provider",
    }
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
        args: AnatomyArgs,
    }

    fn run(capture: &Capture, words: &[&str]) -> (String, ExitStatus) {
        let line = Line::parse_from([&["anatomy"], words].concat());
        let data = Sheet::default();
        let mut out = Printer::to(Box::new(data.clone()), Box::new(Sheet::default()), Some(80));
        let result = anatomy(&line.args, &capture.path(), &mut out);
        let status = out.settle(result);
        (data.take(), status)
    }

    #[test]
    fn a_bar_shows_whatever_is_there() {
        for (share, expected) in [(0.0, 0), (0.0001, 1), (0.5, 12), (1.0, 24), (7.0, 24)] {
            assert_eq!(bar(share).chars().count(), expected, "{share}");
        }
    }

    #[test]
    fn a_prompt_and_each_turn_of_its_thread() {
        let mut capture = Capture::new();
        capture.write(&[turn(0), turn(1)]);
        let (shown, status) = run(&capture, &["00000001"]);
        assert_eq!(status, ExitStatus::Found);
        for part in ["system", "tools", "  shell", "user", "assistant", "10 tokens"] {
            assert!(shown.contains(part), "no `{part}` in {shown}");
        }
        let (turns, _) = run(&capture, &["00000001", "--turns"]);
        assert_eq!(turns.lines().count(), 3, "{turns}");
        let reader = Reader::open(&capture.path()).unwrap();
        let thread = reader.listed(1).unwrap().unwrap().thread.unwrap();
        assert_eq!(run(&capture, &[&thread, "--turns"]).0, turns);
        assert_eq!(run(&capture, &["no such thing"]).1, ExitStatus::NothingFound);
    }
}
