//! `overhear export`: exchanges for other programs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use jiff::Zoned;

use super::filters::{self, FilterArgs};
use super::printer::{ExitStatus, Printer};
use crate::export::{self, Format};
use crate::store::{Reader, Selection};

/// Write exchanges for other programs, the oldest first: as JSON lines, each with every field of
/// `docs/exchange.md`, or in another format
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    #[command(flatten)]
    filters: FilterArgs,
    /// The exchange ID alone, written as for `overhear show`
    #[arg(value_name = "ID", conflicts_with = "id")]
    exchange: Option<String>,
    /// As what
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: FormatArg,
    /// The same as ID
    #[arg(long, value_name = "ID", hide = true)]
    id: Option<String>,
    /// Only the newest N
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
    /// Write to FILE, which only you can read, instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace FILE if it is there; a link is replaced itself, not what it points to
    #[arg(long, requires = "output")]
    force: bool,
}

/// As what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// An object of `docs/exchange.md` a line
    #[default]
    Jsonl,
    /// The same, as an array over many lines
    Json,
    /// An HTTP archive, for browsers' network tools and proxies
    Har,
    /// Markdown, to be read or put into an issue
    Md,
    /// Commands that send the requests again; keys are taken from variables
    Curl,
    /// Python scripts that do so, with httpx
    Python,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Jsonl => Self::Jsonl,
            FormatArg::Json => Self::Json,
            FormatArg::Har => Self::Har,
            FormatArg::Md => Self::Markdown,
            FormatArg::Curl => Self::Curl,
            FormatArg::Python => Self::Python,
        }
    }
}

/// Runs the command on the capture at `capture`.
pub fn export(args: &ExportArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let reader = filters::open(capture, out)?;
    let mut filter = args.filters.filter(&Zoned::now())?;
    filter.id = args.exchange.clone().or_else(|| args.id.clone());
    let selection = filter.selection(&reader)?;
    let written = match args.output.as_deref().filter(|path| *path != Path::new("-")) {
        None => {
            export::write(args.format.into(), &reader, &selection, args.limit, &mut out.data())?
        }
        Some(path) => {
            let written = to_file(args, path, &reader, &selection)
                .with_context(|| format!("cannot write `{}`", path.display()))?;
            out.talk(format_args!("{written} exchanges written to `{}`", path.display()));
            written
        }
    };
    Ok(if written == 0 { ExitStatus::NothingFound } else { ExitStatus::Found })
}

/// Writes beside the file and gives it its name at the end: whoever looks at it never sees
/// half an export, and an error leaves what was there.
fn to_file(args: &ExportArgs, path: &Path, reader: &Reader, selection: &Selection) -> Result<u64> {
    if !args.force && path.symlink_metadata().is_ok() {
        return Err(taken());
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = fill(file, args, reader, selection).and_then(|written| {
        if args.force {
            fs::rename(&beside, path)?;
        } else {
            // A hard link fails where the name was taken meanwhile; a rename would replace it.
            fs::hard_link(&beside, path).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => taken(),
                _ => error.into(),
            })?;
        }
        Ok(written)
    });
    // Gone already after a rename.
    let _ = fs::remove_file(&beside);
    written
}

fn taken() -> anyhow::Error {
    anyhow::anyhow!("it is there already\nhint: `--force` replaces it")
}

fn fill(file: File, args: &ExportArgs, reader: &Reader, selection: &Selection) -> Result<u64> {
    let mut out = BufWriter::new(file);
    let written = export::write(args.format.into(), reader, selection, args.limit, &mut out)?;
    out.flush()?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use clap::Parser;

    use super::*;
    use crate::cli::printer::tests::Sheet;
    use crate::model::Exchange;
    use crate::store::tests::sample::{Capture, told, turn};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ExportArgs,
    }

    fn run(capture: &Path, words: &[&str]) -> (Vec<Exchange>, ExitStatus) {
        let line = Line::parse_from([&["export"], words].concat());
        let data = Sheet::default();
        let mut out = Printer::to(Box::new(data.clone()), Box::new(Sheet::default()), None);
        let result = export(&line.args, capture, &mut out);
        let status = out.settle(result);
        (lines(&data.take()), status)
    }

    fn lines(text: &str) -> Vec<Exchange> {
        text.lines().map(|line| told(&serde_json::from_str(line).unwrap())).collect()
    }

    #[test]
    fn exchanges_come_oldest_first() {
        let mut capture = Capture::new();
        capture.write(&[turn(1), turn(0), turn(2)]);
        for (words, expected) in [
            (&[][..], &[0, 1, 2][..]),
            (&["-n", "2"], &[1, 2]),
            (&["-n", "3"], &[0, 1, 2]),
            (&["-n", "9"], &[0, 1, 2]),
            (&["-n", "0"], &[]),
            (&["--state", "failed"], &[]),
            (&["--id", "00000001"], &[1]),
            (&["00000001"], &[1]),
        ] {
            let (exchanges, status) = run(&capture.path(), words);
            assert_eq!(
                exchanges,
                expected.iter().map(|n| turn(*n)).collect::<Vec<_>>(),
                "{words:?}"
            );
            let nothing = status == ExitStatus::NothingFound;
            assert_eq!(nothing, expected.is_empty(), "{words:?}");
        }
    }

    #[test]
    fn a_file_is_its_owners_and_is_never_replaced_unasked() {
        let mut capture = Capture::new();
        capture.write(&[turn(0)]);
        let path = |name: &str| capture.dir.path().join(name);
        let (file, link, target) = (path("out.jsonl"), path("link"), path("target"));
        let output = |path: &Path, more: &[&str]| {
            run(&capture.path(), &[&["-o", path.to_str().unwrap()], more].concat()).1
        };
        assert_eq!(output(&file, &[]), ExitStatus::Found);
        assert_eq!(lines(&fs::read_to_string(&file).unwrap()), [turn(0)]);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, "mine").unwrap();
        assert_eq!(output(&file, &[]), ExitStatus::Error);
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        assert_eq!(output(&file, &["--force"]), ExitStatus::Found);
        assert_eq!(lines(&fs::read_to_string(&file).unwrap()), [turn(0)]);

        fs::write(&target, "mine").unwrap();
        symlink(&target, &link).unwrap();
        assert_eq!(output(&link, &[]), ExitStatus::Error);
        assert_eq!(output(&link, &["--force"]), ExitStatus::Found);
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
        assert!(!link.symlink_metadata().unwrap().is_symlink());
        // Nothing half-written is left beside.
        let names = fs::read_dir(capture.dir.path()).unwrap().count();
        assert_eq!(names, 4);
    }
}
