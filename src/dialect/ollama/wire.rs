//! The JSON of Ollama.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect::json::{Content, Count, List, Text, TextOr, record};
use crate::dialect::turns::{self, Turns};

record! {
    /// A request for a chat.
    ChatAsk {
        model: Text<'a> = "model",
        messages: Turns<Said<'a>> = "messages",
        tools: List<ToolWire<'a>> = "tools",
    }
    ignores []
}

record! {
    /// A request to complete a text.
    GenerateAsk {
        model: Text<'a> = "model",
        prompt: Text<'a> = "prompt",
        system: Text<'a> = "system",
        images: List<Text<'a>> = "images",
    }
    ignores []
}

record! {
    /// A request for embeddings.
    EmbedAsk {
        model: Text<'a> = "model",
        input: Content<'a> = "input",
        prompt: Content<'a> = "prompt",
    }
    ignores []
}

record! {
    /// A message: of a request, of a whole reply, or a piece of one in a stream.
    Said {
        role: Text<'a> = "role",
        content: Text<'a> = "content",
        thinking: Text<'a> = "thinking",
        images: List<Text<'a>> = "images",
        tool_calls: List<Call<'a>> = "tool_calls",
        tool_name: Text<'a> = "tool_name",
        tool_call_id: Text<'a> = "tool_call_id",
    }
    ignores []
}

impl<'a> turns::Turn<'a> for Said<'a> {
    fn of_user(text: Text<'a>) -> Self {
        Self { role: Text::of(turns::USER), content: text, ..Self::default() }
    }
}

record! {
    /// A tool call.
    Call {
        id: Text<'a> = "id",
        function: Option<Function<'a>> = "function",
    }
    ignores ["type"]
}

record! {
    /// The function of a tool call; its arguments are an object, from some apps JSON as text.
    Function {
        name: Text<'a> = "name",
        arguments: TextOr<'a, Value> = "arguments",
    }
    ignores ["index"]
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
    /// A whole reply, or a line of a streamed one.
    Told {
        model: Text<'a> = "model",
        message: Option<Said<'a>> = "message",
        response: Text<'a> = "response",
        thinking: Text<'a> = "thinking",
        tool_calls: List<Call<'a>> = "tool_calls",
        image: Text<'a> = "image",
        done: Value = "done",
        done_reason: Text<'a> = "done_reason",
        error: Option<&'a RawValue> = "error",
        input: Count = "prompt_eval_count",
        output: Count = "eval_count",
        embedding: Option<&'a RawValue> = "embedding",
        embeddings: Option<&'a RawValue> = "embeddings",
        total_duration: Count = "total_duration",
        load_duration: Count = "load_duration",
        input_duration: Count = "prompt_eval_duration",
        output_duration: Count = "eval_duration",
    }
    ignores ["created_at", "completed", "total"]
}
