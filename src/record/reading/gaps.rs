//! What is not on the tape, and what of it was stored before.

use jiff::Timestamp;

use super::raw::{Protocol, Raw};
use super::{State, Wire};
use crate::flow::Side;
use crate::record::{Follow, Lexicon};
use crate::store::{Entry, Gap};

impl State {
    /// What of `bytes` was not stored by an earlier reader. Notes gaps.
    pub(super) fn unseen<'a>(
        &mut self,
        side: Side,
        at: Timestamp,
        offset: u64,
        bytes: &'a [u8],
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) -> Option<&'a [u8]> {
        let skip = side.of(&self.skip).saturating_sub(offset);
        let bytes = bytes.get(usize::try_from(skip).ok()?..).filter(|bytes| !bytes.is_empty())?;
        let begins = offset + skip;
        let missing = begins.saturating_sub(*side.of(&self.seen));
        if missing > 0 {
            self.note_gap(side, at, missing, lexicon, follow);
        }
        *side.of_mut(&mut self.seen) = begins + bytes.len() as u64;
        Some(bytes)
    }

    pub(super) fn note_gap(
        &mut self,
        side: Side,
        at: Timestamp,
        bytes: u64,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        self.gaps += bytes;
        // Frames cannot be followed across a gap: what is open ends here, the rest is kept raw.
        self.with_wire(lexicon, follow, |wire, scene| match wire {
            Wire::Raw(raw) => raw.gap(side, bytes, lexicon),
            Wire::Socket(socket, _) => socket.close(at, scene),
            Wire::Http2(streams) => streams.end_all(at, scene),
            Wire::Http1 => {}
        });
        *side.of_mut(&mut self.done) += bytes;
        match &self.wire {
            Wire::Socket(..) => self.become_raw(Raw::resumed(Protocol::WebSocket, self.done)),
            Wire::Http2(_) => self.become_raw(Raw::resumed(Protocol::Http2, self.done)),
            Wire::Http1 | Wire::Raw(_) => {}
        }
        let draft = match side {
            Side::Downstream => self.drafts.back_mut(),
            Side::Upstream => self.reply_draft(),
        };
        if let Some(draft) = draft {
            let half = match side {
                Side::Downstream => &mut draft.request,
                Side::Upstream => &mut draft.reply,
            };
            half.gap += bytes;
        }
        let reason = "the tape was full".to_owned();
        self.out.push(Entry::Gap(Gap { flow: self.flow, side, at, bytes, reason }));
    }
}
