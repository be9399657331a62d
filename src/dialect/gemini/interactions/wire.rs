//! The JSON of the interactions API.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect::json::{Content, Count, List, Text, TextOr, record};

record! {
    /// A request.
    Ask {
        model: Text<'a> = "model",
        input: Content<'a> = "input",
        system: Text<'a> = "system_instruction" | "systemInstruction",
        tools: List<ToolWire<'a>> = "tools",
    }
    ignores []
}

record! {
    /// A tool: a function of the app's, or one that Google runs.
    ToolWire {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        parameters: Option<Value> = "parameters",
    }
    ignores []
}

record! {
    /// A step of an interaction, or a content: what a step says.
    Step {
        kind: Text<'a> = "type",
        role: Text<'a> = "role",
        text: Text<'a> = "text",
        content: Content<'a> = "content",
        parts: Content<'a> = "parts",
        summary: Content<'a> = "summary",
        signature: Text<'a> = "signature",
        id: Text<'a> = "id",
        call_id: Text<'a> = "call_id",
        name: Text<'a> = "name",
        arguments: TextOr<'a, Value> = "arguments",
        result: Option<Value> = "result",
        is_error: Value = "is_error",
        mime_type: Text<'a> = "mime_type",
        data: Text<'a> = "data",
        uri: Text<'a> = "uri",
    }
    ignores []
}

record! {
    /// An event of a stream.
    Told {
        kind: Text<'a> = "event_type",
        interaction: Option<Interaction<'a>> = "interaction",
        id: Text<'a> = "interaction_id",
        status: Text<'a> = "status",
        index: Count = "index",
        step: Option<&'a RawValue> = "step" | "content",
        delta: Option<Delta<'a>> = "delta",
        usage: Option<&'a RawValue> = "usage",
        metadata: Option<Metadata<'a>> = "metadata",
        error: Option<&'a RawValue> = "error",
    }
    ignores ["event_id", "step_usage"]
}

record! {
    /// What goes along with an event.
    Metadata {
        usage: Option<&'a RawValue> = "total_usage",
    }
    ignores []
}

record! {
    /// An interaction as it stands.
    Interaction {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        status: Text<'a> = "status",
        steps: Content<'a> = "steps" | "outputs",
        usage: Option<&'a RawValue> = "usage",
        error: Option<&'a RawValue> = "error",
        errors: List<Fault<'a>> = "errors",
    }
    ignores ["object", "output_text"]
}

record! {
    /// What went wrong in an interaction.
    Fault {
        code: Text<'a> = "code",
        message: Text<'a> = "message",
    }
    ignores []
}

record! {
    /// What an event adds to a step.
    Delta {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        content: TextOr<'a, Step<'a>> = "content",
        signature: Text<'a> = "signature",
        arguments: TextOr<'a, Value> = "arguments" | "partial_arguments",
        annotations: Option<Value> = "annotations",
        mime_type: Text<'a> = "mime_type",
        data: Text<'a> = "data",
        uri: Text<'a> = "uri",
    }
    ignores []
}
