//! Our words in those of OpenTelemetry's conventions for generative AI.

use crate::model::Exchange;

/// `gen_ai.operation.name`; `None` if nothing is known of the exchange.
///
/// Gemini's own API has a word of its own; what the conventions have no word for keeps ours.
pub(super) fn operation(exchange: &Exchange) -> Option<&str> {
    Some(operation_of(exchange.operation.as_deref()?, exchange.dialect.as_deref()))
}

/// The same of our words for an operation and a dialect.
pub(super) fn operation_of<'a>(operation: &'a str, dialect: Option<&str>) -> &'a str {
    match operation {
        "chat" if dialect == Some("gemini") => "generate_content",
        "completion" | "fim" | "generate" | "complete" | "infill" => "text_completion",
        "embed" => "embeddings",
        operation => operation,
    }
}

/// What an operation is to receivers that show kinds of spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A conversation.
    Chat,
    /// A text that goes on.
    Text,
    /// Vectors of texts.
    Embedding,
    /// Documents in another order.
    Rerank,
    /// Whether a text is harmful.
    Guard,
    /// A tool that ran.
    Tool,
    /// What costs nothing and says nothing, such as a list of models.
    Other,
}

/// The kind of an operation, by its name in the conventions.
pub(super) fn kind(operation: Option<&str>) -> Kind {
    match operation {
        Some("chat" | "agent" | "generate_content" | "realtime" | "run") => Kind::Chat,
        Some("text_completion") => Kind::Text,
        Some("embeddings") => Kind::Embedding,
        Some("rerank") => Kind::Rerank,
        Some("moderation" | "guardrail") => Kind::Guard,
        Some("execute_tool") => Kind::Tool,
        _ => Kind::Other,
    }
}

/// `gen_ai.provider.name`. A server that is in no table has the name of the format that it
/// speaks, as the libraries that instrument clients give it.
pub(super) fn provider(exchange: &Exchange) -> Option<&str> {
    let Some(provider) = exchange.provider.as_deref() else {
        return Some(of_dialect(exchange.dialect.as_deref()?));
    };
    let is_inference =
        [".inference.ai.azure.com", ".models.ai.azure.com", ".services.ai.azure.com"]
            .iter()
            .any(|suffix| exchange.origin.ends_with(suffix))
            && !exchange.path.starts_with("/openai/");
    Some(match provider {
        "azure" if is_inference => "azure.ai.inference",
        provider => in_conventions(provider),
    })
}

/// The provider of a server that is in no table, by the dialect that it speaks.
pub(super) fn of_dialect(dialect: &str) -> &str {
    match dialect.split('.').next().unwrap_or_default() {
        "gemini" => "gcp.gen_ai",
        family => in_conventions(family),
    }
}

/// The conventions' name of a provider of ours.
pub(super) fn in_conventions(provider: &str) -> &str {
    match provider {
        "chatgpt" => "openai",
        "azure" => "azure.ai.openai",
        "gemini" => "gcp.gemini",
        "vertex" => "gcp.vertex_ai",
        "code-assist" => "gcp.gen_ai",
        "bedrock" => "aws.bedrock",
        "xai" => "x_ai",
        "mistral" => "mistral_ai",
        "watsonx" => "ibm.watsonx.ai",
        provider => provider,
    }
}

/// `role` of a message: Gemini calls the assistant the model.
pub(super) fn role(role: &str) -> &str {
    match role {
        "model" | "MODEL" | "ASSISTANT" | "CHATBOT" | "Chatbot" => "assistant",
        "USER" | "User" | "human" => "user",
        "SYSTEM" | "System" => "system",
        "TOOL" | "function" | "ipython" => "tool",
        role => role,
    }
}

/// `finish_reason` of an output message: the five words of its schema for what providers call
/// differently, else the provider's own.
pub(super) fn finish_reason(reason: &str) -> &str {
    match reason {
        "end_turn" | "stop_sequence" | "stop" | "STOP" | "COMPLETE" | "completed" | "eos"
        | "STOP_SEQUENCE" | "eos_token" | "pause_turn" => "stop",
        "length" | "max_tokens" | "MAX_TOKENS" | "max_output_tokens" | "model_length" => "length",
        "tool_use" | "tool_calls" | "function_call" | "TOOL_CALL" | "tool_call" => "tool_call",
        "content_filter"
        | "content_filtered"
        | "guardrail_intervened"
        | "refusal"
        | "SAFETY"
        | "RECITATION"
        | "PROHIBITED_CONTENT"
        | "BLOCKLIST"
        | "SPII"
        | "ERROR_TOXIC"
        | "IMAGE_SAFETY" => "content_filter",
        "error" | "ERROR" | "failed" | "cancelled" => "error",
        reason => reason,
    }
}

/// `server.address` and `server.port` of an origin such as `https://api.example.com:8443`.
pub(super) fn server(origin: &str) -> Option<(&str, u16)> {
    let (scheme, authority) = origin.split_once("://")?;
    let usual = match scheme {
        "http" | "ws" => 80,
        _ => 443,
    };
    let (host, port) = match authority.rsplit_once(':') {
        // An IPv6 address has colons of its own, and brackets around it.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, usual),
    };
    Some((host.trim_start_matches('[').trim_end_matches(']'), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::sample::turn;

    #[test]
    fn operations_and_providers_have_the_conventions_words() {
        for (rule, provided, dialect, asked, expected) in [
            ("OpenAI", Some("openai"), "openai.chat", "chat", (Some("openai"), Some("chat"))),
            (
                "ChatGPT's",
                Some("chatgpt"),
                "openai.responses",
                "chat",
                (Some("openai"), Some("chat")),
            ),
            (
                "Gemini",
                Some("gemini"),
                "gemini",
                "chat",
                (Some("gcp.gemini"), Some("generate_content")),
            ),
            (
                "a Gemini nobody knows",
                None,
                "gemini",
                "chat",
                (Some("gcp.gen_ai"), Some("generate_content")),
            ),
            (
                "a local server",
                None,
                "openai.completions",
                "fim",
                (Some("openai"), Some("text_completion")),
            ),
            ("Mistral", Some("mistral"), "openai.chat", "chat", (Some("mistral_ai"), Some("chat"))),
            (
                "no word of theirs",
                Some("openrouter"),
                "openai.rerank",
                "rerank",
                (Some("openrouter"), Some("rerank")),
            ),
        ] {
            let mut exchange = turn(0);
            exchange.provider = provided.map(str::to_owned);
            exchange.dialect = Some(dialect.to_owned());
            exchange.operation = Some(asked.to_owned());
            assert_eq!((provider(&exchange), operation(&exchange)), expected, "{rule}");
        }
    }

    #[test]
    fn azure_has_two() {
        let mut exchange = turn(0);
        exchange.provider = Some("azure".into());
        for (origin, path, expected) in [
            ("https://me.openai.azure.com", "/openai/deployments/x", "azure.ai.openai"),
            ("https://me.services.ai.azure.com", "/openai/v1/responses", "azure.ai.openai"),
            ("https://me.services.ai.azure.com", "/models/chat/completions", "azure.ai.inference"),
        ] {
            exchange.origin = origin.into();
            exchange.path = path.into();
            assert_eq!(provider(&exchange), Some(expected), "{origin}{path}");
        }
    }

    #[test]
    fn an_origin_is_an_address_and_a_port() {
        for (origin, expected) in [
            ("https://api.openai.com", Some(("api.openai.com", 443))),
            ("http://127.0.0.1:11434", Some(("127.0.0.1", 11434))),
            ("http://[::1]:8080", Some(("::1", 8080))),
            ("https://[2001:db8::1]", Some(("2001:db8::1", 443))),
            ("no origin", None),
        ] {
            assert_eq!(server(origin), expected, "{origin}");
        }
    }
}
