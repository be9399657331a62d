//! A flow of HTTP/1: requests and replies in the order in which they stand on the wire.

use jiff::Timestamp;

use super::http2::Streams;
use super::scene::Scene;
use super::socket::{Frames, Offer, Socket};
use super::{State, Told, Upgrade, Wire};
use crate::flow::Side;
use crate::observe::http1::{self, Decoder, Event, Head, Start};
use crate::observe::websocket::Extensions;
use crate::record::assemble::{Around, assemble};
use crate::record::draft::{Draft, Place};
use crate::record::reader::unwound;
use crate::record::turn::Handshake;
use crate::record::{Follow, Lexicon, exchange_id};
use crate::store::Entry;
use crate::tape::Kept;

impl State {
    pub(super) fn feed_http1(
        &mut self,
        side: Side,
        at: Timestamp,
        bytes: &[u8],
        decoders: &mut [Decoder; 2],
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        let mut told = Told::default();
        let fed = unwound(|| {
            side.of_mut(decoders).feed(bytes, &mut |event| {
                self.take_event(side, event, at, lexicon, follow, &mut told);
            });
        });
        if fed.is_err() {
            self.notes.push("a fault of Overhear's: the HTTP decoder panicked".to_owned());
            self.become_opaque(lexicon, follow);
        }
        self.exchange_words(told, decoders);
    }

    fn exchange_words(&mut self, told: Told, [requests, replies]: &mut [Decoder; 2]) {
        for method in told.asked {
            replies.asked(&method);
        }
        if told.upgraded {
            requests.upgraded();
        }
    }

    pub(super) fn take_event(
        &mut self,
        side: Side,
        event: Event<'_>,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
        told: &mut Told,
    ) {
        match (side, event) {
            (_, Event::Opaque(bytes)) => {
                self.leave_http1(bytes, lexicon, follow);
                self.take_bytes(side, at, bytes, lexicon, follow);
            }
            (_, Event::Note(note)) => self.note(side, note),
            (Side::Downstream, event) => self.request_event(event, at, lexicon, follow, told),
            (Side::Upstream, event) => self.reply_event(event, at, lexicon, follow, told),
        }
    }

    /// `bytes` are no longer HTTP/1.
    fn leave_http1(&mut self, bytes: &[u8], lexicon: &Lexicon, follow: &mut dyn Follow) {
        if !matches!(self.wire, Wire::Http1) {
            return;
        }
        let upgrade = self.upgrade.as_mut();
        if let Some((offer, begun)) = upgrade.and_then(|upgrade| upgrade.socket.take()) {
            let socket = Socket::new(offer, Frames::Chunks(self.done));
            self.wire = Wire::Socket(Box::new(socket), begun);
        } else if bytes.starts_with(b"PRI * HTTP/2.0") {
            self.end_drafts(http1::Ending::Cut, Timestamp::now(), lexicon, follow);
            self.wire = Wire::Http2(Box::new(Streams::new()));
        } else {
            self.become_opaque(lexicon, follow);
        }
    }

    fn note(&mut self, side: Side, note: http1::Note) {
        let draft = match side {
            Side::Downstream => self.drafts.back_mut(),
            Side::Upstream => self.reply_draft(),
        };
        match draft {
            Some(draft) => draft.notes.push(note.to_string()),
            None => self.notes.push(note.to_string()),
        }
    }

    fn request_event(
        &mut self,
        event: Event<'_>,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
        told: &mut Told,
    ) {
        if let Event::Wire(bytes) = event {
            return self.request_wire(at, bytes);
        }
        let Self { drafts, opened: Some(opened), .. } = self else { return };
        let Some(draft) = drafts.back_mut() else { return };
        match event {
            Event::Head(head) => {
                if let Start::Request { method, .. } = &head.start {
                    told.asked.push(method.clone());
                }
                draft.take_request_head(head, lexicon);
            }
            Event::Body(piece) => draft.request.body(piece, |_| {}),
            Event::End { how } => {
                draft.end_request(how, &opened.origin, lexicon, follow);
                self.finish_answered(lexicon, follow);
            }
            _ => {}
        }
    }

    /// Stores exchanges at the front whose reply was over before their request.
    fn finish_answered(&mut self, lexicon: &Lexicon, follow: &mut dyn Follow) {
        while let Some((how, at)) = self
            .drafts
            .front()
            .filter(|draft| draft.request.ended.is_some())
            .and_then(|draft| draft.answered)
        {
            self.finish_front(how, at, lexicon, follow);
        }
    }

    /// Takes exact bytes of the request that is under way, or of a new one.
    fn request_wire(&mut self, at: Timestamp, bytes: &[u8]) {
        let sent_before = self.done[0];
        self.done[0] += bytes.len() as u64;
        if self.drafts.back().is_none_or(|last| last.request.ended.is_some()) {
            let draft = self.new_draft(at, sent_before);
            self.drafts.push_back(draft);
        }
        if let Some(draft) = self.drafts.back_mut() {
            let since = draft.since_start(at);
            draft.request.wire(bytes, since);
            draft.last_at = at;
        }
    }

    fn new_draft(&mut self, at: Timestamp, sent_before: u64) -> Draft {
        let place = Place { place: self.place, tape_at: self.tape_at, sent_before };
        self.place += 1;
        let id = exchange_id(self.flow, place.place, at);
        Draft::new(id, at, place, std::mem::take(&mut self.found))
    }

    fn reply_event(
        &mut self,
        event: Event<'_>,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
        told: &mut Told,
    ) {
        if let Event::Wire(bytes) = event {
            let before = self.done[1];
            self.done[1] += bytes.len() as u64;
            if self.drafts.iter().all(|draft| draft.answered.is_some()) {
                // A reply to nothing: a time-out of the origin's, or a request before our time.
                let draft = self.new_draft(at, self.done[0]);
                self.drafts.push_back(draft);
            }
            if let Some(draft) = self.reply_draft() {
                draft.first_byte_at.get_or_insert(at);
                draft.answered_before.get_or_insert(before);
                draft.last_at = at;
                let since = draft.since_start(at);
                draft.reply.wire(bytes, since);
            }
            return;
        }
        if let Event::Head(head) = &event
            && matches!(head.start, Start::Reply { status: 101, .. })
        {
            told.upgraded = true;
            self.upgrade(head, lexicon, follow);
        }
        let Some(draft) = self.reply_draft() else { return };
        match event {
            Event::Head(head) => {
                draft.take_reply_head(head, lexicon, follow);
            }
            Event::Body(piece) => draft.reply_body(piece, at, lexicon, follow),
            Event::Trailers(trailers) => draft.take_trailers(trailers, at, lexicon, follow),
            Event::End { how } => {
                draft.answered = Some((how, at));
                self.finish_answered(lexicon, follow);
            }
            _ => {}
        }
    }

    /// A reply of status 101 came: what follows is another protocol.
    fn upgrade(&mut self, head: &Head, lexicon: &Lexicon, follow: &mut dyn Follow) {
        let protocol = head.values("upgrade").next().unwrap_or_default().to_owned();
        let socket = match self.drafts.front() {
            Some(draft) if protocol.eq_ignore_ascii_case("websocket") => {
                let begun = Kept {
                    from: draft.tape_at,
                    stored: [draft.sent_before, draft.answered_before.unwrap_or_default()],
                    place: u64::from(draft.place),
                };
                self.offer(head, lexicon, follow).zip(Some(begun))
            }
            _ => None,
        };
        self.upgrade = Some(Upgrade { protocol, socket });
    }

    fn offer(&mut self, head: &Head, lexicon: &Lexicon, follow: &mut dyn Follow) -> Option<Offer> {
        let draft = self.drafts.pop_front()?;
        let mut found = None;
        self.with_wire(lexicon, follow, |_, scene| found = offer(&draft, head, scene));
        self.drafts.push_front(draft);
        found
    }

    /// The draft to which the reply's next bytes belong: the first that is not answered.
    pub(super) fn reply_draft(&mut self) -> Option<&mut Draft> {
        self.drafts.iter_mut().find(|draft| draft.answered.is_none())
    }

    fn finish_front(
        &mut self,
        how: http1::Ending,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        let Some(mut draft) = self.drafts.pop_front() else { return };
        draft.end_reply(how, at, lexicon, follow);
        self.store_draft(draft, lexicon);
    }

    fn store_draft(&mut self, draft: Draft, lexicon: &Lexicon) {
        let Some(opened) = &self.opened else { return };
        let around = Around { opened, process: self.process.as_ref() };
        let (stored, mut found) = assemble(draft, &around, lexicon);
        found.next_exchange();
        self.found = found;
        self.out.push(Entry::Exchange(Box::new(stored)));
    }

    /// Ends what is still open: requests without reply, replies without end.
    pub(super) fn end_drafts(
        &mut self,
        how: http1::Ending,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        while let Some(mut draft) = self.drafts.pop_front() {
            if let (None, Some(opened)) = (draft.request.ended, &self.opened) {
                draft.end_request(how, &opened.origin, lexicon, follow);
            }
            if draft.reply.has_begun() {
                let (how, at) = draft.answered.unwrap_or((how, at));
                draft.end_reply(how, at, lexicon, follow);
            }
            self.store_draft(draft, lexicon);
        }
    }
}

/// The socket that `head`, the reply to `draft`, opens; `None` if no dialect knows it.
pub(super) fn offer(draft: &Draft, head: &Head, scene: &mut Scene<'_>) -> Option<Offer> {
    let (name, _) = draft.dialect()?;
    let host = scene.around.opened.origin.host.as_str();
    let lexicon = scene.lexicon;
    let conversation = unwound(|| {
        draft.asked(host, |asked| {
            (lexicon.claim)(asked).and_then(|(dialect, _)| dialect.converse(asked))
        })
    });
    let Ok(conversation) = conversation else {
        scene.note("a fault of Overhear's: the dialect panicked, the socket is kept raw");
        return None;
    };
    let (method, http_version) = draft.asked_for();
    let mut reply_headers = head.headers.clone();
    let mut found = draft.found.branch();
    lexicon.redactor.headers(&mut reply_headers, &mut found);
    let agreed: Vec<&str> = head.values("sec-websocket-extensions").collect();
    let status = match head.start {
        Start::Reply { status, .. } => status,
        Start::Request { .. } => 0,
    };
    Some(Offer {
        handshake: Handshake {
            dialect: name,
            method,
            path: draft.path.clone(),
            http_version,
            status,
            request_headers: draft.request_headers.clone(),
            reply_headers,
        },
        extensions: Extensions::agreed(&agreed),
        conversation: conversation?,
        found,
    })
}
