//! Who serves models where: the list of what is intercepted, and the names of the providers.
//!
//! A pattern is an exact host or `*.suffix`, which stands for every host below the suffix,
//! at any depth. Wide suffixes such as `googleapis.com` are never opened as a whole; where a
//! region stands in front of a cloud's own domain, the hosts are listed.

mod regions;

use regions::{AMAZON_Q_HOSTS, BEDROCK_HOSTS, SAGEMAKER_HOSTS, VERTEX_HOSTS, WATSONX_HOSTS};

/// A provider of models.
struct Provider {
    /// Its name in every record, lower case.
    name: &'static str,
    /// Its hosts.
    hosts: &'static [&'static str],
    /// Its hosts that serve much else: they have its name, but are intercepted only if the user
    /// says so.
    others: &'static [&'static str],
}

/// The provider that `host` belongs to; `None` for a host in no table.
///
/// An exact host goes before a suffix, a long suffix before a short one. Upper case and a
/// dot at the end do not matter.
pub fn provider_of(host: &str) -> Option<&'static str> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    PROVIDERS
        .iter()
        .flat_map(|provider| {
            let hosts = provider.hosts.iter().chain(provider.others);
            hosts.map(move |pattern| (provider, *pattern))
        })
        .filter(|(_, pattern)| matches(pattern, &host))
        .max_by_key(|(_, pattern)| (!pattern.starts_with("*."), pattern.len()))
        .map(|(provider, _)| provider.name)
}

/// The provider that a server on this machine is, or on the local network, by the path asked for
/// and the port; `None` if neither tells for sure. vLLM, LiteLLM and llama.cpp's chat have
/// nothing of their own there: ports such as 8000 and 8080 are anybody's.
pub fn local_provider_of(path: &str, port: u16) -> Option<&'static str> {
    let path = path.split('?').next().unwrap_or_default();
    let by_path = LOCAL_PATHS.iter().find(|(start, _)| {
        path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    match (by_path, port) {
        (Some((_, name)), _) => Some(name),
        (None, 11434) => Some("ollama"),
        (None, 1234) => Some("lmstudio"),
        (None, _) => None,
    }
}

/// Paths that one server alone has.
const LOCAL_PATHS: &[(&str, &str)] = &[
    ("/api/chat", "ollama"),
    ("/api/embed", "ollama"),
    ("/api/embeddings", "ollama"),
    ("/api/generate", "ollama"),
    ("/api/ps", "ollama"),
    ("/api/show", "ollama"),
    ("/api/tags", "ollama"),
    ("/api/v0", "lmstudio"),
    ("/apply-template", "llamacpp"),
    ("/completion", "llamacpp"),
    ("/infill", "llamacpp"),
    ("/props", "llamacpp"),
    ("/slots", "llamacpp"),
];

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
    Provider { name, hosts, others: &[] }
}

/// A provider some of whose hosts serve much else.
const fn beside(
    name: &'static str,
    hosts: &'static [&'static str],
    others: &'static [&'static str],
) -> Provider {
    Provider { name, hosts, others }
}

const PROVIDERS: &[Provider] = &[
    provider("openai", &["api.openai.com", "eu.api.openai.com", "us.api.openai.com"]),
    provider("chatgpt", &["chatgpt.com", "chat.openai.com"]),
    provider(
        "azure",
        &[
            "*.openai.azure.com",
            "*.openai.azure.us",
            "*.openai.azure.cn",
            "*.cognitiveservices.azure.com",
            "*.cognitiveservices.azure.us",
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
    provider("nvidia", &["integrate.api.nvidia.com", "ai.api.nvidia.com", "api.nvcf.nvidia.com"]),
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
            "cn-hongkong.dashscope.aliyuncs.com",
            "coding.dashscope.aliyuncs.com",
            "coding-intl.dashscope.aliyuncs.com",
            // A workspace's own name and the region stand before it.
            "*.maas.aliyuncs.com",
            // Qwen Code, logged in with an account.
            "portal.qwen.ai",
        ],
    ),
    provider("siliconflow", &["api.siliconflow.com", "api.siliconflow.cn"]),
    provider("voyage", &["api.voyageai.com"]),
    provider("jina", &["api.jina.ai", "deepsearch.jina.ai", "r.jina.ai", "s.jina.ai"]),
    provider(
        "copilot",
        &["api.githubcopilot.com", "*.githubcopilot.com", "copilot-proxy.githubusercontent.com"],
    ),
    provider("github-models", &["models.github.ai", "models.inference.ai.azure.com"]),
    // Workers AI is a path of Cloudflare's whole API.
    beside("cloudflare", &["gateway.ai.cloudflare.com"], &["api.cloudflare.com"]),
    provider("vercel", &["ai-gateway.vercel.sh"]),
    provider("zed", &["llm.zed.dev", "cloud.zed.dev"]),
    provider("raycast", &["backend.raycast.com"]),
    provider(
        "jetbrains",
        &[
            "api.jetbrains.ai",
            "*.jetbrains.ai",
            // Junie.
            "ingrazzio-cloud-prod.labs.jb.gg",
        ],
    ),
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
    provider(
        "replicate",
        &["api.replicate.com", "stream.replicate.com", "streaming-api.svc.us.c.replicate.net"],
    ),
    provider("ai21", &["api.ai21.com"]),
    provider("poe", &["api.poe.com"]),
    provider("requesty", &["router.requesty.ai"]),
    provider("opencode", &["opencode.ai"]),
    provider("amp", &["ampcode.com"]),
    provider("augment", &["*.api.augmentcode.com"]),
    provider("watsonx", WATSONX_HOSTS),
    provider("volcengine", &["ark.cn-beijing.volces.com", "ark.ap-southeast.bytepluses.com"]),
    provider("stepfun", &["api.stepfun.com", "api.stepfun.ai"]),
    provider("baidu", &["qianfan.baidubce.com"]),
    provider("tencent", &["api.hunyuan.cloud.tencent.com", "hunyuan.tencentcloudapi.com"]),
    provider("iflytek", &["spark-api-open.xf-yun.com"]),
    provider("amazon-q", AMAZON_Q_HOSTS),
    beside("sagemaker", &[], SAGEMAKER_HOSTS),
    // All of an account's data goes through these hosts.
    beside("snowflake", &[], &["*.snowflakecomputing.com"]),
    beside(
        "databricks",
        &["*.ai-gateway.cloud.databricks.com"],
        &["*.cloud.databricks.com", "*.azuredatabricks.net", "*.gcp.databricks.com"],
    ),
    provider("aleph-alpha", &["api.aleph-alpha.com"]),
    provider("baseten", &["inference.baseten.co", "*.api.baseten.co"]),
    provider("chutes", &["llm.chutes.ai"]),
    provider("cline", &["api.cline.bot"]),
    provider("featherless", &["api.featherless.ai"]),
    provider("friendli", &["api.friendli.ai"]),
    provider("inception", &["api.inceptionlabs.ai"]),
    provider("inference-net", &["api.inference.net"]),
    provider("lambda", &["api.lambda.ai"]),
    provider("morph", &["api.morphllm.com"]),
    provider("parasail", &["api.parasail.io"]),
    provider("reka", &["api.reka.ai"]),
    provider("scaleway", &["api.scaleway.ai"]),
    provider("upstage", &["api.upstage.ai"]),
    provider("you", &["chat-api.you.com", "api.you.com", "ydc-index.io"]),
    provider("assemblyai", &["api.assemblyai.com", "streaming.assemblyai.com"]),
    provider("deepgram", &["api.deepgram.com", "agent.deepgram.com"]),
    provider(
        "elevenlabs",
        &["api.elevenlabs.io", "api.us.elevenlabs.io", "api.eu.residency.elevenlabs.io"],
    ),
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
            ("ws-1.eu-central-1.maas.aliyuncs.com", Some("alibaba")),
            ("oss.aliyuncs.com", None),
            ("api.cloudflare.com", Some("cloudflare")),
            ("acc.eu-central-1.snowflakecomputing.com", Some("snowflake")),
            ("1.ai-gateway.cloud.databricks.com", Some("databricks")),
            ("runtime.sagemaker.us-east-1.amazonaws.com", Some("sagemaker")),
            ("", None),
        ] {
            assert_eq!(provider_of(host), expected, "{host}");
        }
    }

    #[test]
    fn hosts_that_serve_much_else_are_not_opened() {
        for host in [
            "api.cloudflare.com",
            "acc.snowflakecomputing.com",
            "dbc-1.cloud.databricks.com",
            "runtime.sagemaker.us-east-1.amazonaws.com",
        ] {
            assert!(!intercept_patterns().any(|pattern| matches(pattern, host)), "{host}");
        }
    }

    #[test]
    fn a_local_server_is_known_by_its_path_or_port() {
        for (path, port, expected) in [
            ("/api/chat", 8080, Some("ollama")),
            ("/api/chats", 8080, None),
            ("/v1/chat/completions", 11434, Some("ollama")),
            ("/api/v0/chat/completions", 1234, Some("lmstudio")),
            ("/v1/chat/completions", 1234, Some("lmstudio")),
            ("/props?x=1", 8080, Some("llamacpp")),
            ("/v1/chat/completions", 8000, None),
        ] {
            assert_eq!(local_provider_of(path, port), expected, "{path} {port}");
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
            let wide = ["googleapis.com", "amazonaws.com", "azure.com", "github.com", "api.aws"];
            let wider = ["aliyuncs.com", "cloud.ibm.com", "cloudflare.com", "databricks.com"];
            assert!(!wide.contains(&name) && !wider.contains(&name), "{pattern} opens too much");
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
        assert!(LOCAL_PATHS.is_sorted());
    }
}
