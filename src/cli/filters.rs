//! The filters that all reading commands share.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use jiff::Zoned;

use super::printer::Printer;
use crate::model::State;
use crate::query::{self, Filter};
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
}

impl FilterArgs {
    /// The filter, its times read as of `now`.
    pub fn filter(&self, now: &Zoned) -> Result<Filter> {
        let time = |words: &Option<String>| {
            words.as_deref().map(|words| query::parse(words, now)).transpose()
        };
        Ok(Filter {
            app: self.app.clone(),
            host: self.host.clone(),
            model: self.model.clone(),
            provider: self.provider.clone(),
            dialect: self.dialect.clone(),
            thread: self.thread.clone(),
            state: self.state,
            since: time(&self.since)?,
            until: time(&self.until)?,
            tag: self.tag.clone(),
            pinned: self.pinned.then_some(true),
            ..Filter::default()
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
    [State::Complete, State::Interrupted, State::Failed, State::Truncated]
        .into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| "one of complete, interrupted, failed, truncated".to_owned())
}
