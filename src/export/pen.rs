//! Writes exchanges one behind the other, as the format has them.

use std::io::{self, Write};

use super::{
    ExportError, Format, Item, Lost, Written, csv, curl, har, html, jsonl, markdown, openai,
    parquet, python, sample, sharegpt,
};

/// A file that is being written.
pub(super) struct Pen {
    format: Format,
    around: [&'static str; 3],
    written: Written,
    table: Option<Box<parquet::Table>>,
    shown: html::Shown,
}

impl Pen {
    /// Of a file of many exchanges.
    pub(super) fn new(format: Format, lost: Lost) -> Result<Self, ExportError> {
        let table = match format {
            Format::Parquet => Some(Box::new(parquet::Table::new()?)),
            _ => None,
        };
        let written = Written { exchanges: 0, lost };
        let shown = html::Shown::default();
        Ok(Self { format, around: format.around(), written, table, shown })
    }

    /// Of a file of one.
    pub(super) fn alone(format: Format) -> Result<Self, ExportError> {
        let mut pen = Self::new(format, Lost::default())?;
        // One object needs no array around it.
        if format == Format::Json {
            pen.around = ["", "", "\n"];
        }
        pen.shown.is_alone = true;
        Ok(pen)
    }

    /// Shows an exchange as it is opened: it is the only one.
    pub(super) fn unfold(&mut self) {
        self.shown.is_alone = true;
    }

    pub(super) fn begin(&mut self, out: &mut impl Write) -> Result<(), ExportError> {
        let [before, _, _] = self.around;
        out.write_all(before.as_bytes())?;
        if self.format == Format::Csv {
            csv::head(out)?;
        }
        Ok(())
    }

    /// Writes an exchange, if the format can say it at all.
    pub(super) fn item(
        &mut self,
        item: &Item<'_>,
        out: &mut impl Write,
    ) -> Result<(), ExportError> {
        let sample = match self.format.is_samples() {
            false => None,
            true => match sample::of(item.exchange, &mut self.written.lost) {
                Some(sample) => Some(sample),
                None => {
                    self.written.lost.exchange(sample::NO_WORDS);
                    return Ok(());
                }
            },
        };
        if self.written.exchanges > 0 {
            let [_, between, _] = self.around;
            out.write_all(between.as_bytes())?;
        }
        self.written.exchanges += 1;
        match (self.format, sample) {
            (Format::OpenaiMessages, Some(sample)) => jsonl::line(out, &openai::line(&sample))?,
            (Format::Sharegpt, Some(sample)) => {
                jsonl::line(out, &sharegpt::line(&sample, &mut self.written.lost))?;
            }
            (Format::Jsonl | Format::OpenaiMessages | Format::Sharegpt, _) => {
                jsonl::line(out, item.exchange)?;
            }
            (Format::Json, _) => jsonl::harmless(
                out,
                &serde_json::to_string_pretty(item.exchange).map_err(io::Error::from)?,
            )?,
            (Format::Har, _) => {
                let entry = har::entry(item)?;
                jsonl::harmless(out, &serde_json::to_string(&entry).map_err(io::Error::from)?)?;
            }
            (Format::Markdown, _) => out.write_all(markdown::text(item.exchange).as_bytes())?,
            (Format::Curl, _) => out.write_all(curl::command(item)?.as_bytes())?,
            (Format::Python, _) => out.write_all(python::script(item)?.as_bytes())?,
            (Format::Html, _) => html::exchange(item, &mut self.shown, out)?,
            (Format::Csv, _) => csv::row(item, out)?,
            (Format::Parquet, _) => {
                if let Some(table) = &mut self.table {
                    table.row(item.exchange, out)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn end(mut self, out: &mut impl Write) -> Result<Written, ExportError> {
        if let Some(table) = self.table.take() {
            table.end(out)?;
        }
        let [_, _, behind] = self.around;
        out.write_all(behind.as_bytes())?;
        Ok(self.written)
    }
}
