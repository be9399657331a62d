//! `show`: an exchange, a thread or a prompt, text by text.

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::Tool;
use crate::export::wire;
use crate::mcp::answer::{Answer, Refusal, Room, Stop, no_cursor};
use crate::mcp::piece::{self, Piece, Whole};
use crate::mcp::row::{Row, ThreadRow};
use crate::model::{Buckets, Exchange, Usage};
use crate::query::diff::Side;
use crate::query::{Turn, TurnPlace, turns};
use crate::store::{self, Listed, Reader, Selection, StoreError};

/// The tool.
pub struct Show;

/// What it takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct Arguments {
    /// An exchange's id (all of it, or its first or last digits), a prompt's or tool set's from
    /// `prompts` (`@12`), or, with `thread: true`, a conversation's name or the id of an exchange
    /// in it.
    pub id: String,
    /// Which part of the exchange.
    #[serde(default)]
    pub part: Part,
    /// Read the whole conversation in order: of each turn what is new, and the answer.
    #[serde(default)]
    pub thread: bool,
    /// Only the texts at this place, such as `messages[3]`, `system` or `tools[2].schema`.
    #[serde(default)]
    pub place: Option<String>,
    /// With `place`: leave out so many characters at its beginning.
    #[serde(default)]
    pub offset: usize,
    /// Most characters of each text; 2000, with `place` 15000.
    #[serde(default)]
    #[schemars(range(min = 1, max = 20000))]
    pub limit: Option<usize>,
    /// `next` of the result before, to go on behind it.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A part of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(crate = "schemars")]
pub enum Part {
    /// Prompt, names of tools, answer, error, notes.
    #[default]
    All,
    /// Parameters, system prompt, names of tools, messages.
    Prompt,
    /// What the model answered.
    Answer,
    /// Each tool's description and schema.
    Tools,
    /// First lines and headers of request and reply, as sent; credentials replaced.
    Head,
    /// Tokens, cost and times alone.
    Usage,
}

/// Characters of each text, if nothing else is asked for.
const LIMIT: usize = 2_000;

/// The same of a text that is asked for by its place.
const LIMIT_AT_PLACE: usize = 15_000;

/// What it finds.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub struct Found {
    /// The conversation, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<ThreadRow>,
    /// The exchange; of a conversation its turns in the order in which they are read.
    exchanges: Vec<Shown>,
}

/// An exchange, as far as it was asked for.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
struct Shown {
    /// Left out of a prompt from `prompts`, which is of many exchanges.
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<Row>,
    /// In a conversation: `first`, `next`, `branch` (of an earlier turn), `below` (a sub-agent)
    /// or `beside` (about the conversation, such as its title).
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<&'static str>,
    /// In a conversation: how far it stands off the main line.
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<usize>,
    /// Messages before the first that is shown: they were said in turns before.
    #[serde(skip_serializing_if = "Option::is_none")]
    inherited: Option<usize>,
    /// Tokens, cost and times.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Counts>,
    /// Its texts, in order.
    pieces: Vec<Piece>,
}

/// Tokens, each in one bucket, and times in milliseconds; left out where nobody counted.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
struct Counts {
    #[serde(skip_serializing_if = "Option::is_none")]
    input_uncached: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_5m: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_1h: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_visible: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<u64>,
    /// `provider` or `estimated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
    /// `reported`, `override`, `table` or `estimated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_token_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
}

impl Counts {
    fn of(exchange: &Exchange) -> Self {
        let usage = exchange.usage.as_ref();
        let buckets = usage.map(Usage::buckets).unwrap_or_default();
        let Buckets { input_uncached, cache_read, cache_write_5m, cache_write_1h, .. } = buckets;
        Self {
            input_uncached,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            output_visible: buckets.output_visible,
            reasoning: buckets.reasoning,
            source: usage.map(|usage| usage.source.clone()),
            cost_usd: exchange.cost_usd,
            cost_source: exchange.cost_source.map(|source| source.as_str()),
            first_byte_ms: exchange.first_byte_ms,
            first_token_ms: exchange.first_token_ms,
            duration_ms: exchange.duration_ms,
        }
    }
}

impl Tool for Show {
    const NAME: &'static str = "show";
    const TITLE: &'static str = "Show an exchange or a conversation";
    const DESCRIPTION: &'static str = "Shows one exchange text by text, each with its place, role and kind: parameters, system \
         prompt, tools, messages, answer. `part` narrows it (all, prompt, answer, tools, head, \
         usage). Long texts are cut and say how many characters were left out; ask for their \
         `place` with `offset` and `limit` to read on. With `thread: true` the conversation in \
         order, of each turn what is new. `next` in a result means that there is more: pass it as \
         `cursor`. An `id` such as `@12` shows a system prompt or tool set that `prompts` lists.";
    type Arguments = Arguments;
    type Found = Found;

    fn ask(reader: &Reader, asked: Arguments, stop: &Stop) -> Result<Answer<Found>, Refusal> {
        if asked.place.is_none() && asked.offset > 0 {
            return Err(Refusal::new(
                "`offset` needs a `place`\nhint: such as `messages[3]`, as results name it",
            ));
        }
        let mut page = Page::of(&asked)?;
        let mut found = Found::default();
        if asked.thread {
            thread(reader, &asked, stop, &mut page, &mut found)?;
        } else if asked.id.starts_with('@') {
            let request = Side::of_prompt(reader, &asked.id)?.request;
            let wholes = piece::system(&request).into_iter().chain(piece::tools(&request.tools));
            page.push(Shown::default(), 0, wholes.collect(), &mut found);
        } else {
            exchange(reader, &asked, &mut page, &mut found)?;
        }
        if let (Some(place), 0) = (&asked.place, page.matched) {
            return Err(Refusal::new(format_args!(
                "nothing stands at `{place}`\nhint: `show` without `place` names the places"
            )));
        }
        Ok(Answer::new(found, page.next.map(|(turn, piece)| format!("{turn}.{piece}"))))
    }
}

/// What of a result is filled.
struct Page<'a> {
    room: Room,
    /// The exchange and the text in it to begin with.
    from: (usize, usize),
    next: Option<(usize, usize)>,
    place: Option<&'a str>,
    /// Texts that stand at `place`.
    matched: usize,
    offset: usize,
    limit: usize,
}

impl<'a> Page<'a> {
    fn of(asked: &'a Arguments) -> Result<Self, Refusal> {
        let from = match asked.cursor.as_deref() {
            None => (0, 0),
            Some(cursor) => {
                let read = cursor
                    .split_once('.')
                    .and_then(|(turn, piece)| Some((turn.parse().ok()?, piece.parse().ok()?)));
                read.ok_or_else(|| no_cursor(cursor))?
            }
        };
        let usual = if asked.place.is_some() { LIMIT_AT_PLACE } else { LIMIT };
        Ok(Self {
            room: Room::new(),
            from,
            next: None,
            place: asked.place.as_deref(),
            matched: 0,
            offset: asked.offset,
            limit: asked.limit.unwrap_or(usual),
        })
    }

    /// Adds what is asked for of the `n`th exchange; false if the result is full.
    fn push(
        &mut self,
        mut shown: Shown,
        n: usize,
        wholes: Vec<Whole<'_>>,
        found: &mut Found,
    ) -> bool {
        if !self.room.takes(&shown) && !found.exchanges.is_empty() {
            self.next = Some((n, 0));
            return false;
        }
        let skipped = if n == self.from.0 { self.from.1 } else { 0 };
        for (at, whole) in wholes.iter().enumerate() {
            if self.place.is_some_and(|place| !whole.is_at(place)) {
                continue;
            }
            self.matched += 1;
            if at < skipped {
                continue;
            }
            // Several texts at one place are read as if they were one.
            let chars = if self.offset > 0 { whole.chars() } else { 0 };
            if self.offset > 0 && chars <= self.offset {
                self.offset -= chars;
                continue;
            }
            let piece = whole.piece(std::mem::take(&mut self.offset), self.limit);
            // The first always has room: see `TEXT_BYTES_MAX`.
            let is_first = found.exchanges.is_empty() && shown.pieces.is_empty();
            if !self.room.takes(&piece) && !is_first {
                self.next = Some((n, at));
                break;
            }
            shown.pieces.push(piece);
        }
        found.exchanges.push(shown);
        self.next.is_none()
    }
}

fn exchange(
    reader: &Reader,
    asked: &Arguments,
    page: &mut Page<'_>,
    found: &mut Found,
) -> Result<(), Refusal> {
    let (seq, id) = reader.find(&asked.id)?;
    let gone = || Refusal::new(format_args!("exchange `{id}` was deleted just now"));
    let exchange = reader.exchange(seq)?.ok_or_else(gone)?;
    let listed = reader.listed(seq)?.ok_or_else(gone)?;
    let part = asked.part;
    let mut wholes = match part {
        // A place says itself which part it is in.
        _ if page.place.is_some() => everything(&exchange),
        Part::All => {
            let mut wholes = prompt(&exchange);
            wholes.extend(answer(&exchange));
            wholes
        }
        Part::Prompt => prompt(&exchange),
        Part::Answer => answer(&exchange),
        Part::Tools => piece::tools(&exchange.request.tools),
        Part::Head => heads(&exchange),
        Part::Usage => Vec::new(),
    };
    let bodies = match exchange.dialect {
        None if !matches!(part, Part::Head | Part::Usage) => bodies(reader, seq, &exchange)?,
        _ => Vec::new(),
    };
    let wanted = |place: &str| match part {
        Part::Prompt => place == "request",
        Part::Answer => place == "reply",
        _ => true,
    };
    let bodies = bodies.into_iter().filter(|(place, _)| wanted(place));
    wholes.extend(bodies.map(|(place, text)| Whole::new(place, "body", text)));
    let has_counts = matches!(part, Part::All | Part::Usage) && page.place.is_none();
    let shown = Shown {
        exchange: Some(Row::of(&listed)),
        usage: has_counts.then(|| Counts::of(&exchange)),
        ..Shown::default()
    };
    page.push(shown, 0, wholes, found);
    Ok(())
}

fn prompt(exchange: &Exchange) -> Vec<Whole<'_>> {
    let request = &exchange.request;
    let mut wholes = piece::settings(request);
    wholes.extend(piece::tool_names(&request.tools));
    wholes.extend(piece::messages(request, 0));
    wholes
}

fn answer(exchange: &Exchange) -> Vec<Whole<'_>> {
    let mut wholes: Vec<Whole<'_>> = exchange.reply.iter().flat_map(piece::choices).collect();
    if let Some(error) = &exchange.error {
        wholes.push(Whole::new("error.type", "error", error.kind.as_str()));
        wholes.push(Whole::new("error.message", "error", error.message.as_str()));
    }
    let notes = exchange.notes.iter().enumerate();
    wholes.extend(notes.map(|(n, note)| Whole::new(&format!("notes[{n}]"), "note", note)));
    wholes
}

fn heads(exchange: &Exchange) -> Vec<Whole<'_>> {
    let Exchange { method, path, http_version, origin, request, .. } = exchange;
    let first = format!("{method} {origin}{path} {http_version}");
    let mut wholes = vec![piece::head("head.request", first, &request.headers)];
    if let Some(reply) = &exchange.reply {
        let status = exchange.status.map(|status| status.to_string()).unwrap_or_default();
        let first = format!("{http_version} {status}");
        wholes.push(piece::head("head.reply", first, &reply.headers));
    }
    wholes
}

fn everything(exchange: &Exchange) -> Vec<Whole<'_>> {
    let request = &exchange.request;
    let mut wholes = piece::settings(request);
    wholes.extend(piece::tools(&request.tools));
    wholes.extend(piece::messages(request, 0));
    wholes.extend(answer(exchange));
    wholes.extend(heads(exchange));
    wholes
}

/// The bodies of an exchange that no dialect reads.
fn bodies(
    reader: &Reader,
    seq: i64,
    exchange: &Exchange,
) -> Result<Vec<(&'static str, String)>, StoreError> {
    let store::Texts { request, reply } = reader.texts(seq)?;
    let mut bodies = Vec::new();
    for (place, text, side) in
        [("request", request, store::Side::Downstream), ("reply", reply, store::Side::Upstream)]
    {
        let text = match text {
            Some(text) => text,
            None => match wire::Message::read(reader, seq, exchange, side)? {
                Some(message) => String::from_utf8_lossy(&message.body).into_owned(),
                None => continue,
            },
        };
        if !text.is_empty() {
            bodies.push((place, text));
        }
    }
    Ok(bodies)
}

fn thread(
    reader: &Reader,
    asked: &Arguments,
    stop: &Stop,
    page: &mut Page<'_>,
    found: &mut Found,
) -> Result<(), Refusal> {
    let name = reader.find_thread(&asked.id)?;
    let selection = Selection { thread: Some(name.clone()), ..Selection::default() };
    found.thread = reader.threads(&selection, None, 1)?.threads.first().map(ThreadRow::of);
    page.room.takes(&found.thread);
    let all = turns(reader, &name)?;
    for (n, turn) in all.iter().enumerate().skip(page.from.0) {
        if stop.is_stopped() {
            page.next = Some((n, 0));
            break;
        }
        // Deleted meanwhile.
        let Some((exchange, inherited)) = reader.exchange_anew(turn.listed.seq)? else { continue };
        let before = before(reader, &turn.listed, turn.place)?;
        let wholes = anew(reader, turn, &exchange, inherited, before)?;
        let shown = Shown {
            exchange: Some(Row::of(&turn.listed)),
            turn: Some(place(turn.place)),
            depth: (turn.depth > 0).then_some(turn.depth),
            inherited: (inherited > 0).then_some(inherited),
            ..Shown::default()
        };
        if !page.push(shown, n, wholes, found) {
            break;
        }
    }
    Ok(())
}

/// The system prompt and the tools of the turn before, as the capture numbers them.
fn before(
    reader: &Reader,
    listed: &Listed,
    place: TurnPlace,
) -> Result<(Option<i64>, Option<i64>), StoreError> {
    match place {
        TurnPlace::Next | TurnPlace::Branch => match reader.turn_before(listed.seq)? {
            Some(seq) => reader.prompt_of(seq),
            None => Ok((None, None)),
        },
        TurnPlace::First | TurnPlace::Below | TurnPlace::Beside => Ok((None, None)),
    }
}

/// What is new in a turn.
fn anew<'a>(
    reader: &Reader,
    turn: &Turn,
    exchange: &'a Exchange,
    inherited: usize,
    before: (Option<i64>, Option<i64>),
) -> Result<Vec<Whole<'a>>, StoreError> {
    let (system, tools) = reader.prompt_of(turn.listed.seq)?;
    let mut wholes = Vec::new();
    if system != before.0 {
        wholes.extend(piece::system(&exchange.request));
    }
    if tools != before.1 {
        wholes.extend(piece::tool_names(&exchange.request.tools));
    }
    wholes.extend(piece::messages(&exchange.request, inherited));
    wholes.extend(answer(exchange));
    Ok(wholes)
}

fn place(place: TurnPlace) -> &'static str {
    match place {
        TurnPlace::First => "first",
        TurnPlace::Next => "next",
        TurnPlace::Branch => "branch",
        TurnPlace::Below => "below",
        TurnPlace::Beside => "beside",
    }
}
