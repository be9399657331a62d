//! One `CONNECT`ed flow, from its first bytes to its end.
//!
//! Upstream first (invariant 2): the app's ClientHello is read, the origin is spoken to with
//! the app's own server name and protocols, and only then is the app answered. Whatever goes
//! wrong on the way becomes a blind splice of the untouched ClientHello.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::decide::{Learned, Opening, decide, depends_on_opening};
use super::downstream::Refusal;
use super::memory::{AppKey, Reaction};
use super::notice::Notice;
use super::opening::{First, Hello, first};
use super::relay::{Copies, End, Outcome, relay};
use super::upstream::{Name, Sent};
use super::{Engine, process};
use crate::flow::{
    FlowId, Host, Mode, Opened, Origin, Passed, Process, Scheme, TlsSeen, TunnelReason, Verdict,
};

/// How long the system may take to tell a process where the answer is waited for.
const PROCESS_WITHIN: Duration = Duration::from_millis(150);
/// A flow that ends so soon after the handshake, without a byte from the app, looks like an
/// app that refuses our certificate.
const SILENT_CLOSE: Duration = Duration::from_secs(2);

/// A flow before anything of it was read.
pub struct Connected {
    /// The app's connection.
    pub app: TcpStream,
    /// What was already read from it.
    pub early: Vec<u8>,
    /// The dialled connection.
    pub upstream: TcpStream,
    /// What the app asked for.
    pub target: Origin,
    /// `User-Agent` of the `CONNECT` request.
    pub user_agent: Option<String>,
    /// The app's address and ours, by which the system knows the process.
    pub addresses: (SocketAddr, SocketAddr),
}

/// Serves the flow until both sides have ended.
pub async fn tunnel(engine: Arc<Engine>, connected: Connected) {
    let mut flow = Flow {
        flow: FlowId::now(),
        at: Timestamp::now(),
        process: None,
        target: connected.target,
        user_agent: connected.user_agent,
        engine,
    };
    let (mut app, upstream) = (connected.app, connected.upstream);
    if !depends_on_opening(&flow.target.host, &flow.engine.rules) {
        let verdict =
            decide(&flow.target.host, &Opening::Other, &Learned::Nothing, &flow.engine.rules);
        let reason = match verdict {
            Verdict::Tunnel(reason) => reason,
            Verdict::Intercept => TunnelReason::NotListed,
        };
        return flow.pass_on(app, upstream, &connected.early, reason).await;
    }
    flow.process = Some(process::look_up(connected.addresses.0, connected.addresses.1));
    let first = match first(&mut app, &upstream, connected.early).await {
        Ok(first) => first,
        // One of them was reset before the first bytes: so is the other.
        Err(_) => {
            End::plain(app).reset();
            return End::plain(upstream).reset();
        }
    };
    let (named, learned) = flow.learned(&first).await;
    match decide(&flow.target.host, &first.opening, &learned, &flow.engine.rules) {
        Verdict::Tunnel(reason) => flow.pass_on(app, upstream, &first.bytes, reason).await,
        Verdict::Intercept => match first.hello {
            Some(hello) => flow.intercept(app, upstream, first.bytes, hello, named).await,
            None => flow.relay_clear(app, upstream, &first.bytes).await,
        },
    }
}

struct Flow {
    flow: FlowId,
    at: Timestamp,
    process: Option<oneshot::Receiver<Process>>,
    target: Origin,
    user_agent: Option<String>,
    engine: Arc<Engine>,
}

impl Flow {
    /// The host by which the flow is known, and what was learned of it.
    async fn learned(&mut self, first: &First) -> (Host, Learned) {
        let named = match &first.opening {
            Opening::Tls { sni: Some(sni) } => sni.clone(),
            _ => self.target.host.clone(),
        };
        let Some(hello) = &first.hello else { return (named, Learned::Nothing) };
        let key = self.app_key(hello);
        let mut learned = self.engine.memory.of(&key, &named, Instant::now());
        if matches!(learned, Learned::Distrust(_)) {
            let pid = self.pid().await;
            if !self.engine.memory.holds_for(&key, &named, pid, Instant::now()) {
                learned = Learned::Nothing;
            }
        }
        (named, learned)
    }

    /// The process, if the system tells it soon.
    async fn pid(&mut self) -> Option<u32> {
        let found = tokio::time::timeout(PROCESS_WITHIN, self.process.as_mut()?).await;
        let process = found.ok()?.ok()?;
        let pid = process.pid;
        // Whoever asks next gets it at once.
        let (again, receiver) = oneshot::channel();
        let _ = again.send(process);
        self.process = Some(receiver);
        Some(pid)
    }

    fn app_key(&self, hello: &Hello) -> AppKey {
        AppKey { hello: hello.fingerprint, user_agent: self.user_agent.clone() }
    }

    fn opened(&self, mode: Mode, verdict: Verdict, tls: Option<TlsSeen>) -> Opened {
        let mut origin = self.target.clone();
        origin.scheme =
            if tls.is_some() || mode == Mode::Tunnel { Scheme::Https } else { Scheme::Http };
        if let Some(sni) = tls.as_ref().and_then(|tls| tls.sni.as_deref()) {
            origin.host = Host::new(sni);
        }
        Opened {
            flow: self.flow,
            at: self.at,
            mode,
            origin,
            verdict,
            tls,
            connect_user_agent: self.user_agent.clone(),
        }
    }

    /// Speaks TLS with both sides and relays what is inside.
    async fn intercept(
        mut self,
        app: TcpStream,
        upstream: TcpStream,
        hello_bytes: Vec<u8>,
        hello: Hello,
        named: Host,
    ) {
        let key = self.app_key(&hello);
        let sni = hello.accepted.client_hello().server_name().map(str::to_owned);
        let leaf = match self.engine.authority.leaf(named.as_str()) {
            Ok(leaf) => leaf,
            Err(e) => {
                self.engine.metrics.tls_failed("no_certificate");
                let reason = TunnelReason::ClientHello(e.to_string());
                return self.pass_on(app, upstream, &hello_bytes, reason).await;
            }
        };
        let sent = if sni.is_some() { Sent::Yes } else { Sent::No };
        let name = Name { host: &named, sent };
        let alpn = hello.alpn.clone().unwrap_or_default();
        let shaken = self.engine.upstream_tls.handshake(upstream, name, &alpn).await;
        let (upstream, client) = match shaken {
            Ok(shaken) => shaken,
            Err(reason) => return self.splice_anew(app, &hello_bytes, &named, reason).await,
        };
        let chosen = client.alpn_protocol().map(<[u8]>::to_vec);
        let shaken =
            self.engine.downstream_tls.handshake(app, hello, leaf, chosen.as_deref()).await;
        let (app, server) = match shaken {
            Ok(shaken) => shaken,
            Err(refusal) => return self.refused(&key, &named, refusal).await,
        };
        let tls = TlsSeen {
            sni,
            alpn: chosen.map(|alpn| String::from_utf8_lossy(&alpn).into_owned()),
            downstream_version: server.protocol_version().map(|v| format!("{v:?}")),
            upstream_version: client.protocol_version().map(|v| format!("{v:?}")),
        };
        let began = Instant::now();
        let opened = self.opened(Mode::Intercept, Verdict::Intercept, Some(tls));
        let copies =
            Copies::Tape { tape: self.engine.tapes.open(&opened), process: self.process.take() };
        let (app, upstream) = (End::tls(app, server), End::tls(upstream, client));
        let outcome = relay(app, upstream, &[], copies, &self.engine.metrics).await;
        self.judge(&key, &named, &outcome, began).await;
    }

    /// Clear text inside `CONNECT`: relayed and taped as it is.
    async fn relay_clear(mut self, app: TcpStream, upstream: TcpStream, early: &[u8]) {
        let opened = self.opened(Mode::Clear, Verdict::Intercept, None);
        let copies =
            Copies::Tape { tape: self.engine.tapes.open(&opened), process: self.process.take() };
        let (app, upstream) = (End::plain(app), End::plain(upstream));
        relay(app, upstream, early, copies, &self.engine.metrics).await;
    }

    /// The first upstream connection carried our ClientHello: the app's own goes over a new
    /// one.
    async fn splice_anew(
        self,
        app: TcpStream,
        hello_bytes: &[u8],
        named: &Host,
        reason: TunnelReason,
    ) {
        if reason == TunnelReason::ClientCertificate {
            self.engine.memory.wants_client_certificate(named, Instant::now());
        }
        (self.engine.notify)(Notice::Unread { host: named.clone(), reason: reason.clone() });
        match self.engine.dialer.dial(&self.target).await {
            Ok(upstream) => self.pass_on(app, upstream, hello_bytes, reason).await,
            // The origin is gone since: the app sees its connection end, as it would have.
            Err(_) => drop(app),
        }
    }

    /// Passes the flow on unread, and tells of it when it is over.
    async fn pass_on(
        mut self,
        app: TcpStream,
        upstream: TcpStream,
        early: &[u8],
        reason: TunnelReason,
    ) {
        let opened = self.opened(Mode::Tunnel, Verdict::Tunnel(reason), None);
        let (app, upstream) = (End::plain(app), End::plain(upstream));
        let outcome = relay(app, upstream, early, Copies::Nowhere, &self.engine.metrics).await;
        let process = self.process.as_mut().and_then(|process| process.try_recv().ok());
        self.engine.tapes.passed(Passed {
            opened,
            closed_at: Timestamp::now(),
            process,
            bytes: outcome.bytes,
            endings: outcome.endings,
        });
    }

    async fn refused(self, key: &AppKey, host: &Host, refusal: Refusal) {
        let (counted, reaction) = match refusal {
            Refusal::Alert(alert) => {
                ("app_refused", Some(Reaction::Refused(format!("alert `{alert}`"))))
            }
            Refusal::Hangup => ("app_hung_up", Some(Reaction::Hangup)),
            Refusal::Other(_) => ("app_handshake", None),
        };
        self.engine.metrics.tls_failed(counted);
        let Some(reaction) = reaction else { return };
        self.note_distrust(key, host, reaction).await;
    }

    /// Whether an app trusts us shows in whether it sends anything.
    async fn judge(self, key: &AppKey, host: &Host, outcome: &Outcome, began: Instant) {
        let reaction = match outcome.bytes {
            [0, _] if began.elapsed() < SILENT_CLOSE => {
                self.engine.metrics.tls_failed("app_silent");
                Reaction::SilentClose
            }
            [0, _] => return,
            _ => Reaction::Accepted,
        };
        self.note_distrust(key, host, reaction).await;
    }

    async fn note_distrust(mut self, key: &AppKey, host: &Host, reaction: Reaction) {
        let how = match &reaction {
            Reaction::Refused(how) => how.clone(),
            _ => "it closed the connection right after our certificate".to_owned(),
        };
        let pid = match &reaction {
            Reaction::Accepted => None,
            _ => self.pid().await,
        };
        if self.engine.memory.note((key, pid), host, reaction, Instant::now()) {
            (self.engine.notify)(Notice::Distrust {
                host: host.clone(),
                app: self.user_agent,
                how,
                remembered: true,
            });
        }
    }
}
