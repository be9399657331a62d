//! `overhear delete`: exchanges that shall not be kept.

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;

use super::amount::{bytes, count};
use super::filters;
use super::printer::{ExitStatus, Printer};
use super::which::WhichArgs;
use crate::store::{Erase, Keep, Pins, Retention, Upkeep};

/// Delete exchanges, and overwrite what only they had
///
/// Pinned exchanges stay. Messages and pieces of bodies that no other exchange has are deleted
/// from the file, its index and its log, and written over with zeros.
#[derive(Args, Clone, Debug)]
pub struct DeleteArgs {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Pinned exchanges too
    #[arg(long)]
    even_pinned: bool,
    #[command(flatten)]
    which: WhichArgs,
}

/// Runs the command on the capture at `capture`.
pub fn delete(args: &DeleteArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let chosen = args.which.choose(&filters::open(capture, out)?)?;
    let number = chosen.seqs.len() as u64;
    if number == 0 {
        out.talk("no exchange fits");
        return Ok(ExitStatus::NothingFound);
    }
    let question =
        format!("delete {} ({} on the wire)?", count(number, "exchange"), bytes(chosen.raw_bytes));
    if !args.yes && !agrees(&question, out)? {
        out.talk("nothing was deleted");
        return Ok(ExitStatus::NothingFound);
    }
    let pins = if args.even_pinned { Pins::Override } else { Pins::Heed };
    let mut keep = Keep::open(capture, Erase::Overwrite)?;
    let deleted = keep.delete(chosen.seqs, pins, &mut |_| {})?;
    let everything = Retention { age: None, bytes: None };
    keep.prune(&mut Upkeep::thorough(everything), &mut |_| {})?;
    out.talk(format_args!(
        "deleted {} ({} on the wire)",
        count(deleted.exchanges, "exchange"),
        bytes(deleted.raw_bytes)
    ));
    if deleted.pinned > 0 {
        out.talk(format_args!(
            "{} stayed, being pinned\nhint: `--even-pinned` deletes them too",
            count(deleted.pinned, "exchange")
        ));
    }
    if !keep.empty_log()? {
        out.talk(
            "somebody reads the capture right now: its log holds what was deleted until they have \
             ended\nhint: `overhear vacuum` empties it",
        );
    }
    Ok(if deleted.exchanges > 0 { ExitStatus::Found } else { ExitStatus::NothingFound })
}

/// Asks the person at the terminal.
fn agrees(question: &str, out: &mut Printer) -> Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("{question}\nhint: there is no terminal to ask on; say `--yes`");
    }
    out.talk(format_args!("{question} [y/N]"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
