//! One follower of the tapes for all who look.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::dialect::{Grown, providers};
use crate::model::{App, Part, Request};
use crate::query::Product;
use crate::record::{Follow, Following, Live};
use crate::store::{Reader, short_id};
use crate::web::{LexiconOf, Settings};

/// How often tapes and capture are looked at: as often as a screen is drawn well.
const EVERY: Duration = Duration::from_millis(40);
/// How often the capture is opened anew.
const REOPEN: Duration = Duration::from_secs(2);
/// How long nobody must look before following ends: a page that is loaded again comes back.
const LINGER: Duration = Duration::from_secs(3);
/// Events that a slow looker may be behind.
const BEHIND_MAX: usize = 1024;
/// Of an answer under way, the bytes kept for who comes later.
const SAID_BYTES_MAX: usize = 256 << 10;
/// Characters of a prompt's last words.
const WORDS_CHARS: usize = 200;

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum Happened {
    /// A request came whole.
    Asked(Arc<Asked>),
    /// Its answer grew.
    Grown(Arc<GrownBy>),
    /// It ended; its row comes when it is written.
    Ended(Arc<Ended>),
    /// Rows were written.
    Written,
}

/// An exchange under way.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web::api) struct Asked {
    pub(super) id: Uuid,
    short_id: String,
    started_at: Timestamp,
    app: String,
    pub(super) user_agent: Option<String>,
    pub(super) origin: String,
    pub(super) provider: Option<&'static str>,
    method: String,
    path: String,
    pub(super) dialect: Option<&'static str>,
    pub(super) model: Option<String>,
    first_words: Option<String>,
    /// The answer so far.
    said: Vec<Said>,
    /// Whether more was said than is kept.
    #[serde(skip)]
    is_full: bool,
}

/// Words of an answer, of one kind.
#[derive(Clone, Debug, Serialize)]
struct Said {
    kind: &'static str,
    text: String,
}

/// What an answer grew by.
#[derive(Clone, Debug, Serialize)]
pub(super) struct GrownBy {
    id: Uuid,
    said: Vec<Said>,
}

/// The end of an exchange.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Ended {
    id: Uuid,
    state: &'static str,
}

/// Where lookers join.
pub(in crate::web::api) struct Hub {
    shared: Arc<HubState>,
}

struct HubState {
    capture: PathBuf,
    tapes: Option<PathBuf>,
    lexicon: LexiconOf,
    inner: Mutex<Inner>,
}

struct Inner {
    happened: broadcast::Sender<Happened>,
    under_way: BTreeMap<Uuid, Asked>,
    is_running: bool,
}

impl Hub {
    pub(in crate::web::api) fn new(settings: &Settings) -> Self {
        let inner = Inner {
            happened: broadcast::Sender::new(BEHIND_MAX),
            under_way: BTreeMap::new(),
            is_running: false,
        };
        Self {
            shared: Arc::new(HubState {
                capture: settings.capture.clone(),
                tapes: settings.tapes.clone(),
                lexicon: Arc::clone(&settings.lexicon),
                inner: Mutex::new(inner),
            }),
        }
    }

    /// What is under way, and all that happens from now on. The first one begins to follow.
    pub(super) fn join(&self) -> (Vec<Asked>, broadcast::Receiver<Happened>) {
        let mut inner = self.shared.lock();
        let joined = inner.happened.subscribe();
        if !inner.is_running {
            let shared = Arc::clone(&self.shared);
            let started =
                thread::Builder::new().name("overhear-live".into()).spawn(move || shared.follow());
            inner.is_running = started.is_ok();
        }
        (inner.under_way.values().cloned().collect(), joined)
    }

    /// Whether something is under way, as far as anybody looks.
    pub(in crate::web::api) fn is_busy(&self) -> bool {
        !self.shared.lock().under_way.is_empty()
    }
}

impl HubState {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows until nobody has looked for a while.
    fn follow(&self) {
        let _ends = Ends(self);
        crate::web::serve::yield_to_the_relay();
        let mut followed: Option<Followed> = None;
        let mut alone_since: Option<Instant> = None;
        loop {
            if self.is_over(&mut alone_since) {
                return;
            }
            if followed.is_none()
                && let Ok(reader) = Reader::open(&self.capture)
            {
                let tapes = Following::new(self.tapes.clone(), (self.lexicon)(reader.key()));
                let seq = reader.last_seq().unwrap_or_default();
                followed = Some(Followed { tapes, reader, opened: Instant::now(), seq });
            }
            if let Some(followed) = &mut followed {
                self.look(followed);
            }
            thread::sleep(EVERY);
        }
    }

    /// Whether to stop: decided under the lock under which others join.
    fn is_over(&self, alone_since: &mut Option<Instant>) -> bool {
        let mut inner = self.lock();
        if inner.happened.receiver_count() > 0 {
            *alone_since = None;
            return false;
        }
        if alone_since.get_or_insert_with(Instant::now).elapsed() < LINGER {
            return false;
        }
        inner.is_running = false;
        inner.under_way.clear();
        true
    }

    fn look(&self, followed: &mut Followed) {
        let mut gathered = Gathered::default();
        let looked = followed.tapes.look(&mut gathered, |gathered, stored| {
            let state = stored.exchange.state.as_str();
            gathered.ended.push(Ended { id: stored.exchange.id, state });
            Ok::<_, Infallible>(())
        });
        match looked {
            Ok(()) => {}
            Err(never) => match never {},
        }
        self.tell(gathered);
        if followed.has_news(&self.capture) {
            // Nobody may look just now.
            let _ = self.lock().happened.send(Happened::Written);
        }
    }

    fn tell(&self, gathered: Gathered) {
        let mut inner = self.lock();
        let Inner { happened, under_way, .. } = &mut *inner;
        // Nobody may look just now: what is under way is kept for who comes back.
        let tell = |what| drop(happened.send(what));
        // What was over before anybody could see it only comes as a row; so does, when a follower
        // begins, all that was said before on connections that are still open.
        let is_over = |id| gathered.ended.iter().any(|ended| ended.id == id);
        for asked in gathered.asked.into_iter().filter(|asked| !is_over(asked.id)) {
            under_way.insert(asked.id, asked.clone());
            tell(Happened::Asked(Arc::new(asked)));
        }
        for (id, said) in gathered.grown {
            if let Some(asked) = under_way.get_mut(&id) {
                for piece in &said {
                    asked.hear(piece.kind, &piece.text);
                }
                tell(Happened::Grown(Arc::new(GrownBy { id, said })));
            }
        }
        for ended in gathered.ended {
            if under_way.remove(&ended.id).is_some() {
                tell(Happened::Ended(Arc::new(ended)));
            }
        }
    }
}

/// Whoever comes next may begin anew, however following ended.
struct Ends<'a>(&'a HubState);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        if std::thread::panicking() {
            inner.is_running = false;
            inner.under_way.clear();
        }
    }
}

/// What is followed.
struct Followed {
    tapes: Following,
    reader: Reader,
    opened: Instant,
    /// The last row that is known.
    seq: i64,
}

impl Followed {
    /// Whether rows were written since the last time. A capture that was replaced is found when
    /// it is opened again.
    fn has_news(&mut self, capture: &Path) -> bool {
        if self.opened.elapsed() > REOPEN
            && let Ok(reader) = Reader::open(capture)
        {
            (self.reader, self.opened) = (reader, Instant::now());
        }
        let Ok(last) = self.reader.last_seq() else { return false };
        std::mem::replace(&mut self.seq, last) != last
    }
}

/// What one look at the tapes found.
#[derive(Default)]
struct Gathered {
    asked: Vec<Asked>,
    grown: BTreeMap<Uuid, Vec<Said>>,
    ended: Vec<Ended>,
}

impl Follow for Gathered {
    fn asked(&mut self, live: &Live<'_>) {
        let app = App { user_agent: live.user_agent.map(str::to_owned), ..App::default() };
        self.asked.push(Asked {
            id: live.id,
            short_id: short_id(live.id),
            started_at: live.started_at,
            app: Product::of(&app).name,
            user_agent: app.user_agent,
            origin: live.origin.to_owned(),
            provider: host_of(live.origin).and_then(providers::provider_of),
            method: live.method.to_owned(),
            path: live.path.to_owned(),
            dialect: live.dialect,
            model: live.prompt.and_then(|prompt| prompt.model.clone()),
            first_words: live.prompt.and_then(last_words),
            said: Vec::new(),
            is_full: false,
        });
    }

    fn grown(&mut self, id: Uuid, grown: Grown<'_>) {
        let (kind, text) = match grown {
            Grown::Text(text) => ("text", text),
            Grown::Reasoning(text) => ("reasoning", text),
            Grown::ToolCall(name) => ("call", name),
            Grown::Arguments(text) => ("arguments", text),
        };
        join(self.grown.entry(id).or_default(), kind, text);
    }
}

impl Asked {
    /// Keeps what was said, up to a limit.
    fn hear(&mut self, kind: &'static str, text: &str) {
        let had: usize = self.said.iter().map(|said| said.text.len()).sum();
        // Up to the first piece that does not fit: what follows it would leave a hole.
        self.is_full |= had + text.len() > SAID_BYTES_MAX;
        if !self.is_full {
            join(&mut self.said, kind, text);
        }
    }
}

/// Words of the same kind go on; each call is one of its own.
fn join(said: &mut Vec<Said>, kind: &'static str, text: &str) {
    match said.last_mut() {
        Some(last) if last.kind == kind && kind != "call" => last.text.push_str(text),
        _ => said.push(Said { kind, text: text.to_owned() }),
    }
}

/// The last words that a user said, as lists show them.
fn last_words(request: &Request) -> Option<String> {
    let messages = request.messages.iter().rev().filter(|message| message.role == "user");
    let mut texts =
        messages.flat_map(|message| message.parts.iter().rev()).filter_map(|part| match part {
            Part::Text { text } if !text.trim().is_empty() => Some(text.trim()),
            _ => None,
        });
    texts.next().map(|text| text.chars().take(WORDS_CHARS).collect())
}

/// The host of an origin, without its port.
fn host_of(origin: &str) -> Option<&str> {
    let (_, host) = origin.split_once("://")?;
    Some(host.rsplit_once(':').map_or(host, |(host, _)| host))
}
