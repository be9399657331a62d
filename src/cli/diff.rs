//! `overhear diff`: what changed between two prompts.

mod pieces;
mod sections;

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::filters;
use super::printer::{ExitStatus, Ink, Printer, shown};
use crate::query::diff::{Difference, PATIENCE, Section, Side, SideError, Source};

pub(super) use sections::{all as sections, size};

/// Compare two prompts: model, parameters, system prompt, tools and each message
///
/// Texts are compared word by word: on a terminal in colour, else as [-old-]{+new+}. What is
/// alike is folded and counted. The exit code is 0 if the prompts are alike, 1 if they differ,
/// 2 after an error, as that of diff.
#[derive(Args, Clone, Debug)]
pub struct DiffArgs {
    /// The old one: an exchange, as for `show`; or a prompt or a set of tools that `prompts`
    /// lists, such as `@12`
    a: String,
    /// The new one; without it, A is compared with the turn before it
    b: Option<String>,
    /// Only this section; repeatable
    #[arg(long, value_name = "SECTION")]
    only: Vec<Only>,
    /// One line a section
    #[arg(long)]
    stat: bool,
    /// One JSON object: `old`, `new`, `alike` and, of each section that changed, what
    #[arg(long, conflicts_with = "stat")]
    json: bool,
}

/// A section, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Only {
    /// The model asked for.
    Model,
    /// The parameters.
    Params,
    /// The system prompt.
    System,
    /// The tools.
    Tools,
    /// The messages.
    Messages,
}

impl From<Only> for Section {
    fn from(only: Only) -> Self {
        match only {
            Only::Model => Self::Model,
            Only::Params => Self::Params,
            Only::System => Self::System,
            Only::Tools => Self::Tools,
            Only::Messages => Self::Messages,
        }
    }
}

/// Runs the command on the capture at `capture`.
pub fn diff(args: &DiffArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let reader = filters::open(capture, out)?;
    let sides = Side::pair(&reader, &args.a, args.b.as_deref());
    let (old, new) = sides.map_err(not_found_is_an_error)?;
    let mut sections = Side::common(&old, &new)?;
    if !args.only.is_empty() {
        let only: Vec<Section> = args.only.iter().map(|&only| only.into()).collect();
        sections.retain(|section| only.contains(section));
    }
    let deadline = Instant::now() + PATIENCE;
    let difference = Difference::between(&old.request, &new.request, &sections, deadline);
    if args.json {
        let alike = difference.is_alike();
        let (old, new) = (old.label(), new.label());
        out.json(&Told { old, new, alike, difference: &difference })?;
    } else if args.stat {
        stat(&difference, &sections, &old, &new, out)?;
    } else {
        show(&difference, &old, &new, out)?;
    }
    Ok(if difference.is_alike() { ExitStatus::Found } else { ExitStatus::Different })
}

/// A difference with its two sides, from their headings on.
fn show(difference: &Difference, old: &Side, new: &Side, out: &mut Printer) -> Result<()> {
    if difference.is_alike() {
        out.talk(format_args!("{} and {} are alike", old.label(), new.label()));
        return Ok(());
    }
    for (name, side) in [("old  ", old), ("new  ", new)] {
        out.line(&[
            (Ink::Dim, name),
            (Ink::Id, &side.short()),
            (Ink::Dim, "  "),
            (Ink::Plain, &facts(side)),
        ])?;
    }
    Ok(sections::all(difference, out)?)
}

/// A difference as JSON.
#[derive(Serialize)]
struct Told<'a> {
    old: String,
    new: String,
    alike: bool,
    #[serde(flatten)]
    difference: &'a Difference,
}

/// When a prompt was sent and by whom, or what it is.
fn facts(side: &Side) -> String {
    let request = &side.request;
    match (&side.source, &request.system) {
        (Source::Exchange(listed), _) => {
            let time = listed.started_at.to_zoned(TimeZone::system()).strftime("%m-%d %H:%M:%S");
            let model = request.model.as_deref().unwrap_or_default();
            let facts = format!("{time}  {}  {model}", listed.app.name());
            shown(facts.trim_end()).into_owned()
        }
        (Source::Prompt { .. }, Some(text)) => format!("system prompt, {}", size(text.len())),
        (Source::Prompt { .. }, None) => format!("{} tools", request.tools.len()),
    }
}

/// Code 1 says that two prompts differ; that one of them is not there is an error.
fn not_found_is_an_error(error: SideError) -> anyhow::Error {
    match error {
        SideError::Store(error) => anyhow!("{error}"),
        error => error.into(),
    }
}

fn stat(
    diff: &Difference,
    compared: &[Section],
    old: &Side,
    new: &Side,
    out: &mut Printer,
) -> Result<()> {
    for section in compared {
        let (name, change) = match section {
            Section::Model => (
                "model",
                diff.model.as_ref().map(|_| {
                    let name = |side: &Side| side.request.model.clone().unwrap_or_default();
                    format!("{} → {}", name(old), name(new))
                }),
            ),
            Section::Params => (
                "parameters",
                diff.params.as_ref().map(|params| sections::facts([(params.len(), "changed")])),
            ),
            Section::System => ("system", diff.system.as_ref().map(sections::bytes_changed)),
            Section::Tools => ("tools", diff.tools.as_ref().map(sections::tools_in_words)),
            Section::Messages => {
                ("messages", diff.messages.as_ref().map(sections::messages_in_words))
            }
        };
        let ink = if change.is_some() { Ink::Plain } else { Ink::Dim };
        let change = change.unwrap_or_else(|| "alike".to_owned());
        out.line(&[
            (Ink::Role, format!("{name:<11}")),
            (ink, super::printer::shown(&change).into_owned()),
        ])?;
    }
    Ok(())
}
