//! Messages: stored once, however often they are sent again.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use uuid::Uuid;

use super::codec::Codec;
use super::contents::Contents;
use super::detail::{from_json, to_json};
use super::{StoreError, StoredExchange, Texts, tree};
use crate::flow::Side;
use crate::model::{Message, Part, Tool};

/// Where a message stands in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The system prompt.
    System,
    /// The whole set of tools.
    Tools,
    /// One message of the conversation, or one answer.
    Message,
    /// The request's body as text, where no dialect reads the exchange.
    RequestText,
    /// The reply's body as text, where no dialect reads the exchange.
    ReplyText,
}

impl Kind {
    /// Every kind.
    const ALL: [Self; 5] =
        [Self::System, Self::Tools, Self::Message, Self::RequestText, Self::ReplyText];

    /// The word kept in the capture.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Tools => "tools",
            Self::Message => "message",
            Self::RequestText => "request_text",
            Self::ReplyText => "reply_text",
        }
    }

    fn from_word(word: &str) -> Result<Self, StoreError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| StoreError::corrupt(format_args!("unknown kind of message `{word}`")))
    }
}

/// A distinct message.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMessage {
    /// Ascends with the time at which it was first stored.
    pub id: i64,
    /// What it says.
    pub content: Content,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// The system prompt.
    System(String),
    /// The whole set of tools.
    Tools(Vec<Tool>),
    /// One message of the conversation. An answer is one of the role `assistant`: the next
    /// request sends it again as such.
    Message(Message),
    /// The request's body as text, where no dialect reads the exchange.
    RequestText(String),
    /// The reply's body as text, where no dialect reads the exchange.
    ReplyText(String),
}

/// An exchange that has a message, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The exchange's place in the order of writing.
    pub seq: i64,
    /// Its id.
    pub id: Uuid,
    /// When it began.
    pub started_at: Timestamp,
    /// Which list of the exchange it stands in.
    pub list: List,
    /// Its place in that list, from 0.
    pub index: u32,
}

/// A list of messages of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum List {
    /// `request.system`.
    System,
    /// `request.tools`.
    Tools,
    /// `request.messages`.
    Messages,
    /// `reply.choices`.
    Choices,
    /// The request's body, of an exchange that no dialect reads.
    Request,
    /// The reply's body, of an exchange that no dialect reads.
    Reply,
}

impl Content {
    /// Where it stands in an exchange.
    pub fn kind(&self) -> Kind {
        match self {
            Self::System(_) => Kind::System,
            Self::Tools(_) => Kind::Tools,
            Self::Message(_) => Kind::Message,
            Self::RequestText(_) => Kind::RequestText,
            Self::ReplyText(_) => Kind::ReplyText,
        }
    }

    fn read(kind: Kind, json: &[u8]) -> Result<Self, StoreError> {
        Ok(match kind {
            Kind::System => Self::System(from_json(json)?),
            Kind::Tools => Self::Tools(from_json(json)?),
            Kind::Message => Self::Message(from_json(json)?),
            Kind::RequestText => Self::RequestText(from_json(json)?),
            Kind::ReplyText => Self::ReplyText(from_json(json)?),
        })
    }
}

/// The role of an answer, as the next request will give it.
const ANSWER_ROLE: &str = "assistant";

/// A message as it is hashed and written, without owning it.
#[derive(Serialize)]
struct Said<'a> {
    role: &'a str,
    parts: &'a [Part],
}

/// Writes those messages of an exchange that the capture does not have; gives the ids of all.
pub(super) fn write(
    conn: &Connection,
    codec: &mut Codec,
    stored: &StoredExchange,
) -> Result<Contents, StoreError> {
    let mut writer = Writer { conn, codec };
    let mut contents = Contents::default();
    let request = &stored.exchange.request;
    if let Some(system) = &request.system {
        contents.system = Some(writer.push(Kind::System, Some("system"), system)?);
    }
    if !request.tools.is_empty() {
        contents.tools = Some(writer.push(Kind::Tools, None, &request.tools)?);
    }
    for Message { role, parts } in &request.messages {
        contents.messages.push(writer.say(role, parts)?);
    }
    for choice in stored.exchange.reply.iter().flat_map(|reply| &reply.choices) {
        contents.choices.push(writer.say(ANSWER_ROLE, &choice.parts)?);
    }
    if let Some(text) = &stored.texts.request {
        contents.request = Some(writer.push(Kind::RequestText, None, text)?);
    }
    if let Some(text) = &stored.texts.reply {
        contents.reply = Some(writer.push(Kind::ReplyText, None, text)?);
    }
    Ok(contents)
}

struct Writer<'a> {
    conn: &'a Connection,
    codec: &'a mut Codec,
}

impl Writer<'_> {
    fn say(&mut self, role: &str, parts: &[Part]) -> Result<i64, StoreError> {
        self.push(Kind::Message, Some(role), &Said { role, parts })
    }

    fn push(
        &mut self,
        kind: Kind,
        role: Option<&str>,
        content: &impl Serialize,
    ) -> Result<i64, StoreError> {
        let json = to_json(content);
        let hash = self.codec.message_hash(kind.as_str(), &json);
        let known = self
            .conn
            .prepare_cached("SELECT id FROM message WHERE hash = ?1")?
            .query_row([hash], |row| row.get::<_, i64>(0))
            .optional()?;
        if let Some(id) = known {
            return Ok(id);
        }
        let body = tree::write(self.conn, self.codec, &json)?;
        let id = self
            .conn
            .prepare_cached("INSERT INTO message (hash, kind, role, body) VALUES (?1, ?2, ?3, ?4)")?
            .insert((hash, kind.as_str(), role, body))?;
        Ok(id)
    }
}

/// Which messages the exchange that has place `seq` has; none if it was deleted meanwhile.
pub(super) fn of_exchange(conn: &Connection, seq: i64) -> Result<Contents, StoreError> {
    let packed: Option<Vec<u8>> = conn
        .prepare_cached("SELECT messages FROM content WHERE exchange = ?1")?
        .query_row([seq], |row| row.get(0))
        .optional()?;
    packed.map_or_else(|| Ok(Contents::default()), |packed| Contents::unpack(&packed))
}

/// A message of a conversation.
pub(super) fn said(conn: &Connection, id: i64) -> Result<Message, StoreError> {
    match needed(conn, id)? {
        Content::Message(message) => Ok(message),
        _ => Err(unexpected(id)),
    }
}

/// A system prompt.
pub(super) fn system(conn: &Connection, id: i64) -> Result<String, StoreError> {
    match needed(conn, id)? {
        Content::System(text) => Ok(text),
        _ => Err(unexpected(id)),
    }
}

/// A set of tools.
pub(super) fn tools(conn: &Connection, id: i64) -> Result<Vec<Tool>, StoreError> {
    match needed(conn, id)? {
        Content::Tools(tools) => Ok(tools),
        _ => Err(unexpected(id)),
    }
}

fn needed(conn: &Connection, id: i64) -> Result<Content, StoreError> {
    let message = by_id(conn, id)?;
    let missing = || StoreError::corrupt(format_args!("message {id} is missing"));
    message.map(|message| message.content).ok_or_else(missing)
}

fn unexpected(id: i64) -> StoreError {
    StoreError::corrupt(format_args!("message {id} is of another kind"))
}

/// Whether the capture has the message.
pub(super) fn is_there(conn: &Connection, id: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM message WHERE id = ?1)";
    Ok(conn.prepare_cached(sql)?.query_row([id], |row| row.get(0))?)
}

/// The bodies as text of an exchange that no dialect reads.
pub(super) fn texts(conn: &Connection, seq: i64) -> Result<Texts, StoreError> {
    let contents = of_exchange(conn, seq)?;
    let text = |id: Option<i64>| -> Result<Option<String>, StoreError> {
        Ok(match id.map(|id| by_id(conn, id)).transpose()?.flatten() {
            Some(StoredMessage {
                content: Content::RequestText(text) | Content::ReplyText(text),
                ..
            }) => Some(text),
            _ => None,
        })
    };
    Ok(Texts { request: text(contents.request)?, reply: text(contents.reply)? })
}

/// Whether the body of a side of an exchange that no dialect reads is kept as text.
pub(super) fn has_text(conn: &Connection, seq: i64, side: Side) -> Result<bool, StoreError> {
    let contents = of_exchange(conn, seq)?;
    let id = match side {
        Side::Downstream => contents.request,
        Side::Upstream => contents.reply,
    };
    Ok(id.is_some())
}

/// The message of an id; `None` if it was deleted meanwhile.
pub(super) fn by_id(conn: &Connection, id: i64) -> Result<Option<StoredMessage>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT kind, body FROM message WHERE id = ?1")?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let kind: String = row.get(0)?;
    let body: Vec<u8> = row.get(1)?;
    let json = tree::read(conn, &body)?;
    let content = Content::read(Kind::from_word(&kind)?, &json)?;
    Ok(Some(StoredMessage { id, content }))
}
