//! The Live API: speech, film and text in both directions over a WebSocket.
//!
//! A turn is read like this:
//! - it ends with `turnComplete`, as in Google's SDK, also after `interrupted`; and when the
//!   app sends what a function gave: then the call is the end of one answer, and the result
//!   belongs to the prompt of the next;
//! - what the app sends while the model answers belongs to the next turn;
//! - the prompt is the setup and everything said before, the model's answers included; the
//!   oldest messages are left out of long sessions;
//! - sound and film are one part each, their bytes added up; what the provider understood or
//!   said is the transcript of the sound;
//! - why it stopped is `turnCompleteReason`, or `interrupted`; most turns give no reason.
//!
//! A music session is a conversation too: its turns begin with new words for the music or with
//! `PLAY`, and end with the next such words, `PAUSE` or `STOP`.

mod history;
mod turn;
mod wire;

use std::collections::VecDeque;

use jiff::Timestamp;

use super::target::bare_model;
use super::{content, request};
use crate::dialect::json::{self, TextOr};
use crate::dialect::{Asked, Conversation, Decoded, Grown, Progress, Spoken, Turn, lossy, thread};
use crate::model::{Message, NamedThread, Part, Request};
use history::History;
use turn::{TurnSoFar, is_set};
use wire::{ClientContent, Realtime, Received, Results, Sent, ServerContent, Setup};

/// Most settings of a session that are kept: each message may bring new ones.
const SETTINGS_MAX: usize = 256;

/// A session being read.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// What holds for every turn.
    setup: Request,
    thread: Option<NamedThread>,
    /// What was said in turns that are over.
    before: History,
    /// The turns that were not taken yet, at most a few.
    turns: VecDeque<TurnSoFar>,
    next: u32,
}

impl Live {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let setup = Request::default();
        let thread = thread::thread(asked.headers, &setup.params);
        Self { setup, thread, ..Self::default() }
    }

    /// The turn that the app speaks in: the last one, until its answer comes.
    fn speaking(&mut self) -> Turn {
        match self.turns.back() {
            Some(last) if last.progress != Progress::Over && !last.has_answer => last.turn,
            _ => self.open(),
        }
    }

    /// The turn that the provider answers in: the first one that is not over.
    fn listening(&mut self) -> Turn {
        match self.turns.iter().find(|turn| turn.progress != Progress::Over) {
            Some(turn) => turn.turn,
            None => self.open(),
        }
    }

    fn open(&mut self) -> Turn {
        let turn = Turn(self.next);
        self.next = self.next.saturating_add(1);
        self.turns.push_back(TurnSoFar::new(turn));
        turn
    }

    fn find(&mut self, turn: Turn) -> Option<&mut TurnSoFar> {
        self.turns.iter_mut().find(|had| had.turn == turn)
    }

    fn ask(&mut self, turn: Turn) {
        let Self { turns, setup, before, .. } = self;
        if let Some(turn) = turns.iter_mut().find(|had| had.turn == turn) {
            turn.ask(setup, before);
        }
    }

    /// Ends a turn: what was said in it is said before the next ones.
    fn end(&mut self, turn: Turn) {
        self.ask(turn);
        let Self { turns, before, .. } = self;
        if let Some(turn) = turns.iter_mut().find(|had| had.turn == turn) {
            turn.progress = Progress::Over;
            before.append(std::mem::take(&mut turn.said));
            if let Some(message) = turn.answered() {
                before.add(message);
            }
        }
    }

    fn take_sent(&mut self, sent: Sent<'_>) -> Turn {
        for (name, raw) in &sent.rest {
            if self.setup.params.len() < SETTINGS_MAX {
                self.setup.params.insert(name.as_str().to_owned(), json::value(raw));
            }
        }
        if let Some(setup) = sent.setup {
            self.set_up(setup);
        }
        if let Some(results) = sent.results {
            return self.results(results);
        }
        let mut open = self.turns.iter().filter(|turn| turn.progress != Progress::Over);
        let answering = open.find(|turn| turn.has_answer).map(|turn| turn.turn);
        if let (Some(turn), "PAUSE" | "STOP") = (answering, sent.playback.as_str()) {
            self.end(turn);
            return turn;
        }
        let is_music = sent.content.as_ref().is_some_and(|said| !said.prompts.0.is_empty());
        if let (Some(turn), true) = (answering, is_music) {
            self.end(turn);
        }
        let turn = self.speaking();
        let goes_on = is_music && answering.is_some();
        let mut asks = sent.playback.as_str() == "PLAY" || goes_on;
        if let Some(said) = sent.content {
            asks |= is_set(&said.is_complete);
            self.said(turn, said);
        }
        if let Some(now) = sent.realtime {
            asks |= now.activity_end.is_some() || now.text.get().is_some();
            self.hear(turn, now);
        }
        if asks {
            self.ask(turn);
        }
        turn
    }

    fn set_up(&mut self, setup: Setup<'_>) {
        let into = &mut self.setup;
        into.model = setup.model.get().map(|name| bare_model(name).to_owned());
        json::keep_all(&mut into.params, &setup.rest);
        if let Some(raw) = setup.system {
            request::instruct(into, raw);
        }
        if let Some(raw) = setup.tools {
            into.tools = request::tools(raw, &mut into.params);
        }
    }

    fn said(&mut self, turn: Turn, said: ClientContent<'_>) {
        let Some(turn) = self.find(turn) else { return };
        for message in said.turns.0.into_iter().filter_map(content::message) {
            turn.say(message);
        }
        for prompt in said.prompts.0 {
            let text = Part::text(prompt.text.as_str());
            let parts = turn::with_rest(text, &prompt.rest);
            turn.say(Message { role: "user".to_owned(), parts });
        }
    }

    fn hear(&mut self, turn: Turn, now: Realtime<'_>) {
        let Some(turn) = self.find(turn) else { return };
        let chunks = now.chunks.0.into_iter().filter_map(|chunk| match chunk {
            TextOr::Object(blob) => Some(blob),
            _ => None,
        });
        for blob in chunks.chain(now.audio).chain(now.video) {
            turn::medium(blob).into_iter().for_each(|part| turn.hear(part));
        }
        if let Some(text) = now.text.own() {
            turn.hear(Part::Text { text });
        }
    }

    /// What functions gave ends the answer that called them.
    fn results(&mut self, results: Results<'_>) -> Turn {
        let over: Vec<Turn> = self
            .turns
            .iter()
            .filter(|turn| turn.has_calls && turn.progress != Progress::Over)
            .map(|turn| turn.turn)
            .collect();
        over.into_iter().for_each(|turn| self.end(turn));
        let turn = self.speaking();
        if let Some(turn) = self.find(turn) {
            let given = results.responses.0.into_iter().filter_map(|result| match result {
                TextOr::Object(outcome) => Some(content::result(outcome, 0)),
                _ => None,
            });
            turn.say(Message { role: "user".to_owned(), parts: given.collect() });
        }
        self.ask(turn);
        turn
    }

    fn take_received(
        &mut self,
        told: Received<'_>,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) -> Turn {
        let turn = self.listening();
        let brings = told.call.is_some() || told.content.as_ref().is_some_and(brings_answer);
        let is_preparing = self.find(turn).is_some_and(|turn| turn.progress == Progress::Preparing);
        if brings && is_preparing {
            self.ask(turn);
        }
        if let Some(heard) = told.content.as_ref().and_then(|content| content.heard.as_ref()) {
            self.understood(turn, heard.text.as_str());
        }
        let mut is_complete = told.content.as_ref().is_some_and(|one| is_set(&one.is_complete));
        if let Some(turn) = self.find(turn) {
            if let Some(content) = told.content {
                turn.take(content, at, grown);
            }
            if let Some(call) = told.call {
                turn.call(call.calls.0, at, grown);
            }
            if let Some(raw) = told.usage {
                turn.count(raw);
            }
            if let Some(raw) = told.error {
                turn.fail(raw);
            }
            turn.keep_all(&told.rest);
            // That nothing follows nothing is no turn.
            is_complete &= turn.progress == Progress::Answering || !turn.said.is_empty();
        }
        if is_complete {
            self.end(turn);
        }
        turn
    }

    /// Adds the words that the provider understood to the sound they are of: what interrupts
    /// an answer was spoken in the next turn.
    fn understood(&mut self, listening: Turn, words: &str) {
        let is_next = self
            .find(listening)
            .is_some_and(|turn| turn.is_interrupted || turn.has_answer && !turn.has_sound());
        let turn = match is_next {
            true => self.speaking(),
            false => listening,
        };
        if let Some(turn) = self.find(turn) {
            turn.understood(words);
        }
    }

    /// The prompt of a turn that did not ask yet.
    fn so_far(&self, turn: &TurnSoFar) -> Request {
        let messages = self.before.messages().chain(turn.said.messages()).cloned().collect();
        Request { messages, ..self.setup.clone() }
    }
}

impl Conversation for Live {
    fn sent(&mut self, message: Spoken<'_>, _: Timestamp) -> Turn {
        let text = match message {
            Spoken::Text(text) => text.into(),
            Spoken::Binary(bytes) => lossy(bytes),
        };
        let (turn, _) = json::read::<Sent<'static>, _>(&text, |sent| self.take_sent(sent));
        turn.unwrap_or_else(|| {
            let turn = self.speaking();
            self.find(turn).into_iter().for_each(TurnSoFar::is_broken);
            turn
        })
    }

    fn received(
        &mut self,
        message: Spoken<'_>,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) -> Turn {
        let text = match message {
            Spoken::Text(text) => text.into(),
            Spoken::Binary(bytes) => lossy(bytes),
        };
        let (turn, _) =
            json::read::<Received<'static>, _>(&text, |told| self.take_received(told, at, grown));
        turn.unwrap_or_else(|| {
            let turn = self.listening();
            self.find(turn).into_iter().for_each(TurnSoFar::is_broken);
            turn
        })
    }

    fn prompt(&self, turn: Turn) -> Option<&Request> {
        self.turns.iter().find(|had| had.turn == turn)?.request.as_ref()
    }

    fn progress(&self, turn: Turn) -> Progress {
        let found = self.turns.iter().find(|had| had.turn == turn);
        found.map_or(Progress::Over, |turn| turn.progress)
    }

    fn peek(&self, turn: Turn) -> Decoded {
        let Some(turn) = self.turns.iter().find(|had| had.turn == turn) else {
            return Decoded::default();
        };
        Decoded { thread: self.thread.clone(), ..turn.decoded(|| self.so_far(turn)) }
    }

    fn finish(&mut self, turn: Turn) -> Decoded {
        // What was understood since the app asked belongs to the prompt as well.
        if self.progress(turn) == Progress::Answering {
            self.ask(turn);
        }
        let decoded = self.peek(turn);
        self.turns.retain(|had| had.turn != turn);
        decoded
    }
}

fn brings_answer(content: &ServerContent<'_>) -> bool {
    content.turn.is_some() || content.said.is_some() || !content.chunks.0.is_empty()
}
