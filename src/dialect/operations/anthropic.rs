//! Resources of Anthropic's beside the messages: skills, agents, sessions and the rest.

use super::Family;
use super::place::Place;
use super::settings::Settings;

/// Resources whose fields are settings.
const RESOURCES: [&str; 14] = [
    "skills",
    "agents",
    "sessions",
    "environments",
    "deployments",
    "deployment_runs",
    "dreams",
    "memory_stores",
    "vaults",
    "tunnels",
    "user_profiles",
    "organizations",
    "webhooks",
    "usage",
];

/// What has no family of its own.
pub(in crate::dialect) const OTHERS: Family = Family {
    name: "anthropic.other",
    claim: |place: &Place<'_>| RESOURCES.into_iter().find(|name| place.anthropic(name).is_some()),
    begin: || Box::new(Settings),
};
