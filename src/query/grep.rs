//! Searching the capture.
//!
//! A message that an agent sends again with every turn is searched once. Hits come while the
//! search goes on, those of the texts captured last first.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use uuid::Uuid;

use super::search::{FoundText, Look, Looked, candidates, scan};
use super::{Filter, FoundLine, Pattern, Place, Role};
use crate::store::{Holder, Kind, Listed, Occurrences, Reader, Selection, Side, Span, StoreError};

/// Exchanges read at once while looking for those that no dialect reads.
const PAGE: usize = 256;

/// Of the exchanges that have the same message, which are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Every {
    /// The newest, with the count of the others.
    #[default]
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
    /// The line, and what is around it in its text.
    pub found: FoundLine,
    /// The oldest exchange, among those that are meant, that has the same message.
    pub first: Occurrence,
    /// The newest one.
    pub last: Occurrence,
    /// How many exchanges have the same message.
    pub count: usize,
}

/// An exchange, and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The exchange's id.
    pub exchange: Uuid,
    /// When it began.
    pub started_at: Timestamp,
}

/// A search.
pub struct Grep<'a> {
    reader: &'a Reader,
    look: Look<'a>,
    selection: Selection,
    every: Every,
    told: Told,
}

/// What was told already: an answer comes again as a message of the next request, and a system
/// prompt may stand in `system` and in `messages`.
#[derive(Default)]
struct Told {
    texts: HashSet<u64>,
    /// Where the line of a system prompt was told.
    system_lines: HashMap<(Uuid, u64), Place>,
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
        let look = Look { pattern, also: &[], filter, context, stop: None };
        Ok(Self { reader, look, selection, every, told: Told::default() })
    }

    /// The same, in texts that have each of `also` somewhere.
    #[must_use]
    pub fn with(mut self, also: &'a [Pattern]) -> Self {
        self.look.also = also;
        self
    }

    /// The same, ending without a word once `stop` is true.
    #[must_use]
    pub fn until(mut self, stop: &'a AtomicBool) -> Self {
        self.look.stop = Some(stop);
        self
    }

    /// Searches; hands each hit to `dispatch` until that breaks off with an error.
    pub fn run<E: From<StoreError>>(
        mut self,
        mut dispatch: impl FnMut(Hit) -> Result<(), E>,
    ) -> Result<(), E> {
        let (reader, look, selection) = (self.reader, self.look, self.selection.clone());
        // The longest word narrows the most.
        let narrow = look.also.iter().max_by_key(|pattern| pattern.bytes()).unwrap_or(look.pattern);
        let candidates = candidates(reader, narrow, &selection)?;
        let mut occurrences = Occurrences::new(reader, &selection);
        scan(reader, candidates, look, |looked| {
            self.message(looked, &mut occurrences, &mut dispatch)
        })?;
        self.unread(&mut dispatch)
    }

    /// Tells the hits of a message, if an exchange that is meant has it.
    fn message<E: From<StoreError>>(
        &mut self,
        mut looked: Looked,
        occurrences: &mut Occurrences<'_>,
        dispatch: &mut impl FnMut(Hit) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.every == Every::Newest {
            looked.texts.retain(|text| !self.told.texts.contains(&text.hash));
            if looked.texts.is_empty() {
                return Ok(());
            }
        }
        let Some(span) = occurrences.span(looked.id, looked.kind)? else { return Ok(()) };
        let told = match self.every {
            Every::Newest => vec![span.last],
            Every::Exchange => occurrences.all(looked.id)?,
        };
        for text in &looked.texts {
            if self.told.texts.insert(text.hash) || self.every == Every::Exchange {
                for holder in &told {
                    self.text(text, looked.kind, holder, &span, dispatch)?;
                }
            }
        }
        Ok(())
    }

    fn text<E: From<StoreError>>(
        &mut self,
        text: &FoundText,
        kind: Kind,
        holder: &Holder,
        span: &Span,
        dispatch: &mut impl FnMut(Hit) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(exchange) = self.reader.listed(holder.seq)? else { return Ok(()) };
        let place = Place::of(holder.list);
        for line in &text.lines {
            if !self.told.is_new_line(&exchange, place, &text.role, &line.line) {
                continue;
            }
            dispatch(Hit {
                exchange: exchange.clone(),
                role: text.role.clone(),
                place,
                // The set of tools is one message; each of them is one text of it.
                index: if kind == Kind::Tools { text.nth } else { holder.index },
                found: line.clone(),
                first: Occurrence::of(&span.first),
                last: Occurrence::of(&span.last),
                count: span.count,
            })?;
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
        let wants = |role| self.look.filter.wants(&role);
        if !wants(Role::Request) && !wants(Role::Reply) {
            return Ok(());
        }
        let mut seq = 0;
        loop {
            let page = self.reader.unread_after(&self.selection, seq, PAGE)?;
            let Some(last) = page.last().filter(|_| !self.look.is_stopped()) else {
                return Ok(());
            };
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
        for (side, role, place) in [
            (Side::Downstream, Role::Request, Place::Request),
            (Side::Upstream, Role::Reply, Place::Reply),
        ] {
            if !self.look.filter.wants(&role) || self.reader.has_text(exchange.seq, side)? {
                continue;
            }
            let Some(raw) = self.reader.raw(exchange.seq, side)? else { continue };
            let text = String::from_utf8_lossy(body(&raw.bytes));
            if !self.look.also.iter().all(|pattern| pattern.is_in(&text)) {
                continue;
            }
            for line in self.look.pattern.lines(&text, self.look.context) {
                let told = Occurrence { exchange: exchange.id, started_at: exchange.started_at };
                dispatch(Hit {
                    exchange: exchange.clone(),
                    role: role.clone(),
                    place,
                    index: 0,
                    found: FoundLine::from(&line),
                    first: told,
                    last: told,
                    count: 1,
                })?;
            }
        }
        Ok(())
    }
}

impl Told {
    /// Only lines of a system prompt are told twice by one exchange.
    fn is_new_line(&mut self, exchange: &Listed, place: Place, role: &Role, line: &str) -> bool {
        if *role != Role::System {
            return true;
        }
        let first = self.system_lines.entry((exchange.id, hash(&line))).or_insert(place);
        *first == place
    }
}

impl Occurrence {
    fn of(holder: &Holder) -> Self {
        Self { exchange: holder.id, started_at: holder.started_at }
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
