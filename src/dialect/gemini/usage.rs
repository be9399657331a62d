//! Tokens.
//!
//! `totalTokenCount` is the sum of `promptTokenCount`, `toolUsePromptTokenCount` (what the
//! provider's own tools found, which the model reads as well), `candidatesTokenCount` and
//! `thoughtsTokenCount`; cached tokens are inside the prompt. So the input is the first two
//! and the output the last two, unless the total proves that a gateway counted otherwise. (A
//! Live session's total leaves the thoughts out; there the kinds of tokens are told apart, and
//! thoughts are not among those of the answer.)

use serde_json::Value;

use super::enums::modality;
use crate::model::Usage;

/// The usage that `raw` tells of: `usageMetadata` of a reply or of a Live session, or the
/// `usage` of an interaction. `None` if it counts nothing.
pub(super) fn usage(raw: Value) -> Option<Usage> {
    let prompt = count(&raw, &["promptTokenCount", "prompt_token_count", "total_input_tokens"]);
    let tools = count(
        &raw,
        &["toolUsePromptTokenCount", "tool_use_prompt_token_count", "total_tool_use_tokens"],
    );
    let answer = count(
        &raw,
        &[
            "candidatesTokenCount",
            "candidates_token_count",
            "responseTokenCount",
            "response_token_count",
            "total_output_tokens",
        ],
    );
    let thoughts =
        count(&raw, &["thoughtsTokenCount", "thoughts_token_count", "total_thought_tokens"]);
    let total = count(&raw, &["totalTokenCount", "total_token_count", "total_tokens"]);
    if prompt.is_none() && answer.is_none() && thoughts.is_none() {
        return None;
    }
    let sum =
        |counts: &[Option<u64>]| counts.iter().flatten().copied().fold(0, u64::saturating_add);
    let is_total = |counts: &[Option<u64>]| total == Some(sum(counts));
    let holds_all = is_total(&[prompt, tools, answer, thoughts]);
    let (mut beside_prompt, mut beside_answer) = (tools, thoughts);
    let is_apart = OF_ANSWER.iter().any(|name| raw.get(name).is_some());
    if !holds_all && !is_apart && is_total(&[prompt, tools, answer]) {
        beside_answer = None;
    } else if !holds_all && is_total(&[prompt, answer, thoughts]) {
        beside_prompt = None;
    }
    let either = |one: Option<u64>, other: Option<u64>| {
        (one.is_some() || other.is_some()).then(|| sum(&[one, other]))
    };
    Some(Usage {
        input: either(prompt, beside_prompt),
        input_cached: count(
            &raw,
            &["cachedContentTokenCount", "cached_content_token_count", "total_cached_tokens"],
        ),
        input_audio: of_kind(&raw, &OF_PROMPT, "AUDIO"),
        input_image: of_kind(&raw, &OF_PROMPT, "IMAGE"),
        input_audio_cached: of_kind(&raw, &OF_CACHE, "AUDIO"),
        input_image_cached: of_kind(&raw, &OF_CACHE, "IMAGE"),
        output: either(answer, beside_answer),
        reasoning: thoughts,
        output_audio: of_kind(&raw, &OF_ANSWER, "AUDIO"),
        output_image: of_kind(&raw, &OF_ANSWER, "IMAGE"),
        source: "provider".to_owned(),
        raw,
        ..Usage::default()
    })
}

/// The usage that a count of a prompt's tokens tells of.
pub(super) fn counted(total: u64, raw: Value) -> Usage {
    Usage {
        input: Some(total),
        input_cached: count(&raw, &["cachedContentTokenCount", "cached_content_token_count"]),
        input_audio: of_kind(&raw, &["promptTokensDetails"], "AUDIO"),
        input_image: of_kind(&raw, &["promptTokensDetails"], "IMAGE"),
        source: "provider".to_owned(),
        raw,
        ..Usage::default()
    }
}

/// Where a prompt's tokens are told apart by kind.
const OF_PROMPT: [&str; 6] = [
    "promptTokensDetails",
    "prompt_tokens_details",
    "toolUsePromptTokensDetails",
    "tool_use_prompt_tokens_details",
    "input_tokens_by_modality",
    "tool_use_tokens_by_modality",
];

/// Where cached tokens are told apart by kind.
const OF_CACHE: [&str; 3] =
    ["cacheTokensDetails", "cache_tokens_details", "cached_tokens_by_modality"];

/// Where an answer's tokens are told apart by kind.
const OF_ANSWER: [&str; 5] = [
    "candidatesTokensDetails",
    "candidates_tokens_details",
    "responseTokensDetails",
    "response_tokens_details",
    "output_tokens_by_modality",
];

/// The first of `names` that counts; 64-bit numbers are text in Google's JSON.
fn count(raw: &Value, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| number(raw.get(name)?))
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(digits) => digits.parse().ok(),
        value => value.as_u64(),
    }
}

/// The tokens of one kind of content, as far as they are counted apart.
fn of_kind(raw: &Value, lists: &[&str], kind: &str) -> Option<u64> {
    lists
        .iter()
        .filter_map(|name| raw.get(name)?.as_array())
        .flatten()
        .filter(|entry| entry.get("modality").is_some_and(|told| modality(told) == kind))
        .filter_map(|entry| {
            let names = ["tokenCount", "token_count", "tokens"];
            names.iter().find_map(|name| number(entry.get(name)?))
        })
        .reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_total_proves_what_stands_beside_what() {
        for (rule, raw, input, output) in [
            (
                "thoughts beside the answer",
                json!({"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 7,
                    "totalTokenCount": 22}),
                Some(10),
                Some(12),
            ),
            (
                "what tools found beside the prompt",
                json!({"promptTokenCount": 10, "toolUsePromptTokenCount": 90,
                    "candidatesTokenCount": 5, "thoughtsTokenCount": 7, "totalTokenCount": 112}),
                Some(100),
                Some(12),
            ),
            (
                "a gateway counts thoughts inside the answer",
                json!({"promptTokenCount": 10, "candidatesTokenCount": 12,
                    "thoughtsTokenCount": 7, "totalTokenCount": 22}),
                Some(10),
                Some(12),
            ),
            (
                "without a total",
                json!({"prompt_token_count": 10, "thoughts_token_count": 7}),
                Some(10),
                Some(7),
            ),
            (
                "only the prompt",
                json!({"promptTokenCount": 10, "totalTokenCount": 10}),
                Some(10),
                None,
            ),
            (
                "an interaction",
                json!({"total_input_tokens": 8, "total_output_tokens": 3,
                    "total_thought_tokens": 41, "total_tokens": 52, "total_cached_tokens": 0}),
                Some(8),
                Some(44),
            ),
            (
                "a Live session that thinks",
                json!({"promptTokenCount": 10, "responseTokenCount": 5, "thoughtsTokenCount": 2,
                    "totalTokenCount": 15,
                    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}]}),
                Some(10),
                Some(7),
            ),
            (
                "a Live session",
                json!({"promptTokenCount": 10, "responseTokenCount": 5, "totalTokenCount": 15}),
                Some(10),
                Some(5),
            ),
        ] {
            let usage = usage(raw).unwrap();
            assert_eq!((usage.input, usage.output), (input, output), "{rule}");
        }
        assert_eq!(usage(json!({"totalTokenCount": 9})), None);
    }

    #[test]
    fn kinds_of_content_are_told_apart() {
        let usage = usage(json!({
            "promptTokenCount": 30,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 10},
                {"modality": "IMAGE", "tokenCount": 15},
                {"modality": 4, "tokenCount": "5"},
            ],
            "candidatesTokenCount": 8,
            "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 8}],
        }))
        .unwrap();
        assert_eq!(usage.input_image, Some(15));
        assert_eq!(usage.input_audio, Some(5));
        assert_eq!(usage.output_audio, Some(8));
        assert_eq!(usage.output_image, None);
    }
}
