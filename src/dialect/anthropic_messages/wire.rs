//! The JSON of the messages API.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect::json::{Content, Count, List, Text, TextOr, record};
use crate::dialect::turns::{self, Turns};

record! {
    /// A request.
    Ask {
        model: Text<'a> = "model",
        system: Content<'a> = "system",
        messages: Turns<Turn<'a>> = "messages",
        tools: List<ToolWire<'a>> = "tools",
    }
    ignores []
}

record! {
    /// A message of a request.
    Turn {
        role: Text<'a> = "role",
        content: Content<'a> = "content",
    }
    ignores []
}

impl<'a> turns::Turn<'a> for Turn<'a> {
    fn of_user(text: Text<'a>) -> Self {
        Self { role: Text::of(turns::USER), content: Content::Text(text), ..Self::default() }
    }
}

record! {
    /// A tool: the app's own, or one that the provider runs.
    ToolWire {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        input_schema: Option<Value> = "input_schema",
        cache_control: Option<&'a RawValue> = "cache_control",
    }
    ignores []
}

record! {
    /// One block of content.
    Block {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        thinking: Text<'a> = "thinking",
        signature: Text<'a> = "signature",
        data: Text<'a> = "data",
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        input: Option<Value> = "input",
        tool_use_id: Text<'a> = "tool_use_id",
        content: Content<'a> = "content",
        is_error: Value = "is_error",
        source: TextOr<'a, Source<'a>> = "source",
        title: Text<'a> = "title",
        file_id: Text<'a> = "file_id",
        cache_control: Option<&'a RawValue> = "cache_control",
    }
    ignores ["caller"]
}

record! {
    /// Where the bytes of a picture or a document are.
    Source {
        media_type: Text<'a> = "media_type",
        data: Text<'a> = "data",
        kind: Text<'a> = "type",
        url: Text<'a> = "url",
        file_id: Text<'a> = "file_id",
        content: Content<'a> = "content",
    }
    ignores []
}

record! {
    /// A whole reply, or the `message` with which a stream begins.
    Answered {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        content: Content<'a> = "content",
        stop_reason: Text<'a> = "stop_reason",
        usage: Option<&'a RawValue> = "usage",
        error: Option<&'a RawValue> = "error",
        input_tokens: Count = "input_tokens",
    }
    ignores ["type", "role", "request_id", "provider", "context_management"]
}

record! {
    /// One event of a stream.
    Told {
        kind: Text<'a> = "type",
        message: Option<Answered<'a>> = "message",
        index: Count = "index",
        content_block: Option<&'a RawValue> = "content_block",
        delta: Option<Delta<'a>> = "delta",
        usage: Option<&'a RawValue> = "usage",
    }
    ignores ["context_management"]
}

record! {
    /// What an event adds to a block, or to the message.
    Delta {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        thinking: Text<'a> = "thinking",
        partial_json: Text<'a> = "partial_json",
        signature: Text<'a> = "signature",
        citation: Option<&'a RawValue> = "citation",
        stop_reason: Text<'a> = "stop_reason",
    }
    ignores ["estimated_tokens"]
}
