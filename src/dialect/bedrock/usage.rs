//! Tokens, from wherever Bedrock says them.

use serde_json::{Map, Value};

use crate::model::{Headers, Usage};

/// Reads the `usage` of Converse, or of a model that speaks like it; `None` if it counts
/// nothing. What is read from and written to a cache stands beside `inputTokens`.
pub(super) fn usage(raw: Value) -> Option<Usage> {
    let count = |names: &[&str]| names.iter().find_map(|name| raw.get(name)?.as_u64());
    let fresh = count(&["inputTokens", "inputTokenCount"]);
    let output = count(&["outputTokens", "outputTokenCount"]);
    let read = count(&["cacheReadInputTokens", "cacheReadInputTokenCount"]);
    let written = count(&["cacheWriteInputTokens", "cacheWriteInputTokenCount"]);
    if fresh.is_none() && output.is_none() {
        return None;
    }
    let cached = read.unwrap_or_default().saturating_add(written.unwrap_or_default());
    Some(Usage {
        input: fresh.map(|fresh| fresh.saturating_add(cached)),
        input_cached: read,
        input_cache_written: written,
        input_cache_written_1h: kept_for_an_hour(&raw),
        output,
        source: "provider".to_owned(),
        raw,
        ..Usage::default()
    })
}

fn kept_for_an_hour(raw: &Value) -> Option<u64> {
    let details = raw.get("cacheDetails")?.as_array()?;
    let hour = details.iter().filter(|detail| detail.get("ttl").is_some_and(|ttl| ttl == "1h"));
    hour.map(|detail| detail.get("inputTokens")?.as_u64()).sum()
}

/// The counts that Bedrock adds to what a model says of itself: in headers of a whole reply,
/// in the last chunk of a stream.
#[derive(Default)]
pub(super) struct Beside {
    counts: Map<String, Value>,
    /// Whether the chunk came that ends a stream.
    pub(super) is_over: bool,
}

const HEADERS: [(&str, &str); 4] = [
    ("x-amzn-bedrock-input-token-count", "inputTokenCount"),
    ("x-amzn-bedrock-output-token-count", "outputTokenCount"),
    ("x-amzn-bedrock-cache-read-input-token-count", "cacheReadInputTokenCount"),
    ("x-amzn-bedrock-cache-write-input-token-count", "cacheWriteInputTokenCount"),
];

impl Beside {
    /// Reads the headers of the reply.
    pub(super) fn head(&mut self, headers: &Headers) {
        for (name, value) in headers {
            let known = HEADERS.iter().find(|(had, _)| had.eq_ignore_ascii_case(name));
            if let (Some((_, field)), Ok(count)) = (known, value.trim().parse::<u64>()) {
                self.counts.insert((*field).to_owned(), count.into());
            }
        }
    }

    /// Reads an `amazon-bedrock-invocationMetrics`.
    pub(super) fn metrics(&mut self, metrics: Value) {
        if let Value::Object(metrics) = metrics {
            self.counts.extend(metrics);
            self.is_over = true;
        }
    }

    /// The model's own `usage`, completed with what Bedrock counted.
    pub(super) fn complete(self, usage: Option<Usage>) -> Option<Usage> {
        let beside = self::usage(Value::Object(self.counts));
        let Some(mut usage) = usage else { return beside };
        if let Some(beside) = beside {
            if usage.input.is_none() {
                usage.input = beside.input;
                usage.input_cached = usage.input_cached.or(beside.input_cached);
                usage.input_cache_written =
                    usage.input_cache_written.or(beside.input_cache_written);
            }
            usage.output = usage.output.or(beside.output);
        }
        Some(usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cached_tokens_stand_beside_the_input() {
        for (rule, raw, expected) in [
            (
                "Converse",
                json!({"inputTokens": 6, "outputTokens": 2, "cacheReadInputTokens": 10,
                    "cacheWriteInputTokens": 4,
                    "cacheDetails": [{"ttl": "1h", "inputTokens": 3}, {"ttl": "5m"}]}),
                Some((Some(20), Some(10), Some(4), Some(3), Some(2))),
            ),
            (
                "Nova says Count",
                json!({"inputTokens": 6, "outputTokens": 2, "cacheReadInputTokenCount": 10}),
                Some((Some(16), Some(10), None, None, Some(2))),
            ),
            ("half of it", json!({"inputTokens": 6}), Some((Some(6), None, None, None, None))),
            ("nothing", json!({"serverToolUsage": {}}), None),
        ] {
            let found = usage(raw).map(|usage| {
                (
                    usage.input,
                    usage.input_cached,
                    usage.input_cache_written,
                    usage.input_cache_written_1h,
                    usage.output,
                )
            });
            assert_eq!(found, expected, "{rule}");
        }
    }

    #[test]
    fn what_the_model_does_not_count_bedrock_does() {
        let headers = vec![
            ("X-Amzn-Bedrock-Input-Token-Count".to_owned(), "4".to_owned()),
            ("x-amzn-bedrock-cache-write-input-token-count".to_owned(), "100".to_owned()),
            ("x-amzn-bedrock-output-token-count".to_owned(), "9".to_owned()),
        ];
        let beside = || {
            let mut beside = Beside::default();
            beside.head(&headers);
            beside
        };
        let alone = beside().complete(None).unwrap();
        assert_eq!((alone.input, alone.output), (Some(104), Some(9)));
        let own = usage(json!({"inputTokens": 30}));
        let both = beside().complete(own).unwrap();
        assert_eq!((both.input, both.output), (Some(30), Some(9)));
        let mut beside = beside();
        beside.metrics(json!({"inputTokenCount": 5, "invocationLatency": 7}));
        assert_eq!(beside.complete(None).unwrap().input, Some(105));
        assert_eq!(Beside::default().complete(None), None);
    }
}
