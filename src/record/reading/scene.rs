//! What the reading of one socket or stream needs of its flow.

use jiff::Timestamp;
use uuid::Uuid;

use crate::flow::FlowId;
use crate::record::assemble::Around;
use crate::record::{Follow, Lexicon, exchange_id};
use crate::store::Entry;

/// What the reading of one socket needs of its flow.
pub(super) struct Scene<'a> {
    pub(super) flow: FlowId,
    /// Place of the flow's next exchange.
    pub(super) place: &'a mut u32,
    pub(super) around: Around<'a>,
    pub(super) lexicon: &'a Lexicon,
    pub(super) follow: &'a mut dyn Follow,
    pub(super) out: &'a mut Vec<Entry>,
    /// The flow's notes.
    pub(super) notes: &'a mut Vec<String>,
}

/// Most notes of one flow: a socket may be wrong in every frame.
const NOTES_MAX: usize = 64;

impl Scene<'_> {
    /// Notes of the flow, each once.
    pub(super) fn note(&mut self, note: &str) {
        if self.notes.len() < NOTES_MAX && !self.notes.iter().any(|had| had == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// The id and place of an exchange that begins now.
    pub(super) fn next_exchange(&mut self, at: Timestamp) -> (Uuid, u32) {
        let place = *self.place;
        *self.place += 1;
        (exchange_id(self.flow, place, at), place)
    }
}
