//! Who says a text.

use std::fmt;
use std::str::FromStr;

/// Who says a text. Finer than a message's `role`: an assistant's message holds its words, its
/// reasoning and its tool calls, and some apps send tool results as the user's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The system prompt, the developer's included.
    System,
    /// The user's words.
    User,
    /// The model's words.
    Assistant,
    /// What the model thought.
    Reasoning,
    /// The arguments of the model's tool calls.
    Call,
    /// What a tool gave.
    Tool,
    /// What the model is told of its tools.
    Tools,
    /// A request that no dialect reads.
    Request,
    /// A reply that no dialect reads.
    Reply,
    /// A role of the app's own.
    Other(String),
}

/// A text that is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{word}` is no role\nhint: one of system, user, assistant, reasoning, call, tool, tools, request, reply"
)]
pub struct RoleError {
    word: String,
}

impl Role {
    /// The word that people type and read.
    pub fn as_str(&self) -> &str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Reasoning => "reasoning",
            Self::Call => "call",
            Self::Tool => "tool",
            Self::Tools => "tools",
            Self::Request => "request",
            Self::Reply => "reply",
            Self::Other(role) => role,
        }
    }

    /// Of a message's `role`, as the app sent it.
    pub(super) fn of_message(role: &str) -> Self {
        match role {
            "system" | "developer" => Self::System,
            "user" => Self::User,
            "assistant" | "model" => Self::Assistant,
            "tool" | "function" => Self::Tool,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(word: &str) -> Result<Self, RoleError> {
        Ok(match word {
            "reasoning" | "thinking" => Self::Reasoning,
            "call" | "tool_call" => Self::Call,
            "tools" => Self::Tools,
            "request" => Self::Request,
            "reply" => Self::Reply,
            "tool_result" => Self::Tool,
            word => match Self::of_message(word) {
                Self::Other(word) => return Err(RoleError { word }),
                role => role,
            },
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
