//! The JSON of Bedrock's Converse.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect::json::{Content, Count, List, Text, TextOr, record};
use crate::dialect::turns::{self, Turns};

record! {
    /// A request of Converse, or of a model that speaks like it.
    Ask {
        model: Text<'a> = "model",
        system: Content<'a> = "system",
        messages: Turns<Turn<'a>> = "messages",
        tool_config: Option<ToolConfig<'a>> = "toolConfig",
    }
    ignores []
}

record! {
    /// A message.
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
    /// The tools, and how to choose among them.
    ToolConfig {
        tools: List<ToolWire<'a>> = "tools",
    }
    ignores []
}

record! {
    /// A tool: one field says of which kind.
    ToolWire {
        spec: Option<ToolSpec<'a>> = "toolSpec",
        system: Option<ToolSpec<'a>> = "systemTool",
        cache_point: Option<&'a RawValue> = "cachePoint",
    }
    ignores []
}

record! {
    /// A tool of the app, or one that the provider runs.
    ToolSpec {
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        schema: Option<Schema<'a>> = "inputSchema",
    }
    ignores []
}

record! {
    /// The schema of a tool's arguments.
    Schema {
        json: Option<Value> = "json",
    }
    ignores []
}

record! {
    /// A block of content: one field says of which kind.
    Block {
        text: Text<'a> = "text",
        json: Option<Value> = "json",
        image: Option<Medium<'a>> = "image",
        document: Option<Medium<'a>> = "document",
        video: Option<Medium<'a>> = "video",
        audio: Option<Medium<'a>> = "audio",
        tool_use: Option<ToolUse<'a>> = "toolUse",
        tool_result: Option<ToolResult<'a>> = "toolResult",
        reasoning: Option<Reasoning<'a>> = "reasoningContent",
        guarded: Option<Guarded<'a>> = "guardContent",
        cited: Option<Cited<'a>> = "citationsContent",
        search_result: Option<Found<'a>> = "searchResult",
        cache_point: Option<&'a RawValue> = "cachePoint",
    }
    ignores []
}

record! {
    /// A picture, a document, a sound or a video.
    Medium {
        format: Text<'a> = "format",
        name: Text<'a> = "name",
        source: Option<Source<'a>> = "source",
    }
    ignores []
}

record! {
    /// Where its bytes are.
    Source {
        bytes: Text<'a> = "bytes",
        text: Text<'a> = "text",
        content: Content<'a> = "content",
        s3: Option<Stored<'a>> = "s3Location",
    }
    ignores []
}

record! {
    /// A place in S3.
    Stored {
        uri: Text<'a> = "uri",
    }
    ignores []
}

record! {
    /// A tool call.
    ToolUse {
        id: Text<'a> = "toolUseId",
        name: Text<'a> = "name",
        input: Option<Value> = "input",
    }
    ignores ["type"]
}

record! {
    /// What a tool gave.
    ToolResult {
        id: Text<'a> = "toolUseId",
        content: Content<'a> = "content",
        status: Text<'a> = "status",
        kind: Text<'a> = "type",
    }
    ignores []
}

record! {
    /// Reasoning: whole under `reasoningText`, in a stream without it.
    Reasoning {
        whole: Option<Thought<'a>> = "reasoningText",
        text: Text<'a> = "text",
        signature: Text<'a> = "signature",
        redacted: Text<'a> = "redactedContent",
    }
    ignores []
}

record! {
    /// Words of reasoning.
    Thought {
        text: Text<'a> = "text",
        signature: Text<'a> = "signature",
    }
    ignores []
}

record! {
    /// Content that a guardrail looks at.
    Guarded {
        text: TextOr<'a, GuardedText<'a>> = "text",
        image: Option<Medium<'a>> = "image",
    }
    ignores []
}

record! {
    /// Words that a guardrail looks at.
    GuardedText {
        text: Text<'a> = "text",
    }
    ignores []
}

record! {
    /// Words with where they are from.
    Cited {
        content: Content<'a> = "content",
    }
    ignores []
}

record! {
    /// What a search of the app found.
    Found {
        source: Text<'a> = "source",
        title: Text<'a> = "title",
        content: Content<'a> = "content",
    }
    ignores []
}

record! {
    /// A whole reply, or the payload of an event: the fields of all of them.
    Told {
        output: Option<Output<'a>> = "output",
        index: Count = "contentBlockIndex",
        start: Option<Start<'a>> = "start",
        delta: Option<Delta<'a>> = "delta",
        stop_reason: Text<'a> = "stopReason",
        usage: Option<&'a RawValue> = "usage",
        trace: Option<Value> = "trace",
    }
    ignores [
        "p", "metrics", "role", "amazon-bedrock-invocationMetrics", "amazon-bedrock-guardrailAction",
    ]
}

record! {
    /// The answer of a whole reply.
    Output {
        message: Option<Turn<'a>> = "message",
    }
    ignores []
}

record! {
    /// How a block begins; those of words do not say.
    Start {
        tool_use: Option<ToolUse<'a>> = "toolUse",
        tool_result: Option<ToolResult<'a>> = "toolResult",
        image: Option<Medium<'a>> = "image",
    }
    ignores []
}

record! {
    /// A piece of a block.
    Delta {
        text: Text<'a> = "text",
        tool_use: Option<Input<'a>> = "toolUse",
        tool_result: Content<'a> = "toolResult",
        reasoning: Option<Reasoning<'a>> = "reasoningContent",
        citation: Option<Value> = "citation",
        image: Option<Medium<'a>> = "image",
    }
    ignores []
}

record! {
    /// A piece of the arguments of a tool call.
    Input {
        input: TextOr<'a, Value> = "input",
    }
    ignores []
}

record! {
    /// An event of a model that speaks like Converse inside InvokeModel: its name is a field.
    Named {
        message_start: Option<&'a RawValue> = "messageStart",
        block_start: Option<Told<'a>> = "contentBlockStart",
        block_delta: Option<Told<'a>> = "contentBlockDelta",
        block_stop: Option<&'a RawValue> = "contentBlockStop",
        message_stop: Option<Told<'a>> = "messageStop",
        metadata: Option<Told<'a>> = "metadata",
    }
    ignores ["amazon-bedrock-invocationMetrics", "amazon-bedrock-guardrailAction", "p"]
}
