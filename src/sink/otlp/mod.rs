//! OpenTelemetry's protocol over HTTP, in protobuf: spans, for any collector and for three
//! receivers that read more than the conventions say: Phoenix, MLflow and Langfuse.
//!
//! A profile is what one receiver really reads, seen by running it, and not a superset of all:
//! what one shows well another counts twice.

mod attributes;
mod chat;
mod genai;
mod langfuse;
mod limit;
pub mod metrics;
mod mlflow;
mod names;
mod params;
mod parts;
mod phoenix;
mod said;
mod span;
#[cfg(test)]
mod tests;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::wire::verdict_of_status;
use super::{Answer, Delivery, Parcel, ToolRun, Verdict, Wire};
use attributes::Attributes;

/// Whose reading the spans are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Any collector: the conventions for generative AI.
    GenAi,
    /// Arize Phoenix: OpenInference beside the conventions.
    Phoenix,
    /// MLflow: its own attributes beside the conventions.
    Mlflow,
    /// Langfuse: its own attributes.
    Langfuse,
}

/// Version of the conventions for generative AI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Semconv {
    /// 1.41, which the receivers parse.
    #[default]
    V1_41,
    /// Its successor, not released: `cache_write` for `cache_creation`. Langfuse 4.16 counts
    /// tokens twice that are named so.
    Next,
}

/// What a person may say of the spans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtlpSettings {
    /// Version of the conventions.
    pub semconv: Semconv,
    /// `service.name` of all spans; `None`: that of each app.
    pub service_name: Option<String>,
    /// Phoenix's project; `None` is its `default`.
    pub project: Option<String>,
    /// The number of MLflow's experiment; `None` is its first, `0`.
    pub experiment: Option<String>,
    /// `deployment.environment.name`, and Langfuse's environment.
    pub environment: Option<String>,
}

/// Spans over HTTP.
#[derive(Clone, Debug)]
pub struct Otlp {
    profile: Profile,
    settings: OtlpSettings,
}

/// Most bytes of texts in a span for Langfuse, which drops what has more than 9.5 MB and says
/// nothing. What is left of it is room for how it counts.
const LANGFUSE_SPAN_BYTES_MAX: usize = 9_000_000;

/// Most bytes of texts in a span elsewhere: collectors refuse requests of more than 20 MB unless
/// told otherwise, and one span cannot be divided.
const SPAN_BYTES_MAX: usize = 18_000_000;

impl Otlp {
    /// Spans as `profile` reads them.
    pub fn new(profile: Profile, settings: OtlpSettings) -> Self {
        Self { profile, settings }
    }

    /// The message that delivers these.
    fn request(&self, deliveries: &[Delivery]) -> ExportTraceServiceRequest {
        let mut resource_spans: Vec<(&str, ResourceSpans)> = Vec::new();
        for delivery in deliveries {
            let app = delivery.exchange.app.name();
            let spans = self.spans(delivery);
            match resource_spans.iter_mut().find(|(name, _)| *name == app) {
                Some((_, ResourceSpans { scope_spans, .. })) => {
                    scope_spans.iter_mut().for_each(|scope| scope.spans.extend_from_slice(&spans));
                }
                None => resource_spans.push((app, self.resource_spans(app, spans))),
            }
        }
        let resource_spans = resource_spans.into_iter().map(|(_, spans)| spans).collect();
        ExportTraceServiceRequest { resource_spans }
    }

    fn resource_spans(&self, app: &str, spans: Vec<Span>) -> ResourceSpans {
        let scope = InstrumentationScope {
            name: "overhear".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let schema_url = match self.settings.semconv {
            Semconv::V1_41 => "https://opentelemetry.io/schemas/1.41.0".to_owned(),
            Semconv::Next => String::new(),
        };
        let scope_spans =
            vec![ScopeSpans { scope: Some(scope), spans, schema_url: schema_url.clone() }];
        ResourceSpans { resource: Some(self.resource(app)), scope_spans, schema_url }
    }

    /// Whose spans they are: the app's, not ours.
    fn resource(&self, app: &str) -> Resource {
        let mut attributes = Attributes::default();
        let app = if app.is_empty() { "unknown_service" } else { app };
        attributes.name("service.name", self.settings.service_name.as_deref().unwrap_or(app));
        attributes.text("telemetry.sdk.name", "overhear");
        attributes.text("telemetry.sdk.language", "rust");
        attributes.text("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
        let environment = self.settings.environment.as_deref();
        match self.profile {
            Profile::Langfuse => {
                let environment = environment.and_then(langfuse::environment);
                attributes.name_if("deployment.environment.name", environment.as_deref());
            }
            _ => attributes.name_if("deployment.environment.name", environment),
        }
        if self.profile == Profile::Phoenix {
            attributes.name_if("openinference.project.name", self.settings.project.as_deref());
        }
        Resource { attributes: attributes.done(), ..Resource::default() }
    }

    /// The spans of a delivery: tools first, since they ran before.
    fn spans(&self, delivery: &Delivery) -> Vec<Span> {
        let tools = delivery.ran.iter().map(|run| self.tool(delivery, run));
        let mut spans: Vec<Span> = tools.chain([self.exchange(delivery)]).collect();
        let bytes_max = match self.profile {
            Profile::Langfuse => LANGFUSE_SPAN_BYTES_MAX,
            _ => SPAN_BYTES_MAX,
        };
        spans.iter_mut().for_each(|span| limit::fit(span, bytes_max));
        spans
    }

    fn exchange(&self, delivery: &Delivery) -> Span {
        let (few, left_out) = limit::few(&delivery.exchange);
        let exchange = &*few;
        let system = genai::system(exchange);
        let mut span = span::of_exchange(delivery);
        let mut attributes = Attributes::default();
        genai::call(&mut attributes, exchange);
        genai::thread(&mut attributes, exchange);
        if self.profile != Profile::Langfuse {
            genai::usage(&mut attributes, exchange, self.settings.semconv);
            genai::content(&mut attributes, exchange, &system);
        }
        genai::own(&mut attributes, exchange);
        attributes.count("overhear.left_out", Some(left_out).filter(|count| *count > 0));
        match self.profile {
            Profile::GenAi => {}
            Profile::Phoenix => {
                phoenix::put(&mut attributes, exchange, &system);
                span.events.splice(..0, span::first_token(exchange).map(phoenix::first_token));
            }
            Profile::Mlflow => {
                mlflow::put(&mut attributes, exchange, &system);
                if mlflow::stands_beside(delivery) {
                    span.parent_span_id.clear();
                }
            }
            Profile::Langfuse => {
                langfuse::put(&mut attributes, exchange, &self.settings, &system);
            }
        }
        Span { attributes: attributes.done(), ..span }
    }

    fn tool(&self, delivery: &Delivery, run: &ToolRun) -> Span {
        let mut attributes = Attributes::default();
        span::tool_attributes(&mut attributes, run);
        genai::thread(&mut attributes, &delivery.exchange);
        match self.profile {
            Profile::GenAi => {}
            Profile::Phoenix => phoenix::put_tool(&mut attributes, run),
            Profile::Mlflow => mlflow::put_tool(&mut attributes, run),
            Profile::Langfuse => {
                langfuse::put_tool(&mut attributes, delivery, run, &self.settings);
            }
        }
        Span { attributes: attributes.done(), ..span::of_tool(delivery, run) }
    }
}

impl Wire for Otlp {
    fn path(&self) -> &'static str {
        match self.profile {
            Profile::Langfuse => "/api/public/otel/v1/traces",
            _ => "/v1/traces",
        }
    }

    fn parcel(&self, deliveries: &[Delivery]) -> Parcel {
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let headers = match self.profile {
            Profile::GenAi | Profile::Phoenix => Vec::new(),
            Profile::Mlflow => {
                let experiment = self.settings.experiment.as_deref().unwrap_or("0");
                header("x-mlflow-experiment-id", experiment)
            }
            Profile::Langfuse => header("x-langfuse-ingestion-version", "4"),
        };
        let body = self.request(deliveries).encode_to_vec();
        Parcel { content_type: "application/x-protobuf", headers, body }
    }

    fn verdict(&self, answer: Answer<'_>) -> Verdict {
        let verdict = verdict_of_status(answer);
        // Langfuse answers with a word of its own, which is no message of OTLP.
        if verdict != Verdict::Accepted || self.profile == Profile::Langfuse {
            return verdict;
        }
        let Ok(response) = ExportTraceServiceResponse::decode(answer.body) else { return verdict };
        match response.partial_success {
            Some(partial) if partial.rejected_spans > 0 => Verdict::AcceptedBut {
                refused: u64::try_from(partial.rejected_spans).unwrap_or_default(),
                why: partial.error_message.chars().take(300).collect(),
            },
            _ => verdict,
        }
    }

    /// Langfuse keeps a span that comes twice as two. Phoenix and MLflow keep one, as sending
    /// batches twice showed (Phoenix the first, MLflow the last), so they need not be asked.
    fn can_be_asked(&self) -> bool {
        self.profile == Profile::Langfuse
    }

    fn questions(&self, delivery: &Delivery) -> Vec<String> {
        match self.can_be_asked() {
            true => langfuse::questions(delivery),
            false => Vec::new(),
        }
    }

    fn has(&self, delivery: &Delivery, answer: Answer<'_>) -> Option<bool> {
        self.can_be_asked().then(|| langfuse::has(delivery, answer)).flatten()
    }
}
