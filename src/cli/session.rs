//! A proxy and its recorder, running inside this process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::page;
use super::places::Places;
use super::prices;
use super::say::Say;
use super::settings::Settings;
use super::token;
use crate::ca::Authority;
use crate::dialect::providers;
use crate::metrics::Metrics;
use crate::proxy::{self, Access, BaseUrl, Door, Engine};
use crate::record::{Beside, Capture, Lexicon, Recorder, Standing};
use crate::sink::{self, Sinks};
use crate::store::StoreError;
use crate::tape::{Budget, Place, PlaceKind, Tapes};
use crate::web::Page;

/// How long flows may take to end after whoever used them is gone.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// How long what was recorded last may take to be delivered; the rest is the next start's.
const LAST_DELIVERIES: Duration = Duration::from_secs(5);

/// Where a session listens.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// The proxy port.
    pub proxy: SocketAddr,
    /// The base URL; `None` for none.
    pub web: Option<SocketAddr>,
}

/// A running proxy.
pub struct Session {
    /// Where it listens, ports as the system gave them.
    pub listen: Listen,
    /// The token that the base URL's path must begin with, if it is open to other machines.
    pub token: Option<String>,
    /// The link that opens the page, if it is served.
    pub page_link: Option<String>,
    page: Option<Page>,
    recorder: Recorder,
    /// Names of what is delivered to.
    pub sinks: Vec<String>,
    deliveries: Option<Sinks>,
    tapes: Tapes,
    runtime_dir: Option<PathBuf>,
    stop: oneshot::Sender<()>,
    io: JoinHandle<()>,
}

impl Session {
    /// Listens and records.
    pub fn start(
        settings: Settings,
        places: &Places,
        listen: Listen,
        authority: Arc<Authority>,
        say: Say,
    ) -> Result<Self> {
        let metrics = Metrics::new()?;
        // First: a sink that cannot be used is a fault to be mended before anything runs.
        let deliveries = sinks(&settings, places, &metrics, &say)?;
        let sinks = settings.sinks.iter().map(|sink| sink.name.clone()).collect();
        let (capture, retention) = (capture(&settings, places, &say)?, settings.retention);
        let (place, runtime_dir) = tape_place(places, &say);
        let budget = place
            .capacity()
            .map_or(settings.tape_budget, |capacity| settings.tape_budget.min(capacity / 2));
        let (tapes, heard) = Tapes::new(place, Budget::new(budget));
        let notify = {
            let say = Arc::clone(&say);
            Arc::new(move |notice: crate::record::Notice| say(&notice.to_string()))
        };
        let beside = Beside {
            wake: Arc::clone(tapes.wake()),
            budget: Arc::clone(tapes.budget()),
            runtime_dir: runtime_dir.clone(),
            notify,
            metrics: metrics.clone(),
        };
        let recorder = Recorder::start(capture, retention, heard, beside)
            .context("cannot start the recorder's thread")?;
        let open = listen.web.is_some_and(|web| !web.ip().is_loopback());
        let token = open.then(|| token::kept(places.token())).transpose()?;
        let access = token.clone().map_or(Access::Loopback, Access::Token);
        let page_token = listen.web.map(|_| token::kept(places.page_token())).transpose()?;
        let page = page_token.clone().map(|word| {
            let tokens = page::Tokens { page: word, path: token.clone() };
            let metrics = metrics.clone();
            page::starter(&settings, places, &authority, tokens, metrics, Arc::clone(&say))
        });
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let for_io = tapes.clone();
        let io = thread::Builder::new().name("overhear-io".into()).spawn(move || {
            serve(Serve {
                settings,
                listen,
                authority,
                tapes: for_io,
                metrics,
                access,
                page,
                say,
                ready,
                stopped,
            });
        })?;
        let listened = started
            .recv()
            .unwrap_or_else(|_| Err(anyhow!("the proxy's thread ended before it listened")));
        let (listen, page) = match listened {
            Ok(listened) => listened,
            Err(e) => {
                recorder.finish();
                clear_away(&tapes, runtime_dir.as_deref());
                return Err(e);
            }
        };
        let page_link = page_token.zip(listen.web).map(|(token, web)| page::link(web, &token));
        Ok(Self {
            listen,
            token,
            page_link,
            page,
            recorder,
            sinks,
            deliveries,
            tapes,
            runtime_dir,
            stop,
            io,
        })
    }

    /// How the recording stands.
    pub fn standing(&self) -> &Arc<Standing> {
        self.recorder.standing()
    }

    /// Ends the flows, stores what is on the tapes, and stops.
    pub fn stop(self) {
        // Whoever used the proxy has closed its connections: their last bytes are on the way.
        thread::sleep(LAST_WORDS);
        let _ = self.stop.send(());
        // A panic there was printed when it happened.
        let _ = self.io.join();
        if let Some(page) = self.page {
            page.stop();
        }
        self.recorder.finish();
        if let Some(deliveries) = self.deliveries {
            deliveries.finish(LAST_DELIVERIES);
        }
        clear_away(&self.tapes, self.runtime_dir.as_deref());
    }
}

/// Starts to deliver, if there is anywhere to.
fn sinks(
    settings: &Settings,
    places: &Places,
    metrics: &Metrics,
    say: &Say,
) -> Result<Option<Sinks>> {
    if settings.sinks.is_empty() {
        return Ok(None);
    }
    Ok(Some(Sinks::start(&places.capture(), &settings.sinks, metrics, say)?))
}

/// Opens the capture. Where that may succeed later, forwarding begins without it.
fn capture(settings: &Settings, places: &Places, say: &Say) -> Result<Capture> {
    let bodies = settings.bodies;
    let (own, of_prices, tell) = (settings.prices.clone(), places.clone(), Arc::clone(say));
    let lexicon_of = Box::new(move |key| {
        let prices = prices::or_default(prices::open(&own, &of_prices), |words| tell(words));
        Lexicon { prices, ..Lexicon::with_bodies(key, bodies) }
    });
    let sinks = settings.sinks.iter().map(sink::Settings::sink).collect();
    let mut capture =
        Capture::new(&places.capture(), settings.durability, lexicon_of).delivering_to(sinks);
    match capture.open() {
        Ok(notice) => notice.into_iter().for_each(|notice| say(&notice.to_string())),
        // The recorder tries again, and says so.
        Err(error) if error.is_retryable() || matches!(error, StoreError::Newer { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(capture)
}

/// Takes the folders of the tapes away, each only if it is empty: another proxy may use it.
fn clear_away(tapes: &Tapes, runtime_dir: Option<&Path>) {
    tapes.place().remove_if_empty();
    for dir in runtime_dir.into_iter().flat_map(|dir| dir.ancestors().take(3)) {
        let _ = std::fs::remove_dir(dir);
    }
}

fn tape_place(places: &Places, say: &Say) -> (Place, Option<PathBuf>) {
    let runtime_dir = places.tapes();
    let place = match Place::make(runtime_dir.as_deref()) {
        Ok(place) => place,
        Err(e) => {
            say(&format!("cannot keep tapes in shared memory: {e}"));
            Place::nameless()
        }
    };
    if *place.kind() == PlaceKind::Nameless {
        say("this system has no folder in memory for tapes: what is not stored yet would be lost \
             if Overhear were killed\nhint: set XDG_RUNTIME_DIR to a folder on tmpfs");
    }
    (place, runtime_dir)
}

struct Serve {
    settings: Settings,
    listen: Listen,
    authority: Arc<Authority>,
    tapes: Tapes,
    metrics: Metrics,
    access: Access,
    page: Option<page::Starter>,
    say: Say,
    ready: mpsc::Sender<Result<(Listen, Option<Page>)>>,
    stopped: oneshot::Receiver<()>,
}

/// The I/O thread: one is enough for a machine's LLM traffic, and saves the wake-ups between
/// several.
fn serve(mut serve: Serve) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            let _ = serve.ready.send(Err(e.into()));
            return;
        }
    };
    runtime.block_on(async move {
        match begin(&mut serve) {
            Ok(Begun { engine, proxy, web, base_url, listen, page }) => {
                let _ = serve.ready.send(Ok((listen, page)));
                tokio::spawn(Arc::clone(&engine).serve_proxy(proxy));
                if let Some(web) = web {
                    tokio::spawn(engine.serve_base_url(web, base_url));
                }
                // An error means that the session was dropped: the same as being stopped.
                let _ = serve.stopped.await;
            }
            Err(e) => {
                let _ = serve.ready.send(Err(e));
            }
        }
    });
}

struct Begun {
    engine: Arc<Engine>,
    proxy: TcpListener,
    web: Option<TcpListener>,
    base_url: BaseUrl,
    listen: Listen,
    page: Option<Page>,
}

fn begin(serve: &mut Serve) -> Result<Begun> {
    let proxy = proxy::listen(serve.listen.proxy)?;
    let web = serve.listen.web.map(proxy::listen).transpose()?;
    let listen = Listen {
        proxy: proxy.local_addr()?,
        web: web.as_ref().map(TcpListener::local_addr).transpose()?,
    };
    let own = [Some(listen.proxy), listen.web].into_iter().flatten().collect();
    let say = Arc::clone(&serve.say);
    let settings = serve.settings.clone();
    let engine = Engine::new(
        proxy::Settings {
            rules: settings.rules,
            resolve: settings.resolve,
            upstream: settings.upstream,
            upstream_ca: settings.upstream_ca,
        },
        Arc::clone(&serve.authority),
        serve.tapes.clone(),
        Arc::new(move |notice| say(&notice.to_string())),
        serve.metrics.clone(),
        own,
    )?;
    let page = serve.page.take().map(|start| start(listen)).transpose()?;
    let base_url = BaseUrl {
        access: serve.access.clone(),
        short_name: providers::short_name,
        door: page.as_ref().map_or_else(|| Arc::new(drop) as Door, Page::door),
    };
    Ok(Begun { engine: Arc::new(engine), proxy, web, base_url, listen, page })
}
