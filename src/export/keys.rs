//! Names of the variables that a credential is taken from, where it is not known any more.

use std::net::IpAddr;

use super::wire;
use crate::model::Exchange;

/// Providers whose variable is not their name and `_API_KEY`, as their own SDKs call it.
const NAMES: [(&str, &str); 16] = [
    ("amazon-q", "AWS_BEARER_TOKEN_BEDROCK"),
    ("azure", "AZURE_OPENAI_API_KEY"),
    ("bedrock", "AWS_BEARER_TOKEN_BEDROCK"),
    ("chatgpt", "CHATGPT_ACCESS_TOKEN"),
    ("cohere", "CO_API_KEY"),
    ("copilot", "GITHUB_TOKEN"),
    ("databricks", "DATABRICKS_TOKEN"),
    ("github-models", "GITHUB_TOKEN"),
    ("huggingface", "HF_TOKEN"),
    ("replicate", "REPLICATE_API_TOKEN"),
    ("vertex", "GOOGLE_ACCESS_TOKEN"),
    ("vercel", "AI_GATEWAY_API_KEY"),
    ("xai", "XAI_API_KEY"),
    ("you", "YDC_API_KEY"),
    ("cloudflare", "CLOUDFLARE_API_TOKEN"),
    ("snowflake", "SNOWFLAKE_TOKEN"),
];

/// Headers that carry the key of the API, lower case.
const KEY_HEADERS: [&str; 7] = [
    "api-key",
    "apikey",
    "authorization",
    "ocp-apim-subscription-key",
    "x-api-key",
    "x-goog-api-key",
    "xi-api-key",
];

/// What the names of all other variables begin with. What looks like a fingerprint may be a text
/// of anybody: it must not name a variable that a shell has, such as `PATH`, because whoever
/// runs the copy would send that to a host that was captured.
const OURS: &str = "OVERHEAR_";

/// Settings of Overhear itself that begin so and may be set where the copy is run.
const SETTINGS: [&str; 16] = [
    "ALL",
    "CONFIG",
    "DATA_DIR",
    "DURABLE",
    "INTERCEPT",
    "KEEP_BODY_SECRETS",
    "KEEP_DAYS",
    "KEEP_GB",
    "LISTEN",
    "PAGE_HOST",
    "PARENT_PROXY",
    "RESOLVE",
    "TAPE_BUDGET",
    "TUNNEL",
    "UPSTREAM_CA",
    "WEB",
];

/// A piece of a text of which credentials were a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// As it is.
    Text(String),
    /// The variable of this name.
    Key(String),
}

/// The variables of one exchange.
pub(super) struct Keys {
    /// The variable of the provider's key.
    own: String,
    had: Vec<Had>,
}

/// A variable that was named.
struct Had {
    /// The fingerprint that it stands for.
    print: String,
    /// Whether it is the key of a header that carries one.
    is_key: bool,
    name: String,
}

impl Keys {
    pub(super) fn of(exchange: &Exchange) -> Self {
        // A server on this machine is known by a path and a port, which are anybody's.
        let provider = exchange.provider.as_deref().filter(|_| !is_local(&exchange.origin));
        let own = match provider {
            Some(name) => match NAMES.iter().find(|(known, _)| *known == name) {
                Some((_, variable)) => (*variable).to_owned(),
                None => format!("{}_API_KEY", upper(name)),
            },
            // A host in no table gets no key of a provider, whose dialect it may well speak.
            None => format!("{OURS}API_KEY"),
        };
        Self { own, had: Vec::new() }
    }

    /// The value of a header of the request, a variable in each fingerprint's place.
    pub(super) fn header(&mut self, name: &str, value: &str) -> Vec<Word> {
        let is_credential = KEY_HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known));
        let is_key = is_credential && is_key_alone(value);
        self.replaced(value, is_key)
    }

    /// `text`, a variable in each fingerprint's place.
    pub(super) fn words(&mut self, text: &str) -> Vec<Word> {
        self.replaced(text, false)
    }

    fn replaced(&mut self, text: &str, is_key: bool) -> Vec<Word> {
        let (mut words, mut at) = (Vec::new(), 0);
        for secret in wire::secrets(text) {
            let before = text.get(at..secret.range.start).unwrap_or_default();
            if !before.is_empty() {
                words.push(Word::Text(before.to_owned()));
            }
            let print = text.get(secret.range.clone()).unwrap_or_default();
            words.push(Word::Key(self.variable(print, &secret.kind, is_key)));
            at = secret.range.end;
        }
        let rest = text.get(at..).unwrap_or_default();
        if !rest.is_empty() {
            words.push(Word::Text(rest.to_owned()));
        }
        words
    }

    /// The variables that were named, in order.
    pub(super) fn names(&self) -> Vec<&str> {
        self.had.iter().map(|had| had.name.as_str()).collect()
    }

    fn variable(&mut self, print: &str, kind: &str, is_key: bool) -> String {
        if let Some(had) = self.had.iter().find(|had| had.print == print && had.is_key == is_key) {
            return had.name.clone();
        }
        let name = match is_key {
            true => self.own.clone(),
            false => format!("{OURS}{}", upper(kind)),
        };
        let is_taken = |name: &str| {
            let is_setting = name.strip_prefix(OURS).is_some_and(|rest| SETTINGS.contains(&rest));
            is_setting || self.had.iter().any(|had| had.name == name)
        };
        let free = match is_taken(&name) {
            false => Some(name.clone()),
            true => (2..).map(|n| format!("{name}_{n}")).find(|name| !is_taken(name)),
        };
        let name = free.unwrap_or(name);
        self.had.push(Had { print: print.to_owned(), is_key, name: name.clone() });
        name
    }
}

/// Whether a header's value is one fingerprint, with at most a scheme such as `Bearer` before it.
fn is_key_alone(value: &str) -> bool {
    let value = value.trim();
    let (scheme, print) = value.rsplit_once(' ').unwrap_or(("", value));
    let is_scheme = scheme.trim_end().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let whole = 0..print.len();
    is_scheme && matches!(wire::secrets(print).as_slice(), [secret] if secret.range == whole)
}

/// Whether an origin is this machine.
fn is_local(origin: &str) -> bool {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    let host = match authority.strip_prefix('[') {
        Some(inside) => inside.split(']').next().unwrap_or(inside),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// A word as a part of a variable's name.
fn upper(word: &str) -> String {
    let name =
        word.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    name.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::sample::turn;

    fn text(text: &str) -> Word {
        Word::Text(text.to_owned())
    }

    fn key(name: &str) -> Word {
        Word::Key(name.to_owned())
    }

    fn keys(provider: Option<&str>, origin: &str) -> Keys {
        let mut exchange = turn(0);
        exchange.provider = provider.map(str::to_owned);
        exchange.dialect = Some("openai.chat".to_owned());
        exchange.origin = origin.to_owned();
        Keys::of(&exchange)
    }

    #[test]
    fn each_credential_has_a_variable_of_its_own() {
        let mut keys = keys(Some("openai"), "https://api.openai.com");
        for (rule, name, value, expected) in [
            (
                "a key",
                "Authorization",
                "Bearer <authorization:01234567..abcd>",
                vec![text("Bearer "), key("OPENAI_API_KEY")],
            ),
            (
                "the same again",
                "authorization",
                "<authorization:01234567..abcd>",
                vec![key("OPENAI_API_KEY")],
            ),
            ("another", "x-api-key", "<x-api-key:11111111..>", vec![key("OPENAI_API_KEY_2")]),
            (
                "of another header",
                "Cookie",
                "a=<cookie:22222222..>; b",
                vec![text("a="), key("OVERHEAR_COOKIE"), text("; b")],
            ),
            (
                "the key in another header",
                "x-other",
                "<authorization:01234567..abcd>",
                vec![key("OVERHEAR_AUTHORIZATION")],
            ),
            (
                "a part of a credential",
                "authorization",
                "AWS4-HMAC-SHA256 Credential=a, Signature=<authorization:33333333..>",
                vec![
                    text("AWS4-HMAC-SHA256 Credential=a, Signature="),
                    key("OVERHEAR_AUTHORIZATION_2"),
                ],
            ),
            ("none", "x-other", "<b>", vec![text("<b>")]),
        ] {
            assert_eq!(keys.header(name, value), expected, "{rule}");
        }
    }

    #[test]
    fn a_text_that_looks_like_a_fingerprint_names_no_variable_of_a_shell() {
        let mut keys = keys(Some("openai"), "https://api.openai.com");
        for (value, expected) in [
            ("<aws-secret-access-key:01234567..abcd>", "OVERHEAR_AWS_SECRET_ACCESS_KEY"),
            ("<path:01234567..>", "OVERHEAR_PATH"),
            ("<openai-api-key:01234567..>", "OVERHEAR_OPENAI_API_KEY"),
            ("<authorization:01234567..>", "OVERHEAR_AUTHORIZATION"),
            ("<key:01234567..>", "OVERHEAR_KEY"),
            ("<01234567..>", "OVERHEAR_SECRET"),
            ("<7:01234567..>", "OVERHEAR_7"),
            // Not what leads Overhear itself, either.
            ("<parent-proxy:01234567..>", "OVERHEAR_PARENT_PROXY_2"),
        ] {
            assert_eq!(keys.words(value), [key(expected)]);
            assert_eq!(keys.header("x-other", value), [key(expected)]);
        }
        assert!(keys.names().iter().all(|name| name.starts_with(OURS)));
    }

    #[test]
    fn a_provider_that_is_not_known_by_its_host_gets_no_key_of_one() {
        for (provider, origin, expected) in [
            (Some("openai"), "https://api.openai.com", "OPENAI_API_KEY"),
            (Some("bedrock"), "https://bedrock-runtime.us-east-1.amazonaws.com", NAMES[2].1),
            (None, "https://llm.example.com", "OVERHEAR_API_KEY"),
            (Some("ollama"), "http://127.0.0.1:11434", "OVERHEAR_API_KEY"),
            (Some("ollama"), "http://[::1]:11434", "OVERHEAR_API_KEY"),
            (Some("lmstudio"), "http://localhost:1234", "OVERHEAR_API_KEY"),
        ] {
            let value = "Bearer <authorization:01234567..abcd>";
            let words = keys(provider, origin).header("authorization", value);
            assert_eq!(words, [text("Bearer "), key(expected)], "{origin}");
        }
    }
}
