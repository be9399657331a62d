//! Tokens and money.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Tokens of one exchange as the provider counted them; never an estimate.
///
/// Providers count differently; here `input` and `output` are totals and the others say how
/// much of them was what, so that sums need no case for each provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens, those read from and written to a cache included. Anthropic reports
    /// those apart: there this is `input_tokens + cache_read_input_tokens +
    /// cache_creation_input_tokens`.
    pub input: Option<u64>,
    /// Of `input`, read from a cache.
    pub input_cached: Option<u64>,
    /// Of `input`, written to a cache.
    pub input_cache_written: Option<u64>,
    /// Of `input_cache_written`, written to be kept for an hour (Anthropic's
    /// `ephemeral_1h_input_tokens`); the rest is kept for five minutes, or as the provider
    /// likes.
    pub input_cache_written_1h: Option<u64>,
    /// Of `input`, sound.
    pub input_audio: Option<u64>,
    /// Of `input`, pictures.
    pub input_image: Option<u64>,
    /// Answer tokens, reasoning included. xAI reports reasoning beside the completion: there
    /// this is the sum.
    pub output: Option<u64>,
    /// Of `output`, reasoning.
    pub reasoning: Option<u64>,
    /// Of `output`, sound.
    pub output_audio: Option<u64>,
    /// Of `output`, pictures.
    pub output_image: Option<u64>,
    /// Who counted: `provider`.
    pub source: String,
    /// The provider's own object, as it came last.
    pub raw: Value,
}

/// Where a cost is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cost {
    /// The provider said so in its reply.
    Reported,
}
