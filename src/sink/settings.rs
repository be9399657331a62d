//! What a sink is told: a table of the configuration file, or one URL.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Url;
use serde::Deserialize;

use super::credentials::{basic, expanded, of_environment, shown};
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
    /// Where it is, as it may be told: without what may be a key.
    pub target: String,
    /// Whether the path of the URL may be one.
    pub has_secret_path: bool,
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
    #[serde(alias = "genai")]
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
    /// What only some kinds know.
    #[serde(flatten)]
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
        let number = |word: String| {
            word.parse().map_err(|_| fault("`cut` is no number\nhint: cut=2000, in characters"))
        };
        let cut = options.remove("cut").map(number).transpose()?;
        let truth = |word: String| {
            word.parse()
                .map_err(|_| fault("`content` is neither true nor false\nhint: content=false"))
        };
        let content = options.remove("content").map(truth).transpose()?;
        let headers = Vec::new();
        let has_secret_path = kind == Kind::Webhook;
        let draft = Draft { name, kind, url, headers, content, cut, options, has_secret_path };
        Self::new(draft, variable).map_err(|why| fault(&why))
    }

    /// Reads a table of the configuration file.
    pub fn from_table(table: Table, variable: Variable<'_>) -> Result<Self, SettingsError> {
        let named = table.name.clone().unwrap_or_else(|| shown(&table.url));
        let fault = |why: String| SettingsError { sink: named.clone(), why };
        let kind = match (table.kind, table.profile) {
            (Kind::Otlp, Some(profile)) if !matches!(profile, Kind::Loki | Kind::Webhook) => {
                profile
            }
            (Kind::Otlp, Some(profile)) => {
                let profile = profile.as_str();
                return Err(fault(format!("`{profile}` is a type of its own, not a profile")));
            }
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
            has_secret_path: kind == Kind::Webhook || url != table.url,
        };
        Self::new(draft, variable).map_err(fault)
    }

    fn new(draft: Draft<'_>, variable: Variable<'_>) -> Result<Self, String> {
        let Draft { name, kind, url, mut headers, content, cut, options, has_secret_path } = draft;
        if !url.contains("://") {
            return Err("its URL lacks http:// or https://".into());
        }
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
        let has_key = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if kind == Kind::Langfuse && !has_key {
            return Err(
                "it has no key\nhint: export LANGFUSE_PUBLIC_KEY=… LANGFUSE_SECRET_KEY=…, \
                        or name them in the configuration"
                    .into(),
            );
        }
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
        url.set_fragment(None);
        let target = match has_secret_path {
            true => format!("{}/…", url.origin().ascii_serialization()),
            false => format!("{}{}", url.origin().ascii_serialization(), url.path()),
        };
        let name = name.unwrap_or_else(|| own_name(kind, &url, &options));
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || "-_.:@".contains(c)) {
            return Err("its name may have letters, digits and - _ . : @".into());
        }
        let via = None;
        Ok(Self { name, kind, url, target, has_secret_path, headers, content, options, via })
    }

    /// As the capture knows it.
    pub fn sink(&self) -> Sink {
        Sink {
            name: self.name.clone(),
            kind: self.kind.as_str().to_owned(),
            target: self.target.clone(),
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
    has_secret_path: bool,
}

/// A name for a sink that has none: another place there is another sink.
fn own_name(kind: Kind, url: &Url, options: &BTreeMap<String, String>) -> String {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let mut name = format!("{}@{host}{port}", kind.as_str());
    let path = url.path().trim_end_matches('/');
    let place = match (kind, path, url.query()) {
        (_, "", None) => None,
        // It may be a key.
        (Kind::Webhook, path, query) => {
            let hash = blake3::hash(format!("{path}?{}", query.unwrap_or_default()).as_bytes());
            hash.to_hex().get(..6).map(str::to_owned)
        }
        (_, path, _) => Some(path.trim_start_matches('/').to_owned()),
    };
    let options = ["project", "experiment", "tenant"].iter().filter_map(|key| options.get(*key));
    for word in place.iter().chain(options) {
        name.push('-');
        name.extend(word.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }));
    }
    name
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
