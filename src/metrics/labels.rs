//! What an exchange is counted under.

use std::collections::HashSet;

use super::capped::{Capped, OTHER};
use crate::model::Exchange;

/// Most models, and most hosts, that are told apart: more than anybody uses, and few enough for
/// a dashboard.
const NAMES_MAX: usize = 100;
/// Most apps, and kinds of errors.
const APPS_MAX: usize = 50;
/// Most combinations of all labels: each is some fifty lines of an answer.
const COMBINATIONS_MAX: usize = 1000;

/// The values of the labels so far.
#[derive(Debug)]
pub(super) struct Names {
    providers: Capped,
    dialects: Capped,
    models: Capped,
    hosts: Capped,
    apps: Capped,
    errors: Capped,
    sinks: Capped,
    combinations: HashSet<Labels>,
}

/// The labels that all counters of exchanges share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Labels {
    pub(super) provider: String,
    pub(super) dialect: String,
    pub(super) model: String,
    pub(super) host: String,
    pub(super) app: String,
}

impl Names {
    pub(super) fn new() -> Self {
        Self {
            // Both are from tables of ours, which are shorter.
            providers: Capped::new(NAMES_MAX),
            dialects: Capped::new(NAMES_MAX),
            models: Capped::new(NAMES_MAX),
            hosts: Capped::new(NAMES_MAX),
            apps: Capped::new(APPS_MAX),
            errors: Capped::new(APPS_MAX),
            sinks: Capped::new(APPS_MAX),
            combinations: HashSet::new(),
        }
    }

    /// The labels of `exchange`.
    pub(super) fn labels(&mut self, exchange: &Exchange) -> Labels {
        let labels = Labels {
            provider: self.providers.of(exchange.provider.as_deref()),
            dialect: self.dialect(exchange.dialect.as_deref()),
            model: self.models.of(exchange.model()),
            host: self.hosts.of(Some(place(&exchange.origin).0)),
            app: self.apps.of(Some(exchange.app.name())),
        };
        if self.combinations.contains(&labels) {
            return labels;
        }
        if self.combinations.len() < COMBINATIONS_MAX {
            self.combinations.insert(labels.clone());
            return labels;
        }
        let [provider, dialect, model, host, app] = [(); 5].map(|()| OTHER.to_owned());
        Labels { provider, dialect, model, host, app }
    }

    pub(super) fn dialect(&mut self, dialect: Option<&str>) -> String {
        self.dialects.of(dialect)
    }

    pub(super) fn error(&mut self, kind: &str) -> String {
        self.errors.of(Some(kind))
    }

    pub(super) fn sink(&mut self, name: &str) -> String {
        self.sinks.of(Some(name))
    }
}

/// Host and port of an origin.
pub(super) fn place(origin: &str) -> (&str, Option<u16>) {
    let (scheme, authority) = origin.split_once("://").unwrap_or(("https", origin));
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => authority.split_once(':').map_or((authority, None), |(h, p)| (h, Some(p))),
    };
    let own = if scheme == "http" { 80 } else { 443 };
    (host, port.map_or(Some(own), |port| port.parse().ok()))
}

/// The class of a status: a closed set.
pub(super) fn class(status: Option<u16>) -> &'static str {
    match status {
        None => "none",
        Some(100..=199) => "1xx",
        Some(200..=299) => "2xx",
        Some(300..=399) => "3xx",
        Some(400..=499) => "4xx",
        Some(_) => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample;

    #[test]
    fn an_origin_is_a_host_and_a_port() {
        for (origin, expected) in [
            ("https://api.openai.com", ("api.openai.com", Some(443))),
            ("http://localhost:11434", ("localhost", Some(11434))),
            ("http://[::1]:8080", ("::1", Some(8080))),
            ("https://[2001:db8::1]", ("2001:db8::1", Some(443))),
            ("http://h", ("h", Some(80))),
            ("h:x", ("h", None)),
        ] {
            assert_eq!(place(origin), expected, "{origin}");
        }
    }

    #[test]
    fn combinations_are_bounded_though_each_name_is_known() {
        let mut names = Names::new();
        let mut seen = HashSet::new();
        for n in 0..NAMES_MAX * NAMES_MAX {
            let mut exchange = sample();
            exchange.request.model = Some(format!("model-{}", n % NAMES_MAX));
            exchange.origin = format!("https://host-{}", n / NAMES_MAX);
            seen.insert(names.labels(&exchange));
        }
        assert_eq!(seen.len(), COMBINATIONS_MAX + 1);
    }
}
