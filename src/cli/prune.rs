//! `overhear prune` and `vacuum`: what is too old or too much, and what it took.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use super::amount::{bytes, count};
use super::places::Places;
use super::printer::{ExitStatus, Printer};
use super::running::Running;
use super::settings::ConfigFile;
use crate::store::{Erase, Keep, Upkeep};

/// Delete what is older or more than is kept, and what nothing refers to any more
///
/// A running proxy does this by itself, a little at a time. Pinned exchanges stay.
#[derive(Args, Clone, Debug)]
pub struct PruneArgs {
    /// Delete exchanges that are older than N days; 0: none [default: 90, or as configured]
    #[arg(long, value_name = "N", env = "OVERHEAR_KEEP_DAYS")]
    keep_days: Option<u32>,
    /// Delete the oldest while the capture is larger than N GB; 0: none [default: 20, or as
    /// configured]
    #[arg(long, value_name = "N", env = "OVERHEAR_KEEP_GB")]
    keep_gb: Option<f64>,
    /// What was done, as one JSON object
    #[arg(long)]
    json: bool,
}

/// Give the space of what was deleted back to the disk
#[derive(Args, Clone, Debug)]
pub struct VacuumArgs {
    /// Write the whole file anew, in order: smallest, but nothing can be recorded meanwhile
    #[arg(long)]
    full: bool,
}

/// Runs `prune` on the capture at `capture`.
pub fn prune(
    args: &PruneArgs,
    capture: &Path,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let retention = config.retention(args.keep_days, args.keep_gb);
    let mut keep = Keep::open(capture, Erase::Free)?;
    let mut pruned = keep.prune(&mut Upkeep::thorough(retention), &mut |_| {})?;
    pruned.freed_bytes += keep.vacuum()?;
    if args.json {
        out.json(&json!({
            "exchanges": pruned.exchanges,
            "messages": pruned.messages,
            "pieces": pruned.blobs,
            "threads": pruned.threads,
            "flows": pruned.flows,
            "freed_bytes": pruned.freed_bytes,
        }))?;
    } else {
        out.talk(format_args!(
            "deleted {}, {} and {} that nothing referred to; {} given back to the disk",
            count(pruned.exchanges, "exchange"),
            count(pruned.messages, "message"),
            count(pruned.blobs, "piece"),
            bytes(pruned.freed_bytes)
        ));
    }
    Ok(ExitStatus::Found)
}

/// Runs `vacuum`.
pub fn vacuum(args: &VacuumArgs, places: &Places, out: &mut Printer) -> Result<ExitStatus> {
    if args.full && Running::find(places).is_some() {
        bail!(
            "a proxy records to this capture\nhint: end it first, or leave `--full` out: that \
             works beside it"
        );
    }
    let mut keep = Keep::open(&places.capture(), Erase::Free)?;
    let freed = if args.full { keep.vacuum_full()? } else { keep.vacuum()? };
    keep.empty_log()?;
    out.talk(format_args!("{} given back to the disk", bytes(freed)));
    Ok(ExitStatus::Found)
}
