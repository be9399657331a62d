//! What became of a batch whose fate is unknown.

use std::time::Duration;

use jiff::Timestamp;

use super::{Bound, Courier, Fresh};
use crate::sink::wire::{Answer, Delivery};
use crate::store::{Fate, StoreError, Unsettled};

/// Why a receiver could not be asked.
enum Unasked {
    /// It is to be asked later: why, and when at the earliest.
    Later(String, Option<Duration>),
    /// It will not be, as things are.
    Stop(String),
}

impl Courier {
    /// How long it is until a batch of unknown fate can be settled; `None` if it can be now. Before
    /// then a receiver that was asked might not show yet what it took.
    pub(super) fn settles_in(&self, unsettled: &Unsettled) -> Option<Duration> {
        if !self.wire.can_be_asked() {
            return None;
        }
        let since = Timestamp::now().duration_since(unsettled.at);
        // A clock that was set back says nothing.
        let since = Duration::try_from(since).unwrap_or(Duration::MAX);
        Some(self.settings.settle().checked_sub(since)?).filter(|left| !left.is_zero())
    }

    /// Settles a batch of unknown fate: asks for each exchange, or sends the same again.
    pub(super) async fn resolve(&mut self, unsettled: Unsettled) -> Result<(), StoreError> {
        let deliveries = self.deliveries(&unsettled.seqs, Bound::None)?;
        let mut untold = Vec::new();
        for (seq, delivery) in deliveries {
            match self.ask(&delivery).await {
                // At once: whoever allows few questions is not asked the same again.
                Ok(Some(true)) => self.settle(&[(seq, Fate::Sent)])?,
                Ok(Some(false)) => self.settle(&[(seq, Fate::Waiting)])?,
                // A receiver that does not tell is treated as one that cannot be asked.
                Ok(None) => untold.push((seq, delivery)),
                Err(Unasked::Later(why, retry_after)) => return self.failed(&why, retry_after),
                Err(Unasked::Stop(why)) => return self.stop(&why),
            }
        }
        match untold.is_empty() {
            true => Ok(()),
            false => self.deliver(unsettled.batch, untold, Fresh::No).await,
        }
    }

    /// Whether the receiver has a delivery, if it tells; an error if it cannot be asked right now.
    async fn ask(&self, delivery: &Delivery) -> Result<Option<bool>, Unasked> {
        for question in self.wire.questions(delivery) {
            let asked = self.post.ask(&question).await;
            let reply = asked.map_err(|fault| Unasked::Later(fault.why, None))?;
            match reply.status {
                408 | 425 | 429 | 500.. => {
                    return Err(Unasked::Later(self.words(&reply), reply.retry_after));
                }
                401 | 403 => return Err(Unasked::Stop(self.post.hinted(self.words(&reply)))),
                _ => {}
            }
            let answer = Answer { status: reply.status, body: &reply.body };
            if let Some(has) = self.wire.has(delivery, answer) {
                return Ok(Some(has));
            }
        }
        Ok(None)
    }
}
