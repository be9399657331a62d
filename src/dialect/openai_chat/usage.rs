//! Tokens and money of a chat completion.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::model::Usage;

/// USD in one of xAI's ticks, <https://docs.x.ai/developers/cost-tracking>.
const USD_PER_TICK: f64 = 1e-10;

/// Reads a `usage` object; `None` if it counts nothing.
pub(in crate::dialect) fn usage(raw: Value) -> Option<Usage> {
    let input = first(&raw, &["/prompt_tokens", "/input_tokens"]);
    let completion = first(&raw, &["/completion_tokens", "/output_tokens"]);
    if input.is_none() && completion.is_none() {
        return None;
    }
    let reasoning = first(
        &raw,
        &[
            "/completion_tokens_details/reasoning_tokens",
            "/completion_token_details/reasoning_tokens",
            "/output_tokens_details/reasoning_tokens",
            "/output_token_details/reasoning_tokens",
            "/reasoning_tokens",
        ],
    );
    // xAI counts reasoning beside the completion; only the total tells.
    let beside = match (input, completion, reasoning, count(&raw, "/total_tokens")) {
        (Some(input), Some(completion), Some(reasoning), Some(total))
            if total == input.saturating_add(completion).saturating_add(reasoning) =>
        {
            reasoning
        }
        _ => 0,
    };
    Some(Usage {
        input,
        input_cached: first(
            &raw,
            &[
                "/prompt_tokens_details/cached_tokens",
                "/prompt_token_details/cached_tokens",
                "/input_tokens_details/cached_tokens",
                "/input_token_details/cached_tokens",
                "/prompt_cache_hit_tokens",
                "/cache_read_input_tokens",
                "/cached_tokens",
                "/num_cached_tokens",
            ],
        ),
        input_cache_written: first(
            &raw,
            &[
                "/prompt_tokens_details/cache_write_tokens",
                "/prompt_tokens_details/cache_creation_tokens",
                "/input_tokens_details/cache_write_tokens",
                "/cache_creation_input_tokens",
                "/cache_write_tokens",
            ],
        ),
        input_audio: first(
            &raw,
            &[
                "/prompt_tokens_details/audio_tokens",
                "/input_tokens_details/audio_tokens",
                "/input_token_details/audio_tokens",
            ],
        ),
        input_image: first(
            &raw,
            &[
                "/prompt_tokens_details/image_tokens",
                "/input_tokens_details/image_tokens",
                "/input_token_details/image_tokens",
            ],
        ),
        input_audio_cached: first(
            &raw,
            &[
                "/input_token_details/cached_tokens_details/audio_tokens",
                "/input_tokens_details/cached_tokens_details/audio_tokens",
                "/prompt_tokens_details/cached_tokens_details/audio_tokens",
            ],
        ),
        input_image_cached: first(
            &raw,
            &[
                "/input_token_details/cached_tokens_details/image_tokens",
                "/input_tokens_details/cached_tokens_details/image_tokens",
                "/prompt_tokens_details/cached_tokens_details/image_tokens",
            ],
        ),
        output: completion.map(|completion| completion.saturating_add(beside)),
        reasoning,
        output_audio: first(
            &raw,
            &[
                "/completion_tokens_details/audio_tokens",
                "/output_tokens_details/audio_tokens",
                "/output_token_details/audio_tokens",
            ],
        ),
        output_image: first(
            &raw,
            &[
                "/completion_tokens_details/image_tokens",
                "/output_tokens_details/image_tokens",
                "/output_token_details/image_tokens",
            ],
        ),
        source: "provider".to_owned(),
        raw,
        ..Usage::default()
    })
}

/// The usage of an operation that has no answer in words and counts no more than a total.
pub(in crate::dialect) fn total_alone(raw: &Value) -> Option<Usage> {
    Some(Usage {
        input: Some(count(raw, "/total_tokens")?),
        source: "provider".to_owned(),
        raw: raw.clone(),
        ..Usage::default()
    })
}

/// The usage in the fields of llama.cpp's own format.
pub(super) fn of_llama(fields: &[(String, Box<RawValue>)]) -> Option<Usage> {
    let field = |name: &str| {
        let (_, raw) = fields.iter().find(|(had, _)| had == name)?;
        serde_json::from_str::<u64>(raw.get()).ok()
    };
    let (input, output) = (field("tokens_evaluated"), field("tokens_predicted"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let raw = serde_json::json!({
        "tokens_evaluated": input,
        "tokens_predicted": output,
        "tokens_cached": field("tokens_cached"),
    });
    Some(Usage { input, output, source: "provider".to_owned(), raw, ..Usage::default() })
}

/// Why llama.cpp stopped, in its own format: `stop_type`, or a flag in older versions.
pub(super) fn llama_stopped(fields: &Map<String, Value>) -> Option<String> {
    let kind = fields.get("stop_type").and_then(Value::as_str).filter(|kind| *kind != "none");
    let flags = [("stopped_eos", "eos"), ("stopped_limit", "limit"), ("stopped_word", "word")];
    let flag = || {
        let is_set = |name: &str| fields.get(name).and_then(Value::as_bool) == Some(true);
        flags.into_iter().find(|(name, _)| is_set(name)).map(|(_, kind)| kind)
    };
    kind.or_else(flag).map(str::to_owned)
}

/// What the exchange cost, in USD, where `usage` says so: OpenRouter's and Vercel's `cost`,
/// Perplexity's `cost.total_cost`, xAI's ticks, DeepInfra's `estimated_cost`.
pub(in crate::dialect) fn cost_usd(usage: &Value) -> Option<f64> {
    if let Some(ticks) = usage.get("cost_in_usd_ticks").and_then(Value::as_f64) {
        return Some(ticks * USD_PER_TICK);
    }
    ["/cost", "/cost/total_cost", "/cost/usd", "/estimated_cost"]
        .into_iter()
        .filter_map(|place| usage.pointer(place))
        .find_map(|cost| match cost {
            Value::String(text) => text.parse().ok(),
            _ => cost.as_f64(),
        })
}

fn first(raw: &Value, places: &[&str]) -> Option<u64> {
    places.iter().find_map(|place| count(raw, place))
}

fn count(raw: &Value, place: &str) -> Option<u64> {
    raw.pointer(place)?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn usage_is_totals() {
        for (rule, raw, expected) in [
            (
                "OpenAI: cached inside input, reasoning inside output",
                json!({"prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 18,
                    "prompt_tokens_details": {"cached_tokens": 4},
                    "completion_tokens_details": {"reasoning_tokens": 5}}),
                Some((Some(10), Some(4), None, Some(8), Some(5))),
            ),
            (
                "xAI: reasoning beside output, as the total proves",
                json!({"prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 23,
                    "completion_tokens_details": {"reasoning_tokens": 5}}),
                Some((Some(10), None, None, Some(13), Some(5))),
            ),
            (
                "DeepSeek: cache hits under another name",
                json!({"prompt_tokens": 10, "completion_tokens": 8, "prompt_cache_hit_tokens": 6}),
                Some((Some(10), Some(6), None, Some(8), None)),
            ),
            (
                "OpenRouter: written to the cache",
                json!({"prompt_tokens": 10, "completion_tokens": 8,
                    "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 7}}),
                Some((Some(10), Some(0), Some(7), Some(8), None)),
            ),
            (
                "no reasoning, total the plain sum",
                json!({"prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 18,
                    "reasoning_tokens": 0}),
                Some((Some(10), None, None, Some(8), Some(0))),
            ),
            ("an empty object counts nothing", json!({}), None),
        ] {
            let found = usage(raw).map(|usage| {
                (
                    usage.input,
                    usage.input_cached,
                    usage.input_cache_written,
                    usage.output,
                    usage.reasoning,
                )
            });
            assert_eq!(found, expected, "{rule}");
        }
    }

    #[test]
    fn cost_is_what_the_provider_says() {
        for (usage, expected) in [
            (json!({"cost": 0.25}), Some(0.25)),
            (json!({"cost": "0.25"}), Some(0.25)),
            (json!({"cost": {"total_cost": 0.5}}), Some(0.5)),
            (json!({"cost_in_usd_ticks": 5_000_000_000u64}), Some(0.5)),
            (json!({"estimated_cost": 0.125}), Some(0.125)),
            (json!({"prompt_tokens": 1}), None),
        ] {
            assert_eq!(cost_usd(&usage), expected, "{usage}");
        }
    }

    #[test]
    fn a_total_alone_is_the_input() {
        assert_eq!(total_alone(&json!({"total_tokens": 9})).and_then(|usage| usage.input), Some(9));
        assert_eq!(total_alone(&json!({"search_units": 1})), None);
    }

    #[test]
    fn llama_says_why_it_stopped() {
        for (rule, fields, expected) in [
            ("newer versions", json!({"stop_type": "eos"}), Some("eos")),
            ("it has not stopped", json!({"stop_type": "none"}), None),
            ("older versions", json!({"stopped_eos": false, "stopped_limit": true}), Some("limit")),
            ("another format", json!({}), None),
        ] {
            let fields = fields.as_object().unwrap();
            assert_eq!(llama_stopped(fields).as_deref(), expected, "{rule}");
        }
    }
}
