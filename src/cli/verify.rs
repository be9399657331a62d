//! `overhear verify`, `backup` and `repair`: is the capture whole, and what if not.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use super::amount::{bytes, count};
use super::filters;
use super::printer::{ExitStatus, Ink, Printer, shown};
use crate::store::{self, Reader, Salvaged, Store, StoreError, short_id};

/// Exchanges of a damage that are named on its line.
const NAMED_MAX: usize = 8;

/// Read everything in the capture and hash it again
///
/// Says what is damaged and which exchanges that hits. Exit code 1 if anything is.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Write a copy of the capture, whole, while a proxy goes on recording
#[derive(Args, Clone, Debug)]
pub struct BackupArgs {
    /// Where to; there must be nothing yet
    file: PathBuf,
}

/// Bring what can be read of a damaged capture into this one
#[derive(Args, Clone, Debug)]
pub struct RepairArgs {
    /// The damaged file, such as `capture.db.damaged-20261123T101530Z`
    file: PathBuf,
}

/// Runs `verify` on the capture at `capture`.
pub fn verify(args: &VerifyArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let reader = filters::open(capture, out)?;
    let verified = store::verify(&reader, &mut |_| {})?;
    if args.json {
        let damages: Vec<_> = verified
            .damages
            .iter()
            .map(|d| json!({ "what": d.what, "how": d.how, "exchanges": d.exchanges }))
            .collect();
        out.json(&json!({
            "exchanges": verified.exchanges,
            "raw": verified.raws,
            "raw_bytes": verified.raw_bytes,
            "messages": verified.messages,
            "chunks": verified.chunks,
            "unindexed": verified.unindexed,
            "damages": damages,
        }))?;
    } else {
        for damage in &verified.damages {
            let ids: Vec<_> = damage.exchanges.iter().map(|id| short_id(*id)).collect();
            let named = ids.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(" ");
            let more = match ids.len().saturating_sub(NAMED_MAX) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let what = format!("{}: {}", shown(&damage.what), shown(&damage.how));
            let hits = if ids.is_empty() { "" } else { "  hits " };
            out.line(&[
                (Ink::Bad, what),
                (Ink::Dim, hits.to_owned()),
                (Ink::Id, named),
                (Ink::Dim, more),
            ])?;
        }
        out.talk(format_args!(
            "read {}, {} of requests and replies, {}: {}",
            count(verified.exchanges, "exchange"),
            bytes(verified.raw_bytes),
            count(verified.messages, "message"),
            match verified.damages.len() as u64 {
                0 => "all is as it was written".to_owned(),
                n => format!("{} found", count(n, "damage")),
            }
        ));
        if verified.unindexed > 0 {
            let left = count(verified.unindexed, "message");
            out.talk(format_args!("{left} not in the index of words yet: the recorder goes on"));
        }
    }
    Ok(if verified.damages.is_empty() { ExitStatus::Found } else { ExitStatus::NothingFound })
}

/// Runs `backup`.
pub fn backup(args: &BackupArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    if args.file.exists() {
        bail!(
            "`{}` is there already\nhint: another name, or move it away first",
            args.file.display()
        );
    }
    let reader = filters::open(capture, out)?;
    let length = store::backup(&reader, &args.file)
        .with_context(|| format!("no copy at `{}`", args.file.display()))?;
    out.talk(format_args!("wrote {} to {}", bytes(length), args.file.display()));
    Ok(ExitStatus::Found)
}

/// Runs `repair`.
pub fn repair(args: &RepairArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    if same(&args.file, capture) {
        bail!(
            "this is the capture itself\nhint: `overhear verify` says what is damaged; move the \
             file away, then `overhear repair` brings back what can be read"
        );
    }
    // Opened to see whether there is anything before a new capture is made.
    Reader::open(&args.file)?;
    let key = store::salvage_key(&args.file);
    let mut store = match key {
        Some(key) => Store::open_with_key(capture, key)?,
        None => Store::open(capture)?,
    };
    let Salvaged { exchanges, known, lost } = store::salvage(&args.file, &mut store, &mut |_| {})
        .map_err(|error| match error {
        StoreError::Corrupt { .. } => anyhow::Error::from(error)
            .context(format!("nothing can be read of `{}`", args.file.display())),
        error => error.into(),
    })?;
    out.talk(format_args!(
        "brought back {}; {known} were there already, {lost} cannot be read",
        count(exchanges, "exchange")
    ));
    Ok(if exchanges + known > 0 { ExitStatus::Found } else { ExitStatus::NothingFound })
}

fn same(one: &Path, other: &Path) -> bool {
    one.canonicalize().ok().is_some_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}
