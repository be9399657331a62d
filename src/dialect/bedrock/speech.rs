//! Speech in both directions at once (`invoke-with-bidirectional-stream`), as Nova Sonic has
//! it: the request is an event stream as well, each of its messages signed, which is another
//! event stream around it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::speech_wire::{Chunk, Counted, Named, Said, Spoken};
use crate::dialect::answer::Tell;
use crate::dialect::draft::{self, Draft};
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, json, lossy, media};
use crate::model::{Message, Part, Request, Tool, Usage};
use crate::observe::eventstream::{self, begins};

/// A conversation in sound being read.
pub(super) struct SpeechReading {
    draft: Draft,
    stage: Stage,
    /// What the model says it is going to say: kept where it does not come to say it.
    planned: String,
    has_spoken: bool,
    sound_bytes: u64,
    usage: Option<Box<RawValue>>,
}

/// Which words the block under way holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// What is to be said.
    Planned,
    /// What was said.
    Final,
}

impl SpeechReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let mut draft = Draft::unread(asked);
        let mut speaking = Speaking::default();
        let mut messages = eventstream::Decoder::new();
        messages.feed(asked.body, &mut |message| {
            if let Ok(message) = message {
                sent(&mut draft, &mut speaking, message);
            }
        });
        let request = &mut draft.decoded.request;
        let mut said = speaking.messages;
        said.retain(|said| !said.message.parts.is_empty());
        request.messages = said.into_iter().map(|said| said.message).collect();
        request.system = draft::system(&request.messages);
        Self {
            draft,
            stage: Stage::Final,
            planned: String::new(),
            has_spoken: false,
            sound_bytes: 0,
            usage: None,
        }
    }

    fn take(&mut self, named: Named<'_>, tell: &mut Tell<'_>) {
        if let Some(completion) = named.completion {
            self.draft.decoded.reply.id = completion.id.own();
            self.draft.threaded(completion.session.own());
            self.draft.answer(0, tell, |_, _| {});
        }
        if let Some(begin) = named.begin {
            self.stage = match begin.more.as_str().contains("SPECULATIVE") {
                true => Stage::Planned,
                false => Stage::Final,
            };
        }
        if let Some(said) = named.text {
            self.said(&said, tell);
        }
        if let Some(sound) = named.sound {
            self.sound_bytes += media::base64_bytes(sound.content.as_str());
        }
        if let Some(call) = named.call {
            let part = Part::ToolCall {
                id: call.id.own(),
                name: call.name.into_string(),
                arguments: json::arguments(call.input.into_string()),
            };
            self.draft.answer(0, tell, |answer, tell| answer.push(part, tell));
        }
        if let Some(raw) = named.usage {
            self.usage = Some(raw.to_owned());
        }
        if let Some(over) = named.over {
            let reason = over.reason.own();
            self.draft.answer(0, tell, |answer, _| answer.finish_reason = reason);
        }
        self.draft.keep_all(&named.rest);
    }

    fn said(&mut self, said: &Said<'_>, tell: &mut Tell<'_>) {
        let words = said.content.as_str();
        if said.role.as_str().eq_ignore_ascii_case("user") {
            // What the app's own sound says, as the model heard it.
            let part = Part::Audio {
                mime_type: None,
                id: said.id.own(),
                transcript: Some(words.to_owned()),
                bytes: None,
            };
            self.draft.decoded.request.messages.push(draft::user(vec![part]));
        } else if self.stage == Stage::Planned {
            self.planned.push_str(words);
        } else {
            self.has_spoken = true;
            self.draft.answer(0, tell, |answer, tell| answer.text(0, words, tell));
        }
    }
}

/// What a piece of the app is.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Sound,
}

/// What the app has said so far, block by block.
#[derive(Default)]
struct Speaking {
    messages: Vec<Saying>,
}

struct Saying {
    name: String,
    message: Message,
    /// The call that the block is the result of.
    result_of: Option<String>,
}

/// Takes a message of the app: one that is signed holds another one.
fn sent(draft: &mut Draft, speaking: &mut Speaking, message: eventstream::Message<'_>) {
    if message.header(":event-type").is_none() && begins(message.payload) {
        let mut inner = eventstream::Decoder::new();
        inner.feed(message.payload, &mut |message| {
            if let Ok(message) = message {
                chunk(draft, speaking, message.payload);
            }
        });
        return;
    }
    chunk(draft, speaking, message.payload);
}

fn chunk(draft: &mut Draft, speaking: &mut Speaking, payload: &[u8]) {
    if payload.is_empty() {
        return;
    }
    let (decoded, _) = json::read::<Chunk<'static>, _>(&lossy(payload), |chunk| {
        BASE64_STANDARD.decode(chunk.bytes.as_str()).unwrap_or_default()
    });
    let decoded = decoded.unwrap_or_default();
    draft.piece::<Spoken<'static>, _>("a message of the app", &lossy(&decoded), |draft, spoken| {
        if let Some(named) = spoken.event {
            asked(&mut draft.decoded.request, speaking, named);
        }
    });
}

fn asked(request: &mut Request, speaking: &mut Speaking, named: Named<'_>) {
    if let Some(raw) = named.session {
        request.params.insert("sessionStart".to_owned(), json::value(raw));
    }
    if let Some(prompt) = named.prompt {
        let mut rest = Map::new();
        json::keep_all(&mut rest, &prompt.rest);
        request.params.insert("promptStart".to_owned(), Value::Object(rest));
        let tools = prompt.tools.map(|tools| tools.tools.0).unwrap_or_default();
        request.tools.extend(tools.into_iter().filter_map(|tool| {
            let spec = tool.spec?;
            Some(Tool {
                name: spec.name.own()?,
                description: spec.description.own(),
                schema: spec.schema.and_then(|schema| schema.json).map(parsed).unwrap_or_default(),
            })
        }));
    }
    if let Some(begin) = named.begin {
        speaking.messages.push(Saying {
            name: begin.content.as_str().to_owned(),
            message: Message { role: begin.role.as_str().to_lowercase(), parts: Vec::new() },
            result_of: begin.result.and_then(|result| result.id.own()),
        });
    }
    for (kind, said) in
        [(Kind::Text, named.text_in), (Kind::Sound, named.sound_in), (Kind::Text, named.result)]
    {
        if let Some(said) = said {
            speaking.say(kind, &said);
        }
    }
}

/// A schema, which is sent as text.
fn parsed(schema: Value) -> Value {
    match schema {
        Value::String(text) => json::arguments(text),
        schema => schema,
    }
}

impl Speaking {
    fn say(&mut self, kind: Kind, said: &Said<'_>) {
        let name = said.name.as_str();
        let Some(saying) = self.messages.iter_mut().rfind(|saying| saying.name == name) else {
            return;
        };
        let piece = match (&saying.result_of, kind) {
            (Some(id), _) => Part::ToolResult {
                id: Some(id.clone()),
                name: None,
                parts: vec![Part::text(said.content.as_str())],
                is_error: None,
            },
            (None, Kind::Sound) => Part::Audio {
                mime_type: None,
                id: None,
                transcript: None,
                bytes: Some(media::base64_bytes(said.content.as_str())),
            },
            (None, Kind::Text) => Part::text(said.content.as_str()),
        };
        match (saying.message.parts.last_mut(), piece) {
            (Some(Part::Text { text }), Part::Text { text: piece }) => text.push_str(&piece),
            (
                Some(Part::Audio { bytes: Some(so_far), .. }),
                Part::Audio { bytes: Some(more), .. },
            ) => *so_far = so_far.saturating_add(more),
            (_, piece) => saying.message.parts.push(piece),
        }
    }
}

impl Reading for SpeechReading {
    fn prompt(&self) -> &Request {
        &self.draft.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Event(event) => {
                let mut has_grown = false;
                let (read, note) = json::read::<Spoken<'static>, _>(event.data, |spoken| {
                    if let Some(named) = spoken.event {
                        self.take(named, &mut |piece| {
                            has_grown = true;
                            grown(piece);
                        });
                    }
                });
                if read.is_none() || note.is_some() {
                    self.draft.notes.add("an event of the reply is not JSON");
                }
                if has_grown && self.draft.decoded.first_token_at.is_none() {
                    self.draft.decoded.first_token_at = Some(at);
                }
            }
            Frame::Body { body, status } if status >= 400 => {
                self.draft.fail(&lossy(body), status);
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.draft.is_complete()
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        if let Some(raw) = self.usage {
            let counted = serde_json::from_str::<Counted<'_>>(raw.get()).unwrap_or_default();
            self.draft.decoded.usage = Some(Usage {
                input: counted.input.0,
                output: counted.output.0,
                source: "provider".to_owned(),
                raw: json::value(&raw),
                ..Usage::default()
            });
        }
        let (planned, sound) = (self.planned, self.sound_bytes);
        let is_only_planned = !self.has_spoken && !planned.is_empty();
        if is_only_planned || sound > 0 {
            self.draft.answer(0, &mut |_| {}, |answer, tell| {
                if is_only_planned {
                    answer.text(0, &planned, tell);
                }
                if sound > 0 {
                    answer.push(
                        Part::Audio {
                            mime_type: None,
                            id: None,
                            transcript: None,
                            bytes: Some(sound),
                        },
                        tell,
                    );
                }
            });
        }
        if is_only_planned {
            self.draft.keep("generationStage", "SPECULATIVE".into());
        }
        self.draft.finish()
    }
}
