//! Tokens in an object that counts them under whatever names.

use serde_json::Value;

use crate::model::Usage;

/// Reads an object that counts tokens; `None` if it counts neither those of the prompt nor those
/// of the answer.
///
/// What is cached is taken to be inside the prompt, and reasoning inside the answer, unless a
/// total proves that it stands beside.
pub(super) fn recognised(raw: Value) -> Option<Usage> {
    let input = first(&raw, &INPUT);
    let answer = first(&raw, &OUTPUT);
    if input.is_none() && answer.is_none() {
        return None;
    }
    let reasoning = first(&raw, &REASONING);
    let total = first(&raw, &["total_tokens", "totalTokens", "total_token_count"]);
    let beside = match (input, answer, reasoning, total) {
        (Some(input), Some(answer), Some(reasoning), Some(total))
            if total == input.saturating_add(answer).saturating_add(reasoning) =>
        {
            reasoning
        }
        _ => 0,
    };
    Some(Usage {
        input,
        input_cached: first(&raw, &CACHED),
        output: answer.map(|answer| answer.saturating_add(beside)),
        reasoning,
        source: "provider".to_owned(),
        raw,
        ..Usage::default()
    })
}

/// Names of counts, the surer before the vaguer. A slash leads into an object.
const INPUT: [&str; 14] = [
    "prompt_tokens",
    "input_tokens",
    "inputTokens",
    "promptTokens",
    "promptTokenCount",
    "prompt_token_count",
    "input_token_count",
    "inputTokenCount",
    "num_tokens_prompt_total",
    "prompt_eval_count",
    "tokens_prompt",
    "prefill_tokens",
    "tokens_in",
    "in_tokens",
];

const OUTPUT: [&str; 15] = [
    "completion_tokens",
    "output_tokens",
    "outputTokens",
    "completionTokens",
    "candidatesTokenCount",
    "completion_token_count",
    "generated_token_count",
    "output_token_count",
    "outputTokenCount",
    "num_tokens_generated",
    "generated_tokens",
    "eval_count",
    "tokens_completion",
    "tokens_out",
    "out_tokens",
];

const REASONING: [&str; 5] = [
    "reasoning_tokens",
    "completion_tokens_details/reasoning_tokens",
    "output_tokens_details/reasoning_tokens",
    "thoughtsTokenCount",
    "reasoningTokens",
];

const CACHED: [&str; 7] = [
    "cached_tokens",
    "prompt_tokens_details/cached_tokens",
    "input_tokens_details/cached_tokens",
    "cached_prompt_text_tokens",
    "cachedInputTokens",
    "cached_input_tokens",
    "cache_read_input_tokens",
];

fn first(raw: &Value, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| {
        let found = name.split('/').try_fold(raw, |value, name| value.get(name))?;
        // Protobuf in JSON writes large numbers as texts, and some services all of them with a
        // point.
        let whole = || found.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64);
        found.as_u64().or_else(|| found.as_str()?.parse().ok()).or_else(whole)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_have_many_names() {
        for (rule, raw, expected) in [
            ("nothing", json!({"seconds": 3}), None),
            (
                "watsonx",
                json!({"input_token_count": 4, "generated_token_count": 5}),
                Some((Some(4), None, Some(5), None)),
            ),
            (
                "as texts",
                json!({"inputTokens": "4", "outputTokens": "5"}),
                Some((Some(4), None, Some(5), None)),
            ),
            (
                "reasoning beside the answer, as the total proves",
                json!({"prompt_tokens": 4, "completion_tokens": 5, "reasoning_tokens": 6,
                    "total_tokens": 15, "cached_tokens": 2}),
                Some((Some(4), Some(2), Some(11), Some(6))),
            ),
            (
                "reasoning inside the answer",
                json!({"input_tokens": 4, "output_tokens": 5,
                    "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 9}),
                Some((Some(4), None, Some(5), Some(3))),
            ),
        ] {
            let found = recognised(raw);
            let found = found.map(|had| (had.input, had.input_cached, had.output, had.reasoning));
            assert_eq!(found, expected, "{rule}");
        }
    }
}
