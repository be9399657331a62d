//! `overhear threads`: the conversations, one line each.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use jiff::Zoned;
use jiff::tz::TimeZone;
use serde_json::json;

use super::filters::{self, FilterArgs};
use super::ls::{count_of, dollars, duration};
use super::printer::{ExitStatus, Ink, Printer, cut, shown};
use super::table::{Cell, Column, Side, table_cut_at};
use crate::model::App;
use crate::store::{ListedThread, short_id};

/// Lines shown unless told otherwise: about a screen.
const LIMIT: usize = 30;

/// Columns of an app's and of a model's name at most.
const NAME_COLUMNS_MAX: usize = 24;

/// Columns of a thread's name at most: enough of it to tell it from others.
const THREAD_COLUMNS_MAX: usize = 13;

/// List conversations, the one that went on last first
///
/// A THREAD is named by its app, or by its first exchange; `overhear show --thread THREAD`
/// reads it, and every command's `--thread` takes it: the whole name, its beginning, or the id
/// of any exchange in it. TURNS do not count titles and the like, SUB counts sub-agents and
/// other threads below, whose turns, tokens and cost are in the line.
#[derive(Args, Clone, Debug)]
pub struct ThreadsArgs {
    /// The newest N; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = LIMIT)]
    limit: usize,
    /// One JSON object a line, with the fields of `docs/exchange.md`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filters: FilterArgs,
}

/// Runs the command on the capture at `capture`.
pub fn threads(args: &ThreadsArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let reader = filters::open(capture, out)?;
    let filter = args.filters.filter(&Zoned::now())?;
    let limit = if args.limit > 0 { args.limit } else { usize::MAX };
    let threads = reader.threads(&filter.selection(&reader)?, None, limit)?.threads;
    if threads.is_empty() {
        return Ok(ExitStatus::NothingFound);
    }
    if args.json {
        for thread in &threads {
            out.json(&object(thread))?;
        }
    } else {
        let zone = TimeZone::system();
        let rows = threads.iter().map(|thread| row(thread, &zone)).collect();
        table_cut_at(COLUMNS.len() - 1, &COLUMNS, rows, out)?;
    }
    Ok(ExitStatus::Found)
}

const COLUMNS: [Column; 10] = [
    Column { heading: "THREAD", side: Side::Left, gives_way: None },
    Column { heading: "LAST", side: Side::Left, gives_way: Some(5) },
    Column { heading: "SPAN", side: Side::Right, gives_way: Some(1) },
    Column { heading: "APP", side: Side::Left, gives_way: Some(6) },
    Column { heading: "MODEL", side: Side::Left, gives_way: Some(3) },
    Column { heading: "TURNS", side: Side::Right, gives_way: Some(8) },
    Column { heading: "SUB", side: Side::Right, gives_way: Some(0) },
    Column { heading: "IN/OUT", side: Side::Right, gives_way: Some(2) },
    Column { heading: "COST", side: Side::Right, gives_way: Some(4) },
    Column { heading: "FIRST WORDS", side: Side::Left, gives_way: None },
];

fn row(thread: &ListedThread, zone: &TimeZone) -> Vec<Cell> {
    let last = thread.ended_at.to_zoned(zone.clone());
    let more = thread.models.len().saturating_sub(1);
    let model = thread.models.first().map(|model| match more {
        0 => model.clone(),
        more => format!("{model} +{more}"),
    });
    let below = if thread.below > 0 { thread.below.to_string() } else { String::new() };
    let words = thread.first_words.clone().unwrap_or_default();
    vec![
        (Ink::Id, thread_id(&thread.name)),
        (Ink::Plain, last.strftime("%m-%d %H:%M").to_string()),
        (Ink::Plain, span(thread)),
        (Ink::Plain, cut(&shown(app_name(&thread.app)), NAME_COLUMNS_MAX)),
        (Ink::Plain, cut(&shown(&model.unwrap_or_default()), NAME_COLUMNS_MAX)),
        (Ink::Plain, thread.turns.to_string()),
        (Ink::Plain, below),
        (Ink::Plain, tokens(thread)),
        (Ink::Plain, cost(thread)),
        (Ink::Plain, shown(&words).into_owned()),
    ]
}

/// What can be typed to mean the thread: the short id of its first exchange, or the beginning
/// of the name that its app gave it.
pub(super) fn thread_id(name: &str) -> String {
    match uuid::Uuid::try_parse(name) {
        // An id of ours is a UUIDv7: those of one minute begin alike.
        Ok(id) if id.get_version_num() == 7 => short_id(id),
        _ => {
            let begin: String = name.chars().take(THREAD_COLUMNS_MAX).collect();
            shown(&begin).into_owned()
        }
    }
}

pub(super) fn span(thread: &ListedThread) -> String {
    let span = thread.ended_at.as_nanosecond() - thread.started_at.as_nanosecond();
    let seconds = span / 1_000_000_000;
    match seconds {
        0..3600 => duration((span / 1_000_000) as f64),
        3600..172_800 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

pub(super) fn tokens(thread: &ListedThread) -> String {
    if thread.input.is_none() && thread.output.is_none() {
        return String::new();
    }
    let part = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), count_of);
    format!("{}/{}", part(thread.input), part(thread.output))
}

/// What is known of the cost; a plus says that there was more.
pub(super) fn cost(thread: &ListedThread) -> String {
    let more = if thread.cost_unknown > 0 { "+" } else { "" };
    thread.cost_usd.map(|cost| format!("{}{more}", dollars(cost))).unwrap_or_default()
}

/// The first product of the user agent, since a process is often just called `node`.
fn app_name(app: &App) -> &str {
    let agent = app.user_agent.as_deref().unwrap_or_default();
    let product = agent.split(['/', ' ', '(']).next().unwrap_or_default();
    match (product, app.process.as_deref()) {
        ("" | "Mozilla", Some(process)) => process,
        (product, _) => product,
    }
}

/// A thread as JSON.
pub(super) fn object(thread: &ListedThread) -> serde_json::Value {
    json!({
        "thread": thread.name,
        "first_words": thread.first_words,
        "app": thread.app,
        "models": thread.models,
        "turns": thread.turns,
        "exchanges": thread.exchanges,
        "failed": thread.failed,
        "below": thread.below,
        "input": thread.input,
        "output": thread.output,
        "cost_usd": thread.cost_usd,
        "cost_unknown": thread.cost_unknown,
        "started_at": thread.started_at,
        "ended_at": thread.ended_at,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::printer::tests::Sheet;
    use crate::cli::printer::width;
    use crate::store::tests::sample::{Capture, turn};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ThreadsArgs,
    }

    fn run(words: &[&str], columns: Option<usize>) -> String {
        let mut capture = Capture::new();
        capture.write(&[turn(0), turn(1), turn(2)]);
        let line = Line::parse_from([&["threads"], words].concat());
        let data = Sheet::default();
        let mut out = Printer::to(Box::new(data.clone()), Box::new(Sheet::default()), columns);
        threads(&line.args, &capture.path(), &mut out).unwrap();
        out.flush().unwrap();
        data.take()
    }

    #[test]
    fn a_conversation_is_one_line_that_fits() {
        for columns in [Some(60), Some(80), Some(120), None] {
            let shown = run(&[], columns);
            assert_eq!(shown.lines().count(), 2, "{shown}");
            assert!(shown.contains("question 0") && shown.starts_with("THREAD"), "{shown}");
            let fits = |line: &str| width(line) <= columns.unwrap_or(usize::MAX);
            assert!(shown.lines().all(fits), "{shown}");
        }
    }

    #[test]
    fn as_json_it_has_sums() {
        let thread: serde_json::Value = serde_json::from_str(&run(&["--json"], None)).unwrap();
        assert_eq!(thread["thread"], turn(0).id.to_string());
        assert_eq!(thread["turns"], 3);
        assert_eq!(thread["input"], 30);
        assert_eq!(thread["models"], serde_json::json!(["model-a"]));
        assert_eq!(thread["first_words"], "question 0");
    }

    #[test]
    fn a_thread_is_named_by_what_can_be_typed() {
        for (rule, name, expected) in [
            ("ours", "01900000-0000-7000-8000-0000abcdef12", "abcdef12"),
            ("an app's", "session-42", "session-42"),
            ("an app's long one", "0123456789-0123456789", "0123456789-01"),
        ] {
            assert_eq!(thread_id(name), expected, "{rule}");
        }
    }
}
