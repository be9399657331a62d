//! Tokens of a message.

use serde_json::{Map, Value};

use crate::model::Usage;

/// Adds the counts of a later event to `counts`: they overwrite, and what is absent or null
/// stays what it was.
pub(super) fn update(counts: &mut Map<String, Value>, later: Value) {
    if let Value::Object(later) = later {
        for (name, value) in later {
            if !value.is_null() || !counts.contains_key(&name) {
                counts.insert(name, value);
            }
        }
    }
}

/// The usage that `counts` say; `None` if they count nothing.
///
/// Anthropic's `input_tokens` are those that were neither read from nor written to a cache.
pub(super) fn usage(counts: Map<String, Value>) -> Option<Usage> {
    let count = |name: &str| counts.get(name).and_then(Value::as_u64);
    let fresh = count("input_tokens");
    let output = count("output_tokens");
    let read = count("cache_read_input_tokens");
    let written = count("cache_creation_input_tokens");
    if fresh.is_none() && output.is_none() {
        return None;
    }
    let raw = Value::Object(counts);
    let reasoning = raw.pointer("/output_tokens_details/thinking_tokens").and_then(Value::as_u64);
    let kept_for_an_hour =
        raw.pointer("/cache_creation/ephemeral_1h_input_tokens").and_then(Value::as_u64);
    Some(Usage {
        input: fresh.map(|fresh| {
            fresh
                .saturating_add(read.unwrap_or_default())
                .saturating_add(written.unwrap_or_default())
        }),
        input_cached: read,
        input_cache_written: written,
        input_cache_written_1h: kept_for_an_hour,
        output,
        reasoning,
        source: "provider".to_owned(),
        raw,
        ..Usage::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn later_counts_overwrite_and_absent_ones_stay() {
        let mut counts = Map::new();
        for event in [
            json!({"input_tokens": 10, "cache_read_input_tokens": 5,
                "cache_creation_input_tokens": 2, "output_tokens": 1}),
            json!({"output_tokens": 7, "cache_read_input_tokens": null}),
            json!({"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}}),
        ] {
            update(&mut counts, event);
        }
        let usage = usage(counts).unwrap();
        assert_eq!(usage.input, Some(17));
        assert_eq!(usage.input_cached, Some(5));
        assert_eq!(usage.input_cache_written, Some(2));
        assert_eq!(usage.output, Some(9));
        assert_eq!(usage.reasoning, Some(4));
    }

    #[test]
    fn no_counts_are_no_usage() {
        assert_eq!(usage(Map::new()), None);
    }
}
