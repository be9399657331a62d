//! What is compared: an exchange's prompt, or one that `prompts` lists.

use anyhow::{Context, Result, bail};
use jiff::tz::TimeZone;

use super::sections::size;
use crate::cli::printer::shown;
use crate::model::Request;
use crate::query::diff::Section;
use crate::store::{Content, Reader, StoreError, short_id};

/// A prompt to compare.
pub struct Side {
    /// Place of the exchange; `None` for a prompt from `prompts`.
    pub seq: Option<i64>,
    /// What it is called in JSON: the exchange's id, or the prompt's as typed.
    pub label: String,
    /// What it is called on a terminal.
    pub short: String,
    /// When it was sent, by whom.
    pub facts: String,
    /// The prompt.
    pub request: Request,
    sections: Vec<Section>,
}

impl Side {
    /// The side of that name.
    pub fn of(reader: &Reader, words: &str) -> Result<Self> {
        match words.strip_prefix('@') {
            Some(_) => Self::of_prompt(reader, words),
            None => Self::of_exchange(reader, reader.find(words)?.0),
        }
    }

    /// The exchange of place `seq`.
    pub fn of_exchange(reader: &Reader, seq: i64) -> Result<Self> {
        let (listed, exchange) = (reader.listed(seq)?, reader.exchange(seq)?);
        let (Some(listed), Some(exchange)) = (listed, exchange) else {
            bail!("the exchange was deleted just now");
        };
        if exchange.dialect.is_none() {
            let id = exchange.id;
            bail!(
                "no dialect reads exchange `{id}`: its prompt is not known\nhint: overhear show {id} --raw request"
            );
        }
        let time = listed.started_at.to_zoned(TimeZone::system()).strftime("%m-%d %H:%M:%S");
        let model = exchange.request.model.as_deref().unwrap_or_default();
        let facts = format!("{time}  {}  {model}", listed.app.name());
        Ok(Self {
            seq: Some(seq),
            label: exchange.id.to_string(),
            short: short_id(exchange.id),
            facts: shown(facts.trim_end()).into_owned(),
            request: exchange.request,
            sections: Section::ALL.to_vec(),
        })
    }

    /// A system prompt or a set of tools, by its id.
    pub fn of_prompt(reader: &Reader, words: &str) -> Result<Self> {
        let unknown = || StoreError::Unknown { words: words.to_owned() };
        let digits = words.strip_prefix('@').unwrap_or(words);
        let id = digits.parse().ok().with_context(|| {
            format!(
                "`{words}` is no prompt's id\nhint: one that `overhear prompts` lists, such as @12"
            )
        })?;
        let message = reader.message(id)?.ok_or_else(unknown)?;
        let mut request = Request::default();
        let (section, facts) = match message.content {
            Content::System(text) => {
                let facts = format!("system prompt, {}", size(text.len()));
                request.system = Some(text);
                (Section::System, facts)
            }
            Content::Tools(tools) => {
                let facts = format!("{} tools", tools.len());
                request.tools = tools;
                (Section::Tools, facts)
            }
            _ => return Err(unknown().into()),
        };
        let sections = vec![section];
        let (label, short) = (format!("@{id}"), format!("@{id}"));
        Ok(Self { seq: None, label, short, facts, request, sections })
    }

    /// The sections that both sides have.
    pub fn common(old: &Self, new: &Self) -> Result<Vec<Section>> {
        let has = |section: &&Section| new.sections.contains(section);
        let common: Vec<Section> = old.sections.iter().filter(has).copied().collect();
        if common.is_empty() {
            bail!(
                "{} is a {} and {} a {}: nothing to compare",
                old.label,
                old.facts,
                new.label,
                new.facts
            );
        }
        Ok(common)
    }
}
