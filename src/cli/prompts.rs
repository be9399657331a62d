//! `overhear prompts`: the system prompts and tool sets of each app, and when they changed.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

use super::diff::{self, DiffArgs, size};
use super::filters::{self, FilterArgs};
use super::printer::{ExitStatus, Ink, Printer, cut, shown, shown_lines, width};
use crate::model::Request;
use crate::query::diff::{Difference, PATIENCE, Section, Side, SideError};
use crate::query::prompts::{self, Prompt, Text};
use crate::store::{Kind, Reader};

/// List system prompts and tool sets, by app and version: first and last seen, how often, size
///
/// A prompt with moving parts (the date, a folder, retrieved context) is another text each time:
/// such texts are variants of one prompt, which is listed by its newest. A prompt that changed
/// for good is listed anew; --changes shows what changed and when. `overhear diff @ID @ID`
/// compares any two texts.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct PromptsArgs {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only system prompts or only tools
    #[arg(long, value_name = "KIND")]
    only: Option<Only>,
    /// Each variant of each prompt
    #[arg(long)]
    all: bool,
    /// Each change: from which prompt to which, when, and what of it lasts
    #[arg(long, conflicts_with = "all")]
    changes: bool,
    /// One JSON object a prompt, or with --changes a change
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filters: FilterArgs,
}

/// What to do with prompts instead of listing them.
#[derive(Subcommand, Clone, Debug)]
enum Command {
    /// Compare two prompts, such as @12 and @40; as `overhear diff`
    Diff(DiffArgs),
    /// Show a prompt as it was sent
    Show(PromptArgs),
}

#[derive(Args, Clone, Debug)]
struct PromptArgs {
    /// The prompt, such as @12
    id: String,
}

/// A kind of prompt, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Only {
    /// System prompts.
    System,
    /// Sets of tools.
    Tools,
}

/// Runs the command on the capture at `capture`.
pub fn prompts(args: &PromptsArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    match &args.command {
        Some(Command::Diff(args)) => return diff::diff(args, capture, out),
        Some(Command::Show(args)) => return show(args, capture, out),
        None => {}
    }
    let reader = filters::open(capture, out)?;
    let selection = args.filters.filter(&Zoned::now())?.selection(&reader)?;
    let kinds: &[Kind] = match args.only {
        Some(Only::System) => &[Kind::System],
        Some(Only::Tools) => &[Kind::Tools],
        None => &[Kind::System, Kind::Tools],
    };
    let mut found = Vec::new();
    for &kind in kinds {
        found.extend(prompts::prompts(&reader, kind, &selection)?);
    }
    let found = match args.changes {
        true => changes(args, &reader, &found, out)?,
        false => list(args, &found, out)?,
    };
    Ok(if found > 0 { ExitStatus::Found } else { ExitStatus::NothingFound })
}

fn show(args: &PromptArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let reader = filters::open(capture, out)?;
    let side = Side::of_prompt(&reader, &args.id).map_err(|error| match error {
        // Told as such by the exit code.
        SideError::Store(error) => anyhow::Error::from(error),
        error => error.into(),
    });
    let request = side?.request;
    match &request.system {
        Some(text) => {
            for line in shown_lines(text).lines() {
                out.line(&[(Ink::Plain, line)])?;
            }
        }
        None => request.tools.iter().try_for_each(|tool| out.json(tool))?,
    }
    Ok(ExitStatus::Found)
}

/// A prompt as JSON.
#[derive(Serialize)]
struct Told<'a> {
    kind: &'a str,
    app: &'a str,
    versions: &'a [String],
    first: Timestamp,
    last: Timestamp,
    exchanges: u64,
    /// The prompt whose place it took.
    follows: Option<String>,
    variants: Vec<ToldText<'a>>,
}

/// One of its texts.
#[derive(Serialize)]
struct ToldText<'a> {
    id: String,
    bytes: usize,
    first: Timestamp,
    last: Timestamp,
    exchanges: u64,
    begins: &'a str,
}

impl<'a> Told<'a> {
    fn of(prompt: &'a Prompt) -> Self {
        let variants = prompt.variants.iter().map(|text| ToldText {
            id: named(text),
            bytes: text.bytes,
            first: text.first,
            last: text.last,
            exchanges: text.exchanges,
            begins: &text.begins,
        });
        Self {
            kind: prompt.kind.as_str(),
            app: &prompt.app,
            versions: &prompt.versions,
            first: prompt.first,
            last: prompt.last,
            exchanges: prompt.exchanges,
            follows: prompt.follows.map(|id| format!("@{id}")),
            variants: variants.collect(),
        }
    }
}

/// Headings of the list; those from `RIGHT` on are numbers.
const HEADINGS: [&str; 8] = ["ID", "KIND", "APP", "FIRST", "LAST", "TIMES", "TEXTS", "SIZE"];

/// First column that is aligned to the right.
const RIGHT: usize = 5;

/// Columns that go first where the terminal is narrow: the list's last is told by the first.
const GIVES_WAY: [usize; 3] = [6, 4, 7];

/// Columns for a prompt's first words, at least.
const WORDS_COLUMNS_MIN: usize = 24;

/// Writes the list; gives the number of its prompts.
fn list(args: &PromptsArgs, found: &[Prompt], out: &mut Printer) -> Result<usize> {
    if args.json {
        found.iter().try_for_each(|prompt| out.json(&Told::of(prompt)))?;
        return Ok(found.len());
    }
    let mut rows: Vec<([String; 8], String)> = Vec::new();
    for prompt in found {
        let texts = prompt.variants.len();
        if args.all {
            rows.extend(
                prompt
                    .variants
                    .iter()
                    .map(|text| row(prompt, text, [text.first, text.last], text.exchanges, 1)),
            );
        } else if let Some(newest) = prompt.newest() {
            let span = [prompt.first, prompt.last];
            rows.push(row(prompt, newest, span, prompt.exchanges, texts));
        }
    }
    if rows.is_empty() {
        return Ok(0);
    }
    let mut widths: Vec<usize> = HEADINGS.iter().map(|heading| heading.len()).collect();
    for (cells, _) in &rows {
        for (widest, cell) in widths.iter_mut().zip(cells) {
            *widest = (*widest).max(width(cell));
        }
    }
    let taken = |widths: &[usize]| widths.iter().filter(|w| **w > 0).map(|w| w + 2).sum::<usize>();
    for column in GIVES_WAY {
        let room = out.width().unwrap_or(usize::MAX);
        if taken(&widths) + WORDS_COLUMNS_MIN > room
            && let Some(width) = widths.get_mut(column)
        {
            *width = 0;
        }
    }
    let room = out.width().map(|columns| columns.saturating_sub(taken(&widths)));
    let heading = (HEADINGS.map(str::to_owned), "BEGINS".to_owned());
    for (line, (cells, words)) in std::iter::once(&heading).chain(&rows).enumerate() {
        let mut pieces = Vec::new();
        for (column, (cell, &columns)) in cells.iter().zip(&widths).enumerate() {
            let ink = match (line, column) {
                (0, _) => Ink::Dim,
                (_, 0) => Ink::Id,
                _ => Ink::Plain,
            };
            let space = " ".repeat(columns.saturating_sub(width(cell)));
            if columns > 0 && column < RIGHT {
                pieces.push((ink, format!("{cell}{space}  ")));
            } else if columns > 0 {
                pieces.push((ink, format!("{space}{cell}  ")));
            }
        }
        let words = shown(words);
        let words = room.map_or_else(|| words.to_string(), |room| cut(&words, room));
        pieces.push((if line == 0 { Ink::Dim } else { Ink::Plain }, words));
        out.line(&pieces)?;
    }
    Ok(found.len())
}

fn row(
    prompt: &Prompt,
    text: &Text,
    [first, last]: [Timestamp; 2],
    exchanges: u64,
    texts: usize,
) -> ([String; 8], String) {
    let app = [prompt.app.as_str(), &versions(prompt)].join(" ");
    let cells = [
        named(text),
        prompt.kind.as_str().to_owned(),
        shown(app.trim()).into_owned(),
        day(first),
        day(last),
        exchanges.to_string(),
        texts.to_string(),
        size(text.bytes),
    ];
    (cells, text.begins.clone())
}

/// A change as JSON.
#[derive(Serialize)]
struct ToldChange<'a> {
    at: Timestamp,
    old: Told<'a>,
    new: Told<'a>,
    difference: &'a Difference,
}

/// Writes each change, the oldest first; gives their number.
fn changes(
    args: &PromptsArgs,
    reader: &Reader,
    found: &[Prompt],
    out: &mut Printer,
) -> Result<usize> {
    let pairs = prompts::changes(found);
    for (count, (old, new)) in pairs.iter().enumerate() {
        let [one, other]: [Request; 2] = [old.lasting(reader)?, new.lasting(reader)?];
        let deadline = Instant::now() + PATIENCE;
        let sections = [Section::System, Section::Tools];
        let difference = Difference::between(&one, &other, &sections, deadline);
        if args.json {
            let (old, new) = (Told::of(old), Told::of(new));
            out.json(&ToldChange { at: new.first, old, new, difference: &difference })?;
            continue;
        }
        if count > 0 {
            out.line(&[(Ink::Plain, "")])?;
        }
        let [from, to] = [old, new].map(|prompt| versions(prompt));
        let version = if from == to { from } else { format!("{from} → {to}") };
        let [from, to] = [old, new].map(|prompt| prompt.newest().map(named).unwrap_or_default());
        out.line(&[
            (Ink::Bold, minute(new.first)),
            (Ink::Plain, format!("  {} {}", shown(&new.app), shown(&version))),
            (Ink::Dim, format!("  {}  ", new.kind.as_str())),
            (Ink::Id, format!("{from} → {to}")),
        ])?;
        diff::sections(&difference, out)?;
    }
    Ok(pairs.len())
}

/// Versions in a few words.
fn versions(prompt: &Prompt) -> String {
    match prompt.versions.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first, .., last] => format!("{first}…{last}"),
    }
}

fn named(text: &Text) -> String {
    format!("@{}", text.id)
}

fn day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%m-%d %H:%M").to_string()
}

fn minute(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}
