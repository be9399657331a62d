//! Enumerations as words: some clients of Google's ask for numbers
//! (`$alt=json;enum-encoding=int`).

use serde_json::Value;

/// Whose numbers they are: the two services count differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Family {
    /// The Gemini API, `google.ai.generativelanguage`.
    #[default]
    Gemini,
    /// Vertex AI, `google.cloud.aiplatform`.
    Vertex,
}

impl Family {
    /// The word for a reason to stop; what is no known number stays as it is.
    pub(super) fn finish_reason(self, told: &str) -> String {
        let words = match self {
            Self::Gemini => FINISH_REASONS,
            Self::Vertex => FINISH_REASONS_OF_VERTEX,
        };
        word(words, told)
    }

    /// The word for a reason to block a prompt.
    pub(super) fn block_reason(self, told: &str) -> String {
        let words = match self {
            Self::Gemini => BLOCK_REASONS,
            Self::Vertex => BLOCK_REASONS_OF_VERTEX,
        };
        word(words, told)
    }
}

/// The word for what kind of content a count is about.
pub(super) fn modality(told: &Value) -> String {
    match told {
        Value::String(told) => told.to_ascii_uppercase(),
        told => word(MODALITIES, &told.to_string()),
    }
}

fn word(words: &[&str], told: &str) -> String {
    let found = told.parse().ok().and_then(|number: usize| words.get(number));
    found.copied().unwrap_or(told).to_owned()
}

/// What `finishReason` says while there is none yet.
pub(super) const UNSPECIFIED: &str = "FINISH_REASON_UNSPECIFIED";

/// `google/ai/generativelanguage/v1beta/generative_service.proto`, `Candidate.FinishReason`.
const FINISH_REASONS: &[&str] = &[
    UNSPECIFIED,
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "IMAGE_SAFETY",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_OTHER",
    "NO_IMAGE",
    "IMAGE_RECITATION",
];

/// `google/cloud/aiplatform/v1/content.proto`, `Candidate.FinishReason`.
const FINISH_REASONS_OF_VERTEX: &[&str] = &[
    UNSPECIFIED,
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
    "UNEXPECTED_TOOL_CALL",
    "NO_IMAGE",
];

/// `GenerateContentResponse.PromptFeedback.BlockReason` of the Gemini API.
const BLOCK_REASONS: &[&str] = &[
    "BLOCK_REASON_UNSPECIFIED",
    "SAFETY",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "IMAGE_SAFETY",
];

/// `GenerateContentResponse.PromptFeedback.BlockedReason` of Vertex AI.
const BLOCK_REASONS_OF_VERTEX: &[&str] = &[
    "BLOCKED_REASON_UNSPECIFIED",
    "SAFETY",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "MODEL_ARMOR",
];

/// `Modality` of both.
const MODALITIES: &[&str] =
    &["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_words_of_their_family() {
        for (family, told, expected) in [
            (Family::Gemini, "1", "STOP"),
            (Family::Vertex, "1", "STOP"),
            (Family::Gemini, "6", "LANGUAGE"),
            (Family::Vertex, "6", "BLOCKLIST"),
            (Family::Gemini, "99", "99"),
            (Family::Gemini, "SAFETY", "SAFETY"),
            (Family::Vertex, "A_REASON_OF_TOMORROW", "A_REASON_OF_TOMORROW"),
        ] {
            assert_eq!(family.finish_reason(told), expected, "{told}");
        }
    }
}
