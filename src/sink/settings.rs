//! What a sink is told: a table of the configuration file, or one URL.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use reqwest::Url;
use serde::Deserialize;

use super::{Content, Loki, Otlp, OtlpSettings, Profile, Semconv, Webhook, Wire};
use crate::model::Secret;
use crate::store::Sink;

/// What a sink is, and where.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The user's name for it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Where it is, without credentials.
    pub url: Url,
    /// Headers of each request, credentials among them.
    pub headers: Vec<(String, String)>,
    /// How much of what was said is delivered.
    pub content: Content,
    /// What only some kinds know, by name.
    pub options: BTreeMap<String, String>,
    /// The proxy by which it is reached, if it is not on this machine.
    pub via: Option<Via>,
}

/// A proxy, as the environment names it.
#[derive(Clone, Debug)]
pub struct Via {
    /// Its URL.
    pub url: String,
    /// Hosts that are reached without it, as in `NO_PROXY`.
    pub except: String,
}

/// What kind of receiver it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An OpenTelemetry collector, or whatever takes spans by the GenAI conventions.
    Otlp,
    /// Arize Phoenix.
    Phoenix,
    /// MLflow's tracking server.
    Mlflow,
    /// Langfuse.
    Langfuse,
    /// Grafana Loki.
    Loki,
    /// Whatever takes JSON lines.
    Webhook,
}

/// Why a sink cannot be used as it is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sink `{sink}` cannot be used: {why}")]
pub struct SettingsError {
    /// As it was named.
    pub sink: String,
    /// What is wrong, and what to do.
    pub why: String,
}

/// A sink as the configuration file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Kind,
    profile: Option<Kind>,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    content: Option<bool>,
    cut: Option<usize>,
    #[serde(default)]
    options: BTreeMap<String, toml::Value>,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Otlp, Self::Phoenix, Self::Mlflow, Self::Langfuse, Self::Loki, Self::Webhook];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Phoenix => "phoenix",
            Self::Mlflow => "mlflow",
            Self::Langfuse => "langfuse",
            Self::Loki => "loki",
            Self::Webhook => "webhook",
        }
    }

    /// Options that mean something to it.
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Otlp => &["semconv", "service", "environment", "metrics"],
            Self::Phoenix => &["semconv", "project", "environment"],
            Self::Mlflow => &["semconv", "experiment", "environment"],
            Self::Langfuse => &["semconv", "environment", "settle"],
            Self::Loki => &["tenant", "max-age"],
            Self::Webhook => &["secret"],
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        // The name that the conventions have for themselves.
        let word = if word == "genai" { "otlp" } else { word };
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Reads a variable of the environment.
pub type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Settings {
    /// Reads `KIND+URL[#OPTION=VALUE&…]`, as `--sink` takes it.
    pub fn from_url(text: &str, variable: Variable<'_>) -> Result<Self, SettingsError> {
        // What is printed must not have the password.
        let shown = shown(text);
        let fault = |why: &str| SettingsError { sink: shown.clone(), why: why.to_owned() };
        let known = Kind::ALL.map(Kind::as_str).join(", ");
        let (kind, url) = text
            .split_once('+')
            .and_then(|(word, url)| Some((Kind::from_word(word)?, url)))
            .ok_or_else(|| {
                fault(&format!(
                    "it begins with no kind\nhint: KIND+URL, such as \
                     phoenix+http://127.0.0.1:6006; kinds are {known}"
                ))
            })?;
        let (url, behind) = url.split_once('#').unwrap_or((url, ""));
        let mut options = BTreeMap::new();
        for pair in behind.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| fault("options behind `#` are NAME=VALUE, joined by `&`"))?;
            options.insert(name.to_owned(), value.to_owned());
        }
        let name = options.remove("name");
        let number = |word: String| word.parse().map_err(|_| fault("`cut` is no number"));
        let cut = options.remove("cut").map(number).transpose()?;
        let truth = |word: String| word.parse().map_err(|_| fault("`content` is true or false"));
        let content = options.remove("content").map(truth).transpose()?;
        Self::new(Draft { name, kind, url, headers: Vec::new(), content, cut, options }, variable)
            .map_err(|why| fault(&why))
    }

    /// Reads a table of the configuration file.
    pub fn from_table(table: Table, variable: Variable<'_>) -> Result<Self, SettingsError> {
        let named = table.name.clone().unwrap_or_else(|| shown(&table.url));
        let fault = |why: String| SettingsError { sink: named.clone(), why };
        let kind = match (table.kind, table.profile) {
            (Kind::Otlp, Some(profile)) => profile,
            (kind, None) => kind,
            (_, Some(_)) => return Err(fault("`profile` is for the type `otlp`".into())),
        };
        let mut headers = Vec::new();
        for (name, value) in table.headers {
            headers.push((name, expanded(&value, variable).map_err(&fault)?));
        }
        let mut options = BTreeMap::new();
        for (name, value) in table.options {
            let value = match value {
                toml::Value::String(text) => expanded(&text, variable).map_err(&fault)?,
                value => value.to_string(),
            };
            options.insert(name, value);
        }
        let url = expanded(&table.url, variable).map_err(&fault)?;
        let draft = Draft {
            name: table.name,
            kind,
            url: &url,
            headers,
            content: table.content,
            cut: table.cut,
            options,
        };
        Self::new(draft, variable).map_err(fault)
    }

    fn new(draft: Draft<'_>, variable: Variable<'_>) -> Result<Self, String> {
        let Draft { name, kind, url, mut headers, content, cut, options } = draft;
        let mut url: Url = url.parse().map_err(|error| format!("`{}`: {error}", shown(url)))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("its URL is neither http:// nor https://".into());
        }
        if let Some(unknown) = options.keys().find(|name| !kind.options().contains(&name.as_str()))
        {
            let known = kind.options().join(", ");
            return Err(format!(
                "`{unknown}` is no option of {}\nhint: it knows name, content, cut, {known}",
                kind.as_str()
            ));
        }
        if let Some(basic) = basic(&url) {
            headers.insert(0, ("authorization".into(), basic));
            // Neither fails for a URL with a host.
            let _ = url.set_username("");
            let _ = url.set_password(None);
        }
        headers.extend(of_environment(kind, variable));
        let mut seen = Vec::new();
        headers.retain(|(name, _)| {
            let name = name.to_ascii_lowercase();
            let is_new = !seen.contains(&name);
            seen.push(name);
            is_new
        });
        let content = match (content, cut) {
            (Some(false), _) => Content::None,
            (_, Some(characters)) => Content::Cut(characters),
            (_, None) => Content::Whole,
        };
        let name = name.unwrap_or_else(|| own_name(kind, &url));
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || "-_.:@".contains(c)) {
            return Err("its name may have letters, digits and - _ . : @".into());
        }
        Ok(Self { name, kind, url, headers, content, options, via: None })
    }

    /// As the capture knows it.
    pub fn sink(&self) -> Sink {
        let mut target = self.url.clone();
        // A key may stand in it.
        target.set_query(None);
        Sink {
            name: self.name.clone(),
            kind: self.kind.as_str().to_owned(),
            target: target.to_string(),
        }
    }

    /// An option of its kind.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// How long after a request a receiver that can be asked shows what it took.
    pub(super) fn settle(&self) -> Duration {
        let told = self.option("settle").and_then(|text| text.parse().ok());
        Duration::from_secs(told.unwrap_or(30))
    }

    /// What exchanges look like there.
    pub(super) fn wire(&self) -> Result<Box<dyn Wire>, SettingsError> {
        let profile = match self.kind {
            Kind::Otlp => Profile::GenAi,
            Kind::Phoenix => Profile::Phoenix,
            Kind::Mlflow => Profile::Mlflow,
            Kind::Langfuse => Profile::Langfuse,
            Kind::Loki => return Ok(Box::new(self.loki()?)),
            Kind::Webhook => return Ok(Box::new(self.webhook()?)),
        };
        Ok(Box::new(Otlp::new(profile, self.otlp()?)))
    }

    /// What is said of Loki.
    fn loki(&self) -> Result<Loki, SettingsError> {
        let mut loki = Loki::default();
        if let Some(tenant) = self.option("tenant") {
            loki = loki.of_tenant(tenant);
        }
        if let Some(text) = self.option("max-age") {
            let age = hours(text).ok_or_else(|| SettingsError {
                sink: self.name.clone(),
                why: format!("`{text}` is no age\nhint: max-age=168h, 7d, or a number of hours"),
            })?;
            loki = loki.of_age(age);
        }
        Ok(loki)
    }

    /// What is said of a webhook.
    fn webhook(&self) -> Result<Webhook, SettingsError> {
        let Some(secret) = self.option("secret") else { return Ok(Webhook::default()) };
        Webhook::signed(&Secret::new(secret))
            .map_err(|error| SettingsError { sink: self.name.clone(), why: error.to_string() })
    }

    /// What is said of spans.
    fn otlp(&self) -> Result<OtlpSettings, SettingsError> {
        let semconv = match self.option("semconv") {
            None | Some("1.41") => Semconv::V1_41,
            Some("next") => Semconv::Next,
            Some(other) => {
                let why = format!("`semconv` is 1.41 or next, not `{other}`");
                return Err(SettingsError { sink: self.name.clone(), why });
            }
        };
        let option = |name: &str| self.option(name).map(str::to_owned);
        Ok(OtlpSettings {
            semconv,
            service_name: option("service"),
            project: option("project").or_else(|| Some("overhear".to_owned())),
            experiment: option("experiment"),
            environment: option("environment"),
        })
    }
}

/// `168h`, `7d`, or a number of hours.
fn hours(text: &str) -> Option<SignedDuration> {
    let age = match text.parse() {
        Ok(hours) => SignedDuration::try_from_hours(hours),
        Err(_) => {
            let days = text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok());
            match days.and_then(|days| days.checked_mul(24)) {
                Some(hours) => SignedDuration::try_from_hours(hours),
                None => text.parse().ok(),
            }
        }
    };
    age.filter(SignedDuration::is_positive)
}

struct Draft<'a> {
    name: Option<String>,
    kind: Kind,
    url: &'a str,
    headers: Vec<(String, String)>,
    content: Option<bool>,
    cut: Option<usize>,
    options: BTreeMap<String, String>,
}

/// A name for a sink that has none.
fn own_name(kind: Kind, url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}@{host}{port}", kind.as_str())
}

/// The credentials of a URL, as a header.
fn basic(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let plain = |text: &str| percent_decoded(text);
    let pair = format!("{}:{}", plain(url.username()), plain(url.password().unwrap_or_default()));
    Some(format!("Basic {}", STANDARD.encode(pair)))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let code = more.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%')
        {
            Some(byte) => {
                bytes.push(byte);
                rest = more.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Credentials from where each receiver's own SDK takes them.
fn of_environment(kind: Kind, variable: Variable<'_>) -> Vec<(String, String)> {
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
fn expanded(text: &str, variable: Variable<'_>) -> Result<String, String> {
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

/// A URL as it may be printed: without credentials, query and options.
fn shown(text: &str) -> String {
    let end = text.find(['#', '?']).unwrap_or(text.len());
    let text = text.get(..end).unwrap_or_default();
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            let (before, behind) = (text.get(..scheme + 3), text.get(at + 1..));
            format!("{}{}", before.unwrap_or_default(), behind.unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
