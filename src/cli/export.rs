//! `overhear export`: exchanges for other programs.

mod folder;

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use jiff::Zoned;

use super::amount::count;
use super::filters::{self, FilterArgs};
use super::printer::{ExitStatus, Printer};
use super::settings::ConfigFile;
use super::sinks;
use crate::export::{self, Format, Job, Written};
use crate::model::Exchange;
use folder::{Beside, Folder, Taken};

/// Write exchanges for other programs, the oldest first: as JSON lines, each with every field of
/// `docs/exchange.md`, or in another format
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    #[command(flatten)]
    filters: FilterArgs,
    /// The exchange ID alone, written as for `overhear show`
    #[arg(value_name = "ID", conflicts_with = "id")]
    exchange: Option<String>,
    /// As what [default: what the ending of FILE says, else jsonl]
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<FormatArg>,
    /// The same as ID
    #[arg(long, value_name = "ID", hide = true)]
    id: Option<String>,
    /// Only the newest N
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
    /// Deliver to a sink instead, by its name or as `--sink` of `overhear` takes it; what was
    /// delivered there is not delivered again
    #[arg(long, value_name = "SINK", conflicts_with_all = ["output", "format"])]
    sink: Option<String>,
    /// Write to FILE, which only you can read, instead of stdout; into a folder, or a path that
    /// ends with a slash, a file for each exchange
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace FILE if it is there; a link is replaced itself, not what it points to
    #[arg(long, requires = "output")]
    force: bool,
    /// Of samples to train on: also turns whose conversation goes on in a later one
    #[arg(long)]
    every_turn: bool,
}

/// As what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// An object of `docs/exchange.md` a line
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
    /// A page to read in a browser, which needs nothing else
    Html,
    /// Conversations as OpenAI's chat format has them, to train on
    OpenaiMessages,
    /// Conversations as LLaMA-Factory reads them, to train on
    Sharegpt,
    /// A table of typed columns, for DuckDB, pandas and others
    Parquet,
    /// A table of text, for spreadsheets
    Csv,
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
            FormatArg::Html => Self::Html,
            FormatArg::OpenaiMessages => Self::OpenaiMessages,
            FormatArg::Sharegpt => Self::Sharegpt,
            FormatArg::Parquet => Self::Parquet,
            FormatArg::Csv => Self::Csv,
        }
    }
}

/// Runs the command on the capture at `capture`.
pub fn export(
    args: &ExportArgs,
    capture: &Path,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let reader = filters::open(capture, out)?;
    let mut filter = args.filters.filter(&Zoned::now())?;
    filter.id = args.exchange.clone().or_else(|| args.id.clone());
    let selection = filter.selection(&reader)?;
    if let Some(sink) = &args.sink {
        return sinks::fill(sink, capture, &selection, args.limit, config, out);
    }
    let job = Job {
        format: format(args),
        reader: &reader,
        selection: &selection,
        limit: args.limit,
        every_turn: args.every_turn,
    };
    if args.every_turn && !job.format.is_samples() {
        bail!("`--every-turn` is for `--format openai-messages` and `sharegpt`");
    }
    let written = match args.output.as_deref().filter(|path| *path != Path::new("-")) {
        None => {
            if job.format == Format::Parquet && io::stdout().is_terminal() {
                bail!(
                    "a terminal shows no Parquet\nhint: overhear export --format parquet -o FILE"
                );
            }
            export::run(&job, &mut out.data())?
        }
        Some(path) => {
            let written = match folder::is_meant(path) {
                true => to_folder(args, path, &job),
                false => to_file(args, path, &job),
            };
            let written = written.with_context(|| format!("cannot write `{}`", path.display()))?;
            let count = count(written.exchanges, "exchange");
            out.talk(format_args!("{count} written to `{}`", path.display()));
            written
        }
    };
    if !written.lost.is_nothing() {
        out.talk(&written.lost);
    }
    Ok(if written.exchanges == 0 { ExitStatus::NothingFound } else { ExitStatus::Found })
}

/// As what: as told, else by the file's ending. Of a folder only its files would have one.
fn format(args: &ExportArgs) -> Format {
    if let Some(format) = args.format {
        return format.into();
    }
    let file = args.output.as_deref().filter(|path| !folder::is_meant(path));
    let ending = file.and_then(Path::extension).and_then(OsStr::to_str);
    ending.and_then(Format::from_ending).unwrap_or_default()
}

/// Writes a file for each exchange, by its id alone: what was captured names no file.
fn to_folder(args: &ExportArgs, path: &Path, job: &Job<'_>) -> Result<Written> {
    let taken = if args.force { Taken::Replace } else { Taken::Refuse };
    let folder = Folder::open(path, taken)?;
    let extension = job.format.extension();
    let open = |exchange: &Exchange| folder.file(&format!("{}.{extension}", exchange.id));
    Ok(export::run_apart(job, open, Beside::keep)?)
}

/// Writes beside the file and gives it its name at the end: whoever looks at it never sees
/// half an export, and an error leaves what was there.
fn to_file(args: &ExportArgs, path: &Path, job: &Job<'_>) -> Result<Written> {
    match path.symlink_metadata() {
        Ok(there) if !args.force => return Err(taken(there.is_symlink())),
        _ => {}
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent.filter(|parent| !parent.exists()) {
        bail!("there is no folder `{}`\nhint: make it first", parent.display());
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = fill(file, job).and_then(|written| {
        if args.force {
            fs::rename(&beside, path)?;
        } else {
            // A hard link fails where the name was taken meanwhile; a rename would replace it.
            fs::hard_link(&beside, path).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => taken(false),
                _ => error.into(),
            })?;
        }
        Ok(written)
    });
    // Gone already after a rename.
    let _ = fs::remove_file(&beside);
    written
}

fn taken(by_link: bool) -> anyhow::Error {
    anyhow::anyhow!(match by_link {
        true => "it is a link, and none is followed\nhint: `--force` replaces the link itself",
        false => "it is there already\nhint: `--force` replaces it",
    })
}

fn fill(file: File, job: &Job<'_>) -> Result<Written> {
    let mut out = BufWriter::new(file);
    let written = export::run(job, &mut out)?;
    out.flush()?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use clap::Parser;

    use super::*;
    use crate::cli::printer::tests::Sheet;
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
        let result = export(&line.args, capture, &ConfigFile::default(), &mut out);
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

    /// What the command says on stderr.
    fn talk(capture: &Path, words: &[&str]) -> String {
        let line = Line::parse_from([&["export"], words].concat());
        let talk = Sheet::default();
        let mut out = Printer::to(Box::new(Sheet::default()), Box::new(talk.clone()), None);
        let result = export(&line.args, capture, &ConfigFile::default(), &mut out);
        out.settle(result);
        talk.take()
    }

    #[test]
    fn what_keeps_a_file_from_its_place_is_said() {
        let mut capture = Capture::new();
        capture.write(&[turn(0), turn(1)]);
        let root = capture.dir.path();
        fs::create_dir(root.join("folder")).unwrap();
        fs::write(root.join("file"), "mine").unwrap();
        symlink(root.join("file"), root.join("link")).unwrap();
        symlink(root.join("folder"), root.join("to-folder")).unwrap();
        for (rule, place, more, expected) in [
            ("a folder is not made for a file", "none/x.sh", "--force", "there is no folder `"),
            ("a link to a file", "link", "00000000", "it is a link, and none is followed"),
            ("a link to a folder", "to-folder", "--force", "it is a link to a folder"),
            ("the same with a slash", "to-folder/", "--force", "it is a link to a folder"),
            ("one is one", "one.jsonl", "00000000", "1 exchange written"),
            ("two are two", "two.jsonl", "--force", "2 exchanges written"),
        ] {
            let talk = talk(&capture.path(), &["-o", root.join(place).to_str().unwrap(), more]);
            assert!(talk.contains(expected), "{rule}: {talk}");
        }
        assert!(!root.join("none").exists());
        assert_eq!(fs::read_dir(root.join("folder")).unwrap().count(), 0);
    }

    #[test]
    fn the_ending_says_the_format() {
        for (words, expected) in [
            ("-o x.jsonl", Format::Jsonl),
            ("-o x.json", Format::Json),
            ("-o x.har", Format::Har),
            ("-o x.md", Format::Markdown),
            ("-o a.b/x.HTML", Format::Html),
            ("-o x.csv", Format::Csv),
            ("-o x.parquet", Format::Parquet),
            ("-o x.py", Format::Python),
            ("-o x.sh", Format::Curl),
            ("-o x.html --format md", Format::Markdown),
            ("-o x.txt", Format::Jsonl),
            ("-o html", Format::Jsonl),
            ("-o x.html/", Format::Jsonl),
            ("", Format::Jsonl),
        ] {
            let line = Line::parse_from(["export"].into_iter().chain(words.split_whitespace()));
            assert_eq!(format(&line.args), expected, "{words}");
        }
    }

    #[test]
    fn a_folder_gets_a_file_for_each_and_no_link_is_followed() {
        let mut capture = Capture::new();
        capture.write(&[turn(0), turn(1)]);
        let folder = capture.dir.path().join("out/");
        let target = capture.dir.path().join("target");
        let name = |n: u32| folder.join(format!("{}.md", turn(n).id));
        let output = |more: &[&str]| {
            let words = ["--format", "md", "-o", folder.to_str().unwrap()];
            run(&capture.path(), &[&words, more].concat()).1
        };
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let has_text =
            |n: u32| fs::read_to_string(name(n)).unwrap().contains(&format!("question {n}"));
        assert_eq!(output(&["00000001"]), ExitStatus::Found);
        assert!(has_text(1));
        assert_eq!((mode(&folder), mode(&name(1))), (0o700, 0o600));

        fs::write(&target, "mine").unwrap();
        fs::write(name(1), "mine").unwrap();
        symlink(&target, name(0)).unwrap();
        assert_eq!(output(&[]), ExitStatus::Error);
        assert_eq!(fs::read_to_string(name(1)).unwrap(), "mine");
        assert_eq!(output(&["--force"]), ExitStatus::Found);
        assert!(has_text(0) && has_text(1));
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
        // Nothing half-written is left.
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }

    #[test]
    fn a_conversation_is_one_sample() {
        let mut capture = Capture::new();
        capture.write(&[turn(0), turn(1), turn(2)]);
        let samples = |words: &[&str]| {
            let line =
                Line::parse_from([&["export", "--format", "openai-messages"], words].concat());
            let (data, talk) = (Sheet::default(), Sheet::default());
            let mut out = Printer::to(Box::new(data.clone()), Box::new(talk.clone()), None);
            let result = export(&line.args, &capture.path(), &ConfigFile::default(), &mut out);
            assert_eq!(out.settle(result), ExitStatus::Found, "{words:?}");
            (data.take(), talk.take())
        };
        let (lines, talk) = samples(&[]);
        assert_eq!(lines.lines().count(), 1);
        assert!(lines.contains("answer 0") && lines.contains("answer 2"), "{lines}");
        assert!(talk.contains("left out: 2 exchanges whose conversation goes on"), "{talk}");
        assert_eq!(samples(&["--every-turn"]).0.lines().count(), 3);
        let (lines, talk) = samples(&["00000001"]);
        assert!(lines.contains("answer 1") && !lines.contains("answer 2"), "{lines}");
        assert_eq!(talk, "");
    }
}
