//! Conversations that apps lead, one exchange after the other, into a real capture.

use std::collections::BTreeMap;

use jiff::Timestamp;
use overhear::model::{
    Annotations, App, Choice, Exchange, Message, Part, Reply, Request, State, ThreadRule, Tool,
};
use overhear::store::{Entry, Order, RawMessage, Reader, Selection, Store, StoredExchange, Texts};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A capture, and which conversation each exchange in it is of.
pub struct Stage {
    dir: tempfile::TempDir,
    store: Store,
    second: i64,
    count: u128,
    /// Exchange and conversation, in the order of asking.
    pub truth: Vec<(Uuid, String)>,
}

/// A conversation, as the app that leads it keeps it.
#[derive(Clone)]
pub struct Talk {
    /// What the app would call it, did it send ids.
    pub truth: String,
    pub agent: &'static str,
    pub system: Option<String>,
    pub tools: Vec<Tool>,
    pub messages: Vec<Message>,
    pub flow: u128,
    pub pid: Option<u32>,
    pub params: Map<String, Value>,
    pub operation: &'static str,
    pub named: Option<(String, ThreadRule)>,
}

/// What came of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    Failed,
    CutOff,
}

impl Stage {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("capture.db")).unwrap();
        Self { dir, store, second: 1_800_000_000, count: 0, truth: Vec::new() }
    }

    pub fn reader(&self) -> Reader {
        Reader::open(&self.dir.path().join("capture.db")).unwrap()
    }

    pub fn wait(&mut self, seconds: i64) {
        self.second += seconds;
    }

    /// The exchange in which `talk` sends its messages and gets `answer`; not stored yet.
    pub fn exchange(&mut self, talk: &Talk, answer: Vec<Part>, outcome: Outcome) -> StoredExchange {
        self.second += 3;
        self.count += 1;
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + self.count);
        self.truth.push((id, talk.truth.clone()));
        let state = match outcome {
            Outcome::Answered => State::Complete,
            Outcome::Failed => State::Failed,
            Outcome::CutOff => State::Interrupted,
        };
        let choices = match outcome {
            Outcome::Failed => vec![],
            _ => vec![Choice { parts: answer, finish_reason: Some("stop".into()) }],
        };
        let (thread, thread_rule) = talk.named.clone().unzip();
        let exchange = Exchange {
            id,
            flow: Uuid::from_u128(talk.flow),
            thread,
            thread_rule,
            parent: None,
            inherited: None,
            state,
            started_at: Timestamp::from_second(self.second).unwrap(),
            first_byte_ms: Some(10.0),
            first_token_ms: None,
            duration_ms: Some(2000.0),
            app: App { user_agent: Some(talk.agent.into()), process: None, pid: talk.pid },
            provider: Some("example".into()),
            dialect: Some("example".into()),
            operation: Some(talk.operation.into()),
            origin: "https://api.example.com".into(),
            method: "POST".into(),
            path: "/v1/chat".into(),
            http_version: "HTTP/1.1".into(),
            status: Some(200),
            streamed: true,
            request: Request {
                model: Some("model-1".into()),
                system: talk.system.clone(),
                messages: talk.messages.clone(),
                tools: talk.tools.clone(),
                params: talk.params.clone(),
                ..Request::default()
            },
            reply: Some(Reply {
                id: Some(format!("reply-{}", self.count)),
                choices,
                ..Reply::default()
            }),
            usage: None,
            cost_usd: None,
            cost_source: None,
            error: None,
            notes: vec![],
            annotations: Annotations::default(),
        };
        StoredExchange {
            exchange,
            place: 0,
            request: RawMessage::default(),
            reply: None,
            texts: Texts::default(),
            leaks: Vec::new(),
            is_open: false,
        }
    }

    pub fn store(&mut self, exchanges: impl IntoIterator<Item = StoredExchange>) {
        let entries: Vec<_> =
            exchanges.into_iter().map(|stored| Entry::Exchange(Box::new(stored))).collect();
        self.store.write(&entries).unwrap();
    }

    /// Asks, is answered, and both stay in the conversation.
    pub fn ask(&mut self, talk: &mut Talk, words: &str, answer: &str) -> Uuid {
        talk.say(words);
        self.answer(talk, vec![Part::text(answer)])
    }

    /// Is answered, and the answer stays in the conversation.
    pub fn answer(&mut self, talk: &mut Talk, answer: Vec<Part>) -> Uuid {
        let stored = self.exchange(talk, answer.clone(), Outcome::Answered);
        let id = stored.exchange.id;
        self.store([stored]);
        talk.messages.push(Message { role: "assistant".into(), parts: answer });
        id
    }

    /// Asks, and keeps nothing of it.
    pub fn aside(&mut self, talk: &Talk, answer: &str) -> Uuid {
        let stored = self.exchange(talk, vec![Part::text(answer)], Outcome::Answered);
        let id = stored.exchange.id;
        self.store([stored]);
        id
    }

    /// Every exchange as the capture has it.
    pub fn stored(&self) -> BTreeMap<Uuid, Exchange> {
        let reader = self.reader();
        let selection = Selection::default();
        let page = reader.list(&selection, Order::OldestFirst, None, 1_000_000).unwrap();
        let read =
            page.exchanges.iter().map(|listed| reader.exchange(listed.seq).unwrap().unwrap());
        read.map(|exchange| (exchange.id, exchange)).collect()
    }

    /// Pairs of exchanges that are together, and should be: right, too many, too few.
    pub fn pairs(&self) -> Pairs {
        let stored = self.stored();
        let mut pairs = Pairs::default();
        for (n, (id, truth)) in self.truth.iter().enumerate() {
            for (other, other_truth) in self.truth.iter().skip(n + 1) {
                match (stored[id].thread == stored[other].thread, truth == other_truth) {
                    (true, true) => pairs.right += 1,
                    (true, false) => {
                        pairs.merged += 1;
                        *pairs.wrong.entry(format!("{truth} + {other_truth}")).or_default() += 1;
                    }
                    (false, true) => {
                        pairs.split += 1;
                        *pairs.wrong.entry(format!("{truth} split")).or_default() += 1;
                    }
                    (false, false) => pairs.apart += 1,
                }
            }
        }
        pairs
    }
}

/// Pairs of exchanges, by whether they are and whether they should be in one thread.
#[derive(Debug, Default)]
pub struct Pairs {
    pub right: usize,
    pub apart: usize,
    pub merged: usize,
    pub split: usize,
    pub wrong: BTreeMap<String, usize>,
}

impl Pairs {
    /// Of the pairs in one thread, the share that should be.
    pub fn precision(&self) -> f64 {
        self.right as f64 / (self.right + self.merged).max(1) as f64
    }

    /// Of the pairs that should be in one thread, the share that is.
    pub fn recall(&self) -> f64 {
        self.right as f64 / (self.right + self.split).max(1) as f64
    }
}

impl Talk {
    pub fn new(truth: &str, agent: &'static str) -> Self {
        Self {
            truth: truth.into(),
            agent,
            system: Some("You are an agent.".into()),
            tools: vec![tool("shell"), tool("task")],
            messages: Vec::new(),
            flow: 1,
            pid: None,
            params: Map::new(),
            operation: "chat",
            named: None,
        }
    }

    /// A request beside the conversation, with a system prompt of its own and without tools.
    pub fn beside(&self, system: &str, words: &str) -> Self {
        let mut beside =
            Self { system: Some(system.into()), tools: vec![], messages: vec![], ..self.clone() };
        beside.say(words);
        beside
    }

    pub fn say(&mut self, words: &str) {
        self.messages.push(user(vec![Part::text(words)]));
    }

    pub fn result(&mut self, id: &str, words: &str) {
        self.messages.push(user(vec![result(id, words)]));
    }
}

pub fn user(parts: Vec<Part>) -> Message {
    Message { role: "user".into(), parts }
}

pub fn call(id: &str, name: &str, arguments: Value) -> Part {
    Part::ToolCall { id: Some(id.into()), name: name.into(), arguments }
}

pub fn result(id: &str, words: &str) -> Part {
    let parts = vec![Part::text(words)];
    Part::ToolResult { id: Some(id.into()), name: None, parts, is_error: None }
}

pub fn tool(name: &str) -> Tool {
    Tool { name: name.into(), description: None, schema: json!({"type": "object"}) }
}
