//! `overhear pin`, `unpin`, `tag` and `note`: what people say of exchanges.

use std::path::Path;

use anyhow::Result;
use clap::Args;

use super::amount::count;
use super::filters;
use super::printer::{ExitStatus, Printer};
use super::which::WhichArgs;
use crate::store::{Erase, Keep, Remark};

/// Keep exchanges whatever their age and the capture's size
#[derive(Args, Clone, Debug)]
pub struct PinArgs {
    #[command(flatten)]
    which: WhichArgs,
}

/// Let exchanges go when they are old
#[derive(Args, Clone, Debug)]
pub struct UnpinArgs {
    #[command(flatten)]
    which: WhichArgs,
}

/// Give exchanges a word to find them by: `overhear ls --tag WORD`
#[derive(Args, Clone, Debug)]
pub struct TagArgs {
    /// The word
    word: String,
    /// Take it away
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    which: WhichArgs,
}

/// Write a sentence on exchanges, which `overhear show` shows
#[derive(Args, Clone, Debug)]
pub struct NoteArgs {
    /// The sentence
    text: String,
    /// Take it away
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    which: WhichArgs,
}

/// Runs `pin` on the capture at `capture`.
pub fn pin(args: &PinArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    change(&args.which, &Change::Say(Remark::Pin), "pinned", capture, out)
}

/// Runs `unpin`.
pub fn unpin(args: &UnpinArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    change(&args.which, &Change::TakeBack(Remark::Pin), "unpinned", capture, out)
}

/// Runs `tag`.
pub fn tag(args: &TagArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let remark = Remark::tag(&args.word)?;
    match args.remove {
        false => change(&args.which, &Change::Say(remark), "tagged", capture, out),
        true => change(&args.which, &Change::TakeBack(remark), "untagged", capture, out),
    }
}

/// Runs `note`.
pub fn note(args: &NoteArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let remark = Remark::note(args.text.clone())?;
    match args.remove {
        false => change(&args.which, &Change::Say(remark), "noted on", capture, out),
        true => change(&args.which, &Change::TakeBack(remark), "removed from", capture, out),
    }
}

enum Change {
    Say(Remark),
    TakeBack(Remark),
}

fn change(
    which: &WhichArgs,
    change: &Change,
    done: &str,
    capture: &Path,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let chosen = which.choose(&filters::open(capture, out)?)?;
    let mut keep = Keep::open(capture, Erase::Free)?;
    let changed = match change {
        Change::Say(remark) => keep.remark(&chosen.seqs, remark)?,
        Change::TakeBack(remark) => keep.unremark(&chosen.seqs, remark)?,
    };
    let same = chosen.seqs.len() as u64 - changed;
    let already = if same > 0 { format!(" ({same} already so)") } else { String::new() };
    out.talk(format_args!("{done} {}{already}", count(changed, "exchange")));
    Ok(if chosen.seqs.is_empty() { ExitStatus::NothingFound } else { ExitStatus::Found })
}
