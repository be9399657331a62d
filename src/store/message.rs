//! Messages: stored once, however often they are sent again.

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use super::codec::{self, Codec};
use super::detail::{from_json, to_json};
use super::{StoreError, StoredExchange, Texts};
use crate::model::{Choice, Message, Tool};

/// Where a message stands in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The system prompt.
    System,
    /// The whole set of tools.
    Tools,
    /// One message of the conversation.
    Message,
    /// One answer.
    Choice,
    /// The request's body as text, where no dialect reads the exchange.
    RequestText,
    /// The reply's body as text, where no dialect reads the exchange.
    ReplyText,
}

impl Kind {
    /// Every kind.
    const ALL: [Self; 6] = [
        Self::System,
        Self::Tools,
        Self::Message,
        Self::Choice,
        Self::RequestText,
        Self::ReplyText,
    ];

    /// The word kept in the capture.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Tools => "tools",
            Self::Message => "message",
            Self::Choice => "choice",
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
    /// One message of the conversation.
    Message(Message),
    /// One answer.
    Choice(Choice),
    /// The request's body as text, where no dialect reads the exchange.
    RequestText(String),
    /// The reply's body as text, where no dialect reads the exchange.
    ReplyText(String),
}

/// An exchange that has a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The exchange's place in the order of writing.
    pub seq: i64,
    /// The message's place among those of its kind, from 0.
    pub index: u32,
}

impl Content {
    fn read(kind: Kind, json: &[u8]) -> Result<Self, StoreError> {
        Ok(match kind {
            Kind::System => Self::System(from_json(json)?),
            Kind::Tools => Self::Tools(from_json(json)?),
            Kind::Message => Self::Message(from_json(json)?),
            Kind::Choice => Self::Choice(from_json(json)?),
            Kind::RequestText => Self::RequestText(from_json(json)?),
            Kind::ReplyText => Self::ReplyText(from_json(json)?),
        })
    }
}

/// Writes the messages of the exchange that has place `seq`, and which they are.
pub(super) fn write(
    conn: &Connection,
    codec: &mut Codec,
    seq: i64,
    stored: &StoredExchange,
) -> Result<(), StoreError> {
    let mut writer = Writer { conn, codec, seq, ordinal: 0 };
    let request = &stored.exchange.request;
    if let Some(system) = &request.system {
        writer.push(Kind::System, Some("system"), system)?;
    }
    if !request.tools.is_empty() {
        writer.push(Kind::Tools, None, &request.tools)?;
    }
    for message in &request.messages {
        writer.push(Kind::Message, Some(&message.role), message)?;
    }
    for choice in stored.exchange.reply.iter().flat_map(|reply| &reply.choices) {
        writer.push(Kind::Choice, Some("assistant"), choice)?;
    }
    if let Some(text) = &stored.texts.request {
        writer.push(Kind::RequestText, None, text)?;
    }
    if let Some(text) = &stored.texts.reply {
        writer.push(Kind::ReplyText, None, text)?;
    }
    Ok(())
}

struct Writer<'a> {
    conn: &'a Connection,
    codec: &'a mut Codec,
    seq: i64,
    ordinal: u32,
}

impl Writer<'_> {
    fn push(
        &mut self,
        kind: Kind,
        role: Option<&str>,
        content: &impl Serialize,
    ) -> Result<(), StoreError> {
        let json = to_json(content);
        let hash = self.codec.message_hash(kind.as_str(), &json);
        let known = self
            .conn
            .prepare_cached("SELECT id FROM message WHERE hash = ?1")?
            .query_row([hash], |row| row.get::<_, i64>(0))
            .optional()?;
        let message = match known {
            Some(id) => id,
            None => {
                let packed = self.codec.pack_json(&json);
                self.conn
                    .prepare_cached(
                        "INSERT INTO message (hash, kind, role, json) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .insert((hash, kind.as_str(), role, packed))?
            }
        };
        self.conn.prepare_cached("INSERT INTO exchange_message VALUES (?1, ?2, ?3)")?.execute((
            self.seq,
            self.ordinal,
            message,
        ))?;
        self.ordinal += 1;
        Ok(())
    }
}

/// The messages of an exchange, in order.
pub(super) fn of_exchange(conn: &Connection, seq: i64) -> Result<Vec<Content>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT kind, json FROM exchange_message JOIN message ON message.id = message
         WHERE exchange = ?1 ORDER BY ordinal",
    )?;
    let mut rows = statement.query([seq])?;
    let mut contents = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        let json = codec::unpack_json(row.get_ref(1)?)?;
        contents.push(Content::read(Kind::from_word(&kind)?, &json)?);
    }
    Ok(contents)
}

/// The bodies as text of an exchange that no dialect reads.
pub(super) fn texts(conn: &Connection, seq: i64) -> Result<Texts, StoreError> {
    let mut texts = Texts::default();
    for content in of_exchange(conn, seq)? {
        match content {
            Content::RequestText(text) => texts.request = Some(text),
            Content::ReplyText(text) => texts.reply = Some(text),
            _ => {}
        }
    }
    Ok(texts)
}

/// The message of an id; `None` if it was deleted meanwhile.
pub(super) fn by_id(conn: &Connection, id: i64) -> Result<Option<StoredMessage>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT kind, json FROM message WHERE id = ?1")?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let kind: String = row.get(0)?;
    let json = codec::unpack_json(row.get_ref(1)?)?;
    let content = Content::read(Kind::from_word(&kind)?, &json)?;
    Ok(Some(StoredMessage { id, content }))
}
