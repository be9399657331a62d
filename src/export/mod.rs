//! Exchanges out of the capture, for other programs: a file a format.

mod columns;
mod csv;
mod curl;
mod har;
mod html;
pub mod jsonl;
mod keys;
mod markdown;
mod openai;
mod pages;
mod parquet;
mod pen;
mod python;
mod resend;
mod sample;
mod sharegpt;
mod visible;
pub mod wire;

use std::io::{self, Write};

use crate::model::{Exchange, Usage};
use crate::store::{Reader, Selection, StoreError, Turns};
pub use sample::Lost;

use pen::Pen;

/// As what exchanges are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A line of JSON each.
    #[default]
    Jsonl,
    /// An array of JSON objects, over many lines.
    Json,
    /// An HTTP archive, as browsers' network tools read it.
    Har,
    /// Markdown, to be read.
    Markdown,
    /// Commands that send the requests again.
    Curl,
    /// Python scripts that send the requests again.
    Python,
    /// One page of HTML that needs nothing else.
    Html,
    /// Conversations as OpenAI's chat format has them, a line each, to train on.
    OpenaiMessages,
    /// Conversations as LLaMA-Factory and others read them, a line each, to train on.
    Sharegpt,
    /// A table of typed columns.
    Parquet,
    /// A table of text, for spreadsheets.
    Csv,
}

/// Why an export broke off.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The capture could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Jsonl,
        Self::Json,
        Self::Har,
        Self::Markdown,
        Self::Curl,
        Self::Python,
        Self::Html,
        Self::OpenaiMessages,
        Self::Sharegpt,
        Self::Parquet,
        Self::Csv,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::Har => "har",
            Self::Markdown => "md",
            Self::Curl => "curl",
            Self::Python => "python",
            Self::Html => "html",
            Self::OpenaiMessages => "openai-messages",
            Self::Sharegpt => "sharegpt",
            Self::Parquet => "parquet",
            Self::Csv => "csv",
        }
    }

    /// What the name of such a file ends with, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Curl => "sh",
            Self::Python => "py",
            Self::OpenaiMessages | Self::Sharegpt => "jsonl",
            format => format.as_str(),
        }
    }

    /// The format of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// The format of files whose names end so; of two the one that keeps everything.
    pub fn from_ending(ending: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.extension().eq_ignore_ascii_case(ending))
    }

    /// Whether it is conversations to train on, which not every exchange is.
    pub fn is_samples(self) -> bool {
        matches!(self, Self::OpenaiMessages | Self::Sharegpt)
    }

    /// What stands before all exchanges, between two of them, and behind them.
    fn around(self) -> [&'static str; 3] {
        match self {
            Self::Json => ["[\n", ",\n", "\n]\n"],
            Self::Har => har::AROUND,
            Self::Markdown | Self::Curl | Self::Python => ["", "\n", ""],
            Self::Html => [html::BEFORE, "", html::BEHIND],
            Self::Jsonl | Self::OpenaiMessages | Self::Sharegpt | Self::Parquet | Self::Csv => {
                ["", "", ""]
            }
        }
    }
}

/// Which exchanges are written, and as what.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// As what.
    pub format: Format,
    /// Of which capture.
    pub reader: &'a Reader,
    /// Those that this means; of samples only what a model answered whole.
    pub selection: &'a Selection,
    /// Of them the newest so many.
    pub limit: Option<usize>,
    /// Of samples: whether also exchanges whose conversation goes on in another one.
    pub every_turn: bool,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Exchanges.
    pub exchanges: u64,
    /// What the format has no words for.
    pub lost: Lost,
}

/// An exchange, and where the capture has it.
struct Item<'a> {
    reader: &'a Reader,
    seq: i64,
    exchange: &'a Exchange,
}

/// Writes the exchanges that `selection` means, or the newest `limit` of them, the oldest
/// first. Gives their number.
pub fn write(
    format: Format,
    reader: &Reader,
    selection: &Selection,
    limit: Option<usize>,
    out: &mut impl Write,
) -> Result<u64, ExportError> {
    let job = Job { format, reader, selection, limit, every_turn: false };
    Ok(run(&job, out)?.exchanges)
}

/// Writes what `job` says, the oldest first, as one file.
pub fn run(job: &Job<'_>, out: &mut impl Write) -> Result<Written, ExportError> {
    let (selection, lost) = narrowed(job)?;
    let mut pen = Pen::new(job.format, lost)?;
    if selection.id.is_some() {
        pen.unfold();
    }
    pen.begin(out)?;
    if job.format == Format::Html {
        html::index(job.reader, &selection, job.limit, out)?;
    }
    pages::each(job.reader, &selection, job.limit, &mut |seq, exchange| {
        pen.item(&Item { reader: job.reader, seq, exchange }, out).map(|_| ())
    })?;
    pen.end(out)
}

/// As [`run`], each exchange as a file of its own: `open` gives the place of that with an id.
pub fn run_apart<W: Write>(
    job: &Job<'_>,
    mut open: impl FnMut(&Exchange) -> io::Result<W>,
    mut close: impl FnMut(W) -> io::Result<()>,
) -> Result<Written, ExportError> {
    let (selection, mut lost) = narrowed(job)?;
    let mut exchanges = 0;
    pages::each(job.reader, &selection, job.limit, &mut |seq, exchange| {
        let item = Item { reader: job.reader, seq, exchange };
        if job.format.is_samples() && sample::of(exchange, &mut Lost::default()).is_none() {
            lost.exchange(sample::NO_WORDS);
            return Ok(());
        }
        let mut out = open(exchange)?;
        lost.add(alone(job.format, &item, &mut out)?.lost);
        close(out)?;
        exchanges += 1;
        Ok(())
    })?;
    Ok(Written { exchanges, lost })
}

/// Writes one exchange, as a whole file of its own.
pub fn write_one(
    format: Format,
    reader: &Reader,
    seq: i64,
    exchange: &Exchange,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    alone(format, &Item { reader, seq, exchange }, out)?;
    Ok(())
}

fn alone(format: Format, item: &Item<'_>, out: &mut impl Write) -> Result<Written, ExportError> {
    let mut pen = Pen::alone(format)?;
    pen.begin(out)?;
    pen.item(item, out)?;
    pen.end(out)
}

/// What is meant, and how many are not that otherwise would be.
fn narrowed(job: &Job<'_>) -> Result<(Selection, Lost), ExportError> {
    let mut lost = Lost::default();
    let mut selection = job.selection.clone();
    if !job.format.is_samples() {
        return Ok((selection, lost));
    }
    // Who names one exchange means that one.
    selection.turns = match job.every_turn || selection.id.is_some() {
        true => Turns::Answered,
        false => Turns::Last,
    };
    if job.limit.is_none() {
        let all = job.reader.count(job.selection)?;
        let answered = Selection { turns: Turns::Answered, ..job.selection.clone() };
        let answered = job.reader.count(&answered)?;
        let kept = job.reader.count(&selection)?;
        lost.exchanges(sample::NOT_ANSWERED, all.saturating_sub(answered));
        lost.exchanges(sample::GOES_ON, answered.saturating_sub(kept));
    }
    Ok((selection, lost))
}

/// Tokens to be read.
fn tokens(usage: &Usage) -> String {
    let count = |name: &str, count: Option<u64>| count.map(|count| format!("{count} {name}"));
    let all = [
        count("in", usage.input),
        count("of them cached", usage.input_cached),
        count("out", usage.output),
        count("of them reasoning", usage.reasoning),
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    let by = if usage.is_estimated() { " (estimated)" } else { "" };
    format!("{}{by}", all.join(", "))
}

/// What an exchange cost, and where that is from, to be read.
fn cost(exchange: &Exchange) -> Option<String> {
    let source = exchange.cost_source.map_or("", |source| source.as_str());
    exchange.cost_usd.map(|usd| format!("{} ({source})", dollars(usd)))
}

/// When what of an exchange came, to be read.
fn times(exchange: &Exchange) -> String {
    let ms = |name: &str, ms: Option<f64>| ms.map(|ms| format!("{name} {ms:.0} ms"));
    let times = [
        ms("first byte", exchange.first_byte_ms),
        ms("first token", exchange.first_token_ms),
        ms("whole", exchange.duration_ms),
    ];
    times.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// US dollars to be read: to a millionth, which is what a token costs.
fn dollars(usd: f64) -> String {
    let digits = format!("{usd:.6}");
    format!("${}", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn dollars_are_to_a_millionth() {
        for (usd, expected) in [
            (0.25028249999999996, "$0.250282"),
            (0.021606, "$0.021606"),
            (3.0, "$3"),
            (0.0, "$0"),
            (120.5, "$120.5"),
        ] {
            assert_eq!(super::dollars(usd), expected);
        }
    }
}
