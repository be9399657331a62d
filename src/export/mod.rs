//! Exchanges out of the capture, for other programs: a file a format.

mod curl;
mod har;
pub mod jsonl;
mod keys;
mod markdown;
mod pages;
mod python;
mod resend;
pub mod wire;

use std::io::{self, Write};

use serde_json::Value;

use crate::model::Exchange;
use crate::store::{Reader, Selection, StoreError};

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
    pub const ALL: [Self; 6] =
        [Self::Jsonl, Self::Json, Self::Har, Self::Markdown, Self::Curl, Self::Python];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::Har => "har",
            Self::Markdown => "md",
            Self::Curl => "curl",
            Self::Python => "python",
        }
    }

    /// The format of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// What stands before all exchanges, between two of them, and behind them.
    fn around(self) -> [&'static str; 3] {
        match self {
            Self::Jsonl => ["", "", ""],
            Self::Json => ["[\n", ",\n", "\n]\n"],
            Self::Har => har::AROUND,
            Self::Markdown | Self::Curl | Self::Python => ["", "\n", ""],
        }
    }
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
    let [before, between, behind] = format.around();
    out.write_all(before.as_bytes())?;
    let mut written = 0;
    pages::each(reader, selection, limit, &mut |seq, exchange| {
        if written > 0 {
            out.write_all(between.as_bytes())?;
        }
        written += 1;
        item(format, &Item { reader, seq, exchange }, out)
    })?;
    out.write_all(behind.as_bytes())?;
    Ok(written)
}

/// Writes one exchange, as a whole file of its own.
pub fn write_one(
    format: Format,
    reader: &Reader,
    seq: i64,
    exchange: &Exchange,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    let [before, _, behind] = match format {
        // One object needs no array around it.
        Format::Json => ["", "", "\n"],
        format => format.around(),
    };
    out.write_all(before.as_bytes())?;
    item(format, &Item { reader, seq, exchange }, out)?;
    out.write_all(behind.as_bytes())?;
    Ok(())
}

fn item(format: Format, item: &Item<'_>, out: &mut impl Write) -> Result<(), ExportError> {
    match format {
        Format::Jsonl => jsonl::line(out, item.exchange)?,
        Format::Json => jsonl::harmless(
            out,
            &serde_json::to_string_pretty(item.exchange).map_err(io::Error::from)?,
        )?,
        Format::Har => {
            let entry: Value = har::entry(item)?;
            jsonl::harmless(out, &serde_json::to_string(&entry).map_err(io::Error::from)?)?;
        }
        Format::Markdown => out.write_all(markdown::text(item.exchange).as_bytes())?,
        Format::Curl => out.write_all(curl::command(item)?.as_bytes())?,
        Format::Python => out.write_all(python::script(item)?.as_bytes())?,
    }
    Ok(())
}
