//! What is counted, by name.

use prometheus::{
    CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, Opts, Registry, core::Collector,
};

/// Upper bounds of durations of exchanges, in seconds: a refused request takes some
/// milliseconds, an agent's long answer some minutes.
const DURATIONS: [f64; 16] =
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0];
/// Of times to the first token: some wait for minutes of reasoning.
const FIRST_TOKENS: [f64; 16] =
    [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0, 60.0, 120.0];
/// Of what the relay adds to a piece.
const ADDED: [f64; 16] = [
    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5,
    1.0,
];

/// Labels that all counters of exchanges have.
const CALL: [&str; 5] = ["provider", "dialect", "model", "host", "app"];
/// Labels of histograms and errors: each more would be a multiple of many lines.
pub(super) const FEW: [&str; 3] = ["provider", "model", "app"];

/// Every counter, gauge and histogram but those of OpenTelemetry.
#[derive(Debug)]
pub(super) struct Families {
    pub(super) exchanges: IntCounterVec,
    pub(super) errors: IntCounterVec,
    pub(super) tokens: IntCounterVec,
    pub(super) cost: CounterVec,
    pub(super) unpriced: IntCounterVec,
    pub(super) duration: HistogramVec,
    pub(super) first_token: HistogramVec,
    pub(super) added: Histogram,
    pub(super) flows: IntGauge,
    pub(super) tape_bytes: Gauge,
    pub(super) tape_lost: IntCounter,
    pub(super) lost: IntCounterVec,
    pub(super) tls: IntCounterVec,
    pub(super) read_errors: IntCounterVec,
    pub(super) sent: IntCounterVec,
    pub(super) failed: IntCounterVec,
    pub(super) retried: IntCounterVec,
    pub(super) dropped: IntCounterVec,
    pub(super) lag: GaugeVec,
}

impl Families {
    /// All of them at 0, told to `registry`.
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let with = |label: &'static str| [&CALL[..], &[label]].concat();
        let few_with = |label: &'static str| [&FEW[..], &[label]].concat();
        let named = Named(registry);
        named.build_info()?;
        Ok(Self {
            exchanges: named.counters(
                "exchanges_total",
                "Calls of models that are over and stored.",
                &with("status_class"),
            )?,
            errors: named.counters(
                "exchange_errors_total",
                "Calls of models that failed, by the provider's word for why, or that broke off.",
                &few_with("error"),
            )?,
            tokens: named.counters(
                "tokens_total",
                "Tokens of calls of models, each in one type; estimated where the provider \
                 counted none.",
                &with("type"),
            )?,
            cost: named.keep(CounterVec::new(
                named.opts("cost_usd_total", "US dollars that calls of models cost, where known."),
                &with("source"),
            )?)?,
            unpriced: named.counters(
                "exchanges_unpriced_total",
                "Calls of models that used tokens and whose cost is not known.",
                &FEW,
            )?,
            duration: named.histograms(
                "exchange_duration_seconds",
                "From a request's first byte to its reply's last.",
                &DURATIONS,
            )?,
            first_token: named.histograms(
                "time_to_first_token_seconds",
                "From a request's first byte to the first piece of answer or reasoning.",
                &FIRST_TOKENS,
            )?,
            added: named.keep(Histogram::with_opts(
                HistogramOpts::from(named.opts(
                    "added_latency_seconds",
                    "From reading a piece of a flow that is recorded to handing it over.",
                ))
                .buckets(ADDED.to_vec()),
            )?)?,
            flows: named.keep(IntGauge::with_opts(
                named.opts("flows_in_flight", "Pairs of connections that are open."),
            )?)?,
            tape_bytes: named.keep(Gauge::with_opts(
                named.opts("tape_bytes", "Memory that tapes take: what is not stored yet."),
            )?)?,
            tape_lost: named.keep(IntCounter::with_opts(named.opts(
                "tape_lost_bytes_total",
                "Bytes that went by and that the tapes had no room for.",
            ))?)?,
            lost: named.counters(
                "exchanges_lost_total",
                "Exchanges that went by and are not stored; a flow of which nothing could be \
                 read counts as one.",
                &["reason"],
            )?,
            tls: named.counters(
                "tls_failures_total",
                "TLS handshakes of flows to be read that failed, on the app's side or the \
                 origin's.",
                &["reason"],
            )?,
            read_errors: named.counters(
                "read_errors_total",
                "Exchanges that a dialect could not read for a fault of Overhear's.",
                &["dialect"],
            )?,
            sent: named.of_sink("sent", "Exchanges that a sink's receiver has taken.")?,
            failed: named.of_sink("failed", "Exchanges that a sink's receiver has refused.")?,
            retried: named
                .of_sink("retried", "Exchanges that are sent to a sink again, each time.")?,
            dropped: named.of_sink("dropped", "Exchanges that a sink was not given at all.")?,
            lag: named.keep(GaugeVec::new(
                named.opts("export_lag_seconds", "How long a sink's oldest exchange waits."),
                &["sink"],
            )?)?,
        })
    }
}

/// Makes families and tells the registry of them.
struct Named<'a>(&'a Registry);

impl Named<'_> {
    fn opts(&self, name: &str, help: &str) -> Opts {
        Opts::new(name, help).namespace("overhear")
    }

    fn keep<C: Collector + Clone + 'static>(&self, family: C) -> prometheus::Result<C> {
        self.0.register(Box::new(family.clone()))?;
        Ok(family)
    }

    fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntCounterVec> {
        self.keep(IntCounterVec::new(self.opts(name, help), labels)?)
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        bounds: &[f64],
    ) -> prometheus::Result<HistogramVec> {
        let opts = HistogramOpts::from(self.opts(name, help)).buckets(bounds.to_vec());
        self.keep(HistogramVec::new(opts, &FEW)?)
    }

    fn of_sink(&self, what: &str, help: &str) -> prometheus::Result<IntCounterVec> {
        self.counters(&format!("export_{what}_total"), help, &["sink"])
    }

    fn build_info(&self) -> prometheus::Result<()> {
        let help = "1, with the version of this Overhear.";
        let info = self.keep(GaugeVec::new(self.opts("build_info", help), &["version"])?)?;
        info.get_metric_with_label_values(&[env!("CARGO_PKG_VERSION")])?.set(1.0);
        Ok(())
    }
}
