//! The filters that all reading commands share.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;
use jiff::Zoned;

use super::printer::Printer;
use crate::model::State;
use crate::query::{self, Filter, Query};
use crate::store::Reader;

/// Which exchanges: those that fit every filter given.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Filters")]
pub struct FilterArgs {
    /// Apps with TEXT in their user agent or process name, in upper or lower case
    #[arg(long, value_name = "TEXT")]
    pub app: Option<String>,
    /// Requests to HOST or to a host in that domain
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Models with TEXT in their name, as asked for or as answered
    #[arg(long, value_name = "TEXT")]
    pub model: Option<String>,
    /// Requests to PROVIDER, such as `openai` or `anthropic`
    #[arg(long, value_name = "PROVIDER")]
    pub provider: Option<String>,
    /// Requests in the wire format DIALECT, such as `openai.chat`, or all of `openai`
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Option<String>,
    /// Exchanges of THREAD and of its sub-agents: a thread's name or the first of it, or the id of
    /// any exchange in it
    #[arg(long, value_name = "THREAD")]
    pub thread: Option<String>,
    /// Exchanges that ended so: complete, interrupted, failed or truncated
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub state: Option<State>,
    /// Since then: how long ago (`2h`, `3d`), a day (`2026-11-23`) or an RFC 3339 time
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Before then; written as for `--since`
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
    /// Exchanges that have the tag WORD
    #[arg(long, value_name = "WORD")]
    pub tag: Option<String>,
    /// Exchanges that are pinned
    #[arg(long)]
    pub pinned: bool,
    /// Filters in one line, as the page has them in its address: `app:claude since:2h cost:0.1`
    #[arg(long = "where", value_name = "QUERY")]
    pub query: Option<String>,
}

impl FilterArgs {
    /// The filter, its times read as of `now`.
    pub fn filter(&self, now: &Zoned) -> Result<Filter> {
        let time = |words: &Option<String>| {
            words.as_deref().map(|words| query::parse(words, now)).transpose()
        };
        let line = self.query.as_deref().map(|line| Query::read(line, now)).transpose()?;
        if line.as_ref().is_some_and(|line| line.pattern.is_some()) {
            bail!("`--where` takes filters, no words\nhint: `overhear grep` looks for words");
        }
        let filter =
            line.map(|line| Filter { order: line.order, ..line.filter }).unwrap_or_default();
        Ok(Filter {
            app: self.app.clone().or(filter.app),
            host: self.host.clone().or(filter.host),
            model: self.model.clone().or(filter.model),
            provider: self.provider.clone().or(filter.provider),
            dialect: self.dialect.clone().or(filter.dialect),
            thread: self.thread.clone().or(filter.thread),
            state: self.state.or(filter.state),
            since: time(&self.since)?.or(filter.since),
            until: time(&self.until)?.or(filter.until),
            tag: self.tag.clone().or(filter.tag),
            pinned: self.pinned.then_some(true).or(filter.pinned),
            ..filter
        })
    }
}

/// Opens the capture; tells if a newer Overhear wrote it.
pub fn open(capture: &Path, out: &mut Printer) -> Result<Reader> {
    let reader = Reader::open(capture)?;
    if let Some(warning) = reader.warning() {
        out.talk(format_args!("warning: {warning}"));
    }
    Ok(reader)
}

fn state(word: &str) -> Result<State, String> {
    State::ALL
        .into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| "one of complete, interrupted, failed, truncated".to_owned())
}
