//! Keys and passwords of sinks: where they come from, and that they are told nowhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::{Kind, Settings, Variable};

/// Shortest word that is thought to be a key: shorter ones stand in any sentence.
const KEY_CHARS_MIN: usize = 6;

impl Settings {
    /// A text without the keys of the sink: a receiver may repeat what it was sent.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for key in self.keys() {
            if text.contains(&key) {
                text = text.replace(&key, "…");
            }
        }
        text
    }

    /// Whatever may be a key, the longest first.
    fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for (_, value) in &self.headers {
            keys.push(value.clone());
            keys.extend(value.split_whitespace().map(str::to_owned));
            let pair = value.split_whitespace().last().and_then(|word| STANDARD.decode(word).ok());
            if let Some(pair) = pair.and_then(|bytes| String::from_utf8(bytes).ok()) {
                keys.extend(pair.split(':').map(str::to_owned));
                keys.push(pair);
            }
        }
        keys.extend(self.options.get("secret").cloned());
        if self.has_secret_path {
            keys.push(self.url.path().to_owned());
            keys.extend(self.url.path_segments().into_iter().flatten().map(str::to_owned));
        }
        keys.extend(self.url.query().map(str::to_owned));
        keys.extend(self.url.query_pairs().map(|(_, value)| value.into_owned()));
        keys.retain(|key| key.chars().count() >= KEY_CHARS_MIN);
        keys.sort_by_key(|key| std::cmp::Reverse(key.len()));
        keys
    }
}

/// The credentials of a URL, as a header.
pub(super) fn basic(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let plain = |text: &str| percent_decoded(text);
    let pair = format!("{}:{}", plain(url.username()), plain(url.password().unwrap_or_default()));
    Some(format!("Basic {}", STANDARD.encode(pair)))
}

fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Credentials from where each receiver's own SDK takes them.
pub(super) fn of_environment(kind: Kind, variable: Variable<'_>) -> Vec<(String, String)> {
    let bearer = |name: &str| {
        let value = variable(name).filter(|value| !value.is_empty())?;
        Some(("authorization".to_owned(), format!("Bearer {value}")))
    };
    match kind {
        Kind::Langfuse => {
            let pair = variable("LANGFUSE_PUBLIC_KEY").zip(variable("LANGFUSE_SECRET_KEY"));
            let basic = pair.map(|(public, secret)| {
                let pair = STANDARD.encode(format!("{public}:{secret}"));
                ("authorization".to_owned(), format!("Basic {pair}"))
            });
            basic.into_iter().collect()
        }
        Kind::Phoenix => bearer("PHOENIX_API_KEY").into_iter().collect(),
        Kind::Mlflow => bearer("MLFLOW_TRACKING_TOKEN").into_iter().collect(),
        Kind::Otlp => {
            let told = variable("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
            let pairs = told.split(',').filter_map(|pair| pair.split_once('='));
            pairs
                .map(|(name, value)| (name.trim().to_owned(), percent_decoded(value.trim())))
                .collect()
        }
        Kind::Loki | Kind::Webhook => Vec::new(),
    }
}

/// A text with `${NAME}` replaced by what the environment has.
pub(super) fn expanded(text: &str, variable: Variable<'_>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let (name, after) = behind.split_once('}').ok_or_else(|| "a `${` has no `}`".to_owned())?;
        let value = variable(name)
            .ok_or_else(|| format!("the variable `{name}` is not set\nhint: export {name}=…"))?;
        out.push_str(before);
        out.push_str(&value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// A URL as it may be printed, whatever is wrong with it: without credentials, query and options.
pub(super) fn shown(text: &str) -> String {
    // A password may have any character; so all up to the last `@` may be of it.
    let text = match text.rfind('@') {
        Some(at) => {
            let before = text.get(..at).unwrap_or_default();
            let begin = ["://", "//", "+", ":"]
                .into_iter()
                .find_map(|mark| before.find(mark).map(|found| found + mark.len()));
            let begin = begin.unwrap_or_default();
            let (head, tail) = (text.get(..begin), text.get(at + 1..));
            format!("{}{}", head.unwrap_or_default(), tail.unwrap_or_default())
        }
        None => text.to_owned(),
    };
    let end = text.find(['#', '?']).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().to_owned()
}
