//! Searching the capture.
//!
//! A message that an agent sends again with every turn is searched once. Hits come in the
//! order in which their texts were first captured, while the search goes on.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use uuid::Uuid;

use super::text::texts;
use super::{Filter, Found, Pattern, Place, Role, Text};
use crate::store::{Content, Holder, Listed, Reader, Selection, Side, StoreError};

/// Exchanges read at once while looking for those that no dialect reads.
const PAGE: usize = 256;

/// Of the exchanges that have the same message, which are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// The newest, with the count of the others.
    Newest,
    /// Each of them.
    Exchange,
}

/// A line that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The exchange.
    pub exchange: Listed,
    /// Who says it.
    pub role: Role,
    /// Which list of the exchange it stands in.
    pub place: Place,
    /// Its index in that list; 0 where there is but one.
    pub index: u32,
    /// Number of the line within its text, from 1.
    pub number: usize,
    /// The line.
    pub line: String,
    /// Where the pattern is in the line, in bytes.
    pub ranges: Vec<Range<usize>>,
    /// Lines before it.
    pub before: Vec<String>,
    /// Lines after it.
    pub after: Vec<String>,
    /// How many older exchanges have the same message.
    pub earlier: usize,
}

/// A search.
pub struct Grep<'a> {
    reader: &'a Reader,
    pattern: &'a Pattern,
    filter: &'a Filter,
    selection: Selection,
    context: usize,
    every: Every,
    told: Told,
}

/// What was told already: an answer comes again as a message of the next request, and a system
/// prompt may stand in `system` and in `messages`.
#[derive(Default)]
struct Told {
    texts: HashSet<u64>,
    system_lines: HashSet<(Uuid, u64)>,
}

impl<'a> Grep<'a> {
    /// A search for `pattern` in the exchanges and roles that `filter` means.
    pub fn new(
        reader: &'a Reader,
        pattern: &'a Pattern,
        filter: &'a Filter,
        context: usize,
        every: Every,
    ) -> Result<Self, StoreError> {
        let selection = filter.selection(reader)?;
        let told = Told::default();
        Ok(Self { reader, pattern, filter, selection, context, every, told })
    }

    /// Searches; hands each hit to `dispatch` until that breaks off with an error.
    pub fn run<E: From<StoreError>>(
        mut self,
        mut dispatch: impl FnMut(Hit) -> Result<(), E>,
    ) -> Result<(), E> {
        for id in self.reader.message_ids(&self.selection)? {
            if let Some(message) = self.reader.message(id)? {
                self.message(message.id, &message.content, &mut dispatch)?;
            }
        }
        self.unread(&mut dispatch)
    }

    fn message<E: From<StoreError>>(
        &mut self,
        id: i64,
        content: &Content,
        dispatch: &mut impl FnMut(Hit) -> Result<(), E>,
    ) -> Result<(), E> {
        let (pattern, filter, context) = (self.pattern, self.filter, self.context);
        // Holders are looked up for the few messages with a hit only.
        let mut holders: Option<Vec<Holder>> = None;
        for (nth, text) in (0..).zip(texts(content)) {
            if !filter.wants(&text.role) {
                continue;
            }
            let lines = pattern.lines(&text.text, context);
            if lines.is_empty() {
                continue;
            }
            let holders = match &holders {
                Some(holders) => holders,
                None => holders.insert(self.reader.holders(id, &self.selection)?),
            };
            let place = Place::of(content);
            if self.every == Every::Newest && !self.told.is_new_text(&text) {
                continue;
            }
            let told = match self.every {
                Every::Newest => holders.get(..1).unwrap_or_default(),
                Every::Exchange => holders,
            };
            for holder in told {
                let Some(exchange) = self.reader.listed(holder.seq)? else { continue };
                let earlier = match self.every {
                    Every::Newest => holders.len() - 1,
                    Every::Exchange => 0,
                };
                for line in &lines {
                    if self.told.is_new_line(&exchange, place, &text.role, line.line) {
                        let hit = Hit::new(exchange.clone(), &text.role, place, line);
                        // The set of tools is one message; each of them is one text of it.
                        let is_tool = matches!(content, Content::Tools(_));
                        let index = if is_tool { nth } else { holder.index };
                        dispatch(Hit { index, earlier, ..hit })?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Searches exchanges that no dialect reads. The recorder gives their bodies as text where
    /// it can, and those are messages; of the others the raw bytes are searched, so that
    /// nothing that was sent in clear is unfindable.
    fn unread<E: From<StoreError>>(
        &mut self,
        dispatch: &mut impl FnMut(Hit) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut seq = 0;
        loop {
            let page = self.reader.unread_after(&self.selection, seq, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            seq = last.seq;
            for exchange in &page {
                self.raw(exchange, dispatch)?;
            }
        }
    }

    fn raw<E: From<StoreError>>(
        &self,
        exchange: &Listed,
        dispatch: &mut impl FnMut(Hit) -> Result<(), E>,
    ) -> Result<(), E> {
        let has_text = self.reader.texts(exchange.seq)?;
        for (side, role, place, known) in [
            (Side::Downstream, Role::Request, Place::Request, has_text.request.is_some()),
            (Side::Upstream, Role::Reply, Place::Reply, has_text.reply.is_some()),
        ] {
            if known || !self.filter.wants(&role) {
                continue;
            }
            let Some(raw) = self.reader.raw(exchange.seq, side)? else { continue };
            let text = String::from_utf8_lossy(body(&raw.bytes));
            for line in self.pattern.lines(&text, self.context) {
                dispatch(Hit::new(exchange.clone(), &role, place, &line))?;
            }
        }
        Ok(())
    }
}

impl Told {
    fn is_new_text(&mut self, text: &Text<'_>) -> bool {
        self.texts.insert(hash(&(&text.role, &text.text)))
    }

    /// Only lines of a system prompt are told twice by one exchange.
    fn is_new_line(&mut self, exchange: &Listed, place: Place, role: &Role, line: &str) -> bool {
        if *role != Role::System {
            return true;
        }
        let key = (exchange.id, hash(&line));
        match place {
            Place::System => {
                self.system_lines.insert(key);
                true
            }
            _ => !self.system_lines.contains(&key),
        }
    }
}

impl Hit {
    fn new(exchange: Listed, role: &Role, place: Place, found: &Found<'_>) -> Self {
        let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        Self {
            exchange,
            role: role.clone(),
            place,
            index: 0,
            number: found.number,
            line: found.line.to_owned(),
            ranges: found.ranges.clone(),
            before: owned(&found.before),
            after: owned(&found.after),
            earlier: 0,
        }
    }
}

/// What follows the head.
fn body(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    end.and_then(|end| bytes.get(end + 4..)).unwrap_or(bytes)
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
