//! The histograms of OpenTelemetry's conventions for generative AI, v1.41: their labels and
//! bounds are others than Prometheus' here, and names with dots cannot be in that registry.

use std::collections::HashMap;

use super::capped::{Capped, OTHER};
use super::labels::place;
use crate::model::{Exchange, State};

/// Bounds of `gen_ai.client.operation.duration`, in seconds, as the conventions advise.
pub const DURATION_BOUNDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Bounds of `gen_ai.client.token.usage`, as the conventions advise.
pub const TOKEN_BOUNDS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Most combinations of attributes: the rest is counted without any.
const COMBINATIONS_MAX: usize = 1000;
/// Most values of each attribute.
const NAMES_MAX: usize = 100;

/// What a call of a model is told by. Names are Overhear's own; the sink translates them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Call {
    /// The wire format, such as `openai.chat`.
    pub dialect: String,
    /// What was asked for, such as `chat`.
    pub operation: String,
    /// Who serves the model.
    pub provider: String,
    /// The model asked for.
    pub request_model: Option<String>,
    /// The model that answered.
    pub response_model: Option<String>,
    /// The origin's host.
    pub host: String,
    /// The origin's port.
    pub port: Option<u16>,
    /// What went wrong; of durations alone.
    pub error: Option<String>,
}

/// Which tokens of a call are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenType {
    /// Of the prompt, cached ones included.
    Input,
    /// Of the answer, reasoning included.
    Output,
}

/// How often which values came.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Upper bounds, ascending; above the last is one bucket more.
    pub bounds: &'static [f64],
    /// Values in each bucket alone.
    pub counts: Vec<u64>,
    /// All values together.
    pub sum: f64,
    /// The least of them.
    pub min: f64,
    /// The greatest of them.
    pub max: f64,
}

impl Distribution {
    fn new(bounds: &'static [f64]) -> Self {
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0, min, max }
    }

    fn observe(&mut self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The histograms so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenAi {
    /// `gen_ai.client.operation.duration`.
    pub durations: HashMap<Call, Distribution>,
    /// `gen_ai.client.token.usage`.
    pub tokens: HashMap<(Call, TokenType), Distribution>,
}

/// The histograms as they grow.
#[derive(Debug)]
pub(super) struct Growing {
    pub(super) so_far: GenAi,
    models: Capped,
    hosts: Capped,
    dialects: Capped,
    operations: Capped,
    providers: Capped,
    errors: Capped,
}

impl Growing {
    pub(super) fn new() -> Self {
        Self {
            so_far: GenAi::default(),
            models: Capped::new(NAMES_MAX * 2),
            hosts: Capped::new(NAMES_MAX),
            dialects: Capped::new(NAMES_MAX),
            operations: Capped::new(NAMES_MAX),
            providers: Capped::new(NAMES_MAX),
            errors: Capped::new(NAMES_MAX),
        }
    }

    /// Counts a call.
    pub(super) fn observe(&mut self, exchange: &Exchange) {
        let call = self.call(exchange);
        let whole = Call { error: self.error(exchange), ..call.clone() };
        if let Some(millis) = exchange.duration_ms {
            grow(&mut self.so_far.durations, whole, |call| call, &DURATION_BOUNDS, millis / 1e3);
        }
        let Some(usage) = exchange.usage.as_ref().filter(|_| exchange.uses_tokens()) else {
            return;
        };
        for (kind, count) in [(TokenType::Input, usage.input), (TokenType::Output, usage.output)] {
            let Some(count) = count else { continue };
            let key = |call| (call, kind);
            grow(&mut self.so_far.tokens, call.clone(), key, &TOKEN_BOUNDS, count as f64);
        }
    }

    fn call(&mut self, exchange: &Exchange) -> Call {
        let (host, port) = place(&exchange.origin);
        let host = self.hosts.of(Some(host));
        let answered = exchange.reply.as_ref().and_then(|reply| reply.model.as_deref());
        let mut model = |name: Option<&str>| name.map(|name| self.models.of(Some(name)));
        Call {
            request_model: model(exchange.request.model.as_deref()),
            response_model: model(answered),
            dialect: self.dialects.of(exchange.dialect.as_deref()),
            operation: self.operations.of(exchange.operation.as_deref()),
            provider: self.providers.of(exchange.provider.as_deref()),
            port: port.filter(|_| host != OTHER),
            host,
            error: None,
        }
    }

    fn error(&mut self, exchange: &Exchange) -> Option<String> {
        failure(exchange).map(|kind| self.errors.of(Some(kind)))
    }
}

/// What went wrong with an exchange, in one word.
pub(super) fn failure(exchange: &Exchange) -> Option<&str> {
    match (&exchange.error, exchange.state) {
        (Some(error), _) => Some(&error.kind),
        (None, State::Interrupted) => Some("interrupted"),
        (None, State::Failed) => Some("failed"),
        (None, _) => None,
    }
}

fn grow<K: Eq + std::hash::Hash>(
    all: &mut HashMap<K, Distribution>,
    call: Call,
    key: impl Fn(Call) -> K,
    bounds: &'static [f64],
    value: f64,
) {
    let mut found = key(call);
    if all.len() >= COMBINATIONS_MAX && !all.contains_key(&found) {
        let [operation, provider, host] = [(); 3].map(|()| OTHER.to_owned());
        found = key(Call { operation, provider, host, ..Call::default() });
    }
    all.entry(found).or_insert_with(|| Distribution::new(bounds)).observe(value);
}
