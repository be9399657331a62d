//! Names that settings of a request have in one API or another.

/// Objects in which APIs put settings: Gemini, Bedrock, Ollama, Titan, DashScope and Hugging Face.
pub(super) const INSIDE: &[&str] = &[
    "generationConfig",
    "generation_config",
    "inferenceConfig",
    "options",
    "textGenerationConfig",
    "parameters",
];

/// Names of the setting: temperature.
pub(super) const TEMPERATURE: &[&str] = &["temperature"];
/// Names of the setting: top p.
pub(super) const TOP_P: &[&str] = &["top_p", "topP", "p"];
/// Names of the setting: top k.
pub(super) const TOP_K: &[&str] = &["top_k", "topK", "k"];
/// Names of the setting: max tokens.
pub(super) const MAX_TOKENS: &[&str] = &[
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "maxOutputTokens",
    "maxTokens",
    "maxTokenCount",
    "max_tokens_to_sample",
    "max_new_tokens",
    "num_predict",
    "n_predict",
];
/// Names of the setting: seed.
pub(super) const SEED: &[&str] = &["seed", "random_seed"];
/// Names of the setting: choices.
pub(super) const CHOICES: &[&str] = &["n", "candidateCount", "candidate_count", "num_generations"];
/// Names of the setting: frequency penalty.
pub(super) const FREQUENCY_PENALTY: &[&str] = &["frequency_penalty", "frequencyPenalty"];
/// Names of the setting: presence penalty.
pub(super) const PRESENCE_PENALTY: &[&str] = &["presence_penalty", "presencePenalty"];
/// Names of the setting: stop.
pub(super) const STOP: &[&str] = &["stop", "stop_sequences", "stopSequences"];
/// Names of the setting: dimensions.
pub(super) const DIMENSIONS: &[&str] = &["dimensions", "output_dimension", "outputDimensionality"];
/// Names of the setting: encoding.
pub(super) const ENCODING: &[&str] = &["encoding_format", "embedding_types"];

/// Whether a setting of that name is a number or a switch and no one's words. Any other name may
/// be made of words itself, as the properties of a schema are.
pub(super) fn is_number(name: &str) -> bool {
    let all = [
        TEMPERATURE,
        TOP_P,
        TOP_K,
        MAX_TOKENS,
        SEED,
        CHOICES,
        FREQUENCY_PENALTY,
        PRESENCE_PENALTY,
        DIMENSIONS,
        &["stream"],
    ];
    all.iter().any(|names| names.contains(&name))
}
