//! The JSON of speech in both directions.

use serde_json::value::RawValue;

use super::wire::ToolWire;
use crate::dialect::json::{Count, List, Text, record};

record! {
    /// A message of either side.
    Spoken {
        event: Option<Named<'a>> = "event",
    }
    ignores ["amazon-bedrock-invocationMetrics"]
}

record! {
    /// An event: its name is a field.
    Named {
        session: Option<&'a RawValue> = "sessionStart",
        prompt: Option<Prompt<'a>> = "promptStart",
        begin: Option<Begin<'a>> = "contentStart",
        text_in: Option<Said<'a>> = "textInput",
        sound_in: Option<Said<'a>> = "audioInput",
        result: Option<Said<'a>> = "toolResult",
        completion: Option<Completion<'a>> = "completionStart",
        text: Option<Said<'a>> = "textOutput",
        sound: Option<Said<'a>> = "audioOutput",
        call: Option<Called<'a>> = "toolUse",
        end: Option<Ended<'a>> = "contentEnd",
        over: Option<Ended<'a>> = "completionEnd",
        usage: Option<&'a RawValue> = "usageEvent",
    }
    ignores ["promptEnd", "sessionEnd"]
}

record! {
    /// How the app begins a prompt.
    Prompt {
        tools: Option<Tools<'a>> = "toolConfiguration",
    }
    ignores []
}

record! {
    /// The tools.
    Tools {
        tools: List<ToolWire<'a>> = "tools",
    }
    ignores []
}

record! {
    /// A block of content begins.
    Begin {
        content: Text<'a> = "contentName",
        role: Text<'a> = "role",
        more: Text<'a> = "additionalModelFields",
        result: Option<Resulting<'a>> = "toolResultInputConfiguration",
    }
    ignores []
}

record! {
    /// The call that a result is for.
    Resulting {
        id: Text<'a> = "toolUseId",
    }
    ignores []
}

record! {
    /// A piece of a block.
    Said {
        name: Text<'a> = "contentName",
        id: Text<'a> = "contentId",
        content: Text<'a> = "content",
        role: Text<'a> = "role",
    }
    ignores []
}

record! {
    /// The answer begins.
    Completion {
        id: Text<'a> = "completionId",
        session: Text<'a> = "sessionId",
    }
    ignores []
}

record! {
    /// The model asks for a tool.
    Called {
        id: Text<'a> = "toolUseId",
        name: Text<'a> = "toolName",
        input: Text<'a> = "content",
    }
    ignores []
}

record! {
    /// A block, or the answer, ends.
    Ended {
        reason: Text<'a> = "stopReason",
    }
    ignores []
}

record! {
    /// The payload of a chunk of the app.
    Chunk {
        bytes: Text<'a> = "bytes",
    }
    ignores []
}

record! {
    /// Counts of a conversation.
    Counted {
        input: Count = "totalInputTokens",
        output: Count = "totalOutputTokens",
    }
    ignores []
}
