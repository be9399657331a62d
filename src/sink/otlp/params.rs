//! Settings of a request, by whatever name its API has for them.

use serde_json::{Map, Value};

use super::attributes::Attributes;
use crate::model::Exchange;
use crate::sink::parameters::{
    CHOICES, DIMENSIONS, ENCODING, FREQUENCY_PENALTY, INSIDE, MAX_TOKENS, PRESENCE_PENALTY, SEED,
    STOP, TEMPERATURE, TOP_K, TOP_P,
};

/// The attributes `gen_ai.request.*` of what was set.
pub(super) fn put(attributes: &mut Attributes, exchange: &Exchange) {
    let params = &exchange.request.params;
    let number = |names| find(params, names, Value::as_f64);
    let whole = |names| find(params, names, whole);
    if is_streamed(exchange) {
        attributes.flag("gen_ai.request.stream", true);
    }
    attributes.number("gen_ai.request.temperature", number(TEMPERATURE));
    attributes.number("gen_ai.request.top_p", number(TOP_P));
    attributes.number("gen_ai.request.top_k", number(TOP_K));
    attributes.count("gen_ai.request.max_tokens", whole(MAX_TOKENS));
    attributes.count("gen_ai.request.seed", whole(SEED));
    attributes.count("gen_ai.request.choice.count", whole(CHOICES).filter(|count| *count != 1));
    attributes.number("gen_ai.request.frequency_penalty", number(FREQUENCY_PENALTY));
    attributes.number("gen_ai.request.presence_penalty", number(PRESENCE_PENALTY));
    attributes.texts("gen_ai.request.stop_sequences", words(params, STOP));
    attributes.count("gen_ai.embeddings.dimension.count", whole(DIMENSIONS));
    attributes.texts("gen_ai.request.encoding_formats", words(params, ENCODING));
    attributes.text_if("gen_ai.output.type", output_type(exchange));
}

/// Whether a stream was asked for. Gemini says so in the path, Ollama by saying nothing: then
/// the answer tells.
pub(super) fn is_streamed(exchange: &Exchange) -> bool {
    let asked = exchange.request.params.get("stream").and_then(Value::as_bool);
    asked.unwrap_or_default() || exchange.streamed
}

/// The person or the program that the app says it asks for: `user` and `safety_identifier` of
/// OpenAI, `metadata.user_id` of Anthropic without the session that is in it.
pub(super) fn user(exchange: &Exchange) -> Option<String> {
    let params = &exchange.request.params;
    let metadata = params.get("metadata").and_then(|metadata| metadata.get("user_id"));
    let word = [params.get("user"), params.get("safety_identifier"), metadata]
        .into_iter()
        .flatten()
        .find_map(Value::as_str)
        .filter(|word| !word.is_empty())?;
    if let Ok(Value::Object(fields)) = serde_json::from_str(word) {
        let names = ["account_uuid", "user_id", "device_id"];
        return names
            .iter()
            .filter_map(|name| fields.get(*name)?.as_str())
            .find(|word| !word.is_empty())
            .map(str::to_owned);
    }
    let person = word.split("_account__session_").next().unwrap_or(word);
    Some(person.split("_session_").next().unwrap_or(person).to_owned())
}

/// All settings as sent, for receivers that show them as JSON. What makes a request long and is
/// no setting is left out.
pub(super) fn all(exchange: &Exchange) -> Map<String, Value> {
    let params = exchange.request.params.iter();
    params
        .filter(|(name, value)| {
            let is_other = matches!(name.as_str(), "metadata" | "documents" | "cache_breakpoints");
            !is_other && !value.is_null()
        })
        .map(|(name, value)| (name.clone(), super::attributes::shallow(value)))
        .collect()
}

/// `gen_ai.output.type`: what the client asked for.
fn output_type(exchange: &Exchange) -> Option<&'static str> {
    match exchange.operation.as_deref() {
        Some("image") => return Some("image"),
        Some("speech") => return Some("speech"),
        _ => {}
    }
    let params = &exchange.request.params;
    let inner = |place: &Value| match place {
        Value::String(word) => Some(word.clone()),
        Value::Object(fields) => match fields.get("format").unwrap_or(place) {
            Value::String(word) => Some(word.clone()),
            inner => inner.get("type").and_then(Value::as_str).map(str::to_owned),
        },
        _ => None,
    };
    let modalities = ["modalities", "responseModalities", "response_modalities"];
    let modalities = words(params, &modalities);
    let has = |word: &str| modalities.iter().any(|had| had.eq_ignore_ascii_case(word));
    if has("audio") {
        return Some("speech");
    }
    if has("image") {
        return Some("image");
    }
    let formats = [
        "response_format",
        "text",
        "format",
        "responseMimeType",
        "response_mime_type",
        "output_format",
        "output_config",
    ];
    let format = find(params, &formats, inner)?;
    match format.as_str() {
        "text" | "text/plain" => Some("text"),
        // A schema is that of an object: Ollama's `format` is one itself.
        "json" | "json_object" | "json_schema" | "application/json" | "object" => Some("json"),
        _ => None,
    }
}

/// The first setting that has one of `names`, and that `read` understands.
fn find<T>(
    params: &Map<String, Value>,
    names: &[&str],
    read: impl Fn(&Value) -> Option<T>,
) -> Option<T> {
    let inside = INSIDE.iter().filter_map(|name| params.get(*name)?.as_object());
    let mut places = std::iter::once(params).chain(inside);
    places.find_map(|place| names.iter().find_map(|name| read(place.get(*name)?)))
}

fn whole(value: &Value) -> Option<u64> {
    // A client in JavaScript or Lua may send 100.0; a negative one means no limit.
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0);
    value.as_u64().or_else(|| number.map(|number| number as u64))
}

fn words(params: &Map<String, Value>, names: &[&str]) -> Vec<String> {
    let read = |value: &Value| match value {
        Value::String(word) => Some(vec![word.clone()]),
        Value::Array(items) => {
            Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        _ => None,
    };
    find(params, names, read).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sink::otlp::tests::as_json;
    use crate::store::tests::sample::turn;

    fn of(params: Value) -> Exchange {
        let mut exchange = turn(0);
        exchange.streamed = false;
        exchange.request.params = params.as_object().unwrap().clone();
        exchange
    }

    #[test]
    fn settings_are_found_by_every_name() {
        for (rule, params, expected) in [
            (
                "OpenAI chat",
                json!({"temperature": 0.2, "max_completion_tokens": 16, "n": 2, "stop": "x",
                    "seed": 7, "stream": true, "response_format": {"type": "json_schema"}}),
                json!({"gen_ai.request.stream": true, "gen_ai.request.temperature": 0.2,
                    "gen_ai.request.max_tokens": 16, "gen_ai.request.seed": 7,
                    "gen_ai.request.choice.count": 2, "gen_ai.request.stop_sequences": ["x"],
                    "gen_ai.output.type": "json"}),
            ),
            (
                "Responses",
                json!({"max_output_tokens": 9, "text": {"format": {"type": "json_schema"}}}),
                json!({"gen_ai.request.max_tokens": 9, "gen_ai.output.type": "json"}),
            ),
            (
                "Anthropic",
                json!({"max_tokens": 64000, "top_k": 5, "stop_sequences": ["a", "b"]}),
                json!({"gen_ai.request.max_tokens": 64000, "gen_ai.request.top_k": 5.0,
                    "gen_ai.request.stop_sequences": ["a", "b"]}),
            ),
            (
                "Gemini",
                json!({"generationConfig": {"topP": 0.5, "maxOutputTokens": 3, "candidateCount": 1,
                    "responseMimeType": "application/json", "temperature": null}}),
                json!({"gen_ai.request.top_p": 0.5, "gen_ai.request.max_tokens": 3,
                    "gen_ai.output.type": "json"}),
            ),
            (
                "Bedrock",
                json!({"inferenceConfig": {"maxTokens": 8, "stopSequences": ["z"]}}),
                json!({"gen_ai.request.max_tokens": 8, "gen_ai.request.stop_sequences": ["z"]}),
            ),
            (
                "Ollama",
                json!({"options": {"num_predict": 12.0, "temperature": 1}, "format": "json"}),
                json!({"gen_ai.request.temperature": 1.0, "gen_ai.request.max_tokens": 12,
                    "gen_ai.output.type": "json"}),
            ),
            (
                "Cohere",
                json!({"p": 0.9, "k": 3, "frequency_penalty": 0.1}),
                json!({"gen_ai.request.top_p": 0.9, "gen_ai.request.top_k": 3.0,
                    "gen_ai.request.frequency_penalty": 0.1}),
            ),
            (
                "no limit, and nonsense",
                json!({"max_tokens": -1, "temperature": "hot", "stop": 5, "seed": 1.5}),
                json!({}),
            ),
            (
                "embeddings",
                json!({"dimensions": 256, "encoding_format": "base64"}),
                json!({"gen_ai.embeddings.dimension.count": 256,
                    "gen_ai.request.encoding_formats": ["base64"]}),
            ),
        ] {
            let mut attributes = Attributes::default();
            put(&mut attributes, &of(params));
            assert_eq!(as_json(&attributes.done()), expected, "{rule}");
        }
    }

    #[test]
    fn a_user_is_named_without_the_session() {
        for (rule, params, expected) in [
            ("OpenAI", json!({"user": "u-1"}), Some("u-1")),
            (
                "Claude Code, older",
                json!({"metadata": {"user_id": "user_ab_account_cd_session_ef"}}),
                Some("user_ab_account_cd"),
            ),
            (
                "without an account",
                json!({"metadata": {"user_id": "user_ab_account__session_ef"}}),
                Some("user_ab"),
            ),
            (
                "Claude Code",
                json!({"metadata": {"user_id":
                    r#"{"device_id":"d","account_uuid":"","session_id":"s"}"#}}),
                Some("d"),
            ),
            ("nobody", json!({"user": ""}), None),
        ] {
            assert_eq!(user(&of(params)).as_deref(), expected, "{rule}");
        }
    }
}
