//! The JSON of Mistral's conversations.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect::json::{Content, Count, List, Text, TextOr, record};

record! {
    /// A request that begins, continues or restarts a conversation, or makes an agent.
    Ask {
        model: Text<'a> = "model",
        instructions: Text<'a> = "instructions",
        inputs: Content<'a> = "inputs",
        tools: List<ToolWire<'a>> = "tools",
        conversation: Text<'a> = "conversation_id",
    }
    ignores []
}

record! {
    /// A tool: a function, or one of Mistral's own.
    ToolWire {
        kind: Text<'a> = "type",
        function: Option<FunctionWire<'a>> = "function",
    }
    ignores []
}

record! {
    /// A function that the model may call.
    FunctionWire {
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        parameters: Value = "parameters",
    }
    ignores []
}

record! {
    /// An entry of a conversation: the fields of all kinds.
    Entry {
        kind: Text<'a> = "type",
        id: Text<'a> = "id",
        role: Text<'a> = "role",
        model: Text<'a> = "model",
        content: Content<'a> = "content",
        tool_call_id: Text<'a> = "tool_call_id",
        name: Text<'a> = "name",
        arguments: TextOr<'a, Value> = "arguments",
        result: Text<'a> = "result",
        info: Option<Value> = "info",
    }
    ignores ["object", "created_at", "completed_at", "agent_id"]
}

record! {
    /// A whole reply, or the fields of all events of a streamed one but those of an entry.
    Told {
        conversation: Text<'a> = "conversation_id",
        outputs: Content<'a> = "outputs",
        usage: Option<&'a RawValue> = "usage",
    }
    ignores ["object", "type", "created_at"]
}

record! {
    /// An event of a streamed reply.
    Event {
        kind: Text<'a> = "type",
        id: Text<'a> = "id",
        conversation: Text<'a> = "conversation_id",
        output_index: Count = "output_index",
        content_index: Count = "content_index",
        content: Option<&'a RawValue> = "content",
        model: Text<'a> = "model",
        tool_call_id: Text<'a> = "tool_call_id",
        name: Text<'a> = "name",
        arguments: TextOr<'a, Value> = "arguments",
        info: Option<Value> = "info",
        usage: Option<&'a RawValue> = "usage",
        message: Text<'a> = "message",
        code: Text<'a> = "code",
    }
    ignores ["created_at", "role", "agent_id"]
}
