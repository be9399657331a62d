//! The JSON of Cohere's second version.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect::json::{Content, Count, List, Text, TextOr, record};
use crate::dialect::turns::{self, Turns};

record! {
    /// A request for a chat.
    Ask {
        model: Text<'a> = "model",
        messages: Turns<Said<'a>> = "messages",
        tools: List<ToolWire<'a>> = "tools",
    }
    ignores []
}

record! {
    /// A message of a request, or the one of a whole reply.
    Said {
        role: Text<'a> = "role",
        content: Content<'a> = "content",
        tool_plan: Text<'a> = "tool_plan",
        tool_calls: List<Call<'a>> = "tool_calls",
        tool_call_id: Text<'a> = "tool_call_id",
    }
    ignores []
}

impl<'a> turns::Turn<'a> for Said<'a> {
    fn of_user(text: Text<'a>) -> Self {
        Self { role: Text::of(turns::USER), content: Content::Text(text), ..Self::default() }
    }
}

record! {
    /// A block of content, or a piece of one.
    Block {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        thinking: Text<'a> = "thinking",
        image_url: TextOr<'a, Link<'a>> = "image_url",
    }
    ignores []
}

record! {
    /// Where a picture is.
    Link {
        url: Text<'a> = "url",
    }
    ignores ["detail"]
}

record! {
    /// A tool call, or a piece of one.
    Call {
        id: Text<'a> = "id",
        function: Option<Function<'a>> = "function",
    }
    ignores ["type", "index"]
}

record! {
    /// The function of a tool call.
    Function {
        name: Text<'a> = "name",
        arguments: TextOr<'a, Value> = "arguments",
    }
    ignores []
}

record! {
    /// A tool.
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
    /// A whole reply.
    Whole {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        message: TextOr<'a, Said<'a>> = "message",
        finish_reason: Text<'a> = "finish_reason",
        usage: Option<&'a RawValue> = "usage",
        logprobs: Option<Value> = "logprobs",
    }
    ignores []
}

record! {
    /// An event of a streamed one.
    Told {
        kind: Text<'a> = "type",
        id: Text<'a> = "id",
        index: Count = "index",
        delta: Option<Delta<'a>> = "delta",
        logprobs: Option<Value> = "logprobs",
        message: TextOr<'a, Said<'a>> = "message",
        prompt: Text<'a> = "prompt",
    }
    ignores []
}

record! {
    /// What an event adds.
    Delta {
        message: Option<Piece<'a>> = "message",
        finish_reason: Text<'a> = "finish_reason",
        usage: Option<&'a RawValue> = "usage",
        error: Text<'a> = "error",
    }
    ignores []
}

record! {
    /// What an event adds to the message.
    Piece {
        content: List<Block<'a>> = "content",
        tool_plan: Text<'a> = "tool_plan",
        tool_calls: List<Call<'a>> = "tool_calls",
        citations: List<Value> = "citations",
    }
    ignores ["role"]
}
