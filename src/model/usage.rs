//! Tokens and money.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// Tokens of one exchange, as the provider counted them or as `source` says.
///
/// Providers count differently; here `input` and `output` are totals and the others say how
/// much of them was what, so that sums need no case for each provider. Overlaps are resolved
/// by [`Usage::buckets`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
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
    /// Of `input_audio`, read from a cache, so of `input_cached` as well.
    #[serde(default)]
    pub input_audio_cached: Option<u64>,
    /// Of `input_image`, read from a cache, so of `input_cached` as well.
    #[serde(default)]
    pub input_image_cached: Option<u64>,
    /// Answer tokens, reasoning included. xAI reports reasoning beside the completion: there
    /// this is the sum.
    pub output: Option<u64>,
    /// Of `output`, reasoning.
    pub reasoning: Option<u64>,
    /// Of `output`, sound.
    pub output_audio: Option<u64>,
    /// Of `output`, pictures.
    pub output_image: Option<u64>,
    /// Who counted: `provider`, or [`Usage::ESTIMATED`].
    pub source: String,
    /// The provider's own object, as it came last; `null` of an estimate.
    pub raw: Value,
}

/// The same tokens, each counted once: those of the input sum up to `input`, those of the
/// output to `output`.
///
/// `None` is a kind that nobody counted; its tokens are then in `input_uncached` or
/// `output_visible`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    /// Words, and all that is in no other bucket, neither read from nor written to a cache.
    pub input_uncached: Option<u64>,
    /// Read from a cache, cached sound and pictures included.
    pub cache_read: Option<u64>,
    /// Written to a cache to be kept for five minutes, or as the provider likes.
    pub cache_write_5m: Option<u64>,
    /// Written to a cache to be kept for an hour.
    pub cache_write_1h: Option<u64>,
    /// Sound that was not read from a cache.
    pub input_audio: Option<u64>,
    /// Pictures that were not read from a cache.
    pub input_image: Option<u64>,
    /// The answer without what the next three count.
    pub output_visible: Option<u64>,
    /// Reasoning.
    pub reasoning: Option<u64>,
    /// Spoken answer.
    pub output_audio: Option<u64>,
    /// Pictures of the answer.
    pub output_image: Option<u64>,
}

impl Usage {
    /// The `source` of what we counted ourselves.
    pub const ESTIMATED: &'static str = "estimated";

    /// The disjoint buckets. A count that exceeds what is left of its total, as faulty servers
    /// send them, is cut down to that.
    pub fn buckets(&self) -> Buckets {
        let mut input = Left(self.input);
        let apart = |all: Option<u64>, cached: Option<u64>| {
            all.map(|all| all.saturating_sub(cached.unwrap_or_default()))
        };
        let hour = self.input_cache_written_1h;
        let cache_read = input.take(self.input_cached);
        let cache_write_1h = input.take(hour);
        let cache_write_5m = input.take(apart(self.input_cache_written, hour));
        let input_audio = input.take(apart(self.input_audio, self.input_audio_cached));
        let input_image = input.take(apart(self.input_image, self.input_image_cached));
        let mut output = Left(self.output);
        let reasoning = output.take(self.reasoning);
        let output_audio = output.take(self.output_audio);
        let output_image = output.take(self.output_image);
        Buckets {
            input_uncached: input.0,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            input_audio,
            input_image,
            output_visible: output.0,
            reasoning,
            output_audio,
            output_image,
        }
    }

    /// Whether we counted and not the provider.
    pub fn is_estimated(&self) -> bool {
        self.source == Self::ESTIMATED
    }
}

/// What is left of a total.
struct Left(Option<u64>);

impl Left {
    fn take(&mut self, count: Option<u64>) -> Option<u64> {
        let (left, count) = (self.0?, count?);
        let taken = count.min(left);
        self.0 = Some(left - taken);
        Some(taken)
    }
}

/// With the buckets beside the counts that they are made of.
impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Usage", 15)?;
        fields.serialize_field("input", &self.input)?;
        fields.serialize_field("input_cached", &self.input_cached)?;
        fields.serialize_field("input_cache_written", &self.input_cache_written)?;
        fields.serialize_field("input_cache_written_1h", &self.input_cache_written_1h)?;
        fields.serialize_field("input_audio", &self.input_audio)?;
        fields.serialize_field("input_image", &self.input_image)?;
        fields.serialize_field("input_audio_cached", &self.input_audio_cached)?;
        fields.serialize_field("input_image_cached", &self.input_image_cached)?;
        fields.serialize_field("output", &self.output)?;
        fields.serialize_field("reasoning", &self.reasoning)?;
        fields.serialize_field("output_audio", &self.output_audio)?;
        fields.serialize_field("output_image", &self.output_image)?;
        fields.serialize_field("buckets", &self.buckets())?;
        fields.serialize_field("source", &self.source)?;
        fields.serialize_field("raw", &self.raw)?;
        fields.end()
    }
}

/// Where a cost is from, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cost {
    /// The provider, or the gateway before it, said so in its reply.
    Reported,
    /// The user's own prices, times the provider's counts.
    Override,
    /// A table of list prices at the date of the request, times the provider's counts.
    Table,
    /// Either of those prices, times tokens that we counted ourselves.
    Estimated,
}

impl Cost {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Override => "override",
            Self::Table => "table",
            Self::Estimated => "estimated",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn each_token_is_in_one_bucket() {
        for (rule, usage, expected) in [
            (
                "OpenAI: cached inside input, reasoning inside output",
                Usage {
                    input: Some(1000),
                    input_cached: Some(600),
                    output: Some(300),
                    reasoning: Some(200),
                    ..Usage::default()
                },
                json!({"input_uncached": 400, "cache_read": 600, "output_visible": 100, "reasoning": 200}),
            ),
            (
                "Anthropic: two ages of cache",
                Usage {
                    input: Some(1000),
                    input_cached: Some(600),
                    input_cache_written: Some(300),
                    input_cache_written_1h: Some(100),
                    output: Some(50),
                    ..Usage::default()
                },
                json!({"input_uncached": 100, "cache_read": 600, "cache_write_5m": 200,
                    "cache_write_1h": 100, "output_visible": 50}),
            ),
            (
                "sound that came from the cache is counted there",
                Usage {
                    input: Some(500),
                    input_cached: Some(300),
                    input_audio: Some(400),
                    input_audio_cached: Some(250),
                    output: Some(100),
                    output_audio: Some(80),
                    ..Usage::default()
                },
                json!({"input_uncached": 50, "cache_read": 300, "input_audio": 150,
                    "output_visible": 20, "output_audio": 80}),
            ),
            (
                "a server that counts more cached tokens than there are",
                Usage { input: Some(10), input_cached: Some(64), ..Usage::default() },
                json!({"input_uncached": 0, "cache_read": 10}),
            ),
            (
                "a kind without a total is unknown",
                Usage { reasoning: Some(5), ..Usage::default() },
                json!({}),
            ),
        ] {
            let mut found = serde_json::to_value(usage.buckets()).unwrap();
            found.as_object_mut().unwrap().retain(|_, count| !count.is_null());
            assert_eq!(found, expected, "{rule}");
        }
    }

    fn count() -> impl Strategy<Value = Option<u64>> {
        prop::option::of(prop_oneof![0..1000u64, Just(u64::MAX)])
    }

    proptest! {
        #[test]
        fn buckets_sum_up_to_the_totals(counts in prop::array::uniform12(count())) {
            let [input, input_cached, input_cache_written, input_cache_written_1h, input_audio,
                input_image, input_audio_cached, input_image_cached, output, reasoning,
                output_audio, output_image] = counts;
            let usage = Usage {
                input, input_cached, input_cache_written, input_cache_written_1h, input_audio,
                input_image, input_audio_cached, input_image_cached, output, reasoning,
                output_audio, output_image, ..Usage::default()
            };
            let had = usage.buckets();
            let sum = |counts: &[Option<u64>]| counts.iter().flatten().sum::<u64>();
            let of_input = [had.input_uncached, had.cache_read, had.cache_write_5m,
                had.cache_write_1h, had.input_audio, had.input_image];
            let of_output = [had.output_visible, had.reasoning, had.output_audio,
                had.output_image];
            prop_assert_eq!(sum(&of_input), input.unwrap_or_default());
            prop_assert_eq!(sum(&of_output), output.unwrap_or_default());
        }
    }

    #[test]
    fn buckets_are_written_and_not_read() {
        let usage = Usage { input: Some(5), input_cached: Some(2), ..Usage::default() };
        let json = serde_json::to_value(&usage).unwrap();
        assert_eq!(json["buckets"]["input_uncached"], 3);
        assert_eq!(serde_json::from_value::<Usage>(json).unwrap(), usage);
    }
}
