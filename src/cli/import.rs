//! `overhear import`: what other tools recorded, into the capture.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::amount::count;
use super::places::Places;
use super::prices;
use super::printer::{ExitStatus, Printer, shown, shown_lines};
use super::settings::ConfigFile;
use crate::import::{self, Format, ImportError, Importer, Scope, Tally};
use crate::record::Lexicon;
use crate::store::Store;

/// How often a long import says how far it is.
const SAID_EVERY: Duration = Duration::from_secs(5);

/// Bring recordings of other tools into the capture: HAR files, flows of mitmproxy, and what
/// `overhear export` wrote
///
/// What a file has twice, or what was imported before, is there once. A proxy may go on recording.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// The files; `-` is stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// As what [default: told from the content]
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<FormatArg>,
    /// Requests to other hosts than those of LLM providers as well
    #[arg(long)]
    all: bool,
}

/// As what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// An HTTP archive of a browser, Charles, Proxyman or Overhear
    Har,
    /// Flows as `mitmdump -w` writes them
    Mitmproxy,
    /// What `overhear export` writes
    Jsonl,
    /// The same with `--format json`
    Json,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Har => Self::Har,
            FormatArg::Mitmproxy => Self::Mitmproxy,
            FormatArg::Jsonl => Self::Jsonl,
            FormatArg::Json => Self::Json,
        }
    }
}

/// Runs the command.
pub fn import(
    args: &ImportArgs,
    places: &Places,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let store = Store::open(&places.capture())?;
    let prices = prices::open(&config.prices(), places);
    let prices = prices::or_default(prices, |words| out.talk(words));
    let lexicon = Lexicon { prices, ..Lexicon::with_bodies(store.key(), config.bodies()) };
    let scope = if args.all { Scope::All } else { Scope::Models };
    let mut importer = Importer::new(store, lexicon, scope);
    let mut status = ExitStatus::NothingFound;
    for path in &args.files {
        let name = name(path);
        match file(path, &name, args.format, &mut importer, out) {
            Ok(tally) => {
                say(&name, &tally, out);
                if tally.imported + tally.known > 0 && status == ExitStatus::NothingFound {
                    status = ExitStatus::Found;
                }
            }
            Err(ImportError::Store(error)) => return Err(error.into()),
            Err(error) => {
                out.talk(format_args!("error: {name}: {}", shown_lines(&error.to_string())));
                status = ExitStatus::Error;
            }
        }
    }
    let mut store = importer.into_store();
    while store.index_some()? > 0 {}
    Ok(status)
}

fn file(
    path: &Path,
    name: &str,
    format: Option<FormatArg>,
    importer: &mut Importer,
    out: &mut Printer,
) -> Result<Tally, ImportError> {
    let mut input: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path)?),
    };
    let mut said = Instant::now();
    import::import(&mut input, name, format.map(Format::from), importer, &mut |tally| {
        if said.elapsed() >= SAID_EVERY {
            said = Instant::now();
            let entries = tally.entries;
            out.talk(format_args!("{name}: {entries} entries read, {} imported", tally.imported));
        }
    })
}

/// The file's own name: where it lies is nobody's business who reads the capture later.
fn name(path: &Path) -> String {
    if path == Path::new("-") {
        return "stdin".to_owned();
    }
    let name = path.file_name().unwrap_or(path.as_os_str());
    shown(&name.to_string_lossy()).to_string()
}

fn say(name: &str, tally: &Tally, out: &mut Printer) {
    if tally.entries == 0 && tally.fault.is_none() {
        return out.talk(format_args!("{name}: it has no entries"));
    }
    out.talk(format_args!("{name}: imported {}", count(tally.imported, "exchange")));
    if tally.known > 0 {
        out.talk(format_args!("  {} already there", tally.known));
    }
    if tally.foreign > 0 {
        out.talk(format_args!("  {} not LLM traffic", tally.foreign));
    }
    for (kind, number) in &tally.others {
        out.talk(format_args!("  {number} not HTTP: {kind}"));
    }
    if tally.unread > 0 {
        out.talk(format_args!("  {} could not be read:", tally.unread));
    }
    for (entry, why) in &tally.reasons {
        out.talk(format_args!("    entry {entry}: {}", shown(&why.to_string())));
    }
    let beyond = tally.unread.saturating_sub(tally.reasons.len() as u64);
    if beyond > 0 {
        out.talk(format_args!("    and {beyond} more"));
    }
    if let Some(fault) = &tally.fault {
        let behind = tally.entries;
        out.talk(format_args!("  {fault}; {behind} of its entries were read before"));
    }
    if tally.imported + tally.known == 0 && tally.foreign > 0 {
        out.talk("hint: `--all` imports requests to any host");
    }
}
