//! What the proxy learned of apps and hosts while it runs.
//!
//! An app that refuses our certificate must work all the same: its next connection to that
//! host is tunnelled. What one app refuses another may accept, so the memory is of both.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::decide::Learned;
use crate::flow::Host;

/// How long a refusal is remembered. Long, so that a pinning app is disturbed rarely; not for
/// ever, so that an app whose trust was mended is read again.
const REFUSAL_LASTS: Duration = Duration::from_secs(60 * 60);
/// How long it is remembered against another process of the same app: one that was started
/// anew may have been given our certificate.
const REFUSAL_LASTS_BEYOND_PROCESS: Duration = Duration::from_secs(20);
/// Connections closed right after the handshake without a byte, before they count as refusal:
/// some apps open connections that they never use.
const SILENT_CLOSES_MAX: u32 = 2;
/// Most pairs of app and host remembered; beyond it the memory starts anew.
const ENTRIES_MAX: usize = 4096;

/// Tells one app from another: what its TLS library offers and what it calls itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppKey {
    /// Hash of the ClientHello's offers.
    pub hello: u64,
    /// `User-Agent` of the `CONNECT` request.
    pub user_agent: Option<String>,
}

/// What was learned so far.
#[derive(Debug, Default)]
pub struct Memory {
    apps: Mutex<HashMap<(AppKey, Host), Entry>>,
    client_certificate: Mutex<HashMap<Host, Instant>>,
}

#[derive(Debug, Default)]
struct Entry {
    accepted: bool,
    silent_closes: u32,
    refused: Option<Refused>,
}

#[derive(Debug)]
struct Refused {
    at: Instant,
    how: String,
    pid: Option<u32>,
}

/// What an app did with our certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It sent data: it trusts us.
    Accepted,
    /// It refused: the text says how.
    Refused(String),
    /// It hung up in the handshake, saying nothing.
    Hangup,
    /// It closed after the handshake without having sent a byte.
    SilentClose,
}

impl Memory {
    /// What stands against reading `host` for this app.
    pub fn of(&self, app: &AppKey, host: &Host, now: Instant) -> Learned {
        if lock(&self.client_certificate).get(host).is_some_and(|at| fresh(*at, now)) {
            return Learned::ClientCertificate;
        }
        match lock(&self.apps).get(&(app.clone(), host.clone())).and_then(|e| e.refused.as_ref()) {
            Some(refused) if fresh(refused.at, now) => Learned::Distrust(refused.how.clone()),
            _ => Learned::Nothing,
        }
    }

    /// Whether the refusal that is remembered still holds for process `pid`.
    pub fn holds_for(&self, app: &AppKey, host: &Host, pid: Option<u32>, now: Instant) -> bool {
        let apps = lock(&self.apps);
        let entry = apps.get(&(app.clone(), host.clone()));
        entry.and_then(|entry| entry.refused.as_ref()).is_some_and(|refused| {
            let same = pid.is_none() || refused.pid.is_none() || pid == refused.pid;
            let age = now.saturating_duration_since(refused.at);
            age < if same { REFUSAL_LASTS } else { REFUSAL_LASTS_BEYOND_PROCESS }
        })
    }

    /// Notes a reaction; `true` if from now on the app's flows to the host are tunnelled.
    pub fn note(
        &self,
        (app, pid): (&AppKey, Option<u32>),
        host: &Host,
        reaction: Reaction,
        now: Instant,
    ) -> bool {
        let mut apps = lock(&self.apps);
        if apps.len() >= ENTRIES_MAX {
            apps.clear();
        }
        let entry = apps.entry((app.clone(), host.clone())).or_default();
        let how = match reaction {
            Reaction::Accepted => {
                *entry = Entry { accepted: true, ..Entry::default() };
                return false;
            }
            Reaction::Refused(how) => how,
            // An app that accepted before only changed its mind about the request.
            _ if entry.accepted => return false,
            Reaction::Hangup => "it hung up right after our certificate".to_owned(),
            Reaction::SilentClose => {
                entry.silent_closes += 1;
                if entry.silent_closes < SILENT_CLOSES_MAX {
                    return false;
                }
                "it closes right after the handshake".to_owned()
            }
        };
        entry.refused = Some(Refused { at: now, how, pid });
        entry.accepted = false;
        true
    }

    /// Notes that `host` asks for client certificates.
    pub fn wants_client_certificate(&self, host: &Host, now: Instant) {
        let mut hosts = lock(&self.client_certificate);
        if hosts.len() >= ENTRIES_MAX {
            hosts.clear();
        }
        hosts.insert(host.clone(), now);
    }
}

fn fresh(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < REFUSAL_LASTS
}

/// A map that a panic left behind is still a map.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(hello: u64) -> AppKey {
        AppKey { hello, user_agent: None }
    }

    #[test]
    fn a_refusal_is_of_one_app_and_one_host_and_lasts_an_hour() {
        let memory = Memory::default();
        let (host, now) = (Host::new("api.openai.com"), Instant::now());
        let refused = Reaction::Refused("UnknownCA".into());
        assert!(memory.note((&app(1), Some(7)), &host, refused, now));
        assert_eq!(memory.of(&app(1), &host, now), Learned::Distrust("UnknownCA".into()));
        assert_eq!(memory.of(&app(2), &host, now), Learned::Nothing);
        assert_eq!(memory.of(&app(1), &Host::new("other.example"), now), Learned::Nothing);
        assert_eq!(memory.of(&app(1), &host, now + REFUSAL_LASTS), Learned::Nothing);
    }

    #[test]
    fn a_process_started_anew_is_tried_again_soon() {
        let memory = Memory::default();
        let (host, now) = (Host::new("api.openai.com"), Instant::now());
        memory.note((&app(1), Some(7)), &host, Reaction::Hangup, now);
        let later = now + REFUSAL_LASTS_BEYOND_PROCESS;
        for (rule, pid, at, expected) in [
            ("the same process", Some(7), later, true),
            ("one that is not known", None, later, true),
            ("another one at once may be a retry", Some(8), now, true),
            ("another one later", Some(8), later, false),
        ] {
            assert_eq!(memory.holds_for(&app(1), &host, pid, at), expected, "{rule}");
        }
    }

    #[test]
    fn what_counts_as_refusal() {
        use Reaction::{Accepted, Hangup, Refused, SilentClose};
        let refused = || Refused("alert".to_owned());
        for (rule, reactions, expected) in [
            ("an alert", vec![refused()], true),
            ("a hang-up", vec![Hangup], true),
            ("one silent close may be an unused connection", vec![SilentClose], false),
            ("two in a row are not", vec![SilentClose, SilentClose], true),
            ("use in between tells otherwise", vec![SilentClose, Accepted, SilentClose], false),
            ("who accepted before may hang up", vec![Accepted, Hangup, Hangup], false),
            ("but an alert is an alert", vec![Accepted, refused()], true),
        ] {
            let memory = Memory::default();
            let (host, now) = (Host::new("h"), Instant::now());
            for reaction in reactions {
                memory.note((&app(1), None), &host, reaction, now);
            }
            let distrusts = memory.of(&app(1), &host, now) != Learned::Nothing;
            assert_eq!(distrusts, expected, "{rule}");
        }
    }
}
