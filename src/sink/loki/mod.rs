//! Loki: an exchange is a line of a stream, a very long one several.
//!
//! What Loki takes: grafana/loki `pkg/distributor/validator.go` and the defaults of
//! `pkg/validation/limits.go`. Of a stream it drops lines that it has with the same time
//! (`pkg/chunkenc/unordered.go`), so sending again is harmless as long as a line is always the
//! same: nothing is in it that may change after an exchange was recorded.

mod answer;
mod labels;
mod line;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Answer, Delivery, Parcel, Verdict, Wire};

/// Writes exchanges as Loki's push API takes them.
#[derive(Clone, Debug)]
pub struct Loki {
    tenant: Option<String>,
    max_age: SignedDuration,
}

/// Age at which Loki refuses a line unless it is told otherwise (`reject_old_samples_max_age`).
const MAX_AGE: SignedDuration = SignedDuration::from_hours(168);

/// The end of a push: each stream with its lines.
#[derive(Serialize)]
struct Push {
    streams: Vec<Stream>,
}

#[derive(Serialize)]
struct Stream {
    stream: labels::Labels,
    values: Vec<(String, String, labels::Metadata)>,
}

impl Default for Loki {
    fn default() -> Self {
        Self { tenant: None, max_age: MAX_AGE }
    }
}

impl Loki {
    /// For a Loki of several tenants: whose lines these are (`X-Scope-OrgID`).
    #[must_use]
    pub fn of_tenant(self, tenant: impl Into<String>) -> Self {
        Self { tenant: Some(tenant.into()), ..self }
    }

    /// For a Loki that takes lines of another age than 168 hours.
    #[must_use]
    pub fn of_age(self, max_age: SignedDuration) -> Self {
        Self { max_age, ..self }
    }
}

impl Wire for Loki {
    fn path(&self) -> &'static str {
        "/loki/api/v1/push"
    }

    fn parcel(&self, deliveries: &[Delivery]) -> Parcel {
        let mut streams: Vec<Stream> = Vec::new();
        for delivery in deliveries {
            let exchange = &delivery.exchange;
            let labels = labels::labels(exchange);
            let pieces = line::lines(exchange);
            let ended = ended_at(delivery).as_nanosecond();
            let values = pieces.iter().zip(0_i128..).map(|(line, n)| {
                let part = (pieces.len() > 1).then(|| format!("{}/{}", n + 1, pieces.len()));
                let metadata = labels::metadata(delivery, part);
                ((ended + n).to_string(), line.clone(), metadata)
            });
            match streams.iter_mut().find(|stream| stream.stream == labels) {
                Some(stream) => stream.values.extend(values),
                None => {
                    let values = values.collect();
                    streams.push(Stream { stream: labels, values });
                }
            }
        }
        // Strings alone, so it cannot fail.
        let body = serde_json::to_vec(&Push { streams }).unwrap_or_default();
        let tenant = self.tenant.iter().map(|it| ("X-Scope-OrgID".to_owned(), it.clone()));
        Parcel { content_type: "application/json", headers: tenant.collect(), body }
    }

    fn verdict(&self, answer: Answer<'_>) -> Verdict {
        answer::verdict(answer)
    }

    fn refuses(&self, delivery: &Delivery, now: Timestamp) -> Option<String> {
        let age = now.duration_since(ended_at(delivery));
        (age > self.max_age).then(|| {
            let (age, most) = (age.as_hours(), self.max_age.as_hours());
            format!("it is {age} hours old, and Loki takes nothing that is older than {most}")
        })
    }

    fn batch_max(&self) -> usize {
        // A line may have 240 KB, and by default a push of more than 6 MB is refused however
        // slowly one sends (`ingestion_burst_size_mb`).
        16
    }
}

/// When an exchange was over, which is when it was recorded: its time in Loki, so that lines come
/// in their order, or nearly.
fn ended_at(delivery: &Delivery) -> Timestamp {
    let exchange = &delivery.exchange;
    let ms = exchange.duration_ms.or(exchange.first_byte_ms).unwrap_or_default();
    let took = SignedDuration::try_from_secs_f64(ms / 1000.0).unwrap_or_default();
    exchange.started_at.checked_add(took).unwrap_or(exchange.started_at)
}
