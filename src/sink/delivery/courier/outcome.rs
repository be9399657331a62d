//! What an answer comes to: fates that are written down, pauses, the end of a sink, and words for
//! the user.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::super::backoff;
use super::super::post::Reply;
use super::{Courier, Fresh, Open, REFUSED_MAX};
use crate::metrics::Exported;
use crate::sink::wire::{Answer, Verdict};
use crate::store::{Fate, StoreError};

/// Failures in a row from which on the user is told: a receiver that is started anew is away for
/// a moment.
const TOLD_FROM: u32 = 3;

impl Courier {
    /// A verdict as it may be told: without our own keys, which a receiver may repeat, and with
    /// what to do.
    pub(super) fn told(&self, verdict: Verdict, reply: &Reply) -> Verdict {
        use Verdict::{Accepted, AcceptedBut, Later, Refused, Stop, TooLarge, TooLate, Unknown};
        let hide = |why: String| self.settings.hide(&why);
        match verdict {
            // A page of a login, or of an app that answers whatever the path is.
            Accepted | AcceptedBut { .. } if reply.is_page && self.wire.answers_no_pages() => {
                let why =
                    format!("{} with a page of HTML, which is no receiver's answer", reply.status);
                Stop { why: self.post.hinted(why) }
            }
            Accepted => Accepted,
            AcceptedBut { refused, why } => AcceptedBut { refused, why: hide(why) },
            Later { why } => Later { why: hide(why) },
            Unknown { why } => Unknown { why: hide(why) },
            Refused { why } => Refused { why: hide(why) },
            TooLate { why } => TooLate { why: hide(why) },
            TooLarge { why } => TooLarge { why: hide(why) },
            Stop { why } => Stop { why: self.post.hinted(hide(why)) },
        }
    }

    /// Does what an answer asks for.
    pub(super) fn heed(
        &mut self,
        seqs: &[i64],
        verdict: Verdict,
        retry_after: Option<Duration>,
        fresh: Fresh,
    ) -> Result<(), StoreError> {
        let all = |fate: &Fate| seqs.iter().map(|&seq| (seq, fate.clone())).collect::<Vec<_>>();
        match verdict {
            Verdict::Accepted => {
                self.settle(&all(&Fate::Sent))?;
                self.count(Exported::Sent, seqs.len());
                self.succeeded()
            }
            Verdict::AcceptedBut { refused, why } => {
                self.settle(&all(&Fate::Sent))?;
                // It counts spans, of which an exchange may have several.
                let refused = usize::try_from(refused).unwrap_or(usize::MAX).min(seqs.len());
                if let Some(Open { outbox, sink, .. }) = &mut self.open {
                    outbox.note_refused(*sink, refused as u64)?;
                }
                self.count(Exported::Sent, seqs.len() - refused);
                self.count(Exported::Failed, refused);
                self.say(&format!("refused {refused} of {} exchanges: {why}", seqs.len()));
                self.succeeded()
            }
            Verdict::Later { why } => {
                // That it was not taken now does not say that it was not before.
                if fresh == Fresh::Yes {
                    self.settle(&all(&Fate::Waiting))?;
                }
                self.count(Exported::Retried, seqs.len());
                self.failed(&why, retry_after)
            }
            Verdict::Unknown { why } => {
                self.count(Exported::Retried, seqs.len());
                // The receiver may have taken it only now, however long ago it was sent.
                if let Some(Open { outbox, sink, .. }) = &mut self.open {
                    outbox.doubt(*sink, seqs, Timestamp::now())?;
                }
                self.failed(&why, retry_after)
            }
            Verdict::Refused { .. } | Verdict::TooLate { .. } | Verdict::TooLarge { .. }
                if seqs.len() > 1 =>
            {
                self.settle(&all(&Fate::Waiting))?;
                self.limit = seqs.len() / 2;
                Ok(())
            }
            Verdict::TooLate { why } => {
                self.settle(&all(&Fate::Refused(why)))?;
                self.count(Exported::Failed, seqs.len());
                self.succeeded()
            }
            Verdict::TooLarge { why } => {
                self.settle(&all(&Fate::Refused(why.clone())))?;
                self.count(Exported::Failed, seqs.len());
                self.say(&format!("refused an exchange: {why}"));
                Ok(())
            }
            Verdict::Refused { why } => {
                self.settle(&all(&Fate::Refused(why.clone())))?;
                self.count(Exported::Failed, seqs.len());
                self.say(&format!("refused an exchange: {why}"));
                self.note_refused(seqs, &why)
            }
            Verdict::Stop { why } => {
                if fresh == Fresh::Yes {
                    self.settle(&all(&Fate::Waiting))?;
                }
                self.stop(&why)
            }
        }
    }

    /// Stops if it seems that everything is refused, whatever it is. What was is tried again then,
    /// behind what waits; what is refused again while others are taken is itself at fault.
    pub(super) fn note_refused(&mut self, seqs: &[i64], why: &str) -> Result<(), StoreError> {
        let Some(Open { outbox, sink, .. }) = &self.open else { return Ok(()) };
        for &seq in seqs {
            if !self.has_taken || outbox.tries(*sink, seq)? == 0 {
                self.refused.push(seq);
            }
        }
        if self.refused.len() < REFUSED_MAX {
            return Ok(());
        }
        let again: Vec<_> = self.refused.drain(..).map(|seq| (seq, Fate::Again)).collect();
        self.settle(&again)?;
        self.stop(&format!("it refuses everything: {why}"))
    }

    /// Writes down what became of exchanges, with what could not be written before.
    pub(super) fn settle(&mut self, fates: &[(i64, Fate)]) -> Result<(), StoreError> {
        self.unwritten.extend_from_slice(fates);
        let Some(Open { outbox, sink, .. }) = &mut self.open else { return Ok(()) };
        if !self.unwritten.is_empty() {
            outbox.settle(*sink, &self.unwritten, Timestamp::now())?;
            self.unwritten.clear();
        }
        Ok(())
    }

    /// Whoever resumes a sink does not wait for the pause.
    pub(super) fn heed_resume(&mut self) -> Result<(), StoreError> {
        let Some(Open { outbox, sink, .. }) = &self.open else { return Ok(()) };
        if self.failures > 0 && outbox.known(*sink)?.is_some_and(|(_, failures)| failures == 0) {
            self.failures = 0;
            self.pause = None;
        }
        Ok(())
    }

    pub(super) fn succeeded(&mut self) -> Result<(), StoreError> {
        self.limit = self.limit.saturating_mul(2).clamp(1, self.wire.batch_max());
        self.refused.clear();
        self.has_taken = true;
        self.pause = None;
        if self.failures >= TOLD_FROM {
            self.say("takes exchanges again");
        }
        self.failures = 0;
        match &mut self.open {
            Some(Open { outbox, sink, .. }) => outbox.note_try(*sink, None),
            None => Ok(()),
        }
    }

    pub(super) fn failed(
        &mut self,
        why: &str,
        retry_after: Option<Duration>,
    ) -> Result<(), StoreError> {
        self.failures = self.failures.saturating_add(1);
        let pause = backoff::pause(self.failures, retry_after, backoff::chance());
        self.pause = Some(Instant::now() + pause);
        if self.failures == TOLD_FROM {
            self.say(&format!("takes nothing right now: {why}; what is recorded waits for it"));
        }
        let at = Timestamp::now().saturating_add(pause).unwrap_or(Timestamp::MAX);
        match &mut self.open {
            Some(Open { outbox, sink, .. }) => outbox.note_try(*sink, Some((why, at))),
            None => Ok(()),
        }
    }

    pub(super) fn stop(&mut self, why: &str) -> Result<(), StoreError> {
        self.refused.clear();
        let name = &self.settings.name;
        self.say(&format!(
            "is stopped: {why}\nhint: what is recorded waits; `overhear sinks resume {name}` tries \
             again, so does the next start"
        ));
        match &mut self.open {
            Some(Open { outbox, sink, .. }) => outbox.stop(*sink, Some(why)),
            None => Ok(()),
        }
    }

    pub(super) fn count(&self, what: Exported, exchanges: usize) {
        self.metrics.exported(&self.settings.name, what, exchanges as u64);
    }

    /// How long the oldest exchange that waits has waited, for whoever reads the metrics.
    pub(super) fn note_lag(&self) -> Result<(), StoreError> {
        let Some(Open { outbox, sink, .. }) = &self.open else { return Ok(()) };
        let since = outbox.oldest(*sink)?.map(|oldest| Timestamp::now().duration_since(oldest));
        let seconds = since.map_or(0.0, |since| since.as_secs_f64().max(0.0));
        self.metrics.export_lag(&self.settings.name, seconds);
        Ok(())
    }

    pub(super) fn words(&self, reply: &Reply) -> String {
        let answer = Answer { status: reply.status, body: &reply.body };
        self.settings.hide(&crate::sink::wire::words(answer))
    }

    pub(super) fn say(&self, words: &str) {
        (self.notify)(&format!("sink `{}` {words}", self.settings.name));
    }
}
