//! Who serves models where: the list of what is intercepted, and the names of the providers.
//!
//! A pattern is an exact host or `*.suffix`, which stands for every host below the suffix,
//! at any depth. Wide suffixes such as `googleapis.com` are never opened as a whole; where a
//! region stands in front of a cloud's own domain, the hosts are listed.

/// A provider of models.
struct Provider {
    /// Its name in every record, lower case.
    name: &'static str,
    /// Its hosts.
    hosts: &'static [&'static str],
}

/// The provider that `host` belongs to; `None` for a host in no table.
///
/// An exact host goes before a suffix, a long suffix before a short one. Upper case and a
/// dot at the end do not matter.
pub fn provider_of(host: &str) -> Option<&'static str> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    PROVIDERS
        .iter()
        .flat_map(|provider| provider.hosts.iter().map(move |pattern| (provider, *pattern)))
        .filter(|(_, pattern)| matches(pattern, &host))
        .max_by_key(|(_, pattern)| (!pattern.starts_with("*."), pattern.len()))
        .map(|(provider, _)| provider.name)
}

/// Patterns of the hosts that are intercepted unless the user says otherwise.
pub fn intercept_patterns() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().flat_map(|provider| provider.hosts.iter().copied())
}

/// Whether `pattern` stands for `host`, which is lower case and without a dot at its end.
pub fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(suffix) => host
            .strip_suffix(suffix)
            .and_then(|below| below.strip_suffix('.'))
            .is_some_and(|below| !below.is_empty()),
        None => host == pattern,
    }
}

/// The DNS name that an X.509 name constraint must permit for `pattern`: it then permits the
/// name itself and all below it (RFC 5280, 4.2.1.10), which is a little more than an exact
/// host needs and never less.
pub fn permitted_dns(pattern: &str) -> &str {
    pattern.strip_prefix("*.").unwrap_or(pattern)
}

/// The base URL that a provider's short name stands for. The path behind the short name is
/// appended as it is, so that a base URL from the provider's documents follows unchanged:
/// `openai` and `/v1/chat/completions`, `openrouter` and `/api/v1/chat/completions`.
pub fn short_name(name: &str) -> Option<&'static str> {
    SHORT_NAMES.iter().find(|(short, _)| *short == name).map(|(_, base)| *base)
}

/// The short names, for whoever lists them.
pub fn short_names() -> impl Iterator<Item = (&'static str, &'static str)> {
    SHORT_NAMES.iter().copied()
}

const SHORT_NAMES: &[(&str, &str)] = &[
    ("anthropic", "https://api.anthropic.com"),
    ("cerebras", "https://api.cerebras.ai"),
    ("chatgpt", "https://chatgpt.com"),
    ("codestral", "https://codestral.mistral.ai"),
    ("cohere", "https://api.cohere.com"),
    ("copilot", "https://api.githubcopilot.com"),
    ("dashscope", "https://dashscope.aliyuncs.com"),
    ("deepinfra", "https://api.deepinfra.com"),
    ("deepseek", "https://api.deepseek.com"),
    ("fireworks", "https://api.fireworks.ai"),
    ("gemini", "https://generativelanguage.googleapis.com"),
    ("github-models", "https://models.github.ai"),
    ("groq", "https://api.groq.com"),
    ("huggingface", "https://router.huggingface.co"),
    ("hyperbolic", "https://api.hyperbolic.xyz"),
    ("jina", "https://api.jina.ai"),
    ("minimax", "https://api.minimax.io"),
    ("mistral", "https://api.mistral.ai"),
    ("moonshot", "https://api.moonshot.ai"),
    ("nebius", "https://api.studio.nebius.com"),
    ("novita", "https://api.novita.ai"),
    ("nvidia", "https://integrate.api.nvidia.com"),
    ("ollama", "http://127.0.0.1:11434"),
    ("openai", "https://api.openai.com"),
    ("openrouter", "https://openrouter.ai"),
    ("perplexity", "https://api.perplexity.ai"),
    ("sambanova", "https://api.sambanova.ai"),
    ("siliconflow", "https://api.siliconflow.com"),
    ("together", "https://api.together.xyz"),
    ("venice", "https://api.venice.ai"),
    ("vercel", "https://ai-gateway.vercel.sh"),
    ("voyage", "https://api.voyageai.com"),
    ("xai", "https://api.x.ai"),
    ("zai", "https://api.z.ai"),
];

const fn provider(name: &'static str, hosts: &'static [&'static str]) -> Provider {
    Provider { name, hosts }
}

const PROVIDERS: &[Provider] = &[
    provider("openai", &["api.openai.com", "eu.api.openai.com", "us.api.openai.com"]),
    provider("chatgpt", &["chatgpt.com", "chat.openai.com"]),
    provider(
        "azure",
        &[
            "*.openai.azure.com",
            "*.openai.azure.us",
            "*.cognitiveservices.azure.com",
            "*.services.ai.azure.com",
            "*.inference.ai.azure.com",
            "*.models.ai.azure.com",
        ],
    ),
    provider("anthropic", &["api.anthropic.com"]),
    provider("gemini", &["generativelanguage.googleapis.com"]),
    provider("vertex", VERTEX_HOSTS),
    provider(
        "code-assist",
        &[
            "cloudcode-pa.googleapis.com",
            "daily-cloudcode-pa.googleapis.com",
            "autopush-cloudcode-pa.sandbox.googleapis.com",
            "daily-cloudcode-pa.sandbox.googleapis.com",
            "staging-cloudcode-pa.sandbox.googleapis.com",
        ],
    ),
    provider("bedrock", BEDROCK_HOSTS),
    provider("openrouter", &["openrouter.ai", "eu.openrouter.ai"]),
    provider("deepinfra", &["api.deepinfra.com"]),
    provider("deepseek", &["api.deepseek.com"]),
    provider("groq", &["api.groq.com"]),
    provider(
        "xai",
        &[
            "api.x.ai",
            "*.api.x.ai",
            // Grok's own command line.
            "cli-chat-proxy.grok.com",
        ],
    ),
    provider("mistral", &["api.mistral.ai", "codestral.mistral.ai"]),
    provider("cohere", &["api.cohere.com", "api.cohere.ai"]),
    provider("together", &["api.together.xyz", "api.together.ai"]),
    provider("fireworks", &["api.fireworks.ai"]),
    provider("perplexity", &["api.perplexity.ai"]),
    provider("cerebras", &["api.cerebras.ai"]),
    provider("sambanova", &["api.sambanova.ai"]),
    provider("nvidia", &["integrate.api.nvidia.com", "ai.api.nvidia.com"]),
    provider(
        "huggingface",
        &["router.huggingface.co", "api-inference.huggingface.co", "*.endpoints.huggingface.cloud"],
    ),
    provider("moonshot", &["api.moonshot.ai", "api.moonshot.cn", "api.kimi.com"]),
    provider("zhipu", &["api.z.ai", "open.bigmodel.cn"]),
    provider(
        "minimax",
        &["api.minimax.io", "api.minimaxi.com", "api.minimax.chat", "api.minimaxi.chat"],
    ),
    provider(
        "alibaba",
        &[
            "dashscope.aliyuncs.com",
            "dashscope-intl.aliyuncs.com",
            "dashscope-us.aliyuncs.com",
            "coding.dashscope.aliyuncs.com",
            "coding-intl.dashscope.aliyuncs.com",
        ],
    ),
    provider("siliconflow", &["api.siliconflow.com", "api.siliconflow.cn"]),
    provider("voyage", &["api.voyageai.com"]),
    provider("jina", &["api.jina.ai", "deepsearch.jina.ai"]),
    provider(
        "copilot",
        &["api.githubcopilot.com", "*.githubcopilot.com", "copilot-proxy.githubusercontent.com"],
    ),
    provider("github-models", &["models.github.ai", "models.inference.ai.azure.com"]),
    provider("cloudflare", &["gateway.ai.cloudflare.com"]),
    provider("vercel", &["ai-gateway.vercel.sh"]),
    provider("zed", &["llm.zed.dev", "cloud.zed.dev"]),
    provider("raycast", &["backend.raycast.com"]),
    provider("jetbrains", &["api.jetbrains.ai", "*.jetbrains.ai"]),
    provider("warp", &["app.warp.dev"]),
    provider(
        "cursor",
        &[
            "api2.cursor.sh",
            "api3.cursor.sh",
            "api4.cursor.sh",
            "*.api5.cursor.sh",
            "api5.cursor.sh",
        ],
    ),
    provider("windsurf", &["server.codeium.com", "inference.codeium.com", "*.windsurf.com"]),
    provider("notion", &["www.notion.so", "app.notion.com"]),
    provider("ollama", &["ollama.com"]),
    provider("venice", &["api.venice.ai"]),
    provider("doubleword", &["api.doubleword.ai"]),
    provider("writer", &["api.writer.com"]),
    provider("hyperbolic", &["api.hyperbolic.xyz"]),
    provider("novita", &["api.novita.ai"]),
    provider(
        "nebius",
        &["api.studio.nebius.com", "api.studio.nebius.ai", "api.tokenfactory.nebius.com"],
    ),
    provider("replicate", &["api.replicate.com"]),
    provider("ai21", &["api.ai21.com"]),
    provider("poe", &["api.poe.com"]),
    provider("requesty", &["router.requesty.ai"]),
    provider("opencode", &["opencode.ai"]),
    provider("amp", &["ampcode.com"]),
    provider("augment", &["*.api.augmentcode.com"]),
    provider("watsonx", WATSONX_HOSTS),
    provider("volcengine", &["ark.cn-beijing.volces.com", "ark.ap-southeast.bytepluses.com"]),
    provider("stepfun", &["api.stepfun.com", "api.stepfun.ai"]),
];

/// The region stands in front of the name, so a suffix would be all of `googleapis.com`.
/// <https://docs.cloud.google.com/vertex-ai/docs/general/locations>
const VERTEX_HOSTS: &[&str] = &[
    "aiplatform.googleapis.com",
    "aiplatform.us.rep.googleapis.com",
    "aiplatform.eu.rep.googleapis.com",
    "us-central1-aiplatform.googleapis.com",
    "us-east1-aiplatform.googleapis.com",
    "us-east4-aiplatform.googleapis.com",
    "us-east5-aiplatform.googleapis.com",
    "us-south1-aiplatform.googleapis.com",
    "us-west1-aiplatform.googleapis.com",
    "us-west2-aiplatform.googleapis.com",
    "us-west3-aiplatform.googleapis.com",
    "us-west4-aiplatform.googleapis.com",
    "northamerica-northeast1-aiplatform.googleapis.com",
    "northamerica-northeast2-aiplatform.googleapis.com",
    "southamerica-east1-aiplatform.googleapis.com",
    "southamerica-west1-aiplatform.googleapis.com",
    "europe-central2-aiplatform.googleapis.com",
    "europe-north1-aiplatform.googleapis.com",
    "europe-southwest1-aiplatform.googleapis.com",
    "europe-west1-aiplatform.googleapis.com",
    "europe-west2-aiplatform.googleapis.com",
    "europe-west3-aiplatform.googleapis.com",
    "europe-west4-aiplatform.googleapis.com",
    "europe-west6-aiplatform.googleapis.com",
    "europe-west8-aiplatform.googleapis.com",
    "europe-west9-aiplatform.googleapis.com",
    "europe-west12-aiplatform.googleapis.com",
    "asia-east1-aiplatform.googleapis.com",
    "asia-east2-aiplatform.googleapis.com",
    "asia-northeast1-aiplatform.googleapis.com",
    "asia-northeast2-aiplatform.googleapis.com",
    "asia-northeast3-aiplatform.googleapis.com",
    "asia-south1-aiplatform.googleapis.com",
    "asia-southeast1-aiplatform.googleapis.com",
    "asia-southeast2-aiplatform.googleapis.com",
    "australia-southeast1-aiplatform.googleapis.com",
    "australia-southeast2-aiplatform.googleapis.com",
    "me-central1-aiplatform.googleapis.com",
    "me-central2-aiplatform.googleapis.com",
    "me-west1-aiplatform.googleapis.com",
    "africa-south1-aiplatform.googleapis.com",
];

/// The region stands behind the service, so a suffix would be a whole region of AWS.
/// <https://docs.aws.amazon.com/general/latest/gr/bedrock.html>
const BEDROCK_HOSTS: &[&str] = &[
    "bedrock-runtime.us-east-1.amazonaws.com",
    "bedrock-runtime.us-east-2.amazonaws.com",
    "bedrock-runtime.us-west-1.amazonaws.com",
    "bedrock-runtime.us-west-2.amazonaws.com",
    "bedrock-runtime.ca-central-1.amazonaws.com",
    "bedrock-runtime.ca-west-1.amazonaws.com",
    "bedrock-runtime.sa-east-1.amazonaws.com",
    "bedrock-runtime.mx-central-1.amazonaws.com",
    "bedrock-runtime.eu-central-1.amazonaws.com",
    "bedrock-runtime.eu-central-2.amazonaws.com",
    "bedrock-runtime.eu-north-1.amazonaws.com",
    "bedrock-runtime.eu-south-1.amazonaws.com",
    "bedrock-runtime.eu-south-2.amazonaws.com",
    "bedrock-runtime.eu-west-1.amazonaws.com",
    "bedrock-runtime.eu-west-2.amazonaws.com",
    "bedrock-runtime.eu-west-3.amazonaws.com",
    "bedrock-runtime.ap-east-1.amazonaws.com",
    "bedrock-runtime.ap-east-2.amazonaws.com",
    "bedrock-runtime.ap-northeast-1.amazonaws.com",
    "bedrock-runtime.ap-northeast-2.amazonaws.com",
    "bedrock-runtime.ap-northeast-3.amazonaws.com",
    "bedrock-runtime.ap-south-1.amazonaws.com",
    "bedrock-runtime.ap-south-2.amazonaws.com",
    "bedrock-runtime.ap-southeast-1.amazonaws.com",
    "bedrock-runtime.ap-southeast-2.amazonaws.com",
    "bedrock-runtime.ap-southeast-3.amazonaws.com",
    "bedrock-runtime.ap-southeast-4.amazonaws.com",
    "bedrock-runtime.ap-southeast-5.amazonaws.com",
    "bedrock-runtime.ap-southeast-7.amazonaws.com",
    "bedrock-runtime.me-central-1.amazonaws.com",
    "bedrock-runtime.me-south-1.amazonaws.com",
    "bedrock-runtime.il-central-1.amazonaws.com",
    "bedrock-runtime.af-south-1.amazonaws.com",
    "bedrock-runtime.us-gov-east-1.amazonaws.com",
    "bedrock-runtime.us-gov-west-1.amazonaws.com",
    "bedrock-runtime-fips.us-east-1.amazonaws.com",
    "bedrock-runtime-fips.us-east-2.amazonaws.com",
    "bedrock-runtime-fips.us-west-1.amazonaws.com",
    "bedrock-runtime-fips.us-west-2.amazonaws.com",
    "bedrock-runtime-fips.ca-central-1.amazonaws.com",
    "bedrock-runtime-fips.us-gov-east-1.amazonaws.com",
    "bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
    "bedrock-agent-runtime.us-east-1.amazonaws.com",
    "bedrock-agent-runtime.us-east-2.amazonaws.com",
    "bedrock-agent-runtime.us-west-1.amazonaws.com",
    "bedrock-agent-runtime.us-west-2.amazonaws.com",
    "bedrock-agent-runtime.ca-central-1.amazonaws.com",
    "bedrock-agent-runtime.ca-west-1.amazonaws.com",
    "bedrock-agent-runtime.sa-east-1.amazonaws.com",
    "bedrock-agent-runtime.mx-central-1.amazonaws.com",
    "bedrock-agent-runtime.eu-central-1.amazonaws.com",
    "bedrock-agent-runtime.eu-central-2.amazonaws.com",
    "bedrock-agent-runtime.eu-north-1.amazonaws.com",
    "bedrock-agent-runtime.eu-south-1.amazonaws.com",
    "bedrock-agent-runtime.eu-south-2.amazonaws.com",
    "bedrock-agent-runtime.eu-west-1.amazonaws.com",
    "bedrock-agent-runtime.eu-west-2.amazonaws.com",
    "bedrock-agent-runtime.eu-west-3.amazonaws.com",
    "bedrock-agent-runtime.ap-east-1.amazonaws.com",
    "bedrock-agent-runtime.ap-east-2.amazonaws.com",
    "bedrock-agent-runtime.ap-northeast-1.amazonaws.com",
    "bedrock-agent-runtime.ap-northeast-2.amazonaws.com",
    "bedrock-agent-runtime.ap-northeast-3.amazonaws.com",
    "bedrock-agent-runtime.ap-south-1.amazonaws.com",
    "bedrock-agent-runtime.ap-south-2.amazonaws.com",
    "bedrock-agent-runtime.ap-southeast-1.amazonaws.com",
    "bedrock-agent-runtime.ap-southeast-2.amazonaws.com",
    "bedrock-agent-runtime.ap-southeast-3.amazonaws.com",
    "bedrock-agent-runtime.ap-southeast-4.amazonaws.com",
    "bedrock-agent-runtime.ap-southeast-5.amazonaws.com",
    "bedrock-agent-runtime.ap-southeast-7.amazonaws.com",
    "bedrock-agent-runtime.me-central-1.amazonaws.com",
    "bedrock-agent-runtime.me-south-1.amazonaws.com",
    "bedrock-agent-runtime.il-central-1.amazonaws.com",
    "bedrock-agent-runtime.af-south-1.amazonaws.com",
    "bedrock-agent-runtime.us-gov-east-1.amazonaws.com",
    "bedrock-agent-runtime.us-gov-west-1.amazonaws.com",
    "bedrock-mantle.us-east-1.api.aws",
    "bedrock-mantle.us-east-2.api.aws",
    "bedrock-mantle.us-west-2.api.aws",
    "bedrock-mantle.ap-northeast-1.api.aws",
    "bedrock-mantle.ap-south-1.api.aws",
    "bedrock-mantle.ap-southeast-2.api.aws",
    "bedrock-mantle.ap-southeast-3.api.aws",
    "bedrock-mantle.eu-central-1.api.aws",
    "bedrock-mantle.eu-north-1.api.aws",
    "bedrock-mantle.eu-south-1.api.aws",
    "bedrock-mantle.eu-west-1.api.aws",
    "bedrock-mantle.eu-west-2.api.aws",
    "bedrock-mantle.sa-east-1.api.aws",
];

/// <https://cloud.ibm.com/apidocs/watsonx-ai>
const WATSONX_HOSTS: &[&str] = &[
    "us-south.ml.cloud.ibm.com",
    "eu-de.ml.cloud.ibm.com",
    "eu-gb.ml.cloud.ibm.com",
    "jp-tok.ml.cloud.ibm.com",
    "au-syd.ml.cloud.ibm.com",
    "ca-tor.ml.cloud.ibm.com",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_host_has_its_provider() {
        for (host, expected) in [
            ("api.openai.com", Some("openai")),
            ("API.OpenAI.com.", Some("openai")),
            ("evil-api.openai.com.example", None),
            ("mine.openai.azure.com", Some("azure")),
            ("openai.azure.com", None),
            ("a.b.openai.azure.com", Some("azure")),
            ("models.inference.ai.azure.com", Some("github-models")),
            ("other.inference.ai.azure.com", Some("azure")),
            ("api.individual.githubcopilot.com", Some("copilot")),
            ("bedrock-runtime.eu-west-1.amazonaws.com", Some("bedrock")),
            ("s3.eu-west-1.amazonaws.com", None),
            ("europe-west4-aiplatform.googleapis.com", Some("vertex")),
            ("storage.googleapis.com", None),
            ("agentn.global.api5.cursor.sh", Some("cursor")),
            ("router.huggingface.co", Some("huggingface")),
            ("huggingface.co", None),
            ("", None),
        ] {
            assert_eq!(provider_of(host), expected, "{host}");
        }
    }

    #[test]
    fn patterns_are_distinct_well_formed_and_not_wide() {
        let mut seen = HashSet::new();
        for pattern in intercept_patterns() {
            assert!(seen.insert(pattern), "{pattern} is there twice");
            let name = permitted_dns(pattern);
            let is_plain = name.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)
            });
            assert!(is_plain && name.contains('.') && !name.starts_with('.'), "{pattern}");
            for wide in ["googleapis.com", "amazonaws.com", "azure.com", "github.com", "api.aws"] {
                assert_ne!(name, wide, "{pattern} opens too much");
            }
        }
    }

    #[test]
    fn a_short_name_is_the_host_of_a_provider() {
        for (name, base) in short_names() {
            assert_eq!(short_name(name), Some(base));
            assert!(!base.ends_with('/'), "{base}");
            if let Some(host) = base.strip_prefix("https://") {
                assert!(provider_of(host).is_some(), "{base}");
            }
        }
        assert_eq!(short_name("nobody"), None);
    }

    #[test]
    fn the_table_is_sorted_for_the_eye() {
        assert!(SHORT_NAMES.is_sorted());
    }
}
