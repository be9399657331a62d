//! Names of the variables that a credential is taken from, where it is not known any more.

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

/// Kinds of fingerprints that are the key of the API; others are named after themselves.
const KEYS: [&str; 8] = [
    "authorization",
    "api-key",
    "apikey",
    "key",
    "x-api-key",
    "x-goog-api-key",
    "xi-api-key",
    "token",
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
    /// Fingerprints and their variables.
    had: Vec<(String, String)>,
}

impl Keys {
    pub(super) fn of(exchange: &Exchange) -> Self {
        let dialect = exchange.dialect.as_deref().and_then(|dialect| dialect.split('.').next());
        let own = match exchange.provider.as_deref().or(dialect) {
            Some(name) => match NAMES.iter().find(|(known, _)| *known == name) {
                Some((_, variable)) => (*variable).to_owned(),
                None => format!("{}_API_KEY", upper(name)),
            },
            None => "API_KEY".to_owned(),
        };
        Self { own, had: Vec::new() }
    }

    /// `text`, a variable in each fingerprint's place.
    pub(super) fn words(&mut self, text: &str) -> Vec<Word> {
        let (mut words, mut at) = (Vec::new(), 0);
        for secret in wire::secrets(text) {
            let before = text.get(at..secret.range.start).unwrap_or_default();
            if !before.is_empty() {
                words.push(Word::Text(before.to_owned()));
            }
            let print = text.get(secret.range.clone()).unwrap_or_default();
            words.push(Word::Key(self.variable(print, &secret.kind)));
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
        self.had.iter().map(|(_, name)| name.as_str()).collect()
    }

    fn variable(&mut self, print: &str, kind: &str) -> String {
        if let Some((_, name)) = self.had.iter().find(|(had, _)| had == print) {
            return name.clone();
        }
        let name = match KEYS.contains(&kind) {
            true => self.own.clone(),
            false => upper(kind),
        };
        let is_taken = |name: &str| self.had.iter().any(|(_, had)| had == name);
        let free = match is_taken(&name) {
            false => Some(name.clone()),
            true => (2..).map(|n| format!("{name}_{n}")).find(|name| !is_taken(name)),
        };
        let name = free.unwrap_or(name);
        self.had.push((print.to_owned(), name.clone()));
        name
    }
}

/// A word as the name of a variable.
fn upper(word: &str) -> String {
    let name =
        word.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    let name: String = name.collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::sample::turn;

    #[test]
    fn each_credential_has_a_variable_of_its_own() {
        let mut exchange = turn(0);
        exchange.provider = Some("openai".to_owned());
        let mut keys = Keys::of(&exchange);
        let text = |text: &str| Word::Text(text.to_owned());
        let key = |name: &str| Word::Key(name.to_owned());
        for (rule, value, expected) in [
            (
                "a key",
                "Bearer <authorization:01234567..abcd>",
                vec![text("Bearer "), key("OPENAI_API_KEY")],
            ),
            ("the same again", "<authorization:01234567..abcd>", vec![key("OPENAI_API_KEY")]),
            ("another", "<x-api-key:11111111..>", vec![key("OPENAI_API_KEY_2")]),
            (
                "of another kind",
                "a=<cookie:22222222..>; b",
                vec![text("a="), key("COOKIE"), text("; b")],
            ),
            ("none", "<b>", vec![text("<b>")]),
        ] {
            assert_eq!(keys.words(value), expected, "{rule}");
        }
    }
}
