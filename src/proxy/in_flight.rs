//! How many flows are open.

use crate::metrics::Metrics;

/// A flow that is counted as open as long as this lives, however its task ends.
#[derive(Debug)]
pub struct InFlight(Metrics);

impl InFlight {
    /// A flow begins.
    pub fn new(metrics: &Metrics) -> Self {
        metrics.flow_opened();
        Self(metrics.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.flow_closed();
    }
}
