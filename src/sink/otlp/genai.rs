//! OpenTelemetry's semantic conventions for generative AI, and what Overhear says beside them.

use serde_json::Value;

use super::attributes::Attributes;
use super::{Semconv, names, params, parts, said};
use crate::model::{Buckets, Exchange, Part, State, ThreadRule};

/// Tokens as most receivers count them: totals that include what is counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// All of the prompt.
    pub(super) input: Option<u64>,
    /// Of it, from a cache.
    pub(super) cache_read: Option<u64>,
    /// Of it, into a cache.
    pub(super) cache_write: Option<u64>,
    /// All of the answer.
    pub(super) output: Option<u64>,
    /// Of it, reasoning.
    pub(super) reasoning: Option<u64>,
}

impl Totals {
    /// Sums of buckets that do not overlap; `None` where nobody counted.
    pub(super) fn of(buckets: &Buckets) -> Self {
        Self {
            input: sum([
                buckets.input_uncached,
                buckets.cache_read,
                buckets.cache_write_5m,
                buckets.cache_write_1h,
                buckets.input_audio,
                buckets.input_image,
            ]),
            cache_read: buckets.cache_read,
            cache_write: sum([buckets.cache_write_5m, buckets.cache_write_1h]),
            output: sum([
                buckets.output_visible,
                buckets.reasoning,
                buckets.output_audio,
                buckets.output_image,
            ]),
            reasoning: buckets.reasoning,
        }
    }

    /// Prompt and answer.
    pub(super) fn all(&self) -> Option<u64> {
        sum([self.input, self.output])
    }
}

/// The sum of what was counted; `None` if nothing was.
fn sum<const N: usize>(counts: [Option<u64>; N]) -> Option<u64> {
    let counts = counts.into_iter().flatten();
    counts.fold(None, |sum, count| Some(sum.unwrap_or(0u64).saturating_add(count)))
}

/// What was asked for, of whom, and how it ended: all but tokens and content.
pub(super) fn call(attributes: &mut Attributes, exchange: &Exchange) {
    attributes.name_if("gen_ai.operation.name", names::operation(exchange));
    attributes.name_if("gen_ai.provider.name", names::provider(exchange));
    attributes.name_if("gen_ai.request.model", exchange.request.model.as_deref());
    if let Some((address, port)) = names::server(&exchange.origin) {
        attributes.name("server.address", address);
        attributes.count("server.port", Some(port.into()));
    }
    params::put(attributes, exchange);
    if let Some(reply) = &exchange.reply {
        attributes.name_if("gen_ai.response.id", reply.id.as_deref());
        attributes.name_if("gen_ai.response.model", reply.model.as_deref());
        let reasons = reply.choices.iter().filter_map(|choice| choice.finish_reason.clone());
        attributes.texts("gen_ai.response.finish_reasons", reasons);
    }
    if exchange.streamed {
        let first = exchange.first_token_ms.or(exchange.first_byte_ms);
        attributes.number("gen_ai.response.time_to_first_chunk", first.map(seconds));
    }
    attributes.name_if("error.type", error_type(exchange).as_deref());
    attributes.count("http.response.status_code", exchange.status.map(Into::into));
}

/// The conversation. `gen_ai.conversation.id` is an id that the app sent; a conversation that
/// Overhear put together is a `session.id` alone, with what told.
pub(super) fn thread(attributes: &mut Attributes, exchange: &Exchange) {
    if let Some(thread) = exchange.thread.as_deref() {
        let rule = exchange.thread_rule;
        if matches!(rule, Some(ThreadRule::Header | ThreadRule::Metadata | ThreadRule::Field)) {
            attributes.name("gen_ai.conversation.id", thread);
        }
        attributes.name("session.id", thread);
        let rule = rule.and_then(|rule| serde_json::to_value(rule).ok());
        attributes.name_if("overhear.thread.source", rule.as_ref().and_then(Value::as_str));
    }
    let user = params::user(exchange);
    attributes.name_if("user.id", user.as_deref());
}

/// Tokens.
pub(super) fn usage(attributes: &mut Attributes, exchange: &Exchange, semconv: Semconv) {
    let Some(usage) = &exchange.usage else { return };
    let totals = Totals::of(&usage.buckets());
    let written = match semconv {
        Semconv::V1_41 => "gen_ai.usage.cache_creation.input_tokens",
        Semconv::Next => "gen_ai.usage.cache_write.input_tokens",
    };
    attributes.count("gen_ai.usage.input_tokens", totals.input);
    attributes.count("gen_ai.usage.output_tokens", totals.output);
    attributes.count("gen_ai.usage.cache_read.input_tokens", totals.cache_read);
    attributes.count(written, totals.cache_write);
    attributes.count("gen_ai.usage.reasoning.output_tokens", totals.reasoning);
}

/// What was said, as far as it is delivered.
pub(super) fn content(attributes: &mut Attributes, exchange: &Exchange, system: &[Part]) {
    let request = &exchange.request;
    if !system.is_empty() {
        attributes.json("gen_ai.system_instructions", &parts::instructions(system));
    }
    if !request.messages.is_empty() {
        attributes.json("gen_ai.input.messages", &parts::input(&request.messages));
    }
    let output = parts::output(exchange);
    if output.as_array().is_some_and(|answers| !answers.is_empty()) {
        attributes.json("gen_ai.output.messages", &output);
    }
    if !request.tools.is_empty() {
        attributes.json("gen_ai.tool.definitions", &parts::tools(&request.tools));
    }
}

/// What no convention has a word for.
pub(super) fn own(attributes: &mut Attributes, exchange: &Exchange) {
    attributes.text("overhear.exchange.id", exchange.id.to_string());
    attributes.name_if("overhear.app", app(exchange));
    attributes.name_if("user_agent.original", exchange.app.user_agent.as_deref());
    attributes.name_if("process.executable.name", exchange.app.process.as_deref());
    attributes.count("process.pid", exchange.app.pid.map(Into::into));
    attributes.name_if("overhear.dialect", exchange.dialect.as_deref());
    attributes.text("overhear.state", exchange.state.as_str());
    attributes.number("overhear.time_to_first_byte", exchange.first_byte_ms.map(seconds));
    attributes.number("overhear.cost.usd", exchange.cost_usd);
    attributes.text_if("overhear.cost.source", exchange.cost_source.map(|cost| cost.as_str()));
    let usage = exchange.usage.as_ref();
    attributes.name_if("overhear.usage.source", usage.map(|usage| usage.source.as_str()));
    attributes.texts("overhear.notes", exchange.notes.iter().cloned());
    attributes.texts("overhear.tags", exchange.annotations.tags.iter().cloned());
    attributes.texts("overhear.remarks", exchange.annotations.notes.iter().cloned());
}

/// What went wrong; `None` if nothing did.
pub(super) fn error_type(exchange: &Exchange) -> Option<String> {
    let kind = exchange.error.as_ref().map(|error| error.kind.as_str());
    match (exchange.state, kind.filter(|kind| !kind.is_empty())) {
        (_, Some(kind)) => Some(kind.to_owned()),
        (State::Interrupted, None) => Some("interrupted".to_owned()),
        (State::Failed, None) => {
            Some(exchange.status.map_or("_OTHER".to_owned(), |status| status.to_string()))
        }
        (State::Complete | State::Truncated, None) => None,
    }
}

/// The app, if it is known.
pub(super) fn app(exchange: &Exchange) -> Option<&str> {
    Some(exchange.app.name()).filter(|name| !name.is_empty())
}

/// The words for what went wrong.
pub(super) fn error_message(exchange: &Exchange) -> String {
    let told = exchange.error.as_ref().map(|error| error.message.as_str()).unwrap_or_default();
    match (told, exchange.state) {
        ("", State::Interrupted) => "the answer broke off".to_owned(),
        (told, _) => told.to_owned(),
    }
}

/// The system prompt as parts, if it stands apart.
pub(super) fn system(exchange: &Exchange) -> Vec<Part> {
    said::system_apart(exchange)
}

fn seconds(milliseconds: f64) -> f64 {
    milliseconds / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Usage;

    #[test]
    fn totals_are_sums_of_the_buckets() {
        let usage = Usage {
            input: Some(1000),
            input_cached: Some(600),
            input_cache_written: Some(300),
            input_cache_written_1h: Some(100),
            input_audio: Some(20),
            output: Some(50),
            reasoning: Some(40),
            ..Usage::default()
        };
        let expected = Totals {
            input: Some(1000),
            cache_read: Some(600),
            cache_write: Some(300),
            output: Some(50),
            reasoning: Some(40),
        };
        assert_eq!(Totals::of(&usage.buckets()), expected);
        assert_eq!(expected.all(), Some(1050));
        assert_eq!(Totals::of(&Usage::default().buckets()), Totals::default(), "unknown is no 0");
    }
}
