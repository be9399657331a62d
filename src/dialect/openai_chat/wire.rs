//! The JSON of chat completions, with what each vendor adds.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect::json::{Content, Count, List, Text, TextOr, record};
use crate::dialect::turns::{self, Turns};

record! {
    /// A request.
    Ask {
        model: Text<'a> = "model",
        messages: Turns<Said<'a>> = "messages",
        tools: List<ToolWire<'a>> = "tools",
        functions: List<FunctionWire<'a>> = "functions",
        prompt: Content<'a> = "prompt",
        input: Option<&'a RawValue> = "input",
        parameters: Option<&'a RawValue> = "parameters",
    }
    ignores []
}

record! {
    /// What DashScope has inside a request's `input`.
    Input {
        messages: Turns<Said<'a>> = "messages",
        prompt: Content<'a> = "prompt",
    }
    ignores []
}

record! {
    /// What DashScope has inside a request's `parameters`.
    Parameters {
        tools: List<ToolWire<'a>> = "tools",
    }
    ignores []
}

record! {
    /// A message: of a request, of a whole reply, or a piece of one in a stream.
    Said {
        role: Text<'a> = "role",
        content: Content<'a> = "content",
        refusal: Text<'a> = "refusal",
        reasoning_content: Text<'a> = "reasoning_content",
        reasoning: Text<'a> = "reasoning",
        reasoning_text: Text<'a> = "reasoning_text",
        reasoning_details: List<Detail<'a>> = "reasoning_details",
        reasoning_opaque: Text<'a> = "reasoning_opaque",
        tool_calls: List<Call<'a>> = "tool_calls",
        function_call: Option<FunctionCall<'a>> = "function_call",
        audio: Option<Sound<'a>> = "audio",
        images: List<Block<'a>> = "images",
        tool_call_id: Text<'a> = "tool_call_id",
        name: Text<'a> = "name",
    }
    ignores ["padding", "index"]
}

impl<'a> turns::Turn<'a> for Said<'a> {
    fn of_user(text: Text<'a>) -> Self {
        Self { role: Text::of(turns::USER), content: Content::Text(text), ..Self::default() }
    }
}

record! {
    /// One of `reasoning_details`, as OpenRouter has them.
    Detail {
        text: Text<'a> = "text",
        summary: Text<'a> = "summary",
        data: Text<'a> = "data",
        signature: Text<'a> = "signature",
    }
    ignores ["type", "format", "index", "id"]
}

record! {
    /// A tool call, or a piece of one in a stream.
    Call {
        index: Count = "index",
        id: Text<'a> = "id",
        function: Option<FunctionCall<'a>> = "function",
        custom: Option<CustomCall<'a>> = "custom",
    }
    ignores ["type"]
}

record! {
    /// The function of a tool call.
    FunctionCall {
        name: Text<'a> = "name",
        arguments: TextOr<'a, Value> = "arguments",
    }
    ignores []
}

record! {
    /// The custom tool of a tool call: its input is free text.
    CustomCall {
        name: Text<'a> = "name",
        input: Text<'a> = "input",
    }
    ignores []
}

record! {
    /// Sound of an answer.
    Sound {
        id: Text<'a> = "id",
        data: Text<'a> = "data",
        transcript: Text<'a> = "transcript",
    }
    ignores ["expires_at"]
}

record! {
    /// One block of a message's content.
    Block {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        refusal: Text<'a> = "refusal",
        thinking: Content<'a> = "thinking",
        signature: Text<'a> = "signature",
        image_url: TextOr<'a, Link<'a>> = "image_url",
        input_audio: TextOr<'a, SoundIn<'a>> = "input_audio",
        file: Option<FileIn<'a>> = "file",
        file_id: Text<'a> = "file_id",
        document_url: TextOr<'a, Link<'a>> = "document_url",
        document_name: Text<'a> = "document_name",
        file_url: TextOr<'a, Link<'a>> = "file_url",
    }
    ignores ["closed", "index", "cache_control", "prompt_cache_breakpoint"]
}

record! {
    /// Where the app asked for the prompt so far to be cached: as Anthropic does, or OpenAI.
    Marked {
        cache_control: Option<&'a RawValue> = "cache_control",
        prompt_cache_breakpoint: Option<&'a RawValue> = "prompt_cache_breakpoint",
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
    /// Sound that the app sends.
    SoundIn {
        data: Text<'a> = "data",
        format: Text<'a> = "format",
    }
    ignores []
}

record! {
    /// A file that the app sends.
    FileIn {
        filename: Text<'a> = "filename",
        file_id: Text<'a> = "file_id",
        file_data: Text<'a> = "file_data",
    }
    ignores []
}

record! {
    /// A tool: a function, or one of the provider's own.
    ToolWire {
        kind: Text<'a> = "type",
        function: Option<FunctionWire<'a>> = "function",
        custom: Option<CustomWire<'a>> = "custom",
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
    /// A custom tool that the model may call.
    CustomWire {
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        format: Value = "format",
    }
    ignores []
}

record! {
    /// A whole reply, or one event of a streamed one.
    ///
    /// What is ignored says nothing of the answer; the raw exchange has it.
    Told {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        choices: Option<List<Chosen<'a>>> = "choices",
        usage: Option<&'a RawValue> = "usage",
        x_groq: Option<Groq<'a>> = "x_groq",
        error: Option<&'a RawValue> = "error",
        cost: Option<&'a RawValue> = "cost",
        content: Option<&'a RawValue> = "content",
        value: Option<&'a RawValue> = "value",
        response: Option<&'a RawValue> = "response",
        output: Option<&'a RawValue> = "output",
        result: Option<&'a RawValue> = "result",
        request_id: Text<'a> = "request_id",
        stop: Option<&'a RawValue> = "stop",
        base_resp: Option<Base<'a>> = "base_resp",
    }
    ignores [
        "object", "created", "system_fingerprint", "service_tier", "provider", "obfuscation",
        "p", "padding", "timings", "prompt_filter_results", "venice_parameters",
        "usage_breakdown", "copilot_usage", "time_info", "kv_transfer_params", "prompt_logprobs",
        "generationId", "sla_metrics",
    ]
}

record! {
    /// How MiniMax says whether it went well.
    Base {
        status_code: Count = "status_code",
        status_msg: Text<'a> = "status_msg",
    }
    ignores []
}

record! {
    /// DashScope's answer.
    Output {
        text: Text<'a> = "text",
        finish_reason: Text<'a> = "finish_reason",
        choices: List<Chosen<'a>> = "choices",
    }
    ignores []
}

record! {
    /// What Groq adds.
    Groq {
        usage: Option<&'a RawValue> = "usage",
    }
    ignores []
}

record! {
    /// One choice of a reply.
    Chosen {
        index: Count = "index",
        delta: Option<Said<'a>> = "delta",
        message: Option<Said<'a>> = "message",
        text: Text<'a> = "text",
        finish_reason: Text<'a> = "finish_reason",
        logprobs: Option<&'a RawValue> = "logprobs",
        usage: Option<&'a RawValue> = "usage",
    }
    ignores [
        "content_filter_results", "native_finish_reason", "token_ids", "trace_details",
        "matched_stop", "seed",
    ]
}
