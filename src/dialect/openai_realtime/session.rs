//! What holds for every response of a session.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::dialect::json::{self, Content, Text, record};
use crate::dialect::openai_responses::{request, tools};
use crate::dialect::{media, path_segment_after};
use crate::model::{Message, Request, Tool};

/// A session, or what one response asks for in its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    pub(super) model: Option<String>,
    instructions: Option<String>,
    tools: Vec<Tool>,
    params: Map<String, Value>,
}

record! {
    /// A session as it is sent.
    Wire {
        model: Text<'a> = "model",
        instructions: Text<'a> = "instructions",
        tools: Content<'a> = "tools",
        session: Option<&'a RawValue> = "session",
    }
    ignores ["client_secret", "object", "expires_at", "input"]
}

impl Session {
    /// The session that a path opens.
    pub(super) fn at(path: &str) -> Self {
        let model = ["model", "deployment"].into_iter().find_map(|name| field(path, name));
        Self { model: model.or_else(|| path_segment_after(path, "deployments")), ..Self::default() }
    }

    /// Takes the fields that are sent; the others stay.
    pub(super) fn merge(&mut self, raw: &RawValue) {
        let (inner, _) = json::read::<Wire<'static>, _>(raw.get(), |wire| self.take(wire));
        // A secret is asked for with the session inside. One within the other and no more,
        // so that no depth of nesting can overflow the stack.
        if let Some(inner) = inner.flatten() {
            json::read::<Wire<'static>, _>(&inner, |wire| self.take(wire));
        }
    }

    fn take(&mut self, wire: Wire<'_>) -> Option<String> {
        self.model = wire.model.own().or(self.model.take());
        self.instructions = wire.instructions.own().or(self.instructions.take());
        if !matches!(wire.tools, Content::Absent) {
            let found = tools::tools(wire.tools);
            self.tools = found.tools;
            if !found.namespaces.is_empty() {
                self.params.insert("tool_namespaces".to_owned(), found.namespaces.into());
            }
        }
        for (name, raw) in &wire.rest {
            let mut value = json::value(raw);
            media::shorten(&mut value);
            self.params.insert(name.as_str().to_owned(), value);
        }
        wire.session.map(|raw| raw.get().to_owned())
    }

    /// Whether it only writes down what is said.
    pub(super) fn only_transcribes(&self) -> bool {
        self.params.get("type").and_then(Value::as_str) == Some("transcription")
    }

    /// From here on it only writes down what is said.
    pub(super) fn transcribe(&mut self) {
        self.params.insert("type".to_owned(), "transcription".into());
    }

    /// The prompt that it is with `messages`.
    pub(super) fn ask(&self, messages: Vec<Message>) -> Request {
        Request {
            headers: Vec::new(),
            model: self.model.clone(),
            system: request::system(self.instructions.clone(), &messages),
            messages,
            tools: self.tools.clone(),
            params: self.params.clone(),
        }
    }
}

/// A field of a path's query.
fn field(path: &str, name: &str) -> Option<String> {
    let (_, query) = path.split_once('?')?;
    let mut fields = query.split('&').filter_map(|field| field.split_once('='));
    let (_, value) = fields.find(|(had, value)| *had == name && !value.is_empty())?;
    Some(value.to_owned())
}
