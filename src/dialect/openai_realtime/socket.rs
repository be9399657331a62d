//! A session over a WebSocket.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use super::history::{self, History};
use super::session::Session;
use super::wire::{More, Own, Sent};
use crate::dialect::json::{self, Content, Text};
use crate::dialect::openai_responses::socket::words;
use crate::dialect::openai_responses::turns::{Open, Stage, Turns};
use crate::dialect::openai_responses::wire::Told;
use crate::dialect::{
    Asked, Conversation, Decoded, Grown, Progress, Spoken, Turn, failure, thread,
};
use crate::model::{Headers, Request};

/// A session being read.
pub(super) struct Socket {
    headers: Headers,
    session: Session,
    history: History,
    turns: Turns<Asking>,
}

/// What is known of a turn besides.
#[derive(Clone, Debug, Default)]
struct Asking {
    /// The app's id of its `response.create`: an error names it.
    event_id: Option<String>,
    /// What the app asked for in place of the session, as sent.
    own: Option<Box<RawValue>>,
    /// The ids of the messages of its prompt, in order.
    items: Vec<Option<String>>,
    /// The sound that is written down, where a session only transcribes.
    sound: Option<String>,
}

impl Socket {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self {
            headers: asked.headers.clone(),
            session: Session::at(asked.path),
            history: History::default(),
            turns: Turns::default(),
        }
    }

    fn hear_app(&mut self, sent: &Sent<'_>) -> Turn {
        match sent.kind.as_str() {
            "session.update" | "transcription_session.update" => {
                self.update_session(sent.kind.as_str(), sent.session);
            }
            "conversation.item.create" => {
                if let Some(item) = sent.item {
                    self.history.create(item, sent.previous_item_id.get());
                }
            }
            "input_audio_buffer.append" | "session.input_audio_buffer.append" => {
                self.history.buffered += history::sound_bytes(sent.audio.as_str());
                if sent.kind.as_str().starts_with("session.") {
                    return self.current();
                }
            }
            "input_audio_buffer.clear" => self.history.buffered = 0,
            "response.create" => return self.ask(sent),
            "session.close"
            | "response.cancel"
            | "output_audio_buffer.clear"
            | "conversation.item.truncate" => {
                return self.current();
            }
            _ => {}
        }
        self.turns.preparing().0
    }

    fn ask(&mut self, sent: &Sent<'_>) -> Turn {
        let (turn, open) = self.turns.preparing();
        open.stage = Stage::Asked;
        open.more.event_id = sent.event_id.own();
        open.more.own = sent.response.map(RawValue::to_owned);
        self.fill(turn);
        turn
    }

    /// Fills the prompt of a turn with what the session and the conversation are now.
    fn fill(&mut self, turn: Turn) {
        let Some(open) = self.turns.get_mut(turn) else { return };
        let mut session = self.session.clone();
        let mut own_input = None;
        if let Some(own) = &open.more.own {
            session.merge(own);
            let history = &self.history;
            let (input, _) = json::read::<Own<'static>, _>(own.get(), |own| match own.input {
                Content::Blocks(raw_items) => {
                    Some(raw_items.iter().map(|raw| history::referred(history, raw)).collect())
                }
                _ => None,
            });
            own_input = input.flatten();
        }
        let messages = match own_input {
            Some(messages) => messages,
            None => {
                open.more.items = self.history.entries().map(|entry| entry.id.clone()).collect();
                let dropped = self.history.dropped();
                if dropped > 0 && open.stage == Stage::Answering {
                    open.so_far.notes.add(format!("the oldest {dropped} items are left out"));
                }
                self.history.entries().map(|entry| entry.message.clone()).collect()
            }
        };
        open.so_far.decoded.request = session.ask(messages);
        let params = &open.so_far.decoded.request.params;
        open.so_far.decoded.thread = thread::thread(&self.headers, params);
    }

    fn update_session(&mut self, kind: &str, session: Option<&RawValue>) {
        if let Some(raw) = session {
            self.session.merge(raw);
        }
        if kind.starts_with("transcription_session.") {
            self.session.transcribe();
        }
    }

    /// The turn that is under way; else the one that is being prepared.
    fn current(&mut self) -> Turn {
        let answering = self.turns.find(|open| open.stage == Stage::Answering);
        let asked = || self.turns.find(|open| open.stage == Stage::Asked);
        answering.or_else(asked).unwrap_or_else(|| self.turns.preparing().0)
    }

    fn hear(&mut self, told: Told<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) -> Turn {
        let more = More::of(&told);
        let kind = told.kind.as_str();
        let place = told.content_index.0.and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
        let previous = more.previous_item_id.get();
        match kind {
            "session.created"
            | "session.updated"
            | "transcription_session.created"
            | "transcription_session.updated" => self.update_session(kind, more.session),
            "conversation.item.created" | "conversation.item.added" | "conversation.item.done" => {
                if let Some(item) = told.item {
                    self.history.tell(item, previous);
                }
                return self.current();
            }
            "conversation.item.deleted" => self.history.delete(told.item_id.as_str()),
            "conversation.item.truncated" => {
                self.history.truncate(told.item_id.as_str(), place, more.audio_end_ms.0);
                return self.current();
            }
            "input_audio_buffer.committed" => self.history.commit(told.item_id.own(), previous),
            "input_audio_buffer.cleared" => self.history.buffered = 0,
            "rate_limits.updated" => return self.limit(more.rate_limits),
            "error" => return self.fail(&told),
            _ if kind.starts_with("conversation.item.input_audio_transcription.") => {
                return self.transcribe(told, &more, place, at, grown);
            }
            _ if kind.starts_with("session.") => return self.translate(told, at, grown),
            _ if kind.starts_with("response.") => return self.answer(told, at, grown),
            _ => {}
        }
        self.turns.preparing().0
    }

    fn answer(&mut self, told: Told<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) -> Turn {
        let named = told.response.as_ref().map_or(&told.response_id, |whole| &whole.id).get();
        let is_named =
            |open: &Open<Asking>| named.is_some() && open.so_far.answer.id.as_deref() == named;
        let found = self.turns.find(is_named);
        let asked = || self.turns.find(|open| open.stage == Stage::Asked);
        let turn = match (found, told.kind.as_str()) {
            (Some(turn), _) => turn,
            (None, "response.created") => {
                // Nobody asked: the user has stopped speaking.
                let turn = asked().unwrap_or_else(|| self.turns.preparing().0);
                if let Some(open) = self.turns.get_mut(turn) {
                    open.stage = Stage::Answering;
                }
                self.fill(turn);
                turn
            }
            (None, _) => self.current(),
        };
        if let Some(item) = told.item.filter(|_| told.kind.as_str() == "response.output_item.done")
        {
            self.history.update(item);
        }
        if let Some(open) = self.turns.get_mut(turn) {
            open.so_far.take(told, "", at, grown);
            if open.so_far.answer.is_over() {
                open.stage = Stage::Over;
            }
        }
        turn
    }

    /// An error ends the turn that it is about; any other turn goes on.
    fn fail(&mut self, told: &Told<'_>) -> Turn {
        let value = told.error.map(json::value).unwrap_or_default();
        let about = value.get("event_id").and_then(Value::as_str);
        let error = failure::of_value(&serde_json::json!({"error": value})).unwrap_or_default();
        let asked = self.turns.find(|open| {
            open.stage == Stage::Asked
                && (about.is_none() || open.more.event_id.as_deref() == about)
        });
        let answering = self.turns.find(|open| open.stage == Stage::Answering);
        let turn = match (asked, answering) {
            (Some(turn), _) => turn,
            (None, Some(turn)) => {
                if let Some(open) = self.turns.get_mut(turn) {
                    let note =
                        format!("the provider told an error: {}: {}", error.kind, error.message);
                    open.so_far.notes.add(note);
                }
                return turn;
            }
            (None, None) => self.turns.preparing().0,
        };
        if let Some(open) = self.turns.get_mut(turn) {
            open.so_far.answer.error = Some(error);
            open.stage = Stage::Over;
        }
        turn
    }

    fn limit(&mut self, limits: Option<&RawValue>) -> Turn {
        let turn = self.current();
        if let (Some(open), Some(raw)) = (self.turns.get_mut(turn), limits)
            && open.stage != Stage::Preparing
        {
            open.so_far.answer.rest.insert("rate_limits".to_owned(), json::value(raw));
        }
        turn
    }

    /// What is said in a sound of the user: it comes when the answer is under way already.
    fn transcribe(
        &mut self,
        told: Told<'_>,
        more: &More<'_>,
        place: usize,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) -> Turn {
        let id = told.item_id.as_str().to_owned();
        let is_whole = told.kind.as_str().ends_with(".completed");
        if is_whole {
            let said = told.transcript.as_str();
            self.history.transcribe(&id, place, said);
            for open in self.turns.all() {
                let at = open.more.items.iter().position(|had| had.as_deref() == Some(&id));
                let messages = &mut open.so_far.decoded.request.messages;
                if let Some(message) = at.and_then(|at| messages.get_mut(at)) {
                    history::transcribe(message, place, said);
                }
            }
        }
        if !self.session.only_transcribes() {
            return self.current();
        }
        let had = self.turns.find(|open| open.more.sound.as_deref() == Some(&*id));
        let turn = had.unwrap_or_else(|| self.turns.preparing().0);
        let prompt = self.session.ask(self.history.message(&id).cloned().into_iter().collect());
        let thread = thread::thread(&self.headers, &prompt.params);
        let Some(open) = self.turns.get_mut(turn) else { return turn };
        if open.more.sound.is_none() {
            open.stage = Stage::Answering;
            open.more.sound = Some(id);
            open.so_far.decoded.request = prompt;
            open.so_far.decoded.thread = thread;
        }
        if told.kind.as_str().ends_with(".failed") {
            open.so_far.answer.error = told
                .error
                .map(json::value)
                .and_then(|error| failure::of_value(&serde_json::json!({"error": error})));
            open.stage = Stage::Over;
            return turn;
        }
        let (name, text) = match is_whole {
            true => ("response.output_text.done", told.transcript),
            false => ("response.output_text.delta", Text::default()),
        };
        let piece = Told { text, delta: told.delta, ..Told::default() };
        open.so_far.take(piece, name, at, grown);
        if is_whole {
            if let Some(usage) = more.usage {
                open.so_far.answer.count(usage);
            }
            open.stage = Stage::Over;
        }
        turn
    }

    /// A translation is one turn, from the first word to the end of the session.
    fn translate(
        &mut self,
        told: Told<'_>,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) -> Turn {
        let turn = self.current();
        let Some(open) = self.turns.get_mut(turn) else { return turn };
        if open.stage == Stage::Preparing {
            open.stage = Stage::Answering;
            let prompt = self.session.ask(Vec::new());
            open.so_far.decoded.thread = thread::thread(&self.headers, &prompt.params);
            open.so_far.decoded.request = prompt;
        }
        match told.kind.as_str() {
            "session.closed" => open.stage = Stage::Over,
            "session.input_transcript.delta" => {
                let messages = &mut open.so_far.decoded.request.messages;
                history::hear(messages, told.delta.as_str());
            }
            "session.output_transcript.delta" => {
                let piece = Told { delta: told.delta, ..Told::default() };
                open.so_far.take(piece, "response.output_text.delta", at, grown);
            }
            _ => {}
        }
        turn
    }
}

impl Conversation for Socket {
    fn sent(&mut self, message: Spoken<'_>, _: Timestamp) -> Turn {
        let text = words(message);
        let (turn, _) = json::read::<Sent<'static>, _>(&text, |sent| self.hear_app(&sent));
        turn.unwrap_or_else(|| {
            let (turn, open) = self.turns.preparing();
            open.so_far.notes.add("a message of the app is not JSON");
            turn
        })
    }

    fn received(
        &mut self,
        message: Spoken<'_>,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) -> Turn {
        let text = words(message);
        let (turn, note) = json::read::<Told<'static>, _>(&text, |told| self.hear(told, at, grown));
        let turn = turn.unwrap_or_else(|| self.current());
        if let (Some(note), Some(open)) = (note, self.turns.get_mut(turn)) {
            open.so_far.notes.add(format!("a message of the provider {note}"));
        }
        turn
    }

    fn prompt(&self, turn: Turn) -> Option<&Request> {
        self.turns.prompt(turn)
    }

    fn progress(&self, turn: Turn) -> Progress {
        self.turns.progress(turn)
    }

    fn peek(&self, turn: Turn) -> Decoded {
        self.turns.peek(turn)
    }

    fn finish(&mut self, turn: Turn) -> Decoded {
        self.turns.finish(turn)
    }
}
