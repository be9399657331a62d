//! Tokens of Cohere.

use serde_json::Value;

use crate::model::Usage;

/// Reads `usage`, or the `meta` of the first version; `None` if it counts no tokens.
///
/// `tokens` are those that the model read and wrote, Cohere's own prompt included;
/// `billed_units` leave that out, and count only where the others are missing. Tokens of
/// pictures stand beside those of the words.
pub(super) fn usage(raw: Value) -> Option<Usage> {
    let at = |place: &str| {
        let count = raw.pointer(place)?;
        count.as_u64().or_else(|| count.as_f64().map(|count| count as u64))
    };
    let of = |name: &str| at(&format!("/tokens/{name}")).or(at(&format!("/billed_units/{name}")));
    let counts = match raw.get("tokens") {
        Some(Value::Object(_)) => "/tokens",
        _ => "/billed_units",
    };
    let words = of("input_tokens");
    let images = at(&format!("{counts}/image_tokens"));
    let output = of("output_tokens");
    let input = match (words, images) {
        (None, None) => None,
        (words, images) => {
            Some(words.unwrap_or_default().saturating_add(images.unwrap_or_default()))
        }
    };
    if input.is_none() && output.is_none() {
        return None;
    }
    Some(Usage {
        input,
        input_cached: at("/cached_tokens"),
        input_image: images,
        output,
        reasoning: at("/tokens/reasoning_tokens"),
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
    fn tokens_count_before_what_is_billed() {
        for (rule, raw, expected) in [
            (
                "both",
                json!({"billed_units": {"input_tokens": 5, "output_tokens": 2},
                    "tokens": {"input_tokens": 500, "output_tokens": 4, "reasoning_tokens": 1},
                    "cached_tokens": 448}),
                Some((Some(500), Some(448), Some(4), Some(1))),
            ),
            (
                "billed only",
                json!({"billed_units": {"input_tokens": 7.0, "output_tokens": 9}}),
                Some((Some(7), None, Some(9), None)),
            ),
            (
                "pictures beside words",
                json!({"billed_units": {"input_tokens": 267, "output_tokens": 5},
                    "tokens": {"input_tokens": 34, "image_tokens": 259, "output_tokens": 7}}),
                Some((Some(293), None, Some(7), None)),
            ),
            ("searches are no tokens", json!({"billed_units": {"search_units": 1}}), None),
        ] {
            let found = usage(raw)
                .map(|usage| (usage.input, usage.input_cached, usage.output, usage.reasoning));
            assert_eq!(found, expected, "{rule}");
        }
    }
}
