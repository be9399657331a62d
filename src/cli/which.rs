//! Which exchanges a command changes: by their ids, or by filters.

use anyhow::{Result, bail};
use clap::Args;
use jiff::Zoned;

use super::filters::FilterArgs;
use crate::store::Reader;

/// The exchanges meant.
#[derive(Args, Clone, Debug, Default)]
pub struct WhichArgs {
    /// These exchanges, by the digits that `overhear ls` shows
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Every exchange
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
    /// Filters, as everywhere.
    #[command(flatten)]
    pub filters: FilterArgs,
}

/// Their places, the oldest first, and what they had on the wire.
pub struct Chosen {
    /// Places in the order of writing.
    pub seqs: Vec<i64>,
    /// Bytes of their requests and replies.
    pub raw_bytes: u64,
}

impl WhichArgs {
    /// Whether nothing says which.
    pub fn is_silent(&self) -> Result<bool> {
        let filter = self.filters.filter(&Zoned::now())?;
        Ok(self.ids.is_empty() && !self.all && filter == Default::default())
    }

    /// Looks them up. A command that changes something wants to be told which.
    pub fn choose(&self, reader: &Reader) -> Result<Chosen> {
        if self.is_silent()? {
            bail!("say which exchanges\nhint: an ID, a filter such as `--app TEXT`, or `--all`");
        }
        self.choose_or_all(reader)
    }

    /// Looks them up; all of them if nothing is said.
    pub fn choose_or_all(&self, reader: &Reader) -> Result<Chosen> {
        let filter = self.filters.filter(&Zoned::now())?;
        let mut chosen = Chosen { seqs: Vec::new(), raw_bytes: 0 };
        if self.ids.is_empty() {
            (chosen.seqs, chosen.raw_bytes) = reader.places(&filter.selection(reader)?)?;
        }
        for id in &self.ids {
            let mut one = filter.clone();
            one.id = Some(id.clone());
            let (seqs, raw_bytes) = reader.places(&one.selection(reader)?)?;
            chosen.seqs.extend(seqs);
            chosen.raw_bytes += raw_bytes;
        }
        Ok(chosen)
    }
}
