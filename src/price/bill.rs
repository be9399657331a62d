//! What there is to pay for in an exchange.

use jiff::Timestamp;
use serde_json::Value;

use super::Unknown;
use crate::model::{Exchange, Part, State, Usage};

/// What there is to pay for in an exchange, and to whom.
#[derive(Clone, Debug)]
pub struct Bill<'a> {
    /// Our name of the provider.
    pub provider: Option<&'a str>,
    /// Scheme, host and port.
    pub origin: &'a str,
    /// The request's path.
    pub path: &'a str,
    /// Who served the model behind the provider, if a router says so in a header.
    pub served_by: Option<&'a str>,
    /// The models that may be meant, the surer first.
    pub models: Vec<&'a str>,
    /// When the request was made.
    pub at: Timestamp,
    /// The tokens.
    pub usage: &'a Usage,
    /// US dollars, if a gateway says so in a header.
    pub reported: Option<f64>,
    /// Ways of serving that cost more or less: name and value, as the table has them.
    pub terms: Vec<(&'static str, String)>,
    /// Searches in the web that the provider made.
    pub web_searches: u64,
    /// Searches in uploaded files that the provider made.
    pub file_searches: u64,
    /// Something else that the provider did for money.
    pub beside: Option<&'static str>,
}

/// Operations that tell of tokens and use none: counts of a prompt, and what became of a batch.
const UNCHARGED: [&str; 2] = ["count_tokens", "batches"];

/// LiteLLM's own word of what a request cost,
/// <https://docs.litellm.ai/docs/proxy/response_headers>.
const LITELLM_COST: &str = "x-litellm-response-cost";

/// Hugging Face's router: who served the model.
const SERVED_BY: &str = "x-inference-provider";

impl<'a> Bill<'a> {
    /// The bill of `exchange`, unless there is nothing that could be on it.
    pub fn of(exchange: &'a Exchange) -> Result<Self, Unknown> {
        let Some(usage) = &exchange.usage else { return Err(Unknown::NoUsage) };
        // A turn of a WebSocket has the method of its handshake.
        let is_fetched = exchange.method == "GET" && exchange.status != Some(101);
        let operation = exchange.operation.as_deref().unwrap_or_default();
        if is_fetched || UNCHARGED.contains(&operation) {
            return Err(Unknown::NotCharged);
        }
        // Anthropic and Gemini count from the first event on: of a stream that broke off there
        // is a count, and it is too small.
        if exchange.state == State::Interrupted {
            return Err(Unknown::Interrupted);
        }
        let reply = exchange.reply.as_ref();
        let models =
            [reply.and_then(|reply| reply.model.as_deref()), exchange.request.model.as_deref()];
        let headers = reply.map(|reply| reply.headers.as_slice()).unwrap_or_default();
        let header = |name: &str| {
            headers.iter().find(|(had, _)| had.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let mut bill = Self {
            provider: exchange.provider.as_deref(),
            origin: &exchange.origin,
            path: &exchange.path,
            served_by: header(SERVED_BY).map(String::as_str),
            models: models.into_iter().flatten().filter(|model| !model.is_empty()).collect(),
            at: exchange.started_at,
            usage,
            reported: header(LITELLM_COST).and_then(|cost| cost.parse().ok()),
            terms: Vec::new(),
            web_searches: count(&usage.raw, "/server_tool_use/web_search_requests"),
            file_searches: 0,
            beside: None,
        };
        bill.read_terms(exchange);
        let answers = reply.into_iter().flat_map(|reply| &reply.choices);
        for part in answers.flat_map(|choice| &choice.parts) {
            bill.read_part(part);
        }
        Ok(bill)
    }

    /// Ways of serving with a price of their own, as far as the request says so; Anthropic's
    /// usage tells which one it was.
    fn read_terms(&mut self, exchange: &Exchange) {
        let asked = |name: &str| {
            let value = exchange.request.params.get(name).and_then(Value::as_str);
            value.map(str::to_ascii_lowercase)
        };
        let told = self.usage.raw.get("service_tier").and_then(Value::as_str);
        let tier = told.map(str::to_ascii_lowercase).or_else(|| asked("service_tier"));
        match tier.or_else(|| asked("serviceTier")).as_deref() {
            None | Some("auto" | "default" | "standard" | "standard_only" | "on_demand") => {}
            // <https://console.groq.com/docs/service-tiers>: the same price.
            Some("flex") if self.provider == Some("groq") => {}
            Some("batch") => self.terms.push(("processing", "batch".to_owned())),
            Some(tier) => self.terms.push(("service_tier", tier.to_owned())),
        }
        let speed = asked("speed").filter(|speed| speed != "standard");
        self.terms.extend(speed.map(|speed| ("speed", speed)));
        let place = asked("inference_geo").filter(|place| place != "global");
        self.terms.extend(place.map(|place| ("inference_geo", place)));
    }

    fn read_part(&mut self, part: &Part) {
        let Part::Other { value } = part else { return };
        match value.get("type").and_then(Value::as_str).unwrap_or_default() {
            // Looking at a page that was found, or in it, costs nothing.
            "web_search_call" => match value.pointer("/action/type").and_then(Value::as_str) {
                None | Some("search") => self.web_searches += 1,
                Some(_) => {}
            },
            "file_search_call" => self.file_searches += 1,
            "code_interpreter_call" => self.beside = Some("running code"),
            "image_generation_call" => self.beside = Some("drawing by another model"),
            "google_search_call" => self.beside = Some("a search of Google's"),
            _ => {}
        }
        let grounding = ["groundingMetadata", "grounding_metadata"];
        let grounding = grounding.iter().find_map(|name| value.get(name));
        let queries = ["webSearchQueries", "web_search_queries"];
        if grounding.is_some_and(|had| queries.iter().any(|name| had.get(name).is_some())) {
            // So many a day are free.
            self.beside = Some("a search of Google's");
        }
    }

    /// Whether there is nothing but tokens to pay for, at the usual price.
    pub fn plain(&self) -> Result<(), Unknown> {
        if let Some((name, value)) = self.terms.first() {
            return Err(Unknown::Terms(format!("{name} `{value}`")));
        }
        if let Some(beside) = self.beside {
            return Err(Unknown::Beside(beside));
        }
        match (self.web_searches, self.file_searches) {
            (0, 0) => Ok(()),
            _ => Err(Unknown::Beside("a search")),
        }
    }

    /// The host, lower case.
    pub fn host(&self) -> String {
        let authority = self.origin.split_once("://").map_or(self.origin, |(_, rest)| rest);
        authority.split(':').next().unwrap_or_default().to_ascii_lowercase()
    }
}

fn count(raw: &Value, place: &str) -> u64 {
    raw.pointer(place).and_then(Value::as_u64).unwrap_or_default()
}
