//! `overhear prices apply`: costs of what was recorded, by today's tables.

use std::path::Path;

use anyhow::Result;
use jiff::Zoned;

use crate::cli::filters::FilterArgs;
use crate::cli::printer::{ExitStatus, Printer};
use crate::cli::stats::grouped;
use crate::model::Cost;
use crate::price::Prices;
use crate::store::{Order, Reader, Repriced, Repricer};

/// Exchanges read before what changed of them is written, in one short transaction.
const PAGE: usize = 64;

/// Computes the costs of what `filters` mean again, but for those that a provider reported.
pub(super) fn apply(
    filters: &FilterArgs,
    capture: &Path,
    prices: &Prices,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let reader = Reader::open(capture)?;
    let selection = filters.filter(&Zoned::now())?.selection(&reader)?;
    let mut writer = Repricer::open(capture)?;
    let (mut looked_at, mut changed, mut after) = (0, 0, None);
    loop {
        let page = reader.list(&selection, Order::OldestFirst, after, PAGE)?;
        let mut batch = Vec::new();
        for listed in &page.exchanges {
            let is_counted = listed.usage.input.is_some() || listed.usage.output.is_some();
            if listed.cost_source == Some(Cost::Reported) || !is_counted {
                continue;
            }
            let Some(exchange) = reader.exchange(listed.seq)? else { continue };
            looked_at += 1;
            let priced = prices.price(&exchange).ok();
            let (cost_usd, cost_source) = priced.map(|had| (had.usd, had.source)).unzip();
            if (cost_usd, cost_source) != (listed.cost_usd, listed.cost_source) {
                batch.push(Repriced { seq: listed.seq, id: listed.id, cost_usd, cost_source });
            }
        }
        changed += writer.write(&batch)?;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    out.talk(format_args!(
        "{} of {} costs changed; what providers reported stays",
        grouped(changed),
        grouped(looked_at)
    ));
    Ok(if looked_at == 0 { ExitStatus::NothingFound } else { ExitStatus::Found })
}
