//! Our names of providers and the names on the wire of models, as the table has them.

use super::{Bill, Unknown};

/// The table's name of a provider whose hosts all have one price.
const PROVIDERS: [(&str, &str); 24] = [
    ("anthropic", "anthropic"),
    ("azure", "azure"),
    ("baseten", "baseten"),
    ("bedrock", "aws"),
    ("cerebras", "cerebras"),
    ("cloudflare", "cloudflare"),
    ("cohere", "cohere"),
    ("copilot", "github-copilot"),
    ("databricks", "databricks"),
    ("deepseek", "deepseek"),
    ("doubleword", "doubleword"),
    ("fireworks", "fireworks"),
    ("gemini", "google"),
    ("groq", "groq"),
    ("minimax", "minimax"),
    ("mistral", "mistral"),
    ("moonshot", "moonshotai"),
    ("novita", "novita"),
    ("openai", "openai"),
    ("openrouter", "openrouter"),
    ("together", "together"),
    ("vertex", "google"),
    ("voyage", "voyageai"),
    ("xai", "x-ai"),
];

/// Hosts that charge otherwise than the rest of their provider, or not by the token:
/// another region, another currency, a subscription.
const APART: [&str; 7] = [
    // <https://developers.openai.com/api/docs/guides/your-data>: a tenth more for some models.
    "eu.api.openai.com",
    "us.api.openai.com",
    "codestral.mistral.ai",
    "cli-chat-proxy.grok.com",
    "api.moonshot.cn",
    "api.kimi.com",
    "api.minimax.chat",
];

/// Where Bedrock's open models have the price of the table.
const BEDROCK_REGIONS: [&str; 3] = ["us-east-1", "us-east-2", "us-west-2"];

/// The table's name of who sends the bill.
pub(super) fn provider(bill: &Bill<'_>) -> Result<String, Unknown> {
    let name = bill.provider.ok_or(Unknown::NoProvider)?;
    let host = bill.host();
    if APART.contains(&host.as_str()) {
        return Err(Unknown::NoProvider);
    }
    match name {
        "zhipu" if bill.path.contains("/coding/") => Err(Unknown::NoProvider),
        "zhipu" if host == "api.z.ai" => Ok("zai".to_owned()),
        "zhipu" => Ok("zhipuai".to_owned()),
        "huggingface" => hugging_face(bill).ok_or(Unknown::NoProvider),
        // Two thirds of what a search model costs is the search, by how much it read.
        "perplexity" if bill.models.iter().any(|model| model.contains("sonar")) => {
            Err(Unknown::Beside("a search"))
        }
        _ => named(name).map(str::to_owned).ok_or(Unknown::NoProvider),
    }
}

/// The table's name of a provider of ours, for whoever asks without a request; its own names
/// stay what they are.
pub(super) fn named(name: &str) -> Option<&'static str> {
    let extra = [("perplexity", "perplexity"), ("zhipu", "zai")];
    PROVIDERS.iter().chain(&extra).find(|(ours, _)| *ours == name).map(|(_, theirs)| *theirs)
}

/// Our name of a provider of the table.
pub(super) fn ours(theirs: &str) -> &str {
    let mut both = PROVIDERS.iter().filter(|(ours, _)| *ours != "vertex");
    both.find(|(_, had)| *had == theirs).map_or(theirs, |(ours, _)| ours)
}

/// Who serves behind Hugging Face's router: named in the path, in the reply's head, or behind the
/// model's colon.
fn hugging_face(bill: &Bill<'_>) -> Option<String> {
    let first = bill.path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let served_by = match first {
        "" | "v1" => {
            let named = bill.models.iter().find_map(|model| Some(model.split_once(':')?.1));
            bill.served_by.or(named)?
        }
        first => first,
    };
    Some(format!("huggingface_{served_by}"))
}

/// The name to look `model` up by, once whatever only routes is taken off it.
pub(super) fn model<'a>(bill: &Bill<'_>, model: &'a str) -> Result<&'a str, Unknown> {
    // An inference profile is an ARN; a model of Vertex or of Gemini is a path.
    let model = model.rsplit('/').next().filter(|_| is_path(bill, model)).unwrap_or(model);
    match bill.provider {
        Some("huggingface") => Ok(model.split(':').next().unwrap_or(model)),
        // `:floor`, `:nitro`, `:online` and their like choose who serves, at what price.
        Some("openrouter") if model.contains(':') && !model.ends_with(":free") => {
            Err(Unknown::NoPrice)
        }
        Some("openai") if model.contains("-search-") => Err(Unknown::Beside("a search")),
        Some("bedrock") => bedrock(bill, model),
        Some("vertex") => vertex(bill, model),
        _ => Ok(model),
    }
}

fn is_path(bill: &Bill<'_>, model: &str) -> bool {
    matches!(bill.provider, Some("gemini" | "vertex"))
        || bill.provider == Some("bedrock") && model.starts_with("arn:")
}

fn bedrock<'a>(bill: &Bill<'_>, model: &'a str) -> Result<&'a str, Unknown> {
    let is_listed = |region: &&str| bill.host().contains(*region);
    if model.contains("anthropic.") || BEDROCK_REGIONS.iter().any(is_listed) {
        return Ok(model);
    }
    Err(Unknown::Terms("another region of Bedrock".to_owned()))
}

/// Anthropic's newer models cost a tenth more in a region than at the global endpoint,
/// <https://platform.claude.com/docs/en/about-claude/pricing>.
fn vertex<'a>(bill: &Bill<'_>, model: &'a str) -> Result<&'a str, Unknown> {
    let older = ["claude-3", "claude-opus-4@", "claude-opus-4-1", "claude-sonnet-4@"];
    let is_dearer = model.contains("claude") && !older.iter().any(|name| model.contains(name));
    if is_dearer && !bill.path.contains("/locations/global/") {
        return Err(Unknown::Terms("a region of Vertex".to_owned()));
    }
    Ok(model)
}
