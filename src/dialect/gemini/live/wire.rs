//! The messages of a Live session.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect::gemini::wire::{Blob, Call, Many, Outcome, Said, Turns};
use crate::dialect::json::{List, Text, TextOr, record};

record! {
    /// A message of the app.
    Sent {
        setup: Option<Setup<'a>> = "setup",
        content: Option<ClientContent<'a>> = "clientContent" | "client_content",
        realtime: Option<Realtime<'a>> = "realtimeInput" | "realtime_input",
        results: Option<Results<'a>> = "toolResponse" | "tool_response",
        playback: Text<'a> = "playbackControl" | "playback_control",
    }
    ignores []
}

record! {
    /// What holds for the whole session.
    Setup {
        model: Text<'a> = "model",
        system: Option<&'a RawValue> = "systemInstruction" | "system_instruction",
        tools: Option<&'a RawValue> = "tools",
    }
    ignores []
}

record! {
    /// Turns of the conversation, or what music shall sound like.
    ClientContent {
        turns: Turns<'a> = "turns",
        is_complete: Value = "turnComplete" | "turn_complete",
        prompts: List<Weighted<'a>> = "weightedPrompts" | "weighted_prompts",
    }
    ignores []
}

record! {
    /// Words for music, and how much they count.
    Weighted {
        text: Text<'a> = "text",
    }
    ignores []
}

record! {
    /// A piece of what the user says or shows at this moment.
    Realtime {
        chunks: Many<TextOr<'a, Blob<'a>>> = "mediaChunks" | "media_chunks",
        audio: Option<Blob<'a>> = "audio",
        video: Option<Blob<'a>> = "video",
        text: Text<'a> = "text",
        activity_end: Option<&'a RawValue> = "activityEnd" | "activity_end",
    }
    ignores ["activityStart", "activity_start", "audioStreamEnd", "audio_stream_end"]
}

record! {
    /// What the app's functions gave.
    Results {
        responses: Many<TextOr<'a, Outcome<'a>>> = "functionResponses" | "function_responses",
    }
    ignores []
}

record! {
    /// A message of the provider.
    Received {
        content: Option<ServerContent<'a>> = "serverContent" | "server_content",
        call: Option<ToolCall<'a>> = "toolCall" | "tool_call",
        usage: Option<&'a RawValue> = "usageMetadata" | "usage_metadata",
        error: Option<&'a RawValue> = "error",
    }
    ignores ["setupComplete", "setup_complete"]
}

record! {
    /// A piece of the answer.
    ServerContent {
        turn: Option<Said<'a>> = "modelTurn" | "model_turn",
        said: Option<Transcription<'a>> = "outputTranscription" | "output_transcription",
        heard: Option<Transcription<'a>> = "inputTranscription" | "input_transcription",
        chunks: List<Blob<'a>> = "audioChunks" | "audio_chunks",
        is_complete: Value = "turnComplete" | "turn_complete",
        is_interrupted: Value = "interrupted",
        reason: Text<'a> = "turnCompleteReason" | "turn_complete_reason",
    }
    ignores [
        "generationComplete",
        "generation_complete",
        "interimInputTranscription",
        "interim_input_transcription",
    ]
}

record! {
    /// Words of a sound.
    Transcription {
        text: Text<'a> = "text",
    }
    ignores []
}

record! {
    /// Functions that the app shall call.
    ToolCall {
        calls: List<Call<'a>> = "functionCalls" | "function_calls",
    }
    ignores []
}
