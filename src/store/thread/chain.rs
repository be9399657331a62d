//! The chain: a hash after each message of a conversation, of all that was said until then.
//!
//! An exchange keeps the hashes at the end of its request and of its answer. Another one whose
//! chain passes through the latter goes on from there.

use std::collections::HashMap;
use std::sync::Arc;

use super::said::{self, Piece, Voice};
use super::sum::{Point, Sum};
use crate::model::{Exchange, Part};
use crate::store::contents::Contents;

/// Most messages whose pieces are remembered: those of some long conversations at a time.
const REMEMBERED_MAX: usize = 1 << 16;

/// Makes chains. What is sent again is not read again.
pub(super) struct Chains {
    point: Point,
    key: [u8; 32],
    remembered: HashMap<i64, Arc<[Piece]>>,
}

/// The chain of an exchange.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    /// After each message of the request.
    pub(super) steps: Vec<Step>,
    /// At the end of the answer, if there is one.
    pub(super) answered: Option<i64>,
    /// Of the answer alone.
    pub(super) answer: Option<i64>,
    /// Of each answer in the request alone, oldest first.
    pub(super) answers: Vec<i64>,
    /// Of what the user says first, alone.
    pub(super) opening: Option<i64>,
}

/// A place in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Of all until here.
    pub(super) hash: i64,
    /// Who spoke last; `None` before the first word.
    pub(super) last: Option<Voice>,
    /// Answers until here.
    pub(super) answers: usize,
}

impl Chain {
    /// The hash at the end of the request; `None` if it says nothing.
    pub(super) fn asked(&self) -> Option<i64> {
        self.steps.last().filter(|step| step.last.is_some()).map(|step| step.hash)
    }

    /// The place of the last answer in the request: index of its message, and step.
    pub(super) fn base(&self) -> Option<(usize, Step)> {
        let mut steps = self.steps.iter().copied().enumerate().rev();
        steps.find(|(at, step)| {
            let before = at.checked_sub(1).and_then(|at| self.steps.get(at));
            step.last == Some(Voice::Model) && before.is_none_or(|before| before.hash != step.hash)
        })
    }

    /// Whether there is no answer in the request: it may begin a conversation.
    pub(super) fn is_opening(&self) -> bool {
        self.answers.is_empty()
    }
}

impl Chains {
    /// Chains of the capture with `key`.
    pub(super) fn new(key: [u8; 32]) -> Self {
        let random = blake3::keyed_hash(&key, b"thread");
        let [a, b, c, d, e, f, g, h, ..] = *random.as_bytes();
        let point = Point::new([a, b, c, d, e, f, g, h]);
        Self { point, key, remembered: HashMap::new() }
    }

    /// Where sums are made.
    pub(super) fn point(&self) -> &Point {
        &self.point
    }

    /// Rows of messages may be others from now on.
    pub(super) fn forget(&mut self) {
        self.remembered.clear();
    }

    /// The chain of an exchange whose messages are the rows of `contents`.
    pub(super) fn of(&mut self, exchange: &Exchange, contents: &Contents) -> Chain {
        let mut links = Links::new(self.key, app(exchange));
        let mut chain = Chain::default();
        let messages = exchange.request.messages.iter().zip(&contents.messages);
        for (message, id) in messages {
            for piece in self.pieces(*id, &message.role, &message.parts).iter() {
                links.push(&self.point, *piece);
            }
            chain.steps.push(links.step());
        }
        let choices = exchange.reply.iter().flat_map(|reply| &reply.choices);
        if let Some((choice, id)) = choices.zip(&contents.choices).next() {
            let pieces = self.pieces(*id, "assistant", &choice.parts);
            if !pieces.is_empty() {
                let mut alone = Links::new(self.key, "");
                pieces.iter().for_each(|piece| alone.push(&self.point, *piece));
                chain.answer = Some(alone.hash());
                pieces.iter().for_each(|piece| links.push(&self.point, *piece));
                chain.answered = Some(links.hash());
            }
        }
        (chain.answers, chain.opening) = self.runs(exchange, contents);
        chain
    }

    /// The hash of each answer alone, and that of the user's first words.
    fn runs(&mut self, exchange: &Exchange, contents: &Contents) -> (Vec<i64>, Option<i64>) {
        let (mut answers, mut opening) = (Vec::new(), None);
        let mut run = Links::new(self.key, "");
        let mut voice = None;
        let mut end = |voice: Option<Voice>, run: &mut Links| {
            match voice {
                Some(Voice::Model) => answers.push(run.hash()),
                Some(Voice::User) if opening.is_none() => opening = Some(run.hash()),
                _ => {}
            }
            run.restart();
        };
        for (message, id) in exchange.request.messages.iter().zip(&contents.messages) {
            for piece in self.pieces(*id, &message.role, &message.parts).iter() {
                if voice.is_some_and(|voice| voice != piece.voice()) {
                    end(voice, &mut run);
                }
                voice = Some(piece.voice());
                run.push(&self.point, *piece);
            }
        }
        end(voice, &mut run);
        (answers, opening)
    }

    fn pieces(&mut self, id: i64, role: &str, parts: &[Part]) -> Arc<[Piece]> {
        if let Some(pieces) = self.remembered.get(&id) {
            return Arc::clone(pieces);
        }
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        let pieces: Arc<[Piece]> = said::pieces(role, parts, &self.point).into();
        self.remembered.insert(id, Arc::clone(&pieces));
        pieces
    }
}

/// What an app is called in every one of its requests: the first product of its user agent,
/// without the version. The process is not told in time, and differs when a session goes on
/// the next day.
pub(super) fn app(exchange: &Exchange) -> &str {
    let agent = exchange.app.user_agent.as_deref().unwrap_or_default();
    agent.split(['/', ' ', '(']).next().unwrap_or_default()
}

/// Hashes piece after piece. The last text is held back: the next piece may go on with it.
struct Links {
    key: [u8; 32],
    begin: u64,
    state: u64,
    text: Option<(Voice, Sum)>,
    last: Option<Voice>,
    answers: usize,
}

impl Links {
    fn new(key: [u8; 32], app: &str) -> Self {
        let begin = first_eight(&blake3::keyed_hash(&key, app.to_ascii_lowercase().as_bytes()));
        Self { key, begin, state: begin, text: None, last: None, answers: 0 }
    }

    fn restart(&mut self) {
        (self.state, self.text, self.last, self.answers) = (self.begin, None, None, 0);
    }

    fn push(&mut self, point: &Point, piece: Piece) {
        let voice = piece.voice();
        self.answers += usize::from(voice == Voice::Model && self.last != Some(Voice::Model));
        self.last = Some(voice);
        match (piece, self.text) {
            (Piece::Text(voice, sum), Some((had, before))) if had == voice => {
                self.text = Some((voice, point.joined(before, sum)));
            }
            (Piece::Text(voice, sum), _) => {
                self.state = self.now();
                self.text = Some((voice, sum));
            }
            (Piece::Thing(voice, sum), _) => {
                let state = self.now();
                self.state = self.mixed(state, "thing", voice, sum);
                self.text = None;
            }
        }
    }

    fn step(&self) -> Step {
        Step { hash: self.hash(), last: self.last, answers: self.answers }
    }

    fn hash(&self) -> i64 {
        self.now().cast_signed()
    }

    fn now(&self) -> u64 {
        match self.text {
            Some((voice, sum)) => self.mixed(self.state, "text", voice, sum),
            None => self.state,
        }
    }

    fn mixed(&self, state: u64, kind: &str, voice: Voice, sum: Sum) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&state.to_le_bytes());
        hasher.update(kind.as_bytes());
        hasher.update(match voice {
            Voice::User => b"u",
            Voice::Model => b"m",
            Voice::Tool => b"t",
        });
        hasher.update(&sum.value.to_le_bytes());
        hasher.update(&sum.length.to_le_bytes());
        first_eight(&hasher.finalize())
    }
}

fn first_eight(hash: &blake3::Hash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
