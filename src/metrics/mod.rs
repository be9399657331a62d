//! Counters and histograms of this process, as Prometheus reads them.
//!
//! All begin at 0 with the process. What an app can make up (models, hosts, its own name) is
//! bounded: the first values keep their names, all others are `other`.

mod capped;
mod families;
mod genai;
mod labels;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, Registry, TextEncoder};

pub use genai::{Call, DURATION_BOUNDS, Distribution, GenAi, TOKEN_BOUNDS, TokenType};
/// A family that could not be made.
pub use prometheus::Error as MetricsError;
pub use prometheus::proto;

use crate::model::{Cost, Exchange};
use families::Families;
use genai::Growing;
use labels::{Labels, Names, class};

/// The media type of [`Metrics::text`].
pub const TEXT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Why a TLS handshake failed.
pub const TLS_REASONS: [&str; 9] = [
    // The app's side: it said that it does not trust our certificate; it hung up when it had
    // come, or said nothing after it; the handshake failed for another reason; there is no
    // certificate for the host.
    "app_refused",
    "app_hung_up",
    "app_silent",
    "app_handshake",
    "no_certificate",
    // The origin's side: its certificate is not trusted; it wants one of the app's; it did not
    // answer; the handshake failed for another reason.
    "origin_certificate",
    "origin_wants_certificate",
    "origin_timeout",
    "origin_handshake",
];

/// Why an exchange is not stored.
pub const LOSSES: [&str; 4] = [
    // The store cannot take it; its tape could not be read; there was no room for a tape; a
    // fault of ours.
    "store",
    "unreadable",
    "no_tape",
    "fault",
];

/// Most tokens of one type in one exchange that are believed: a provider may send any number,
/// and a counter that overflows begins anew.
const TOKENS_MAX: u64 = 1 << 32;
/// Most US dollars of one exchange that are believed.
const USD_MAX: f64 = 1e6;

/// What became of exchanges that a sink is to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exported {
    /// The receiver took them.
    Sent,
    /// The receiver refused them for good.
    Failed,
    /// They come again later.
    Retried,
    /// They were given up before the receiver was asked.
    Dropped,
}

/// Counts what this process does. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started_at: Timestamp,
    registry: Registry,
    families: Families,
    names: Mutex<Names>,
    genai: Mutex<Growing>,
}

impl Metrics {
    /// Everything at 0.
    pub fn new() -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let families = Families::new(&registry)?;
        // What can happen and has not stands at 0: a rate over nothing would miss the first.
        for (family, reasons) in [(&families.tls, &TLS_REASONS[..]), (&families.lost, &LOSSES[..])]
        {
            for reason in reasons {
                family.get_metric_with_label_values(&[reason])?;
            }
        }
        Ok(Self(Arc::new(Inner {
            started_at: Timestamp::now(),
            registry,
            families,
            names: Mutex::new(Names::new()),
            genai: Mutex::new(Growing::new()),
        })))
    }

    /// An exchange is over and stored. What asks no model (settings, lists of models, handshakes
    /// of WebSockets) is not counted.
    pub fn exchange(&self, exchange: &Exchange) {
        if !exchange.asks_a_model() {
            return;
        }
        lock(&self.0.genai).observe(exchange);
        let (labels, error) = {
            let mut names = lock(&self.0.names);
            let error = genai::failure(exchange).map(|kind| names.error(kind));
            (names.labels(exchange), error)
        };
        let families = &self.0.families;
        let Labels { provider, dialect, model, host, app } = &labels;
        let few = [provider.as_str(), model, app];
        let with = |last| [provider.as_str(), dialect, model, host, app, last];
        add(&families.exchanges, &with(class(exchange.status)), 1);
        if let Some(error) = &error {
            let [provider, model, app] = few;
            add(&families.errors, &[provider, model, app, error], 1);
        }
        for (family, millis) in [
            (&families.duration, exchange.duration_ms),
            (&families.first_token, exchange.first_token_ms),
        ] {
            if let (Some(millis), Ok(histogram)) =
                (millis, family.get_metric_with_label_values(&few))
            {
                histogram.observe(millis / 1e3);
            }
        }
        if exchange.usage.is_some() && exchange.uses_tokens() {
            for (kind, count) in tokens(exchange) {
                add(&families.tokens, &with(kind), count.min(TOKENS_MAX));
            }
            if exchange.cost_usd.is_none() {
                add(&families.unpriced, &few, 1);
            }
        }
        // A provider's own number may be anything, and counters only rise.
        if let Some(usd) = exchange.cost_usd.filter(|usd| (0.0..=USD_MAX).contains(usd)) {
            let source = exchange.cost_source.map_or("unknown", Cost::as_str);
            if let Ok(counter) = families.cost.get_metric_with_label_values(&with(source)) {
                counter.inc_by(usd);
            }
        }
    }

    /// A pair of connections is open.
    pub fn flow_opened(&self) {
        self.0.families.flows.inc();
    }

    /// It is closed again.
    pub fn flow_closed(&self) {
        self.0.families.flows.dec();
    }

    /// A TLS handshake failed, for one of [`TLS_REASONS`].
    pub fn tls_failed(&self, reason: &'static str) {
        add(&self.0.families.tls, &[reason], 1);
    }

    /// How long a piece was held between being read and being handed over. The relay calls this:
    /// it costs some atomic additions, and waits for nobody.
    pub fn added_latency(&self, added: Duration) {
        self.0.families.added.observe(added.as_secs_f64());
    }

    /// Exchanges went by and are not stored, for one of [`LOSSES`].
    pub fn exchanges_lost(&self, reason: &'static str, count: u64) {
        add(&self.0.families.lost, &[reason], count);
    }

    /// Bytes went by that the tapes had no room for.
    pub fn tape_lost(&self, bytes: u64) {
        self.0.families.tape_lost.inc_by(bytes);
    }

    /// A dialect could not read an exchange for a fault of ours.
    pub fn read_error(&self, dialect: Option<&str>) {
        let dialect = lock(&self.0.names).dialect(dialect);
        add(&self.0.families.read_errors, &[&dialect], 1);
    }

    /// Tapes take so much memory now.
    pub fn tape_bytes(&self, bytes: u64) {
        self.0.families.tape_bytes.set(bytes as f64);
    }

    /// What became of exchanges that `sink` delivers.
    pub fn exported(&self, sink: &str, what: Exported, count: u64) {
        let sink = lock(&self.0.names).sink(sink);
        let families = &self.0.families;
        let family = match what {
            Exported::Sent => &families.sent,
            Exported::Failed => &families.failed,
            Exported::Retried => &families.retried,
            Exported::Dropped => &families.dropped,
        };
        add(family, &[&sink], count);
    }

    /// How long the oldest exchange that `sink` is to deliver waits; 0 if none does.
    pub fn export_lag(&self, sink: &str, seconds: f64) {
        let sink = lock(&self.0.names).sink(sink);
        if let Ok(gauge) = self.0.families.lag.get_metric_with_label_values(&[&sink]) {
            gauge.set(seconds);
        }
    }

    /// All of it, in Prometheus' text format 0.0.4.
    pub fn text(&self) -> String {
        // A family that cannot be written is one without a metric, and the registry gives none.
        TextEncoder::new().encode_to_string(&self.families()).unwrap_or_default()
    }

    /// All of it but OpenTelemetry's own, by family.
    pub fn families(&self) -> Vec<MetricFamily> {
        self.0.registry.gather()
    }

    /// OpenTelemetry's own.
    pub fn genai(&self) -> GenAi {
        lock(&self.0.genai).so_far.clone()
    }

    /// Since when everything is counted.
    pub fn started_at(&self) -> Timestamp {
        self.0.started_at
    }
}

/// The tokens of an exchange, each in one type.
fn tokens(exchange: &Exchange) -> [(&'static str, u64); 5] {
    let buckets = exchange.usage.as_ref().map(|usage| usage.buckets()).unwrap_or_default();
    let sum =
        |counts: &[Option<u64>]| counts.iter().flatten().fold(0, |a: u64, b| a.saturating_add(*b));
    [
        ("input", sum(&[buckets.input_uncached, buckets.input_audio, buckets.input_image])),
        ("cache_read", sum(&[buckets.cache_read])),
        ("cache_write", sum(&[buckets.cache_write_5m, buckets.cache_write_1h])),
        ("output", sum(&[buckets.output_visible, buckets.output_audio, buckets.output_image])),
        ("reasoning", sum(&[buckets.reasoning])),
    ]
}

fn add(family: &IntCounterVec, labels: &[&str], count: u64) {
    debug_assert_eq!(
        family.desc().first().map(|desc| desc.variable_labels.len()),
        Some(labels.len())
    );
    if let Ok(counter) = family.get_metric_with_label_values(labels) {
        counter.inc_by(count);
    }
}

/// A panic between two additions leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
