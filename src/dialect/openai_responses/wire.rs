//! The JSON of responses, with what each vendor adds. Realtime speaks it too.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect::json::{Content, Count, Text, TextOr, record};

record! {
    /// A request; a frame of a WebSocket has its fields beside `type`, or inside `response`.
    Ask {
        kind: Text<'a> = "type",
        response: Option<&'a RawValue> = "response",
        model: Text<'a> = "model",
        instructions: Content<'a> = "instructions",
        input: Content<'a> = "input",
        tools: Content<'a> = "tools",
    }
    ignores []
}

record! {
    /// An item of a prompt or of an answer.
    ///
    /// What is ignored says nothing of what was said; the raw exchange has it.
    Item {
        kind: Text<'a> = "type",
        role: Text<'a> = "role",
        id: Text<'a> = "id",
        call_id: Text<'a> = "call_id",
        name: Text<'a> = "name",
        arguments: TextOr<'a, Value> = "arguments",
        input: TextOr<'a, Value> = "input",
        content: Content<'a> = "content",
        summary: Content<'a> = "summary",
        encrypted_content: Text<'a> = "encrypted_content",
        output: Content<'a> = "output",
        action: Option<&'a RawValue> = "action",
        actions: Option<&'a RawValue> = "actions",
        operation: Option<&'a RawValue> = "operation",
        code: Text<'a> = "code",
        result: Text<'a> = "result",
        output_format: Text<'a> = "output_format",
        tools: Content<'a> = "tools",
        status: Text<'a> = "status",
        error: Option<&'a RawValue> = "error",
    }
    ignores ["object", "created_by"]
}

record! {
    /// One block of an item's content.
    Block {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        refusal: Text<'a> = "refusal",
        image_url: TextOr<'a, Link<'a>> = "image_url",
        input_audio: TextOr<'a, SoundIn<'a>> = "input_audio",
        audio: TextOr<'a, SoundIn<'a>> = "audio",
        transcript: Text<'a> = "transcript",
        format: Text<'a> = "format",
        file_id: Text<'a> = "file_id",
        file_url: Text<'a> = "file_url",
        file_data: Text<'a> = "file_data",
        filename: Text<'a> = "filename",
        detail: Text<'a> = "detail",
    }
    ignores []
}

record! {
    /// Where something is.
    Link {
        url: Text<'a> = "url",
    }
    ignores []
}

record! {
    /// Sound that is sent inline.
    SoundIn {
        data: Text<'a> = "data",
        format: Text<'a> = "format",
    }
    ignores []
}

record! {
    /// A tool: a function, a custom one, a namespace of tools, or one of the provider's own.
    ToolWire {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        parameters: Option<&'a RawValue> = "parameters",
        format: Option<&'a RawValue> = "format",
        tools: Content<'a> = "tools",
        function: Option<&'a RawValue> = "function",
    }
    ignores []
}

record! {
    /// One event of a stream, or one message of a WebSocket.
    Told {
        kind: Text<'a> = "type",
        response: Option<Box<Whole<'a>>> = "response",
        response_id: Text<'a> = "response_id",
        stream_id: Text<'a> = "stream_id",
        item: Option<&'a RawValue> = "item",
        item_id: Text<'a> = "item_id",
        part: Option<&'a RawValue> = "part",
        output_index: Count = "output_index",
        content_index: Count = "content_index",
        summary_index: Count = "summary_index",
        command_index: Count = "command_index",
        delta: Text<'a> = "delta",
        text: Text<'a> = "text",
        refusal: Text<'a> = "refusal",
        arguments: Text<'a> = "arguments",
        input: Text<'a> = "input",
        code: Text<'a> = "code",
        command: Text<'a> = "command",
        diff: Text<'a> = "diff",
        transcript: Text<'a> = "transcript",
        name: Text<'a> = "name",
        annotation: Option<&'a RawValue> = "annotation",
        message: Text<'a> = "message",
        error: Option<&'a RawValue> = "error",
        status: Count = "status",
        status_code: Count = "status_code",
        steer: Option<&'a RawValue> = "steer",
    }
    ignores ["sequence_number", "obfuscation", "logprobs", "partial_image_b64"]
}

record! {
    /// A whole reply, or the state of it that an event tells.
    ///
    /// What is ignored repeats the request or says nothing of the answer: a stream tells all
    /// of it three times.
    Whole {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        object: Text<'a> = "object",
        previous_response_id: Text<'a> = "previous_response_id",
        status: Text<'a> = "status",
        output: Content<'a> = "output",
        data: Content<'a> = "data",
        usage: Option<&'a RawValue> = "usage",
        error: Option<&'a RawValue> = "error",
        incomplete_details: Option<Why<'a>> = "incomplete_details",
        status_details: Option<Why<'a>> = "status_details",
        tool_usage: Option<&'a RawValue> = "tool_usage",
    }
    ignores [
        "created_at", "completed_at", "metadata", "instructions", "tools", "tool_choice", "temperature",
        "top_p", "top_logprobs", "text", "reasoning", "parallel_tool_calls", "max_output_tokens",
        "max_tool_calls", "truncation", "user", "store", "background", "service_tier", "prompt",
        "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options",
        "safety_identifier", "presence_penalty", "frequency_penalty",
        "billing", "output_text", "content_filters", "system_fingerprint", "copilot_usage",
        "input_tokens", "input_messages", "output_messages", "kv_transfer_params", "access_programs", "image",
        "include", "first_id", "last_id", "has_more", "deleted", "audio", "output_modalities",
        "modalities", "voice", "output_audio_format", "conversation_id", "max_tokens", "seed",
    ]
}

record! {
    /// Why an answer is not whole.
    Why {
        reason: Text<'a> = "reason",
        error: Option<&'a RawValue> = "error",
    }
    ignores ["type"]
}
