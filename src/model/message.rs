//! Messages, their parts, and tools.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One message of the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// As sent: `system`, `developer`, `user`, `assistant`, `tool` …
    pub role: String,
    /// Its content, in order.
    pub parts: Vec<Part>,
}

/// One answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Its content, in order.
    pub parts: Vec<Part>,
    /// Why the model stopped, in the provider's word.
    pub finish_reason: Option<String>,
}

/// One piece of content.
///
/// Bytes of images, audio and files are not repeated here: the raw exchange has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Words.
    Text {
        /// The words, unescaped.
        text: String,
    },
    /// A picture.
    Image {
        /// Such as `image/png`.
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
        /// Where it is, if it was sent by reference (never a `data:` URL).
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// The provider's id of an uploaded picture.
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<String>,
        /// Size of the decoded picture, if it was sent inline, in bytes.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// Sound.
    Audio {
        /// Such as `wav` or `audio/mp3`, as sent.
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
        /// The provider's id of the sound.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// What is said, if the provider sent it.
        #[serde(skip_serializing_if = "Option::is_none")]
        transcript: Option<String>,
        /// Size of the decoded sound, in bytes.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// A document.
    File {
        /// Its name or title.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Such as `application/pdf`.
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
        /// The provider's id of an uploaded file.
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<String>,
        /// Where it is, if it was sent by reference.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// Its text, if it was sent as text.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Size of the decoded file, if it was sent inline, in bytes.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// The model asks for a tool to be run.
    ToolCall {
        /// What the result refers to.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The tool.
        name: String,
        /// JSON if the arguments parse as JSON, else the text as it came.
        arguments: Value,
    },
    /// What a tool gave.
    ToolResult {
        /// The call it answers.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The tool, where the dialect says.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its content, in order.
        parts: Vec<Part>,
        /// Whether the app called it a failure.
        #[serde(skip_serializing_if = "Option::is_none")]
        is_error: Option<bool>,
    },
    /// What the model thought before it answered.
    Reasoning {
        /// The words; empty where the provider keeps them to itself.
        text: String,
        /// The provider's signature or encrypted form.
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    /// Whatever has no type here, as sent.
    Other {
        /// The JSON as it came.
        value: Value,
    },
}

impl Part {
    /// A part of words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// A tool the model may call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name; for a provider's own tool without one, its type.
    pub name: String,
    /// What the model is told about it.
    pub description: Option<String>,
    /// JSON schema of the arguments; for a provider's own tool, its settings as sent.
    pub schema: Value,
}
