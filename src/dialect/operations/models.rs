//! What models there are.

use super::Family;
use super::place::Place;
use super::settings::Settings;

/// `/models`.
pub(in crate::dialect) const MODELS: Family = Family {
    name: "openai.models",
    claim: |place: &Place<'_>| {
        let asks = matches!(place.method, "GET" | "DELETE") && place.resource("models").is_some();
        asks.then_some("models")
    },
    begin: || Box::new(Settings),
};

/// Anthropic's `/v1/models`.
pub(in crate::dialect) const ANTHROPIC_MODELS: Family = Family {
    name: "anthropic.models",
    claim: |place: &Place<'_>| {
        let asks = place.method == "GET" && place.anthropic("models").is_some();
        asks.then_some("models")
    },
    begin: || Box::new(Settings),
};
