//! Exchanges delivered to other programs as they are recorded: OpenTelemetry collectors,
//! Phoenix, MLflow, Langfuse, Loki, webhooks.
//!
//! A receiver is a [`Wire`]: what an exchange looks like there, as pure functions from
//! [`Delivery`]s to bytes and from an answer to a [`Verdict`]. Everything that waits, retries
//! and remembers is `delivery/`, and is the same for all.

mod content;
mod credentials;
mod delivery;
mod ids;
mod loki;
pub mod otlp;
mod parameters;
mod settings;
mod webhook;
mod wire;

pub use content::Content;
pub use delivery::{Flushed, Notify, PostError, SinkError, Sinks, check, flush, is_served};
pub use ids::{span_id, tool_span_id, trace_id};
pub use loki::Loki;
pub use otlp::{Otlp, OtlpSettings, Profile, Semconv};
pub use settings::{Kind, Settings, SettingsError, Table, Variable, Via};
pub use webhook::{SecretError, Webhook};
pub use wire::{Answer, Delivery, Parcel, ToolRun, Trace, Verdict, Wire};
