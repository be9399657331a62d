//! What is to be delivered to other programs, and what was.
//!
//! The writer queues an exchange in the transaction that stores it ([`Store::deliver_to`]).
//! [`Outbox`] is whoever delivers: it writes before the first byte goes out what is sent
//! together, and behind the answer what became of it. What a kill leaves in between is known to
//! be unknown.
//!
//! [`Store::deliver_to`]: super::Store::deliver_to

mod brought;
mod courier;
mod queue;
mod standing;

pub use courier::{Fate, Outbox, Pending, Placed, Unsettled};
pub use queue::{Queued, Sink};
pub use standing::SinkStanding;

pub(super) use brought::{Row, bring_over, rows_of};
pub(super) use queue::{declare, enqueue};
pub(super) use standing::all;

#[cfg(test)]
mod tests;
