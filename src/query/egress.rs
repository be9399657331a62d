//! Where each app went, what of it was read, and why not the rest.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Filter, Pattern};
use crate::model::App;
use crate::store::{EgressRow, EgressSelection, Reader, StoreError};

/// Which flows are meant.
#[derive(Clone, Debug, Default)]
pub struct EgressFilter {
    /// Of which app, and when.
    pub flows: EgressSelection,
    /// The origin's host, or a domain that it is in.
    pub host: Option<String>,
    /// Who serves models there.
    pub provider: Option<String>,
    /// In the name of the app or of the host.
    pub words: Option<Pattern>,
}

/// An app and an origin that it went to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Egress {
    /// The app's name; empty if nothing is known of it.
    pub app: String,
    /// Where it went: `https://HOST`, with the port where it is not the scheme's own.
    pub origin: String,
    /// Its host.
    pub host: String,
    /// Who serves models there; `None` if nobody does that we know.
    pub provider: Option<String>,
    /// Connections.
    pub flows: u64,
    /// Of those, read.
    pub read: u64,
    /// Bytes from the app.
    pub bytes_up: u64,
    /// Bytes to the app.
    pub bytes_down: u64,
    /// When the first connection began.
    pub first: Timestamp,
    /// When the last one ended, or began if it goes on.
    pub last: Timestamp,
    /// Requests that were recorded, calls of models or not.
    pub exchanges: u64,
    /// What became of the connections, the most frequent first.
    pub ways: Vec<Way>,
}

/// What became of some connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Way {
    /// How their bytes came to us: `intercept`, `clear`, `base_url`, `rewritten`, `tunnel`,
    /// `imported`.
    pub mode: String,
    /// Why they were not read, as one word; `None` if they were.
    pub reason: Option<&'static str>,
    /// The same in words.
    pub words: Option<String>,
    /// What would have them read, if anything does.
    pub hint: Option<String>,
    /// How many.
    pub flows: u64,
}

/// What a filter of exchanges says of flows; the first of its conditions that says nothing of
/// them is the error.
impl TryFrom<&Filter> for EgressFilter {
    type Error = &'static str;

    fn try_from(filter: &Filter) -> Result<Self, Self::Error> {
        let unfit = [
            ("model", filter.model.is_some()),
            ("dialect", filter.dialect.is_some()),
            ("operation", filter.operation.is_some()),
            ("thread", filter.thread.is_some()),
            ("state", filter.state.is_some()),
            ("status", filter.status.is_some()),
            ("tag", filter.tag.is_some()),
            ("id", filter.id.is_some()),
            ("is:pinned", filter.pinned.is_some()),
            ("role", !filter.role.is_empty()),
            ("cost:, tokens:, duration: or first-token", !filter.at_least.is_empty()),
        ];
        if let Some((name, _)) = unfit.into_iter().find(|(_, is_given)| *is_given) {
            return Err(name);
        }
        let (app, since, until) = (filter.app.clone(), filter.since, filter.until);
        Ok(Self {
            flows: EgressSelection { app, since, until },
            host: filter.host.as_ref().map(|host| host.to_ascii_lowercase()),
            provider: filter.provider.as_ref().map(|name| name.to_ascii_lowercase()),
            words: None,
        })
    }
}

/// Where apps went: apps with the most requests first; of each, hosts that serve models first.
/// `provider_of` knows who serves models at a host.
pub fn egress(
    reader: &Reader,
    filter: &EgressFilter,
    provider_of: fn(&str) -> Option<&'static str>,
) -> Result<Vec<Egress>, StoreError> {
    let mut found: HashMap<(String, String), Egress> = HashMap::new();
    for row in reader.egress(&filter.flows)? {
        let app = App::name_of(row.user_agent.as_deref(), row.process.as_deref()).to_owned();
        let key = (app, row.origin.clone());
        let egress = found.entry(key).or_insert_with_key(|(app, origin)| {
            let host = host(origin).to_owned();
            let provider = provider_of(&host).map(str::to_owned);
            Egress {
                app: app.clone(),
                origin: origin.clone(),
                host,
                provider,
                flows: 0,
                read: 0,
                bytes_up: 0,
                bytes_down: 0,
                first: row.first,
                last: row.last,
                exchanges: 0,
                ways: Vec::new(),
            }
        });
        egress.add(row);
    }
    let mut found: Vec<Egress> =
        found.into_values().filter(|egress| filter.means(egress)).collect();
    let mut apps: HashMap<String, (u64, u64)> = HashMap::new();
    for egress in &mut found {
        egress.ways.sort_by(|a, b| b.flows.cmp(&a.flows).then_with(|| a.words.cmp(&b.words)));
        let sum = apps.entry(egress.app.clone()).or_default();
        *sum = (sum.0 + egress.exchanges, sum.1 + egress.flows);
    }
    let of_app = |egress: &Egress| apps.get(&egress.app).copied().unwrap_or_default();
    found.sort_by(|a, b| {
        let apps = of_app(b).cmp(&of_app(a)).then_with(|| a.app.cmp(&b.app));
        let models = b.provider.is_some().cmp(&a.provider.is_some());
        let much = (b.exchanges, b.flows).cmp(&(a.exchanges, a.flows));
        apps.then(models).then(much).then_with(|| a.origin.cmp(&b.origin))
    });
    Ok(found)
}

impl Egress {
    fn add(&mut self, row: EgressRow) {
        self.flows += row.flows;
        self.bytes_up = self.bytes_up.saturating_add(row.bytes_up);
        self.bytes_down = self.bytes_down.saturating_add(row.bytes_down);
        self.first = self.first.min(row.first);
        self.last = self.last.max(row.last);
        self.exchanges += row.exchanges;
        if row.reason.is_none() {
            self.read += row.flows;
        }
        // A local server is known by what it was asked for.
        self.provider = self.provider.take().or(row.provider);
        let had = self.ways.iter_mut().find(|way| way.mode == row.mode && way.words == row.reason);
        if let Some(way) = had {
            way.flows += row.flows;
            return;
        }
        self.ways.push(Way {
            mode: row.mode,
            reason: row.why.as_ref().map(|why| why.as_str()),
            hint: row.why.as_ref().and_then(|why| why.remedy(&self.host)),
            words: row.reason,
            flows: row.flows,
        });
    }
}

impl EgressFilter {
    fn means(&self, egress: &Egress) -> bool {
        let within = |domain: &String| {
            let above = egress.host.strip_suffix(domain.as_str());
            above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
        };
        let said = |words: &Pattern| {
            [&egress.app, &egress.origin].iter().any(|text| !words.lines(text, 0).is_empty())
        };
        self.host.as_ref().is_none_or(within)
            && self.provider.as_ref().is_none_or(|name| egress.provider.as_ref() == Some(name))
            && self.words.as_ref().is_none_or(said)
    }
}

/// The host of `SCHEME://HOST[:PORT]`, without the brackets of IPv6.
fn host(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    };
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Entry;
    use crate::store::tests::sample::{Capture, passed, turn};

    fn capture() -> Capture {
        let mut capture = Capture::new();
        let flows = [
            passed(7, "node", "api.example.com", None),
            passed(8, "node", "api.example.com", Some("alert")),
            passed(9, "node", "telemetry.example.net:8443", None),
            passed(10, "curl", "telemetry.example.net", None),
            passed(11, "curl", "[::1]:11434", None),
        ];
        let entries: Vec<_> = flows.map(|row| Entry::Flow(Box::new(row))).into();
        capture.store.write(&entries).unwrap();
        capture.write(&[turn(0), turn(1)]);
        capture
    }

    fn provider_of(host: &str) -> Option<&'static str> {
        (host == "api.example.com").then_some("example")
    }

    #[test]
    fn each_app_has_its_hosts_and_what_became_of_them() {
        let found = egress(&capture().reader(), &EgressFilter::default(), provider_of).unwrap();
        let rows: Vec<_> = found
            .iter()
            .map(|e| (e.app.as_str(), e.host.as_str(), e.flows, e.read, e.exchanges))
            .collect();
        assert_eq!(
            rows,
            [
                ("agent", "api.example.com", 1, 1, 2),
                ("curl", "::1", 1, 1, 0),
                ("curl", "telemetry.example.net", 1, 1, 0),
                ("node", "api.example.com", 1, 0, 0),
                ("node", "telemetry.example.net", 1, 1, 0),
            ]
        );
        let refused = &found[3];
        assert_eq!((refused.bytes_up, refused.bytes_down), (100, 1_000));
        assert_eq!(refused.ways[0].reason, Some("distrusted"));
        assert!(refused.ways[0].hint.as_ref().unwrap().contains("overhear run"));
    }

    #[test]
    fn flows_are_found_by_app_host_provider_time_and_words() {
        let capture = capture();
        let count = |change: fn(&mut EgressFilter)| {
            let mut filter = EgressFilter::default();
            change(&mut filter);
            egress(&capture.reader(), &filter, provider_of).unwrap().len()
        };
        assert_eq!(count(|filter| filter.flows.app = Some("AGENT".into())), 1);
        assert_eq!(count(|filter| filter.host = Some("example.net".into())), 2);
        assert_eq!(count(|filter| filter.host = Some("ample.net".into())), 0);
        assert_eq!(count(|filter| filter.provider = Some("example".into())), 2);
        let late = |filter: &mut EgressFilter| {
            filter.flows.since = "2026-11-24T10:00:00Z".parse().ok();
        };
        assert_eq!(count(late), 0);
        let words = |filter: &mut EgressFilter| {
            use crate::query::{Case, Syntax};
            filter.words = Pattern::new("TELE", Syntax::Literal, Case::Insensitive).ok();
        };
        assert_eq!(count(words), 2);
    }
}
