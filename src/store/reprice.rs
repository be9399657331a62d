//! Costs that are computed again, while a proxy may be recording.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use uuid::Uuid;

use super::{StoreError, open};
use crate::model::Cost;

/// What an exchange costs by other prices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repriced {
    /// Its place in the order of writing.
    pub seq: i64,
    /// The exchange.
    pub id: Uuid,
    /// US dollars; `None` is unknown.
    pub cost_usd: Option<f64>,
    /// Where the cost is from.
    pub cost_source: Option<Cost>,
}

/// Writes costs, and nothing else. Beside the one writer, so it writes little at once and waits
/// for its lock.
pub struct Repricer {
    conn: Connection,
}

impl Repricer {
    /// Opens the capture at `path`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { conn: open::writer(path, None)? })
    }

    /// Writes all of `batch`, in one transaction; says how many of the exchanges were there
    /// still. What a provider has reported meanwhile stays.
    pub fn write(&mut self, batch: &[Repriced]) -> Result<u64, StoreError> {
        if batch.is_empty() {
            return Ok(0);
        }
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut written = 0;
        {
            let mut statement = tx.prepare_cached(
                "UPDATE exchange SET cost_usd = ?3, cost_source = ?4
                 WHERE seq = ?1 AND id = ?2 AND cost_source IS NOT 'reported'",
            )?;
            for Repriced { seq, id, cost_usd, cost_source } in batch {
                let source = cost_source.map(Cost::as_str);
                written += statement.execute((seq, id, cost_usd, source))?;
            }
        }
        tx.commit()?;
        Ok(written as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Reader;
    use crate::store::tests::sample::{Capture, turn};

    #[test]
    fn a_cost_is_replaced_unless_it_was_reported() {
        let mut capture = Capture::new();
        let mut unpriced = turn(0);
        (unpriced.cost_usd, unpriced.cost_source) = (None, None);
        capture.write(&[unpriced, turn(1)]);
        let reader = Reader::open(&capture.path()).unwrap();
        let all = reader.written_after(&Default::default(), 0, 10).unwrap();
        let batch: Vec<_> = all
            .iter()
            .map(|had| Repriced {
                seq: had.seq,
                id: had.id,
                cost_usd: Some(0.5),
                cost_source: Some(Cost::Table),
            })
            .collect();
        assert_eq!(Repricer::open(&capture.path()).unwrap().write(&batch).unwrap(), 1);
        let costs: Vec<_> = reader
            .written_after(&Default::default(), 0, 10)
            .unwrap()
            .iter()
            .map(|had| (had.cost_usd, had.cost_source))
            .collect();
        assert_eq!(costs, [(Some(0.5), Some(Cost::Table)), (Some(0.001), Some(Cost::Reported))]);
    }
}
